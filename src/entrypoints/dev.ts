/** ldms-dev: a shell to build and develop in. Nothing is prepared. */
import type { Mode } from './mode.ts';

/** `/bin/bash` with the arguments as they are. */
export const dev: Mode = {
  name: 'dev',
  summary: 'becomes /bin/bash ARGS',
  plan: async ({ args }) => ({
    mode: 'dev',
    notices: [],
    requirements: [],
    services: [],
    tasks: [],
    main: { program: '/bin/bash', args },
    handoff: 'exec',
    questions: [],
  }),
};
