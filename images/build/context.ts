/**
 * Build contexts: for each image a directory with its Dockerfile and the files that it copies, and
 * nothing else. Modes and times are made the same wherever the files come from, so that equal input
 * gives equal contexts, and engines find the layers that they have.
 */
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { commonImage, ovisContents, type StepName } from './images.ts';
import { repository } from './metadata.ts';
import { digestOf } from './sources/files.ts';
import { filesBelow, select } from './tree.ts';

/** Where the files come from; all absolute. */
export interface Sources {
  /** The OVIS tree. */
  readonly ovis: string;
  /** The folder of the grafana plugin. */
  readonly dsosds: string;
  /** The sealed program for the images' architecture. */
  readonly entrypoint: string;
  /** The time that all files are given, in seconds since the epoch. */
  readonly created: number;
}

/** A file of a context: where it is put, and where it is taken from. */
interface Entry {
  readonly to: string;
  readonly from: string;
}

/** Where an image's own files are in the repository. */
export const recipeOf = (image: StepName): string => join(repository, 'images', `ldms-${image}`);

/** Makes an image's context anew at `directory`; the bytes that it has. */
export function makeContext(image: StepName, directory: string, sources: Sources): number {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const entries = entriesOf(image, sources);
  for (const { to, from } of entries) put(from, join(directory, to), sources.created);
  // Only now: a directory's time changes with what is put in it.
  const directories = new Set(entries.flatMap(({ to }) => parentsOf(to)));
  for (const each of directories) {
    const path = join(directory, each);
    chmodSync(path, 0o755);
    lutimesSync(path, sources.created, sources.created);
  }
  return contextBytes(image, sources);
}

/** What a context will have, without making it: the digest of each file, and whether it is executable. */
export function contextDigests(image: StepName, sources: Sources): Readonly<Record<string, string>> {
  const mark = (path: string) => (lstatSync(path).mode & 0o111 ? 'x' : '');
  return Object.fromEntries(
    entriesOf(image, sources).map(({ to, from }) => [to, `${digestOf(from)}${mark(from)}`]),
  );
}

/** How large a context will be, in bytes. */
export function contextBytes(image: StepName, sources: Sources): number {
  return entriesOf(image, sources).reduce((sum, { from }) => sum + lstatSync(from).size, 0);
}

/** Where an image has what is neither the program nor OVIS, in its context as below `/`. */
const ours = 'usr/local/share/ldms-images';

/** What COPY puts at `/` is in directories of a context as it will be in the image. */
function entriesOf(image: StepName, { ovis, dsosds, entrypoint }: Sources): Entry[] {
  const recipe = { to: 'Dockerfile', from: join(recipeOf(image), 'Dockerfile') };
  const program = { to: 'program/usr/local/bin/ldms-entrypoint', from: entrypoint };
  if (image === 'common') return [recipe, ...scripts('dated', 'finish-ovis', 'install'), program];
  if (image === 'grafana') {
    const ini = { to: join('files', ours, 'grafana.ini'), from: join(recipeOf(image), 'grafana.ini') };
    return [recipe, ...scripts('dated', 'install'), program, ini, ...pluginEntries(dsosds)];
  }
  const contents = ovisContents[image];
  const files = contents ? select(filesBelow(ovis), contents) : [];
  return [recipe, ...files.map((file) => ({ to: join('ovis/opt/ovis', file), from: join(ovis, file) }))];
}

const scripts = (...names: readonly string[]): Entry[] =>
  names.map((name) => ({ to: join('scripts', ours, name), from: join(recipeOf(commonImage), name) }));

/** What grafana loads of a plugin's folder: `dist`, if it was built there, and never what it was built with. */
function pluginEntries(directory: string): Entry[] {
  const dist = join(directory, 'dist');
  const from = existsSync(join(dist, 'plugin.json')) ? dist : directory;
  return filesBelow(from)
    .filter((file) => !/^(node_modules|\.git|\.npm)(\/|$)/.test(file))
    .map((file) => ({ to: join('files', ours, 'dsosds', file), from: join(from, file) }));
}

function put(from: string, to: string, seconds: number): void {
  mkdirSync(dirname(to), { recursive: true });
  if (lstatSync(from).isSymbolicLink()) {
    symlinkSync(readlinkSync(from), to);
  } else {
    copyFileSync(from, to, constants.COPYFILE_FICLONE);
    chmodSync(to, statSync(from).mode & 0o111 ? 0o755 : 0o644);
  }
  lutimesSync(to, seconds, seconds);
}

/** The directories above a path, `.` among them. */
function parentsOf(path: string): string[] {
  const parent = dirname(path);
  return parent === '.' ? [parent] : [parent, ...parentsOf(parent)];
}
