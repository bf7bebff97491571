import { expect, test } from 'vitest';
import { whyNoRoom } from '../../src/nearest.ts';
import { type FakeFile, fakeHost } from '../support/fake-host.ts';

const room = (files: Readonly<Record<string, FakeFile>>) => whyNoRoom('/var/log/sosgui', fakeHost({ files }));
const directory = { kind: 'directory' } as const;

test.each([
  ['a directory that is there', { '/var/log/sosgui': directory }, '/var/log/sosgui', undefined],
  ['one that is to be made', { '/var/log': directory }, '/var/log', undefined],
  ['one that is to be made with others', { '/var': directory }, '/var', undefined],
  [
    'one that nobody may write to',
    { '/var/log/sosgui': { ...directory, closed: 'EACCES' } },
    '/var/log/sosgui',
    'EACCES',
  ],
  ['one that nobody may make', { '/var/log': { ...directory, closed: 'EROFS' } }, '/var/log', 'EROFS'],
  ['a file in its place', { '/var/log/sosgui': {} }, '/var/log/sosgui', 'ENOTDIR'],
  ['a file on the way', { '/var/log': {} }, '/var/log', 'ENOTDIR'],
  [
    'a link to nothing in its place',
    { '/var/log/sosgui': { hidden: 'ENOENT', link: true } },
    '/var/log/sosgui',
    'ENOENT',
  ],
  ['a link to nothing on the way', { '/var/log': { hidden: 'ENOENT', link: true } }, '/var/log', 'ENOENT'],
] as const)('%s', (_, files, there, errno) => {
  expect(room(files)).toEqual({ there, errno });
});
