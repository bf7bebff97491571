/** Builds one component: a checkout of its commit, in a container of the build image, into a tree of its own. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { quote } from '../config/shell.ts';
import type { Tools } from '../steps.ts';
import { filesBelow } from '../tree.ts';
import { buildImageOf, type SourceBuild } from './build.ts';
import { type Component, recipes } from './components.ts';
import { type Job, runInContainer } from './container.ts';
import { copyFiles, type Digests, digestOf, digestsBelow } from './files.ts';
import { checkOut, short, timeOf } from './git.ts';
import { cacheOf, type Place, placeOf } from './place.ts';
import { basisOf, type Plan } from './plan.ts';
import { type Built, readBuilt, script, scriptDirectory, writeJson } from './record.ts';

/** The stage before those of the container. */
export const checkoutStage = 'checkout';

/**
 * Builds a component as planned.
 *
 * @returns what was done, for people
 */
export async function buildComponent(plan: Plan, build: SourceBuild, tools: Tools): Promise<string> {
  const { source, inputs, state, why } = plan;
  const { component, commit } = source;
  if (state === 'up to date') return `is up to date (${short(commit)})`;
  tools.say(`${component} ${state}: ${why}`);
  const place = placeOf(build.options.arch, component);
  if (state === 'is built') begin(place, plan);
  mkdirSync(place.stages, { recursive: true });
  const checkedOut = join(place.stages, checkoutStage);
  if (!existsSync(checkedOut)) {
    await checkOut(source, place.src, tools);
    writeFileSync(checkedOut, '');
  }
  const installed = join(place.stages, 'install');
  // It was kept, and what was kept has been removed since.
  if (!existsSync(place.tree)) rmSync(installed, { force: true });
  if (!existsSync(installed)) layBasis(component, place, build);
  await runInContainer(jobOf(plan, build, await timeOf(place.src)), tools);
  const files = component === 'dsosds' ? pluginFiles(place) : installedFiles(component, place, build);
  const many = Object.keys(files).length;
  if (many === 0) throw new Error(`it has installed nothing under ${inputs.prefix}`);
  await keep(place, { inputs, files }, component === 'dsosds' ? place.src : place.tree, tools);
  return `built ${short(commit)}, ${many} files`;
}

/** Forgets what was made of other inputs, but for the checkout, whose history is used again. */
function begin(place: Place, { inputs }: Plan): void {
  for (const path of [place.begun, place.obj, place.tree, place.stages]) {
    rmSync(path, { recursive: true, force: true });
  }
  mkdirSync(place.directory, { recursive: true });
  writeJson(place.begun, inputs);
}

/** Has at PREFIX what the component is built on, and nothing else: not even its own files of a build before. */
function layBasis(component: Component, place: Place, { options, sources }: SourceBuild): void {
  rmSync(place.tree, { recursive: true, force: true });
  mkdirSync(place.tree, { recursive: true });
  for (const each of basisOf(component, sources)) {
    const below = placeOf(options.arch, each);
    copyFiles(Object.keys(readBuilt(below.built)?.files ?? {}), below.dest, place.tree);
  }
}

/**
 * What runs in the container.
 *
 * @param epoch the time that files which carry one are given, in seconds since the epoch
 */
export function jobOf({ source, inputs }: Plan, build: SourceBuild, epoch = 0): Job {
  const { options, engine, network } = build;
  const { component } = source;
  const place = placeOf(options.arch, component);
  const { prefix } = options;
  const home = join(cacheOf(options.arch), 'home');
  // The engine would make it, as root.
  mkdirSync(home, { recursive: true });
  const container = component === 'dsosds' ? options.dsosdsBuildContainer : options.buildContainer;
  return {
    engine,
    image: buildImageOf(component, options),
    arch: options.arch,
    name: component === 'dsosds' ? container : `${container}-${component}`,
    network,
    mounts: {
      [`/build/${component}`]: place.directory,
      '/build/home': home,
      '/build/script:ro': scriptDirectory,
      [prefix]: place.tree,
    },
    directory: `/build/${component}`,
    env: {
      HOME: '/build/home',
      LANG: 'C.UTF-8',
      TZ: 'UTC',
      SOURCE_DATE_EPOCH: String(epoch),
      PREFIX: prefix,
      MAKE_INSTALL: inputs.install.map(quote).join(' '),
      PATH: `${prefix}/bin:${prefix}/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      LD_LIBRARY_PATH: `${prefix}/lib`,
    },
    command: [
      '/bin/sh',
      `/build/script/${basename(script)}`,
      recipes[component].kind,
      String(options.jobs),
      ...inputs.options,
    ],
  };
}

/** What of the tree is the component's: the files that what it is built on does not have, or has otherwise. */
function installedFiles(component: Component, place: Place, { options, sources }: SourceBuild): Digests {
  const below: Record<string, string> = {};
  for (const each of basisOf(component, sources)) {
    Object.assign(below, readBuilt(placeOf(options.arch, each).built)?.files);
  }
  const own = Object.entries(digestsBelow(place.tree)).filter(
    // Python writes the time into them; an image compiles its own.
    ([file, digest]) => below[file] !== digest && !/(^|\/)__pycache__\//.test(file),
  );
  return Object.fromEntries(own);
}

/** The plugin is its checkout, as npm left it, without what it was built with. */
function pluginFiles(place: Place): Digests {
  const files = filesBelow(place.src).filter((file) => !/^(\.git|node_modules)\//.test(file));
  return Object.fromEntries(files.map((file) => [file, digestOf(join(place.src, file))]));
}

/** Keeps what was installed; from here on, it counts as built. */
async function keep(place: Place, built: Built, from: string, { command }: Tools): Promise<void> {
  const beside = `${place.dest}.new`;
  rmSync(beside, { recursive: true, force: true });
  copyFiles(Object.keys(built.files), from, beside);
  // Else a machine that loses its power may have the record, and files that are cut short.
  await command(['sync', '--file-system', beside]);
  // In this order, a record never stands beside the files of another build.
  rmSync(place.built, { force: true });
  rmSync(place.dest, { recursive: true, force: true });
  renameSync(beside, place.dest);
  writeJson(place.built, built);
  rmSync(place.tree, { recursive: true });
}
