/** The archive on its way: what it comes to, and in which order. */
import { buffer } from 'node:stream/consumers';
import { extract, pack } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import { type HistoryEntry, sizesOf } from '../../images/build/bundle/layers.ts';
import { nowAndThen, progressLine } from '../../images/build/bundle/progress.ts';
import { findArchived, regroup } from '../../images/build/bundle/regroup.ts';

describe('the layers of several images', () => {
  const entry = (createdBy: string, size: number): HistoryEntry => ({ created: '2022', createdBy, size });
  const base = [entry('base', 100), entry('ENV', 0)];

  test('count once where they are the same, with all below them', () => {
    const sizes = sizesOf([
      [...base, entry('a', 10)],
      [...base, entry('a', 10), entry('b', 5)],
      [entry('other', 7), entry('a', 10)],
    ]);
    expect(sizes).toEqual({ together: 100 + 10 + 5 + 7 + 10, largest: 100, twins: [] });
  });

  test('of the same size in different places are twins, unless they are small', () => {
    const program = entry('COPY ldms-entrypoint', 118_581_639);
    const note = entry('COPY note', 4096);
    expect(
      sizesOf([
        [...base, note, program],
        [entry('other', 7), note, program],
        [entry('x', 1), program],
      ]).twins,
    ).toEqual([118_581_639]);
    // The same layer of two images is in the archive once.
    expect(
      sizesOf([
        [...base, program],
        [...base, program, entry('b', 5)],
      ]).twins,
    ).toEqual([]);
  });

  test('none', () => expect(sizesOf([])).toEqual({ together: 0, largest: 0, twins: [] }));
});

const reach = 128 << 20;

/** Files as an engine gives them, and as they come out. */
async function regrouped(
  files: readonly (readonly [name: string, body: string])[],
  twins: readonly number[] = [],
  within = reach,
) {
  const [given, from, to] = [pack(), extract(), pack()];
  for (const [name, body] of files) given.entry({ name, mtime: new Date('2022-04-15') }, body);
  given.entry({ name: 'z/layer.tar', type: 'symlink', linkname: '../a/layer.tar' });
  given.finalize();
  from.end(await buffer(given));
  const [images, archive] = await Promise.all([regroup(from, to, twins, within), buffer(to)]);
  const reader = extract();
  reader.end(archive);
  const entries: { name: string; body: string; mtime: number; link: string | null | undefined }[] = [];
  for await (const entry of reader) {
    const { name, mtime, linkname } = entry.header;
    const body = (await buffer(entry)).toString();
    entries.push({ name, body, mtime: Number(mtime), link: linkname });
  }
  return { images, archive, entries, names: entries.map(({ name }) => name) };
}

const config = (digit: string) => `${digit.repeat(64)}.json`;
const list = (...digits: string[]): readonly [string, string] => [
  'manifest.json',
  JSON.stringify(digits.map((digit) => ({ Config: config(digit), RepoTags: [`n/${digit}:1`], Layers: [] }))),
];

describe('regrouped', () => {
  const layer = 'x'.repeat(200_000);
  const twin = 'y'.repeat(100_000);
  const files: (readonly [string, string])[] = [
    ['a/layer.tar', twin],
    ['b/layer.tar', layer],
    ['c/layer.tar', layer],
    ['d/layer.tar', twin],
    ['e/layer.tar', 'z'],
  ];

  test('twins come together, the rest as it came, and nothing is lost', async () => {
    const { names, entries } = await regrouped([...files, list('a')], [99_000]);
    expect(names).toEqual(
      ['b', 'c', 'a', 'd', 'e'].map((at) => `${at}/layer.tar`).concat('z/layer.tar', 'manifest.json'),
    );
    for (const [name, body] of files)
      expect(entries.find((each) => each.name === name)?.body, name).toBe(body);
    expect(entries.at(-2)?.link).toBe('../a/layer.tar');
    // Without twins, it is as it came.
    expect((await regrouped([...files, list('a')])).names.slice(0, 5)).toEqual(files.map(([name]) => name));
  });

  test('one whose twin does not come, and one that is too large to be held, are there as well', async () => {
    const alone = await regrouped([...files.slice(0, 3), list('a')], [99_000]);
    expect(alone.names).toEqual([...['b', 'c', 'z', 'a'].map((at) => `${at}/layer.tar`), 'manifest.json']);
    const large = await regrouped([...files, list('a')], [99_000], 100_000);
    expect(large.names.slice(0, 5)).toEqual(files.map(([name]) => name));
  });

  test('the same, in whichever order docker lists its images, and with whatever times', async () => {
    const one = await regrouped([...files, list('a', 'b')]);
    const other = await regrouped([...files, list('b', 'a')]);
    expect(one.archive.equals(other.archive)).toBe(true);
    expect(one.entries.map(({ mtime }) => mtime)).toEqual(one.entries.map(() => 0));
    expect(one.archive.equals((await regrouped([...files, list('a', 'c')])).archive)).toBe(false);
  });

  test('images have the layers themselves, and no links to them', async () => {
    const layers = ['b/layer.tar', 'z/layer.tar'];
    const linked = JSON.stringify([{ Config: config('a'), RepoTags: ['n/a:1'], Layers: layers }]);
    const { entries } = await regrouped([...files, ['manifest.json', linked]]);
    const [image] = JSON.parse(entries.at(-1)?.body ?? '');
    expect(image).toEqual({
      Config: config('a'),
      RepoTags: ['n/a:1'],
      Layers: ['b/layer.tar', 'a/layer.tar'],
    });
  });

  test('tells the images', async () => {
    const { images } = await regrouped([list('a', 'b')]);
    expect(images).toEqual([
      { digest: `sha256:${'a'.repeat(64)}`, names: ['n/a:1'] },
      { digest: `sha256:${'b'.repeat(64)}`, names: ['n/b:1'] },
    ]);
    const oci = [
      'manifest.json',
      JSON.stringify([{ Config: `blobs/sha256/${'c'.repeat(64)}`, RepoTags: null, Layers: [] }]),
    ];
    expect((await regrouped([oci as [string, string]])).images).toEqual([
      { digest: `sha256:${'c'.repeat(64)}`, names: [] },
    ]);
  });

  test('what is no archive of images is refused', async () => {
    await expect(regrouped(files)).rejects.toThrow('what the engine has given is no archive of images');
  });
});

test.each([
  ['ovishpc/ldms-samp:1', 'localhost/ovishpc/ldms-samp:1'],
  ['docker.io/ovishpc/ldms-samp:1', 'ovishpc/ldms-samp:1'],
  ['localhost/mine/ldms-samp:1', 'localhost/mine/ldms-samp:1'],
])('%s is %s in an archive', (name, archived) => {
  const images = [
    { digest: 'sha256:1', names: ['other/ldms-samp:1'] },
    { digest: 'sha256:2', names: [`${archived}0`, archived] },
  ];
  expect(findArchived(name, images)).toEqual({ name: archived, digest: 'sha256:2' });
  expect(() => findArchived(`${name}1`, images)).toThrow(`the engine has left ${name}1 out of the archive`);
});

describe('progress', () => {
  test.each([
    [600e6, 1_900e6, 10, '600 MB of about 1900 MB, 60 MB/s, 22 s left'],
    [100e6, 1_900e6, 10, '100 MB of about 1900 MB, 10 MB/s, 3 min left'],
    [0, 1_900e6, 0, '0.0 MB, 0.0 MB/s'],
    [2_000e6, 1_900e6, 20, '2000 MB, 100 MB/s'],
  ])('%d of %d bytes after %d s', (done, total, seconds, line) => {
    expect(progressLine(done, total, seconds)).toBe(line);
  });

  test('is told now and then, however often there is something to tell', () => {
    const told: string[] = [];
    const rarely = nowAndThen((line) => told.push(line), 3_600_000);
    const always = nowAndThen((line) => told.push(line), 0);
    for (let at = 0; at < 1_000; at++) rarely(() => 'too often');
    always(() => 'one');
    always(() => 'two');
    expect(told).toEqual(['one', 'two']);
  });
});
