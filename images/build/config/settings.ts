/** `config`: the variables, their values in force, and where these are set. */
import { tellOrigin } from './given.ts';
import type { InForce } from './resolve.ts';
import { quote } from './shell.ts';
import { variables } from './variables.ts';

/** A variable, for people. */
export interface Setting {
  readonly name: string;
  /** Its value in force: of a list, its words as a shell has to be given them. */
  readonly value: string;
  /** Where that is set: `images/config.env:12`, `environment`, `--ovis-branch`. */
  readonly from: string;
}

/**
 * Every variable, for people.
 *
 * @param meant what those that may be empty stand for then, or else are in full
 */
export function settingsOf(of: InForce, meant: Readonly<Record<string, string>>): readonly Setting[] {
  return variables.map(({ name, kind, empty }) => {
    const { given, text, words } = of(name);
    const value = meant[name] ?? (kind === 'list' ? words.map(quote).join(' ') : text);
    return { name, value: value || `(${empty ?? ''})`, from: given ? tellOrigin(given.origin) : 'nowhere' };
  });
}

/** A row for each; the values come last, since lists are long. */
export function showSettings(settings: readonly Setting[]): string {
  const rows = [{ name: 'VARIABLE', from: 'SET IN', value: 'VALUE' }, ...settings];
  const widthOf = (column: 'name' | 'from') => Math.max(...rows.map((row) => row[column].length));
  const [names, froms] = [widthOf('name'), widthOf('from')];
  return rows
    .map(({ name, from, value }) => `${name.padEnd(names)}  ${from.padEnd(froms)}  ${value}\n`)
    .join('');
}
