/** The room that building takes: what is there already, and what has to be made. */
import { beforeEach, expect, test, vi } from 'vitest';
import type { Arch } from '../../images/build/arch.ts';
import { hostArch } from '../../images/build/arch.ts';
import type { Sources } from '../../images/build/context.ts';
import type { Engine } from '../../images/build/engine.ts';
import { BuilderError } from '../../images/build/problem.ts';
import { megabytes, wantSpace } from '../../images/build/space.ts';

const machine = vi.hoisted(() => ({
  /** Bytes, by directory. */
  free: new Map<string, number>(),
  images: new Set<string>(),
}));
vi.mock('node:fs', async (original) => ({
  ...(await original<typeof import('node:fs')>()),
  statfsSync: (path: string) => ({ bavail: (machine.free.get(path) ?? Number.NaN) / 4096, bsize: 4096 }),
}));
vi.mock('../../images/build/engine.ts', () => ({
  inspectImage: async (_: unknown, name: string) => (machine.images.has(name) ? {} : undefined),
}));

const place = '/checkout/dist/images';
/** It has to be there. */
const store = import.meta.dirname;
const docker: Engine = {
  name: 'docker',
  version: '1',
  store,
  hasNetwork: true,
  rootless: false,
  passedOver: [],
};
const sources: Sources = { ovis: '/nonexistent', dsosds: '/nonexistent', entrypoint: '', created: 0 };
/** Of these, all contexts but that of `dev` have the program, and none has OVIS. */
const steps = ['common', 'dev', 'grafana'] as const;
/** Two programs, and about nothing for `dev`. */
const contextsTake = 240e6;

beforeEach(() => {
  machine.free = new Map([
    [place, 1e12],
    [store, 1e12],
  ]);
  machine.images.clear();
});

/** What is told of a build of some images; nothing if there is room. */
async function told(
  options: { cache?: boolean; tag?: string; arch?: Arch } = {},
  engine: Engine = docker,
): Promise<readonly string[]> {
  const { cache = true, tag = 'latest', arch = hostArch() ?? 'amd64' } = options;
  try {
    // Of the options, it needs no more.
    const needed = { cache, tag, arch, namespace: 'ovishpc' } as Parameters<typeof wantSpace>[3];
    await wantSpace(steps, sources, engine, needed, place);
  } catch (error) {
    if (!(error instanceof BuilderError)) throw error;
    expect(error.kind).toBe('unavailable');
    return error.sentences;
  }
  return [];
}

/** The megabytes that images are told to take; 0 if nothing is told. */
const taken = (sentences: readonly string[]): number =>
  Number(/the images \(docker keeps them there\) take about (\d+) MB/.exec(sentences.join())?.[1] ?? 0);

const have = (...names: string[]) => {
  for (const name of names) machine.images.add(`ovishpc/ldms-${name}`);
};

test('there is room', async () => {
  expect(await told()).toEqual([]);
});

test('there is none for contexts, or for images, or for both', async () => {
  const contexts = `${place} has 100 MB left, and the build contexts take about 240 MB; make room there`;
  const images = `${store} has 9.9 MB left, and the images (docker keeps them there) take about 1155 MB; make room there`;
  machine.free.set(place, 100e6);
  expect(await told()).toEqual([contexts]);
  machine.free.set(store, 9.9e6);
  expect(await told()).toEqual([contexts, images]);
  machine.free.set(place, 1e12);
  expect(await told()).toEqual([images]);
});

test('what images take: their contexts, and the layers of those that are not there', async () => {
  machine.free.set(store, 1e6);
  expect(taken(await told())).toBe(1155);
  have('dev:latest');
  expect(taken(await told())).toBe(295);
  have('common:latest');
  expect(taken(await told())).toBe(245);
  have('grafana:latest');
  expect(taken(await told())).toBe(contextsTake / 1e6);
  // What is built anew is made a second time.
  expect(taken(await told({ cache: false }))).toBe(1155);
  machine.free.set(store, 250e6);
  expect(await told()).toEqual([]);
  expect(taken(await told({ cache: false }))).toBe(1155);
});

test('images of another tag or architecture are not there', async () => {
  machine.free.set(store, 250e6);
  have('common:latest', 'dev:latest', 'grafana:latest');
  const otherArch = hostArch() === 'arm64' ? 'amd64' : 'arm64';
  expect(await told()).toEqual([]);
  expect(taken(await told({ tag: '2' }))).toBe(1155);
  expect(taken(await told({ arch: otherArch }))).toBe(1155);
  have(...steps.map((step) => `${step}:latest-${otherArch}`));
  expect(await told({ arch: otherArch })).toEqual([]);
});

test('a store that is not on this machine, or is not told, is not looked at', async () => {
  machine.free.set(store, 0);
  expect(await told({}, { ...docker, store: '/nonexistent/docker' })).toEqual([]);
  expect(await told({}, { ...docker, store: undefined })).toEqual([]);
  expect(taken(await told())).toBe(1155);
});

test.each([
  [0, '0.0 MB'],
  [49_999, '0.0 MB'],
  [9_940_000, '9.9 MB'],
  [10_000_000, '10 MB'],
  [1_620_400_000, '1620 MB'],
])('%d bytes are %s', (bytes, text) => {
  expect(megabytes(bytes)).toBe(text);
});
