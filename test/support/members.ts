/** Three real etcds as members of one cluster, each on an address of loopback of its own, as the program starts them. */
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { onTestFinished } from 'vitest';
import { join } from '../../src/etcd/join.ts';
import type { Election, Peers } from '../../src/plan.ts';
import type { Problem } from '../../src/problem.ts';
import type { Joined } from '../../src/process/means.ts';
import { freePort, isHealthy } from './etcd.ts';
import { type Started, start, until } from './program.ts';

/** A member, with what it has told. */
export interface TestMember {
  readonly name: string;
  readonly peers: Peers;
  readonly directory: string;
  /** Where its etcd serves clients. */
  readonly url: string;
  readonly election: Election;
  readonly told: string[];
  /** Joins, maybe with other peers; etcd is not started. */
  join(more?: { readonly peers?: Peers }): {
    readonly joined: Promise<Joined | Problem>;
    readonly stop: AbortController;
  };
  /** Joins, maybe with other peers, and starts etcd then. */
  begin(more?: { readonly peers?: Peers }): Promise<Started>;
  /** The arguments that its last join has given to etcd. */
  args(): readonly string[];
  /** Kills its etcd, and waits for its end. */
  kill(): Promise<void>;
  /** Takes its data away. */
  empty(): void;
  isHealthy(): Promise<boolean>;
}

/** How to make them. */
export interface MembersOptions {
  readonly count?: number;
  /** With mutual TLS. */
  readonly tls?: boolean;
}

/** Members, none of which has begun; whatever of them runs is killed and removed when the test has finished. */
export async function makeMembers({ count = 3, tls = false }: MembersOptions = {}): Promise<TestMember[]> {
  const root = mkdtempSync(joinPath(tmpdir(), 'members-'));
  const alive: Started[] = [];
  const stops: AbortController[] = [];
  onTestFinished(async () => {
    for (const stop of stops) stop.abort();
    for (const etcd of alive) etcd.kill('SIGKILL');
    await Promise.all(alive.map(({ ended }) => ended));
    rmSync(root, { recursive: true, force: true });
  });
  const addresses = Array.from({ length: count }, (_, at) => `127.0.0.${at + 1}`);
  const port = await peerPort(addresses);
  const certificates = tls ? makeCertificates(root, addresses) : undefined;
  const all = addresses.map((address, at) => ({
    name: `host${'ABCDE'[at]}`,
    url: `${tls ? 'https' : 'http'}://${address}:${port}`,
  }));
  return Promise.all(
    all.map(async (self, at): Promise<TestMember> => {
      const peers: Peers = {
        self,
        all,
        listen: { address: addresses[at] ?? '', port },
        ...(certificates && { tls: certificates }),
      };
      const directory = joinPath(root, self.name);
      const url = `http://127.0.0.1:${await freePort()}`;
      const told: string[] = [];
      let args: readonly string[] = [];
      let etcd: Started | undefined;
      const log = async (level: string, text: string) => void told.push(`${level}: ${text}`);
      const joinNow = (more: { readonly peers?: Peers } = {}) => {
        const stop = new AbortController();
        stops.push(stop);
        return { joined: join({ peers, directory, ...more }, { stop: stop.signal, log }), stop };
      };
      return {
        name: self.name,
        peers,
        directory,
        url,
        told,
        election: {
          url,
          prefix: 'ldms-entrypoint/',
          peers,
          leaseMs: 500,
          config: '/none',
          digest: '',
        },
        join: joinNow,
        args: () => args,
        begin: async (more = {}) => {
          const { joined, stop } = joinNow(more);
          const answer = await joined;
          if ('kind' in answer) throw new Error(answer.what);
          if (stop.signal.aborted) throw new Error(`${self.name} was stopped while it joined`);
          args = answer.args;
          mkdirSync(directory, { recursive: true, mode: 0o700 });
          etcd = start('etcd', [...optionsOf({ ...peers, ...more.peers }, directory, url), ...args], {
            env: environment(),
          });
          alive.push(etcd);
          return etcd;
        },
        kill: async () => {
          etcd?.kill('SIGKILL');
          await etcd?.ended;
        },
        empty: () => rmSync(directory, { recursive: true, force: true }),
        isHealthy: () => isHealthy(url),
      };
    }),
  );
}

/** Waits until an etcd is healthy; what it has said is the failure's reason when it ends before. */
export async function healthy(member: TestMember, etcd: Promise<Started>): Promise<void> {
  const started = await etcd;
  await until(`${member.name} is healthy`, async () => {
    if (started.child.exitCode !== null) throw new Error(`${member.name} has ended: ${started.stderr()}`);
    return member.isHealthy();
  });
}

// What is set both by a variable and by an option, etcd refuses.
const environment = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ETCD_')));

function optionsOf({ self, all, tls }: Peers, directory: string, url: string): string[] {
  return [
    `--name=${self.name}`,
    `--data-dir=${directory}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${self.url}`,
    `--initial-advertise-peer-urls=${self.url}`,
    `--initial-cluster=${all.map((peer) => `${peer.name}=${peer.url}`).join(',')}`,
    '--initial-cluster-token=test',
    '--heartbeat-interval=30',
    '--election-timeout=300',
    '--logger=zap',
    '--log-level=warn',
    ...(tls
      ? [
          `--peer-cert-file=${tls.cert}`,
          `--peer-key-file=${tls.key}`,
          `--peer-trusted-ca-file=${tls.ca}`,
          '--peer-client-cert-auth',
        ]
      : []),
  ];
}

/** A port that is free on each of the addresses. */
async function peerPort(addresses: readonly string[]): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_768);
    const free = await Promise.all(addresses.map((address) => canListen(address, port)));
    if (free.every(Boolean)) return port;
  }
}

function canListen(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().on('error', () => resolve(false));
    server.listen(port, address, () => server.close(() => resolve(true)));
  });
}

/**
 * A CA, and a certificate of it. Connections to 127.0.0.1 come from there, whoever makes them, and etcd
 * compares that with the certificate: it has all the addresses.
 */
export function makeCertificates(
  directory: string,
  addresses: readonly string[],
  name = 'peer',
): { cert: string; key: string; ca: string } {
  const at = (file: string) => joinPath(directory, file);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  if (!existsSync(at('ca.pem'))) {
    const subject = ['-subj', '/CN=test CA', '-days', '2'];
    openssl('req', '-x509', ...newKey, '-keyout', at('ca.key'), '-out', at('ca.pem'), ...subject);
  }
  const files = { cert: at(`${name}.pem`), key: at(`${name}.key`), ca: at('ca.pem') };
  const request = at(`${name}.csr`);
  openssl('req', ...newKey, '-keyout', files.key, '-out', request, '-subj', `/CN=${name}`);
  writeFileSync(
    at(`${name}.ext`),
    `subjectAltName=${addresses.map((address) => `IP:${address}`).join(',')}\n`,
  );
  const signing = ['-CA', files.ca, '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2'];
  openssl('x509', '-req', '-in', request, ...signing, '-extfile', at(`${name}.ext`), '-out', files.cert);
  return files;
}
