/** The top-level `samplers`: which group samples what. */
import { noAuth, readAuth } from './auth.ts';
import { transports } from './daemons.ts';
import { type Fields, openFields, readList, readWord, type Shape } from './fields.ts';
import { type Groups, readGroupName } from './groups.ts';
import type { Advertise, Sampler } from './model.ts';
import type { Notes } from './notes.ts';
import { warnMisreadPerm } from './perm.ts';
import { type PluginTable, readPluginUses } from './plugins.ts';
import type { Value } from './value.ts';
import { readHosts, readInterval, readNames, readPorts } from './values.ts';
import { quote } from './words.ts';

const samplerShape: Shape = {
  what: 'samplers entry',
  required: {
    daemons: 'daemons: with the names of a group of daemons',
    plugins: 'plugins: with a list of plugins',
  },
  optional: ['advertise'],
};

// The oldest documented form lists the plugins under `config`.
const oldestShape: Shape = {
  ...samplerShape,
  required: { daemons: 'daemons: with the names of a group of daemons' },
  optional: ['config', 'advertise'],
};

const advertiseShape: Shape = {
  what: 'advertise',
  required: {
    names: 'names: with the names of the daemons',
    hosts: 'hosts: with the hosts of the aggregators',
    xprt: 'xprt: sock',
    port: 'port: 411',
    reconnect: 'reconnect: 20s',
  },
  optional: ['auth', 'perm', 'rail', 'quota', 'rx_rate', 'credits'],
};

/** Reads the value of the top-level `samplers`. */
export function readSamplers(
  value: Value | undefined,
  groups: Groups,
  plugins: PluginTable,
  notes: Notes,
): Sampler[] {
  const lines = new Map<string, number>();
  return readList(value, 'samplers', notes).flatMap((item) => {
    const oldest = item.kind === 'mapping' && item.entries.has('config') && !item.entries.has('plugins');
    const fields = openFields(item, 'samplers', oldest ? oldestShape : samplerShape, notes);
    if (!fields) return [];
    const daemons = readGroupName(fields.get('daemons'), groups, notes)?.name ?? '';
    const { line } = notes.place(fields.at);
    refuseTwice(fields, daemons, lines, notes);
    lines.set(daemons, line);
    const list = oldest ? 'config' : 'plugins';
    return [
      {
        at: notes.place(fields.at),
        daemons,
        plugins: readPluginUses(fields.get(list), list, plugins, notes),
        advertise: readAdvertise(fields.get('advertise'), notes),
      },
    ];
  });
}

function refuseTwice(
  fields: Fields,
  daemons: string,
  lines: ReadonlyMap<string, number>,
  notes: Notes,
): void {
  const line = lines.get(daemons);
  if (daemons === '' || line === undefined) return;
  notes.mistake(
    fields.get('daemons')?.at ?? fields.at,
    `daemons: ${quote(daemons)} is already in the samplers entry of line ${line}, and maestro_ctrl takes the last only; put the plugins into one`,
  );
}

function readAdvertise(value: Value | undefined, notes: Notes): Advertise | undefined {
  const fields = value && openFields(value, 'advertise', advertiseShape, notes);
  if (!fields) return undefined;
  const auth = fields.get('auth');
  warnMisreadPerm(fields, notes);
  return {
    at: notes.place(fields.at),
    names: readNames(fields.get('names'), 'names', notes)?.names ?? [],
    hosts: readHosts(fields.get('hosts'), 'hosts', notes)?.names ?? [],
    ports: readPorts(fields.get('port'), 'port', notes) ?? [],
    xprt: readWord(fields.get('xprt'), 'xprt', transports, notes) ?? 'sock',
    reconnect: readInterval(fields.get('reconnect'), 'reconnect', 'positive', notes),
    auth: auth ? readAuth(auth, notes) : noAuth,
  };
}
