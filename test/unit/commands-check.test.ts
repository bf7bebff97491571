import { describe, expect, test } from 'vitest';
import { checkAgain, checkPlan, checkText } from '../../src/commands/check.ts';
import type { Plan, Service, Task } from '../../src/plan.ts';
import { exitCodes } from '../../src/problem.ts';
import { type FakeWorld, fakeHost } from '../support/fake-host.ts';

const socket = '/run/munge/munge.socket.2';
const plan: Plan = {
  mode: 'samp',
  notices: [],
  requirements: [],
  services: [],
  tasks: [],
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
  start: { command: { program: 'munged', args: [] }, files: [], discard: [], graceMs: 500 },
};
const emptyKey = { kind: 'munge', what: 'cannot use the key: it is empty', remedy: 'make one' } as const;
const noFile = { kind: 'configuration', what: 'cannot read /c', remedy: 'mount it' } as const;

const check = (parts: Partial<Plan>, world: FakeWorld = {}) =>
  checkPlan({ ...plan, ...parts }, fakeHost({ programs: { ldmsd: '/opt/ovis/sbin/ldmsd' }, ...world }));
const text = (...given: Parameters<typeof check>) => checkText(check(...given));
const program = { what: 'program ldmsd', state: 'ok', text: '/opt/ovis/sbin/ldmsd' } as const;

describe('check', () => {
  test('a container that is ready: a line for each thing, a verdict, exit 0', () => {
    const requirements = [{ what: 'munge key', found: '/etc/munge/munge.key' }, { what: 'something else' }];
    const parts = { requirements, services: [ours] };
    expect(check(parts)).toEqual({
      mode: 'samp',
      exit: 0,
      checks: [
        { what: 'munge key', state: 'ok', text: '/etc/munge/munge.key' },
        { what: 'something else', state: 'ok', text: 'as it should be' },
        program,
      ],
    });
    expect(text(parts)).toBe(
      [
        'ok    munge key: /etc/munge/munge.key',
        'ok    something else: as it should be',
        'ok    program ldmsd: /opt/ovis/sbin/ldmsd',
        'samp is ready',
        '',
      ].join('\n'),
    );
  });

  test("the host's munge: its socket is looked at, and whether it answers stays open", () => {
    const world = { files: { [socket]: { kind: 'socket' } } } as const;
    expect(check({ services: [hosts] }, world)).toEqual({
      mode: 'samp',
      exit: 0,
      checks: [
        { what: "the host's munged", state: 'open', text: `${socket} is there, and is asked at the start` },
        program,
      ],
    });
    expect(text({ services: [hosts] }, world)).toBe(
      [
        `?     the host's munged: ${socket} is there, and is asked at the start`,
        'ok    program ldmsd: /opt/ovis/sbin/ldmsd',
        'samp is ready, as far as looking tells',
        '',
      ].join('\n'),
    );
  });

  test.each([
    ['no socket', {}],
    ['a file in its place', { [socket]: { kind: 'file' } }],
    ['a socket that cannot be seen', { [socket]: { hidden: 'EACCES' } }],
  ] as const)("the host's munge without a socket (%s) fails with munge's exit code", (_, files) => {
    const why = `cannot use the host's munged: there is no socket ${socket}; restart munge`;
    expect(check({ services: [hosts] }, { files })).toEqual({
      mode: 'samp',
      exit: exitCodes.munge.code,
      checks: [{ what: "the host's munged", state: 'failed', text: why }, program],
    });
    const told = text({ services: [hosts] }, { files });
    expect(told).toContain(`FAIL  the host's munged: ${why}\n`);
    expect(told).toMatch(/^samp is not ready: 1 of 2 checks failed$/m);
  });

  test('nothing is waited for, and no time that was never spent is told', () => {
    expect(text({ services: [hosts] })).not.toContain('tried for');
  });

  test("everything that is wrong is told; the exit code is that of a start, the first one's", () => {
    const requirements = [
      { what: 'configuration file', problem: noFile },
      { what: 'program munge', found: '/usr/bin/munge' },
      { what: 'munge key', problem: emptyKey },
    ];
    expect(check({ requirements })).toEqual({
      mode: 'samp',
      exit: exitCodes.configuration.code,
      checks: [
        { what: 'configuration file', state: 'failed', text: 'cannot read /c; mount it' },
        { what: 'program munge', state: 'ok', text: '/usr/bin/munge' },
        { what: 'munge key', state: 'failed', text: 'cannot use the key: it is empty; make one' },
        program,
      ],
    });
    expect(text({ requirements })).toBe(
      [
        'FAIL  configuration file: cannot read /c; mount it',
        'ok    program munge: /usr/bin/munge',
        'FAIL  munge key: cannot use the key: it is empty; make one',
        'ok    program ldmsd: /opt/ovis/sbin/ldmsd',
        'samp is not ready: 2 of 4 checks failed',
        '',
      ].join('\n'),
    );
  });

  test('the exit code is that of the first problem, whichever it is', () => {
    const programs = {};
    const requirements = [{ what: 'configuration file', problem: noFile }];
    const exit = (parts: Partial<Plan>) => check(parts, { programs }).exit;
    expect(exit({ requirements, services: [hosts] })).toBe(exitCodes.configuration.code);
    expect(exit({ services: [hosts] })).toBe(exitCodes.munge.code);
    expect(exit({})).toBe(exitCodes.notFound.code);
  });

  test('what is open is no failure, and does not hide one', () => {
    const world = { files: { [socket]: { kind: 'socket' } } } as const;
    const parts = { requirements: [{ what: 'munge key', problem: emptyKey }], services: [hosts] };
    expect(check(parts, world).exit).toBe(exitCodes.munge.code);
    expect(text(parts, world)).toMatch(/^samp is not ready: 1 of 3 checks failed\n$/m);
  });

  test.each([
    ['missing', { missing: 'notFound', errno: 'ENOENT' }, 127],
    ['not executable', { missing: 'notExecutable', at: '/sbin/ldmsd', errno: 'EACCES' }, 126],
  ] as const)('a program that is %s', (_, look, code) => {
    const world = { programs: { ldmsd: look } };
    expect(check({}, world)).toEqual({
      mode: 'samp',
      exit: code,
      checks: [
        {
          what: 'program ldmsd',
          state: 'failed',
          text: expect.stringMatching(/^cannot start ldmsd: .+; .+/),
        },
      ],
    });
    expect(text({}, world)).toMatch(/^FAIL {2}program ldmsd: cannot start ldmsd: /m);
  });

  describe('tasks', () => {
    const task: Task = {
      name: 'maestro_ctrl',
      command: { program: 'maestro_ctrl', args: [] },
      limitMs: 1000,
      saysDone: 'saved',
      saysFailed: '^Error ',
      leaves: { url: 'http://127.0.0.1:2379', prefix: '/m/', key: '/m/last_updated' },
      ifNot: { kind: 'maestro', what: 'cannot put it into etcd', remedy: 'mend it' },
    };

    test('their programs are looked for, before that of main', () => {
      const programs = { ldmsd: '/opt/ovis/sbin/ldmsd', maestro_ctrl: '/usr/bin/maestro_ctrl' };
      expect(check({ tasks: [task] }, { programs })).toEqual({
        mode: 'samp',
        exit: 0,
        checks: [{ what: 'program maestro_ctrl', state: 'ok', text: '/usr/bin/maestro_ctrl' }, program],
      });
    });

    test('one that is missing fails, with the exit code of a start', () => {
      expect(check({ tasks: [task] })).toEqual({
        mode: 'samp',
        exit: 127,
        checks: [
          {
            what: 'program maestro_ctrl',
            state: 'failed',
            text: expect.stringContaining('cannot start maestro_ctrl: '),
          },
          program,
        ],
      });
    });
  });

  test.each([
    ['etcd', { kind: 'etcd', url: 'http://127.0.0.1:2379', deadlineMs: 1000 }],
    ['a port', { kind: 'tcp', host: '127.0.0.1', port: 111, deadlineMs: 1000 }],
  ] as const)("somebody else's %s is not looked at: it shows at the start", (_, ready) => {
    const { checks, exit } = check({ services: [{ ...hosts, ready }] });
    expect(exit).toBe(0);
    expect(checks.filter(({ state }) => state !== 'ok').map(({ state }) => state)).not.toContain('failed');
  });

  test('the result is data that JSON keeps', () => {
    const result = check({ services: [hosts], requirements: [{ what: 'munge key', problem: emptyKey }] });
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });
});

describe('check --again: what a HUP has the running container read', () => {
  const running: Partial<Plan> = {
    mode: 'maestro',
    requirements: [{ what: '/etc/ldms_cfg.yaml', found: '3 daemons' }],
    services: [hosts],
  };
  const world = { programs: { ldmsd: '/opt/ovis/sbin/ldmsd' } };
  const again = (parts: Partial<Plan>) => checkAgain({ ...plan, ...parts }, fakeHost(world));

  test('its services are not looked at: they run', () => {
    expect(again(running)).toEqual({
      mode: 'maestro',
      again: true,
      exit: 0,
      checks: [{ what: '/etc/ldms_cfg.yaml', state: 'ok', text: '3 daemons' }, program],
    });
    expect(check(running).exit, 'a first start would look at them').toBe(exitCodes.munge.code);
    expect(check(running)).not.toHaveProperty('again');
  });

  test('in words: whether it is taken', () => {
    expect(checkText(again(running))).toMatch(/\nmaestro takes it at a HUP\n$/);
    const mistake = { what: 'a.yaml:7:1', problem: { ...noFile, what: 'a.yaml:7:1: no', remedy: '' } };
    const failed = again({ ...running, requirements: [mistake] });
    expect(failed.exit).toBe(exitCodes.configuration.code);
    expect(checkText(failed)).toBe(
      'FAIL  a.yaml:7:1: no\nok    program ldmsd: /opt/ovis/sbin/ldmsd\nmaestro does not take it at a HUP: 1 of 2 checks failed\n',
    );
  });
});
