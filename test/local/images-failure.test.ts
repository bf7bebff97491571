/** A step that fails: what is told of it, and what is built all the same. */
import { readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import { withDocker } from '../support/images.ts';

const failing = (image: string) =>
  `case $image in ${image}) i=0; while [ $i -lt 30 ]; do i=$((i + 1)); echo "line $i"; done; echo "E: no such package" >&2; exit 100 ;; esac`;

/** What stdout may have: the engine, and the steps that begin and that end well. */
const progress = /^(docker 20\.10\.24, .*\n)((❯|✔) .*\n)*$/;

test('is told with its last lines and its log; the others are built', async () => {
  const builder = withDocker({ build: failing('samp') });
  const { code, stdout, stderr } = await builder.run(['build', '--jobs=1']);
  expect(code).toBe(1);
  expect(builder.ended().sort()).toEqual(['agg', 'common', 'dev', 'grafana', 'maestro', 'ui']);
  expect(stdout).toMatch(progress);
  expect(stdout).not.toContain('✔ ldms-samp');
  const log = join(builder.place, 'log/samp.log');
  const shown = stderr.split('\n');
  expect(shown.slice(0, 4)).toEqual([
    '✖ ldms-samp [FAILED: docker build failed (exit code 100)]',
    '',
    `error: samp: docker build failed (exit code 100); its last lines, from ${log}:`,
    '  | line 12',
  ]);
  expect(shown.slice(-3)).toEqual(['  | line 30', '  | E: no such package', '']);
  expect(shown).toHaveLength(3 + 20 + 1);
  const kept = readFileSync(log, 'utf8').split('\n');
  expect(kept).toContain('line 1');
  expect(kept).toContain('E: no such package');
  expect(readdirSync(join(builder.place, 'log'))).toContain('agg.log');
  expect(readdirSync(builder.place)).toEqual(['log']);
});

test('and that others are built from, keeps those from being built, and no more', async () => {
  const builder = withDocker({ build: failing('common') });
  const { code, stdout, stderr } = await builder.run(['build', 'agg', 'samp', 'grafana']);
  expect(code).toBe(1);
  expect(builder.ended()).toEqual(['grafana']);
  for (const image of ['samp', 'agg']) expect(builder.asked(image)).toBeUndefined();
  expect(stdout).toMatch(progress);
  const told = stderr.slice(stderr.indexOf('\nerror: '));
  expect(told.match(/^error: .*/gm)).toEqual([
    `error: common: docker build failed (exit code 100); its last lines, from ${builder.place}/log/common.log:`,
  ]);
  expect(told.split('\n\n').slice(1)).toEqual([
    'not built, since common failed: samp, agg',
    'debian:bookworm-slim is not there; where no image registry can be reached: npm run images -- base\n',
  ]);
});

test('and whose base is there, is not blamed on that', async () => {
  const builder = withDocker({ build: failing('common') });
  builder.have('debian:bookworm-slim', { size: 1, layers: ['base'] });
  const { code, stderr } = await builder.run(['build', 'samp']);
  expect(code).toBe(1);
  expect(stderr).toContain('error: common: docker build failed');
  expect(stderr).toMatch(/\n\nnot built, since common failed: samp\n$/);
  expect(stderr).not.toContain('is not there');
});

test('the program: it is built when its sources are newer, and nothing without it', async () => {
  const builder = withDocker();
  const built = builder.path('dist/ldms-entrypoint');
  builder.write(
    'build.mjs',
    `import { writeFileSync } from 'node:fs';
if (process.argv.slice(2).join(' ') !== '--arch ${hostArch()}') throw new Error('another architecture');
writeFileSync('${built}', 'built by a stand-in for build.mjs');
`,
  );
  const first = await builder.run(['build', 'samp']);
  expect(first.stdout).toMatch(/✔ ldms-entrypoint: built, /);
  expect(readFileSync(built, 'utf8')).toBe('built by a stand-in for build.mjs');
  expect((await builder.run(['build', 'samp'])).stdout).toMatch(/✔ ldms-entrypoint: is up to date, /);

  builder.write('build.mjs', "throw new Error('no esbuild');\n");
  utimesSync(builder.path('build.mjs'), 1, 1);
  builder.write('src/new/file.ts', '');
  rmSync(builder.path('kept'));
  builder.write('kept', '');
  const { code, stdout, stderr } = await builder.run(['build', 'samp', 'grafana']);
  expect(code).toBe(1);
  expect(stdout).toMatch(progress);
  expect(stderr).toMatch(/error: entrypoint: .*build\.mjs failed \(exit code 1\); its last lines/);
  expect(stderr).toContain('  | Error: no esbuild\n');
  expect(stderr).toMatch(/\n\nnot built, since entrypoint failed: common, samp, grafana\n$/);
  expect(stderr).not.toContain('npm run images -- base');
  expect(builder.kept().filter((line) => line.startsWith('begun'))).toEqual([]);
});

test('an engine that has built, and does not have the image', async () => {
  const builder = withDocker({ build: 'exit 0' });
  const { code, stdout, stderr } = await builder.run(['build', 'samp']);
  expect(code).toBe(1);
  expect(stdout).toMatch(progress);
  expect(stderr).toContain(
    'error: common: docker has built ovishpc/ldms-common:latest, and does not have it; if a builder of buildx is in use: docker buildx use default; its last lines',
  );
  expect(builder.asked('samp')).toBeUndefined();
});
