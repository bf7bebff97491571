/**
 * Two samplers and an aggregator on one machine, in local mode: what ldms-entrypoint prepares, how
 * it hands over, and that nothing of it stays.
 *
 * usage: npm run demo [-- --once]
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import minimist from 'minimist';
import { processesNaming } from '../support/machine.ts';
import { type Member, startAll } from './cluster.ts';
import { type HandOver, inside, message, type Running, socketOf } from './nodes.ts';
import { failure, until } from './proc.ts';
import { entrypoint, findPrograms, type Programs } from './programs.ts';
import { kill, stop } from './stop.ts';
import { elapsedMs, event, idle, line, table } from './timeline.ts';

const usage = `usage: npm run demo [-- OPTION]

Starts two samplers and an aggregator on this machine and shows what happens.

  --once   end when the first metric sets have arrived, not at Ctrl-C
  --help   print this
`;

const deadlineMs = 15_000;
const stopping = new AbortController();
const hurry = new AbortController();
const started: Running[] = [];

/** Runs the demo; its exit status. */
async function main(words: readonly string[]): Promise<number> {
  const wrong: string[] = [];
  const options = minimist([...words], {
    boolean: ['once', 'help'],
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

  const directory = mkdtempSync(join(tmpdir(), 'ldms-demo-'));
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

/** Everything up to the moment at which there is nothing left to do but to stop. */
async function show(directory: string, once: boolean): Promise<void> {
  const programs = await findPrograms();
  line('Two LDMS samplers and one aggregator on this machine, each started by ldms-entrypoint in local');
  line('mode: a directory ($ROOT, in LDMS_ENTRYPOINT_ROOT) stands for the container. Paths below it are');
  line('shown as a container has them. The times are milliseconds.');
  table([['program', 'here', 'version'], ...programs.rows]);

  const { nodes, handOvers } = await startAll(directory, programs, started, patience);
  tellHandOvers(nodes, handOvers, programs);
  await Promise.all([...nodes.map(showHealth), showSets(nodes, programs)]);
  if (once) return;
  event('demo', 'everything runs; Ctrl-C stops it', 'key');
  for (;;) {
    const dead = started.find(({ ended }) => ended() !== undefined);
    if (dead) throw failure(dead.place.name, `process ${dead.pid} ended with ${dead.ended()}, unasked`);
    idle('running');
    await pause(1000, undefined, { signal: stopping.signal });
  }
}

const patience = { deadlineMs, stop: stopping.signal };

function tellHandOvers(
  nodes: readonly Member[],
  handOvers: readonly HandOver[],
  { realLdms }: Programs,
): void {
  const megabytes = (kilobytes: number) => `${(kilobytes / 1024).toFixed(0)} MB`;
  const rows = handOvers.map(({ before, after }, at) => {
    const { place, pid } = nodes[at] ?? { place: { name: '' }, pid: 0 };
    const now = after.comm === after.program ? after.comm : `${after.comm} (${after.program})`;
    return [
      place.name,
      `${pid} → ${pid}`,
      `${before.program} → ${now}`,
      `${before.threads} → ${after.threads}`,
      `${megabytes(before.rssKb)} → ${megabytes(after.rssKb)}`,
    ];
  });
  table([['node', 'process', 'program, before → after the hand-over', 'threads', 'memory (RSS)'], ...rows]);
  if (realLdms) return;
  line('        The threads and memory after the hand-over are those of the stand-in, a Node program.');
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

async function showHealth(node: Member): Promise<void> {
  const { code, stdout } = await inNode(node, entrypoint, ['health']);
  stopping.signal.throwIfAborted();
  event(node.place.name, `health, exit ${code}: ${inside(node.place, stdout)}`);
  if (code !== '0') throw failure(node.place.name, 'waited for health to say healthy');
}

/** Asks the aggregator with ldms_ls until it has both samplers' sets. */
async function showSets(nodes: readonly Member[], { munged, realLdms }: Programs): Promise<void> {
  const aggregator = nodes[2];
  if (!aggregator) return;
  const { place, port } = aggregator;
  const socket = realLdms ? ['-A', `socket=${socketOf(place)}`] : [];
  const args = [
    '-h',
    'localhost',
    '-x',
    'sock',
    '-p',
    String(port),
    ...(munged ? ['-a', 'munge', ...socket] : []),
  ];
  const wanted = ['samp-1/meminfo', 'samp-2/meminfo'];
  await until(
    place.name,
    'the metric sets of both samplers',
    async () => {
      const { stdout } = await inNode(aggregator, 'ldms_ls', args);
      return wanted.every((name) => stdout.includes(name));
    },
    patience,
  );
  event(place.name, `ldms_ls, exit 0: ${wanted.join(', ')}`, 'key');
}

function tellFailure(error: unknown): void {
  const { message: what, cause } =
    error instanceof Error ? error : { message: String(error), cause: undefined };
  const name = typeof cause === 'string' ? cause : 'demo';
  event(name, what, 'wrong');
  const node = started.find(({ place }) => place.name === name);
  if (!node) return;
  line(`        the last lines of ${name} on stderr:`);
  for (const said of node.stderr.slice(-12))
    line(`          ${inside(node.place, message(said)?.text ?? said)}`);
}

/** Stops everything at once, and makes sure of it; whether all of it ended as it should. */
async function stopAll(directory: string, by: string): Promise<boolean> {
  if (started.length > 0)
    event('demo', `${by ? `${by}: ` : ''}stopping everything at once, with SIGTERM`, 'key');
  const obeyed = await Promise.all(started.map((running) => stop(running, hurry.signal)));
  // A munged that was started in the very moment of stopping ends by itself, with its parent.
  const left = await untilNone(() => processesNaming(directory));
  for (const pid of left) kill(pid);
  rmSync(directory, { recursive: true, force: true });
  const what = left.length > 0 ? `process ${left.join(', ')} had to be killed` : 'nothing is left running';
  const seconds = (elapsedMs() / 1000).toFixed(1);
  event(
    'demo',
    `${what}, the directories are removed; ${seconds} s in all`,
    left.length > 0 ? 'wrong' : 'key',
  );
  return left.length === 0 && obeyed.every(Boolean);
}

async function untilNone(find: () => number[]): Promise<number[]> {
  const last = performance.now() + 1000;
  for (let found = find(); ; found = find()) {
    if (found.length === 0 || performance.now() > last) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

process.exitCode = await main(process.argv.slice(2));
