/** `SHA256SUMS`, as sha256sum(1) writes and reads it. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Its text, in the order of the names.
 *
 * @param known sums that need not be computed, by file
 */
export function sumsOf(
  directory: string,
  files: readonly string[],
  known: Readonly<Record<string, string>> = {},
): string {
  const sum = (file: string) =>
    known[file] ??
    createHash('sha256')
      .update(readFileSync(join(directory, file)))
      .digest('hex');
  return files
    .toSorted()
    .map((file) => `${sum(file)}  ${file}\n`)
    .join('');
}
