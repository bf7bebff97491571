/** etcd's lease of a candidate: taken, kept alive, and believed in for no longer than is known to be true. */
import { type Patience, post, requestWords } from '../etcd/gateway.ts';

/** All times that follow from the lease's, in milliseconds. */
export interface Times {
  /** How often the lease is kept alive. */
  readonly keepEachMs: number;
  /** How long etcd may take to answer that. */
  readonly keepLimitMs: number;
  /** For how long after the last answer's question who leads takes itself for the leader. */
  readonly believesMs: number;
}

/** The times for a lease: several questions fit into what is believed, and an election of raft does too. */
export const timesOf = (leaseMs: number): Times => ({
  keepEachMs: leaseMs / 10,
  keepLimitMs: leaseMs / 8,
  believesMs: leaseMs / 2,
});

/** A lease that is being kept alive. */
export interface Lease {
  /** Its id, as etcd writes it: a 64-bit number as text. */
  readonly id: string;
  /** Aborted when etcd says that there is no such lease any more. */
  readonly gone: AbortSignal;
  /** The moment (performance.now()) up to which it may be believed in; clocks of the day do not matter. */
  believedUntil(): number;
  /** Is told each moment in which that grows. */
  onKept(listener: () => void): void;
  /** Is told each time that etcd could not be asked, with the reason. */
  onMissed(listener: (why: string) => void): void;
  /** Keeps it no longer. */
  drop(): void;
}

/**
 * Takes a lease, and keeps it alive until it is dropped, also while a stop is under way.
 *
 * What is believed counts from the moment before the question was sent, so that it is over before etcd's
 * own count, which begins when the question arrives; an answer that comes too late renews nothing.
 *
 * @throws if etcd cannot be asked, as without a quorum
 */
export async function takeLease(url: string, leaseMs: number, patience: Patience): Promise<Lease> {
  const { keepEachMs, keepLimitMs, believesMs } = timesOf(leaseMs);
  const asked = performance.now();
  const { ID: id } = await post(url, 'lease/grant', { TTL: String(leaseMs / 1000) }, patience);
  if (typeof id !== 'string') throw new Error('etcd grants no lease');
  const gone = new AbortController();
  const dropped = new AbortController();
  const listeners = new Set<() => void>();
  const missing = new Set<(why: string) => void>();
  let until = asked + believesMs;
  let isAsking = false;
  const keep = async () => {
    if (isAsking) return;
    isAsking = true;
    const sent = performance.now();
    const soon = { limitMs: keepLimitMs, stop: dropped.signal };
    // Not to be asked is no proof of anything: what is believed runs out by itself.
    let why = '';
    const answer = await post(url, 'lease/keepalive', { ID: id }, soon).catch((error: unknown) => {
      why = requestWords(error);
      return undefined;
    });
    isAsking = false;
    if (dropped.signal.aborted) return;
    if (!answer) {
      for (const listener of missing) listener(why);
      return;
    }
    const { TTL } = (answer['result'] ?? {}) as { TTL?: string };
    // Of a lease that it does not know, etcd leaves out the time to live.
    if (TTL === undefined) return gone.abort();
    until = Math.max(until, sent + believesMs);
    for (const listener of listeners) listener();
  };
  const beat = setInterval(() => void keep(), keepEachMs);
  const drop = () => {
    clearInterval(beat);
    dropped.abort();
  };
  return {
    id,
    gone: gone.signal,
    believedUntil: () => until,
    onKept: (listener) => void listeners.add(listener),
    onMissed: (listener) => void missing.add(listener),
    drop,
  };
}

/** Gives a lease back, with every key that hangs on it; throws if etcd cannot be asked. */
export async function revoke(url: string, id: string, patience: Patience): Promise<void> {
  await post(url, 'lease/revoke', { ID: id }, patience);
}
