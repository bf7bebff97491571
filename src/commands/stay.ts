/** A start that stays: the supervisor, with all that it can wait for and look into. */
import { keepPrefix } from '../etcd/keep.ts';
import type { Plan } from '../plan.ts';
import type { LastingMeans } from '../process/means.ts';
import { checkRequirements } from '../process/runner.ts';
import { supervise } from '../process/supervise.ts';
import { awaitReady } from './ready.ts';

/**
 * Carries out a plan, and stays until its main has ended.
 *
 * @returns main's exit code, or the code of what went wrong
 */
export async function stay(plan: Plan, given: Omit<LastingMeans, 'awaitReady' | 'keep'>): Promise<number> {
  const means: LastingMeans = { ...given, awaitReady, keep: keepPrefix };
  const main = await checkRequirements(plan, means);
  return typeof main === 'number' ? main : supervise(plan, main, means);
}
