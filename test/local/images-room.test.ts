/** Room for images and contexts, on file systems that are small. What each of them takes: test/unit/images-space. */
import { mkdirSync } from 'node:fs';
import { expect } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import { imageNames } from '../../images/build/images.ts';
import { type Builder, info, makeBuilder } from '../support/images.ts';
import { testNeeding } from '../support/needs.ts';
import { run } from '../support/program.ts';

/** A builder with an engine whose store is a directory of its own. */
function withStore(): { builder: Builder; store: string; contexts: string } {
  const builder = makeBuilder();
  const store = builder.path('docker');
  const contexts = builder.path('dist/images');
  for (const directory of [store, contexts]) mkdirSync(directory);
  builder.engine('docker', { info: info({ DockerRootDir: store }) });
  return { builder, store, contexts };
}

/** Runs the builder where directories are file systems of so many megabytes. */
const runWhereSmall = (builder: Builder, small: Record<string, number>, words: readonly string[]) =>
  run(
    'unshare',
    [
      ...['--mount', 'sh', '-c'],
      'for at in $SMALL; do mount -t tmpfs -o "size=${at##*=}m" none "${at%=*}" || exit 99; done; exec "$@"',
      ...['sh', process.execPath, builder.path('images/build/main.ts'), ...words],
    ],
    {
      env: {
        ...builder.env,
        PATH: `${builder.env['PATH']}:${process.env['PATH']}`,
        SMALL: Object.entries(small)
          .map(([directory, megabytes]) => `${directory}=${megabytes}`)
          .join(' '),
      },
    },
  );

const needs = ['root', 'namespaces'];

testNeeding(needs, 'too little for images and contexts is told, and nothing is built', async () => {
  const { builder, store, contexts } = withStore();
  const { code, stdout, stderr } = await runWhereSmall(builder, { [store]: 1, [contexts]: 1 }, ['build']);
  expect({ code, stdout }).toEqual({ code: 69, stdout: '' });
  expect(stderr).toMatch(
    new RegExp(
      `^error: ${contexts}/${hostArch()} has 1\\.0 MB left, and the build contexts take about \\d+ MB; make room there\n` +
        `error: ${store} has 1\\.0 MB left, and the images \\(docker keeps them there\\) take about (\\d+) MB; make room there\n$`,
    ),
  );
  // Six images and a compiler: neither megabytes nor terabytes.
  const needed = Number(/take about (\d+) MB; make room there\n$/.exec(stderr)?.[1]);
  expect(needed).toBeGreaterThan(500);
  expect(needed).toBeLessThan(10_000);
  expect(builder.ended()).toEqual([]);
});

testNeeding(
  needs,
  'images that are there need little to be built again, but all of it without cache',
  async () => {
    const { builder, store } = withStore();
    const build = (...words: string[]) => runWhereSmall(builder, { [store]: 300 }, ['build', ...words]);
    for (const image of ['common', ...imageNames]) {
      builder.have(`ovishpc/ldms-${image}:latest`, { size: 1, layers: ['base'] });
    }
    const again = await build();
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(builder.ended()).toHaveLength(7);
    for (const words of [['--no-cache'], ['--tag=another']]) {
      const { code, stdout, stderr } = await build(...words);
      expect({ code, stdout }).toEqual({ code: 69, stdout: '' });
      expect(stderr).toMatch(new RegExp(`^error: ${store} has 3\\d\\d MB left, and the images .*\n$`));
    }
    expect(builder.ended()).toHaveLength(7);
  },
);

testNeeding(needs, 'what takes no room needs none', async () => {
  const { builder, store } = withStore();
  const { code, stdout } = await runWhereSmall(builder, { [store]: 1 }, ['list']);
  expect(code, stdout).toBe(0);
});
