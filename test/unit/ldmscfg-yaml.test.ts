/** YAML as PyYAML's safe_load takes it, each refusal beside something like it that is taken. */
import { describe, expect, test } from 'vitest';
import { readYaml } from '../../src/ldmscfg/document.ts';
import { readPlain, type Value } from '../../src/ldmscfg/value.ts';

const read = (text: string) => readYaml(text, () => undefined);

/** What is wrong, the syntax first. */
async function wrong(text: string): Promise<string[]> {
  const { syntax, content, place } = await read(text);
  return [...syntax, ...content].map(({ at, text: words }) => {
    const { line, column } = place(at);
    return `${line}:${column} ${words}`;
  });
}

/** A value without its places. */
function bare(value: Value | undefined): unknown {
  if (value?.kind === 'list') return value.items.map(bare);
  if (value?.kind !== 'mapping') return value?.value;
  return Object.fromEntries([...value.entries].map(([key, entry]) => [key, bare(entry.value)]));
}

describe('what is no YAML is told where it is', () => {
  test.each([
    ['a tab that indents', 'a:\n\tb: 1\n', ['2:1 a tab at the beginning of a line; write blanks']],
    ['a quote that is never closed', 'a: "b\nc: d\n', ['1:4 a " is opened and never closed']],
    ['a single quote that is never closed', "a: 'b\nc: d\n", ["1:4 a ' is opened and never closed"]],
    [
      'a bracket that is never closed',
      'a: [1, 2\nb: 3\n',
      ['2:1 a bracket is still open here; write ] before, or indent this line'],
    ],
    [
      'a brace that is never closed',
      '{a: 1\n',
      ['2:1 a bracket is still open here; write } before, or indent this line'],
    ],
    ['a bracket too many', 'a: 1\n]\n', ['2:1 "]" is out of place here']],
    [
      'two colons in a line',
      'a: b: c\n',
      [
        '1:4 a second "key:" inside of a value; quote the value, or begin a new line with the right indentation',
      ],
    ],
    [
      'a key that is indented too much',
      'a: 1\n b: 2\n',
      [
        '1:4 a second "key:" inside of a value; quote the value, or begin a new line with the right indentation',
      ],
    ],
    ['a key that is indented too little', 'a:\n  b: 1\n c: 2\n', ['3:1 not indented like the keys above it']],
    [
      'a key between a list and its indentation',
      'a:\n- b: 1\n c: 2\n',
      ['3:1 indented like neither the keys nor the "-" above it'],
    ],
    ['a word without a colon', 'a: 1\nb\n', ['2:1 a word without a colon where a "key: value" is expected']],
    [
      'a list after a mapping',
      'a: 1\n- b\n',
      ['2:1 neither a part of the value above nor a "key: value" of its own'],
    ],
    [
      'a list in the line of its key',
      'a: - b\n',
      ['1:4 a "-" in the line of its key; begin a new line with it'],
    ],
    ['a word behind a quoted one', 'a: "b" c\n', ['1:8 a word too many: the value has ended before it']],
    ['an at sign', 'a: @b\n', ['1:4 a value cannot begin with @; quote it']],
    ['a percent sign', 'a: %b\n', ['1:4 a value cannot begin with %; quote it']],
    [
      'an escape that is none',
      'a: "\\q"\n',
      ['1:5 a \\ in double quotes that begins no escape; write \\\\ or single quotes'],
    ],
    [
      'a second document',
      'a: 1\n---\nb: 2\n',
      ['2:1 a second document; maestro_ctrl reads one only: take away "---"'],
    ],
    [
      'a control character',
      'a: b\u0007\n',
      ['1:5 the character U+0007 cannot be in a YAML file; take it away'],
    ],
    [
      'a lone half of a character',
      'a: \ud800\n',
      ['1:4 the character U+D800 cannot be in a YAML file; take it away'],
    ],
    [
      'a tab before a value',
      'a:\t1\n',
      ['1:3 a tab, which maestro_ctrl does not take between words; write blanks'],
    ],
    [
      'a tab behind a value',
      'a: 1\t\n',
      ['1:5 a tab, which maestro_ctrl does not take between words; write blanks'],
    ],
    [
      'two tabs',
      'a:\t1\nb: 2\nc:\t3\n',
      [
        '1:3 a tab, which maestro_ctrl does not take between words; write blanks',
        '3:3 a tab, which maestro_ctrl does not take between words; write blanks',
      ],
    ],
    [
      'two mistakes',
      'a: "\\q"\nb: @c\n',
      [
        '1:5 a \\ in double quotes that begins no escape; write \\\\ or single quotes',
        '2:4 a value cannot begin with @; quote it',
      ],
    ],
  ])('%s', async (_, text, told) => {
    expect(await wrong(text)).toEqual(told);
  });

  test.each([
    ['a tab in a comment', 'a: 1 #\tb\n#\tc\n', { a: 1 }],
    ['a tab in quotes', 'a: "b\tc"\n', { a: 'b\tc' }],
    ['a tab in a block', 'a: |\n  b\tc\n', { a: 'b\tc\n' }],
    ['a hash in quotes before a comment', 'a: "#" #\tb\n', { a: '#' }],
    ['an at sign in quotes', 'a: "@b"\n', { a: '@b' }],
    ['a colon in quotes', 'a: "b: c"\n', { a: 'b: c' }],
    ['marks of one document', '---\na: 1\n...\n', { a: 1 }],
    ['letters of the world', 'a: "é漢😀"\n', { a: 'é漢😀' }],
  ])('but not %s', async (_, text, value) => {
    expect(await wrong(text)).toEqual([]);
    expect(bare((await read(text)).root)).toEqual(value);
  });
});

test('what follows from a mistake is not told', async () => {
  expect(await wrong('a:\n  b: [\n    c\nd: 1\ne:\n  - f\ng: @h\n')).toEqual([
    '4:1 a bracket is still open here; write ] before, or indent this line',
  ]);
});

describe('keys, anchors, aliases and tags', () => {
  test.each([
    [
      'a key twice',
      'a: 1\nb: 2\na: 3\n',
      ['3:1 "a" is already in line 1, and maestro_ctrl takes the last without a word; take one away'],
    ],
    [
      'a key twice, written differently',
      '10: x\n0b1010: y\n',
      ['2:1 "0b1010" is already in line 1, and maestro_ctrl takes the last without a word; take one away'],
    ],
    ['a key that is a list', '[a]: 1\n', ['1:1 a key must be a single word, not a list']],
    [
      'an alias of a misspelt anchor',
      'a: &samp-names 1\nb: *samp-name\n',
      ['2:4 *samp-name has no anchor before it; did you mean *samp-names?'],
    ],
    [
      'an alias without an anchor',
      'a: *b\nb: &b 1\n',
      ['1:4 *b has no anchor before it; write &b in front of the value that is meant'],
    ],
    ['an alias within its anchor', 'a: &a [1, *a]\n', ['1:11 *a stands inside of what it stands for']],
    [
      'an anchor twice',
      'a: &x 1\nb: &x 2\nc: *x\n',
      ['2:7 the anchor &x is already in line 1, and maestro_ctrl refuses a second one; give it another name'],
    ],
    [
      'an anchor with a dot',
      'a: &x.y 1\n',
      [
        '1:9 the anchor &x.y has more than letters, digits, - and _ in it, which maestro_ctrl refuses; give it another name',
      ],
    ],
    [
      'a tag of its own',
      'a: !secret b\n',
      ['1:12 maestro_ctrl does not take the tag "!secret"; take it away'],
    ],
    [
      'a tag that makes no plain value',
      'a: !!python/object:os.system b\n',
      ['1:30 maestro_ctrl does not take the tag "!!python/object:os.system"; take it away'],
    ],
    ['a merge of a word', '<<: a\n', ['1:5 << takes a mapping, such as an alias of one']],
    [
      'a merge of a list with a word in it',
      'a: &a {b: 1}\nc: {<<: [*a, d]}\n',
      ['2:14 << takes a mapping, such as an alias of one'],
    ],
  ])('%s', async (_, text, told) => {
    expect(await wrong(text)).toEqual(told);
  });

  test.each([
    ['a key in two mappings', 'a: {x: 1}\nb: {x: 1}\n', { a: { x: 1 }, b: { x: 1 } }],
    ['an alias of a mapping', 'a: &a {x: 1}\nb: *a\n', { a: { x: 1 }, b: { x: 1 } }],
    ['an alias as a key', 'a: &a x\n*a : 1\n', { a: 'x', x: 1 }],
    ['a merge', 'a: &a {x: 1, y: 1}\nb: {<<: *a, y: 2}\n', { a: { x: 1, y: 1 }, b: { y: 2, x: 1 } }],
    [
      'a merge of several',
      '- &a {x: 1}\n- &b {x: 2, y: 2}\n- {<<: [*a, *b]}\n',
      [{ x: 1 }, { x: 2, y: 2 }, { x: 1, y: 2 }],
    ],
    ['two merges', '- &a {x: 1}\n- &b {y: 2}\n- <<: *a\n  <<: *b\n', [{ x: 1 }, { y: 2 }, { x: 1, y: 2 }]],
    ['a quoted merge key', '"<<": {x: 1}\n', { '<<': { x: 1 } }],
    ['a tag for a text', 'a: !!str 1\nb: ! 2\n', { a: '1', b: '2' }],
    ['a tag for a number', 'a: !!int "1"\n', { a: 1 }],
    ['no value', 'a:\nb: {c}\n', { a: null, b: { c: null } }],
    ['a version, which PyYAML does not look at', '%YAML 1.2\n---\na: yes\n', { a: true }],
  ])('but not %s', async (_, text, value) => {
    expect(await wrong(text)).toEqual([]);
    expect(bare((await read(text)).root)).toEqual(value);
  });

  test('an alias has its own place, and what is in it has its own', async () => {
    const { root, place } = await read('a: &a\n  x: 1\nb: *a\n');
    const entry = root?.kind === 'mapping' ? root.entries.get('b')?.value : undefined;
    expect(place(entry?.at ?? 0)).toEqual({ line: 3, column: 4 });
    const inner = entry?.kind === 'mapping' ? entry.entries.get('x')?.value : undefined;
    expect(place(inner?.at ?? 0)).toEqual({ line: 2, column: 6 });
  });
});

describe('a plain scalar is read by YAML 1.1', () => {
  test.each([
    ['', null, 'None'],
    ['~', null, 'None'],
    ['null', null, 'None'],
    ['nUll', 'nUll', 'nUll'],
    ['yes', true, 'True'],
    ['Off', false, 'False'],
    ['TRUE', true, 'True'],
    ['tRue', 'tRue', 'tRue'],
    ['y', 'y', 'y'],
    ['411', 411, '411'],
    ['-1', -1, '-1'],
    ['1_000', 1000, '1000'],
    ['0777', 511, '511'],
    ['-010', -8, '-8'],
    ['08', '08', '08'],
    ['0o17', '0o17', '0o17'],
    ['0x1F', 31, '31'],
    ['0b101', 5, '5'],
    ['1:30', 90, '90'],
    ['-1:30:00', -5400, '-5400'],
    ['1:60', '1:60', '1:60'],
    ['1.0', 1, '1.0'],
    ['1.50', 1.5, '1.5'],
    ['.5', 0.5, '0.5'],
    ['+.5', '+.5', '+.5'],
    ['1.', 1, '1.0'],
    ['1e3', '1e3', '1e3'],
    ['1.0e+3', 1000, '1000.0'],
    ['1.0e3', '1.0e3', '1.0e3'],
    ['.inf', Number.NaN, '.inf'],
    ['1.2.3', '1.2.3', '1.2.3'],
    ['123456789012345678901', 123_456_789_012_345_680_000, '123456789012345678901'],
    ['10s', '10s', '10s'],
  ])('%j', (source, value, text) => {
    expect(readPlain(source, 0)).toEqual({ kind: 'scalar', at: 0, value, text, source });
  });
});
