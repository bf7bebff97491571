/** The papers of a bundle: the manifest, the sums, the script and the README. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loaderOf, readmeOf } from '../../images/build/bundle/loader.ts';
import { manifestOf, type Saved } from '../../images/build/bundle/manifest.ts';
import { sumsOf } from '../../images/build/bundle/sums.ts';
import { testNeeding } from '../support/needs.ts';
import { run } from '../support/program.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';
const sources = {
  components: { sos: { repository: 'https://github.com/ovis-hpc/sos', ref: 'SOS-6', commit } },
  changedByHand: false,
};
const samp: Saved = {
  image: 'samp',
  names: ['ovishpc/ldms-samp:1', 'ovishpc/ldms-samp:1-amd64'],
  id: 'engine-own',
  digest: `sha256:${'a'.repeat(64)}`,
  size: 244_366_024,
  layers: ['sha256:1', 'sha256:2'],
  labels: {
    'org.opencontainers.image.version': '4.4.4',
    'org.opencontainers.image.revision': commit,
    'com.github.ovis-hpc.sources': JSON.stringify(sources),
  },
  created: '2022-04-15T05:20:00Z',
};
const dev: Saved = {
  ...samp,
  image: 'dev',
  names: ['ovishpc/ldms-dev:1'],
  labels: {},
  created: '2021-01-01T00:00:00Z',
};
const common = {
  tag: '1',
  arch: 'amd64',
  namespace: 'ovishpc',
  engine: { name: 'docker', version: '20.10.24' },
} as const;

describe('manifest.json', () => {
  test('what the images are, and what they are made from, as far as they tell', () => {
    const saved = {
      digest: samp.digest,
      size: 244_366_024,
      layers: ['sha256:1', 'sha256:2'],
    };
    expect(manifestOf([samp, dev], common)).toEqual({
      format: 'ldms-images-bundle',
      formatVersion: 1,
      created: '2022-04-15T05:20:00Z',
      ...common,
      images: [
        {
          ...saved,
          names: samp.names,
          created: '2022-04-15T05:20:00Z',
          version: '4.4.4',
          revision: commit,
          sources: sources.components,
          changedByHand: false,
        },
        {
          ...saved,
          names: dev.names,
          created: '2021-01-01T00:00:00Z',
          version: 'unknown',
          revision: 'unknown',
          sources: 'unknown',
        },
      ],
    });
  });

  test('has nothing else of what it is given', () => {
    const more = { ...common, output: '/home/me', engine: { ...common.engine, store: '/var/lib/docker' } };
    expect(manifestOf([samp], more)).toEqual(manifestOf([samp], common));
  });
});

test('SHA256SUMS is as sha256sum takes it, in the order of the names', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ldms-sums-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const file of ['b', 'a', 'known']) writeFileSync(join(directory, file), file);
  const known = (await run('sha256sum', [join(directory, 'known')])).stdout.slice(0, 64);
  const sums = sumsOf(directory, ['b', 'known', 'a'], { known });
  writeFileSync(join(directory, 'SHA256SUMS'), sums);
  const check = () => run('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: directory });
  expect(await check()).toEqual({ code: 0, stdout: 'a: OK\nb: OK\nknown: OK\n', stderr: '' });
  writeFileSync(join(directory, 'b'), 'changed');
  expect((await check()).stdout).toContain('b: FAILED');
});

describe('load.sh', () => {
  const archived = { 'ovishpc/ldms-samp:1': 'localhost/ovishpc/ldms-samp:1' };
  const script = loaderOf([{ ...samp, archived }], 'arm64', { size: 12_345 });

  test('knows the architecture, the size of the archive and each name', () => {
    expect(script).toContain("\narch='arm64'\narchive_bytes='12345'\n");
    const id = 'a'.repeat(64);
    expect(script).toContain(
      `\n${id} ovishpc/ldms-samp:1 localhost/ovishpc/ldms-samp:1\n${id} ovishpc/ldms-samp:1-amd64 ovishpc/ldms-samp:1-amd64\nEND\n`,
    );
    expect(script).not.toMatch(/@[A-Z]+@/);
  });

  for (const words of [['sh'], ['dash'], ['bash', '--posix'], ['busybox', 'sh']]) {
    const [shell = '', ...args] = words;
    testNeeding([shell], `${words.join(' ')} can read it`, async () => {
      const read = (text: string) => run(shell, [...args, '-n'], { input: text });
      expect(await read(script)).toEqual({ code: 0, stdout: '', stderr: '' });
      expect((await read(`${script}\nif`)).code, 'a mistake is seen').not.toBe(0);
    });
  }

  testNeeding(['shellcheck'], 'shellcheck has nothing to say', async () => {
    const check = (text: string) => run('shellcheck', ['--shell=sh', '-'], { input: text });
    expect(await check(script)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await check(`${script}\n[[ -f x ]]`)).code, 'what only bash knows is seen').not.toBe(0);
  });
});

test('README.txt: ten lines at most, with what to type', () => {
  const text = readmeOf([samp, dev], 'amd64', '2022-04-15T05:20:00Z');
  expect(text).toContain('LDMS container images for linux/amd64, made 2022-04-15: 2 images.\n');
  expect(text).toMatch(/^ {2}sh load\.sh --check /m);
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(10);
  expect(readmeOf([samp], 'amd64', '2022-04-15T05:20:00Z')).toContain(': one image.\n');
});
