/** Reads mappings key by key: is it there, is it known, is it of the right kind? */
import type { Notes } from './notes.ts';
import type { Mapping, Value } from './value.ts';
import { either, guess, nearest, quote } from './words.ts';

/** Which keys an entry takes. */
export interface Shape {
  /** What the entry is called: "endpoints entry". */
  readonly what: string;
  /** The keys that must be there, each with an example. */
  readonly required: Readonly<Record<string, string>>;
  readonly optional: readonly string[];
  /** Other keys are passed on to ldmsd, so that only a near miss is worth a word. */
  readonly open?: true;
}

/** A mapping whose keys were checked. */
export interface Fields {
  readonly at: number;
  readonly what: string;
  readonly get: (key: string) => Value | undefined;
}

/** What a value is, for people. */
export function describe(value: Value): string {
  if (value.kind !== 'scalar') return `a ${value.kind}`;
  if (value.value === null) return 'empty';
  return typeof value.value === 'boolean'
    ? `${quote(value.source)}, which means ${value.value} in YAML`
    : quote(value.source);
}

/** Whether a value is missing as far as maestro_ctrl can see. */
export const isEmpty = (value: Value): boolean => value.kind === 'scalar' && value.value === null;

// An entry takes about as long as ten names of a host list.
const entryWork = 10;

/**
 * Checks that a value is a mapping with the keys of `shape`.
 *
 * A required key that is missing while a near miss of it is there is one mistake, and is then read
 * from the near miss.
 *
 * @param name the key that the value belongs to, for when it is no mapping
 */
export function openFields(value: Value, name: string, shape: Shape, notes: Notes): Fields | undefined {
  notes.spend(entryWork);
  if (value.kind !== 'mapping') {
    const example = Object.values(shape.required)[0];
    const write = example ? `; write keys such as ${example}` : '';
    notes.mistake(value.at, `${name}: must be a mapping, and is ${describe(value)}${write}`);
    return undefined;
  }
  const meant = missingKeys(value, shape, notes);
  reportUnknown(value, shape, new Set(meant.values()), notes);
  return {
    at: value.at,
    what: shape.what,
    get: (key) => value.entries.get(meant.get(key) ?? key)?.value,
  };
}

/** Tells which required keys are missing, and finds those that are only misspelt. */
function missingKeys({ entries, at }: Mapping, shape: Shape, notes: Notes): Map<string, string> {
  const missing = Object.keys(shape.required).filter((key) => !entries.has(key));
  const meant = new Map<string, string>();
  for (const key of missing) {
    const unknown = [...entries.keys()].filter((name) => !isKnown(name, shape));
    const near = unknown.find((name) => nearest(name, missing) === key);
    if (near === undefined) {
      notes.mistake(at, `${shape.what} has no ${key}; write ${shape.required[key]}`);
    } else {
      meant.set(key, near);
      notes.mistake(entries.get(near)?.at ?? at, `${shape.what} has no ${key}; is ${near} meant to be it?`);
    }
  }
  return meant;
}

function reportUnknown({ entries }: Mapping, shape: Shape, taken: ReadonlySet<string>, notes: Notes): void {
  for (const [key, { at }] of entries) {
    if (isKnown(key, shape) || taken.has(key)) continue;
    const free = [...Object.keys(shape.required), ...shape.optional].filter((known) => !entries.has(known));
    const meant = guess(key, free);
    if (meant || !shape.open)
      notes.warning(at, `${shape.what} has the unknown key ${quote(key)}${meant || '; it has no effect'}`);
  }
}

const isKnown = (key: string, { required, optional }: Shape): boolean =>
  Object.hasOwn(required, key) || optional.includes(key);

/** The items of a list; a value that is none is a mistake, and an absent one has no items. */
export function readList(
  value: Value | undefined,
  name: string,
  notes: Notes,
  hint = 'begin each of its entries with "-"',
): readonly Value[] {
  if (value?.kind === 'list') return value.items;
  if (value) notes.mistake(value.at, `${name}: must be a list, and is ${describe(value)}; ${hint}`);
  return [];
}

/** A text or number as a text; anything else is a mistake. */
export function readText(value: Value | undefined, name: string, notes: Notes): string | undefined {
  if (value === undefined) return undefined;
  if (value.kind === 'scalar' && (typeof value.value === 'string' || typeof value.value === 'number')) {
    return value.text;
  }
  const quoted = value.kind === 'scalar' && typeof value.value === 'boolean';
  const remedy = quoted ? `; quote it: ${quote(value.source)}` : '; write one word';
  notes.mistake(value.at, `${name}: must be a text, and is ${describe(value)}${remedy}`);
  return undefined;
}

/** A text that should be one of a few; another is a warning. */
export function readWord(
  value: Value | undefined,
  name: string,
  known: readonly string[],
  notes: Notes,
): string | undefined {
  const text = readText(value, name, notes);
  if (value && text !== undefined && !known.includes(text)) {
    const meant = guess(text, known);
    notes.warning(
      value.at,
      `${name}: ${quote(text)} is not known${meant || `; it is usually ${either(known)}`}`,
    );
  }
  return text;
}

/**
 * A flag as maestro_ctrl reads one (parse_yaml_bool): true, or a text that says so in one of two
 * spellings; anything else is false, without a word.
 */
export function readFlag(value: Value | undefined, name: string, notes: Notes): boolean {
  if (value === undefined) return false;
  if (value.kind === 'scalar') {
    if (value.value === true || value.value === 'true' || value.value === 'True') return true;
    if (value.value === false || value.value === 'false' || value.value === 'False') return false;
  }
  notes.warning(value.at, `${name}: is ${describe(value)}, which counts as false; write True or False`);
  return false;
}

/** A number whose leading zero or colons make it another: 0411 is 265. */
export function warnMisread(value: Value, name: string, notes: Notes): void {
  if (value.kind !== 'scalar' || typeof value.value !== 'number') return;
  if (!/^[-+]?0[\d_]+$|:/.test(value.source)) return;
  notes.warning(
    value.at,
    `${name}: ${value.source} means ${value.text} in YAML; write "${value.source}" with quotes, or ${value.text}`,
  );
}
