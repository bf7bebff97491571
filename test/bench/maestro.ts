/**
 * The start and the stop of a maestro container with a real etcd, beside etcd alone and beside a
 * shell script that does the same.
 *
 * etcd's own start varies with its election timer, so that what counts is what we add to it.
 * maestro_ctrl is a script that takes next to nothing, and maestro one that says a line and sleeps.
 */
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { freePort, isHealthy } from '../support/etcd.ts';
import { commandLine, isAlive } from '../support/machine.ts';
import { installed } from '../support/needs.ts';
import { program, start, until } from '../support/program.ts';
import { makePlace, type Place } from './place.ts';
import { childrenOf } from './proc.ts';
import { inMs, largest, leftOut, median, now, type Part, progress, table } from './table.ts';

const title = 'from start until maestro runs, with a real etcd';
const ownLimitMs = 150;
const stopLimitMs = 300;
const mostRounds = 15;
// Generous: it is only reached when something is broken.
const deadlineMs = 60_000;
// Each takes more than 6 s.
const shellRounds = 3;

const configuration = `daemons:
  - names: samp-1
    hosts: localhost
    endpoints:
      - names: samp-1-ep
        ports: 10411
        xprt: sock
        maestro_comm: True
        auth: { name: none, plugin: none }
`;

const maestro = `#!/bin/sh
echo 'maestro is here'
exec sleep 300
`;

// --prefix NAME --cluster FILE --ldms_config FILE
const maestroCtrl = `#!/bin/sh
url=http://$(sed -n 's/.*host: //p' "$4" | tr -d '"'):$(sed -n 's/.*port: //p' "$4")
put() { curl -sf -o /dev/null -d "{\\"key\\": \\"$(printf %s "$1" | base64 -w0)\\", \\"value\\": \\"$(printf %s "$2" | base64 -w0)\\"}" "$url/v3/kv/put"; }
put "/$2/daemons/samp-1/samp-1/addr" localhost &&
put "/$2/last_updated" "$(date +%s.%N)" &&
echo 'LDMS cluster configuration saved to etcd cluster.'
`;

/** A place with such programs, in which `ldms-entrypoint maestro` runs. */
export interface MaestroPlace extends Place {
  readonly url: string;
  /** Makes it as a new container is. */
  empty(): void;
}

/** Makes one; what it takes is told by {@link lacking}. */
export async function makeMaestroPlace(): Promise<MaestroPlace> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const place = makePlace({ ETCD_LISTEN_CLIENT_URLS: url });
  place.write('bin/maestro', maestro, 0o755);
  place.write('bin/maestro_ctrl', maestroCtrl, 0o755);
  place.write('etc/ldms_cfg.yaml', configuration);
  return {
    ...place,
    url,
    empty: () => rmSync(place.path('var'), { recursive: true, force: true }),
  };
}

/** The program that the measurements with etcd want and that is not here. */
export const lacking = (): string | undefined => ['etcd', 'curl', 'setpriv'].find((name) => !installed(name));

/** What one start and stop took, in milliseconds. */
interface Run {
  readonly totalMs: number;
  /** Without etcd's start and maestro_ctrl, as the log has them. */
  readonly ownMs: number;
  readonly etcdMs: number;
  readonly ctrlMs: number;
  readonly stopMs: number;
}

/** Measures starts and stops. */
export async function startAndStop(rounds: number): Promise<Part> {
  const lack = lacking();
  if (lack !== undefined) return leftOut(title, lack);
  const place = await makeMaestroPlace();
  const runs: Run[] = [];
  const alone: number[] = [];
  const shell: number[] = [];
  let args: readonly string[] | undefined;
  const count = Math.min(rounds, mostRounds);
  // One round to warm the page cache, which is not counted.
  for (let round = -1; round < count; round++) {
    progress(`maestro: round ${Math.max(0, round + 1)} of ${count} `);
    const run = await ours(place, (etcd) => {
      args ??= etcd;
    });
    const etcdMs = await etcdAlone(place, args ?? []);
    if (round < 0) continue;
    runs.push(run);
    alone.push(etcdMs);
    if (shell.length < shellRounds) shell.push(await byShell(place, args ?? []));
  }
  progress('');
  place.remove();
  const of = (key: keyof Run) => runs.map((run) => run[key]);
  const own = median(of('ownMs'));
  const stop = median(of('stopMs'));
  const row = (what: string, taken: readonly number[], limit = '') => [
    what,
    limit,
    inMs(median(taken)),
    String(taken.length),
  ];
  const starts = table(
    [title, 'limit', 'median', 'runs'],
    [
      row('etcd alone, until it is healthy', alone),
      row('ldms-entrypoint maestro', of('totalMs')),
      row('- of that: etcd', of('etcdMs')),
      row('- of that: maestro_ctrl, which is two calls of curl here', of('ctrlMs')),
      row('- of that: our own', of('ownMs'), `${ownLimitMs} ms`),
      row('a shell script that asks etcd each second and sleeps 5 s', shell),
    ],
  );
  const stops = table(
    ['from SIGTERM until all is gone', 'limit', 'median', 'longest', 'runs'],
    [
      [
        'etcd and maestro, which ends at once',
        `${stopLimitMs} ms`,
        inMs(stop),
        inMs(largest(of('stopMs'))),
        String(runs.length),
      ],
    ],
  );
  return {
    text: `${starts}\n${stops}`,
    over: [
      ...(own > ownLimitMs ? ['our own part of the start of maestro'] : []),
      ...(stop > stopLimitMs ? ['from SIGTERM until all is gone'] : []),
    ],
  };
}

/**
 * One start and stop of ours.
 *
 * @param tellEtcd is told the arguments that etcd got
 */
async function ours(place: MaestroPlace, tellEtcd: (args: readonly string[]) => void): Promise<Run> {
  place.empty();
  const begun = now();
  const { child } = start(program, ['maestro'], { env: place.env, stdio: ['ignore', 'ignore', 'pipe'] });
  const log = follow(child, 'stderr');
  const totalMs = (await log.until(/maestro runs, as process/)) - begun;
  const number = (pattern: RegExp) => Number(pattern.exec(log.text())?.[1]);
  const etcdMs = number(/etcd is ready, after (\d+) ms/);
  const ctrlMs = number(/maestro_ctrl is done, after (\d+) ms/);
  const etcd = childrenOf(child.pid ?? 0).filter((pid) => commandLine(pid)[0]?.endsWith('etcd'));
  tellEtcd(commandLine(etcd[0] ?? 0).slice(1));
  const stopMs = await stop(child);
  if (etcd.length !== 1 || etcd.some(isAlive)) throw new Error('etcd has not ended with maestro');
  return { totalMs, ownMs: totalMs - etcdMs - ctrlMs, etcdMs, ctrlMs, stopMs };
}

/** The yardstick: etcd with the same arguments, until it is healthy. */
async function etcdAlone(place: MaestroPlace, args: readonly string[]): Promise<number> {
  place.empty();
  const begun = now();
  const { child } = start('etcd', args, { env: place.env, stdio: 'ignore' });
  await until('etcd is healthy', () => isHealthy(place.url));
  const ms = now() - begun;
  await stop(child);
  return ms;
}

/** The same by a script such as today's images have. */
async function byShell(place: MaestroPlace, args: readonly string[]): Promise<number> {
  place.empty();
  const cluster = place.path('run/ldms-entrypoint/cluster.yaml');
  const where = `--prefix maestro --cluster ${cluster}`;
  const script = place.script(`setpriv --pdeathsig=TERM -- etcd ${args.join(' ')} >/dev/null 2>&1 &
until curl -sf -o /dev/null ${place.url}/health; do sleep 1; done
maestro_ctrl ${where} --ldms_config ${place.path('etc/ldms_cfg.yaml')} >/dev/null
sleep 5
exec maestro ${where}`);
  const begun = now();
  const { child } = start(script, [], { env: place.env, stdio: ['ignore', 'pipe', 'ignore'] });
  const ms = (await follow(child, 'stdout').until(/maestro is here/)) - begun;
  await stop(child);
  await until('etcd of the script has ended', async () => !(await isHealthy(place.url)));
  return ms;
}

/** What a child writes, with the moment at which it has written something. */
export function follow(child: ChildProcess, stream: 'stdout' | 'stderr') {
  let text = '';
  let changed = Promise.withResolvers<void>();
  const change = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  let ended = false;
  child[stream]?.setEncoding('utf8').on('data', (more: string) => {
    text += more;
    change();
  });
  child.on('close', () => {
    ended = true;
    change();
  });
  return {
    text: () => text,
    /** Waits for a line; the moment at which it came. */
    until: async (pattern: RegExp): Promise<number> => {
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        change();
      }, deadlineMs);
      while (!pattern.test(text)) {
        if (ended || isLate)
          throw new Error(`${child.spawnfile} ${ended ? 'ended' : 'runs'} without ${pattern}: ${text}`);
        await changed.promise;
      }
      clearTimeout(timer);
      return now();
    },
  };
}

/** SIGTERM, and how long it takes until the process is gone. */
export async function stop(child: ChildProcess): Promise<number> {
  const gone = new Promise<number>((resolve) => child.on('exit', () => resolve(now())));
  const begun = now();
  child.kill('SIGTERM');
  return (await gone) - begun;
}
