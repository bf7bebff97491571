/** The configuration files' language: what is understood means what it means to bash, and the rest is refused. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readConfigText } from '../../images/build/config/file.ts';
import { resolveVariable } from '../../images/build/config/resolve.ts';
import { quote, readWords } from '../../images/build/config/shell.ts';
import { type BashValue, readWithBash } from '../support/bash.ts';
import { testNeeding } from '../support/needs.ts';

const texts = ['PREFIX', 'BUILD_TAG', 'NAMESPACE'];
const lists = ['OVIS_OPTIONS', 'SOS_OPTIONS'];

/** What our reader makes of a text, and what it says is wrong with it. */
function readWithOurs(text: string): { values: Record<string, BashValue>; wrong: readonly string[] } {
  const layer = readConfigText(text, 'x.env', '/');
  const wrong = [...layer.wrong];
  const resolved = (name: string) => resolveVariable(name, [layer], wrong);
  const values = Object.fromEntries([
    ...texts.map((name) => [name, resolved(name).text]),
    // bash has a text where a list was never set.
    ...lists.map((name) => [name, layer.given.has(name) ? resolved(name).words : '']),
  ]);
  return { values, wrong };
}

/** What bash makes of texts, each by itself, among files that a pattern could match. */
function bashOn(all: readonly string[]): readonly Readonly<Record<string, BashValue>>[] {
  const directory = mkdtempSync(join(tmpdir(), 'ldms-config-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, 'here'));
  for (const file of ['a', 'ab', 'b', '-x']) writeFileSync(join(directory, 'here', file), '');
  const files = all.map((text, at) => {
    const file = join(directory, `${at}.env`);
    writeFileSync(file, text);
    return file;
  });
  return readWithBash(files, [...texts, ...lists], join(directory, 'here'));
}

const understood = [
  'BUILD_TAG=4.4.4',
  'BUILD_TAG=',
  'BUILD_TAG=""',
  "BUILD_TAG='a b'  # a comment",
  'BUILD_TAG=a#b # no comment but this',
  '\t BUILD_TAG=a\n\n#BUILD_TAG=b\n  # $(x) \' "',
  'export BUILD_TAG=a\nexport  OVIS_OPTIONS=( b )',
  "BUILD_TAG='two\nlines'",
  'BUILD_TAG="two\nlines"',
  'BUILD_TAG="go\\\nes on"',
  'BUILD_TAG=go\\\nes',
  'BUILD_TAG=a\\ b\\$c\\"d\\\\e',
  'BUILD_TAG="a\\ b\\$c\\"d\\\\e\\`"',
  "BUILD_TAG='a\\b'\\''c'",
  `BUILD_TAG=a'b c'"d 'e'"f`,
  'PREFIX=/opt/o\nBUILD_TAG=$PREFIX/${PREFIX}x-"$PREFIX ${PREFIX}"-\'$PREFIX\'',
  "PREFIX='a  b*'\nBUILD_TAG=$PREFIX",
  'BUILD_TAG=*?[a]{b,c}!^%@+=:,.é€',
  "BUILD_TAG='*;&|<>()`$x~'",
  'BUILD_TAG="*;&|<>()~!"',
  'BUILD_TAG=a~b',
  'OVIS_OPTIONS=()',
  'OVIS_OPTIONS=( )',
  'OVIS_OPTIONS=(a)',
  'OVIS_OPTIONS=( a b\tc )  # d',
  'OVIS_OPTIONS=(\n  # some\n  --a\n\n  --b # ) not the end\n  CFLAGS="-O2 -g"\n)\nBUILD_TAG=x',
  "OVIS_OPTIONS=( '' \"\" a\\ b 'c d'e )",
  'OVIS_OPTIONS=( a \\\n  b \\\n)',
  'PREFIX=/opt/o\nOVIS_OPTIONS=( --with-sos=${PREFIX} "$PREFIX" \'$PREFIX\' )',
  'PREFIX=\nOVIS_OPTIONS=( $PREFIX a $PREFIX"" "$PREFIX" b$PREFIX )',
  'PREFIX=\'a b\'\nOVIS_OPTIONS=( "$PREFIX" )\nSOS_OPTIONS=(c)',
  "OVIS_OPTIONS=( '*' \"?\" \\* '[a]' '{a,b}' \"~\" )",
  'OVIS_OPTIONS=( a#b a=b "#" )',
];

testNeeding(['bash'], 'what is understood has the same meaning to bash', () => {
  const ours = understood.map(readWithOurs);
  for (const [at, { wrong }] of ours.entries()) expect(wrong, understood[at]).toEqual([]);
  const theirs = bashOn(understood);
  for (const [at, { values }] of ours.entries()) expect(values, understood[at]).toEqual(theirs[at]);
  // They are not all alike, and not all empty.
  expect(new Set(theirs.map((values) => JSON.stringify(values))).size).toBeGreaterThan(understood.length / 2);
});

testNeeding(['bash'], 'whatever is put together at random: it is refused, or means the same to bash', () => {
  const parts = [
    ...[
      'a',
      'b',
      '-x',
      '=',
      ' ',
      '  ',
      '\t',
      '\n',
      '#',
      "'",
      '"',
      '\\',
      '(',
      ')',
      '{',
      ',',
      '}',
      '*',
      '?',
      '[',
    ],
    ...['~', '/', ':', '!', ';', '$', '$PREFIX', '${PREFIX}', '"$PREFIX"', "'c d'", '"e f"', '\\\n', '# g\n'],
  ];
  // The same numbers each time (https://en.wikipedia.org/wiki/Lehmer_random_number_generator).
  let state = 20260417;
  const below = (limit: number) => {
    state = (state * 48271) % 2147483647;
    return state % limit;
  };
  const values = ['/p', "'p  q'", "''", '"*"', '\\\\'];
  const made = Array.from({ length: 4000 }, (_, at) => {
    const some = Array.from({ length: 1 + below(6) }, () => parts[below(parts.length)]).join('');
    const name = at % 2 ? `BUILD_TAG=${some}` : `OVIS_OPTIONS=(${some})`;
    return `PREFIX=${values[below(values.length)]}\n${name}\nSOS_OPTIONS=(last)\n`;
  });
  const accepted = made.filter((text) => readWithOurs(text).wrong.length === 0);
  expect(accepted.length).toBeGreaterThan(500);
  expect(accepted.length).toBeLessThan(made.length - 500);
  const theirs = bashOn(accepted);
  for (const [at, text] of accepted.entries()) expect(readWithOurs(text).values, text).toEqual(theirs[at]);
});

describe('what is no part of it is told with its place', () => {
  const noCommands = 'commands are not run here: write what this one prints';
  const noBlanks = 'a value with blanks has to stand in quotes, and the next one in a line of its own';
  test.each([
    ['BUILD_TAG=$(date)', '1:11: ', noCommands],
    ['BUILD_TAG="x$(date +"%s")"', '1:13: ', noCommands],
    ['BUILD_TAG=`date`', '1:11: ', noCommands],
    ['BUILD_TAG="`date`"', '1:12: ', noCommands],
    ['OVIS_OPTIONS=(\n  --a=$(b)\n)', '2:7: ', noCommands],
    ['BUILD_TAG=${BUILD_TAG:-x}', '1:11: ', 'only $NAME and ${NAME} are understood'],
    ['SOS_OPTIONS=( "${OVIS_OPTIONS[@]}" )', '1:16: ', 'only $NAME and ${NAME} are understood'],
    ['BUILD_TAG=$1', '1:11: ', 'only $NAME and ${NAME} are understood'],
    ['BUILD_TAG="$BUILD\\\nTAG"', '1:12: ', 'only $NAME and ${NAME} are understood'],
    ['BUILD_TAG=$?', '1:11: ', 'the character $ itself is written \\$'],
    ["BUILD_TAG=$'a'", '1:11: ', 'the character $ itself is written \\$'],
    ['BUILD_TAG="5 $"', '1:14: ', 'the character $ itself is written \\$'],
    ['BUILD_TAG=a b', '1:13: ', noBlanks],
    ['BUILD_TAG= a', '1:12: ', noBlanks],
    ['BUILD_TAG=a NAMESPACE=b', '1:13: ', noBlanks],
    ['OVIS_OPTIONS=( a )b', '1:19: ', noBlanks],
    ['OVIS_OPTIONS=( a )#b', '1:19: ', noBlanks],
    ['BUILD_TAG = a', '1:1: ', 'no blanks may stand around "="'],
    ['  export BUILD_TAG =a', '1:3: ', 'no blanks may stand around "="'],
    ['BUILD_TAG=a;', '1:12: ', '; has a meaning to a shell: put it in quotes'],
    ['BUILD_TAG=a&', '1:12: ', '& has a meaning to a shell: put it in quotes'],
    ['BUILD_TAG=(a', '1:11: ', 'the bracket is not closed'],
    ['OVIS_OPTIONS=( a\n(b) )', '2:1: ', '( has a meaning to a shell: put it in quotes'],
    ['OVIS_OPTIONS=( [0]=a )', '1:16: ', '[ may stand for other words to a shell: put it in quotes'],
    ['OVIS_OPTIONS=( lib* )', '1:19: ', '* may stand for other words to a shell: put it in quotes'],
    ['OVIS_OPTIONS=( {a,b} )', '1:16: ', '{ may stand for other words to a shell: put it in quotes'],
    ['OVIS=~/ovis', '1:6: ', 'write the path in full in place of "~"'],
    ['OVIS_OPTIONS=( a=~/b )', '1:18: ', 'write the path in full in place of "~"'],
    ["BUILD_TAG='a\n\nb", '1:11: ', 'the quote is not closed'],
    ['BUILD_TAG="a\n\nb', '1:11: ', 'the quote is not closed'],
    ['BUILD_TAG=a\\', '1:12: ', 'a backslash has to stand before something'],
    ['if [ -f x ]', '1:1: ', 'only NAME=value is understood, not "if [ -f x ]"'],
    ['. ./other.sh', '1:1: ', 'only NAME=value is understood, not ". ./other.sh"'],
    ['OVIS_OPTIONS+=( a )', '1:1: ', 'only NAME=value is understood, not "OVIS_OPTIONS+=( a )"'],
    [
      `${'word '.repeat(20)}`,
      '1:1: ',
      'only NAME=value is understood, not "word word word word word word word word …"',
    ],
    ['BUILD_TAG=a\r\nNAMESPACE=b\r\n', '1:12: ', 'the line ends as in Windows, with CR: dos2unix'],
    ['# é€𝄞\n#\nBUILD_TAG="é€𝄞`"', '3:15: ', noCommands],
    ['BUILD_TAG=a\u0000b', '1:12: ', 'a control character is no text'],
    ['\ufeffBUILD_TAG=a', '1:1: ', 'only NAME=value is understood, not "\ufeffBUILD_TAG=a"'],
  ])('%j', (text, place, what) => {
    expect(readWithOurs(text).wrong).toEqual([`x.env:${place}${what}`]);
  });

  test('each of them, and reading goes on behind each', () => {
    const { values, wrong } = readWithOurs(
      [
        'BUILD_TAG=$(x)',
        'PREFIX=/p',
        'OVIS_OPTIONS=(',
        '  `y`',
        '  --a',
        '  b;c',
        ')',
        'NAMESPACE=a b',
        '',
      ].join('\n'),
    );
    expect(wrong).toEqual([
      `x.env:1:11: ${noCommands}`,
      `x.env:4:3: ${noCommands}`,
      'x.env:6:4: ; has a meaning to a shell: put it in quotes',
      `x.env:8:13: ${noBlanks}`,
    ]);
    expect(values['PREFIX']).toBe('/p');
  });
});

test('what is inserted into a list without quotes must not be more than a word', () => {
  const wrong = (prefix: string, word: string) =>
    readWithOurs(`PREFIX=${prefix}\nOVIS_OPTIONS=( ${word} )`).wrong;
  const said = ['x.env:2:1: OVIS_OPTIONS: $PREFIX has blanks or the like: put it in double quotes'];
  expect(wrong('ab', '--with=$PREFIX')).toEqual([]);
  for (const prefix of ["'a b'", "'*'", '"\t"', "'\\'"]) {
    expect(wrong(prefix, '--with=$PREFIX'), prefix).toEqual(said);
    expect(wrong(prefix, '--with="$PREFIX"'), prefix).toEqual([]);
  }
});

describe('a word as a shell has to be given it', () => {
  test.each([
    ['--enable-sos', '--enable-sos'],
    ['--with-sos=/opt/ovis', '--with-sos=/opt/ovis'],
    ['CFLAGS=-O2 -g', "CFLAGS='-O2 -g'"],
    ["it's", "'it'\\''s'"],
    ['', "''"],
    ['$x', "'$x'"],
    ['a=', 'a='],
    ['*', "'*'"],
  ])('%j', (word, quoted) => {
    expect(quote(word)).toBe(quoted);
    expect(readWords(quoted).words).toEqual([[{ text: word }]]);
  });
});
