/** docs/troubleshooting.md quotes lines of the program: that they are its lines, and that none is left out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { exitCodes } from '../../src/problem.ts';
import {
  literalsIn,
  literalsOfProgram,
  makeMatcher,
  makeReader,
  quotedLines,
  saysSomething,
} from '../support/printed-lines.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/troubleshooting.md'), 'utf8');
const lines = quotedLines(page);
const literals = literalsOfProgram();
const isPrinted = makeReader(literals);
const isOf = makeMatcher(literals);
const written = (template: readonly string[]) => template.join('…');

describe('what is quoted', () => {
  test('there are such lines, each in code', () => {
    expect(lines.length).toBeGreaterThan(100);
    expect(lines.filter((line) => line.startsWith('|'))).toEqual([]);
  });

  test('each is a line of the program', () => {
    expect(lines.filter((line) => !isPrinted(line))).toEqual([]);
  });

  test.each([
    'cannot use the munge key …: it is too old',
    'cannot use the mumge key …: there is none',
    'cannot use the munge key',
    'cannot use the munge key …: munge: it is away',
    'cannot start etcd: somebody listens on … already and forever',
    'the container is sad',
    'unhealthy: munge: it is tired',
    '',
  ])('a line that is made up is found out: %s', (line) => {
    expect(isPrinted(line)).toBe(false);
  });
});

describe('what is not left out', () => {
  test('every exit code of ours', () => {
    const missing = Object.values(exitCodes).filter(
      ({ code }) => !new RegExp(`^\\|[ \\d,]*\\b${code}\\b`, 'm').test(page),
    );
    expect(missing).toEqual([]);
  });

  test.each(Object.keys(exitCodes))('a line of the kind %s', (kind) => {
    const own = literals.filter((literal) => literal.kind === kind);
    expect(own, 'the sources have one').not.toEqual([]);
    expect(own.some(({ template }) => lines.some((line) => isOf(line, template)))).toBe(true);
  });

  test('every problem that the sources tell of', () => {
    const isProblem = ({ kind, template: [first = ''] }: (typeof literals)[number]) =>
      kind !== undefined || first.startsWith('cannot ');
    const problems = literals.filter((literal) => isProblem(literal) && saysSomething(literal.template));
    expect(problems.length).toBeGreaterThan(50);
    const missing = problems.filter(({ template }) => !lines.some((line) => isOf(line, template)));
    expect(missing.map(({ file, template }) => `${file}: ${written(template)}`)).toEqual([]);
  });

  test('every option of docker that a line tells to type', () => {
    const option = /(?:^|[\s(])(-[ve] [^\s,;)…]+|--(?:tmpfs|cap-add|ulimit|hostname)[= ][^\s,;)…]+)/g;
    const options = literals.flatMap(({ template }) =>
      [...written(template).matchAll(option)].map(([, text = '']) => text),
    );
    expect(options).toContain('-v /run/munge:/run/munge:ro');
    expect(options.filter((text) => !page.includes(text))).toEqual([]);
  });
});

describe('how the sources are read', () => {
  test('a text, a template with its gaps, and the kind of a problem; no import and no type', () => {
    const text = [
      "import { x } from 'nowhere';",
      "type Word = 'yes' | 'no';",
      "const a = { kind: 'munge', what: `cannot use ${x}: ${x ? 'this' : 'that'}`, remedy: 'mend it' } as const;",
    ].join('\n');
    expect(literalsIn(text, 'a.ts')).toEqual([
      { file: 'a.ts', template: ['munge'] },
      { file: 'a.ts', template: ['cannot use ', ': ', ''], kind: 'munge' },
      { file: 'a.ts', template: ['this'] },
      { file: 'a.ts', template: ['that'] },
      { file: 'a.ts', template: ['mend it'] },
    ]);
  });
});
