/** Building and saving: what a build costs that has nothing to do, and how large a bundle is. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { inspectImage } from '../../images/build/engine.ts';
import { type ImageName, imageNames } from '../../images/build/images.ts';
import { imageOf, namespace } from '../support/containers.ts';
import { repository } from '../support/program.ts';
import { makeSite } from '../support/source-builds.ts';
import { leftOut, median, now, type Part, progress, table } from './table.ts';

const nothingLimitMs = 3_000;
const bundleLimit = 0.6;

/** The tables; what they need is built by the container tests. */
export async function building(rounds: number): Promise<Part[]> {
  const { failed } = await execa('docker', ['info'], { reject: false });
  if (failed) return [leftOut('building', 'a docker engine')];
  if (!(await inspectImage({ name: 'docker' }, imageOf('samp')))) {
    return [leftOut('building', "the container tests' images (npm test makes them)")];
  }
  return [await nothingToDo(Math.min(rounds, 10)), await bundle()];
}

/** `build all` where all has been built, with the tests' small sources. */
async function nothingToDo(rounds: number): Promise<Part> {
  const site = await makeSite({ ownDev: true });
  try {
    progress('build all, everything ');
    const words = ['build', 'all'];
    const first = await site.images(words);
    if (first.code !== 0) throw new Error(`build all failed: ${first.stderr}`);
    const taken = { 'build all': [] as number[], 'build all --dry-run': [] as number[] };
    for (let round = -1; round < rounds; round++) {
      for (const [line, times] of Object.entries(taken)) {
        const begun = now();
        const { code, stderr } = await site.images(line.split(' '));
        if (code !== 0) throw new Error(`${line} failed: ${stderr}`);
        if (round >= 0) times.push(now() - begun);
      }
      progress(`build all, nothing to do, round ${Math.max(0, round + 1)} of ${rounds} `);
    }
    progress('');
    const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
    const rows = Object.entries(taken).map(([line, times]) => [
      line,
      seconds(nothingLimitMs),
      seconds(median(times)),
      String(times.length),
    ]);
    const slow = Object.entries(taken).filter(([, times]) => median(times) > nothingLimitMs);
    return {
      text: table(['nothing to do', 'limit', 'median', 'runs'], rows),
      over: slow.map(([line]) => `${line} with nothing to do`),
    };
  } finally {
    await site.remove();
  }
}

/** One bundle of all images against a bundle for each. */
async function bundle(): Promise<Part> {
  const directory = mkdtempSync(join(tmpdir(), 'ldms-bench-'));
  try {
    const together = await saved(imageNames, join(directory, 'all'));
    const separate: { name: ImageName; bytes: number }[] = [];
    for (const name of imageNames) {
      separate.push({ name, bytes: (await saved([name], join(directory, name))).archive });
      rmSync(join(directory, name), { recursive: true });
    }
    progress('');
    const sum = separate.reduce((bytes, each) => bytes + each.bytes, 0);
    const ratio = together.archive / sum;
    const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
    const rows = [
      ...separate.map(({ name, bytes }) => [`ldms-${name} by itself`, megabytes(bytes), '']),
      ['these together', megabytes(sum), ''],
      [
        'all in one',
        megabytes(together.archive),
        `${(ratio * 100).toFixed(0)} % (limit ${bundleLimit * 100} %)`,
      ],
    ];
    const text = `${table(['images.tar.zst', 'size', 'of separate ones'], rows)}\nSaving all took ${(together.ms / 1000).toFixed(0)} s; the rest of the bundle is ${megabytes(together.rest)}. grafana's own image is a stand-in here.\n`;
    return { text, over: ratio > bundleLimit ? ['the size of the bundle'] : [] };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Saves images; sizes in bytes. */
async function saved(
  images: readonly ImageName[],
  output: string,
): Promise<{ archive: number; rest: number; ms: number }> {
  progress(`save ${images.join(' ')} `);
  const main = join(repository, 'images/build/main.ts');
  const begun = now();
  await execa(process.execPath, [
    main,
    'save',
    ...images,
    '--engine=docker',
    `--namespace=${namespace}`,
    `--output=${output}`,
  ]);
  const ms = now() - begun;
  const files = readdirSync(output, { recursive: true, encoding: 'utf8' })
    .map((file) => ({ file, stat: statSync(join(output, file)) }))
    .filter(({ stat }) => stat.isFile());
  const archive = files.find(({ file }) => file === 'images.tar.zst')?.stat.size ?? Number.NaN;
  return { archive, rest: files.reduce((sum, { stat }) => sum + stat.size, 0) - archive, ms };
}
