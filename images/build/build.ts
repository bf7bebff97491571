/** `build`: everything that can be wrong is looked at first, then the images are built side by side. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hostArch } from './arch.ts';
import { makeContext, type Sources } from './context.ts';
import { buildCommand, type Engine, findEngine, inspectImage } from './engine.ts';
import { entrypointBuild, entrypointFor } from './entrypoint.ts';
import { commonImage, type ImageName, imageNames, type StepName } from './images.ts';
import { listImages } from './list.ts';
import { readMetadata, repository } from './metadata.ts';
import { madeBase, tagsOf } from './names.ts';
import type { Options } from './options.ts';
import { BuilderError, exitStatus } from './problem.ts';
import { megabytes, wantSpace } from './space.ts';
import { failureText, type Outcome, runSteps, type Step } from './steps.ts';
import { wrongWithDsosds, wrongWithOvis } from './tree.ts';

/** Where text goes: what was asked for, and what is wrong. */
export interface Terminal {
  readonly print: (text: string) => void;
  readonly complain: (text: string) => void;
}

/** Where contexts and logs are. */
export const placeOf = (arch: string): string => join(repository, 'dist/images', arch);

/** What all images of one build have in common. */
interface Building {
  readonly options: Options;
  readonly engine: Engine;
  readonly sources: Sources;
  /** Undefined when no Debian image is built. */
  readonly baseImage: string | undefined;
  readonly network: string | undefined;
  /** Where contexts and logs are. */
  readonly place: string;
  /** Where this build has its contexts. */
  readonly work: string;
  readonly revision: string;
  readonly version: string;
}

/** Builds the images; the status to exit with. */
export async function build(options: Options, terminal: Terminal, signal: AbortSignal): Promise<number> {
  const { print, complain } = terminal;
  const sources = await prepare(options);
  const engine = await findEngine(options.engine, signal);
  const names = namesOf(options.images);
  const baseImage = names.includes(commonImage) ? await baseOf(options, engine) : undefined;
  const place = placeOf(options.arch);
  mkdirSync(place, { recursive: true });
  await wantSpace(names, sources, engine, options, place);
  for (const failure of engine.passedOver) complain(`${failure}\n`);
  // docker with neither bridge nor any other network of its own still has the host's.
  const network = options.network ?? (engine.hasNetwork ? undefined : 'host');
  const facts = [
    `${engine.name} ${engine.version}`,
    options.arch,
    ...(network === options.network ? [] : [`network ${network} (there is no other)`]),
    ...(baseImage === undefined ? [] : [`from ${baseImage}`]),
  ];
  print(`${facts.join(', ')}\n`);
  const { version, revision } = await readMetadata(process.env);
  // Its own, for whoever builds something else at the same time.
  const work = mkdtempSync(join(place, 'build.'));
  const building = { options, engine, sources, baseImage, network, place, work, revision, version };
  const steps = [entrypointStep(options, place), ...names.map((image) => imageStep(image, building))];
  const outcomes = await runSteps(steps, options.jobs, signal).finally(() =>
    rmSync(work, { recursive: true }),
  );
  if (signal.aborted) {
    complain('interrupted; layers that were finished are kept, and the next build goes on from there\n');
    return exitStatus.failed;
  }
  for (const { step, warnings } of outcomes) {
    for (const warning of new Set(warnings)) complain(`warning: ${step.title}: ${warning}\n`);
  }
  if (outcomes.some((outcome) => !outcome.done)) {
    await tellFailures(outcomes, building, complain);
    return exitStatus.failed;
  }
  print('\n');
  await listImages(engine, options, print);
  return 0;
}

function imageStep(image: StepName, building: Building): Step {
  const { options, engine, sources, network, place, work } = building;
  const tags = tagsOf(image, options);
  return {
    name: image,
    title: image === commonImage ? 'what the Debian images have in common' : `ldms-${image}`,
    after: ['entrypoint', ...(image === commonImage || image === 'grafana' ? [] : [commonImage])],
    log: join(place, 'log', `${image}.log`),
    run: async ({ command, say }) => {
      const context = join(work, image);
      say(`context: ${megabytes(makeContext(image, context, sources))}`);
      await command(
        buildCommand(engine, {
          context,
          tags,
          args: argumentsOf(image, building),
          platform: options.arch === hostArch() ? undefined : `linux/${options.arch}`,
          network,
          noCache: !options.cache,
        }),
      );
      // What was sent is not needed any more, and would be as much again.
      rmSync(context, { recursive: true });
      const made = await inspectImage(engine, tags[0]);
      if (!made) throw new Error(notKept(engine, tags[0]));
      return Number.isFinite(made.size) ? megabytes(made.size) : 'done';
    },
  };
}

/** The ARGs of an image's Dockerfile. */
function argumentsOf(image: StepName, building: Building): Record<string, string> {
  const { options, baseImage, version, revision, sources } = building;
  if (image === commonImage) return { BASE_IMAGE: baseImage ?? '' };
  return {
    ...(image === 'grafana'
      ? { GRAFANA_IMAGE: options.grafanaImage }
      : { COMMON_IMAGE: tagsOf(commonImage, options)[0] }),
    VERSION: options.tag === 'latest' ? version : options.tag,
    REVISION: revision,
    CREATED: new Date(sources.created * 1000).toISOString().replace('.000Z', 'Z'),
  };
}

/** What failed, with its last lines; what was not built for it; and what to do about a base that is not there. */
async function tellFailures(
  outcomes: readonly Outcome[],
  { engine, baseImage }: Building,
  complain: Terminal['complain'],
): Promise<void> {
  const failed = outcomes.filter((outcome) => !outcome.done);
  for (const outcome of failed) if (!outcome.since) complain(`\nerror: ${failureText(outcome)}`);
  for (const since of new Set(failed.flatMap((outcome) => outcome.since ?? []))) {
    const kept = new Set(failed.filter((outcome) => outcome.since === since).map(({ step }) => step.name));
    const names = [commonImage, ...imageNames].filter((name) => kept.has(name));
    complain(`\nnot built, since ${since} failed: ${names.join(', ')}\n`);
  }
  const commonFailed = failed.some(({ step, since }) => step.name === commonImage && !since);
  if (commonFailed && baseImage && !(await inspectImage(engine, baseImage))) {
    complain(`\n${baseImage} is not there; where no image registry can be reached: npm run images -- base\n`);
  }
}

/** Without it, whatever is built from it would be built from a registry's image of that name. */
const notKept = ({ name }: Engine, image: string): string =>
  `${name} has built ${image}, and does not have it${name === 'docker' ? '; if a builder of buildx is in use: docker buildx use default' : ''}`;

/** The steps for some images: those, and what they are built from. */
function namesOf(images: readonly ImageName[]): readonly StepName[] {
  const debian = images.some((image) => image !== 'grafana');
  return debian ? [commonImage, ...images] : images;
}

/** `contexts`: the contexts alone, which are kept. */
export async function contexts(
  options: Options,
  { print, complain }: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const sources = await prepare(options);
  const place = placeOf(options.arch);
  const [outcome] = await runSteps([entrypointStep(options, place)], 1, signal);
  signal.throwIfAborted();
  if (outcome && !outcome.done) {
    complain(`error: ${failureText(outcome)}`);
    return exitStatus.failed;
  }
  for (const image of namesOf(options.images)) {
    const directory = join(place, image);
    print(`${directory}: ${megabytes(makeContext(image, directory, sources))}\n`);
  }
  return 0;
}

/** Looks at the inputs, all of them. */
async function prepare(options: Options): Promise<Sources> {
  const { images, ovis, dsosds, arch } = options;
  const wrong = [
    ...wrongWithOvis(ovis, images, arch),
    ...(images.includes('grafana') ? wrongWithDsosds(dsosds) : []),
  ];
  if (wrong.length > 0) throw new BuilderError('input', wrong);
  const { created } = await readMetadata(process.env);
  return { ovis, dsosds, entrypoint: entrypointFor(arch), created };
}

function entrypointStep({ arch }: Options, place: string): Step {
  return {
    name: 'entrypoint',
    title: 'ldms-entrypoint',
    after: [],
    log: join(place, 'log', 'entrypoint.log'),
    run: async ({ command }) => {
      const words = entrypointBuild(arch);
      if (!words) return 'is up to date';
      await command(words);
      return 'built';
    },
  };
}

/** The base to build from: the one that the user named, or one that is there. */
async function baseOf({ baseImage, suite, arch }: Options, engine: Engine): Promise<string> {
  if (baseImage !== undefined) return baseImage;
  const official = 'debian:bookworm-slim';
  const made = madeBase(suite, arch);
  for (const image of [official, made]) {
    // One for another architecture would have to be fetched again.
    if ((await inspectImage(engine, image))?.arch === arch) return image;
  }
  return official;
}
