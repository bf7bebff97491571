/**
 * The variables of a build: those that ovis-hpc/ldms-containers has in its config.sh, under the same names,
 * and the names that docker-bake.hcl has for images. Their defaults are in images/config.env.
 */
import { type Component, components, recipes } from '../sources/components.ts';
import * as checks from './checks.ts';

/** The commands that a variable matters to. */
type Command = 'build' | 'contexts' | 'base' | 'list' | 'save';

export interface Variable {
  readonly name: string;
  /** The command line's name for it, without dashes. */
  readonly option: string;
  /** What it takes, for people: `DIR`. */
  readonly takes: string;
  readonly kind: 'text' | 'list';
  /** What it is, for people. */
  readonly meaning: string;
  /** What it means that it is empty; undefined: it must not be. */
  readonly empty: string | undefined;
  /** Whether an empty one in the environment is more than one that is not set. */
  readonly emptyCounts: boolean;
  /** Why it cannot have a value; not asked about an empty one, nor about lists. */
  readonly why: checks.Check;
  readonly of: readonly Command[];
  /** The component that it is about. */
  readonly component: Component | undefined;
}

/** How the names of a component's variables begin. */
export const prefixOf = (component: Component): string => component.replace('-', '').toUpperCase();

/** Whether a component takes options: maestro is installed by pip, and dsosds by npm. */
export const takesOptions = (component: Component): boolean => recipes[component].kind === 'autotools';

type Facts = Partial<Variable> & Pick<Variable, 'name' | 'takes' | 'meaning'>;

const variable = (facts: Facts): Variable => ({
  option: facts.name.toLowerCase().replaceAll('_', '-'),
  kind: 'text',
  empty: undefined,
  emptyCounts: false,
  why: checks.anything,
  of: ['build'],
  component: undefined,
  ...facts,
});

/** In the order in which config.sh has them. */
export const componentOrder: readonly Component[] = [
  'ovis',
  'sos',
  'maestro',
  'numsos',
  'sosdb-ui',
  'sosdb-grafana',
  'dsosds',
];

function componentVariables(component: Component): Variable[] {
  const prefix = prefixOf(component);
  const repository = variable({
    component,
    name: `${prefix}_REPO`,
    takes: 'URL',
    meaning: `where git fetches ${component} from`,
    empty: `${component} is left out`,
    emptyCounts: true,
    why: checks.repositoryAddress,
  });
  const branch = variable({
    component,
    name: `${prefix}_BRANCH`,
    takes: 'REF',
    meaning: `the branch, tag or full commit of ${component}`,
    // Unless there is a repository.
    empty: 'none',
    why: checks.refName,
  });
  const options = variable({
    component,
    name: `${prefix}_OPTIONS`,
    takes: 'WORDS',
    kind: 'list',
    meaning: `what configure of ${component} is given besides the prefix`,
    empty: 'none',
    emptyCounts: true,
  });
  return takesOptions(component) ? [repository, branch, options] : [repository, branch];
}

const everyImage: readonly Command[] = ['build', 'list', 'save'];

/** All that can be set, in the order in which it is told. */
export const variables: readonly Variable[] = [
  variable({
    name: 'OVIS',
    takes: 'DIR',
    meaning: 'the OVIS tree: bin, sbin, lib, etc, ui',
    empty: 'ovis in the directory where you are',
    of: ['build', 'contexts'],
  }),
  variable({
    name: 'DSOSDS',
    takes: 'DIR',
    meaning: 'the folder of the grafana plugin',
    empty: 'dsosds, beside the OVIS tree',
    of: ['build', 'contexts'],
  }),
  variable({
    name: 'BUILD_TAG',
    option: 'tag',
    takes: 'TAG',
    meaning: "the images' tag; TAG-ARCH is given as well, and alone when building for another architecture",
    why: checks.tagName,
    of: everyImage,
  }),
  variable({
    name: 'NAMESPACE',
    takes: 'NAME',
    meaning: 'what stands before ldms-samp in the names of images',
    why: checks.namespaceName,
    of: everyImage,
  }),
  variable({
    name: 'ARCH',
    takes: 'ARCH',
    meaning: 'amd64 or arm64, for which images are built',
    empty: "this machine's",
    why: checks.architecture,
    of: ['build', 'contexts', 'base', 'list', 'save'],
  }),
  variable({
    name: 'BASE_IMAGE',
    takes: 'IMAGE',
    meaning: 'the Debian base',
    empty: 'debian:bookworm-slim, or the one that `base` has made',
    why: checks.imageName,
  }),
  variable({ name: 'GRAFANA_IMAGE', takes: 'IMAGE', meaning: "grafana's base", why: checks.imageName }),
  variable({
    name: 'BUILD_IMG',
    takes: 'IMAGE',
    meaning: 'the image that OVIS is built in',
    empty: 'the ldms-dev image that `build dev` makes, NAMESPACE/ldms-dev:BUILD_TAG',
    why: checks.imageName,
  }),
  variable({
    name: 'BUILD_CONT',
    takes: 'NAME',
    meaning: 'what the containers that OVIS is built in are called, with the component behind it',
    why: checks.containerName,
  }),
  variable({
    name: 'PREFIX',
    takes: 'PATH',
    meaning: 'where OVIS is inside the images; please do not change it',
    why: checks.plainPath,
  }),
  variable({
    name: 'PREFIX_UI',
    takes: 'PATH',
    meaning: 'where the web back-end is inside the images, below PREFIX',
    why: checks.plainPath,
  }),
  variable({
    name: 'MAKE_INSTALL',
    takes: 'COMMAND',
    meaning: 'what installs a component that was made, with its options',
  }),
  ...componentOrder.flatMap(componentVariables),
  variable({
    name: 'DSOSDS_BUILD_IMG',
    takes: 'IMAGE',
    meaning: 'the image that dsosds is built in',
    empty: 'the ldms-dev image that `build dev` makes, NAMESPACE/ldms-dev:BUILD_TAG',
    why: checks.imageName,
  }),
  variable({
    name: 'DSOSDS_BUILD_CONT',
    takes: 'NAME',
    meaning: 'the name of the container that dsosds is built in',
    why: checks.containerName,
  }),
];

/** What the scripts that published images were told; known, so that a site's file can keep them. */
export const publishingVariables: readonly string[] = [
  'MANIFEST_TAG',
  'MANIFEST_IMAGES',
  'MANIFEST_ARCHS',
  'PUSH_SIGN_LIST',
  'DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE',
];

/** Every name that a file can set. */
export const knownNames: readonly string[] = [...variables.map(({ name }) => name), ...publishingVariables];

/** What a name's component is known by, of all components: `OVIS_`. */
export const componentPrefixes: readonly string[] = components.map((component) => `${prefixOf(component)}_`);
