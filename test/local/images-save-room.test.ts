/** The room that saving takes, on file systems that are small. */
import { mkdirSync, readdirSync } from 'node:fs';
import { expect } from 'vitest';
import { withImages } from '../support/bundle.ts';
import type { Builder } from '../support/images.ts';
import { testNeeding } from '../support/needs.ts';
import { run } from '../support/program.ts';

const needs = ['root', 'namespaces'];

/** Saves where directories are file systems of so many kilobytes; what is in `site/small` then. */
async function saveWhereSmall(builder: Builder, small: Record<string, number>) {
  const script = `for at in $SMALL; do mount -t tmpfs -o "size=\${at##*=}k" none "\${at%=*}" || exit 99; done
"$@"; code=$?; find "$OUT" -mindepth 1 >"$OUT.left"; exit $code`;
  const words = ['save', 'samp', 'agg', '--output=small/out'];
  const { code, stdout, stderr } = await run(
    'unshare',
    ['--mount', 'sh', '-c', script, 'sh', process.execPath, builder.path('images/build/main.ts'), ...words],
    {
      env: {
        ...builder.env,
        PATH: `${builder.env['PATH']}:${process.env['PATH']}`,
        OUT: builder.path('site/small'),
        SMALL: Object.entries(small)
          .map(([directory, kilobytes]) => `${directory}=${kilobytes}`)
          .join(' '),
      },
    },
  );
  const left = (await run('cat', [builder.path('site/small.left')])).stdout.split('\n').filter(Boolean);
  return { code, stdout, stderr, left };
}

/** `docker info`, with a store that is told later. */
const tellsStore = `echo '{"ServerVersion": "20.10.24", "DockerRootDir": "'"$STORE"'"}'`;

/** A builder whose two images have so many bytes each, as their history tells, and as they are. */
async function withStore(
  told: number,
  size = told,
): Promise<{ builder: Builder; store: string; small: string }> {
  const builder = await withImages({ told, size }, { info: tellsStore });
  const store = builder.path('docker');
  builder.env['STORE'] = store;
  const small = builder.path('site/small');
  for (const directory of [store, small]) mkdirSync(directory);
  return { builder, store, small };
}

testNeeding(
  needs,
  'too little for the bundle, or for what docker gathers: both are told, and nothing is saved',
  async () => {
    const { builder, store, small } = await withStore(20e6, 1e3);
    const { code, stdout, stderr, left } = await saveWhereSmall(builder, { [store]: 1024, [small]: 2048 });
    expect({ code, stdout }).toEqual({ code: 69, stdout: '' });
    expect(stderr).toBe(
      `error: ${small} has 2.1 MB left, and about 17 MB are needed for the bundle; make room there
error: ${store} has 1.0 MB left, and about 42 MB are needed for the layers, which docker gathers there; make room there
`,
    );
    expect(left).toEqual([]);
    expect(builder.askedOf('docker').filter((words) => /^(create|save)/.test(words))).toEqual([]);
  },
);

testNeeding(needs, 'both in one file system take its room together', async () => {
  const { builder, small } = await withStore(20e6, 1e3);
  builder.env['STORE'] = small;
  const { code, stderr } = await saveWhereSmall(builder, { [small]: 50_000 });
  expect(code).toBe(69);
  expect(stderr).toBe(
    `error: ${small} has 51 MB left, and about 58 MB are needed for the bundle and the layers, which docker gathers there; make room there\n`,
  );
  expect((await saveWhereSmall(builder, { [small]: 60_000 })).code).toBe(0);
});

testNeeding(needs, 'a disk that is full before all is there: why, and nothing is left', async () => {
  const { builder, small } = await withStore(1e6, 20e6);
  const { code, stderr, left } = await saveWhereSmall(builder, { [small]: 4096 });
  expect(code).toBe(1);
  expect(stderr).toMatch(/error: archive: cannot write \S+\/images\.tar\.zst: ENOSPC/);
  expect(left).toEqual([]);
  expect(readdirSync(builder.place)).toEqual(['log']);
});
