/** The top-level `aggregators`: who collects from whom. */
import { type Fields, openFields, readList, readText, readWord, type Shape } from './fields.ts';
import { findGroup, type Groups, readGroupName } from './groups.ts';
import { splitHostlist } from './hostlist.ts';
import type { Aggregator, DaemonGroup, Listener, Peer, Source, Subscription } from './model.ts';
import type { Notes } from './notes.ts';
import { warnMisreadPerm } from './perm.ts';
import { type PluginTable, readPluginUses } from './plugins.ts';
import { readUpdaters } from './updaters.ts';
import type { Value } from './value.ts';
import { readInterval, readNames } from './values.ts';
import { quote } from './words.ts';

const aggregatorShape: Shape = {
  what: 'aggregators entry',
  required: { daemons: 'daemons: with the names of a group of daemons' },
  optional: ['peers', 'plugins', 'subscribe', 'prdcr_listen', 'advertise', 'stores'],
};

const peerShape: Shape = {
  what: 'peers entry',
  required: {
    daemons: 'daemons: with the names of a group of daemons',
    endpoints: 'endpoints: with the names of endpoints of those daemons',
    updaters: 'updaters: with a list of {mode, interval, sets}',
    reconnect: 'reconnect: 20s',
    type: 'type: active',
  },
  optional: ['rail', 'quota', 'credits', 'rx_rate', 'perm', 'cache_ip', 'subscribe', 'regex'],
};

const listenerShape: Shape = {
  what: 'prdcr_listen entry',
  required: { name: 'name: samplers', updaters: 'updaters: with a list of {mode, interval, sets}' },
  optional: [
    'reconnect',
    'regex',
    'ip',
    'disable_start',
    'rail',
    'quota',
    'rx_rate',
    'credits',
    'type',
    'perm',
  ],
};

const subscriptionShape: Shape = {
  what: 'subscribe entry',
  required: { stream: 'stream: kokkos', regex: 'regex: .*' },
  optional: ['rx_rate'],
};

const types = ['active', 'passive', 'bridge', 'advertised'];

/** Reads the value of the top-level `aggregators`. */
export function readAggregators(
  value: Value | undefined,
  groups: Groups,
  plugins: PluginTable,
  notes: Notes,
): Aggregator[] {
  // An aggregator group may have several entries, whose peers are put together by endpoint.
  const connected = new Map<string, Set<string>>();
  return readList(value, 'aggregators', notes).flatMap((item) => {
    const fields = openFields(item, 'aggregators', aggregatorShape, notes);
    const own = readGroupName(fields?.get('daemons'), groups, notes);
    if (!fields) return [];
    const daemons = own?.name ?? '';
    const seen = connected.get(daemons) ?? new Set();
    connected.set(daemons, seen);
    return [
      {
        at: notes.place(fields.at),
        daemons,
        peers: readList(fields.get('peers'), 'peers', notes).flatMap((peer) =>
          readPeer(peer, daemons, seen, groups, notes),
        ),
        listeners: readListeners(fields.get('prdcr_listen'), notes),
        plugins: readPluginUses(fields.get('plugins'), 'plugins', plugins, notes),
        subscriptions: readSubscriptions(fields.get('subscribe'), notes),
      },
    ];
  });
}

function readPeer(item: Value, aggregator: string, seen: Set<string>, groups: Groups, notes: Notes): Peer[] {
  const fields = openFields(item, 'peers', peerShape, notes);
  if (!fields) return [];
  const sources = readSources(fields, aggregator, groups, notes);
  for (const { endpoints } of sources) warnConnectedTwice(fields, endpoints, seen, notes);
  warnMisreadPerm(fields, notes);
  return [
    {
      at: notes.place(fields.at),
      sources,
      type: readWord(fields.get('type'), 'type', types, notes) ?? 'active',
      reconnect: readInterval(fields.get('reconnect'), 'reconnect', 'positive', notes),
      updaters: readUpdaters(fields.get('updaters'), notes),
    },
  ];
}

/** The groups and endpoints of a peer: one of each, or as many of each between commas. */
function readSources(fields: Fields, aggregator: string, groups: Groups, notes: Notes): Source[] {
  const daemonsValue = fields.get('daemons');
  const endpointsValue = fields.get('endpoints');
  const daemons = readText(daemonsValue, 'daemons', notes);
  if (daemonsValue === undefined || daemons === undefined) return [];
  const parts = groups.byExpression.has(daemons) ? [daemons] : splitHostlist(daemons);
  for (const part of parts) {
    if (part !== aggregator) continue;
    notes.mistake(
      daemonsValue.at,
      `daemons: ${quote(part)} is the aggregator itself; name the daemons that it collects from`,
    );
  }
  if (parts.length === 1) {
    const group = findGroup(daemons, daemonsValue.at, groups, notes);
    const endpoints = readNames(endpointsValue, 'endpoints', notes);
    if (group && daemons !== aggregator && endpoints?.names)
      checkPairs(group, endpoints.names, endpoints.at, endpoints.expression, groups, notes);
    return [{ daemons, expression: endpoints?.expression ?? '', endpoints: endpoints?.names ?? [] }];
  }
  const expression = readText(endpointsValue, 'endpoints', notes);
  if (endpointsValue === undefined || expression === undefined) return [];
  return zipSources(parts, daemonsValue.at, expression, endpointsValue.at, groups, notes);
}

function zipSources(
  parts: readonly string[],
  daemonsAt: number,
  expression: string,
  endpointsAt: number,
  groups: Groups,
  notes: Notes,
): Source[] {
  const endpointParts = splitHostlist(expression);
  if (endpointParts.length !== parts.length) {
    notes.mistake(
      endpointsAt,
      `endpoints: ${quote(expression)} is ${endpointParts.length} for ${parts.length} groups in daemons; write as many of each`,
    );
  }
  // maestro_ctrl splits at every comma, those in brackets too.
  const broken = [...parts, ...endpointParts].find((part) => part.includes(','));
  if (broken !== undefined) {
    notes.mistake(
      daemonsAt,
      `daemons: maestro_ctrl would split ${quote(broken)} at the comma in its brackets; give each group an entry of its own`,
    );
  }
  return parts.map((daemons, at) => {
    const group = findGroup(daemons, daemonsAt, groups, notes);
    const part = endpointParts[at] ?? '';
    const expansion = notes.expand(part);
    if ('wrong' in expansion && part)
      notes.mistake(endpointsAt, `endpoints: ${quote(part)} ${expansion.wrong}`);
    const endpoints = 'names' in expansion ? expansion.names : [];
    if (group) checkPairs(group, endpoints, endpointsAt, part, groups, notes);
    return { daemons, expression: part, endpoints };
  });
}

/**
 * Checks that each endpoint is one of the daemon that maestro_ctrl takes it for: it goes through
 * both lists side by side, and gives each daemon its share when there are more endpoints.
 */
function checkPairs(
  group: DaemonGroup,
  endpoints: readonly string[],
  at: number,
  expression: string,
  groups: Groups,
  notes: Notes,
): void {
  // While the group's own endpoints are wrong there is nothing to compare with.
  if (group.endpoints.length === 0 || group.endpoints.some(({ names }) => names.length === 0)) return;
  notes.spend(endpoints.length);
  const share = Math.max(1, endpoints.length / group.names.length);
  for (const [index, name] of endpoints.entries()) {
    const owner = groups.endpoints.get(name);
    const daemon = Math.floor(index / share);
    if (owner?.group === group && owner.daemon === daemon) continue;
    notes.mistake(at, `endpoints: ${quote(expression)} ${notPaired(group, name, daemon, owner)}`);
    return;
  }
}

function notPaired(
  group: DaemonGroup,
  name: string,
  daemon: number,
  owner: { group: DaemonGroup; daemon: number } | undefined,
): string {
  const theirs = group.endpoints.map(({ expression }) => quote(expression)).join(' or ');
  if (owner?.group !== group) {
    const whose = owner ? ` but one of ${quote(owner.group.expression)}` : '';
    return `has ${name} in it, which is no endpoint of ${quote(group.expression)}${whose}; write ${theirs}`;
  }
  return `has ${name} where maestro_ctrl takes an endpoint of ${group.names[daemon]}, and it is one of ${group.names[owner.daemon]}; write ${theirs}`;
}

function warnConnectedTwice(
  fields: Fields,
  endpoints: readonly string[],
  seen: Set<string>,
  notes: Notes,
): void {
  const twice = endpoints.find((name) => seen.has(name));
  if (twice !== undefined) {
    notes.warning(
      fields.get('endpoints')?.at ?? fields.at,
      `endpoints: ${twice} is already a peer of this aggregator; the last entry replaces the others, but all updaters stay`,
    );
  }
  for (const name of endpoints) seen.add(name);
}

function readListeners(value: Value | undefined, notes: Notes): Listener[] {
  return readList(value, 'prdcr_listen', notes).flatMap((item) => {
    const fields = openFields(item, 'prdcr_listen', listenerShape, notes);
    if (!fields) return [];
    return [
      {
        at: notes.place(fields.at),
        name: readText(fields.get('name'), 'name', notes) ?? '',
        regex: readText(fields.get('regex'), 'regex', notes),
        reconnect: readInterval(fields.get('reconnect'), 'reconnect', 'positive', notes),
        updaters: readUpdaters(fields.get('updaters'), notes),
      },
    ];
  });
}

function readSubscriptions(value: Value | undefined, notes: Notes): Subscription[] {
  return readList(value, 'subscribe', notes).flatMap((item) => {
    const fields = openFields(item, 'subscribe', subscriptionShape, notes);
    const stream = readText(fields?.get('stream'), 'stream', notes);
    if (!fields || stream === undefined) return [];
    const regex = readText(fields.get('regex'), 'regex', notes) ?? '.*';
    return [{ at: notes.place(fields.at), stream, regex }];
  });
}
