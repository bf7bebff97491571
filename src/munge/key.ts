/**
 * The key of a munged of ours: is it there, private, long enough, and not one that everybody
 * knows? And if it is good but munged would refuse it where it lies, it is copied.
 *
 * munged's own rules (munge 0.5.15, conf.c and path.c, tried): the file must be owned by exactly
 * the user that it runs as, not be a symbolic link, have no group or other permissions, be 32
 * bytes or longer, and lie in directories that only that user or root can write. It accepts any
 * content, so that a key of zeros works as well as a real one: that check is ours.
 */
import { dirname } from 'node:path';
import type { Host, Look } from '../host.ts';
import type { User } from '../plan.ts';
import { errnoWords, type Problem } from '../problem.ts';
import { directoriesUp } from '../process/files.ts';

/** Where an image expects the key of a munged of its own. */
export const keyPath = '/etc/munge/munge.key';

/** munged refuses shorter keys. */
export const shortestKey = 32;

const oneKey =
  'make one on the host and give it to every node of the cluster: mungekey --create --bits=1024 --keyfile=munge.key';

/** A usable key: where it lies, or why it has to be copied first. */
export interface UsableKey {
  readonly path: string;
  /** Why munged would refuse it where it lies, for people; absent when it is used in place. */
  readonly copyBecause?: string;
}

/**
 * Judges the key at `path` for a munged that runs as `user`.
 *
 * @param user the user of munged
 */
export function judgeKey(path: string, user: User, host: Host): UsableKey | Problem {
  const look = host.look(path);
  const bad = (why: string, remedy: string): Problem => ({
    kind: 'munge',
    what: `cannot use the munge key ${path}: ${why}`,
    remedy,
  });
  if (look.kind === 'nothing') {
    if (look.errno === 'EACCES') return bad(...whyHidden(path, host));
    if (look.errno !== 'ENOENT') return bad(errnoWords(look.errno), 'mount a key file there');
    return bad(
      look.link ? 'it is a symbolic link to nothing' : 'there is none',
      `give the container the host's munge (-v /run/munge:/run/munge:ro) or your cluster's key (-v /on-host/munge.key:${keyPath}:ro)`,
    );
  }
  if (look.kind === 'directory') {
    return bad(
      'it is a directory, which docker makes when the file to mount does not exist on the host',
      `remove that directory on the host and name the real key file in -v FILE:${keyPath}:ro`,
    );
  }
  if (look.kind !== 'file') return bad('it is not a regular file', 'mount a key file there');
  if (look.mode & 0o077) {
    return bad(
      `others than its owner may use it (mode ${octal(look.mode)})`,
      'on the host: chmod 0600 KEYFILE (a docker or podman secret: mode=0400; Kubernetes: defaultMode: 0400, no fsGroup)',
    );
  }
  if (look.size < shortestKey) {
    return bad(
      look.size === 0 ? 'it is empty' : `it has ${look.size} bytes, and munged wants ${shortestKey} or more`,
      oneKey,
    );
  }
  const open = directoriesUp(path).find((directory) => othersMayWrite(host.look(directory)));
  if (open !== undefined) {
    return bad(`others may write to its directory ${open}, and so replace it`, `chmod go-w ${open}`);
  }
  return judgeContent(path, look, user, host, bad);
}

function judgeContent(
  path: string,
  look: Extract<Look, { mode: number }>,
  user: User,
  host: Host,
  bad: (why: string, remedy: string) => Problem,
): UsableKey | Problem {
  const bytes = host.read(path);
  const copyBecause = whyCopy(path, look, user, host);
  if (!Buffer.isBuffer(bytes)) {
    // Root without CAP_DAC_OVERRIDE cannot look into munge's key, but munged can.
    if (copyBecause === undefined) return { path };
    return bad(
      `${copyBecause}, and it cannot be copied: ${errnoWords(bytes.errno)}`,
      `on the host: chown ${user.uid}:${user.gid} KEYFILE`,
    );
  }
  if (bytes.every((byte) => byte === bytes[0])) {
    return bad(
      `all its bytes are the same (${bytes[0] === 0 ? 'zeros' : `0x${bytes[0]?.toString(16).padStart(2, '0')}`}), so everybody knows it`,
      oneKey,
    );
  }
  return copyBecause === undefined ? { path } : { path, copyBecause };
}

/** Why munged as `user` would refuse the file where it lies, though it is a good key. */
function whyCopy(
  path: string,
  look: Extract<Look, { mode: number }>,
  user: User,
  host: Host,
): string | undefined {
  if (look.link) return 'it is behind a symbolic link';
  if (look.uid !== user.uid) return `it belongs to uid ${look.uid} and munged runs as ${userWords(user)}`;
  for (const directory of directoriesUp(path)) {
    const at = host.look(directory);
    if (at.kind !== 'directory') continue;
    if (at.uid !== user.uid && at.uid !== 0) return `its directory ${directory} belongs to uid ${at.uid}`;
    if (!maySearchOrWrite(at, user, 1)) return `${userWords(user)} may not enter its directory ${directory}`;
  }
  return undefined;
}

/** Whether somebody beside the owner may add and remove files: munged's rule, under which sticky is safe. */
export function othersMayWrite(at: Look): boolean {
  return at.kind === 'directory' && (at.mode & 0o022) !== 0 && (at.mode & 0o1000) === 0;
}

/**
 * Whether a directory's permission bits let `user` search it (1) or write to it (2).
 *
 * Supplementary groups are not looked at: munged gets none.
 */
export function maySearchOrWrite(at: Extract<Look, { mode: number }>, user: User, bit: 1 | 2): boolean {
  if (user.uid === 0) return true;
  const shift = at.uid === user.uid ? 6 : at.gid === user.gid ? 3 : 0;
  return ((at.mode >> shift) & bit) !== 0;
}

/** Why we may not even look at the key, and what to do: a directory above it is closed to us. */
function whyHidden(path: string, host: Host): [why: string, remedy: string] {
  const self = { name: '', uid: host.uid, gid: host.gid };
  const closed = directoriesUp(path).findLast((directory) => {
    const at = host.look(directory);
    return at.kind === 'directory' && !maySearchOrWrite(at, self, 1);
  });
  if (host.uid === 0) {
    return [
      'permission denied',
      'under SELinux mount it with :z, otherwise docker run --cap-add=DAC_OVERRIDE',
    ];
  }
  const where = closed ?? dirname(path);
  return [
    `${userWords(self)} may not enter ${where}`,
    `chmod a+x ${where} in the image, start the container as root, or use the host's munge: -v /run/munge:/run/munge:ro`,
  ];
}

/** "munge (101:101)", or "uid 1234" for an account without a name. */
export function userWords(user: User): string {
  return user.name ? `${user.name} (${user.uid}:${user.gid})` : `uid ${user.uid}`;
}

/** Permission bits as chmod(1) takes them. */
export function octal(mode: number): string {
  return `0${mode.toString(8)}`;
}
