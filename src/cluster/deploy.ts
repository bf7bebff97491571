/** Finds out from ldms_cfg.yaml what each host runs. */
import { authOf, collectedBy, roleOf } from '../ldmscfg/doubts.ts';
import type { Auth, Cluster, DaemonGroup, Endpoint } from '../ldmscfg/read.ts';
import { usesOf } from '../ldmscfg/uses.ts';
import { numberOf } from '../nodename.ts';
import { type Container, type Listen, type Mount, servesDsos } from './container.ts';
import { isSos, numberVariablesOf, placesOf } from './daemons.ts';
import { nodeOf } from './hosts.ts';
import { nodesNamed } from './members.ts';
import { grafanaOn, maestroOn, uiOn } from './others.ts';
import { configFile, mungeMounts, privileges } from './privileges.ts';
import type { Site } from './site.ts';

/** What each node of a cluster runs, as a site wants it: node by node, in the order of the file. */
export function deploy(cluster: Cluster, site: Site): readonly Container[] {
  const daemons = cluster.groups.flatMap((group) => groupContainers(group, cluster, site));
  const service = serviceNode(daemons);
  const on = (wish: string | undefined, usual: string | undefined) => {
    if (wish === undefined) return usual;
    return wish === 'none' ? undefined : nodeOf(wish, site.suffix);
  };
  const maestros = new Set(nodesNamed(site) ?? (service === undefined ? [] : [service]));
  // Without a dsosd it would have nothing to show, and does not start; and grafana nothing to ask.
  const ui = on(site.ui, daemons.some(servesDsos) ? service : undefined);
  const grafana = on(site.grafana, ui === undefined ? undefined : service);
  const others = [
    ...[...maestros].map((node) => maestroOn(node, [...maestros], cluster, site)),
    ...(ui === undefined ? [] : [uiOn(ui, site)]),
    ...(grafana === undefined ? [] : [grafanaOn(grafana, ui, site)]),
  ];
  return [...Map.groupBy([...daemons, ...others], ({ node }) => node).values()].flatMap(named);
}

/** Where what the file does not tell of is run, unless the site says so: with the data, or else on the last aggregator. */
function serviceNode(daemons: readonly Container[]): string | undefined {
  const storing = daemons.find(({ mounts }) =>
    mounts.some(({ kind, readOnly }) => kind === 'directory' && !readOnly),
  );
  return (storing ?? daemons.findLast(({ role }) => role === 'agg') ?? daemons.at(-1))?.node;
}

function groupContainers(group: DaemonGroup, cluster: Cluster, site: Site): Container[] {
  const role = roleOf(group, cluster);
  const { stores, samplers } = usesOf(group, cluster);
  const paths = [...new Set(stores.flatMap(placesOf).map(({ path }) => path))];
  const dsosd = role === 'agg' && stores.some(isSos);
  const ours = authOf(group);
  const plugin = ours?.plugin ?? 'none';
  const peers = collectedBy(group, cluster);
  const needsMunge = plugin === 'munge' || peers.some(({ endpoint }) => endpoint?.auth.plugin === 'munge');
  const variables = numberVariablesOf(group, cluster);
  const auth = plugin === 'none' ? [] : ['-a', plugin, ...authOptions(ours?.conf)];
  const more = role === 'samp' ? site.sampOptions : site.aggOptions;
  // The same for all of a group, of which there may be thousands.
  const shared = {
    role,
    group: group.expression,
    hostPid: role === 'samp',
    env: dsosd ? { LDMS_ENTRYPOINT_DSOSD: '1' } : {},
    mounts: [
      ...mungeMounts(needsMunge, site),
      ...paths.map((path): Mount => ({ kind: 'directory', from: path, to: path, readOnly: false })),
      ...(dsosd ? [configFile('dsosd.json', '/etc/dsosd.json')] : []),
    ],
    // At either end of a connection.
    rdma: [
      ...group.endpoints,
      ...peers.map(({ endpoint }) => endpoint),
      ...samplers.map(({ advertise }) => advertise),
    ].some((end) => end?.xprt === 'rdma'),
  };
  return group.names.flatMap((daemon, at) => {
    const host = group.hosts[at];
    if (host === undefined) return [];
    const node = nodeOf(host, site.suffix);
    const listens = group.endpoints.flatMap((endpoint) => listenOf(endpoint, at, host, site));
    const number = numberOf(node);
    return [
      {
        ...shared,
        name: role,
        node,
        daemon,
        args: [
          ...listens.flatMap(({ xprt, port, address }) => [
            '-x',
            [xprt, port, ...(address === undefined ? [] : [address])].join(':'),
          ]),
          ...auth,
          ...more,
        ],
        component:
          variables.length > 0
            ? { variables, number: number ?? at + 1, inName: number !== undefined }
            : undefined,
        listens,
        ...privileges(listens, shared.mounts, dsosd),
      },
    ];
  });
}

/** What a daemon of a group listens on by one of its endpoints. */
function listenOf(
  { ports, hosts, xprt, auth, at }: Endpoint,
  daemon: number,
  host: string,
  { bind }: Site,
): Listen[] {
  const port = ports[daemon];
  const address = bind ? (hosts[daemon] ?? host) : undefined;
  return port === undefined ? [] : [{ port, xprt, address, auth: auth.plugin, at }];
}

/** Options for the authentication plugin; ldmsd takes one (ldmsd.c: "Ignore the additional auth arguments"). */
function authOptions(conf: Auth['conf']): string[] {
  if (typeof conf === 'string') return conf.includes('=') ? ['-A', conf] : [];
  if (typeof conf !== 'object' || conf === null) return [];
  const [first] = Object.entries(conf);
  return first && typeof first[1] !== 'object' ? ['-A', `${first[0]}=${first[1]}`] : [];
}

/** Gives the containers of one node different names: samp, and agg, agg-2 where there are two. */
function named(containers: readonly Container[]): Container[] {
  const seen = new Map<string, number>();
  return containers.map((container) => {
    const count = (seen.get(container.role) ?? 0) + 1;
    seen.set(container.role, count);
    return count === 1 ? container : { ...container, name: `${container.role}-${count}` };
  });
}
