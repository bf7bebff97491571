import { describe, expect, test } from 'vitest';
import { ui } from '../../src/entrypoints/ui.ts';
import type { Answers } from '../../src/plan.ts';
import { listeners } from '../../src/ui/options.ts';
import { planUi } from '../../src/ui/plan.ts';
import { type FakeFile, type FakeWorld, fakeHost, mountLine, settingsFrom } from '../support/fake-host.ts';
import { missionSettings } from '../support/mission-settings.ts';

const key = 'q7Zp_3mVx-0LrT8sYw2Kd5HnBf9JcGa4UeXi6oRtQyMvPz1SkNh';
const good = `SECRET_KEY = '${key}'
DEBUG = False
ALLOWED_HOSTS = ['ui.site.gov']
DSOS_ROOT = "/store/"
DSOS_CONF = "/opt/ovis/etc/dsosd.conf"
LOG_FILE = "/var/log/sosgui/sosgui.log"
`;
const settingsPath = '/opt/ovis/ui/sosgui/settings.py';
const confPath = '/opt/ovis/etc/dsosd.conf';
const logs = '/var/log/sosgui';
const logDirectory = `log directory ${logs}`;
const files: Readonly<Record<string, FakeFile>> = {
  [settingsPath]: { content: good },
  [confPath]: { content: 'node1\nnode2\n' },
  [logs]: { kind: 'directory' },
};
const programs = { uwsgi: '/usr/bin/uwsgi', python3: '/usr/bin/python3', bash: '/bin/bash' };

interface Asked {
  readonly env?: NodeJS.ProcessEnv;
  readonly answers?: Answers;
}
const plan = (args: readonly string[] = [], world: FakeWorld = {}, { env = {}, answers = {} }: Asked = {}) =>
  planUi({ args, settings: settingsFrom(env), host: fakeHost({ files, programs, ...world }), answers });
const problems = async (world: FakeWorld = {}, args: readonly string[] = [], answers: Answers = {}) =>
  (await plan(args, world, { answers })).requirements.flatMap(({ problem }) => problem ?? []);
const withFiles = (more: Readonly<Record<string, FakeFile>>): FakeWorld => ({ files: { ...files, ...more } });
const without = (path: string): FakeWorld => {
  const { [path]: _, ...others } = files;
  return { files: others };
};

/** @param atApp the hook that a worker has behind its start, while it does not serve yet */
const endingsWith = (atApp: string) => [
  '--hook-asap=unix_signal:15 _exit',
  '--die-on-term',
  '--hook-post-fork=unix_signal:1 _exit',
  '--hook-post-fork=unix_signal:2 _exit',
  `--${atApp}=unix_signal:1 _exit`,
  `--${atApp}=unix_signal:2 _exit`,
  '--hook-master-start=unix_signal:15 gracefully_kill_them_all',
  '--hook-master-start=unix_signal:3 kill_them_all',
  '--hook-master-start=unix_signal:17 worker_wakeup',
];
const endings = endingsWith('hook-post-app');
const ignoreSigpipe = '--ignore-sigpipe';
const [pluginsDefault, moduleDefault, master, needApp, port] = [
  '--plugins=python3',
  '--module=sosgui.wsgi',
  '--master',
  '--need-app',
  '--http-socket=:80',
];
const defaults = [pluginsDefault, moduleDefault, master, needApp, port, ...endings, ignoreSigpipe];
const added = async (args: readonly string[], world: FakeWorld = {}) => {
  const all = (await plan(args, world)).main.args;
  expect(all.slice(all.length - args.length)).toEqual(args);
  return all.slice(0, all.length - args.length);
};
const butFor = (...names: readonly string[]) => defaults.filter((word) => !names.includes(word));

describe('ui without arguments', () => {
  test('becomes uwsgi in the directory of sosgui, with all defaults', async () => {
    const { main, handoff, services, tasks, mode, notices } = await plan();
    expect(main).toEqual({ program: 'uwsgi', args: defaults, cwd: '/opt/ovis/ui' });
    expect({ handoff, services, tasks, mode, notices }).toEqual({
      handoff: 'exec',
      services: [],
      tasks: [],
      mode: 'ui',
      notices: [],
    });
  });

  test('is the mode of that name', async () => {
    const host = fakeHost({ files, programs });
    const given = { args: ['-s', ':1'], settings: settingsFrom(), host, answers: {} };
    expect(await ui.plan(given)).toEqual(await planUi(given));
  });

  test('below LDMS_ENTRYPOINT_ROOT, its own files lie there', async () => {
    const below = {
      [`/site${settingsPath}`]: { content: good },
      [`/site${confPath}`]: { content: 'node1\n' },
    };
    const world = { root: '/site', files: { ...below, [logs]: { kind: 'directory' } } } as const;
    expect((await plan([], world)).main.cwd).toBe('/site/opt/ovis/ui');
    expect(await problems(world)).toEqual([]);
    expect((await problems({ root: '/site' })).map(({ what }) => what)).toEqual([
      `cannot use /site${confPath}: it does not exist`,
      `cannot use /site${settingsPath}: it does not exist`,
    ]);
  });
});

describe("the user's arguments", () => {
  test.each([
    [['--processes=4']],
    [['--processes', '4', '--threads', '2']],
    [['a b', '', '--', '-x y', '"', '$(HOME)']],
    [['--touch-reload', '/srv/x.py']],
    [['app.py']],
    [['--logto', '--socket=:80']],
    [['--http-timeout', '60']],
    [['--static-map', '/static=/opt/ovis/ui/static']],
  ])('stand last and untouched, behind all defaults: %j', async (args) => {
    expect(await added(args)).toEqual(defaults);
  });

  test.each(listeners)('the default port is gone with --%s', async (name) => {
    expect(await added([`--${name}=:9090`])).toEqual(butFor(port));
    expect(await added([`--${name}`, ':9090'])).toEqual(butFor(port));
  });

  const ini = (text: string): FakeWorld => withFiles({ '/etc/ui.ini': { content: text } });
  test.each([
    ['-s', ['-s', ':80'], {}],
    ['-s:80', ['-s:80'], {}],
    ['--set', ['--set', 'http-socket=:80'], {}],
    ['an INI file', ['/etc/ui.ini'], ini('[uwsgi]\nhttp-socket = :9090\n')],
    ['a section of it', ['--ini', '/etc/ui.ini:x'], ini('[uwsgi]\n[x]\nsocket = :9090\n')],
    ['a YAML file', ['/c.yaml'], withFiles({ '/c.yaml': { content: 'uwsgi:\n  http: :9090\n' } })],
    ['a JSON file', ['/c.json'], withFiles({ '/c.json': { content: '{"uwsgi":{"http":":9090"}}' } })],
    ['a variable', [], { env: { UWSGI_HTTP_SOCKET: ':9090' } }],
    [
      'an INI file that a variable names',
      [],
      { ...ini('[uwsgi]\nsocket=:1\n'), env: { UWSGI_INI: '/etc/ui.ini' } },
    ],
  ] as const)('the default port is gone with a listener by %s', async (_, args, world) => {
    expect(await added(args, world)).toEqual(butFor(port));
  });

  test.each([
    ['an INI file without one', ['/etc/ui.ini'], ini('[uwsgi]\nprocesses = 4\n')],
    ['a section that is not asked for', ['/etc/ui.ini'], ini('[uwsgi]\n[x]\nsocket = :9090\n')],
    [
      'a section of YAML that is not asked for',
      ['/c.yaml'],
      withFiles({ '/c.yaml': { content: 'x:\n  http: :9090\n' } }),
    ],
    ['a value that looks like one', ['--processes=--http-socket=:80'], {}],
    ['a setting of vassals', ['--vassals-set', 'http-socket=:80'], {}],
    ['what stands behind --', ['--', '--http-socket=:80'], {}],
    ["another program's variable", [], { env: { MY_UWSGI_HTTP_SOCKET: ':9090' } }],
  ] as const)('the default port stays with %s', async (_, args, world) => {
    expect(await added(args, world)).toEqual(defaults);
  });

  test.each([
    [['--master'], [master]],
    [['-M'], [master]],
    [['--set=master=false'], [master]],
    [['--need-app'], [needApp]],
    [
      ['--module=site.wsgi', '--plugins=python3'],
      [moduleDefault, pluginsDefault],
    ],
    [['-w', 'site.wsgi'], [moduleDefault]],
    [['--wsgi-file=/srv/app.py'], [moduleDefault]],
    [['--emperor=/etc/vassals'], [moduleDefault, needApp, port]],
    [['-M', '--need-app', '-s', ':1', '-w', 'a', '--plugin', 'python3'], defaults.slice(0, 5)],
  ])('%j takes the place of a default, and only of that', async (args, gone) => {
    expect(await added(args)).toEqual(butFor(...gone));
  });

  test.each([
    [{ UWSGI_MASTER: 'true' }, [master]],
    [{ UWSGI_NEED_APP: '1' }, [needApp]],
    [{ UWSGI_MODULE: 'site.wsgi' }, [moduleDefault]],
    [{ UWSGI_PROCESSES: '4' }, []],
  ])('a variable does the same: %j', async (env, gone) => {
    expect(await added([], { env })).toEqual(butFor(...gone));
  });

  test('an INI file takes the place of all of them', async () => {
    const text = '[uwsgi]\nmaster=true\nneed-app=true\nplugin=python3\nmodule=site.wsgi\nsocket=:1\n';
    expect(await added(['/etc/ui.ini'], ini(text))).toEqual([...endings, ignoreSigpipe]);
    expect(await added(['/etc/ui.ini'], ini(`${text}ignore-sigpipe=true\n`))).toEqual(endings);
    expect(await added(['/etc/ui.ini'], ini(text.replace('[uwsgi]', '[other]')))).toEqual(defaults);
  });

  test.each([
    ['python3', '--plugins=python3'],
    ['python311', '--plugins=python311'],
    ['http,python311', '--plugins=python311'],
    ['http, python3', '--plugins=python3'],
    ['0:python3', '--plugins=0:python3'],
    ['http', '--plugins=python3'],
  ])('of the plugins %s, the one for Python stands before our module', async (value, expected) => {
    expect((await added(['--plugins', value]))[0]).toBe(expected);
    expect((await added([`--need-plugin=${value}`]))[0]).toBe(expected);
  });

  test('the plugin for Python stands before an app of the user, unless it is there', async () => {
    expect((await added(['-w', 'site.wsgi']))[0]).toBe(pluginsDefault);
    expect((await added(['--plugins=http', '-w', 'site.wsgi']))[0]).toBe(pluginsDefault);
    expect((await added(['--plugins=http,python311', '-w', 'site.wsgi']))[0]).toBe(master);
  });

  test.each([['--plugins-dir'], ['--plugin-dir']])(
    'the directories of %s are known before a plugin is named',
    async (option) => {
      const dirs = ['--plugins-dir=/a', '--plugins-dir=/b'];
      expect(await added([option, '/a', `${option}=/b`])).toEqual([...dirs, ...defaults]);
      expect(await added([option, '/a', `${option}=/b`, '--plugins=http', '-w', 'site.wsgi'])).toEqual([
        ...dirs,
        ...butFor(moduleDefault),
      ]);
      // Where we name none, they are where the user has them.
      expect(await added([`${option}=/a`, '--plugins=python3', '-w', 'site.wsgi'])).toEqual(
        butFor(pluginsDefault, moduleDefault),
      );
    },
  );

  test('an INI file may name a directory of plugins', async () => {
    const world = ini('[uwsgi]\nplugins-dir = %dplugins\n');
    expect((await added(['/etc/ui.ini'], world))[0]).toBe('--plugins-dir=/etc/plugins');
  });

  test.each([
    ['--hook-asap', 'unix_signal:15 _exit'],
    ['--hook-master-start', 'unix_signal:15 kill_them_all'],
  ])('a hook of SIGTERM by %s takes the place of ours', async (option, value) => {
    const hooks = (words: readonly string[]) => words.filter((word) => word !== ignoreSigpipe);
    expect(hooks(await added([option, value]))).toEqual(hooks(butFor(...endings)));
    expect(hooks(await added([`${option}=${value}`]))).toEqual(hooks(butFor(...endings)));
    for (const another of ['unix_signal:1 _exit', 'unix_signal:150 x', 'exec:/bin/true']) {
      expect(await added([option, another])).toEqual(defaults);
    }
  });

  test.each([
    [['--lazy-apps'], {}],
    [['--lazy'], {}],
    [['--set', 'lazy-apps=true'], {}],
    [[], { UWSGI_LAZY_APPS: 'true' }],
  ])('a worker that loads the app itself has its hook before that: %j, %j', async (args, env) => {
    const lazy = endingsWith('hook-as-user');
    expect(await added(args, { env })).toEqual([
      ...butFor(...endings, ignoreSigpipe),
      ...lazy,
      ignoreSigpipe,
    ]);
    expect(await added(['--logto', '--lazy-apps'])).toEqual(defaults);
  });

  test.each([
    [['--ignore-sigpipe'], {}],
    [['--ignore-sigpipe=false'], {}],
    [['--set', 'ignore-sigpipe=true'], {}],
    [[], { UWSGI_IGNORE_SIGPIPE: 'true' }],
  ])('who says what becomes of SIGPIPE is not told it again: %j, %j', async (args, env) => {
    expect(await added(args, { env })).toEqual(butFor(ignoreSigpipe));
    expect(await added(['--logto', '--ignore-sigpipe'])).toEqual(defaults);
    expect(await added(['--ignore-write-errors'])).toEqual(defaults);
  });

  test('a hook of SIGTERM at another time leaves ours', async () => {
    expect(await added(['--hook-post-fork=unix_signal:15 _exit'])).toEqual(defaults);
  });
});

describe('a first word', () => {
  test('uwsgi is the program that is started anyway', async () => {
    expect(await plan(['uwsgi', '-s', ':1'])).toEqual(await plan(['-s', ':1']));
    expect(await plan(['uwsgi'])).toEqual(await plan());
    expect((await plan(['-s', 'uwsgi'])).main.args.at(-1)).toBe('uwsgi');
  });

  test.each([[['bash']], [['bash', '-c', 'echo  "a b"']]])('that is a program runs it: %j', async (args) => {
    expect(await plan(args, { files: {} })).toEqual({
      mode: 'ui',
      notices: [],
      requirements: [],
      services: [],
      tasks: [],
      questions: [],
      main: { program: 'bash', args: args.slice(1) },
      handoff: 'exec',
    });
  });

  test.each(['/etc/ui.ini', '/etc/ui.yaml'])(
    'that is a configuration is one, executable or not: %s',
    async (file) => {
      const executable = { programs: { ...programs, [file]: file, '/opt/tool': '/opt/tool' } };
      expect((await plan([file], executable)).main).toMatchObject({
        program: 'uwsgi',
        args: [...defaults, file],
      });
      expect((await plan(['/opt/tool'], executable)).main).toMatchObject({ program: '/opt/tool' });
    },
  );

  test('that is no program is for uwsgi', async () => {
    expect((await plan(['bash'], { programs: {} })).main).toMatchObject({
      program: 'uwsgi',
      args: [...defaults, 'bash'],
    });
  });

  test.each([
    [['--version']],
    [['--help']],
    [['-h']],
    [['--usage']],
    [['uwsgi', '--version']],
    [['-s:1', '-h']],
  ])('what only prints needs nothing, and gets nothing: %j', async (args) => {
    const { main, requirements, questions, notices, health } = await plan(args, { files: {} });
    expect(main).toEqual({ program: 'uwsgi', args: args.filter((word) => word !== 'uwsgi') });
    expect([requirements, questions, notices, health]).toEqual([[], [], [], undefined]);
  });

  test('a value that would print is none', async () => {
    expect((await plan(['-w', '--version'])).health).toBeDefined();
    expect((await plan(['--logto', '--version'])).health).toBeDefined();
  });
});

describe('what cannot be looked into', () => {
  test('adds no port, and says so', async () => {
    const { main, notices, health } = await plan(['--ini', 'http://boot.site/ui.ini']);
    expect(main.args).not.toContain(port);
    expect(main.args).toContain(moduleDefault);
    expect(notices).toEqual([
      {
        level: 'warn',
        text: 'cannot look into http://boot.site/ui.ini, which may name a listener: so :80 is not listened on unless --http-socket=:80 is given',
      },
    ]);
    expect(health).toEqual({ listeners: [] });
    expect(await plan(['--ini', '/etc/none.ini'])).toMatchObject({
      notices: [],
      main: { args: [...defaults, '--ini', '/etc/none.ini'] },
    });
  });

  test('has the user who names the port listened to', async () => {
    const args = ['--ini', 'http://boot.site/ui.ini', '--http-socket=:80'];
    const { health, notices } = await plan(args);
    expect(health?.web).toMatchObject({ at: { port: 80 } });
    expect(notices).toEqual([]);
    expect((await plan(args.slice(0, 2))).notices).toHaveLength(1);
  });
});

test.each([[['--daemonize', '/log']], [['-d/log']], [['--daemonize2', '/log']], [['--daemonize2=/log']]])(
  '%j is warned of',
  async (args) => {
    expect((await plan(args)).notices).toEqual([
      { level: 'warn', text: expect.stringContaining('daemonize') },
    ]);
    expect((await plan(['-p', '4'])).notices).toEqual([]);
    expect((await plan(['--logto', '--daemonize'])).notices).toEqual([]);
  },
);

describe('health asks', () => {
  const web = async (args: readonly string[]) => (await plan(args)).health;
  test.each([
    ['the default port', [], 'http', { host: '0.0.0.0', port: 80 }],
    ["the user's", ['--http-socket=127.0.0.1:8080'], 'http', { host: '127.0.0.1', port: 8080 }],
    ['the one that speaks HTTP', ['-s', ':1', '--http', ':2'], 'http', { host: '0.0.0.0', port: 2 }],
    ['a Unix socket', ['-s', '/run/ui.sock'], 'uwsgi', { socket: '/run/ui.sock' }],
    ['IPv6', ['--http-socket', '[::1]:8080'], 'http', { host: '::1', port: 8080 }],
    ['one in its directory', ['--http-socket', 'ui.sock'], 'http', { socket: '/opt/ovis/ui/ui.sock' }],
    ['one where it goes to', ['--http-socket=u.sock', '--chdir=/run/x'], 'http', { socket: '/run/x/u.sock' }],
    [
      'one below its directory',
      ['--chdir', 'x', '-s', 'u.sock'],
      'uwsgi',
      { socket: '/opt/ovis/ui/x/u.sock' },
    ],
    ['one that goes nowhere else', ['--chdir=/x', '-s', '/run/u.sock'], 'uwsgi', { socket: '/run/u.sock' }],
  ] as const)('%s', async (_, args, protocol, at) => {
    expect(await web(args)).toEqual({ listeners: [], web: { protocol, at, path: '/grafana/', well: 'any' } });
  });

  test('nothing where an emperor is', async () => {
    expect(await web(['--emperor', '/etc/vassals'])).toEqual({ listeners: [] });
  });
});

describe('the files of sosgui', () => {
  test('are found good', async () => {
    expect((await plan()).requirements).toEqual([
      { what: confPath, found: '2 hosts' },
      { what: settingsPath, found: 'it is there' },
      { what: logDirectory, found: 'it can be written to' },
    ]);
    expect((await plan([], withFiles({ [confPath]: { content: 'node1' } }))).requirements[0]?.found).toBe(
      '1 host',
    );
  });

  describe.each([
    ['settings.py', settingsPath],
    ['dsosd.conf', confPath],
  ])('%s', async (name, path) => {
    test.each([
      [
        'missing',
        without(path),
        /: it does not exist$/,
        `mount yours: docker run -v /on-host/${name}:${path}:ro`,
      ],
      [
        'a directory',
        withFiles({ [path]: { kind: 'directory' } }),
        /: it is a directory, which docker makes/,
        'remove that directory on the host and name the real file',
      ],
      [
        'unreadable',
        { uid: 1234, ...withFiles({ [path]: { unreadable: 'EACCES' } }) },
        /: permission denied$/,
        'let uid 1234 read it: chmod a+r on the host',
      ],
      [
        'replaced on the host',
        { mountinfo: mountLine(path, { root: '/home/file//deleted' }) },
        /was replaced on the host/,
        expect.stringContaining(`cp NEW /on-host/${name}`),
      ],
      [
        'not UTF-8',
        withFiles({ [path]: { content: Buffer.from([0x61, 0x0a, 0xff]) } }),
        /: line 2 is not valid UTF-8$/,
        'save it as UTF-8',
      ],
    ] as const)('is a problem with a remedy: %s', async (_, world, what, remedy) => {
      expect(await problems(world)).toEqual([
        { kind: 'configuration', what: expect.stringMatching(what), remedy },
      ]);
      expect((await problems(world))[0]?.what).toContain(`cannot use ${path}: `);
      expect(await problems()).toEqual([]);
    });
  });

  test('are both told at once', async () => {
    expect(await problems({ files: {} })).toHaveLength(2);
  });

  test.each([
    [['--module=site.wsgi'], false],
    [['-w', 'sosgui.wsgi2'], false],
    [['--wsgi-file=/srv/app.py'], false],
    [['--emperor=/etc/vassals'], false],
    [['--module=sosgui.wsgi'], true],
    [['--module=sosgui.wsgi:application'], true],
    [['-w', 'sosgui.wsgi'], true],
    [['--touch-reload', 'x.py'], true],
    [['site.py'], true],
    [[], true],
  ])('are required where they are served: %j', async (args, isRequired) => {
    expect(await problems({ files: {} }, args)).toHaveLength(isRequired ? 2 : 0);
    const { questions, preparations } = await plan(args, without(logs));
    expect(questions.some(({ about }) => about === 'settings.py')).toBe(isRequired);
    expect(preparations).toHaveLength(isRequired ? 1 : 0);
  });

  test.each(['', '\n', ' \n\n'])('a dsosd.conf without a host: %j', async (content) => {
    expect(await problems(withFiles({ [confPath]: { content } }))).toEqual([
      {
        kind: 'configuration',
        what: `cannot use ${confPath}: it names no host`,
        remedy: 'write into it the hosts that run dsosd, each in a line of its own',
      },
    ]);
  });

  test('each mistake of dsosd.conf is told with its line', async () => {
    const content = 'node1\n\nnode1\nnode2\r\n';
    expect((await problems(withFiles({ [confPath]: { content } }))).map(({ what }) => what)).toEqual([
      expect.stringMatching(/^\/opt\/ovis\/etc\/dsosd\.conf:2: a blank line/),
      '/opt/ovis/etc/dsosd.conf:3: node1 stands in line 1 already; take it away',
      expect.stringMatching(/^\/opt\/ovis\/etc\/dsosd\.conf:4: a carriage return/),
    ]);
  });

  test('of a file that is something else, not a thousand mistakes are told', async () => {
    const told = await problems(withFiles({ [confPath]: { content: '# x\n'.repeat(1000) } }));
    expect(told).toHaveLength(51);
    // Nor is it silent about the others.
    expect(told.at(-1)?.what).toBe(`${confPath}: 950 more mistakes`);
    expect(await problems(withFiles({ [confPath]: { content: '# x\n'.repeat(50) } }))).toHaveLength(50);
  });

  test('17 hosts are a warning', async () => {
    const nodes = (count: number) => Array.from({ length: count }, (_, at) => `node${at}\n`).join('');
    const at = (count: number) => plan([], withFiles({ [confPath]: { content: nodes(count) } }));
    expect((await at(17)).notices).toEqual([
      { level: 'warn', text: expect.stringMatching(/^\/opt\/ovis\/etc\/dsosd\.conf: it names 17 hosts/) },
    ]);
    expect((await at(17)).requirements[0]).toEqual({ what: confPath, found: '17 hosts' });
    expect((await at(16)).notices).toEqual([]);
  });

  test('the hosts are in the file that DSOS_CONF names', async () => {
    const content = good.replace(confPath, '/srv/dsosd.conf');
    const elsewhere = { [settingsPath]: { content }, '/srv/dsosd.conf': { content: 'node1\n' } };
    const { [confPath]: _, ...others } = files;
    expect((await plan([], { files: { ...others, ...elsewhere } })).requirements[0]).toEqual({
      what: '/srv/dsosd.conf',
      found: '1 host',
    });
    expect(await problems(withFiles({ [settingsPath]: { content } }))).toMatchObject([
      {
        what: 'cannot use /srv/dsosd.conf: it does not exist',
        remedy: 'mount yours: docker run -v /on-host/dsosd.conf:/srv/dsosd.conf:ro',
      },
    ]);
  });

  test('a relative DSOS_CONF lies where sosgui is started', async () => {
    const content = good.replace(confPath, 'etc/dsosd.conf');
    const { [confPath]: _, ...others } = files;
    const world = { files: { ...others, [settingsPath]: { content } } };
    const there = { '/opt/ovis/ui/etc/dsosd.conf': { content: 'node1\n' } };
    expect((await plan([], { files: { ...world.files, ...there } })).requirements[0]).toEqual({
      what: '/opt/ovis/ui/etc/dsosd.conf',
      found: '1 host',
    });
    expect((await problems(world)).map(({ what }) => what)).toEqual([
      'cannot use /opt/ovis/ui/etc/dsosd.conf: it does not exist',
    ]);
  });

  test.each([
    ['between triple quotes', '"""/srv/dsosd.conf"""'],
    ['computed', "os.environ['CONF']"],
  ])('a DSOS_CONF that is not read may be another file than the usual: %s', async (_, value) => {
    const content = good.replace(`"${confPath}"`, value);
    const { requirements, notices } = await plan([], withFiles({ [settingsPath]: { content } }));
    expect(requirements[0]).toEqual({ what: confPath, found: '2 hosts' });
    expect(notices).toEqual([]);

    const rest = without(confPath).files ?? {};
    const elsewhere = await plan([], { files: { ...rest, [settingsPath]: { content } } });
    expect(elsewhere.requirements.map(({ what }) => what)).toEqual([settingsPath, logDirectory]);
    expect(elsewhere.requirements.flatMap(({ problem }) => problem ?? [])).toEqual([]);
    expect(await problems({ files: rest })).toMatchObject([
      { what: `cannot use ${confPath}: it does not exist` },
    ]);
  });

  test("the README's settings.py is warned of, and no key is told", async () => {
    const { notices, requirements } = await plan(
      [],
      withFiles({ [settingsPath]: { content: missionSettings } }),
    );
    expect(notices).toEqual(
      [/DEBUG is True/, /SECRET_KEY is a placeholder/, /ALLOWED_HOSTS has '\*'/].map((text) => ({
        level: 'warn',
        text: expect.stringMatching(text),
      })),
    );
    for (const { text } of notices) expect(text).toMatch(/^\/opt\/ovis\/ui\/sosgui\/settings\.py: /);
    expect(JSON.stringify({ notices, requirements })).not.toContain('blabla');
    expect(requirements.flatMap(({ problem }) => problem ?? [])).toEqual([]);
  });
});

describe('that settings.py parses', () => {
  const question = {
    about: 'settings.py',
    path: settingsPath,
    command: { program: 'python3', args: ['-I', '-S', '-c', expect.any(String), settingsPath] },
  };
  const asked = async (world: FakeWorld = {}, more: Asked = {}) =>
    (await plan([], world, more)).questions.filter(({ about }) => about === 'settings.py');

  test('is asked of python3', async () => {
    expect(await asked()).toEqual([question]);
    expect(await asked({}, { env: { LDMS_ENTRYPOINT_UI_SETTINGS_CHECK: '1' } })).toEqual([question]);
  });

  test.each([
    ['there is no python3', { programs: {} }, {}],
    [
      'python3 is not executable',
      { programs: { python3: { missing: 'notExecutable', errno: 'EACCES' } } },
      {},
    ],
    ['LDMS_ENTRYPOINT_UI_SETTINGS_CHECK=0', {}, { env: { LDMS_ENTRYPOINT_UI_SETTINGS_CHECK: '0' } }],
    ['there is an answer', {}, { answers: { 'settings.py': '' } }],
    ['there is no settings.py', without(settingsPath), {}],
  ] as const)('is not asked where %s', async (_, world, more) => {
    expect(await asked(world, more)).toEqual([]);
  });

  test('is found', async () => {
    expect((await plan([], {}, { answers: { 'settings.py': '' } })).requirements).toContainEqual({
      what: settingsPath,
      found: 'python3 can parse it',
    });
  });

  test('is a problem with its place', async () => {
    expect(await problems({}, [], { 'settings.py': "12:7: '[' was never closed" })).toEqual([
      { kind: 'configuration', what: `${settingsPath}:12:7: '[' was never closed`, remedy: '' },
    ]);
  });
});

describe('log files', () => {
  const made = { do: 'directory', path: logs, mode: 0o755, mend: false };
  const closed = (path: string, errno: string) => ({ [path]: { kind: 'directory', closed: errno } as const });
  const missing = without(logs).files ?? {};

  test('have their directories made where those are missing, and left where they are not', async () => {
    expect((await plan([], without(logs))).preparations).toEqual([made]);
    expect((await plan([], without(logs))).requirements.at(-1)).toEqual({
      what: logDirectory,
      found: 'it can be made',
    });
    expect((await plan()).preparations).toEqual([]);
  });

  test.each([
    [['--uid=1234'], { name: '1234', uid: 1234, gid: 0 }],
    [['--uid', '1234', '--gid', '99'], { name: '1234', uid: 1234, gid: 99 }],
    [['--uid=www'], { name: 'www', uid: 33, gid: 34 }],
    [['--uid=www', '--gid=99'], { name: 'www', uid: 33, gid: 99 }],
    [['--uid=nobody', '--uid=www'], { name: 'www', uid: 33, gid: 34 }],
  ])('whose they are is as uwsgi is told: %j', async (args, owner) => {
    const world = { ...without(logs), users: { www: { uid: 33, gid: 34 } } };
    expect((await plan(args, world)).preparations).toEqual([{ ...made, owner }]);
    expect((await plan([], world)).preparations).toEqual([made]);
    // Only root can become somebody else.
    expect((await plan(args, { ...world, uid: 1234 })).preparations).toEqual([made]);
  });

  test('one directory for several files is made once', async () => {
    const world = { files: { ...missing, [settingsPath]: { content: missionSettings } } };
    const { preparations, requirements } = await plan([], world);
    expect(preparations).toEqual([made]);
    expect(requirements.map(({ what }) => what)).toEqual(expect.arrayContaining([logDirectory]));
  });

  test('each of several directories is made', async () => {
    const content = `${good}ODS_LOG_FILE = '/srv/log/ods.log'\n`;
    const { preparations = [] } = await plan([], { files: { ...missing, [settingsPath]: { content } } });
    expect(preparations).toEqual([
      { ...made, path: logs },
      { ...made, path: '/srv/log' },
    ]);
  });

  test('none is needed where none is named', async () => {
    const content = good.replace(/^LOG_FILE.*\n/m, '');
    const { preparations, requirements } = await plan([], {
      files: { ...missing, [settingsPath]: { content } },
    });
    expect(preparations).toEqual([]);
    expect(requirements).toHaveLength(2);
  });

  const mount = (user: string, uid: number) =>
    `docker run --tmpfs /var/log/sosgui${user}, or mount a directory there that uid ${uid} may write to`;
  test.each([
    [
      'read-only',
      { files: { ...missing, ...closed(logs, 'EROFS') } },
      'the file system is read-only',
      mount('', 0),
    ],
    [
      'missing, in a read-only directory',
      { files: { ...missing, ...closed('/var/log', 'EROFS') } },
      '/var/log: the file system is read-only',
      mount('', 0),
    ],
    [
      "another user's",
      { uid: 1234, files: { ...missing, ...closed(logs, 'EACCES') } },
      'permission denied',
      mount(':uid=1234', 1234),
    ],
    [
      "missing, in another user's directory",
      { uid: 1234, files: { ...missing, ...closed('/', 'EACCES') } },
      '/: permission denied',
      mount(':uid=1234', 1234),
    ],
    [
      'a file',
      { files: { ...missing, [logs]: { content: '' } } },
      'it, or a part of its path, is not a directory',
      'free that place, or name another log file in settings.py',
    ],
  ] as const)('are a problem with a remedy: %s', async (_, world, why, remedy) => {
    expect(await problems(world)).toEqual([
      {
        kind: 'configuration',
        what: `cannot write to the ${logDirectory} of sosgui: ${why}`,
        remedy,
      },
    ]);
  });

  test('one that is there is written to, whatever its directory lets be made', async () => {
    const there = `${logs}/sosgui.log`;
    const world = (file: FakeFile) => withFiles({ [there]: file, ...closed(logs, 'EACCES') });
    expect(await problems(world({}))).toEqual([]);
    expect((await plan([], world({}))).requirements.at(2)).toEqual({
      what: `log file ${there}`,
      found: 'it can be written to',
    });
    expect(await problems({ uid: 1234, ...world({ closed: 'EACCES' }) })).toEqual([
      {
        kind: 'configuration',
        what: `cannot write to the log file ${there} of sosgui: permission denied`,
        remedy: mount(':uid=1234', 1234),
      },
    ]);
    expect(await problems(withFiles({ [there]: { closed: 'EROFS' } }))).toMatchObject([
      { what: `cannot write to the log file ${there} of sosgui: the file system is read-only` },
    ]);
    expect(await problems(withFiles(closed(logs, 'EACCES')))).toHaveLength(1);
  });

  test('one that is a device is asked itself, whoever has its directory', async () => {
    const content = good.replace(`${logs}/sosgui.log`, '/dev/stdout');
    const world = (file: FakeFile) => ({
      files: { ...missing, [settingsPath]: { content }, '/dev/stdout': file, ...closed('/dev', 'EACCES') },
    });
    expect(await problems(world({ kind: 'other' }))).toEqual([]);
    expect(await problems(world({ kind: 'other', closed: 'EACCES' }))).toHaveLength(1);
  });

  test('a directory in its place, as docker makes one, is told', async () => {
    expect(await problems(withFiles({ [`${logs}/sosgui.log`]: { kind: 'directory' } }))).toMatchObject([
      { what: `cannot write to the log file ${logs}/sosgui.log of sosgui: it is a directory` },
    ]);
  });

  test('what is wrong with a directory is told once for all its files', async () => {
    const content = `${good}ODS_LOG_FILE = '${logs}/ods.log'\nlog = open('/srv/s.log', 'a')\n`;
    const shut = { ...closed(logs, 'EROFS'), ...closed('/srv', 'EROFS') };
    const world = { files: { ...missing, [settingsPath]: { content }, ...shut } };
    expect((await problems(world)).map(({ what }) => what).sort()).toEqual([
      'cannot write to the log directory /srv of sosgui: the file system is read-only',
      `cannot write to the ${logDirectory} of sosgui: the file system is read-only`,
    ]);
  });

  test('a relative one lies where sosgui is started', async () => {
    const content = good.replace(`${logs}/sosgui.log`, 'logs/sosgui.log');
    const world = { files: { ...missing, [settingsPath]: { content } } };
    const at = '/opt/ovis/ui/logs';
    const { requirements, preparations } = await plan([], world);
    expect(requirements.at(2)).toEqual({ what: `log directory ${at}`, found: 'it can be made' });
    expect(preparations).toEqual([{ ...made, path: at }]);
    const refused = { files: { ...world.files, ...closed(at, 'EROFS') } };
    expect(await problems(refused)).toMatchObject([{ remedy: expect.stringContaining(`--tmpfs ${at}`) }]);
    const below = Object.fromEntries(
      Object.entries(world.files).map(([path, file]) => [`/site${path}`, file]),
    );
    expect((await plan([], { root: '/site', files: below })).preparations).toEqual([
      { ...made, path: `/site${at}` },
    ]);
  });

  test('a writable directory in a closed one is good', async () => {
    expect(await problems(withFiles(closed('/var/log', 'EROFS')))).toEqual([]);
  });
});

describe('the ports', () => {
  const asked = async (args: readonly string[]) =>
    (await plan(args)).questions.flatMap((one) => (one.about === 'addresses' ? one.addresses : []));

  test.each([
    [[], [{ address: '0.0.0.0', port: 80 }]],
    [['--http-socket=127.0.0.1:8080'], [{ address: '127.0.0.1', port: 8080 }]],
    [['-s', '[::1]:8080'], [{ address: '::1', port: 8080 }]],
    [
      ['-s', ':1', '--http', ':2'],
      [
        { address: '0.0.0.0', port: 1 },
        { address: '0.0.0.0', port: 2 },
      ],
    ],
    [['--http-socket', '/run/ui.sock'], []],
    [['--http-socket', ':0'], []],
    [['--http-socket', ':65535'], [{ address: '0.0.0.0', port: 65_535 }]],
    [['--http-socket', ':65536'], []],
    [['--http-socket', 'localhost:80'], []],
    [['--http-socket', '127.1:80'], []],
    [['--http-socket', '10.0.0.256:80'], []],
    [['--http', '=0'], []],
    [['--reuse-port'], []],
    [['--reuse-port', '--http-socket=:80'], []],
    [['--emperor', '/etc/vassals'], []],
  ])('of %j that are asked about', async (args, addresses) => {
    expect(await asked(args)).toEqual(addresses);
  });

  test.each([
    ['EADDRINUSE', 80, /^cannot listen on 0\.0\.0\.0:80: somebody listens there already$/, ':8080'],
    [
      'EACCES',
      80,
      /^cannot listen on 0\.0\.0\.0:80: uid 0 without CAP_NET_BIND_SERVICE \(docker run --cap-add=NET_BIND_SERVICE\) may only take ports from 1024 on$/,
      ':8080',
    ],
    ['EADDRINUSE', 8000, /^cannot listen on 0\.0\.0\.0:8000: somebody/, ':8001'],
    [
      'EADDRNOTAVAIL',
      8000,
      /^cannot listen on 0\.0\.0\.0:8000: this machine does not have that address$/,
      ':8001',
    ],
  ])('%s, port %i: a problem with a remedy', async (errno, at, what, other) => {
    const args = at === 80 ? [] : [`--http-socket=:${at}`];
    expect(await problems({}, args, { addresses: { [`0.0.0.0:${at}`]: errno } })).toEqual([
      {
        kind: 'configuration',
        what: expect.stringMatching(what),
        remedy: `choose another port: docker run … ovishpc/ldms-ui --http-socket=${other}`,
      },
    ]);
    expect(await problems({}, args, { addresses: { [`0.0.0.0:${at}`]: '' } })).toEqual([]);
  });

  test.each([
    [['--socket=127.0.0.1:28080'], '127.0.0.1:28080', '--socket=127.0.0.1:28081'],
    [['-s', '127.0.0.1:28080'], '127.0.0.1:28080', '--socket=127.0.0.1:28081'],
    [['--http', '10.0.0.1:80'], '10.0.0.1:80', '--http=10.0.0.1:8080'],
    [['--http-socket=[::1]:8000'], '[::1]:8000', '--http-socket=[::1]:8001'],
    [['--http-socket', '0.0.0.0:8000'], '0.0.0.0:8000', '--http-socket=:8001'],
    [['--http-socket=:8000', '--socket=:9000'], '0.0.0.0:9000', '--socket=:9001'],
    [['--http-socket=:8000', '--socket=:9000'], '0.0.0.0:8000', '--http-socket=:8001'],
    [['--http-socket=:65535'], '0.0.0.0:65535', '--http-socket=:8080'],
    [['--http-socket=:65534'], '0.0.0.0:65534', '--http-socket=:65535'],
  ])("the remedy keeps the user's option and address: %j", async (args, at, other) => {
    const told = await problems({}, args, { addresses: { [at]: 'EADDRINUSE' } });
    expect(told).toEqual([
      {
        kind: 'configuration',
        what: `cannot listen on ${at}: somebody listens there already`,
        remedy: `choose another port: docker run … ovishpc/ldms-ui ${other}`,
      },
    ]);
    expect(await problems({}, args, { addresses: { [at]: '' } })).toEqual([]);
  });

  test.each([
    ['--http-socket=:65536', '0.0.0.0:65536', '--http-socket=:8080'],
    ['--socket=127.0.0.1:70000', '127.0.0.1:70000', '--socket=127.0.0.1:8080'],
    ['--http-socket=localhost:70000', 'localhost:70000', '--http-socket=localhost:8080'],
  ])('one that there cannot be is a problem: %s', async (arg, at, other) => {
    for (const answers of [{}, { addresses: {} }]) {
      expect(await problems({}, [arg], answers)).toEqual([
        {
          kind: 'configuration',
          what: `cannot listen on ${at}: a port is a number from 1 to 65535`,
          remedy: `choose another port: docker run … ovishpc/ldms-ui ${other}`,
        },
      ]);
    }
    expect(await problems({}, ['--http-socket=:65535'])).toEqual([]);
    expect(await problems({}, ['--http-socket=:0'])).toEqual([]);
  });

  test("another app's are looked at as well", async () => {
    const answers = { addresses: { '0.0.0.0:80': 'EADDRINUSE' } };
    expect(await problems({ files: {} }, ['-w', 'site.wsgi'], answers)).toHaveLength(1);
  });
});
