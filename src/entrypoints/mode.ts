/** What a mode is. */
import type { Given } from '../given.ts';
import type { Plan } from '../plan.ts';
import type { Settings } from '../settings.ts';

export type { Given } from '../given.ts';

/** A plan as the settings want it: any mode may be supervised, and some are in any case. */
export const asSet = (plan: Plan, { supervise }: Settings): Plan =>
  supervise ? { ...plan, handoff: 'supervise' } : plan;

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
