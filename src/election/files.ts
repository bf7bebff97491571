/** Tells when the members' files differ, and when they are the same again. */
import type { Log } from '../log.ts';
import type { Election } from '../plan.ts';
import type { Observer } from './observe.ts';
import { type Applied, keys, type MemberFile } from './records.ts';
import { parsed } from './store.ts';

// A file that is copied to all of them comes to one after the other.
const quietMs = 300;

/** Watches the files of the members that are listed, until `stop`; each difference is told once. */
export function watchFiles(election: Election, observer: Observer, log: Log, stop: AbortSignal): void {
  const names = election.peers.all.map(({ name }) => name);
  const watched = new Set(names.map((name) => keys.file(name)));
  let told = '';
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    const owners = ownersOf(names, observer);
    const now = owners.size > 1 ? JSON.stringify([...owners]) : '';
    if (now === told) return;
    told = now;
    if (now === '') return void log('info', 'ldms_cfg.yaml is the same on all members again');
    void log('warn', differing(owners, parsed<Applied>(observer.text(keys.applied))));
  };
  observer.on((key) => {
    if (!watched.has(key) || stop.aborted) return;
    clearTimeout(timer);
    timer = setTimeout(look, quietMs);
    timer.unref();
  });
  stop.addEventListener('abort', () => clearTimeout(timer), { once: true });
}

/** Whose each digest is. */
function ownersOf(names: readonly string[], observer: Observer): Map<string, string[]> {
  const owners = new Map<string, string[]>();
  for (const name of names) {
    const digest = parsed<MemberFile>(observer.text(keys.file(name)))?.digest;
    if (digest) owners.set(digest, [...(owners.get(digest) ?? []), name]);
  }
  return owners;
}

/**
 * The warning about files that differ.
 *
 * @param owners the members by the SHA-256 of their file
 * @param applied the file that is in force, if that is known
 */
export function differing(
  owners: ReadonlyMap<string, readonly string[]>,
  applied: Pick<Applied, 'member' | 'digest'> | undefined,
): string {
  const parts = [...owners].map(
    ([digest, names]) => `${listed(names)} ${names.length > 1 ? 'have' : 'has'} ${shortDigest(digest)}`,
  );
  return `ldms_cfg.yaml differs between the members: ${parts.join(', ')}${inForce(owners, applied)}; whoever leads next applies its own, so copy one to all of them and send one a HUP`;
}

function inForce(
  owners: ReadonlyMap<string, readonly string[]>,
  applied: Pick<Applied, 'member' | 'digest'> | undefined,
): string {
  if (!applied) return '';
  const having = owners.get(applied.digest);
  if (!having) return ` (in force: ${shortDigest(applied.digest)}, an earlier one of ${applied.member})`;
  const whose = having.includes(applied.member) ? applied.member : having[0];
  return ` (in force: ${whose}'s)`;
}

/** What people compare: the first eight digits of a SHA-256. */
export const shortDigest = (digest: string): string => digest.slice(0, 8);

/** `A`, `A and B`, `A, B and C`. */
const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
