/**
 * The part of bash's language that a configuration file needs: `NAME=value` with quotes, backslashes and
 * the names of other variables, and `NAME=( word … )`. All else of a shell is a mistake, so that what is
 * read here means the same to bash (bash(1): QUOTING, PARAMETERS, EXPANSION, Arrays).
 */

/** Where something stands in a text; both count from 1, the column in characters. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A part of a word: text as it is, or a variable's value. */
export type Piece =
  | { readonly text: string; readonly name?: undefined }
  | { readonly name: string; readonly at: Place; readonly quoted: boolean };
export type Word = readonly Piece[];

export interface Mistake {
  readonly at: Place;
  readonly what: string;
}

/** `NAME=value` or `NAME=( word … )`. */
export interface Assignment {
  readonly name: string;
  readonly at: Place;
  /** Undefined if there is a mistake in it. */
  readonly value: Value | undefined;
}

export type Value =
  | { readonly kind: 'text'; readonly word: Word }
  | { readonly kind: 'list'; readonly words: readonly Word[] };

/** Where reading is, and what was wrong on the way. */
interface Reader {
  readonly text: string;
  at: number;
  /** Whether that is behind `NAME=(`. */
  inList: boolean;
  readonly mistakes: { offset: number; what: string }[];
}

/** Reads a file's text: what is set in it, and all that is no part of the language. */
export function readAssignments(text: string): {
  readonly assignments: readonly Assignment[];
  readonly mistakes: readonly Mistake[];
} {
  // Told once, and then read as if it were not so.
  const control = /[^\P{Cc}\t\n]/gu;
  const strange = text.search(control);
  const what =
    text[strange] === '\r'
      ? 'the line ends as in Windows, with CR: dos2unix'
      : 'a control character is no text';
  const reader: Reader = { text: text.replaceAll(control, ''), at: 0, inList: false, mistakes: [] };
  if (strange >= 0) note(reader, strange, what);
  const assignments: Assignment[] = [];
  while (reader.at < reader.text.length) {
    pass(reader, /[ \t]+/y);
    if (!pass(reader, comment) && !isAtEnd(reader)) {
      const assignment = readAssignment(reader);
      if (assignment) assignments.push(assignment);
    }
    pass(reader, /\n/y);
  }
  return { assignments, mistakes: mistakesOf(reader) };
}

/** Reads words as they stand between the brackets of `NAME=( word … )`. */
export function readWords(text: string): {
  readonly words: readonly Word[];
  readonly mistakes: readonly Mistake[];
} {
  const reader: Reader = { text, at: 0, inList: true, mistakes: [] };
  const words: Word[] = [];
  while (reader.at < text.length) words.push(...readListWord(reader));
  return { words, mistakes: mistakesOf(reader) };
}

/** The names of the variables that a value inserts, and where. */
export function namesIn(value: Value) {
  const words = value.kind === 'list' ? value.words : [value.word];
  return words.flatMap((word) => word.filter((piece) => piece.name !== undefined));
}

/** A text as a word that means just that. */
export const literal = (text: string): Word => [{ text }];

/** A word as a shell has to be given it. */
export function quote(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  // `NAME='a b'` is easier to read than `'NAME=a b'`.
  const [, name = '', value = word] = /^([\w-]+=)(.+)$/s.exec(word) ?? [];
  return `${name}'${value.replaceAll("'", "'\\''")}'`;
}

/** Reads `NAME=…` to the end of its line; undefined if the line is something else. */
function readAssignment(reader: Reader): Assignment | undefined {
  const before = reader.mistakes.length;
  const line = reader.text.slice(reader.at, endOfLine(reader));
  const start = reader.at + (/^export[ \t]+/.exec(line)?.[0].length ?? 0);
  const [, name] = pass(reader, /(?:export[ \t]+)?([A-Za-z_]\w*)=/y) ?? [];
  if (name === undefined) {
    const spaced = /^(export[ \t]+)?[A-Za-z_]\w*[ \t]+=/.test(line);
    wrong(
      reader,
      spaced ? 'no blanks may stand around "="' : `only NAME=value is understood, not ${brief(line)}`,
    );
    return undefined;
  }
  const value: Value = pass(reader, /\(/y) ? readList(reader) : { kind: 'text', word: readWord(reader) };
  if (pass(reader, /[ \t]+/y)) pass(reader, comment);
  if (!isAtEnd(reader)) {
    wrong(reader, 'a value with blanks has to stand in quotes, and the next one in a line of its own');
  }
  const isWhole = reader.mistakes.length === before;
  return { name, at: placeOf(reader.text, start), value: isWhole ? value : undefined };
}

/** Reads what stands behind `NAME=(`, and the bracket that closes it. */
function readList(reader: Reader): Value {
  const start = reader.at - 1;
  const words: Word[] = [];
  reader.inList = true;
  while (!pass(reader, /\)/y)) {
    if (reader.at >= reader.text.length) {
      note(reader, start, 'the bracket is not closed');
      break;
    }
    words.push(...readListWord(reader));
  }
  reader.inList = false;
  return { kind: 'list', words };
}

/** Passes blanks, lines and a comment, and reads a word, if there is one. */
function readListWord(reader: Reader): Word[] {
  pass(reader, /(?:[ \t\n]|\\\n)+/y);
  if (pass(reader, comment) || reader.text[reader.at] === ')') return [];
  const word = readWord(reader);
  // There is none at the end, nor where one is wrong.
  return word.length > 0 ? [word] : [];
}

/** What ends a word, with quotes around, has no meaning of its own. */
const special = /[;&|<>()]/;

/** Reads to the blank, line end or bracket behind a word. */
function readWord(reader: Reader): Word {
  const { text, inList } = reader;
  const pieces: Piece[] = [];
  while (reader.at < text.length) {
    const char = text[reader.at] ?? '';
    if (/[ \t\n]/.test(char) || (inList && char === ')')) break;
    if (char === "'") {
      pieces.push(readSingle(reader));
    } else if (char === '"') {
      pieces.push(...readDouble(reader));
    } else if (char === '\\') {
      if (!pass(reader, /\\\n/y)) pieces.push(readEscaped(reader));
    } else if (char === '$') {
      pieces.push(...readReference(reader, 'bare'));
    } else if (char === '`') {
      wrong(reader, noCommands);
    } else if (special.test(char)) {
      wrong(reader, `${char} has a meaning to a shell: put it in quotes`);
    } else if (inList && /[*?[{]/.test(char)) {
      wrong(reader, `${char} may stand for other words to a shell: put it in quotes`);
    } else if (char === '~' && /^[=:\s(]?$/.test(text[reader.at - 1] ?? '')) {
      wrong(reader, 'write the path in full in place of "~"');
    } else {
      pieces.push({ text: char });
      reader.at += 1;
    }
  }
  return joined(pieces);
}

function readSingle(reader: Reader): Piece {
  const [, text] = pass(reader, /'([^']*)'/y) ?? [];
  if (text !== undefined) return { text };
  note(reader, reader.at, notClosed);
  reader.at = reader.text.length;
  return { text: '' };
}

/** Reads between double quotes; nothing between them is text all the same. */
function readDouble(reader: Reader): Piece[] {
  const pieces: Piece[] = [{ text: '' }];
  const start = reader.at;
  reader.at += 1;
  while (!pass(reader, /"/y)) {
    const [plain] = pass(reader, /[^"\\$`]+/y) ?? [];
    if (plain !== undefined) {
      pieces.push({ text: plain });
    } else if (pass(reader, /\\\n/y)) {
      // The line goes on.
    } else if (/\\["\\$`]/y.test(reader.text.slice(reader.at, reader.at + 2))) {
      pieces.push(readEscaped(reader));
    } else if (reader.text[reader.at] === '\\') {
      pieces.push({ text: '\\' });
      reader.at += 1;
    } else if (reader.text[reader.at] === '$') {
      pieces.push(...readReference(reader, 'quoted'));
    } else if (reader.text[reader.at] === '`') {
      note(reader, reader.at, noCommands);
      reader.at += 1;
    } else {
      note(reader, start, notClosed);
      break;
    }
  }
  return pieces;
}

/** A backslash, and the character that it takes the meaning from. */
function readEscaped(reader: Reader): Piece {
  const [, text] = pass(reader, /\\(.)/suy) ?? [];
  if (text !== undefined) return { text };
  wrong(reader, 'a backslash has to stand before something');
  return { text: '' };
}

/** `$NAME` or `${NAME}`. */
function readReference(reader: Reader, where: 'bare' | 'quoted'): Piece[] {
  const start = reader.at;
  // To a shell, a name goes on in the next line: $NA\<newline>ME.
  const [, bare, braced] = pass(reader, /\$(?:([A-Za-z_]\w*)(?!\\\n|\w)|\{([A-Za-z_]\w*)\})/y) ?? [];
  const name = bare ?? braced;
  if (name !== undefined) return [{ name, at: placeOf(reader.text, start), quoted: where === 'quoted' }];
  const [next = ''] = /[({\w]/.exec(reader.text[start + 1] ?? '') ?? [];
  const onlyNames = 'only $NAME and ${NAME} are understood';
  note(reader, start, next === '(' ? noCommands : next ? onlyNames : 'the character $ itself is written \\$');
  // In quotes, reading goes on, so that the closing one is found.
  reader.at = start + 1;
  if (where === 'bare') leaveLine(reader);
  return [];
}

const noCommands = 'commands are not run here: write what this one prints';
const notClosed = 'the quote is not closed';

/** Neighbouring texts as one. */
function joined(pieces: readonly Piece[]): Word {
  const word: Piece[] = [];
  for (const piece of pieces) {
    const last = word.at(-1);
    if (last && last.name === undefined && piece.name === undefined)
      word[word.length - 1] = { text: last.text + piece.text };
    else word.push(piece);
  }
  return word;
}

/** Passes what a sticky pattern matches. */
function pass(reader: Reader, pattern: RegExp): RegExpExecArray | undefined {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text);
  if (!found) return undefined;
  reader.at += found[0].length;
  return found;
}

const comment = /#[^\n]*/y;

const isAtEnd = (reader: Reader): boolean => reader.at === endOfLine(reader);

const endOfLine = ({ text, at }: Reader): number => {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
};

/** Tells that what comes now is wrong, and leaves the rest of the line out. */
function wrong(reader: Reader, what: string): void {
  note(reader, reader.at, what);
  leaveLine(reader);
}

/** Passes the rest of the line, but not the bracket in it that closes a list. */
function leaveLine(reader: Reader): void {
  const end = endOfLine(reader);
  const [rest = ''] = reader.text.slice(reader.at, end).split(/\s#/);
  let open = 0;
  for (let at = reader.at; reader.inList && at < reader.at + rest.length; at += 1) {
    if (reader.text[at] === '(') open += 1;
    if (reader.text[at] === ')') open -= 1;
    if (open >= 0) continue;
    reader.at = at;
    return;
  }
  reader.at = end;
}

const note = (reader: Reader, offset: number, what: string): void =>
  void reader.mistakes.push({ offset, what });

/** By place, and of each line the first: what comes after it may be wrong for its sake only. */
function mistakesOf({ text, mistakes }: Reader): readonly Mistake[] {
  const inOrder = mistakes
    .toSorted((a, b) => a.offset - b.offset)
    .map(({ offset, what }) => ({ at: placeOf(text, offset), what }));
  return inOrder.filter(({ at }, index) => inOrder[index - 1]?.at.line !== at.line);
}

function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: [...(before.at(-1) ?? '')].length + 1 };
}

const brief = (line: string): string => JSON.stringify(line.length > 40 ? `${line.slice(0, 40)}…` : line);
