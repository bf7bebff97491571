/** The containers that ldms_cfg.yaml does not tell of: maestro, the web back-end and grafana. */
import type { Cluster } from '../ldmscfg/read.ts';
import type { Container, Listen, Role } from './container.ts';
import { membersText, membersVariable, peerPort } from './members.ts';
import { configFile, mungeMounts, privileges } from './privileges.ts';
import type { Site } from './site.ts';

const alone = (role: Role, node: string) => ({
  role,
  name: role,
  node,
  daemon: undefined,
  group: undefined,
  component: undefined,
  hostPid: false,
  rdma: false,
});

const listen = (xprt: string, port: number, address?: string): Listen => ({
  port,
  xprt,
  address,
  auth: 'none',
  at: undefined,
});

/**
 * maestro, with its etcd, which listens on loopback alone, and for the etcds of other nodes on its own address.
 *
 * @param nodes all that maestro is on
 */
export function maestroOn(
  node: string,
  nodes: readonly string[],
  { groups }: Cluster,
  site: Site,
): Container {
  const isAlone = nodes.length === 1;
  const endpoints = groups.flatMap((group) => group.endpoints.filter(({ maestroComm }) => maestroComm));
  const mounts = [
    ...mungeMounts(
      endpoints.some(({ auth }) => auth.plugin === 'munge'),
      site,
    ),
    configFile('ldms_cfg.yaml', '/etc/ldms_cfg.yaml'),
    { kind: 'volume', from: 'ldms-maestro-etcd', to: '/var/lib/etcd', readOnly: false } as const,
  ];
  return {
    ...alone('maestro', node),
    args: [],
    env: isAlone ? {} : { [membersVariable]: membersText(nodes) },
    mounts,
    listens: [listen('etcd', 2379, '127.0.0.1'), ...(isAlone ? [] : [listen('etcd', peerPort, node)])],
    ...privileges([], mounts, false),
    scratch: ['/run', '/tmp'],
    rdma: endpoints.some(({ xprt }) => xprt === 'rdma'),
  };
}

/** The web back-end. */
export function uiOn(node: string, site: Site): Container {
  const listens = [listen('http', site.uiPort)];
  return {
    ...alone('ui', node),
    args: site.uiPort === 80 ? [] : [`--http-socket=:${site.uiPort}`],
    env: {},
    mounts: [
      configFile('dsosd.conf', '/opt/ovis/etc/dsosd.conf'),
      configFile('settings.py', '/opt/ovis/ui/sosgui/settings.py'),
    ],
    listens,
    ...privileges(listens, [], false),
    scratch: ['/var/log/sosgui'],
  };
}

/**
 * grafana, which asks the web back-end.
 *
 * @param ui the node of that; undefined: there is none
 */
export function grafanaOn(node: string, ui: string | undefined, site: Site): Container {
  const listens = [listen('http', site.grafanaPort)];
  const port = site.uiPort === 80 ? '' : `:${site.uiPort}`;
  return {
    ...alone('grafana', node),
    args: [],
    env: {
      ...(ui === undefined
        ? {}
        : { LDMS_ENTRYPOINT_DSOSDS_URL: `http://${ui.includes(':') ? `[${ui}]` : ui}${port}` }),
      ...(site.grafanaPort === 3000 ? {} : { GF_SERVER_HTTP_PORT: String(site.grafanaPort) }),
    },
    mounts: [{ kind: 'volume', from: 'ldms-grafana-data', to: '/var/lib/grafana', readOnly: false }],
    listens,
    ...privileges(listens, [], false),
    // Where its data source is written.
    scratch: ['/tmp', ...(ui === undefined ? [] : ['/etc/grafana/provisioning/datasources'])],
  };
}
