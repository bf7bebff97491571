/** The programs that munge's two sides need in the image. */
import type { Host } from '../host.ts';
import type { Requirement } from '../plan.ts';
import { needsProgram } from '../programs.ts';

/** That one of them is there, with what to install if it is not. */
export const needsForMunge = (name: string, host: Host): Requirement =>
  needsProgram(name, host, (why) => ({
    kind: 'munge',
    what: `cannot use munge: the program ${name} is ${why}`,
    remedy: name === 'setpriv' ? 'install util-linux' : 'install munge in the image: apt-get install munge',
  }));
