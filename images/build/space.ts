/** The room that building takes. */
import { existsSync, statfsSync } from 'node:fs';
import { contextBytes, type Sources } from './context.ts';
import { type Engine, inspectImage } from './engine.ts';
import { commonImage, type StepName } from './images.ts';
import { tagsOf } from './names.ts';
import type { Options } from './options.ts';
import { BuilderError } from './problem.ts';

/**
 * About how many bytes an image's packages and layers take beyond its context and its base, as measured
 * with Debian 12; for telling beforehand that there is no room.
 */
const layerBytes: Readonly<Record<StepName, number>> = {
  common: 50e6,
  dev: 860e6,
  samp: 1e6,
  agg: 130e6,
  maestro: 75e6,
  ui: 205e6,
  grafana: 5e6,
};

/**
 * Says that there is no room before anything is built.
 *
 * @throws BuilderError
 */
export async function wantSpace(
  steps: readonly StepName[],
  sources: Sources,
  engine: Engine,
  options: Options,
  place: string,
): Promise<void> {
  const withProgram = (step: StepName) => step === commonImage || step === 'grafana';
  const contextsTake = steps.reduce(
    (sum, step) =>
      // The program may not have been built yet, nor the OVIS tree, whose size nobody knows then.
      sum + (withProgram(step) ? 120e6 : existsSync(sources.ovis) ? contextBytes(step, sources) : 0),
    0,
  );
  // What is there already is mostly not made again.
  const isThere = await Promise.all(steps.map((step) => inspectImage(engine, tagsOf(step, options)[0])));
  const anew = options.cache ? steps.filter((_, at) => !isThere[at]) : steps;
  const layersTake = anew.reduce((sum, step) => sum + layerBytes[step], 0) + contextsTake;
  const needs = [
    { at: place, bytes: contextsTake, what: 'the build contexts' },
    ...(engine.store && existsSync(engine.store)
      ? [{ at: engine.store, bytes: layersTake, what: `the images (${engine.name} keeps them there)` }]
      : []),
  ];
  const wrong = needs.flatMap(({ at, bytes, what }) => {
    const { bavail, bsize } = statfsSync(at);
    const free = bavail * bsize;
    return free >= bytes
      ? []
      : [`${at} has ${megabytes(free)} left, and ${what} take about ${megabytes(bytes)}; make room there`];
  });
  if (wrong.length > 0) throw new BuilderError('unavailable', wrong);
}

/** A size for people, in decimal megabytes as docker shows them. */
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0)} MB`;
