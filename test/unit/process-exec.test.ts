import { expect, test } from 'vitest';
import { findExecutable } from '../../src/process/exec.ts';
import { fakeHost } from '../support/fake-host.ts';

const find = (program: string, args: readonly string[], programs = {}) =>
  findExecutable(fakeHost({ env: { PATH: '/bin:/sbin' }, programs }), { program, args });

test('argv begins with the name that was given, and the arguments are as they were', () => {
  const args = ['-x', 'sock:411', '', '*', 'a b', '--', '\n', "'"];
  expect(find('ldmsd', args, { ldmsd: '/opt/ovis/sbin/ldmsd' })).toEqual({
    path: '/opt/ovis/sbin/ldmsd',
    argv: ['ldmsd', ...args],
  });
});

test.each([
  ['in PATH', 'ldmsd', 'cannot start ldmsd: it is not in PATH (/bin:/sbin)'],
  ['by path', '/bin/none', 'cannot start /bin/none: it does not exist'],
])('a program that is missing, named %s, is exit 127 and is named', (_, program, what) => {
  expect(find(program, [])).toMatchObject({ kind: 'notFound', what });
});

test('without PATH, that is said', () => {
  expect(findExecutable(fakeHost(), { program: 'ldmsd', args: [] })).toMatchObject({
    what: 'cannot start ldmsd: it is not in PATH (which is unset)',
  });
});

test.each([
  ['EACCES', 'permission denied'],
  ['EISDIR', 'it is a directory'],
])('a program that cannot be executed (%s) is exit 126, with the file and why', (errno, why) => {
  const programs = { ldmsd: { missing: 'notExecutable', at: '/sbin/ldmsd', errno } };
  expect(find('ldmsd', [], programs)).toMatchObject({
    kind: 'notExecutable',
    what: `cannot start ldmsd: /sbin/ldmsd: ${why}`,
    remedy: expect.stringContaining('/sbin/ldmsd'),
  });
});
