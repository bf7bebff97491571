/** Writes what was rendered, and nothing unless all of it can be written. */
import { mkdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoWords } from '../problem.ts';
import { type Compared, compare } from './compare.ts';
import { digestOf, type Record, recordName, recordText } from './record.ts';
import type { Rendered } from './render/rendering.ts';

/** What became of the files. */
export interface Written {
  readonly written: number;
  readonly unchanged: number;
  readonly removed: number;
}

/**
 * Brings a directory up to date.
 *
 * Files that were changed by hand, and strangers in the place of ours, stop it before anything is
 * written; with `force`, strangers and changes are lost.
 *
 * @param before the record that is there
 * @returns what is in the way or failed, in one line each
 */
export function writeRendered(
  directory: string,
  before: Record | undefined,
  record: Omit<Record, 'files'>,
  rendered: readonly Rendered[],
  force: 'force' | undefined,
): Written | { readonly wrong: readonly string[] } {
  const compared = compare(directory, before, rendered);
  const wrong = compared.flatMap((file) => inTheWay(directory, file, force));
  if (wrong.length > 0) return { wrong };
  const left = compared.filter(({ wanted }) => !wanted);
  const files = Object.fromEntries(rendered.map(({ path, text }) => [path, digestOf(text)]));
  let path = directory;
  try {
    for (const { path: name, state, wanted } of compared) {
      path = join(directory, name);
      if (wanted && state !== 'same') put(path, wanted);
    }
    for (const { path: name } of left) {
      path = join(directory, name);
      rmSync(path);
      removeEmpty(dirname(name), directory);
    }
    path = join(directory, recordName);
    // Last: whoever is interrupted before it writes the same once more.
    put(path, { path: recordName, text: recordText({ ...record, files }) });
  } catch (error) {
    return { wrong: [`cannot write ${path}: ${errnoWords(error)}`] };
  }
  const unchanged = compared.filter(({ state }) => state === 'same').length;
  return { written: rendered.length - unchanged, unchanged, removed: left.length };
}

function inTheWay(directory: string, { path, state, why }: Compared, force: 'force' | undefined): string[] {
  const name = join(directory, path);
  if (state === 'unreadable') return [`cannot write ${name}: ${why}`];
  if (force) return [];
  const remedy = 'see the changes with ldms-cluster diff, or let --force overwrite them';
  if (state === 'edited') return [`${name} was changed by hand; ${remedy}`];
  if (state === 'edited left over')
    return [`${name} is no longer wanted, and was changed by hand; ${remedy}`];
  return [];
}

/** Whole or not at all: a start script that is half written may be started. */
function put(path: string, { text, executable }: Rendered): void {
  const beside = `${path}.new`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(beside, text, { mode: executable ? 0o755 : 0o644 });
  renameSync(beside, path);
}

/** Removes directories that a removed file has left empty. */
function removeEmpty(name: string, directory: string): void {
  if (name === '.') return;
  try {
    rmdirSync(join(directory, name));
  } catch {
    return;
  }
  removeEmpty(dirname(name), directory);
}
