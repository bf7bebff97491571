/** The builder with real engines: docker's classic builder, BuildKit, podman and buildah; interrupts; the base. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import { madeBase } from '../../images/build/names.ts';
import {
  engine,
  grafanaStandin,
  imageOf,
  namespace,
  podmanOptions,
  runToEnd,
} from '../support/containers.ts';
import { processesNaming } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { type Result, repository, run, start, until } from '../support/program.ts';

const ovis = join(repository, 'test/standins/ovis');
const main = join(repository, 'images/build/main.ts');
const arch = hostArch() ?? 'amd64';

const images = (words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Result> =>
  run(process.execPath, [main, ...words], { env: { ...process.env, ...env }, cwd: repository });

/** The base that the tests' own images are from. */
async function base(): Promise<string> {
  const official = 'debian:bookworm-slim';
  return (await engine(['image', 'inspect', official])).code === 0 ? official : madeBase('bookworm', arch);
}

async function leaveNothing(of: string, by = 'docker'): Promise<void> {
  onTestFinished(async () => {
    const { stdout } = await engine(['images', '--format', '{{.Repository}}:{{.Tag}}'], undefined, by);
    const names = stdout.split('\n').filter((name) => name.startsWith(`${of}/`));
    if (names.length > 0) await engine(['rmi', '-f', ...names], undefined, by);
  });
}

testNeeding(['docker engine'], 'what has been built is not built again, and `list` shows it', async () => {
  const words = ['--engine=docker', `--namespace=${namespace}`];
  const building = [
    'build',
    `--ovis=${ovis}`,
    `--base-image=${await base()}`,
    `--grafana-image=${grafanaStandin}`,
  ];
  const ids = async () =>
    (await engine(['image', 'inspect', '--format', '{{.Id}}', imageOf('samp'), imageOf('grafana')])).stdout;
  const before = await ids();
  const again = await images([...building, ...words]);
  expect(again).toMatchObject({ code: 0, stderr: '' });
  expect(await ids()).toBe(before);
  const listed = await images(['list', ...words]);
  for (const name of ['dev', 'samp', 'agg', 'maestro', 'ui', 'grafana']) {
    expect(listed.stdout).toMatch(new RegExp(`ldms-${name}:latest +\\d+ MB +\\d+ MB`));
  }
  expect(listed.stdout).toMatch(/ldms-samp\S+ +\d+ MB +\d+ MB +\d+ MB in \d+ layers/);
  expect(listed.stdout).toMatch(/together \d+ MB on disk, shared layers once/);
});

describe('builders', () => {
  const smoke = async (image: string, by: string, options: readonly string[] = []): Promise<void> => {
    const { code, stdout, stderr } = await engine(
      ['run', '--rm', '--network=host', ...options, image, 'ldmsd', '-V'],
      undefined,
      by,
    );
    expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: 'LDMSD Version: 4.4.4\n' });
  };

  testNeeding(['docker engine', 'BuildKit'], 'BuildKit builds the same Dockerfiles', async () => {
    const of = 'localhost/ldms-test-buildkit';
    await leaveNothing(of);
    const words = [
      'build',
      'samp',
      '--engine=docker',
      `--ovis=${ovis}`,
      `--namespace=${of}`,
      `--base-image=${await base()}`,
    ];
    // Debian's client has BuildKit; one that is found before it may lack the plugin for it.
    const env = { DOCKER_BUILDKIT: '1', PATH: `/usr/bin:${process.env['PATH']}` };
    const { code, stdout, stderr } = await images(words, env);
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    await smoke(`${of}/ldms-samp:latest`, 'docker');
  });

  testNeeding(
    ['docker engine', 'podman', 'buildah', 'root'],
    'buildah builds them, and podman runs what it has built',
    async () => {
      const of = 'localhost/ldms-test-podman';
      await leaveNothing(of, 'podman');
      const from = await base();
      const saved = start('sh', ['-c', `docker save ${from} | podman load -q`]);
      expect((await saved.ended).code).toBe(0);
      // Where containers cannot be nested, the steps run in a chroot.
      const env = { BUILDAH_ISOLATION: 'chroot' };
      const words = [`--ovis=${ovis}`, `--namespace=${of}`, `--base-image=${from}`, '--network=host'];
      for (const by of ['buildah', 'podman']) {
        const { code, stdout, stderr } = await images(['build', 'samp', `--engine=${by}`, ...words], env);
        expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
        expect((await images(['list', `--engine=${by}`, `--namespace=${of}`])).stdout).toMatch(
          /ldms-samp:latest/,
        );
      }
      const inspected = await engine(['image', 'inspect', `${of}/ldms-samp:latest`], undefined, 'podman');
      expect(
        JSON.parse(inspected.stdout)[0].HealthCheck?.Test ??
          JSON.parse(inspected.stdout)[0].Healthcheck?.Test,
      ).toContain('health');
      await smoke(`${of}/ldms-samp:latest`, 'podman', podmanOptions);
    },
  );
});

describe('a tree that was built elsewhere', () => {
  /** A copy of the stand-in tree, with what the dev image's compiler makes of some shell. */
  async function treeWith(script: string): Promise<string> {
    const place = mkdtempSync(join(tmpdir(), 'ldms-tree-'));
    onTestFinished(() => rmSync(place, { recursive: true, force: true }));
    cpSync(ovis, join(place, 'ovis'), { recursive: true, verbatimSymlinks: true });
    const mount = ['-v', `${place}/ovis:/ovis`, '-w', '/ovis'];
    expect(await runToEnd(mount, imageOf('dev'), ['-ec', script])).toMatchObject({ code: 0 });
    return join(place, 'ovis');
  }
  const build = async (tree: string): Promise<Result> => {
    const of = 'localhost/ldms-test-tree';
    await leaveNothing(of);
    return images([
      'build',
      'agg',
      '--engine=docker',
      `--ovis=${tree}`,
      `--namespace=${of}`,
      `--base-image=${await base()}`,
    ]);
  };

  testNeeding(
    ['docker engine'],
    'a library that a plugin needs and the image has not is told, and the image is built',
    async () => {
      const tree = await treeWith(`
      echo 'int serdes(void) { return 0; }' | gcc -shared -fPIC -x c - -o /tmp/libserdes.so.1 -Wl,-soname,libserdes.so.1
      echo 'int serdes(void); int store(void) { return serdes(); }' |
        gcc -shared -fPIC -x c - -o lib/ovis-ldms/libstore_avro_kafka.so -x none /tmp/libserdes.so.1`);
      const { code, stderr } = await build(tree);
      expect(stderr).toBe(
        'warning: ldms-agg: lib/ovis-ldms/libstore_avro_kafka.so needs libserdes.so.1, which is not in the image\n',
      );
      expect(code).toBe(0);
    },
  );

  testNeeding(['docker engine'], 'a module for another Python fails the build, and is named', async () => {
    const tree = await treeWith(
      'touch lib/python3.11/site-packages/sosdb/Sos.cpython-310-x86_64-linux-gnu.so',
    );
    const { code, stderr } = await build(tree);
    expect(stderr).toMatch(
      /error: .*Sos\.cpython-310-x86_64-linux-gnu\.so is for another Python than the image's \(cpython-311/,
    );
    expect(code).toBe(1);
  });

  testNeeding(
    ['docker engine'],
    'a tree for another Python that has no such modules is taken, with a warning',
    async () => {
      const tree = await treeWith('mv lib/python3.11 lib/python3.9');
      const { code, stderr } = await build(tree);
      expect(stderr).toBe(
        'warning: ldms-agg: the OVIS tree has modules for python3.9, and the image has python3.11\n',
      );
      expect(code).toBe(0);
      const imported = await runToEnd(['--entrypoint=python3'], 'localhost/ldms-test-tree/ldms-agg:latest', [
        '-c',
        'import sosdb',
      ]);
      expect(imported).toMatchObject({ code: 0, stderr: '' });
    },
  );

  testNeeding(['docker engine'], 'an ldmsd that does not run fails the build, with its words', async () => {
    const tree = await treeWith("printf '#!/bin/sh\\necho no such transport; exit 3\\n' >sbin/ldmsd");
    const { code, stderr } = await build(tree);
    expect(stderr).toMatch(/error: \/opt\/ovis\/sbin\/ldmsd -V failed: no such transport/);
    expect(code).toBe(1);
  });
});

testNeeding(
  ['docker engine'],
  'Ctrl-C during a build ends it: nothing runs on, and no container is left',
  async () => {
    const of = 'localhost/ldms-test-interrupted';
    await leaveNothing(of);
    const words = [
      'build',
      'ui',
      '--engine=docker',
      `--ovis=${ovis}`,
      `--namespace=${of}`,
      `--base-image=${await base()}`,
      '--no-cache',
    ];
    // Its first RUN makes munge's group and installs packages, which takes a while; other tests have containers too.
    const containers = async () => {
      const { stdout } = await engine(['ps', '-a', '--no-trunc', '--format', '{{.ID}} {{.Command}}']);
      return stdout
        .split('\n')
        .flatMap((line) => (line.includes('groupadd --system') ? line.split(' ', 1) : []));
    };
    const before = new Set(await containers());
    const building = start(process.execPath, [main, ...words], { cwd: repository });
    await until('the build begins', () => building.stdout().includes('what the Debian images have'), 60_000);
    const under = await until(
      'a step of the build runs',
      async () => (await containers()).find((id) => !before.has(id)),
      60_000,
    );
    building.kill('SIGINT');
    const { code, stderr } = await building.ended;
    expect({ code, stderr }).toMatchObject({ code: 130, stderr: expect.stringContaining('interrupted') });
    await until('its container is gone', async () => !(await containers()).includes(under));
    expect(processesNaming(of)).toEqual([]);
    const left = readdirSync(join(repository, 'dist/images', arch)).filter((name) =>
      name.startsWith('build.'),
    );
    expect(left, 'its contexts').toEqual([]);
  },
);

testNeeding(
  ['docker engine', 'mmdebstrap', 'root'],
  '`base` makes a Debian that packages can be installed in, without documentation',
  async () => {
    const image = madeBase('bookworm', arch);
    const before = (await engine(['image', 'inspect', '--format', '{{.Id}}', image])).stdout.trim();
    const { code, stdout, stderr } = await images(['base', '--engine=docker']);
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    // The other tests' images are from the earlier one: it keeps its name, so that the next run builds nothing anew.
    if (before) onTestFinished(async () => void (await engine(['tag', before, image])));
    const script =
      'cat /etc/debian_version; ls /usr/share/man /usr/share/doc/apt 2>&1; cat /etc/hostname /etc/resolv.conf | wc -l';
    const ran = await runToEnd(['--network=none'], image, ['sh', '-c', script]);
    expect(ran.stdout).toMatch(/^12\.\d+\n/);
    expect(ran.stdout).toContain('copyright');
    expect(ran.stdout).not.toMatch(/man1|changelog/);
    const wrong = await images(['base', '--engine=docker', '--suite=nosuchsuite']);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/error: base: mmdebstrap .*failed/);
  },
);
