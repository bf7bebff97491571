/** ldmsd's configuration files, as far as the stand-in plays them: a command a line, `#` begins a comment. */
import { readFileSync } from 'node:fs';
import { type Settings, takeOptions } from './ldmsd-options.ts';
import { say } from './say.ts';

/** An authentication plugin with its `name=value` arguments. */
export interface Auth {
  readonly plugin: string;
  readonly args: readonly string[];
}

/** A daemon to pull sets from. */
export interface Producer {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly intervalMs: number;
  readonly domain?: string;
}

/** What the files say beyond what an option could. */
export interface Config {
  readonly domains: Map<string, Auth>;
  readonly producers: Producer[];
  /** Commands of ldmsd that the stand-in passes over. */
  readonly unplayed: Set<string>;
}

// What a real aggregator needs besides prdcr_add to pull: here, to know a producer is to pull it.
const partsOfPulling = new Set(['prdcr_start', 'updtr_add', 'updtr_prdcr_add', 'updtr_start']);

/**
 * Reads one file.
 *
 * @returns the errno that ldmsd would exit with, or undefined to go on
 */
export function readConfig(
  { file, yaml }: { file: string; yaml: boolean },
  settings: Settings,
  config: Config,
): number | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const denied = error instanceof Error && 'code' in error && error.code === 'EACCES';
    return failed(denied ? 13 : 2, file);
  }
  if (yaml) {
    config.unplayed.add(`the YAML file ${file}`);
    return undefined;
  }
  for (const line of text.replace(/\\\n/g, ' ').split('\n')) {
    const words = line
      .replace(/\$\{([^}]*)\}/g, (_, name: string) => process.env[name] ?? '')
      .split(/\s+/)
      .filter(Boolean);
    const errno = words[0]?.startsWith('#') ? undefined : obey(words, settings, config);
    if (errno !== undefined) return failed(errno, file);
  }
  return undefined;
}

function failed(errno: number, file: string): number {
  say(`Error ${errno} processing configuration file '${file}'`);
  return errno;
}

const EINVAL = 22;

function obey([verb, ...rest]: string[], settings: Settings, config: Config): number | undefined {
  if (verb === undefined || partsOfPulling.has(verb)) return undefined;
  const given = new Map(rest.map((word) => /^([^=]*)=?(.*)$/s.exec(word)?.slice(1) as [string, string]));
  const args = rest.filter((word) => word.includes('=') && !/^(plugin|name)=/.test(word));
  const lacking = (...names: string[]): boolean => {
    const first = names.find((name) => !given.get(name));
    if (first !== undefined) say(`The attribute '${first}' is required by ${verb}.`);
    return first !== undefined;
  };
  switch (verb) {
    case 'option':
      return takeOptions(rest, settings);
    case 'default_auth':
      if (lacking('plugin')) return EINVAL;
      if (settings.authName === undefined) {
        settings.authName = given.get('plugin') ?? '';
        settings.authArgs = args;
      }
      return undefined;
    case 'auth_add': {
      const name = given.get('name') ?? '';
      if (lacking('name')) return EINVAL;
      config.domains.set(name, { plugin: given.get('plugin') || name, args });
      return undefined;
    }
    case 'listen': {
      if (lacking('xprt', 'port')) return EINVAL;
      const [host, domain] = [given.get('host'), given.get('auth')];
      settings.endpoints.push({
        xprt: given.get('xprt') ?? '',
        port: Number.parseInt(given.get('port') ?? '', 10) || 0,
        ...(host && { host }),
        ...(domain && { domain }),
      });
      return undefined;
    }
    case 'prdcr_add':
      return lacking('name', 'host', 'port', 'xprt', 'interval') ? EINVAL : addProducer(given, config);
    default:
      config.unplayed.add(verb);
      return undefined;
  }
}

function addProducer(given: Map<string, string>, config: Config): number | undefined {
  const intervalMs = milliseconds(given.get('interval') ?? '');
  if (intervalMs === undefined) return EINVAL;
  const domain = given.get('auth');
  config.producers.push({
    name: given.get('name') ?? '',
    host: given.get('host') ?? '',
    port: Number.parseInt(given.get('port') ?? '', 10) || 0,
    intervalMs,
    ...(domain && { domain }),
  });
  return undefined;
}

/** ldmsd's intervals: plain microseconds, or a number with a unit. At least 10 ms here. */
function milliseconds(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s|m|h)?$/.exec(text);
  if (!match) return undefined;
  const unit = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] ?? 'us'] ?? 1;
  return Math.max(10, Number(match[1]) * unit);
}
