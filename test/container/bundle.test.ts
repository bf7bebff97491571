/**
 * `save` with real engines: images that are there nowhere else are saved, lost, and loaded by the bundle's own
 * script into docker, podman and containerd; then samp runs from them.
 */
import { randomBytes } from 'node:crypto';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import { engine, imageOf, podmanOptions } from '../support/containers.ts';
import { testNeeding } from '../support/needs.ts';
import { podmanStore } from '../support/podman-store.ts';
import { type Result, repository, run } from '../support/program.ts';

const arch = hostArch() ?? 'amd64';
const of = `localhost/ldms-test-bundle-${process.pid}`;
const nameOf = (image: string): string => `${of}/ldms-${image}:latest`;
const names = ['samp', 'maestro'].flatMap((image) => [nameOf(image), `${nameOf(image)}-${arch}`]);
/** What only the images of this test have. */
const secret = randomBytes(16).toString('hex');

let place: string;
let saved: Result;
let ids: readonly string[];
const bundle = (): string => join(place, 'a bundle');

/** Builds an image with a file on top of another. */
async function build(from: string, tags: readonly string[], text: string): Promise<void> {
  const context = mkdtempSync(join(tmpdir(), 'ldms-bundle-context-'));
  try {
    writeFileSync(join(context, 'secret'), text);
    utimesSync(join(context, 'secret'), 0, 0);
    writeFileSync(join(context, 'Dockerfile'), `FROM ${from}\nCOPY secret /secret\n`);
    const built = await engine(['build', '--network=none', ...tags.map((tag) => `--tag=${tag}`), context]);
    expect(built.code, built.stderr).toBe(0);
  } finally {
    rmSync(context, { recursive: true });
  }
}

const save = (output: string, env: NodeJS.ProcessEnv = {}, by = 'docker', namespace = of): Promise<Result> =>
  run(
    process.execPath,
    [
      join(repository, 'images/build/main.ts'),
      ...['save', 'samp', 'maestro', `--namespace=${namespace}`, `--engine=${by}`, `--output=${output}`],
    ],
    { env: { ...process.env, ...env }, cwd: repository },
  );
const load = (env: NodeJS.ProcessEnv, ...words: string[]): Promise<Result> =>
  run('sh', [join(bundle(), 'load.sh'), ...words], { env: { ...process.env, ...env } });

const idsIn = async (
  by: string,
  all: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<readonly string[]> => {
  const { code, stdout } = await run(by, ['image', 'inspect', '--format', '{{.Id}}', ...all], {
    env: { ...process.env, ...env },
  });
  return code === 0
    ? stdout
        .trim()
        .split('\n')
        .map((id) => id.replace('sha256:', ''))
    : [];
};

describe('samp and maestro', () => {
  const needs = ['docker engine', 'zstd', 'root'];

  beforeAll(async () => {
    place = mkdtempSync(join(tmpdir(), 'ldms-bundle-'));
    for (const image of ['samp', 'maestro'] as const) {
      await build(imageOf(image), [nameOf(image), `${nameOf(image)}-${arch}`], `${secret} ${image}`);
    }
    ids = await idsIn('docker', names);
    saved = await save(bundle());
  });
  afterAll(async () => {
    await engine(['rmi', '-f', ...names]);
    rmSync(place, { recursive: true, force: true });
  });

  testNeeding(needs, 'are saved with what they share once, and nothing is left behind', async () => {
    expect(saved).toMatchObject({ code: 0, stderr: '' });
    const { images } = JSON.parse(readFileSync(join(bundle(), 'manifest.json'), 'utf8'));
    expect(images.map(({ digest }: { digest: string }) => digest)).toEqual([
      `sha256:${ids[0]}`,
      `sha256:${ids[2]}`,
    ]);
    const [, both] = /images\.tar\.zst: \d+ MB of (\d+) MB/.exec(saved.stdout) ?? [];
    const [samp, maestro] = images.map(({ size }: { size: number }) => size / 1e6);
    expect(Number(both)).toBeGreaterThan(maestro);
    expect(Number(both)).toBeLessThan(maestro + samp * 0.2);
    expect((await run('zstd', ['--test', '--quiet', join(bundle(), 'images.tar.zst')])).code).toBe(0);
    for (const id of ids) {
      expect((await engine(['ps', '--all', '--quiet', `--filter=ancestor=${id}`])).stdout).toBe('');
    }
    expect(readdirSync(place)).toEqual(['a bundle']);
  });

  testNeeding(needs, 'saved again, they are the same, byte for byte', async () => {
    const again = await save(join(place, 'again'));
    onTestFinished(() => rmSync(join(place, 'again'), { recursive: true }));
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect((await run('diff', ['-r', bundle(), join(place, 'again')])).stdout).toBe('');
  });

  testNeeding(needs, 'their SBOMs have every Debian package that dpkg knows, and no other', async () => {
    const listed = await engine([
      ...['run', '--rm', '--network=none', '--entrypoint=dpkg-query', nameOf('maestro')],
      ...['--show', '--showformat=${db:Status-Status} ${Package} ${Version} ${Architecture}\n'],
    ]);
    const known = listed.stdout.split('\n').flatMap((line) => /^installed (.*)/.exec(line)?.[1] ?? []);
    const { components } = JSON.parse(readFileSync(join(bundle(), 'sbom/ldms-maestro.cdx.json'), 'utf8'));
    const told = components.flatMap(({ name, version, purl }: Record<string, string>) =>
      purl?.startsWith('pkg:deb/debian/')
        ? `${name} ${version} ${new URL(purl).searchParams.get('arch')}`
        : [],
    );
    expect(known.length).toBeGreaterThan(100);
    expect(told.sort()).toEqual(known.sort());
    expect(components.find(({ name }: { name: string }) => name === 'debian')?.version).toBe('12');
  });

  testNeeding(needs, 'are lost in docker, and loaded: samp runs', async () => {
    expect((await engine(['rmi', '-f', ...names])).code).toBe(0);
    for (const id of ids) expect(await idsIn('docker', [id]), 'it is lost').toEqual([]);

    // Cut on its way: nothing is loaded.
    const cut = join(place, 'cut');
    cpSync(bundle(), cut, { recursive: true });
    onTestFinished(() => rmSync(cut, { recursive: true }));
    truncateSync(join(cut, 'images.tar.zst'), 50e6);
    const refused = await run('sh', [join(cut, 'load.sh')]);
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('images.tar.zst is cut: it has 50000000 of '),
    });
    for (const id of ids) expect(await idsIn('docker', [id])).toEqual([]);

    const { code, stdout, stderr } = await load({});
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(names.map((name) => `${name} is there\n`).join(''));
    expect(await idsIn('docker', names)).toEqual(ids);
    const samp = ['run', '--rm', '--network=host', nameOf('samp')];
    expect(await engine([...samp, 'ldmsd', '-V'])).toMatchObject({
      code: 0,
      stdout: 'LDMSD Version: 4.4.4\n',
    });
    const cat = await engine([
      'run',
      '--rm',
      '--network=none',
      '--entrypoint=cat',
      nameOf('maestro'),
      '/secret',
    ]);
    expect(cat.stdout).toBe(`${secret} maestro`);
  });

  testNeeding(
    [...needs, 'podman'],
    'are loaded into podman, which saves them as well: samp runs',
    async () => {
      const env = await podmanStore();
      const podman = (...words: string[]) => run('podman', words, { env });
      expect(await idsIn('podman', names.slice(0, 1), env)).toEqual([]);
      const { code, stdout, stderr } = await load(env, '--engine', 'podman');
      expect(code, stderr).toBe(0);
      expect(stdout).toContain(names.map((name) => `${name} is there\n`).join(''));
      expect(await idsIn('podman', names, env)).toEqual(ids);
      const samp = ['run', '--rm', '--network=host', ...podmanOptions, nameOf('samp')];
      expect(await podman(...samp, 'ldmsd', '-V')).toMatchObject({
        code: 0,
        stdout: 'LDMSD Version: 4.4.4\n',
      });

      const output = join(place, 'by-podman');
      onTestFinished(() => rmSync(output, { recursive: true, force: true }));
      const again = await save(output, env, 'podman');
      expect({ code: again.code, stderr: again.stderr }).toEqual({ code: 0, stderr: '' });
      const manifest = (directory: string) =>
        JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8'));
      const digests = (directory: string) =>
        manifest(directory).images.map(({ digest }: { digest: string }) => digest);
      expect(digests(output)).toEqual(digests(bundle()));
      expect((await run('sh', [join(output, 'load.sh')])).stdout).toContain(`${names.at(-1)} is there\n`);
    },
  );

  testNeeding(
    [...needs, 'podman'],
    'with the same layer on top of each, podman takes them in any order',
    async () => {
      const same = `${of}-same`;
      const both = names.map((name) => name.replace(of, same));
      onTestFinished(async () => void (await engine(['rmi', '-f', ...both])));
      for (const image of ['samp', 'maestro']) {
        await build(
          nameOf(image),
          both.filter((name) => name.includes(image)),
          secret,
        );
      }
      const output = join(place, 'same');
      onTestFinished(() => rmSync(output, { recursive: true, force: true }));
      expect(await save(output, {}, 'docker', same)).toMatchObject({ code: 0, stderr: '' });
      const list = 'zstd -dc "$1" | tar -xOf - manifest.json';
      const { stdout } = await run('sh', ['-c', list, 'sh', join(output, 'images.tar.zst')]);
      const images: { Layers: string[] }[] = JSON.parse(stdout);
      const [first, second] = images.map(({ Layers }) => Layers.at(-1));
      expect(first, 'the layer is one file').toBe(second);
      const env = await podmanStore();
      const loaded = await run('sh', [join(output, 'load.sh'), '--engine=podman'], {
        env: { ...process.env, ...env },
      });
      expect(loaded.code, loaded.stderr).toBe(0);
    },
  );

  testNeeding([...needs, 'ctr'], "are loaded into a namespace of containerd's", async () => {
    const env = {
      CONTAINERD_ADDRESS: '/run/docker/containerd/containerd.sock',
      CONTAINERD_NAMESPACE: `ldms-test-${process.pid}`,
    };
    const ctr = (...words: string[]) => run('ctr', words, { env: { ...process.env, ...env } });
    onTestFinished(async () => {
      await ctr('images', 'rm', '--sync', ...names);
      await ctr('namespaces', 'rm', env.CONTAINERD_NAMESPACE);
    });
    expect((await ctr('images', 'list', '-q')).stdout).toBe('');
    const { code, stdout, stderr } = await load(env, '--engine', 'ctr');
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    expect((await ctr('images', 'list', '-q')).stdout.split('\n').filter(Boolean).sort()).toEqual(
      names.toSorted(),
    );
    expect((await ctr('images', 'check', '-q')).stdout.split('\n').filter(Boolean).sort()).toEqual(
      names.toSorted(),
    );
  });
});
