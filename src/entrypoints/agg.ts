/** ldms-agg: an ldmsd that aggregates from other ldmsds, and stores. */
import { planLdmsd } from './ldmsd.ts';
import type { Mode } from './mode.ts';

/** ldmsd in the foreground, after munge if the arguments ask for it. */
export const agg: Mode = {
  name: 'agg',
  summary: 'becomes ldmsd ARGS, an aggregator; munge is made ready first if ARGS ask for it',
  plan: (given) => planLdmsd('agg', given),
};
