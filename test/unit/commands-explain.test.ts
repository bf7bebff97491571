import { describe, expect, test } from 'vitest';
import { explainText, words } from '../../src/commands/explain.ts';
import type { Plan, Service, Task } from '../../src/plan.ts';
import { type FakeWorld, fakeHost } from '../support/fake-host.ts';

const bare: Plan = {
  mode: 'samp',
  notices: [],
  requirements: [],
  services: [],
  tasks: [],
  questions: [],
  main: { program: 'ldmsd', args: ['-F', '-x', 'sock:411'] },
  handoff: 'exec',
};
const munge = { name: 'munge', uid: 101, gid: 101 };
const probe = { kind: 'munge', socket: '/run/munge/munge.socket.2', deadlineMs: 1500 } as const;
const ifNot = { kind: 'munge', what: 'cannot use munge', remedy: 'mend it' } as const;
const full: Plan = {
  ...bare,
  notices: [{ level: 'info', text: 'the munge key is used through a private copy' }],
  questions: [{ about: 'ldmsd version', command: { program: 'ldmsd', args: ['-V'] } }],
  requirements: [
    { what: 'program munged', found: '/usr/sbin/munged' },
    { what: 'something else' },
    {
      what: 'munge key',
      problem: { kind: 'munge', what: 'cannot use the munge key: it is empty', remedy: 'make one' },
    },
  ],
  services: [
    { name: "the host's munged", ready: { ...probe, socket: '/host.sock' }, ifNot },
    {
      name: 'munged',
      start: {
        command: { program: 'munged', args: ['--foreground', '--socket=/run/my munge/s'] },
        user: munge,
        files: [
          { do: 'directory', path: '/run/ldms-entrypoint', mode: 0o755, mend: false },
          { do: 'directory', path: '/run/munge', mode: 0o755, owner: munge, mend: true },
          { do: 'remove', path: '/run/munge/munge.socket.2' },
          { do: 'copy', from: '/etc/munge/munge.key', path: '/run/key', mode: 0o600, owner: munge },
        ],
        discard: [],
        graceMs: 500,
      },
      ready: probe,
      ifNot,
    },
  ],
};

const host = fakeHost({ programs: { ldmsd: '/opt/ovis/sbin/ldmsd' } });

describe('explain', () => {
  test('a plan that prepares nothing is one step', () => {
    expect(explainText(bare, host)).toBe('samp:\n  1. become ldmsd -F -x sock:411\n');
  });

  // The runner runs no program for a question where something is wrong already.
  test('every part of a plan is a numbered step, in the order in which they are done', () => {
    const steps = explainText(full, host)
      .split('\n')
      .slice(1, -1)
      .map((line) => line.replace(/^ *\d+\. /, ''));
    expect(steps).toEqual([
      'the munge key is used through a private copy',
      'check program munged: /usr/sbin/munged',
      'check something else: as it should be',
      'check munge key: NOT READY: cannot use the munge key: it is empty; make one',
      'ask for the ldmsd version: ldmsd -V (once; the answer is kept)',
      "wait until the host's munged encodes and decodes a credential through /host.sock, at most 1.5 s",
      'make the directory /run/ldms-entrypoint, mode 0755',
      'make the directory /run/munge of munge (101:101), mode 0755',
      'remove /run/munge/munge.socket.2, if an earlier munged left it',
      'copy /etc/munge/munge.key to /run/key of munge (101:101), mode 0600',
      "start munged --foreground '--socket=/run/my munge/s', as munge (101:101)",
      'wait until munged encodes and decodes a credential through /run/munge/munge.socket.2, at most 1.5 s',
      'become ldmsd -F -x sock:411',
    ]);
    expect(explainText(full, host)).toMatch(/^ {2}1\. .*\n {2}2\. /m);
    expect(explainText(full, host)).toMatch(/\n 13\. become ldmsd/);
  });

  test.each([
    [
      'is missing',
      { missing: 'notFound', errno: 'ENOENT' },
      'cannot start ldmsd: it is not in PATH (/bin); use an image that contains ldmsd, or set PATH',
    ],
    [
      'is not executable',
      { missing: 'notExecutable', at: '/sbin/ldmsd', errno: 'EACCES' },
      'cannot start ldmsd: /sbin/ldmsd: permission denied; make it an executable file: chmod a+rx /sbin/ldmsd',
    ],
  ] as const)('a main program that %s', (_, look, why) => {
    const without = fakeHost({ programs: { ldmsd: look }, env: { PATH: '/bin' } });
    expect(explainText(bare, without)).toBe(`samp:\n  1. become ldmsd -F -x sock:411: NOT READY: ${why}\n`);
    expect(explainText(full, without)).toMatch(
      /\n 13\. become ldmsd -F -x sock:411: NOT READY: cannot start/,
    );
  });
});

describe('explain, of a plan that is supervised', () => {
  const etcd: Service = {
    name: 'etcd',
    start: {
      command: { program: 'etcd', args: ['--data-dir=/var/lib/etcd'], env: { ETCD_NAME: 'a b', ETCD_X: '' } },
      files: [{ do: 'write', path: '/run/cluster.yaml', text: 'members: []\n', mode: 0o644 }],
      discard: [],
      graceMs: 2000,
    },
    ready: { kind: 'etcd', url: 'http://127.0.0.1:2379', deadlineMs: 60_000 },
    ifNot: { kind: 'etcd', what: 'cannot use etcd', remedy: 'mend it' },
  };
  const task: Task = {
    name: 'maestro_ctrl',
    command: { program: 'maestro_ctrl', args: ['--ldms_config', '/etc/my cfg.yaml'] },
    limitMs: 90_000,
    saysDone: 'saved',
    saysFailed: '^Error ',
    leaves: { url: 'http://127.0.0.1:2379', prefix: '/maestro/', key: '/maestro/last_updated' },
    ifNot: { kind: 'maestro', what: 'cannot put it into etcd', remedy: 'mend it' },
  };
  const command = { program: 'maestro', args: ['--prefix', 'maestro'] };
  const supervised: Plan = { ...bare, mode: 'maestro', main: command, handoff: 'supervise' };
  const programs = { maestro: '/usr/bin/maestro', maestro_ctrl: '/usr/bin/maestro_ctrl' };
  const steps = (parts: Partial<Plan>, world: FakeWorld = { programs }) =>
    explainText({ ...supervised, ...parts }, fakeHost(world))
      .split('\n')
      .slice(1, -1)
      .map((line) => line.replace(/^ *\d+\. /, ''));

  test('we stay, where we would otherwise be replaced', () => {
    expect(steps({})).toEqual(['stay as the leader process, and run maestro --prefix maestro']);
    expect(steps({ handoff: 'exec' })).toEqual(['become maestro --prefix maestro']);
  });

  test('services, then tasks, then main', () => {
    const told = steps({ services: [etcd], tasks: [task] });
    expect(told).toEqual([
      'write /run/cluster.yaml, mode 0644',
      expect.stringMatching(/^start .*etcd --data-dir=\/var\/lib\/etcd$/),
      'wait until etcd says at http://127.0.0.1:2379/health that it is healthy, at most 60 s',
      "run maestro_ctrl --ldms_config '/etc/my cfg.yaml', at most 90 s, and see that maestro_ctrl has written /maestro/last_updated to etcd",
      'stay as the leader process, and run maestro --prefix maestro',
    ]);
  });

  test('variables stand in front of the command, as they would be typed in a shell', () => {
    expect(steps({ services: [etcd] })[1]).toBe(
      "start ETCD_NAME='a b' ETCD_X='' etcd --data-dir=/var/lib/etcd",
    );
    const plain = { program: 'etcd', args: ['--data-dir=/var/lib/etcd'] };
    const start = { command: plain, files: [], discard: [], graceMs: 1 };
    expect(steps({ services: [{ ...etcd, start }] })[0]).toBe('start etcd --data-dir=/var/lib/etcd');
  });

  test.each([
    [
      { kind: 'tcp', host: '127.0.0.1', port: 111, deadlineMs: 500 },
      'accepts connections at 127.0.0.1:111, at most 0.5 s',
    ],
    [
      { kind: 'munge', socket: '/s', deadlineMs: 2000 },
      'encodes and decodes a credential through /s, at most 2 s',
    ],
    [
      { kind: 'etcd', url: 'http://[::1]:1', deadlineMs: 1000 },
      'says at http://[::1]:1/health that it is healthy, at most 1 s',
    ],
  ] as const)('a probe %j', (ready, words) => {
    expect(steps({ services: [{ ...etcd, ready }] })).toContain(`wait until etcd ${words}`);
  });

  test('a service that is started after others says so', () => {
    const start = { command: { program: 'dsosd', args: [] }, files: [], discard: [], graceMs: 1 };
    const [, first] = steps({
      services: [etcd, { ...etcd, name: 'dsosd', start, after: ['rpcbind', 'etcd'] }],
    });
    expect(first).not.toContain('after');
    expect(steps({ services: [{ ...etcd, name: 'dsosd', start, after: ['rpcbind', 'etcd'] }] })[0]).toBe(
      'start dsosd, after rpcbind and etcd',
    );
  });

  test("a task's program that is missing is told with its step", () => {
    const told = steps(
      { tasks: [task] },
      { programs: { maestro: '/usr/bin/maestro' }, env: { PATH: '/bin' } },
    );
    expect(told[0]).toMatch(/ to etcd: NOT READY: cannot start maestro_ctrl: it is not in PATH \(\/bin\)/);
    expect(told[1]).not.toContain('NOT READY');
  });
});

test.each([
  [
    'plain words',
    ['-x', 'sock:411', '--opt=v', 'a@b', '50%', 'a+b,c', './x_1-2'],
    '-x sock:411 --opt=v a@b 50% a+b,c ./x_1-2',
  ],
  ['an empty word', [''], "''"],
  ['a blank', ['a b'], "'a b'"],
  ['characters of the shell', ['*', '$HOME', '`id`', '>x', 'a;b', '~'], "'*' '$HOME' '`id`' '>x' 'a;b' '~'"],
  ['a newline', ['a\nb'], "'a\nb'"],
  ['a quote', ["it's"], "'it'\\''s'"],
  ['a double quote', ['"x"'], `'"x"'`],
  ['a backslash', ['a\\b'], "'a\\b'"],
  ['a letter beyond ASCII', ['münge'], "'münge'"],
])('a command is written as it would be typed in a shell: %s', (_, args, typed) => {
  expect(words({ program: 'ldmsd', args })).toBe(`ldmsd ${typed}`);
});

describe('one of several containers', () => {
  const peers = {
    self: { name: 'hostB', url: 'http://hostB:2380' },
    all: ['hostA', 'hostB', 'hostC'].map((name) => ({ name, url: `http://${name}:2380` })),
    listen: { address: 'fd00::2', port: 2380 },
  };
  const etcd: Service = {
    name: 'etcd',
    start: {
      command: { program: 'etcd', args: ['--name=hostB'] },
      files: [{ do: 'directory', path: '/var/lib', mode: 0o755, mend: false }],
      discard: [],
      graceMs: 1,
      joins: { peers, directory: '/var/lib/etcd' },
    },
    ready: { kind: 'member', peers, deadlineMs: 60_000 },
    ifNot: { kind: 'etcd', what: 'cannot use etcd', remedy: 'mend it' },
  };
  const election = {
    url: 'http://127.0.0.1:2379',
    prefix: 'ldms-entrypoint/maestro/',
    peers,
    leaseMs: 2000,
    config: '/etc/ldms_cfg.yaml',
    digest: 'abc',
  };
  const task: Task = {
    name: 'maestro_ctrl',
    command: { program: 'maestro_ctrl', args: [] },
    limitMs: 1000,
    saysDone: 'saved',
    saysFailed: '^Error ',
    leaves: { url: 'http://127.0.0.1:2379', prefix: '/m/', key: '/m/last_updated' },
    ifNot: { kind: 'maestro', what: 'cannot put it into etcd', remedy: 'mend it' },
  };
  const programs = { ldmsd: '/sbin/ldmsd', maestro_ctrl: '/usr/bin/maestro_ctrl' };
  const steps = (parts: Partial<Plan>) =>
    explainText({ ...bare, handoff: 'supervise', ...parts }, fakeHost({ programs }))
      .split('\n')
      .slice(1, -1)
      .map((line) => line.replace(/^ *\d+\. /, ''));

  test('how its etcd comes to the others, and who may run the tasks and main', () => {
    expect(steps({ services: [etcd], tasks: [task], election })).toEqual([
      'make the directory /var/lib, mode 0755',
      "if /var/lib/etcd is empty, listen at [fd00::2]:2380 in etcd's place until hostA, hostC tell whether the cluster begins or hostB is made a member of it anew",
      'start etcd --name=hostB',
      'wait until etcd serves the other members at [fd00::2]:2380, at most 60 s',
      'wait, ready, until hostB is elected among hostA, hostB, hostC (a lease of 2 s in etcd, below ldms-entrypoint/maestro/): only the one that is elected does what follows, and ends it when it is so no longer',
      'run maestro_ctrl, at most 1 s, and see that maestro_ctrl has written /m/last_updated to etcd',
      'stay as the leader process, and run ldmsd -F -x sock:411',
    ]);
  });

  test('what is asked before', () => {
    expect(steps({ questions: [{ about: 'members', hosts: ['hostA', 'hostB'] }] })[0]).toBe(
      'ask for the addresses of hostA, hostB, and see which of them is this container',
    );
  });
});
