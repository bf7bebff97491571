/** The YAML files of maestro and maestro_ctrl, and the keys that maestro_ctrl makes of the ldms configuration. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { Ending } from './maestro-args.ts';
import { say } from './say.ts';

type Mapping = Readonly<Record<string, unknown>>;

const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Reads a YAML file as PyYAML does, version 1.1; a Python exception's last line and status 1 if that fails. */
export function readYaml(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const denied = error instanceof Error && 'code' in error && error.code === 'EACCES';
    throw raised(
      denied
        ? `PermissionError: [Errno 13] Permission denied: '${file}'`
        : `FileNotFoundError: [Errno 2] No such file or directory: '${file}'`,
    );
  }
  try {
    return parse(text, { version: '1.1', uniqueKeys: false, logLevel: 'error' });
  } catch (error) {
    throw raised(`yaml.parser.ParserError: ${String(error).split('\n')[0]}`);
  }
}

/** The address of the cluster's first etcd: the others are not used. */
export function etcdUrl(clusterFile: string): string {
  const members = item(readYaml(clusterFile), 'members');
  if (!Array.isArray(members) || members.length === 0) throw raised('IndexError: list index out of range');
  return `http://${item(members[0], 'host')}:${item(members[0], 'port')}`;
}

/** What Python does on an exception that nobody catches. */
const raised = (line: string): Ending => new Ending(1, line);

/** Python's `mapping[key]`. */
function item(mapping: unknown, key: string): unknown {
  if (!isMapping(mapping)) throw raised(`TypeError: '${mapping}' object is not subscriptable`);
  if (!(key in mapping)) throw raised(`KeyError: '${key}'`);
  return mapping[key];
}

/** What is to be done for one scalar of the configuration: to set a key, or to give up because of a key's name. */
export type Step = { readonly key: string; readonly value: string } | { readonly unusable: string };

/** The configuration as steps in their order. Producers, updaters and plugins are not worked out. */
export function stepsFor(prefix: string, config: unknown): Step[] {
  const daemons = daemonsOf(config);
  const sections = {
    daemons,
    aggregators: aggregatorsOf(config),
    stores: grouped(config, 'stores', (spec) => ({ [text(spec['name'])]: spec })),
    samplers: grouped(config, 'samplers', (spec) => spec),
  };
  return Object.entries(sections).flatMap(([name, section]) => walk(`/${prefix}/${name}`, section));
}

/** Mappings and lists become paths, and their scalars values. As in Python, what is false is no value. */
function walk(path: string, value: unknown): Step[] {
  if (isMapping(value)) {
    return Object.entries(value).flatMap(([key, inner]) =>
      key.includes('/') ? [{ unusable: key }] : walk(`${path}/${key}`, inner),
    );
  }
  if (Array.isArray(value)) {
    return value.flatMap((inner, at) => walk(`${path}/${String(at).padStart(6, '0')}`, inner));
  }
  if (typeof value === 'string') return [{ key: path, value }];
  return value ? [{ key: path, value: value === true ? 'True' : String(value) }] : [];
}

/** Every daemon of every group, with its address and its endpoints. */
function daemonsOf(config: unknown): Mapping {
  const specs = item(config, 'daemons');
  if (!Array.isArray(specs)) throw notAList('daemons');
  return Object.fromEntries(
    specs.map((spec: unknown) => {
      const { names, hosts, endpoints } = needed(['names', 'endpoints', 'hosts'], spec, 'daemons');
      if (!Array.isArray(endpoints)) throw notAList('endpoints');
      const [all, places] = [expand(text(names)), expand(text(hosts))];
      // Fewer hosts than daemons: each has its share.
      const share = Math.max(1, Math.floor(all.length / places.length));
      const daemon = (name: string, at: number) => [
        name,
        {
          addr: places[Math.min(Math.floor(at / share), places.length - 1)],
          endpoints: Object.fromEntries(endpoints.map((endpoint) => endpointOf(endpoint, at))),
        },
      ];
      return [text(names), Object.fromEntries(all.map(daemon))];
    }),
  );
}

/** The endpoint of a group's daemon number `at`. */
function endpointOf(spec: unknown, at: number): [string, Mapping] {
  const { names, ports, xprt, auth, conf, maestro_comm } = needed(['names', 'ports'], spec, 'endpoints');
  const [name, all] = [expand(text(names))[at], expand(text(ports))];
  if (name === undefined) throw raised('IndexError: pop from empty list');
  item(spec, 'auth');
  const plugin = isMapping(auth) ? auth['plugin'] : undefined;
  return [name, { name, port: all[at % all.length], xprt, maestro_comm, auth: { name: auth, conf, plugin } }];
}

function aggregatorsOf(config: unknown): Mapping {
  return grouped(config, 'aggregators', ({ daemons, subscribe, plugins }) =>
    Object.fromEntries(expand(text(daemons)).map((name) => [name, { state: 'stopped', subscribe, plugins }])),
  );
}

/** A section's entries by the group of daemons that they are for. Other shapes of a section stay as they are. */
function grouped(config: unknown, section: string, entryOf: (spec: Mapping) => Mapping): Mapping {
  const specs = isMapping(config) ? config[section] : undefined;
  if (specs === undefined || specs === null) {
    say(`${section} not present in ldms yaml configuration file.\nContinuing..`);
    return {};
  }
  if (!Array.isArray(specs)) return isMapping(specs) ? specs : {};
  const groups: Record<string, Mapping> = {};
  for (const spec of specs) {
    const group = text(needed(['daemons'], spec, section)['daemons']);
    groups[group] = { ...groups[group], ...entryOf(spec) };
  }
  return groups;
}

function needed(names: readonly string[], spec: unknown, section: string): Mapping {
  const missing = names.find((name) => !isMapping(spec) || !(name in spec));
  if (missing !== undefined || !isMapping(spec)) {
    throw raised(`ValueError: the attribute '${missing}' is required in an entry of "${section}"`);
  }
  return spec;
}

/** What is printed where a list is wanted; the status is that of a success. */
export function notAList(section: string): Ending {
  say(
    `Error parsing ldms_config yaml file\n${section} spec must be a list of dictionaries, specified with "-"`,
  );
  return new Ending(0);
}

const text = (value: unknown): string => String(value ?? '');

/** The names of a host list: "a-[1-3,7],b". Numbers keep their leading zeros. */
function expand(list: string): string[] {
  const parts = list.match(/(?:\[[^\]]*\]|[^,[])+/g) ?? [];
  return parts.flatMap((part) => {
    const [, before = '', ranges, after = ''] = /^([^[]*)\[([^\]]*)\](.*)$/.exec(part) ?? [];
    if (ranges === undefined) return [part];
    const inner = ranges.split(',').flatMap(numbers);
    return inner.flatMap((number) =>
      (after === '' ? [''] : expand(after)).map((end) => before + number + end),
    );
  });
}

function numbers(range: string): string[] {
  const [first = '', last = first] = range.split('-');
  const count = Number(last) - Number(first) + 1;
  return Array.from({ length: count }, (_, at) => String(Number(first) + at).padStart(first.length, '0'));
}
