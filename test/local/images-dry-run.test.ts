/** `build --dry-run`: what would be done, and why; nothing is. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import { components, ovisComponents } from '../../images/build/sources/components.ts';
import { digestsBelow } from '../../images/build/sources/files.ts';
import { otherArch, type SourceBuilder, withSources } from '../support/images.ts';
import { testNeeding } from '../support/needs.ts';

/** What is to be done, by step, with the reason behind it; a component's step is its name. */
type Plan = Readonly<Record<string, string>>;

/** Asks what would be done; nothing is built, and nothing else is changed. */
async function plan(builder: SourceBuilder, ...words: readonly string[]): Promise<Plan> {
  const dist = () => ({ ...digestsBelow(builder.path('dist')), ...digestsBelow(builder.path('site')) });
  builder.built();
  const before = dist();
  const { code, stdout, stderr } = await builder.run(['build', ...words, '--dry-run', ...builder.options]);
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  // It is remembered which packages the build image has, which takes a while to find out.
  const { [`sources/${hostArch()}/toolchain.json`]: _, ...after } = dist();
  const { [`sources/${hostArch()}/toolchain.json`]: __, ...were } = before;
  expect(after).toEqual(were);
  for (const words of builder.askedOf('docker')) {
    expect(words).toMatch(/^(info|network inspect|image inspect|run --rm --network=none --entrypoint=cat) /);
  }
  const [, head = '', ...lines] = stdout
    .slice(stdout.indexOf('\n') - 1)
    .trimEnd()
    .split('\n');
  expect(head).toMatch(/^STEP +TO DO +WHY$/);
  const [todo, why] = [head.indexOf('TO DO'), head.indexOf('WHY')];
  return Object.fromEntries(
    lines.map((line) => [
      line
        .slice(0, todo)
        .trim()
        .replace(/ [0-9a-f]{12}$/, ''),
      [line.slice(todo, why).trim(), line.slice(why)].filter(Boolean).join(': '),
    ]),
  );
}

/** The rows that are not about nothing. */
const toDo = async (builder: SourceBuilder, ...words: readonly string[]): Promise<Plan> =>
  Object.fromEntries(Object.entries(await plan(builder, ...words)).filter(([, what]) => what !== 'nothing'));

async function build(builder: SourceBuilder, ...words: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await builder.run(['build', ...words, ...builder.options]);
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  return builder.built();
}

const each = (names: readonly string[], what: string): Plan =>
  Object.fromEntries(names.map((name) => [name, what]));
const ovisImages = ['samp', 'agg', 'maestro', 'ui'].map((name) => `ldms-${name}`);
const trees = ['the OVIS tree', 'the plugin folder'];
/** Of a component that is there, while its build image is made anew. */
const unlessOther = 'nothing: unless ldms-dev has other packages then';

describe('of everything', () => {
  testNeeding(['git'], 'that was never built: all of it, in order; and that is what is built', async () => {
    const builder = await withSources();
    const planned = await plan(builder, 'all');
    expect(planned).toEqual({
      'ldms-entrypoint': 'nothing',
      'ldms-common': 'build: there is none of these files and packages',
      'ldms-dev': 'build: ldms-common is built',
      ...each(components, 'build: ldms-dev is built'),
      ...each(trees, 'make: what it is made of is built'),
      ...each(ovisImages, 'build: ldms-common is built'),
      'ldms-grafana': 'build: the plugin folder is built',
    });
    expect(Object.keys(planned)).toEqual([
      ...[
        'ldms-entrypoint',
        'ldms-common',
        'ldms-dev',
        ...components,
        ...trees,
        ...ovisImages,
        'ldms-grafana',
      ],
    ]);
    expect(await build(builder, 'all')).toHaveLength(7 + components.length);
    expect(new Set(Object.values(await plan(builder, 'all')))).toEqual(new Set(['nothing']));
    expect(await build(builder, 'all')).toEqual([]);
  });

  testNeeding(['git'], 'a part of it: that part', async () => {
    const builder = await withSources();
    const names = async (...words: readonly string[]) => Object.keys(await plan(builder, 'all', ...words));
    expect(await names('--only=dev')).toEqual(['ldms-entrypoint', 'ldms-common', 'ldms-dev']);
    expect(await names('--only=ovis')).toEqual([...ovisComponents, 'the OVIS tree']);
    // Of the tree that is there.
    expect(await names('--from=dsosds', '--ovis=ovis', `--dsosds=${builder.dsosds}`)).toEqual([
      ...['ldms-entrypoint', 'ldms-common', 'dsosds', 'the plugin folder', ...ovisImages, 'ldms-grafana'],
    ]);
    expect(await plan(builder, 'all', '--only=ovis')).toEqual({
      ...each(ovisComponents, 'build: there is no ovishpc/ldms-dev:latest'),
      'the OVIS tree': 'make: what it is made of is built',
    });
  });
});

describe('behind a build', () => {
  testNeeding(
    ['git'],
    'sources that have changed: those, what is built on them, and images with them',
    async () => {
      const builder = await withSources();
      await build(builder, 'all');
      const [before, after] = [
        builder.sources.at('numsos'),
        builder.sources.commit('numsos', 'NEWS', 'news'),
      ];
      const short = (commit: string) => commit.slice(0, 12);
      const planned = await toDo(builder, 'all');
      expect(planned).toEqual({
        numsos: `build: ${short(before)} became ${short(after)}`,
        'sosdb-ui': 'build: numsos changed',
        'sosdb-grafana': 'build: numsos and sosdb-ui changed',
        'the OVIS tree': 'make: what it is made of is built',
        ...each(ovisImages, 'build: the OVIS tree is built'),
      });
      // The rows tell the commits that would be built.
      const { stdout } = await builder.run(['build', 'ovis', '--dry-run', ...builder.options]);
      expect(stdout).toMatch(new RegExp(`^numsos ${short(after)} +build `, 'm'));
      expect(await toDo(builder, 'all', '--from=samp')).toEqual({});
      expect(await build(builder, 'all')).toEqual(
        ['numsos', 'sosdb-ui', 'sosdb-grafana', 'samp', 'agg', 'maestro', 'ui'].sort(),
      );
      expect(await toDo(builder, 'all')).toEqual({});
    },
  );

  testNeeding(['git'], 'options, --clean, --no-cache, and other names and architectures', async () => {
    const builder = await withSources();
    await build(builder, 'all');
    expect(await toDo(builder, 'ovis', 'dsosds', '--sosdbgrafana-options=-x')).toEqual({
      'sosdb-grafana': 'build: other sosdb-grafana options',
      'the OVIS tree': 'make: what it is made of is built',
    });
    expect(await toDo(builder, 'ovis', 'dsosds', '--clean')).toEqual({
      ...each(components, 'build: --clean'),
      ...each(trees, 'make: what it is made of is built'),
    });
    expect(await toDo(builder, 'all', '--no-cache')).toEqual({
      'ldms-common': 'build: --no-cache',
      'ldms-dev': 'build: ldms-common is built',
      ...each(components, unlessOther),
      ...each(ovisImages, 'build: ldms-common is built'),
      'ldms-grafana': 'build: --no-cache',
    });
    const none = 'build: there is none of these files and packages';
    expect(await toDo(builder, 'dev', 'grafana', '--tag=2')).toEqual({
      'ldms-common': none,
      'ldms-dev': 'build: ldms-common is built',
      'ldms-grafana': none,
    });
    expect(await toDo(builder, 'dev', `--arch=${otherArch}`)).toMatchObject({ 'ldms-common': none });
    expect(await toDo(builder, 'ovis', `--build-img=mine:1`)).toMatchObject(
      each(ovisComponents, 'build: there is no mine:1'),
    );
    // Asking has changed nothing.
    expect(await toDo(builder, 'all')).toEqual({});
  });

  testNeeding(['git'], 'one that was not built to its end goes on', async () => {
    const builder = await withSources({ run: '[ $component != maestro ] || exit 1' });
    expect((await builder.run(['build', 'all', ...builder.options])).code).toBe(1);
    expect(await toDo(builder, 'all')).toEqual({
      maestro: 'go on: it was not built to its end',
      'the OVIS tree': 'make: what it is made of is built',
      ...each(ovisImages, 'build: the OVIS tree is built'),
    });
  });

  testNeeding(['git'], 'a tree that is gone or elsewhere is made of what was built', async () => {
    const builder = await withSources();
    await build(builder, 'ovis', 'dsosds', 'dev', 'samp');
    rmSync(builder.dsosds, { recursive: true });
    expect(await toDo(builder, 'all', '--only=ovis,dsosds')).toEqual({
      'the plugin folder': `make: in ${builder.dsosds}`,
    });
    expect(await toDo(builder, 'ovis', 'samp', '--ovis=elsewhere')).toEqual({
      'the OVIS tree': `make: in ${builder.path('site/elsewhere')}`,
      'ldms-samp': 'build: the OVIS tree is built',
    });
  });

  testNeeding(['git'], 'files of images that have changed', async () => {
    const builder = await withSources();
    await build(builder, 'all');
    const none = 'build: there is none of these files and packages';
    builder.write('images/ldms-agg/Dockerfile', 'FROM scratch\n');
    expect(await toDo(builder, 'all')).toEqual({ 'ldms-agg': none });
    writeFileSync(join(builder.ovis, 'bin/maestro'), 'patched');
    // All of them tell that their tree was changed by hand.
    expect(await toDo(builder, 'all')).toEqual(each(ovisImages, none));
    builder.write('src/new.ts', '');
    expect(await toDo(builder, 'all')).toEqual({
      'ldms-entrypoint': 'build',
      'ldms-common': 'build: ldms-entrypoint is built',
      'ldms-dev': 'build: ldms-common is built',
      ...each(components, unlessOther),
      ...each(ovisImages, 'build: ldms-common is built'),
      'ldms-grafana': 'build: ldms-entrypoint is built',
    });
  });
});

testNeeding(['git'], 'it is told while another builds, and mistakes are told as ever', async () => {
  const builder = await withSources();
  mkdirSync(builder.cache, { recursive: true });
  const since = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')[19];
  writeFileSync(join(builder.cache, 'lock'), `${process.pid} ${since}\n`);
  expect((await builder.run(['build', 'ovis', ...builder.options])).code).toBe(69);
  expect(await plan(builder, 'ovis')).toHaveProperty('sos');
  const ask = async (...words: readonly string[]) =>
    (await builder.run(['build', ...words, '--dry-run', ...builder.options])).code;
  expect(await ask('ovis', '--sos-branch=mian')).toBe(65);
  expect(await ask('ovis', '--ovis=ovis')).toBe(65);
  expect(await ask('ovis', '--engine=podman')).toBe(69);
});
