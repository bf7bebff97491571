/** The demo's cluster: two samplers, one with a munged of its own and one with its host's, and an aggregator. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import {
  follow,
  type HandOver,
  type Place,
  put,
  type Running,
  socketOf,
  startHostsMunged,
  startNode,
} from './nodes.ts';
import type { Patience } from './proc.ts';
import { mungeAccount, type Programs } from './programs.ts';
import { event } from './timeline.ts';

/** A node of the demo, with the port that its daemon listens on. */
export interface Member extends Running {
  readonly port: number;
}

/**
 * Starts everything and waits until each daemon listens.
 *
 * @param started gets everything that has to be stopped, as soon as it runs
 */
export async function startAll(
  directory: string,
  { munged, realLdms, env }: Programs,
  started: Running[],
  patience: Patience,
): Promise<{ nodes: readonly Member[]; handOvers: readonly HandOver[] }> {
  chmodSync(directory, 0o755);
  const [first, second, aggregator, host] = ['samp-1', 'samp-2', 'agg-1', 'host'].map((name) => {
    const place = { name, root: join(directory, name) };
    mkdirSync(place.root, { mode: 0o755 });
    return place;
  }) as [Place, Place, Place, Place];
  const account = mungeAccount();
  if (munged) {
    const key = randomBytes(128);
    for (const place of [first, aggregator, host]) put(place, 'etc/munge/munge.key', key, 0o600, account);
    event('demo', `a random munge key for all: 128 bytes, mode 0600, owner ${account.name}`);
    const hosts = startHostsMunged({ host, guest: second }, munged, account, env);
    started.push(hosts);
    event('host', `munged started as ${account.name}, process ${hosts.pid}: the munged of samp-2's host`);
  }
  const [portA, portB, portC] = await freePorts([10411, 10412, 10421]);
  const auth = (place: Place) =>
    munged ? ['-a', 'munge', ...(realLdms ? ['-A', `socket=${socketOf(place)}`] : [])] : [];
  const begin = (
    place: Place,
    mode: string,
    port: number,
    file: string | undefined,
    settings = {},
  ): Member => {
    if (file !== undefined) put(place, `etc/ldms/${mode}.conf`, file, 0o644);
    const config = file === undefined ? [] : ['-c', join(place.root, `etc/ldms/${mode}.conf`)];
    const args = [mode, '-x', `sock:${port}`, ...auth(place), '-n', place.name, ...config];
    const node = Object.assign(startNode(place, args, { ...env, ...settings }), { port });
    started.push(node);
    return node;
  };
  // A real sampler has to be told what to sample; the stand-in samples /proc/meminfo by itself.
  const sampling = ({ name }: Place) => (realLdms ? meminfoConfig(name) : undefined);
  const nodes = [
    begin(first, 'samp', portA, sampling(first)),
    begin(second, 'samp', portB, sampling(second), munged ? { LDMS_ENTRYPOINT_MUNGE: 'host' } : {}),
    begin(
      aggregator,
      'agg',
      portC,
      pullConfig([
        [first.name, portA],
        [second.name, portB],
      ]),
    ),
  ];
  const users = new Map([[account.uid, account.name]]);
  const handOvers = await Promise.all(nodes.map((node) => follow(node, node.port, users, patience)));
  return { nodes, handOvers };
}

const meminfoConfig = (name: string): string => `load name=meminfo
config name=meminfo producer=${name} instance=${name}/meminfo
start name=meminfo interval=1000000
`;

const pullConfig = (producers: readonly (readonly [string, number])[]): string => `# Pulls the two samplers.
${producers
  .map(
    ([
      name,
      port,
    ]) => `prdcr_add name=${name} type=active xprt=sock host=127.0.0.1 port=${port} interval=500000
prdcr_start name=${name}
`,
  )
  .join('')}updtr_add name=all interval=1000000 offset=100000
updtr_prdcr_add name=all regex=.*
updtr_start name=all
`;

/** The ports wished for where they are free, others where they are not. */
async function freePorts(wished: readonly [number, number, number]): Promise<[number, number, number]> {
  const tried = (port: number) =>
    new Promise<number>((resolve, reject) => {
      const server = createServer();
      server.on('error', (error) => (port === 0 ? reject(error) : resolve(0)));
      server.listen(port, () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
      });
    });
  const ports: number[] = [];
  for (const port of wished) {
    const got = (await tried(port)) || (await tried(0));
    if (got !== port) event('demo', `port ${port} is taken here: ${got} is used in its place`, 'aside');
    ports.push(got);
  }
  return ports as [number, number, number];
}
