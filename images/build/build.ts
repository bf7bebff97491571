/** `build`: everything that can be wrong is looked at first, then the images are built side by side. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hostArch } from './arch.ts';
import { makeContext, type Sources } from './context.ts';
import { buildCommand, type Engine, findEngine, inspectImage } from './engine.ts';
import { entrypointBuild, entrypointFor } from './entrypoint.ts';
import { commonImage, type ImageName, type StepName } from './images.ts';
import { listImages } from './list.ts';
import { readMetadata, repository } from './metadata.ts';
import { madeBase, tagsOf } from './names.ts';
import type { Options } from './options.ts';
import { BuilderError, exitStatus } from './problem.ts';
import { megabytes, wantSpace } from './space.ts';
import { failureText, runSteps, type Step } from './steps.ts';
import { wrongWithDsosds, wrongWithOvis } from './tree.ts';

/** Where text goes: what was asked for, and what is wrong. */
export interface Terminal {
  readonly print: (text: string) => void;
  readonly complain: (text: string) => void;
}

/** Where contexts and logs are; `images` only looks at what is below. */
export const placeOf = (arch: string): string => join(repository, 'dist/images', arch);

/** Builds the images; the status to exit with. */
export async function build(
  options: Options,
  { print, complain }: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const sources = await prepare(options);
  const engine = await findEngine(options.engine, signal);
  const steps = namesOf(options.images);
  const baseImage = steps.includes(commonImage) ? await baseOf(options, engine) : undefined;
  const place = placeOf(options.arch);
  mkdirSync(place, { recursive: true });
  await wantSpace(steps, sources, engine, options, place);
  for (const failure of engine.passedOver) complain(`${failure}\n`);
  // docker with neither bridge nor any other network of its own still has the host's.
  const network = options.network ?? (engine.hasNetwork ? undefined : 'host');
  print(
    `${engine.name} ${engine.version}, ${options.arch}${network === options.network ? '' : `, network ${network} (there is no other)`}${baseImage === undefined ? '' : `, from ${baseImage}`}\n`,
  );
  const { version, revision, created } = await readMetadata(process.env);
  // Its own, for whoever builds something else at the same time.
  const work = mkdtempSync(join(place, 'build.'));
  const common = tagsOf(commonImage, options)[0];
  const args = (image: StepName): Record<string, string> => {
    if (image === commonImage) return { BASE_IMAGE: baseImage ?? '' };
    return {
      ...(image === 'grafana' ? { GRAFANA_IMAGE: options.grafanaImage } : { COMMON_IMAGE: common }),
      VERSION: options.tag === 'latest' ? version : options.tag,
      REVISION: revision,
      CREATED: new Date(created * 1000).toISOString().replace('.000Z', 'Z'),
    };
  };
  const imageStep = (image: StepName): Step => ({
    name: image,
    title: image === commonImage ? 'what the Debian images have in common' : `ldms-${image}`,
    after: ['entrypoint', ...(image === commonImage || image === 'grafana' ? [] : [commonImage])],
    log: join(place, 'log', `${image}.log`),
    run: async ({ command, say }) => {
      const context = join(work, image);
      const bytes = makeContext(image, context, sources);
      say(`context: ${megabytes(bytes)}`);
      await command(
        buildCommand(engine, {
          context,
          tags: tagsOf(image, options),
          args: args(image),
          platform: options.arch === hostArch() ? undefined : `linux/${options.arch}`,
          network,
          noCache: !options.cache,
        }),
      );
      // What was sent is not needed any more, and would be as much again.
      rmSync(context, { recursive: true });
      const [name] = tagsOf(image, options);
      const made = await inspectImage(engine, name);
      if (!made) throw new Error(notKept(engine, name));
      return Number.isFinite(made.size) ? megabytes(made.size) : 'done';
    },
  });
  const outcomes = await runSteps(
    [entrypointStep(options, place), ...steps.map(imageStep)],
    options.jobs,
    signal,
  ).finally(() => rmSync(work, { recursive: true }));
  if (signal.aborted) {
    complain('interrupted; layers that were finished are kept, and the next build goes on from there\n');
    return exitStatus.failed;
  }
  const failed = outcomes.filter((outcome) => !outcome.done);
  for (const { step, warnings } of outcomes) {
    for (const warning of new Set(warnings)) complain(`warning: ${step.title}: ${warning}\n`);
  }
  for (const outcome of failed) if (!outcome.since) complain(`\nerror: ${failureText(outcome)}`);
  for (const since of new Set(failed.flatMap((outcome) => outcome.since ?? []))) {
    const kept = steps.filter((name) =>
      failed.some((outcome) => outcome.since === since && outcome.step.name === name),
    );
    complain(`\nnot built, since ${since} failed: ${kept.join(', ')}\n`);
  }
  const hasFailed = (name: string) => failed.some(({ step }) => step.name === name);
  if (
    hasFailed(commonImage) &&
    !hasFailed('entrypoint') &&
    baseImage &&
    !(await inspectImage(engine, baseImage))
  ) {
    complain(`\n${baseImage} is not there; where no image registry can be reached: npm run images -- base\n`);
  }
  if (failed.length > 0) return exitStatus.failed;
  print('\n');
  await listImages(engine, options, print);
  return 0;
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
