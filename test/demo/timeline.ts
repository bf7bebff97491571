/**
 * What the demo prints: one line an event, with the time since the start and the node. Plain lines
 * go to a pipe or a file; on a terminal they are wrapped to its width, with a little colour and a
 * last line that tells what is waited for.
 */
import { styleText } from 'node:util';

/** How an event looks on a terminal: an aside, an ordinary one, one to look at, a warning, one that is wrong. */
export type Weight = 'aside' | 'plain' | 'key' | 'warning' | 'wrong';

const terminal = process.stdout.isTTY && process.env['TERM'] !== 'dumb';
const colour = terminal && !process.env['NO_COLOR'];

const weights = { aside: 'dim', plain: 'reset', key: 'bold', warning: 'yellow', wrong: 'red' } as const;

// The longest name of a node.
const nameWidth = 'maestro'.length;
const indent = ' '.repeat(8);
const widestParagraph = 100;

let statusShown = false;

/** Milliseconds since the demo was started. */
export const elapsedMs = (): number => performance.now();

/** One line of the timeline. */
export function event(node: string, text: string, weight: Weight = 'plain'): void {
  const time = elapsedMs().toFixed(0).padStart(6);
  const before = `${time}  ${node.padEnd(nameWidth)}  `;
  const [first = '', ...more] = wrap(text, width() - before.length);
  line(`${paint('dim', time)}  ${paintName(node.padEnd(nameWidth))}  ${paint(weights[weight], first)}`);
  for (const rest of more) line(' '.repeat(before.length) + paint(weights[weight], rest));
}

/** A line outside of the timeline. */
export function line(text = ''): void {
  clearStatus();
  process.stdout.write(`${text}\n`);
}

/** Some sentences outside of the timeline. */
export function paragraph(text: string, before = ''): void {
  for (const part of wrap(text, Math.min(widestParagraph, width()) - before.length)) line(before + part);
}

/** A remark below a table. */
export const remark = (text: string): void => paragraph(text, indent);

/** Rows with aligned columns, the first row being their headings; one below the other where they do not fit. */
export function table(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => lengthOf(row[column] ?? ''))),
  );
  const total = widths.reduce((sum, one) => sum + one + gap.length, -gap.length);
  line();
  if (total <= width()) drawTable(rows, widths, indent.length + total <= width() ? indent : '');
  else drawList(rows);
  line();
}

const gap = '   ';

function drawTable(rows: readonly (readonly string[])[], widths: readonly number[], before: string): void {
  for (const [at, row] of rows.entries()) {
    const [first = '', ...rest] = row.map(
      (cell, column) => cell + ' '.repeat((widths[column] ?? 0) - lengthOf(cell)),
    );
    const cells = [at === 0 ? first : paintName(first), ...rest].join(gap).trimEnd();
    line(before + (at === 0 ? paint('dim', cells) : cells));
  }
}

function drawList([headings = [], ...rows]: readonly (readonly string[])[]): void {
  for (const [first = '', ...rest] of rows) {
    line(paintName(first));
    for (const [at, cell] of rest.entries()) paragraph(`${headings[at + 1]}: ${cell}`, '  ');
  }
}

const lengthOf = (text: string): number => [...text].length;

/** Tells what is waited for: on a terminal in a last line that the next event replaces. */
export function waiting(text: string): void {
  if (!terminal) {
    event('demo', `${text} …`, 'aside');
    return;
  }
  clearStatus();
  const status = `${elapsedMs().toFixed(0).padStart(6)}  ${text} …`;
  // One that is wrapped by the terminal could not be cleared.
  process.stdout.write(paint('dim', [...status].slice(0, width() - 1).join('')));
  statusShown = true;
}

/** Keeps a terminal's last line alive while nothing happens; a pipe needs no such thing. */
export function idle(text: string): void {
  if (terminal) waiting(text);
}

function clearStatus(): void {
  if (statusShown) process.stdout.write('\r\x1b[K');
  statusShown = false;
}

/** How many letters a line has room for. */
const width = (): number =>
  terminal ? process.stdout.columns || Number.POSITIVE_INFINITY : Number.POSITIVE_INFINITY;

/** Breaks a text at blanks; a word that is too long stays whole. */
function wrap(text: string, room: number): string[] {
  if (lengthOf(text) <= room) return [text];
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(' ')) {
    const longer = current === '' ? word : `${current} ${word}`;
    // In less room than this, hanging lines are worse than the terminal's own wrapping.
    if (current !== '' && lengthOf(longer) > Math.max(room, 20)) {
      lines.push(current);
      current = word;
    } else {
      current = longer;
    }
  }
  return [...lines, current];
}

function paint(style: Parameters<typeof styleText>[0], text: string): string {
  return colour && style !== 'reset' ? styleText(style, text, { validateStream: false }) : text;
}

/** A node's name in the colour of its kind. */
function paintName(name: string): string {
  const kinds = {
    samp: 'green',
    agg: 'cyan',
    maestro: 'magenta',
    ui: 'blue',
    host: 'yellow',
    demo: 'dim',
  } as const;
  const kind = /^(?:samp|agg|maestro(?=\s*$)|ui(?=\s*$)|host|demo)/.exec(name)?.[0] as
    | keyof typeof kinds
    | undefined;
  return paint(kind ? kinds[kind] : 'reset', name);
}
