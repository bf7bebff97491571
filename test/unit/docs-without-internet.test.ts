/** docs/without-internet.md quotes what load.sh says, with `…` for what varies. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/without-internet.md'), 'utf8');
const script = readFileSync(join(root, 'images/build/bundle/load.sh'), 'utf8');

/** Whether a text of the script fits: the quoted line with a variable or command, or nothing, for each `…`. */
function isSaid(line: string): boolean {
  const parts = line.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(parts.join('(?:\\$(?:\\w+|\\{\\w+\\}|\\([^()]*\\))|\\$\\d)')).test(script);
}

const quoted = page
  .split('\n')
  .filter((row) => row.startsWith('| `'))
  .flatMap((row) => [...(row.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/g)].map(([, line = '']) => line));

test('each line of the table is one of load.sh', () => {
  expect(quoted.length).toBeGreaterThan(3);
  expect(quoted.filter((line) => !isSaid(line))).toEqual([]);
});

test.each(['… is torn: it has … of … bytes', 'this bundle is for …, and this machine is sad'])(
  'a line that is made up is found out: %s',
  (line) => {
    expect(isSaid(line)).toBe(false);
  },
);
