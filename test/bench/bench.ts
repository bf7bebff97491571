/**
 * What a start costs, in ratios to an empty sealed Node program that becomes the same daemon; and
 * what staying costs, where we stay.
 *
 * usage: npm run bench [-- --rounds N] [-- --write]     --write keeps the tables in docs/bench.md
 *
 * All rows are run in turn within one round, so that whatever else the machine does falls on all
 * of them alike; a row's figure is its median over all rounds.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus } from 'node:os';
import { join } from 'node:path';
import minimist from 'minimist';
import { mungeUser } from '../support/machine.ts';
import { installed } from '../support/needs.ts';
import { program, repository, run, until } from '../support/program.ts';
import { building } from './building.ts';
import { cluster } from './cluster.ts';
import { images } from './images.ts';
import { startAndStop } from './maestro.ts';
import { severalMaestros } from './maestro-cluster.ts';
import { makePlace, makeWebPlace, type Place } from './place.ts';
import { atRest, restartOfMunged } from './resident.ts';
import { inMs, median, type Part, progress, table } from './table.ts';
import { webBackEnd } from './web.ts';

const options = minimist(process.argv.slice(2), { boolean: ['write'], default: { rounds: 30 } });
const rounds = Number(options['rounds']);

interface Row {
  readonly what: string;
  readonly limit?: number;
  readonly file: string;
  readonly args: readonly string[];
  readonly place: Place;
  /** Runs that take a second or more are not repeated as often. */
  readonly slow?: boolean;
}

const healthLimitMs = 100;
const withMunge = installed('munged') && installed('munge');
const asked = ['samp', '-x', 'sock:10411', '-a', 'munge'];
const plain = makePlace();
const ours = makePlace();
const hosts = makePlace({ LDMS_ENTRYPOINT_MUNGE: 'host' });
const unparsed = makeWebPlace({ LDMS_ENTRYPOINT_UI_SETTINGS_CHECK: '0' });
const parsed = makeWebPlace({});
const emptyProgram = sealEmptyProgram(plain);
const rows = tableOfRows();

if (withMunge) await hosts.startMunged();
const times = await measure();
const parts: Part[] = [
  report(times),
  await residence(),
  ...(withMunge ? [await health()] : []),
  ...(await webBackEnd(rounds)),
  await startAndStop(rounds),
  await severalMaestros(rounds),
  await atRest(),
  await restartOfMunged(rounds),
  ...(await images(rounds)),
  ...(await building(rounds)),
  cluster(rounds),
];
const text = parts.map((part) => part.text).join('\n');
process.stdout.write(text);
if (options['write'] === true) writeFileSync(join(repository, 'docs/bench.md'), page(text));
for (const place of [plain, ours, hosts, unparsed, parsed]) place.remove();
const over = parts.flatMap((part) => part.over);
for (const what of over) process.stderr.write(`over its limit: ${what}\n`);
process.exit(over.length > 0 ? 1 : 0);

function tableOfRows(): Row[] {
  const web = '--http-socket=127.0.0.1:10080';
  const parse = `exec python3 -I -S -c 'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")' ${parsed.path('opt/ovis/ui/sosgui/settings.py')}`;
  const without: Row[] = [
    { what: 'an empty Node SEA, then execve', file: emptyProgram, args: [], place: plain },
    { what: 'samp, no munge', limit: 1.35, file: program, args: ['samp', '-x', 'sock:10411'], place: plain },
    { what: 'ui, settings.py not parsed', limit: 1.35, file: program, args: ['ui', web], place: unparsed },
    { what: 'ui, settings.py parsed by python3', file: program, args: ['ui', web], place: parsed },
    { what: 'python3 alone, parsing it', file: parsed.script(parse), args: [], place: parsed },
    { what: 'grafana', limit: 1.35, file: program, args: ['grafana'], place: unparsed },
    { what: 'a shell script that execs', file: plain.script('exec ldmsd -F "$@"'), args: [], place: plain },
    ...(installed('tini') ? [{ what: 'tini', file: 'tini', args: ['--', 'ldmsd'], place: plain }] : []),
  ];
  if (!withMunge) return without;
  const { uid, gid } = mungeUser();
  const as = process.getuid?.() === 0 ? `setpriv --reuid=${uid} --regid=${gid} --clear-groups -- ` : '';
  const shellMunge = `${as}munged --foreground --socket=${ours.socket} --key-file=${ours.key} --pid-file=${ours.socket}.pid --seed-file=${ours.socket}.seed --origin=127.0.0.1 2>/dev/null & sleep 1; munge -n -S ${ours.socket} | unmunge -n -S ${ours.socket} && { kill $!; exec ldmsd -F; }`;
  return [
    ...without,
    { what: "samp, the host's munged", limit: 2.3, file: program, args: asked, place: hosts },
    { what: 'samp, a munged of our own', limit: 3.0, file: program, args: asked, place: ours },
    {
      what: 'a shell script that starts munged and sleeps 1 s',
      file: ours.script(shellMunge),
      args: [],
      place: ours,
      slow: true,
    },
  ];
}

/** The yardstick: nothing but Node's own start, and execve. */
function sealEmptyProgram(place: Place): string {
  const main = place.write('empty.cjs', `process.execve('/bin/true', ['true'], process.env);\n`);
  const output = place.path('empty');
  const config = place.write(
    'empty.json',
    JSON.stringify({
      main,
      mainFormat: 'commonjs',
      executable: join(repository, 'dist/node-runtime'),
      output,
      useCodeCache: true,
      useSnapshot: false,
      disableExperimentalSEAWarning: true,
      execArgv: ['--v8-pool-size=0', '--disable-warning=ExperimentalWarning', '--disable-sigusr1'],
      execArgvExtension: 'none',
    }),
  );
  execFileSync(process.execPath, ['--build-sea', config], { stdio: 'ignore' });
  return output;
}

async function measure(): Promise<Map<Row, number[]>> {
  const times = new Map<Row, number[]>(rows.map((row) => [row, []]));
  // Two rounds to warm the page cache, which are not counted.
  for (let round = -2; round < rounds; round++) {
    for (const [row, taken] of times) {
      if (row.slow && round % 10 !== 0) continue;
      const begun = process.hrtime.bigint();
      const { status } = spawnSync(row.file, row.args, { env: row.place.env, stdio: 'ignore' });
      const ms = Number(process.hrtime.bigint() - begun) / 1e6;
      if (status !== 0) throw new Error(`${row.what} ended with ${status}`);
      if (round >= 0) taken.push(ms);
      await until('munged has ended with its daemon', () => row.place === hosts || row.place.mungeds() === 0);
    }
    progress(`round ${Math.max(0, round + 1)} of ${rounds} `);
  }
  progress('');
  return times;
}

function ratio(times: ReadonlyMap<Row, number[]>, row: Row): number {
  const [yardstick] = rows;
  return median(times.get(row) ?? []) / median((yardstick && times.get(yardstick)) ?? []);
}

function report(times: ReadonlyMap<Row, number[]>): Part {
  const lines = rows.map((row) => {
    const taken = times.get(row) ?? [];
    return [
      row.what,
      ratio(times, row).toFixed(2),
      row.limit?.toFixed(2) ?? '',
      `${median(taken).toFixed(1)} ms`,
      String(taken.length),
    ];
  });
  const over = rows.filter((row) => row.limit !== undefined && ratio(times, row) > row.limit);
  const head = ['from start to the end of a daemon that is /bin/true', 'ratio', 'limit', 'median', 'runs'];
  return { text: table(head, lines), over: over.map(({ what }) => what) };
}

/** The daemon's process some time after the hand-over, beside a direct start. */
async function residence(): Promise<Part> {
  const sleeper = makePlace();
  sleeper.write('bin/ldmsd', '#!/bin/sh\nexec sleep 300\n', 0o755);
  sleeper.recordVersion();
  const lines: string[][] = [];
  for (const [what, file, args] of [
    ['started directly', join(sleeper.path('bin'), 'ldmsd'), []],
    ['started by ldms-entrypoint', program, ['samp', '-x', 'sock:10411']],
  ] as const) {
    const child = spawn(file, args, { env: sleeper.env, stdio: 'ignore' });
    const status = () => readFileSync(`/proc/${child.pid}/status`, 'utf8');
    await until('the daemon runs', () => /^Name:\s+sleep$/m.test(status()));
    const field = (name: string) => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status())?.[1] ?? '';
    const held = readFileSync(`/proc/${child.pid}/maps`, 'utf8').includes('ldms-entrypoint') ? 'yes' : 'no';
    lines.push([what, field('Threads'), field('VmRSS'), field('RssAnon'), held]);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.on('close', resolve));
  }
  sleeper.remove();
  const head = [
    'after the hand-over, a daemon that sleeps',
    'threads',
    'RSS',
    'private',
    'anything of ours mapped',
  ];
  return { text: table(head, lines), over: [] };
}

/** What a HEALTHCHECK of a sampler with munge takes. */
async function health(): Promise<Part> {
  const server = createServer((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  hosts.write('bin/ldmsd', '#!/bin/sh\nexec sleep 300\n', 0o755);
  hosts.recordVersion();
  const child = spawn(program, ['samp', '-x', `sock:${port}`, '-a', 'munge'], {
    env: hosts.env,
    stdio: 'ignore',
  });
  const ask = () => run(program, ['health'], { env: hosts.env });
  await until('the sampler is healthy', async () => (await ask()).code === 0);
  const taken: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const begun = process.hrtime.bigint();
    await ask();
    taken.push(Number(process.hrtime.bigint() - begun) / 1e6);
  }
  child.kill('SIGKILL');
  server.close();
  const ms = median(taken);
  const line = ['port and munge answer', `${healthLimitMs} ms`, inMs(ms), String(taken.length)];
  return {
    text: table(['health', 'limit', 'median', 'runs'], [line]),
    over: ms > healthLimitMs ? ['health'] : [],
  };
}

function page(text: string): string {
  const cpu = cpus()[0]?.model ?? 'unknown processor';
  return `# What it costs

Measured by \`npm run bench -- --write\` on ${cpus().length} cores of ${cpu}, Node ${process.version}, Linux.
Read the ratios: the milliseconds are this machine's, which other work was sharing.

${text}`;
}
