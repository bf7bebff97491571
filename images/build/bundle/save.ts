/** `save`: one bundle of images for a site without internet. It is there whole, or not at all. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { placeOf, type Terminal } from '../build.ts';
import { type Engine, findEngine } from '../engine.ts';
import type { Options } from '../options.ts';
import { BuilderError, exitStatus } from '../problem.ts';
import { quote } from '../config/shell.ts';
import { megabytes } from '../space.ts';
import { failureText, runSteps, type Step } from '../steps.ts';
import { type Archive, type ArchivedImage, writeArchive } from './archive.ts';
import {
  type DebianPackage,
  type Release,
  readRelease,
  readStatus,
  releaseFile,
  statusFile,
} from './debian.ts';
import { readInside } from './inside.ts';
import { type LayerSizes, layerSizes } from './layers.ts';
import { type Loadable, loaderOf, readmeOf } from './loader.ts';
import { manifestOf, type Saved } from './manifest.ts';
import { originOf } from './origin.ts';
import { fileNames, makeBeside, moveInPlace, realOutput, wrongWithOutput } from './place.ts';
import { type Program, packageFilesOf, readProgram } from './program.ts';
import { nowAndThen, progressLine } from './progress.ts';
import { tarOverhead, wantRoom } from './room.ts';
import { findStored, type Stored, saveCommand } from './stored.ts';
import { sumsOf } from './sums.ts';

/** What of the command line it goes by. */
export type SaveOptions = Pick<Options, 'images' | 'namespace' | 'tag' | 'arch' | 'engine' | 'output'>;

/** What was found in an image. */
interface Contents {
  readonly release: Release;
  readonly packages: readonly DebianPackage[];
  readonly program: Program;
}

/** What all steps of one bundle have in common. */
interface Saving {
  readonly options: SaveOptions;
  readonly engine: Engine;
  readonly images: readonly Stored[];
  readonly sizes: LayerSizes;
  /** Where it is made. */
  readonly work: string;
  readonly temporary: string;
  readonly logs: string;
  /** In the order of the images, once they have been read. */
  readonly contents: Contents[];
  /** Once it has been written. */
  archive?: Archive;
}

/** Saves images; the status to exit with. */
export async function save(
  options: SaveOptions,
  { print, complain }: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const output = realOutput(options.output ?? defaultOutput(options));
  const wrong = wrongWithOutput(output);
  if (wrong !== undefined) throw new BuilderError('usage', [wrong]);
  const engine = await findEngine(options.engine, signal);
  for (const failure of engine.passedOver) complain(`${failure}; the images are ${engine.name}'s\n`);
  if (engine.name === 'buildah') {
    throw new BuilderError('unavailable', [
      'buildah cannot put several images into one archive; install podman, which has the same images: apt-get install podman',
    ]);
  }
  const images = await findStored(engine, options);
  const sizes = await layerSizes(engine, images);
  const place = placeOf(options.arch);
  mkdirSync(place, { recursive: true });
  wantRoom(engine, sizes, output, place);
  print(`${engine.name} ${engine.version}, ${options.arch}, ${count(images.length, 'image')}\n`);
  const temporary = mkdtempSync(join(place, 'save.'));
  const work = makeBeside(output);
  const saving: Saving = {
    options,
    engine,
    images,
    sizes,
    work,
    temporary,
    logs: join(place, 'log'),
    contents: [],
  };
  try {
    const outcomes = await runSteps(
      [contentsStep(saving), archiveStep(saving), papersStep(saving)],
      1,
      signal,
    );
    signal.throwIfAborted();
    const failed = outcomes.find((outcome) => !outcome.done);
    if (failed && !failed.done) {
      complain(`\nerror: ${failureText(failed)}`);
      return exitStatus.failed;
    }
    for (const { warnings } of outcomes) {
      for (const warning of new Set(warnings)) complain(`warning: ${warning}\n`);
    }
    moveInPlace(work, output);
  } finally {
    for (const directory of [work, temporary]) rmSync(directory, { recursive: true, force: true });
  }
  print(result(output, saving));
  return 0;
}

/** In the directory where the user is: npm changes to the package's, and tells where it was called. */
const defaultOutput = ({ tag, arch }: SaveOptions): string =>
  resolve(process.env['INIT_CWD'] ?? process.cwd(), `ldms-images-${tag}-${arch}`);

/** The step that reads what is in the images. */
function contentsStep({ options, engine, images, logs, contents }: Saving): Step {
  return {
    name: 'contents',
    title: 'what is in the images',
    after: [],
    log: join(logs, 'save-contents.log'),
    run: async ({ say, signal }) => {
      const programs = new Map<string, Program>();
      for (const { image, id, labels } of images) {
        say(`ldms-${image}`);
        const [status, release] = await readInside(engine, id, options.arch, [statusFile, releaseFile]);
        const { revision } = originOf({ labels });
        const program = programs.get(`${revision}`) ?? (await programOf(revision, image, say));
        programs.set(`${revision}`, program);
        contents.push({ release: readRelease(release ?? ''), packages: readStatus(status ?? ''), program });
        signal.throwIfAborted();
      }
      const debian = contents.reduce((sum, { packages }) => sum + packages.length, 0);
      return count(debian, 'Debian package');
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

/** The step that has the engine save them. */
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
        file: join(work, fileNames.archive),
        progress: (bytes) => {
          begun ||= performance.now();
          show(() => progressLine(bytes, total, (performance.now() - begun) / 1000));
        },
        say,
        signal,
      });
      for (const image of images) {
        for (const name of image.names) archivedAs(name, archive.images);
      }
      saving.archive = archive;
      return `${megabytes(archive.size)} of ${megabytes(archive.uncompressed)}`;
    },
  };
}

/** Finds a name in the archive, where docker leaves out its own registry, and podman tells all of it. */
function archivedAs(name: string, images: readonly ArchivedImage[]): { name: string; digest: string } {
  const same = (other: string) => short(other) === short(name);
  for (const { names, digest } of images) {
    const found = names.find(same);
    if (found !== undefined) return { name: found, digest };
  }
  throw new Error(`the engine has left ${name} out of the archive`);
}

const short = (name: string): string => name.replace(/^(docker\.io|localhost)\//, '');

/** The step that writes everything else. */
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
        ...(await sboms(saving, images)),
      };
      mkdirSync(join(work, fileNames.sboms));
      for (const [file, text] of Object.entries(files)) write(work, file, text);
      const known = { [fileNames.archive]: archive.sum };
      write(work, fileNames.sums, sumsOf(work, [fileNames.archive, ...Object.keys(files)], known));
      return count(Object.keys(files).length + 2, 'file');
    },
  };
}

/** Writes a file of the bundle with the mode that it gets there: the script can be run. */
function write(directory: string, file: string, text: string): void {
  writeFileSync(join(directory, file), text, {
    mode: file === fileNames.loader ? 0o777 : 0o666,
    flush: true,
  });
}

/** The images with what the archive tells of them. */
function savedImages({ images }: Saving, archive: Archive): readonly (Stored & Saved & Loadable)[] {
  return images.map((image) => {
    const found = image.names.map((name) => [name, archivedAs(name, archive.images)] as const);
    return {
      ...image,
      digest: found[0]?.[1].digest ?? '',
      archived: Object.fromEntries(found.map(([name, as]) => [name, as.name])),
    };
  });
}

/** The SBOM of each image, by its file. */
async function sboms(
  { options: { namespace, tag, arch }, contents }: Saving,
  images: readonly (Stored & Saved)[],
): Promise<Record<string, string>> {
  // It takes a while to load, and no other command needs it.
  const { sbomOf } = await import('./sbom.ts');
  return Object.fromEntries(
    images.flatMap((each, at) => {
      const { image, digest, created } = each;
      const found = contents[at];
      if (!found) return [];
      const about = {
        name: `${namespace}/ldms-${image}`,
        tag,
        arch,
        digest,
        created,
        origin: originOf(each),
      };
      return [[`${fileNames.sboms}/ldms-${image}.cdx.json`, sbomOf({ ...about, ...found })]];
    }),
  );
}

/** What is told at the end, with what to type. */
function result(output: string, { images, archive }: Saving): string {
  const separate = images.reduce((sum, { size }) => sum + size, 0);
  return `
${output}: ${count(images.length, 'image')}, ${megabytes(archive?.size ?? 0)} (${megabytes(separate)} if each were saved on its own, uncompressed)

to take it to a site without internet, and to load it there:
  scp -r ${quote(output)} HOST:
  sh ${quote(`${basename(output)}/${fileNames.loader}`)}
`;
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
