/**
 * Grafana's own settings, as it will have them: a `cfg:SECTION.KEY=VALUE` of the arguments goes before
 * the variable GF_SECTION_KEY, that before grafana.ini, and that before a `cfg:default.SECTION.KEY=VALUE`
 * (grafana pkg/setting/setting.go).
 */
import type { Host } from '../host.ts';
import { readIni } from '../ini.ts';
import { valueFor } from './secrets.ts';

/** Looks a setting up; undefined where it is left at grafana's default. */
export type Setting = (section: string, key: string) => string | undefined;

/** The settings of a start. */
export function readSettings(args: readonly string[], ini: string, host: Host): Setting {
  const { env } = host;
  // Grafana's reader takes a colon for an equals sign (gopkg.in/ini.v1).
  const entries = readIni(ini, /[=:]/);
  const operand = (name: string) => {
    const found = args.findLast((arg) => arg.startsWith(`cfg:${name}=`));
    return found?.slice(found.indexOf('=') + 1);
  };
  return (section, key) => {
    const variable = `GF_${section}_${key}`.toUpperCase().replace(/[.-]/g, '_');
    const entry = entries.findLast((one) => one.section === section && one.key === key);
    const value =
      operand(`${section}.${key}`) ||
      valueFor(variable, host) ||
      bare(entry?.value ?? '') ||
      operand(`default.${section}.${key}`);
    return (value && expanded(value, env)) || undefined;
  };
}

/** A value of an INI file without its quotes, and without what follows it as a comment. */
function bare(value: string): string {
  const quoted = /^"""(.*)"""|^"([^"]*)"|^`([^`]*)`/
    .exec(value)
    ?.slice(1)
    .find((text) => text !== undefined);
  return quoted ?? value.replace(/\s*[;#].*$/, '');
}

/** A value with its variables put in. */
const expanded = (value: string, env: Host['env']): string =>
  value.replace(
    /\$__env\{(\w+)\}|\$\{(\w+)\}/g,
    (_, one?: string, other?: string) => env[one ?? other ?? ''] ?? '',
  );

// Of grafana-server's flags, those that take a value (pkg/cmd/grafana-server/commands).
const withValue = [
  ...['config', 'homepath', 'pidfile', 'packaging', 'configOverrides', 'profile-addr', 'profile-port'],
  ...['profile-block-rate', 'profile-mutex-rate', 'tracing-file'],
];

/** The flags as Go's flag package reads them: the first word that is none ends them, and the last of a name counts. */
export function readFlags(args: readonly string[]): ReadonlyMap<string, string> {
  const flags = new Map<string, string>();
  for (let at = 0; at < args.length; at++) {
    const [, name, value] = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(args[at] ?? '') ?? [];
    if (name === undefined) break;
    const takesNext = value === undefined && withValue.includes(name);
    flags.set(name, (takesNext ? args[++at] : value) ?? '');
  }
  return flags;
}
