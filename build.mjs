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

mkdirSync(dist, { recursive: true });
await bundle('src/main.ts', 'ldms-entrypoint.cjs');
stripRuntime();
seal('ldms-entrypoint.cjs', 'ldms-entrypoint');

/**
 * One CommonJS file: the form that a sealed program starts fastest from. `import()` of our own
 * modules stays lazy in it.
 *
 * @param {string} entry
 * @param {string} out
 */
async function bundle(entry, out) {
  await build({
    entryPoints: [join(root, entry)],
    outfile: join(dist, out),
    bundle: true,
    platform: 'node',
    target: 'node26',
    format: 'cjs',
    minify: true,
    keepNames: true,
    legalComments: 'none',
    logLevel: 'warning',
    define: { LDMS_ENTRYPOINT_BUILD_VERSION: JSON.stringify(version) },
  });
}

/** Copies and strips the Node binary. The sealed file itself must not be stripped: it crashes then. */
function stripRuntime() {
  const runtime = join(dist, 'node-runtime');
  copyFileSync(process.execPath, runtime);
  try {
    execFileSync('strip', [runtime], { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!missing) throw error;
    process.stderr.write('build.mjs: no strip(1) (binutils) here: the program gets 30 MB larger than it need be\n');
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
    }),
  );
  // A fixed seed makes the code cache, and so the program, the same bytes each time.
  execFileSync(process.execPath, ['--random-seed=1', '--build-sea', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  renameSync(output, join(dist, out));
  rmSync(config);
  const megabytes = (statSync(join(dist, out)).size / 1e6).toFixed(0);
  process.stdout.write(`dist/${out}: ${megabytes} MB, version ${version}\n`);
}
