import { describe, expect, test } from 'vitest';
import { readDirectory } from '../../src/dsosd/directory.ts';
import { placesIn, readJson } from '../../src/dsosd/json.ts';

const mistakes = (text: string) =>
  readDirectory(text).mistakes.map(({ line, column, text: what }) => `${line}:${column}: ${what}`);

describe('the directory file', () => {
  test('as the README shows it', () => {
    const text = `{
      "host1": { "dsos_cont":"/storage/cont_host1", "tmp_cont":"/tmp/ram_cont" },
      "host2": { "dsos_cont":"/storage/cont_host2", "tmp_cont":"/tmp/ram_cont" }
    }\n`;
    expect(readDirectory(text)).toEqual({ hosts: ['host1', 'host2'], mistakes: [] });
  });

  test.each([
    ['no host', '{}', []],
    ['a host without containers', '{"a": {}}', ['a']],
    ['one container name on several hosts', '{"a": {"c": "/1"}, "b": {"c": "/2"}}', ['a', 'b']],
    ['an escaped name', '{"\\u0061": {"c\\"": "/a\\tb"}}', ['a']],
    ['tabs and CRLF between words', '{\r\n\t"a"\t:\t{ } }\r\n', ['a']],
  ])('good: %s', (_, text, hosts) => {
    expect(readDirectory(text)).toEqual({ hosts, mistakes: [] });
  });

  test.each([
    ['a list', '["a"]', '1:1: the file is a list, and must be an object: {"HOST": {"CONTAINER": "/PATH"}}'],
    ['a text', '\n "a"', '2:2: the file is the text "a", and must be an object'],
    [
      'a host with a path',
      '{\n "a": "/x"}',
      '2:7: "a" is the text "/x", and must be an object of its containers',
    ],
    ['a host with a list', '{"a": ["/x"]}', '1:7: "a" is a list, and must be an object of its containers'],
    ['a host with null', '{"a": null}', '1:7: "a" is null, and must be'],
    [
      'a number for a path',
      '{"a": {"c": 1}}',
      '1:13: "c" is a number, and must be a path that begins with /',
    ],
    ['true for a path', '{"a": {"c": true}}', '1:13: "c" is true, and must be a path'],
    ['an object for a path', '{"a": {"c": {}}}', '1:13: "c" is an object, and must be a path'],
    ['a list for a path', '{"a": {"c": ["/x"]}}', '1:13: "c" is a list, and must be a path'],
    ['an empty path', '{"a": {"c": ""}}', '1:13: "c" is the text "", and must be a path that begins with /'],
    ['a relative path', '{"a":\n{"c": "x/y"}}', '2:7: "c" is the text "x/y", and must be a path that begins'],
    [
      'a host twice',
      '{"a": {},\n\n "a": {}}',
      '3:2: "a" is already in line 1, and dsosd takes the last without a word; take one away',
    ],
    ['a container twice', '{"a": {"c": "/1",\n"c": "/2"}}', '2:1: "c" is already in line 1, and dsosd takes'],
    ['a name twice, once escaped', '{"a": {}, "\\u0061": {}}', '1:11: "a" is already in line 1'],
  ])('%s', (_, text, mistake) => {
    expect(mistakes(text)).toEqual([expect.stringContaining(mistake)]);
  });

  test('all mistakes are told in one pass, in the order of the text', () => {
    const text = '{\n"a": 1,\n"b": {"c": 2, "c": "x"},\n"a": {"d": ""}}';
    expect(mistakes(text).map((mistake) => mistake.split(' ')[0])).toEqual([
      '2:6:',
      '3:12:',
      '3:15:',
      '3:20:',
      '4:1:',
      '4:12:',
    ]);
  });
});

describe('a text that is no JSON: where, and what was expected', () => {
  test.each([
    ['{"a" {}}', '1:6: a colon after "a" is expected here, not {'],
    ['{"a": {}', '1:9: the file ends where a comma or } is expected'],
    ['{"a": {"c": "/x"}\n "b": {}}', '2:2: a comma or } is expected here, not "'],
    ['{"a": {"c": "/x",}}', '1:17: there must be no comma before }'],
    ['{"a": [1, 2,\n]}', '1:12: there must be no comma before ]'],
    ['{a: {}}', '1:2: a name in double quotes is expected here, not a'],
    ["{'a': {}}", "1:2: a name in double quotes is expected here, not '"],
    ['{,}', '1:2: a name in double quotes is expected here, not ,'],
    ['{"a": /x}', '1:7: a value is expected here, not /'],
    ['{"a": none}', '1:7: a value is expected here, not none'],
    ['{"a": nulls}', '1:7: a value is expected here, not nulls'],
    ['{"a": 01}', '1:7: a value is expected here, not 01'],
    ['{"a": }', '1:7: a value is expected here, not }'],
    ['{"a": "/x\n}', '1:7: this text has no closing double quote in its line'],
    ['{"a": "C:\\x"}', '1:7: this text holds a tab or another control character, or a backslash'],
    ['{"a": "b\tc"}', '1:7: this text holds a tab'],
    ['{"a": {}} x', '1:11: the end of the file is expected here, not x'],
    ['{"a": {}}}', '1:10: the end of the file is expected here, not }'],
    ['// hosts\n{}', '1:1: JSON knows no comments; take it away'],
    ['{} # hosts', '1:4: JSON knows no comments; take it away'],
    ['\ufeff{}', '1:1: a byte order mark, without which it must be saved'],
    ['', '1:1: the file ends where a value is expected'],
    [`${'['.repeat(200)}${']'.repeat(200)}`, '1:101: nested deeper than 100 levels'],
  ])('%j', (text, mistake) => {
    expect(mistakes(text)).toEqual([expect.stringContaining(mistake)]);
  });

  const values = [
    '0',
    '-1.5e+3',
    '1.',
    '.5',
    '+1',
    '1e',
    '-',
    'true',
    'False',
    '"\\u00e9"',
    '"\\x"',
    '"a',
    "'a'",
  ];
  const texts = [
    ...values,
    ...values.map((value) => `[${value}, {"a": ${value}}]`),
    ...[
      '[',
      ']',
      '[]',
      '[ ]',
      '[,]',
      '[1,]',
      '[1 2]',
      '{}',
      '{ }',
      '{"a":}',
      '{"a":1 "b":2}',
      '{1:1}',
      '\u00a01',
    ],
  ];
  test.each(texts)('it is read if JSON.parse reads it, and only then: %s', (text) => {
    let isJson = true;
    try {
      JSON.parse(text);
    } catch {
      isJson = false;
    }
    expect('wrong' in readJson(text)).toBe(!isJson);
  });
});

test('places in a text: lines and columns from 1', () => {
  const place = placesIn('ab\n\ncd');
  const told = [0, 2, 3, 4, 5, 6].map((at) => Object.values(place(at)).join(':'));
  expect(told).toEqual(['1:1', '1:3', '2:1', '3:1', '3:2', '3:3']);
});
