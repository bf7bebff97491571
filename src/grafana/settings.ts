/**
 * Grafana's own settings, as it will have them: a `cfg:SECTION.KEY=VALUE` of the arguments goes before
 * the variable GF_SECTION_KEY, and that before grafana.ini (grafana pkg/setting/setting.go).
 */
import type { Host } from '../host.ts';
import { readIni } from '../ini.ts';

/** Looks a setting up; undefined where it is left at grafana's default. */
export type Setting = (section: string, key: string) => string | undefined;

/** The settings of a start. */
export function readSettings(args: readonly string[], ini: string, env: Host['env']): Setting {
  const entries = readIni(ini).map((entry) => ({ ...entry, value: plain(entry.value, env) }));
  return (section, key) => {
    const operand = args.findLast((arg) => arg.startsWith(`cfg:${section}.${key}=`));
    const variable = env[`GF_${section}_${key}`.toUpperCase().replace(/[.-]/g, '_')];
    const entry = entries.findLast((one) => one.section === section && one.key === key);
    return operand?.slice(operand.indexOf('=') + 1) ?? (variable || undefined) ?? (entry?.value || undefined);
  };
}

/** A value without its quotes, what follows it as a comment, and with its variables put in. */
function plain(value: string, env: Host['env']): string {
  const [, quoted] =
    /^"""(.*)"""|^(?:"([^"]*)"|`([^`]*)`)/.exec(value)?.filter((text) => text !== undefined) ?? [];
  const bare = quoted ?? value.replace(/\s+[;#].*$/, '');
  return bare.replace(
    /\$__env\{(\w+)\}|\$\{(\w+)\}/g,
    (_, one?: string, other?: string) => env[one ?? other ?? ''] ?? '',
  );
}

/** The value of a flag as Go's flag package reads it (`-name VALUE`, `--name=VALUE`); the last one counts. */
export function flagValue(args: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (const [at, arg] of args.entries()) {
    // The first word that is no flag ends them.
    if (arg.startsWith('cfg:') || arg === '--') break;
    if (arg === `-${name}` || arg === `--${name}`) value = args[at + 1];
    const [, given] = new RegExp(`^--?${name}=(.*)$`, 's').exec(arg) ?? [];
    if (given !== undefined) value = given;
  }
  return value;
}
