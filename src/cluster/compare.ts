/** Compares what is in a directory with what would be written there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, errnoWords } from '../problem.ts';
import { digestOf, type Record } from './record.ts';
import type { Rendered } from './render/rendering.ts';

/**
 * How a file stands. `same`: nothing to do. `new`: to be written. `outdated`: as it was written, and now
 * another. `edited`: changed by hand, or somebody else's. `left over`: as it was written, and no longer
 * wanted. `edited left over`: the same, changed by hand. `unreadable`: nobody knows.
 */
export type State = 'same' | 'new' | 'outdated' | 'edited' | 'left over' | 'edited left over' | 'unreadable';

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
  const found = read(join(directory, path));
  if (typeof found === 'object') return { path, state: 'unreadable', there: '', wanted, why: found.why };
  const there = found;
  const isOurs = there !== undefined && digestOf(there) === written;
  if (there === undefined) return { path, state: 'new', there, wanted };
  if (wanted === undefined) return { path, state: isOurs ? 'left over' : 'edited left over', there, wanted };
  if (there === wanted.text) return { path, state: 'same', there, wanted };
  return { path, state: isOurs ? 'outdated' : 'edited', there, wanted };
}

function read(path: string): string | undefined | { readonly why: string } {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? undefined : { why: errnoWords(error) };
  }
}
