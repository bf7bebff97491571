/**
 * What ldmsd's arguments and configuration files say about listening and authentication: the two
 * things that have to be known before it starts.
 */
import { isAbsolute } from 'node:path';
import type { Host } from '../host.ts';
import type { Listener } from '../plan.ts';
import { errnoWords, type Problem } from '../problem.ts';
import { type Auth, nothingFound, readConfig } from './config.ts';
import { parseListener } from './listener.ts';
import { type Parsed, valuesOf } from './options.ts';

/** Everything that was found. */
export interface Asked {
  /** In the order in which they were found; the first default is the one that -x listeners use. */
  readonly auths: readonly Auth[];
  readonly defaultAuth?: Auth;
  readonly listeners: readonly Listener[];
  /** Files that cannot be read. */
  readonly problems: readonly Problem[];
  /** What is odd about a file and might matter, for people. */
  readonly warnings: readonly string[];
}

/** Reads ldmsd's arguments and the files that they name with -c and -y. */
export async function whatLdmsdWants(parsed: Parsed, host: Host): Promise<Asked> {
  const found = nothingFound(host.env);
  const problems: Problem[] = [];
  const onCommandLine = defaultAuthOf(parsed);
  if (onCommandLine) found.auths.push(onCommandLine);
  for (const value of valuesOf(parsed, 'x')) {
    const listener = parseListener(value);
    if (listener) found.listeners.push({ listener });
  }
  for (const { letter, value } of parsed.options) {
    if (value === undefined || (letter !== 'c' && letter !== 'y')) continue;
    const errno = await readConfig(value, letter === 'y' ? 'yaml' : 'commands', host, found);
    if (errno !== undefined) problems.push(unreadable(value, errno, `-${letter}`, host));
  }
  for (const { file, errno } of found.missing) problems.push(unreadable(file, errno, 'included', host));
  const { auths, domains, used, listeners } = found;
  const undefinedDomains = used.filter(({ plugin }) => !domains.has(plugin));
  const defaultAuth = onCommandLine ?? found.defaultAuth;
  return {
    auths: [...auths, ...undefinedDomains],
    ...(defaultAuth && { defaultAuth }),
    listeners: listeners.map(({ listener, domain }) => {
      const auth = domain === undefined ? undefined : domains.get(domain);
      return auth ? { ...listener, auth: { name: auth.plugin, args: auth.args } } : listener;
    }),
    problems,
    warnings: found.warnings,
  };
}

/**
 * The default authentication of the command line.
 *
 * ldmsd takes the first -a and one -A, whatever its manual page says; a further -a is ignored, and
 * so is every -A behind that one (ldmsd.c: it sets the count of arguments to -1).
 */
function defaultAuthOf({ options }: Parsed): Auth | undefined {
  const [first, second] = options.filter(({ letter }) => letter === 'a');
  if (first?.value === undefined) return undefined;
  const counted = second ? options.slice(0, options.indexOf(second)) : options;
  const args = counted.flatMap(({ letter, value }) => (letter === 'A' && value !== undefined ? [value] : []));
  return { plugin: first.value, args: args.slice(0, 1), from: `-a ${first.value}` };
}

function unreadable(file: string, errno: string, how: string, host: Host): Problem {
  return {
    kind: 'configuration',
    what: `cannot read ldmsd's configuration file ${file} (${how}): ${errnoWords(errno)}`,
    remedy:
      errno === 'ENOENT'
        ? isAbsolute(file)
          ? `mount it into the container: -v /on-host/file:${file}:ro`
          : 'give its absolute path in the container, and mount it there'
        : `make it a file that uid ${host.uid} can read`,
  };
}
