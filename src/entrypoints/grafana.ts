/** ldms-grafana: grafana, with the data source plugin for DSOS. */
import type { Mode } from './mode.ts';

/** grafana-server, after what the official image's start script does. */
export const grafana: Mode = {
  name: 'grafana',
  summary: 'becomes grafana-server ARGS, on port 3000, with GF_* as in the official image',
  plan: async (given) => {
    const { planGrafana } = await import('../grafana/plan.ts');
    return planGrafana(given);
  },
};
