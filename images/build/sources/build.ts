/** From sources to the OVIS tree and the plugin's folder, as steps. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../engine.ts';
import { tagsOf } from '../names.ts';
import type { Options } from '../options.ts';
import type { Step, Tools } from '../steps.ts';
import { assemble } from './assemble.ts';
import { buildComponent, checkoutStage, jobOf } from './component.ts';
import { type Component, components } from './components.ts';
import { lookInside, type Toolchain, toolchainOf } from './container.ts';
import { type Resolved, resolveAll } from './git.ts';
import { cacheOf, placeOf } from './place.ts';
import { basisOf, type Plan, planSources } from './plan.ts';
import { pluginRecord, treeRecord } from './record.ts';

/** What all components of one build have in common. */
export interface SourceBuild {
  readonly options: Options;
  readonly engine: Engine;
  readonly network: string | undefined;
  /** What is built, in the order of `components`. */
  readonly sources: readonly Resolved[];
  /** By image, once they are known. */
  readonly toolchains: Map<string, Toolchain>;
}

/** The step that makes the OVIS tree of what was built. */
export const treeStep = 'the OVIS tree';
/** The step that makes the plugin's folder. */
export const pluginStep = 'the plugin folder';

const stepOf = (component: Component): string => `sources of ${component}`;

/** The components that are to be built: of the steps `ovis` and `dsosds`, and not left out by an empty repository. */
export const componentsOf = (options: Pick<Options, 'steps' | 'sources'>): readonly Component[] =>
  askedFor(options).filter((component) => options.sources[component].repository !== undefined);

/** The components of the steps `ovis` and `dsosds`, those that are left out among them. */
export const askedFor = ({ steps }: Pick<Options, 'steps'>): readonly Component[] =>
  components.filter((component) => steps.includes(component === 'dsosds' ? 'dsosds' : 'ovis'));

/** Finds out which commits are to be built. */
export const sourcesOf = (options: Options, signal: AbortSignal): Promise<readonly Resolved[]> =>
  resolveAll(
    componentsOf(options).map((component) => [component, options.sources[component]] as const),
    signal,
  );

/** The image that a component is built in. */
export function buildImageOf(component: Component, options: Options): string {
  const named = component === 'dsosds' ? options.dsosdsBuildImage : options.buildImage;
  return named ?? tagsOf('dev', options)[0];
}

/** What to do with each of the sources now; for those whose build image is not known yet, as for none. */
export function plansOf({
  sources,
  options,
  toolchains,
}: Omit<SourceBuild, 'engine' | 'network'>): readonly Plan[] {
  return planSources(
    sources,
    options,
    (component) => toolchains.get(buildImageOf(component, options))?.digest ?? '',
  );
}

/**
 * The steps from the sources to the trees.
 *
 * @param dev what makes the build image, if that is one of the steps
 */
export function sourceSteps(build: SourceBuild, dev: readonly string[]): readonly Step[] {
  const { sources, options } = build;
  if (sources.length === 0) return [];
  const all = sources.map(({ component }) => component);
  const tree = all.filter((component) => component !== 'dsosds');
  const plugin = all.filter((component) => component === 'dsosds');
  const toolchain: Step = {
    ...named('the build image', build),
    after: dev,
    run: (tools) => findToolchains(build, tools),
  };
  const basis = [...dev, toolchain.name];
  const made = (name: string, of: readonly Component[], directory: string, record: string): Step[] =>
    of.length === 0
      ? []
      : [
          {
            ...named(name, build),
            after: [...basis, ...of.map(stepOf)],
            run: (tools) =>
              assemble(
                {
                  directory,
                  record,
                  plans: plansOf(build).filter((plan) => of.includes(plan.source.component)),
                  arch: options.arch,
                },
                tools,
              ),
          },
        ];
  return [
    toolchain,
    ...all.map((component) => componentStep(component, build, basis)),
    ...made(treeStep, tree, options.ovis, treeRecord),
    ...made(pluginStep, plugin, options.dsosds, pluginRecord),
  ];
}

const named = (name: string, build: SourceBuild) => ({ name, title: name, log: logOf(build, name) });

const logOf = ({ options }: SourceBuild, name: string): string =>
  join(cacheOf(options.arch), 'log', `${name.replaceAll(' ', '-')}.log`);

function componentStep(component: Component, build: SourceBuild, basis: readonly string[]): Step {
  const plan = () => plansOf(build).find(({ source }) => source.component === component) as Plan;
  const { stages } = placeOf(build.options.arch, component);
  return {
    name: stepOf(component),
    title: component,
    after: [...basis, ...basisOf(component, build.sources).map(stepOf)],
    log: logOf(build, component),
    run: (tools) => buildComponent(plan(), build, tools),
    help: () =>
      existsSync(join(stages, checkoutStage)) ? `look inside: ${lookInside(jobOf(plan(), build))}\n` : '',
  };
}

/** Finds the build images; throws if one is not there. */
async function findToolchains(
  { sources, options, engine, toolchains }: SourceBuild,
  { signal }: Tools,
): Promise<string> {
  const images = new Set(sources.map(({ component }) => buildImageOf(component, options)));
  for (const image of images) {
    const found = await toolchainOf(engine, image, options.arch, signal);
    if (!found) {
      const made = tagsOf('dev', options).includes(image);
      throw new Error(
        `${engine.name} has no image ${image}; ${made ? 'npm run images -- build dev makes it' : `pull it: ${engine.name} pull ${image}`}`,
      );
    }
    toolchains.set(image, found);
  }
  return [...images].join(', ');
}
