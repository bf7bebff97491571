/** What runs in containers of the build image: command lines, ends, and what the image is. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import type { Engine } from '../../images/build/engine.ts';
import {
  type Job,
  lookInside,
  removeLeftContainers,
  runInContainer,
  toolchainOf,
  wrongWithEngine,
} from '../../images/build/sources/container.ts';
import { cacheOf } from '../../images/build/sources/place.ts';
import { temporary } from '../support/source-plans.ts';
import { type Play, watchedTools } from '../support/watched-tools.ts';

const checkout = vi.hoisted(() => ({ directory: '' }));
vi.mock('../../images/build/metadata.ts', () => ({
  get repository() {
    return checkout.directory;
  },
}));

const here = hostArch() ?? 'amd64';
const engine = (differing: Partial<Engine> = {}): Engine => ({
  name: 'docker',
  version: '1',
  store: undefined,
  hasNetwork: true,
  rootless: false,
  passedOver: [],
  ...differing,
});
const job = (differing: Partial<Job> = {}): Job => ({
  engine: engine(),
  image: 'ovishpc/ldms-dev:latest',
  arch: here,
  name: 'cont-sos',
  network: undefined,
  mounts: { '/build/sos': '/cache/sos', '/build/script:ro': '/builder', '/opt/ovis': '/cache/sos/tree' },
  directory: '/build/sos',
  env: { HOME: '/build/home', MAKE_INSTALL: 'make install' },
  command: ['/bin/sh', '/build/script/build-component', 'autotools', '2', 'CFLAGS=-O2 -g'],
  ...differing,
});

let bin: string;
/** Puts a stand-in into PATH; each thing that it is asked is kept, with tabs between words. */
function install(name: string, text = ''): void {
  const path = join(bin, name);
  writeFileSync(
    path,
    `#!/bin/sh\nPATH=/usr/bin:/bin\n{ printf '%s' '${name}'; printf '\\t%s' "$@"; echo; } >>'${bin}/asked'\n${text}\n`,
  );
  chmodSync(path, 0o755);
}
const asked = () =>
  existsSync(join(bin, 'asked')) ? readFileSync(join(bin, 'asked'), 'utf8').trimEnd().split('\n') : [];

const proxies = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
beforeEach(() => {
  checkout.directory = temporary();
  bin = temporary();
  vi.stubEnv('PATH', bin);
  for (const name of [...proxies, 'npm_config_registry']) vi.stubEnv(name, undefined);
  install('docker');
  return () => vi.unstubAllEnvs();
});

/** The command line of a job. */
async function wordsOf(differing?: Partial<Job>, play: Play = () => ({})): Promise<readonly string[]> {
  const tools = watchedTools(play);
  await runInContainer(job(differing), tools);
  expect(tools.ran).toHaveLength(1);
  return tools.ran[0] ?? [];
}

describe('the command line', () => {
  test('as the caller, in the mounts, marked, and removed at its end', async () => {
    expect(await wordsOf()).toEqual([
      ...['docker', 'run', '--rm', '--name=cont-sos'],
      `--label=com.github.ovis-hpc.builds-in=${cacheOf(here)}`,
      '--init=false',
      `--user=${process.getuid?.()}:${process.getgid?.()}`,
      '--security-opt=label=disable',
      '--volume=/cache/sos:/build/sos',
      '--volume=/builder:/build/script:ro',
      '--volume=/cache/sos/tree:/opt/ovis',
      '--workdir=/build/sos',
      '--env=HOME=/build/home',
      '--env=MAKE_INSTALL=make install',
      '--entrypoint=/bin/sh',
      'ovishpc/ldms-dev:latest',
      ...['/build/script/build-component', 'autotools', '2', 'CFLAGS=-O2 -g'],
    ]);
  });

  test.each([
    ['docker of the caller', engine({ rootless: true })],
    ['podman of the caller', engine({ name: 'podman', rootless: true })],
    ['podman of root', engine({ name: 'podman' })],
  ])('%s: root inside is the caller outside', async (_, engine) => {
    const words = await wordsOf({ engine });
    expect(words[0]).toBe(engine.name);
    expect(words.filter((word) => word.startsWith('--user'))).toEqual([]);
  });

  test('the network that the user wants, and the architecture if it is another', async () => {
    const other = here === 'amd64' ? 'arm64' : 'amd64';
    expect(await wordsOf({ network: 'host' })).toContain('--network=host');
    expect((await wordsOf()).filter((word) => /^--(network|platform)/.test(word))).toEqual([]);
    expect(await wordsOf({ arch: other })).toContain(`--platform=linux/${other}`);
  });

  test('proxies and the registry by name: their values stand nowhere', async () => {
    vi.stubEnv('https_proxy', 'http://me:secret@proxy.example');
    vi.stubEnv('npm_config_registry', 'https://me:secret@npm.example');
    vi.stubEnv('NO_PROXY', '');
    const words = await wordsOf();
    expect(words.filter((word) => word.startsWith('--env=')).slice(2)).toEqual([
      '--env=https_proxy',
      '--env=npm_config_registry',
    ]);
    expect(`${words} ${lookInside(job())}`).not.toContain('secret');
  });
});

describe('its end', () => {
  const failing =
    (...lines: readonly string[]): Play =>
    () => ({ lines, code: 2 });

  test('a command that has failed is what failed; else the engine', async () => {
    const tools = (play: Play) => watchedTools(play);
    const told = ['+ make -j2', 'failed: make -j2 (exit code 2)', 'error: of something else'];
    await expect(runInContainer(job(), tools(failing(...told)))).rejects.toThrow(
      /^failed: make -j2 \(exit code 2\)$/,
    );
    await expect(runInContainer(job(), tools(failing('make failed: x')))).rejects.toThrow(
      'docker run failed (exit code 2)',
    );
    expect(asked()).toEqual([]);
  });

  test('interrupted: the container is stopped, with time to clean up, and removed', async () => {
    const interrupt = new AbortController();
    const play = () => {
      interrupt.abort();
      return { code: 143 };
    };
    await expect(runInContainer(job(), watchedTools(play, interrupt.signal))).rejects.toThrow();
    expect(asked()).toEqual(['docker\tstop\t--time=10\tcont-sos', 'docker\trm\t--force\tcont-sos']);
  });

  test('what a builder that was killed has left is removed: ours alone', async () => {
    install('docker', `[ "$1" != ps ] || printf 'one\\ntwo\\n'`);
    await removeLeftContainers(engine(), here);
    expect(asked()).toEqual([
      `docker\tps\t--all\t--quiet\t--filter=label=com.github.ovis-hpc.builds-in=${cacheOf(here)}`,
      'docker\trm\t--force\tone\ttwo',
    ]);
    // The mark is the one that containers have.
    expect((await wordsOf()).join()).toContain(`--label=com.github.ovis-hpc.builds-in=${cacheOf(here)},`);
    install('docker');
    await removeLeftContainers(engine(), here);
    expect(asked().filter((line) => line.includes('\trm\t'))).toHaveLength(1);
  });
});

test('the line to look inside is one that a shell takes, whatever is in paths', () => {
  const mounts = { '/build/sos': "/home/it's me/$HOME/`id`/sos", '/opt/ovis': '/a b/*' };
  const line = lookInside(job({ mounts, network: 'host' }));
  expect(line).not.toContain('\n');
  execFileSync('/bin/sh', ['-c', line], { env: { PATH: bin } });
  expect(asked().map((line) => line.split('\t'))).toEqual([
    [
      ...['docker', 'run', '-it', '--rm', '--init=false', '--network=host'],
      `--user=${process.getuid?.()}:${process.getgid?.()}`,
      '--security-opt=label=disable',
      "--volume=/home/it's me/$HOME/`id`/sos:/build/sos",
      '--volume=/a b/*:/opt/ovis',
      '--workdir=/build/sos',
      '--entrypoint=bash',
      'ovishpc/ldms-dev:latest',
    ],
  ]);
});

describe('the engine', () => {
  const wrong = (differing: Partial<Engine>, env: NodeJS.ProcessEnv = {}) =>
    wrongWithEngine(engine(differing), env);

  test.each([
    ['docker', {}],
    ['docker', { DOCKER_HOST: 'unix:///run/user/1000/docker.sock' }],
    ['podman', { DOCKER_HOST: 'tcp://elsewhere:2375' }],
    ['docker', { CONTAINER_HOST: 'ssh://elsewhere/podman.sock' }],
  ] as const)('%s with %j will do', (name, env) => {
    expect(wrong({ name }, env)).toBeUndefined();
  });

  test.each([
    ['docker', 'DOCKER_HOST', 'tcp://elsewhere:2375'],
    ['docker', 'DOCKER_HOST', 'ssh://me@elsewhere'],
    ['podman', 'CONTAINER_HOST', 'ssh://elsewhere/podman.sock'],
  ] as const)('%s with %s=%s does not see the directories', (name, variable, host) => {
    expect(wrong({ name }, { [variable]: host })).toMatch(
      new RegExp(`^${variable}=${host}: .* which an engine on another does not see; .*unset ${variable}$`),
    );
  });

  test('buildah runs nothing', () => {
    expect(wrong({ name: 'buildah' })).toMatch(/ which buildah does not start; use docker or podman$/);
  });
});

describe('the build image', () => {
  /** Has docker tell of an image, and of its packages. */
  function have(id: string, packages?: string): void {
    const told = JSON.stringify([{ Id: id, Size: 1, Architecture: here, RootFS: {}, Config: {} }]);
    install(
      'docker',
      `case $1 in image) echo '${told}' ;; run) ${packages === undefined ? 'exit 1' : `echo '${packages}'`} ;; esac`,
    );
  }
  const image = 'ovishpc/ldms-dev:latest';
  const ask = () => toolchainOf(engine(), image, here, new AbortController().signal);
  const runs = () => asked().filter((line) => line.startsWith('docker\trun\t'));
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

  test('is its packages, which it is asked for once', async () => {
    have('sha256:1', 'gcc 12.2.0');
    const found = { image, id: 'sha256:1', digest: sha256('gcc 12.2.0') };
    expect(await ask()).toEqual(found);
    expect(await ask()).toEqual(found);
    expect(runs()).toEqual([
      `docker\trun\t--rm\t--network=none\t--entrypoint=cat\t${image}\t/usr/local/share/ldms-images/packages.txt`,
    ]);
  });

  test('is the same if it was built anew with the same packages, and another with others', async () => {
    have('sha256:1', 'gcc 12.2.0');
    const first = await ask();
    have('sha256:2', 'gcc 12.2.0');
    expect(await ask()).toEqual({ ...first, id: 'sha256:2' });
    have('sha256:3', 'gcc 13.1.0');
    expect((await ask())?.digest).toBe(sha256('gcc 13.1.0'));
    expect(runs()).toHaveLength(3);
  });

  test('is itself alone if it does not tell', async () => {
    have('sha256:theirs');
    expect((await ask())?.digest).toBe('sha256:theirs');
  });

  test('is none if the engine has none', async () => {
    install('docker', 'exit 1');
    expect(await ask()).toBeUndefined();
    expect(existsSync(cacheOf(here))).toBe(false);
  });

  test('is asked again if what was kept is cut off', async () => {
    have('sha256:1', 'gcc 12.2.0');
    const first = await ask();
    writeFileSync(join(cacheOf(here), 'toolchain.json'), '{"id": "sha2');
    expect(await ask()).toEqual(first);
    expect(runs()).toHaveLength(2);
  });

  test('is not asked on when interrupted, and nothing of that is kept', async () => {
    have('sha256:1', 'gcc 12.2.0');
    const interrupt = new AbortController();
    interrupt.abort();
    await expect(toolchainOf(engine(), image, here, interrupt.signal)).rejects.toBe(interrupt.signal.reason);
    expect(existsSync(join(cacheOf(here), 'toolchain.json'))).toBe(false);
  });
});
