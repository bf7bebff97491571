/**
 * Whether this ldmsd needs `-F` to stay in the foreground.
 *
 * Up to 4.4 it forks unless told not to; 4.5 never forks, refused `-F` for a while (exit 22) and
 * takes it with a warning since 4.5.1 (ovis-hpc/ldms pull requests 1369 and 1806). So `-F` is
 * added for the old ones only.
 *
 * Its version is what `ldmsd -V` prints. Asking costs a start of ldmsd, so it is asked when an
 * image is built, or else once for each ldmsd, and remembered with the file's size and time.
 */
import type { Host } from '../host.ts';

/** Where images keep the answer: made when they are built, from the ldmsd in the tree. */
export const imageRecord = '/usr/local/share/ldms-entrypoint/ldmsd-version';
/** Where we keep the answer if the image has none. */
export const ourRecord = '/run/ldms-entrypoint/ldmsd-version';

/**
 * The recorded version of the ldmsd at `program`, if a record is of this very file.
 *
 * A record is one line: size in bytes, modification time in seconds since the epoch, and what
 * `ldmsd -V` printed, for instance `1048576 1700000000 LDMSD Version: 4.4.4`.
 */
export function recordedVersion(host: Host, program: string): string | undefined {
  const look = host.look(program);
  if (look.kind === 'nothing') return undefined;
  for (const record of [imageRecord, ourRecord]) {
    const bytes = host.read(host.path(record));
    const match = Buffer.isBuffer(bytes) ? /^(\d+) (\d+) (.*)/.exec(bytes.toString()) : null;
    if (match && Number(match[1]) === look.size && Number(match[2]) === look.mtime) return match[3];
  }
  return undefined;
}

/** The line that {@link recordedVersion} reads, for the ldmsd at `program`. */
export function versionRecord(host: Host, program: string, printed: string): string {
  const look = host.look(program);
  return look.kind === 'nothing' ? '' : `${look.size} ${look.mtime} ${printed.trim().split('\n')[0]}\n`;
}

/**
 * Whether an ldmsd forks unless `-F` is given.
 *
 * @param printed what `ldmsd -V` printed, for instance "LDMSD Version: 4.4.4"
 * @returns undefined when no version can be read from it
 */
export function forksByItself(printed: string): boolean | undefined {
  const match = /(\d+)\.(\d+)/.exec(printed);
  if (!match) return undefined;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  return major < 4 || (major === 4 && minor < 5);
}
