/** Waits until etcd is healthy, or serves the other members. */
import type { Probe } from '../plan.ts';
import { pause } from '../process/child.ts';
import { noAnswer, type Patience, whyUnhealthy } from './gateway.ts';
import { whyNotServing } from './peers.ts';

const longestPauseMs = 500;
// An etcd that has its port, but does not serve it yet, would hold a question up to the end.
const memberLimitMs = 1000;

/** Ends a wait early: `stop` when the start is abandoned, `over` when etcd has ended. */
interface Wait {
  readonly stop: AbortSignal;
  readonly over: () => boolean;
}

/**
 * Asks again and again, with growing pauses, until etcd is healthy or the deadline passes.
 *
 * @returns undefined when it is healthy, or what was wrong last
 */
export const awaitEtcd = (
  { url, deadlineMs }: Extract<Probe, { kind: 'etcd' }>,
  wait: Wait,
): Promise<string | undefined> => askUntil((patience) => whyUnhealthy(url, patience), deadlineMs, wait);

/**
 * The same until etcd serves its peer port. That takes no quorum: where several are started, the first
 * has to be ready without the others.
 *
 * @returns undefined when it does, or what was wrong last
 */
export const awaitMember = (
  { peers, deadlineMs }: Extract<Probe, { kind: 'member' }>,
  wait: Wait,
): Promise<string | undefined> =>
  askUntil(
    ({ limitMs, stop }) => whyNotServing(peers, { limitMs: Math.min(limitMs, memberLimitMs), stop }),
    deadlineMs,
    wait,
  );

async function askUntil(
  why: (patience: Patience) => Promise<string | undefined>,
  deadlineMs: number,
  { stop, over }: Wait,
): Promise<string | undefined> {
  const begun = Date.now();
  const until = begun + deadlineMs;
  let because: string | undefined;
  for (;;) {
    const now = await why({ limitMs: Math.max(1, until - Date.now()), stop });
    if (now === undefined || stop.aborted || over()) return now;
    // The last question has little time for its answer: what an earlier one told tells more.
    because = now === noAnswer ? (because ?? now) : now;
    // A tenth of what has been waited already, so that a slow start is neither hammered nor missed by much.
    const pauseMs = Math.min(2 + (Date.now() - begun) / 10, longestPauseMs);
    if (Date.now() + pauseMs > until) return because;
    await pause(pauseMs, stop);
  }
}
