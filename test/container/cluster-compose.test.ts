/** A small cluster, rendered for Compose and started with each of the programs that read it. */
import { appendFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { compose } from '../../src/cluster/render/compose.ts';
import { anySite, imageOf } from '../../src/cluster/site.ts';
import { cygnus } from '../support/clusters.ts';
import { composeCluster as cluster } from '../support/compose-cluster.ts';
import { namespace, podmanOptions } from '../support/containers.ts';
import { makeHostFiles, startHostsMunged } from '../support/host-files.ts';
import { testNeeding } from '../support/needs.ts';
import { podmanStore } from '../support/podman-store.ts';
import { type Result, run, until } from '../support/program.ts';
import { temporary, writeRendered } from '../support/rendered.ts';
import { composeV2, newPodmanCompose } from '../support/tools.ts';

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

    testNeeding(
      [need],
      'every file of the cygnus example is accepted, and one with an unknown key is not',
      async () => {
        const tool = toolOf();
        const directory = writeRendered(compose, await cygnus());
        const nodes = readdirSync(directory);
        expect(nodes).toHaveLength(7);
        for (const node of nodes) {
          expect(await call(tool, join(directory, node), 'config', '-q')).toEqual({
            code: 0,
            stdout: '',
            stderr: '',
          });
        }
        appendFileSync(join(directory, 'cygnus-01/compose.yaml'), '    read_onyl: true\n');
        const { code, stderr } = await call(tool, join(directory, 'cygnus-01'), 'config', '-q');
        expect(code).not.toBe(0);
        expect(stderr).toContain('read_onyl');
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
