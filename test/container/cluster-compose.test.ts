/** A small cluster, rendered for Compose and started with each of the programs that read it. */
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import type { Container } from '../../src/cluster/container.ts';
import { deploymentOf } from '../../src/cluster/open.ts';
import { compose } from '../../src/cluster/render/compose.ts';
import { anySite, imageOf, type Site } from '../../src/cluster/site.ts';
import { namespace, podmanOptions } from '../support/containers.ts';
import { freePort } from '../support/etcd.ts';
import { makeHostFiles, startHostsMunged } from '../support/host-files.ts';
import { testNeeding } from '../support/needs.ts';
import { podmanStore } from '../support/podman-store.ts';
import { type Result, run, until } from '../support/program.ts';
import { temporary, writeRendered } from '../support/rendered.ts';
import { composeV2, newPodmanCompose } from '../support/tools.ts';

/** A cluster of two hosts, which are addresses of this machine's loopback. */
interface Cluster {
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
async function cluster(site: Partial<Site>): Promise<Cluster> {
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
    uiPort: uiPort ?? 0,
    grafanaPort: grafanaPort ?? 0,
    ...site,
  };
  // Without a store there is no dsosd for the web back-end.
  const { mistakes, ...rendering } = await deploymentOf(text, own, new Map([['dsosd.conf', `${agg}\n`]]));
  expect(mistakes).toEqual([]);
  const prefix = `ldms-test-compose-${process.pid}-${++count}-`;
  const containers = rendering.containers.map((container): Container => {
    const { name, role, env, mounts, scratch } = container;
    return {
      ...container,
      name: `${prefix}${name}`,
      mounts: mounts.map((mount) =>
        mount.kind === 'volume' ? { ...mount, from: `${prefix}${mount.from}` } : mount,
      ),
      env: role === 'maestro' ? { ...env, ETCD_LISTEN_CLIENT_URLS: `http://127.0.0.1:${etcdPort}` } : env,
      scratch:
        role === 'grafana'
          ? [...new Set([...scratch, '/etc/grafana/provisioning/datasources:mode=1777'])]
          : scratch,
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

/** One of the programs, and the engine that it has. */
interface Tool {
  readonly file: string;
  readonly options: readonly string[];
  readonly engine: 'docker' | 'podman';
  readonly env: NodeJS.ProcessEnv;
}

const call = ({ file, options, env }: Tool, cwd: string, ...words: string[]): Promise<Result> =>
  run(file, [...options, ...words], { cwd, env });
const engine = ({ engine: by, env }: Tool, ...words: string[]): Promise<Result> => run(by, words, { env });

/** Does what has to succeed. */
async function done(result: Promise<Result>): Promise<string> {
  const { code, stdout, stderr } = await result;
  expect(code, `${stdout}${stderr}`).toBe(0);
  return stdout.trim();
}

/** Starts what a directory has; it is removed, with volumes, when the test has finished. */
async function up(tool: Tool, directory: string, ...words: string[]): Promise<Result> {
  onTestFinished(async () => void (await call(tool, directory, 'down', '-v')));
  return call(tool, directory, 'up', ...words);
}

async function isHealthy(tool: Tool, name: string): Promise<void> {
  let said = '';
  const healthy = until(
    `${name} is healthy`,
    async () => {
      const { code, stdout, stderr } = await engine(tool, 'exec', name, 'ldms-entrypoint', 'health');
      said = `${stdout}${stderr}`;
      return code === 0;
    },
    90_000,
  );
  await healthy.catch(async (error) => {
    const logs = await engine(tool, 'logs', name);
    throw new Error(`${error.message}; health: ${said}; it said: ${logs.stdout}${logs.stderr}`);
  });
}

const withDocker = (file: string): Tool => ({ file, options: [], engine: 'docker', env: process.env });
const dockers: [string, string, () => Tool][] = [
  ['docker-compose', 'docker-compose', () => withDocker('docker-compose')],
  ['Compose v2', 'Compose v2', () => withDocker(composeV2 ?? '')],
];

/** Some of what `docker inspect` tells. */
interface Inspected {
  readonly HostConfig: Readonly<Record<string, unknown>>;
  readonly Config: { readonly Cmd: readonly string[]; readonly Env: readonly string[] };
  readonly Mounts: readonly unknown[];
}
const inspect = async (tool: Tool, name: string | undefined): Promise<Inspected> =>
  JSON.parse(await done(engine(tool, 'inspect', name ?? '')))[0];

const options = [
  'a b',
  '$HOME ${X}',
  '$$',
  '100%',
  '#',
  "it's",
  'q"q',
  '\\ \t',
  'no',
  '1e3',
  'a: b',
  '{{.Name}}',
];

for (const [what, need, toolOf] of dockers) {
  describe(what, () => {
    testNeeding(
      ['docker engine', 'munged', 'root', need],
      'a cluster of two hosts comes up with the least privileges, is healthy, and goes down',
      async () => {
        const tool = toolOf();
        const mungeSocket = await startHostsMunged(makeHostFiles(''));
        const { samp, agg, names, volumes } = await cluster({ mungeSocket });
        for (const directory of [agg, samp]) await done(up(tool, directory, '-d'));
        await Promise.all(Object.values(names).map((name) => isHealthy(tool, name)));
        expect(Object.keys(names)).toEqual(['samp', 'agg', 'maestro', 'ui', 'grafana']);
        const { HostConfig, Config } = await inspect(tool, names['samp']);
        expect(HostConfig).toMatchObject({
          CapAdd: null,
          CapDrop: ['ALL'],
          NetworkMode: 'host',
          PidMode: 'host',
          Privileged: false,
          ReadonlyRootfs: true,
          RestartPolicy: { Name: 'unless-stopped' },
          // docker itself adds label=disable for the host's processes.
          SecurityOpt: expect.arrayContaining(['no-new-privileges']),
        });
        expect(Config.Env).toContain('COMPONENT_ID=1');

        for (const directory of [samp, agg]) await done(call(tool, directory, 'down'));
        const left = await done(engine(tool, 'ps', '-a', '--format', '{{.Names}}'));
        expect(left.split('\n').filter((name) => Object.values(names).includes(name))).toEqual([]);
        // etcd's data and grafana's are kept, under the names that docker run would use.
        await done(engine(tool, 'volume', 'inspect', ...volumes));
        expect(volumes).toHaveLength(2);
      },
    );

    testNeeding(['docker engine', need], 'arguments get into the container as they stand', async () => {
      const tool = toolOf();
      const { samp, names } = await cluster({ sampOptions: options, mungeKey: '/etc/hostname' });
      await done(up(tool, samp, '--no-start'));
      const { Config, Mounts } = await inspect(tool, names['samp']);
      expect(Config.Cmd.slice(4)).toEqual(options);
      expect(Mounts).toEqual([expect.objectContaining({ Source: '/etc/hostname', RW: false })]);
    });

    testNeeding(
      ['docker engine', need],
      "a host without munge is told so, and gets no empty directory in munge's place",
      async () => {
        const tool = toolOf();
        const mungeSocket = join(temporary(), 'munge');
        const { samp } = await cluster({ mungeSocket });
        const { code, stdout, stderr } = await up(tool, samp, '-d');
        expect(`${stdout}${stderr}`).toContain(`bind source path does not exist: ${mungeSocket}`);
        expect(code).not.toBe(0);
        expect(existsSync(mungeSocket)).toBe(false);
      },
    );
  });
}

describe('podman-compose', () => {
  testNeeding(
    ['docker engine', 'podman', 'munged', 'root', 'podman-compose 1.3'],
    'a sampler comes up, is healthy, has its arguments as they stand, and goes down',
    async () => {
      const tool: Tool = {
        file: newPodmanCompose ?? '',
        options: [`--podman-run-args=${podmanOptions.join(' ')}`],
        engine: 'podman',
        env: await podmanStore([imageOf('samp', { ...anySite, namespace })]),
      };
      const mungeSocket = await startHostsMunged(makeHostFiles(''));
      const { samp, names } = await cluster({ mungeSocket });
      await done(up(tool, samp, '-d'));
      await isHealthy(tool, names['samp'] ?? '');
      expect((await inspect(tool, names['samp'])).HostConfig).toMatchObject({
        NetworkMode: 'host',
        PidMode: 'host',
        Privileged: false,
        ReadonlyRootfs: true,
      });
      await done(call(tool, samp, 'down'));
      expect(await done(engine(tool, 'ps', '-aq'))).toBe('');

      const nasty = await cluster({ sampOptions: options, mungeKey: '/etc/hostname' });
      await done(up(tool, nasty.samp, '--no-start'));
      const { Config } = await inspect(tool, nasty.names['samp']);
      expect(Config.Cmd.slice(4)).toEqual(options);
    },
  );
});
