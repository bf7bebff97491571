/** What tests of the supervisor share: the probe program, a look at processes, and how others start us. */
import { mkdirSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { commandLine, processesNaming } from './machine.ts';
import { program, repository, run, type Started, type StartOptions, start, until } from './program.ts';
import { makeSite, type Site } from './site.ts';

/** The words that start the probe, which tells of the signals that it gets (test/standins/probe.ts). */
export const probe = (...words: readonly string[]): string[] => [
  process.execPath,
  join(repository, 'test/standins/probe.ts'),
  ...words,
];

/** Every signal of 1 to 31 that can be caught, but for SIGCHLD, in the order of their numbers, but INT and TERM last. */
export const catchable = [
  ...[
    'SIGHUP',
    'SIGQUIT',
    'SIGILL',
    'SIGTRAP',
    'SIGABRT',
    'SIGBUS',
    'SIGFPE',
    'SIGUSR1',
    'SIGSEGV',
    'SIGUSR2',
  ],
  ...['SIGPIPE', 'SIGALRM', 'SIGSTKFLT', 'SIGCONT', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGXCPU'],
  ...['SIGXFSZ', 'SIGVTALRM', 'SIGPROF', 'SIGWINCH', 'SIGIO', 'SIGPWR', 'SIGSYS', 'SIGINT', 'SIGTERM'],
] as NodeJS.Signals[];

/** The signals that a probe has told of so far; a terminal puts its own `^C` before one. */
export const heard = ({ stdout }: Pick<Started, 'stdout'>): string[] =>
  [...stdout().matchAll(/^(?:\^C)?got (SIG\w+)\r?$/gm)].map(([, signal]) => signal ?? '');

/**
 * What a probe has heard but for any SIGCONT after the first: a stop sends one, in case that main is
 * stopped, and what arrives at once is taken in any order.
 */
export const heardInOrder = (started: Pick<Started, 'stdout'>): string[] =>
  heard(started).filter((signal, at, all) => signal !== 'SIGCONT' || at === all.indexOf(signal));

/** Waits until a program has ended itself, though others may still hold its output open. */
export function hasExited({ child }: Started): Promise<void> {
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  return isOver() ? Promise.resolve() : new Promise((resolve) => child.once('exit', () => resolve()));
}

/** Waits until a program has said that it is ready. */
export const isReady = (started: Started): Promise<true> =>
  until(
    `the program is ready (${started.stderr()})`,
    () => /^ready\r?$/m.test(started.stdout()) || undefined,
  );

/** A site whose programs are supervised. Whatever still names the site when its test has finished is killed. */
export function supervised(settings: NodeJS.ProcessEnv = {}): Site {
  const site = makeSite({ LDMS_ENTRYPOINT_SUPERVISE: '1', ...settings });
  onTestFinished(() => killAll(processesNaming(site.root)));
  return site;
}

/** Kills processes, by pid; those that are gone already are no matter. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) sendTo(pid, 'SIGKILL');
}

/** What has to be there; an error that names it if it is not. A pid is never made up: 0 would be our own group. */
export function there<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new Error(`there is no ${what}`);
  return found;
}

/** Sends a signal; false if there is no such process. */
export function sendTo(pid: number, signal: NodeJS.Signals): boolean {
  // 0 would be our own group, and what is less, another's or everybody.
  if (!(pid > 1)) return false;
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** Our own process on a terminal that was started with nothing in front of us. */
export const leaderOn = (terminal: Started): number =>
  there(below(terminal.pid).find(({ pid }) => commandLine(pid)[0] === program)?.pid, 'process of ours');

/** A process as /proc/PID/stat has it. */
export interface Seen {
  readonly pid: number;
  readonly parent: number;
  readonly comm: string;
  /** R, S, D, T, Z and so on. */
  readonly state: string;
}

/** Looks at a process; undefined if there is none. */
export function see(pid: number): Seen | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [, comm = '', state = '', parent] = /^\d+ \((.*)\) (\S) (\d+)/s.exec(stat) ?? [];
    return { pid, comm, state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

/** Every process below another, zombies and all, parents before their children. */
export function below(ancestor: number): Seen[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => see(Number(name)) ?? []);
  const found: Seen[] = [];
  for (let above = [ancestor]; above.length > 0; ) {
    const children = all.filter(({ parent }) => above.includes(parent));
    found.push(...children);
    above = children.map(({ pid }) => pid);
  }
  return found;
}

/** The zombies below a process. */
export const zombiesBelow = (pid: number): Seen[] => below(pid).filter(({ state }) => state === 'Z');

/** The words that start something as PID 1 of a PID namespace, with a /proc of its own. */
export const asFirst = (...words: readonly string[]): string[] => [
  ...['unshare', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'],
  ...words,
];

/** Starts words; the first is the program. */
export const startWords = ([file = '', ...args]: readonly string[], options?: StartOptions): Started =>
  start(file, args, options);

/** The child of a program that waits for it, such as unshare's: the process that is PID 1. */
export const childOf = (started: Started): Promise<number> =>
  until('it has a child', () => below(started.pid)[0]?.pid);

/** A program on a terminal of its own, which somebody types at. */
export interface OnTerminal extends Started {
  type(text: string): void;
}

/** Starts words on a pseudo terminal, by script(1). */
export async function startOnTerminal(
  words: readonly string[],
  site: Pick<Site, 'env' | 'path'>,
): Promise<OnTerminal> {
  const keys = await makeFifo(site, `keys-${Math.random()}`);
  // Open for both, so that neither open nor read waits for the other side.
  const fd = openSync(keys, 'r+');
  const quoted = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const started = start('script', ['-qec', `exec ${quoted}`, '/dev/null'], {
    env: { ...site.env, SHELL: '/bin/sh', TERM: 'dumb', PS1: 'prompt> ' },
    stdio: [fd, 'pipe', 'pipe'],
  });
  onTestFinished(() => killAll([...below(started.pid).map(({ pid }) => pid), started.pid]));
  return { ...started, type: (text) => void writeSync(fd, text) };
}

/** Makes a FIFO in a site. */
export async function makeFifo(site: Pick<Site, 'path'>, name: string): Promise<string> {
  const path = site.path(name);
  mkdirSync(dirname(path), { recursive: true });
  await run('mkfifo', [path]);
  return path;
}

/** A line of shell that waits for ever, without a child of its own. The FIFO is one of `makeFifo`. */
export const stays = (fifo: string): string => `exec 3<>'${fifo}'; while :; do read -r _ <&3; done`;

/** Us as the supervisor of words; `samp` runs a first word that is a program in ldmsd's place. */
export const supervising = (...words: readonly string[]): string[] => [program, 'samp', ...words];
