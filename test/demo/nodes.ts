/** The demo's nodes: a directory each in place of a container, with ldms-entrypoint started in it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { childrenOf, listensOn, look, type Patience, type Sample, until } from './proc.ts';
import { type Account, entrypoint } from './programs.ts';
import { neverLeave } from './stop.ts';
import { elapsedMs, event, type Weight } from './timeline.ts';

/** A node as it is planned. */
export interface Place {
  readonly name: string;
  /** Its LDMS_ENTRYPOINT_ROOT. */
  readonly root: string;
  /** Nothing but the main steps is told of it. */
  readonly brief?: boolean;
}

/** How a process ended: "0", "SIGKILL". */
type End = () => string | undefined;

/** A node's leader process, or the host's munged. */
export interface Running {
  readonly place: Place;
  readonly child: ChildProcess;
  readonly pid: number;
  readonly env: NodeJS.ProcessEnv;
  readonly ended: End;
  /** What it has written, to stderr and in all. */
  readonly stderr: readonly string[];
  readonly said: readonly string[];
  /** When it was started, in milliseconds since the demo was. */
  readonly begunMs: number;
  /** How long it took until its daemon served. */
  readyMs?: number;
  /** The processes that it has started and that have to end with it, by their names. */
  readonly beside: Map<string, number>;
  stopping: boolean;
  /** How long it took to end after SIGTERM. */
  stopMs?: number;
}

export const socketOf = ({ root }: Place): string => join(root, 'run/munge/munge.socket.2');

/** Writes a file below a node's root, with the directories above it. */
export function put(
  place: Place,
  file: string,
  content: string | Buffer,
  mode: number,
  owner?: Account,
): void {
  const path = join(place.root, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
  if (owner && process.getuid?.() === 0) chownSync(path, owner.uid, owner.gid);
}

/**
 * Starts a program as the leader of a session of its own, so that Ctrl-C on the terminal reaches
 * the demo alone, which then stops everything in its own way.
 */
function start(place: Place, program: string, args: readonly string[], env: NodeJS.ProcessEnv): Running {
  const begunMs = elapsedMs();
  const child = spawn(program, args, {
    env,
    cwd: place.root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let ended: string | undefined;
  child.on('error', (error) => {
    ended = error.message;
  });
  child.on('exit', (code, signal) => {
    ended = signal ?? String(code);
  });
  const stderr: string[] = [];
  const said: string[] = [];
  const self: Running = {
    place,
    child,
    pid: child.pid ?? 0,
    env,
    ended: () => ended,
    stderr,
    said,
    begunMs,
    beside: new Map(),
    stopping: false,
  };
  createInterface(child.stderr).on('line', (text) => {
    stderr.push(text);
    said.push(text);
    showLog(self, text);
  });
  createInterface(child.stdout).on('line', (text) => {
    said.push(text);
    if (!self.stopping)
      event(place.name, text, /^producer |configuration changed/.test(text) ? 'key' : 'plain');
  });
  neverLeave(child);
  return self;
}

/**
 * Starts the munged of a host, with the arguments that src/munge/plan.ts gives to ours.
 *
 * @param host where it has its key
 * @param guest the node that sees its socket, as if the host's /run/munge were mounted there
 */
export function startHostsMunged(
  { host, guest }: { host: Place; guest: Place },
  munged: string,
  account: Account,
  env: NodeJS.ProcessEnv,
): Running {
  const directory = dirname(socketOf(guest));
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o755);
  const root = process.getuid?.() === 0;
  if (root) chownSync(directory, account.uid, account.gid);
  const as = root ? [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'] : [];
  const args = [
    '--foreground',
    `--socket=${socketOf(guest)}`,
    `--key-file=${join(host.root, 'etc/munge/munge.key')}`,
    `--pid-file=${join(directory, 'munged.pid')}`,
    `--seed-file=${join(directory, 'munged.seed')}`,
    '--origin=127.0.0.1',
  ];
  return start(host, 'setpriv', [...as, '--pdeathsig=TERM', '--', munged, ...args], env);
}

/**
 * Starts `ldms-entrypoint` in a node.
 *
 * @param settings the variables that this node has and others have not
 */
export function startNode(
  place: Place,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  settings: Readonly<Record<string, string>> = {},
): Running {
  const node = start(place, entrypoint, args, { ...env, ...settings, LDMS_ENTRYPOINT_ROOT: place.root });
  const words = [
    ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
    'ldms-entrypoint',
    ...args,
  ];
  event(place.name, `$ ${words.join(' ').replaceAll(place.root, '$ROOT')}`, 'key');
  return node;
}

/** Paths of the program's own as they are in a container. */
export const inside = ({ root }: Place, text: string): string => text.replaceAll(root, '');

/** One of the entrypoint's JSON lines as it is to be read; undefined for a line of somebody else. */
export function message(said: string): { level: string; text: string } | undefined {
  if (!said.startsWith('{')) return undefined;
  try {
    const { level, msg } = JSON.parse(said) as Record<string, unknown>;
    return { level: String(level), text: String(msg) };
  } catch {
    return undefined;
  }
}

/** Whether a line is what munged tells of an ordinary start or end. */
export const isMungedsRoutine = (said: string): boolean =>
  /^(\[munged\] )?munged: (Info|Notice): /.test(said);

// munged and etcd tell at length how they begin and end; what they do is seen without that.
const longWinded = [
  /^(\[munged\] )?munged: (Info|Notice|Warning): /,
  /^\[etcd\] \{"level":"(debug|info|warn)"/,
  /^\[etcd\] (\S+ \S+ [INW] \| |WARNING: )/,
];

// uwsgi tells of each of its parts; of these lines, the one that its app is loaded and its last.
const ofUwsgi = /^(WSGI app 0 .* ready|goodbye to uWSGI)|rror|Traceback/;

function isRoutine({ name }: Place, said: string): boolean {
  return name === 'ui' ? !ofUwsgi.test(said) : longWinded.some((pattern) => pattern.test(said));
}

const longest = 200;

/** A line that is not too long to be looked at, such as one with all of uwsgi's arguments. */
const short = (text: string): string => (text.length > longest ? `${text.slice(0, longest)} …` : text);

function showLog({ place, stopping }: Running, said: string): void {
  const ours = message(said);
  const weight: Record<string, Weight> = { debug: 'aside', error: 'wrong', warn: 'warning' };
  if (ours) {
    const isMinor = ours.level === 'debug' || ours.level === 'info';
    if (!place.brief || !isMinor)
      event(place.name, short(inside(place, ours.text)), weight[ours.level] ?? 'plain');
  } else if (!stopping && !isRoutine(place, said)) {
    event(place.name, inside(place, said));
  }
}

/** A node's leader on both sides of the hand-over. */
export interface HandOver {
  readonly before: Sample;
  readonly after: Sample;
}

/** Watches a node from its start until its daemon listens. */
export async function follow(
  node: Running,
  port: number,
  users: ReadonlyMap<number, string>,
  patience: Patience,
): Promise<HandOver> {
  const { pid, place } = node;
  const careful = { ...patience, over: () => whyOver(node) };
  let before: Sample | undefined;
  await until(
    place.name,
    'the hand-over',
    () => {
      noteMunged(node, users);
      const now = look(pid);
      if (now?.program === 'ldms-entrypoint') before = now;
      return now !== undefined && now.program !== 'ldms-entrypoint';
    },
    careful,
  );
  // What the entrypoint wrote before is in the pipe, and is to be read before.
  await new Promise((resolve) => setTimeout(resolve, 1));
  patience.stop.throwIfAborted();
  event(place.name, `handed over: process ${pid} is no longer ldms-entrypoint`, 'key');
  const after = await until(
    place.name,
    `process ${pid} to listen on port ${port}`,
    () => listensOn(pid, port) && look(pid),
    careful,
  );
  node.readyMs = elapsedMs() - node.begunMs;
  return { before: before ?? after, after };
}

/** Watches a node that stays the leader, from its start until it has said what is waited for. */
export async function followLeader(
  node: Running,
  lines: readonly RegExp[],
  users: ReadonlyMap<number, string>,
  patience: Patience,
): Promise<void> {
  for (const expected of lines) await untilSaid(node, expected, 0, patience, () => noteMunged(node, users));
  node.readyMs = elapsedMs() - node.begunMs;
  for (const { pid, comm } of childrenOf(node.pid)) node.beside.set(comm, pid);
}

/**
 * Waits for a line of a node's.
 *
 * @param from the number of lines that were there before
 * @param meanwhile is called again and again
 */
export async function untilSaid(
  node: Running,
  expected: RegExp,
  from: number,
  patience: Patience,
  meanwhile = () => {},
): Promise<void> {
  await until(
    node.place.name,
    `the line "${expected.source.replace(/^\^|\W+$/g, '')}"`,
    () => {
      meanwhile();
      return node.said.slice(from).some((text) => expected.test(message(text)?.text ?? text));
    },
    { ...patience, over: () => whyOver(node) ?? patience.over?.() },
  );
}

const whyOver = ({ place, ended }: Running): string | undefined => {
  const how = ended();
  return how === undefined ? undefined : `${place.name} ended with ${how}`;
};

/** Tells of the munged that a node has started, once it has written its pid. */
function noteMunged({ pid: leader, place, beside }: Running, users: ReadonlyMap<number, string>): void {
  if (beside.has('munged')) return;
  const pid = readPid(join(dirname(socketOf(place)), 'munged.pid'));
  const munged = pid === undefined ? undefined : look(pid);
  if (pid === undefined || munged?.parent !== leader) return;
  beside.set('munged', pid);
  if (!place.brief)
    event(place.name, `munged runs as ${users.get(munged.uid) ?? `uid ${munged.uid}`}, process ${pid}`);
}

function readPid(file: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10) || undefined;
  } catch {
    return undefined;
  }
}
