/** Waits until etcd is healthy. */
import type { Probe } from '../plan.ts';
import { pause } from '../process/child.ts';
import { noAnswer, whyUnhealthy } from './gateway.ts';

const longestPauseMs = 500;

/**
 * Asks again and again, with growing pauses, until etcd is healthy or the deadline passes.
 *
 * @param given ends the wait early: `stop` when the start is abandoned, `over` when etcd has ended
 * @returns undefined when it is healthy, or what was wrong last
 */
export async function awaitEtcd(
  probe: Extract<Probe, { kind: 'etcd' }>,
  given: { stop: AbortSignal; over: () => boolean },
): Promise<string | undefined> {
  const begun = Date.now();
  const until = begun + probe.deadlineMs;
  let because: string | undefined;
  for (;;) {
    const limitMs = Math.max(1, until - Date.now());
    const now = await whyUnhealthy(probe.url, { limitMs, stop: given.stop });
    if (now === undefined || given.stop.aborted || given.over()) return now;
    // The last question has little time for its answer: what an earlier one told tells more.
    because = now === noAnswer ? (because ?? now) : now;
    // A tenth of what has been waited already, so that a slow start is neither hammered nor missed by much.
    const pauseMs = Math.min(2 + (Date.now() - begun) / 10, longestPauseMs);
    if (Date.now() + pauseMs > until) return because;
    await pause(pauseMs, given.stop);
  }
}
