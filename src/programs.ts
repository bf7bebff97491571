/** The programs that a plan needs in the image. */
import type { Host } from './host.ts';
import type { Command, Requirement } from './plan.ts';
import type { Problem } from './problem.ts';

/**
 * That a program is there.
 *
 * @param problemOf the problem if it is not, from why ("not in this image")
 */
export function needsProgram(name: string, host: Host, problemOf: (why: string) => Problem): Requirement {
  const what = `program ${name}`;
  const found = host.program(name);
  if ('path' in found) return { what, found: found.path };
  return { what, problem: problemOf(found.missing === 'notFound' ? 'not in this image' : 'not executable') };
}

/**
 * A program that is named in the daemon's place: `docker run … ldms-samp bash` runs bash.
 *
 * Only a first word without a dash can mean one, and only if there is such a program.
 */
export function otherProgram(args: readonly string[], host: Host): Command | undefined {
  const [program, ...rest] = args;
  if (!program || program.startsWith('-')) return undefined;
  return 'path' in host.program(program) ? { program, args: rest } : undefined;
}
