/** A start that stays: the supervisor, with all that it can wait for and look into. */
import { stand } from '../election/stand.ts';
import { join } from '../etcd/join.ts';
import { keepPrefix } from '../etcd/keep.ts';
import type { Plan } from '../plan.ts';
import { makeWaker } from '../process/libc.ts';
import type { LastingMeans } from '../process/means.ts';
import { checkRequirements } from '../process/runner.ts';
import { supervise } from '../process/supervise.ts';
import { planAgain } from './again.ts';
import { awaitReady } from './ready.ts';
import { version } from './version.ts';

/**
 * Carries out a plan, and stays until its main has ended.
 *
 * @returns main's exit code, or the code of what went wrong
 */
export async function stay(
  plan: Plan,
  given: Omit<LastingMeans, 'awaitReady' | 'keep' | 'join' | 'stand'>,
): Promise<number> {
  const { election } = plan;
  const { replan, stop } = given;
  const means: LastingMeans = {
    ...given,
    ...(replan && { replan: () => planAgain(plan, replan, stop.signal) }),
    awaitReady,
    keep: keepPrefix,
    join,
    ...(election && {
      stand: (standing) => {
        const wake = makeWaker() ?? (() => undefined);
        return stand(plan, election, standing, { host: given.host, version, wake });
      },
    }),
  };
  const main = await checkRequirements(plan, means);
  return typeof main === 'number' ? main : supervise(plan, main, means);
}
