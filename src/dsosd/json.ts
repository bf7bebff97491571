/** JSON with the place of every value and with names that stand twice, of which JSON.parse tells neither. */

/** A value; `at` is its offset in the text. */
export type Json =
  | { readonly kind: 'object'; readonly at: number; readonly entries: readonly JsonEntry[] }
  | { readonly kind: 'text'; readonly at: number; readonly text: string }
  | { readonly kind: 'a list' | 'a number' | 'true' | 'false' | 'null'; readonly at: number };

/** A name with its value, as often as it stands there. */
export interface JsonEntry {
  readonly name: string;
  /** The name's offset in the text. */
  readonly at: number;
  readonly value: Json;
}

/** What keeps a text from being JSON, and the offset at which that shows. */
export interface NotJson {
  readonly wrong: string;
  readonly at: number;
}

/** Reads a text as RFC 8259 has it: no comments, no comma behind the last entry. */
export function readJson(text: string): Json | NotJson {
  const reading: Reading = { text, at: 0, depth: 0 };
  try {
    if (text.startsWith('\ufeff')) throw new Failure('a byte order mark, without which it must be saved', 0);
    skipBlanks(reading);
    const value = readValue(reading);
    if (reading.at < text.length) fail(reading, 'the end of the file');
    return value;
  } catch (error) {
    if (error instanceof Failure) return { wrong: error.message, at: error.at };
    throw error;
  }
}

/** A function that tells the line and column of an offset, both counted from 1. */
export function placesIn(text: string): (at: number) => { line: number; column: number } {
  const starts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  return (at) => {
    let line = 0;
    for (let beyond = starts.length; beyond - line > 1; ) {
      const middle = (line + beyond) >> 1;
      if ((starts[middle] ?? 0) <= at) line = middle;
      else beyond = middle;
    }
    return { line: line + 1, column: at - (starts[line] ?? 0) + 1 };
  };
}

interface Reading {
  readonly text: string;
  at: number;
  depth: number;
}

class Failure extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

// Each level is a call of ours; no text with more of them is meant.
const deepest = 100;

function readValue(reading: Reading): Json {
  const { at } = reading;
  const first = reading.text[at];
  if (first === '"') return { kind: 'text', at, text: readText(reading) };
  if (first === '{' || first === '[') {
    if (++reading.depth > deepest) throw new Failure(`nested deeper than ${deepest} levels`, at);
    const entries = first === '{' ? readList(reading, '}', readEntry) : undefined;
    if (!entries) readList(reading, ']', readValue);
    reading.depth--;
    return entries ? { kind: 'object', at, entries } : { kind: 'a list', at };
  }
  const word = take(
    reading,
    /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)/y,
  );
  if (word === undefined) fail(reading, 'a value');
  const kind = word === 'true' || word === 'false' || word === 'null' ? word : 'a number';
  return { kind, at };
}

/** The items between brackets, which are read up to the closing one. */
function readList<T>(reading: Reading, close: '}' | ']', readItem: (reading: Reading) => T): T[] {
  const items: T[] = [];
  const { text } = reading;
  step(reading);
  while (text[reading.at] !== close) {
    items.push(readItem(reading));
    if (text[reading.at] === close) break;
    if (text[reading.at] !== ',') fail(reading, `a comma or ${close}`);
    const comma = reading.at;
    step(reading);
    if (text[reading.at] === close) throw new Failure(`there must be no comma before ${close}`, comma);
  }
  step(reading);
  return items;
}

function readEntry(reading: Reading): JsonEntry {
  const { at, text } = reading;
  if (text[at] !== '"') fail(reading, 'a name in double quotes');
  const name = readText(reading);
  if (text[reading.at] !== ':') fail(reading, `a colon after ${JSON.stringify(name)}`);
  step(reading);
  return { name, at, value: readValue(reading) };
}

function readText(reading: Reading): string {
  const { at } = reading;
  const quoted = take(reading, /"(?:[^"\\\n]|\\.)*"/y);
  if (quoted === undefined) throw new Failure('this text has no closing double quote in its line', at);
  try {
    return JSON.parse(quoted) as string;
  } catch {
    const what = 'a tab or another control character, or a backslash that says nothing: write \\t, or \\\\';
    throw new Failure(`this text holds ${what}`, at);
  }
}

/** Takes what a sticky pattern matches here, and the blanks after it. */
function take(reading: Reading, sticky: RegExp): string | undefined {
  sticky.lastIndex = reading.at;
  const [found] = sticky.exec(reading.text) ?? [];
  if (found === undefined) return undefined;
  reading.at += found.length;
  skipBlanks(reading);
  return found;
}

function step(reading: Reading): void {
  reading.at++;
  skipBlanks(reading);
}

function skipBlanks(reading: Reading): void {
  while (/[ \t\r\n]/.test(reading.text[reading.at] ?? '')) reading.at++;
}

function fail({ text, at }: Reading, expected: string): never {
  const rest = text.slice(at);
  const found = /^[\w.+-]+|^./su.exec(rest)?.[0];
  if (found === undefined) throw new Failure(`the file ends where ${expected} is expected`, at);
  if (/^(\/[/*]|#)/.test(rest)) throw new Failure('JSON knows no comments; take it away', at);
  throw new Failure(`${expected} is expected here, not ${found}`, at);
}
