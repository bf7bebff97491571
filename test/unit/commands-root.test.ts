import { expect, test } from 'vitest';
import { wrongRoot } from '../../src/commands/root.ts';
import { fakeHost } from '../support/fake-host.ts';

test.each([
  ['none is set', '', {}],
  ['a directory', '/site', { '/site': { kind: 'directory' } }],
  ['a directory with something in it', '/site', { '/site/etc/munge/munge.key': {} }],
  ['a symbolic link to a directory', '/site', { '/site': { kind: 'directory', link: true } }],
] as const)('LDMS_ENTRYPOINT_ROOT is good: %s', (_, root, files) => {
  expect(wrongRoot(fakeHost({ root, files }))).toBeUndefined();
});

test.each([
  ['nothing', {}],
  ['nothing, beside one of a longer name', { '/sites': { kind: 'directory' } }],
  ['a file', { '/site': { content: 'x' } }],
  ['a socket', { '/site': { kind: 'socket' } }],
  ['a symbolic link to nothing', { '/site': { hidden: 'ENOENT', link: true } }],
  ['hidden from us', { '/site': { hidden: 'EACCES' } }],
] as const)('LDMS_ENTRYPOINT_ROOT has to be a directory: %s', (_, files) => {
  expect(wrongRoot(fakeHost({ root: '/site', files }))).toEqual({
    kind: 'usage',
    what: 'cannot use LDMS_ENTRYPOINT_ROOT=/site: it is not a directory',
    remedy: 'make it (mkdir -p /site), or correct the setting',
  });
});
