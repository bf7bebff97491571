import { describe, expect, test } from 'vitest';
import { allowDsosds, pluginsToInstall } from '../../src/grafana/plugins.ts';
import { readSettings } from '../../src/grafana/settings.ts';
import { type FakeWorld, fakeHost } from '../support/fake-host.ts';

const directory = '/var/lib/grafana/plugins';
const cli = { program: 'grafana-cli', args: [] };

const installs = (
  list: string | undefined,
  files: FakeWorld['files'] = {},
  command = cli as typeof cli | { program: string; args: string[] },
) =>
  pluginsToInstall(
    fakeHost({ files, env: list === undefined ? {} : { GF_INSTALL_PLUGINS: list } }),
    directory,
    '/usr/share/grafana',
    command,
  );
const commands = (list: string) => installs(list).runs.map(({ command }) => command.args);
const install = ['--pluginsDir', directory, 'plugins', 'install'];
const url = 'https://example.org/a%20b.zip?x=1';

describe('GF_INSTALL_PLUGINS', () => {
  test('each is installed by grafana-cli, with a limit, and a remedy should it fail', () => {
    const { runs, requirements, write } = installs('clock-panel');
    expect({ requirements, write }).toEqual({ requirements: [], write: true });
    expect(runs).toEqual([
      {
        do: 'run',
        name: 'the installation of the plugin clock-panel',
        command: {
          program: 'grafana-cli',
          args: [...install, 'clock-panel'],
          env: { HOME: '/usr/share/grafana' },
        },
        limitMs: 300_000,
        ifNot: {
          kind: 'configuration',
          what: 'cannot install the plugin clock-panel of GF_INSTALL_PLUGINS',
          remedy: expect.stringContaining(`-v /on-host/clock-panel:${directory}/clock-panel:ro`),
        },
      },
    ]);
  });

  test.each([[undefined], [''], [','], [' , ,'], ['\n']])('nothing: %j', (list) => {
    expect(installs(list)).toEqual({ runs: [], requirements: [], write: false });
  });

  test.each([
    ['names, in their order', 'b-panel,a-panel', [['b-panel'], ['a-panel']]],
    ['a version', 'clock-panel 1.0.1', [['clock-panel', '1.0.1']]],
    ['a version behind several blanks', 'clock-panel \t 1.0.1', [['clock-panel', '1.0.1']]],
    ['blanks around a name', ' a-panel , b-panel 2 \n', [['a-panel'], ['b-panel', '2']]],
    ['empty items', ',a-panel,,b-panel,', [['a-panel'], ['b-panel']]],
  ])('%s', (_, list, words) => {
    expect(commands(list)).toEqual(words.map((some) => [...install, ...some]));
  });

  test.each([`${url};my-folder`, ` ${url} ; my-folder `, `${url};my-folder;rest`])(
    'an archive of a URL goes to its folder: %j',
    (list) => {
      expect(commands(list)).toEqual([['--pluginUrl', url, ...install, 'my-folder']]);
      expect(installs(list).runs).toMatchObject([{ name: 'the installation of the plugin my-folder' }]);
    },
  );

  test('no word is given to a shell', () => {
    expect(commands('$(id) `id`,a;$HOME')).toEqual([
      [...install, '$(id)', '`id`'],
      ['--pluginUrl', 'a', ...install, '$HOME'],
    ]);
  });

  test('the words of a newer grafana come first', () => {
    const [run] = installs(`${url};my-folder`, {}, { program: 'grafana', args: ['cli'] }).runs;
    expect(run?.command).toMatchObject({
      program: 'grafana',
      args: ['cli', '--pluginUrl', url, ...install, 'my-folder'],
    });
  });

  test('where one is there already, a failure does not matter', () => {
    const files = {
      [`${directory}/clock-panel/plugin.json`]: {},
      [`${directory}/my-folder`]: { kind: 'directory' },
    } as const;
    const list = `clock-panel 1.0.1,${url};my-folder,other-panel`;
    expect(installs(list, files).runs.map(({ instead }) => instead)).toEqual([
      'the one that is there is used',
      'the one that is there is used',
      undefined,
    ]);
    // A file of that name is no plugin.
    expect(installs('clock-panel', { [`${directory}/clock-panel`]: {} }).runs[0]).not.toHaveProperty(
      'instead',
    );
  });

  test('the directory is written to unless all are there', () => {
    const files = { [`${directory}/clock-panel/plugin.json`]: {} };
    expect(installs('clock-panel', files).write).toBe(false);
    expect(installs('clock-panel,other-panel', files).write).toBe(true);
    expect(installs('clock-panel').write).toBe(true);
  });

  test.each([`${url};`, `${url} ; `, ';my-folder', ';', ' ; '])('no URL;FOLDER, and told: %j', (item) => {
    const { runs, requirements, write } = installs(`${item},clock-panel`);
    expect(requirements).toEqual([
      {
        what: 'GF_INSTALL_PLUGINS',
        problem: {
          kind: 'configuration',
          what: `cannot install ${item.trim().replace('?x=1', '?***')} of GF_INSTALL_PLUGINS: it is no URL;FOLDER`,
          remedy: 'write the URL of its archive and the folder to put it into, with a semicolon between them',
        },
      },
    ]);
    // The others are as they were.
    expect({ runs, write }).toMatchObject({
      runs: [{ command: { args: [...install, 'clock-panel'] } }],
      write: true,
    });
    expect(runs).toHaveLength(1);
  });

  test('a password in a URL that is told is hidden', () => {
    const { requirements } = installs('https://user:hunter2@example.org/x.zip;');
    expect(JSON.stringify(requirements)).toContain('https://***@example.org/x.zip;');
    expect(JSON.stringify(requirements)).not.toContain('hunter2');
  });

  test('may be in a file', () => {
    const read = (env: NodeJS.ProcessEnv) =>
      pluginsToInstall(
        fakeHost({ env, files: { '/run/list': { content: 'a-panel,b-panel 2\n\n' } } }),
        directory,
        '/usr/share/grafana',
        cli,
      ).runs.map(({ command }) => command.args.slice(install.length));
    expect(read({ GF_INSTALL_PLUGINS__FILE: '/run/list' })).toEqual([['a-panel'], ['b-panel', '2']]);
    expect(read({ GF_INSTALL_PLUGINS__FILE: '/run/none' })).toEqual([]);
    expect(read({ GF_INSTALL_PLUGINS: 'own', GF_INSTALL_PLUGINS__FILE: '/run/list' })).toEqual([['own']]);
  });
});

const plugin = (path: string, content: string) => ({ [`${directory}/dsosds/${path}`]: { content } });
const ours = plugin('plugin.json', '{"type": "datasource",\n "name": "DSOS", "id": "dsosds"}');
const variable = 'GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS';

function allow({
  files = ours as FakeWorld['files'],
  args = [] as string[],
  ini = '',
  env = {} as NodeJS.ProcessEnv,
} = {}) {
  const host = fakeHost({ files: files ?? {}, env });
  return allowDsosds(host, directory, args, readSettings(args, ini, host));
}

describe('the plugin for DSOS', () => {
  test('is allowed by its id, and no other is', () => {
    expect(allow()).toEqual({
      id: 'dsosds',
      notices: [],
      preparations: [],
      env: { [variable]: 'dsosds' },
    });
  });

  test.each([
    ['in dist, as it was built', plugin('dist/plugin.json', '{"id":"sandia-dsosds"}')],
    ['in its folder', plugin('plugin.json', '{ "id" : "sandia-dsosds" }')],
    [
      'in its folder, which goes before dist',
      { ...plugin('dist/plugin.json', '{"id":"x"}'), ...plugin('plugin.json', '{"id":"sandia-dsosds"}') },
    ],
    [
      'in dist, where that of its folder tells none',
      { ...plugin('plugin.json', '{}'), ...plugin('dist/plugin.json', '{"id":"sandia-dsosds"}') },
    ],
  ])('its id is read from plugin.json %s', (_, files) => {
    expect(allow({ files })).toEqual({
      id: 'sandia-dsosds',
      notices: [],
      preparations: [],
      env: { [variable]: 'sandia-dsosds' },
    });
  });

  const missing =
    /^there is no plugin dsosds in .*\/plugins, .*without which grafana cannot show LDMS data; .*copy it there$/;
  const unread =
    /^cannot read plugin.json of the plugin .*\/plugins\/dsosds, without which grafana cannot show LDMS data/;
  test.each([
    ['there is none', {}, missing],
    [
      'there is another',
      { [`${directory}/clock-panel/plugin.json`]: { content: '{"id":"dsosds"}' } },
      missing,
    ],
    [
      'its plugin.json cannot be read',
      { [`${directory}/dsosds/plugin.json`]: { unreadable: 'EACCES' } },
      unread,
    ],
    ['its folder cannot be seen', { [`${directory}/dsosds`]: { hidden: 'EACCES' } }, unread],
    ['its plugin.json tells no id', plugin('plugin.json', '{"name":"dsosds"}'), unread],
    ['its plugin.json has an id elsewhere', plugin('plugin.json', '{"info":{"id":"other"}}'), unread],
    [
      'its plugin.json has an id in a text',
      plugin('plugin.json', '{"name":"\\"id\\": \\"other\\""}'),
      unread,
    ],
    ['its plugin.json is broken', plugin('plugin.json', '{"id":"other"'), unread],
    ['its id is a number', plugin('plugin.json', '{"id":7}'), unread],
    ['its id is none', plugin('plugin.json', '{"id":"a,b"}'), unread],
  ] as [string, FakeWorld['files'], RegExp][])('a warning, and no failure: %s', (_, files, text) => {
    expect(allow({ files })).toEqual({
      id: 'dsosds',
      notices: [{ level: 'warn', text: expect.stringMatching(text) }],
      preparations: [],
      env: { [variable]: 'dsosds' },
    });
  });

  test('its id is its own, and not that of what it includes', () => {
    const content =
      '{"includes":[{"id":"a-panel"}],"dependencies":{"plugins":[{"id":"b"}]},"id":"sandia-dsosds"}';
    expect(allow({ files: plugin('plugin.json', content) })).toMatchObject({
      id: 'sandia-dsosds',
      notices: [],
    });
  });
});

describe('the image has it a second time', () => {
  const spare = '/usr/local/share/ldms-images/dsosds';
  const inImage = {
    [spare]: { kind: 'directory' } as const,
    [`${spare}/plugin.json`]: { content: '{"id":"sandia-dsosds"}' },
  };
  const open = { [directory]: { kind: 'directory' } as const };

  test('and it is linked where a volume has none', () => {
    expect(allow({ files: { ...inImage, ...open } })).toEqual({
      id: 'sandia-dsosds',
      notices: [],
      preparations: [{ do: 'link', path: `${directory}/dsosds`, to: spare }],
      env: { [variable]: 'sandia-dsosds' },
    });
  });

  test('and the one that a volume has is left in place', () => {
    expect(allow({ files: { ...inImage, ...open, ...ours } })).toMatchObject({
      id: 'dsosds',
      preparations: [],
    });
  });

  test('and a volume that cannot be written to is told', () => {
    const files = { ...inImage, [directory]: { kind: 'directory', closed: 'EROFS' } as const };
    const text = expect.stringMatching(
      /^there is no plugin dsosds in .* cannot be linked there: the file system is read-only; let uid 0 write there, or mount the plugin at .*\/dsosds$/,
    );
    expect(allow({ files })).toMatchObject({ notices: [{ level: 'warn', text }], preparations: [] });
  });
});

describe('what the user allows', () => {
  test.each([
    ['a variable', { env: { [variable]: 'mine' } }],
    ['a variable, with blanks', { env: { [variable]: ' mine ,' } }],
    ['grafana.ini', { ini: '[plugins]\nallow_loading_unsigned_plugins = mine\n' }],
    [
      'a variable, which goes before grafana.ini',
      { env: { [variable]: 'mine' }, ini: '[plugins]\nallow_loading_unsigned_plugins = other\n' },
    ],
  ])('stays allowed beside it: %s', (_, given) => {
    expect(allow(given).env).toEqual({ [variable]: 'mine,dsosds' });
  });

  test('several stay allowed', () => {
    expect(allow({ env: { [variable]: 'a, b c' } }).env).toEqual({ [variable]: 'a,b,c,dsosds' });
  });

  test.each([
    ['a variable', { env: { [variable]: 'a, dsosds' } }],
    ['grafana.ini', { ini: '[plugins]\nallow_loading_unsigned_plugins = dsosds\n' }],
  ])('is left as it is where it names the plugin already: %s', (_, given) => {
    expect(allow(given).env).toEqual({});
  });

  test('the name of another is not taken for it', () => {
    expect(allow({ env: { [variable]: 'dsosds2,my-dsosds' } }).env).toEqual({
      [variable]: 'dsosds2,my-dsosds,dsosds',
    });
  });

  test.each([
    ['an argument, even an empty one', { args: ['cfg:plugins.allow_loading_unsigned_plugins='] }],
    ['an argument', { args: ['cfg:plugins.allow_loading_unsigned_plugins=mine'] }],
    ['a file', { env: { [`${variable}__FILE`]: '/run/secrets/x' } }],
  ])('is left to the user where it is said by %s, who is warned', (_, given) => {
    expect(allow(given)).toMatchObject({
      env: {},
      notices: [{ level: 'warn', text: expect.stringMatching(/ does not name dsosds, .*; add it$/) }],
    });
  });

  const list = (content: string) => ({
    files: { ...ours, '/run/list': { content } },
    env: { [`${variable}__FILE`]: '/run/list' },
  });
  test.each([
    ['an argument', { args: ['cfg:plugins.allow_loading_unsigned_plugins=mine,dsosds'] }],
    ['a file', list('mine, dsosds\n')],
  ])('%s that names it is not warned of', (_, given) => {
    expect(allow(given)).toMatchObject({ env: {}, notices: [] });
  });

  test('a file that does not name it is warned of, by its variable', () => {
    expect(allow(list('mine')).notices).toEqual([
      {
        level: 'warn',
        text: `${variable} does not name dsosds, which grafana will not load therefore; add it`,
      },
    ]);
  });

  test('an argument that goes last stays allowed beside it', () => {
    const args = ['cfg:default.plugins.allow_loading_unsigned_plugins=mine'];
    expect(allow({ args })).toMatchObject({ env: { [variable]: 'mine,dsosds' }, notices: [] });
  });

  test.each([
    ['another argument', { args: ['cfg:plugins.plugin_admin_enabled=false'] }],
    ['an empty variable', { env: { [variable]: '', [`${variable}__FILE`]: '' } }],
  ])('%s says nothing of it', (_, given) => {
    expect(allow(given).env).toEqual({ [variable]: 'dsosds' });
  });
});
