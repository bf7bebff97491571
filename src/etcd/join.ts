/** How an etcd comes to its cluster: at once where it has data, and otherwise when the other members allow it. */
import { readdirSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import type { Log } from '../log.ts';
import type { Joining, Peer, Peers } from '../plan.ts';
import { errnoOf, errnoWords, type Problem } from '../problem.ts';
import { pause } from '../process/child.ts';
import type { Joined } from '../process/means.ts';
import { askDoorman, type Card, cardOf, isSameList, openDoor } from './doorman.ts';
import { membersAt, peerWords, UnreadableError } from './peers.ts';
import { decide, type Verdict, type View } from './verdict.ts';

// A peer port answers in some milliseconds; what takes longer is a host that is off.
const requestLimitMs = 1000;
// Members that are started together find each other at once, and one that waits for days asks seldom.
const shortestPauseMs = 20;
const longestPauseMs = 500;
const growth = 1.5;
// An etcd that starts on an empty directory loses a second with each that starts beside it (tried): they
// start one after the other. One that fails to start must not hold up the others.
const turnMs = 2000;
// What is over in a moment is not worth a line, and what comes and goes not one each time.
const settleMs = 500;
const againMs = 10_000;

/** What the parts of a wait share. */
interface Wait {
  readonly peers: Peers;
  readonly own: Card;
  readonly log: Log;
  readonly views: Map<string, View>;
  /** Aborted when the wait is over. */
  readonly over: AbortSignal;
  /** Aborted, and replaced, when something else is seen of another member. */
  news: AbortController;
  /** The same, when somebody answers who has not before: the others may be there too. */
  someone: AbortController;
  /** The lists of others that were told of, each by the name of who has it. */
  readonly toldLists: Map<string, string>;
  /** Those that have waited like us: they are about to start. */
  readonly hasWaited: Set<string>;
}

/**
 * Waits until an etcd may start.
 *
 * With data in its directory it may at once. Without, we listen at its peer address ourselves, talk to the
 * other members, and let go of the address when {@link decide} has found how it is to start.
 *
 * @returns what it has to be told beside its arguments; at once when `stop` is aborted
 */
export async function join(
  { peers, directory }: Joining,
  { stop, log }: { stop: AbortSignal; log: Log },
): Promise<Joined | Problem> {
  if (hasData(directory) || stop.aborted) return joined('new');
  const over = new AbortController();
  const end = () => over.abort();
  stop.addEventListener('abort', end);
  const wait: Wait = {
    peers,
    own: cardOf(peers),
    log,
    views: new Map(),
    over: over.signal,
    news: new AbortController(),
    someone: new AbortController(),
    toldLists: new Map(),
    hasWaited: new Set(),
  };
  try {
    const door = await openDoor(peers, wait.own, (card) => meet(card, wait)).catch((error: unknown) =>
      whyNoDoor(error, peers),
    );
    if ('kind' in door) return door;
    const others = peers.all.filter(({ name }) => name !== peers.self.name);
    for (const peer of others) void keepLooking(peer, wait);
    return await untilDecided(wait).finally(door.close);
  } finally {
    stop.removeEventListener('abort', end);
    end();
  }
}

/** Whether etcd finds data: it goes by its write-ahead log. What cannot be read, etcd itself tells of. */
function hasData(directory: string): boolean {
  try {
    return readdirSync(joinPath(directory, 'member/wal')).some((name) => name.endsWith('.wal'));
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes(errnoOf(error));
  }
}

const joined = (state: 'new' | 'existing', cluster?: readonly Peer[]): Joined => ({
  args: [
    `--initial-cluster-state=${state}`,
    ...(cluster ? [`--initial-cluster=${cluster.map(({ name, url }) => `${name}=${url}`).join(',')}`] : []),
  ],
});

/** Looks at a member's peer port again and again. */
async function keepLooking(peer: Peer, wait: Wait): Promise<void> {
  let pauseMs = shortestPauseMs;
  while (!wait.over.aborted) {
    const view = await look(peer, wait);
    if (wait.over.aborted) return;
    see(peer.name, view, wait);
    const { signal } = wait.someone;
    await pause(pauseMs, AbortSignal.any([wait.over, signal]));
    pauseMs = signal.aborted ? shortestPauseMs : Math.min(pauseMs * growth, longestPauseMs);
  }
}

async function look({ name, url }: Peer, { peers, own, over }: Wait): Promise<View> {
  const patience = { limitMs: requestLimitMs, stop: over };
  try {
    const card = await askDoorman(url, own, peers.tls, patience);
    if (card?.id === own.id) return { is: 'away', why: 'its address is one of this member itself' };
    if (card && card.name !== name) return { is: 'away', why: `${card.name} answers there` };
    if (card) return { is: 'waiting', card };
    const members = await membersAt(url, peers.tls, patience);
    return members ? { is: 'etcd', members } : { is: 'away', why: 'who answers there is no etcd' };
  } catch (error) {
    return { is: 'away', why: peerWords(error) };
  }
}

/** Another doorman has asked us. */
function meet(card: Card, wait: Wait): void {
  const isOther = card.name !== wait.own.name && wait.peers.all.some(({ name }) => name === card.name);
  if (isOther) see(card.name, { is: 'waiting', card }, wait);
  else warnOfList(card, wait);
}

function see(name: string, view: View, wait: Wait): void {
  const before = wait.views.get(name);
  wait.views.set(name, view);
  if (view.is === 'waiting') {
    wait.hasWaited.add(name);
    warnOfList(view.card, wait);
  }
  if (JSON.stringify(before) === JSON.stringify(view)) return;
  const { news, someone } = wait;
  wait.news = new AbortController();
  news.abort();
  if (view.is === 'away') return;
  wait.someone = new AbortController();
  someone.abort();
}

// Whoever reaches the port could send lists for ever.
const mostTold = 20;

/** Both sides say it, since either may be the one that is looked at. */
function warnOfList({ name, list }: Card, { own, log, toldLists }: Wait): void {
  const told = list.join(', ');
  if (isSameList(list, own.list) || toldLists.get(name) === told || toldLists.size >= mostTold) return;
  toldLists.set(name, told);
  const text = `${name} waits too, with another list of members: ${told}; the list here has ${own.list.join(', ')}: give all of them the same LDMS_ENTRYPOINT_MAESTRO_MEMBERS, and start the one that was wrong again`;
  void log('warn', text);
}

/** Waits for the verdict, and for our turn where all start for the first time. */
async function untilDecided(wait: Wait): Promise<Joined | Problem> {
  const tell = teller(wait.log);
  let turnOver: number | undefined;
  // What was decided for all that had met stays so, whoever has left since in order to start.
  let isNew = false;
  while (!wait.over.aborted) {
    const { signal } = wait.news;
    const verdict = decide(wait.peers, wait.views);
    if ('problem' in verdict) return verdict.problem;
    if ('start' in verdict && verdict.start === 'existing') return joined('existing', verdict.cluster);
    isNew ||= 'start' in verdict;
    if (isNew) {
      turnOver ??= performance.now() + turnMs;
      const leftMs = turnOver - performance.now();
      if (leftMs <= 0 || isOurTurn(wait)) break;
      await pause(leftMs, AbortSignal.any([wait.over, signal]));
    } else {
      const waitMs = tell(wordsOf(verdict));
      await pause(waitMs, AbortSignal.any([wait.over, signal]));
    }
  }
  return joined('new');
}

const wordsOf = (verdict: Verdict): string => ('waits' in verdict ? verdict.waits : '');

/**
 * Whether those that start before us serve. The order is that of the URLs, which all lists have in common;
 * one that we have never met does not start just now.
 */
function isOurTurn({ peers, views, hasWaited }: Wait): boolean {
  const before = peers.all.filter(({ name, url }) => url < peers.self.url && hasWaited.has(name));
  return before.every(({ name }) => views.get(name)?.is === 'etcd');
}

/** Says whom we wait for when that has stayed so for a moment; returns after how long it has to be asked again. */
function teller(log: Log): (text: string) => number {
  let current = '';
  let since = performance.now();
  let told = '';
  let toldAt = Number.NEGATIVE_INFINITY;
  return (text) => {
    const now = performance.now();
    if (text !== current) {
      current = text;
      since = now;
    }
    if (text === told) return longestWaitMs;
    const leftMs = Math.max(since + settleMs, toldAt + againMs) - now;
    if (leftMs > 0) return leftMs;
    told = text;
    toldAt = now;
    void log('info', text);
    return longestWaitMs;
  };
}

// News end it.
const longestWaitMs = 60_000;

function whyNoDoor(error: unknown, { listen, tls }: Peers): Problem {
  const at = listen.address.includes(':')
    ? `[${listen.address}]:${listen.port}`
    : `${listen.address}:${listen.port}`;
  const code = errnoOf(error);
  const refusal = refusals[code];
  if (refusal) {
    return {
      kind: 'etcd',
      what: `cannot listen on ${at} for the other members: ${refusal.why}`,
      remedy: refusal.remedy,
    };
  }
  if (error instanceof UnreadableError) {
    return {
      kind: 'etcd',
      what: `cannot read a certificate of LDMS_ENTRYPOINT_ETCD_PEER_CERT, _KEY and _CA: ${error.message}`,
      remedy: 'mount it into the container, readable for the user that it runs as',
    };
  }
  if (tls) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      kind: 'etcd',
      what: `cannot use the certificate ${tls.cert} with the key ${tls.key} and the CA ${tls.ca}: ${why}`,
      remedy: 'each has to be a PEM file, and the key the one of this very certificate',
    };
  }
  return {
    kind: 'etcd',
    what: `cannot listen on ${at} for the other members: ${errnoWords(error)}`,
    remedy: anotherPort,
  };
}

const anotherPort = 'use another port, on all members: -e LDMS_ENTRYPOINT_ETCD_PEER_PORT=PORT';

const refusals: Readonly<Record<string, { readonly why: string; readonly remedy: string }>> = {
  EADDRINUSE: {
    why: 'somebody listens there already',
    remedy: `stop what does (with --network=host it may be another maestro container), or ${anotherPort}`,
  },
  EADDRNOTAVAIL: {
    why: 'this container does not have that address',
    remedy:
      "give the container the host's network (docker run --network=host), or name this member by an address that it has: -e LDMS_ENTRYPOINT_MAESTRO_MEMBER=MEMBER",
  },
  EACCES: { why: 'permission denied', remedy: anotherPort },
};
