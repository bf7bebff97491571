/** What has to be built of the sources, and why. */
import { existsSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import { type Component, type OvisComponent, recipes } from './components.ts';
import type { Resolved } from './git.ts';
import { placeOf } from './place.ts';
import {
  changes,
  configureArguments,
  digestOfInputs,
  type Inputs,
  installCommand,
  readBegun,
  readBuilt,
  scriptDigest,
} from './record.ts';

/** What is to be done with a component. */
export interface Plan {
  readonly source: Resolved;
  readonly inputs: Inputs;
  /** Nothing; what was begun with the same inputs is gone on with; or it is built from its first stage. */
  readonly state: 'up to date' | 'goes on' | 'is built';
  /** For people: why it has to be built. */
  readonly why: string;
}

/** The digest of a component's build image; empty while there is none. */
export type ToolchainDigest = (component: Component) => string;

/** What to do with each of some sources, in their order, which is that of `components`. */
export function planSources(
  sources: readonly Resolved[],
  config: Config,
  toolchain: ToolchainDigest,
): readonly Plan[] {
  const plans: Plan[] = [];
  for (const source of sources) {
    const { component } = source;
    const below = basisOf(component, sources).map((name) =>
      plans.find((plan) => plan.source.component === name),
    );
    const inputs: Inputs = {
      commit: source.commit,
      kind: recipes[component].kind,
      options: configureArguments(component, config),
      install: installCommand(component, config),
      prefix: config.prefix,
      script: scriptDigest(),
      toolchain: toolchain(component),
      after: Object.fromEntries(
        below.flatMap((plan) => (plan ? [[plan.source.component, digestOfInputs(plan.inputs)]] : [])),
      ),
    };
    plans.push({ source, inputs, ...stateOf(component, inputs, config) });
  }
  return plans;
}

/** The components among `sources` that one is built on. */
export function basisOf(component: Component, sources: readonly Resolved[]): readonly OvisComponent[] {
  return recipes[component].after.filter((name) => sources.some((each) => each.component === name));
}

function stateOf(component: Component, inputs: Inputs, { arch }: Config): Pick<Plan, 'state' | 'why'> {
  const place = placeOf(arch, component);
  const wanted = digestOfInputs(inputs);
  const built = existsSync(place.dest) ? readBuilt(place.built) : undefined;
  if (built && digestOfInputs(built.inputs) === wanted) return { state: 'up to date', why: '' };
  const begun = readBegun(place.begun);
  if (begun && digestOfInputs(begun) === wanted)
    return { state: 'goes on', why: 'it was not built to its end' };
  if (!built) return { state: 'is built', why: 'it has not been built yet' };
  return { state: 'is built', why: changes(component, inputs, built.inputs).join(', ') };
}
