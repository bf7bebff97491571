/**
 * What the demo prints: one line an event, with the time since the start and the node. Plain lines
 * go to a pipe or a file; on a terminal a little colour and a last line that tells what is waited for.
 */
import { styleText } from 'node:util';

/** How an event looks on a terminal: an aside, an ordinary one, one to look at, a warning, one that is wrong. */
export type Weight = 'aside' | 'plain' | 'key' | 'warning' | 'wrong';

const terminal = process.stdout.isTTY && process.env['TERM'] !== 'dumb';
const colour = terminal && !process.env['NO_COLOR'];

const nodeColours = ['cyan', 'green', 'magenta', 'yellow', 'blue'] as const;
const coloured = new Map<string, (typeof nodeColours)[number]>();
const weights = { aside: 'dim', plain: 'reset', key: 'bold', warning: 'yellow', wrong: 'red' } as const;

let statusShown = false;

/** Milliseconds since the demo was started. */
export const elapsedMs = (): number => performance.now();

/** One line of the timeline. */
export function event(node: string, text: string, weight: Weight = 'plain'): void {
  const time = elapsedMs().toFixed(0).padStart(6);
  line(`${paint('dim', time)}  ${paintNode(node)}  ${paint(weights[weight], text)}`);
}

/** A line outside of the timeline. */
export function line(text = ''): void {
  clearStatus();
  process.stdout.write(`${text}\n`);
}

/** Rows with aligned columns, the first row being their headings. */
export function table(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => [...(row[column] ?? '')].length)),
  );
  line();
  for (const [at, row] of rows.entries()) {
    const cells = row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - [...cell].length));
    const [first = '', ...rest] = cells;
    const name = at === 0 ? first : paintName(first);
    line(`        ${at === 0 ? paint('dim', cells.join('   ')) : [name, ...rest].join('   ')}`.trimEnd());
  }
  line();
}

/** Tells what is waited for: on a terminal in a last line that the next event replaces. */
export function waiting(text: string): void {
  if (!terminal) {
    event('demo', `${text} …`, 'aside');
    return;
  }
  clearStatus();
  process.stdout.write(`${paint('dim', `${elapsedMs().toFixed(0).padStart(6)}  ${text} …`)}`);
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

function paint(style: Parameters<typeof styleText>[0], text: string): string {
  return colour && style !== 'reset' ? styleText(style, text, { validateStream: false }) : text;
}

/** A node's name in the node's colour, which it gets with its first event. */
function paintNode(node: string): string {
  const next = nodeColours[coloured.size % nodeColours.length] ?? 'cyan';
  if (node !== 'demo' && !coloured.has(node)) coloured.set(node, next);
  return paintName(node.padEnd(6));
}

function paintName(name: string): string {
  return paint(coloured.get(name.trim()) ?? (name.trim() === 'demo' ? 'dim' : 'reset'), name);
}
