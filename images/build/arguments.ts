/** The words behind `npm run images --`, sorted: command, names, options; what they mean comes later. */
import { parseArgs } from 'node:util';
import { type CommandName, commandNames, type Option, options } from './commands.ts';
import { nearest } from './config/given.ts';

/** What is on the command line. */
export interface Arguments {
  /** Undefined: there is none of that name. */
  readonly command: CommandName | undefined;
  /** The word in the command's place. */
  readonly firstWord: string | undefined;
  readonly names: readonly string[];
  /** By option, its value; of an option that takes none, the empty text. */
  readonly values: ReadonlyMap<string, string>;
  readonly wantsHelp: boolean;
  readonly wrong: readonly string[];
}

const byName = new Map(options.map((option) => [option.name, option]));

/** Sorts the words; all that is wrong by itself is told. */
export function readArguments(words: readonly string[]): Arguments {
  const { tokens } = parseArgs({
    args: [...words],
    options: {
      help: { type: 'boolean', short: 'h' },
      ...Object.fromEntries(options.map(({ name, takes }) => [name, { type: takes ? 'string' : 'boolean' }])),
    },
    strict: false,
    tokens: true,
  });
  const positionals: string[] = [];
  const values = new Map<string, string>();
  // A set: each letter of `-tag` is an option of its own, and three times an option is twice told.
  const wrong = new Set<string>();
  const skipped = new Set<number>();
  let wantsHelp = false;
  for (const token of tokens) {
    if (token.kind === 'positional' && !skipped.has(token.index)) positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, value, inlineValue, index } = token;
    const option = token.rawName.startsWith('--') ? byName.get(name) : undefined;
    if (name === 'help') {
      wantsHelp = true;
    } else if (!option) {
      const stranger = (words[index] ?? '').replace(/=.*/s, '');
      const near = meant(stranger);
      wrong.add(`there is no option ${stranger}${near ? `; did you mean --${near.name}?` : ''}`);
      // Its value is no word of its own.
      if (near?.takes && !words[index]?.includes('=')) skipped.add(index + 1);
    } else if (!option.takes) {
      if (inlineValue) wrong.add(`--${name} takes no value`);
      values.set(name, '');
    } else {
      const sentence = wrongValue(option, value, inlineValue === true);
      if (sentence) wrong.add(sentence);
      else if (values.has(name)) wrong.add(`--${name} is given twice`);
      values.set(name, sentence ? '' : (value ?? ''));
    }
  }
  const [firstWord, ...names] = positionals;
  const command = commandNames.find((each) => each === firstWord);
  return { command, firstWord, names, values, wantsHelp, wrong: [...wrong] };
}

/** A value that is missing; one that is empty, where that means nothing; or another option in its place. */
function wrongValue(
  { name, variable }: Option,
  value: string | undefined,
  isInline: boolean,
): string | undefined {
  // What `configure` is given begins with dashes.
  const isOption =
    !isInline &&
    value?.startsWith('-') &&
    (variable?.kind !== 'list' || byName.has(value.replace(/^--|=.*/gs, '')));
  const isEmpty = value === '' && !variable?.emptyCounts;
  return value === undefined || isOption || isEmpty ? `--${name} needs a value` : undefined;
}

/** The option that was probably meant by a word, or is known by another name as a variable. */
function meant(stranger: string): Option | { readonly name: 'help'; readonly takes: '' } | undefined {
  const name = stranger.replace(/^-+/, '');
  const byVariable = options.find(
    ({ variable }) => variable?.name === name.toUpperCase().replaceAll('-', '_'),
  );
  const near = byVariable?.name ?? nearest(name, [...byName.keys(), 'help']);
  return near === 'help' ? { name: near, takes: '' } : near === undefined ? undefined : byName.get(near);
}
