/**
 * The cygnus example on one machine: its ldms_cfg.yaml as it is, but for the transport and the directory
 * of the store. Each host has a loopback address of its own, which its containers know it by.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Container } from '../../../src/cluster/container.ts';
import { type Deployment, deploymentOf } from '../../../src/cluster/open.ts';
import { anySite } from '../../../src/cluster/site.ts';
import { repository } from '../../support/program.ts';

/** The example's directory. */
export const example = join(repository, 'examples/cygnus');
const suffix = '-iw';

/** The cluster, and where its hosts are. */
export interface Played extends Deployment {
  /** By node, its address on this machine. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Where its configuration files are. */
  readonly directory: string;
}

/** What this machine decides. */
export interface Machine {
  readonly namespace: string;
  /** Of the web back-end and of grafana, free on every node's address. */
  readonly ports: Readonly<Record<'ui' | 'grafana', number>>;
  /** The host's munge socket, or a key for a munged in each container. */
  readonly munge: { readonly socket: string } | { readonly key: string };
}

/** Derives what is played from the example, and writes its configuration files. */
export async function playedCluster(
  directory: string,
  { namespace, ports, munge }: Machine,
): Promise<Played> {
  const read = (name: string) => readFileSync(join(example, name), 'utf8');
  const store = join(directory, 'store');
  mkdirSync(store);
  const text = read('ldms_cfg.yaml')
    .replace('xprt: &xprt "rdma"', 'xprt: &xprt "sock"')
    .replace('path : /store', `path : ${store}`);
  const site = {
    ...anySite,
    namespace,
    suffix,
    bind: true,
    files: directory,
    uiPort: ports.ui,
    grafanaPort: ports.grafana,
    ...('socket' in munge ? { mungeSocket: munge.socket } : { mungeKey: munge.key }),
  };
  const names = ['dsosd.conf', 'dsosd.json', 'settings.py'];
  const given = names.map((name) => [name, read(name).replaceAll('/store', store)] as const);
  const deployment = await deploymentOf(text, site, new Map(given));
  for (const [name, content] of deployment.files) writeFileSync(join(directory, name), content);
  const nodes = [...new Set(deployment.containers.map(({ node }) => node))];
  const addresses = new Map(nodes.map((node) => [node, `127.0.1.${Number(/\d+$/.exec(node)?.[0] ?? 0)}`]));
  const containers = deployment.containers.map((one) => onLoopback(one, addresses, ports));
  return { ...deployment, containers, addresses, directory };
}

/** What is not an ldmsd listens on all addresses of its host, which here is one of many on a machine. */
function onLoopback(
  container: Container,
  addresses: Played['addresses'],
  ports: Machine['ports'],
): Container {
  const { role, node, env } = container;
  const address = addresses.get(node) ?? '127.0.0.1';
  if (role === 'maestro') {
    return { ...container, env: { ...env, ETCD_LISTEN_CLIENT_URLS: `http://${address}:2379` } };
  }
  if (role === 'ui') return { ...container, args: [`--http-socket=${address}:${ports.ui}`] };
  if (role === 'grafana') return { ...container, env: { ...env, GF_SERVER_HTTP_ADDR: address } };
  return container;
}

/** What docker is told so that a container finds the cluster's hosts, and is one of them. */
export const hostOptions = ({ addresses }: Played, node: string): string[] => [
  `--hostname=${node}`,
  ...[...addresses].flatMap(([name, address]) => [
    `--add-host=${name}:${address}`,
    `--add-host=${name}${suffix}:${address}`,
  ]),
];
