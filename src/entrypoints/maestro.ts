/** ldms-maestro: the configurator of a cluster's ldmsds. */
import type { Mode } from './mode.ts';

/** We stay as the leader process, and run maestro. */
export const maestro: Mode = {
  name: 'maestro',
  summary: 'runs maestro, with etcd, and munge if an endpoint asks for it; HUP reads ldms_cfg.yaml again',
  reloads: true,
  plan: async (given) => {
    const { planMaestro } = await import('../maestro/plan.ts');
    return planMaestro(given);
  },
};
