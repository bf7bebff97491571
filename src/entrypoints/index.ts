/** The modes that there are. To add one: a file beside these, and its line here. */
import { agg } from './agg.ts';
import { dev } from './dev.ts';
import { grafana } from './grafana.ts';
import { maestro } from './maestro.ts';
import type { Mode } from './mode.ts';
import { samp } from './samp.ts';
import { ui } from './ui.ts';

export { asSet, type Given, type Mode } from './mode.ts';

/** Every mode, in the order of --help. */
export const modes: readonly Mode[] = [samp, agg, maestro, ui, grafana, dev];

/** The mode called `name`. */
export const modeNamed = (name: string | undefined): Mode | undefined =>
  modes.find((mode) => mode.name === name);
