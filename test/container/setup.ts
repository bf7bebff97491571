/**
 * Before the container tests: the images are built from the stand-in OVIS tree, by the builder that
 * users call, with whatever the engine has already. Where there is no engine, nothing is built, and
 * the tests are left out.
 */
import { execa } from 'execa';
import { namespace } from '../support/containers.ts';
import { buildStandInImages } from '../support/standin-images.ts';

export default async function setup(): Promise<void> {
  const { failed } = await execa('docker', ['info'], { reject: false });
  if (!failed) await buildStandInImages(namespace);
}
