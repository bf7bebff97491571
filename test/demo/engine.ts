/** Containers of a real engine in a demo: each is started, waited for until it serves, and stopped. */
import { execa } from 'execa';
import { failure, type Patience, until } from './proc.ts';
import { elapsedMs, event, table } from './timeline.ts';

/** A container of a demo's, with what was seen of it; times in milliseconds. */
export interface Seen {
  /** What the demo calls it. */
  readonly label: string;
  /** Its own name in the engine, which no other container has. */
  readonly id: string;
  startedMs?: number;
  readyMs?: number;
  stopMs?: number;
  code?: number;
  /** Whether what serves in it is a stand-in. */
  isStandIn?: boolean;
}

/** Runs the engine's program to its end. */
export type Docker = (
  ...words: string[]
) => Promise<{ exitCode?: number | undefined; stdout: string; stderr: string }>;

/** An engine's program, which never throws. */
export const dockerOf =
  (engine: string): Docker =>
  (...words) =>
    execa(engine, words, { reject: false, stdin: 'ignore' });

/**
 * Does something with all at once. When one fails, the others are told to stop, and are waited for: nothing goes
 * on behind the back of whoever tidies up.
 *
 * @throws what the first failed with
 */
export async function allAtOnce<One>(
  all: readonly One[],
  patience: Patience,
  act: (one: One, patience: Patience) => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  const own = { ...patience, stop: AbortSignal.any([patience.stop, over.signal]) };
  const failures: unknown[] = [];
  const acts = all.map((one) =>
    act(one, own).catch((error: unknown) => {
      failures.push(error);
      over.abort();
    }),
  );
  await Promise.all(acts);
  if (failures.length > 0) throw failures[0];
}

/** Starts a container by a command that somebody could type. */
export async function startSeen(
  seen: Seen,
  start: () => Promise<{ exitCode?: number | undefined; stderr: string }>,
): Promise<void> {
  seen.startedMs = elapsedMs();
  const { exitCode, stderr } = await start();
  if (exitCode !== 0) throw failure(seen.label, `docker run failed: ${stderr}`);
}

/**
 * Waits until a command in a container succeeds.
 *
 * @param asked the command: `ldms-entrypoint health`, or `true` where nothing serves
 */
export async function untilServes(
  seen: Seen,
  asked: readonly string[],
  docker: Docker,
  patience: Patience,
): Promise<void> {
  let said = '';
  let isRunning = false;
  const state = ['inspect', '--format', '{{.State.Running}} {{.State.ExitCode}}', seen.id];
  const healthy = async () => {
    const { stdout } = await docker(...state);
    isRunning = stdout.startsWith('true');
    if (!isRunning) {
      const logs = await docker('logs', '--tail', '5', seen.id);
      throw failure(
        seen.label,
        `it ended with ${stdout.split(' ')[1]}: ${[logs.stderr, logs.stdout].filter(Boolean).join(' | ')}`,
      );
    }
    const { exitCode, stdout: answer } = await docker('exec', seen.id, ...asked);
    said = answer.trim();
    return exitCode === 0;
  };
  await until(seen.label, 'it to be healthy', healthy, patience).catch((error: unknown) => {
    if (error instanceof Error && said && isRunning) error.message += `; health says: ${said}`;
    throw error;
  });
  seen.readyMs = elapsedMs() - (seen.startedMs ?? 0);
  const { stderr, stdout } = await docker('logs', seen.id);
  seen.isStandIn = /stand-in/.test(stdout + stderr);
  event(seen.label, `healthy${seen.isStandIn ? ', with a stand-in for the daemon' : ''}`);
}

/** Stops a container as `docker stop` does, looks how it ended, and removes it. */
export async function stopSeen(seen: Seen, docker: Docker): Promise<void> {
  const begun = elapsedMs();
  const { exitCode } = await docker('stop', seen.id);
  if (exitCode === 0) {
    seen.stopMs = elapsedMs() - begun;
    seen.code = Number((await docker('inspect', '--format', '{{.State.ExitCode}}', seen.id)).stdout);
  }
  await docker('rm', '-f', '-v', seen.id);
}

/** Whether a container had to be killed (128 + 9), or was never there. */
export const wasKilled = ({ code }: Seen): boolean => code === 137;

/**
 * How each container came and went.
 *
 * @param what the heading of the first column
 */
export function tellEnds(what: string, all: readonly Seen[]): void {
  const took = (ms: number | undefined) => (ms === undefined ? '' : `${ms.toFixed(0)} ms`);
  table([
    [what, 'docker run → healthy', 'docker stop → gone', 'exit code'],
    ...all.map(({ label, readyMs, stopMs, code }) => [
      label,
      took(readyMs),
      took(stopMs),
      String(code ?? ''),
    ]),
  ]);
}
