/**
 * Before the container tests: the images are built from the stand-in OVIS tree, by the builder that
 * users call, with whatever the engine has already. Where there is no engine, nothing is built, and
 * the tests are left out.
 */
import { join } from 'node:path';
import { execa } from 'execa';
import { hostArch } from '../../images/build/arch.ts';
import { inspectImage } from '../../images/build/engine.ts';
import { madeBase } from '../../images/build/names.ts';
import { grafanaStandin, namespace } from '../support/containers.ts';
import { buildGrafanaBase } from '../support/grafana-base.ts';
import { repository } from '../support/program.ts';

const docker = { name: 'docker' } as const;
const official = 'debian:bookworm-slim';

export default async function setup(): Promise<void> {
  const { failed } = await execa('docker', ['info'], { reject: false });
  if (failed) return;
  const base = await baseImage();
  await buildGrafanaBase({ baseImage: base, tag: grafanaStandin });
  await images(
    'build',
    '--engine=docker',
    `--ovis=${join(repository, 'test/standins/ovis')}`,
    `--namespace=${namespace}`,
    `--base-image=${base}`,
    `--grafana-image=${grafanaStandin}`,
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
