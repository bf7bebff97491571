/** What a mode is. */
import type { Given } from '../given.ts';
import type { Plan } from '../plan.ts';

export type { Given } from '../given.ts';

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
