/** What one place sets of the variables: a file, the environment or the command line. */
import leven from 'leven';
import { told } from './checks.ts';
import { literal, type Mistake, type Place, readWords, type Value } from './shell.ts';
import type { Variable } from './variables.ts';

/** A variable as one place sets it. */
export interface Given {
  readonly name: string;
  /** Undefined: there is a mistake in it, which is told. */
  readonly value: Value | undefined;
  readonly origin: Origin;
  /** What a relative path is relative to. */
  readonly directory: string;
}

/** Where a value is from; a file by the name that the user knows it by. */
export type Origin =
  | { readonly kind: 'file'; readonly file: string; readonly at: Place }
  | { readonly kind: 'environment' }
  | { readonly kind: 'option'; readonly option: string };

/** All that one place sets, by name, and the sentences about what is wrong there. */
export interface Layer {
  readonly given: ReadonlyMap<string, Given>;
  readonly wrong: readonly string[];
}

/** An origin for people: `images/config.env:12`, `environment` or `--ovis-branch`. */
export function tellOrigin(origin: Origin): string {
  if (origin.kind === 'file') return `${origin.file}:${origin.at.line}`;
  return origin.kind === 'environment' ? 'environment' : `--${origin.option}`;
}

/** A sentence about a value: where it is set, what it is, and what is wrong with it. */
export function blame(
  { name, origin }: Pick<Given, 'name' | 'origin'>,
  value: string | undefined,
  why: string,
): string {
  const shown = value === undefined ? '' : told(value);
  if (origin.kind === 'option') return `--${origin.option}${shown && ` ${shown}`}: ${why}`;
  const assigned = value === undefined ? name : `${name}=${shown}`;
  if (origin.kind === 'environment') return `${assigned} (environment): ${why}`;
  return `${positionOf(origin.file, origin.at)}: ${assigned}: ${why}`;
}

/** `site.env:3:1` */
export const positionOf = (file: string, { line, column }: Place): string => `${file}:${line}:${column}`;

/** What the environment or the command line gives a variable; its mistakes are told in `wrong`. */
export function givenText(
  { name, kind }: Variable,
  text: string,
  origin: Origin,
  directory: string,
  wrong: string[],
): Given {
  const given = { name, value: undefined, origin, directory };
  if (kind === 'text') return { ...given, value: { kind, word: literal(text) } };
  const { words, mistakes } = readWords(text);
  if (mistakes.length === 0) return { ...given, value: { kind, words } };
  wrong.push(...mistakes.map((mistake) => blame(given, undefined, tellMistake(mistake))));
  return given;
}

/** A mistake in a text that has no file. */
export const tellMistake = ({ at, what }: Mistake): string =>
  `${at.line > 1 ? `line ${at.line}, ` : ''}character ${at.column}: ${what}`;

/** The known name that was probably meant, if there is one that is at most two letters off. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const near = known.map((each) => ({ each, off: leven(each, name) })).filter(({ off }) => off <= 2);
  return near.sort((a, b) => a.off - b.off)[0]?.each;
}

/** What to add to a sentence about an unknown name. */
export const didYouMean = (near: string | undefined): string => (near ? `; did you mean ${near}?` : '');
