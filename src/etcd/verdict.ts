/** Whether the etcd of a member without data may start, and how, from what is known of the other members. */
import type { Peer, Peers } from '../plan.ts';
import type { Problem } from '../problem.ts';
import { type Card, isSameList } from './doorman.ts';
import type { Member } from './peers.ts';

/** What another member's peer port has said last. */
export type View =
  | { readonly is: 'away'; readonly why: string }
  | { readonly is: 'waiting'; readonly card: Card }
  | { readonly is: 'etcd'; readonly members: readonly Member[] };

/** What is known of the other members, by their names. */
export type Views = ReadonlyMap<string, View>;

/** What is to be done. */
export type Verdict =
  | {
      readonly start: 'new' | 'existing';
      /** The cluster as it is, where that is not our list. */
      readonly cluster?: readonly Peer[];
    }
  | { readonly problem: Problem }
  | { readonly waits: string };

/**
 * Decides what a member with an empty data directory does.
 *
 * A new cluster is only made by all of them together, each with nothing: whoever has data may have voted,
 * and its vote must not be forgotten. For the same reason a member that has lost its data never comes back
 * as the one that it was: it waits until the others have removed it and added it anew. And since one of
 * them may not have heard of that yet, or have just been added itself, all that answer have to say the same.
 */
export function decide(peers: Peers, views: Views): Verdict {
  const others = peers.all.filter(({ name }) => name !== peers.self.name);
  const seen = others.map((peer) => ({ peer, view: views.get(peer.name) }));
  const etcds = seen.flatMap(({ peer, view }) =>
    view?.is === 'etcd' ? [{ peer, members: view.members }] : [],
  );
  if (etcds.length > 0) return besideEtcds(peers, etcds);
  const list = peers.all.map(({ url }) => url);
  const missing = seen.flatMap(({ peer, view }) => {
    const why = whyNotMet(view, list);
    return why === undefined ? [] : [{ peer, why }];
  });
  return missing.length === 0 ? { start: 'new' } : { waits: waitingWords(missing) };
}

function whyNotMet(view: View | undefined, list: readonly string[]): string | undefined {
  if (!view) return 'no answer yet';
  if (view.is === 'away') return view.why;
  if (view.is === 'etcd') return undefined;
  return isSameList(view.card.list, list) ? undefined : 'another list of members there';
}

/** Those with the same reason together: `hostB, hostC: nobody listens there; hostD: its name is not known`. */
function waitingWords(missing: readonly { peer: Peer; why: string }[]): string {
  const reasons = [...new Set(missing.map(({ why }) => why))];
  const groups = reasons.map((reason) => {
    const names = missing.filter(({ why }) => why === reason).map(({ peer }) => peer.name);
    return `${names.join(', ')}: ${reason}`;
  });
  return `waiting for ${groups.join('; ')}`;
}

interface Seen {
  readonly peer: Peer;
  readonly members: readonly Member[];
}

function besideEtcds(peers: Peers, etcds: readonly Seen[]): Verdict {
  const list = peers.all.map(({ url }) => url);
  const foreign = etcds.find(({ members }) => urlsOf(members).some((url) => !list.includes(url)));
  if (foreign) return { problem: otherList(foreign, list) };
  const own = etcds.map(({ members }) => ownState(peers.self, members));
  const names = etcds.map(({ peer }) => peer.name).join(', ');
  if (own.includes('started')) {
    return { waits: `waiting for ${names}: the data directory here is empty, and ${emptied}` };
  }
  if (own.includes('none')) {
    return {
      waits: `waiting for ${names}: this one is no member of their cluster, and has to be added by the one that leads`,
    };
  }
  const first = etcds[0] as Seen;
  const isAgreed = own.every((state) => state === own[0]) && etcds.every(({ members }) => isSame(members));
  if (!isAgreed) return { waits: `waiting for ${names}: they do not agree yet on who is a member` };
  const isWhole = isSameList(urlsOf(first.members), list);
  if (own[0] === 'initial') return isWhole ? { start: 'new' } : { problem: otherList(first, list) };
  if (isWhole) return { start: 'existing' };
  const cluster = peers.all.filter(({ url }) => urlsOf(first.members).includes(url));
  return { start: 'existing', cluster };

  function isSame(members: readonly Member[]): boolean {
    return isSameList(urlsOf(members), urlsOf(first.members));
  }
}

const emptied = 'they know this member with data: the one that leads makes it a member anew';

/** How a cluster knows a member: not at all; from its first list; added by the API; or with data. */
function ownState(self: Peer, members: readonly Member[]): 'none' | 'initial' | 'added' | 'started' {
  const own = members.find(({ peerUrls }) => peerUrls.includes(self.url));
  if (!own) return 'none';
  if (own.clientUrls.length > 0) return 'started';
  return own.name === '' ? 'added' : 'initial';
}

const urlsOf = (members: readonly Member[]): string[] => members.flatMap(({ peerUrls }) => peerUrls);

function otherList({ peer, members }: Seen, list: readonly string[]): Problem {
  return {
    kind: 'etcd',
    what: `cannot join the etcd of ${peer.name}: its cluster has the members ${urlsOf(members).join(', ')}, and the list here has ${list.join(', ')}`,
    remedy:
      'give this one the same LDMS_ENTRYPOINT_MAESTRO_MEMBERS as the others; if it is theirs that has to change: etcdctl member remove, or member add, on one of them',
  };
}
