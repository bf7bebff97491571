/** Which images the cluster is played with: real ones where they are, else those of stand-ins. */
import { type Engine, inspectImage } from '../../../images/build/engine.ts';
import { BuilderError } from '../../../images/build/problem.ts';
import { buildStandInImages } from '../../support/standin-images.ts';
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
export async function findImages(engine: Engine, given: string | undefined): Promise<string> {
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
  if ((await missing(official)).length === 0) return official;
  paragraph(
    `${engine.name} has not all of the images ${official}/ldms-*, and so the cluster is played with images of stand-ins for LDMS, ${standIns}/ldms-*, which are built now. The first time, that takes minutes.`,
  );
  await buildStandInImages(standIns);
  return standIns;
}
