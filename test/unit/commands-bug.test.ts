import { beforeEach, expect, test, vi } from 'vitest';
import { reportBug } from '../../src/commands/bug.ts';
import { exitCodes } from '../../src/problem.ts';

const written = vi.hoisted(() => ({ text: '' }));
vi.mock('../../src/log.ts', () => ({
  writeLine: (line: string) => {
    written.text += line;
  },
}));

beforeEach(() => {
  written.text = '';
});

test.each([
  [
    'an error',
    new TypeError('x is not a function'),
    /^ldms-entrypoint: internal error: x is not a function \(at .+\); please report it\n$/,
  ],
  [
    'an error without a stack',
    Object.assign(new Error('odd'), { stack: undefined }),
    /: odd \(\); please report it\n$/,
  ],
  ['a thrown word', 'word', /^ldms-entrypoint: internal error: word \(\); please report it\n$/],
  ['nothing', undefined, /internal error: undefined/],
])('%s that nobody expected is one line that asks for a report', (_, error, line) => {
  expect(reportBug(error)).toBe(exitCodes.internal.code);
  expect(written.text).toMatch(line);
  expect(written.text.trimEnd()).not.toContain('\n');
});
