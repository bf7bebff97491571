/** The top-level `stores`: a list of policies with names, or a mapping by name. */
import { type Fields, openFields, readList, readText, type Shape } from './fields.ts';
import { type Groups, readGroupName } from './groups.ts';
import type { Store } from './model.ts';
import type { Notes } from './notes.ts';
import { warnMisreadPerm } from './perm.ts';
import { type PluginTable, readPluginUse } from './plugins.ts';
import type { Value } from './value.ts';
import { readInterval, refuseSlash } from './values.ts';
import { quote } from './words.ts';

const required = {
  daemons: 'daemons: with the names of a group of daemons',
  plugin: 'plugin: with the plugin that stores',
};
const optional = ['schema', 'regex', 'decomp', 'decomposition', 'flush', 'perm', 'buffer'];

const shapeOf = (form: 'list' | 'mapping', decomposes: boolean): Shape => ({
  what: 'stores entry',
  required: {
    ...(form === 'list' && { name: 'name: meminfo-store' }),
    ...required,
    ...(!decomposes && { container: 'container: ldms_data' }),
  },
  optional: [...optional, ...(form === 'mapping' ? ['name'] : []), ...(decomposes ? ['container'] : [])],
});

/** Reads the value of the top-level `stores`. */
export function readStores(
  value: Value | undefined,
  groups: Groups,
  plugins: PluginTable,
  notes: Notes,
): Store[] {
  const names = new Map<string, number>();
  if (value?.kind === 'mapping') {
    return [...value.entries].flatMap(([name, entry]) => {
      refuseSlash(entry.at, 'stores', name, notes);
      return readStore(entry.value, name, names, groups, plugins, notes);
    });
  }
  const items = readList(value, 'stores', notes, 'write a list, or a mapping by name');
  return items.flatMap((item) => readStore(item, undefined, names, groups, plugins, notes));
}

function readStore(
  item: Value,
  key: string | undefined,
  names: Map<string, number>,
  groups: Groups,
  plugins: PluginTable,
  notes: Notes,
): Store[] {
  const has = (name: string) => item.kind === 'mapping' && item.entries.has(name);
  const shape = shapeOf(key === undefined ? 'list' : 'mapping', has('decomp') || has('decomposition'));
  const fields = openFields(item, key ?? 'stores', shape, notes);
  if (!fields) return [];
  const nameValue = key === undefined ? fields.get('name') : undefined;
  const name = key ?? readText(nameValue, 'name', notes) ?? '';
  const daemons = readGroupName(fields.get('daemons'), groups, notes)?.name ?? '';
  if (nameValue) {
    refuseSlash(nameValue.at, 'name', name, notes);
    refuseTwice(nameValue.at, name, daemons, names, notes);
  }
  warnMisreadPerm(fields, notes);
  const plugin = fields.get('plugin');
  return [
    {
      at: notes.place(fields.at),
      name,
      daemons,
      container: readText(fields.get('container'), 'container', notes),
      ...readSchema(fields, notes),
      flush: readInterval(fields.get('flush'), 'flush', 'positive', notes),
      plugin: plugin && readPluginUse(plugin, 'plugin', plugins, notes),
    },
  ];
}

function refuseTwice(
  at: number,
  name: string,
  daemons: string,
  names: Map<string, number>,
  notes: Notes,
): void {
  const key = JSON.stringify([daemons, name]);
  const before = names.get(key);
  if (before === undefined) {
    names.set(key, at);
    return;
  }
  const { line } = notes.place(before);
  notes.mistake(
    at,
    `name: ${quote(name)} is already the store of line ${line} for these daemons; give this one another name`,
  );
}

/** What is stored: a schema, or, by way of a decomposition, a schema or all that match a regex. */
function readSchema(fields: Fields, notes: Notes): Pick<Store, 'schema' | 'regex' | 'decomposition'> {
  const schema = readText(fields.get('schema'), 'schema', notes);
  const regex = readText(fields.get('regex'), 'regex', notes);
  const key = fields.get('decomposition') ? 'decomposition' : 'decomp';
  const decomposition = readText(fields.get(key), key, notes);
  const has = (name: string) => fields.get(name) !== undefined;
  if (!has(key) && !has('schema')) {
    notes.mistake(
      fields.at,
      has('regex')
        ? 'stores entry has a regex and no decomposition; write decomposition: /path/to/decomp.json'
        : 'stores entry has no schema; write schema: meminfo',
    );
  } else if (has(key) && !has('schema') && !has('regex')) {
    notes.mistake(fields.at, `stores entry has a ${key} and neither schema nor regex; write regex: .*`);
  } else if (has(key) && has('schema') && has('regex')) {
    notes.mistake(
      fields.get('regex')?.at ?? fields.at,
      `stores entry has both schema and regex beside ${key}; take one away`,
    );
  }
  return { schema, regex, decomposition };
}
