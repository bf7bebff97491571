/**
 * Is munge usable? A credential is encoded and decoded through the socket, with munge's own
 * programs: nothing less tells that a munged works, and a socket file tells nothing at all.
 */
import { statSync } from 'node:fs';
import type { Probe } from '../plan.ts';
import { errnoOf } from '../problem.ts';
import { pause, runBriefly } from '../process/child.ts';

/** What a round trip showed; `because` in munge's own words. */
export type RoundTrip = { readonly ok: true } | { readonly ok: false; readonly because: string };

const longestPauseMs = 250;

/**
 * Encodes and decodes one credential.
 *
 * @param socket munged's socket
 * @param limitMs after so many milliseconds the attempt is given up
 * @param stop ends the attempt at once
 */
export async function roundTrip(socket: string, limitMs: number, stop: AbortSignal): Promise<RoundTrip> {
  const until = Date.now() + limitMs;
  const encoded = await runBriefly('munge', ['--no-input', `--socket=${socket}`], { limitMs, stop });
  if (encoded.code !== 0) return failure('munge', encoded);
  const left = Math.max(1, until - Date.now());
  const options = { limitMs: left, stop, input: encoded.stdout };
  const decoded = await runBriefly('unmunge', ['--no-output', `--socket=${socket}`], options);
  return decoded.code === 0 ? { ok: true } : failure('unmunge', decoded);
}

function failure(
  program: string,
  { code, stderr, timedOut }: Awaited<ReturnType<typeof runBriefly>>,
): RoundTrip {
  const words = stderr
    .trim()
    .split('\n')
    .at(-1)
    ?.replace(/^(un)?munge: (Error: )?/, '');
  const because = timedOut ? 'it does not answer' : words || `${program} ended with exit status ${code}`;
  return { ok: false, because };
}

/**
 * Repeats the round trip, with short growing pauses, until it succeeds or the deadline passes.
 *
 * @param probe the socket and the deadline
 * @param given ends the wait early: `stop` when the start is abandoned, `over` when waiting on is
 *   pointless, as when munged has ended
 * @returns undefined on success, or what munge said last
 */
export async function awaitMunge(
  probe: Probe,
  given: { stop: AbortSignal; over: () => boolean },
): Promise<string | undefined> {
  if (probe.kind !== 'munge') return `only munge can be probed here, and not ${probe.kind}`;
  const until = Date.now() + probe.deadlineMs;
  let because = 'nothing answered yet';
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    const missing = noSocket(probe.socket);
    if (missing === undefined) {
      // A client retries a refused connection for 2.25 s, and gives up on a silent munged after 10 s.
      const limitMs = Math.max(1, until - Date.now());
      const trip = await roundTrip(probe.socket, limitMs, given.stop);
      if (trip.ok) return undefined;
      because = trip.because;
    } else {
      because = missing;
    }
    if (given.stop.aborted || given.over() || Date.now() + pauseMs > until) return because;
    await pause(pauseMs, given.stop);
  }
}

/** Why there is no socket to try, told without starting a program for it. */
function noSocket(path: string): string | undefined {
  try {
    return statSync(path).isSocket() ? undefined : `${path} is not a socket`;
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? `${path} does not exist` : `${path}: ${errnoOf(error)}`;
  }
}
