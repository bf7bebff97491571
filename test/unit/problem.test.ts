import { describe, expect, test } from 'vitest';
import { errnoOf, errnoWords, exitCodes, sentence } from '../../src/problem.ts';

describe('our exit codes', () => {
  const ours = Object.entries(exitCodes).map(([kind, { code }]) => [kind, code] as const);

  test.each(ours)('%s (%i) is not 255, and not one that means "ended by a signal"', (_, code) => {
    expect(code).toBeGreaterThan(0);
    expect(code).toBeLessThan(128);
  });

  test.each(ours)('%s (%i) is none that ldmsd uses itself', (_, code) => {
    const ldmsds = [...Array(23).keys(), 100, 101];
    expect(ldmsds).not.toContain(code);
  });

  test('each kind of problem has a code of its own', () => {
    expect(new Set(ours.map(([, code]) => code)).size).toBe(ours.length);
  });

  test('a program that is missing or cannot be executed gets the code that shells and docker use', () => {
    expect(exitCodes.notFound.code).toBe(127);
    expect(exitCodes.notExecutable.code).toBe(126);
    const others = ours.filter(([kind]) => kind !== 'notFound' && kind !== 'notExecutable');
    for (const [, code] of others) expect(code).toBeLessThan(126);
  });
});

test('a problem is one line: what, and then what to do', () => {
  const problem = { kind: 'munge', what: 'cannot use it: it is empty', remedy: 'make one' } as const;
  expect(sentence(problem)).toBe('cannot use it: it is empty; make one');
});

const systemError = (code: string) => Object.assign(new Error(`${code}: words, open '/x'`), { code });

test.each([
  ['a system error', systemError('EACCES'), 'EACCES', 'permission denied'],
  ['its code alone', 'ENOENT', 'ENOENT', 'it does not exist'],
  ['a read-only file system', systemError('EROFS'), 'EROFS', 'the file system is read-only'],
  ['a code without words of ours', systemError('EXDEV'), 'EXDEV', 'EXDEV'],
  ['an error without a code', new Error('out of luck'), '', 'out of luck'],
  ['an error whose code is a number', Object.assign(new Error('seven'), { code: 7 }), '', 'seven'],
  ['something that is no error', 42, '', '42'],
  ['nothing', undefined, '', 'undefined'],
])('%s is told in words', (_, error, code, words) => {
  expect(errnoOf(error)).toBe(code);
  expect(errnoWords(error)).toBe(words);
});

test('an error that has only a number is told by its name, as those of process.execve', () => {
  const numbered = (errno: unknown, code?: string) => Object.assign(new Error('x'), { errno, code });
  expect(errnoOf(numbered(7, ''))).toBe('E2BIG');
  expect(errnoOf(numbered(-13))).toBe('EACCES');
  // The name counts where there is one.
  expect(errnoOf(numbered(7, 'ENOENT'))).toBe('ENOENT');
  expect(errnoOf(numbered(0))).toBe('');
  expect(errnoOf(numbered(undefined))).toBe('');
});
