/** Reads values of the kinds that ldms_cfg.yaml has: host lists, ports, intervals, configurations. */
import { describe, readText, warnMisread } from './fields.ts';
import { formatInterval, parseInterval } from './interval.ts';
import type { ConfigMap, ConfigValue } from './model.ts';
import type { Notes } from './notes.ts';
import type { Value } from './value.ts';
import { quote } from './words.ts';

/** A host list as written, and what it stands for: undefined when it is wrong. */
export interface Names {
  readonly at: number;
  readonly expression: string;
  readonly names: readonly string[] | undefined;
}

/**
 * Reads a host list: a text, a number, or a list of those, whose names are put together.
 *
 * A name that is twice in one text is a doubt, because maestro_ctrl drops it; in two items of a list
 * it stays.
 */
export function readNames(value: Value | undefined, name: string, notes: Notes): Names | undefined {
  if (value === undefined) return undefined;
  const items = value.kind === 'list' ? value.items : [value];
  const texts: string[] = [];
  const names: string[] = [];
  let good = true;
  for (const item of items) {
    const expanded = readExpression(item, name, notes);
    good &&= expanded.names !== undefined;
    texts.push(expanded.expression);
    notes.spend(expanded.names?.length ?? 1);
    for (const each of expanded.names ?? []) names.push(each);
  }
  if (items.length === 0) notes.mistake(value.at, `${name}: is an empty list`);
  const some = good && names.length > 0;
  return { at: value.at, expression: texts.join(','), names: some ? names : undefined };
}

function readExpression(value: Value, name: string, notes: Notes): Names {
  const { at } = value;
  const unread = { at, expression: '', names: undefined };
  if (value.kind === 'scalar' && value.value === null) {
    notes.mistake(at, `${name}: is empty`);
    return unread;
  }
  const expression = readText(value, name, notes);
  if (expression === undefined) return unread;
  warnMisread(value, name, notes);
  const expansion = notes.expand(expression);
  if ('wrong' in expansion) {
    notes.mistake(at, `${name}: ${quote(expression)} ${expansion.wrong}`);
    return { ...unread, expression };
  }
  if (expansion.repeated !== undefined) {
    notes.warning(at, `${name}: ${quote(expression)} has ${expansion.repeated} more than once; once counts`);
  }
  return { at, expression, names: expansion.names };
}

/** Reads hosts: names of which each can be a host's. */
export function readHosts(value: Value | undefined, name: string, notes: Notes): Names | undefined {
  const hosts = readNames(value, name, notes);
  const bad = hosts?.names?.find((host) => !/^[\w.:-]+$/.test(host));
  if (!hosts || bad === undefined) return hosts;
  const letter = /[^\w.:-]/u.exec(bad)?.[0] ?? '';
  notes.mistake(hosts.at, `${name}: ${quote(bad)} is no host name: it has ${quote(letter)} in it`);
  return { ...hosts, names: undefined };
}

/** Reads names that become keys of maestro_ctrl, which refuses `/` in them (check_key). */
export function readKeys(value: Value | undefined, name: string, notes: Notes): Names | undefined {
  const keys = readNames(value, name, notes);
  if (keys) refuseSlash(keys.at, name, keys.expression, notes);
  return keys;
}

/** Tells of a `/` in what becomes a key. */
export function refuseSlash(at: number, name: string, text: string, notes: Notes): void {
  if (!text.includes('/')) return;
  notes.mistake(
    at,
    `${name}: ${quote(text)} has a / in it, which maestro_ctrl does not support in names; write ${text.replaceAll('/', '-')}`,
  );
}

/** Reads ports: a host list of numbers from 1 to 65535. */
export function readPorts(
  value: Value | undefined,
  name: string,
  notes: Notes,
): readonly number[] | undefined {
  const ports = readNames(value, name, notes);
  const isPort = (port: string) => /^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535;
  const bad = ports?.names?.find((port) => !isPort(port));
  if (ports && bad !== undefined) {
    notes.mistake(ports.at, `${name}: ${quote(bad)} is no port; a port is a number from 1 to 65535`);
    return undefined;
  }
  return ports?.names?.map(Number);
}

// A bare number below this was surely not meant as microseconds: no daemon samples that often.
const fewMicroseconds = 1000;

/**
 * Reads a time in microseconds.
 *
 * @param least `positive` for intervals; an offset may be zero, or negative
 */
export function readInterval(
  value: Value | undefined,
  name: string,
  least: 'positive' | 'any',
  notes: Notes,
): number | undefined {
  if (value === undefined) return undefined;
  const given = value.kind === 'scalar' ? value.value : null;
  if (value.kind !== 'scalar' || (typeof given !== 'string' && typeof given !== 'number')) {
    notes.mistake(value.at, `${name}: must be a time, and is ${describe(value)}; write it as 1.5s or 200ms`);
    return undefined;
  }
  const interval = parseInterval(given);
  if ('wrong' in interval) {
    notes.mistake(value.at, `${name}: ${quote(value.source)} ${interval.wrong}`);
    return undefined;
  }
  const { us, bare } = interval;
  if (least === 'positive' && us <= 0) {
    notes.mistake(value.at, `${name}: ${quote(value.source)} is not more than zero; write a time such as 1s`);
    return undefined;
  }
  if (bare && us > 0 && us < fewMicroseconds) {
    const unit = us === 1 ? 'microsecond' : 'microseconds';
    notes.warning(value.at, `${name}: ${value.source} is ${us} ${unit}; write ${value.source}s for seconds`);
  } else if (bare && typeof given === 'string' && us !== 0) {
    notes.warning(
      value.at,
      `${name}: ${quote(given)} has no unit and counts as microseconds; write ${formatInterval(us)}`,
    );
  }
  return us;
}

/** Tells of an offset that is not less than its interval. */
export function compareOffset(
  offset: Value | undefined,
  us: number | undefined,
  interval: number | undefined,
  notes: Notes,
): void {
  if (offset?.kind !== 'scalar' || us === undefined || interval === undefined) return;
  if (Math.abs(us) < interval) return;
  notes.warning(
    offset.at,
    `offset: ${quote(offset.source)} is not less than the interval of ${formatInterval(interval)}`,
  );
}

/** Reads anything under a `config`; texts with variables such as `${HOSTNAME}` stay as they are. */
export function readConfigValue(value: Value, notes: Notes): ConfigValue {
  notes.spend(1);
  if (value.kind === 'list') return value.items.map((item) => readConfigValue(item, notes));
  if (value.kind === 'scalar') return value.value;
  return readConfigMap(value, notes);
}

/** Reads a mapping of options. */
export function readConfigMap(value: Extract<Value, { kind: 'mapping' }>, notes: Notes): ConfigMap {
  const options: [string, ConfigValue][] = [];
  for (const [key, { at, value: option }] of value.entries) {
    refuseSlash(at, 'key', key, notes);
    warnMisread(option, key, notes);
    options.push([key, readConfigValue(option, notes)]);
  }
  return Object.fromEntries(options);
}
