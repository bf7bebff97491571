/** Directories that may have to be made first. */
import { dirname } from 'node:path';
import type { Host } from './host.ts';

/**
 * Whether files can be made in a directory, which is made itself if it is not there.
 *
 * @returns the directory, or the nearest above it that is there; and why nothing can be made in that one
 */
export function whyNoRoom(directory: string, host: Host): { there: string; errno: string | undefined } {
  const found = host.look(directory);
  if (found.kind === 'directory') return { there: directory, errno: host.whyNoEntry(directory) };
  // A symbolic link to nothing is in the way of a directory.
  if (found.kind === 'nothing' && !found.link && dirname(directory) !== directory) {
    return whyNoRoom(dirname(directory), host);
  }
  return { there: directory, errno: found.kind === 'nothing' ? found.errno : 'ENOTDIR' };
}
