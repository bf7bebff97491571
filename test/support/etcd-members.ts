/** Several real etcds on loopback, which are one, for what docs/maestro-cluster.md has people type. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { freePort } from './etcd.ts';
import { type Result, run, type Started, start, until } from './program.ts';
import { temporary } from './rendered.ts';

/** The names of the page; each has an address of loopback, in this order. */
export const hostNames = ['hostA', 'hostB', 'hostC', 'hostD'] as const;
export type HostName = (typeof hostNames)[number];

/** How a member's etcd is started. */
export interface Starting {
  readonly list?: readonly HostName[];
  readonly state?: 'new' | 'existing';
  /** The directory that has NAME.crt, NAME.key and ca.crt. */
  readonly certificates?: string;
}

/** Hosts, each with a volume for its etcd. */
export interface Hosts {
  /** Where everything is; commands are typed there. */
  readonly directory: string;
  start(name: HostName, starting?: Starting): void;
  kill(name: HostName): Promise<void>;
  isHealthy(name: HostName): Promise<boolean>;
  healthy(...names: HostName[]): Promise<void>;
  /** What a member's etcd has said. */
  said(name: HostName): string;
  /** Types commands of the page on a host, where `docker` reaches its etcd and its volume. */
  type(name: HostName, commands: string): Promise<Result>;
  etcdctl(name: HostName, ...words: string[]): Promise<string>;
}

const threeOf = hostNames.slice(0, 3);
const addressOf = (name: HostName): string => `127.0.0.${hostNames.indexOf(name) + 1}`;

/** Hosts without anything that runs; whatever is started is killed when the test has finished. */
export async function makeHosts(): Promise<Hosts> {
  const directory = temporary();
  const peerPort = await freePort(hostNames.map(addressOf));
  const clientPorts = new Map<HostName, number>();
  for (const name of hostNames) clientPorts.set(name, await freePort());
  const running = new Map<HostName, Started>();
  const volume = (name: HostName) => join(directory, `volume-of-${name}`);
  const client = (name: HostName) => `http://127.0.0.1:${clientPorts.get(name)}`;
  const clean = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('ETCD')));
  writeFileSync(join(directory, 'docker'), docker);
  chmodSync(join(directory, 'docker'), 0o755);
  const kill = async (name: HostName) => {
    const etcd = running.get(name);
    etcd?.kill('SIGKILL');
    await etcd?.ended;
  };
  onTestFinished(async () => {
    await Promise.all(hostNames.map(kill));
  });
  const type = (name: HostName, commands: string) => {
    const here = commands
      .replaceAll('http://$0:', `http://${addressOf(name)}:`)
      .replaceAll(/(?<=:\/\/)host\w(?=:)/g, (host) => addressOf(host as HostName))
      .replaceAll(':2380', `:${peerPort}`)
      .replaceAll('/tmp/', `${directory}/`);
    const env = {
      ...clean,
      PATH: `${directory}:${process.env['PATH']}`,
      ETCDCTL_ENDPOINTS: client(name),
      ETCDCTL_API: '3',
      VOLUME: volume(name),
    };
    return run('bash', ['-e', '-c', here], { cwd: directory, env });
  };
  return {
    directory,
    type,
    kill,
    start: (name, { list = threeOf, state = 'new', certificates } = {}) => {
      const scheme = certificates ? 'https' : 'http';
      const peer = (host: HostName) => `${scheme}://${addressOf(host)}:${peerPort}`;
      const tls = [
        `--peer-cert-file=${certificates}/${name}.crt`,
        `--peer-key-file=${certificates}/${name}.key`,
        `--peer-trusted-ca-file=${certificates}/ca.crt`,
        '--peer-client-cert-auth',
      ];
      const args = [
        `--name=${name}`,
        `--data-dir=${volume(name)}`,
        `--listen-client-urls=${client(name)}`,
        `--advertise-client-urls=${client(name)}`,
        `--listen-peer-urls=${peer(name)}`,
        `--initial-advertise-peer-urls=${peer(name)}`,
        `--initial-cluster=${list.map((host) => `${host}=${peer(host)}`).join(',')}`,
        `--initial-cluster-state=${state}`,
        '--initial-cluster-token=the-page',
        '--heartbeat-interval=30',
        '--election-timeout=300',
        ...(certificates ? tls : []),
      ];
      running.set(name, start('etcd', args, { env: clean }));
    },
    isHealthy: (name) => isHealthy(client(name)),
    healthy: async (...names) => {
      for (const name of names) await until(`${name} is healthy`, () => isHealthy(client(name)));
    },
    said: (name) => running.get(name)?.stderr() ?? '',
    etcdctl: async (name, ...words) => {
      const quoted = words.map((word) => `'${word}'`).join(' ');
      return (await type(name, `docker exec maestro etcdctl ${quoted}`)).stdout;
    },
  };
}

/** Whether an etcd answers, and says that it is well; one that has not met the others does neither. */
async function isHealthy(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/health`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(2000),
    });
    return answer.ok && /"health":\s*"true"/.test(await answer.text());
  } catch {
    return false;
  }
}

/** A stand-in: `exec maestro` runs a command here, and so does `run`, with the paths of its volumes in place. */
const docker = `#!${process.execPath}
const { spawnSync } = require('node:child_process');
const words = process.argv.slice(2);
let command = words.slice(2);
if (words[0] === 'run') {
  const at = words.indexOf('--entrypoint');
  const places = words.flatMap((word, i) => (words[i - 1] === '-v' ? [word.split(':')] : []));
  const inside = (text) =>
    places.reduce(
      (before, [from, to]) => before.replaceAll(to, from.startsWith('/') ? from : process.env.VOLUME),
      text,
    );
  command = [words[at + 1], ...words.slice(at + 3)].map(inside);
} else if (words[0] !== 'exec' || words[1] !== 'maestro') process.exit(125);
process.exit(spawnSync(command[0], command.slice(1), { stdio: 'inherit' }).status ?? 126);
`;
