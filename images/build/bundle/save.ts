/** `save`: one bundle of images for a site without internet. It is there whole, or not at all. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { placeOf, type Terminal } from '../build.ts';
import { quote } from '../config/shell.ts';
import { findEngine } from '../engine.ts';
import { BuilderError, exitStatus } from '../problem.ts';
import { megabytes } from '../space.ts';
import { failureText, runSteps } from '../steps.ts';
import { layerSizes } from './layers.ts';
import { fileNames, makeBeside, moveInPlace, realOutput, wrongWithOutput } from './place.ts';
import { wantRoom } from './room.ts';
import { count, type SaveOptions, type Saving, saveSteps } from './save-steps.ts';
import { findStored } from './stored.ts';

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
  const saving = { options, engine, images, sizes, work, temporary, logs: join(place, 'log'), contents: [] };
  try {
    const outcomes = await runSteps(saveSteps(saving), 1, signal);
    signal.throwIfAborted();
    for (const { warnings } of outcomes) {
      for (const warning of new Set(warnings)) complain(`warning: ${warning}\n`);
    }
    for (const outcome of outcomes) {
      if (!outcome.done && !outcome.since) complain(`\nerror: ${failureText(outcome)}`);
    }
    if (outcomes.some(({ done }) => !done)) return exitStatus.failed;
    moveInPlace(work, output);
  } finally {
    for (const directory of [work, temporary]) rmSync(directory, { recursive: true, force: true });
  }
  print(resultOf(output, saving));
  return 0;
}

/** In the directory where the user is: npm changes to the package's, and tells where it was called. */
const defaultOutput = ({ tag, arch }: SaveOptions): string =>
  resolve(process.env['INIT_CWD'] ?? process.cwd(), `ldms-images-${tag}-${arch}`);

/** What is told at the end, with what to type. */
function resultOf(output: string, { images, archive }: Saving): string {
  const each = images.reduce((sum, { size }) => sum + size, 0);
  const separate = images.length > 1 ? ` (${megabytes(each)} uncompressed in an archive for each)` : '';
  return `
${output}: ${count(images.length, 'image')}, ${megabytes(archive?.size ?? 0)}${separate}

to take it to a site without internet, and to load it there:
  scp -r ${quote(output)} HOST:
  sh ${quote(`${basename(output)}/${fileNames.loader}`)}
`;
}
