import { describe, expect, test } from 'vitest';
import {
  apps,
  listeners,
  named,
  pluginDirectories,
  plugins,
  readUwsgiOptions,
} from '../../src/ui/options.ts';
import { type FakeWorld, fakeHost } from '../support/fake-host.ts';

const cwd = '/opt/ovis/ui';
const read = (args: readonly string[], world: FakeWorld = {}) => readUwsgiOptions(args, fakeHost(world), cwd);
/** What is told of some options, as "name=value". */
const told = async (names: readonly string[], args: readonly string[], world: FakeWorld = {}) =>
  named(await read(args, world), names).map(({ name, value }) =>
    value === undefined ? name : `${name}=${value}`,
  );
const listening = (args: readonly string[], world: FakeWorld = {}) => told(listeners, args, world);
const file = (path: string, content: string): FakeWorld => ({ files: { [path]: { content } } });

describe('a listener', () => {
  test.each(listeners)('by its own name, --%s', async (name) => {
    expect(await listening([`--${name}`, ':9090'])).toEqual([`${name}=:9090`]);
    expect(await listening([`--${name}=:9090`])).toEqual([`${name}=:9090`]);
    expect(
      await listening([], { env: { [`UWSGI_${name.toUpperCase().replaceAll('-', '_')}`]: ':9090' } }),
    ).toEqual([`${name}=:9090`]);
    expect(await listening([], file('/x.ini', ''))).toEqual([]);
    expect(await listening(['/x.ini'], file('/x.ini', `[uwsgi]\n${name} = :9090\n`))).toEqual([
      `${name}=:9090`,
    ]);
  });

  test.each([
    ['-s and its value', ['-s', ':80']],
    ['-s:80', ['-s:80']],
    ['-s behind a flag', ['-Ms:80']],
    ['-s behind flags, and its value', ['-MTs', ':80']],
    ['--set', ['--set', 'socket=:80']],
    ['--set=', ['--set=socket=:80']],
    ['--set with blanks', ['--set', 'socket = :80']],
    ['-S', ['-S', 'socket=:80']],
    ['-S with its value', ['-Ssocket=:80']],
    ['behind an operand', ['app:application', '--socket', ':80']],
    ['behind a value', ['--processes', '4', '--socket', ':80']],
    ['behind a flag of uwsgi', ['--no-orphans', '--socket', ':80']],
    ['behind a flag that we add', ['--need-app', '--socket', ':80']],
    ['behind a value that looks like an option', ['--logto', '--socket', '--socket', ':80']],
    ['behind an unknown option with its value in the same word', ['--logto=/log', '--socket', ':80']],
    ['behind a flag with a value that it may have', ['--harakiri-verbose=true', '--socket', ':80']],
  ])('%s', async (_, args) => {
    expect(await listening(args)).toEqual(['socket=:80']);
  });

  test('each of them is told, in its order', async () => {
    expect(await listening(['--http-socket', ':80', '-s', '/run/ui.sock', '--http-socket=:81'])).toEqual([
      'http-socket=:80',
      'socket=/run/ui.sock',
      'http-socket=:81',
    ]);
  });

  test('an abbreviation of a name is the name', async () => {
    expect(await listening(['--fastcgi-sock=:80', '--suwsgi', ':81'])).toEqual([
      'fastcgi-socket=:80',
      'suwsgi-socket=:81',
    ]);
    expect(await listening(['--fastcgi-sockets=:80'])).toEqual([]);
  });

  test('a name of its own is no abbreviation of another one', async () => {
    expect(await listening(['--http-to', '/backend', '--socket', ':80'])).toEqual(['socket=:80']);
    expect(await listening(['--http-to-h', ':80'])).toEqual(['http-to-https=:80']);
    expect((await read(['--http-to=/backend'])).options).toEqual([{ name: 'http-to', value: '/backend' }]);
  });

  test('the shortest name is itself, and no abbreviation of a longer one', async () => {
    expect(await listening(['--http', ':80'])).toEqual(['http=:80']);
    expect(await listening(['--https=:443'])).toEqual(['https=:443']);
  });

  test.each([
    ['nothing', []],
    ['the value of another option', ['--module', '--http-socket']],
    ['the value of an option that we do not know', ['--logto', '--socket=:80']],
    ['the value of an option that we do not know, apart', ['--logto', '-s', ':80']],
    ['the value of a hook', ['--hook-asap', '--socket=:80']],
    ['the value of another short option', ['-w', '-s']],
    ['the value of a short option, in the same word', ['-ws']],
    ['the value of a short option that matters to nobody', ['-p', '-s']],
    ['what is behind -C', ['-Cs']],
    ['a word', ['http-socket', ':80']],
    ['options that begin alike', ['--http-timeout', '60', '--socket-timeout=4', '--http-socket-modifier1=2']],
    ['a shared socket, which listens for nobody', ['--shared-socket', ':80']],
    ['a placeholder', ['--set-placeholder', 'http-socket=:80']],
    ['a setting of vassals', ['--vassals-set=http-socket=:80']],
    ['behind --, where there are no options', ['--', '--http-socket', ':80']],
    ['a dash', ['-', ':80']],
  ])('is none: %s', async (_, args) => {
    expect(await listening(args)).toEqual([]);
  });

  test('of a word that lacks its value, nothing more is known', async () => {
    expect((await read(['--http-socket'])).options).toEqual([{ name: 'http-socket', value: '' }]);
    expect((await read(['-s'])).options).toEqual([{ name: 'socket', value: '' }]);
  });

  test('variables', async () => {
    expect(await listening([], { env: { UWSGI_HTTP_SOCKET: ':9090' } })).toEqual(['http-socket=:9090']);
    expect(await listening([], { env: { UWSGI_SET: 'http-socket=:9090' } })).toEqual(['http-socket=:9090']);
    expect(
      await listening([], { env: { HTTP_SOCKET: ':9090', MY_UWSGI_SOCKET: ':9', UWSGIX_SOCKET: ':9' } }),
    ).toEqual([]);
    expect(await listening([], { env: { UWSGI_HTTP_TIMEOUT: '60', UWSGI_PROCESSES: '4' } })).toEqual([]);
  });
});

describe('an INI file', () => {
  const ini = file('/etc/ui.ini', '[uwsgi]\nhttp-socket = :9090\n[other]\nsocket = :9091\n[third]\n');

  test.each([
    ['an operand', ['/etc/ui.ini']],
    ['an operand behind --', ['--', '/etc/ui.ini']],
    ['an operand behind a flag', ['--no-orphans', '/etc/ui.ini']],
    ['an operand behind a value', ['--processes', '4', '/etc/ui.ini']],
    ['--ini', ['--ini', '/etc/ui.ini']],
    ['--ini=', ['--ini=/etc/ui.ini']],
    ['--include', ['--include', '/etc/ui.ini']],
    ['--inherit', ['--inherit=/etc/ui.ini']],
    ['--config', ['--config', '/etc/ui.ini']],
    ['its section by name', ['--ini', '/etc/ui.ini:uwsgi']],
    ['a section without a name', ['--ini', '/etc/ui.ini:']],
    ['--set', ['--set', 'ini=/etc/ui.ini']],
  ])('is read: %s', async (_, args) => {
    expect(await listening(args, ini)).toEqual(['http-socket=:9090']);
  });

  test.each([
    ['the value of an option', ['--touch-reload', '/etc/ui.ini']],
    ['the value of a short one', ['-p', '/etc/ui.ini']],
    ['another ending', ['/etc/ui.ini.bak']],
  ])('is not read: %s', async (_, args) => {
    expect(await listening(args, ini)).toEqual([]);
    expect(await listening([...args, '/etc/ui.ini'], ini)).toEqual(['http-socket=:9090']);
  });

  test('is read where a variable names it', async () => {
    expect(await listening([], { ...ini, env: { UWSGI_INI: '/etc/ui.ini' } })).toEqual(['http-socket=:9090']);
  });

  test('is asked for one section, and others of it do not count', async () => {
    expect(await listening(['--ini', '/etc/ui.ini:other'], ini)).toEqual(['socket=:9091']);
    expect(await listening(['/etc/ui.ini:other'], ini)).toEqual(['socket=:9091']);
    expect(await listening(['--ini', '/etc/ui.ini:third'], ini)).toEqual([]);
    expect(await listening(['--ini', '/etc/ui.ini:none'], ini)).toEqual([]);
    expect(await listening(['--ini=/etc/ui.ini:other', '/etc/ui.ini'], ini)).toEqual([
      'socket=:9091',
      'http-socket=:9090',
    ]);
  });

  test('may lie in a directory with a colon, and have a section with any name', async () => {
    const world = file('/etc/a:b/ui.ini', '[uwsgi]\nsocket = :1\n[my site.2]\nsocket = :2\n');
    expect(await listening(['--ini', '/etc/a:b/ui.ini'], world)).toEqual(['socket=:1']);
    expect(await listening(['--ini', '/etc/a:b/ui.ini:my site.2'], world)).toEqual(['socket=:2']);
  });

  test('counts from the directory that uwsgi starts in', async () => {
    const world = file('/opt/ovis/ui/conf/ui.ini', '[uwsgi]\nsocket=:9090\n');
    expect(await listening(['conf/ui.ini'], world)).toEqual(['socket=:9090']);
    expect(await listening(['/conf/ui.ini'], world)).toEqual([]);
  });

  test('may name another one, and another section', async () => {
    const world = {
      files: {
        '/etc/a.ini': { content: '[uwsgi]\nini = /etc/b.ini:site\n' },
        '/etc/b.ini': {
          content: '[uwsgi]\nsocket = :1\n[site]\ninclude = :more\nsocket = :2\n[more]\nhttp=:3',
        },
      },
    };
    expect(await listening(['/etc/a.ini'], world)).toEqual(['http=:3', 'socket=:2']);
  });

  test('that names itself, or one that names it, is read once', async () => {
    const world = {
      files: {
        '/a.ini': { content: '[uwsgi]\nini = /a.ini\ninclude = /b.ini\nsocket = :1\n' },
        '/b.ini': { content: '[uwsgi]\ninclude = /a.ini\nsocket = :2\n' },
      },
    };
    expect(await listening(['/a.ini'], world)).toEqual(['socket=:2', 'socket=:1']);
  });

  test('sets options by `set` as well, and not by a comment', async () => {
    const content = '[uwsgi]\n; http = :1\n# socket = :2\nset = http-socket=:3\n';
    expect(await listening(['/a.ini'], file('/a.ini', content))).toEqual(['http-socket=:3']);
  });

  test('has variables and its own directory filled in', async () => {
    const content =
      '[uwsgi]\nhttp-socket = :$(PORT)\nsocket = %dui.sock\nhttp = :$(NONE)\nini = %dmore.ini\n';
    const world = {
      env: { PORT: '9090' },
      files: { '/etc/u/a.ini': { content }, '/etc/u/more.ini': { content: '[uwsgi]\nraw-socket=:1' } },
    };
    expect(await listening(['/etc/u/a.ini'], world)).toEqual([
      'http-socket=:9090',
      'socket=/etc/u/ui.sock',
      'http=:$(NONE)',
      'raw-socket=:1',
    ]);
  });

  test('that cannot be read is left for uwsgi to tell of', async () => {
    const world = { files: { '/etc/ui.ini': { unreadable: 'EACCES' } } };
    for (const at of [world, {}]) {
      expect(await read(['/etc/ui.ini'], at)).toMatchObject({
        options: [{ name: 'ini', value: '/etc/ui.ini' }],
        unseen: [],
      });
    }
  });
});

describe('other configuration files', () => {
  const yaml = 'uwsgi:\n  # socket: :1\n  http-socket: :9090\n  master: true\nother:\n  socket: :9091\n';
  const json =
    '{\n  "uwsgi": {\n    "http-socket": ":9090",\n    "master": true\n  },\n  "other": {\n    "socket": ":9091"\n  }\n}\n';
  const xml = '<uwsgi>\n  <http-socket>\n    :9090\n  </http-socket>\n  <master/>\n</uwsgi>\n';
  const each = [
    ['yaml', yaml, ['/c.yaml']],
    ['yaml', yaml, ['--yaml', '/c.yaml']],
    ['yaml', yaml, ['--yml=/c.yaml']],
    ['yaml', yaml, ['-y', '/c.yaml']],
    ['yaml', yaml, ['--config', '/c.yaml']],
    ['yaml', yaml, ['--include=/c.yaml']],
    ['yml', yaml, ['/c.yml']],
    ['json', json, ['/c.json']],
    ['json', json, ['--json=/c.json']],
    ['json', json, ['-j/c.json']],
    ['json', json, ['--inherit', '/c.json']],
    ['js', json, ['/c.js']],
    ['js', json, ['--js', '/c.js']],
    ['xml', xml, ['/c.xml']],
    ['xml', xml, ['-x', '/c.xml']],
    ['xml', xml, ['--xmlconfig', '/c.xml']],
    ['xml', xml, ['--config', '/c.xml']],
  ] as const;

  test.each(each)('%s, %j, by %j', async (ending, content, args) => {
    const world = file(`/c.${ending}`, content);
    expect(await listening(args, world)).toEqual(['http-socket=:9090']);
    expect(await told(['master'], args, world)).toHaveLength(1);
    const without = content.replace('http-socket', 'http-timeout').replace('/http-socket', '/http-timeout');
    expect(await listening(args, file(`/c.${ending}`, without))).toEqual([]);
  });

  test('--ini is an INI file whatever it is called, and a name of an option is no ending', async () => {
    const ini = '[uwsgi]\nhttp-socket = :9090\n';
    expect(await listening(['--ini=/etc/nodejs'], file('/etc/nodejs', ini))).toEqual(['http-socket=:9090']);
    expect(await listening(['--ini=/c.yaml'], file('/c.yaml', ini))).toEqual(['http-socket=:9090']);
    expect(await listening(['/c.config'], file('/c.config', ini))).toEqual([]);
  });

  test.each([
    ['yaml', yaml],
    ['json', json],
  ])('%s has sections as well', async (ending, content) => {
    const world = file(`/c.${ending}`, content);
    expect(await listening([`/c.${ending}:other`], world)).toEqual(['socket=:9091']);
    expect(await listening([`--${ending}`, `/c.${ending}:uwsgi`], world)).toEqual(['http-socket=:9090']);
    expect(await listening([`/c.${ending}:none`], world)).toEqual([]);
  });

  test.each([
    ['yaml', 'uwsgi:\n  http-socket:\n    - :9090\n    - :9091\n'],
    ['yaml', 'uwsgi: {http-socket: [":9090", ":9091"]}\n'],
    ['yaml', 'uwsgi:\n  http-socket: :9090\n  http-socket: :9091\n'],
    [
      'xml',
      '<uwsgi><!-- <socket>:1</socket> --><http-socket>:9090</http-socket><http-socket>:9091</http-socket></uwsgi>',
    ],
    ['json', '{"uwsgi": {"http-socket": [":9090", ":9091"]}}'],
    ['xml', '<uwsgi><http-socket>:9090</http-socket><http-socket>:9091</http-socket></uwsgi>'],
  ])('of several in %s, each is told: %j', async (ending, content) => {
    const world = file(`/c.${ending}`, content);
    expect(await listening([`/c.${ending}`], world)).toEqual(['http-socket=:9090', 'http-socket=:9091']);
  });

  test.each([
    ['yaml', 'uwsgi:\n  env: "http-socket: :9090"\n'],
    ['yaml', 'uwsgi:\n  env: |\n    http-socket: :9090\n'],
    ['yaml', 'http-socket: :9090\n'],
    ['json', '{"uwsgi": {"env": "\\"http-socket\\": \\":9090\\""}}'],
    ['json', '{"http-socket": ":9090"}'],
  ])('what %s has in a text, or outside of the section, is none: %j', async (ending, content) => {
    expect(await listening([`/c.${ending}`], file(`/c.${ending}`, content))).toEqual([]);
  });

  test.each([
    ['yaml', 'uwsgi: [\n'],
    ['yaml', ''],
    ['yaml', 'uwsgi:\n'],
    ['json', '{"uwsgi": {"http-socket": ":9090"'],
    ['json', 'null'],
    ['json', ''],
    ['xml', '<uwsgi>'],
  ])('%s that is broken or empty is left for uwsgi to tell of: %j', async (ending, content) => {
    const { options, unseen } = await read([`/c.${ending}`], file(`/c.${ending}`, content));
    expect({ options, unseen }).toEqual({ options: [{ name: ending, value: `/c.${ending}` }], unseen: [] });
  });

  test('a number is a value', async () => {
    const world = file('/c.yaml', 'uwsgi:\n  daemonize: 5\n  master:\n');
    expect(await told(['daemonize', 'master'], ['/c.yaml'], world)).toEqual(['daemonize=5', 'master=']);
  });

  test('has variables and its own directory filled in', async () => {
    const world = {
      env: { PORT: '9090' },
      files: { '/etc/u/c.yaml': { content: 'uwsgi:\n  http: :$(PORT)\n  socket: "%dui.sock"\n' } },
    };
    expect(await listening(['/etc/u/c.yaml'], world)).toEqual(['http=:9090', 'socket=/etc/u/ui.sock']);
  });

  test('may name another section of itself', async () => {
    const content = 'uwsgi:\n  yaml: :more\nmore:\n  socket: :9090\n';
    expect(await listening(['/c.yaml'], file('/c.yaml', content))).toEqual(['socket=:9090']);
  });

  test('may name an INI file', async () => {
    const world = {
      files: {
        '/c.yaml': { content: 'uwsgi:\n  ini: /c.ini\n' },
        '/c.ini': { content: '[uwsgi]\nsocket=:9090\n' },
      },
    };
    expect(await listening(['/c.yaml'], world)).toEqual(['socket=:9090']);
  });
});

describe('what cannot be looked into', () => {
  test.each([
    ['a URL', ['--ini', 'http://boot.site/ui.ini']],
    ['a URL as an operand', ['https://boot.site/ui.ini']],
    ['a URL of YAML', ['--yaml=ftp://boot.site/ui.yaml']],
    ['a URL with a port, and no path', ['--ini', 'http://boot.site:8080']],
    ['a URL with a section', ['--ini', 'http://boot.site/ui.ini:site']],
    ["uwsgi's own schemes", ['--ini', 'exec://make-ini']],
    ['a section of the program', ['--ini', '@(data://0)']],
    ['a placeholder', ['--ini', '/etc/%(site).ini']],
    ['a variable that is not set', ['--ini', '/etc/$(SITE).ini']],
  ])('is told: %s', async (_, args) => {
    expect((await read(args)).unseen).toEqual([args.at(-1)?.replace(/^--yaml=/, '')]);
  });

  test.each([
    ['a pipe', 'other', true],
    ['a socket', 'socket', true],
    ['a file', 'file', false],
  ] as const)('is told, and not read: %s', async (_, kind, isUnseen) => {
    const world = { files: { '/dev/fd/63': { kind, content: '[uwsgi]\nsocket = :1\n' } } };
    const args = ['--ini', '/dev/fd/63'];
    expect((await read(args, world)).unseen).toEqual(isUnseen ? ['/dev/fd/63'] : []);
    expect(await listening(args, world)).toEqual(isUnseen ? [] : ['socket=:1']);
  });

  test('behind a file that can', async () => {
    const world = file('/a.ini', '[uwsgi]\ninclude = http://boot.site/$(SITE).ini\n');
    expect((await read(['/a.ini'], { ...world, env: { SITE: 's1' } })).unseen).toEqual([
      'http://boot.site/s1.ini',
    ]);
  });

  test.each([[['/a.ini']], [['--ini', '/none.ini']], [['--http-socket', 'http://a']], [['--pyrun=x://y']]])(
    'nothing: %j',
    async (args) => {
      expect((await read(args, file('/a.ini', '[uwsgi]\n'))).unseen).toEqual([]);
    },
  );
});

describe('an app', () => {
  test.each([
    [['--module', 'site.wsgi'], 'module=site.wsgi'],
    [['--module=site.wsgi:app'], 'module=site.wsgi:app'],
    [['--modul=site.wsgi'], 'module=site.wsgi'],
    [['-w', 'site.wsgi'], 'module=site.wsgi'],
    [['-wsite.wsgi'], 'module=site.wsgi'],
    [['--wsgi', 'site.wsgi'], 'wsgi=site.wsgi'],
    [['--wsgi-file', '/srv/app.py'], 'wsgi-file=/srv/app.py'],
    [['--mount', '/=site.wsgi'], 'mount=/=site.wsgi'],
    [['--emperor', '/etc/vassals'], 'emperor=/etc/vassals'],
  ])('%j', async (args, app) => {
    expect(await told(apps, args)).toEqual([app]);
  });

  test.each([
    [['app.py']],
    [['/srv/app.wsgi']],
    [['--', 'app.py']],
    [['-M', 'app.py']],
    [['--master', 'app.py']],
    [['--processes=4', 'app.py']],
    [['--touch-reload', '/srv/x.py']],
    [['--touch-reload', 'x.wsgi']],
    [['--touch-reload=x.py']],
    [['--touch-reload', '--module=x']],
    [['--touch-reload', '-wx']],
    [['--py-auto-reload', '1']],
    [['app.pyc']],
    [['py']],
    [['-p', 'x.py']],
  ])('none: %j', async (args) => {
    expect(await told(apps, args)).toEqual([]);
    expect(await told(apps, ['--module=site.wsgi', ...args])).toEqual(['module=site.wsgi']);
  });

  test('the word behind the value of an option is one again', async () => {
    expect(await told(apps, ['--touch-reload', 'x.py', '--module', 'site.wsgi'])).toEqual([
      'module=site.wsgi',
    ]);
  });
});

describe('what else decides', () => {
  const decides = [
    'master',
    'need-app',
    'reuse-port',
    'help',
    'version',
    'daemonize',
    'daemonize2',
    'usage',
    'hook-asap',
    ...plugins,
    ...pluginDirectories,
  ];
  test.each([
    [['-M'], 'master'],
    [['-h'], 'help'],
    [['-Mh'], 'master help'],
    [['--version'], 'version'],
    [['--help'], 'help'],
    [['-d', '/log'], 'daemonize=/log'],
    [['-d/log'], 'daemonize=/log'],
    [['--plugins', 'http,python3'], 'plugins=http,python3'],
    [['--plugin=python3'], 'plugin=python3'],
    [['--daemonize2', '/log'], 'daemonize2=/log'],
    [['--usage'], 'usage'],
    [['--plugins-dir', '/p', '-M'], 'plugins-dir=/p master'],
    [['--plugin-dir=/p'], 'plugin-dir=/p'],
    [['--threads', '--master'], ''],
    [['--enable-threads', '--master'], 'master'],
    [['--die-on-term', '-M'], 'master'],
    [['--need-plugins', 'http'], 'need-plugins=http'],
    [['--hook-asap', 'unix_signal:15 _exit'], 'hook-asap=unix_signal:15 _exit'],
    [['--set', 'master=true'], 'master=true'],
    [['--reuse-port', '--need-app'], 'reuse-port need-app'],
    [['--', '-M'], ''],
    [['--master-fifo=/f'], ''],
    [['-p', '-M'], ''],
  ])('%j', async (args, expected) => {
    expect((await told(decides, args)).join(' ')).toBe(expected);
  });
});
