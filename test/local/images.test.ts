/**
 * `npm run images -- …` as a user meets it, with stand-ins for docker, podman, buildah and mmdebstrap in
 * front of it. Real engines build in test/container.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import { imageNames } from '../../images/build/images.ts';
import { type Builder, commit, info, makeBuilder, waitFor } from '../support/images.ts';
import { processesNaming } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { repository, run, until } from '../support/program.ts';

const otherArch = hostArch() === 'arm64' ? 'amd64' : 'arm64';

/** A builder with an engine that answers. */
function withDocker(...answers: Parameters<Builder['engine']>[1][]): Builder {
  const builder = makeBuilder();
  builder.engine('docker', ...answers);
  return builder;
}

/** The images that were built to the end, in that order. */
const ended = (builder: Builder): string[] =>
  builder.kept().flatMap((line) => /^ended\t(.*)$/.exec(line)?.[1] ?? []);

/** What was asked of a program, as its words. */
const askedOf = (builder: Builder, program: string): string[] =>
  builder
    .kept()
    .filter((line) => line.startsWith(`asked\t${program}\t`))
    .map((line) => line.split('\t').slice(2).join(' '));

describe('the command line', () => {
  test.each([{ words: [] }, { words: ['--help'] }])('help: $words', async ({ words }) => {
    const { code, stdout, stderr } = await withDocker().run(words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^usage: npm run images -- COMMAND \[IMAGE\.\.\.\] \[OPTION\.\.\.\]\n/);
  });

  test('mistakes end with 64, all of them told, before anything is done', async () => {
    const builder = withDocker();
    expect(await builder.run(['build', 'smap', '--tga=1'])).toEqual({
      code: 64,
      stdout: '',
      stderr: [
        'error: there is no option --tga; did you mean --tag?',
        'error: there is no image smap; there are dev, samp, agg, maestro, ui, grafana',
        'npm run images -- --help tells more\n',
      ].join('\n'),
    });
    expect(builder.kept()).toEqual(['']);
  });

  test('wrong inputs end with 65, all of them told, before an engine is asked', async () => {
    const builder = withDocker();
    for (const file of ['sbin/ldmsd', 'bin/maestro']) rmSync(join(builder.ovis, file));
    rmSync(join(builder.dsosds, 'plugin.json'));
    for (const command of ['build', 'contexts']) {
      expect(await builder.run([command])).toEqual({
        code: 65,
        stdout: '',
        stderr: [
          `error: the OVIS tree ${builder.ovis} lacks ldmsd (sbin/ldmsd), which ldms-samp and ldms-agg need`,
          `error: the OVIS tree ${builder.ovis} lacks maestro (bin/maestro), which ldms-maestro needs`,
          `error: the plugin folder ${builder.dsosds} has no plugin.json; build dsosds into it, or give another: --dsosds DIR`,
          '',
        ].join('\n'),
      });
    }
    expect(builder.kept()).toEqual(['']);
    expect(existsSync(builder.place)).toBe(false);
  });

  test('only what the named images need is looked at', async () => {
    const builder = withDocker();
    rmSync(join(builder.ovis, 'bin/maestro'));
    rmSync(builder.dsosds, { recursive: true });
    const { code, stderr } = await builder.run(['build', 'samp', 'ovishpc/ldms-ui']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(ended(builder).sort()).toEqual(['common', 'samp', 'ui']);
  });

  test('a time that is none ends with 64', async () => {
    const builder = withDocker();
    const env = { ...builder.env, SOURCE_DATE_EPOCH: 'yesterday' };
    const { code, stderr } = await builder.run(['build'], { env });
    expect(code).toBe(64);
    expect(stderr).toContain('error: SOURCE_DATE_EPOCH=yesterday: seconds since 1970, in digits\n');
  });

  test('relative paths are relative to where npm was called', async () => {
    const builder = withDocker();
    const told = async (words: string[], env: NodeJS.ProcessEnv, cwd: string) => {
      const { stderr } = await builder.run(['build', 'samp', ...words], { env, cwd });
      return /the OVIS tree (\S+):/.exec(stderr)?.[1];
    };
    const { INIT_CWD: _, ...env } = builder.env;
    expect(await told(['--ovis', 'my/ovis'], { ...env, INIT_CWD: '/elsewhere' }, '/')).toBe(
      '/elsewhere/my/ovis',
    );
    expect(await told(['--ovis', '../ovis'], { ...env, INIT_CWD: '/else/where' }, '/')).toBe('/else/ovis');
    expect(await told(['--ovis', 'my/ovis'], env, builder.directory)).toBe(builder.path('my/ovis'));
    expect(await told([], { ...env, INIT_CWD: '/elsewhere' }, '/')).toBe('/elsewhere/ovis');
  });

  testNeeding(['npm'], '`npm run images` in a directory below is the same', async () => {
    const builder = withDocker();
    const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
    builder.write(
      'package.json',
      JSON.stringify({ version: '9.8.7', type: 'module', scripts: { images: manifest.scripts.images } }),
    );
    mkdirSync(builder.path('below'));
    const { code, stderr } = await run(
      'npm',
      ['run', '--silent', 'images', '--', 'build', 'samp', '--ovis', '../my/ovis'],
      { cwd: builder.path('below'), env: { ...builder.env, PATH: process.env['PATH'] } },
    );
    expect(stderr).toBe(
      `error: cannot read the OVIS tree ${builder.path('my/ovis')}: it does not exist; give another: --ovis DIR\n`,
    );
    expect(code).toBe(65);
  });
});

describe('the engine', () => {
  const noDaemon = 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock';
  // An older client tells it in its answer, a newer one in an error.
  const older = `echo '${JSON.stringify({ ServerErrors: [noDaemon] })}'`;
  const newer = `echo '{"ServerErrors": ["${noDaemon}"]}'; echo "${noDaemon}
errors pretty printing info" >&2; exit 1`;

  test('none at all', async () => {
    const builder = makeBuilder();
    for (const words of [['build'], ['list'], ['base']]) {
      expect(await builder.run(words)).toEqual({
        code: 69,
        stdout: '',
        stderr: 'error: no container engine can be used; install docker, podman or buildah\n',
      });
    }
  });

  test.each([
    ['an older docker', older],
    ['a newer docker', newer],
  ])('%s that does not answer is told, and podman taken', async (_, answer) => {
    const builder = withDocker({ info: answer });
    builder.engine('podman');
    const { code, stdout, stderr } = await builder.run(['build', 'samp']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      `cannot use docker: ${noDaemon}; start it: systemctl start docker\npodman 4.3.1, ${hostArch()}, from `,
    );
    expect(builder.asked('samp')?.slice(0, 5)).toEqual([
      ...['podman', 'build', '--format=docker', '--layers', '--force-rm'],
    ]);
    expect(askedOf(builder, 'docker')).toEqual(['info --format {{json .}}']);
  });

  test.each([
    ['an older docker', older],
    ['a newer docker', newer],
  ])('%s that does not answer, and was asked for, is an error', async (_, answer) => {
    const builder = withDocker({ info: answer });
    builder.engine('podman');
    for (const words of [['build'], ['list'], ['base']]) {
      expect(await builder.run([...words, '--engine=docker'])).toEqual({
        code: 69,
        stdout: '',
        stderr: `error: cannot use docker: ${noDaemon}; start it: systemctl start docker\n`,
      });
    }
    expect(askedOf(builder, 'podman')).toEqual([]);
  });

  test('several that do not answer are told, those that are not installed are not', async () => {
    const builder = withDocker({ info: older });
    builder.engine('buildah', { info: 'echo "cannot set up a user namespace" >&2; exit 125' });
    const { code, stderr } = await builder.run(['build']);
    expect(code).toBe(69);
    expect(stderr).toBe(
      `error: cannot use docker: ${noDaemon}; start it: systemctl start docker\nerror: cannot use buildah: cannot set up a user namespace\n`,
    );
  });

  test('one that was asked for and is not installed', async () => {
    const { code, stderr } = await withDocker().run(['build', '--engine=podman']);
    expect({ code, stderr }).toEqual({ code: 69, stderr: 'error: cannot use podman: it is not installed\n' });
  });

  test.each([
    [
      'one that this user may not use',
      'echo "permission denied while trying to connect to the Docker daemon socket" >&2; exit 1',
      'permission denied while trying to connect to the Docker daemon socket; join the group docker, or use sudo',
    ],
    [
      'podman, as podman-docker has it',
      `echo "Emulate Docker CLI using podman." >&2; echo '{"host": {"arch": "amd64"}, "version": {"Version": "4.3.1"}}'`,
      'it is podman under another name; use that: --engine podman',
    ],
    ['something else', 'echo "not JSON"', /Unexpected token.*; start it: systemctl start docker/],
    ['something silent', 'exit 3', /exit code 3.*; start it: systemctl start docker/],
  ])('docker that is %s', async (_, answer, told) => {
    const { code, stderr } = await withDocker({ info: answer }).run(['build', '--engine=docker']);
    expect(code).toBe(69);
    expect(stderr).toMatch(/^error: cannot use docker: [^\n]*\n$/);
    expect(stderr).toMatch(told);
  });

  test('buildah, which has no version in what it tells', async () => {
    const builder = makeBuilder();
    builder.engine('buildah');
    const { code, stdout, stderr } = await builder.run(['build', 'grafana']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`buildah 1.28.2, ${hostArch()}\n`);
    // It does not tell the size of an image.
    expect(stdout).toMatch(/✔ ldms-grafana: done, /);
    expect(stdout).toMatch(/ldms-grafana:latest +\? +\? +none\n/);
    expect(builder.asked('grafana')?.slice(0, 3)).toEqual(['buildah', 'build', '--format=docker']);
  });
});

describe('room', () => {
  /** Runs the builder where two directories are file systems with one megabyte. */
  const runInSmallPlace = (builder: Builder, small: readonly string[], words: readonly string[]) =>
    run(
      'unshare',
      [
        ...['--mount', 'sh', '-c'],
        'for at in $SMALL; do mount -t tmpfs -o size=1m none "$at" || exit 99; done; exec "$@"',
        ...['sh', process.execPath, builder.path('images/build/main.ts'), ...words],
      ],
      {
        env: {
          ...builder.env,
          PATH: `${builder.env['PATH']}:${process.env['PATH']}`,
          SMALL: small.join(' '),
        },
      },
    );

  testNeeding(
    ['root', 'namespaces'],
    'too little for images and contexts is told, and nothing is built',
    async () => {
      const builder = makeBuilder();
      const store = builder.path('docker');
      const contexts = builder.path('dist/images');
      for (const directory of [store, contexts]) mkdirSync(directory);
      builder.engine('docker', { info: info({ DockerRootDir: store }) });
      const { code, stdout, stderr } = await runInSmallPlace(builder, [store, contexts], ['build']);
      expect({ code, stdout }).toEqual({ code: 69, stdout: '' });
      expect(stderr).toMatch(
        new RegExp(
          `^error: ${contexts}/${hostArch()} has 1\\.0 MB left, and the build contexts take about \\d+ MB; make room there\n` +
            `error: ${store} has 1\\.0 MB left, and the images \\(docker keeps them there\\) take about (\\d+) MB; make room there\n$`,
        ),
      );
      // Six images and a compiler: neither megabytes nor terabytes.
      const needed = Number(/take about (\d+) MB; make room there\n$/.exec(stderr)?.[1]);
      expect(needed).toBeGreaterThan(500);
      expect(needed).toBeLessThan(10_000);
      expect(ended(builder)).toEqual([]);
    },
  );

  testNeeding(['root', 'namespaces'], 'what takes no room needs none', async () => {
    const builder = makeBuilder();
    const store = builder.path('docker');
    mkdirSync(store);
    builder.engine('docker', { info: info({ DockerRootDir: store }) });
    const { code, stdout } = await runInSmallPlace(builder, [store], ['list']);
    expect(code, stdout).toBe(0);
  });

  test('a store that is on another machine is not looked at', async () => {
    const { code } = await withDocker({ info: info({ DockerRootDir: '/nonexistent/docker' }) }).run([
      'build',
      'samp',
    ]);
    expect(code).toBe(0);
  });
});

describe('what an engine is asked', () => {
  test('for all images: each its own context, arguments and names', async () => {
    const builder = withDocker();
    const { code, stderr } = await builder.run(['build']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const ask = (image: string, ...args: string[]) => [
      ...['docker', 'build', '--force-rm'],
      ...[`--tag=ovishpc/ldms-${image}:latest`, `--tag=ovishpc/ldms-${image}:latest-${hostArch()}`],
      ...args.map((arg) => `--build-arg=${arg}`),
      join(builder.place, image),
    ];
    const labels = ['VERSION=9.8.7', 'REVISION=unknown', 'CREATED=1970-01-01T00:00:00Z'];
    expect(builder.asked('common')).toEqual(ask('common', 'BASE_IMAGE=debian:bookworm-slim'));
    for (const image of imageNames.filter((name) => name !== 'grafana')) {
      expect(builder.asked(image)).toEqual(ask(image, 'COMMON_IMAGE=ovishpc/ldms-common:latest', ...labels));
    }
    expect(builder.asked('grafana')).toEqual(
      ask('grafana', 'GRAFANA_IMAGE=grafana/grafana-oss:9.1.0-ubuntu', ...labels),
    );
  });

  test('the names, the version, the base and the network that the user wants', async () => {
    const builder = withDocker();
    const words = [
      '--tag=4.4.4',
      '--namespace=example.org/hpc',
      '--base-image=mine:1',
      '--grafana-image=g:2',
    ];
    const { code, stdout } = await builder.run([
      ...['build', 'samp', 'grafana', ...words, '--network=slirp', '--no-cache'],
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain(`docker 20.10.24, ${hostArch()}, from mine:1\n`);
    expect(builder.asked('common')).toEqual(
      expect.arrayContaining([
        '--no-cache',
        '--network=slirp',
        '--tag=example.org/hpc/ldms-common:4.4.4',
        '--build-arg=BASE_IMAGE=mine:1',
      ]),
    );
    expect(builder.asked('samp')).toEqual(
      expect.arrayContaining([
        '--tag=example.org/hpc/ldms-samp:4.4.4',
        `--tag=example.org/hpc/ldms-samp:4.4.4-${hostArch()}`,
        '--build-arg=COMMON_IMAGE=example.org/hpc/ldms-common:4.4.4',
        '--build-arg=VERSION=4.4.4',
      ]),
    );
    expect(builder.asked('grafana')).toContain('--build-arg=GRAFANA_IMAGE=g:2');
  });

  testNeeding(['git'], "git's commit, and its time", async () => {
    const builder = withDocker();
    const { revision, time } = await commit(builder);
    const args = async (env: NodeJS.ProcessEnv = {}) => {
      rmSync(builder.path('kept'));
      const { code, stdout } = await builder.run(['build', 'samp'], { env: { ...builder.env, ...env } });
      expect(code, stdout).toBe(0);
      return builder.asked('samp');
    };
    expect(await args()).toEqual(
      expect.arrayContaining([
        `--build-arg=REVISION=${revision}`,
        '--build-arg=CREATED=2022-04-15T05:20:00Z',
      ]),
    );
    expect(time.toISOString()).toBe('2022-04-15T05:20:00.000Z');
    // Empty is as good as none.
    expect(await args({ SOURCE_DATE_EPOCH: '' })).toContain('--build-arg=CREATED=2022-04-15T05:20:00Z');
    expect(await args({ SOURCE_DATE_EPOCH: '86399' })).toEqual(
      expect.arrayContaining([
        `--build-arg=REVISION=${revision}`,
        '--build-arg=CREATED=1970-01-01T23:59:59Z',
      ]),
    );
    builder.write('src/new.ts', '');
    const outdated = await builder.run(['build', 'samp']);
    expect(outdated.stdout).toContain('a stand-in for build.mjs');
    rmSync(builder.path('src/new.ts'));
    // An OVIS tree in the checkout is none of git's, and changes nothing.
    builder.write('ovis/bin/tool', '');
    expect(await args()).toContain(`--build-arg=REVISION=${revision}`);
    builder.write('images/ldms-samp/Dockerfile', 'FROM scratch\n');
    expect(await args()).toContain(`--build-arg=REVISION=${revision}-dirty`);
  });

  test('contexts have the time that the images are labelled with', async () => {
    const builder = withDocker({
      build: 'stat -c %Y "$context" "$context"/* | sort -u >"${context%/dist/*}/site/time-$image"',
    });
    const env = { ...builder.env, SOURCE_DATE_EPOCH: '86399' };
    expect((await builder.run(['build'], { env })).code).toBe(0);
    for (const image of ['common', ...imageNames]) {
      expect(readFileSync(builder.path(`site/time-${image}`), 'utf8'), image).toBe('86399\n');
    }
  });

  test('another architecture: its platform, and names that tell it alone', async () => {
    const builder = withDocker();
    const { code, stdout } = await builder.run(['build', 'samp', 'grafana', `--arch=${otherArch}`]);
    expect(code, stdout).toBe(0);
    for (const image of ['common', 'samp', 'grafana']) {
      const words = builder.asked(image) ?? [];
      expect(words).toContain(`--platform=linux/${otherArch}`);
      expect(words.filter((word) => word.startsWith('--tag='))).toEqual([
        `--tag=ovishpc/ldms-${image}:latest-${otherArch}`,
      ]);
      expect(words.at(-1)).toBe(builder.path(`dist/images/${otherArch}/${image}`));
    }
    expect(builder.asked('samp')).toContain(
      `--build-arg=COMMON_IMAGE=ovishpc/ldms-common:latest-${otherArch}`,
    );
    expect(stdout).toContain(`ovishpc/ldms-samp:latest-${otherArch} `);
  });

  test('docker without a network of its own builds on that of the host, and says so', async () => {
    const builder = withDocker({ network: 'echo "Error: No such network: bridge" >&2; exit 1' });
    const { code, stdout } = await builder.run(['build', 'samp']);
    expect(code).toBe(0);
    expect(stdout).toContain(`docker 20.10.24, ${hostArch()}, network host (there is no other), from `);
    for (const image of ['common', 'samp']) expect(builder.asked(image)).toContain('--network=host');
  });

  test('the proxies, by name: their values are in no command line', async () => {
    const builder = withDocker();
    const env = { ...builder.env, http_proxy: 'http://user:secret@proxy.example', NO_PROXY: '' };
    const { code, stdout } = await builder.run(['build', 'samp'], { env });
    expect(code).toBe(0);
    expect(builder.asked('samp')?.slice(-2)).toEqual(['--build-arg=http_proxy', join(builder.place, 'samp')]);
    const log = readFileSync(join(builder.place, 'log/samp.log'), 'utf8');
    expect(`${stdout}${log}${builder.kept()}`).not.toContain('secret');
  });

  const official = 'debian:bookworm-slim';
  const made = 'localhost/ldms-debian:bookworm-slim';
  test.each([
    ['none is there: the official one', [], official],
    ['both are there: the official one', [official, made], official],
    ['the one that `base` has made', [made], made],
  ])('the base: %s', async (_, there, base) => {
    const builder = withDocker();
    for (const name of there) builder.have(name, { size: 1, layers: ['base'] });
    const { stdout } = await builder.run(['build', 'dev']);
    expect(stdout).toContain(`, from ${base}\n`);
    expect(builder.asked('common')).toContain(`--build-arg=BASE_IMAGE=${base}`);
  });

  test('the base: one for another architecture is as good as none', async () => {
    const builder = withDocker();
    builder.have(official, { size: 1, layers: ['base'] });
    builder.have(`${made}-${otherArch}`, { size: 1, layers: ['base'], arch: otherArch });
    await builder.run(['build', 'dev', `--arch=${otherArch}`]);
    expect(builder.asked('common')).toContain(`--build-arg=BASE_IMAGE=${made}-${otherArch}`);
  });
});

describe('the order of the steps', () => {
  test('the others come behind common; grafana, which needs it not, beside it', async () => {
    const builder = makeBuilder();
    const begun = builder.path('site/grafana-begun');
    // common cannot end before grafana has begun: were it to wait, this would never end.
    builder.engine('docker', {
      build: `case $image in grafana) : >'${begun}' ;; common) ${waitFor(begun)} ;; esac`,
    });
    const { code, stdout } = await builder.run(['build', '--jobs=2']);
    expect(code, stdout).toBe(0);
    const kept = builder.kept();
    const at = (what: string, image: string) => kept.indexOf(`${what}\t${image}`);
    for (const image of imageNames.filter((name) => name !== 'grafana')) {
      expect(at('begun', image), image).toBeGreaterThan(at('ended', 'common'));
    }
    expect(at('begun', 'grafana')).toBeLessThan(at('ended', 'common'));
    expect(ended(builder).sort()).toEqual([...imageNames, 'common'].sort());
  });

  test('as many at a time as the user wants', async () => {
    const most = async (jobs: number, build?: string) => {
      const builder = withDocker(build ? { build } : {});
      const { code, stdout } = await builder.run(['build', 'samp', 'agg', 'maestro', `--jobs=${jobs}`]);
      expect(code, stdout).toBe(0);
      let [now, highest] = [0, 0];
      for (const line of builder.kept()) {
        if (line.startsWith('begun')) highest = Math.max(highest, ++now);
        if (line.startsWith('ended')) now--;
      }
      return highest;
    };
    expect(await most(1)).toBe(1);
    // samp and agg end only when both have begun.
    const meet = `: >"$context/../begun-$image"
case $image in samp | agg) for other in samp agg; do ${waitFor('$context/../begun-$other')}; done ;; esac`;
    expect(await most(2, meet)).toBe(2);
  });
});

describe('what is shown', () => {
  test('elsewhere than on a terminal: a line when a step begins, one when it ends', async () => {
    const builder = withDocker({ build: 'echo Step 1/1 : FROM nothing' });
    const { stdout } = await builder.run(['build', 'samp']);
    const lines = stdout.slice(0, stdout.indexOf('\n\n')).split('\n');
    expect(lines[0]).toBe(`docker 20.10.24, ${hostArch()}, from debian:bookworm-slim`);
    expect(lines.slice(1).filter((line) => line.startsWith('❯'))).toEqual([
      '❯ ldms-entrypoint',
      '❯ what the Debian images have in common',
      '❯ ldms-samp',
    ]);
    expect(lines).toHaveLength(1 + 3 + 3);
    expect(stdout).toMatch(/✔ ldms-entrypoint: is up to date, \d+\.\d s\n/);
    expect(stdout).toMatch(/✔ what the Debian images have in common: 200 MB, \d+\.\d s\n/);
    expect(stdout).toMatch(/✔ ldms-samp: 202 MB, \d+\.\d s\n/);
    expect(stdout).not.toContain('Step 1/1');
    // No colours, no cursor movements.
    expect(stdout).not.toContain('\x1b');
  });

  testNeeding(['script'], 'on a terminal: what a step does now', async () => {
    const builder = makeBuilder();
    const go = builder.path('site/go');
    builder.engine('docker', { build: `echo 'Unpacking a package'; ${waitFor(go)}` });
    const terminal = await builder.startOnTerminal(['build', 'samp']);
    await until('the line of the build is shown', () => terminal.stdout().includes('Unpacking a package'));
    expect(terminal.stdout()).not.toContain('ldms-samp: 202 MB');
    builder.write('site/go', '');
    const { code, stdout } = await terminal.ended;
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/ldms-samp: 202 MB, \d+\.\d s/);
  });

  testNeeding(['script'], 'on a terminal that has no width: plain lines', async () => {
    const builder = withDocker({ build: "echo 'Unpacking a package'" });
    const { code, stdout } = await (await builder.startOnTerminal(['build', 'samp'], 0)).ended;
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/✔.* ldms-samp: 202 MB, \d+\.\d s\r\n/);
    expect(stdout).not.toContain('Unpacking a package');
  });

  test('logs are kept, with the command; contexts are not', async () => {
    const builder = withDocker({ build: 'echo "building $image"; echo "and an error" >&2' });
    await builder.run(['build']);
    expect(readdirSync(builder.place)).toEqual(['log']);
    expect(readdirSync(join(builder.place, 'log')).sort()).toEqual(
      ['common.log', 'entrypoint.log', ...imageNames.map((name) => `${name}.log`)].sort(),
    );
    const lines = readFileSync(join(builder.place, 'log/samp.log'), 'utf8').split('\n');
    expect(lines[0]).toMatch(/^context: 0\.0 MB$/);
    expect(lines[1]).toBe(`$ ${builder.asked('samp')?.join(' ')}`);
    expect(lines.slice(2).sort()).toEqual(['', 'and an error', 'building samp']);
  });

  test('warnings are told again at the end, each once, with the image', async () => {
    const builder = withDocker({
      build: `case $image in
samp) echo 'warning: sbin/ldmsd needs libmunge.so.2, which is not in the image'; echo 'no warning: this' ;;
agg) echo '#8 0.123 warning: libserdes.so is not in the image'; echo '#8 12.5 warning: libserdes.so is not in the image'; echo 'W: of apt' ;;
esac`,
    });
    const { code, stdout } = await builder.run(['build', 'samp', 'agg', '--jobs=1']);
    expect(code).toBe(0);
    const end = stdout.slice(stdout.lastIndexOf('✔'));
    expect(end.slice(end.indexOf('\n') + 1)).toMatch(
      /^warning: ldms-samp: sbin\/ldmsd needs libmunge\.so\.2, which is not in the image\nwarning: ldms-agg: libserdes\.so is not in the image\n\nIMAGE /,
    );
  });
});

describe('a step that fails', () => {
  const failing = (image: string) =>
    `case $image in ${image}) i=0; while [ $i -lt 30 ]; do i=$((i + 1)); echo "line $i"; done; echo "E: no such package" >&2; exit 100 ;; esac`;

  test('is told with its last lines and its log; the others are built', async () => {
    const builder = withDocker({ build: failing('samp') });
    const { code, stdout } = await builder.run(['build', '--jobs=1']);
    expect(code).toBe(1);
    expect(ended(builder).sort()).toEqual(['agg', 'common', 'dev', 'grafana', 'maestro', 'ui']);
    const log = join(builder.place, 'log/samp.log');
    const shown = stdout.slice(stdout.indexOf('\nerror: ') + 1).split('\n');
    expect(shown.slice(0, 2)).toEqual([
      `error: samp: docker build failed (exit code 100); its last lines, from ${log}:`,
      '  | line 12',
    ]);
    expect(shown.slice(-3)).toEqual(['  | line 30', '  | E: no such package', '']);
    expect(shown).toHaveLength(1 + 20 + 1);
    const kept = readFileSync(log, 'utf8').split('\n');
    expect(kept).toContain('line 1');
    expect(kept).toContain('E: no such package');
    expect(readdirSync(join(builder.place, 'log'))).toContain('agg.log');
  });

  test('and that others are built from, keeps those from being built, and no more', async () => {
    const builder = withDocker({ build: failing('common') });
    const { code, stdout } = await builder.run(['build', 'samp', 'agg', 'grafana']);
    expect(code).toBe(1);
    expect(ended(builder)).toEqual(['grafana']);
    for (const image of ['samp', 'agg']) {
      expect(stdout).toContain(`error: ${image}: it needs common, which failed\n`);
      expect(builder.asked(image)).toBeUndefined();
    }
    expect(stdout.trimEnd()).toMatch(
      /debian:bookworm-slim is not there; where no image registry can be reached: npm run images -- base$/,
    );
  });

  test('and whose base is there, is not blamed on that', async () => {
    const builder = withDocker({ build: failing('common') });
    builder.have('debian:bookworm-slim', { size: 1, layers: ['base'] });
    const { code, stdout } = await builder.run(['build', 'samp']);
    expect(code).toBe(1);
    expect(stdout).toContain('error: common: docker build failed');
    expect(stdout).not.toContain('is not there');
  });

  test('the program: it is built when its sources are newer, and nothing without it', async () => {
    const builder = withDocker();
    const built = builder.path('dist/ldms-entrypoint');
    builder.write(
      'build.mjs',
      `import { writeFileSync } from 'node:fs';
if (process.argv.slice(2).join(' ') !== '--arch ${hostArch()}') throw new Error('another architecture');
writeFileSync('${built}', 'built by a stand-in for build.mjs');
`,
    );
    const first = await builder.run(['build', 'samp']);
    expect(first.stdout).toMatch(/✔ ldms-entrypoint: built, /);
    expect(readFileSync(built, 'utf8')).toBe('built by a stand-in for build.mjs');
    expect((await builder.run(['build', 'samp'])).stdout).toMatch(/✔ ldms-entrypoint: is up to date, /);

    builder.write('build.mjs', "throw new Error('no esbuild');\n");
    rmSync(builder.path('kept'));
    builder.write('kept', '');
    const { code, stdout } = await builder.run(['build', 'samp', 'grafana']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/error: entrypoint: .*build\.mjs failed \(exit code 1\); its last lines/);
    expect(stdout).toContain('  | Error: no esbuild\n');
    expect(stdout).toContain('error: common: it needs entrypoint, which failed\n');
    expect(stdout).not.toContain('npm run images -- base');
    expect(builder.kept().filter((line) => line.startsWith('begun'))).toEqual([]);
  });

  test('an engine that has built, and does not have the image', async () => {
    const builder = withDocker({ build: 'exit 0' });
    const { code, stdout } = await builder.run(['build', 'samp']);
    expect(code).toBe(1);
    expect(stdout).toContain(
      'error: common: docker has built ovishpc/ldms-common:latest, and does not have it; if a builder of buildx is in use: docker buildx use default; its last lines',
    );
    expect(builder.asked('samp')).toBeUndefined();
  });
});

/** Lines of sh that go on for longer than any test, and not for ever should the test be killed. */
const forLong = 'i=0; while [ $i -lt 5000 ]; do i=$((i + 1)); sleep 0.02; done';

describe('interrupted', () => {
  /** An engine whose builds last until they are told to end. */
  const blocking = (told: string) =>
    `if [ $image != common ]; then
  trap 'keep "told	$image"; ${told}' TERM
  echo 'waiting'
  ${forLong}
fi`;

  const running = (builder: Builder) =>
    until(
      'two images are being built',
      () =>
        ['samp', 'grafana'].every((image) => builder.kept().includes(`begun\t${image}`)) &&
        ['samp', 'grafana'].every((image) => {
          const log = join(builder.place, `log/${image}.log`);
          return existsSync(log) && readFileSync(log, 'utf8').includes('waiting');
        }),
    );

  /** Nothing runs, no context is left; the logs are. */
  const expectCleanedUp = (builder: Builder) => {
    expect(processesNaming(builder.directory)).toEqual([]);
    expect(readdirSync(builder.place)).toEqual(['log']);
  };

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('by %s: the builds are ended, contexts are gone, exit code %i', async (signal, code) => {
    const builder = withDocker({ build: blocking('exit 143') });
    const build = builder.start(['build', 'samp', 'agg', 'grafana', '--jobs=2']);
    await running(builder);
    expect(existsSync(join(builder.place, 'samp/Dockerfile'))).toBe(true);
    build.kill(signal);
    const result = await build.ended;
    expect(result.code, result.stdout).toBe(code);
    expect(result.stdout).toMatch(
      /interrupted; layers that were finished are kept, and the next build goes on from there\n$/,
    );
    expect(
      builder
        .kept()
        .filter((line) => line.startsWith('told'))
        .sort(),
    ).toEqual(['told\tgrafana', 'told\tsamp']);
    // What was not begun is not begun any more, and no failure is told.
    expect(builder.asked('agg')).toBeUndefined();
    expect(result.stdout).not.toContain('error:');
    expectCleanedUp(builder);
  });

  test('an engine that does not end by itself is killed', async () => {
    const builder = withDocker({ build: blocking(':') });
    const build = builder.start(['build', 'samp', 'grafana', '--jobs=2']);
    await running(builder);
    build.kill('SIGTERM');
    build.kill('SIGINT');
    const { code, stdout } = await build.ended;
    expect([130, 143]).toContain(code);
    expect(stdout).toContain('interrupted; ');
    expectCleanedUp(builder);
  });

  testNeeding(['script'], 'by Ctrl-C in a terminal', async () => {
    const builder = withDocker({ build: blocking('exit 143') });
    const terminal = await builder.startOnTerminal(['build', 'samp', 'grafana', '--jobs=2']);
    await running(builder);
    terminal.type('\x03');
    const { code, stdout } = await terminal.ended;
    expect(code, stdout).toBe(130);
    expect(stdout).toContain('interrupted; ');
    expectCleanedUp(builder);
  });

  test('while the program is built', async () => {
    const builder = withDocker();
    builder.write('build.mjs', "console.log('waiting'); setTimeout(() => {}, 120_000);\n");
    const build = builder.start(['build']);
    const log = join(builder.place, 'log/entrypoint.log');
    await until(
      'the program is being built',
      () => existsSync(log) && readFileSync(log, 'utf8').includes('waiting'),
    );
    build.kill('SIGTERM');
    expect((await build.ended).code).toBe(143);
    expect(ended(builder)).toEqual([]);
    expectCleanedUp(builder);
  });

  test('a build that follows does not mind', async () => {
    const builder = withDocker({ build: blocking('exit 143') });
    const build = builder.start(['build', 'samp', 'grafana', '--jobs=2']);
    await running(builder);
    build.kill('SIGKILL');
    await build.ended;
    // Its children are nobody's now: the stand-ins go on until they are told.
    for (const pid of processesNaming(builder.directory)) process.kill(pid, 'SIGKILL');
    expect(readdirSync(builder.place)).toContain('samp');
    builder.engine('docker');
    const { code, stdout } = await builder.run(['build', 'samp']);
    expect(code, stdout).toBe(0);
    expect(readdirSync(builder.place)).toEqual(['log']);
  });
});

describe('contexts', () => {
  test('are made and kept, without an engine', async () => {
    const builder = makeBuilder();
    const { code, stdout, stderr } = await builder.run(['contexts']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const image of ['common', ...imageNames]) {
      expect(stdout).toMatch(`${join(builder.place, image)}: 0.0 MB\n`);
      expect(existsSync(join(builder.place, image, 'Dockerfile'))).toBe(true);
    }
    expect(existsSync(join(builder.place, 'samp/ovis/sbin/ldmsd'))).toBe(true);
    expect(builder.kept()).toEqual(['']);
  });

  test('of some images; of another architecture', async () => {
    const builder = makeBuilder();
    const { code, stdout } = await builder.run(['contexts', 'grafana', `--arch=${otherArch}`]);
    expect(code, stdout).toBe(0);
    const place = builder.path(`dist/images/${otherArch}`);
    expect(readdirSync(place).sort()).toEqual(['grafana', 'log']);
  });

  test('none without the program', async () => {
    const builder = makeBuilder();
    rmSync(builder.path('dist/ldms-entrypoint'));
    const { code, stdout } = await builder.run(['contexts', 'samp']);
    expect(code).toBe(1);
    expect(stdout).toContain('error: entrypoint: ');
    expect(existsSync(join(builder.place, 'samp'))).toBe(false);
  });
});

describe('list', () => {
  test('none is there', async () => {
    const { code, stdout } = await withDocker().run(['list']);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'docker has none of the images; npm run images -- build makes them\n',
    });
  });

  test('sizes, what is shared, and the sum with shared layers once', async () => {
    const builder = withDocker();
    const label = { 'org.opencontainers.image.revision': '0123456789abcdef0123456789abcdef01234567-dirty' };
    builder.have('ovishpc/ldms-common:latest', { size: 230_400_000, layers: ['a', 'b'] });
    builder.have('ovishpc/ldms-samp:latest', { size: 240_500_000, layers: ['a', 'b', 'c'], labels: label });
    builder.have('ovishpc/ldms-agg:latest', { size: 530_400_000, layers: ['a', 'b', 'd', 'e'] });
    builder.have('ovishpc/ldms-grafana:latest', { size: 401_000_000, layers: ['g'] });
    const { code, stdout } = await builder.run(['list']);
    expect(code).toBe(0);
    expect(stdout).toBe(`\
IMAGE                        SIZE    OWN     SHARED WITH THE OTHERS  REVISION
ovishpc/ldms-samp:latest     241 MB  10 MB   230 MB in 2 layers      0123456789ab
ovishpc/ldms-agg:latest      530 MB  300 MB  230 MB in 2 layers
ovishpc/ldms-grafana:latest  401 MB  401 MB  none
together 942 MB on disk, shared layers once
`);
  });

  test('the named ones, of another name and tag, and with podman', async () => {
    const builder = makeBuilder();
    builder.engine('podman');
    // A name that has "ldms-common" in it does not make it that image.
    const namespace = 'localhost/ldms-common';
    builder.have(`${namespace}/ldms-samp:4.4.4-${otherArch}`, { size: 5e6, layers: ['a'], arch: otherArch });
    builder.have(`${namespace}/ldms-agg:4.4.4-${otherArch}`, { size: 7e6, layers: ['b'], arch: otherArch });
    const { stdout } = await builder.run([
      ...['list', 'samp', '--tag=4.4.4', `--namespace=${namespace}`, `--arch=${otherArch}`],
    ]);
    expect(stdout).toMatch(
      new RegExp(`^${namespace}/ldms-samp:4\\.4\\.4-${otherArch} +5 MB +5 MB +none$`, 'm'),
    );
    expect(stdout).toContain('together 5 MB on disk');
    expect(stdout).not.toContain('ldms-agg');
  });
});

describe('base', () => {
  const mmdebstrap = (text = '') => `case $1 in --version) echo 'mmdebstrap 1.3.5'; exit ;; esac
keep "time	$SOURCE_DATE_EPOCH"
${text}
for word; do case $word in *.tar) echo 'stands for an archive' >"$word" ;; esac; done`;

  test('is made by mmdebstrap, and given to the engine', async () => {
    const builder = withDocker();
    builder.install('mmdebstrap', mmdebstrap());
    const env = { ...builder.env, SOURCE_DATE_EPOCH: '86399' };
    const { code, stdout, stderr } = await builder.run(['base', '--mirror=http://mirror.example/debian'], {
      env,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const archive = join(builder.place, 'base.tar');
    const [version, words = ''] = askedOf(builder, 'mmdebstrap');
    expect(version).toBe('--version');
    expect(words).toMatch(
      new RegExp(
        `^--variant=minbase --architectures=${hostArch()} --dpkgopt=path-exclude=/usr/share/doc/\\* .* bookworm ${archive} http://mirror\\.example/debian$`,
      ),
    );
    expect(words).toContain(' --dpkgopt=path-include=/usr/share/doc/*/copyright ');
    expect(words).toContain(' --aptopt=APT::Install-Recommends "false" ');
    expect(builder.kept()).toContain('time\t86399');
    expect(askedOf(builder, 'docker').at(-1)).toBe(
      `import --change CMD ["bash"] ${archive} localhost/ldms-debian:bookworm-slim`,
    );
    expect(stdout).toContain('localhost/ldms-debian:bookworm-slim is there: `build` takes it');
    expect(existsSync(archive)).toBe(false);
  });

  test('of another release and architecture: another name, and how to build from it', async () => {
    const builder = withDocker();
    builder.install('mmdebstrap', mmdebstrap());
    const { code, stdout } = await builder.run(['base', '--suite=trixie', `--arch=${otherArch}`]);
    expect(code).toBe(0);
    const image = `localhost/ldms-debian:trixie-slim-${otherArch}`;
    expect(askedOf(builder, 'mmdebstrap').at(-1)).toMatch(
      new RegExp(`--architectures=${otherArch} .* trixie \\S+/dist/images/${otherArch}/base\\.tar$`),
    );
    expect(askedOf(builder, 'docker').at(-1)).toMatch(`import --platform=linux/${otherArch} --change `);
    expect(stdout).toContain(`${image} is there: build --base-image=${image}\n`);
  });

  test('podman is told the architecture in its own way', async () => {
    const builder = makeBuilder();
    builder.engine('podman');
    builder.install('mmdebstrap', mmdebstrap());
    expect((await builder.run(['base', `--arch=${otherArch}`])).code).toBe(0);
    expect(askedOf(builder, 'podman').at(-1)).toMatch(`import --os=linux --arch=${otherArch} --change `);
  });

  test('mmdebstrap is not installed', async () => {
    const { code, stderr } = await withDocker().run(['base']);
    expect({ code, stderr }).toEqual({
      code: 69,
      stderr: 'error: mmdebstrap is not installed: apt-get install mmdebstrap\n',
    });
  });

  test('mmdebstrap fails', async () => {
    const builder = withDocker();
    builder.install('mmdebstrap', mmdebstrap("echo 'E: cannot reach the mirror' >&2; exit 25"));
    const { code, stdout } = await builder.run(['base']);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      new RegExp(
        `\nerror: base: mmdebstrap --variant=minbase failed \\(exit code 25\\); its last lines, from ${builder.place}/log/base\\.log:\n(  \\| .*\n)*  \\| E: cannot reach the mirror\n$`,
      ),
    );
    expect(askedOf(builder, 'docker').some((words) => words.startsWith('import'))).toBe(false);
  });

  test('the engine does not take it', async () => {
    const builder = withDocker({ import: 'echo "no space left on device" >&2; exit 1' });
    builder.install('mmdebstrap', mmdebstrap());
    const { code, stdout } = await builder.run(['base']);
    expect(code).toBe(1);
    expect(stdout).toContain('error: base: Command failed with exit code 1: docker import ');
    expect(stdout).toContain('no space left on device');
    expect(existsSync(join(builder.place, 'base.tar'))).toBe(false);
  });

  test('interrupted: mmdebstrap is ended, the archive is gone', async () => {
    const builder = withDocker();
    builder.install(
      'mmdebstrap',
      mmdebstrap(`for word; do case $word in *.tar) echo half >"$word" ;; esac; done
trap 'exit 143' TERM
${forLong}`),
    );
    const base = builder.start(['base']);
    await until('mmdebstrap is at work', () => existsSync(join(builder.place, 'base.tar')));
    base.kill('SIGINT');
    expect((await base.ended).code).toBe(130);
    expect(processesNaming(builder.directory)).toEqual([]);
    expect(existsSync(join(builder.place, 'base.tar'))).toBe(false);
  });
});
