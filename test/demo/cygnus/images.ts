/** Which images the cluster is played with: real ones where they are, else those of stand-ins. */
import { type Engine, inspectImage } from '../../../images/build/engine.ts';
import { BuilderError } from '../../../images/build/problem.ts';
import { buildStandInImages } from '../../support/standin-images.ts';
import type { Docker } from '../engine.ts';
import { paragraph } from '../timeline.ts';

/** The images that the cluster takes. */
const wanted = ['samp', 'agg', 'maestro', 'ui', 'grafana'] as const;
const official = 'ovishpc';
const standIns = 'localhost/ldms-standin';

/**
 * The namespace of the images; those of stand-ins are built if there are no others.
 *
 * @param given the user's choice
 */
export async function findImages(engine: Engine, docker: Docker, given: string | undefined): Promise<string> {
  const missing = async (namespace: string): Promise<string[]> => {
    const names = wanted.map((role) => `${namespace}/ldms-${role}:latest`);
    const found = await Promise.all(names.map((name) => inspectImage(engine, name)));
    return names.filter((_, at) => !found[at]);
  };
  if (given !== undefined) {
    const lacking = await missing(given);
    if (lacking.length === 0) return given;
    throw new BuilderError('unavailable', [`${engine.name} has no ${lacking.join(', ')}`]);
  }
  const isThere = (await missing(official)).length === 0;
  if (isThere && (await areOurs(docker, official))) return official;
  const why = isThere
    ? `The images ${official}/ldms-* that ${engine.name} has are not all started by ldms-entrypoint`
    : `${engine.name} has not all of the images ${official}/ldms-*`;
  paragraph(
    `${why}: the cluster is played with images of stand-ins for LDMS, ${standIns}/ldms-*, which are built now. The first time, that takes minutes.`,
  );
  await buildStandInImages(standIns, wanted);
  return standIns;
}

/** Whether images are of this project: those that shell scripts start have the same names. */
async function areOurs(docker: Docker, namespace: string): Promise<boolean> {
  const names = wanted.map((role) => `${namespace}/ldms-${role}:latest`);
  const format = ['image', 'inspect', '--format', '{{index .Config.Entrypoint 0}}'];
  const { exitCode, stdout } = await docker(...format, ...names);
  if (exitCode !== 0) return false;
  return stdout
    .trim()
    .split('\n')
    .every((first) => first.endsWith('/ldms-entrypoint'));
}
