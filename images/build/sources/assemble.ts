/** Makes a tree of what its components have installed: beside its place, and then moved there, whole. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Arch } from '../arch.ts';
import type { Tools } from '../steps.ts';
import { copyFiles } from './files.ts';
import { placeOf } from './place.ts';
import type { Plan } from './plan.ts';
import { changedByHand, digestOfInputs, inputsOfTree, readBuilt, writeTreeRecord } from './record.ts';

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

/** Whether a tree is what would be made. */
export const isUpToDate = ({ directory, record, plans }: Omit<Assembly, 'arch'>): boolean =>
  inputsOfTree(directory, record) === inputsOf(plans);

/**
 * Why a place cannot be given to a tree, as a sentence; undefined if it can.
 *
 * What was not built here is not thrown away.
 */
export function wrongWithPlace(directory: string, record: string): string | undefined {
  try {
    if (readdirSync(directory).length === 0 || existsSync(join(directory, record))) return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? undefined : `cannot use ${directory}: ${code}`;
  }
  return `${directory} has files that were not built here, and building would throw them away; move it, or build elsewhere`;
}

/**
 * Makes a tree, unless it is there.
 *
 * @returns what was done, for people
 */
export async function assemble(assembly: Assembly, { say, command }: Tools): Promise<string> {
  const { record, plans, arch } = assembly;
  // A link to a directory stays one.
  const directory = existsSync(assembly.directory) ? realpathSync(assembly.directory) : assembly.directory;
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
  const beside = mkdtempSync(`${directory}.new-`);
  chmodSync(beside, 0o755);
  const files: Record<string, string> = {};
  for (const { source } of plans) {
    const place = placeOf(arch, source.component);
    const own = readBuilt(place.built)?.files ?? {};
    copyFiles(Object.keys(own), place.dest, beside);
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
  if (existsSync(directory)) renameSync(directory, `${directory}.old-${basename(beside).slice(-6)}`);
  renameSync(beside, directory);
  removeLeftovers(directory);
  return `${directory}, ${Object.keys(files).length} files`;
}

/** What a builder that was killed has left beside: half a tree, or the one before. */
function removeLeftovers(directory: string): void {
  if (!existsSync(dirname(directory))) return;
  for (const name of readdirSync(dirname(directory))) {
    const rest = name.startsWith(`${basename(directory)}.`) ? name.slice(basename(directory).length) : '';
    if (/^\.(new|old)-\w{6}$/.test(rest))
      rmSync(join(dirname(directory), name), { recursive: true, force: true });
  }
}
