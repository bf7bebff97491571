/**
 * getopt_long(3) as glibc has it, for the stand-ins. Written apart from src/ldmsd/options.ts on
 * purpose: tests compare what the two make of a command line.
 */

/** A long option; `letter` is the short one that it stands for. */
export interface LongOption {
  readonly name: string;
  readonly letter: string;
  readonly argument: 'required' | 'optional';
}

/** What a program hands to getopt_long: a ':' behind a letter of `short` means that it takes an argument. */
export interface Grammar {
  readonly short: string;
  readonly long: readonly LongOption[];
}

/** One option as getopt_long returns it; `letter` is '?' for one that it does not know or that lacks its argument. */
export interface Given {
  readonly letter: string;
  readonly value: string;
}

/** The options in the order given. Operands may stand among them; `--` ends the options. */
export function getopt(
  words: readonly string[],
  grammar: Grammar,
  posixlyCorrect = false,
): { options: Given[]; operands: string[] } {
  const options: Given[] = [];
  const operands: string[] = [];
  let at = 0;
  const next = () => words[at++];
  for (let word = next(); word !== undefined; word = next()) {
    if (word === '--' || (posixlyCorrect && !isOption(word))) {
      if (word !== '--') operands.push(word);
      operands.push(...words.slice(at));
      break;
    }
    if (!isOption(word)) operands.push(word);
    else if (word.startsWith('--')) options.push(longOption(word.slice(2), grammar, next));
    else options.push(...shortOptions(word.slice(1), grammar, next));
  }
  return { options, operands };
}

/** A lone '-' is an operand. */
const isOption = (word: string): boolean => word.length > 1 && word.startsWith('-');

const unknown: Given = { letter: '?', value: '' };

function longOption(text: string, { long }: Grammar, next: () => string | undefined): Given {
  const [, name = '', joined] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
  const candidates = long.filter((option) => option.name.startsWith(name));
  const option =
    candidates.find((candidate) => candidate.name === name) ??
    (candidates.length === 1 ? candidates[0] : undefined);
  if (!option) return unknown;
  const value = joined ?? (option.argument === 'required' ? next() : '');
  return value === undefined ? unknown : { letter: option.letter, value };
}

/** The letters of one word, up to the one that takes the rest of the word, or the next word, as its argument. */
function shortOptions(letters: string, { short }: Grammar, next: () => string | undefined): Given[] {
  const [letter = '', ...more] = letters;
  if (letter === '') return [];
  const place = letter === ':' ? -1 : short.indexOf(letter);
  if (place < 0) return [unknown, ...shortOptions(more.join(''), { short, long: [] }, next)];
  if (short[place + 1] !== ':') {
    return [{ letter, value: '' }, ...shortOptions(more.join(''), { short, long: [] }, next)];
  }
  const value = more.length > 0 ? more.join('') : next();
  return [value === undefined ? unknown : { letter, value }];
}
