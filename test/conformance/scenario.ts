/** What the conformance table is made of. */
import type { Started, StartOptions } from '../support/program.ts';
import type { Site } from '../support/site.ts';

/** A way to be started: in `exec` we hand over; as the `first` process of a PID namespace, or as any `other`, we supervise. */
export type Shape = 'exec' | 'first' | 'other';

/** A start of words by one of those that are compared. */
export interface Launch {
  (words: readonly string[], options?: StartOptions): Started;
  /** All of the words of such a start. */
  words(words: readonly string[]): string[];
  /** How long it is waited for what may never come. */
  readonly patienceMs: number;
  /** The pid of what is compared, for which another program may wait. */
  leader(started: Started): Promise<number>;
}

/** A row of the table. */
export interface Scenario {
  readonly what: string;
  readonly shape: Shape;
  /** Why we cannot pass it; only one may say so. */
  readonly exception?: string;
  readonly passes: (launch: Launch, site: Site) => Promise<boolean>;
}

/** Whether all checks hold; none is made after one that does not. */
export async function every(checks: readonly (() => Promise<boolean>)[]): Promise<boolean> {
  for (const check of checks) if (!(await check())) return false;
  return true;
}
