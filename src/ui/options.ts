/**
 * What uwsgi will be told, by its command line, its configuration files and its UWSGI_* variables:
 * only of the options that decide what we add (uwsgi 2.0, core/uwsgi.c and plugins/python).
 */
import { dirname, isAbsolute, join } from 'node:path';
import type { Node } from 'yaml';
import type { Host } from '../host.ts';
import { readIni } from '../ini.ts';
import { flags } from './flags.ts';

/** An option as uwsgi gets it; `name` is the long one. */
export interface UwsgiOption {
  readonly name: string;
  readonly value?: string;
}

/** All that is known of what uwsgi will be told. */
export interface UwsgiOptions {
  /** In the order in which they stand. */
  readonly options: readonly UwsgiOption[];
  /** Configurations that we cannot look into, such as a URL. */
  readonly unseen: readonly string[];
}

/** Where it listens: each of these adds a listener to the others. */
export const listeners: readonly string[] = [
  ...['http-socket', 'http11-socket', 'http', 'httprouter', 'socket', 'uwsgi-socket', 'puwsgi-socket'],
  ...['https-socket', 'https', 'https2', 'http-to-https', 'suwsgi-socket', 'ssl-socket', 'raw-socket'],
  ...['fastcgi-socket', 'fastcgi-nph-socket', 'scgi-socket', 'scgi-nph-socket', 'zmq', 'zeromq'],
  ...['zmq-socket', 'zeromq-socket', 'zerg', 'fastrouter', 'rawrouter', 'sslrouter'],
];

/** What it serves: any of these takes the place of sosgui. */
export const apps: readonly string[] = [
  ...['module', 'wsgi', 'wsgi-file', 'file', 'eval', 'mount', 'paste', 'ini-paste', 'ini-paste-logged'],
  ...['pecan', 'web3', 'pump', 'wsgi-lite', 'python', 'py', 'pyrun', 'emperor'],
];

/** By which plugins are loaded, a comma between their names. */
export const plugins: readonly string[] = ['plugins', 'plugin', 'need-plugins', 'need-plugin'];

/** Where plugins are looked for. */
export const pluginDirectories: readonly string[] = ['plugins-dir', 'plugin-dir'];

const endings = ['ini', 'xml', 'yaml', 'yml', 'json', 'js'];
// Of these, the ending of the file's name tells what it is.
const byEnding = ['include', 'inherit', 'config'];
const files = [...endings, 'xmlconfig', ...byEnding];
const withValue = [...listeners, ...apps, ...plugins, ...pluginDirectories, ...files, 'set', 'daemonize'];
const hooks = ['hook-asap', 'hook-master-start'];
/** Who it runs as, and where. */
const whoAndWhere = ['uid', 'gid', 'chdir'];
const ourFlags = ['master', 'need-app', 'reuse-port', 'ignore-sigpipe', 'help', 'usage', 'version'];
const known = [...withValue, ...whoAndWhere, ...hooks, ...ourFlags];
// A name of its own, though it is the beginning of another one.
const whole = ['http-to'];

const shortWithValue: Readonly<Record<string, string>> = {
  ...{ s: 'socket', w: 'module', d: 'daemonize', x: 'xml', y: 'yaml', j: 'json', S: 'set' },
  ...{ A: '', b: '', H: '', J: '', l: '', O: '', p: '', Q: '', R: '', t: '', v: '', z: '' },
};
const shortFlags: Readonly<Record<string, string>> = { M: 'master', h: 'help' };

/**
 * Collects them.
 *
 * @param cwd the directory that uwsgi is started in, from which relative paths of files count
 */
export async function readUwsgiOptions(
  args: readonly string[],
  host: Host,
  cwd: string,
): Promise<UwsgiOptions> {
  const reading: Reading = { host, cwd, options: [], unseen: [], read: new Set() };
  for (const [name, value = ''] of Object.entries(host.env)) {
    if (name.startsWith('UWSGI_'))
      await take(name.slice(6).toLowerCase().replaceAll('_', '-'), value, reading);
  }
  for (const { name, value } of optionsIn(args)) await take(name, value, reading);
  return reading;
}

interface Reading {
  readonly host: Host;
  readonly cwd: string;
  readonly options: UwsgiOption[];
  readonly unseen: string[];
  readonly read: Set<string>;
}

/** As getopt_long(3) reads them: operands may stand anywhere, and `--` ends the options. */
function optionsIn(args: readonly string[]): UwsgiOption[] {
  const options: UwsgiOption[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--') return [...options, ...rest.flatMap(operand)];
    if (!arg.startsWith('-') || arg === '-') options.push(...operand(arg));
    else if (arg.startsWith('--')) options.push(longOption(arg, rest));
    else options.push(...shortOptions(arg, rest));
  }
  return options;
}

function longOption(arg: string, rest: string[]): UwsgiOption {
  const equals = arg.indexOf('=');
  const written = arg.slice(2, equals < 0 ? undefined : equals);
  const isWhole = known.includes(written) || whole.includes(written) || flags.has(written);
  // getopt_long takes a name that is cut short for the only one that begins so, and refuses it otherwise.
  const name = (isWhole ? undefined : known.find((long) => long.startsWith(written))) ?? written;
  if (equals >= 0) return { name, value: arg.slice(equals + 1) };
  return flags.has(name) ? { name } : { name, value: rest.shift() ?? '' };
}

function shortOptions(arg: string, rest: string[]): UwsgiOption[] {
  const options: UwsgiOption[] = [];
  for (let at = 1; at < arg.length; at++) {
    const letter = arg.charAt(at);
    const name = shortWithValue[letter];
    if (name !== undefined) return [...options, { name, value: arg.slice(at + 1) || (rest.shift() ?? '') }];
    // What is behind it is its value, which need not be there.
    if (letter === 'C') return options;
    const flag = shortFlags[letter];
    if (flag !== undefined) options.push({ name: flag });
  }
  return options;
}

/** A word without a dash is a configuration file, by its ending. */
export function operand(word: string): UwsgiOption[] {
  const [, ending = ''] = /\.(\w+)(?::[\w-]*)?$/.exec(word) ?? [];
  return endings.includes(ending) ? [{ name: ending, value: word }] : [];
}

async function take(name: string, value: string | undefined, reading: Reading): Promise<void> {
  const [, set, to] = /^([^=]+)=(.*)$/s.exec(name === 'set' ? (value ?? '') : '') ?? [];
  if (set !== undefined && to !== undefined) {
    await take(set.trim(), to.trim(), reading);
    return;
  }
  reading.options.push(value === undefined ? { name } : { name, value });
  if (value && files.includes(name)) await readConfiguration(name, value, reading);
}

/** A configuration file, or one section of it: `FILE:SECTION`. */
async function readConfiguration(kind: string, named: string, reading: Reading): Promise<void> {
  const [, file = named, section = ''] = /^(.*):([^/:]*)$/s.exec(named) ?? [];
  const text = readFile(file, named, reading);
  if (text === undefined) return;
  const [, ending = ''] = /\.(\w+)$/.exec(file) ?? [];
  const format = byEnding.includes(kind) ? ending : kind;
  for (const [name, written] of await entriesIn(format, text, section || 'uwsgi')) {
    // `ini = :other` means another section of the same file.
    const value = written.startsWith(':') && files.includes(name) ? file + written : written;
    await take(name, expanded(value, file, reading), reading);
  }
}

type Entries = readonly (readonly [name: string, value: string])[];

async function entriesIn(format: string, text: string, section: string): Promise<Entries> {
  if (format === 'xml' || format === 'xmlconfig') return xmlEntries(text);
  if (format === 'json' || format === 'js') return jsonEntries(text, section);
  if (format === 'yaml' || format === 'yml') return yamlEntries(text, section);
  return readIni(text).flatMap((entry) =>
    entry.section === section ? [[entry.key, entry.value] as const] : [],
  );
}

/** None where the text is broken, which uwsgi tells itself. */
function jsonEntries(text: string, section: string): Entries {
  try {
    const found = (JSON.parse(text) as Record<string, unknown> | null)?.[section] ?? {};
    return Object.entries(found).flatMap(([name, value]) => each(name, value));
  } catch {
    return [];
  }
}

/** A key may stand more than once. */
async function yamlEntries(text: string, section: string): Promise<Entries> {
  const { isMap, parseDocument } = await import('yaml');
  const { contents } = parseDocument(text, { uniqueKeys: false });
  const found = isMap(contents) ? contents.get(section) : undefined;
  if (!isMap(found)) return [];
  return found.items.flatMap(({ key, value }) => each(String(key), (value as Node | null)?.toJSON()));
}

/** A list stands for as many keys. */
const each = (name: string, value: unknown): Entries =>
  [value].flat().map((one) => [name, String(one ?? '')] as const);

const xmlEntries = (text: string): Entries =>
  [...text.replace(/<!--[\s\S]*?-->/g, '').matchAll(/<([\w-]+)\s*(?:\/>|>([^<]*)<\/)/g)].map(
    ([, name = '', value = '']) => [name, value.trim()],
  );

/** The text of a file that has not been read yet; undefined if it cannot be, which uwsgi tells of itself. */
function readFile(file: string, named: string, { host, cwd, read, unseen }: Reading): string | undefined {
  if (/^[\w+]+:\/\//.test(named) || file.startsWith('@') || file.includes('%(') || file.includes('$(')) {
    unseen.push(named);
    return undefined;
  }
  if (read.has(named)) return undefined;
  read.add(named);
  const path = isAbsolute(file) ? file : join(cwd, file);
  const { kind } = host.look(path);
  if (kind === 'other' || kind === 'socket') {
    // A pipe would have us wait, and what we read of it uwsgi could not read again.
    unseen.push(named);
    return undefined;
  }
  const bytes = host.read(path);
  return Buffer.isBuffer(bytes) ? bytes.toString() : undefined;
}

/** A value with its placeholders: variables, and where the file lies. */
function expanded(value: string, file: string, { host, cwd }: Reading): string {
  const directory = dirname(isAbsolute(file) ? file : join(cwd, file));
  return value
    .replace(/\$\((\w+)\)/g, (placeholder, name: string) => host.env[name] ?? placeholder)
    .replace(/%d/g, () => `${directory}/`);
}

/** The options of some names, in their order. */
export const named = ({ options }: UwsgiOptions, names: readonly string[]): UwsgiOption[] =>
  options.filter(({ name }) => names.includes(name));
