/** Where a bundle may be put, and how it gets there. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeBeside, moveInPlace, realOutput, wrongWithOutput } from '../../images/build/bundle/place.ts';

/** A directory with files: by name, what is in them. */
function directoryWith(files: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), 'ldms-place-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), text);
  }
  return directory;
}
const bundle = {
  'manifest.json': '{"format": "ldms-images-bundle"}',
  SHA256SUMS: '',
  'sbom/ldms-samp.cdx.json': '',
};
const inDirectory = (files: Record<string, string>) =>
  directoryWith(Object.fromEntries(Object.entries(files).map(([file, text]) => [`out/${file}`, text])));

test('a new directory, an empty one and an older bundle are fine', () => {
  const parent = directoryWith({});
  expect(wrongWithOutput(join(parent, 'out'))).toBeUndefined();
  mkdirSync(join(parent, 'out'));
  expect(wrongWithOutput(join(parent, 'out'))).toBeUndefined();
  expect(wrongWithOutput(join(inDirectory(bundle), 'out'))).toBeUndefined();
});

test.each([
  ['something else', { 'thesis.txt': 'months of work' }, 'thesis.txt'],
  ['a bundle that somebody has put a file into', { ...bundle, 'thesis.txt': '' }, 'thesis.txt'],
  ["somebody else's manifest", { 'manifest.json': '{"format": "other"}' }, 'manifest.json'],
  ['a manifest that is none', { 'manifest.json': '{"format": "ldms-' }, 'manifest.json'],
  ['files of a bundle without a manifest', { SHA256SUMS: '' }, 'SHA256SUMS'],
  ['many files', { a: '', b: '', c: '', d: '' }, 'a, b, c'],
])('%s is not replaced', (_, files, named) => {
  const output = join(inDirectory(files), 'out');
  expect(wrongWithOutput(output)).toBe(
    `${output} has files that are no bundle's (${named}); choose another place: --output=${output}/ldms-images`,
  );
});

test('a file, a missing parent and a parent that is a file', () => {
  const parent = directoryWith({ file: '' });
  expect(wrongWithOutput(join(parent, 'file'))).toContain(`${parent}/file is there, and is no directory`);
  expect(wrongWithOutput(join(parent, 'a b/out'))).toBe(
    `${parent}/a b is no directory, and the bundle would be in it: mkdir -p '${parent}/a b'`,
  );
  expect(wrongWithOutput(join(parent, 'file/out'))).toContain(`${parent}/file is no directory`);
});

test('a link stands for what it leads to; one that leads nowhere is refused', () => {
  const parent = inDirectory(bundle);
  symlinkSync('out', join(parent, 'link'));
  expect(realOutput(join(parent, 'link'))).toBe(realOutput(join(parent, 'out')));
  symlinkSync('nowhere', join(parent, 'dangling'));
  expect(wrongWithOutput(realOutput(join(parent, 'dangling')))).toContain('is no directory');
});

test('a whole bundle takes the place of an older one, and nothing is left beside', () => {
  const parent = inDirectory({ ...bundle, 'README.txt': 'old' });
  const output = join(parent, 'out');
  const work = makeBeside(output);
  expect(dirname(work)).toBe(parent);
  writeFileSync(join(work, 'README.txt'), 'new');
  expect(readFileSync(join(output, 'README.txt'), 'utf8')).toBe('old');
  moveInPlace(work, output);
  expect(readdirSync(parent)).toEqual(['out']);
  expect(readdirSync(output)).toEqual(['README.txt']);
  expect(readFileSync(join(output, 'README.txt'), 'utf8')).toBe('new');
});

test('where that cannot be done, the older one is where it was', () => {
  const parent = inDirectory({ 'README.txt': 'old' });
  const output = join(parent, 'out');
  expect(() => moveInPlace(join(parent, 'gone'), output)).toThrow('ENOENT');
  expect(readdirSync(parent)).toEqual(['out']);
  expect(readFileSync(join(output, 'README.txt'), 'utf8')).toBe('old');
});
