/** A small cluster that is rendered for Compose, to be started on one machine. */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Container } from '../../src/cluster/container.ts';
import { deploymentOf } from '../../src/cluster/open.ts';
import { compose } from '../../src/cluster/render/compose.ts';
import { anySite, type Site } from '../../src/cluster/site.ts';
import { namespace } from './containers.ts';
import { freePort } from './etcd.ts';
import { writeRendered } from './rendered.ts';

/** A cluster of two hosts, which are addresses of this machine's loopback. */
export interface ComposeCluster {
  /** The directories of the two. */
  readonly samp: string;
  readonly agg: string;
  /** The containers' names, by what they are. */
  readonly names: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
}

const ldmsCfg = (samp: string, agg: string, ports: readonly [number, number]): string => `daemons:
  - names: &samp samp-1
    hosts: ${samp}
    endpoints:
      - names: &samp-ep samp-1-ep
        ports: ${ports[0]}
        xprt: sock
        maestro_comm: True
        auth: { name: munge, plugin: munge }
  - names: &agg agg-1
    hosts: ${agg}
    endpoints:
      - names: agg-1-ep
        ports: ${ports[1]}
        xprt: sock
        maestro_comm: True
        auth: { name: munge, plugin: munge }
aggregators:
  - daemons: *agg
    peers:
      - daemons: *samp
        endpoints: *samp-ep
        reconnect: 1s
        type: active
        updaters:
          - { mode: pull, interval: 1s, offset: 200ms, sets: [{ regex: .*, field: inst }] }
samplers:
  - daemons: *samp
    plugins:
      - { name: meminfo, interval: 1s, offset: 0s, config: { component_id: "\${COMPONENT_ID}" } }
`;

let count = 0;

/** Renders one. Containers and volumes are called as nobody else's are, and etcd has a port that is free. */
export async function composeCluster(site: Partial<Site>): Promise<ComposeCluster> {
  const net = `127.${randomInt(1, 255)}.${randomInt(255)}`;
  const [samp, agg] = [`${net}.1`, `${net}.2`];
  const [sampPort, aggPort, uiPort, grafanaPort, etcdPort] = await Promise.all(
    Array.from({ length: 5 }, () => freePort()),
  );
  const text = ldmsCfg(samp, agg, [sampPort ?? 0, aggPort ?? 0]);
  const own = {
    ...anySite,
    namespace,
    bind: true,
    ui: agg,
    uiPort: uiPort ?? 0,
    grafanaPort: grafanaPort ?? 0,
    ...site,
  };
  // Without a store there is no dsosd for the web back-end, which is asked for all the same.
  const { mistakes, ...rendering } = await deploymentOf(text, own, new Map([['dsosd.conf', `${agg}\n`]]));
  expect(mistakes).toEqual([]);
  const prefix = `ldms-test-compose-${process.pid}-${++count}-`;
  const containers = rendering.containers.map((container): Container => {
    const { name, role, env, mounts } = container;
    return {
      ...container,
      name: `${prefix}${name}`,
      mounts: mounts.map((mount) =>
        mount.kind === 'volume' ? { ...mount, from: `${prefix}${mount.from}` } : mount,
      ),
      env: role === 'maestro' ? { ...env, ETCD_LISTEN_CLIENT_URLS: `http://127.0.0.1:${etcdPort}` } : env,
    };
  });
  const directory = writeRendered(compose, { ...rendering, containers });
  return {
    samp: join(directory, samp),
    agg: join(directory, agg),
    names: Object.fromEntries(containers.map(({ role, name }) => [role, name])),
    volumes: containers.flatMap(({ mounts }) =>
      mounts.flatMap(({ kind, from }) => (kind === 'volume' ? [from] : [])),
    ),
  };
}
