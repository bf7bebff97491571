/** A supervised daemon: started as our child in a session of its own, listened to, signalled, and ended. */
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import type { Host } from '../host.ts';
import type { Command, User } from '../plan.ts';
import { errnoOf, errnoWords } from '../problem.ts';
import type { Changes } from './changes.ts';
import { dispositionOf } from './disposition.ts';
import { closeOthersOnExec, fileLimits, makePipe, setSoftFileLimit } from './libc.ts';
import type { Descriptor, Followed, Output } from './output.ts';
import { tiedToUs } from './service.ts';

/** How a process ended: an exit status, or the signal that killed it; or why it never began. */
export type End =
  | { readonly status: number }
  | { readonly signal: NodeJS.Signals }
  | { readonly never: string; readonly code: 126 | 127 };

/** What is to be started. */
export interface DaemonSpec {
  readonly name: string;
  /** Path of the program, and its arguments. */
  readonly path: string;
  readonly args: readonly string[];
  /** What it is to be called in its own argv; its path if left out. */
  readonly argv0?: string;
  readonly user?: User;
  readonly env: NodeJS.ProcessEnv;
  /** Its working directory; ours if left out. */
  readonly cwd?: string;
  /** Marks its lines, which we pass on; absent when our own stdin, stdout and stderr are to be its. */
  readonly mark?: string;
  /** Where what it says on its stdout goes; to ours if left out. */
  readonly stdout?: Descriptor;
  /** Is told each of its lines, where they pass through us. */
  readonly hear?: (line: string) => void;
  /** Its soft limit on open files; undefined to leave it as ours. */
  readonly nofile?: number | undefined;
}

/** A daemon that was started. */
export interface Daemon {
  readonly name: string;
  /** Its pid, which is its session's id as well unless it shares our terminal; 0 if it never began. */
  readonly pid: number;
  /** Whether it is in our session, for the sake of the terminal that is our stdin. */
  readonly sharesTerminal: boolean;
  /** How it ended, once it has. */
  ended(): End | undefined;
  readonly gone: Promise<End>;
  /** Its last lines, if they pass through us. */
  lastLines(): readonly string[];
  /** Waits until all of its output was passed on, or no longer: what it has left behind may hold its pipes open. */
  drained(limitMs: number): Promise<void>;
  /** Sends a signal to the process itself; nothing happens if it has ended. */
  send(signal: NodeJS.Signals): void;
}

/** A process's end in words: "exit status 1", "signal SIGKILL". */
export function endWords(end: End): string {
  if ('never' in end) return end.never;
  return 'signal' in end ? `signal ${end.signal}` : `exit status ${end.status}`;
}

/** A process's end as an exit code: 128 + n for a signal. */
export function endCode(end: End): number {
  if ('never' in end) return end.code;
  return 'signal' in end ? 128 + constants.signals[end.signal] : end.status;
}

/** What is to be started for a command, its lines marked with `name`. */
export function specOf(name: string, { program, args, env }: Command, host: Host): DaemonSpec {
  const found = host.program(program);
  const path = 'path' in found ? found.path : program;
  return { name, path, args, env: { ...process.env, ...env }, mark: name };
}

/** Starts a daemon. */
export function startDaemon(spec: DaemonSpec, output: Output): Daemon {
  const { spawn } = process.getBuiltinModule('node:child_process');
  const words = (name: string) => tiedToUs([name, ...spec.args], spec.user);
  const isDirect = words(spec.path)[0] === spec.path;
  const [file = spec.path, ...args] = words(isDirect ? spec.path : nameForSetpriv(spec));
  const pipes = spec.mark === undefined ? undefined : { 1: makePipe(), 2: makePipe() };
  const options: SpawnOptions = {
    env: spec.env,
    // A session of its own, so that whatever it starts can be told from what others have started. On
    // a terminal it stays in ours, which is the one that the terminal's keys reach.
    detached: pipes !== undefined || !process.getBuiltinModule('node:tty').isatty(0),
    stdio: pipes ? ['ignore', pipes[1].to, pipes[2].to] : [0, 1, 2],
    ...(spec.cwd !== undefined && { cwd: spec.cwd }),
    ...(isDirect && spec.argv0 !== undefined && { argv0: spec.argv0 }),
  };
  closeOthersOnExec();
  const child = withFileLimit(spec.nofile, () => spawn(file, args, options));
  const followed = pipes ? listen(pipes, spec, output) : [];
  return watch(spec.name, child, followed, !options.detached);
}

/** setpriv looks in PATH, where we look in the sbin directories as well, and passes on the name that it is given. */
function nameForSetpriv({ path, argv0 = path, env }: DaemonSpec): string {
  const isInPath = (env['PATH'] ?? '').split(':').includes(dirname(path));
  return isInPath && !argv0.includes('/') ? argv0 : path;
}

/** Does something with another soft limit on open files, which a child made meanwhile inherits. */
function withFileLimit<T>(nofile: number | undefined, make: () => T): T {
  if (nofile === undefined) return make();
  const ours = fileLimits().soft;
  setSoftFileLimit(nofile);
  try {
    return make();
  } finally {
    setSoftFileLimit(Number(ours));
  }
}

function listen(
  pipes: Record<1 | 2, { readonly from: number; readonly to: number }>,
  { mark = '', hear, stdout = 1 }: DaemonSpec,
  output: Output,
): Followed[] {
  const { closeSync } = process.getBuiltinModule('node:fs');
  const { Socket } = process.getBuiltinModule('node:net');
  return ([1, 2] as const).map((descriptor) => {
    const { from, to } = pipes[descriptor];
    // The daemon has it now; held open by us too, the pipe would never end.
    closeSync(to);
    const stream = new Socket({ fd: from, readable: true, writable: false });
    return output.follow(stream, descriptor === 1 ? stdout : 2, mark, hear);
  });
}

function watch(
  name: string,
  child: ChildProcess,
  followed: readonly Followed[],
  sharesTerminal: boolean,
): Daemon {
  let end: End | undefined;
  const gone = new Promise<End>((resolve) => {
    const finish = (found: End) => {
      end ??= found;
      resolve(end);
    };
    child.on('exit', (code, signal) => finish(signal ? { signal } : { status: code ?? 0 }));
    // Also emitted when a signal could not be sent: then it has not ended.
    child.on('error', (error) => {
      if (child.pid !== undefined) return;
      finish({ never: errnoWords(error), code: errnoOf(error) === 'ENOENT' ? 127 : 126 });
    });
  });
  return {
    name,
    pid: child.pid ?? 0,
    sharesTerminal,
    ended: () => end,
    gone,
    lastLines: () => followed.flatMap((one) => one.lastLines()),
    drained: async (limitMs) => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise((resolve) => {
        timer = setTimeout(resolve, limitMs);
      });
      await Promise.race([Promise.all(followed.map(({ ended }) => ended)), late]);
      clearTimeout(timer);
    },
    send: (signal) => void (end === undefined && child.pid !== undefined && child.kill(signal)),
  };
}

/** How a daemon is ended. */
export interface Ending {
  /** The signal that asks it to end. */
  readonly signal: NodeJS.Signals;
  /** How long it may take after that, in milliseconds. */
  readonly graceMs: number;
  /** Shortens the grace to a second. */
  readonly hurry: AbortSignal;
  /** Ends all patience. */
  readonly over: AbortSignal;
  /** Is told when it has not ended in time, and is killed. */
  readonly onKill: (daemon: Daemon) => void;
  /** The processes that have to be gone with it: what it has started. */
  readonly others: () => readonly number[];
  readonly changes: Changes;
}

// What outlives its daemon has been told to end, and may take this long.
const leftoverGraceMs = 500;
const hurriedGraceMs = 1000;
const killAgainMs = 20;
const askAgainMs = 20;
// Only what hangs in the kernel takes longer to end after SIGKILL.
const killedMs = 100;

/**
 * Ends a daemon with everything that it has started: the signal to it alone, which is to end what is
 * its own, then its grace, then SIGKILL for its whole group; and whatever has outlived it likewise.
 */
export async function endDaemon(daemon: Daemon, how: Ending): Promise<void> {
  const { changes, over } = how;
  const isGone = () => daemon.ended() !== undefined;
  if (!isGone()) {
    const begun = Date.now();
    const patience = AbortSignal.any([how.hurry, over]);
    const restMs = () => how.graceMs - (Date.now() - begun);
    while (askToEnd(daemon, how.signal) === 'lost' && restMs() > 0 && !patience.aborted && !isGone()) {
      await changes.until(isGone, Math.min(askAgainMs, restMs()), patience);
    }
    await changes.until(isGone, restMs(), patience);
    if (how.hurry.aborted) await changes.until(isGone, Math.min(hurriedGraceMs, restMs()), over);
    if (!isGone()) how.onKill(daemon);
    if (!isGone()) killGroup(daemon.pid);
    daemon.send('SIGKILL');
    // Not cut short by the end of all patience: its end, which comes at once, tells our exit code.
    await changes.until(isGone, killedMs, new AbortController().signal);
  }
  const noneLeft = () => how.others().length === 0;
  if (noneLeft()) return;
  for (const pid of how.others()) {
    signalTo(pid, 'SIGTERM');
    signalTo(pid, 'SIGCONT');
  }
  await changes.until(noneLeft, leftoverGraceMs, over);
  // Again, since what is killed may just have made another.
  while (!noneLeft() && !over.aborted) {
    for (const pid of how.others()) signalTo(pid, 'SIGKILL');
    await changes.until(noneLeft, killAgainMs, over);
  }
}

/**
 * Asks a daemon to end.
 *
 * One that is still starting may ignore the signal for a moment (uwsgi does while it loads its
 * plugins), and would never know of it: the signal is lost, and has to be sent again.
 */
function askToEnd(daemon: Daemon, signal: NodeJS.Signals): 'told' | 'lost' {
  const ignores = () => dispositionOf(daemon.pid, constants.signals[signal]) === 'ignored';
  const before = ignores();
  daemon.send(signal);
  // One that is stopped (SIGSTOP, Ctrl-Z) sees no other signal before this one.
  daemon.send('SIGCONT');
  return before || ignores() ? 'lost' : 'told';
}

/** SIGKILL to the group that a daemon of ours leads; never to a group that we did not make. */
function killGroup(leader: number): void {
  if (leader > 1) signalTo(-leader, 'SIGKILL');
}

/** Sends a signal to a process or, with a negative number, to a group, which may be gone already. */
export function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended, or it is one that we may not signal.
  }
}
