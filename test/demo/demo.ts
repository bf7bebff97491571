/**
 * The cluster of the cygnus example on one machine, in local mode: four samplers, three aggregators,
 * maestro and the web back-end; what ldms-entrypoint prepares for each, how it hands over, and how all of it ends.
 *
 * usage: npm run demo [-- --containers] [-- --once]
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import minimist from 'minimist';
import { BuilderError, exitStatus } from '../../images/build/problem.ts';
import { processesNaming } from '../support/machine.ts';
import { brief, type Cluster, type Member, startAll } from './cluster.ts';
import { demonstrateContainers } from './containers.ts';
import { inside, isMungedsRoutine, message, type Running, socketOf } from './nodes.ts';
import { childrenOf, failure, look, type Sample, until } from './proc.ts';
import { entrypoint, findPrograms, type Programs } from './programs.ts';
import { kill, stop } from './stop.ts';
import { elapsedMs, event, idle, line, paragraph, remark, table } from './timeline.ts';

const usage = `usage: npm run demo [-- OPTION...]

Starts an LDMS cluster on this machine, four samplers, three aggregators, maestro and
the web back-end, and shows what happens.

  --containers      the six images in its place, as containers of docker or podman; build
                    them first: npm run images -- build --ovis DIR
  --namespace NAME  what stands before ldms-samp in their names (ovishpc)
  --once            end when everything has been shown, not at Ctrl-C
  --help            print this
`;

const deadlineMs = 60_000;
const stopping = new AbortController();
const hurry = new AbortController();
const started: Running[] = [];

/** Runs the demo; its exit status. */
async function main(words: readonly string[]): Promise<number> {
  const wrong: string[] = [];
  const options = minimist([...words], {
    boolean: ['containers', 'once', 'help'],
    string: ['namespace'],
    default: { namespace: 'ovishpc' },
    unknown: (word) => {
      wrong.push(word);
      return false;
    },
  });
  if (wrong.length > 0) {
    process.stderr.write(`demo: unknown option ${wrong.join(' ')}\n${usage}`);
    return 64;
  }
  if (options['help']) {
    process.stdout.write(usage);
    return 0;
  }
  if (!existsSync(entrypoint)) {
    process.stderr.write('demo: dist/ldms-entrypoint is not built: npm run build\n');
    return 1;
  }
  let by = '';
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted) hurry.abort();
      by ||= `${signal} came`;
      stopping.abort();
    });
  }
  // npm passes SIGTERM on to its shell only, and the demo is not to outlive that.
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid === parent) return;
    by ||= 'our parent has ended';
    stopping.abort();
  }, 200).unref();
  // Nobody reads any more (`npm run demo | head`): stop, quietly.
  process.stdout.on('error', () => stopping.abort());

  const directory = makeDirectory();
  if (options['containers'])
    return await showContainers(directory, options['namespace'], options['once'] === true);
  let failed = false;
  try {
    await show(directory, options['once'] === true);
  } catch (error) {
    failed = !stopping.signal.aborted;
    if (failed) tellFailure(error);
  }
  stopping.abort();
  const clean = await stopAll(directory, by);
  return failed || !clean ? 1 : 0;
}

/** A directory for all nodes, in a place that the munge user can enter: root's TMPDIR may be private. */
function makeDirectory(): string {
  const places = [tmpdir(), '/tmp', '/var/tmp'];
  const isRoot = process.getuid?.() === 0;
  const open = places.find((place) => !isRoot || directoriesTo(place).every(mayBeEntered));
  return mkdtempSync(join(open ?? tmpdir(), 'ldms-demo-'));
}

const directoriesTo = (path: string): string[] =>
  path === dirname(path) ? [path] : [path, ...directoriesTo(dirname(path))];

function mayBeEntered(directory: string): boolean {
  try {
    return (statSync(directory).mode & 0o001) !== 0;
  } catch {
    return false;
  }
}

/** The images in place of local nodes; the exit status. */
async function showContainers(directory: string, namespace: string, once: boolean): Promise<number> {
  try {
    const good = await demonstrateContainers(directory, namespace, patience, async () => {
      if (once) return;
      event('demo', 'everything runs; Ctrl-C stops it', 'key');
      await new Promise((resolve) => stopping.signal.addEventListener('abort', resolve));
    });
    return good ? 0 : 1;
  } catch (error) {
    if (!(error instanceof BuilderError)) throw error;
    for (const sentence of error.sentences) process.stderr.write(`demo: ${sentence}\n`);
    return exitStatus[error.kind];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Everything up to the moment at which there is nothing left to do but to stop. */
async function show(directory: string, once: boolean): Promise<void> {
  const programs = await findPrograms(directory);
  tellPlan(programs);
  const cluster = await startAll(directory, programs, started, patience);
  const { members, maestro, ui } = cluster;
  tellProcesses(cluster, programs);
  await showSets(members, programs);
  if (ui) await showWeb(ui);
  await maestro?.change('500ms');
  await showHealth([...members, ...(maestro ? [maestro] : []), ...(ui ? [ui] : [])]);
  if (once) return;
  if (maestro) {
    event('demo', `try it: edit ${maestro.file}, with a mistake or without, and kill -HUP ${maestro.pid}`);
  }
  event('demo', 'everything runs; Ctrl-C stops it', 'key');
  for (;;) {
    const dead = started.find(({ ended }) => ended() !== undefined);
    if (dead) throw failure(dead.place.name, `process ${dead.pid} ended with ${dead.ended()}, unasked`);
    idle('running');
    await pause(1000, undefined, { signal: stopping.signal });
  }
}

const patience = { deadlineMs, stop: stopping.signal };

/** What will be seen. */
function tellPlan({ rows, remarks, etcd, uwsgi }: Programs): void {
  paragraph(
    "The LDMS cluster of the documentation's cygnus example on this machine, each node started by ldms-entrypoint in local mode: a directory ($ROOT, in LDMS_ENTRYPOINT_ROOT) stands for the container. Paths below it are shown as a container has them. The times are milliseconds.",
  );
  table([['program', 'here', 'version'], ...rows]);
  for (const text of remarks) remark(text);
  table([
    ['host', 'nodes', 'what they do'],
    ['cygnus-01 to 04', 'samp-1 to samp-4', 'sample'],
    ['cygnus-05, 06', 'agg-11, agg-12', 'pull two samplers each'],
    [
      'cygnus-07',
      ['agg-2', ...(etcd ? ['maestro'] : []), ...(uwsgi ? ['ui'] : [])].join(', '),
      `pulls agg-11 and agg-12${etcd ? '; etcd and maestro' : ''}${uwsgi ? '; the web back-end' : ''}`,
    ],
  ]);
  remark(`Of ${brief.join(', ')}, which start as the others do, only the main steps are shown.`);
  line();
}

/** Which processes there are, and what has become of the entrypoint's. */
function tellProcesses({ members, maestro, ui }: Cluster, { realLdms, realMaestro }: Programs): void {
  const megabytes = (kilobytes: number) => `${(kilobytes / 1024).toFixed(0)} MB`;
  const named = ({ comm, program }: Sample) => (comm === program ? comm : `${comm} (${program})`);
  const rows = [...members, ...(ui ? [ui] : [])].map(({ place, pid, handOver: { before, after } }) => [
    place.name,
    String(pid),
    `${before.program} → ${named(after)}`,
    `${before.threads} → ${after.threads}`,
    `${megabytes(before.rssKb)} → ${megabytes(after.rssKb)}`,
  ]);
  const leader = maestro && look(maestro.pid);
  const family = maestro && leader ? [{ ...leader, pid: maestro.pid }, ...childrenOf(maestro.pid)] : [];
  const its = family.map((one) => [
    'maestro',
    String(one.pid),
    one.pid === maestro?.pid ? 'ldms-entrypoint, which stays' : named(one),
    String(one.threads),
    megabytes(one.rssKb),
  ]);
  table([['node', 'process', 'program, before → after', 'threads', 'memory (RSS)'], ...rows, ...its]);
  if (realLdms && (realMaestro || !maestro)) return;
  remark('Threads and memory of a program that is "(node)" are those of the stand-in, a Node program.');
  line();
}

/** Runs a program in a node's environment to its end. */
function inNode({ env, place }: Running, program: string, args: readonly string[]) {
  return new Promise<{ code: string; stdout: string }>((resolve) => {
    const options = { env: { ...env, LDMS_ENTRYPOINT_ROOT: place.root }, timeout: deadlineMs };
    execFile(program, args, options, (error, stdout) =>
      resolve({ code: String(error ? (error.code ?? error.signal) : 0), stdout: stdout.trim() }),
    );
  });
}

/** Asks all nodes at once, and tells what they answer in their order. */
async function showHealth(nodes: readonly Running[]): Promise<void> {
  const answers = await Promise.all(nodes.map((node) => inNode(node, entrypoint, ['health'])));
  stopping.signal.throwIfAborted();
  for (const [at, { place }] of nodes.entries()) {
    const { code, stdout } = answers[at] ?? { code: 'no answer', stdout: '' };
    event(place.name, `health, exit ${code}: ${inside(place, stdout)}`);
    if (code !== '0') throw failure(place.name, 'waited for health to say healthy');
  }
}

/** Asks the last aggregator with ldms_ls until it has all samplers' sets. */
async function showSets(nodes: readonly Member[], { munged, realLdms }: Programs): Promise<void> {
  const aggregator = nodes.at(-1);
  if (!aggregator) return;
  const { place, port } = aggregator;
  const socket = realLdms ? ['-A', `socket=${socketOf(place)}`] : [];
  const auth = munged ? ['-a', 'munge', ...socket] : [];
  const args = ['-h', 'localhost', '-x', 'sock', '-p', String(port), ...auth];
  const wanted = ['samp-1/meminfo', 'samp-2/meminfo', 'samp-3/meminfo', 'samp-4/meminfo'];
  await until(
    place.name,
    'the metric sets of all samplers',
    async () => {
      const { stdout } = await inNode(aggregator, 'ldms_ls', args);
      return wanted.every((name) => stdout.includes(name));
    },
    patience,
  );
  event(place.name, `ldms_ls, exit 0: ${wanted.join(', ')}`, 'key');
}

/** Asks the web back-end as a browser would. */
async function showWeb({ place, port }: Member): Promise<void> {
  const url = `http://127.0.0.1:${port}/`;
  const response = await fetch(url, { signal: stopping.signal });
  event(place.name, `GET ${url}, ${response.status}: ${(await response.text()).trim()}`, 'key');
}

function tellFailure(error: unknown): void {
  const { message: what, cause } =
    error instanceof Error ? error : { message: String(error), cause: undefined };
  const name = typeof cause === 'string' ? cause : 'demo';
  event(name, what, 'wrong');
  const node = started.find(({ place }) => place.name === name);
  if (!node) return;
  line(`        the last lines of ${name} on stderr:`);
  for (const said of node.stderr.filter((text) => !isMungedsRoutine(text)).slice(-12))
    line(`          ${inside(node.place, message(said)?.text ?? said)}`);
}

/** Stops everything in order, and makes sure of it; whether all of it ended as it should. */
async function stopAll(directory: string, by: string): Promise<boolean> {
  const before = by ? `${by}: ` : '';
  if (started.length > 0)
    event('demo', `${before}stopping everything with SIGTERM, what was started last first`, 'key');
  const obeyed: boolean[] = [];
  // Nodes of a kind go together; a host's munged outlives its guest.
  for (const kind of ['ui', 'maestro', 'agg-2', 'agg-1', 'samp-', 'host']) {
    const nodes = started.filter(({ place }) => place.name.startsWith(kind));
    obeyed.push(...(await Promise.all(nodes.map((running) => stop(running, hurry.signal)))));
  }
  // A munged that was started in the very moment of stopping ends by itself, with its parent.
  const left = await untilNone(() => processesNaming(directory));
  for (const pid of left) kill(pid);
  rmSync(directory, { recursive: true, force: true });
  tellSummary();
  const what = left.length > 0 ? `process ${left.join(', ')} had to be killed` : 'nothing is left running';
  const seconds = (elapsedMs() / 1000).toFixed(1);
  event(
    'demo',
    `${what}, the directories are removed; ${seconds} s in all`,
    left.length > 0 ? 'wrong' : 'key',
  );
  return left.length === 0 && obeyed.every(Boolean);
}

/** What each node took, in the end. */
function tellSummary(): void {
  const nodes = started.filter(({ place }) => place.name !== 'host');
  if (nodes.length === 0) return;
  const took = (ms: number | undefined) => (ms === undefined ? '' : `${ms.toFixed(0)} ms`);
  table([
    ['node', 'start → serves', 'TERM → gone', 'ended with'],
    ...nodes.map(({ place, readyMs, stopMs, ended }) => [
      place.name,
      took(readyMs),
      took(stopMs),
      ended() ?? '',
    ]),
  ]);
  if (nodes.some(({ place, readyMs, ended }) => place.name === 'maestro' && readyMs && ended() === '143')) {
    remark("143 is maestro's own code: it lets SIGTERM end it (128 + 15).");
    line();
  }
}

async function untilNone(find: () => number[]): Promise<number[]> {
  const last = performance.now() + 1000;
  for (let found = find(); ; found = find()) {
    if (found.length === 0 || performance.now() > last) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

process.exitCode = await main(process.argv.slice(2));
