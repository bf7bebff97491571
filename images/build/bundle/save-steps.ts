/** The steps of saving: what is in the images, their archive, and the papers beside it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../engine.ts';
import type { Options } from '../options.ts';
import { megabytes } from '../space.ts';
import type { Step } from '../steps.ts';
import { type Archive, writeArchive } from './archive.ts';
import {
  type DebianPackage,
  type Release,
  readRelease,
  readStatus,
  releaseFile,
  statusFile,
} from './debian.ts';
import { readInside } from './inside.ts';
import type { LayerSizes } from './layers.ts';
import { type Loadable, loaderOf, readmeOf } from './loader.ts';
import { manifestOf, type Saved } from './manifest.ts';
import { originOf } from './origin.ts';
import { fileNames } from './place.ts';
import { type Program, packageFilesOf, readProgram } from './program.ts';
import { nowAndThen, progressLine } from './progress.ts';
import { findArchived } from './regroup.ts';
import { tarOverhead } from './room.ts';
import { type Stored, saveCommand } from './stored.ts';
import { sumsOf } from './sums.ts';

/** What of the command line saving goes by. */
export type SaveOptions = Pick<Options, 'images' | 'namespace' | 'tag' | 'arch' | 'engine' | 'output'>;

/** What was found in an image. */
interface Contents {
  readonly release: Release;
  readonly packages: readonly DebianPackage[];
  readonly program: Program;
}

/** What all steps of one bundle have in common. */
export interface Saving {
  readonly options: SaveOptions;
  readonly engine: Engine;
  readonly images: readonly Stored[];
  readonly sizes: LayerSizes;
  /** Where the bundle is made. */
  readonly work: string;
  readonly temporary: string;
  readonly logs: string;
  /** In the order of the images, once they have been read. */
  readonly contents: Contents[];
  /** Once it has been written. */
  archive?: Archive;
}

/** The steps, in their order. */
export const saveSteps = (saving: Saving): readonly Step[] => [
  contentsStep(saving),
  archiveStep(saving),
  papersStep(saving),
];

/** First, since it is quick to fail. */
function contentsStep({ options, engine, images, logs, contents }: Saving): Step {
  return {
    name: 'contents',
    title: 'what is in the images',
    after: [],
    log: join(logs, 'save-contents.log'),
    run: async ({ say, signal }) => {
      const programs = new Map<string | undefined, Program>();
      for (const { image, id, labels } of images) {
        say(`ldms-${image}`);
        const [status = '', release = ''] = await readInside(engine, id, options.arch, [
          statusFile,
          releaseFile,
        ]);
        const { revision } = originOf({ labels });
        const program = programs.get(revision) ?? (await programOf(revision, image, say));
        programs.set(revision, program);
        contents.push({ release: readRelease(release), packages: readStatus(status), program });
        signal.throwIfAborted();
      }
      const packages = contents.reduce((sum, each) => sum + each.packages.length, 0);
      return count(packages, 'Debian package');
    },
  };
}

/** The program of images that were made from a revision. */
async function programOf(
  revision: string | undefined,
  image: string,
  say: (line: string) => void,
): Promise<Program> {
  const { isStrange, ...files } = await packageFilesOf(revision);
  if (isStrange) {
    say(
      `warning: ldms-${image} was made from ${revision}, which git does not know here; its npm packages are told as this checkout has them`,
    );
  }
  return readProgram(files);
}

function archiveStep(saving: Saving): Step {
  const { engine, images, sizes, work, temporary, logs } = saving;
  return {
    name: 'archive',
    title: fileNames.archive,
    after: ['contents'],
    log: join(logs, 'save-archive.log'),
    run: async ({ say, signal }) => {
      const command = saveCommand(engine, images);
      say(`$ ${command.join(' ')}`);
      say(`${engine.name} gathers ${megabytes(sizes.together)}`);
      const total = sizes.together * tarOverhead;
      const show = nowAndThen(say);
      let begun = 0;
      const archive = await writeArchive({
        command,
        temporary: engine.name === 'podman' ? temporary : undefined,
        twins: sizes.twins,
        file: join(work, fileNames.archive),
        progress: (bytes) => {
          begun ||= performance.now();
          show(() => progressLine(bytes, total, (performance.now() - begun) / 1000));
        },
        say,
        signal,
      });
      saving.archive = archive;
      return `${megabytes(archive.size)} of ${megabytes(archive.uncompressed)}`;
    },
  };
}

function papersStep(saving: Saving): Step {
  const { options, engine, work, logs } = saving;
  const { arch } = options;
  return {
    name: 'papers',
    title: 'manifest, SBOMs, sums and load.sh',
    after: ['archive'],
    log: join(logs, 'save-papers.log'),
    run: async () => {
      const { archive } = saving;
      if (!archive) throw new Error('there is no archive');
      const images = savedImages(saving, archive);
      const manifest = manifestOf(images, { ...options, engine });
      const files: Record<string, string> = {
        [fileNames.manifest]: `${JSON.stringify(manifest, null, 1)}\n`,
        [fileNames.loader]: loaderOf(images, arch, archive),
        [fileNames.readme]: readmeOf(images, arch, manifest.created),
        ...(await sbomsOf(saving, images)),
      };
      mkdirSync(join(work, fileNames.sboms));
      for (const [file, text] of Object.entries(files)) write(work, file, text);
      const known = { [fileNames.archive]: archive.sum };
      write(work, fileNames.sums, sumsOf(work, [fileNames.archive, ...Object.keys(files)], known));
      return count(Object.keys(files).length + 2, 'file');
    },
  };
}

/** Writes a file of the bundle with the mode that files get there; the script can be run. */
function write(directory: string, file: string, text: string): void {
  const mode = file === fileNames.loader ? 0o777 : 0o666;
  writeFileSync(join(directory, file), text, { mode, flush: true });
}

/** The images with what the archive tells of them. */
function savedImages({ images }: Saving, archive: Archive): readonly (Stored & Saved & Loadable)[] {
  return images.map((image) => {
    const found = image.names.map((name) => [name, findArchived(name, archive.images)] as const);
    return {
      ...image,
      digest: found[0]?.[1].digest ?? '',
      archived: Object.fromEntries(found.map(([name, as]) => [name, as.name])),
    };
  });
}

/** The SBOM of each image, by its file. */
async function sbomsOf(
  { options: { namespace, tag, arch }, contents }: Saving,
  images: readonly (Stored & Saved)[],
): Promise<Record<string, string>> {
  // It takes a while to load, and no other command needs it.
  const { sbomOf } = await import('./sbom.ts');
  return Object.fromEntries(
    contents.map((found, at) => {
      const { image, digest, created, labels } = images[at] as Stored & Saved;
      const about = {
        name: `${namespace}/ldms-${image}`,
        tag,
        arch,
        digest,
        created,
        origin: originOf({ labels }),
      };
      return [`${fileNames.sboms}/ldms-${image}.cdx.json`, sbomOf({ ...about, ...found })];
    }),
  );
}

/** A number of things, for people. */
export const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
