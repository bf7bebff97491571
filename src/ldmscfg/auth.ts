/** The `auth` of an endpoint or an advertisement. */
import { isEmpty, openFields, readText, type Shape } from './fields.ts';
import type { Auth } from './model.ts';
import type { Notes } from './notes.ts';
import type { Value } from './value.ts';
import { readConfigValue } from './values.ts';
import { guess, quote } from './words.ts';

/** How a connection is when nothing is said about its authentication. */
export const noAuth: Auth = { at: undefined, name: 'none', plugin: 'none', conf: undefined };

const shape: Shape = { what: 'auth', required: {}, optional: ['name', 'plugin', 'conf'] };

// LDMS's own authentication plugins; a site may have others.
const plugins = ['none', 'munge', 'ovis', 'naive'];

/** Reads an authentication domain. */
export function readAuth(value: Value, notes: Notes): Auth {
  if (value.kind === 'scalar' && !isEmpty(value)) {
    // maestro_ctrl looks for "name" in the text, finds none, and goes on without authentication.
    const write = `write auth: {name: ${value.source}, plugin: ${value.source}}`;
    notes.mistake(value.at, `auth: must be a mapping, and is ${quote(value.source)}; ${write}`);
    return noAuth;
  }
  const fields = openFields(value, 'auth', shape, notes);
  if (!fields) return noAuth;
  const name = readText(fields.get('name'), 'name', notes);
  const plugin = readText(fields.get('plugin'), 'plugin', notes);
  const conf = fields.get('conf');
  if (name === undefined && !fields.get('name')) {
    const write = plugin === undefined ? 'name: munge' : `name: ${plugin}`;
    notes.warning(value.at, `auth has no name, and none counts, which is no authentication; write ${write}`);
  } else if (name !== undefined && !fields.get('plugin')) {
    notes.warning(
      value.at,
      `auth has no plugin, and some versions of maestro_ctrl fail without it; write plugin: ${name}`,
    );
  }
  const meant = plugin === undefined || plugins.includes(plugin) ? '' : guess(plugin, plugins);
  const at = fields.get('plugin')?.at ?? value.at;
  if (plugin !== undefined && meant) notes.warning(at, `plugin: ${quote(plugin)} is not known${meant}`);
  return {
    at: notes.place(value.at),
    name: name ?? 'none',
    plugin: plugin ?? name ?? 'none',
    conf: conf && readConfigValue(conf, notes),
  };
}
