/**
 * Builds dist/ldms-entrypoint: TypeScript → one CommonJS bundle → a Node single-executable
 * application.
 *
 * usage: node build.mjs
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = import.meta.dirname;
const dist = join(root, 'dist');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

if (!process.version.startsWith('v26.')) {
  process.stderr.write(
    `build.mjs: this is Node ${process.version}, and the program is sealed into Node 26: use "npm run build", which finds it in node_modules\n`,
  );
  process.exit(1);
}

// Libraries that only some starts need. They are kept as assets beside the program, since a bundle
// that holds them all costs every start 5 ms, loaded or not.
const libraries = ['execa', 'minimist', 'pino', 'yaml'];

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
 * A library as one CommonJS file, to be embedded as an asset of the same name.
 *
 * @param {string} library
 */
async function bundleLibrary(library) {
  await build({
    ...common,
    entryPoints: [library],
    outfile: join(dist, `${library}.cjs`),
    absWorkingDir: root,
  });
}

/**
 * Our own code as one CommonJS file, the form that a sealed program starts fastest from. In it,
 * `import()` of our own modules and of the libraries is lazy.
 *
 * @param {string} entry
 * @param {string} out
 */
async function bundleProgram(entry, out) {
  await build({
    ...common,
    entryPoints: [join(root, entry)],
    outfile: join(dist, out),
    define: { LDMS_ENTRYPOINT_BUILD_VERSION: JSON.stringify(version) },
    plugins: [librariesFromAssets],
  });
}

/** @type {import('esbuild').Plugin} */
const librariesFromAssets = {
  name: 'libraries-from-assets',
  setup({ onResolve, onLoad }) {
    const filter = new RegExp(`^(${libraries.join('|')})$`);
    onResolve({ filter }, ({ path, kind, importer }) => {
      if (kind !== 'dynamic-import') {
        return {
          errors: [{ text: `${importer}: load ${path} with import() where it is needed: it is an asset` }],
        };
      }
      return { path, namespace: 'asset' };
    });
    onLoad({ filter, namespace: 'asset' }, ({ path }) => ({
      contents: `
        const code = process.getBuiltinModule('node:sea').getAsset('${path}.cjs', 'utf8');
        const compile = process.getBuiltinModule('node:vm').compileFunction;
        compile(code, ['require', 'module', 'exports'], { filename: '${path}' })(require, module, exports);
      `,
    }));
  },
};

/** Copies and strips the Node binary. The sealed file itself must not be stripped: it crashes then. */
function stripRuntime() {
  const runtime = join(dist, 'node-runtime');
  copyFileSync(process.execPath, runtime);
  try {
    execFileSync('strip', [runtime], { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!missing) throw error;
    process.stderr.write(
      'build.mjs: no strip(1) (binutils) here: the program gets 30 MB larger than it need be\n',
    );
  }
}

/**
 * Seals a bundle into the stripped runtime.
 *
 * @param {string} main
 * @param {string} out
 */
function seal(main, out) {
  const config = join(dist, `${out}.sea.json`);
  // Written beside and renamed: a program that is running cannot be written to.
  const output = join(dist, `${out}.new`);
  writeFileSync(
    config,
    JSON.stringify({
      main: join(dist, main),
      mainFormat: 'commonjs',
      executable: join(dist, 'node-runtime'),
      output,
      useCodeCache: true,
      useSnapshot: false,
      disableExperimentalSEAWarning: true,
      // --disable-sigusr1: SIGUSR1 must not open a debugger port, which on --network=host is the host's.
      execArgv: ['--v8-pool-size=0', '--disable-warning=ExperimentalWarning', '--disable-sigusr1'],
      // NODE_OPTIONS is for the daemon, if it is a Node program; it must not change us.
      execArgvExtension: 'none',
      assets: Object.fromEntries(
        libraries.map((library) => [`${library}.cjs`, join(dist, `${library}.cjs`)]),
      ),
    }),
  );
  // A fixed seed makes the code cache, and so the program, the same bytes each time.
  execFileSync(process.execPath, ['--random-seed=1', '--build-sea', config], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  renameSync(output, join(dist, out));
  rmSync(config);
  const megabytes = (statSync(join(dist, out)).size / 1e6).toFixed(0);
  process.stdout.write(`dist/${out}: ${megabytes} MB, version ${version}\n`);
}

mkdirSync(dist, { recursive: true });
for (const library of libraries) await bundleLibrary(library);
await bundleProgram('src/main.ts', 'ldms-entrypoint.cjs');
stripRuntime();
seal('ldms-entrypoint.cjs', 'ldms-entrypoint');
