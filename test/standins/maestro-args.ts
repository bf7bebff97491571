/** The command lines of maestro and maestro_ctrl as Python's argparse reads them, and how the two end. */

/** The program ends: with a status, and with a line on stderr if there is something to say. */
export class Ending extends Error {
  readonly status: number;
  constructor(status: number, line = '') {
    super(line);
    this.status = status;
  }
}

/** Runs a program's body; however that ends, so does the process. Returns only for a body that serves. */
export async function play(body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof Ending)) throw error;
    if (error.message !== '') complain(error.message);
    process.exit(error.status);
  }
}

/** Writes a line to stderr. */
export function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** An option `--name`; one without `metavar` takes no value. */
export interface Option {
  readonly name: string;
  readonly metavar?: string;
  readonly required?: boolean;
}

/**
 * Reads a command line: `--name value`, `--name=value`, and names cut short where that is not ambiguous.
 *
 * @returns the values by name; those of options without a value are empty
 * @throws Ending with status 2 after the usage, or 0 for `--help`
 */
export function parseArguments(
  program: string,
  options: readonly Option[],
  words: readonly string[],
): Map<string, string> {
  const usage = usageOf(program, options);
  const wrong = (why: string) => new Ending(2, `${usage}\n${program}: error: ${why}`);
  const values = new Map<string, string>();
  const strangers: string[] = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '-h') throw helped(program, usage);
    const [, cut = '', joined] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const candidates = candidatesFor(cut, options);
    const [option] = candidates;
    if (candidates.length > 1) {
      const names = candidates.map(({ name }) => `--${name}`).join(', ');
      throw wrong(`ambiguous option: --${cut} could match ${names}`);
    }
    if (!option) {
      strangers.push(word);
    } else if (option.name === 'help') {
      throw helped(program, usage);
    } else if (option.metavar === undefined) {
      if (joined !== undefined)
        throw wrong(`argument --${option.name}: ignored explicit argument '${joined}'`);
      values.set(option.name, '');
    } else {
      const value = joined ?? (isOption(rest[0]) ? undefined : rest.shift());
      if (value === undefined) throw wrong(`argument --${option.name}: expected one argument`);
      values.set(option.name, value);
    }
  }
  const lacking = options.filter(({ name, required }) => required && !values.has(name));
  if (lacking.length > 0) {
    throw wrong(`the following arguments are required: ${lacking.map(({ name }) => `--${name}`).join(', ')}`);
  }
  if (strangers.length > 0) throw wrong(`unrecognized arguments: ${strangers.join(' ')}`);
  return values;
}

function candidatesFor(cut: string, options: readonly Option[]): readonly Option[] {
  if (cut === '') return [];
  const all = [{ name: 'help' }, ...options];
  const exact = all.find(({ name }) => name === cut);
  return exact ? [exact] : all.filter(({ name }) => name.startsWith(cut));
}

/** A lone '-' and a negative number are values. */
const isOption = (word: string | undefined): boolean =>
  word !== undefined && /^-./.test(word) && !/^-\d+$/.test(word);

function usageOf(program: string, options: readonly Option[]): string {
  const words = options.map(({ name, metavar, required }) => {
    const word = metavar === undefined ? `--${name}` : `--${name} ${metavar}`;
    return required ? word : `[${word}]`;
  });
  return `usage: ${program} [-h] ${words.join(' ')}`;
}

function helped(program: string, usage: string): Ending {
  process.stdout.write(`${usage}\n\nA stand-in, not the real ${program}.\n`);
  return new Ending(0);
}
