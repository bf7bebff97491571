/**
 * Plugins in both generations of the format: as instances in a top-level mapping, which samplers
 * and stores name, or written in place where they are used.
 */
import { type Fields, openFields, readList, readText, type Shape } from './fields.ts';
import type { ConfigMap, Plugin, PluginUse } from './model.ts';
import type { Notes } from './notes.ts';
import type { Value } from './value.ts';
import { compareOffset, readConfigMap, readInterval } from './values.ts';
import { guess, quote } from './words.ts';

/** The instances of the top-level `plugins`, and which of them are used. */
export interface PluginTable {
  /** Undefined when the file has no mapping of instances: then plugins are written in place. */
  readonly instances: ReadonlyMap<string, { readonly at: number; readonly plugin: Plugin }> | undefined;
  /** The plugins of a top-level list, which belong to groups of daemons. */
  readonly listed: readonly Plugin[];
  readonly used: Set<string>;
}

const known = ['interval', 'offset', 'config'];

const instanceShape: Shape = {
  what: 'plugins entry',
  required: { name: 'name: meminfo', config: 'config: with a list of options, such as [{schema: meminfo}]' },
  optional: ['interval', 'offset'],
  // Other keys are the plugin's own.
  open: true,
};

const listedShape: Shape = {
  ...instanceShape,
  required: { ...instanceShape.required, daemons: 'daemons: with the names of a group of daemons' },
};

const inPlaceShape: Shape = {
  what: 'plugin',
  required: { name: 'name: meminfo' },
  optional: known,
  open: true,
};

/** Reads the value of the top-level `plugins`. */
export function readPlugins(value: Value | undefined, notes: Notes): PluginTable {
  const used = new Set<string>();
  if (value?.kind === 'list') {
    const listed = value.items.flatMap((item) => {
      const fields = openFields(item, 'plugins', listedShape, notes);
      return fields ? [readPlugin(fields, undefined, 'list', notes)] : [];
    });
    return { instances: undefined, listed, used };
  }
  if (value !== undefined && value.kind !== 'mapping') {
    notes.mistake(
      value.at,
      'plugins: must be a mapping of instances; write plugins: {meminfo1: {name: meminfo, config: [{schema: meminfo}]}}',
    );
  }
  if (value?.kind !== 'mapping') return { instances: undefined, listed: [], used };
  const instances = new Map<string, { at: number; plugin: Plugin }>();
  for (const [instance, entry] of value.entries) {
    const fields = openFields(entry.value, instance, instanceShape, notes);
    if (fields)
      instances.set(instance, { at: entry.at, plugin: readPlugin(fields, instance, 'list', notes) });
  }
  return { instances, listed: [], used };
}

/** Tells of instances that nobody uses. */
export function warnUnused({ instances, used }: PluginTable, notes: Notes): void {
  for (const [instance, { at }] of instances ?? []) {
    if (!used.has(instance))
      notes.warning(at, `plugins: ${quote(instance)} is used by no sampler, store or aggregator`);
  }
}

/** Reads a list of plugins where they are used. */
export function readPluginUses(
  value: Value | undefined,
  name: string,
  table: PluginTable,
  notes: Notes,
): PluginUse[] {
  return readList(value, name, notes).flatMap((item) => readPluginUse(item, name, table, notes) ?? []);
}

/**
 * Reads a plugin where it is used: the name of an instance when the file has a mapping of
 * instances, otherwise the plugin itself.
 */
export function readPluginUse(
  value: Value,
  name: string,
  table: PluginTable,
  notes: Notes,
): PluginUse | undefined {
  if (value.kind === 'mapping') {
    if (table.instances) {
      notes.mistake(
        value.at,
        `${name}: a plugin is written in place, but the file has top-level plugins, and maestro_ctrl then takes only their names here; move it there and write its name`,
      );
    }
    const fields = openFields(value, name, inPlaceShape, notes);
    return fields && { at: notes.place(value.at), plugin: readPlugin(fields, undefined, 'any', notes) };
  }
  const instance = readText(value, name, notes);
  if (instance === undefined) return undefined;
  const known = table.instances?.get(instance);
  table.used.add(instance);
  if (known) return { at: notes.place(value.at), plugin: known.plugin };
  notes.mistake(
    value.at,
    table.instances
      ? `${name}: no entry of plugins is called ${quote(instance)}${guess(instance, [...table.instances.keys()])}`
      : `${name}: ${quote(instance)} names an entry of top-level plugins, and the file has none; write plugins: {${instance}: {name: …, config: […]}} or the plugin itself here`,
  );
  return undefined;
}

/** @param config whether `config` must be a list, as maestro_ctrl of the newer generation wants it */
function readPlugin(
  fields: Fields,
  instance: string | undefined,
  config: 'list' | 'any',
  notes: Notes,
): Plugin {
  const interval = readInterval(fields.get('interval'), 'interval', 'positive', notes);
  const offset = readInterval(fields.get('offset'), 'offset', 'any', notes);
  compareOffset(fields.get('offset'), offset, interval, notes);
  return {
    at: notes.place(fields.at),
    instance,
    name: readText(fields.get('name'), 'name', notes) ?? '',
    interval,
    offset,
    config: readConfig(fields.get('config'), config, notes),
  };
}

function readConfig(value: Value | undefined, form: 'list' | 'any', notes: Notes): (string | ConfigMap)[] {
  if (value?.kind === 'mapping') {
    if (form === 'list') {
      notes.mistake(value.at, 'config: must be a list, and is a mapping; begin its first key with "- "');
    }
    return [readConfigMap(value, notes)];
  }
  return readList(value, 'config', notes, 'write a list of mappings').flatMap(
    (item): (string | ConfigMap)[] => {
      if (item.kind === 'mapping') return [readConfigMap(item, notes)];
      const text = item.kind === 'scalar' && typeof item.value === 'string' ? item.value : undefined;
      if (text !== undefined) return [text];
      notes.mistake(item.at, 'config: each of its entries must be a mapping or a text; write key: value');
      return [];
    },
  );
}
