/** Tells who leads, with the same words on every member. */
import type { Log } from '../log.ts';
import type { Election } from '../plan.ts';
import type { Observer } from './observe.ts';
import { keys, type Reign } from './records.ts';
import { parsed } from './store.ts';

/**
 * Tells each change of leadership once, whatever becomes of the observer's connection.
 *
 * Of a reign that is there already when all is read for the first time, only the clocks can say whether it
 * has begun before or while this member did; they choose between two sentences, both of which are true.
 */
export function tellLeaders(election: Election, observer: Observer, log: Log): void {
  const self = election.peers.self.name;
  const begun = Date.now();
  let hasRead = false;
  let last: Reign | undefined;
  observer.onRead(() => {
    hasRead = true;
  });
  observer.on((key, text) => {
    const reign = key === keys.reign ? parsed<Reign>(text) : undefined;
    if (!reign || (reign.process === last?.process && reign.since === last.since)) return;
    last = reign;
    // Begun and over while nothing was heard of etcd: the next one tells whom it has followed, and why.
    if (reign.ended) return;
    if (hasRead || Date.parse(reign.since) >= begun) void log('info', leadsNow(reign));
    else if (reign.member !== self) void log('info', `${reign.member} leads; this member, ${self}, waits`);
  });
}

const leadsNow = ({ member, after }: Reign): string =>
  after ? `${member} leads now, after ${after.member}: ${after.why}` : `${member} leads now`;
