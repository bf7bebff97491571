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

/** What a file and the files it includes say. */
export interface Found {
  readonly auths: Auth[];
  readonly listeners: Listener[];
  defaultAuth?: Auth;
  /** Included files that cannot be read. */
  readonly missing: { file: string; errno: string }[];
}

/** Reads one file; `errno` tells why it cannot be read. */
export async function readConfig(
  file: string,
  language: 'commands' | 'yaml',
  host: Host,
): Promise<Found | { file: string; errno: string }> {
  const bytes = host.read(file);
  if (!Buffer.isBuffer(bytes)) return { file, errno: bytes.errno };
  const found: Found = { auths: [], listeners: [], missing: [] };
  if (language === 'yaml') await readYaml(bytes.toString(), file, found);
  else readCommands(bytes.toString(), file, host, { ...host.env }, found, 0);
  return found;
}

// Deeper than anybody includes; a file that includes itself must not hang us.
const deepestInclude = 16;

/**
 * Reads a file of commands: `verb name=value …` a line, `#` begins a comment line, a `\` at the
 * end joins the next line, `${NAME}` is replaced from the environment (ldmsd_config.c,
 * str_repl_env_vars), which `env NAME=VALUE` adds to.
 */
function readCommands(
  text: string,
  file: string,
  host: Host,
  env: NodeJS.ProcessEnv,
  found: Found,
  depth: number,
): void {
  const domains = new Set<string>();
  for (const { line, number } of joinedLines(text)) {
    const words = line
      .replace(/\$\{([^}]*)\}/g, (_, name: string) => env[name] ?? '')
      .split(/\s+/)
      .filter(Boolean);
    const [verb, ...rest] = words;
    const values = new Map(
      rest.map((word) => {
        const at = word.indexOf('=');
        return at < 0 ? ([word, ''] as const) : ([word.slice(0, at), word.slice(at + 1)] as const);
      }),
    );
    const from = `line ${number} of ${file}`;
    const plugin = values.get('plugin');
    const args = rest.filter((word) => word.includes('=') && !/^(plugin|name)=/.test(word));
    if (verb === 'env') {
      for (const [name, value] of values) env[name] = value;
    } else if (verb === 'default_auth' && plugin) {
      addDefault(found, { plugin, args, from });
    } else if (verb === 'auth_add') {
      // Without a plugin, the domain's name is the plugin's (ldmsd_controller's help).
      const name = values.get('name') ?? '';
      domains.add(name);
      if (plugin || name) found.auths.push({ plugin: plugin || name, args, from });
    } else if (verb === 'option') {
      const parsed = parseOptions(rest);
      const [name] = valuesOf(parsed, 'a');
      if (name) addDefault(found, { plugin: name, args: valuesOf(parsed, 'A').slice(0, 1), from });
      for (const value of valuesOf(parsed, 'x')) addListener(found, parseListener(value));
    } else if (verb === 'listen') {
      const at = values.get('host');
      addListener(
        found,
        parseListener([values.get('xprt') ?? 'sock', values.get('port'), at].filter(Boolean).join(':')),
      );
    } else if (verb === 'include' && rest[0]) {
      include(rest[0].replace(/^path=/, ''), host, env, found, depth);
    }
    const domain = values.get('auth');
    // A domain that is used without having been defined: its name is all that is known of it.
    if (verb !== 'auth_add' && domain && !domains.has(domain)) {
      found.auths.push({ plugin: domain, args: [], from });
    }
  }
}

function include(file: string, host: Host, env: NodeJS.ProcessEnv, found: Found, depth: number): void {
  const bytes = host.read(file);
  if (!Buffer.isBuffer(bytes)) found.missing.push({ file, errno: bytes.errno });
  else if (depth < deepestInclude) readCommands(bytes.toString(), file, host, env, found, depth + 1);
}

function addDefault(found: Found, auth: Auth): void {
  found.auths.push(auth);
  found.defaultAuth ??= auth;
}

function addListener(found: Found, listener: Listener | undefined): void {
  if (listener) found.listeners.push(listener);
}

/** The command lines of a file with their first line's number, comments and blank lines left out. */
function joinedLines(text: string): { line: string; number: number }[] {
  const lines: { line: string; number: number }[] = [];
  let begun: { line: string; number: number } | undefined;
  for (const [at, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '');
    if (!begun && /^\s*(#|$)/.test(line)) continue;
    begun = begun ? { ...begun, line: begun.line + line } : { line, number: at + 1 };
    if (begun.line.endsWith('\\')) {
      begun = { ...begun, line: `${begun.line.slice(0, -1)} ` };
      continue;
    }
    lines.push(begun);
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
  const { isMap, isScalar, LineCounter, parseDocument, visit } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, logLevel: 'silent' });
  visit(document, {
    Pair: (_, { key, value }) => {
      if (!isScalar(key) || key.value !== 'auth') return;
      const name = isMap(value) ? (value.get('plugin') ?? value.get('name')) : isScalar(value) && value.value;
      if (typeof name !== 'string') return;
      const { line } = lines.linePos(key.range?.[0] ?? 0);
      found.auths.push({ plugin: name, args: [], from: `line ${line} of ${file}` });
    },
  });
}
