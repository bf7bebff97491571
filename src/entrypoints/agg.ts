/** ldms-agg: an ldmsd that aggregates from other ldmsds, and stores. */
import type { Plan } from '../plan.ts';
import { planLdmsd } from './ldmsd.ts';
import type { Given, Mode } from './mode.ts';

/** ldmsd in the foreground, after munge if the arguments ask for it; dsosd beside it if a setting does. */
export const agg: Mode = {
  name: 'agg',
  summary: 'becomes ldmsd ARGS, an aggregator; munge is made ready first if ARGS ask for it',
  plan: planAgg,
};

async function planAgg(given: Given): Promise<Plan> {
  const plan = await planLdmsd('agg', given);
  // Only a daemon has something to record for `health`: `agg ldmsd -V` and `agg bash` have not.
  if (!given.settings.dsosd || !plan.health) return plan;
  const { planDsosd } = await import('../dsosd/plan.ts');
  const dsosd = planDsosd(given.host);
  return {
    ...plan,
    notices: [...plan.notices, ...dsosd.notices],
    requirements: [...plan.requirements, ...dsosd.requirements],
    services: [...plan.services, ...dsosd.services],
    handoff: 'supervise',
  };
}
