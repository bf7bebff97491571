/** Trees of files: their content, and copies. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readlinkSync,
  readSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { filesBelow } from '../tree.ts';

/** The digests of files by their path: SHA-256 in hexadecimal; of a symbolic link, what it leads to. */
export type Digests = Readonly<Record<string, string>>;

/** The digests of all files below a directory, by their path relative to it. */
export function digestsBelow(directory: string): Digests {
  return Object.fromEntries(filesBelow(directory).map((file) => [file, digestOf(join(directory, file))]));
}

/** By path, size and time: the same file goes into several images. */
const known = new Map<string, string>();

/** The digest of one file. */
export function digestOf(path: string): string {
  const stat = lstatSync(path, { bigint: true });
  if (stat.isSymbolicLink()) return digestOfText(`link ${readlinkSync(path)}`);
  const key = [path, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ');
  const digest = known.get(key) ?? digestOfContent(path);
  known.set(key, digest);
  return digest;
}

const digestOfText = (text: string): string => createHash('sha256').update(text).digest('hex');

const part = Buffer.alloc(1 << 20);

function digestOfContent(path: string): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  try {
    for (let read = readSync(file, part); read > 0; read = readSync(file, part)) {
      hash.update(part.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

/** Copies some files into a directory over what is there, with their modes and times. */
export function copyFiles(files: readonly string[], from: string, to: string): void {
  const made = new Set<string>();
  for (const file of files) {
    const source = join(from, file);
    const target = join(to, file);
    const parent = dirname(target);
    if (!made.has(parent)) mkdirSync(parent, { recursive: true });
    made.add(parent);
    rmSync(target, { force: true });
    const { mode, atime, mtime } = lstatSync(source);
    if (lstatSync(source).isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else {
      copyFileSync(source, target, constants.COPYFILE_FICLONE);
      chmodSync(target, mode & 0o7777);
    }
    lutimesSync(target, atime, mtime);
  }
}
