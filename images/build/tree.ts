/** Trees of files that images are made from: what is in them, and whether it is what an image needs. */
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { isAbsolute, join, matchesGlob, posix } from 'node:path';
import { type Arch, elfMachines } from './arch.ts';
import { type Contents, type ImageName, ovisContents } from './images.ts';

/** The paths of all files and symbolic links below a directory, relative to it, sorted. */
export function filesBelow(directory: string): string[] {
  // The `recursive` of readdirSync goes through symbolic links, in circles if there are any.
  return readdirSync(directory, { withFileTypes: true })
    .flatMap((entry) =>
      entry.isDirectory()
        ? filesBelow(join(directory, entry.name)).map((file) => join(entry.name, file))
        : [entry.name],
    )
    .sort();
}

/** Those of `files` that an image takes. */
export function select(files: readonly string[], { include, except }: Contents): string[] {
  const matches = (path: string, globs: readonly string[]) => globs.some((glob) => matchesGlob(path, glob));
  return files.filter((path) => matches(path, include) && !matches(path, except));
}

const prefix = '/opt/ovis';

/**
 * What is wrong with an OVIS tree for some images, in sentences; none if it will do.
 *
 * @param directory absolute, the content of OVIS' prefix: bin, sbin, lib, etc, ui
 */
export function wrongWithOvis(directory: string, images: readonly ImageName[], arch: Arch): string[] {
  const taking = images.filter((image) => ovisContents[image]);
  if (taking.length === 0) return [];
  const what = `the OVIS tree ${directory}`;
  const names = namesIn(directory);
  if (typeof names === 'string') return [`cannot read ${what}: ${names}; give another: --ovis DIR`];
  let files: string[];
  try {
    files = filesBelow(directory);
  } catch (error) {
    const { path = directory } = error as NodeJS.ErrnoException;
    return [`cannot read ${path}: ${whyUnreadable(error)}; ${letRead(directory)}`];
  }
  if (files.length === 0) return [`${what} is empty; build OVIS into it, or give another: --ovis DIR`];
  const inner = ['opt/ovis', 'ovis', 'usr/local'].find((inside) =>
    files.some((file) => file.startsWith(`${inside}/bin/`) || file.startsWith(`${inside}/sbin/`)),
  );
  if (inner && !names.includes('bin')) {
    return [`${what} has neither bin nor lib, but ${inner} in it has: --ovis ${join(directory, inner)}`];
  }
  const lacking = missing(files, taking, what);
  const selected = new Set(taking.flatMap((image) => select(files, ovisContents[image] ?? nothing)));
  // What no image takes can be as it likes.
  const taken = files.filter((file) => selected.has(file));
  const closed = unreadable(directory, taken, what);
  if (closed.length > 0) return [...lacking, ...closed];
  return [
    ...lacking,
    ...foreign(directory, files, arch),
    ...links(directory, taken),
    ...privateKeys(directory, taken),
  ];
}

const nothing: Contents = { include: [], except: [], needs: [] };

function namesIn(directory: string): string[] | string {
  try {
    return readdirSync(directory);
  } catch (error) {
    return whyUnreadable(error);
  }
}

function whyUnreadable(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'it does not exist';
  if (code === 'ENOTDIR') return 'it is not a directory';
  if (code === 'EACCES') return 'permission denied';
  return String(code ?? error);
}

const letRead = (directory: string): string => `let yourself read all of it: sudo chmod -R a+rX ${directory}`;

/** Files that cannot be copied, in one sentence: where there is one, there are often thousands. */
function unreadable(directory: string, files: readonly string[], what: string): string[] {
  const paths = files.map((file) => join(directory, file)).filter((path) => lstatSync(path).isFile());
  const closed = paths.flatMap((path) => {
    try {
      closeSync(openSync(path, 'r'));
      return [];
    } catch (error) {
      return [`${path}: ${whyUnreadable(error)}`];
    }
  });
  const more = closed.length > 1 ? ` (and ${closed.length - 1} more in ${what})` : '';
  return closed.slice(0, 1).map((first) => `cannot read ${first}${more}; ${letRead(directory)}`);
}

/** What the images lack, a sentence for each thing that is lacking. */
function missing(files: readonly string[], images: readonly ImageName[], what: string): string[] {
  const lacking = new Map<string, ImageName[]>();
  for (const image of images) {
    for (const { what: thing, anyOf } of ovisContents[image]?.needs ?? []) {
      if (anyOf.some((glob) => files.some((file) => matchesGlob(file, glob)))) continue;
      const sentence = `${thing} (${anyOf.join(' or ')})`;
      lacking.set(sentence, [...(lacking.get(sentence) ?? []), image]);
    }
  }
  const has64 = files.some((file) => file.startsWith('lib64/'));
  const hint = has64 ? '; it has lib64: OVIS was built on another distribution' : '';
  return [...lacking].map(
    ([thing, wanting]) =>
      `${what} lacks ${thing}, which ${wanting.map((image) => `ldms-${image}`).join(' and ')} ${wanting.length > 1 ? 'need' : 'needs'}${hint}`,
  );
}

/** An ldmsd for another machine. */
function foreign(directory: string, files: readonly string[], arch: Arch): string[] {
  const programs = files.filter((file) => file === 'sbin/ldmsd' || matchesGlob(file, 'lib/libldms.so*'));
  for (const file of programs) {
    const machine = machineOf(join(directory, file));
    if (machine !== undefined && machine !== elfMachines[arch]) {
      const [other] = Object.entries(elfMachines).find(([, number]) => number === machine) ?? [];
      return [
        `${join(directory, file)} is for ${other ?? `another machine (ELF machine ${machine})`}, and the images are for ${arch}; ${other ? `--arch ${other}` : 'build OVIS for it'}`,
      ];
    }
  }
  return [];
}

/** The machine that an ELF file is for (`e_machine`, elf(5)); undefined for any other file. */
export function machineOf(path: string): number | undefined {
  const head = Buffer.alloc(20);
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const read = readSync(file, head);
    return read === 20 && head.toString('latin1', 0, 4) === '\x7fELF' ? head.readUInt16LE(18) : undefined;
  } finally {
    closeSync(file);
  }
}

/** Symbolic links that lead nowhere in a container. */
function links(directory: string, files: readonly string[]): string[] {
  return files.flatMap((file) => {
    const path = join(directory, file);
    if (!lstatSync(path).isSymbolicLink()) return [];
    const target = readlinkSync(path);
    if (isAbsolute(target)) {
      // Any other may be to a file of the image's own.
      return directory !== prefix && target.startsWith(`${directory}/`)
        ? [`${path} is a link to ${target}, which is at ${prefix} in a container; make it relative`]
        : [];
    }
    const at = posix.join(prefix, posix.dirname(file), target);
    return at === prefix || at.startsWith(`${prefix}/`)
      ? []
      : [`${path} is a link to ${target}, which is outside of the OVIS tree; put the file there`];
  });
}

/** Keys that an image would give to everybody. */
function privateKeys(directory: string, files: readonly string[]): string[] {
  const suspects = files.filter((file) => /^etc\/|\.(pem|key)$|(^|\/)id_(rsa|dsa|ecdsa|ed25519)$/.test(file));
  return suspects
    .filter((file) => {
      const path = join(directory, file);
      const { size } = lstatSync(path);
      if (/(^|\/)munge\.key$/.test(file)) return true;
      return (
        size < 65_536 && lstatSync(path).isFile() && /PRIVATE KEY-----/.test(readFileSync(path, 'latin1'))
      );
    })
    .map(
      (file) =>
        `${join(directory, file)} is a private key, which everybody with the image would have; remove it`,
    );
}

/**
 * What is wrong with the folder of the grafana plugin for DSOS, in sentences.
 *
 * It is as `npm` left it: plugin.json lies in its `dist`, or else in it.
 */
export function wrongWithDsosds(directory: string): string[] {
  const what = `the plugin folder ${directory}`;
  const names = namesIn(directory);
  if (typeof names === 'string') return [`cannot read ${what}: ${names}; give another: --dsosds DIR`];
  for (const file of ['dist/plugin.json', 'plugin.json']) {
    let text: string;
    try {
      text = readFileSync(join(directory, file), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      return [`cannot read ${join(directory, file)}: ${whyUnreadable(error)}; ${letRead(directory)}`];
    }
    try {
      const plugin = JSON.parse(text) as { id?: unknown } | null;
      return typeof plugin?.id === 'string'
        ? []
        : [`${join(directory, file)} has no id, without which grafana does not load it`];
    } catch (error) {
      return [`${join(directory, file)} is no JSON: ${error instanceof Error ? error.message : error}`];
    }
  }
  return [`${what} has no plugin.json; build dsosds into it, or give another: --dsosds DIR`];
}
