/** Builds the images from the stand-in OVIS tree, by the builder that users call. */
import { join } from 'node:path';
import { execa } from 'execa';
import { hostArch } from '../../images/build/arch.ts';
import { inspectImage } from '../../images/build/engine.ts';
import type { ImageName } from '../../images/build/images.ts';
import { madeBase } from '../../images/build/names.ts';
import { buildGrafanaBase } from './grafana-base.ts';
import { repository } from './program.ts';

const docker = { name: 'docker' } as const;
const official = 'debian:bookworm-slim';

/**
 * Builds them with docker, and a stand-in for grafana's own image below ldms-grafana; what has not changed is
 * not built again. What is done is shown as it goes on.
 *
 * @param namespace what stands before /ldms-samp in their names
 * @param names which of them; all six if none is named
 */
export async function buildStandInImages(namespace: string, names: readonly ImageName[] = []): Promise<void> {
  const base = await baseImage();
  const grafana = `${namespace}/grafana-standin:latest`;
  await buildGrafanaBase({ baseImage: base, tag: grafana });
  await images(
    'build',
    ...names,
    '--engine=docker',
    `--ovis=${join(repository, 'test/standins/ovis')}`,
    `--namespace=${namespace}`,
    `--base-image=${base}`,
    `--grafana-image=${grafana}`,
  );
}

/** A Debian base: one that is there, or one from a mirror, or the official one from a registry. */
async function baseImage(): Promise<string> {
  const made = madeBase('bookworm', hostArch() ?? 'amd64');
  for (const image of [official, made]) if (await inspectImage(docker, image)) return image;
  const { failed } = await execa('mmdebstrap', ['--version'], { reject: false });
  if (failed) return official;
  await images('base', '--engine=docker');
  return made;
}

/** `npm run images -- …`, shown as it goes on. */
async function images(...words: string[]): Promise<void> {
  process.stdout.write(`npm run images -- ${words.join(' ')}\n`);
  const main = join(repository, 'images/build/main.ts');
  await execa(process.execPath, [main, ...words], { stdout: 'inherit', stderr: 'inherit', stdin: 'ignore' });
}
