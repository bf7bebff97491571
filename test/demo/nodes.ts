/** The demo's nodes: a directory each in place of a container, with ldms-entrypoint started in it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { listensOn, look, type Patience, type Sample, until } from './proc.ts';
import { type Account, entrypoint } from './programs.ts';
import { neverLeave } from './stop.ts';
import { event, type Weight } from './timeline.ts';

/** A node as it is planned. */
export interface Place {
  readonly name: string;
  /** Its LDMS_ENTRYPOINT_ROOT. */
  readonly root: string;
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
  /** What it has written to stderr. */
  readonly stderr: readonly string[];
  /** The munged that it started, once that is known. */
  munged?: number;
  stopping: boolean;
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
  const self: Running = {
    place,
    child,
    pid: child.pid ?? 0,
    env,
    ended: () => ended,
    stderr,
    stopping: false,
  };
  createInterface(child.stderr).on('line', (said) => {
    stderr.push(said);
    showLog(self, said);
  });
  createInterface(child.stdout).on('line', (said) => {
    if (!self.stopping) event(place.name, said, /^producer /.test(said) ? 'key' : 'plain');
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

/** Starts `ldms-entrypoint` in a node. */
export function startNode(place: Place, args: readonly string[], env: NodeJS.ProcessEnv): Running {
  const node = start(place, entrypoint, args, { ...env, LDMS_ENTRYPOINT_ROOT: place.root });
  const setting = env['LDMS_ENTRYPOINT_MUNGE']
    ? `LDMS_ENTRYPOINT_MUNGE=${env['LDMS_ENTRYPOINT_MUNGE']} `
    : '';
  event(place.name, `$ ${setting}ldms-entrypoint ${args.join(' ').replaceAll(place.root, '$ROOT')}`, 'key');
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

function showLog({ place, stopping }: Running, said: string): void {
  const ours = message(said);
  const weight: Record<string, Weight> = { debug: 'aside', error: 'wrong', warn: 'warning' };
  if (ours) event(place.name, inside(place, ours.text), weight[ours.level] ?? 'plain');
  // munged tells at length how it begins and ends; what it does is seen without that.
  else if (!stopping && !/^munged: (Info|Notice|Warning): /.test(said))
    event(place.name, inside(place, said));
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
  return { before: before ?? after, after };
}

const whyOver = ({ place, ended }: Running): string | undefined => {
  const how = ended();
  return how === undefined ? undefined : `${place.name} ended with ${how}`;
};

/** Tells of the munged that a node has started, once it has written its pid. */
function noteMunged(node: Running, users: ReadonlyMap<number, string>): void {
  if (node.munged !== undefined) return;
  const pid = readPid(join(dirname(socketOf(node.place)), 'munged.pid'));
  const munged = pid === undefined ? undefined : look(pid);
  if (pid === undefined || munged?.parent !== node.pid) return;
  node.munged = pid;
  event(node.place.name, `munged runs as ${users.get(munged.uid) ?? `uid ${munged.uid}`}, process ${pid}`);
}

function readPid(file: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10) || undefined;
  } catch {
    return undefined;
  }
}
