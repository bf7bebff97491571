import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { modeNamed } from '../../src/entrypoints/index.ts';
import type { Answers } from '../../src/plan.ts';
import { type FakeFile, type FakeWorld, fakeHost, mountLine, settingsFrom } from '../support/fake-host.ts';

const path = '/etc/ldms_cfg.yaml';
const cluster = '/run/ldms-entrypoint/cluster.yaml';
const where = ['--prefix', 'maestro', '--cluster', cluster];
const socket = '/run/munge/munge.socket.2';
const hostsMunge = mountLine('/run/munge', { root: '/munge', type: 'tmpfs' });

/** A file of the older generation: plugins are written where they are used. */
const inPlace = (auth: string) => `daemons:
  - names: &nodes "node-[1-2]"
    hosts: "host-[1-2]"
    endpoints:
      - names: &eps "node-[1-2]-ep"
        ports: 10001
        xprt: sock
        maestro_comm: True
        auth: {name: ${auth}, plugin: ${auth}}
  - names: &agg "agg-1"
    hosts: "host-3"
    endpoints:
      - {names: "agg-1-ep", ports: 10002, maestro_comm: True, auth: {name: ${auth}, plugin: ${auth}}}
aggregators:
  - daemons: *agg
    peers:
      - daemons: *nodes
        endpoints: *eps
        reconnect: 20s
        type: active
        updaters:
          - {mode: pull, interval: "1s", offset: "200ms"}
samplers:
  - daemons: *nodes
    plugins:
      - {name: meminfo, interval: "1s", offset: "0s", config: {perm: "0777"}}
`;
/** The newer generation: plugins have a section of their own. */
const byName = `daemons:
  - names: &nodes "node-[1-3]"
    hosts: "host-[1-3]"
    endpoints:
      - {names: "node-[1-3]-ep", ports: 10001, maestro_comm: True, auth: {name: none, plugin: none}}
samplers:
  - daemons: *nodes
    plugins: [meminfo1]
plugins:
  meminfo1:
    name: meminfo
    interval: 1s
    config:
      - {schema: meminfo}
`;

const image = {
  programs: {
    etcd: '/usr/bin/etcd',
    maestro: '/usr/bin/maestro',
    maestro_ctrl: '/usr/bin/maestro_ctrl',
    munge: '/usr/bin/munge',
    unmunge: '/usr/bin/unmunge',
    munged: '/usr/sbin/munged',
    setpriv: '/usr/bin/setpriv',
  },
  users: { munge: { uid: 101, gid: 101 } },
} as const;
const around = { '/var/lib': { kind: 'directory' }, '/run': { kind: 'directory' } } as const;

function plan(
  file: FakeFile | undefined,
  world: FakeWorld = {},
  more: { args?: string[]; again?: true; answers?: Answers } = {},
) {
  const { args = [], answers = {}, ...again } = more;
  const files = { ...around, ...world.files, ...(file && { [`${world.root ?? ''}${path}`]: file }) };
  const host = fakeHost({ ...image, ...world, files });
  const mode = modeNamed('maestro');
  if (!mode) throw new Error('there is no mode maestro');
  return mode.plan({ args, settings: settingsFrom(world.env), host, answers, ...again });
}
const problems = async (...given: Parameters<typeof plan>) =>
  (await plan(...given)).requirements.flatMap(({ problem }) => problem ?? []);

const etcdFound = [
  { what: 'program etcd', found: '/usr/bin/etcd' },
  { what: 'port 127.0.0.1:2379 for etcd', found: 'free' },
  { what: "etcd's data directory /var/lib/etcd", found: 'to be made' },
];

describe('a good file', () => {
  test('the whole plan: etcd, maestro_ctrl once, and maestro under us', async () => {
    expect(await plan({ content: inPlace('none') })).toEqual({
      mode: 'maestro',
      notices: [],
      requirements: [{ what: path, found: '3 daemons' }, ...etcdFound],
      services: [expect.objectContaining({ name: 'etcd', carriesMain: true })],
      tasks: [
        {
          name: 'maestro_ctrl',
          command: {
            program: 'maestro_ctrl',
            args: [...where, '--ldms_config', path],
            env: { PYTHONUNBUFFERED: '1' },
          },
          limitMs: 60_000,
          saysDone: 'configuration saved to etcd cluster',
          saysFailed: '^Error ',
          leaves: { url: 'http://127.0.0.1:2379', prefix: '/maestro/', key: '/maestro/last_updated' },
          ifNot: {
            kind: 'maestro',
            what: `maestro_ctrl did not put ${path} into etcd`,
            remedy: expect.any(String),
          },
        },
      ],
      main: { program: 'maestro', args: where, env: { PYTHONUNBUFFERED: '1' } },
      handoff: 'supervise',
      mark: 'maestro',
      questions: [],
      health: { listeners: [], etcd: 'http://127.0.0.1:2379' },
    });
  });

  test.each([
    ['with plugins in place', inPlace('none'), '3 daemons'],
    ['with plugins by name', byName, '3 daemons'],
    ['with a byte order mark', `\ufeff${byName}`, '3 daemons'],
    ['with letters beyond ASCII', `# Überblick \ufffd\n${byName}`, '3 daemons'],
  ])('%s', async (_, content, found) => {
    const { requirements, notices } = await plan({ content });
    expect(requirements).toEqual([{ what: path, found }, ...etcdFound]);
    expect(notices).toEqual([]);
  });

  test('the same input gives the same plan', async () => {
    expect(await plan({ content: byName })).toEqual(await plan({ content: byName }));
  });
});

describe('settings', () => {
  test('LDMS_ENTRYPOINT_MAESTRO_PREFIX goes to both programs, and tells what maestro_ctrl leaves', async () => {
    const { main, tasks } = await plan(
      { content: byName },
      { env: { LDMS_ENTRYPOINT_MAESTRO_PREFIX: 'ldms2' } },
    );
    expect(main.args.slice(0, 2)).toEqual(['--prefix', 'ldms2']);
    expect(tasks[0]?.command.args.slice(0, 2)).toEqual(['--prefix', 'ldms2']);
    expect(tasks[0]?.leaves).toMatchObject({ prefix: '/ldms2/', key: '/ldms2/last_updated' });
  });

  test('LDMS_ENTRYPOINT_MAESTRO_CTRL_TIMEOUT bounds maestro_ctrl, LDMS_ENTRYPOINT_ETCD_TIMEOUT etcd', async () => {
    const env = { LDMS_ENTRYPOINT_MAESTRO_CTRL_TIMEOUT: '5s', LDMS_ENTRYPOINT_ETCD_TIMEOUT: '7s' };
    const { tasks, services } = await plan({ content: byName }, { env });
    expect(tasks.map(({ limitMs }) => limitMs)).toEqual([5000]);
    expect(services.map(({ ready }) => ready.deadlineMs)).toEqual([7000]);
  });

  test('ETCD_LISTEN_CLIENT_URLS: all are told where etcd is', async () => {
    const env = { ETCD_LISTEN_CLIENT_URLS: 'http://127.0.0.1:4001' };
    const { services, tasks, health } = await plan({ content: byName }, { env });
    const url = 'http://127.0.0.1:4001';
    expect(services[0]?.ready).toMatchObject({ url });
    expect(tasks[0]?.leaves.url).toBe(url);
    expect(health?.etcd).toBe(url);
  });

  test("the user's own PYTHONUNBUFFERED is left alone", async () => {
    const { main, tasks } = await plan({ content: byName }, { env: { PYTHONUNBUFFERED: '2' } });
    expect(main.env ?? {}).toEqual({});
    expect(tasks[0]?.command.env ?? {}).toEqual({});
  });

  test('below LDMS_ENTRYPOINT_ROOT, the file, the cluster file and the data are', async () => {
    const files = { '/site/var/lib': { kind: 'directory' }, '/site/run': { kind: 'directory' } } as const;
    const { requirements, main, tasks, services } = await plan({ content: byName }, { root: '/site', files });
    expect(requirements[0]).toEqual({ what: `/site${path}`, found: '3 daemons' });
    expect(main.args).toContain(`/site${cluster}`);
    expect(tasks[0]?.command.args).toContain(`/site${path}`);
    expect(services[0]?.start?.files).toContainEqual(
      expect.objectContaining({ do: 'write', path: `/site${cluster}` }),
    );
  });
});

describe('munge', () => {
  const names = async (...given: Parameters<typeof plan>) =>
    (await plan(...given)).services.map(({ name }) => name);

  test('is prepared when an endpoint asks for it, and its line is told', async () => {
    const { services, notices, health, requirements } = await plan(
      { content: inPlace('munge') },
      { mountinfo: hostsMunge },
    );
    expect(services.map(({ name, after }) => [name, after])).toEqual([
      ['etcd', undefined],
      ["the host's munged", undefined],
    ]);
    expect(notices).toEqual([
      {
        level: 'debug',
        text: expect.stringContaining(`munge is wanted (line 9 of ${path}); the host's munged is used`),
      },
    ]);
    expect(health).toEqual({ listeners: [], etcd: 'http://127.0.0.1:2379', mungeSocket: socket });
    expect(requirements).toContainEqual({ what: 'program unmunge', found: '/usr/bin/unmunge' });
  });

  test.each([
    ['no endpoint asks for it', inPlace('none'), {}, ['etcd']],
    ['another plugin is asked for', inPlace('ovis'), {}, ['etcd']],
    ['a comment has the word', `# auth: munge\n${byName}`, {}, ['etcd']],
    ['an endpoint asks for it', inPlace('munge'), {}, ['etcd', "the host's munged"]],
    ['LDMS_ENTRYPOINT_MUNGE=off', inPlace('munge'), { LDMS_ENTRYPOINT_MUNGE: 'off' }, ['etcd']],
    ['LDMS_ENTRYPOINT_MUNGE=host', byName, { LDMS_ENTRYPOINT_MUNGE: 'host' }, ['etcd', "the host's munged"]],
  ])('%s', async (_, content, env, services) => {
    expect(await names({ content }, { env, mountinfo: hostsMunge })).toEqual(services);
  });

  test("LDMS_ENTRYPOINT_MUNGE=container: the container's own, side by side with etcd", async () => {
    const key = { content: 'k3y'.repeat(20), mode: 0o600, uid: 101, gid: 101 };
    const world = {
      env: { LDMS_ENTRYPOINT_MUNGE: 'container' },
      files: { '/etc/munge/munge.key': key },
    };
    const { services, health } = await plan({ content: byName }, world);
    expect(services.map(({ name, after }) => [name, after])).toEqual([
      ['etcd', undefined],
      ['munged', undefined],
    ]);
    // A munged that was started again has taken nothing from maestro, as an etcd has.
    expect(services.map(({ carriesMain }) => carriesMain ?? false)).toEqual([true, false]);
    expect(health?.mungeSocket).toBe(socket);
  });

  test('what is wrong with it ends the start before anything runs', async () => {
    expect(await problems({ content: inPlace('munge') })).toMatchObject([
      { kind: 'munge', what: 'cannot use the munge key /etc/munge/munge.key: there is none' },
    ]);
  });
});

describe('mistakes in the file', () => {
  test('each is told with its line and column, before anything is started', async () => {
    const content = byName.replace('ports: 10001', 'ports: many').replace('interval: 1s', 'interval: often');
    const told = await problems({ content });
    expect(told).toEqual([
      {
        kind: 'configuration',
        what: expect.stringMatching(/^\/etc\/ldms_cfg\.yaml:5:\d+: .*many/),
        remedy: '',
      },
      {
        kind: 'configuration',
        what: expect.stringMatching(/^\/etc\/ldms_cfg\.yaml:12:\d+: .*often/),
        remedy: '',
      },
    ]);
  });

  test('they stand beside what else is wrong', async () => {
    const told = await problems({ content: 'daemons: 7\n' }, { programs: {} });
    expect(told.map(({ kind }) => kind)).toContain('configuration');
    expect(told.map(({ kind }) => kind)).toContain('etcd');
  });

  test.each([
    ['an empty file', '', /^\/etc\/ldms_cfg\.yaml:1:1: the file is empty/],
    ['no YAML', 'daemons: [\n', /^\/etc\/ldms_cfg\.yaml:\d+:\d+: /],
    [
      'another kind of file',
      '#!/bin/sh\nexec true\n',
      /^\/etc\/ldms_cfg\.yaml:2:1: the file must be a mapping/,
    ],
  ])('%s', async (_, content, what) => {
    expect(await problems({ content })).toEqual([
      { kind: 'configuration', what: expect.stringMatching(what), remedy: '' },
    ]);
  });

  test.each([
    [50, 50],
    [51, 51],
    [400, 51],
  ])('of %i, %i lines are told', async (mistakes, lines) => {
    const groups = Array.from(
      { length: mistakes },
      (_, at) => `  - names: "node-${at}"\n    hosts: "h-${at}"\n`,
    );
    const entries = groups.map(
      (group, at) =>
        `${group}    endpoints:\n      - {names: "ep-${at}", ports: wrong, maestro_comm: True, auth: {name: none, plugin: none}}\n`,
    );
    const told = await problems({ content: `daemons:\n${entries.join('')}` });
    expect(told).toHaveLength(lines);
    const last = told.at(-1)?.what;
    if (mistakes > 50) expect(last).toBe(`${path}: ${mistakes - 50} more mistakes`);
    else expect(last).toMatch(/^\/etc\/ldms_cfg\.yaml:\d+:\d+: /);
  });

  test('a doubt is a warning with its place, and no mistake', async () => {
    const { notices, requirements } = await plan({
      content: byName.replace('plugins:\n', 'colours: 3\nplugins:\n'),
    });
    expect(requirements.flatMap(({ problem }) => problem ?? [])).toEqual([]);
    expect(notices).toHaveLength(1);
    expect(notices).toEqual([
      { level: 'warn', text: expect.stringMatching(/^\/etc\/ldms_cfg\.yaml:\d+:1: unknown key "?colours/) },
    ]);
  });
});

describe('a file that cannot be read', () => {
  const mount = 'mount yours: docker run -v /on-host/ldms_cfg.yaml:/etc/ldms_cfg.yaml:ro';

  test.each([
    ['is missing', undefined, 'it does not exist', mount],
    ['is a link to nothing', { hidden: 'ENOENT', link: true }, 'it does not exist', mount],
    [
      'is a directory',
      { kind: 'directory' },
      'it is a directory, which docker makes when the file to mount does not exist on the host',
      'remove that directory on the host and name the real file',
    ],
    [
      'may not be read',
      { unreadable: 'EACCES' },
      'permission denied',
      'let uid 1234 read it: chmod a+r on the host',
    ],
    ['lies on a broken disk', { unreadable: 'EIO' }, 'input/output error', mount],
    [
      'is not valid UTF-8',
      { content: Buffer.from('daemons:\n  - names: "caf\xe9"\n', 'latin1') },
      'line 2 is not valid UTF-8',
      'save it as UTF-8',
    ],
    [
      'is UTF-16',
      { content: Buffer.from('\ufeffdaemons: []\n', 'utf16le') },
      'line 1 is not valid UTF-8',
      'save it as UTF-8',
    ],
    [
      'has a U+FFFD of its own before what is not valid',
      { content: Buffer.concat([Buffer.from('# \ufffd\n# good\n'), Buffer.from('caf\xe9\n', 'latin1')]) },
      'line 3 is not valid UTF-8',
      'save it as UTF-8',
    ],
  ] as const)('%s', async (_, file, why, remedy) => {
    expect(await problems(file, { uid: 1234 })).toEqual([
      { kind: 'configuration', what: `cannot use ${path}: ${why}`, remedy },
    ]);
  });
});

describe('arguments', () => {
  test('are ignored, and that is told', async () => {
    const args = ['-x', 'sock:411', 'a b', ''];
    const made = await plan({ content: byName }, {}, { args });
    expect(made.notices).toEqual([
      {
        level: 'warn',
        text: `the arguments "-x" "sock:411" "a b" "" are ignored: maestro takes all from ${path}`,
      },
    ]);
    expect({ ...made, notices: [] }).toEqual(await plan({ content: byName }));
  });
});

describe('asked again, by a HUP', () => {
  const listening = [{ address: '127.0.0.1', port: 2379 }];

  test('only the file is looked at: etcd has its port and its data already', async () => {
    const world = { listening, programs: {} };
    expect((await plan({ content: byName }, world, { again: true })).requirements).toEqual([
      { what: path, found: '3 daemons' },
    ]);
    expect(await problems({ content: byName }, world)).not.toEqual([]);
  });

  test('its mistakes are told', async () => {
    expect(await problems({ content: 'daemons: 7\n' }, { listening }, { again: true })).toMatchObject([
      { kind: 'configuration', what: expect.stringMatching(/^\/etc\/ldms_cfg\.yaml:1:\d+: /) },
    ]);
  });

  test('the task is that of the first time, and arguments are not told of again', async () => {
    const args = ['-x', 'sock:411'];
    const first = await plan({ content: byName }, {}, { args });
    const again = await plan({ content: byName }, { listening }, { args, again: true });
    expect(again.tasks).toEqual(first.tasks);
    expect(again.notices).toEqual([]);
    expect(first.notices).toHaveLength(1);
  });
});

describe('several containers as one', () => {
  const env = { LDMS_ENTRYPOINT_MAESTRO_MEMBERS: 'hostA,hostB,hostC' };
  const world = { env, addresses: ['127.0.0.1', '10.0.0.2'] };
  const answers: Answers = {
    members: {
      hostA: { addresses: ['10.0.0.1'] },
      hostB: { addresses: ['10.0.0.2'] },
      hostC: { addresses: ['10.0.0.3'] },
    },
  };
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

  test('the addresses of the others are asked for, beside whose munge it is', async () => {
    const { questions, election, health } = await plan({ content: byName }, world);
    expect(questions).toEqual([{ about: 'members', hosts: ['hostA', 'hostB', 'hostC'] }]);
    expect(election).toBeUndefined();
    expect(health).not.toHaveProperty('election');
    const asked = await plan(
      { content: inPlace('munge') },
      { ...world, files: { [socket]: { kind: 'socket' } } },
    );
    expect(asked.questions.map(({ about }) => about)).toEqual(['munge socket', 'members']);
  });

  test('with them: an election about this very file', async () => {
    const { questions, election, health, services } = await plan({ content: byName }, world, { answers });
    expect(questions).toEqual([]);
    expect(election).toEqual({
      url: 'http://127.0.0.1:2379',
      prefix: 'ldms-entrypoint/maestro/',
      peers: services[0]?.start?.joins?.peers,
      leaseMs: 2000,
      config: path,
      digest: sha256(byName),
    });
    expect(election?.peers.self).toEqual({ name: 'hostB', url: 'http://hostB:2380' });
    expect(health?.election).toEqual({
      prefix: 'ldms-entrypoint/maestro/',
      member: 'hostB',
      members: ['hostA', 'hostB', 'hostC'],
    });
  });

  test('the task and main are those of one alone', async () => {
    const several = await plan({ content: byName }, world, { answers });
    const alone = await plan({ content: byName });
    expect(several.tasks).toEqual(alone.tasks);
    expect(several.main).toEqual(alone.main);
    expect(alone).not.toHaveProperty('election');
  });

  test('settings: the prefix, the lease, the port, and the root', async () => {
    const files = {
      '/site/var/lib': { kind: 'directory' },
      '/site/run': { kind: 'directory' },
    } as const;
    const more = {
      LDMS_ENTRYPOINT_MAESTRO_PREFIX: 'ldms2',
      LDMS_ENTRYPOINT_MAESTRO_LEASE: '5s',
      LDMS_ENTRYPOINT_ETCD_PORT: '4001',
    };
    const { election } = await plan(
      { content: byName },
      { ...world, root: '/site', files, env: { ...env, ...more } },
      { answers },
    );
    expect(election).toMatchObject({
      url: 'http://127.0.0.1:4001',
      prefix: 'ldms-entrypoint/ldms2/',
      leaseMs: 5000,
      config: `/site${path}`,
    });
  });

  test('a list that is wrong stands beside a file that is', async () => {
    const told = await problems(
      { content: 'daemons: 7\n' },
      { ...world, env: { LDMS_ENTRYPOINT_MAESTRO_MEMBERS: 'hostA,10.0' } },
    );
    expect(told.map(({ what }) => what)).toEqual([
      expect.stringMatching(/^\/etc\/ldms_cfg\.yaml:1/),
      expect.stringContaining('"10.0" is no host name or address'),
    ]);
  });

  test('asked again, by a HUP: the digest is that of the file as it is now', async () => {
    const listening = [
      { address: '127.0.0.1', port: 2379 },
      { address: '10.0.0.2', port: 2380 },
    ];
    const changed = `${byName}# changed\n`;
    const again = await plan({ content: changed }, { ...world, listening }, { answers, again: true });
    expect(again.requirements).toEqual([{ what: path, found: '3 daemons' }]);
    expect(again.election?.digest).toBe(sha256(changed));
    expect(again.notices).toEqual([]);
    expect(again.questions).toEqual([]);
    expect((await problems({ content: changed }, { ...world, listening }, { answers })).length).toBe(2);
  });

  test('asked again without the answers, as check does: only the file is looked at, and nothing is asked', async () => {
    const again = await plan({ content: byName }, world, { again: true });
    expect(again.questions).toEqual([]);
    expect(again.requirements).toEqual([{ what: path, found: '3 daemons' }]);
    expect(again).not.toHaveProperty('election');
  });
});
