/** LDMS_ENTRYPOINT_ROOT has to be there: a misspelt one would be made, and the run be somewhere else. */
import type { Host } from '../host.ts';
import type { Problem } from '../problem.ts';

/** What is wrong with the root, if anything is. */
export function wrongRoot(host: Host): Problem | undefined {
  if (host.root === '' || host.look(host.root).kind === 'directory') return undefined;
  return {
    kind: 'usage',
    what: `cannot use LDMS_ENTRYPOINT_ROOT=${host.root}: it is not a directory`,
    remedy: `make it (mkdir -p ${host.root}), or correct the setting`,
  };
}
