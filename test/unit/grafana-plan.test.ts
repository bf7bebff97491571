import { describe, expect, test } from 'vitest';
import { explainText } from '../../src/commands/explain.ts';
import { planGrafana } from '../../src/grafana/plan.ts';
import { whyNotListen, written } from '../../src/listen.ts';
import type { Answers } from '../../src/plan.ts';
import { type FakeFile, type FakeWorld, fakeHost, settingsFrom } from '../support/fake-host.ts';

const plugins = '/var/lib/grafana/plugins';
const files: Record<string, FakeFile> = {
  '/etc/grafana/grafana.ini': { content: '[server]\n;http_port = 3000\n' },
  '/etc/grafana/provisioning/datasources': { kind: 'directory' },
  '/usr/share/grafana': { kind: 'directory' },
  '/var/lib/grafana': { kind: 'directory', uid: 472, mode: 0o777 },
  '/var/log/grafana': { kind: 'directory', uid: 472, mode: 0o777 },
  [`${plugins}/dsosds/plugin.json`]: { content: '{"type": "datasource", "id": "dsosds"}' },
};
const programs = {
  'grafana-server': '/usr/share/grafana/bin/grafana-server',
  'grafana-cli': '/usr/share/grafana/bin/grafana-cli',
  bash: '/bin/bash',
};
const newer = { grafana: '/usr/share/grafana/bin/grafana', bash: '/bin/bash' };
const image = { programs, files, uid: 472, gid: 0 };
const ini = (content: string) => ({ ...files, '/etc/grafana/grafana.ini': { content } });

const hostOf = (world: FakeWorld) => fakeHost({ ...image, ...world });
const firstPlan = (args: readonly string[] = [], world: FakeWorld = {}, answers: Answers = {}) =>
  planGrafana({ args, host: hostOf(world), settings: settingsFrom(world.env), answers });
/** The plan that is made once its questions are answered, as far as looking does. */
const plan = (args: readonly string[] = [], world: FakeWorld = {}) => {
  const addresses = firstPlan(args, world).questions.flatMap((asked) =>
    asked.about === 'addresses' ? asked.addresses : [],
  );
  const looked = addresses.map((at) => [written(at), whyNotListen(at, hostOf(world))]);
  return firstPlan(args, world, { addresses: Object.fromEntries(looked) });
};
const problems = (world: FakeWorld = {}, args: readonly string[] = []) =>
  plan(args, world).requirements.flatMap(({ problem }) => problem ?? []);
const web = (args: readonly string[] = [], world: FakeWorld = {}) => plan(args, world).health?.web;

const ours = ['--homepath=/usr/share/grafana', '--config=/etc/grafana/grafana.ini', '--packaging=docker'];
const operands = [
  'cfg:default.log.mode=console',
  'cfg:default.paths.data=/var/lib/grafana',
  'cfg:default.paths.logs=/var/log/grafana',
  'cfg:default.paths.plugins=/var/lib/grafana/plugins',
  'cfg:default.paths.provisioning=/etc/grafana/provisioning',
];
const health = { path: '/api/health', well: 'ok' };

describe('grafana', () => {
  test('becomes grafana-server, with nothing to do beforehand', () => {
    expect(plan()).toEqual({
      mode: 'grafana',
      notices: [],
      requirements: [
        { what: 'GF_PATHS_CONFIG=/etc/grafana/grafana.ini', found: 'it can be read' },
        { what: 'GF_PATHS_HOME=/usr/share/grafana', found: "grafana's own files are there" },
        { what: 'GF_PATHS_DATA=/var/lib/grafana', found: 'it can be written to' },
        { what: 'port 3000', found: 'free' },
      ],
      preparations: [],
      services: [],
      tasks: [],
      questions: [],
      main: {
        program: 'grafana-server',
        args: [...ours, ...operands],
        trailing: operands.length,
        env: { HOME: '/usr/share/grafana', GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS: 'dsosds' },
        secrets: {},
        without: [],
      },
      handoff: 'exec',
      health: {
        listeners: [],
        web: { protocol: 'http', at: { host: '0.0.0.0', port: 3000 }, ...health },
      },
    });
  });

  test.each([0, 472, 1234])('and does so as uid %i', (uid) => {
    expect(plan([], { uid })).toEqual(plan());
  });

  test("the user's arguments stand before the settings, each as it is", () => {
    const args = ['--pidfile=/tmp/a b', '-profile', '', '*', 'cfg:server.http_port=4000'];
    const { main } = plan(args);
    expect(main.args).toEqual([...ours, ...args, ...operands]);
    expect(main.args.slice(main.args.length - (main.trailing ?? 0))).toEqual(operands);
  });

  test('of a newer release, it becomes grafana server', () => {
    const { main } = plan(['--pidfile=/p'], { programs: newer });
    expect(main).toMatchObject({
      program: 'grafana',
      args: ['server', ...ours, '--pidfile=/p', ...operands],
    });
    expect(plan(['--pidfile=/p']).main.args[0]).toBe(ours[0]);
  });

  test('of a release that has both, the newer', () => {
    expect(plan([], { programs: { ...programs, ...newer } }).main).toMatchObject({ program: 'grafana' });
  });

  test.each([[['grafana-server', '--pidfile=/p']], [['grafana', 'server', '--pidfile=/p']]])(
    'its own name as the first word is not given twice: %j',
    (args) => {
      for (const some of [programs, newer]) {
        expect(plan(args, { programs: some })).toEqual(plan(['--pidfile=/p'], { programs: some }));
      }
    },
  );

  test('its name as a later word is an argument', () => {
    expect(plan(['--pidfile', 'grafana-server']).main.args).toEqual([
      ...ours,
      '--pidfile',
      'grafana-server',
      ...operands,
    ]);
  });
});

describe('what prepares nothing', () => {
  const bad = { files: {}, env: { GF_A: 'x', GF_A__FILE: '/none' } };

  test.each([
    ['a shell', ['bash', '-c', 'id'], { program: 'bash', args: ['-c', 'id'] }],
    ['a program by its path', ['/bin/bash'], { program: '/bin/bash', args: [] }],
    [
      'the other program of grafana',
      ['grafana-cli', 'plugins', 'ls'],
      { program: 'grafana-cli', args: ['plugins', 'ls'] },
    ],
    ['what prints the version', ['-v'], { program: 'grafana-server', args: ['-v'] }],
    [
      'what prints the version, with its name',
      ['grafana-server', '-v'],
      { program: 'grafana-server', args: ['-v'] },
    ],
    ['what prints the version in full', ['--vv'], { program: 'grafana-server', args: ['--vv'] }],
    [
      'what prints the version, behind an argument',
      ['--homepath=/x', '-version'],
      { program: 'grafana-server', args: ['--homepath=/x', '-version'] },
    ],
    [
      'what prints the version, behind a flag that takes no value',
      ['-profile', '-v'],
      { program: 'grafana-server', args: ['-profile', '-v'] },
    ],
    ['what prints the help', ['--help'], { program: 'grafana-server', args: ['--help'] }],
  ])('%s', (_, args, main) => {
    const world = { ...bad, programs: { ...programs, '/bin/bash': '/bin/bash' } };
    expect(plan(args, world)).toEqual({
      mode: 'grafana',
      notices: [],
      requirements: [],
      services: [],
      tasks: [],
      questions: [],
      main,
      handoff: 'exec',
    });
    // Whereas a start would not get far there.
    expect(problems(world)).toHaveLength(3);
  });

  test('a newer release prints its version by its own words', () => {
    expect(plan(['-v'], { programs: newer }).main).toEqual({ program: 'grafana', args: ['server', '-v'] });
  });

  test.each([
    ['a word that names no program', ['nonesuch']],
    ['an operand', ['cfg:a.b=-v']],
    ['a flag that begins so', ['-verbose']],
    ['what is behind a setting', ['cfg:a.b=c', '-v']],
    ['what is behind a word', ['word', '--help']],
    ['what is behind --', ['--', '-h']],
    ['the value of a flag', ['--pidfile', '-v']],
    ['an empty word', ['']],
  ])('%s is an argument of a start', (_, args) => {
    expect(plan(args).main.args).toEqual([...ours, ...args, ...operands]);
  });
});

describe('GF_PATHS_*', () => {
  const moved = (variable: string, path: string, more: Record<string, FakeFile> = {}) =>
    plan([], { env: { [variable]: path }, files: { ...files, ...more } });
  const directory = { '/srv/one': { kind: 'directory' } } as const;

  test.each([
    ['GF_PATHS_CONFIG', { '/srv/one': { content: '' } }, '--config=/srv/one'],
    ['GF_PATHS_HOME', directory, '--homepath=/srv/one'],
    ['GF_PATHS_DATA', directory, 'cfg:default.paths.data=/srv/one'],
    ['GF_PATHS_LOGS', directory, 'cfg:default.paths.logs=/srv/one'],
    [
      'GF_PATHS_PLUGINS',
      { '/srv/one/dsosds/plugin.json': { content: '{"id":"dsosds"}' } },
      'cfg:default.paths.plugins=/srv/one',
    ],
    ['GF_PATHS_PROVISIONING', directory, 'cfg:default.paths.provisioning=/srv/one'],
  ] as const)('%s is told to grafana, and is what is looked at', (variable, there, arg) => {
    const { main, requirements, notices } = moved(variable, '/srv/one', there);
    const key = arg.slice(0, arg.indexOf('=') + 1);
    const expected = [...ours, ...operands].map((one) => (one.startsWith(key) ? arg : one));
    expect(main.args).toEqual(expected);
    expect(expected).toContain(arg);
    expect(requirements.flatMap(({ problem }) => problem ?? [])).toEqual([]);
    expect(notices).toEqual([]);
  });

  test.each([
    ['GF_PATHS_CONFIG', /^cannot use \/srv\/one: it does not exist$/],
    ['GF_PATHS_HOME', /^cannot use GF_PATHS_HOME=\/srv\/one: it does not exist$/],
    ['GF_PATHS_DATA', /^cannot write to GF_PATHS_DATA=\/srv\/one: \/srv: permission denied$/],
    ['GF_PATHS_PLUGINS', /^cannot write to GF_PATHS_PLUGINS=\/srv\/one: \/srv: permission denied$/],
  ])('%s names what is not there', (variable, what) => {
    const { requirements } = moved(variable, '/srv/one', { '/srv': { kind: 'directory', closed: 'EACCES' } });
    expect(requirements.flatMap(({ problem }) => problem?.what ?? [])).toEqual([expect.stringMatching(what)]);
  });

  test.each([
    ['grafana.ini', { files: ini('[paths]\ndata = /srv/one\n') }, []],
    ['an argument', {}, ['cfg:paths.data=/srv/one']],
    ['an argument for want of others', {}, ['cfg:default.paths.data=/srv/one']],
    [
      'a file',
      {
        env: { GF_PATHS_DATA__FILE: '/run/data' },
        files: { ...files, '/run/data': { content: '/srv/one\n' } },
      },
      [],
    ],
  ] as [string, FakeWorld, string[]][])(
    'are settings as well: the data are where %s says',
    (_, world, args) => {
      const closed = { '/srv/one': { kind: 'directory', closed: 'EACCES' } } as const;
      const { main, requirements } = plan(args, {
        ...world,
        files: { ...(world.files ?? files), ...closed },
      });
      expect(main.args).toContain('cfg:default.paths.data=/srv/one');
      expect(requirements.flatMap(({ problem }) => problem?.what ?? [])).toEqual([
        'cannot write to GF_PATHS_DATA=/srv/one: permission denied',
      ]);
    },
  );

  test('home is where HOME is', () => {
    expect(moved('GF_PATHS_HOME', '/srv/one', directory).main.env).toMatchObject({ HOME: '/srv/one' });
  });

  test('below LDMS_ENTRYPOINT_ROOT, everything of its own is', () => {
    const root = '/site';
    const below = Object.fromEntries(Object.entries(files).map(([path, file]) => [root + path, file]));
    const { main, requirements } = plan([], { root, files: below });
    expect(requirements.flatMap(({ problem }) => problem ?? [])).toEqual([]);
    expect(main.args).toEqual([
      '--homepath=/site/usr/share/grafana',
      '--config=/site/etc/grafana/grafana.ini',
      '--packaging=docker',
      ...operands.map((one) => one.replace('=/', '=/site/')),
    ]);
  });
});

describe("the user's own flags", () => {
  const other = { ...files, '/mine.ini': { content: '[server]\nhttp_port = 4000\n' } };

  test.each([
    [['--config=/mine.ini']],
    [['-config', '/mine.ini']],
    [['grafana-server', '--config', '/mine.ini']],
  ])('the file of %j is the one that is read', (args) => {
    const world = { files: { ...other, '/etc/grafana/grafana.ini': { kind: 'directory' } as const } };
    expect(web(args, world)).toMatchObject({ at: { port: 4000 } });
    expect(problems(world, args)).toEqual([]);
    expect(problems(world)).toHaveLength(1);
  });

  test('what stands before them is what the variables say', () => {
    const env = { GF_PATHS_CONFIG: '/mine.ini', GF_PATHS_HOME: '/srv/home' };
    const args = ['--config=/other.ini', '--homepath=/opt/grafana'];
    expect(plan(args, { env, files: other }).main.args.slice(0, 4)).toEqual([
      '--homepath=/srv/home',
      '--config=/mine.ini',
      '--packaging=docker',
      '--config=/other.ini',
    ]);
  });

  test('one behind a setting is none', () => {
    const world = { files: other };
    expect(web(['cfg:a.b=c', '--config=/mine.ini'], world)).toMatchObject({ at: { port: 3000 } });
    expect(web(['--config=/mine.ini', 'cfg:a.b=c'], world)).toMatchObject({ at: { port: 4000 } });
  });

  test('one that is not there is told', () => {
    expect(problems({}, ['--config=/none.ini'])).toMatchObject([
      {
        what: 'cannot use /none.ini: it does not exist',
        remedy: expect.stringContaining(':/none.ini:ro'),
      },
    ]);
  });

  test('--homepath is where grafana is looked for, and HOME', () => {
    const args = ['--homepath=/opt/grafana'];
    const world = { files: { ...files, '/opt/grafana': { kind: 'directory' } as const } };
    expect(problems(world, args)).toEqual([]);
    expect(plan(args, world).main.env).toMatchObject({ HOME: '/opt/grafana' });
    expect(problems({}, args)).toMatchObject([
      { what: 'cannot use GF_PATHS_HOME=/opt/grafana: it does not exist' },
    ]);
  });
});

describe('what cannot be used', () => {
  const denied = (path: string, owner: number) => ({
    [path]: { ...files[path], kind: 'directory', uid: owner, closed: 'EACCES' } as const,
  });
  const logsToFile = '[log]\nmode = console file\n';

  test.each([
    [472, 0],
    [1234, 472],
    [0, 472],
  ])('is told all at once, each with what uid %i can do about it', (uid, owner) => {
    const told = problems({
      uid,
      env: {
        GF_INSTALL_PLUGINS: 'clock-panel',
        LDMS_ENTRYPOINT_DSOSDS_URL: 'http://ui',
        GF_A__FILE: '/run/a',
      },
      listening: [{ address: '0.0.0.0', port: 3000 }],
      files: {
        ...denied('/var/lib/grafana', owner),
        ...denied('/var/log/grafana', owner),
        ...denied(plugins, owner),
        ...denied('/etc/grafana/provisioning', owner),
        '/etc/grafana/grafana.ini': { unreadable: 'EACCES' },
        '/run/a': { unreadable: 'EACCES' },
      },
    });
    const asOwner = owner === 0 ? '' : `, or run as its owner: docker run --user ${owner}:0`;
    const chown = (path: string) =>
      `give it to uid ${uid}: chown -R ${uid} on what the host mounts at ${path}${asOwner}`;
    expect(told).toEqual([
      {
        kind: 'configuration',
        what: 'cannot use /etc/grafana/grafana.ini: permission denied',
        remedy: `let uid ${uid} read it: chmod a+r on the host`,
      },
      expect.objectContaining({ what: 'cannot use GF_PATHS_HOME=/usr/share/grafana: it does not exist' }),
      {
        kind: 'configuration',
        what: 'cannot write to GF_PATHS_DATA=/var/lib/grafana: permission denied',
        remedy: chown('/var/lib/grafana'),
      },
      {
        kind: 'configuration',
        what: `cannot write to GF_PATHS_PLUGINS=${plugins}: permission denied`,
        remedy: chown(plugins),
      },
      expect.objectContaining({ what: 'cannot read GF_A from /run/a: permission denied' }),
      expect.objectContaining({
        what: expect.stringContaining('/etc/grafana/provisioning: permission denied'),
        remedy: expect.stringContaining(`give it to uid ${uid}: chown -R ${uid} `),
      }),
      expect.objectContaining({
        what: 'cannot listen on 0.0.0.0:3000: somebody listens there already',
      }),
    ]);
  });

  test('--read-only, with a remedy for each', () => {
    const closed = { kind: 'directory', closed: 'EROFS' } as const;
    const world = { files: { ...ini(logsToFile), '/var/lib/grafana': closed, '/var/log/grafana': closed } };
    expect(problems(world)).toEqual([
      {
        kind: 'configuration',
        what: 'cannot write to GF_PATHS_DATA=/var/lib/grafana: the file system is read-only',
        remedy:
          'mount a volume there: docker run -v grafana:/var/lib/grafana, or --tmpfs /var/lib/grafana:uid=472',
      },
      {
        kind: 'configuration',
        what: 'cannot write to GF_PATHS_LOGS=/var/log/grafana: the file system is read-only',
        remedy:
          'mount a volume there: docker run -v grafana:/var/log/grafana, or --tmpfs /var/log/grafana:uid=472',
      },
    ]);
  });

  test('what nobody writes to may be closed', () => {
    const world = {
      files: {
        ...files,
        ...denied('/var/log/grafana', 0),
        ...denied(plugins, 0),
        ...denied('/etc/grafana/provisioning', 0),
        ...denied('/usr/share/grafana', 0),
      },
    };
    expect(problems(world)).toEqual([]);
    expect(problems({ files: { ...files, ...denied('/var/lib/grafana', 0) } })).toHaveLength(1);
  });

  test.each([
    ['grafana.ini', { files: ini(logsToFile) }, []],
    ['grafana.ini, alone', { files: ini('[log]\nmode = file\n') }, []],
    ['a variable', { env: { GF_LOG_MODE: 'file' } }, []],
    ['an argument', {}, ['cfg:log.mode=console file']],
  ] as const)('logs are written where [log] mode has file: %s', (_, world: FakeWorld, args) => {
    const closed = { ...(world.files ?? files), ...denied('/var/log/grafana', 0) };
    expect(problems({ ...world, files: closed }, args)).toMatchObject([
      { what: 'cannot write to GF_PATHS_LOGS=/var/log/grafana: permission denied' },
    ]);
  });

  test.each([
    ['it says nothing', {}, []],
    ['it has console', { files: ini('[log]\nmode = console\n') }, []],
    ['a variable takes it back', { files: ini(logsToFile), env: { GF_LOG_MODE: 'console' } }, []],
    ['an argument takes it back', { env: { GF_LOG_MODE: 'file' } }, ['cfg:log.mode=console']],
    ['it has a word that only holds it', { files: ini('[log]\nmode = profile\n') }, []],
  ] as const)('and nowhere else: %s', (_, world: FakeWorld, args) => {
    const closed = { ...(world.files ?? files), ...denied('/var/log/grafana', 0) };
    expect(problems({ ...world, files: closed }, args)).toEqual([]);
  });

  test('data and plugins that are not there are made, in that order', () => {
    const { '/var/lib/grafana': _, [`${plugins}/dsosds/plugin.json`]: __, ...rest } = files;
    const { preparations, requirements } = plan([], {
      files: { ...rest, '/var/lib': { kind: 'directory' } },
    });
    expect(requirements.flatMap(({ problem }) => problem ?? [])).toEqual([]);
    expect(preparations).toEqual([
      { do: 'directory', path: '/var/lib/grafana', mode: 0o755, mend: false },
      { do: 'directory', path: plugins, mode: 0o755, mend: false },
    ]);
  });

  test.each([
    ['missing', undefined, 'it does not exist'],
    ['a directory', { kind: 'directory' }, 'it is a directory, which docker makes'],
    ['not UTF-8', { content: Buffer.from('a\n\xff', 'latin1') }, 'line 2 is not valid UTF-8'],
  ] as const)('grafana.ini: %s', (_, file, why) => {
    const { '/etc/grafana/grafana.ini': __, ...rest } = files;
    const world = { files: { ...rest, ...(file && { '/etc/grafana/grafana.ini': file }) } };
    expect(problems(world)).toMatchObject([{ kind: 'configuration', what: expect.stringContaining(why) }]);
  });
});

describe('secrets', () => {
  const env = {
    GF_SECURITY_ADMIN_PASSWORD__FILE: '/run/secrets/admin',
    GF_SMTP_PASSWORD__FILE: '/run/secrets/smtp',
    GF_DATABASE_PASSWORD: 'hunter-plain',
    GF_AWS_PROFILES: 'default other',
    GF_AWS_default_ACCESS_KEY_ID: 'hunter-id',
    GF_AWS_default_SECRET_ACCESS_KEY: 'hunter-key',
    GF_AWS_default_REGION: 'us-east-1',
    LDMS_ENTRYPOINT_DSOSDS_URL: 'http://cygnus-07',
  };
  const world = {
    env,
    files: {
      ...ini('[security]\nadmin_password = hunter-ini\n[database]\nurl = ${GF_DATABASE_PASSWORD}\n'),
      '/run/secrets/admin': { content: 'hunter-file\n' },
      '/run/secrets/smtp': { content: 'hunter-smtp\n' },
    },
  };

  test('are read at the hand-over, and the variables that name the files are taken away', () => {
    expect(problems(world)).toEqual([]);
    expect(plan([], world).main).toMatchObject({
      secrets: {
        GF_SECURITY_ADMIN_PASSWORD: '/run/secrets/admin',
        GF_SMTP_PASSWORD: '/run/secrets/smtp',
      },
      without: ['GF_SECURITY_ADMIN_PASSWORD__FILE', 'GF_SMTP_PASSWORD__FILE'],
    });
  });

  test('none is in the plan, nor in what explain tells of it', () => {
    const made = plan(['cfg:a.b=to-be-seen'], world);
    for (const text of [JSON.stringify(made), explainText(made, hostOf(world))]) {
      expect(text).not.toContain('hunter');
      // What is in it is found in it.
      for (const told of ['to-be-seen', '/run/secrets/admin', 'http://cygnus-07'])
        expect(text).toContain(told);
    }
  });

  test('none is in what is told of one that is set twice, or that cannot be used', () => {
    const wrong = {
      env: { ...env, GF_SMTP_PASSWORD: 'hunter-twice' },
      files: { ...world.files, '/run/secrets/admin': { content: 'hunter\0file' } },
    };
    const made = plan([], wrong);
    expect(problems(wrong)).toMatchObject([
      { what: expect.stringContaining('zero byte') },
      { what: expect.stringContaining('both GF_SMTP_PASSWORD and GF_SMTP_PASSWORD__FILE are set') },
    ]);
    for (const text of [JSON.stringify(made), explainText(made, hostOf(wrong))]) {
      expect(text).not.toContain('hunter');
    }
  });
});

describe('passwords in words that are shown', () => {
  const env = { GF_INSTALL_PLUGINS: 'https://user:hunter2@example.org/x.zip;my-folder' };

  test('are hidden by explain, and given to the programs', () => {
    const args = ['cfg:security.admin_password=hunter3', 'cfg:database.url=mysql://g:hunter4@db/x'];
    const made = plan(args, { env });
    expect(JSON.stringify(made)).toMatch(/hunter2.*hunter3.*hunter4/);
    const text = explainText(made, hostOf({ env }));
    expect(text).not.toContain('hunter');
    expect(text).toContain("--pluginUrl 'https://***@example.org/x.zip'");
    expect(text).toContain('cfg:security.admin_password=***');
    expect(text).toContain('cfg:database.url=mysql://***@db/x');
  });
});

describe('GF_AWS_PROFILES', () => {
  const written = (env: NodeJS.ProcessEnv) => plan([], { env }).preparations;
  const profile = (name: string, region?: string) => ({
    [`GF_AWS_${name}_ACCESS_KEY_ID`]: `${name}-id`,
    [`GF_AWS_${name}_SECRET_ACCESS_KEY`]: `${name}-key`,
    ...(region && { [`GF_AWS_${name}_REGION`]: region }),
  });
  const credentials = (text: string) => [
    { do: 'directory', path: '/usr/share/grafana/.aws', mode: 0o700, mend: false },
    { do: 'write', path: '/usr/share/grafana/.aws/credentials', text, fills: true, mode: 0o600 },
  ];

  test('each is written with its credentials, which only its reader sees', () => {
    expect(written({ GF_AWS_PROFILES: ' a  b ', ...profile('a', 'us-east-1'), ...profile('b') })).toEqual(
      credentials(
        '[a]\naws_access_key_id = ${GF_AWS_a_ACCESS_KEY_ID}\naws_secret_access_key = ${GF_AWS_a_SECRET_ACCESS_KEY}\nregion = ${GF_AWS_a_REGION}\n' +
          '[b]\naws_access_key_id = ${GF_AWS_b_ACCESS_KEY_ID}\naws_secret_access_key = ${GF_AWS_b_SECRET_ACCESS_KEY}\n',
      ),
    );
  });

  const aws = '/usr/share/grafana/.aws';
  const wanted = { GF_AWS_PROFILES: 'a', ...profile('a') };
  const what = `${aws}, for GF_AWS_PROFILES`;

  test.each([
    ['it can be made', {}],
    ['it can be written to', { [aws]: { kind: 'directory' } }],
    ['it can be written to', { [`${aws}/credentials`]: {} }],
  ] as [string, Record<string, FakeFile>][])('their place is looked at: %s, with %j', (found, more) => {
    const { requirements, preparations } = plan([], { env: wanted, files: { ...files, ...more } });
    expect(requirements).toContainEqual({ what, found });
    expect(preparations?.map((step) => step.do)).toEqual(
      found === 'it can be made' ? ['directory', 'write'] : ['write'],
    );
  });

  test.each([
    [
      'a read-only system',
      { '/usr/share/grafana': { kind: 'directory', closed: 'EROFS' } },
      `${what}: /usr/share/grafana: the file system is read-only`,
    ],
    [
      "another user's directory",
      { [aws]: { kind: 'directory', closed: 'EACCES' } },
      `${what}: permission denied`,
    ],
    [
      "another user's file",
      { [aws]: { kind: 'directory' }, [`${aws}/credentials`]: { closed: 'EACCES' } },
      `${what}: ${aws}/credentials: permission denied`,
    ],
  ] as [string, Record<string, FakeFile>, string][])(
    '%s is told, where there are profiles',
    (_, more, why) => {
      const world = { files: { ...files, ...more } };
      expect(problems({ ...world, env: wanted })).toMatchObject([
        { kind: 'configuration', what: `cannot write to ${why}` },
      ]);
      expect(problems(world)).toEqual([]);
    },
  );

  test('lie where grafana is, which is its home', () => {
    const args = ['--homepath=/opt/grafana'];
    const world = { env: wanted, files: { ...files, '/opt/grafana': { kind: 'directory' } as const } };
    expect(plan(args, world).preparations).toMatchObject([
      { path: '/opt/grafana/.aws', mode: 0o700 },
      { path: '/opt/grafana/.aws/credentials' },
    ]);
  });

  test.each([
    ['no key', { GF_AWS_a_ACCESS_KEY_ID: 'x' }],
    ['no id', { GF_AWS_a_SECRET_ACCESS_KEY: 'x' }],
    ['an empty key', { ...profile('a'), GF_AWS_a_SECRET_ACCESS_KEY: '' }],
  ])('one with %s is left out', (_, env) => {
    expect(written({ GF_AWS_PROFILES: 'a b', ...env, ...profile('b') })).toEqual(
      credentials(
        '[b]\naws_access_key_id = ${GF_AWS_b_ACCESS_KEY_ID}\naws_secret_access_key = ${GF_AWS_b_SECRET_ACCESS_KEY}\n',
      ),
    );
  });

  test.each([
    ['unset', profile('a')],
    ['empty', { GF_AWS_PROFILES: '', ...profile('a') }],
    ['what no variable can be named by', { GF_AWS_PROFILES: 'a-b ../c', ...profile('a-b') }],
  ])('%s: nothing is written', (_, env) => {
    expect(written(env)).toEqual([]);
  });
});

describe('GF_INSTALL_PLUGINS', () => {
  const env = { GF_INSTALL_PLUGINS: 'clock-panel 1.0.1,,https://example.org/x.zip;my-folder' };
  const install = ['--pluginsDir', plugins, 'plugins', 'install'];

  test.each([
    ['grafana-cli', programs, []],
    ['grafana', newer, ['cli']],
  ] as const)('are installed by %s, before grafana is started', (program, some, first) => {
    const { preparations } = plan([], { env, programs: some });
    expect(preparations).toMatchObject([
      { do: 'run', command: { program, args: [...first, ...install, 'clock-panel', '1.0.1'] } },
      {
        do: 'run',
        command: {
          program,
          args: [...first, '--pluginUrl', 'https://example.org/x.zip', ...install, 'my-folder'],
        },
      },
    ]);
  });

  test('are told by explain, with what becomes of a failure', () => {
    const world = { env, files: { ...files, [`${plugins}/clock-panel`]: { kind: 'directory' } as const } };
    const text = explainText(plan([], world), hostOf(world));
    expect(text).toContain(
      `run HOME=/usr/share/grafana grafana-cli --pluginsDir ${plugins} plugins install clock-panel 1.0.1, at most 300 s; if that fails, the one that is there is used\n`,
    );
    expect(text).toMatch(/install my-folder, at most 300 s\n/);
  });

  test('come after all that has to be made for them', () => {
    const { [`${plugins}/dsosds/plugin.json`]: _, ...rest } = files;
    const aws = { GF_AWS_PROFILES: 'a', GF_AWS_a_ACCESS_KEY_ID: 'x', GF_AWS_a_SECRET_ACCESS_KEY: 'x' };
    const { preparations = [] } = plan([], { env: { ...env, ...aws }, files: rest });
    expect(preparations.map((step) => step.do)).toEqual(['directory', 'directory', 'write', 'run', 'run']);
  });

  test('need a place that can be written to; what is there already needs none', () => {
    const closed = { ...files, [plugins]: { kind: 'directory', closed: 'EACCES' } as const };
    expect(problems({ env, files: closed })).toMatchObject([
      { what: `cannot write to GF_PATHS_PLUGINS=${plugins}: permission denied` },
    ]);
    expect(problems({ files: closed })).toEqual([]);
    const directory = { kind: 'directory' } as const;
    const one = { ...closed, [`${plugins}/clock-panel`]: directory };
    expect(problems({ env, files: one })).toHaveLength(1);
    expect(problems({ env, files: { ...one, [`${plugins}/my-folder`]: directory } })).toEqual([]);
  });

  test('what is no URL;FOLDER is told, and is not run', () => {
    const wrong = { GF_INSTALL_PLUGINS: 'https://example.org/x.zip;' };
    expect(problems({ env: wrong })).toMatchObject([
      { what: 'cannot install https://example.org/x.zip; of GF_INSTALL_PLUGINS: it is no URL;FOLDER' },
    ]);
    expect(plan([], { env: wrong }).preparations).toEqual([]);
    expect(problems({ env })).toEqual([]);
  });
});

describe('the plugin for DSOS', () => {
  const variable = 'GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS';
  const allowed = (args: readonly string[], world: FakeWorld = {}) => plan(args, world).main.env?.[variable];

  test('is allowed beside what the user allows, but for an argument', () => {
    const mine = ini('[plugins]\nallow_loading_unsigned_plugins = mine\n');
    expect(allowed([])).toBe('dsosds');
    expect(allowed([], { files: mine })).toBe('mine,dsosds');
    expect(allowed([], { files: mine, env: { [variable]: 'other' } })).toBe('other,dsosds');
    expect(allowed(['cfg:plugins.allow_loading_unsigned_plugins=mine'])).toBeUndefined();
    expect(allowed([], { env: { [variable]: 'dsosds' } })).toBeUndefined();
  });

  test('is missed where it is not there', () => {
    const { [`${plugins}/dsosds/plugin.json`]: _, ...rest } = files;
    const { notices, requirements } = plan([], { files: { ...rest, [plugins]: { kind: 'directory' } } });
    expect(notices).toEqual([
      { level: 'warn', text: expect.stringContaining(`no plugin dsosds in ${plugins}`) },
    ]);
    expect(requirements.flatMap(({ problem }) => problem ?? [])).toEqual([]);
  });
});

describe('LDMS_ENTRYPOINT_DSOSDS_URL', () => {
  const env = { LDMS_ENTRYPOINT_DSOSDS_URL: 'http://cygnus-07' };
  const datasource = (world: FakeWorld) =>
    plan([], world).preparations?.flatMap((step) => (step.do === 'write' ? [step] : []));

  test('provisions a data source of the type that the plugin has', () => {
    expect(datasource({ env })).toMatchObject([
      {
        path: '/etc/grafana/provisioning/datasources/ldms-dsosds.yaml',
        text: expect.stringMatching(/type: "dsosds"\n.*\n +url: "http:\/\/cygnus-07\/grafana"\n/),
      },
    ]);
    const other = { ...files, [`${plugins}/dsosds/plugin.json`]: { content: '{"id": "sandia-dsosds"}' } };
    expect(datasource({ env, files: other })).toMatchObject([
      { text: expect.stringContaining('type: "sandia-dsosds"\n') },
    ]);
  });

  test('where GF_PATHS_PROVISIONING says', () => {
    const world = {
      env: { ...env, GF_PATHS_PROVISIONING: '/srv/p' },
      files: { ...files, '/srv/p': { kind: 'directory' } as const },
    };
    expect(datasource(world)).toMatchObject([{ path: '/srv/p/datasources/ldms-dsosds.yaml' }]);
  });

  test('unset, nothing is written', () => {
    expect(datasource({})).toEqual([]);
    expect(datasource({ env: { LDMS_ENTRYPOINT_DSOSDS_URL: '' } })).toEqual([]);
  });
});

describe('a log that docker logs does not show', () => {
  test.each([
    ['a variable', { env: { GF_LOG_MODE: 'file' } }, []],
    ['grafana.ini', { files: ini('[log]\nmode = file\n') }, []],
    ['an argument', {}, ['cfg:log.mode=file']],
  ] as [string, FakeWorld, string[]][])('is warned of: by %s', (_, world, args) => {
    expect(plan(args, world).notices).toEqual([
      {
        level: 'warn',
        text: "grafana logs to file alone, and docker logs stays empty; to have both: -e GF_LOG_MODE='console file'",
      },
    ]);
  });

  test.each([undefined, '', 'console', 'console file', 'file console', 'file,console'])(
    'is none: GF_LOG_MODE=%s',
    (mode) => {
      expect(plan([], { env: { GF_LOG_MODE: mode } }).notices).toEqual([]);
    },
  );
});

describe('a secret whose variable has one underscore', () => {
  const told = (env: NodeJS.ProcessEnv, args: readonly string[] = []) => plan(args, { env }).notices;

  test.each([
    ['GF_SECURITY_ADMIN_PASSWORD_FILE', 'GF_SECURITY_ADMIN_PASSWORD__FILE'],
    ['GF_SECURITY_SECRET_KEY_FILE', 'GF_SECURITY_SECRET_KEY__FILE'],
    ['GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET_FILE', 'GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET__FILE'],
  ])('%s is warned of, without its value', (name, meant) => {
    expect(told({ [name]: '/run/secrets/x' })).toEqual([
      { level: 'warn', text: `${name} has no meaning; did you mean ${meant}, with two underscores?` },
    ]);
    expect(problems({ env: { [name]: '/run/secrets/x' } })).toEqual([]);
    expect(
      plan([], { env: { [meant]: '/run/x' }, files: { ...files, '/run/x': { content: 'x' } } }).notices,
    ).toEqual([]);
  });

  test.each([
    'GF_SERVER_CERT_FILE',
    'GF_SERVER_CERT_KEY_FILE',
    'GF_SMTP_CERT_FILE',
    'GF_AUTH_LDAP_CONFIG_FILE',
    'GF_SECURITY_ADMIN_PASSWORD',
    'GF_SECURITY_ADMIN_PASSWORD_FILES',
    'MY_GF_ADMIN_PASSWORD_FILE',
    'POSTGRES_PASSWORD_FILE',
  ])('%s is none', (name) => {
    expect(told({ [name]: '/run/secrets/x' })).toEqual([]);
  });

  test('each of several is told', () => {
    expect(told({ GF_SMTP_PASSWORD_FILE: '/a', GF_DATABASE_PASSWORD_FILE: '/b' })).toHaveLength(2);
  });

  test('is of no matter to another program', () => {
    const env = { GF_SECURITY_ADMIN_PASSWORD_FILE: '/run/secrets/x' };
    expect(told(env, ['bash'])).toEqual([]);
    expect(told(env, ['-v'])).toEqual([]);
    expect(told(env)).toHaveLength(1);
  });
});

describe('where grafana listens', () => {
  const at = (host: string, port: number, protocol = 'http') => ({ protocol, at: { host, port }, ...health });

  test.each([
    ['by default', [], {}, at('0.0.0.0', 3000)],
    [
      'grafana.ini',
      [],
      { files: ini('[server]\nhttp_port = 1\nhttp_addr = 127.0.0.1\n') },
      at('127.0.0.1', 1),
    ],
    [
      'a variable before grafana.ini',
      [],
      { env: { GF_SERVER_HTTP_PORT: '2' }, files: ini('[server]\nhttp_port = 1\nhttp_addr = 127.0.0.1\n') },
      at('127.0.0.1', 2),
    ],
    [
      'an argument before a variable',
      ['cfg:server.http_port=3'],
      { env: { GF_SERVER_HTTP_PORT: '2' }, files: ini('[server]\nhttp_port = 1\n') },
      at('0.0.0.0', 3),
    ],
    ['https', [], { env: { GF_SERVER_PROTOCOL: 'https' } }, at('0.0.0.0', 3000, 'https')],
    ['h2, which is https', [], { env: { GF_SERVER_PROTOCOL: 'h2' } }, at('0.0.0.0', 3000, 'https')],
    ['IPv6', [], { env: { GF_SERVER_HTTP_ADDR: '::' } }, at('::', 3000)],
    [
      'a Unix socket',
      [],
      { env: { GF_SERVER_PROTOCOL: 'socket', GF_SERVER_SOCKET: '/run/g.sock' } },
      { protocol: 'http', at: { socket: '/run/g.sock' }, ...health },
    ],
    [
      "a Unix socket, by grafana's default",
      ['cfg:server.protocol=socket'],
      {},
      { protocol: 'http', at: { socket: '/tmp/grafana.sock' }, ...health },
    ],
    [
      'a Unix socket that speaks HTTP/2 as well',
      [],
      { env: { GF_SERVER_PROTOCOL: 'socket_h2', GF_SERVER_SOCKET: '/run/g.sock' } },
      { protocol: 'http', at: { socket: '/run/g.sock' }, ...health },
    ],
    ['IPv6 in brackets', [], { env: { GF_SERVER_HTTP_ADDR: '[::1]' } }, at('::1', 3000)],
    [
      'a file that a variable names',
      [],
      {
        env: { GF_SERVER_HTTP_PORT__FILE: '/run/port' },
        files: { ...ini('[server]\nhttp_port = 1\n'), '/run/port': { content: '5\n' } },
      },
      at('0.0.0.0', 5),
    ],
    [
      'grafana.ini before an argument for want of others',
      ['cfg:default.server.http_port=6', 'cfg:default.server.http_addr=127.0.0.1'],
      { files: ini('[server]\nhttp_port: 1\n') },
      at('127.0.0.1', 1),
    ],
    [
      'a port again, where only a socket is named',
      [],
      { env: { GF_SERVER_SOCKET: '/run/g.sock' } },
      at('0.0.0.0', 3000),
    ],
  ] as const)('is where it is asked for its health: %s', (_, args, world, facts) => {
    expect(web(args, world)).toEqual(facts);
  });

  const taken = (world: FakeWorld, args: readonly string[] = []) =>
    problems(world, args).map(({ what }) => what);
  const listening = [{ address: '127.0.0.1', port: 3000 }];

  test.each([
    ['by default', {}, { address: '0.0.0.0', port: 3000 }],
    ['an address of its own', { GF_SERVER_HTTP_ADDR: '127.0.0.2' }, { address: '127.0.0.2', port: 3000 }],
    ['IPv6', { GF_SERVER_HTTP_ADDR: '::1', GF_SERVER_HTTP_PORT: '1' }, { address: '::1', port: 1 }],
    ['IPv6 in brackets', { GF_SERVER_HTTP_ADDR: '[::1]' }, { address: '::1', port: 3000 }],
    ['the last port', { GF_SERVER_HTTP_PORT: '65535' }, { address: '0.0.0.0', port: 65_535 }],
  ])('whether that is free is asked, once: %s', (_, env, address) => {
    const first = firstPlan([], { env });
    expect(first.questions).toEqual([{ about: 'addresses', addresses: [address] }]);
    expect(first.requirements.map(({ what }) => what)).not.toContain(`port ${address.port}`);
    const second = firstPlan([], { env }, { addresses: { [written(address)]: '' } });
    expect(second.questions).toEqual([]);
    expect(second.requirements).toContainEqual({ what: `port ${address.port}`, found: 'free' });
  });

  test('a port that is taken is told, with how another is chosen', () => {
    expect(problems({ listening })).toEqual([
      {
        kind: 'configuration',
        what: 'cannot listen on 0.0.0.0:3000: somebody listens there already',
        remedy: 'choose another port: docker run -e GF_SERVER_HTTP_PORT=3001',
      },
    ]);
  });

  test.each([
    ['a variable', { env: { GF_SERVER_HTTP_PORT: '3001' } }, []],
    ['an argument', {}, ['cfg:server.http_port=3001']],
    ['grafana.ini', { files: ini('[server]\nhttp_port = 3001\n') }, []],
    ['an address of its own', { env: { GF_SERVER_HTTP_ADDR: '127.0.0.2' } }, []],
    ['a Unix socket', { env: { GF_SERVER_PROTOCOL: 'socket' } }, []],
  ] as const)('another is free: %s', (_, world, args) => {
    expect(taken({ ...world, listening }, args)).toEqual([]);
    expect(taken({ listening })).toHaveLength(1);
  });

  test.each([
    ['a name, which nobody here resolves', { GF_SERVER_HTTP_ADDR: 'localhost' }],
    ['what is no address', { GF_SERVER_HTTP_ADDR: '10.0.0.256' }],
    ['any port', { GF_SERVER_HTTP_PORT: '0' }],
  ])('%s is left to grafana', (_, env) => {
    expect(firstPlan([], { env }).questions).toEqual([]);
    expect(taken({ env, listening })).toEqual([]);
  });

  test.each([
    ['the one behind the last', '65536', '0.0.0.0:65536'],
    ['one below zero', '-1', '0.0.0.0:-1'],
  ])('a port that there cannot be is told, and not asked about: %s', (_, port, told) => {
    const world = { env: { GF_SERVER_HTTP_PORT: port } };
    expect(firstPlan([], world).questions).toEqual([]);
    const problem = {
      kind: 'configuration',
      what: `cannot listen on ${told}: a port is a number from 1 to 65535`,
      remedy: 'choose another port: docker run -e GF_SERVER_HTTP_PORT=3000',
    };
    expect(problems(world)).toEqual([problem]);
    expect(problems({ files: ini(`[server]\nhttp_port = ${port}\n`) })).toEqual([problem]);
    expect(problems({ env: { GF_SERVER_HTTP_PORT: '65535' } })).toEqual([]);
  });

  test.each(['3000.5', 'http', ':3000'])('%s is no port', (port) => {
    const world = { env: { GF_SERVER_HTTP_PORT: port } };
    expect(firstPlan([], world).questions).toEqual([]);
    expect(taken(world)).toEqual([expect.stringMatching(/: a port is a number from 1 to 65535$/)]);
    // Where it is a socket, nobody reads that.
    expect(taken({ env: { ...world.env, GF_SERVER_PROTOCOL: 'socket' } })).toEqual([]);
  });

  test('behind the last port is none that could be chosen', () => {
    const remedies = (port: number) =>
      problems({
        env: { GF_SERVER_HTTP_PORT: `${port}` },
        listening: [{ address: '0.0.0.0', port }],
      }).map(({ remedy }) => remedy);
    expect(remedies(65_535)).toEqual(['choose another port: docker run -e GF_SERVER_HTTP_PORT=3000']);
    expect(remedies(65_534)).toEqual(['choose another port: docker run -e GF_SERVER_HTTP_PORT=65535']);
  });

  test('an address that this machine does not have is told', () => {
    const env = { GF_SERVER_HTTP_ADDR: '192.0.2.1' };
    const told = (answer: string) =>
      firstPlan([], { env }, { addresses: { '192.0.2.1:3000': answer } }).requirements.at(-1);
    expect(told('EADDRNOTAVAIL')?.problem?.what).toBe(
      'cannot listen on 192.0.2.1:3000: this machine does not have that address',
    );
    expect(told('')).toEqual({ what: 'port 3000', found: 'free' });
  });

  test('a port of the privileged ones needs to be allowed', () => {
    const env = { GF_SERVER_HTTP_PORT: '80' };
    const none = { env, capabilities: 0n };
    expect(problems(none)).toEqual([
      {
        kind: 'configuration',
        what: 'cannot listen on 0.0.0.0:80: uid 472 may only take ports from 1024 on',
        remedy: 'choose another port: docker run -e GF_SERVER_HTTP_PORT=3000',
      },
    ]);
    const open = { ...files, '/proc/sys/net/ipv4/ip_unprivileged_port_start': { content: '0\n' } };
    expect(problems({ ...none, files: open })).toEqual([]);
    expect(problems({ env })).toEqual([]);
  });
});
