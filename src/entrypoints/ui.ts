/** ldms-ui: the web back-end, which gives access to LDMS data over HTTP. */
import type { Mode } from './mode.ts';

/** uwsgi, serving sosgui. */
export const ui: Mode = {
  name: 'ui',
  summary: 'becomes uwsgi ARGS, serving sosgui.wsgi on port 80 unless ARGS name a listener',
  plan: async (given) => {
    const { planUi } = await import('../ui/plan.ts');
    return planUi(given);
  },
};
