/**
 * Reads ldms_cfg.yaml, the file that maestro_ctrl loads, and finds every mistake in one pass.
 *
 * The rules are those of maestro_ctrl (ovis-hpc/maestro) in both generations of the format, with
 * what it would lose or change without a word counted as a mistake.
 */
import { readAggregators } from './aggregators.ts';
import { readDaemons } from './daemons.ts';
import { readYaml, TooMuch, type YamlText } from './document.ts';
import { doubts } from './doubts.ts';
import { describe, isEmpty } from './fields.ts';
import { noGroups } from './groups.ts';
import type { Cluster, Finding } from './model.ts';
import { budget, type Notes, takeNotes } from './notes.ts';
import { byPlace } from './place.ts';
import { readPlugins, warnUnused } from './plugins.ts';
import { readSamplers } from './samplers.ts';
import { readStores } from './stores.ts';
import type { Entry, Mapping } from './value.ts';
import { guess, nearest, quote } from './words.ts';

export type * from './model.ts';

/** What was read from a file. */
export interface Reading {
  /** What maestro_ctrl would refuse, lose or get wrong, by position. */
  readonly mistakes: readonly Finding[];
  /** What is allowed and probably not meant, by position. */
  readonly warnings: readonly Finding[];
  /** What could be understood; absent when the text is no mapping at all. */
  readonly cluster?: Cluster;
}

/**
 * Reads the text of an ldms_cfg.yaml. Never throws for any text.
 *
 * While the text is not YAML, only that is told: what else may be wrong cannot be known.
 */
export async function readLdmsConfig(text: string): Promise<Reading> {
  try {
    const spend = budget();
    return readDocument(await readYaml(text.replace(/^\ufeff/, ''), spend), spend);
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    const words = 'the file stands for millions of values; write fewer aliases and smaller ranges';
    return { mistakes: [{ line: 1, column: 1, text: words }], warnings: [] };
  }
}

function readDocument(yaml: YamlText, spend: Notes['spend']): Reading {
  const { notes, findings } = takeNotes(yaml.place, spend, yaml.content);
  const cluster = yaml.root?.kind === 'mapping' ? readCluster(yaml.root, notes) : undefined;
  const found = { ...(cluster && { cluster }) };
  if (yaml.syntax.length > 0) {
    const mistakes = yaml.syntax.map(({ at, text }) => ({ ...yaml.place(at), text }));
    return { mistakes, warnings: [], ...found };
  }
  if (!cluster) notes.mistake(yaml.root?.at ?? 0, noMapping(yaml));
  const { mistakes, warnings } = findings();
  // Of a cluster that is only in part what was meant, these would tell what follows from the mistakes.
  const more = cluster && mistakes.length === 0 ? doubts(cluster) : [];
  return { mistakes, warnings: [...warnings, ...more].toSorted(byPlace), ...found };
}

function noMapping({ root }: YamlText): string {
  return !root || isEmpty(root)
    ? 'the file is empty; write daemons: with a list of groups'
    : `the file must be a mapping, and is ${describe(root)}; begin it with daemons:`;
}

const sections = ['daemons', 'aggregators', 'samplers', 'stores', 'plugins'];

function readCluster(root: Mapping, notes: Notes): Cluster {
  const daemons = findDaemons(root, notes);
  for (const [key, entry] of root.entries) {
    if (entry !== daemons && !sections.includes(key)) warnUnknown(key, entry, root, notes);
  }
  const section = (name: string) => root.entries.get(name)?.value;
  const groups = daemons ? readDaemons(daemons.value, notes) : { ...noGroups(), incomplete: true };
  const plugins = readPlugins(section('plugins'), notes);
  const aggregators = readAggregators(section('aggregators'), groups, plugins, notes);
  const samplers = readSamplers(section('samplers'), groups, plugins, notes);
  const stores = readStores(section('stores'), groups, plugins, notes);
  warnUnused(plugins, notes);
  const instances = [...(plugins.instances?.values() ?? [])].map(({ plugin }) => plugin);
  return { groups: groups.list, aggregators, samplers, stores, plugins: [...instances, ...plugins.listed] };
}

/** The entry of `daemons`, or of a misspelt one. */
function findDaemons({ entries, at }: Mapping, notes: Notes): Entry | undefined {
  const daemons = entries.get('daemons');
  if (daemons) return daemons;
  const near = [...entries.keys()].find((key) => nearest(key, sections) === 'daemons');
  const misspelt = near === undefined ? undefined : entries.get(near);
  if (misspelt) notes.mistake(misspelt.at, `the file has no daemons; is ${near} meant to be it?`);
  else notes.mistake(at, 'the file has no daemons; write daemons: with a list of groups');
  return misspelt;
}

/** Any key may be there to carry anchors; one that carries none, or nearly is a section, is a doubt. */
function warnUnknown(key: string, { at, value, anchored }: Entry, root: Mapping, notes: Notes): void {
  const absent = sections.filter((section) => !root.entries.has(section));
  const meant = value.kind === 'scalar' && anchored ? '' : guess(key, absent);
  if (anchored && !meant) return;
  notes.warning(at, `unknown key ${quote(key)}${meant || '; it has no effect'}`);
}
