import { describe, expect, test } from 'vitest';
import { readIni } from '../../src/ini.ts';

const values = (text: string) => readIni(text).map(({ section, key, value }) => [section, key, value]);

describe('an INI file', () => {
  test('is its keys, in their order, each with its section', () => {
    expect(readIni('[uwsgi]\nmaster = true\n[other]\nhttp-socket=:80\n')).toEqual([
      { section: 'uwsgi', key: 'master', value: 'true' },
      { section: 'other', key: 'http-socket', value: ':80' },
    ]);
  });

  test('a key that stands twice is two', () => {
    expect(values('[uwsgi]\nsocket = :1\nsocket = :2\n')).toEqual([
      ['uwsgi', 'socket', ':1'],
      ['uwsgi', 'socket', ':2'],
    ]);
  });

  test('a section that stands twice goes on', () => {
    expect(values('[a]\nx=1\n[b]\ny=2\n[a]\nz=3').map(([section]) => section)).toEqual(['a', 'b', 'a']);
  });

  test('what stands before the first section has none', () => {
    expect(values('app_mode = production\n[paths]\ndata = /d')).toEqual([
      ['', 'app_mode', 'production'],
      ['paths', 'data', '/d'],
    ]);
  });

  test.each([
    ['blanks around the equals sign', 'key   =   value', 'value'],
    ['none', 'key=value', 'value'],
    ['tabs', '\tkey\t=\tvalue\t', 'value'],
    ['a carriage return', 'key = value\r', 'value'],
    ['blanks within', 'key = unix_signal:15 _exit', 'unix_signal:15 _exit'],
    ['another equals sign', 'key = http-socket=:80', 'http-socket=:80'],
    ['no value', 'key =', ''],
    ['a key that stands alone', 'key', ''],
    ['what would be a comment at the margin', 'key = a;b#c', 'a;b#c'],
  ])('a value with %s', (_, line, value) => {
    expect(readIni(`[s]\n${line}\n`)).toEqual([{ section: 's', key: 'key', value }]);
  });

  test.each(['; key = value', '# key = value', '   ;key = value', '\t# key = value', '', '   ', '\r'])(
    'no key: %j',
    (line) => {
      expect(readIni(`[s]\n${line}\nlast = 1\n`)).toEqual([{ section: 's', key: 'last', value: '1' }]);
    },
  );

  test.each([
    ['[uwsgi]', 'uwsgi'],
    ['  [uwsgi]  ', 'uwsgi'],
    ['[ uwsgi ]', 'uwsgi'],
    ['[uwsgi]\r', 'uwsgi'],
    ['[auth.ldap]', 'auth.ldap'],
    ['[]', ''],
  ])('the heading %j', (heading, section) => {
    expect(readIni(`[before]\n${heading}\nkey = 1\n`)).toEqual([{ section, key: 'key', value: '1' }]);
  });

  test('a bracket that is not closed is no heading', () => {
    expect(values('[s]\n[t\nkey = 1\n')).toContainEqual(['s', 'key', '1']);
  });

  test.each(['', '\n\n', '; nothing\n', '[uwsgi]\n'])('nothing: %j', (text) => {
    expect(readIni(text)).toEqual([]);
  });
});

describe('what stands between a key and its value', () => {
  const between = (line: string) => readIni(`[s]\n${line}\n`, /[=:]/)[0];

  test.each([
    ['a: b', 'a', 'b'],
    ['a = b', 'a', 'b'],
    ['a : b = c', 'a', 'b = c'],
    ['a = b : c', 'a', 'b : c'],
    ['a:', 'a', ''],
    ['a', 'a', ''],
  ])('may be something else: %s', (line, key, value) => {
    expect(between(line)).toEqual({ section: 's', key, value });
  });

  test('is an equals sign else', () => {
    expect(readIni('[s]\na: b\nhttp = :80\n')).toEqual([
      { section: 's', key: 'a: b', value: '' },
      { section: 's', key: 'http', value: ':80' },
    ]);
  });
});
