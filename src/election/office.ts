/** Being the elected one: held for as long as it is known to be, and handed over in an orderly way. */
import { requestWords, revisionOf } from '../etcd/gateway.ts';
import type { Election, Task } from '../plan.ts';
import type { Office } from '../process/means.ts';
import type { Lease } from './lease.ts';
import { timesOf } from './lease.ts';
import type { Observer } from './observe.ts';
import { type Applied, keys, type Reign } from './records.ts';
import { answerLimitMs, openStore, parsed, type Store } from './store.ts';

/** What an office is held with. */
export interface Held {
  readonly election: Election;
  readonly store: Store;
  readonly observer: Observer;
  readonly lease: Lease;
  /** Our key of etcd's election, without the prefix, and the revision in which it was made. */
  readonly key: string;
  readonly rev: string;
  readonly task: Task | undefined;
  /** SHA-256 of the program that puts the file into etcd. */
  readonly by: string;
  /** Has the kernel continue us at a moment, should somebody have stopped us; without one, no more. */
  readonly wake: (inMs?: number) => void;
}

// A hand-over takes some milliseconds; without a quorum it cannot be made, and nobody can follow either.
const handOverLimitMs = 1000;
// So that what is woken finds that its time is over.
const lateMs = 10;

/** An office that was won, and not begun yet. */
export interface HeldOffice extends Office {
  /** The id of the lease that it hangs on. */
  readonly lease: string;
  /** Writes down that our reign begins, if it is still ours to begin. */
  begin(reign: Reign): Promise<boolean>;
}

/** Holds it, until it is lost or handed over. */
export function holdOffice(held: Held): HeldOffice {
  const { election, store, observer, lease, key, rev, task, wake } = held;
  const { believesMs } = timesOf(election.leaseMs);
  const lost = new AbortController();
  const mine = { key, made: rev };
  let text = '';
  let timer: NodeJS.Timeout | undefined;
  const lose = (why: string) => {
    // One that is over must not touch the timer of the one that came after it.
    if (lost.signal.aborted) return;
    clearTimeout(timer);
    lost.abort(why);
    // Only now that main is killed: whoever has stopped us may do so again at any moment.
    wake();
  };
  const arm = () => {
    clearTimeout(timer);
    if (lost.signal.aborted) return;
    const restMs = lease.believedUntil() - performance.now();
    if (restMs <= 0) return lose(`etcd was not heard of for ${believesMs / 1000} s`);
    timer = setTimeout(arm, restMs + 1);
    wake(restMs + lateMs);
  };
  lease.onKept(arm);
  lease.gone.addEventListener('abort', () => lose('its lease had ended'), { once: true });
  const seeDeleted = () => {
    if (observer.text(key) === undefined) lose('its key was deleted');
  };
  observer.on((changed, now) => {
    if (changed === key && now === undefined) lose('its key was deleted');
  });
  observer.onRead(seeDeleted);
  arm();
  return {
    lease: lease.id,
    lost: lost.signal,
    lose,
    begin: async (reign) => {
      text = JSON.stringify(reign);
      return store.change([mine], [{ key: keys.reign, text }]);
    },
    mustApply: async (digest) => {
      const applied = parsed<Applied>((await store.read(keys.applied))?.text);
      if (!task || applied?.digest !== digest || applied.by !== held.by) return true;
      return String(await lastUpdated(election, task, lost.signal)) !== applied.revision;
    },
    hasApplied: async (file) => {
      const revision = task && (await lastUpdated(election, task, lost.signal));
      const applied: Applied = {
        ...file,
        by: held.by,
        revision: String(revision ?? ''),
        at: new Date().toISOString(),
      };
      await store.change([mine], [{ key: keys.applied, text: JSON.stringify(applied) }]);
    },
    handOver: async (why) => {
      lose(why);
      const ended: Reign = {
        ...(JSON.parse(text || '{}') as Reign),
        ended: { at: new Date().toISOString(), why },
      };
      const release = { key: keys.reign, text: JSON.stringify(ended) };
      // Not to be ended by the end of all, which it is a part of.
      const last = openStore(election, new AbortController().signal);
      // Our key goes with it, so that whoever is next finds at once how it ended.
      const changing = text
        ? last.change([{ key: keys.reign, text }], [release, { key }])
        : Promise.resolve(false);
      const { promise: late, resolve } = Promise.withResolvers<string>();
      const clock = setTimeout(resolve, handOverLimitMs, 'it took too long');
      const failed = await Promise.race([changing.then(() => '', requestWords), late]);
      clearTimeout(clock);
      lease.drop();
      return failed === '';
    },
  };
}

/** When maestro's configuration was written last: the revision of the key that is written last of all. */
const lastUpdated = ({ url }: Election, { leaves }: Task, stop: AbortSignal): Promise<bigint | undefined> =>
  revisionOf(url, leaves.key, { limitMs: answerLimitMs, stop });
