import { describe, expect, test } from 'vitest';
import { planDsosd } from '../../src/dsosd/plan.ts';
import { agg } from '../../src/entrypoints/agg.ts';
import { type FakeWorld, fakeHost, settingsFrom } from '../support/fake-host.ts';

const directory = '{"node1": {"cont": "/storage/cont"}}';
const files = {
  '/etc/dsosd.json': { content: directory },
  '/proc/sys/kernel/hostname': { content: 'node1\n' },
};
const programs = {
  ldmsd: '/opt/ovis/sbin/ldmsd',
  dsosd: '/opt/ovis/bin/dsosd',
  rpcbind: '/usr/sbin/rpcbind',
};
const image = { programs, files };

const plan = (world: FakeWorld = {}) => planDsosd(fakeHost({ ...image, ...world }));
const problems = (world: FakeWorld = {}) => plan(world).requirements.flatMap(({ problem }) => problem ?? []);
const withDirectory = (file: NonNullable<FakeWorld['files']>[string]) => ({
  files: { ...files, '/etc/dsosd.json': file },
});

const aggPlan = (args: readonly string[], env: NodeJS.ProcessEnv = { LDMS_ENTRYPOINT_DSOSD: '1' }) =>
  agg.plan({
    args,
    settings: settingsFrom(env),
    host: fakeHost(image),
    answers: { 'ldmsd version': 'LDMSD Version: 4.4.4' },
  });

const rpcbind = {
  name: 'rpcbind',
  start: { command: { program: 'rpcbind', args: ['-f'] }, files: [], discard: [], graceMs: 500 },
  ready: { kind: 'tcp', host: '127.0.0.1', port: 111, deadlineMs: 10_000 },
  ifNot: {
    kind: 'dsosd',
    what: 'cannot use rpcbind: it did not accept a connection within 10 s',
    remedy: expect.stringContaining('-v /dev/log:/dev/log'),
  },
  hints: [{ says: 'another rpcbind is already running', remedy: expect.stringContaining('--network=host') }],
};
const dsosd = {
  name: 'dsosd',
  after: ['rpcbind'],
  start: {
    command: { program: 'dsosd', args: [], env: { DSOSD_DIRECTORY: '/etc/dsosd.json' } },
    files: [],
    discard: [],
    graceMs: 500,
  },
  ready: { kind: 'runs', deadlineMs: 10_000 },
  ifNot: { kind: 'dsosd', what: 'cannot use dsosd', remedy: 'see what it said in the lines above' },
};

describe('agg with LDMS_ENTRYPOINT_DSOSD=1', () => {
  test('stays as the leader process, and runs rpcbind and dsosd beside ldmsd', async () => {
    const without = await aggPlan(['-x', 'sock:411'], {});
    const { requirements, ...rest } = await aggPlan(['-x', 'sock:411']);
    expect(rest).toEqual({
      ...without,
      requirements: undefined,
      handoff: 'supervise',
      services: [rpcbind, dsosd],
    });
    expect(requirements).toEqual([
      { what: "dsosd's directory file /etc/dsosd.json", found: '1 host' },
      { what: 'program dsosd', found: '/opt/ovis/bin/dsosd' },
      { what: 'program rpcbind', found: '/usr/sbin/rpcbind' },
    ]);
  });

  test.each([{}, { LDMS_ENTRYPOINT_DSOSD: '0' }])('without it, nothing is changed: %j', async (env) => {
    expect(await aggPlan(['-x', 'sock:411'], env)).toMatchObject({ handoff: 'exec', services: [] });
  });

  test.each([[['-V']], [['ldmsd', '-V']], [['-h']], [['/bin/bash']], [['ldmsd', '-V', '-x', 'sock:411']]])(
    'what is no daemon has no dsosd: %j',
    async (args) => {
      expect(await aggPlan(args)).toEqual(await aggPlan(args, {}));
    },
  );

  test('munge is made ready as well', async () => {
    const env = { LDMS_ENTRYPOINT_DSOSD: '1', LDMS_ENTRYPOINT_MUNGE: 'host' };
    const { services } = await aggPlan(['-x', 'sock:411', '-a', 'munge'], env);
    expect(services).toEqual([expect.objectContaining({ name: "the host's munged" }), rpcbind, dsosd]);
  });
});

describe('rpcbind', () => {
  test.each([
    ['0.0.0.0', '0.0.0.0'],
    ['::', '::'],
    ['loopback only', '127.0.0.1'],
  ])('is not started where somebody listens on port 111 already: %s', (_, address) => {
    const { services, requirements } = plan({
      listening: [{ address, port: 111 }],
      programs: { dsosd: '/d' },
    });
    expect(services).toEqual([
      {
        name: "the host's rpcbind",
        ready: rpcbind.ready,
        ifNot: {
          kind: 'dsosd',
          what: `cannot use the rpcbind that listens on ${address}:111: it did not accept a connection within 10 s`,
          remedy: expect.stringContaining('systemctl restart rpcbind'),
        },
      },
      { ...dsosd, after: ["the host's rpcbind"] },
    ]);
    expect(requirements).toContainEqual({
      what: 'rpcbind',
      found: `somebody listens on ${address}:111 already, and is used`,
    });
  });

  test('is started where somebody listens on another port', () => {
    expect(plan({ listening: [{ address: '0.0.0.0', port: 1111 }] }).services).toEqual([rpcbind, dsosd]);
  });

  const [killBit, setgidBit, setuidBit, bindBit] = [1n << 5n, 1n << 6n, 1n << 7n, 1n << 10n];
  const enough = killBit | setgidBit | setuidBit | bindBit;
  const portStart = (content: string) => ({
    files: { ...files, '/proc/sys/net/ipv4/ip_unprivileged_port_start': { content } },
  });
  test.each([
    [
      '--user',
      { uid: 1234 },
      /^cannot start rpcbind: it runs for root only, not for uid 1234$/,
      /^leave out --user, or .*--network=host/,
    ],
    [
      '--cap-drop=ALL',
      { capabilities: 0n },
      /the container lacks CAP_SETUID and CAP_SETGID and CAP_KILL and CAP_NET_BIND_SERVICE$/,
      /^docker run --cap-add=SETUID --cap-add=SETGID --cap-add=KILL --cap-add=NET_BIND_SERVICE, or /,
    ],
    ['no SETUID', { capabilities: enough & ~setuidBit }, /lacks CAP_SETUID$/, /--cap-add=SETUID,/],
    ['no SETGID', { capabilities: enough & ~setgidBit }, /lacks CAP_SETGID$/, /--cap-add=SETGID,/],
    ['no KILL', { capabilities: enough & ~killBit }, /lacks CAP_KILL$/, /--cap-add=KILL,/],
    [
      'no NET_BIND_SERVICE, with --network=host',
      { capabilities: enough & ~bindBit, ...portStart('1024\n') },
      /lacks CAP_NET_BIND_SERVICE$/,
      /--cap-add=NET_BIND_SERVICE,/,
    ],
    [
      'no program',
      { programs: { ...programs, rpcbind: { missing: 'notFound', errno: 'ENOENT' } } },
      /^cannot start rpcbind: it is not in this image$/,
      /^install it in the image: apt-get install rpcbind$/,
    ],
    [
      'a program that is not executable',
      { programs: { ...programs, rpcbind: { missing: 'notExecutable', errno: 'EACCES' } } },
      /^cannot start rpcbind: it is not executable$/,
      /apt-get install rpcbind$/,
    ],
  ] as const)('cannot run: %s', (_, world, what, remedy) => {
    expect(problems(world)).toEqual([
      { kind: 'dsosd', what: expect.stringMatching(what), remedy: expect.stringMatching(remedy) },
    ]);
  });

  test('needs a user of its own, which a rootless container may not have', () => {
    const users = { _rpc: { uid: 104, gid: 65534 } };
    const host = fakeHost({ ...image, users });
    expect(planDsosd(host).requirements.flatMap(({ problem }) => problem ?? [])).toEqual([]);
    const { requirements } = planDsosd({ ...host, hasUid: (uid) => uid === 0 });
    expect(requirements.flatMap(({ problem }) => problem ?? [])).toMatchObject([
      { what: expect.stringContaining('the user _rpc, uid 104, which this user namespace does not have') },
    ]);
  });

  test.each([
    ['all that it needs', { capabilities: enough }],
    ['ports open to all, as docker makes them', { capabilities: enough & ~bindBit, ...portStart('0\n') }],
    ['ports open from 111 on', { capabilities: enough & ~bindBit, ...portStart('111\n') }],
    ["the host's rpcbind, with --user", { uid: 1234, listening: [{ address: '::', port: 111 }] }],
    ["the host's, with --cap-drop=ALL", { capabilities: 0n, listening: [{ address: '::', port: 111 }] }],
  ])('runs: %s', (_, world) => {
    expect(problems(world)).toEqual([]);
  });
});

describe('dsosd', () => {
  const pathOf = (world: FakeWorld) => plan(world).services[1]?.start?.command.env?.['DSOSD_DIRECTORY'];

  test('is told /etc/dsosd.json unless the user says otherwise', () => {
    expect(pathOf({})).toBe('/etc/dsosd.json');
    expect(pathOf({ env: { DSOSD_DIRECTORY: '' } })).toBe('/etc/dsosd.json');
    expect(pathOf({ env: { DSOSD_DIRECTORY: '/srv/d.json' } })).toBe('/srv/d.json');
  });

  test('below LDMS_ENTRYPOINT_ROOT, its own file lies there; one that the user names does not', () => {
    const below = { ...files, '/site/etc/dsosd.json': { content: directory }, '/etc/dsosd.json': {} };
    expect(pathOf({ root: '/site', files: below })).toBe('/site/etc/dsosd.json');
    expect(problems({ root: '/site', files: below })).toEqual([]);
    expect(pathOf({ root: '/site', env: { DSOSD_DIRECTORY: '/srv/d.json' } })).toBe('/srv/d.json');
  });

  test('the file that the user names is the one that is checked', () => {
    const env = { DSOSD_DIRECTORY: '/srv/d.json' };
    expect(problems({ env })).toMatchObject([
      {
        what: 'cannot use /srv/d.json: it does not exist',
        remedy: expect.stringContaining(':/srv/d.json:ro'),
      },
    ]);
    expect(problems({ env, files: { ...files, '/srv/d.json': { content: '{}' } } })).toEqual([]);
  });

  test('has to be in the image', () => {
    const { dsosd: _, ...others } = programs;
    expect(problems({ programs: others })).toEqual([
      {
        kind: 'dsosd',
        what: 'cannot start dsosd: it is not in this image',
        remedy: 'use an image that has SOS in /opt/ovis, and /opt/ovis/bin in PATH',
      },
    ]);
  });
});

describe('the directory file', () => {
  test.each([
    [
      'missing',
      { files: {} },
      /it does not exist$/,
      /^mount yours: docker run -v \/on-host\/dsosd.json:\/etc\/dsosd.json:ro$/,
    ],
    [
      'a directory',
      withDirectory({ kind: 'directory' }),
      /it is a directory, which docker makes/,
      /^remove that directory on the host/,
    ],
    [
      'unreadable',
      withDirectory({ unreadable: 'EACCES' }),
      /permission denied$/,
      /^let uid 0 read it: chmod a\+r on the host$/,
    ],
    ['empty', withDirectory({ content: '' }), /it is empty$/, /^write into it .*\{"HOST": \{"CONTAINER"/],
    ['blank', withDirectory({ content: ' \n' }), /it is empty$/, /^write into it/],
    [
      'not UTF-8, after a U+FFFD of its own',
      withDirectory({
        content: Buffer.concat([Buffer.from('{"\ufffd": {},\n\n'), Buffer.from([0xef, 0x0a])]),
      }),
      /line 3 is not valid UTF-8$/,
      /^save it as UTF-8$/,
    ],
    [
      'cut off within a character',
      withDirectory({ content: Buffer.from([0x7b, 0x0a, 0xef, 0xbf]) }),
      /line 2 is not valid UTF-8$/,
      /^save it as UTF-8$/,
    ],
    [
      'not UTF-8',
      withDirectory({ content: Buffer.from('{\n"\xff": {}}', 'latin1') }),
      /line 2 is not valid UTF-8$/,
      /^save it as UTF-8$/,
    ],
  ] as const)('%s', (_, world, what, remedy) => {
    expect(problems(world)).toEqual([
      {
        kind: 'configuration',
        what: expect.stringMatching(new RegExp(`^cannot use /etc/dsosd.json: ${what.source}`)),
        remedy: expect.stringMatching(remedy),
      },
    ]);
  });

  test('each mistake is told with its place, and before anything else', () => {
    const content = '{\n  "a": 1,\n  "b": {"c": "x"}\n}';
    const { requirements } = plan({ ...withDirectory({ content }), programs: {} });
    expect(requirements.slice(0, 2)).toEqual([
      {
        what: '/etc/dsosd.json:2:8',
        problem: {
          kind: 'configuration',
          what: '/etc/dsosd.json:2:8: "a" is a number, and must be an object of its containers: {"CONTAINER": "/PATH"}',
          remedy: '',
        },
      },
      {
        what: '/etc/dsosd.json:3:14',
        problem: {
          kind: 'configuration',
          what: '/etc/dsosd.json:3:14: "c" is the text "x", and must be a path that begins with /',
          remedy: '',
        },
      },
    ]);
    expect(requirements.slice(2)).toMatchObject([
      { problem: { what: 'cannot start dsosd: it is not in this image' } },
      { problem: { what: 'cannot start rpcbind: it is not in this image' } },
    ]);
  });

  test('of very many mistakes, the first fifty are told', () => {
    const hosts = Array.from({ length: 60 }, (_, at) => `"h${at}": 1`).join(',');
    const told = problems(withDirectory({ content: `{${hosts}}` }));
    expect(told).toHaveLength(51);
    expect(told.at(-1)?.what).toBe('/etc/dsosd.json: 10 more mistakes');
  });

  const notices = (world: FakeWorld = {}) => plan(world).notices;
  test.each([
    ['the host is in it', {}],
    [
      'DSOSD_SERVER_ID is in it',
      {
        env: { DSOSD_SERVER_ID: 'node1' },
        files: { ...files, '/proc/sys/kernel/hostname': { content: 'x\n' } },
      },
    ],
    ['the name of the host cannot be told', { files: { '/etc/dsosd.json': { content: directory } } }],
    ['there are mistakes', withDirectory({ content: '{"x": 1}' })],
  ] as const)('no warning: %s', (_, world) => {
    expect(notices(world)).toEqual([]);
  });

  const says = "so dsosd takes every container's name for its path; say which entry is meant";
  test.each([
    [
      'the host is not in it',
      withDirectory({ content: '{"a": {}, "node1.site": {}}' }),
      `no entry for this host, node1 (it has a, node1.site), ${says}`,
    ],
    [
      'DSOSD_SERVER_ID is not in it',
      { env: { DSOSD_SERVER_ID: 'other' } },
      `no entry for DSOSD_SERVER_ID=other (it has node1), ${says}`,
    ],
    ['nobody is in it', withDirectory({ content: '{}' }), `node1 (it has none at all), ${says}`],
    [
      'many others are in it',
      withDirectory({
        content: `{${Array.from({ length: 11 }, (_, at) => `"h${at}": {}`).join(',')}}`,
      }),
      '(it has h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, ...), so',
    ],
  ])('a warning: %s', (_, world, text) => {
    expect(notices(world)).toEqual([{ level: 'warn', text: expect.stringContaining(text) }]);
    expect(problems(world)).toEqual([]);
  });
});
