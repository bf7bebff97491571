/** Tells how a rendered directory differs from what would be rendered now. */
import { join } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import type { Compared, State } from './compare.ts';

const words: Readonly<Record<Exclude<State, 'same'>, string>> = {
  new: 'is not there',
  outdated: 'is older than the file',
  edited: 'was changed by hand',
  'left over': 'is no longer wanted',
  'edited left over': 'is no longer wanted, and was changed by hand',
  'not executable': 'is no longer executable',
  unreadable: 'cannot be compared',
};

// Lines, beyond which a difference of two texts takes longer than anybody waits.
const mostEdits = 2000;

/** The differences: a line for each file, and behind it what would change. Empty if there are none. */
export function diffText(directory: string, compared: readonly Compared[]): string {
  return compared
    .flatMap(({ path, state, there = '', wanted, why }) => {
      if (state === 'same') return [];
      const name = join(directory, path);
      const told = `${name} ${words[state]}${why === undefined ? '' : `: ${why}`}\n`;
      if (state === 'new' || state === 'unreadable') return [told];
      if (wanted === undefined || wanted.text === there) return [told];
      const options = { context: 2, maxEditLength: mostEdits };
      const patch = createTwoFilesPatch(name, `${name} (rendered now)`, there, wanted.text, '', '', options);
      return [told, patch?.replace(/^=+\n/, '') ?? 'nearly every line differs\n'];
    })
    .join('');
}
