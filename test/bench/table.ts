/** What all parts of the bench share: medians, tables, and limits. */

/** A part of the report. */
export interface Part {
  /** A table, or why there is none. */
  readonly text: string;
  /** What was over its limit. */
  readonly over: readonly string[];
}

/** The middle of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 ? high : ((sorted[middle - 1] ?? high) + high) / 2;
}

/** The largest of some numbers. */
export const largest = (numbers: readonly number[]): number => Math.max(...numbers);

/** Milliseconds as tables have them. */
export const inMs = (ms: number): string => `${ms.toFixed(1)} ms`;

/** A Markdown table that is also easy to read in a terminal. */
export function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = head.map((_, at) => Math.max(...[head, ...lines].map((line) => line[at]?.length ?? 0)));
  const draw = (line: readonly string[]) =>
    `| ${line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |\n`;
  return [
    draw(head),
    `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|\n`,
    ...lines.map(draw),
  ].join('');
}

/** A part that could not be measured here. */
export const leftOut = (what: string, lacking: string): Part => ({
  text: `${what}: not measured, for want of ${lacking}.\n`,
  over: [],
});

/** Tells on a terminal how far a part has come. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** Milliseconds since some moment, with fractions. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;
