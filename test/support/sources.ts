/**
 * Git repositories that stand in for the sources of OVIS and of the grafana plugin: tiny ones, which are
 * built as the real ones are (test/standins/sources). Their commits are the same wherever they are made.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Component, components, type Kind, recipes } from '../../images/build/sources/components.ts';

/** The branch that a clone has, the other one, and the tag: all are at the first commit to begin with. */
export const defaultBranch = 'main';
export const otherBranch = 'next';
/** An annotated tag, whose own hash is not the commit's. ovis takes its version from it. */
export const firstTag: Readonly<Record<Component, string>> = {
  maestro: 'v1.0.0',
  sos: 'v6.0.1',
  ovis: 'v4.4.4',
  numsos: 'v1.0.0',
  'sosdb-ui': 'v1.0.0',
  'sosdb-grafana': 'v1.0.0',
  dsosds: 'v1.0.0',
};

/** The repositories, one for each component. What fails throws, with git's words. */
export interface Sources {
  /** Absolute. */
  readonly directory: string;
  /** A component's address: `file://…`. */
  url(component: Component): string;
  /** The full hash of the commit that a branch or a tag, the default branch if none is named, is at. */
  at(component: Component, ref?: string): string;
  /** A file's text on the default branch. */
  read(component: Component, file: string): string;
  /** Commits another text of a file, or a new file, to the default branch; the commit's full hash. */
  commit(component: Component, file: string, text: string): string;
  /** Commits a mistake that ends the component's build, and names itself {@link mistake}; the commit's full hash. */
  spoil(component: Component): string;
  /** Commits the remedy; the commit's full hash. */
  mend(component: Component): string;
  /** Makes or moves a branch, to the default branch's commit if none is named. */
  branch(component: Component, name: string, commit?: string): void;
  /** Makes or moves an annotated tag, likewise. */
  tag(component: Component, name: string, commit?: string): void;
}

/**
 * Makes the repositories.
 *
 * @param directory for all of them; made if it is not there
 * @param which those that are made
 */
export function makeRepositories(directory: string, which: readonly Component[] = components): Sources {
  const all = resolve(directory);
  const place = (component: Component) => join(all, component);
  for (const component of which) makeRepository(component, place(component));

  const at: Sources['at'] = (component, ref = defaultBranch) =>
    git(place(component), 'rev-parse', '--verify', `${ref}^{commit}`);
  const read: Sources['read'] = (component, file) => readFileSync(join(place(component), file), 'utf8');
  const commit: Sources['commit'] = (component, file, text) => {
    const path = join(place(component), file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return commitAll(place(component), `Change ${file}`);
  };
  return {
    directory: all,
    url: (component) => pathToFileURL(place(component)).href,
    at,
    read,
    commit,
    spoil: (component) => {
      const { file, line } = spoilt[component];
      return commit(component, file, `${line}\n${read(component, file)}`);
    },
    mend: (component) => {
      const { file, line } = spoilt[component];
      return commit(component, file, read(component, file).replace(`${line}\n`, ''));
    },
    branch: (component, name, to = at(component)) => {
      git(place(component), 'update-ref', `refs/heads/${name}`, to);
    },
    tag: (component, name, to = at(component)) => {
      git(place(component), 'tag', '--force', '--annotate', `--message=${name}`, name, to);
    },
  };
}

const standins = join(import.meta.dirname, '../standins');
const modules = 'ovis/lib/python3.11/site-packages';

/** What a repository has of the other stand-ins: its own path, and where the file or directory is. */
const borrowed: Readonly<Record<Component, Readonly<Record<string, string>>>> = {
  maestro: {
    'bin/maestro': 'ovis/bin/maestro',
    'bin/maestro_ctrl': 'ovis/bin/maestro_ctrl',
    maestro: `${modules}/maestro`,
  },
  sos: Object.fromEntries(
    ['dsosd', 'dsosql', 'ods_dump', 'rpcgen', 'sos-db'].map((tool) => [`cmd/${tool}`, `ovis/bin/${tool}`]),
  ),
  ovis: {
    'daemon/ldmsd.py': 'ovis/sbin/ldmsd',
    'daemon/ldms_ls.py': 'ovis/sbin/ldms_ls',
    'python/ldms_standin': `${modules}/ldms_standin`,
    'python/ldmsd': `${modules}/ldmsd`,
    'python/ldmsd_controller': 'ovis/bin/ldmsd_controller',
    'python/ovis_ldms': `${modules}/ovis_ldms`,
    'etc/set-ovis-variables.sh': 'ovis/etc/profile.d/set-ovis-variables.sh',
    'etc/sampler.conf': 'ovis/etc/ldms/sampler.conf',
    'doc/README': 'ovis/share/doc/ldms/README',
    'doc/ldmsd.8': 'ovis/share/man/man8/ldmsd.8',
  },
  numsos: { 'python/graf_analysis': `${modules}/graf_analysis` },
  'sosdb-ui': Object.fromEntries(
    [
      ...['container', 'jobs', 'objbrowser', 'sos_db', 'sosdb_auth', 'static', 'templates'],
      ...['__init__', 'urls', 'views', 'wsgi'].map((module) => `sosgui/${module}.py`),
    ].map((path) => [path, `ovis/ui/${path}`]),
  ),
  'sosdb-grafana': {
    grafana: 'ovis/ui/grafana',
    'sosgui/grafana_settings.py': 'ovis/ui/sosgui/grafana_settings.py',
  },
  dsosds: {
    'dist/plugin.json': 'dsosds/plugin.json',
    'dist/module.js': 'dsosds/module.js',
    'dist/img': 'dsosds/img',
  },
};

/** What stands in the output of a build that {@link Sources.spoil} has made fail. */
export const mistake = 'a mistake for a test';

/** The line that a component's build ends at, and the file that it is put at the beginning of. */
const spoilt: Readonly<Record<Component, { readonly file: string; readonly line: string }>> = {
  maestro: { file: 'setup.py', line: `raise SystemExit('${mistake}')` },
  sos: { file: 'lib/sos.c', line: `#error ${mistake}` },
  ovis: { file: 'daemon/ldmsd.c', line: `#error ${mistake}` },
  numsos: { file: 'python/numsos/Inputer.c', line: `#error ${mistake}` },
  'sosdb-ui': { file: 'configure.ac', line: `m4_fatal([${mistake}])` },
  'sosdb-grafana': { file: 'configure.ac', line: `m4_fatal([${mistake}])` },
  dsosds: { file: 'package.json', line: mistake },
};

function makeRepository(component: Component, place: string): void {
  const copy = (from: string, to: string) =>
    cpSync(join(standins, from), join(place, to), {
      recursive: true,
      // Of a Python that has run the stand-ins.
      filter: (path) => basename(path) !== '__pycache__',
    });
  copy(`sources/${component}`, '.');
  copy('sources/hold', 'hold');
  for (const [to, from] of Object.entries(borrowed[component])) copy(from, to);
  git(place, 'init', '--quiet', '--template=', `--initial-branch=${defaultBranch}`);
  // As the servers that the real ones are on: any commit can be asked for.
  git(place, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
  commitAll(place, `A stand-in for ${component}`);
  git(place, 'branch', otherBranch);
  git(place, 'tag', '--annotate', `--message=${firstTag[component]}`, firstTag[component]);
}

function commitAll(place: string, message: string): string {
  git(place, 'add', '--all');
  git(place, 'commit', '--quiet', `--message=${message}`);
  return git(place, 'rev-parse', 'HEAD');
}

/** git, by none of the machine's settings; what it prints. */
function git(place: string, ...words: readonly string[]): string {
  const when = '2024-01-01T00:00:00Z';
  const env = {
    PATH: process.env['PATH'],
    HOME: '/nonexistent',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    // Nothing goes on in the background while the directory is removed.
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'maintenance.auto',
    GIT_CONFIG_VALUE_0: 'false',
    GIT_AUTHOR_NAME: 'nobody',
    GIT_AUTHOR_EMAIL: 'nobody@example.org',
    GIT_AUTHOR_DATE: when,
    GIT_COMMITTER_NAME: 'nobody',
    GIT_COMMITTER_EMAIL: 'nobody@example.org',
    GIT_COMMITTER_DATE: when,
  };
  return execFileSync('git', ['-C', place, ...words], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

/** The stages of a build in which a test can have it wait. */
export type Stage = 'autogen' | 'configure' | 'make' | 'install';
const stages: Readonly<Record<Kind, readonly Stage[]>> = {
  autotools: ['autogen', 'configure', 'make', 'install'],
  pip: ['install'],
  npm: ['install'],
};
/** The stages of a component's build, in their order. */
export const stagesOf = (component: Component): readonly Stage[] => stages[recipes[component].kind];

/** A build that waits in a stage, once it has come to it. */
export interface Held {
  /** Whether it has come to it, and waits. It prints `holding in STAGE` then, which pip shows later or never. */
  reached(): boolean;
  /** Lets it, and all later ones, go on. */
  release(): void;
}

/**
 * Has builds of a component wait in a stage, until they are released or ended.
 *
 * @param place the component's directory in the cache, in which its sources are in a directory
 */
export function hold(place: string, stage: Stage): Held {
  const held = join(place, `held-${stage}`);
  mkdirSync(place, { recursive: true });
  // Left by a build that was ended while it waited.
  rmSync(held, { force: true });
  writeFileSync(join(place, `hold-${stage}`), '');
  return {
    reached: () => existsSync(held),
    release: () => {
      for (const file of [join(place, `hold-${stage}`), held]) rmSync(file, { force: true });
    },
  };
}
