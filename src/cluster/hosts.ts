/** Nodes and their names. */

/** A node's own name: what the file calls its host, without what that has behind it for its fast network. */
export const nodeOf = (host: string, suffix: string): string =>
  suffix && host !== suffix && host.endsWith(suffix) ? host.slice(0, -suffix.length) : host;

/**
 * Writes names as one host list, as pdsh and Slurm read it: `cygnus-0[1-4],login`. Names that differ in
 * their last number alone are put together; the order is that of the first of each.
 */
export function foldHosts(names: readonly string[]): string {
  // Beyond 15 digits numbers are no longer exact.
  const alike = Map.groupBy(new Set(names), (name) => name.replace(/(?<!\d)\d{1,15}(?=\D*$)/, '\0'));
  return [...alike].map(([form, group]) => foldAlike(form, group)).join(',');
}

function foldAlike(form: string, names: readonly string[]): string {
  const [before = '', after] = form.split('\0');
  const [only] = names;
  if (after === undefined || names.length === 1) return only ?? '';
  const digits = names.map((name) => name.slice(before.length, name.length - after.length));
  const padded = new Set(digits.filter((text) => /^0\d/.test(text)).map(({ length }) => length));
  // 10 may go on from 09 as it may from 9: with the padded ones, if there are any.
  const classes = Map.groupBy(digits, ({ length }) => (padded.has(length) ? length : 0));
  const ranges = [...classes].flatMap(([width, group]) => rangesOf(group.map(Number), width));
  const zeros = /^0*/.exec(ranges.length === 1 ? (ranges[0] ?? '') : '')?.[0] ?? '';
  const [low = '', high = ''] = ranges[0]?.split('-') ?? [];
  // cygnus-0[1-4] reads better than cygnus-[01-04].
  if (ranges.length === 1 && zeros && high.startsWith(zeros) && low.length > zeros.length) {
    return `${before}${zeros}[${low.slice(zeros.length)}-${high.slice(zeros.length)}]${after}`;
  }
  return `${before}[${ranges.join(',')}]${after}`;
}

/** Numbers as ranges, each padded with zeros to a width. */
function rangesOf(numbers: readonly number[], width: number): string[] {
  const write = (number: number) => String(number).padStart(width, '0');
  const ranges: { low: number; high: number }[] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && number === last.high + 1) last.high = number;
    else ranges.push({ low: number, high: number });
  }
  return ranges.map(({ low, high }) => (low === high ? write(low) : `${write(low)}-${write(high)}`));
}
