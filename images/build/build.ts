/** `build`: everything that can be wrong is looked at first, then all is built that can be, side by side. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { prefixOf } from './config/variables.ts';
import { makeContext, type Sources } from './context.ts';
import { type Engine, findEngine, inspectImage } from './engine.ts';
import { entrypointBuild, entrypointFor } from './entrypoint.ts';
import { type Building, imageStep } from './image.ts';
import { commonImage, type ImageName, type StepName } from './images.ts';
import { listImages } from './list.ts';
import { readMetadata, repository } from './metadata.ts';
import { madeBase } from './names.ts';
import type { Options } from './options.ts';
import { BuilderError, exitStatus } from './problem.ts';
import { wrongWithPlace } from './sources/assemble.ts';
import { askedFor, componentsOf, type SourceBuild, sourceSteps, sourcesOf } from './sources/build.ts';
import { removeLeftContainers, wrongWithEngine } from './sources/container.ts';
import { forget, lock } from './sources/place.ts';
import { pluginRecord, treeRecord } from './sources/record.ts';
import { megabytes, wantSpace } from './space.ts';
import { failureText, type Outcome, runSteps, type Step } from './steps.ts';
import { tellPlan } from './tell-plan.ts';
import { wrongWithDsosds, wrongWithOvis } from './tree.ts';

/** Where text goes: what was asked for, and what is wrong. */
export interface Terminal {
  readonly print: (text: string) => void;
  readonly complain: (text: string) => void;
}

/** Where contexts and logs are. */
export const placeOf = (arch: string): string => join(repository, 'dist/images', arch);

/** Builds what is asked for; the status to exit with. */
export async function build(options: Options, terminal: Terminal, signal: AbortSignal): Promise<number> {
  const { print, complain } = terminal;
  const sources = await prepare(options);
  const engine = await findEngine(options.engine, signal);
  const unfit = componentsOf(options).length > 0 ? wrongWithEngine(engine, process.env) : undefined;
  if (unfit !== undefined) throw new BuilderError('unavailable', [unfit]);
  const commits = await sourcesOf(options, signal);
  const names = namesOf(options.images);
  const baseImage = names.includes(commonImage) ? await baseOf(options, engine) : undefined;
  const place = placeOf(options.arch);
  mkdirSync(place, { recursive: true });
  if (!options.dryRun) await wantSpace(names, sources, engine, options, place);
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
  for (const left of leftOut(options)) print(`${left}\n`);
  const { version, revision } = await readMetadata(process.env);
  const free = commits.length > 0 && !options.dryRun ? lock(options.arch) : undefined;
  // Its own, for whoever builds something else at the same time.
  const work = mkdtempSync(join(place, 'build.'));
  const building = { options, engine, sources, baseImage, network, place, work, revision, version };
  const sourceBuild = { options, engine, network, sources: commits, toolchains: new Map() };
  try {
    if (options.dryRun) return await tellPlan(names, building, sourceBuild, print, signal);
    if (free) await removeLeftContainers(engine, options.arch);
    if (options.clean) for (const { component } of commits) forget(options.arch, component);
    const steps = stepsOf(names, building, sourceBuild);
    const outcomes = await runSteps(steps, options.jobs, signal);
    const inOrder = outcomes.toSorted((a, b) => steps.indexOf(a.step) - steps.indexOf(b.step));
    return await tell(inOrder, building, terminal, signal);
  } finally {
    rmSync(work, { recursive: true, force: true });
    free?.();
  }
}

/** What the user may miss: components that have no repository. */
function leftOut(options: Options): string[] {
  return askedFor(options)
    .filter((component) => options.sources[component].repository === undefined)
    .map((component) => `${component} is left out: ${prefixOf(component)}_REPO is empty`);
}

/** All steps, in the order in which they are shown. */
function stepsOf(names: readonly StepName[], building: Building, sourceBuild: SourceBuild): readonly Step[] {
  const { options, place } = building;
  const isBasis = (name: StepName) => name === commonImage || name === 'dev';
  const imageSteps = (wanted: (name: StepName) => boolean) =>
    names.filter(wanted).map((image) => imageStep(image, building));
  return [
    ...(names.length > 0 ? [entrypointStep(options, place)] : []),
    ...imageSteps(isBasis),
    ...sourceSteps(sourceBuild, names.includes('dev') ? ['entrypoint', commonImage, 'dev'] : []),
    ...imageSteps((name) => !isBasis(name)),
  ];
}

/** Tells how it ended; the status to exit with. */
async function tell(
  outcomes: readonly Outcome[],
  building: Building,
  { print, complain }: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const { engine, options } = building;
  if (signal.aborted) {
    complain('interrupted; what was finished is kept, and the next build goes on from there\n');
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
  if (options.images.length > 0) await listImages(engine, options, print);
  if (options.steps.includes('ovis')) print(`the OVIS tree: ${options.ovis}\n`);
  if (options.steps.includes('dsosds')) print(`the plugin folder: ${options.dsosds}\n`);
  return 0;
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
    const kept = failed.filter((outcome) => outcome.since === since).map(({ step }) => step.name);
    complain(`\nnot built, since ${since} failed: ${kept.join(', ')}\n`);
  }
  const commonFailed = failed.some(({ step, since }) => step.name === commonImage && !since);
  if (commonFailed && baseImage && !(await inspectImage(engine, baseImage))) {
    complain(`\n${baseImage} is not there; where no image registry can be reached: npm run images -- base\n`);
  }
}

/** The image steps for some images: those, and what they are built from. */
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

/** Looks at the inputs, all of them: the trees that are there, and the places of those that will be. */
async function prepare(options: Options): Promise<Sources> {
  const { images, ovis, dsosds, arch } = options;
  const made = componentsOf(options);
  const makesOvis = made.some((component) => component !== 'dsosds');
  const wrong = [
    ...(makesOvis ? [wrongWithPlace(ovis, treeRecord)] : wrongWithOvis(ovis, images, arch)),
    ...(made.includes('dsosds') ? [wrongWithPlace(dsosds, pluginRecord)] : wrongWithPlugin(images, dsosds)),
  ].filter((sentence) => sentence !== undefined);
  if (wrong.length > 0) throw new BuilderError('input', wrong);
  const { created } = await readMetadata(process.env);
  return { ovis, dsosds, entrypoint: entrypointFor(arch), created };
}

const wrongWithPlugin = (images: readonly ImageName[], dsosds: string): string[] =>
  images.includes('grafana') ? wrongWithDsosds(dsosds) : [];

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
