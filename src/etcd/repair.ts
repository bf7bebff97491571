/** Has members that have lost their data made members anew, by the one that leads. */
import type { Log } from '../log.ts';
import type { Election, Peer } from '../plan.ts';
import { pause } from '../process/child.ts';
import { askDoorman, type Card, cardOf, isSameList } from './doorman.ts';
import { GatewayError, type Patience, post, requestWords } from './gateway.ts';
import { type Member, membersOfAnswer } from './peers.ts';

// A peer port answers in some milliseconds.
const askLimitMs = 1000;
// Longer than etcd's own patience without a quorum.
const changeLimitMs = 10_000;
// etcd refuses changes until all have been connected for 5 s, also after each change ("unhealthy cluster").
const retryMs = 150;
const tellAfterMs = 15_000;

/** What a repair works with. */
interface Repair {
  readonly election: Election;
  readonly list: readonly string[];
  readonly log: Log;
  readonly stop: AbortSignal;
  /** Of each member, the doorman that was told of. */
  readonly told: Map<string, string>;
}

/**
 * Looks after the other members until `stop` is aborted.
 *
 * An etcd with an empty directory must not come back as the member that it was, since it has forgotten how
 * it has voted. So where a doorman says that it has nothing, and the cluster has that member with data, the
 * member is removed and added anew. It cannot do that itself: clients are served on loopback only.
 *
 * Several may do this at once, or one after another in the middle of it: what was seen is only acted on by
 * the id that etcd gave to the very member that has lost its data, and whatever fails begins with looking.
 * A member that cannot be reached is left alone. Never throws.
 */
export async function repairMembers(
  election: Election,
  { log, stop }: { readonly log: Log; readonly stop: AbortSignal },
): Promise<void> {
  const { self, all } = election.peers;
  const others = all.filter(({ name }) => name !== self.name);
  const repair = { election, log, stop, list: cardOf(election.peers).list, told: new Map() };
  while (!stop.aborted) {
    // One after the other: with two changes at once, a cluster may lose its quorum.
    const waiting = await Promise.all(others.map((peer) => isEmpty(peer, repair)));
    for (const [at, peer] of others.entries()) if (waiting[at]) await renew(peer, repair);
    await pause(election.leaseMs, stop);
  }
}

/** The doorman of a member, if one waits there with our list. */
async function isEmpty({ name, url }: Peer, { election, list, stop }: Repair): Promise<Card | undefined> {
  const patience = { limitMs: askLimitMs, stop };
  const card = await askDoorman(url, undefined, election.peers.tls, patience).catch(() => undefined);
  return card?.name === name && isSameList(card.list, list) ? card : undefined;
}

/** Makes a member anew, if that is what its doorman waits for. */
async function renew(peer: Peer, repair: Repair): Promise<void> {
  const { stop, log } = repair;
  const begun = performance.now();
  let isTold = false;
  while (!stop.aborted) {
    let why: string;
    try {
      if (await isRenewed(peer, repair)) return;
      continue;
    } catch (error) {
      why = requestWords(error);
      // A wrong path or body is no matter of time; nor is there anybody to ask when our own etcd has ended.
      if (!(error instanceof GatewayError)) return;
    }
    if (performance.now() - begun > tellAfterMs && !isTold && !stop.aborted) {
      isTold = true;
      void log('warn', `${peer.name} is still not made a member: ${why}; it is tried again`);
    }
    await pause(retryMs, stop);
  }
}

/**
 * Does the next step for a member whose doorman waits.
 *
 * @returns whether there is none
 * @throws what etcd refuses for now
 */
async function isRenewed(peer: Peer, repair: Repair): Promise<boolean> {
  const { election, stop, log } = repair;
  const patience = { limitMs: changeLimitMs, stop };
  const before = await listMembers(election.url, patience);
  // Asked after the list was: whoever is empty now has lost what the member in the list had.
  const card = await isEmpty(peer, repair);
  if (!card) return true;
  const found = before.find(({ peerUrls }) => peerUrls.includes(peer.url));
  // One that has never started only waits for its turn.
  if (found && found.clientUrls.length === 0) return true;
  const text = found
    ? `${peer.name} has an empty data directory: it is made a member anew`
    : `${peer.name} is no member of etcd's cluster: it is added`;
  if (repair.told.get(peer.name) !== card.id) {
    repair.told.set(peer.name, card.id);
    void log('info', text);
  }
  if (found) await post(election.url, 'cluster/member/remove', { ID: found.id }, patience);
  else await post(election.url, 'cluster/member/add', { peerURLs: [peer.url] }, patience);
  return false;
}

const listMembers = async (url: string, patience: Patience): Promise<Member[]> =>
  membersOfAnswer(await post(url, 'cluster/member/list', {}, patience));
