/**
 * What uwsgi will be told, by its command line, its configuration files and its UWSGI_* variables:
 * only of the options that decide what we add (uwsgi 2.0, core/uwsgi.c and plugins/python).
 */
import { dirname, isAbsolute, join } from 'node:path';
import type { Host } from '../host.ts';
import { readIni } from '../ini.ts';

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

const iniFiles = ['ini', 'include', 'inherit', 'config'];
const otherFiles = ['xml', 'xmlconfig', 'yaml', 'yml', 'json', 'js'];
/** The hooks by which we have SIGTERM end it. */
export const hooks: readonly string[] = ['hook-asap', 'hook-master-start'];
const withValue = [
  ...listeners,
  ...apps,
  ...plugins,
  ...iniFiles,
  ...otherFiles,
  ...hooks,
  'set',
  'daemonize',
];
const flags = ['master', 'need-app', 'reuse-port', 'enable-threads', 'vacuum', 'lazy-apps', 'die-on-term'];
const moreFlags = [
  'single-interpreter',
  'disable-logging',
  'strict',
  'thunder-lock',
  'help',
  'usage',
  'version',
];
const allFlags = [...flags, ...moreFlags];
const known = [...withValue, ...allFlags];

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
export function readUwsgiOptions(args: readonly string[], host: Host, cwd: string): UwsgiOptions {
  const reading: Reading = { host, cwd, options: [], unseen: [], files: new Set() };
  for (const [name, value = ''] of Object.entries(host.env)) {
    if (name.startsWith('UWSGI_')) take(name.slice(6).toLowerCase().replaceAll('_', '-'), value, reading);
  }
  readArguments(args, reading);
  return reading;
}

interface Reading {
  readonly host: Host;
  readonly cwd: string;
  readonly options: UwsgiOption[];
  readonly unseen: string[];
  readonly files: Set<string>;
}

/** As getopt_long(3) reads them: operands may stand anywhere, and `--` ends the options. */
function readArguments(args: readonly string[], reading: Reading): void {
  const rest = [...args];
  let isOver = false;
  // Of an option that we do not know, the next word may be the value.
  let mayBeValue = false;
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (isOver || !arg.startsWith('-') || arg === '-') {
      takeOperand(arg, mayBeValue, reading);
      mayBeValue = false;
    } else if (arg === '--') {
      isOver = true;
    } else {
      mayBeValue = arg.startsWith('--') ? readLong(arg, rest, reading) : readShort(arg, rest, reading);
    }
  }
}

/** @returns whether the next word may be its value */
function readLong(arg: string, rest: string[], reading: Reading): boolean {
  const equals = arg.indexOf('=');
  const written = arg.slice(2, equals < 0 ? undefined : equals);
  // getopt_long takes a name that is cut short for the only one that begins so, and refuses it otherwise.
  const name = known.includes(written) ? written : known.find((long) => long.startsWith(written));
  if (equals >= 0) take(name ?? written, arg.slice(equals + 1), reading);
  else if (name === undefined) return true;
  else take(name, withValue.includes(name) ? rest.shift() : undefined, reading);
  return false;
}

/** @returns whether the next word may be its value */
function readShort(arg: string, rest: string[], reading: Reading): boolean {
  for (let at = 1; at < arg.length; at++) {
    const letter = arg.charAt(at);
    const name = shortWithValue[letter];
    if (name !== undefined) {
      const value = arg.slice(at + 1) || rest.shift();
      if (name !== '') take(name, value, reading);
      return false;
    }
    // What is behind it is its value, which need not be there.
    if (letter === 'C') return false;
    const flag = shortFlags[letter];
    if (flag !== undefined) take(flag, undefined, reading);
  }
  return false;
}

/** A word without a dash: a configuration file, or an app, by its ending. */
function takeOperand(word: string, mayBeValue: boolean, reading: Reading): void {
  const [, ending = ''] = /\.(\w+)(?::[\w-]*)?$/.exec(word) ?? [];
  if (ending === 'ini') take('ini', word, reading);
  else if (otherFiles.includes(ending)) take(ending, word, reading);
  else if (!mayBeValue && (ending === 'py' || ending === 'wsgi')) take('wsgi-file', word, reading);
}

function take(name: string, value: string | undefined, reading: Reading): void {
  const [, set, to] = /^([^=]+)=(.*)$/s.exec(name === 'set' ? (value ?? '') : '') ?? [];
  if (set !== undefined && to !== undefined) {
    take(set.trim(), to.trim(), reading);
    return;
  }
  reading.options.push(value === undefined ? { name } : { name, value });
  if (value === undefined || value === '') return;
  if (iniFiles.includes(name)) readIniFile(value, reading);
  else if (otherFiles.includes(name)) readOtherFile(value, reading);
}

/** An INI file, or one section of it: `FILE:SECTION`. */
function readIniFile(named: string, reading: Reading): void {
  const [, file = named, section = 'uwsgi'] = /^(.*?):([\w-]*)$/.exec(named) ?? [];
  const text = readFile(file, named, reading);
  if (text === undefined) return;
  for (const entry of readIni(text)) {
    // `ini = :other` means another section of the same file.
    const value = /^:/.test(entry.value) && iniFiles.includes(entry.key) ? file + entry.value : entry.value;
    if (entry.section === (section || 'uwsgi')) take(entry.key, expanded(value, file, reading), reading);
  }
}

/** XML, YAML and JSON: a line with the option's name is what they have in common. */
function readOtherFile(named: string, reading: Reading): void {
  const text = readFile(named, named, reading) ?? '';
  for (const line of text.split('\n')) {
    const [, name, value] = /^[\s"'<-]*([\w-]+)["']?\s*[:>]\s*["']?([^"'<,]*)/.exec(line) ?? [];
    if (name !== undefined) take(name, expanded((value ?? '').trim(), named, reading), reading);
  }
}

/** The text of a file that has not been read yet; undefined if it cannot be, which uwsgi tells of itself. */
function readFile(file: string, named: string, { host, cwd, files, unseen }: Reading): string | undefined {
  if (/^[\w+]+:\/\//.test(file) || file.startsWith('@') || file.includes('%(') || file.includes('$(')) {
    unseen.push(named);
    return undefined;
  }
  if (files.has(named)) return undefined;
  files.add(named);
  const bytes = host.read(isAbsolute(file) ? file : join(cwd, file));
  return Buffer.isBuffer(bytes) ? bytes.toString() : undefined;
}

/** A value with its placeholders: variables, and where the file lies. */
function expanded(value: string, file: string, { host, cwd }: Reading): string {
  const directory = dirname(isAbsolute(file) ? file : join(cwd, file));
  return value
    .replace(/\$\((\w+)\)/g, (whole, name: string) => host.env[name] ?? whole)
    .replace(/%d/g, () => `${directory}/`);
}

/** The options of some names, in their order. */
export const named = ({ options }: UwsgiOptions, names: readonly string[]): UwsgiOption[] =>
  options.filter(({ name }) => names.includes(name));
