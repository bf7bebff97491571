/** Two builds of one commit, with one SOURCE_DATE_EPOCH and nothing from a cache: the same layers. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import { makeContext } from '../../images/build/context.ts';
import { buildCommand, type EngineName, inspectImage, type StoredImage } from '../../images/build/engine.ts';
import { entrypointFor } from '../../images/build/entrypoint.ts';
import { madeBase } from '../../images/build/names.ts';
import { engine, imageOf } from '../support/containers.ts';
import { testNeeding } from '../support/needs.ts';
import { repository, run } from '../support/program.ts';

const ovis = join(repository, 'test/standins/ovis');
const arch = hostArch() ?? 'amd64';
const created = 1_700_000_000;

/** The base that the tests' own images are from. */
async function base(): Promise<string> {
  const official = 'debian:bookworm-slim';
  return (await engine(['image', 'inspect', official])).code === 0 ? official : madeBase('bookworm', arch);
}

/** A namespace of this process's own, whose images go when the test has finished. */
function namespaceFor(by: EngineName): string {
  const namespace = `localhost/ldms-test-reproducible-${by}-${process.pid}`;
  const remover = by === 'docker' ? 'docker' : 'podman';
  onTestFinished(async () => {
    const { stdout } = await engine(['images', '--format', '{{.Repository}}:{{.Tag}}'], undefined, remover);
    const names = stdout.split('\n').filter((name) => name.startsWith(`${namespace}/`));
    if (names.length > 0) await engine(['rmi', '-f', ...names], undefined, remover);
  });
  return namespace;
}

/** A directory that goes when its test has finished. */
function makeDirectory(): string {
  const made = mkdtempSync(join(tmpdir(), 'ldms-reproducible-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A checkout of its own, with the program as it was built. */
function checkout(): string {
  const directory = makeDirectory();
  const sources = ['images', 'src', 'build.mjs', 'package.json', 'package-lock.json'];
  for (const path of [...sources, relative(repository, entrypointFor(arch))]) {
    cpSync(join(repository, path), join(directory, path), { recursive: true, preserveTimestamps: true });
  }
  symlinkSync(join(repository, 'node_modules'), join(directory, 'node_modules'));
  return directory;
}

/** Builds ldms-samp, and what it is built from, as a user does, in a checkout of its own. */
async function buildSamp(
  by: EngineName,
  image: { namespace: string; tag: string },
  options: readonly string[] = ['--no-cache'],
  env: NodeJS.ProcessEnv = {},
): Promise<StoredImage> {
  const words = [
    'build',
    'samp',
    `--engine=${by}`,
    `--ovis=${ovis}`,
    `--namespace=${image.namespace}`,
    `--tag=${image.tag}`,
    `--base-image=${await base()}`,
    '--network=host',
    ...options,
  ];
  const directory = checkout();
  const { code, stdout, stderr } = await run(
    process.execPath,
    [join(directory, 'images/build/main.ts'), ...words],
    { env: { ...process.env, SOURCE_DATE_EPOCH: String(created), ...env }, cwd: directory },
  );
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  const made = await inspectImage({ name: by }, `${image.namespace}/ldms-samp:${image.tag}`);
  if (!made) throw new Error(`${by} does not have what it has built`);
  return made;
}

const version = ({ labels }: StoredImage): string | undefined => labels['org.opencontainers.image.version'];

testNeeding(
  ['docker engine'],
  "docker's classic builder makes the same layers, packages and all",
  async () => {
    const namespace = namespaceFor('docker');
    const env = { DOCKER_BUILDKIT: '0' };
    const one = await buildSamp('docker', { namespace, tag: 'one' }, ['--no-cache'], env);
    const other = await buildSamp('docker', { namespace, tag: 'other' }, ['--no-cache'], env);
    expect(other.id, 'it was built again').not.toBe(one.id);
    // The base's, the scripts, the packages, the program, OVIS, and what is made of it.
    expect(one.layers.length).toBeGreaterThanOrEqual(6);
    expect(other.layers).toEqual(one.layers);
  },
);

testNeeding(
  ['docker engine', 'podman', 'buildah', 'root'],
  'buildah makes the same layers; those of its cache stay, under labels that are new',
  async () => {
    const namespace = namespaceFor('buildah');
    const from = await base();
    const loaded = await run('/bin/sh', ['-c', `docker save ${from} | podman load -q`]);
    expect(loaded.code, loaded.stderr).toBe(0);
    // Where containers cannot be nested, the steps run in a chroot.
    const env = { BUILDAH_ISOLATION: 'chroot' };
    const one = await buildSamp('buildah', { namespace, tag: 'one' }, ['--no-cache'], env);
    const other = await buildSamp('buildah', { namespace, tag: 'other' }, ['--no-cache'], env);
    expect(other.id, 'it was built again').not.toBe(one.id);
    expect(one.layers.length).toBeGreaterThanOrEqual(6);
    expect(other.layers).toEqual(one.layers);
    // Both are from its cache, or they would be of two times.
    const again = await buildSamp('buildah', { namespace, tag: 'again' }, [], env);
    const after = { ...env, SOURCE_DATE_EPOCH: String(created + 1) };
    const later = await buildSamp('buildah', { namespace, tag: 'later' }, [], after);
    expect(later.layers).toEqual(again.layers);
    expect([one, other, again, later].map(version)).toEqual(['one', 'other', 'again', 'later']);
  },
);

/** What is in each layer of an image: a list of its files, and the digest of all that they have. */
async function contentsOf(image: string): Promise<readonly { files: readonly string[]; digest: string }[]> {
  const place = makeDirectory();
  await execa('sh', ['-c', 'docker save "$0" | tar -x -C "$1"', image, place]);
  const [{ Layers }] = JSON.parse(readFileSync(join(place, 'manifest.json'), 'utf8')) as [
    { Layers: string[] },
  ];
  return Promise.all(
    Layers.map(async (layer) => {
      const file = join(place, layer);
      const { stdout: list } = await execa('tar', ['-tvf', file, '--numeric-owner', '--full-time']);
      const { stdout: digest } = await execa('sh', ['-c', 'tar -xOf "$0" | sha256sum', file]);
      return { files: list.split('\n'), digest };
    }),
  );
}

testNeeding(
  ['docker engine', 'BuildKit'],
  "BuildKit makes layers that differ in nothing but directories' times",
  async () => {
    const namespace = namespaceFor('docker');
    const place = makeDirectory();
    // Debian's client has BuildKit; one that is found before it may lack the plugin for it.
    const env = { DOCKER_BUILDKIT: '1', PATH: `/usr/bin:${process.env['PATH']}` };
    const buildIn = async (tag: string) => {
      const context = join(place, tag);
      mkdirSync(context);
      makeContext('samp', context, { ovis, dsosds: place, entrypoint: entrypointFor(arch), created });
      const image = `${namespace}/ldms-samp:${tag}`;
      const [program = '', ...words] = buildCommand(
        { name: 'docker' },
        {
          context,
          tags: [image],
          args: { COMMON_IMAGE: imageOf('common') },
          labels: {},
          platform: undefined,
          network: 'host',
          noCache: true,
        },
      );
      await execa(program, words, { env });
      return contentsOf(image);
    };
    const timeless = (layers: Awaited<ReturnType<typeof contentsOf>>) =>
      layers.map(({ files, digest }) => ({
        digest,
        files: files.map((line) => line.replace(/^(d\S+ \S+ +\d+) \S+ \S+ /, '$1 ')),
      }));
    const one = timeless(await buildIn('one'));
    expect(one.flatMap(({ files }) => files)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^-rwxr-xr-x 0\/0 +\d+ 2023-11-14 .* opt\/ovis\/sbin\/ldmsd$/),
      ]),
    );
    expect(timeless(await buildIn('other'))).toEqual(one);
  },
);
