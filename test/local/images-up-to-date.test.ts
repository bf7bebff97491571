/** An image that the engine has from the same files, arguments and base is not built again. */
import { chmodSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { imageNames } from '../../images/build/images.ts';
import { type Builder, commit, otherArch, withDocker } from '../support/images.ts';
import { testNeeding } from '../support/needs.ts';
import { run } from '../support/program.ts';

/** What is built of some images, besides what they are built from. */
async function build(builder: Builder, ...words: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await builder.run(['build', ...words]);
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  const ended = builder.ended().sort();
  builder.write('kept', '');
  return ended;
}

const all = ['common', ...imageNames].sort();
const onCommon = all.filter((name) => name !== 'common' && name !== 'grafana');

test('everything, and then nothing', async () => {
  const builder = withDocker();
  expect(await build(builder)).toEqual(all);
  expect(await build(builder)).toEqual([]);
  expect(await build(builder, 'samp', 'grafana')).toEqual([]);
});

test('a file that has changed: the images that have it', async () => {
  const builder = withDocker();
  await build(builder);
  const tree = (file: string) => join(builder.ovis, file);
  const steps: [string, () => void, readonly string[]][] = [
    ['content', () => writeFileSync(tree('lib/libsos.so'), 'new'), ['agg', 'ui']],
    ['mode', () => chmodSync(tree('sbin/ldmsd'), 0o755), ['agg', 'samp']],
    ['a new one', () => builder.write('site/ovis/bin/maestro_new', ''), ['maestro']],
    ['one that is gone', () => rmSync(tree('bin/maestro_new')), ['maestro']],
    [
      'a link in its place',
      () => {
        rmSync(tree('lib/libsos.so'));
        symlinkSync('libsos.so.6', tree('lib/libsos.so'));
      },
      ['agg', 'ui'],
    ],
    [
      'where that leads to',
      () => {
        rmSync(tree('lib/libsos.so'));
        symlinkSync('libsos.so.7', tree('lib/libsos.so'));
      },
      ['agg', 'ui'],
    ],
    ['one that no image has', () => builder.write('site/ovis/include/sos/sos.h', ''), []],
    ['times', () => utimesSync(tree('sbin/ldmsd'), 1, 1), []],
    ['modes that images do not have', () => chmodSync(tree('lib/libldms.so'), 0o600), []],
    ["the plugin's", () => builder.write('site/dsosds/module.js', ''), ['grafana']],
    ["grafana's settings", () => builder.write('images/ldms-grafana/grafana.ini', ''), ['grafana']],
    ['a recipe', () => builder.write('images/ldms-dev/Dockerfile', 'FROM scratch\n'), ['dev']],
    // What is built from it has another base then.
    [
      "the common image's recipe",
      () => builder.write('images/ldms-common/Dockerfile', 'FROM scratch\n'),
      ['common', ...onCommon].sort(),
    ],
  ];
  for (const [name, change, built] of steps) {
    change();
    expect(await build(builder), name).toEqual(built);
  }
  expect(await build(builder)).toEqual([]);
});

test('the program: the images that have it, and those built from them', async () => {
  const builder = withDocker();
  await build(builder);
  builder.write('dist/ldms-entrypoint', 'another program', 0o755);
  expect(await build(builder)).toEqual(all);
});

test('what the user wants otherwise: arguments, bases, names and architectures', async () => {
  const builder = withDocker();
  const some = ['samp', 'grafana'] as const;
  const both = ['common', 'grafana', 'samp'];
  await build(builder, ...some);
  expect(await build(builder, ...some, '--tag=4.4.4')).toEqual(both);
  expect(await build(builder, ...some, '--tag=4.4.4')).toEqual([]);
  expect(await build(builder, ...some, '--namespace=hpc')).toEqual(both);
  expect(await build(builder, ...some, `--arch=${otherArch}`)).toEqual(both);
  expect(await build(builder, ...some)).toEqual([]);
  expect(await build(builder, ...some, '--grafana-image=other')).toEqual(['grafana']);
  expect(await build(builder, ...some)).toEqual(['grafana']);
  expect(await build(builder, ...some, '--base-image=other')).toEqual(['common', 'samp']);
  expect(await build(builder, ...some)).toEqual(['common', 'samp']);
  // How it is built, and what it is built with at the same time, changes nothing of it.
  expect(await build(builder, ...some, '--network=host', '--jobs=1')).toEqual([]);
  expect(await build(builder, ...some, '--no-cache')).toEqual(both);
});

test('a base that has come anew', async () => {
  const builder = withDocker();
  const base = { size: 1, layers: ['base'] };
  const have = (id: string) => builder.have('debian:bookworm-slim', { ...base, id });
  await build(builder, 'samp', 'grafana');
  have('sha256:first');
  expect(await build(builder, 'samp', 'grafana')).toEqual(['common', 'samp']);
  have('sha256:first');
  expect(await build(builder, 'samp', 'grafana')).toEqual([]);
  have('sha256:second');
  expect(await build(builder, 'samp', 'grafana')).toEqual(['common', 'samp']);
  builder.have('docker.io/grafana/grafana-oss:9.1.0-ubuntu', base);
  expect(await build(builder, 'samp', 'grafana')).toEqual(['grafana']);
});

test('one of its names that is gone, or is of another image', async () => {
  const builder = withDocker();
  await build(builder, 'samp', 'agg');
  rmSync(builder.path('store/ovishpc/ldms-samp:latest'));
  expect(await build(builder, 'samp', 'agg')).toEqual(['samp']);
  // As somebody tags what was built elsewhere.
  builder.have('ovishpc/ldms-agg:latest', { size: 1, layers: [] });
  expect(await build(builder, 'samp', 'agg')).toEqual(['agg']);
});

testNeeding(['git'], 'another commit of this repository: its label, and not the packages below', async () => {
  const builder = withDocker();
  const { revision } = await commit(builder);
  await build(builder);
  const inputs = () =>
    /"com\.github\.ovis-hpc\.inputs":"(\w+)"/.exec(
      readFileSync(builder.path('store/ovishpc/ldms-common:latest'), 'utf8'),
    )?.[1];
  const before = inputs();
  const env = {
    ...builder.env,
    PATH: process.env['PATH'],
    GIT_AUTHOR_NAME: 'nobody',
    GIT_AUTHOR_EMAIL: 'nobody@example.org',
    GIT_COMMITTER_NAME: 'nobody',
    GIT_COMMITTER_EMAIL: 'nobody@example.org',
  };
  const words = ['commit', '--quiet', '--allow-empty', '--message=two'];
  expect((await run('git', words, { env, cwd: builder.directory })).code).toBe(0);
  // Every image tells its revision; the one below has none.
  expect(await build(builder)).toEqual(all.filter((name) => name !== 'common'));
  expect(inputs()).toBe(before);
  expect(before).toMatch(/^[0-9a-f]{64}$/);
  expect(revision).toMatch(/^[0-9a-f]{40}$/);
  expect(await build(builder)).toEqual([]);
});

test('podman and buildah: likewise', async () => {
  for (const engine of ['podman', 'buildah'] as const) {
    const builder = withDocker();
    builder.engine(engine);
    const words = ['samp', 'grafana', `--engine=${engine}`];
    expect(await build(builder, ...words)).toEqual(['common', 'grafana', 'samp']);
    expect(await build(builder, ...words)).toEqual([]);
    writeFileSync(join(builder.ovis, 'sbin/ldmsd'), 'new');
    expect(await build(builder, ...words)).toEqual(['samp']);
  }
});
