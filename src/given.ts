/** What plans are made from. */
import type { Host } from './host.ts';
import type { Answers } from './plan.ts';
import type { Settings } from './settings.ts';

/** What a mode plans from. Answers are those of the questions that an earlier plan asked. */
export interface Given {
  readonly args: readonly string[];
  readonly settings: Settings;
  readonly host: Host;
  readonly answers: Answers;
  /** It runs already, and is asked to read its configuration again: nothing else is of interest. */
  readonly again?: boolean;
}
