/** Command-line flags as Go's flag package reads them: `-name VALUE`, `--name=VALUE`; the first operand ends them. */

/** A flag: with a value, or a switch that needs none. */
export type FlagKind = 'value' | 'switch';

/** What a command line says, or what is wrong with it, in the package's words. */
export type Flags =
  | { readonly values: ReadonlyMap<string, string>; readonly operands: readonly string[] }
  | { readonly wrong: string };

/** Reads a command line. */
export function readFlags(words: readonly string[], known: Readonly<Record<string, FlagKind>>): Flags {
  const values = new Map<string, string>();
  const rest = [...words];
  for (;;) {
    const [word] = rest;
    if (word === undefined || !word.startsWith('-') || word === '-') return { values, operands: rest };
    rest.shift();
    if (word === '--') return { values, operands: rest };
    const [, name = '', given] = /^--?([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    if (name === '' || name.startsWith('-')) return { wrong: `bad flag syntax: ${word}` };
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (kind === undefined) {
      const isHelp = name === 'h' || name === 'help';
      return { wrong: isHelp ? 'flag: help requested' : `flag provided but not defined: -${name}` };
    }
    const value = given ?? (kind === 'switch' ? 'true' : rest.shift());
    if (value === undefined) return { wrong: `flag needs an argument: -${name}` };
    values.set(name, value);
  }
}
