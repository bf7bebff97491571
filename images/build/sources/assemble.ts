/** Makes a tree of what its components have installed: beside its place, and then moved there, whole. */
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Arch } from '../arch.ts';
import type { Tools } from '../steps.ts';
import { copyFiles, type Digests } from './files.ts';
import { placeOf } from './place.ts';
import type { Plan } from './plan.ts';
import { changedByHand, digestOfInputs, readBuilt, readTreeRecord, writeTreeRecord } from './record.ts';

/** A tree to be made. */
export interface Assembly {
  /** Where it is to be; absolute. */
  readonly directory: string;
  /** Where it has its record, relative to that. */
  readonly record: string;
  /** Its components, which have been built, in the order in which one's files replace another's. */
  readonly plans: readonly Plan[];
  readonly arch: Arch;
}

/** The digest of all that a tree is made from. */
const inputsOf = (plans: readonly Plan[]): string =>
  digestOfInputs(plans.map(({ source, inputs }) => [source, inputs]));

/** Whether a tree is what would be made: of the same inputs, and, should these not say all, of the same files. */
export function isUpToDate(assembly: Assembly): boolean {
  const tree = readTreeRecord(assembly.directory, assembly.record);
  return (
    tree?.inputs === inputsOf(assembly.plans) &&
    digestOfInputs(tree.files) === digestOfInputs(Object.assign({}, ...assembly.plans.map(filesOf(assembly))))
  );
}

/** What a component of a tree has installed. */
const filesOf =
  ({ arch }: Assembly) =>
  ({ source }: Plan): Digests =>
    readBuilt(placeOf(arch, source.component).built)?.files ?? {};

/**
 * Why a place cannot be given to a tree, as a sentence; undefined if it can.
 *
 * What was not built here is not thrown away.
 */
export function wrongWithPlace(directory: string, record: string): string | undefined {
  try {
    const isThere = statSync(directory, { throwIfNoEntry: false }) !== undefined;
    const isOurs = !isThere || existsSync(join(directory, record));
    if (isOurs || readdirSync(directory).length === 0) return wrongAbove(placeBehind(directory));
  } catch (error) {
    return `cannot use ${directory}: ${(error as NodeJS.ErrnoException).code}`;
  }
  return `${directory} has files that were not built here, and building would throw them away; move it, or build elsewhere`;
}

/** Why a directory cannot be made, or replaced, by the caller. */
function wrongAbove(directory: string): string | undefined {
  let above = dirname(directory);
  while (!existsSync(above)) above = dirname(above);
  try {
    accessSync(above, constants.W_OK | constants.X_OK);
    return undefined;
  } catch {
    return `cannot make ${directory}: you may not write to ${above}; build elsewhere, or have it made yours`;
  }
}

/** The place itself, or where it leads to if it is a link: that stays one, though there be nothing yet. */
function placeBehind(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return path;
  return placeBehind(resolve(realpathSync(dirname(path)), readlinkSync(path)));
}

/**
 * Makes a tree, unless it is there.
 *
 * @returns what was done, for people
 */
export async function assemble(assembly: Assembly, { say, command }: Tools): Promise<string> {
  const { record, plans, arch } = assembly;
  const directory = placeBehind(assembly.directory);
  const changed = existsSync(join(directory, record)) ? changedByHand(directory, record) : [];
  const some = `${changed[0]}${changed.length > 1 ? ` and ${changed.length - 1} more` : ''}`;
  if (isUpToDate(assembly)) {
    if (changed.length > 0)
      say(`warning: it was changed by hand since it was built: ${some}; it is left as it is`);
    return 'is up to date';
  }
  if (changed.length > 0) {
    throw new Error(
      `${directory} was changed by hand since it was built: ${some}; what was built anew would throw that away: move it (mv ${directory} ${directory}.mine), and build again`,
    );
  }
  removeLeftovers(directory);
  mkdirSync(dirname(directory), { recursive: true });
  const beside = mkdtempSync(`${directory}.ldms-images-new-`);
  chmodSync(beside, 0o755);
  const files: Record<string, string> = {};
  for (const plan of plans) {
    const own = filesOf(assembly)(plan);
    copyFiles(Object.keys(own), placeOf(arch, plan.source.component).dest, beside);
    Object.assign(files, own);
  }
  mkdirSync(dirname(join(beside, record)), { recursive: true });
  writeTreeRecord(
    join(beside, record),
    inputsOf(plans),
    plans.map(({ source }) => source),
    files,
  );
  // Else a machine that loses its power may have the tree, and not all that is in its files.
  await command(['sync', '--file-system', beside]);
  if (existsSync(directory))
    renameSync(directory, `${directory}.ldms-images-old-${basename(beside).slice(-6)}`);
  renameSync(beside, directory);
  removeLeftovers(directory);
  return `${directory}, ${Object.keys(files).length} files`;
}

/** What a builder that was killed has left beside: half a tree, or the one before. */
function removeLeftovers(directory: string): void {
  if (!existsSync(dirname(directory))) return;
  for (const name of readdirSync(dirname(directory))) {
    const rest = name.startsWith(`${basename(directory)}.`) ? name.slice(basename(directory).length) : '';
    if (/^\.ldms-images-(new|old)-\w{6}$/.test(rest))
      rmSync(join(dirname(directory), name), { recursive: true, force: true });
  }
}
