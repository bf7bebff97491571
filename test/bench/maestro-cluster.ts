/**
 * Three maestro containers as one, on three addresses of loopback with real etcds: their start, and how long it
 * takes until the next one runs maestro.
 *
 * Times end with what a member logs. maestro and maestro_ctrl are the scripts of maestro.ts, which take next to
 * nothing. With 10,000 hosts, a maestro_ctrl of our own sets the whole file as one key: the real one sets some 80,000.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { put } from '../standins/etcd.ts';
import { freePort } from '../support/etcd.ts';
import { clusterOf, processesOf } from '../support/maestro.ts';
import { program, run, start, until } from '../support/program.ts';
import type { Site } from '../support/site.ts';
import { follow, lacking, type MaestroPlace, makeMaestroPlace, stop } from './maestro.ts';
import { inMs, largest, leftOut, median, now, type Part, progress, table } from './table.ts';

const title = 'three maestros as one';
const mostRounds = 8;
const startLimitMs = 1500;
const handOverLimitMs = 300;
const lossLimitMs = 5000;
// Between two starts, where they are not at once.
const staggerMs = 300;
// What all times here follow from: LDMS_ENTRYPOINT_MAESTRO_LEASE as it is by default.
const leaseMs = 2000;
const deadlineMs = 60_000;
const largeDeadlineMs = 90_000;
const addresses = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];
const hosts = 10_000;
// The second is of a member that comes when another leads already.
const tellsLeader = / leads now| leads; this member/;
const bigValueBytes = 3_000_000;

// --prefix NAME --cluster FILE --ldms_config FILE
const inOneKey = `#!/bin/sh
url=http://$(sed -n 's/.*host: //p' "$4" | tr -d '"'):$(sed -n 's/.*port: //p' "$4")
put() { { printf '{"key": "%s", "value": "' "$(printf %s "$1" | base64 -w0)"; base64 -w0; printf '"}'; } | curl -sf -o /dev/null --data-binary @- "$url/v3/kv/put"; }
put "/$2/daemons/file" < "$6" &&
date +%s.%N | put "/$2/last_updated" &&
echo 'LDMS cluster configuration saved to etcd cluster.'
`;

interface Member extends MaestroPlace {
  readonly name: string;
  child: ChildProcess;
  log: ReturnType<typeof follow>;
}

/** Measures starts, changes of leader, and a large configuration. */
export async function severalMaestros(rounds: number): Promise<Part> {
  const lack = lacking();
  if (lack !== undefined) return leftOut(title, lack);
  const members = await makeMembers();
  try {
    const changes = await changesOf(members, Math.min(rounds, mostRounds));
    await stopAll(members);
    const large = await largeOnes(members);
    return { text: `${changes.text}\n${large}`, over: changes.over };
  } finally {
    progress('');
    for (const member of members) {
      await killAll(member);
      member.remove();
    }
  }
}

/** The starts and the changes of leader. */
async function changesOf(members: readonly Member[], rounds: number): Promise<Part> {
  const measured = {
    empty: [] as number[],
    emptyStaggered: [] as number[],
    data: [] as number[],
    dataStaggered: [] as number[],
    handOver: [] as number[],
    loss: [] as number[],
  };
  let ctrls = 0;
  // One round to warm the page cache, which is not counted.
  for (let round = -1; round < rounds; round++) {
    progress(`${title}: round ${Math.max(0, round + 1)} of ${rounds} `);
    const one: Record<keyof typeof measured, number> = {
      empty: await startAll(members, 0, true),
      data: await startAll(members, 0),
      emptyStaggered: await startAll(members, staggerMs, true),
      dataStaggered: await startAll(members, staggerMs),
      ...(await changesOfLeader(members)),
    };
    if (round < 0) continue;
    for (const key of Object.keys(measured) as (keyof typeof measured)[]) measured[key].push(one[key]);
    ctrls += members.filter(({ log }) => /maestro_ctrl is done/.test(log.text())).length;
  }
  const rows = [
    ['start on empty directories, all at once', startLimitMs, measured.empty],
    [`start on empty directories, ${staggerMs} ms apart`, startLimitMs, measured.emptyStaggered],
    ['start on existing data, all at once', startLimitMs, measured.data],
    [`start on existing data, ${staggerMs} ms apart`, startLimitMs, measured.dataStaggered],
    ['SIGTERM to the leader, until the next maestro runs', handOverLimitMs, measured.handOver],
    [
      `the leader killed, until the next maestro runs (lease ${leaseMs / 1000} s)`,
      lossLimitMs,
      measured.loss,
    ],
  ] as const;
  const text = table(
    [title, 'limit', 'median', 'longest', 'runs'],
    rows.map(([what, limit, taken]) => [
      what,
      `${limit} ms`,
      inMs(median(taken)),
      inMs(largest(taken)),
      String(taken.length),
    ]),
  );
  const told = `
A start is from that of the last member until all three log who leads and the leader's maestro runs; \`health\`, asked
then, calls all three healthy. maestro_ctrl is two calls of curl here. With a change of leader it ${ctrls === 0 ? 'is not run, since' : `was run ${ctrls} times, though`}
all have the same file.
`;
  return {
    text: text + told,
    over: rows.flatMap(([what, limit, taken]) => (median(taken) > limit ? [`${title}: ${what}`] : [])),
  };
}

/** A planned one, the return of who led, and one by loss. */
async function changesOfLeader(members: readonly Member[]): Promise<{ handOver: number; loss: number }> {
  const first = leaderOf(members);
  let begun = now();
  const [handedAt] = await Promise.all([nextRuns(members, first), stop(first.child)]);
  const handOver = handedAt - begun;
  const second = leaderOf(members.filter((member) => member !== first));
  begin(first);
  await first.log.until(tellsLeader);
  await areHealthy(members);
  begun = now();
  const [lostAt] = await Promise.all([nextRuns(members, second), killAll(second)]);
  const loss = lostAt - begun;
  // So that all three have a log of one life after the change.
  begin(second);
  await second.log.until(tellsLeader);
  await areHealthy(members);
  return { handOver, loss };
}

/** The moment at which another of them runs maestro. */
const nextRuns = (members: readonly Member[], last: Member): Promise<number> =>
  Promise.race(
    members.filter((member) => member !== last).map(({ log }) => log.until(/maestro runs, as process/)),
  );

/** Stops all, starts all, and how long it took from the last start on. */
async function startAll(members: readonly Member[], apartMs: number, empty = false): Promise<number> {
  await stopAll(members);
  let begun = 0;
  for (const member of members) {
    if (empty) member.empty();
    if (member !== members[0] && apartMs > 0) await new Promise((resolve) => setTimeout(resolve, apartMs));
    begun = now();
    begin(member);
  }
  const told = members.map(({ log }) => log.until(tellsLeader));
  const runs = Promise.race(members.map(({ log }) => log.until(/maestro runs, as process/)));
  const ms = Math.max(...(await Promise.all([...told, runs]))) - begun;
  await areHealthy(members);
  return ms;
}

/** A configuration for 10,000 hosts, and a key of some MB. */
async function largeOnes(members: readonly Member[]): Promise<string> {
  const lines: string[][] = [];
  for (const [what, text] of [
    ['one range', clusterOf(hosts)],
    ['10,000 entries', entriesOf(hosts)],
  ] as const) {
    progress(`${title}: 10,000 hosts, ${what} `);
    for (const member of members) {
      member.write('etc/ldms_cfg.yaml', text);
      member.write('bin/maestro_ctrl', inOneKey, 0o755);
      member.empty();
    }
    const begun = now();
    for (const member of members) begin(member);
    const ends = /maestro_ctrl is done|maestro_ctrl did not .*?(?=;|"|$)/m;
    const ended = () =>
      members.map(({ log }) => ends.exec(log.text())?.[0]).find((words) => words !== undefined);
    const found = await until('maestro_ctrl has ended', ended, largeDeadlineMs).catch(
      () => 'nobody was done by then',
    );
    const at = now();
    lines.push([`10,000 hosts, ${what}`, megabytes(text.length), seconds(at - begun), found]);
    await stopAll(members);
  }
  for (const member of members) member.empty();
  for (const member of members) begin(member);
  await Promise.all(members.map(({ log }) => log.until(tellsLeader)));
  const begun = now();
  await put(members[0]?.url ?? '', '/bench', 'x'.repeat(bigValueBytes));
  lines.push([
    'one key, put into a cluster that runs',
    megabytes(bigValueBytes),
    seconds(now() - begun),
    'etcd has taken it',
  ]);
  return table(['with three maestros, from start', 'size', 'took', 'ended with'], lines);
}

/** As clusterOf, with an entry for each host. */
function entriesOf(count: number): string {
  const numbers = Array.from({ length: count }, (_, at) => at + 1);
  const daemon = (number: number) => `  - names: "samp-${number}"
    hosts: "node-${number}"
    endpoints:
      - names: "samp-${number}-ep"
        ports: "411"
        maestro_comm: True
        xprt: sock
        auth: { name: none, plugin: none }
`;
  const sampler = (number: number) => `  - daemons: "samp-${number}"
    plugins:
      - name: meminfo
        interval: 1s
        config: [{ perm: "0777" }]
`;
  return `daemons:\n${numbers.map(daemon).join('')}samplers:\n${numbers.map(sampler).join('')}`;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

async function makeMembers(): Promise<Member[]> {
  const peerPort = await freePort(addresses);
  const members: Member[] = [];
  for (const name of addresses) {
    const place = await makeMaestroPlace();
    // A member's etcd serves on loopback by itself.
    delete place.env['ETCD_LISTEN_CLIENT_URLS'];
    Object.assign(place.env, {
      LDMS_ENTRYPOINT_MAESTRO_MEMBERS: addresses.join(),
      // The machine has all three addresses.
      LDMS_ENTRYPOINT_MAESTRO_MEMBER: name,
      LDMS_ENTRYPOINT_ETCD_PORT: new URL(place.url).port,
      LDMS_ENTRYPOINT_ETCD_PEER_PORT: String(peerPort),
    });
    members.push({ ...place, name, ...startedIn(place, '/bin/true', []) });
  }
  return members;
}

function startedIn(place: MaestroPlace, file: string, args: readonly string[]) {
  const { child } = start(file, args, { env: place.env, stdio: ['ignore', 'ignore', 'pipe'] });
  return { child, log: follow(child, 'stderr') };
}

const begin = (member: Member): void => void Object.assign(member, startedIn(member, program, ['maestro']));

/** Who runs maestro, of those whose logs tell of one life. */
function leaderOf(members: readonly Member[]): Member {
  const found = members.filter(({ log }) => /maestro runs, as process/.test(log.text()));
  const [leader] = found;
  if (!leader || found.length > 1) throw new Error(`maestro was run by ${found.length} members`);
  return leader;
}

async function areHealthy(members: readonly Member[]): Promise<void> {
  for (const { name, env } of members)
    await until(
      `${name} is healthy`,
      async () => (await run(program, ['health'], { env })).code === 0,
      deadlineMs,
    );
}

async function stopAll(members: readonly Member[]): Promise<void> {
  await Promise.all(members.map(({ child }) => (isOver(child) ? undefined : stop(child))));
}

const isOver = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

/** As when a host is lost: the entrypoint first, so that it takes no notice of what becomes of the others. */
async function killAll({ child, env }: Member): Promise<void> {
  const gone = isOver(child) ? undefined : once(child, 'exit');
  child.kill('SIGKILL');
  const root = env['LDMS_ENTRYPOINT_ROOT'] ?? '';
  await until('all is killed', () => {
    const left = processesOf({ root } as Site);
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has just ended.
      }
    }
    return left.length === 0;
  });
  await gone;
}
