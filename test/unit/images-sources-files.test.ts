/** Digests and copies of trees of files. */
import {
  chmodSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { copyFiles, digestOf, digestsBelow } from '../../images/build/sources/files.ts';
import { temporary, writeFiles } from '../support/source-plans.ts';

describe('digests', () => {
  test('of content: SHA-256, however long it is', () => {
    const directory = temporary();
    const long = 'x'.repeat((1 << 20) + 1);
    writeFiles(directory, { empty: '', abc: 'abc', long, 'sub/abc': 'abc' });
    expect(digestsBelow(directory)).toEqual({
      // https://www.di-mgt.com.au/sha_testvectors.html
      abc: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      empty: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      long: expect.stringMatching(/^[0-9a-f]{64}$/),
      'sub/abc': 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    });
    // Its last letter counts, behind what is read at a time.
    const before = digestOf(join(directory, 'long'));
    writeFileSync(join(directory, 'long'), `${long.slice(1)}y`);
    expect(digestOf(join(directory, 'long'))).not.toBe(before);
  });

  test('of a link: where it leads to, whether there is something or not', () => {
    const directory = temporary();
    writeFiles(directory, { one: 'same', other: 'same' });
    const link = (name: string, to: string) => symlinkSync(to, join(directory, name));
    for (const [name, to] of [
      ['a', 'one'],
      ['b', 'one'],
      ['c', 'other'],
      ['d', 'nowhere'],
      ['e', '.'],
    ] as const)
      link(name, to);
    const { a, b, c, d, one, e } = digestsBelow(directory);
    expect(a).toBe(b);
    expect(new Set([a, c, d, e, one]).size).toBe(5);
  });

  test('of a file that has changed since it was asked about, though it is as long as before', () => {
    const path = join(temporary(), 'file');
    writeFiles(dirname(path), { file: 'abc' });
    const [before, { ctimeNs, ino, mtimeNs }] = [digestOf(path), lstatSync(path, { bigint: true })];
    // The clock of files ticks every few milliseconds.
    do writeFiles(dirname(path), { file: 'abd' });
    while (lstatSync(path, { bigint: true }).ctimeNs === ctimeNs);
    expect(lstatSync(path, { bigint: true })).toMatchObject({ ino, mtimeNs });
    expect(digestOf(path)).not.toBe(before);
  });
});

describe('copies', () => {
  test('have content, modes and times; links stay links', () => {
    const [from, to] = [temporary(), temporary()];
    writeFiles(from, { 'bin/tool': 'tool', 'lib/secret': 'secret', 'lib/left': 'left' });
    for (const [file, mode] of [
      ['bin/tool', 0o4755],
      ['lib/secret', 0o400],
    ] as const)
      chmodSync(join(from, file), mode);
    symlinkSync('../bin/tool', join(from, 'lib/link'));
    lutimesSync(join(from, 'lib/link'), 86_398, 86_398);
    symlinkSync('nowhere', join(from, 'lib/dangling'));
    copyFiles(['bin/tool', 'lib/secret', 'lib/link', 'lib/dangling'], from, to);
    // A second time, over what is there, one file of which cannot be written to.
    copyFiles(['bin/tool', 'lib/secret', 'lib/link'], from, to);
    expect(digestsBelow(to)).toEqual(
      Object.fromEntries(Object.entries(digestsBelow(from)).filter(([file]) => file !== 'lib/left')),
    );
    const seen = (file: string) => {
      const { mode, mtimeMs } = lstatSync(join(to, file));
      return { mode: mode & 0o7777, mtimeMs };
    };
    expect(seen('bin/tool')).toEqual({ mode: 0o4755, mtimeMs: 86_399_000 });
    expect(seen('lib/secret')).toEqual({ mode: 0o400, mtimeMs: 86_399_000 });
    expect(readlinkSync(join(to, 'lib/link'))).toBe('../bin/tool');
    expect(seen('lib/link').mtimeMs).toBe(86_398_000);
  });

  test('take the place of what is there, and do not go through its links', () => {
    const [from, to, elsewhere] = [temporary(), temporary(), temporary()];
    writeFiles(from, { file: 'new', other: 'new' });
    writeFiles(elsewhere, { file: 'mine' });
    symlinkSync(join(elsewhere, 'file'), join(to, 'file'));
    writeFiles(to, { other: 'old' });
    copyFiles(['file', 'other'], from, to);
    expect(readFileSync(join(elsewhere, 'file'), 'utf8')).toBe('mine');
    expect(lstatSync(join(to, 'file')).isFile()).toBe(true);
    expect(readFileSync(join(to, 'other'), 'utf8')).toBe('new');
  });

  test('of nothing make nothing', () => {
    const to = temporary();
    mkdirSync(join(to, 'there'));
    copyFiles([], '/nonexistent', to);
    expect(digestsBelow(to)).toEqual({});
  });
});
