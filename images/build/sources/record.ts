/**
 * What is written down of what was built: beside each component what it was made from, and in the OVIS
 * tree itself where it comes from and what is in it.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../config/config.ts';
import type { Component, Kind } from './components.ts';
import { recipes } from './components.ts';
import { type Digests, digestOf, digestsBelow } from './files.ts';
import { type Resolved, short } from './git.ts';

/** Everything that what a component installs depends on. */
export interface Inputs {
  readonly commit: string;
  readonly kind: Kind;
  readonly options: readonly string[];
  readonly install: readonly string[];
  readonly prefix: string;
  /** The digest of the script that builds it. */
  readonly script: string;
  /** The digest of the build image's packages. */
  readonly toolchain: string;
  /** The digests of the inputs of the components that it is built on. */
  readonly after: Readonly<Record<string, string>>;
}

/** A component that was built to its end. */
export interface Built {
  readonly inputs: Inputs;
  /** What it installed. */
  readonly files: Digests;
}

/** Where the files of a tree come from. */
export interface Provenance {
  readonly components: Readonly<
    Partial<Record<Component, { readonly repository: string; readonly ref: string; readonly commit: string }>>
  >;
  /** Whether a file is not as it was built. */
  readonly changedByHand: boolean;
}

/** What a tree says of itself, in its `share/ldms-images/sources.json`. */
export interface TreeRecord extends Omit<Provenance, 'changedByHand'> {
  /** The digest of all that it was made from. */
  readonly inputs: string;
  readonly files: Digests;
}

/** The digest of inputs. */
export const digestOfInputs = (inputs: unknown): string =>
  createHash('sha256').update(JSON.stringify(inputs)).digest('hex');

/** What in its place tells that a component has been built; undefined if it has not been. */
export const readBuilt = (file: string): Built | undefined => readJson(file) as Built | undefined;

/** The inputs of a build that was begun; undefined if none was. */
export const readBegun = (file: string): Inputs | undefined => readJson(file) as Inputs | undefined;

/** A file that `writeJson` has written; undefined if there is none, or none that is whole. */
export function readJson(file: string): unknown {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // Cut off by a crash: it counts for nothing.
    return undefined;
  }
}

/** Writes a file that is there whole or not at all. */
export function writeJson(file: string, value: unknown): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(value, null, 1)}\n`);
  renameSync(`${file}.new`, file);
}

/** What the user would say has changed; empty if nothing has. */
export function changes(component: Component, now: Inputs, before: Inputs): string[] {
  const differ = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);
  const others = Object.keys({ ...now.after, ...before.after }).filter(
    (name) => now.after[name] !== before.after[name],
  );
  return [
    ...(now.commit === before.commit ? [] : [`${short(before.commit)} became ${short(now.commit)}`]),
    ...(differ(now.options, before.options) ? [`other ${component} options`] : []),
    ...(differ(now.install, before.install) ? ['another MAKE_INSTALL'] : []),
    ...(now.prefix === before.prefix ? [] : ['another PREFIX']),
    ...(others.length > 0 ? [`${others.join(' and ')} changed`] : []),
    ...(now.toolchain === before.toolchain ? [] : ["the build image's packages changed"]),
    ...(now.script === before.script && now.kind === before.kind ? [] : ['the builder changed']),
  ];
}

/** A component's configure arguments, without the program's name; for the others, none. */
export function configureArguments(component: Component, config: Config): readonly string[] {
  if (recipes[component].kind !== 'autotools') return [];
  const { prefix, prefixUi, sources } = config;
  const forUi = component === 'sosdb-ui' || component === 'sosdb-grafana';
  return [
    `--prefix=${forUi ? prefixUi : prefix}`,
    ...(component === 'numsos' ? [`--with-sos=${prefix}`, 'PYTHON=python3'] : []),
    ...sources[component].options,
  ];
}

/** The command that installs a component, in its objects' directory. */
export function installCommand(component: Component, { makeInstall }: Config): readonly string[] {
  if (recipes[component].kind !== 'autotools') return [];
  // What the others install is mostly not compiled.
  return component === 'sos' || component === 'ovis' ? makeInstall : ['make', 'install'];
}

/** Where an OVIS tree has its record. */
export const treeRecord = 'share/ldms-images/sources.json';
/** Where the grafana plugin's folder has it. */
export const pluginRecord = 'ldms-sources.json';

/** Writes the record of a tree into it. */
export function writeTreeRecord(
  file: string,
  inputs: string,
  sources: readonly Resolved[],
  files: Digests,
): void {
  const components = Object.fromEntries(
    sources.map(({ component, repository, ref, commit }) => [component, { repository, ref, commit }]),
  );
  const record: TreeRecord = { inputs, components, files };
  writeJson(file, record);
}

/** What a tree says of itself; undefined if it was not made here. */
export const readTreeRecord = (directory: string, file: string): TreeRecord | undefined =>
  readJson(join(directory, file)) as TreeRecord | undefined;

/** Files of a tree that are not as they were built: new, changed or gone; sorted. */
export function changedByHand(directory: string, file: string): string[] {
  const { files = {} } = readTreeRecord(directory, file) ?? {};
  const { [file]: _, ...now } = digestsBelow(directory);
  return [...new Set([...Object.keys(files), ...Object.keys(now)])]
    .filter((path) => files[path] !== now[path] && !isMadeByUse(path))
    .sort();
}

/** What using a tree leaves in it. */
const isMadeByUse = (path: string): boolean => /(^|\/)__pycache__\//.test(path);

/** Where a tree's files come from; undefined if it was not made here. */
export function provenanceOf(directory: string, file: string): Provenance | undefined {
  const record = readTreeRecord(directory, file);
  if (!record) return undefined;
  return { components: record.components, changedByHand: changedByHand(directory, file).length > 0 };
}

/** The digest of the script that builds components. */
export const scriptDigest = (): string => digestOf(script);
/** The script that builds a component inside of the build image. */
export const script = join(import.meta.dirname, 'build-component');
export const scriptDirectory = dirname(script);
