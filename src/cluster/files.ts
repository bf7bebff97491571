/** The configuration files of a cluster that follow from its ldms_cfg.yaml. */
import type { Cluster } from '../ldmscfg/read.ts';
import { usesIn } from '../ldmscfg/uses.ts';
import { type Container, servesDsos } from './container.ts';
import { isSos, placesOf } from './daemons.ts';
import { settingsPy } from './settings-py.ts';

/** The names of the files beside ldms_cfg.yaml that take the place of those that are made from it. */
export const fileNames = ['dsosd.conf', 'dsosd.json', 'settings.py'] as const;

/**
 * The text of each configuration file that a container may mount.
 *
 * @param text that of ldms_cfg.yaml
 * @param given the files that are there already, by name: they are taken as they are
 */
export function filesOf(
  text: string,
  cluster: Cluster,
  containers: readonly Container[],
  given: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const dsosds = containers.filter(servesDsos);
  const ui = containers.find(({ role }) => role === 'ui');
  const [store] = cluster.stores.filter(isSos).flatMap(placesOf);
  const made = {
    'dsosd.conf': dsosds.map(({ node }) => `${node}\n`).join(''),
    'dsosd.json': `${JSON.stringify(directory(cluster, dsosds), undefined, 2)}\n`,
    'settings.py': settingsPy(ui?.node ?? 'localhost', store?.path ?? '/store'),
  };
  return new Map([['ldms_cfg.yaml', text], ...Object.entries(made), ...given]);
}

/** dsosd.json: for each host, where the containers are that its dsosd serves. */
function directory(cluster: Cluster, dsosds: readonly Container[]): Record<string, Record<string, string>> {
  return Object.fromEntries(
    [...Map.groupBy(dsosds, ({ node }) => node)].map(([node, containers]) => {
      const groups = [...new Set(containers.map(({ group }) => group ?? ''))];
      const stores = groups.flatMap((group) => usesIn(cluster).get(group)?.stores ?? []);
      const places = stores
        .filter(isSos)
        .flatMap(placesOf)
        .filter(({ container }) => container !== '');
      return [
        node,
        Object.fromEntries(places.map(({ path, container }) => [container, `${path}/${container}`])),
      ];
    }),
  );
}
