/**
 * Three maestro containers as one, each on a host of its own: a container without a network that does nothing
 * but have one, whose cable is a pair of veth. What is typed is the same on each of them.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { describe, expect, onTestFinished } from 'vitest';
import { atOnce, livesOf, readBeats } from '../support/beats.ts';
import { type Container, hasEnded, imageOf, startContainer } from '../support/containers.ts';
import { type HostFiles, makeHostFiles } from '../support/host-files.ts';
import { clusterOf } from '../support/maestro.ts';
import { leaseMs } from '../support/maestro-cluster.ts';
import { testNeeding } from '../support/needs.ts';
import { addressOf, makeBridge, type NetworkHost, namespaceOf } from '../support/netns.ts';
import { until } from '../support/program.ts';

const needs = ['docker engine', 'root', 'net namespaces'];
const names = ['hostA', 'hostB', 'hostC'] as const;
const deadlineMs = 60_000;

/** A host with its maestro container. */
interface Host {
  readonly name: string;
  readonly network: NetworkHost;
  readonly files: HostFiles;
  readonly container: () => Container;
  /** Types the line: another container, beside what the one before has left on the host. */
  run(): Promise<void>;
  health(): Promise<{ code: number; stdout: string }>;
  log(): Promise<string>;
}

interface Hosts {
  readonly hosts: readonly [Host, Host, Host];
  readonly beats: string;
  leader(among?: readonly Host[]): Promise<Host>;
  areHealthy(among?: readonly Host[]): Promise<void>;
  others(...hosts: readonly Host[]): Host[];
}

/** Makes the hosts, and starts their containers at once. */
async function startHosts(): Promise<Hosts> {
  const bridge = await makeBridge();
  const shared = makeHostFiles('');
  mkdirSync(shared.path('beats'));
  const beats = shared.path('beats/beats');
  const known = names.map((name, index) => `--add-host=${name}:${addressOf(index)}`);
  const hosts: Host[] = [];
  for (const [index, name] of names.entries()) {
    const here = ['--network=none', `--hostname=${name}`, ...known, '--entrypoint=sleep'];
    const machine = await startContainer(here, imageOf('maestro'), ['infinity']);
    const network = await bridge.join(namespaceOf((await machine.state()).pid), addressOf(index));
    hosts.push(hostOf(name, network, machine.name, shared.path('beats')));
  }
  await Promise.all(hosts.map((host) => host.run()));
  const leader: Hosts['leader'] = (among = hosts) =>
    explained(
      hosts,
      until(
        'exactly one has a maestro that is ready',
        async () => {
          const last = livesOf(readBeats(beats)).at(-1);
          if (last?.readyAt === undefined) return undefined;
          const running = await Promise.all(hosts.map(hasMaestro));
          const found = hosts.filter((_, index) => running[index]);
          const [one, another] = found;
          return one && !another && one.name === last.name && among.includes(one) ? one : undefined;
        },
        deadlineMs,
      ),
    );
  const areHealthy: Hosts['areHealthy'] = async (among = hosts) => {
    for (const host of among) {
      const healthy = async () => (await host.health()).code === 0;
      await explained(hosts, until(`${host.name} is healthy`, healthy, deadlineMs));
    }
  };
  await leader();
  await areHealthy();
  return {
    hosts: hosts as unknown as [Host, Host, Host],
    beats,
    leader,
    areHealthy,
    others: (...some) => hosts.filter((host) => !some.includes(host)),
  };
}

function hostOf(name: string, network: NetworkHost, machine: string, beats: string): Host {
  const files = makeHostFiles(clusterOf(2));
  mkdirSync(files.path('etcd'));
  let container: Container | undefined;
  const current = () => {
    if (!container) throw new Error(`nothing was started on ${name}`);
    return container;
  };
  return {
    name,
    network,
    files,
    container: current,
    run: async () => {
      container = await startContainer(
        [
          `--network=container:${machine}`,
          '-v',
          `${files.path('ldms_cfg.yaml')}:/etc/ldms_cfg.yaml`,
          '-v',
          `${files.path('etcd')}:/var/lib/etcd`,
          '-v',
          `${beats}:/beats`,
          '-e',
          'STANDIN_BEATS=/beats/beats',
          '-e',
          `LDMS_ENTRYPOINT_MAESTRO_MEMBERS=${names.join()}`,
        ],
        imageOf('maestro'),
      );
    },
    health: () => current().exec(['ldms-entrypoint', 'health']),
    log: async () => (await current().logs()).stderr,
  };
}

async function hasMaestro(host: Host): Promise<boolean> {
  // It may have been removed.
  const state = await host
    .container()
    .state()
    .catch(() => undefined);
  return (
    state?.running === true &&
    (await host.container().commandLines()).some((line) => /\/maestro --prefix/.test(line))
  );
}

async function explained<T>(hosts: readonly Host[], wait: Promise<T>): Promise<T> {
  return wait.catch(async (error: unknown) => {
    const logs = await Promise.all(hosts.map(async (host) => `${host.name}:\n${await host.log()}`));
    throw new Error(`${error instanceof Error ? error.message : error}\n${logs.join('\n')}`);
  });
}

/** Waits until each of them says that another leads, and after whom. */
async function follows(all: Hosts, before: Host, why: string): Promise<Host> {
  const rest = all.others(before);
  const next = await all.leader(rest);
  for (const host of rest) {
    await until(`${host.name} says who leads`, async () =>
      (await host.log()).includes(`${next.name} leads now, after ${before.name}: ${why}`),
    );
  }
  return next;
}

describe('three hosts, on which the same line was typed', () => {
  testNeeding(needs, 'survive the loss of any one: stopped, killed, removed with its data', async () => {
    const all = await startHosts();
    const { beats, leader, areHealthy } = all;
    const first = await leader();
    expect((await first.health()).stdout).toMatch(/\bleads\b/);
    for (const other of all.others(first)) expect((await other.health()).stdout).toMatch(/\bfollows\b/);

    await first.container().stop();
    const second = await follows(all, first, 'SIGTERM');
    const [before, after] = livesOf(readBeats(beats)).slice(-2);
    expect((after?.from ?? 0) - (before?.to ?? 0), 'nothing was waited for').toBeLessThan(leaseMs / 2);
    await first.container().docker('start', first.container().name);
    await areHealthy();

    await second.container().docker('kill', second.container().name);
    expect((await hasEnded(second.container())).exitCode).toBe(137);
    const third = await follows(all, second, 'its lease had run out');
    await second.container().docker('start', second.container().name);
    await areHealthy();

    // A host that was set up anew.
    await third.container().docker('rm', '-f', third.container().name);
    rmSync(third.files.path('etcd'), { recursive: true });
    mkdirSync(third.files.path('etcd'));
    await leader(all.others(third));
    await third.run();
    await areHealthy();
    expect(atOnce(readBeats(beats))).toEqual([]);
    const { stdout } = await third
      .container()
      .exec(['etcdctl', 'get', '--prefix', '/maestro/', '--keys-only']);
    expect(stdout).toMatch(/last_updated/);
  });

  testNeeding(
    needs,
    'the cable of the one that leads is pulled, and put back: never two at once',
    async () => {
      const all = await startHosts();
      const first = await all.leader();
      await first.network.cut();
      const second = await all.leader(all.others(first));
      expect(atOnce(readBeats(all.beats))).toEqual([]);
      expect(await first.log()).toMatch(/leads no longer: .*; maestro is stopped/);
      expect((await first.health()).stdout).toMatch(/no quorum/);
      await first.network.mend();
      await all.areHealthy();
      expect((await all.leader()).name).toBe(second.name);
      expect(atOnce(readBeats(all.beats))).toEqual([]);
    },
  );

  testNeeding(
    needs,
    'the one that leads is paused as a whole: what it does when it goes on is end',
    async () => {
      const all = await startHosts();
      const first = await all.leader();
      const { name, docker } = first.container();
      onTestFinished(async () => void (await docker('unpause', name)));
      await docker('pause', name);
      const rest = all.others(first);
      const alive = () => livesOf(readBeats(all.beats)).at(-1);
      const next = await until(
        'another one has a maestro',
        () => {
          const last = alive();
          return rest.some((host) => host.name === last?.name) && last?.readyAt !== undefined && last;
        },
        deadlineMs,
      );
      await docker('unpause', name);
      await all.leader();
      await all.areHealthy();
      // Frozen, it could not end: it does so before it does anything else.
      const late = readBeats(all.beats).filter((beat) => beat.name === first.name && beat.at > next.from);
      const old = late.filter(({ pid }) => pid === late[0]?.pid);
      expect((old.at(-1)?.at ?? 0) - (old[0]?.at ?? 0), 'in milliseconds').toBeLessThan(leaseMs / 4);
    },
  );
});
