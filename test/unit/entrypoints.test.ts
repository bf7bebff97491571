import { describe, expect, test } from 'vitest';
import { modeNamed, modes } from '../../src/entrypoints/index.ts';
import type { Host } from '../../src/host.ts';
import type { Plan } from '../../src/plan.ts';
import { type FakeWorld, fakeHost, mountLine, settingsFrom } from '../support/fake-host.ts';

const ldmsd = '/opt/ovis/sbin/ldmsd';
const record = (version: string) => ({
  [ldmsd]: { size: 1_048_576, mtime: 1_700_000_000, mode: 0o755 },
  '/usr/local/share/ldms-entrypoint/ldmsd-version': {
    content: `1048576 1700000000 LDMSD Version: ${version}\n`,
  },
});
/** An image with an ldmsd that forks, whose version was recorded when it was built. */
const image = {
  programs: {
    ldmsd,
    bash: '/usr/bin/bash',
    munge: '/usr/bin/munge',
    unmunge: '/usr/bin/unmunge',
    munged: '/usr/sbin/munged',
    setpriv: '/usr/bin/setpriv',
    '/etc': { missing: 'notExecutable', at: '/etc', errno: 'EISDIR' },
  },
  users: { munge: { uid: 101, gid: 101 } },
  files: record('4.4.4'),
} as const;
const hostsMunge = mountLine('/run/munge', { root: '/munge', type: 'tmpfs' });
const socket = '/run/munge/munge.socket.2';

function planOf(
  name: string,
  args: readonly string[],
  { answers = {}, ...world }: FakeWorld & { answers?: Record<string, string> } = {},
): Promise<Plan> {
  const mode = modeNamed(name);
  if (!mode) throw new Error(`there is no mode ${name}`);
  const host = fakeHost({ ...image, ...world });
  return mode.plan({ args, settings: settingsFrom(world.env), host, answers });
}

const bare = {
  notices: [],
  requirements: [],
  services: [],
  tasks: [],
  questions: [],
  handoff: 'exec',
} as const;

test('the modes, in the order of --help', () => {
  expect(modes.map(({ name }) => name)).toEqual(['samp', 'agg', 'maestro', 'ui', 'grafana', 'dev']);
  for (const mode of modes) expect(modeNamed(mode.name)).toBe(mode);
});

test("HUP has maestro alone read its configuration again; elsewhere it is the daemon's", () => {
  expect(modes.filter(({ reloads }) => reloads).map(({ name }) => name)).toEqual(['maestro']);
});

test.each([undefined, '', 'Samp', 'sampler', 'constructor', '--help'])('%j is no mode', (name) => {
  expect(modeNamed(name)).toBeUndefined();
});

describe('dev', () => {
  test.each([
    [[]],
    [['-c', 'echo "$HOME"']],
    [['-a', 'munge']],
    [['--help']],
    [['', '*', 'a b', '--', '\n']],
  ])('becomes /bin/bash with %j as they are, and prepares nothing', async (args) => {
    expect(await planOf('dev', args)).toEqual({ ...bare, mode: 'dev', main: { program: '/bin/bash', args } });
  });

  test('LDMS_ENTRYPOINT_MUNGE=container starts no munge for a shell', async () => {
    const { services } = await planOf('dev', [], { env: { LDMS_ENTRYPOINT_MUNGE: 'container' } });
    expect(services).toEqual([]);
  });
});

describe.each(['samp', 'agg'])('%s', (mode) => {
  const becomes = (...args: string[]) => ({ ...bare, mode, main: { program: 'ldmsd', args } });
  const plan = (args: readonly string[], world?: Parameters<typeof planOf>[2]) => planOf(mode, args, world);

  describe('becomes ldmsd -F with the arguments as they are', () => {
    test.each([
      ['no arguments', [], []],
      ['-x sock:411', ['-x', 'sock:411'], [{ xprt: 'sock', port: 411 }]],
      [
        '-x rdma:411 -x sock:412:node-1',
        ['-x', 'rdma:411', '-xsock:412:node-1'],
        [
          { xprt: 'rdma', port: 411 },
          { xprt: 'sock', port: 412, host: 'node-1' },
        ],
      ],
      ['strange words', ['', '*', "it's", 'a b', '--', '\n', '-a'], []],
      ['-n munge is a name', ['-n', 'munge', '-v', 'INFO'], []],
      ['-kmunge is -m unge', ['-kmunge'], []],
      ['munge behind --', ['--', '-a', 'munge'], []],
      ['the word munge', ['-v', 'INFO', 'munge'], []],
      ['an option that ldmsd does not have', ['--xprt', 'sock:411'], []],
    ])('%s', async (_, args, listeners) => {
      expect(await plan(args)).toEqual({ ...becomes('-F', ...args), health: { listeners } });
    });

    test('two thousand arguments', async () => {
      const args = Array.from({ length: 2000 }, (_, at) => `-n${at}`);
      expect((await plan(args)).main.args).toEqual(['-F', ...args]);
    });
  });

  describe('-F', () => {
    test.each([
      ['4.3.11', true],
      ['4.4.4', true],
      ['4.5.0', false],
      ['4.5.1', false],
      ['5.0.0', false],
    ])('ldmsd %s: added: %s', async (version, added) => {
      const args = ['-x', 'sock:411'];
      expect(await plan(args, { files: record(version) })).toEqual({
        ...becomes(...(added ? ['-F'] : []), ...args),
        health: { listeners: [{ xprt: 'sock', port: 411 }] },
      });
    });

    test.each([[['-F', '-x', 'sock:411']], [['-x', 'sock:411', '-Fk']], [['-kF']]])(
      'never twice: %j, whichever ldmsd it is',
      async (args) => {
        for (const version of ['4.4.4', '4.5.0']) {
          expect((await plan(args, { files: record(version) })).main.args).toEqual(args);
        }
        expect(await plan(args, { files: {} })).toMatchObject({ main: { args }, questions: [], notices: [] });
      },
    );

    test.each([[['-n', '-F']], [['--', '-F']]])('%j does not give it', async (args) => {
      expect((await plan(args)).main.args).toEqual(['-F', ...args]);
    });

    test('an ldmsd without a record is asked for its version', async () => {
      expect(await plan(['-x', 'sock:411'], { files: {} })).toEqual({
        ...becomes('-F', '-x', 'sock:411'),
        questions: [{ about: 'ldmsd version', command: { program: 'ldmsd', args: ['-V'] } }],
        health: { listeners: [{ xprt: 'sock', port: 411 }] },
      });
    });

    test.each([
      ['LDMSD Version: 4.4.4', ['-F', '-v', 'INFO']],
      ['LDMSD Version: 4.5.1', ['-v', 'INFO']],
    ])('the answer "%s" decides, and is not asked for again', async (printed, args) => {
      const answered = await plan(['-v', 'INFO'], { files: {}, answers: { 'ldmsd version': printed } });
      expect(answered).toEqual({ ...becomes(...args), health: { listeners: [] } });
    });

    test.each(['', 'nonsense'])(
      'the answer "%s" is no version: -F is added, with a warning',
      async (printed) => {
        const answered = await plan([], { files: {}, answers: { 'ldmsd version': printed } });
        expect(answered).toEqual({
          ...becomes('-F'),
          notices: [{ level: 'warn', text: expect.stringContaining(JSON.stringify(printed)) }],
          health: { listeners: [] },
        });
      },
    );

    test('where there is no ldmsd, nothing is asked: that it is missing is told anyhow', async () => {
      expect(await plan([], { programs: {} })).toEqual({ ...becomes('-F'), health: { listeners: [] } });
    });
  });

  describe('an ldmsd that only prints something is started at once, even with munge', () => {
    test.each([
      [['-V']],
      [['-h']],
      [['--help']],
      [['-u', 'meminfo']],
      [['-a', 'munge', '-V']],
      [['-c', '/none', '-h']],
    ])('%j', async (args) => {
      expect(await plan(args)).toEqual(becomes(...args));
      expect(await plan(args, { env: { LDMS_ENTRYPOINT_MUNGE: 'container' } })).toEqual(becomes(...args));
    });
  });

  describe('another program in place of ldmsd', () => {
    test('bash -c id runs bash, with nothing prepared', async () => {
      expect(await plan(['bash', '-c', 'id', '-a', 'munge'])).toEqual({
        ...bare,
        mode,
        main: { program: 'bash', args: ['-c', 'id', '-a', 'munge'] },
      });
    });

    test.each([
      ['a word that is no program', 'nonsense'],
      ['an empty word', ''],
    ])("%s is ldmsd's to judge", async (_, word) => {
      expect(await plan([word])).toEqual({ ...becomes('-F', word), health: { listeners: [] } });
    });

    test('one that is named with its directory is tried, whether or not it can be executed', async () => {
      expect((await plan(['/no/such/tool', '-x'])).main).toEqual({ program: '/no/such/tool', args: ['-x'] });
    });

    test('only the first word can be one', async () => {
      expect((await plan(['-x', 'sock:411', 'bash'])).main).toEqual({
        program: 'ldmsd',
        args: ['-F', '-x', 'sock:411', 'bash'],
      });
    });
  });

  // `docker run … ldms-samp ldmsd -x …` names the program that is started anyway.
  describe('a first word ldmsd is dropped, and the rest is planned as usual', () => {
    const keyed = {
      files: {
        ...image.files,
        '/etc/munge/munge.key': { content: 'k3y'.repeat(20), mode: 0o600, uid: 101, gid: 101 },
      },
    };

    test('ldmsd -x sock:1 -a munge plans munge and -F', async () => {
      const args = ['-x', 'sock:1', '-a', 'munge'];
      const made = await plan(['ldmsd', ...args], keyed);
      expect(made.main).toEqual({ program: 'ldmsd', args: ['-F', ...args] });
      expect(made.services).toMatchObject([{ name: 'munged', ready: { socket } }]);
      expect(made.health).toEqual({
        listeners: [{ xprt: 'sock', port: 1 }],
        mungeSocket: socket,
        auth: { name: 'munge', args: [] },
      });
    });

    test.each([
      [[]],
      [['-x', 'sock:411']],
      [['-x', 'sock:411', '-a', 'munge']],
      [['-F', '-a', 'munge']],
      [['-c', '/etc/none.conf']],
      [['-V']],
      [['-h']],
    ])('%j', async (args) => {
      for (const world of [keyed, { ...keyed, mountinfo: hostsMunge }, { files: {} }, { programs: {} }]) {
        expect(await plan(['ldmsd', ...args], world)).toEqual(await plan(args, world));
      }
    });

    test("only that very word, and only the first: any other is ldmsd's operand or a program", async () => {
      expect((await plan(['-v', 'INFO', 'ldmsd'])).main.args).toEqual(['-F', '-v', 'INFO', 'ldmsd']);
      const programs = { ...image.programs, [ldmsd]: ldmsd };
      expect(await plan([ldmsd, '-V'], { programs })).toEqual({
        ...bare,
        mode,
        main: { program: ldmsd, args: ['-V'] },
      });
    });
  });

  describe('LDMS_ENTRYPOINT_COMPONENT_ID', () => {
    const args = ['-x', 'sock:411'];
    const health = { listeners: [{ xprt: 'sock', port: 411 }] };
    const named = (hostname: string, names: string, env: NodeJS.ProcessEnv = {}) => ({
      hostname,
      env: { LDMS_ENTRYPOINT_COMPONENT_ID: names, ...env },
    });

    test('ldmsd is given each variable with the number in the host name', async () => {
      expect(await plan(args, named('nid00100.example.org', 'COMPONENT_ID,COMPID'))).toEqual({
        ...becomes('-F', ...args),
        requirements: [{ what: 'component number', found: '100, from the host name nid00100.example.org' }],
        main: {
          program: 'ldmsd',
          args: ['-F', ...args],
          env: { COMPONENT_ID: '100', COMPID: '100' },
        },
        health,
      });
    });

    test('one that is set is left as it is, and an empty one counts as unset', async () => {
      const env = { COMPONENT_ID: '5', COMPID: '' };
      const made = await plan(args, named('nid00100', 'COMPONENT_ID,COMPID', env));
      expect(made.main.env).toEqual({ COMPID: '100' });
    });

    test('where all are set, and without the setting, the host name is not even read', async () => {
      for (const env of [{ LDMS_ENTRYPOINT_COMPONENT_ID: 'COMPID', COMPID: '5' }, {}]) {
        const host: Host = {
          ...fakeHost({ ...image, env }),
          hostname: () => expect.unreachable('the host name was read'),
        };
        const made = await modeNamed(mode)?.plan({ args, settings: settingsFrom(env), host, answers: {} });
        expect(made).toEqual({ ...becomes('-F', ...args), health });
      }
    });

    test('a host name without a number is a problem that names it, and what to type', async () => {
      const made = await plan(args, named('login', 'COMPONENT_ID,COMPID,ID', { ID: '3' }));
      expect(made.requirements).toEqual([
        {
          what: 'component number',
          problem: {
            kind: 'configuration',
            what: 'cannot give ldmsd COMPONENT_ID and COMPID: the host name login holds no component number',
            remedy: 'set it yourself: -e COMPONENT_ID=NUMBER -e COMPID=NUMBER',
          },
        },
      ]);
      expect(made.main).toEqual({ program: 'ldmsd', args: ['-F', ...args] });
    });

    test('what a configuration file makes of the variable is known beforehand', async () => {
      const content = 'listen xprt=sock port=104${COMPID}\n';
      const files = { ...image.files, '/c': { content } };
      const made = await plan(['-c', '/c'], { files, ...named('cygnus-12', 'COMPID') });
      expect(made.health?.listeners).toEqual([{ xprt: 'sock', port: 10_412 }]);
    });

    test.each([[['bash', '-c', 'id']], [['-V']], [['ldmsd', '-h']]])(
      'a start that is no daemon is not given it, whatever the host name: %j',
      async (words) => {
        expect(await plan(words, named('login', 'COMPID'))).toEqual(await plan(words));
      },
    );
  });

  describe('with munge', () => {
    test("-a munge and the host's munge: the whole plan", async () => {
      const args = ['-x', 'sock:411', '-a', 'munge', '-A', `socket=${socket}`];
      expect(await plan(args, { mountinfo: hostsMunge })).toEqual({
        mode,
        notices: [
          {
            level: 'debug',
            text: "munge is wanted (-a munge); the host's munged is used: /run/munge is mounted from the host (its /munge)",
          },
        ],
        requirements: [
          { what: 'program munge', found: '/usr/bin/munge' },
          { what: 'program unmunge', found: '/usr/bin/unmunge' },
        ],
        services: [
          {
            name: "the host's munged",
            ready: { kind: 'munge', socket, deadlineMs: 10_000 },
            ifNot: { kind: 'munge', what: expect.any(String), remedy: expect.any(String) },
          },
        ],
        tasks: [],
        questions: [],
        main: { program: 'ldmsd', args: ['-F', ...args] },
        handoff: 'exec',
        health: {
          listeners: [{ xprt: 'sock', port: 411 }],
          mungeSocket: socket,
          auth: { name: 'munge', args: [`socket=${socket}`] },
        },
      });
    });

    const conf = (content: string) => ({ files: { ...image.files, '/etc/ldms/ldmsd.conf': { content } } });
    test.each([
      ['-a munge', ['-a', 'munge'], {}],
      ['-amunge', ['-amunge'], {}],
      ['-Famunge', ['-Famunge'], {}],
      ['--default_auth=munge', ['--default_auth=munge'], {}],
      ['--default_auth munge', ['--default_auth', 'munge'], {}],
      ['an auth line in a -c file', ['-c', '/etc/ldms/ldmsd.conf'], conf('auth_add name=site plugin=munge')],
      ['an option line in a -c file', ['-c', '/etc/ldms/ldmsd.conf'], conf('option -a munge')],
      ['an endpoint in a -y file', ['-y', '/etc/ldms/ldmsd.conf'], conf('d: [{ auth: { plugin: munge } }]')],
      ['LDMS_ENTRYPOINT_MUNGE=host', [], { env: { LDMS_ENTRYPOINT_MUNGE: 'host' } }],
    ] as const)('%s asks for it', async (_, args, world) => {
      const made = await plan(args, { mountinfo: hostsMunge, ...world });
      expect(made.services.map(({ name }) => name)).toEqual(["the host's munged"]);
      expect(made.health?.mungeSocket).toBe(socket);
    });

    test.each([
      ['-a none', ['-a', 'none'], {}],
      ['LDMS_ENTRYPOINT_MUNGE=off', ['-a', 'munge'], { env: { LDMS_ENTRYPOINT_MUNGE: 'off' } }],
      ['a second -a', ['-a', 'ovis', '-a', 'munge'], {}],
      ['a sampler called munge', ['-c', '/etc/ldms/ldmsd.conf'], conf('load name=munge')],
    ] as const)('%s does not', async (_, args, world) => {
      const made = await plan(args, { mountinfo: hostsMunge, ...world });
      expect(made).toMatchObject({ services: [], requirements: [] });
      expect(made.health).not.toHaveProperty('mungeSocket');
    });

    test("POSIXLY_CORRECT: an -a behind an operand is none, as for ldmsd's getopt", async () => {
      const args = ['-v', 'INFO', 'operand', '-a', 'munge'];
      expect((await plan(args, { mountinfo: hostsMunge, env: { POSIXLY_CORRECT: '1' } })).services).toEqual(
        [],
      );
      expect((await plan(args, { mountinfo: hostsMunge })).services).toHaveLength(1);
    });

    test('a missing key ends the start before anything runs', async () => {
      const made = await plan(['-a', 'munge']);
      expect(made.services).toEqual([]);
      expect(made.requirements.flatMap(({ problem }) => problem?.what ?? [])).toEqual([
        'cannot use the munge key /etc/munge/munge.key: there is none',
      ]);
    });
  });

  test('a configuration file that does not exist ends the start before anything runs', async () => {
    const { requirements } = await plan(['-c', '/etc/none.conf']);
    expect(requirements).toEqual([
      {
        what: 'configuration file',
        problem: expect.objectContaining({
          kind: 'configuration',
          what: expect.stringContaining('/etc/none.conf'),
        }),
      },
    ]);
  });

  test('a -y file that is no YAML: the line is told, and what can be read of it still asks for munge', async () => {
    const files = { ...image.files, '/etc/l.yaml': { content: 'a: 1\nauth: munge\nbroken: "x' } };
    const made = await plan(['-y', '/etc/l.yaml'], { files, mountinfo: hostsMunge });
    expect(made.notices).toEqual([
      {
        level: 'warn',
        text: 'line 3 of /etc/l.yaml is no clean YAML (MISSING_CHAR): munge is made ready if what can be read asks for it; LDMS_ENTRYPOINT_MUNGE decides otherwise',
      },
      { level: 'debug', text: expect.stringContaining('munge is wanted (line 2 of /etc/l.yaml); ') },
    ]);
    expect(made.services).toMatchObject([{ name: "the host's munged" }]);
    expect(made.requirements.filter(({ problem }) => problem)).toEqual([]);
  });

  test('a -y file that is no YAML and of which nothing asks for munge: a warning, and no munge', async () => {
    const files = { ...image.files, '/etc/l.yaml': { content: 'munge: [' } };
    expect(await plan(['-y', '/etc/l.yaml'], { files })).toEqual({
      ...becomes('-F', '-y', '/etc/l.yaml'),
      notices: [
        { level: 'warn', text: expect.stringMatching(/^line 1 of \/etc\/l\.yaml is no clean YAML \(/) },
      ],
      health: { listeners: [] },
    });
  });

  test('listeners of a configuration file are known to health', async () => {
    const files = { ...image.files, '/etc/l.conf': { content: 'listen xprt=sock port=412\n' } };
    const { health } = await plan(['-x', 'rdma:411', '-c', '/etc/l.conf'], { files });
    expect(health).toEqual({
      listeners: [
        { xprt: 'rdma', port: 411 },
        { xprt: 'sock', port: 412 },
      ],
    });
  });

  test('the same input gives the same plan', async () => {
    const args = ['-x', 'sock:411', '-a', 'munge'];
    expect(await plan(args)).toEqual(await plan(args));
  });
});
