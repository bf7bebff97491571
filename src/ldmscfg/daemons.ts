/** The top-level `daemons`: groups of daemons, their hosts and their endpoints. */
import { noAuth, readAuth } from './auth.ts';
import { type Fields, openFields, readFlag, readList, readWord, type Shape } from './fields.ts';
import { type Groups, noGroups } from './groups.ts';
import type { DaemonGroup, Endpoint } from './model.ts';
import type { Notes } from './notes.ts';
import type { Value } from './value.ts';
import { type Names, readHosts, readKeys, readPorts } from './values.ts';
import { quote } from './words.ts';

/** LDMS's transports; a site may have others. */
export const transports = ['sock', 'rdma', 'ugni', 'fabric'];

const groupShape: Shape = {
  what: 'daemons entry',
  required: {
    names: 'names: "samp-[1-4]"',
    hosts: 'hosts: "node-[1-4]"',
    endpoints: 'endpoints: with a list of {names, ports, xprt, auth}',
  },
  optional: ['environment'],
  // ldmsd_yaml_parser(8): other keys are command-line options of the daemons.
  open: true,
};

const endpointShape: Shape = {
  what: 'endpoints entry',
  required: { names: 'names: "node-[1-4]-ep"', ports: 'ports: 411' },
  optional: ['xprt', 'maestro_comm', 'auth', 'hosts', 'bind_all'],
};

/** Reads the value of the top-level `daemons`. */
export function readDaemons(value: Value, notes: Notes): Groups {
  const groups = noGroups();
  const items = readList(value, 'daemons', notes);
  groups.incomplete = items.length === 0;
  if (value.kind === 'list' && items.length === 0) {
    notes.mistake(value.at, 'daemons: is an empty list; write an entry with names, hosts and endpoints');
  }
  for (const item of items) {
    const fields = openFields(item, 'daemons', groupShape, notes);
    if (fields) readGroup(fields, groups, notes);
    else groups.incomplete = true;
  }
  return groups;
}

function readGroup(fields: Fields, groups: Groups, notes: Notes): void {
  const namesValue = fields.get('names');
  const names = readKeys(namesValue, 'names', notes);
  if (namesValue?.kind === 'list' && names) {
    notes.mistake(
      namesValue.at,
      `names: must be one text, because the rest of the file means the daemons by it; write ${quote(names.expression)}`,
    );
  }
  const twice = names && groups.byExpression.get(names.expression);
  if (names && twice) {
    const line = twice.at.line;
    notes.mistake(
      names.at,
      `names: ${quote(names.expression)} is already the group of line ${line}; give this one other names`,
    );
    return;
  }
  if (names?.names) {
    claimNames(names, names.names, groups.daemons, 'a daemon can be in one group only', notes);
  }
  const count = names?.names?.length;
  const hosts = readHosts(fields.get('hosts'), 'hosts', notes);
  const hostOfEach = hosts && count !== undefined ? spreadHosts(hosts, count, 'daemons', notes) : [];
  const endpoints: Endpoint[] = [];
  for (const item of readEndpointList(fields, notes)) {
    const endpoint = openFields(item, 'endpoints', endpointShape, notes);
    if (endpoint) endpoints.push(readEndpoint(endpoint, count, hostOfEach, groups, notes));
  }
  warnUnreachable(fields, endpoints, notes);
  if (!names) {
    groups.incomplete = true;
    return;
  }
  const group: DaemonGroup = {
    at: notes.place(fields.at),
    expression: names.expression,
    names: names.names ?? [],
    hosts: hostOfEach,
    endpoints,
  };
  groups.list.push(group);
  groups.byExpression.set(group.expression, group);
  for (const endpoint of endpoints) {
    for (const [daemon, name] of endpoint.names.entries()) {
      if (!groups.endpoints.has(name)) groups.endpoints.set(name, { group, daemon });
    }
  }
}

function readEndpointList(fields: Fields, notes: Notes): readonly Value[] {
  const value = fields.get('endpoints');
  const items = readList(value, 'endpoints', notes);
  if (value?.kind === 'list' && items.length === 0) {
    notes.mistake(value.at, 'endpoints: is an empty list; write an entry with names and ports');
  }
  return items;
}

function warnUnreachable(fields: Fields, endpoints: readonly Endpoint[], notes: Notes): void {
  if (endpoints.length === 0 || endpoints.some(({ maestroComm }) => maestroComm)) return;
  const at = fields.get('endpoints')?.at ?? fields.at;
  notes.warning(
    at,
    'endpoints: none has maestro_comm: True, so that maestro cannot configure these daemons; write it in one',
  );
}

/** Tells of names that are taken already, and takes the others. */
function claimNames(
  { at, expression }: Names,
  names: readonly string[],
  owners: Map<string, Names>,
  rule: string,
  notes: Notes,
): void {
  const taken: string[] = [];
  for (const name of names) {
    if (owners.has(name)) taken.push(name);
    else owners.set(name, { at, expression, names: undefined });
  }
  const [first = ''] = taken;
  const before = owners.get(first);
  if (!before) return;
  const what = taken.length > 1 ? `${first} and ${taken.length - 1} more` : first;
  const where = `${quote(before.expression)} in line ${notes.place(before.at).line}`;
  notes.mistake(
    at,
    before.at === at
      ? `names: ${what} twice in ${quote(expression)}; ${rule}`
      : `names: ${quote(expression)} has ${what} in it, as ${where} does; ${rule}`,
  );
}

/**
 * The host of each daemon. Fewer hosts than daemons share them evenly, the first host taking the
 * first daemons, which is what maestro_ctrl does.
 */
function spreadHosts(hosts: Names, count: number, what: 'daemons' | 'endpoints', notes: Notes): string[] {
  if (!hosts.names) return [];
  const { length } = hosts.names;
  const there = `hosts: ${quote(hosts.expression)} is ${length} ${length === 1 ? 'host' : 'hosts'} for ${count} ${what}`;
  if (length > count) {
    notes.mistake(hosts.at, `${there}; there cannot be more hosts than ${what}`);
    return [];
  }
  if (count % length !== 0) {
    notes.mistake(
      hosts.at,
      `${there}, and ${count} cannot be shared evenly among ${length}: maestro_ctrl drops the last ${count % length}`,
    );
    return [];
  }
  notes.spend(count);
  const each = count / length;
  return hosts.names.flatMap((host) => Array<string>(each).fill(host));
}

function readEndpoint(
  fields: Fields,
  count: number | undefined,
  hostOfEach: readonly string[],
  groups: Groups,
  notes: Notes,
): Endpoint {
  const names = readKeys(fields.get('names'), 'names', notes);
  const ports = readPorts(fields.get('ports'), 'ports', notes);
  const ownHosts = readHosts(fields.get('hosts'), 'hosts', notes);
  const xprt = readWord(fields.get('xprt'), 'xprt', transports, notes) ?? 'sock';
  const portsAt = fields.get('ports')?.at ?? fields.at;
  const auth = fields.get('auth');
  if (!auth) {
    notes.warning(
      fields.at,
      'endpoints entry has no auth, and some versions of maestro_ctrl fail without it; write auth: {name: none, plugin: none}',
    );
  }
  const nameOfEach = names && count !== undefined ? oneForEach(names, count, notes) : [];
  const portOfEach =
    names?.names && ports && count !== undefined && nameOfEach.length > 0
      ? spreadPorts(ports, names.names.length, count, portsAt, notes)
      : [];
  const hosts = ownHosts && names?.names ? spreadHosts(ownHosts, names.names.length, 'endpoints', notes) : [];
  if (names) {
    // maestro_ctrl keys producers by the names of their endpoints.
    claimNames(names, nameOfEach, groups.endpointNames, "an endpoint's name must be its own", notes);
  }
  claimPorts(portsAt, ownHosts ? hosts : hostOfEach, portOfEach, xprt, groups, notes);
  return {
    at: notes.place(fields.at),
    expression: names?.expression ?? '',
    names: nameOfEach,
    ports: portOfEach,
    hosts: hosts.slice(0, count ?? 0),
    xprt,
    maestroComm: readFlag(fields.get('maestro_comm'), 'maestro_comm', notes),
    auth: auth ? readAuth(auth, notes) : noAuth,
  };
}

const number = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** The first name for the first daemon, and so on. */
function oneForEach({ at, expression, names }: Names, count: number, notes: Notes): readonly string[] {
  if (!names) return [];
  const there = `names: ${quote(expression)} is ${number(names.length, 'endpoint')} for ${number(count, 'daemon')}`;
  if (names.length < count) {
    notes.mistake(at, `${there}; write one for each`);
    return [];
  }
  if (names.length > count) notes.warning(at, `${there}; the last ${names.length - count} will not be used`);
  return names.slice(0, count);
}

/**
 * The port of each daemon. When there are not as many ports as endpoint names, maestro_ctrl repeats
 * them all as often as they fit into the names, and then takes one for each daemon.
 */
function spreadPorts(
  ports: readonly number[],
  names: number,
  count: number,
  at: number,
  notes: Notes,
): readonly number[] {
  notes.spend(count);
  const repeats = ports.length === names ? 1 : Math.floor(names / ports.length);
  if (ports.length * repeats < count) {
    const there = `${number(ports.length, 'port')} for ${number(names, 'endpoint name')}`;
    notes.mistake(at, `ports: ${there}; write one port for all, or one for each`);
    return [];
  }
  return Array.from({ length: count }, (_, daemon) => ports[daemon % ports.length] ?? 0);
}

/** Tells of two endpoints that listen at one place. */
function claimPorts(
  at: number,
  hosts: readonly string[],
  ports: readonly number[],
  xprt: string,
  groups: Groups,
  notes: Notes,
): void {
  let told = false;
  for (const [daemon, port] of ports.entries()) {
    const host = hosts[daemon];
    if (host === undefined) return;
    const address = `${xprt}:${port}:${host}`;
    const before = groups.addresses.get(address);
    if (before === undefined) groups.addresses.set(address, at);
    else if (!told) {
      told = true;
      const other =
        before === at ? 'another daemon here' : `the endpoint of line ${notes.place(before).line}`;
      notes.mistake(at, `ports: port ${port} on ${host} is that of ${other} too; write a port for each`);
    }
  }
}
