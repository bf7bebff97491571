/** ldms-samp: an ldmsd that samples a compute node. */
import { planLdmsd } from './ldmsd.ts';
import type { Mode } from './mode.ts';

/** ldmsd in the foreground, after munge if the arguments ask for it. */
export const samp: Mode = {
  name: 'samp',
  summary: 'becomes ldmsd ARGS, a sampler; munge is made ready first if ARGS ask for it',
  plan: (given) => planLdmsd('samp', given),
};
