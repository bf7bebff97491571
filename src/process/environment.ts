/** What main's environment has other than ours. */
import { readFileSync } from 'node:fs';
import type { MainCommand } from '../plan.ts';
import { errnoWords, type Problem } from '../problem.ts';

/** Variables to be set, with their values, and those that are taken away. */
export interface EnvironmentChange {
  readonly set: ReadonlyMap<string, Buffer>;
  readonly unset: ReadonlySet<string>;
}

/** What a plan changes of the environment for its main; a problem if a secret cannot be read. */
export function changeOf({ env = {}, secrets = {}, without = [] }: MainCommand): EnvironmentChange | Problem {
  const set = new Map<string, Buffer>(
    Object.entries(env).map(([name, value]) => [name, Buffer.from(value)] as const),
  );
  for (const [name, path] of Object.entries(secrets)) {
    const secret = readSecret(path);
    if ('because' in secret) return secretProblem(name, path, secret.because);
    set.set(name, secret.value);
  }
  return { set, unset: new Set(without) };
}

/** What is wrong with a secret that cannot be handed over. */
export const secretProblem = (name: string, path: string, because: string): Problem => ({
  kind: 'configuration',
  what: `cannot read ${name} from ${path}: ${because}`,
  remedy: `mount the secret there, and let this user read it, or correct ${name}__FILE`,
});

function readSecret(path: string): { value: Buffer } | { because: string } {
  try {
    const value = withoutNewlines(readFileSync(path));
    const why = whyNoValue(value);
    return why === undefined ? { value } : { because: why };
  } catch (error) {
    return { because: errnoWords(error) };
  }
}

/** A file's content as a variable's value: the newlines at its end are not part of it. */
function withoutNewlines(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === newline) end--;
  return bytes.subarray(0, end);
}

const newline = 10;
// MAX_ARG_STRLEN of the kernel, less a name and an equals sign.
const longest = 131_072 - 256;

/** Why a file's content cannot be a secret in a variable, or undefined if it can. */
export function whyNoValue(content: Buffer): string | undefined {
  const bytes = withoutNewlines(content);
  if (bytes.length === 0) return 'it is empty, which would count as none at all';
  if (bytes.length > longest) return `it is longer than the ${longest} bytes that a variable can have`;
  return bytes.includes(0) ? 'it holds a zero byte, which no variable can have' : undefined;
}

/** The variables, as Node has them, with the change made. */
export function changed(env: NodeJS.ProcessEnv, { set, unset }: EnvironmentChange): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !unset.has(name));
  const added = [...set].map(([name, value]) => [name, value.toString()]);
  return Object.fromEntries([...kept, ...added]);
}

/** The variables, as the kernel has them, with the change made. */
export function changedBytes(env: readonly Buffer[], { set, unset }: EnvironmentChange): Buffer[] {
  if (set.size === 0 && unset.size === 0) return [...env];
  const nameOf = (entry: Buffer) => entry.toString('latin1', 0, Math.max(entry.indexOf('='), 0));
  const kept = env.filter((entry) => !set.has(nameOf(entry)) && !unset.has(nameOf(entry)));
  const added = [...set].map(([name, value]) => Buffer.concat([Buffer.from(`${name}=`), value]));
  return [...kept, ...added];
}
