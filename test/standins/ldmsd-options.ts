/**
 * ldmsd's command line: its option strings and what it does with each option, generation by
 * generation (4.3, 4.4, 4.5), as its ldmsd.c has them.
 */
import { type Given, type Grammar, getopt, type LongOption } from './getopt.ts';
import { say, sayInto } from './say.ts';

const EINVAL = 22;

/** An address to listen on; without a host, all of the machine's. */
export interface Endpoint {
  readonly xprt: string;
  readonly port: number;
  readonly host?: string;
  /** The authentication domain that a `listen` command named. */
  readonly domain?: string;
}

/** What the options, and later the configuration files, have set. */
export interface Settings {
  readonly version: string;
  foreground: boolean;
  readonly endpoints: Endpoint[];
  readonly files: { readonly file: string; readonly yaml: boolean }[];
  authName?: string;
  authArgs: string[];
  /** A second `-a` shuts out every later `-A`. */
  authArgsClosed: boolean;
  logFile?: string;
  pidFile?: string;
  memory?: string;
  name?: string;
  truncate: boolean;
}

export const newSettings = (version: string): Settings => ({
  version,
  foreground: false,
  endpoints: [],
  files: [],
  authArgs: [],
  authArgsClosed: false,
  truncate: false,
});

/** Whether `version` is `least` or later: versions compare number by number. */
export function atLeast(version: string, least: string): boolean {
  return version.localeCompare(least, 'en', { numeric: true }) >= 0;
}

const common: readonly LongOption[] = [
  { name: 'default_auth_args', letter: 'A', argument: 'required' },
  { name: 'default_auth', letter: 'a', argument: 'required' },
  { name: 'banner', letter: 'B', argument: 'required' },
  { name: 'publish_kernel', letter: 'k', argument: 'optional' },
  { name: 'log_file', letter: 'l', argument: 'required' },
  { name: 'set_memory', letter: 'm', argument: 'required' },
  { name: 'daemon_name', letter: 'n', argument: 'required' },
  { name: 'worker_threads', letter: 'P', argument: 'required' },
  { name: 'pid_file', letter: 'r', argument: 'required' },
  { name: 'kernel_file', letter: 's', argument: 'required' },
  { name: 'log_level', letter: 'v', argument: 'required' },
];
const hostName: LongOption = { name: 'host_name', letter: 'H', argument: 'required' };
const logConfig: LongOption = { name: 'log_config', letter: 'L', argument: 'required' };
const quota: LongOption = { name: 'quota', letter: 'C', argument: 'required' };

function grammarOf(version: string): Grammar {
  if (!atLeast(version, '4.4')) {
    return { short: 'B:H:l:S:s:x:I:M:P:m:Fkr:R:p:v:Vz:Z:q:c:u:a:A:n:t', long: [...common, hostName] };
  }
  if (!atLeast(version, '4.5')) {
    return { short: 'B:l:s:x:P:m:Fkr:v:Vc:y:u:a:A:n:tL:', long: [...common, logConfig] };
  }
  return { short: 'B:l:s:x:P:m:Fkr:v:Vc:u:a:A:n:L:C:y:', long: [...common, logConfig, quota] };
}

/**
 * Takes in a command line, or the words of an `option` command.
 *
 * @returns the status to exit with, or undefined to go on
 */
export function takeOptions(words: readonly string[], settings: Settings): number | undefined {
  const posixlyCorrect = process.env['POSIXLY_CORRECT'] !== undefined;
  const { options } = getopt(words, grammarOf(settings.version), posixlyCorrect);
  for (const option of options) {
    const status = takeOption(option, settings);
    if (status !== undefined) return status;
  }
  return undefined;
}

function takeOption({ letter, value }: Given, settings: Settings): number | undefined {
  const obsolete = atLeast(settings.version, '4.5') && 'kPCBsF'.includes(letter);
  if (obsolete && (letter !== 'F' || !atLeast(settings.version, '4.5.1'))) {
    say(`The option \`-${letter}\` is obsolete.`);
    return EINVAL;
  }
  switch (letter) {
    case 'F':
      if (obsolete) say('The option `-F` is obsolete and ignored: ldmsd always runs in the foreground.');
      settings.foreground = true;
      return undefined;
    case 'V':
      say(`LDMSD Version: ${settings.version}`);
      return 0;
    case 'u':
      say(`ldmsd (stand-in): it has no plugin ${value} whose usage it could print`);
      return 0;
    case 'c':
    case 'y':
      settings.files.push({ file: value, yaml: letter === 'y' });
      return undefined;
    case 'x':
      return takeListener(value, settings);
    case 'a':
      if (settings.authName === undefined) settings.authName = value;
      else {
        say(`Default-auth was already specified to '${settings.authName}'. Ignore the new value '${value}'`);
        settings.authArgsClosed = true;
      }
      return undefined;
    case 'A':
      return takeAuthArgument(value, settings);
    case 'l':
      if (settings.logFile !== undefined) return undefined;
      settings.logFile = value;
      return value === 'syslog' || sayInto(value, settings.truncate) ? undefined : EINVAL;
    case 'v':
      return value === 'QUIET' || /^(debug|info|warn|warning|error|critical)$/i.test(value)
        ? undefined
        : EINVAL;
    case 'm':
      settings.memory ??= value;
      return isMemorySize(value) || !atLeast(settings.version, '4.5') ? undefined : EINVAL;
    case 'n':
      settings.name ??= value;
      return undefined;
    case 'r':
      settings.pidFile ??= value;
      return undefined;
    case 't':
      settings.truncate = true;
      return undefined;
    case '?':
    case 'q':
    case 'z':
    case 'Z':
      return usage();
    default:
      return undefined;
  }
}

/** Whether -m would be taken: a number with a unit or none. 4.3 and 4.4 look at it only after the files. */
export const isMemorySize = (text: string): boolean => /^[1-9]\d*\s*([kmgt]?b?)$/i.test(text);

/** XPRT:PORT[:HOST]; PORT goes through atoi(3) and htons(3), neither of which minds what it gets. */
function takeListener(value: string, settings: Settings): number | undefined {
  if (!/^[a-z0-9]/i.test(value)) return EINVAL;
  const [xprt = '', port, ...host] = value.split(':');
  if (port === undefined) {
    say(`Bad xprt format, expecting XPRT:PORT, but got: ${value}`);
    return EINVAL;
  }
  const number = (Number.parseInt(port, 10) || 0) & 0xffff;
  settings.endpoints.push({ xprt, port: number, ...(host.length > 0 && { host: host.join(':') }) });
  return undefined;
}

function takeAuthArgument(value: string, settings: Settings): number | undefined {
  if (settings.authArgsClosed || settings.authArgs.length > 0) {
    say(
      `Default-auth was already specified to '${settings.authName}'. Ignore the additional auth arguments.`,
    );
    return undefined;
  }
  if (!/^=*[^=]+=./.test(value)) {
    say(`Expecting -A name=value. Got ${value}`);
    return EINVAL;
  }
  settings.authArgs = [value];
  return undefined;
}

/** Prints the usage, as for an option that ldmsd does not have. */
export function usage(): number {
  say('ldmsd (stand-in): usage: ldmsd [-x XPRT:PORT[:HOST]]… [-c FILE]… [-a AUTH] [-A NAME=VALUE]');
  say('  [-n NAME] [-l FILE] [-v LEVEL] [-m SIZE] [-r FILE] [-F] [-V]');
  return 1;
}
