/**
 * A YAML document as a tree of values with their places, aliases and merge keys resolved. What
 * stands behind an alias is shared and not copied, so that a document of aliases stays small.
 */

/** Any value. `at` is an offset into the text: for an alias, where the alias stands. */
export type Value = Scalar | List | Mapping;

/** A single value. */
export interface Scalar {
  readonly kind: 'scalar';
  readonly at: number;
  readonly value: string | number | boolean | null;
  /** As maestro_ctrl turns it into a text, which is Python's `str`. */
  readonly text: string;
  /** As it is written, without quotes. */
  readonly source: string;
}

/** A sequence. */
export interface List {
  readonly kind: 'list';
  readonly at: number;
  readonly items: readonly Value[];
}

/** A mapping. */
export interface Mapping {
  readonly kind: 'mapping';
  readonly at: number;
  readonly entries: ReadonlyMap<string, Entry>;
}

/** A key's place and its value. */
export interface Entry {
  readonly at: number;
  readonly value: Value;
  /** Something in the value is an anchor. */
  readonly anchored: boolean;
}

const booleans = new Map<string, boolean>(
  ['yes', 'true', 'on', 'no', 'false', 'off'].flatMap((word, at) =>
    [word, word.toUpperCase(), `${word.charAt(0).toUpperCase()}${word.slice(1)}`].map(
      (spelled) => [spelled, at < 3] as const,
    ),
  ),
);
const nothings = new Set(['', '~', 'null', 'Null', 'NULL']);

const integer = /^[-+]?(?:0b[01_]+|0x[\da-fA-F_]+|0[0-7_]*|[1-9][\d_]*(?::[0-5]?\d)*)$/;
const float = /^(?:[-+]?\d[\d_]*\.[\d_]*|\.\d[\d_]*)(?:[eE][-+]\d+)?$/;
const special = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;

/**
 * A plain (unquoted) scalar as PyYAML's safe_load reads it, by YAML 1.1: `yes` and `off` are
 * booleans, `0777` is octal, `1:30` is 90, `1e3` is a text. Dates stay texts.
 */
export function readPlain(source: string, at: number): Scalar {
  const scalar = (value: Scalar['value'], text: string): Scalar => ({
    kind: 'scalar',
    at,
    value,
    text,
    source,
  });
  if (nothings.has(source)) return scalar(null, 'None');
  const boolean = booleans.get(source);
  if (boolean !== undefined) return scalar(boolean, boolean ? 'True' : 'False');
  if (integer.test(source)) {
    const value = readInteger(source.replaceAll('_', ''));
    // A long number is exact in Python and not here; as a text it is what is written.
    return scalar(value, Number.isSafeInteger(value) ? `${value}` : source);
  }
  if (float.test(source)) {
    const value = Number(source.replaceAll('_', ''));
    return scalar(value, Number.isInteger(value) ? value.toFixed(1) : `${value}`);
  }
  if (special.test(source)) return scalar(Number.NaN, source);
  return scalar(source, source);
}

/** A quoted or block scalar: always a text. */
export const readQuoted = (source: string, at: number): Scalar => ({
  kind: 'scalar',
  at,
  value: source,
  text: source,
  source,
});

function readInteger(source: string): number {
  const sign = source.startsWith('-') ? -1 : 1;
  const digits = source.replace(/^[-+]/, '');
  if (/^0[bx]/.test(digits)) return sign * Number(digits);
  if (digits.length > 1 && digits.startsWith('0')) return sign * Number.parseInt(digits, 8);
  return sign * digits.split(':').reduce((whole, part) => whole * 60 + Number(part), 0);
}
