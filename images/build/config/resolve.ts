/** The values in force: of each variable the one from the place that goes first. */
import { hostArch } from '../arch.ts';
import { archOf } from './checks.ts';
import { blame, type Given, type Layer } from './given.ts';

/** A variable's value, with all that was inserted. */
export interface Resolved {
  /** Where it is set; undefined: nowhere. */
  readonly given: Given | undefined;
  /** Whether a mistake, which is told, keeps it from being known. */
  readonly isBroken: boolean;
  readonly text: string;
  /** The words of a list. */
  readonly words: readonly string[];
}

/** By a variable's name, its value. */
export type InForce = (name: string) => Resolved;

/** The values of variables; of others, there is none. What cannot be inserted is told in `wrong`. */
export function resolveVariables(
  names: readonly string[],
  layers: readonly Layer[],
  wrong: string[],
): InForce {
  const values = new Map(names.map((name) => [name, resolveVariable(name, layers, wrong)]));
  return (name) => values.get(name) ?? { given: undefined, isBroken: false, text: '', words: [] };
}

/**
 * A variable's value. What it inserts are the values in force, so that PREFIX_UI=${PREFIX}/ui follows PREFIX
 * wherever that is set; where a value inserts itself, it is what the places below give it.
 *
 * @param layers from the last to the first that is asked
 * @param wrong told what cannot be inserted
 * @param inserting what is being resolved
 */
export function resolveVariable(
  name: string,
  layers: readonly Layer[],
  wrong: string[],
  inserting: readonly Given[] = [],
): Resolved {
  const given = layers
    .map((layer) => layer.given.get(name))
    .findLast((each) => each !== undefined && !inserting.includes(each));
  const known = { given, isBroken: false, text: '', words: [] };
  if (!given) return known;
  const { value } = given;
  if (!value) return { ...known, isBroken: true };
  const words = (value.kind === 'text' ? [value.word] : value.words).map((word) =>
    word.map((piece): Inserted => {
      if (piece.name === undefined) return { text: piece.text, isBare: false };
      const { text, why, isBroken } = insert(piece.name, layers, wrong, [...inserting, given]);
      const isBare = value.kind === 'list' && !piece.quoted;
      const isSplit = isBare && /[\s*?[\\]/.test(text);
      const whyNot = why ?? (isSplit ? 'has blanks or the like: put it in double quotes' : undefined);
      if (whyNot) wrong.push(blame(given, undefined, `$${piece.name} ${whyNot}`));
      return { text, isBare, isBroken: isBroken || whyNot !== undefined };
    }),
  );
  const joined = words
    // As in a shell, nothing is left of an empty value that is not in quotes.
    .filter((word) => value.kind === 'text' || word.some(({ text, isBare }) => text !== '' || !isBare))
    .map((word) => word.map(({ text }) => text).join(''));
  return {
    given,
    isBroken: words.flat().some((piece) => piece.isBroken),
    ...(value.kind === 'text' ? { text: joined.join(''), words: [] } : { text: '', words: joined }),
  };
}

/** A part of a word as it is then. */
interface Inserted {
  readonly text: string;
  /** Whether it is a variable's value that is not in quotes, in a list. */
  readonly isBare: boolean;
  readonly isBroken?: boolean;
}

/** The text of a variable that is inserted, and why it cannot be. */
function insert(
  name: string,
  layers: readonly Layer[],
  wrong: string[],
  inserting: readonly Given[],
): { text: string; isBroken: boolean; why?: string } {
  if (inserting.slice(0, -1).some((each) => each.name === name)) {
    return { text: '', isBroken: true, why: `inserts ${inserting.at(-1)?.name} in turn` };
  }
  const { text, given, isBroken } = resolveVariable(name, layers, wrong, inserting);
  if (given?.value?.kind === 'list') return { text, isBroken, why: 'is a list, which cannot be inserted' };
  // In BUILD_TAG=4.4.4-${ARCH}, the one that is built for.
  return { text: name === 'ARCH' ? (archOf(text) ?? hostArch() ?? '') : text, isBroken };
}
