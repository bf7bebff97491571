/** What the builder is told by its variables: `images/config.env`, a site's file, the environment, the command line. */
import { dirname, join, resolve } from 'node:path';
import { type Arch, arches, hostArch } from '../arch.ts';
import { repository } from '../metadata.ts';
import { type Component, components } from '../sources/components.ts';
import { archOf } from './checks.ts';
import { readEnvironment } from './environment.ts';
import { defaultsFile, readConfigFile } from './file.ts';
import type { Layer } from './given.ts';
import { type InForce, resolveVariables } from './resolve.ts';
import { type Setting, settingsOf } from './settings.ts';
import { knownNames, prefixOf, takesOptions, variables } from './variables.ts';
import { warningsOf } from './warnings.ts';
import { wordsOfCommand, wrongSources, wrongValues } from './wrong.ts';

/** Where a component's sources are, and how they are configured. */
export interface Source {
  /** What git fetches from; undefined: the component is left out. */
  readonly repository: string | undefined;
  /** A branch, a tag or a full commit. */
  readonly ref: string;
  /** What `configure` is given besides the prefix. */
  readonly options: readonly string[];
}

/** The variables, read and checked. */
export interface Config {
  /** The OVIS tree; absolute. */
  readonly ovis: string;
  /** The folder of the grafana plugin; absolute. */
  readonly dsosds: string;
  /** Where OVIS is inside the images. */
  readonly prefix: string;
  readonly prefixUi: string;
  /** The command that installs a component that was made. */
  readonly makeInstall: readonly string[];
  /** The image that OVIS is built in; undefined: the ldms-dev image of this namespace and tag. */
  readonly buildImage: string | undefined;
  readonly buildContainer: string;
  /** The image that the grafana plugin is built in; undefined: the ldms-dev image of this namespace and tag. */
  readonly dsosdsBuildImage: string | undefined;
  readonly dsosdsBuildContainer: string;
  /** By component; those without a `*_OPTIONS` variable have no options. */
  readonly sources: Readonly<Record<Component, Source>>;
  readonly tag: string;
  readonly namespace: string;
  /** Undefined: debian:bookworm-slim, or the one that `base` has made. */
  readonly baseImage: string | undefined;
  readonly grafanaImage: string;
  readonly arch: Arch;
  /** What is no mistake, and should be known all the same: sentences. */
  readonly warnings: readonly string[];
}

/** Where the variables are read, but for the repository's own file, which goes last. */
export interface Places {
  /** What the command line sets; it goes first. */
  readonly options: Layer;
  readonly env: NodeJS.ProcessEnv;
  /** A site's file. */
  readonly file: string | undefined;
  /** Where the user is: what relative paths are relative to, but those in files. */
  readonly from: string;
}

/** Reads and checks the variables; if anything is wrong, `config` is not to be used. */
export function readConfig({ options, env, file, from }: Places): {
  readonly config: Config;
  readonly settings: readonly Setting[];
  readonly wrong: readonly string[];
} {
  const defaults = readConfigFile(join(repository, defaultsFile), defaultsFile, repository);
  const site = file === undefined ? [] : [readConfigFile(resolve(from, file), file, repository, knownNames)];
  const files = [defaults, ...site];
  const layers = [...files, readEnvironment(env, from), options];
  const wrong = layers.flatMap((layer) => layer.wrong);
  const of = resolveVariables(
    variables.map(({ name }) => name),
    layers,
    wrong,
  );
  wrong.push(...wrongValues(of, defaults), ...wrongSources(of));
  const makeInstall = wordsOfCommand(of('MAKE_INSTALL'), wrong);
  const arch = archOf(of('ARCH').text) ?? hostArch();
  if (!arch && !of('ARCH').text) {
    wrong.push(`--arch: images are built for ${arches.join(' and ')}, and this machine is neither`);
  }
  const text = (name: string): string | undefined => of(name).text || undefined;
  const required = (name: string): string => of(name).text;
  const path = (name: string, otherwise: string): string => {
    const { given, text: value } = of(name);
    return given && value ? resolve(given.directory, value) : otherwise;
  };
  const ovis = path('OVIS', resolve(from, 'ovis'));
  const config: Config = {
    ovis,
    dsosds: path('DSOSDS', join(dirname(ovis), 'dsosds')),
    prefix: required('PREFIX'),
    prefixUi: required('PREFIX_UI'),
    makeInstall,
    buildImage: text('BUILD_IMG'),
    buildContainer: required('BUILD_CONT'),
    dsosdsBuildImage: text('DSOSDS_BUILD_IMG'),
    dsosdsBuildContainer: required('DSOSDS_BUILD_CONT'),
    sources: sourcesOf(of),
    tag: required('BUILD_TAG'),
    namespace: required('NAMESPACE'),
    baseImage: text('BASE_IMAGE'),
    grafanaImage: required('GRAFANA_IMAGE'),
    arch: arch ?? 'amd64',
    warnings: warningsOf(of, files),
  };
  return {
    config,
    settings: settingsOf(of, { OVIS: config.ovis, DSOSDS: config.dsosds, ARCH: config.arch }),
    wrong: [...new Set(wrong)],
  };
}

function sourcesOf(of: InForce): Config['sources'] {
  const entries = components.map((component): [Component, Source] => {
    const prefix = prefixOf(component);
    const options = takesOptions(component) ? of(`${prefix}_OPTIONS`).words : [];
    return [
      component,
      { repository: of(`${prefix}_REPO`).text || undefined, ref: of(`${prefix}_BRANCH`).text, options },
    ];
  });
  return Object.fromEntries(entries) as Record<Component, Source>;
}
