import { describe, expect, test } from 'vitest';
import { planMunge } from '../../src/munge/plan.ts';
import type { Service } from '../../src/plan.ts';
import { type FakeFile, type FakeWorld, fakeHost, mountLine, settingsFrom } from '../support/fake-host.ts';

const socket = '/run/munge/munge.socket.2';
const munge = { name: 'munge', uid: 101, gid: 101 };
const key: FakeFile = {
  content: 'a key of more than thirty-two bytes, for tests',
  mode: 0o600,
  uid: 101,
  gid: 101,
};
const programs = {
  munge: '/usr/bin/munge',
  unmunge: '/usr/bin/unmunge',
  munged: '/usr/sbin/munged',
  setpriv: '/usr/bin/setpriv',
};
const files = { '/etc/munge/munge.key': key };
const container = { programs, files, users: { munge: { uid: 101, gid: 101 } } };
const bound = mountLine('/run/munge', { root: '/munge', type: 'tmpfs' });

function plan(
  world: FakeWorld = {},
  env: NodeJS.ProcessEnv = {},
  wanted: { why: string; socket?: string } = { why: '-a munge' },
) {
  return planMunge(wanted, settingsFrom(env), fakeHost({ ...container, ...world }));
}
const problems = (world: FakeWorld, env: NodeJS.ProcessEnv = {}) =>
  plan(world, env).requirements.flatMap(({ problem }) => problem ?? []);

const clientsFound = [
  { what: 'program munge', found: '/usr/bin/munge' },
  { what: 'program unmunge', found: '/usr/bin/unmunge' },
];

const socketOf = (service: Service | undefined) =>
  service?.ready.kind === 'munge' ? service.ready.socket : undefined;

describe("the host's munge", () => {
  test('is only waited for: nothing is started and nothing written', () => {
    expect(plan({ mountinfo: bound })).toEqual({
      notices: [
        {
          level: 'debug',
          text: "munge is wanted (-a munge); the host's munged is used: /run/munge is mounted from the host (its /munge)",
        },
      ],
      requirements: clientsFound,
      services: [
        {
          name: "the host's munged",
          ready: { kind: 'munge', socket, deadlineMs: 10_000 },
          ifNot: {
            kind: 'munge',
            what: `cannot use the host's munge through ${socket}, tried for 10 s`,
            remedy: expect.stringMatching(/on the host: systemctl restart munge.*restart this container/),
          },
        },
      ],
      questions: [],
      socket,
    });
  });

  test('needs neither a key nor munged nor a user munge', () => {
    const { munge, unmunge } = programs;
    expect(problems({ mountinfo: bound, files: {}, users: {}, programs: { munge, unmunge } })).toEqual([]);
  });

  test('is waited for as long as LDMS_ENTRYPOINT_MUNGE_TIMEOUT says', () => {
    const { services } = plan({ mountinfo: bound }, { LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '1500ms' });
    expect(services[0]?.ready.deadlineMs).toBe(1500);
    expect(services[0]?.ifNot.what).toContain('1.5 s');
  });

  test('behind a directory that was deleted cannot come back, and what to do is said', () => {
    const mountinfo = mountLine('/run/munge', { root: '/munge//deleted', type: 'tmpfs' });
    expect(problems({ mountinfo })).toEqual([
      {
        kind: 'munge',
        what: expect.stringContaining('mounted at /run/munge has been deleted on the host'),
        remedy: expect.stringContaining('RuntimeDirectoryPreserve=yes'),
      },
    ]);
  });

  test.each(['munge', 'unmunge'])('cannot be tried without the program %s', (name) => {
    const { [name]: _, ...others } = programs as Record<string, string>;
    expect(problems({ mountinfo: bound, programs: others })).toEqual([
      {
        kind: 'munge',
        what: `cannot use munge: the program ${name} is not in this image`,
        remedy: 'install munge in the image: apt-get install munge',
      },
    ]);
  });

  test('LDMS_ENTRYPOINT_MUNGE=host takes it even where no mount is seen', () => {
    const { notices, services, requirements } = plan({ files: {} }, { LDMS_ENTRYPOINT_MUNGE: 'host' });
    expect(notices).toEqual([
      {
        level: 'debug',
        text: "munge is wanted (-a munge); the host's munged is used: LDMS_ENTRYPOINT_MUNGE=host",
      },
    ]);
    expect(services).toMatchObject([{ name: "the host's munged" }]);
    expect(services[0]).not.toHaveProperty('start');
    expect(requirements).toEqual(clientsFound);
  });

  test('LDMS_ENTRYPOINT_MUNGE=container never starts a munged over it', () => {
    const refused = plan({ mountinfo: bound }, { LDMS_ENTRYPOINT_MUNGE: 'container' });
    expect(refused.services).toEqual([]);
    expect(refused.requirements).toMatchObject([
      {
        problem: {
          kind: 'munge',
          what: "cannot start the container's own munged (LDMS_ENTRYPOINT_MUNGE=container): /run/munge is mounted from the host (its /munge)",
          remedy: 'leave out that mount, or the setting',
        },
      },
    ]);
  });
});

describe('our own munge', () => {
  test('runs as munge with the key where it lies', () => {
    expect(plan()).toEqual({
      notices: [
        {
          level: 'debug',
          text: "munge is wanted (-a munge); the container's own munged is used: no mount at /run/munge",
        },
      ],
      questions: [],
      requirements: [
        { what: 'program munged', found: '/usr/sbin/munged' },
        ...clientsFound,
        { what: 'program setpriv', found: '/usr/bin/setpriv' },
        { what: 'munge key', found: '/etc/munge/munge.key' },
      ],
      services: [
        {
          name: 'munged',
          start: {
            command: {
              program: 'munged',
              args: [
                '--foreground',
                `--socket=${socket}`,
                '--key-file=/etc/munge/munge.key',
                '--pid-file=/run/munge/munged.pid',
                '--seed-file=/run/ldms-entrypoint/munge/munged.seed',
                '--origin=127.0.0.1',
              ],
            },
            user: munge,
            files: [
              { do: 'directory', path: '/run/ldms-entrypoint', mode: 0o755, mend: false },
              { do: 'directory', path: '/run/ldms-entrypoint/munge', mode: 0o700, owner: munge, mend: true },
              { do: 'directory', path: '/run/munge', mode: 0o755, owner: munge, mend: true },
              { do: 'remove', path: socket },
              { do: 'remove', path: `${socket}.lock` },
            ],
            discard: [],
            graceMs: expect.any(Number),
          },
          ready: { kind: 'munge', socket, deadlineMs: 10_000 },
          ifNot: {
            kind: 'munge',
            what: 'cannot use munge: munged did not encode and decode a credential within 10 s',
            remedy: expect.stringContaining('LDMS_ENTRYPOINT_MUNGE_TIMEOUT'),
          },
        },
      ],
      socket,
    });
  });

  test('a key of another owner is copied for munge alone, with a notice', () => {
    const { notices, services, requirements } = plan({
      files: { '/etc/munge/munge.key': { ...key, uid: 0 } },
    });
    const copy = '/run/ldms-entrypoint/munge/munge.key';
    const start = services[0]?.start;
    expect(start?.command.args).toContain(`--key-file=${copy}`);
    expect(start?.files.at(-1)).toEqual({
      do: 'copy',
      from: '/etc/munge/munge.key',
      path: copy,
      mode: 0o600,
      owner: munge,
    });
    expect(notices).toContainEqual({
      level: 'info',
      text: 'the munge key /etc/munge/munge.key is used through a private copy: it belongs to uid 0 and munged runs as munge (101:101)',
    });
    expect(requirements).toContainEqual({ what: 'munge key', found: '/etc/munge/munge.key, to be copied' });
  });

  test('the key is never on the command line', () => {
    expect(JSON.stringify(plan())).not.toContain('thirty-two');
  });

  test('a file where the user said that a socket is, is not given to munged, which would remove it', () => {
    const world = { files: { ...files, '/srv/precious': { mode: 0o600 } } };
    const { requirements } = plan(world, {}, { why: '-a munge', socket: '/srv/precious' });
    const told = requirements.flatMap(({ problem }) => problem ?? []);
    expect(told).toMatchObject([{ what: expect.stringContaining('munged would remove it') }]);
  });

  test('LDMS_ENTRYPOINT_MUNGE=container where a munged answers already: the setting is what to leave out', () => {
    const world = { files: { ...files, [socket]: { kind: 'socket' } } } as const;
    const host = fakeHost({ ...container, ...world });
    const settings = settingsFrom({ LDMS_ENTRYPOINT_MUNGE: 'container' });
    const { requirements } = planMunge({ why: 'LDMS_ENTRYPOINT_MUNGE=container' }, settings, host, 'yes');
    expect(requirements.map(({ problem }) => problem?.remedy)).toEqual([
      'leave out the setting, and that one is used',
    ]);
  });

  test('a copied key is discarded as soon as munged has read it', () => {
    const { services } = plan({ files: { '/etc/munge/munge.key': { ...key, uid: 0 } } });
    const { files: actions = [], discard } = services[0]?.start ?? {};
    expect(actions.at(-1)).toMatchObject({ do: 'copy', path: '/run/ldms-entrypoint/munge/munge.key' });
    expect(discard).toEqual(['/run/ldms-entrypoint/munge/munge.key']);
  });

  test("munged's own uid is that of the image's /etc/passwd", () => {
    const world = {
      users: { munge: { uid: 103, gid: 106 } },
      files: { '/etc/munge/munge.key': { ...key, uid: 103 } },
    };
    expect(plan(world).services[0]?.start?.user).toEqual({ name: 'munge', uid: 103, gid: 106 });
  });

  test('below LDMS_ENTRYPOINT_ROOT, every path is', () => {
    const world = { root: '/site', files: { '/site/etc/munge/munge.key': { ...key, uid: 0 } } };
    const { services } = plan(world);
    const start = services[0]?.start;
    const paths = [...(start?.files ?? []).map(({ path }) => path), socketOf(services[0])];
    for (const path of paths) expect(path).toMatch(/^\/site\/run\//);
    for (const option of ['socket', 'key-file', 'pid-file', 'seed-file']) {
      expect(start?.command.args).toContainEqual(expect.stringContaining(`--${option}=/site/run/`));
    }
  });

  test('a socket that the user named is served there, in a directory that is left as it is', () => {
    const { services, socket: used } = plan({}, {}, { why: '-a munge', socket: '/srv/m/sock' });
    expect(used).toBe('/srv/m/sock');
    expect(socketOf(services[0])).toBe('/srv/m/sock');
    expect(services[0]?.start?.command.args).toContain('--socket=/srv/m/sock');
    expect(services[0]?.start?.files).toContainEqual(
      expect.objectContaining({ do: 'directory', path: '/srv/m', mend: false }),
    );
  });

  test('LDMS_ENTRYPOINT_MUNGE=container starts it', () => {
    expect(plan({}, { LDMS_ENTRYPOINT_MUNGE: 'container' }).services).toMatchObject([{ name: 'munged' }]);
  });

  test('a container with an arbitrary user runs munged as that user, and changes no owner', () => {
    const mine = { ...key, uid: 1234, gid: 1234 };
    const { services, requirements } = plan({
      uid: 1234,
      users: {},
      capabilities: 0n,
      files: { '/etc/munge/munge.key': mine },
    });
    expect(requirements.flatMap(({ problem }) => problem ?? [])).toEqual([]);
    expect(services[0]?.start).not.toHaveProperty('user');
    for (const action of services[0]?.start?.files ?? []) expect(action).not.toHaveProperty('owner');
  });

  test.each([
    ['a volume', '/var/lib/docker/volumes/munge-run/_data'],
    ['an emptyDir', '/var/lib/kubelet/pods/4f1c/volumes/kubernetes.io~empty-dir/munge-run'],
  ])(
    '%s at /run/munge: the socket that our killed munged left does not keep the next one from starting',
    (_, root) => {
      const left = {
        '/run/munge/munge.socket.2': { kind: 'socket', uid: 101 },
        '/run/munge/munged.pid': { uid: 101 },
      } as const;
      const { services, questions } = plan({
        mountinfo: mountLine('/run/munge', { root }),
        files: { ...files, ...left },
      });
      // A munged that still serves there is not disturbed: that is asked first.
      expect(questions).toEqual([{ about: 'munge socket', socket }]);
      expect(services[0]?.start?.files).toContainEqual({ do: 'remove', path: socket });
    },
  );
});

describe('what keeps our own munge from starting is told before anything is started', () => {
  test.each([
    ['no user munge', { users: {} }, /no user munge/, /apt-get install munge.*-v \/run\/munge/],
    ['no key', { files: {} }, /munge.key: there is none/, /-v \/run\/munge:\/run\/munge:ro/],
    [
      'no munged',
      { programs: { ...programs, munged: { missing: 'notFound', errno: 'ENOENT' } } },
      /munged is not in this image/,
      /apt-get install munge/,
    ],
    [
      'a munged that is not executable',
      { programs: { ...programs, munged: { missing: 'notExecutable', errno: 'EACCES' } } },
      /munged is not executable/,
      /apt-get install munge/,
    ],
    [
      'no setpriv',
      { programs: { ...programs, setpriv: { missing: 'notFound', errno: 'ENOENT' } } },
      /setpriv is not in this image/,
      /util-linux/,
    ],
    [
      '--cap-drop=ALL',
      { capabilities: 0n },
      /lacks CAP_SETUID and CAP_SETGID/,
      /--cap-add=SETUID --cap-add=SETGID/,
    ],
    [
      'without SETUID',
      { capabilities: (1n << 6n) | (1n << 5n) | 1n },
      /lacks CAP_SETUID$/,
      /--cap-add=SETUID --cap-add=SETGID --cap-add=CHOWN .*, or the host's munge/,
    ],
    [
      'without SETGID',
      { capabilities: (1n << 7n) | (1n << 5n) | 1n },
      /lacks CAP_SETGID$/,
      /--cap-add=SETUID --cap-add=SETGID --cap-add=CHOWN .*, or the host's munge/,
    ],
    [
      'without CHOWN, on a fresh /run',
      { capabilities: (1n << 7n) | (1n << 6n) | (1n << 5n) },
      /lacks CAP_CHOWN$/,
      /--cap-add=CHOWN/,
    ],
    [
      "without DAC_OVERRIDE, with somebody else's key",
      {
        files: { '/etc/munge/munge.key': { ...key, uid: 0, gid: 0 } },
        capabilities: (1n << 7n) | (1n << 6n) | (1n << 5n) | 1n,
      },
      /lacks CAP_DAC_OVERRIDE$/,
      /--cap-add=DAC_OVERRIDE/,
    ],
    [
      'others may write to /run',
      { files: { ...files, '/run': { kind: 'directory', mode: 0o777 } } },
      /others may write to \/run$/,
      /chmod go-w \/run /,
    ],
    [
      '/run belongs to somebody',
      { files: { ...files, '/run': { kind: 'directory', uid: 998 } } },
      /\/run belongs to uid 998/,
      /chown root \/run/,
    ],
    [
      'a user of its own, and a /run/munge that others may write to and it may not mend',
      {
        uid: 1234,
        files: {
          '/etc/munge/munge.key': { ...key, uid: 1234 },
          '/run/munge': { kind: 'directory', mode: 0o777 },
        },
      },
      /munged refuses its mode 0777/,
      /chmod 0755 \/run\/munge/,
    ],
    [
      'a user of its own, and a /run/munge that it may not write to',
      {
        uid: 1234,
        files: {
          '/etc/munge/munge.key': { ...key, uid: 1234 },
          '/run/munge': { kind: 'directory', mode: 0o755, uid: 101, gid: 102 },
        },
      },
      /directory of \/run\/munge\/munge\.socket\.2: \/run\/munge belongs to uid 101, and uid 1234 may not write to it$/,
      /^docker run --tmpfs \/run:uid=\d+, or --user 101:102$/,
    ],
    [
      "a user of its own, and root's /run/munge",
      {
        uid: 1234,
        files: {
          '/etc/munge/munge.key': { ...key, uid: 1234 },
          '/run/munge': { kind: 'directory', mode: 0o755 },
        },
      },
      /\/run\/munge belongs to uid 0, and uid 1234 may not write to it$/,
      /^docker run --tmpfs \/run:uid=\d+, or --user 0:0$/,
    ],
  ] as const)('%s', (_, world, what, remedy) => {
    expect(problems(world)).toEqual([
      { kind: 'munge', what: expect.stringMatching(what), remedy: expect.stringMatching(remedy) },
    ]);
  });

  test('a directory of a socket that the user named, and that a user of its own may not write to', () => {
    const world = {
      uid: 1234,
      files: {
        '/etc/munge/munge.key': { ...key, uid: 1234 },
        '/srv/m': { kind: 'directory', uid: 0 },
      },
    } as const;
    const { requirements } = plan(world, {}, { why: '-a munge', socket: '/srv/m/sock' });
    expect(requirements.flatMap(({ problem }) => problem ?? [])).toEqual([
      {
        kind: 'munge',
        what: 'cannot start munged: directory of /srv/m/sock: /srv/m belongs to uid 0, and uid 1234 may not write to it',
        // Another /run does not help there.
        remedy: expect.stringContaining('--tmpfs /srv/m:uid='),
      },
    ]);
  });

  describe("room for munged's private files", () => {
    const mine = { '/etc/munge/munge.key': { ...key, uid: 1234 } };
    const at = (path: string, closed?: string) => ({
      [path]: { kind: 'directory', ...(closed && { closed }) } as const,
    });
    const refusal = (where: string, why: string, remedy: string) => ({
      kind: 'configuration',
      what: `cannot make the directory /run/ldms-entrypoint/munge: ${where}: ${why}`,
      remedy,
    });
    const readOnly = 'the file system is read-only';
    const denied = 'permission denied';
    const writable = 'give the container a writable /run: docker run --tmpfs /run';
    const own = 'uid 1234 needs a /run that it may write to: docker run --tmpfs /run:uid=1234';

    test.each([
      ['--read-only', { files: { ...files, ...at('/run', 'EROFS') } }, refusal('/run', readOnly, writable)],
      [
        '--read-only, in an image without a /run',
        { files: { ...files, ...at('/', 'EROFS') } },
        refusal('/', readOnly, writable),
      ],
      [
        '--read-only and --user',
        { uid: 1234, files: { ...mine, ...at('/run', 'EROFS') } },
        refusal('/run', readOnly, writable),
      ],
      ['--user', { uid: 1234, files: { ...mine, ...at('/run', 'EACCES') } }, refusal('/run', denied, own)],
      [
        "--user, and a root's directory of an earlier start",
        { uid: 1234, files: { ...mine, ...at('/run'), ...at('/run/ldms-entrypoint', 'EACCES') } },
        refusal('/run/ldms-entrypoint', denied, own),
      ],
      [
        'root without CAP_DAC_OVERRIDE',
        { files: { ...files, ...at('/run', 'EACCES') } },
        refusal(
          '/run',
          denied,
          'let root change owners: docker run --cap-add=CHOWN --cap-add=DAC_OVERRIDE --cap-add=FOWNER',
        ),
      ],
    ] as const)('%s: there is none, and what to do is said', (_, world, problem) => {
      const { requirements } = plan(world);
      expect(requirements.filter(({ problem }) => problem)).toEqual([
        { what: 'room for /run/ldms-entrypoint/munge', problem },
      ]);
    });

    test.each([
      ['all may be made', {}],
      ['a writable /run on a read-only root', { ...at('/', 'EROFS'), ...at('/run') }],
      [
        'a writable directory of ours in a closed /run',
        { ...at('/run', 'EROFS'), ...at('/run/ldms-entrypoint') },
      ],
      [
        'that very directory is there',
        { ...at('/run/ldms-entrypoint', 'EACCES'), ...at('/run/ldms-entrypoint/munge') },
      ],
    ] as const)('nothing is told where there is room: %s', (_, more) => {
      expect(problems({ files: { ...files, ...more } })).toEqual([]);
    });

    test('below LDMS_ENTRYPOINT_ROOT it is wanted there, and nowhere else', () => {
      const below = { '/site/etc/munge/munge.key': key };
      expect(problems({ root: '/site', files: { ...below, ...at('/run', 'EROFS') } })).toEqual([]);
      expect(problems({ root: '/site', files: { ...below, ...at('/site/run', 'EROFS') } })).toMatchObject([
        {
          kind: 'configuration',
          what: `cannot make the directory /site/run/ldms-entrypoint/munge: /site/run: ${readOnly}`,
        },
      ]);
    });

    test('it is told beside a bad key, which is told first', () => {
      expect(problems({ files: at('/run', 'EROFS') })).toMatchObject([
        { kind: 'munge', what: expect.stringContaining('there is none') },
        { kind: 'configuration' },
      ]);
    });

    test("the host's munge needs none", () => {
      expect(problems({ mountinfo: bound, files: at('/run', 'EROFS') })).toEqual([]);
    });
  });

  test('a /run with the sticky bit, is good', () => {
    expect(problems({ files: { ...files, '/run': { kind: 'directory', mode: 0o1777 } } })).toEqual([]);
  });

  test.each([
    ["--tmpfs /run/munge:mode=1777, root's", { mode: 0o1777 }],
    ['a directory of its own', { mode: 0o755, uid: 1234 }],
    ['a directory of its own whose mode it mends', { mode: 0o777, uid: 1234 }],
  ])('a user of its own may use a /run/munge that is %s', (_, directory) => {
    const mine = { '/etc/munge/munge.key': { ...key, uid: 1234 } };
    const world = { ...mine, '/run/munge': { kind: 'directory', ...directory } } as const;
    expect(problems({ uid: 1234, files: world })).toEqual([]);
  });

  test('root mends the mode and owner of /run/munge', () => {
    expect(
      problems({ files: { ...files, '/run/munge': { kind: 'directory', mode: 0o777, uid: 998 } } }),
    ).toEqual([]);
  });

  test('with several problems, all are told, and nothing is to be started', () => {
    const { services, requirements } = plan({ files: {}, programs: {}, capabilities: 0n });
    expect(services).toEqual([]);
    expect(requirements.filter(({ problem }) => problem)).toHaveLength(6);
  });
});
