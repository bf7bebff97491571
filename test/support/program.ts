/** Runs the built program, or any other, and tells what a user would see of it. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const repository = join(import.meta.dirname, '../..');
/** The built program that all local tests are about. */
export const program = join(repository, 'dist/ldms-entrypoint');

if (!existsSync(program)) throw new Error('dist/ldms-entrypoint is not built: npm run build');

/** What a finished program left; `code` is 128 + n for one that signal n ended, as a shell has it. */
export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program under way. */
export interface Started {
  readonly pid: number;
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves when it has ended and its output has been read. */
  readonly ended: Promise<Result>;
  kill(signal: NodeJS.Signals): void;
}

/** How to start it. */
export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string;
  readonly stdio?: StdioOptions;
}

const signalNumbers: Record<string, number> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** Starts a program. Everything that is still running when a test file ends is killed. */
export function start(file: string, args: readonly string[], options: StartOptions = {}): Started {
  const child = spawn(file, args, {
    env: options.env ?? process.env,
    cwd: options.cwd ?? '/',
    stdio: options.stdio ?? ['pipe', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
    });
  }
  child.stdin?.on('error', () => undefined).end(options.input);
  const ended = new Promise<Result>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      alive.delete(child);
      resolve({ code: code ?? 128 + (signalNumbers[signal ?? ''] ?? 0), ...output });
    });
  });
  ended.catch(() => undefined);
  alive.add(child);
  return {
    pid: child.pid ?? 0,
    child,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    ended,
    kill: (signal) => child.kill(signal),
  };
}

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** Runs a program to its end. */
export const run = (file: string, args: readonly string[], options?: StartOptions): Promise<Result> =>
  start(file, args, options).ended;

/**
 * Waits until `condition` holds.
 *
 * @param what what a user would be waiting for; it is the failure's message
 * @param deadlineMs generous: it is only reached when something is broken
 */
export async function until<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = 20_000,
): Promise<T> {
  const last = Date.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > last) throw new Error(`waited ${deadlineMs / 1000} s, and still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
