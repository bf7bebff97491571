/** Writes what was rendered, and nothing unless all of it can be written. */
import { existsSync, mkdirSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errnoOf, errnoWords } from '../problem.ts';
import { type Compared, compare } from './compare.ts';
import { digestOf, type Record, recordName, recordText } from './record.ts';
import type { Rendered } from './render/rendering.ts';

/** What became of the files. */
export interface Written {
  readonly written: number;
  readonly unchanged: number;
  readonly removed: number;
}

/** What is in the way or failed, in one line each, and at the end what became of the files. */
export interface NotWritten {
  readonly wrong: readonly string[];
}

const nothing = 'nothing was written';
// Of a directory that is another one altogether, nobody reads a thousand lines.
const mostTold = 20;

/**
 * Brings a directory up to date.
 *
 * Files that were changed by hand, and strangers in the place of ours, stop it before anything is
 * written; with `force`, strangers and changes are lost. Symbolic links and directories in the place of
 * ours stop it in any case.
 *
 * @param before the record that is there
 */
export function writeRendered(
  directory: string,
  before: Record | undefined,
  record: Omit<Record, 'files'>,
  rendered: readonly Rendered[],
  force: 'force' | undefined,
): Written | NotWritten {
  const why = whyNoDirectory(directory);
  if (why) return { wrong: [`cannot write to ${directory}: ${why}`, nothing] };
  const compared = compare(directory, before, rendered);
  const wrong = compared.flatMap((file) => inTheWay(directory, file, force));
  if (wrong.length > 0) {
    const more = wrong.length > mostTold ? [`… and ${wrong.length - mostTold} more`] : [];
    return { wrong: [...wrong.slice(0, mostTold), ...more, nothing] };
  }
  const changed = compared.flatMap(({ state, wanted }) => (wanted && state !== 'same' ? [wanted] : []));
  const left = compared.filter(({ wanted }) => !wanted).map(({ path }) => path);
  const files = Object.fromEntries(rendered.map(({ path, text }) => [path, digestOf(text)]));
  const text = recordText({ ...record, files });
  const failed = putAll(directory, changed, left, { path: recordName, text });
  const unchanged = rendered.length - changed.length;
  return failed ?? { written: changed.length, unchanged, removed: left.length };
}

/** Why files cannot be in a directory, which need not be there yet. */
function whyNoDirectory(directory: string): string | undefined {
  try {
    return statSync(directory).isDirectory() ? undefined : 'it is not a directory';
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? undefined : errnoWords(error);
  }
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

/** Where a file is written before it takes its place. */
const besideOf = (path: string): string => join(dirname(path), `.${basename(path)}.ldms-cluster`);

/** Writes all files beside their places first: if there is no room, nothing has changed. */
function putAll(
  directory: string,
  changed: readonly Rendered[],
  left: readonly string[],
  record: Rendered,
): NotWritten | undefined {
  let path = directory;
  const undo: (() => void)[] = [];
  try {
    for (const file of [...changed, record]) {
      path = join(directory, file.path);
      const made = makeDirectory(dirname(path));
      if (made !== undefined) undo.push(() => rmSync(made, { recursive: true }));
      const beside = besideOf(path);
      undo.push(() => rmSync(beside, { force: true }));
      putBeside(beside, file);
    }
  } catch (error) {
    for (const step of undo.reverse()) attempt(step);
    return { wrong: [`cannot write ${path}: ${errnoWords(error)}`, nothing] };
  }
  try {
    const settle = (name: string) => {
      path = join(directory, name);
      renameSync(besideOf(path), path);
    };
    for (const file of changed) settle(file.path);
    for (const name of left) {
      path = join(directory, name);
      rmSync(path);
      removeEmpty(dirname(name), directory);
    }
    // Last: whoever is interrupted before it writes the same once more.
    settle(record.path);
    return undefined;
  } catch (error) {
    const remedy = 'some files are written; mend that, and render again';
    return { wrong: [`cannot write ${path}: ${errnoWords(error)}`, remedy] };
  }
}

/**
 * Makes a directory, and those above it. (Node's own `recursive` says of a read-only file system that the
 * directory does not exist.)
 *
 * @returns the uppermost that was not there
 */
function makeDirectory(path: string): string | undefined {
  if (existsSync(path)) return undefined;
  const above = makeDirectory(dirname(path));
  mkdirSync(path);
  return above ?? path;
}

function putBeside(beside: string, { text, executable }: Rendered): void {
  // What an interrupted run has left; a symbolic link is not followed.
  rmSync(beside, { force: true });
  writeFileSync(beside, text, { mode: executable ? 0o755 : 0o644, flag: 'wx' });
}

/** Tidies up, as far as that can be done. */
function attempt(step: () => void): void {
  try {
    step();
  } catch {
    // What stays beside our files is written over by the next run.
  }
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
