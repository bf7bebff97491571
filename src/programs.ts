/** The programs that a plan needs in the image. */
import type { Host } from './host.ts';
import type { Requirement } from './plan.ts';
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
