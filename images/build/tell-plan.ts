/** `--dry-run`: what a build would do, and why. */
import { entrypointBuild } from './entrypoint.ts';
import { type Building, inputsOf, upToDate } from './image.ts';
import { commonImage, type StepName } from './images.ts';
import { tableOf } from './list.ts';
import { isUpToDate } from './sources/assemble.ts';
import { buildImageOf, plansOf, pluginStep, type SourceBuild, treeStep } from './sources/build.ts';
import { toolchainOf } from './sources/container.ts';
import { short } from './sources/git.ts';
import { pluginRecord, treeRecord } from './sources/record.ts';

type Row = readonly [what: string, state: string, why: string];
const nothing = 'nothing';
const words = { 'up to date': nothing, 'goes on': 'go on', 'is built': 'build' } as const;

/** Prints a row for each step; the status to exit with. Builds nothing. */
export async function tellPlan(
  names: readonly StepName[],
  building: Building,
  sourceBuild: SourceBuild,
  print: (text: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const { options } = building;
  const program: Row[] =
    names.length === 0 ? [] : [['ldms-entrypoint', entrypointBuild(options.arch) ? 'build' : nothing, '']];
  const isBasis = (name: StepName) => name === commonImage || name === 'dev';
  const rows: Row[] = program;
  const changed = () => new Set(rows.filter(([, state]) => state !== nothing).map(([what]) => what));
  const images = async (wanted: (name: StepName) => boolean) => {
    for (const image of names.filter(wanted)) rows.push(await imageRow(image, building, changed()));
  };
  await images(isBasis);
  rows.push(...(await sourceRows(sourceBuild, changed().has('ldms-dev'), signal)));
  await images((name) => !isBasis(name));
  print(tableOf([['STEP', 'TO DO', 'WHY'], ...rows]));
  return 0;
}

/** What is done with an image; where what it is made of is built first, that cannot be known otherwise. */
async function imageRow(image: StepName, building: Building, changed: ReadonlySet<string>): Promise<Row> {
  const what = `ldms-${image}`;
  const since = madeOf(image).find((each) => changed.has(each));
  if (since !== undefined) return [what, 'build', `${since} is built`];
  if (!building.options.cache) return [what, 'build', '--no-cache'];
  if (await upToDate(image, await inputsOf(image, building), building)) return [what, nothing, ''];
  return [what, 'build', 'there is none of these files and packages'];
}

/** The rows of what an image is made of. */
function madeOf(image: StepName): string[] {
  if (image === commonImage) return ['ldms-entrypoint'];
  if (image === 'grafana') return ['ldms-entrypoint', pluginStep];
  return [`ldms-${commonImage}`, ...(image === 'dev' ? [] : [treeStep])];
}

/** What is done with the sources, and with the trees that are made of them. */
async function sourceRows(
  build: SourceBuild,
  newToolchain: boolean,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const { sources, options, engine, toolchains } = build;
  const missing = new Set<string>();
  for (const image of new Set(sources.map(({ component }) => buildImageOf(component, options)))) {
    const toolchain = await toolchainOf(engine, image, options.arch, signal);
    if (toolchain) toolchains.set(image, toolchain);
    else missing.add(image);
  }
  const plans = plansOf(build);
  const rows = plans.map(({ source, state, why }): Row => {
    const { component, commit } = source;
    const what = `${component} ${short(commit)}`;
    const image = buildImageOf(component, options);
    if (missing.has(image))
      return [what, 'build', newToolchain ? 'ldms-dev is built' : `there is no ${image}`];
    if (options.clean) return [what, 'build', '--clean'];
    if (newToolchain && state === 'up to date')
      return [what, nothing, 'unless ldms-dev has other packages then'];
    return [what, words[state], why];
  });
  const tree = (name: string, directory: string, record: string, plugin: boolean): Row[] => {
    const own = plans.filter(({ source }) => (source.component === 'dsosds') === plugin);
    if (own.length === 0) return [];
    const isNew = own.some((plan) => rows[plans.indexOf(plan)]?.[1] !== nothing);
    const isThere = !isNew && isUpToDate({ directory, record, plans: own, arch: options.arch });
    return [
      [
        name,
        isThere ? nothing : 'make',
        isNew ? 'what it is made of is built' : isThere ? '' : `in ${directory}`,
      ],
    ];
  };
  return [
    ...rows,
    ...tree(treeStep, options.ovis, treeRecord, false),
    ...tree(pluginStep, options.dsosds, pluginRecord, true),
  ];
}
