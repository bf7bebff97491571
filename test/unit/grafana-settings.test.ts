import { describe, expect, test } from 'vitest';
import { readFlags, readSettings } from '../../src/grafana/settings.ts';
import { type FakeFile, fakeHost } from '../support/fake-host.ts';

const settings = (
  args: readonly string[],
  ini = '',
  env: NodeJS.ProcessEnv = {},
  files: Record<string, FakeFile> = {},
) => readSettings(args, ini, fakeHost({ env, files }));
const port = (...given: Parameters<typeof settings>) => settings(...given)('server', 'http_port');

describe('what goes before what', () => {
  const operand = ['cfg:server.http_port=1'];
  const env = { GF_SERVER_HTTP_PORT: '2' };
  const ini = '[server]\nhttp_port = 3\n';

  test.each([
    ['an argument before all', operand, ini, env, '1'],
    ['an argument before the file', operand, ini, {}, '1'],
    ['a variable before the file', [], ini, env, '2'],
    ['the file', [], ini, {}, '3'],
    ["grafana's default", [], '', {}, undefined],
    ['of two arguments the last', ['cfg:server.http_port=8', '-x', 'cfg:server.http_port=9'], ini, env, '9'],
    [
      "grafana's file before an argument for want of others",
      ['cfg:default.server.http_port=7'],
      ini,
      {},
      '3',
    ],
    ['a variable before one, too', ['cfg:default.server.http_port=7'], '', env, '2'],
    ['an argument before one, too', ['cfg:default.server.http_port=7', ...operand], '', {}, '1'],
    ['an argument for want of others', ['cfg:default.server.http_port=7'], '', {}, '7'],
    [
      'of two such arguments the last',
      ['cfg:default.server.http_port=7', 'cfg:default.server.http_port=6'],
      '',
      {},
      '6',
    ],
    ['an argument that is empty sets nothing', ['cfg:server.http_port='], ini, env, '2'],
    ['a variable that is empty sets nothing', [], ini, { GF_SERVER_HTTP_PORT: '' }, '3'],
    ['a value that is empty sets nothing', [], '[server]\nhttp_port =\n', {}, undefined],
    ['of two lines the last', [], '[server]\nhttp_port = 8\n[log]\n[server]\nhttp_port = 9\n', {}, '9'],
  ] as const)('%s', (_, args, ini, env, value) => {
    expect(port(args, ini, env)).toBe(value);
  });

  test.each([
    ['of another section', ['cfg:smtp.http_port=1'], '[smtp]\nhttp_port = 3\n', { GF_SMTP_HTTP_PORT: '2' }],
    [
      'of another key',
      ['cfg:server.http_ports=1'],
      '[server]\nhttp_ports = 3\n',
      { GF_SERVER_HTTP_PORTS: '2' },
    ],
    ['without a section', ['cfg:http_port=1'], 'http_port = 3\n', { GF_HTTP_PORT: '2' }],
    ['that is no operand', ['server.http_port=1', '--cfg:server.http_port=1'], '; [server]\nhttp_port=3', {}],
    ['in a comment', [], '[server]\n;http_port = 3\n# http_port = 3\n', {}],
    ['in lower case', [], '', { gf_server_http_port: '2' }],
  ] as const)('a value %s is none of this one', (_, args, ini, env) => {
    expect(port(args, ini, env)).toBeUndefined();
  });

  test("a section's dots and dashes are underscores in its variable", () => {
    const setting = settings([], '', { GF_AUTH_GENERIC_OAUTH_ENABLED: '1', GF_A_B_C: '2' });
    expect(setting('auth.generic_oauth', 'enabled')).toBe('1');
    expect(setting('a-b', 'c')).toBe('2');
  });

  test('a value is whole, with every equals sign', () => {
    expect(settings(['cfg:a.b=c=d'])('a', 'b')).toBe('c=d');
    expect(settings([], '[a]\nb = c=d')('a', 'b')).toBe('c=d');
  });

  test.each([
    ['its content', { content: '4\n\n' }, '4'],
    ['its content, to the letter', { content: ' 4' }, ' 4'],
    ['nothing', { content: '\n' }, '3'],
    ['no file', undefined, '3'],
    ['a directory', { kind: 'directory' }, '3'],
    ['what can be read only once', { kind: 'other', content: '4' }, '3'],
    ['what cannot be read', { unreadable: 'EACCES' }, '3'],
  ] as const)('a variable may be in a file: %s', (_, file, value) => {
    const env = { GF_SERVER_HTTP_PORT__FILE: '/run/port' };
    const files: Record<string, FakeFile> = file ? { '/run/port': file } : {};
    expect(port([], ini, env, files)).toBe(value);
    expect(port(operand, ini, env, files)).toBe('1');
    expect(port([], ini, { ...env, GF_SERVER_HTTP_PORT: '2' }, files)).toBe('2');
  });

  test('variables are put in wherever it is said', () => {
    const env = { NAME: '5', GF_SERVER_HTTP_PORT: '${NAME}' };
    expect(port(['cfg:server.http_port=$__env{NAME}'], '', { NAME: '6' })).toBe('6');
    expect(port(['cfg:default.server.http_port=${NAME}'], '', { NAME: '6' })).toBe('6');
    expect(port([], ini, env)).toBe('5');
  });
});

describe("a line of grafana's file", () => {
  test.each([
    ['b=plain', 'plain'],
    ['  b   =   with blanks around  ', 'with blanks around'],
    ['b = "quoted ; not a comment"', 'quoted ; not a comment'],
    ['b = `quoted # not a comment`', 'quoted # not a comment'],
    ['b = """says "so" ; here"""', 'says "so" ; here'],
    ['b = value ; a comment', 'value'],
    ['b = value # a comment', 'value'],
    ['b = a;b#c', 'a'],
    ['b = "a;b#c"', 'a;b#c'],
    ['b: colon', 'colon'],
    ['b : colon = x', 'colon = x'],
    ['b = http://h:80/', 'http://h:80/'],
    ['b = """"""', undefined],
    ['b = ""', undefined],
    ['b = "quoted" ; a comment', 'quoted'],
    ['b = $__env{NAME}', 'from outside'],
    ['b = ${NAME}', 'from outside'],
    ['b = <${NAME}|$__env{NAME}>', '<from outside|from outside>'],
    ['b = "${NAME}"', 'from outside'],
    ['b = $NAME', '$NAME'],
    ['b = x${UNSET}y', 'xy'],
  ])('%s', (line, value) => {
    expect(settings([], `[a]\n${line}\n`, { NAME: 'from outside' })('a', 'b')).toBe(value);
    expect(settings([], `[a]\r\n${line}\r\n`, { NAME: 'from outside' })('a', 'b')).toBe(value);
  });

  test('a variable that is unset leaves nothing, which sets nothing', () => {
    expect(settings([], '[a]\nb = ${UNSET}\n')('a', 'b')).toBeUndefined();
  });
});

describe("a flag's value", () => {
  test.each([
    [['--config=/a'], '/a'],
    [['-config=/a'], '/a'],
    [['--config', '/a'], '/a'],
    [['-config', '/a'], '/a'],
    [['--config=/a', '--config', '/b'], '/b'],
    [['--config', '/b', '-config=/a'], '/a'],
    [['--pidfile=/p', '--config=/a'], '/a'],
    [['--config=/a=b'], '/a=b'],
    [['--config=/a\nb'], '/a\nb'],
    [['--config='], ''],
    [['--config=/a', 'cfg:x.y=z', '--config=/b'], '/a'],
    [['--config=/a', '--', '--config=/b'], '/a'],
    [['--pidfile', '--homepath', '--config=/a'], '/a'],
    [['--pidfile', 'word', '--config=/a'], '/a'],
    [['-profile', '--config=/a'], '/a'],
    [['--config=/a', 'word', '--config=/b'], '/a'],
    [['--config=/a', '-', '--config=/b'], '/a'],
    [['--config'], ''],
  ])('%j', (args, value) => {
    expect(readFlags(args).get('config')).toBe(value);
  });

  test.each([
    [[]],
    [['--configs=/a']],
    [['---config=/a']],
    [['config=/a']],
    [['--homepath=/a']],
    [['--pidfile', '--config=/a']],
    [['-profile', 'word', '--config=/a']],
    [['', '--config=/a']],
    [['--=/a', '--config=/a']],
    [['cfg:x.y=z', '--config=/b']],
    [['--', '--config=/b']],
  ])('none: %j', (args) => {
    expect(readFlags(args).has('config')).toBe(false);
  });

  test('all of them are read, and those without a value as well', () => {
    expect([...readFlags(['-v', '--pidfile', '/p', '-profile', '--profile-port=6060', 'cfg:a.b=c'])]).toEqual(
      [
        ['v', ''],
        ['pidfile', '/p'],
        ['profile', ''],
        ['profile-port', '6060'],
      ],
    );
  });
});
