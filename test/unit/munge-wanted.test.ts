import { describe, expect, test } from 'vitest';
import { mungeWanted } from '../../src/munge/wanted.ts';

const auth = (plugin: string, from: string, ...args: string[]) => ({ plugin, args, from });
const munge = auth('munge', '-a munge');

describe('LDMS_ENTRYPOINT_MUNGE=auto', () => {
  test.each([
    ['nothing is asked for', [], undefined],
    ['-a munge', [munge], { why: '-a munge' }],
    ['-a none', [auth('none', '-a none')], undefined],
    ['-a ovis', [auth('ovis', '-a ovis', 'conf=/munge')], undefined],
    [
      'another spelling is another plugin',
      [auth('Munge', '-a Munge'), auth('munge2', '-a munge2')],
      undefined,
    ],
    ['one of several', [auth('ovis', '-a ovis'), auth('munge', 'line 3 of /c')], { why: 'line 3 of /c' }],
    ['the first of several', [munge, auth('munge', 'line 3 of /c', 'socket=/s')], { why: '-a munge' }],
    ['with a socket', [auth('munge', '-a munge', 'socket=/srv/m')], { why: '-a munge', socket: '/srv/m' }],
    ['with an empty socket', [auth('munge', '-a munge', 'socket=')], { why: '-a munge' }],
    ['with another argument', [auth('munge', '-a munge', 'sockets=/x')], { why: '-a munge' }],
  ])('%s', (_, auths, wanted) => {
    expect(mungeWanted(auths, 'auto')).toEqual(wanted);
  });
});

test.each(['host', 'container'] as const)(
  'LDMS_ENTRYPOINT_MUNGE=%s wants munge whatever is asked for',
  (setting) => {
    expect(mungeWanted([], setting)).toEqual({ why: `LDMS_ENTRYPOINT_MUNGE=${setting}` });
    expect(mungeWanted([auth('munge', '-a munge', 'socket=/srv/m')], setting)).toEqual({
      why: '-a munge',
      socket: '/srv/m',
    });
  },
);

test('LDMS_ENTRYPOINT_MUNGE=off leaves munge alone even with -a munge', () => {
  expect(mungeWanted([munge], 'off')).toBeUndefined();
});
