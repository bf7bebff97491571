/** Campaigning: a candidate's way from the first lease to the certainty that nobody else's maestro runs. */
import { encode, post, requestWords } from '../etcd/gateway.ts';
import type { Election, Task } from '../plan.ts';
import { pause } from '../process/child.ts';
import { type Lease, revoke, takeLease, timesOf } from './lease.ts';
import { keyName, type Observer, rawKey } from './observe.ts';
import { type HeldOffice, holdOffice } from './office.ts';
import type { Quorum } from './quorum.ts';
import { keys, type Reign } from './records.ts';
import { answerLimitMs, parsed, type Store } from './store.ts';

/** What a candidate campaigns with. */
export interface Candidate {
  readonly election: Election;
  readonly store: Store;
  readonly observer: Observer;
  readonly quorum: Quorum;
  /** Tells this leader process apart from every other. */
  readonly process: string;
  readonly task: Task | undefined;
  readonly by: string;
  readonly wake: (inMs?: number) => void;
  readonly stop: AbortSignal;
}

// SIGKILL ends maestro in milliseconds; on a machine that is busy it may take this long until all is gone.
const killMs = 300;
const shortestPauseMs = 20;
const longestPauseMs = 500;

/** For how long whoever follows without a hand-over has to wait, in milliseconds. */
export const graceOf = (leaseMs: number): number => timesOf(leaseMs).believesMs + killMs;

/**
 * Campaigns until it has won, and nobody else's maestro can run any more.
 *
 * @param formerLease one of ours that is of no use any more, and is given back as soon as there is a quorum
 * @returns undefined once `stop` is aborted
 */
export async function campaign(candidate: Candidate, formerLease?: string): Promise<HeldOffice | undefined> {
  const { stop, election } = candidate;
  let former = formerLease;
  for (;;) {
    const lease = await firstLease(candidate);
    if (!lease) return undefined;
    if (former !== undefined)
      await revoke(election.url, former, patienceOf(candidate)).catch(() => undefined);
    const office = await tryOnce(candidate, lease).catch(() => undefined);
    if (office && !office.lost.aborted) return office;
    lease.drop();
    if (stop.aborted) return undefined;
    former = lease.id;
    await pause(shortestPauseMs, stop);
  }
}

const patienceOf = ({ stop }: Candidate) => ({ limitMs: answerLimitMs, stop });

/** A lease, as soon as there is a quorum. */
async function firstLease(candidate: Candidate): Promise<Lease | undefined> {
  const { election, quorum, stop } = candidate;
  for (let pauseMs = shortestPauseMs; !stop.aborted; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
    try {
      const lease = await takeLease(election.url, election.leaseMs, patienceOf(candidate));
      quorum.heard();
      lease.onKept(quorum.heard);
      lease.onMissed(quorum.missed);
      return lease;
    } catch (error) {
      quorum.missed(requestWords(error));
      await pause(pauseMs, stop);
    }
  }
  return undefined;
}

/** One candidature, with one lease; undefined if it came to nothing. */
async function tryOnce(candidate: Candidate, lease: Lease): Promise<HeldOffice | undefined> {
  const { election, store, stop } = candidate;
  const { url, peers } = election;
  const over = AbortSignal.any([stop, lease.gone]);
  const words = { name: rawKey(keys.leader, election), lease: lease.id, value: encode(peers.self.name) };
  const won = await post(url, 'election/campaign', words, { limitMs: Number.POSITIVE_INFINITY, stop: over });
  const { key, rev } = won['leader'] as { key: string; rev: string };
  const own = keyName(key, election);
  // etcd may say so of a key that is gone with its lease while the question was open (tried, 3.4).
  if ((await store.read(own))?.made !== rev) return undefined;
  const office = holdOffice({ ...candidate, lease, key: own, rev });
  const stopped = () => office.lose('it was told to stop');
  stop.addEventListener('abort', stopped, { once: true });
  const before = parsed<Reign>((await store.read(keys.reign))?.text);
  const isOrderly =
    before === undefined || before.ended !== undefined || before.process === candidate.process;
  // It may not know yet that it leads no longer. What it believes, it has written down itself.
  if (!isOrderly) await pause(before.believesMs, office.lost);
  stop.removeEventListener('abort', stopped);
  const isOurs = !office.lost.aborted && (await office.begin(reignOf(candidate, before)));
  if (isOurs) return office;
  office.lose('another one leads');
  return undefined;
}

function reignOf({ election, process }: Candidate, before: Reign | undefined): Reign {
  const after = before && { member: before.member, why: before.ended?.why ?? 'its lease had run out' };
  return {
    member: election.peers.self.name,
    process,
    since: new Date().toISOString(),
    believesMs: graceOf(election.leaseMs),
    ...(after && { after }),
  };
}
