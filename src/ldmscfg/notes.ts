/** What the reading of one file has at hand everywhere: where findings go, and what work costs. */

import { TooMuch, type Wrong } from './document.ts';
import { type Expansion, expandHostlist } from './hostlist.ts';
import type { Finding, Position } from './model.ts';

/** Collects findings; offsets become positions. */
export interface Notes {
  /** Tells what maestro_ctrl would refuse, lose or get wrong. */
  readonly mistake: (at: number, text: string) => void;
  /** Tells what is allowed and probably not meant. */
  readonly warning: (at: number, text: string) => void;
  readonly place: (offset: number) => Position;
  readonly spend: (work: number) => void;
  /** Expands a host list; each expression once. */
  readonly expand: (expression: string) => Expansion;
}

/** Findings by severity, sorted by position. */
export interface Findings {
  readonly mistakes: readonly Finding[];
  readonly warnings: readonly Finding[];
}

// A cluster of 100,000 daemons, the most that one group may have, takes about a third of this.
const mostWork = 3_000_000;

/**
 * A limit on the work that a file may cause.
 *
 * @returns a function that adds work, and throws `TooMuch` beyond the limit
 */
export function budget(): (work: number) => void {
  let spent = 0;
  return (work) => {
    spent += work;
    if (spent > mostWork) throw new TooMuch();
  };
}

/**
 * Begins to collect.
 *
 * @param content what is wrong already: at the same place nothing else is told, since it follows
 */
export function takeNotes(
  place: Notes['place'],
  spend: Notes['spend'],
  content: readonly Wrong[],
): { notes: Notes; findings: () => Findings } {
  // Keyed by place and text: what is shared by aliases is read, and found wrong, many times.
  const mistakes = new Map<string, Wrong>();
  const warnings = new Map<string, Wrong>();
  const known = new Set(content.map(({ at }) => at));
  const tell = (found: typeof mistakes) => (at: number, text: string) => {
    if (!known.has(at)) found.set(`${at} ${text}`, { at, text });
  };
  const sorted = (found: readonly Wrong[]): Finding[] =>
    found.toSorted((a, b) => a.at - b.at).map(({ at, text }) => ({ ...place(at), text }));
  return {
    notes: { mistake: tell(mistakes), warning: tell(warnings), place, spend, expand: expandOnce(spend) },
    findings: () => ({
      mistakes: sorted([...content, ...mistakes.values()]),
      warnings: sorted([...warnings.values()]),
    }),
  };
}

function expandOnce(spend: Notes['spend']): Notes['expand'] {
  const expansions = new Map<string, Expansion>();
  return (expression) => {
    const known = expansions.get(expression);
    if (known) return known;
    const expansion = expandHostlist(expression);
    spend('names' in expansion ? expansion.names.length : 1);
    expansions.set(expression, expansion);
    return expansion;
  };
}
