/** ldmsd's configuration files (`-c`: a command a line; `-y`: YAML), read for authentication and listeners. */
import type { Host } from '../host.ts';
import type { Listener } from '../plan.ts';
import { parseListener } from './listener.ts';
import { parseOptions, valuesOf } from './options.ts';

/** An authentication that ldmsd will use. */
export interface Auth {
  /** The plugin's name: munge, ovis, naive, none. */
  readonly plugin: string;
  /** Its arguments, `name=value` each. */
  readonly args: readonly string[];
  /** Where it was asked for, for people: "-a munge", "line 3 of /etc/ldms/samp.conf". */
  readonly from: string;
}

/** What files and the files they include say; `readConfig` adds to it. */
export interface Found {
  readonly auths: Auth[];
  /** With the domain that a `listen` command names. */
  readonly listeners: { listener: Listener; domain?: string }[];
  defaultAuth?: Auth;
  /** The authentication domains that `auth_add` defines, by name. */
  readonly domains: Map<string, Auth>;
  /** Domains as commands use them; one that is defined nowhere can only mean the plugin of its name. */
  readonly used: Auth[];
  /** Included files that cannot be read. */
  readonly missing: { file: string; errno: string }[];
  /** What is odd about a file and might matter, for people. */
  readonly warnings: string[];
  /** The environment, to which `env` commands add for all files that follow. */
  readonly env: Map<string, string>;
  /** Every file that was read or tried, so that none is twice. */
  readonly seen: Set<string>;
}

/** Nothing found yet. */
export const nothingFound = (env: NodeJS.ProcessEnv): Found => ({
  auths: [],
  listeners: [],
  domains: new Map(),
  used: [],
  missing: [],
  warnings: [],
  env: new Map(Object.entries(env).map(([name, value]) => [name, value ?? ''])),
  seen: new Set(),
});

/**
 * Reads one file.
 *
 * @returns why it cannot be read (`ENOENT`, `EACCES`, …), or undefined
 */
export async function readConfig(
  file: string,
  language: 'commands' | 'yaml',
  host: Host,
  found: Found,
): Promise<string | undefined> {
  if (found.seen.has(file)) return undefined;
  found.seen.add(file);
  if (isStream(file, host, found)) return undefined;
  const bytes = host.read(file);
  if (!Buffer.isBuffer(bytes)) return bytes.errno;
  if (language === 'yaml') await readYaml(bytes.toString(), file, found);
  else readCommands(bytes.toString(), file, host, found);
  return undefined;
}

/** Whether a file can be read once only, as /dev/stdin and a FIFO can: then that is left to ldmsd. */
function isStream(file: string, host: Host, found: Found): boolean {
  const { kind } = host.look(file);
  if (kind !== 'other' && kind !== 'socket') return false;
  found.warnings.push(
    `${file} is no regular file and is left to ldmsd unread: if it asks for munge, set LDMS_ENTRYPOINT_MUNGE=host or container`,
  );
  return true;
}

/**
 * Reads a file of commands: `verb name=value …` a line, a `#` that begins a word begins a comment,
 * a `\` at the end joins the next line, `${NAME}` is replaced from the environment
 * (ldmsd_config.c: find_comment, str_repl_env_vars), which `env NAME=VALUE` adds to.
 */
function readCommands(text: string, file: string, host: Host, found: Found): void {
  for (const { line, number } of joinedLines(text)) {
    const words = line
      .replace(/\$\{(\w+)\}/g, (_, name: string) => found.env.get(name) ?? '')
      .split(/\s+/)
      .filter(Boolean);
    readCommand(words, `line ${number} of ${file}`, found);
    const [verb, included] = words;
    if (verb === 'include' && included) include(included.replace(/^path=/, ''), host, found);
  }
}

// The commands whose `auth=` names an authentication domain; in others it is a plugin's own affair.
const connects = new Set(['listen', 'prdcr_add', 'prdcr_listen_add', 'advertiser_add', 'failover_config']);

function readCommand([verb, ...rest]: string[], from: string, found: Found): void {
  const values = new Map(rest.map(nameAndValue));
  const plugin = values.get('plugin');
  const args = rest.filter((word) => word.includes('=') && !/^(plugin|name)=/.test(word));
  if (verb === 'env') {
    for (const [name, value] of values) found.env.set(name, value);
  } else if (verb === 'default_auth' && plugin) {
    addDefault(found, { plugin, args, from });
  } else if (verb === 'auth_add') {
    // Without a plugin, the domain's name is the plugin's (ldmsd_controller's help).
    const name = values.get('name') ?? '';
    const auth = { plugin: plugin || name, args, from };
    found.domains.set(name, auth);
    if (auth.plugin) found.auths.push(auth);
    return;
  } else if (verb === 'option') {
    const parsed = parseOptions(rest);
    const [name] = valuesOf(parsed, 'a');
    if (name) addDefault(found, { plugin: name, args: valuesOf(parsed, 'A').slice(0, 1), from });
  } else if (verb === 'listen') {
    const [xprt, port, at] = ['xprt', 'port', 'host'].map((name) => values.get(name) ?? '');
    const listener = parseListener(`${xprt}:${port}${at && `:${at}`}`);
    const named = values.get('auth');
    if (listener) found.listeners.push({ listener, ...(named && { domain: named }) });
  }
  const domain = values.get('auth');
  if (domain && verb && connects.has(verb)) found.used.push({ plugin: domain, args: [], from });
}

function nameAndValue(word: string): readonly [string, string] {
  const at = word.indexOf('=');
  return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
}

function include(file: string, host: Host, found: Found): void {
  if (found.seen.has(file)) return;
  found.seen.add(file);
  if (isStream(file, host, found)) return;
  const bytes = host.read(file);
  if (Buffer.isBuffer(bytes)) readCommands(bytes.toString(), file, host, found);
  else found.missing.push({ file, errno: bytes.errno });
}

function addDefault(found: Found, auth: Auth): void {
  found.auths.push(auth);
  found.defaultAuth ??= auth;
}

/** The command lines of a file with their first line's number, without comments and blank lines. */
function joinedLines(text: string): { line: string; number: number }[] {
  const lines: { line: string; number: number }[] = [];
  let begun: { line: string; number: number } | undefined;
  for (const [at, raw] of text.split('\n').entries()) {
    const part = raw.replace(/(^|\s)#.*/, '').trimEnd();
    const joins = part.endsWith('\\');
    const line = joins ? `${part.slice(0, -1)} ` : part;
    begun = begun ? { ...begun, line: begun.line + line } : { line, number: at + 1 };
    if (joins) continue;
    if (begun.line.trim()) lines.push(begun);
    begun = undefined;
  }
  if (begun) lines.push(begun);
  return lines;
}

/**
 * Reads a YAML file (the format that maestro reads too) for `auth` mappings.
 *
 * Which daemon of the file we are is not asked: an aggregator authenticates to its peers with
 * their endpoints' munge, so one munge anywhere in the file means that munge is needed. Only what
 * stands under a key called `auth` counts, so that no other word can be taken for it. Whether the
 * file is valid is ldmsd's to judge.
 */
async function readYaml(text: string, file: string, found: Found): Promise<void> {
  const { isNode, isScalar, LineCounter, parseAllDocuments, visit } = await import('yaml');
  const lines = new LineCounter();
  const at = (offset: number) => `line ${lines.linePos(offset).line} of ${file}`;
  const documents = parseAllDocuments(text, { lineCounter: lines, logLevel: 'silent', merge: true });
  for (const document of 'empty' in documents ? [] : documents) {
    const [error] = document.errors;
    if (error) found.warnings.push(doubt(at(error.pos[0]), error.code));
    visit(document, {
      Pair: (_, { key, value }) => {
        if (!isScalar(key) || key.value !== 'auth' || !isNode(value)) return;
        const from = at(key.range?.[0] ?? 0);
        try {
          // As JavaScript values, aliases and merged mappings are resolved.
          const plugin = pluginOf(value.toJS(document));
          if (plugin !== undefined) found.auths.push({ plugin, args: [], from });
        } catch {
          found.warnings.push(doubt(from, 'an alias without its anchor'));
        }
      },
    });
  }
}

function pluginOf(auth: unknown): string | undefined {
  const { plugin, name } = (typeof auth === 'object' && auth !== null ? auth : { plugin: auth }) as Record<
    string,
    unknown
  >;
  const wanted = plugin ?? name;
  return typeof wanted === 'string' ? wanted : undefined;
}

const doubt = (where: string, why: string): string =>
  `${where} is no clean YAML (${why}): munge is made ready if what can be read asks for it; LDMS_ENTRYPOINT_MUNGE decides otherwise`;
