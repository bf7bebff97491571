/** Answering roll-calls: that this member runs, as what, and how far its etcd is. */
import { post } from '../etcd/gateway.ts';
import type { Election } from '../plan.ts';
import type { Observer } from './observe.ts';
import { type Here, keys, type RollCall } from './records.ts';
import { answerLimitMs, parsed, type Store } from './store.ts';

/**
 * Answers each roll-call that is made from now on. Whoever calls waits for a second only: an answer that
 * cannot be given is not given later.
 *
 * @param role what this member is at the moment
 * @param version of ldms-entrypoint
 */
export function answerRollCalls(
  election: Election,
  store: Store,
  observer: Observer,
  role: () => Here['role'],
  version: string,
): void {
  let hasRead = false;
  // One that was there before was made for others.
  observer.onRead(() => {
    hasRead = true;
  });
  const answer = async (call: string) => {
    const patience = { limitMs: answerLimitMs, stop: new AbortController().signal };
    const raft = await post(election.url, 'maintenance/status', {}, patience);
    const { member_id: own } = (raft['header'] ?? {}) as { member_id?: string };
    const here: Here = {
      call,
      role: role(),
      version,
      // An etcd before 3.4 does not tell how far it has carried the log out.
      raftIndex: String(raft['raftAppliedIndex'] ?? raft['raftIndex'] ?? 0),
      isRaftLeader: own !== undefined && raft['leader'] === own,
    };
    await store.write(keys.here(election.peers.self.name), here);
  };
  observer.on((key, text) => {
    const call = key === keys.call && hasRead ? parsed<RollCall>(text) : undefined;
    if (call) void answer(call.id).catch(() => undefined);
  });
}
