/** Kubernetes manifests of test clusters, rendered and read back. */

import { kubernetes } from '../../src/cluster/render/kubernetes.ts';
import type { Rendering } from '../../src/cluster/render/rendering.ts';
import type { Site } from '../../src/cluster/site.ts';
import { clusterOf, cygnus } from './clusters.ts';
import { documentsOf, type Manifest } from './kubernetes.ts';

/** The rendered files, by path. */
export const textsOf = (rendering: Rendering): ReadonlyMap<string, string> =>
  new Map(kubernetes.render(rendering).map(({ path, text }) => [path, text]));

/** The documents of one file of the cygnus example. */
export const documents = async (path: string, site: Partial<Site> = {}) =>
  documentsOf(textsOf(await cygnus(site)).get(path) ?? '');

/** The last object of one file, which is the one that has pods, and its pods. */
export async function workload(path: string, site: Partial<Site> = {}, rendering?: Rendering) {
  const all = documentsOf(textsOf(rendering ?? (await cygnus(site))).get(path) ?? '');
  const object: Manifest = all.at(-1) ?? {};
  const pod: Manifest = object['spec'].template.spec;
  const mount = (at: string) =>
    pod['containers'][0].volumeMounts?.find((m: Manifest) => m['mountPath'] === at);
  const volume = (at: string) => pod['volumes'].find((v: Manifest) => v['name'] === mount(at)?.name);
  return { object, pod, container: pod['containers'][0] as Manifest, mount, volume };
}

/** A cluster of samplers alone, on sock and without munge. */
export const samplers = (hosts: string, names: string, site: Partial<Site> = {}) =>
  clusterOf(
    `daemons:
  - names: "${names}"
    hosts: "${hosts}"
    endpoints:
      - { names: "${names.replace('samp', 'ep')}", ports: 10411, xprt: sock, maestro_comm: true }
samplers:
  - daemons: "${names}"
    plugins: [{ name: meminfo, interval: 1s, config: { component_id: "\${COMPONENT_ID}" } }]
`,
    { maestro: 'none', ui: 'none', grafana: 'none', ...site },
  );

/** What kubelet makes of an argument or a variable's value; a stand-in for its function `expand`. */
export const byKubelet = (text: string, variables: Record<string, string> = {}): string =>
  text.replace(/\$\$|\$\((\w+)\)/g, (match, name?: string) =>
    name === undefined ? '$' : (variables[name] ?? match),
  );
