/**
 * Builds dist/ldms-entrypoint: TypeScript → CommonJS bundles → code caches made by a first run →
 * a Node single-executable application. For another architecture, whose programs do not run here, it is
 * the same without code caches.
 *
 * usage: node build.mjs [--arch amd64|arm64]
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';
import minimist from 'minimist';

const root = import.meta.dirname;
const dist = join(root, 'dist');
const { version, devDependencies, runtimes } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

if (!process.version.startsWith('v26.')) {
  process.stderr.write(
    `build.mjs: this is Node ${process.version}, and the program is sealed into Node 26: use "npm run build", which finds it in node_modules\n`,
  );
  process.exit(1);
}
// Only now: an older Node does not read TypeScript.
const { arches, hostArch } = await import('./images/build/arch.ts');
const { BuilderError, exitStatus } = await import('./images/build/problem.ts');
const { fetchRuntime, prepareRuntime } = await import('./images/build/runtime.ts');

const usage = `usage: npm run build [-- --arch ${arches.join('|')}]

Builds dist/ldms-entrypoint, or dist/ldms-entrypoint-ARCH if ARCH is not this machine's architecture.
Another architecture's Node comes from the npm registry, the first time.
`;

// Libraries, and parts of ours, that only some starts need. They are scripts of their own, since a
// bundle that holds them all costs every start 5 ms and more, loaded or not. What parts have in common
// is in each of them: they keep nothing that another would have to know.
const libraries = ['execa', 'minimist', 'pino', 'yaml'];
/** @type {Record<string, string>} */
const parts = {
  cluster: 'src/cluster/command.ts',
  commands: 'src/commands/index.ts',
  dsosd: 'src/dsosd/plan.ts',
  grafana: 'src/grafana/plan.ts',
  maestro: 'src/maestro/plan.ts',
  stay: 'src/commands/stay.ts',
  ui: 'src/ui/plan.ts',
};
const scripts = ['program', ...libraries, ...Object.keys(parts)];
// Their code caches are made without running them: they are not on the way to `exec`.
const cachedWhole = ['yaml', ...Object.keys(parts)];

/** @type {import('esbuild').BuildOptions} */
const common = {
  bundle: true,
  platform: 'node',
  target: 'node26',
  format: 'cjs',
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
};

/**
 * The architecture that is asked for, if it is not this machine's.
 *
 * @param {string[]} words behind `node build.mjs`; --help is not among them
 */
function foreignArch(words) {
  /** @type {string[]} */
  const wrong = [];
  const unknown = (/** @type {string} */ word) => {
    wrong.push(`there is no argument ${word}`);
    return false;
  };
  const given = minimist(words, { string: ['arch'], unknown });
  given._.forEach(unknown);
  const asked = [given['arch'] ?? []].flat();
  if (asked.length > 1) wrong.push('--arch is given twice: one at a time');
  const strange = asked.find((arch) => !arches.includes(arch));
  if (strange !== undefined)
    wrong.push(`--arch ${strange || 'without a value'}: there are ${arches.join(', ')}`);
  if (wrong.length > 0) throw new BuilderError('usage', wrong);
  return arches.find((arch) => arch === asked[0] && arch !== hostArch());
}

/**
 * Bundles something as one script: a function of `require`, `module`, `exports` and `load`, which
 * loads another script. In it, `import()` of our own modules and of the libraries is lazy.
 *
 * @param {string} place
 * @param {string} name
 * @param {string} entry
 * @param {import('esbuild').BuildOptions} [options]
 */
async function bundle(place, name, entry, options) {
  const outfile = join(place, `${name}.cjs`);
  await build({ ...common, ...options, entryPoints: [entry], outfile, absWorkingDir: root });
  writeFileSync(outfile, `(function(require,module,exports,load){${readFileSync(outfile, 'utf8')}\n})`);
}

/** @type {import('esbuild').Plugin} */
const fromAssets = {
  name: 'from-assets',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\./ }, ({ path, kind, resolveDir }) => {
      const file = relative(root, join(resolveDir, path));
      const part = Object.keys(parts).find((name) => parts[name] === file);
      return part && kind === 'dynamic-import' ? { path: part, namespace: 'asset' } : undefined;
    });
    const filter = new RegExp(`^(${libraries.join('|')})$`);
    onResolve({ filter }, ({ path, kind, importer }) => {
      if (kind !== 'dynamic-import') {
        return {
          errors: [{ text: `${importer}: load ${path} with import() where it is needed: it is an asset` }],
        };
      }
      return { path, namespace: 'asset' };
    });
    onLoad({ filter: /./, namespace: 'asset' }, ({ path }) => ({ contents: `load('${path}', module)` }));
  },
};

/**
 * The first script of the sealed program: it loads the others, from assets.
 *
 * @param {readonly string[]} cached names of the scripts that have a code cache
 */
function bootScript(cached) {
  return `const { getAsset, getRawAsset } = process.getBuiltinModule('node:sea');
const { Script } = process.getBuiltinModule('node:vm');
const scripts = new Map();
function load(name, module) {
  const cachedData = ${JSON.stringify(cached)}.includes(name) ? Buffer.from(getRawAsset(name + '.cache')) : undefined;
  const script = new Script(getAsset(name + '.cjs', 'utf8'), { filename: name, cachedData });
  scripts.set(name, script);
  script.runInThisContext()(require, module, module.exports, load);
}
load('program', module);
`;
}

/**
 * The variant that is run once while building: when it would become the daemon, it writes the code
 * caches of the scripts that it has loaded instead. A cache made then holds all functions that a
 * start needs, and not only those that V8 compiles at once: that saves 3 of the 7 ms that our own
 * code takes otherwise.
 */
function warmBootScript() {
  return `function writeCaches() {
  const { writeFileSync } = process.getBuiltinModule('node:fs');
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  for (const [name, script] of scripts) writeFileSync(name + '.cache', script.createCachedData());
  for (const name of ${JSON.stringify(cachedWhole)}) {
    setFlagsFromString('--no-lazy');
    const script = new Script(getAsset(name + '.cjs', 'utf8'), { filename: name });
    setFlagsFromString('--lazy');
    writeFileSync(name + '.cache', script.createCachedData());
  }
  process.exit(0);
}
const { DynamicLibrary } = process.getBuiltinModule('node:ffi');
const { getFunction } = DynamicLibrary.prototype;
DynamicLibrary.prototype.getFunction = function (name, signature) {
  return name === 'execve' ? writeCaches : getFunction.call(this, name, signature);
};
${bootScript([])}`;
}

/**
 * Runs the warm variant through a start with the host's munge, which uses nearly all that any
 * start uses. What it meets is made here: a socket, and programs that succeed, always in the same
 * way, so that the caches are the same bytes each time.
 */
async function makeCodeCaches() {
  const place = mkdtempSync(join(tmpdir(), 'ldms-entrypoint-build-'));
  const socket = join(place, 'run/munge/munge.socket.2');
  mkdirSync(dirname(socket), { recursive: true });
  for (const name of ['ldmsd', 'munge', 'unmunge'])
    writeFileSync(join(place, name), '#!/bin/sh\ncat\n', { mode: 0o755 });
  const server = createServer();
  await new Promise((resolve) => server.listen(socket, () => resolve(undefined)));
  const env = { PATH: `${place}:/usr/bin:/bin`, LDMS_ENTRYPOINT_ROOT: place, LDMS_ENTRYPOINT_MUNGE: 'host' };
  const child = spawn(join(dist, 'warm'), ['samp', '-x', 'sock:411', '-F'], {
    env,
    cwd: dist,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  server.close();
  rmSync(place, { recursive: true });
  rmSync(join(dist, 'warm'));
  if (code !== 0) throw new Error(`the program ended with ${code} while its code caches were made: ${said}`);
  const cached = scripts.filter((name) => existsSync(join(dist, `${name}.cache`)));
  if (!cached.includes('program')) throw new Error('the program made no code cache: starts would be slow');
  return cached;
}

/**
 * The Node binary that the program is sealed into: for this machine, the one that runs this.
 *
 * @param {import('./images/build/arch.ts').Arch | undefined} foreign
 */
function findRuntime(foreign) {
  if (!foreign) return process.execPath;
  // What --build-sea writes is for the version that it is of.
  const pinned = devDependencies.node;
  if (process.version !== `v${pinned}`) {
    throw new BuilderError('input', [
      `this is Node ${process.version}, and package.json has ${pinned}: npm ci`,
    ]);
  }
  return fetchRuntime(foreign, { version: pinned, integrities: runtimes }, dist);
}

/**
 * Seals a first script and its assets into the stripped runtime.
 *
 * @param {string} place where the runtime and the assets are
 * @param {string} main
 * @param {string} out the sealed program's name in dist/
 * @param {readonly string[]} assets names of files
 * @param {readonly string[]} options of Node's, beside those that every start has
 */
function seal(place, main, out, assets, options = []) {
  const script = `${out}.boot.cjs`;
  const config = `${out}.sea.json`;
  // Written beside and renamed: a program that is running cannot be written to.
  const output = `${out}.new`;
  writeFileSync(join(place, script), main);
  writeFileSync(
    join(place, config),
    JSON.stringify({
      main: script,
      mainFormat: 'commonjs',
      executable: 'node-runtime',
      output,
      // Of the first script, which is short; and its bytes would not be the same each time.
      useCodeCache: false,
      useSnapshot: false,
      disableExperimentalSEAWarning: true,
      // --disable-sigusr1: SIGUSR1 must not open a debugger port, which on --network=host is the host's.
      // --max-semi-space-size: a supervisor that stays keeps 3 MB less of what it has let go. (Not every option
      // of V8 will do: with --expose-gc it takes none of the code caches that Node has of its own modules.)
      execArgv: [
        '--v8-pool-size=0',
        '--max-semi-space-size=1',
        '--disable-warning=ExperimentalWarning',
        '--disable-sigusr1',
        ...options,
      ],
      // NODE_OPTIONS is for the daemon, if it is a Node program; it must not change us.
      execArgvExtension: 'none',
      assets: Object.fromEntries(assets.map((name) => [name, name])),
    }),
  );
  // A fixed seed, and names without directories (they are kept in the program), make the program the
  // same bytes each time.
  execFileSync(process.execPath, ['--random-seed=1', '--build-sea', config], {
    cwd: place,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  renameSync(join(place, output), join(dist, out));
  rmSync(join(place, config));
  rmSync(join(place, script));
}

/**
 * Builds the program in a directory of the build's own, or in dist/.
 *
 * @param {string} place
 * @param {import('./images/build/arch.ts').Arch | undefined} foreign
 * @returns its name in dist/
 */
async function make(place, foreign) {
  const out = foreign ? `ldms-entrypoint-${foreign}` : 'ldms-entrypoint';
  const warning = prepareRuntime(findRuntime(foreign), join(place, 'node-runtime'), foreign);
  if (warning) process.stderr.write(`build.mjs: ${warning}\n`);
  const define = { LDMS_ENTRYPOINT_BUILD_VERSION: JSON.stringify(version) };
  for (const [name, entry] of Object.entries({ program: 'src/main.ts', ...parts })) {
    await bundle(place, name, join(root, entry), { define, plugins: [fromAssets] });
  }
  for (const library of libraries) await bundle(place, library, library);
  const sources = scripts.map((name) => `${name}.cjs`);
  /** @type {string[]} */
  let cached = [];
  if (!foreign) {
    // A fixed seed makes the code caches, and so the program, the same bytes each time. So does one thread
    // alone: a cache tells which functions another thread is compiling at that moment.
    const sameEachTime = ['--random-seed=1', '--no-concurrent-sparkplug', '--no-concurrent-recompilation'];
    seal(place, warmBootScript(), 'warm', sources, sameEachTime);
    cached = await makeCodeCaches();
  }
  seal(place, bootScript(cached), out, [...sources, ...cached.map((name) => `${name}.cache`)]);
  return out;
}

/**
 * Makes a symbolic link, in place of whatever is there.
 *
 * @param {string} target
 * @param {string} path
 */
function linkOver(target, path) {
  rmSync(path, { force: true });
  symlinkSync(target, path);
}

/** Builds what the command line asks for. */
async function main() {
  const words = process.argv.slice(2);
  if (words.includes('--help') || words.includes('-h')) return void process.stdout.write(usage);
  const foreign = foreignArch(words);
  mkdirSync(dist, { recursive: true });
  // The program of an earlier build stays in place until the new one is renamed over it.
  if (!foreign) for (const name of scripts) rmSync(join(dist, `${name}.cache`), { force: true });
  // Beside dist's own files, which are the ordinary build's.
  const place = foreign ? mkdtempSync(join(dist, `${foreign}.`)) : dist;
  try {
    const out = join(dist, await make(place, foreign));
    // The same program by its other name; whoever copies dist/ to a site has both.
    if (!foreign) linkOver('ldms-entrypoint', join(dist, 'ldms-cluster'));
    const megabytes = (statSync(out).size / 1e6).toFixed(0);
    process.stdout.write(`${relative(root, out)}: ${megabytes} MB, version ${version}\n`);
  } finally {
    if (foreign) rmSync(place, { recursive: true });
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof BuilderError)) throw error;
  for (const sentence of error.sentences) process.stderr.write(`build.mjs: ${sentence}\n`);
  if (error.kind === 'usage') process.stderr.write(`\n${usage}`);
  process.exitCode = exitStatus[error.kind];
}
