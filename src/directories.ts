/** Directories of our own. */
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * `mkdir -p`, with mode 0755 for what is made, whatever our umask: munged and `health` have to come
 * through, and munged refuses directories that others may write to.
 *
 * Node's own `recursive` takes the umask's word, and reports a read-only file system as ENOENT.
 */
export function makePath(path: string): void {
  if (existsSync(path)) return;
  makePath(dirname(path));
  mkdirSync(path);
  chmodSync(path, 0o755);
}
