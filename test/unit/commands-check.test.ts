import { describe, expect, test } from 'vitest';
import { checkText } from '../../src/commands/check.ts';
import type { Plan, Service } from '../../src/plan.ts';
import { exitCodes } from '../../src/problem.ts';
import { type FakeWorld, fakeHost } from '../support/fake-host.ts';

const socket = '/run/munge/munge.socket.2';
const plan: Plan = {
  mode: 'samp',
  notices: [],
  requirements: [],
  services: [],
  questions: [],
  main: { program: 'ldmsd', args: ['-F'] },
  handoff: 'exec',
};
const ifNot = {
  kind: 'munge',
  what: "cannot use the host's munge, tried for 10 s",
  remedy: 'restart munge',
} as const;
const hosts: Service = {
  name: "the host's munged",
  ready: { kind: 'munge', socket, deadlineMs: 10_000 },
  ifNot,
};
const ours: Service = {
  ...hosts,
  name: 'munged',
  start: { command: { program: 'munged', args: [] }, files: [], graceMs: 500 },
};
const emptyKey = { kind: 'munge', what: 'cannot use the key: it is empty', remedy: 'make one' } as const;
const noFile = { kind: 'configuration', what: 'cannot read /c', remedy: 'mount it' } as const;

const check = (parts: Partial<Plan>, world: FakeWorld = {}) =>
  checkText({ ...plan, ...parts }, fakeHost({ programs: { ldmsd: '/opt/ovis/sbin/ldmsd' }, ...world }));

describe('check', () => {
  test('a container that is ready: a line for each thing, a verdict, exit 0', () => {
    const requirements = [{ what: 'munge key', found: '/etc/munge/munge.key' }, { what: 'something else' }];
    expect(check({ requirements, services: [ours] })).toEqual({
      text: [
        'ok    munge key: /etc/munge/munge.key',
        'ok    something else: as it should be',
        'ok    program ldmsd: /opt/ovis/sbin/ldmsd',
        'samp is ready',
        '',
      ].join('\n'),
      code: 0,
    });
  });

  test("the host's munge: its socket is looked at", () => {
    const { text, code } = check({ services: [hosts] }, { files: { [socket]: { kind: 'socket' } } });
    expect(code).toBe(0);
    expect(text).toContain(`ok    the host's munged: ${socket}; whether it answers shows at the start\n`);
  });

  test.each([
    ['no socket', {}],
    ['a file in its place', { [socket]: { kind: 'file' } }],
    ['a socket that cannot be seen', { [socket]: { hidden: 'EACCES' } }],
  ] as const)("the host's munge without a socket (%s) fails with munge's exit code", (_, files) => {
    const { text, code } = check({ services: [hosts] }, { files });
    expect(code).toBe(exitCodes.munge.code);
    expect(text).toContain(
      `FAIL  the host's munged: cannot use the host's munged: there is no socket ${socket}; restart munge\n`,
    );
    expect(text).toMatch(/^samp is not ready: 1 of 2 checks failed$/m);
  });

  test('nothing is waited for, and no time that was never spent is told', () => {
    expect(check({ services: [hosts] }).text).not.toContain('tried for');
  });

  test("everything that is wrong is told; the exit code is that of a start, the first one's", () => {
    const requirements = [
      { what: 'configuration file', problem: noFile },
      { what: 'program munge', found: '/usr/bin/munge' },
      { what: 'munge key', problem: emptyKey },
    ];
    expect(check({ requirements })).toEqual({
      text: [
        'FAIL  configuration file: cannot read /c; mount it',
        'ok    program munge: /usr/bin/munge',
        'FAIL  munge key: cannot use the key: it is empty; make one',
        'ok    program ldmsd: /opt/ovis/sbin/ldmsd',
        'samp is not ready: 2 of 4 checks failed',
        '',
      ].join('\n'),
      code: exitCodes.configuration.code,
    });
  });

  test.each([
    ['missing', { missing: 'notFound', errno: 'ENOENT' }, 127],
    ['not executable', { missing: 'notExecutable', at: '/sbin/ldmsd', errno: 'EACCES' }, 126],
  ] as const)('a program that is %s', (_, look, code) => {
    const checked = check({}, { programs: { ldmsd: look } });
    expect(checked.code).toBe(code);
    expect(checked.text).toMatch(/^FAIL {2}program ldmsd: cannot start ldmsd: /m);
  });
});
