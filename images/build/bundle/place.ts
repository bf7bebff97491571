/** Where a bundle is put: made beside, and moved there when it is whole. */
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { quote } from '../config/shell.ts';
import { bundleFormat } from './manifest.ts';

/** The files of a bundle, and the directory of its SBOMs. */
export const fileNames = {
  archive: 'images.tar.zst',
  manifest: 'manifest.json',
  sums: 'SHA256SUMS',
  loader: 'load.sh',
  readme: 'README.txt',
  sboms: 'sbom',
} as const;

/** A symbolic link stands for what it leads to. */
export const realOutput = (output: string): string => (existsSync(output) ? realpathSync(output) : output);

/**
 * Why a bundle cannot be put somewhere, as a sentence; undefined if it can. An older bundle is replaced;
 * anything else is not.
 *
 * @param output absolute
 */
export function wrongWithOutput(output: string): string | undefined {
  const parent = dirname(output);
  if (!statSync(parent, { throwIfNoEntry: false })?.isDirectory()) {
    return `${parent} is no directory, and the bundle would be in it: mkdir -p ${quote(parent)}`;
  }
  try {
    accessSync(parent, constants.W_OK | constants.X_OK);
  } catch (error) {
    return `cannot write in ${parent} (${(error as NodeJS.ErrnoException).code}); choose another place: --output=DIR`;
  }
  const there = lstatSync(output, { throwIfNoEntry: false });
  if (!there) return undefined;
  if (!there.isDirectory()) return `${output} is there, and is no directory; choose another: --output=DIR`;
  const another = quote(`--output=${join(output, 'ldms-images')}`);
  if (there.dev !== statSync(parent).dev) {
    return `${output} is a file system of its own, and cannot be replaced; choose a directory in it: ${another}`;
  }
  const files = readdirSync(output);
  const strangers = files.filter((file) => !Object.values<string>(fileNames).includes(file));
  if (files.length === 0 || (strangers.length === 0 && isBundle(output))) return undefined;
  return `${output} has files that are no bundle's (${(strangers.length > 0 ? strangers : files).slice(0, 3).join(', ')}); choose another place: ${another}`;
}

/** Whether a directory says of itself that it is a bundle. */
function isBundle(directory: string): boolean {
  try {
    const { format } = JSON.parse(readFileSync(join(directory, fileNames.manifest), 'utf8')) as {
      format?: string;
    };
    return format === bundleFormat;
  } catch {
    return false;
  }
}

/** Makes an empty directory beside, with the modes that a directory gets there. */
export function makeBeside(output: string): string {
  const directory = `${output}.partial-${randomBytes(4).toString('hex')}`;
  mkdirSync(directory);
  return directory;
}

/** Puts a whole bundle where it is to be. An older one is removed once the new one is there. */
export function moveInPlace(directory: string, output: string): void {
  if (!existsSync(output)) {
    renameSync(directory, output);
    return;
  }
  const aside = join(dirname(output), `${basename(output)}.old-${randomBytes(4).toString('hex')}`);
  renameSync(output, aside);
  try {
    renameSync(directory, output);
  } catch (error) {
    renameSync(aside, output);
    throw error;
  }
  rmSync(aside, { recursive: true });
}
