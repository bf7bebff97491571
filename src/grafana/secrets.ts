/** `GF_…__FILE`: a variable's value, kept in a file, such as a Docker secret. */
import type { Host } from '../host.ts';
import type { MainCommand, Requirement } from '../plan.ts';
import { errnoWords } from '../problem.ts';
import { secretProblem, whyNoValue } from '../process/environment.ts';

/** What the variables ask for. */
export interface Secrets extends Required<Pick<MainCommand, 'secrets' | 'without'>> {
  readonly requirements: readonly Requirement[];
}

const suffix = '__FILE';

/** A variable's value, its own or that of its file; undefined if it is empty or cannot be had. */
export function valueFor(name: string, host: Host): string | undefined {
  const own = host.env[name];
  const path = host.env[`${name}${suffix}`];
  if (own || !path || host.look(path).kind !== 'file') return own || undefined;
  const bytes = host.read(path);
  return (Buffer.isBuffer(bytes) && bytes.toString().replace(/\n+$/, '')) || undefined;
}

/** Reads them as the official image does; one that is empty asks for nothing. */
export function readSecrets(host: Host): Secrets {
  const given = Object.entries(host.env).flatMap(([variable, path]) =>
    variable.startsWith('GF_') &&
    variable.endsWith(suffix) &&
    variable.length > 'GF_'.length + suffix.length &&
    path
      ? [{ variable, name: variable.slice(0, -suffix.length), path }]
      : [],
  );
  return {
    secrets: Object.fromEntries(given.map(({ name, path }) => [name, path])),
    without: given.map(({ variable }) => variable),
    requirements: given.map(({ variable, name, path }): Requirement => {
      const what = `secret ${name}`;
      if (host.env[name]) {
        const both = `cannot set ${name}: both ${name} and ${variable} are set`;
        return { what, problem: { kind: 'configuration', what: both, remedy: 'leave one of them out' } };
      }
      // Read here and at the hand-over: what can be read only once would be empty then.
      const { kind } = host.look(path);
      const bytes = kind === 'other' || kind === 'socket' ? undefined : host.read(path);
      if (!bytes) return { what, problem: secretProblem(name, path, 'it is no regular file') };
      const why = Buffer.isBuffer(bytes) ? whyNoValue(bytes) : errnoWords(bytes.errno);
      return why === undefined ? { what, found: path } : { what, problem: secretProblem(name, path, why) };
    }),
  };
}
