/**
 * Host lists as LLNL's tools and Slurm write them: `node-[01-04,7]-ib[0-1],login`.
 *
 * maestro_ctrl expands them with the python-hostlist library, whose limits are kept: brackets hold
 * decimal numbers and ranges, the lower bound's width pads with zeros, and a list stands for at most
 * 100,000 names. Empty parts, which that library passes over, are wrong here: they are left-overs.
 */

/** How many names one expression may stand for (python-hostlist: MAX_SIZE). */
export const mostNames = 100_000;

/** What an expression stands for, or why it stands for nothing. */
export type Expansion =
  | {
      /** In the order of the expression, the last bracket fastest; each once. */
      readonly names: readonly string[];
      /** A name that the expression has more than once: maestro_ctrl keeps the first. */
      readonly repeated?: string;
    }
  | {
      /** What is wrong and what to write, to be put behind the expression: "has …; write …". */
      readonly wrong: string;
    };

/** Expands a host list. */
export function expandHostlist(expression: string): Expansion {
  if (expression.trim() === '') return { wrong: 'is empty' };
  if (/\s/.test(expression)) return { wrong: `has a blank in it; write ${expression.replace(/\s+/g, '')}` };
  const brackets = bracketsWrong(expression);
  if (brackets !== undefined) return { wrong: brackets };
  const parts = splitHostlist(expression);
  if (parts.includes('')) {
    const rest = parts.filter((part) => part !== '').join(',');
    return { wrong: `has a comma too many${rest && `; write ${rest}`}` };
  }
  const all: string[] = [];
  for (const part of parts) {
    const expanded = expandPart(part, mostNames - all.length);
    if ('wrong' in expanded) return expanded;
    for (const name of expanded.names) all.push(name);
  }
  const names = new Set(all);
  if (names.size === all.length) return { names: all };
  const seen = new Set<string>();
  const repeated = all.find((name) => seen.size === seen.add(name).size) ?? '';
  return { names: [...names], repeated };
}

/** The parts of an expression between the commas that stand outside of brackets. */
export function splitHostlist(expression: string): string[] {
  const parts: string[] = [];
  let begin = 0;
  let depth = 0;
  for (let at = 0; at < expression.length; at++) {
    const letter = expression[at];
    if (letter === '[') depth++;
    else if (letter === ']') depth--;
    else if (letter === ',' && depth === 0) {
      parts.push(expression.slice(begin, at));
      begin = at + 1;
    }
  }
  return [...parts, expression.slice(begin)];
}

function bracketsWrong(expression: string): string | undefined {
  let open = false;
  for (const letter of expression) {
    if (letter === '[') {
      if (open) return 'has a bracket within brackets; close each [ before the next';
      open = true;
    } else if (letter === ']') {
      if (!open) return 'has a ] without a [ before it';
      open = false;
    }
  }
  if (!open) return undefined;
  const at = expression.lastIndexOf('[');
  const ranges = /^[\d,-]*\d/.exec(expression.slice(at + 1))?.[0] ?? '';
  const end = at + 1 + ranges.length;
  if (ranges === '') return 'has an unclosed bracket';
  return `has an unclosed bracket; write ${expression.slice(0, end)}]${expression.slice(end)}`;
}

/** Expands one part: every bracket multiplies the names. */
function expandPart(part: string, most: number): Expansion {
  let names = [''];
  // Texts stand at even places, the insides of brackets at odd ones.
  for (const [at, piece] of part.split(/[[\]]/).entries()) {
    const numbers = at % 2 === 0 ? { names: [piece] } : expandRanges(piece);
    if ('wrong' in numbers) return numbers;
    if (names.length * numbers.names.length > most) return tooMany;
    names = names.flatMap((name) => numbers.names.map((number) => name + number));
  }
  return { names };
}

const tooMany = { wrong: 'stands for more than 100,000 names' };

/** The numbers that a bracket's inside stands for. */
function expandRanges(inside: string): Expansion {
  const names: string[] = [];
  if (inside === '') return { wrong: 'has empty brackets; write a range such as [1-4]' };
  for (const range of inside.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range);
    if (!match) {
      return range === ''
        ? { wrong: `has an empty place in [${inside}]` }
        : { wrong: `has ${range} in brackets, where only numbers and ranges such as 1-4,7 may stand` };
    }
    const [, low = '', high = low] = match;
    // Beyond this, numbers are no longer exact; as a single number it is only copied.
    if (high.length > 15 && high !== low) return { wrong: `has a range with more than 15 digits: ${range}` };
    if (high !== low && Number(high) < Number(low)) {
      return { wrong: `has ${range}, which counts down; write ${high}-${low}` };
    }
    if (Number(high) - Number(low) + names.length >= mostNames) return tooMany;
    if (high === low) names.push(low);
    else {
      for (let number = Number(low); number <= Number(high); number++)
        names.push(`${number}`.padStart(low.length, '0'));
    }
  }
  return { names };
}
