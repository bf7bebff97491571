/** Samplers on any hosts, and the host lists of the pdsh lines that start them. */
import type { Rendering } from '../../src/cluster/render/rendering.ts';
import { cygnus } from './clusters.ts';

/** The sampler of cygnus, on other hosts. */
export async function sampledOn(nodes: readonly string[]): Promise<Rendering> {
  const { site, files, containers } = await cygnus();
  const sampler = containers.find(({ role }) => role === 'samp');
  if (!sampler) throw new Error('cygnus has no samplers');
  return { site, files, containers: nodes.map((node) => ({ ...sampler, node })) };
}

/** The lists that are given to `pdsh -w`, in order. */
export const listsIn = (script: string): string[] =>
  [...script.matchAll(/^pdsh -S -w (?:'([^']*)'|(\S+)) /gm)].map(
    ([, inQuotes, plain]) => inQuotes ?? plain ?? '',
  );
