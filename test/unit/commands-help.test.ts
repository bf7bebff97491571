import { expect, test } from 'vitest';
import { helpText } from '../../src/commands/help.ts';
import { modes } from '../../src/entrypoints/index.ts';
import { exitCodes } from '../../src/problem.ts';
import { settingsTable } from '../../src/settings.ts';

const help = helpText();
const lines = help.split('\n');

test.each(modes.map((mode) => [mode.name, mode] as const))(
  '--help tells of the mode %s',
  (name, { summary }) => {
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^  ${name} `)));
    expect(help).toContain(summary);
  },
);

test.each(settingsTable.map((row) => [row.name, row] as const))(
  '--help tells of %s: its meaning, what it takes, its default',
  (name, { meaning, takes, fallback }) => {
    const at = lines.indexOf(`  ${name}`);
    expect(at, 'the line of the setting').toBeGreaterThan(0);
    const rest = lines.slice(at + 1);
    const told = rest.slice(
      0,
      rest.findIndex((line) => !line.startsWith('      ')),
    );
    const words = told.map((line) => line.slice(6));
    expect(words.pop()).toBe(`${takes}; default: ${fallback || 'unset'}`);
    expect(words.join(' ')).toBe(meaning);
    for (const [line, text] of words.entries()) {
      expect(text.length, text).toBeLessThanOrEqual(90);
      const [next] = words[line + 1]?.split(' ') ?? [];
      if (next)
        expect(`${text} ${next}`.length, 'a line is broken only where it has to be').toBeGreaterThan(90);
    }
  },
);

test.each(Object.values(exitCodes).map(({ code, meaning }) => [code, meaning] as const))(
  '--help tells of the exit code %i',
  (code, meaning) => {
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^  ${code} `)));
    expect(help).toContain(meaning);
  },
);

test.each(['explain MODE', 'check MODE', 'health', 'cluster', '--version', '--help', '--json', '128 + n'])(
  '--help tells of %s',
  (word) => {
    expect(help).toContain(word);
  },
);

test('--help is tidy: no blanks at line ends, one newline at the end', () => {
  expect(lines.filter((line) => line.endsWith(' '))).toEqual([]);
  expect(help).toMatch(/[^\n]\n$/);
});
