import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { planEtcd } from '../../src/etcd/plan.ts';
import { type FakeWorld, fakeHost, settingsFrom } from '../support/fake-host.ts';

const clusterFile = '/run/ldms-entrypoint/cluster.yaml';
const data = '/var/lib/etcd';
const image = {
  programs: { etcd: '/usr/bin/etcd' },
  files: { '/var/lib': { kind: 'directory' }, '/run': { kind: 'directory' } },
} as const;

/** The plan in a world in which the environment is that of the host as well as that of the settings. */
function plan(world: FakeWorld = {}) {
  return planEtcd(settingsFrom(world.env), fakeHost({ ...image, ...world }), clusterFile);
}
const withEnv = (env: NodeJS.ProcessEnv) => plan({ env });
const problems = (world: FakeWorld) => plan(world).requirements.flatMap(({ problem }) => problem ?? []);
const given = (env: NodeJS.ProcessEnv) => withEnv(env).services[0]?.start?.command;
const clusterText = (env: NodeJS.ProcessEnv) =>
  withEnv(env).services[0]?.start?.files.flatMap((action) => (action.do === 'write' ? action.text : []))[0] ??
  '';

/** What etcd is told, by the variable that would tell it as well. */
const defaults: Readonly<Record<string, string>> = {
  ETCD_DATA_DIR: `--data-dir=${data}`,
  ETCD_LISTEN_CLIENT_URLS: '--listen-client-urls=http://127.0.0.1:2379',
  ETCD_ADVERTISE_CLIENT_URLS: '--advertise-client-urls=http://127.0.0.1:2379',
  ETCD_LISTEN_PEER_URLS: '--listen-peer-urls=http://127.0.0.1:0',
  ETCD_ELECTION_TIMEOUT: '--election-timeout=500',
  ETCD_AUTO_COMPACTION_RETENTION: '--auto-compaction-retention=1h',
  ETCD_MAX_REQUEST_BYTES: '--max-request-bytes=10485760',
  ETCD_LOGGER: '--logger=zap',
  ETCD_LOG_LEVEL: '--log-level=warn',
};

test('without any ETCD_* variable: a member of its own on loopback', () => {
  expect(plan()).toEqual({
    url: 'http://127.0.0.1:2379',
    questions: [],
    notices: [],
    requirements: [
      { what: 'program etcd', found: '/usr/bin/etcd' },
      { what: 'port 127.0.0.1:2379 for etcd', found: 'free' },
      { what: `etcd's data directory ${data}`, found: 'to be made' },
    ],
    services: [
      {
        name: 'etcd',
        carriesMain: true,
        start: {
          command: { program: 'etcd', args: Object.values(defaults), env: {} },
          files: [
            { do: 'directory', path: '/var/lib', mode: 0o755, mend: false },
            { do: 'directory', path: '/run/ldms-entrypoint', mode: 0o755, mend: false },
            { do: 'write', path: clusterFile, text: expect.any(String), mode: 0o644 },
          ],
          discard: [],
          graceMs: expect.any(Number),
        },
        ready: { kind: 'etcd', url: 'http://127.0.0.1:2379', deadlineMs: 60_000 },
        ifNot: {
          kind: 'etcd',
          what: 'cannot use etcd: it was not healthy within 60 s',
          remedy: expect.stringContaining('LDMS_ENTRYPOINT_ETCD_TIMEOUT'),
        },
        hints: expect.any(Array),
      },
    ],
  });
});

test('it is waited for as long as LDMS_ENTRYPOINT_ETCD_TIMEOUT says', () => {
  const [service] = withEnv({ LDMS_ENTRYPOINT_ETCD_TIMEOUT: '1500ms' }).services;
  expect(service?.ready.deadlineMs).toBe(1500);
  expect(service?.ifNot.what).toContain('within 1.5 s');
});

describe("the user's own ETCD_* variables are kept", () => {
  // etcd ends with "conflicting environment variable … is shadowed by corresponding command-line flag".
  test.each(Object.keys(defaults))('%s is not given as an option as well, and all others are', (name) => {
    const value = name.endsWith('URLS') ? 'http://127.0.0.1:2379' : data;
    const { [name]: _, ...others } = defaults;
    expect(given({ [name]: value })).toEqual({ program: 'etcd', args: Object.values(others), env: {} });
  });

  test.each(['ETCD_NAME', 'ETCD_QUOTA_BACKEND_BYTES'])('%s changes nothing of what etcd is told', (name) => {
    expect(given({ [name]: '1000000' })).toEqual({ program: 'etcd', args: Object.values(defaults), env: {} });
  });

  // As compose files write it. For etcd 3.4.23 it is set, and "shadowed" by the option (tried).
  test.each(Object.entries(defaults))('an empty %s counts as unset, for etcd too', (name, option) => {
    const value = option.slice(option.indexOf('=') + 1);
    const command = given({ [name]: '' });
    expect(command?.env).toEqual({ [name]: value });
    expect(command?.args).not.toContain(option);
    expect(command?.args).toHaveLength(Object.keys(defaults).length - 1);
  });

  test('what it listens on is what it advertises, as etcd demands the one with the other', () => {
    expect(given({ ETCD_LISTEN_CLIENT_URLS: 'http://127.0.0.1:4001' })?.args).toContain(
      '--advertise-client-urls=http://127.0.0.1:4001',
    );
  });

  // etcd refuses an election timeout of less than five heartbeats.
  test.each([
    ['ETCD_HEARTBEAT_INTERVAL', '300'],
    ['ETCD_INITIAL_CLUSTER', 'a=http://10.0.0.1:2380,b=http://10.0.0.2:2380'],
  ])('with %s the election timeout is left to etcd', (name, value) => {
    const told = (env: NodeJS.ProcessEnv) => given(env)?.args.some((arg) => arg.startsWith('--election'));
    expect(told({ [name]: value })).toBe(false);
    expect(told({ ETCD_NAME: 'a' })).toBe(true);
  });

  // There, "1h" is a number of revisions, 3,600,000,000,000 of them: no compaction at all (tried with 3.4.23).
  test('with compaction by revisions, how many are kept is left to etcd', () => {
    const told = (env: NodeJS.ProcessEnv) =>
      given(env)?.args.some((arg) => arg.startsWith('--auto-compaction'));
    expect(told({ ETCD_AUTO_COMPACTION_MODE: 'revision' })).toBe(false);
    expect(told({ ETCD_AUTO_COMPACTION_MODE: '' })).toBe(true);
  });

  test('its data directory: the variable has precedence over our setting, and that over the default', () => {
    const found = (env: NodeJS.ProcessEnv) => withEnv(env).requirements.map(({ what }) => what);
    const setting = { LDMS_ENTRYPOINT_ETCD_DATA_DIR: '/data/setting' };
    expect(found(setting)).toContain("etcd's data directory /data/setting");
    expect(given(setting)?.args).toContain('--data-dir=/data/setting');
    const both = { ...setting, ETCD_DATA_DIR: '/data/own' };
    expect(found(both)).toContain("etcd's data directory /data/own");
    expect(given(both)?.args).not.toContainEqual(expect.stringContaining('--data-dir'));
  });

  test('below LDMS_ENTRYPOINT_ROOT, our own directory is, and one that the user named is not', () => {
    const files = { '/site/var/lib': { kind: 'directory' } } as const;
    const below = (env: NodeJS.ProcessEnv) =>
      plan({ root: '/site', files, env }).requirements.map(({ what }) => what);
    expect(below({})).toContain("etcd's data directory /site/var/lib/etcd");
    expect(below({ ETCD_DATA_DIR: '/data/own' })).toContain("etcd's data directory /data/own");
  });
});

describe('the address by which maestro and we reach it', () => {
  test.each([
    ['another port', 'http://127.0.0.1:4001', '127.0.0.1', 4001],
    ['a closing slash', 'http://127.0.0.1:4001/', '127.0.0.1', 4001],
    ['localhost', 'http://localhost:2379', 'localhost', 2379],
    ['all of 127 is loopback', 'http://10.0.0.1:1,http://127.8.9.10:2379', '127.8.9.10', 2379],
    ['IPv6 loopback', 'http://[::1]:2379', '[::1]', 2379],
    ['all IPv4 addresses', 'http://0.0.0.0:2379', '127.0.0.1', 2379],
    ['all addresses', 'http://[::]:2379', '[::1]', 2379],
    ['one address', 'http://10.0.0.1:2379', '10.0.0.1', 2379],
    ['the first of several', 'http://10.0.0.1:1,http://10.0.0.2:2', '10.0.0.1', 1],
    ['loopback is preferred to the first', 'http://10.0.0.1:1,http://127.0.0.1:2', '127.0.0.1', 2],
    ['blanks after commas', 'http://10.0.0.1:1, http://127.0.0.1:2', '127.0.0.1', 2],
    ['the one without TLS', 'https://127.0.0.1:1,http://10.0.0.1:2', '10.0.0.1', 2],
    ['the one on TCP', 'unix:///run/etcd.sock,http://127.0.0.1:2', '127.0.0.1', 2],
  ])('%s: %s', (_, urls, address, port) => {
    const env = { ETCD_LISTEN_CLIENT_URLS: urls };
    const { url, services, requirements } = withEnv(env);
    expect(url).toBe(`http://${address}:${port}`);
    expect(services[0]?.ready).toMatchObject({ url });
    expect(requirements).toContainEqual({ what: `port ${address}:${port} for etcd`, found: 'free' });
    expect(given(env)?.args).not.toContainEqual(expect.stringContaining('--listen-client-urls'));
  });

  test.each([
    ['TLS only', 'https://127.0.0.1:2379'],
    ['a Unix socket only', 'unix:///run/etcd.sock'],
    ['no port', 'http://127.0.0.1'],
    ['no scheme', '127.0.0.1:2379'],
    ['a path', 'http://127.0.0.1:2379/etcd'],
    ['a comma alone', ','],
  ])('%s (%s) cannot be used, and what to add is said', (_, urls) => {
    expect(problems({ env: { ETCD_LISTEN_CLIENT_URLS: urls } })).toEqual([
      {
        kind: 'configuration',
        what: expect.stringContaining(`cannot use ETCD_LISTEN_CLIENT_URLS=${urls}: `),
        remedy: 'add http://127.0.0.1:2379 to it',
      },
    ]);
  });

  test.each([
    ['', { host: '127.0.0.1', port: 2379 }],
    ['http://127.0.0.1:4001', { host: '127.0.0.1', port: 4001 }],
    ['http://0.0.0.0:2379', { host: '127.0.0.1', port: 2379 }],
    ['http://localhost:2379', { host: 'localhost', port: 2379 }],
    ['http://10.0.0.1:1,http://127.0.0.1:2', { host: '127.0.0.1', port: 2 }],
  ])('%s: the cluster file is YAML of one member', (urls, member) => {
    const text = clusterText({ ETCD_LISTEN_CLIENT_URLS: urls });
    expect(parse(text)).toEqual({ cluster: 'ldms', members: [member] });
  });

  // Without quotes, its brackets make a list of it.
  test('an IPv6 address in the cluster file is a text', () => {
    const { members } = parse(clusterText({ ETCD_LISTEN_CLIENT_URLS: 'http://[::1]:2379' }));
    expect(members).toEqual([{ host: '[::1]', port: 2379 }]);
    expect(parse('host: [::1]').host).not.toBe('[::1]');
  });
});

describe('an etcd that others can reach is told, since it asks nobody who he is', () => {
  test.each([
    ['http://0.0.0.0:2379', ['http://0.0.0.0:2379']],
    ['http://[::]:2379', ['http://[::]:2379']],
    ['http://127.0.0.1:1,http://10.0.0.1:2', ['http://10.0.0.1:2']],
    ['http://10.0.0.1:1,http://10.0.0.2:2', ['http://10.0.0.1:1', 'http://10.0.0.2:2']],
  ])('%s', (urls, open) => {
    const { notices } = withEnv({ ETCD_LISTEN_CLIENT_URLS: urls });
    expect(notices).toEqual([
      { level: 'warn', text: expect.stringContaining(`etcd listens on ${open.join(', ')}, beyond loopback`) },
    ]);
  });

  test.each(['http://127.0.0.1:1', 'http://localhost:1', 'http://[::1]:1', 'http://127.8.9.10:1'])(
    '%s is not told',
    (urls) => {
      expect(withEnv({ ETCD_LISTEN_CLIENT_URLS: urls }).notices).toEqual([]);
    },
  );
});

describe('its port', () => {
  const at = (address: string, port = 2379) => ({ address, port });
  const taken = (listening: readonly { address: string; port: number }[], urls = 'http://127.0.0.1:2379') =>
    problems({ listening, env: { ETCD_LISTEN_CLIENT_URLS: urls } });

  test.each([
    ['the same address', 'http://127.0.0.1:2379', at('127.0.0.1')],
    ['all IPv4 addresses', 'http://127.0.0.1:2379', at('0.0.0.0')],
    ['all addresses', 'http://127.0.0.1:2379', at('::')],
    ['localhost is 127.0.0.1', 'http://localhost:2379', at('127.0.0.1')],
    ['IPv6 loopback', 'http://[::1]:2379', at('::1')],
    ['where it would be reached, for one that listens on all', 'http://0.0.0.0:2379', at('127.0.0.1')],
  ])('somebody listens there: %s', (_, urls, other) => {
    expect(taken([at('127.0.0.1', 80), other], urls)).toEqual([
      {
        kind: 'etcd',
        what: `cannot start etcd: somebody listens on ${other.address}:2379 already`,
        remedy: expect.stringContaining('ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:PORT'),
      },
    ]);
  });

  test.each([
    ['another port of the address', at('127.0.0.1', 2380)],
    ['the port of another address', at('10.0.0.1')],
    ['the port of another loopback address', at('127.0.0.2')],
    ['another port of all addresses', at('0.0.0.0', 23_790)],
  ])('is free when somebody has %s', (_, other) => {
    expect(taken([other])).toEqual([]);
  });
});

describe('its data directory', () => {
  const found = (world: FakeWorld) =>
    plan(world).requirements.find(({ what }) => what === `etcd's data directory ${data}`);
  const kind = 'directory';
  const lock = `${data}/member/snap/db`;

  test.each([
    ['is there', { [data]: { kind } }, 'writable'],
    ['is to be made', { '/var/lib': { kind } }, 'to be made'],
    ['is to be made with those above it', { '/': { kind } }, 'to be made'],
  ] as const)('%s', (_, files, words) => {
    expect(found({ files })).toEqual({ what: `etcd's data directory ${data}`, found: words });
  });

  test.each([
    ['is a file', { files: { [data]: {} } }, `${data} is not a directory`, 'name another'],
    ['lies in a file', { files: { '/var': {} } }, '/var is not a directory', 'name another'],
    [
      'cannot be written to',
      { files: { [data]: { kind, closed: 'EROFS' } } },
      `${data}: the file system is read-only`,
      `docker run -v maestro-etcd:${data}`,
    ],
    [
      'cannot be written to by this user',
      { uid: 1234, files: { [data]: { kind, closed: 'EACCES' } } },
      `${data}: permission denied`,
      `docker run -v maestro-etcd:${data}, which uid 1234 may write to`,
    ],
    [
      'cannot be made',
      { uid: 1234, files: { '/var/lib': { kind, closed: 'EACCES' } } },
      '/var/lib: permission denied',
      'which uid 1234 may write to',
    ],
    [
      'is used by another etcd',
      { files: { [data]: { kind }, [lock]: {} }, locks: { [lock]: 4711 } },
      'process 4711 uses it, and holds its lock',
      'stop that one',
    ],
  ] as const)('%s', (_, world, why, remedy) => {
    expect(found(world)?.problem).toEqual({
      kind: 'etcd',
      what: `cannot use etcd's data directory ${data}: ${why}`,
      remedy: expect.stringContaining(remedy),
    });
  });

  test('a lock on another file of it, or of another directory, is none', () => {
    const locks = { [`${data}/member/wal/0.tmp`]: 4711, '/other/member/snap/db': 4711 };
    expect(found({ files: { [data]: { kind } }, locks })?.problem).toBeUndefined();
  });
});

test('the directory of the cluster file must be one that can be made', () => {
  const files = { ...image.files, '/run': { kind: 'directory', closed: 'EROFS' } } as const;
  expect(problems({ files })).toEqual([
    {
      kind: 'configuration',
      what: 'cannot make the directory /run/ldms-entrypoint: /run: the file system is read-only',
      remedy: expect.stringContaining('--tmpfs /run'),
    },
  ]);
});

// Its other variables count for nothing then, and so neither does what we tell it.
test('ETCD_CONFIG_FILE is refused', () => {
  expect(problems({ env: { ETCD_CONFIG_FILE: '/etc/etcd.yaml' } })).toEqual([
    {
      kind: 'configuration',
      what: expect.stringContaining('cannot use ETCD_CONFIG_FILE=/etc/etcd.yaml: '),
      remedy: 'set what it says by ETCD_* variables',
    },
  ]);
  expect(problems({ env: { ETCD_CONFIG_FILE: '' } })).toEqual([]);
});

test.each([
  ['missing', { missing: 'notFound', errno: 'ENOENT' }, 'it is not in this image'],
  ['not executable', { missing: 'notExecutable', at: '/e', errno: 'EACCES' }, 'it is not executable'],
] as const)('a program etcd that is %s', (_, etcd, why) => {
  expect(problems({ programs: { etcd } })).toEqual([
    {
      kind: 'etcd',
      what: `cannot start etcd: ${why}`,
      remedy: 'install it in the image: apt-get install etcd-server',
    },
  ]);
});

test('everything that is wrong is told at once', () => {
  const world = {
    programs: {},
    listening: [{ address: '127.0.0.1', port: 2379 }],
    files: { [data]: {} },
    env: { ETCD_CONFIG_FILE: '/c' },
  };
  expect(problems(world)).toHaveLength(4);
});

describe('what to do about its last words', () => {
  /** The remedy for what etcd has said, as the supervisor looks for it. */
  function remedy(words: string): string | undefined {
    const hints = plan().services[0]?.hints ?? [];
    return hints.find(({ says }) => new RegExp(says, 'i').test(words))?.remedy;
  }
  const stack =
    '"stacktrace":"go.etcd.io/etcd/etcdmain.startEtcdOrProxyV2\\n\\tgo.etcd.io/etcd/etcdmain/etcd.go:271\\ngo.etcd.io/etcd/etcdmain.Main\\n\\tgo.etcd.io/etcd/etcdmain/main.go:46"';
  const failed = (error: string) =>
    `{"level":"fatal","ts":"2024-05-23T05:02:24.640Z","caller":"etcdmain/etcd.go:271","msg":"discovery failed","error":"${error}",${stack}}`;

  // What etcd 3.4.23 said of each when it was tried.
  test.each([
    [
      'its port is taken',
      failed('listen tcp 127.0.0.1:2379: bind: address already in use'),
      'another: -e ETCD',
    ],
    [
      'its data directory cannot be written to',
      failed(`cannot access data directory: open ${data}/.touch: permission denied`),
      'give the container a writable',
    ],
    [
      'its data directory cannot be made',
      failed(`cannot access data directory: mkdir ${data}: read-only file system`),
      'give the container a writable',
    ],
    [
      'the disk is full',
      failed(`write ${data}/member/wal/0.tmp: no space left on device`),
      'free some space',
    ],
    ['the log is overwritten', failed('wal: max entry size limit exceeded'), 'is damaged'],
    ['the log is overwritten in the middle', failed('walpb: crc mismatch'), 'is damaged'],
    ['the log has junk', failed('proto: illegal wireType 6'), 'is damaged'],
    [
      'the database is overwritten',
      `{"level":"panic","ts":"2024-05-23T05:03:37.789Z","caller":"backend/backend.go:162","msg":"failed to open database","path":"${data}/member/snap/db","error":"invalid database"}\npanic: failed to open database`,
      'is damaged',
    ],
  ])('%s', (_, words, what) => {
    expect(remedy(words)).toContain(what);
  });

  test.each([
    'listen tcp 192.0.2.1:2379: bind: cannot assign requested address',
    'listen tcp 127.0.0.1:80: bind: permission denied',
    'expected IP in URL for binding (http://localhost:2379)',
  ])('an address that it cannot have: %s', (words) => {
    expect(remedy(failed(words))).toMatch(/^give it an address of this container and a port above 1023/);
  });

  test.each([
    [
      'it starts',
      '{"level":"warn","caller":"auth/store.go:1380","msg":"simple token is not cryptographically signed"}',
    ],
    [
      'a variable that it does not take',
      `etcdmain: error verifying flags, invalid value "abc" for ETCD_ELECTION_TIMEOUT: parse error. See 'etcd --help'.`,
    ],
    ['nothing', ''],
  ])('no damage is told of where there is none: %s', (_, words) => {
    expect(remedy(words)).toBeUndefined();
  });
});

describe('ports and limits of the settings', () => {
  test('LDMS_ENTRYPOINT_ETCD_PORT: where it serves clients, unless ETCD_LISTEN_CLIENT_URLS says otherwise', () => {
    const env = { LDMS_ENTRYPOINT_ETCD_PORT: '4001' };
    expect(withEnv(env).url).toBe('http://127.0.0.1:4001');
    expect(given(env)?.args).toContain('--listen-client-urls=http://127.0.0.1:4001');
    expect(parse(clusterText(env)).members).toEqual([{ host: '127.0.0.1', port: 4001 }]);
    expect(withEnv({ ...env, ETCD_LISTEN_CLIENT_URLS: 'http://127.0.0.1:4002' }).url).toBe(
      'http://127.0.0.1:4002',
    );
    const wrong = problems({ env: { ...env, ETCD_LISTEN_CLIENT_URLS: 'https://127.0.0.1:1' } });
    expect(wrong.map(({ remedy }) => remedy)).toEqual(['add http://127.0.0.1:4001 to it']);
  });

  test('settings of several members, of one alone, are told to count for nothing', () => {
    const env = { LDMS_ENTRYPOINT_MAESTRO_MEMBER: 'hostA', LDMS_ENTRYPOINT_ETCD_PEER_KEY: '/key' };
    expect(withEnv(env).notices).toEqual([
      {
        level: 'warn',
        text: 'without LDMS_ENTRYPOINT_MAESTRO_MEMBERS maestro is alone, and LDMS_ENTRYPOINT_MAESTRO_MEMBER, LDMS_ENTRYPOINT_ETCD_PEER_KEY counts for nothing',
      },
    ]);
    expect(given(env)).toEqual(given({}));
  });
});

describe('a member of several', () => {
  const members = { LDMS_ENTRYPOINT_MAESTRO_MEMBERS: '10.0.0.1,10.0.0.2:4001,10.0.0.3' };
  const here = { addresses: ['127.0.0.1', '10.0.0.2'] };
  const member = (env: NodeJS.ProcessEnv = {}, world: FakeWorld = {}) =>
    plan({ ...here, ...world, env: { ...members, ...env } });
  const argsOf = (env: NodeJS.ProcessEnv = {}, world: FakeWorld = {}) =>
    member(env, world).services[0]?.start?.command.args ?? [];
  const option = (name: string, ...of: Parameters<typeof argsOf>) =>
    argsOf(...of).flatMap((arg) => (arg.startsWith(`--${name}=`) ? [arg.slice(name.length + 3)] : []))[0];
  const peers = {
    self: { name: '10.0.0.2', url: 'http://10.0.0.2:4001' },
    all: [
      { name: '10.0.0.1', url: 'http://10.0.0.1:2380' },
      { name: '10.0.0.2', url: 'http://10.0.0.2:4001' },
      { name: '10.0.0.3', url: 'http://10.0.0.3:2380' },
    ],
    listen: { address: '10.0.0.2', port: 4001 },
  };

  test('the whole plan: clients on loopback, the others on its own address alone', () => {
    const made = member();
    expect(made).toMatchObject({ url: 'http://127.0.0.1:2379', peers, questions: [] });
    expect(made.requirements).toEqual([
      { what: 'program etcd', found: '/usr/bin/etcd' },
      {
        what: 'the member of maestro that this is',
        found: '10.0.0.2 of 10.0.0.1, 10.0.0.2, 10.0.0.3, and listens to them on 10.0.0.2:4001',
      },
      { what: 'port 127.0.0.1:2379 for etcd', found: 'free' },
      { what: 'port 10.0.0.2:4001 for etcd', found: 'free' },
      { what: `etcd's data directory ${data}`, found: 'to be made' },
    ]);
    const [etcd, ...more] = made.services;
    expect(more).toEqual([]);
    expect(etcd?.start?.command).toEqual({
      program: 'etcd',
      env: {},
      args: [
        `--data-dir=${data}`,
        '--listen-client-urls=http://127.0.0.1:2379',
        '--advertise-client-urls=http://127.0.0.1:2379',
        '--listen-peer-urls=http://10.0.0.2:4001',
        '--election-timeout=300',
        '--auto-compaction-retention=1h',
        '--max-request-bytes=10485760',
        '--logger=zap',
        '--log-level=warn',
        '--name=10.0.0.2',
        '--initial-advertise-peer-urls=http://10.0.0.2:4001',
        '--initial-cluster=10.0.0.1=http://10.0.0.1:2380,10.0.0.2=http://10.0.0.2:4001,10.0.0.3=http://10.0.0.3:2380',
        expect.stringMatching(/^--initial-cluster-token=ldms-maestro-[0-9a-f]{16}$/),
        '--heartbeat-interval=30',
        '--pre-vote=true',
      ],
    });
    expect(etcd?.start?.joins).toEqual({ peers, directory: data });
    expect(etcd?.ready).toEqual({ kind: 'member', peers, deadlineMs: 60_000 });
    expect(etcd?.ifNot).toEqual({
      kind: 'etcd',
      what: 'cannot use etcd: it did not serve the other members within 60 s',
      remedy: expect.stringContaining('LDMS_ENTRYPOINT_ETCD_TIMEOUT'),
    });
  });

  test('one alone has nothing of it', () => {
    expect(plan(here)).not.toHaveProperty('peers');
    expect(plan(here).services[0]?.start).not.toHaveProperty('joins');
  });

  test('while its peers cannot be told, there is no etcd that could be started', () => {
    const env = { LDMS_ENTRYPOINT_MAESTRO_MEMBERS: 'hostA,hostB,hostC' };
    expect(withEnv(env)).toMatchObject({ services: [], questions: [{ about: 'members' }] });
    expect(member({ LDMS_ENTRYPOINT_MAESTRO_MEMBERS: '10.0.0,10.0.0.2' }).services).toEqual([]);
    expect(member({}, { addresses: ['10.0.0.9'] }).services).toEqual([]);
    const answers = Object.fromEntries(
      ['hostA', 'hostB', 'hostC'].map((name, at) => [name, { addresses: [`10.0.0.${at + 1}`] }]),
    );
    const host = fakeHost({ ...image, ...here, env });
    const made = planEtcd(settingsFrom(env), host, clusterFile, answers);
    expect(made.peers?.self.name).toBe('hostB');
    expect(made.services).toHaveLength(1);
  });

  describe('its token', () => {
    const token = (env: NodeJS.ProcessEnv) => option('initial-cluster-token', env);
    const list = (text: string) => token({ LDMS_ENTRYPOINT_MAESTRO_MEMBERS: text });

    test('is the same on each member, and in whatever order', () => {
      expect(list('10.0.0.3,10.0.0.2:4001,10.0.0.1:2380')).toBe(token({}));
      expect(option('initial-cluster-token', {}, { addresses: ['10.0.0.3'] })).toBe(token({}));
    });

    test('is another one of another cluster', () => {
      const tokens = [
        token({}),
        list('10.0.0.1,10.0.0.2,10.0.0.3'),
        list('10.0.0.1,10.0.0.2:4001,10.0.0.4'),
        token({ LDMS_ENTRYPOINT_MAESTRO_PREFIX: 'other' }),
      ];
      expect(new Set(tokens).size).toBe(4);
      expect(tokens).not.toContain(undefined);
    });
  });

  test.each([
    ['2s', {}, '30', '300'],
    ['5s', {}, '76', '750'],
    ['60s', {}, '909', '9000'],
    ['2s', { ETCD_ELECTION_TIMEOUT: '1000' }, '30', undefined],
    ['2s', { ETCD_ELECTION_TIMEOUT: '100' }, '10', undefined],
    ['2s', { ETCD_HEARTBEAT_INTERVAL: '100' }, undefined, undefined],
    ['2s', { ETCD_HEARTBEAT_INTERVAL: '100', ETCD_ELECTION_TIMEOUT: '900' }, undefined, undefined],
  ])('timing of a lease of %s with %j: heartbeat %s, election %s', (lease, env, heartbeat, election) => {
    const all = { LDMS_ENTRYPOINT_MAESTRO_LEASE: lease, ...env };
    expect(option('heartbeat-interval', all)).toBe(heartbeat);
    expect(option('election-timeout', all)).toBe(election);
  });

  test('an empty ETCD_NAME counts as unset, for etcd too', () => {
    const command = member({ ETCD_NAME: '' }).services[0]?.start?.command;
    expect(command?.env).toEqual({ ETCD_NAME: '10.0.0.2' });
    expect(command?.args.some((arg) => arg.startsWith('--name='))).toBe(false);
  });

  test('TLS: etcd is told of the files, and speaks https in all three places', () => {
    const pem = (what: string) => ({ content: `-----BEGIN ${what}-----\n` });
    const files = {
      ...image.files,
      '/tls/crt': pem('CERTIFICATE'),
      '/tls/key': pem('PRIVATE KEY'),
      '/tls/ca': pem('CERTIFICATE'),
    };
    const env = {
      LDMS_ENTRYPOINT_ETCD_PEER_CERT: '/tls/crt',
      LDMS_ENTRYPOINT_ETCD_PEER_KEY: '/tls/key',
      LDMS_ENTRYPOINT_ETCD_PEER_CA: '/tls/ca',
    };
    const args = argsOf(env, { files });
    expect(args.filter((arg) => arg.startsWith('--peer-'))).toEqual([
      '--peer-cert-file=/tls/crt',
      '--peer-key-file=/tls/key',
      '--peer-trusted-ca-file=/tls/ca',
      '--peer-client-cert-auth=true',
    ]);
    expect(args.filter((arg) => arg.includes('http://'))).toEqual([
      '--listen-client-urls=http://127.0.0.1:2379',
      '--advertise-client-urls=http://127.0.0.1:2379',
    ]);
    expect(argsOf({}, { files }).filter((arg) => arg.startsWith('--peer-'))).toEqual([]);
  });

  test('ETCD_LISTEN_PEER_URLS and ETCD_MAX_REQUEST_BYTES are left to the user', () => {
    const env = { ETCD_LISTEN_PEER_URLS: 'http://0.0.0.0:4001', ETCD_MAX_REQUEST_BYTES: '1000000' };
    expect(option('listen-peer-urls', env)).toBeUndefined();
    expect(option('max-request-bytes', env)).toBeUndefined();
    expect(member(env).peers?.listen).toEqual({ address: '0.0.0.0', port: 4001 });
  });

  test('a peer port that is taken', () => {
    const taken = (address: string, port: number) =>
      member({}, { listening: [{ address, port }] }).requirements.flatMap(({ problem }) => problem ?? []);
    expect(taken('0.0.0.0', 4001)).toEqual([
      {
        kind: 'etcd',
        what: 'cannot start etcd: somebody listens on 0.0.0.0:4001 already',
        remedy: expect.stringContaining('LDMS_ENTRYPOINT_ETCD_PEER_PORT on all members'),
      },
    ]);
    expect(taken('10.0.0.1', 4001)).toEqual([]);
    expect(taken('10.0.0.2', 2380)).toEqual([]);
  });

  // Its words are those of etcd 3.4.23 when it was tried with three members.
  test.each([
    [
      'listen tcp 10.0.0.2:4001: bind: address already in use',
      'ETCD_PEER_PORT on all members for 10.0.0.2:4001',
    ],
    ['the member has been permanently removed from the cluster', `move ${data} away`],
    [
      'panic: tocommit(73) is out of range [lastIndex(0)]. Was the raft log corrupted, truncated, or lost?',
      `the data of ${data} has been lost`,
    ],
    ['member e8ee4e7a3a25924a has already been bootstrapped', `the data of ${data} has been lost`],
    ['request sent was ignored (cluster ID mismatch: remote[1]=2, local=3)', 'are the same on all members'],
    [`couldn't find local name "m4" in the initial cluster configuration`, 'are the same on all members'],
    ['error validating peerURLs {"ClusterID":1}', 'are the same on all members'],
    ['tls: private key does not match public key', 'is not the key of LDMS_ENTRYPOINT_ETCD_PEER_CERT'],
    [
      'x509: certificate signed by unknown authority',
      'a certificate of the same LDMS_ENTRYPOINT_ETCD_PEER_CA',
    ],
    ['certificate is valid for 127.0.0.2, not 127.0.0.1', 'subjectAltName'],
    ['certificate specifies an incompatible key usage', 'extendedKeyUsage'],
    ['tls: first record does not look like a TLS handshake', 'a certificate of the same'],
    ['panic: failed to open database', 'is damaged'],
  ])('what to do about its last words: %s', (words, what) => {
    const remedy = (made: ReturnType<typeof plan>) =>
      made.services[0]?.hints?.find(({ says }) => new RegExp(says, 'i').test(words))?.remedy;
    expect(remedy(member())).toContain(what);
    if (what !== 'is damaged') expect(remedy(plan()) ?? '').not.toContain(what);
  });
});
