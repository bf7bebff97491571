/**
 * Builds from sources with a real engine: the builder in a checkout of its own, whose cache nobody else
 * uses, and git repositories that stand in for those of OVIS (sources.ts).
 */
import { createHash } from 'node:crypto';
import {
  chownSync,
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { hostArch } from '../../images/build/arch.ts';
import { inspectImage } from '../../images/build/engine.ts';
import { madeBase } from '../../images/build/names.ts';
import { type Component, components } from '../../images/build/sources/components.ts';
import { filesBelow } from '../../images/build/tree.ts';
import { engine, grafanaStandin, imageOf } from './containers.ts';
import { processesNaming } from './machine.ts';
import { killAll } from './probe.ts';
import { type Result, repository, type Started, start } from './program.ts';
import { defaultBranch, makeRepositories, type Sources } from './sources.ts';

/** A user of this machine, by numbers. */
export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** Variables of the builder or of the environment. */
export type Settings = Readonly<Record<string, string>>;

/** Somebody who builds from sources. */
export interface Site {
  /** Absolute; all else is in it. */
  readonly directory: string;
  /** Where the builder is called. */
  readonly home: string;
  /** Where the trees are made. */
  readonly ovis: string;
  readonly dsosds: string;
  readonly sources: Sources;
  /** The directory of the cache. */
  readonly cache: string;
  /** Where the cache has a component. */
  place(component: Component): string;
  /** The text of a log: a component's, or a step's with `-` for blanks; empty if there is none. */
  log(name: string): string;
  /** Runs `npm run images -- WORDS` to its end. */
  images(words: readonly string[], settings?: Settings): Promise<Result>;
  start(words: readonly string[], settings?: Settings): Started;
  /** What the container that a component is built in is called. */
  container(component: Component): string;
  /** The names of its containers, those that have ended included. */
  containers(): Promise<string[]>;
  /** What an image is called, if it builds any. */
  image(name: string): string;
  /** The names of its images. */
  imageNames(): Promise<string[]>;
  /** Removes all that is left of it, images and containers too. */
  remove(): Promise<void>;
}

/** What differs from a usual site. */
export interface SiteOptions {
  /** Whether it builds images, its own dev image among them; else it builds in the tests'. */
  readonly ownDev?: boolean;
  /** What stands in its file besides, a value as bash reads it. */
  readonly settings?: Settings;
  /** Who builds, if not we ourselves. */
  readonly user?: User;
}

/** The dev image that the container tests' set-up has made. */
export const devImage = imageOf('dev');

const arch = hostArch() ?? 'amd64';

/** Makes a site. It is to be removed, also where a test has failed. */
export async function makeSite({ ownDev = false, settings = {}, user }: SiteOptions = {}): Promise<Site> {
  const directory = mkdtempSync(join(tmpdir(), 'ldms-src-'));
  const path = (inside: string) => join(directory, inside);
  const own = basename(directory).toLowerCase();
  const namespace = `localhost/${own}`;
  copyCheckout(path('checkout'), ownDev);
  const sources = makeRepositories(path('sources'));
  const home = path('site');
  mkdirSync(home);
  const variables: Settings = {
    ...repositoriesOf(sources),
    NAMESPACE: namespace,
    BUILD_CONT: `${own}-ovis`,
    DSOSDS_BUILD_CONT: `${own}-dsosds`,
    GRAFANA_IMAGE: grafanaStandin,
    BASE_IMAGE: await baseImage(),
    ...(ownDev ? {} : { BUILD_IMG: devImage, DSOSDS_BUILD_IMG: devImage }),
    ...settings,
  };
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(join(home, 'site.env'), lines.join(''));
  if (user) give(directory, user);
  if (ownDev) await lendCommon(namespace);

  const env = {
    ...process.env,
    INIT_CWD: home,
    // No setting of the machine's or the user's.
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CEILING_DIRECTORIES: tmpdir(),
    // As makeBuilder has it (images.ts).
    NODE_COMPILE_CACHE: path('checkout/node_modules/.cache/ldms-images'),
    NODE_COMPILE_CACHE_PORTABLE: '1',
    ...(user && { HOME: home }),
  };
  const begin: Site['start'] = ([command = '', ...words], set = {}) => {
    const main = path('checkout/images/build/main.ts');
    const options = ['--config=site.env', '--engine=docker'];
    const [program = '', ...args] = [...as(user), process.execPath, main, command, ...options, ...words];
    return start(program, args, { env: { ...env, ...set }, cwd: home });
  };
  const cache = path(`checkout/dist/sources/${arch}`);
  const container: Site['container'] = (component) =>
    component === 'dsosds' ? `${own}-dsosds` : `${own}-ovis-${component}`;
  const containers = () => listed('ps', '--all', '--format={{.Names}}', `--filter=name=^${own}-`);
  const imageNames = () => listed('images', '--format={{.Repository}}:{{.Tag}}', `${namespace}/*`);
  return {
    directory,
    home,
    ovis: join(home, 'ovis'),
    dsosds: join(home, 'dsosds'),
    sources,
    cache,
    place: (component) => join(cache, component),
    log: (name) => {
      const file = join(cache, 'log', `${name}.log`);
      return existsSync(file) ? readFileSync(file, 'utf8') : '';
    },
    images: (words, set) => begin(words, set).ended,
    start: begin,
    container,
    containers,
    image: (name) => `${namespace}/ldms-${name}:latest`,
    imageNames,
    remove: async () => {
      killAll(processesNaming(directory));
      const left = await containers();
      if (left.length > 0) await engine(['rm', '--force', ...left]);
      const images = await imageNames();
      if (images.length > 0) await engine(['rmi', '--force', ...images]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/**
 * Has the tests' own ldms-common stand for the one that would be built of the same files: what is built from
 * it is in the engine's cache then. By itself, the engine takes the youngest that it has for the same, which
 * may be another test's, and has nothing above it.
 */
async function lendCommon(namespace: string): Promise<void> {
  for (const tag of ['latest', `latest-${arch}`]) {
    await engine(['tag', imageOf('common'), `${namespace}/ldms-common:${tag}`]);
  }
}

/** The lines that docker answers. */
async function listed(...words: string[]): Promise<string[]> {
  return (await engine(words)).stdout.split('\n').filter(Boolean);
}

/** The variables that leave out every component but some. */
export function only(...some: readonly Component[]): Settings {
  const others = components.filter((component) => !some.includes(component));
  return Object.fromEntries(others.map((component) => [variable(component, 'REPO'), '']));
}

/** A component's variable: `SOSDBUI_REPO`. */
export const variable = (component: Component, of: 'REPO' | 'BRANCH' | 'OPTIONS'): string =>
  `${component.replace('-', '').toUpperCase()}_${of}`;

function repositoriesOf(sources: Sources): Settings {
  return Object.fromEntries(
    components.flatMap((component) => [
      [variable(component, 'REPO'), sources.url(component)],
      [variable(component, 'BRANCH'), defaultBranch],
    ]),
  );
}

/** The base that the tests' own images are from. */
async function baseImage(): Promise<string> {
  const official = 'debian:bookworm-slim';
  return (await inspectImage({ name: 'docker' }, official)) ? official : madeBase('bookworm', arch);
}

/**
 * A checkout with the real builder.
 *
 * @param withProgram whether it has the sealed program, which images have; it is newer than all that it is made from
 */
function copyCheckout(to: string, withProgram: boolean): void {
  const inside = (file: string) => join(to, file);
  cpSync(join(repository, 'images'), inside('images'), { recursive: true, preserveTimestamps: true });
  symlinkSync(join(repository, 'node_modules'), inside('node_modules'));
  for (const directory of ['src', 'dist']) mkdirSync(inside(directory));
  writeFileSync(inside('package.json'), '{"name": "checkout", "version": "9.8.7", "type": "module"}\n');
  writeFileSync(inside('build.mjs'), "throw new Error('a stand-in for build.mjs: it builds nothing');\n");
  for (const file of ['package-lock.json', 'src/main.ts']) writeFileSync(inside(file), '');
  for (const file of globSync(['*.json', '*.mjs', 'src/*', 'images/build/*.ts'], { cwd: to })) {
    utimesSync(inside(file), 1, 1);
  }
  const program = 'dist/ldms-entrypoint';
  if (withProgram) copyFileSync(join(repository, program), inside(program), constants.COPYFILE_FICLONE);
}

function give(directory: string, { uid, gid }: User): void {
  chownSync(directory, uid, gid);
  for (const file of allBelow(directory)) lchownSync(join(directory, file), uid, gid);
}

const as = (user: User | undefined): readonly string[] =>
  user ? ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, `--groups=${user.groups.join(',')}`] : [];

/** Everything below a directory, directories too; links are not followed. */
export function allBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const below = entry.isDirectory() ? allBelow(join(directory, entry.name)) : [];
    return [entry.name, ...below.map((name) => join(entry.name, name))];
  });
}

/** Files by their path, and what is to be told of each. */
export type Files = Readonly<Record<string, string>>;

/** Each file below a directory: its mode and what is in it, by its path. */
export function contentOf(directory: string): Files {
  return described(directory, (path) => {
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) return `link to ${readlinkSync(path)}`;
    const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
    return `${(stat.mode & 0o7777).toString(8)} ${digest}`;
  });
}

/** Each file below a directory by its path: which one it is, and when it was changed. What is written anew differs. */
export function identityOf(directory: string): Files {
  return described(directory, (path) => {
    const { ino, ctimeNs, mtimeNs } = lstatSync(path, { bigint: true });
    return [ino, ctimeNs, mtimeNs].join(' ');
  });
}

const described = (directory: string, describe: (path: string) => string): Files =>
  Object.fromEntries(filesBelow(directory).map((file) => [file, describe(join(directory, file))]));

/** What a tree says of itself. */
export interface TreeRecord {
  readonly components: Readonly<
    Partial<Record<Component, { readonly repository: string; readonly ref: string; readonly commit: string }>>
  >;
}

/** Where an OVIS tree has its record. */
export const treeRecord = 'share/ldms-images/sources.json';

/** Reads the record in a tree. */
export const recordOf = (tree: string, file = treeRecord): TreeRecord =>
  JSON.parse(readFileSync(join(tree, file), 'utf8'));

/** A table of `--dry-run`: by step, what is to be done, and why; of a component the name alone. */
export function planOf(stdout: string): Readonly<Record<string, string>> {
  const lines = stdout.slice(stdout.indexOf('STEP ')).trimEnd().split('\n');
  const rows = lines.slice(1).map((line) => line.trim().split(/ {2,}/));
  return Object.fromEntries(
    rows.map(([step = '', todo = '', why]) => [
      step.replace(/ [0-9a-f]{12}$/, ''),
      why ? `${todo}: ${why}` : todo,
    ]),
  );
}

/** Runs lines of bash in a container of the dev image, with an OVIS tree where OVIS is. */
export async function inDev(tree: string, lines: string): Promise<string> {
  const paths = ['--env=LD_LIBRARY_PATH=/opt/ovis/lib', `--volume=${tree}:/opt/ovis`];
  const where = ['--network=none', '--entrypoint=bash', ...paths];
  const { code, stdout, stderr } = await engine(['run', '--rm', ...where, devImage, '-ec', lines]);
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  return stdout;
}
