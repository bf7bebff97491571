/** A real etcd, Debian's, for tests. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { onTestFinished } from 'vitest';
import { getPrefix } from '../standins/etcd.ts';
import { type Result, type Started, start, until } from './program.ts';
import type { Site } from './site.ts';

/** An etcd that serves on loopback. */
export interface RunningEtcd {
  readonly url: string;
  readonly port: number;
  pid(): number;
  /** Stops it, and waits until it has ended. */
  stop(signal?: NodeJS.Signals): Promise<Result>;
  /** Starts it again on its port and its data, and waits until it is healthy. */
  again(): Promise<void>;
}

/** Starts an etcd with its data in a site, and waits until it is healthy. It is killed when the test has finished. */
export async function startEtcd(site: Site, port?: number): Promise<RunningEtcd> {
  const chosen = port ?? (await freePort());
  const url = urlOf(chosen);
  const data = site.path(`etcd-${chosen}`);
  let etcd = await launch(chosen, data);
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    etcd.kill(signal);
    return etcd.ended;
  };
  return {
    url,
    port: chosen,
    pid: () => etcd.pid,
    stop,
    again: async () => {
      etcd = await launch(chosen, data);
    },
  };
}

const urlOf = (port: number): string => `http://127.0.0.1:${port}`;

async function launch(port: number, data: string): Promise<Started> {
  // Another etcd there would answer in place of ours.
  if (!(await isFree(port))) throw new Error(`port ${port} is taken`);
  const url = urlOf(port);
  const args = [
    `--data-dir=${data}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    '--listen-peer-urls=http://127.0.0.1:0',
    // A member that is alone need not wait a second for others to speak up.
    '--heartbeat-interval=10',
    '--election-timeout=50',
  ];
  // What is set both by a variable and by an option, etcd refuses.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ETCD_')));
  const etcd = start('etcd', args, { env });
  onTestFinished(async () => {
    etcd.kill('SIGKILL');
    // Its directory is removed next.
    await etcd.ended;
  });
  let over = false;
  etcd.child.on('exit', () => {
    over = true;
  });
  await until('etcd is healthy', async () => {
    if (over) throw new Error(`etcd has ended: ${(await etcd.ended).stderr}`);
    return isHealthy(url);
  });
  return etcd;
}

/** Whether an etcd answers there, and says that it is well. */
export async function isHealthy(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/health`, { headers: { connection: 'close' } });
    return answer.ok && /"health":\s*"true"/.test(await answer.text());
  } catch {
    return false;
  }
}

/** All keys that begin with a prefix, with their values. */
export async function etcdGet(url: string, prefix: string): Promise<Record<string, string>> {
  return Object.fromEntries(await getPrefix(url, prefix));
}

/** The cluster file of maestro and maestro_ctrl for an etcd on loopback. */
export const clusterYaml = (port: number): string => `members:\n  - host: 127.0.0.1\n    port: ${port}\n`;

/**
 * A TCP port of loopback that nobody has at this moment. It is none of those that the kernel gives to
 * outgoing connections, so that nobody comes by it while a daemon is stopped and started again.
 *
 * @param addresses on each of which it has to be free
 */
export async function freePort(addresses: readonly string[] = ['127.0.0.1']): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_768);
    const free = await Promise.all(addresses.map((address) => isFree(port, address)));
    if (!free.includes(false)) return port;
  }
}

function isFree(port: number, address = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().on('error', () => resolve(false));
    server.listen(port, address, () => server.close(() => resolve(true)));
  });
}
