/** The programs that munge's two sides need in the image. */
import type { Host } from '../host.ts';
import type { Requirement } from '../plan.ts';

/** That a program is there, with what to install if it is not. */
export function needsProgram(name: string, host: Host): Requirement {
  const found = host.program(name);
  if ('path' in found) return { what: `program ${name}`, found: found.path };
  return {
    what: `program ${name}`,
    problem: {
      kind: 'munge',
      what: `cannot use munge: the program ${name} is ${found.missing === 'notFound' ? 'not in this image' : 'not executable'}`,
      remedy: name === 'setpriv' ? 'install util-linux' : 'install munge in the image: apt-get install munge',
    },
  };
}
