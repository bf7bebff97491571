/** Compares what is in a directory with what would be written there. */
import { lstatSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf, errnoWords } from '../problem.ts';
import { digestOf, type Record } from './record.ts';
import type { Rendered } from './render/rendering.ts';

/**
 * How a file stands. `same`: nothing to do. `new`: to be written. `outdated`: as it was written, and now
 * another. `not executable`: the same, but for that. `edited`: changed by hand, or somebody else's.
 * `left over`: as it was written, and no longer wanted. `edited left over`: the same, changed by hand.
 * `unreadable`: nobody knows, or it is no file.
 */
export type State =
  | 'same'
  | 'new'
  | 'outdated'
  | 'not executable'
  | 'edited'
  | 'left over'
  | 'edited left over'
  | 'unreadable';

/** One file of a directory, or that is to be in it. */
export interface Compared {
  readonly path: string;
  readonly state: State;
  /** What is there; undefined for nothing. */
  readonly there: string | undefined;
  /** What is to be there; undefined for nothing. */
  readonly wanted: Rendered | undefined;
  /** Why it is unreadable. */
  readonly why?: string;
}

/** Compares a directory, whose record may be missing, with what is to be in it. */
export function compare(
  directory: string,
  record: Pick<Record, 'files'> | undefined,
  rendered: readonly Rendered[],
): readonly Compared[] {
  const wanted = new Set(rendered.map(({ path }) => path));
  const written = record?.files ?? {};
  const left = Object.keys(written).filter((path) => !wanted.has(path));
  return [
    ...rendered.map((file) => compareOne(directory, file.path, written[file.path], file)),
    ...left.map((path) => compareOne(directory, path, written[path], undefined)),
  ].filter(({ there, wanted: file }) => there !== undefined || file !== undefined);
}

function compareOne(
  directory: string,
  path: string,
  written: string | undefined,
  wanted: Rendered | undefined,
): Compared {
  const found = read(directory, path);
  if (found === undefined) return { path, state: 'new', there: undefined, wanted };
  if ('why' in found) return { path, state: 'unreadable', there: '', wanted, why: found.why };
  const there = found.text;
  const isOurs = digestOf(there) === written;
  if (wanted === undefined) return { path, state: isOurs ? 'left over' : 'edited left over', there, wanted };
  if (there !== wanted.text) return { path, state: isOurs ? 'outdated' : 'edited', there, wanted };
  const lost = wanted.executable && !found.isExecutable;
  return { path, state: lost ? 'not executable' : 'same', there, wanted };
}

type Found = { readonly text: string; readonly isExecutable: boolean } | { readonly why: string };

/** What is at a path below a directory; undefined for nothing. */
function read(directory: string, path: string): Found | undefined {
  const place = join(directory, path);
  try {
    const link = linkAbove(directory, dirname(path));
    if (link !== undefined) return { why: `${link} is a symbolic link, which may lead anywhere` };
    const found = lstatSync(place);
    if (found.isSymbolicLink()) return { why: 'it is a symbolic link' };
    if (found.isDirectory()) return { why: errnoWords('EISDIR') };
    // Of a pipe, reading would not come to an end.
    if (!found.isFile()) return { why: 'it is no regular file' };
    return { text: readFileSync(place, 'utf8'), isExecutable: (found.mode & 0o100) !== 0 };
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? undefined : { why: errnoWords(error) };
  }
}

/** The first symbolic link on the way from a directory down to one below it. */
function linkAbove(directory: string, name: string): string | undefined {
  if (name === '.') return undefined;
  const above = linkAbove(directory, dirname(name));
  if (above !== undefined) return above;
  const path = join(directory, name);
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? path : undefined;
}
