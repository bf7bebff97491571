/** Looks whether the cluster that is played does what its file says. */
import { request } from 'node:http';
import type { Container } from '../../../src/cluster/container.ts';
import type { Docker, Seen } from '../engine.ts';
import { failure, type Patience, until } from '../proc.ts';
import { event } from '../timeline.ts';
import type { Played } from './cluster.ts';

/** A container that is played. */
export interface Node extends Seen {
  readonly container: Container;
}

/** An endpoint of the file, where it is on this machine. */
interface Target {
  readonly daemon: string;
  readonly address: string;
  readonly port: number;
}

const targetsOf = ({ containers, addresses }: Played): Target[] =>
  containers.flatMap(({ daemon, node, listens }) =>
    daemon === undefined
      ? []
      : listens.map(({ port }) => ({ daemon, address: addresses.get(node) ?? '', port })),
  );

/**
 * Waits until maestro has a connection to each endpoint of the file. The kernel is asked, and not
 * maestro: whether a process of its container holds a connection to that address.
 */
export async function everyEndpointReached(
  played: Played,
  maestro: Node,
  docker: Docker,
  patience: Patience,
): Promise<void> {
  const targets = targetsOf(played);
  let missing: readonly Target[] = targets;
  const reached = async () => {
    const { stdout } = await docker(
      'exec',
      maestro.id,
      'sh',
      '-c',
      'cat /proc/net/tcp; ls -l /proc/[0-9]*/fd',
    );
    missing = targets.filter((target) => !isConnected(stdout, target));
    return missing.length === 0;
  };
  await until(maestro.label, 'maestro to reach every endpoint', reached, patience).catch((error: unknown) => {
    const where = missing.map(({ daemon, address, port }) => `${daemon} at ${address}:${port}`).join(', ');
    if (error instanceof Error && !patience.stop.aborted) error.message += `; it has not reached ${where}`;
    throw error;
  });
  const names = targets.map(({ daemon }) => daemon).join(', ');
  event(maestro.label, `connected to all ${targets.length} endpoints: ${names}`, 'key');
}

/** Whether what /proc shows has an established connection to an address, of a process that has it open (proc(5)). */
function isConnected(shown: string, { address, port }: Target): boolean {
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  const remote = `${bytes.toReversed().join('')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
  return shown.split('\n').some((row) => {
    const fields = row.trim().split(/\s+/);
    // 01 is TCP_ESTABLISHED; the tenth field is the socket's inode.
    return fields[2] === remote && fields[3] === '01' && shown.includes(`socket:[${fields[9]}]`);
  });
}

/** Waits until the store's aggregator has a set of the plugin meminfo from each sampler, whatever they are called. */
export async function setsArrive(
  { containers }: Played,
  aggregator: Node,
  docker: Docker,
  patience: Patience,
): Promise<void> {
  const samplers = containers.filter(({ role }) => role === 'samp').length;
  const [listen] = aggregator.container.listens;
  if (!listen) throw failure(aggregator.label, 'it listens nowhere');
  const words = [
    'ldms_ls',
    '-h',
    listen.address ?? 'localhost',
    '-x',
    listen.xprt,
    '-p',
    String(listen.port),
  ];
  const asked = [...words, ...(listen.auth === 'none' ? [] : ['-a', listen.auth])];
  const arrived = async () => {
    const { stdout } = await docker('exec', aggregator.id, ...asked);
    const sets = new Set(stdout.match(/\S+\/meminfo\b/g));
    return sets.size >= samplers && [...sets];
  };
  const sets = await until(aggregator.label, `${samplers} sets of meminfo`, arrived, patience);
  event(aggregator.label, `${asked.join(' ')}: ${sets.join(', ')}`, 'key');
}

/** Asks the web back-end as grafana does, and grafana as a browser does, each by its host's name. */
export async function webAnswers(
  { addresses, site }: Played,
  { ui, grafana }: Readonly<Record<'ui' | 'grafana', Node>>,
): Promise<void> {
  for (const [node, port, path] of [
    [ui, site.uiPort, '/grafana/'],
    [grafana, site.grafanaPort, '/api/health'],
  ] as const) {
    const host = `${node.container.node}:${port}`;
    const status = await get(addresses.get(node.container.node) ?? '', port, path, host);
    event(node.label, `GET http://${host}${path}: ${status}`, 'key');
    if (status >= 400) throw failure(node.label, `it answered ${status} to a request for ${path}`);
  }
}

function get(address: string, port: number, path: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: address, port, path, headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on('error', reject);
    asked.end();
  });
}
