/**
 * What ldmsd's arguments and configuration files say about listening and authentication: the two
 * things that have to be known before it starts.
 */
import type { Host } from '../host.ts';
import type { Listener } from '../plan.ts';
import { errnoWords, type Problem } from '../problem.ts';
import { type Auth, readConfig } from './config.ts';
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
}

/** Reads ldmsd's arguments and the files that they name with -c and -y. */
export async function whatLdmsdWants(parsed: Parsed, host: Host): Promise<Asked> {
  const auths: Auth[] = [];
  const listeners: Listener[] = [];
  const problems: Problem[] = [];
  const [plugin] = valuesOf(parsed, 'a');
  // ldmsd takes one -A and ignores further ones, whatever its manual page says.
  const args = valuesOf(parsed, 'A').slice(0, 1);
  let defaultAuth: Auth | undefined;
  if (plugin !== undefined) {
    defaultAuth = { plugin, args, from: `-a ${plugin}` };
    auths.push(defaultAuth);
  }
  for (const value of valuesOf(parsed, 'x')) {
    const listener = parseListener(value);
    if (listener) listeners.push(listener);
  }
  for (const option of parsed.options) {
    if (option.value === undefined || (option.letter !== 'c' && option.letter !== 'y')) continue;
    const found = await readConfig(option.value, option.letter === 'y' ? 'yaml' : 'commands', host);
    if ('errno' in found) {
      problems.push(unreadable(found.file, found.errno, `-${option.letter} ${option.value}`));
      continue;
    }
    auths.push(...found.auths);
    defaultAuth ??= found.defaultAuth;
    listeners.push(...found.listeners);
    problems.push(
      ...found.missing.map(({ file, errno }) => unreadable(file, errno, `an include in ${option.value}`)),
    );
  }
  return { auths, ...(defaultAuth && { defaultAuth }), listeners, problems };
}

function unreadable(file: string, errno: string, because: string): Problem {
  return {
    kind: 'configuration',
    what: `cannot read ldmsd’s configuration file ${file} (${because}): ${errnoWords(errno)}`,
    remedy:
      errno === 'ENOENT'
        ? `mount it into the container: -v /on-host/file:${file}:ro`
        : `make it readable for uid ${process.getuid?.() ?? 0}`,
  };
}
