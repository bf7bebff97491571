/** Waits until etcd is healthy. */
import type { Probe } from '../plan.ts';
import { pause } from '../process/child.ts';
import { whyUnhealthy } from './gateway.ts';

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
  for (;;) {
    const limitMs = Math.max(1, until - Date.now());
    const because = await whyUnhealthy(probe.url, { limitMs, stop: given.stop });
    if (because === undefined || given.stop.aborted || given.over()) return because;
    // A tenth of what has been waited already, so that a slow start is neither hammered nor missed by much.
    const pauseMs = Math.min(2 + (Date.now() - begun) / 10, longestPauseMs);
    if (Date.now() + pauseMs > until) return because;
    await pause(pauseMs, given.stop);
  }
}
