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
}

/**
 * One image's way to start. `plan` starts and changes nothing: what it knows of the world it has
 * from `given.host`, so that the same input always gives the same plan.
 */
export interface Mode {
  readonly name: string;
  /** One line for --help: what the container becomes. */
  readonly summary: string;
  readonly plan: (given: Given) => Promise<Plan>;
}
