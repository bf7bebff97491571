/**
 * Grafana's settings as the real one has them (grafana pkg/setting/setting.go): a `cfg:SECTION.KEY=VALUE`
 * goes before the variable GF_SECTION_KEY, that before grafana.ini, and that before
 * `cfg:default.SECTION.KEY=VALUE`. A variable or operand counts only for a key that a file has.
 */
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

/** Every setting, by `section.key`. */
export type GrafanaSettings = Map<string, string>;

// Those of conf/defaults.ini that matter here.
const builtIn = {
  'paths.data': 'data',
  'paths.logs': 'data/log',
  'paths.plugins': 'data/plugins',
  'paths.provisioning': 'conf/provisioning',
  'server.protocol': 'http',
  'server.http_addr': '',
  'server.http_port': '3000',
  'server.socket': '/tmp/grafana.sock',
  'security.admin_user': 'admin',
  'security.admin_password': 'admin',
  'plugins.allow_loading_unsigned_plugins': '',
  'log.mode': 'console file',
  'auth.basic.enabled': 'true',
  'smtp.password': '',
} as const;

/** Something that is wrong with them, in words like the real one's. */
export class SettingsError extends Error {}

/** Reads them all. */
export function readGrafanaSettings(
  home: string,
  config: string | undefined,
  operands: readonly string[],
): GrafanaSettings {
  if (read(join(home, 'conf/defaults.ini')) === undefined) {
    throw new SettingsError(
      'Grafana-server Init Failed: Could not find config defaults, make sure homepath command line parameter is set or working directory is homepath',
    );
  }
  const settings: GrafanaSettings = new Map(Object.entries(builtIn));
  const given = readOperands(operands);
  for (const [key, value] of given) {
    const [, name = ''] = /^default\.(.*)$/.exec(key) ?? [];
    if (settings.has(name)) settings.set(name, value);
  }
  if (config !== undefined && config !== '') {
    const text = read(config);
    if (text === undefined) throw new SettingsError(`failed to parse "${config}": it cannot be read`);
    for (const [key, value] of parseIni(text, config)) settings.set(key, value);
  }
  for (const key of settings.keys()) {
    const value = process.env[`GF_${key}`.toUpperCase().replace(/[.-]/g, '_')];
    if (value) settings.set(key, value);
  }
  for (const [key, value] of given) if (settings.has(key)) settings.set(key, value);
  for (const [key, value] of settings) settings.set(key, expand(value));
  for (const key of ['paths.data', 'paths.logs', 'paths.plugins', 'paths.provisioning']) {
    const path = settings.get(key) ?? '';
    settings.set(key, isAbsolute(path) ? path : join(home, path));
  }
  return settings;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** The `cfg:` operands; others are passed over. */
function readOperands(operands: readonly string[]): Map<string, string> {
  const cfg = operands.filter((word) => word.startsWith('cfg:'));
  return new Map(
    cfg.map((word) => {
      const at = word.indexOf('=');
      if (at < 0) throw new SettingsError(`Invalid command line argument. argument: ${word}`);
      return [word.slice('cfg:'.length, at), word.slice(at + 1)] as const;
    }),
  );
}

function parseIni(text: string, file: string): Map<string, string> {
  let section = '';
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const words = line.trim();
    if (words === '' || /^[;#]/.test(words)) continue;
    const [, heading] = /^\[(.*)\]$/.exec(words) ?? [];
    if (heading !== undefined) section = heading;
    else {
      const [, key, value = ''] = /^([^=:]+)[=:](.*)$/.exec(words) ?? [];
      if (key === undefined) {
        throw new SettingsError(`failed to parse "${file}": key-value delimiter not found: ${words}`);
      }
      found.set(section === '' ? key.trim() : `${section}.${key.trim()}`, unquoted(value.trim()));
    }
  }
  return found;
}

/** A value without its quotes, or without what follows it as a comment. */
function unquoted(value: string): string {
  const [, long, short] = /^"""(.*)"""$|^["`](.*)["`]$/.exec(value) ?? [];
  return long ?? short ?? value.replace(/\s*[;#].*$/, '');
}

function expand(value: string): string {
  return value
    .replace(/\$__file\{([^}]+)\}/g, (_, file: string) => readFileSync(file, 'utf8').trim())
    .replace(
      /\$__env\{(\w+)\}|\$\{(\w+)\}/g,
      (_, one?: string, other?: string) => process.env[one ?? other ?? ''] ?? '',
    );
}
