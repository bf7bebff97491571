/** Times as maestro_ctrl reads them: a number of microseconds, or a text with one unit. */

const units: readonly (readonly [name: string, us: number])[] = [
  ['d', 86_400_000_000],
  ['h', 3_600_000_000],
  ['m', 60_000_000],
  ['s', 1_000_000],
  ['ms', 1_000],
  ['us', 1],
];

/** A time that was understood, or what is wrong with it and what to write. */
export type Interval =
  | {
      /** In microseconds; negative if it was written so. */
      readonly us: number;
      /** Without a unit, which means microseconds. */
      readonly bare: boolean;
    }
  | { readonly wrong: string };

/**
 * Parses an interval.
 *
 * maestro_ctrl (check_intrvl_str) takes a number, or a number and exactly one of the units us, ms,
 * s, m, h and d in lower or upper case. Fractions of a microsecond are cut off.
 *
 * @param given a number of microseconds, or the text
 */
export function parseInterval(given: string | number): Interval {
  if (typeof given === 'number') {
    return Number.isFinite(given)
      ? { us: Math.trunc(given), bare: true }
      : { wrong: 'is no time; write it as 1.5s or 200ms' };
  }
  const match = /^\s*([-+]?(?:\d+\.?\d*|\.\d+))\s*([a-z]*)$/i.exec(given);
  const number = Number(match?.[1]);
  const unit = match?.[2]?.toLowerCase() ?? '';
  if (match && unit === '') {
    if (Number.isInteger(number) && /^\s*[-+]?\d+$/.test(given)) return { us: number, bare: true };
    return { wrong: `has no unit; write ${match[1]}s for seconds` };
  }
  const us = units.find(([name]) => name === unit)?.[1];
  if (match && us !== undefined) return { us: Math.trunc(number * us), bare: false };
  if (match) return { wrong: `has the unit ${unit}, and there are only us, ms, s, m, h and d` };
  return {
    wrong: /^\s*(?:[\d.]+\s*[a-z]+\s*:?\s*){2,}$/i.test(given)
      ? 'has more than one unit; write one number and one unit, such as 1.5s'
      : 'is no time; write a number and a unit, such as 1.5s or 200ms',
  };
}

/** A time in the largest unit that gives a whole number: 1500000 is `1500ms`, 60000000 is `1m`. */
export function formatInterval(us: number): string {
  const [name, size] = units.find(([, each]) => us !== 0 && us % each === 0) ?? ['us', 1];
  return `${us / size}${name}`;
}
