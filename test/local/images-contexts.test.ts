/** `contexts`: the build contexts alone, which are kept. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { imageNames } from '../../images/build/images.ts';
import { makeBuilder, otherArch } from '../support/images.ts';

test('are made and kept, without an engine', async () => {
  const builder = makeBuilder();
  const { code, stdout, stderr } = await builder.run(['contexts']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const image of ['common', ...imageNames]) {
    expect(stdout).toMatch(`${join(builder.place, image)}: 0.0 MB\n`);
    expect(existsSync(join(builder.place, image, 'Dockerfile'))).toBe(true);
  }
  expect(existsSync(join(builder.place, 'samp/ovis/opt/ovis/sbin/ldmsd'))).toBe(true);
  expect(builder.kept()).toEqual(['']);
});

test('of some images, of another architecture; those of others stay', async () => {
  const builder = makeBuilder();
  builder.write(`dist/images/${otherArch}/samp/Dockerfile`, 'FROM scratch\n');
  builder.write(`dist/images/${otherArch}/grafana/of-an-earlier-one`, '');
  const { code, stdout } = await builder.run(['contexts', 'grafana', `--arch=${otherArch}`]);
  expect(code, stdout).toBe(0);
  const place = builder.path(`dist/images/${otherArch}`);
  expect(readdirSync(place).sort()).toEqual(['grafana', 'log', 'samp']);
  expect(readdirSync(join(place, 'grafana')).sort()).toEqual(['Dockerfile', 'files', 'program', 'scripts']);
});

test('none without the program', async () => {
  const builder = makeBuilder();
  rmSync(builder.path('dist/ldms-entrypoint'));
  const { code, stdout, stderr } = await builder.run(['contexts', 'samp']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '❯ ldms-entrypoint\n' });
  expect(stderr).toContain('\nerror: entrypoint: ');
  expect(stderr).toContain('a stand-in for build.mjs');
  expect(existsSync(join(builder.place, 'samp'))).toBe(false);
});
