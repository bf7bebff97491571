/**
 * The image builder in a checkout of its own, with stand-ins for the engines: they build nothing, keep
 * what they are asked, and answer from files.
 */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import { prefixOf } from '../../images/build/config/variables.ts';
import { components, type OvisComponent } from '../../images/build/sources/components.ts';
import { processesNaming } from './machine.ts';
import { killAll, type OnTerminal, startOnTerminal } from './probe.ts';
import { type Result, repository, run, type Started, type StartOptions, start } from './program.ts';
import { defaultBranch, makeRepositories, type Sources } from './sources.ts';

/** What a stand-in does for each thing that it is asked: lines of sh. */
export interface Answers {
  readonly info?: string;
  /** `network inspect bridge`. */
  readonly network?: string;
  /** Before it tells of an image. */
  readonly image?: string;
  /** While it builds the image that `$image` names; `exit` ends the build. */
  readonly build?: string;
  /** When it is to take an image from an archive. */
  readonly load?: string;
  /** The packages of the image that sources are built in. */
  readonly packages?: string;
  /**
   * While it builds `$component`, whose directory in the cache is `$place`, in the container `$container`;
   * `exit` ends that. Then it installs into `$tree`.
   */
  readonly run?: string;
  /** `ps`: the containers that there are. */
  readonly ps?: string;
  /** `stop` and `rm`. */
  readonly stop?: string;
  /** Whatever else it is asked. */
  readonly other?: string;
}

/** An image in the engine's store. */
export interface StandinImage {
  /** In bytes. */
  readonly size: number;
  readonly layers: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly arch?: string;
  /** One that goes with its name, unless another is given. */
  readonly id?: string;
}

/** A checkout with a builder. It is removed when its test has finished. */
export interface Builder {
  readonly directory: string;
  /** An OVIS tree with all that the images need, and a plugin folder beside it. */
  readonly ovis: string;
  readonly dsosds: string;
  /** Directory of the contexts and logs. */
  readonly place: string;
  readonly env: NodeJS.ProcessEnv;
  path(inside: string): string;
  write(inside: string, text: string, mode?: number): string;
  /** Puts a stand-in for an engine into PATH. */
  engine(name: 'docker' | 'podman' | 'buildah', answers?: Answers): void;
  /** Puts another program into PATH: lines of sh; what it is asked is kept. */
  install(name: string, text: string): void;
  /** Puts a program of the machine's own into PATH. */
  lend(name: string): Promise<void>;
  /** Puts an image into the store that the engines have in common. */
  have(name: string, image: StandinImage): void;
  /** What stand-ins have kept, with tabs between words: `asked docker build …`, `begun samp`, `ended samp`. */
  kept(): readonly string[];
  /** The words that an engine was given to build an image; undefined if it was not asked to. */
  asked(image: string): string[] | undefined;
  /** Each thing that was asked of a program, as its words with blanks between. */
  askedOf(program: string): string[];
  /** The images that were built to the end, in that order. */
  ended(): string[];
  /** Runs the builder to its end. */
  run(words: readonly string[], options?: StartOptions): Promise<Result>;
  start(words: readonly string[], options?: StartOptions): Started;
  /** Starts it on a terminal of 100 columns, or one that does not know how many it has. */
  startOnTerminal(words: readonly string[], columns?: 100 | 0): Promise<OnTerminal>;
}

/** What `docker info` of an engine of the year 2022 tells, in short. */
export const info = (about: object = {}): string =>
  `echo '${JSON.stringify({ ServerVersion: '20.10.24', DockerRootDir: '/nonexistent/docker', ...about })}'`;

/** Lines of sh that wait for a file, for as long as a test waits; variables in its name are sh's. */
export const waitFor = (file: string): string =>
  `i=0; until [ -e "${file}" ]; do i=$((i + 1)); [ $i -lt 1000 ] || exit 9; sleep 0.02; done`;

/** Lines of sh that go on for longer than any test, and not for ever should the test be killed. */
export const forLong = 'i=0; while [ $i -lt 5000 ]; do i=$((i + 1)); sleep 0.02; done';

/** An architecture that is not this machine's. */
export const otherArch = hostArch() === 'arm64' ? 'amd64' : 'arm64';

/** What stands in for each component of OVIS, by its name: all that the images need. */
const standinFiles: Readonly<Record<OvisComponent, readonly string[]>> = {
  maestro: ['bin/maestro', 'bin/maestro_ctrl'],
  sos: ['lib/libsos.so'],
  ovis: [
    ...['sbin/ldmsd', 'lib/libldms.so'],
    ...['libzap_sock.so', 'libmeminfo.so', 'libstore_csv.so'].map((file) => `lib/ovis-ldms/${file}`),
  ],
  numsos: ['lib/numsos.so'],
  'sosdb-ui': ['ui/sosgui/wsgi.py'],
  'sosdb-grafana': ['ui/grafana/views.py'],
};

/** A builder with a docker that answers. */
export function withDocker(answers: Answers = {}, whenFinished?: typeof onTestFinished): Builder {
  const builder = makeBuilder(whenFinished);
  builder.engine('docker', answers);
  return builder;
}

/**
 * Makes a checkout with the real builder, the real recipes, and a program that is up to date.
 *
 * @param whenFinished the test's own, of tests that run at the same time
 */
export function makeBuilder(whenFinished: typeof onTestFinished = onTestFinished): Builder {
  const directory = mkdtempSync(join(tmpdir(), 'ldms-images-'));
  whenFinished(() => {
    // Where a test has failed, stand-ins may still wait to be ended.
    killAll(processesNaming(directory));
    rmSync(directory, { recursive: true, force: true });
  });
  const path = (inside: string) => join(directory, inside);
  const write: Builder['write'] = (inside, text, mode = 0o644) => {
    mkdirSync(dirname(path(inside)), { recursive: true });
    writeFileSync(path(inside), text);
    chmodSync(path(inside), mode);
    return path(inside);
  };
  cpSync(join(repository, 'images'), path('images'), { recursive: true, preserveTimestamps: true });
  symlinkSync(join(repository, 'node_modules'), path('node_modules'));
  write('.gitignore', ['/node_modules', '/dist', '/bin', '/store', '/kept', '/site', ''].join('\n'));
  write('package.json', '{"name": "checkout", "version": "9.8.7", "type": "module"}\n');
  write('build.mjs', "throw new Error('a stand-in for build.mjs: it builds nothing');\n");
  for (const file of ['package-lock.json', 'src/main.ts']) write(file, '');
  for (const file of ['package.json', 'package-lock.json', 'src/main.ts', 'build.mjs']) {
    utimesSync(path(file), 1, 1);
  }
  for (const program of ['ldms-entrypoint', 'ldms-entrypoint-arm64', 'ldms-entrypoint-amd64']) {
    write(`dist/${program}`, 'stands for the sealed program', 0o755);
  }
  const plugins = ['libzap_sock.so', 'libmeminfo.so', 'libstore_csv.so'].map(
    (file) => `lib/ovis-ldms/${file}`,
  );
  const others = ['bin/maestro', 'bin/maestro_ctrl', 'sbin/ldmsd', 'lib/libldms.so', 'lib/libsos.so'];
  for (const file of [...plugins, ...others, 'ui/sosgui/wsgi.py']) write(`site/ovis/${file}`, '');
  write('site/dsosds/plugin.json', '{"id": "dsosds"}');
  write('kept', '');
  mkdirSync(path('store'));
  mkdirSync(path('bin'));

  const env: NodeJS.ProcessEnv = {
    // Nothing of the machine's own but what is not an engine.
    PATH: path('bin'),
    HOME: directory,
    INIT_CWD: path('site'),
    GIT_CEILING_DIRECTORIES: tmpdir(),
    GIT_CONFIG_NOSYSTEM: '1',
    // Most of the time that the builder takes to start is for its TypeScript, which is the same in all
    // checkouts: paths in the cache are relative to this one, which is a link.
    NODE_COMPILE_CACHE: path('node_modules/.cache/ldms-images'),
    NODE_COMPILE_CACHE_PORTABLE: '1',
  };
  const install: Builder['install'] = (name, text) => {
    write(
      `bin/${name}`,
      `#!/bin/sh
# A stand-in for ${name}. What it is asked is kept in a file.
PATH=/usr/bin:/bin
keep() { printf '%s\\n' "$*" >>'${path('kept')}'; }
IFS='	'
keep "asked	${name}	$*"
unset IFS
${text}
`,
      0o755,
    );
  };
  const engine: Builder['engine'] = (name, answers = {}) => {
    const infoOf = {
      docker: info(),
      podman: `echo '{"store": {"graphRoot": "/nonexistent/podman"}, "version": {"Version": "4.3.1"}}'`,
      buildah: `echo '{"store": {"GraphRoot": "/nonexistent/buildah"}}'`,
    };
    install(
      name,
      `store='${path('store')}'
show() { [ -f "$1" ] && IFS= read -r line <"$1" && printf '%s\\n' "$line"; }
# What it keeps of an image has the labels that it was given, and is another for others.
labelled() {
  file=$1
  shift
  for word; do case $word in --label=*) printf '%s\\n' "\${word#--label=}" ;; esac; done | awk -v file="$file" '
    { at = index($0, "="); key = substr($0, 1, at - 1); value = substr($0, at + 1) }
    key == "com.github.ovis-hpc.inputs" { id = value }
    { gsub(/[\\\\"]/, "\\\\\\\\&", value); labels = labels "," "\\"" key "\\":\\"" value "\\"" }
    END {
      if ((getline line < file) <= 0) exit 1
      if (id) sub(/of-[a-z]+/, id, line)
      at = index(line, "\\"Labels\\":{") + 9
      rest = substr(line, at + 1)
      print substr(line, 1, at) (rest ~ /^}/ ? substr(labels, 2) : substr(labels, 2) ",") rest
    }'
}
case $1 in
info)
  ${answers.info ?? infoOf[name]}
  ;;
network)
  ${answers.network ?? ':'}
  ;;
--version)
  echo '${name} version 1.28.2 (image-spec 1.0.2, runtime-spec 1.0.2)'
  ;;
image)
  ${answers.image ?? ':'}
  show "$store/$3" || { echo "Error: No such image: $3" >&2; exit 1; }
  ;;
inspect)
  show "$store/$4.buildah" || { echo "error locating image $4" >&2; exit 125; }
  ;;
build)
  for word; do context=$word; done
  image=\${context##*/}
  keep "begun	$image"
  [ -f "$context/Dockerfile" ] || { echo "no Dockerfile in $context" >&2; exit 1; }
  ${answers.build ?? ':'}
  for word; do
    case $word in
    --tag=*)
      name=$store/\${word#--tag=}
      [ -d "\${name%/*}" ] || mkdir -p "\${name%/*}"
      labelled "$store/of-$image" "$@" >"$name"
      labelled "$store/of-$image.buildah" "$@" >"$name.buildah"
      ;;
    esac
  done
  keep "ended	$image"
  ;;
run)
  for word; do
    case $word in
    --name=*) container=\${word#--name=} ;;
    --volume=*:/build/script:ro | --volume=*:/build/home) ;;
    --volume=*:/build/*) place=\${word#--volume=} component=\${word##*/} place=\${place%%:*} ;;
    --volume=*) tree=\${word#--volume=} tree=\${tree%%:*} ;;
    esac
  done
  case "$*" in
  *--entrypoint=cat*)
    ${answers.packages ?? "echo 'gcc 12.2.0'"}
    ;;
  *)
    keep "building	$component"
    ${answers.run ?? ':'}
    # As the real one: a stage that is done is not done again.
    if [ -e "$place/stages/install" ]; then exit; fi
    put() { mkdir -p "$tree/\${1%/*}"; { echo "$component"; cat "$place/src/NEWS" 2>/dev/null; } >"$tree/$1"; }
    case $component in
    ${Object.entries(standinFiles)
      .map(([component, files]) => `${component}) for file in ${files.join(' ')}; do put $file; done ;;`)
      .join('\n    ')}
    esac
    : >"$place/stages/install"
    keep "built	$component"
    ;;
  esac
  ;;
ps)
  ${answers.ps ?? ':'}
  ;;
stop | rm)
  ${answers.stop ?? ':'}
  ;;
load | pull)
  ${answers.load ?? ':'}
  ;;
*)
  ${answers.other ?? ':'}
  ;;
esac`,
    );
  };
  const have: Builder['have'] = (
    name,
    { size, layers, labels = {}, arch = hostArch(), id = `sha256:${name}` },
  ) => {
    const told = [
      {
        Id: id,
        Size: size,
        Architecture: arch,
        Created: '2022-04-15T05:20:00.123456789Z',
        RootFS: { Layers: layers },
        Config: { Labels: labels },
      },
    ];
    const toldByBuildah = {
      FromImageID: name,
      Docker: { architecture: arch, rootfs: { diff_ids: layers }, config: { Labels: labels } },
    };
    write(`store/${name}`, `${JSON.stringify(told)}\n`);
    write(`store/${name}.buildah`, `${JSON.stringify(toldByBuildah)}\n`);
  };
  // What a build leaves in the store.
  have('of-common', { size: 200e6, layers: ['base', 'packages', 'program'] });
  for (const [at, image] of ['dev', 'samp', 'agg', 'maestro', 'ui'].entries()) {
    have(`of-${image}`, { size: (201 + at) * 1e6, layers: ['base', 'packages', 'program', image] });
  }
  have('of-grafana', { size: 350e6, layers: ['ubuntu', 'grafana', 'dsosds'] });

  const main = path('images/build/main.ts');
  const kept = () => readFileSync(path('kept'), 'utf8').trimEnd().split('\n');
  const asked = () =>
    kept()
      .map((line) => line.split('\t'))
      .filter(([what]) => what === 'asked')
      .map(([, ...words]) => words);
  return {
    directory,
    ovis: path('site/ovis'),
    dsosds: path('site/dsosds'),
    place: path(`dist/images/${hostArch()}`),
    env,
    path,
    write,
    engine,
    install,
    lend: async (name) => {
      const { stdout } = await run('sh', ['-c', `command -v ${name}`]);
      symlinkSync(stdout.trim(), path(`bin/${name}`));
    },
    have,
    kept,
    asked: (image) => asked().find((words) => words[1] === 'build' && words.at(-1)?.endsWith(`/${image}`)),
    askedOf: (program) =>
      asked()
        .filter(([name]) => name === program)
        .map(([, ...words]) => words.join(' ')),
    ended: () => kept().flatMap((line) => /^ended\t(.*)$/.exec(line)?.[1] ?? []),
    run: (words, options) => run(process.execPath, [main, ...words], { env, ...options }),
    start: (words, options) => start(process.execPath, [main, ...words], { env, ...options }),
    startOnTerminal: (words, columns = 100) =>
      startOnTerminal(
        ['sh', '-c', `stty cols ${columns} rows 40; exec "$@"`, 'sh', process.execPath, main, ...words],
        { path, env: { ...env, PATH: `${env['PATH']}:${process.env['PATH']}` } },
      ),
  };
}

/** A builder that is to build from sources. */
export interface SourceBuilder extends Builder {
  readonly sources: Sources;
  /** What makes the builder use the sources: they go behind a command. */
  readonly options: readonly string[];
  /** The trees that are made; those of a builder without sources are elsewhere. */
  readonly ovis: string;
  readonly dsosds: string;
  /** Where the sources are kept. */
  readonly cache: string;
  /** What was built since it was asked last: components and images, each at its end, sorted. */
  built(): string[];
}

/** A builder with a docker, and sources of everything on their default branches. */
export async function withSources(
  answers: Answers = {},
  whenFinished?: typeof onTestFinished,
): Promise<SourceBuilder> {
  const builder = withDocker(answers, whenFinished);
  const sources = makeRepositories(builder.path('site/sources'));
  const lines = components.flatMap((component) => {
    const prefix = prefixOf(component);
    return [`${prefix}_REPO=${sources.url(component)}`, `${prefix}_BRANCH=${defaultBranch}`];
  });
  builder.write('site/sources.env', `${['OVIS=site/made/ovis', ...lines].join('\n')}\n`);
  for (const program of ['git', 'sync']) await builder.lend(program);
  return {
    ...builder,
    sources,
    options: ['--config=sources.env'],
    ovis: builder.path('site/made/ovis'),
    dsosds: builder.path('site/made/dsosds'),
    cache: builder.path(`dist/sources/${hostArch()}`),
    built: () => {
      const ended = builder.kept().flatMap((line) => /^(?:ended|built)\t(.*)$/.exec(line)?.[1] ?? []);
      builder.write('kept', '');
      return ended.sort();
    },
  };
}

/** Makes the checkout a git repository with one commit, and gives the builder git. */
export async function commit(builder: Builder): Promise<{ revision: string; time: Date }> {
  const time = new Date('2022-04-15T05:20:00Z');
  const env = {
    ...builder.env,
    PATH: process.env['PATH'],
    GIT_AUTHOR_NAME: 'nobody',
    GIT_AUTHOR_EMAIL: 'nobody@example.org',
    GIT_COMMITTER_NAME: 'nobody',
    GIT_COMMITTER_EMAIL: 'nobody@example.org',
    GIT_COMMITTER_DATE: time.toISOString(),
  };
  const sh = async (line: string) => {
    const { code, stdout, stderr } = await run('sh', ['-c', line], { env, cwd: builder.directory });
    if (code !== 0) throw new Error(`${line}: ${stderr}`);
    return stdout.trim();
  };
  await sh('git init --quiet && git add . && git commit --quiet --message=one');
  await builder.lend('git');
  return { revision: await sh('git rev-parse HEAD'), time };
}
