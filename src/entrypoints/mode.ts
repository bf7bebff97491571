/** What a mode is. */
import type { Host } from '../host.ts';
import type { Answers, Plan } from '../plan.ts';
import type { Settings } from '../settings.ts';

/** What a mode plans from. Answers are those of the questions that an earlier plan asked. */
export interface Given {
  readonly args: readonly string[];
  readonly settings: Settings;
  readonly host: Host;
  readonly answers: Answers;
  /** It runs already, and is asked to read its configuration again: nothing else is of interest. */
  readonly again?: boolean;
}

/**
 * One image's way to start. `plan` starts and changes nothing: what it knows of the world it has
 * from `given.host`, so that the same input always gives the same plan.
 */
export interface Mode {
  readonly name: string;
  /** One line for --help: what the container becomes. */
  readonly summary: string;
  /** HUP has it read its configuration again. */
  readonly reloads?: boolean;
  readonly plan: (given: Given) => Promise<Plan>;
}
