/** `list`: the images that there are, how large they are, and what they share. */
import { expect, test } from 'vitest';
import { makeBuilder, otherArch, withDocker } from '../support/images.ts';

test('none is there', async () => {
  expect(await withDocker().run(['list'])).toEqual({
    code: 0,
    stdout: 'docker has none of the images; npm run images -- build makes them\n',
    stderr: '',
  });
});

test('sizes, what is shared, and the sum with shared layers once', async () => {
  const builder = withDocker();
  const label = { 'org.opencontainers.image.revision': '0123456789abcdef0123456789abcdef01234567-dirty' };
  builder.have('ovishpc/ldms-common:latest', { size: 230_400_000, layers: ['a', 'b'] });
  builder.have('ovishpc/ldms-samp:latest', { size: 240_500_000, layers: ['a', 'b', 'c'], labels: label });
  builder.have('ovishpc/ldms-agg:latest', { size: 530_400_000, layers: ['a', 'b', 'd', 'e'] });
  builder.have('ovishpc/ldms-grafana:latest', { size: 401_000_000, layers: ['g'] });
  const { code, stdout } = await builder.run(['list']);
  expect(code).toBe(0);
  expect(stdout).toBe(`\
IMAGE                        SIZE    OWN     SHARED WITH THE OTHERS  REVISION
ovishpc/ldms-samp:latest     241 MB  10 MB   230 MB in 2 layers      0123456789ab
ovishpc/ldms-agg:latest      530 MB  300 MB  230 MB in 2 layers
ovishpc/ldms-grafana:latest  401 MB  401 MB  none
together 942 MB on disk, shared layers once
`);
});

test('the named ones, of another name and tag, and with podman', async () => {
  const builder = makeBuilder();
  builder.engine('podman');
  // A name that has "ldms-common" in it does not make it that image.
  const namespace = 'localhost:5000/ldms-common';
  builder.have(`${namespace}/ldms-samp:4.4.4-${otherArch}`, { size: 5e6, layers: ['a'], arch: otherArch });
  builder.have(`${namespace}/ldms-agg:4.4.4-${otherArch}`, { size: 7e6, layers: ['b'], arch: otherArch });
  const { stdout } = await builder.run([
    ...['list', 'samp', '--tag=4.4.4', `--namespace=${namespace}`, `--arch=${otherArch}`],
  ]);
  expect(stdout).toMatch(
    new RegExp(`^${namespace}/ldms-samp:4\\.4\\.4-${otherArch} +5 MB +5 MB +none$`, 'm'),
  );
  expect(stdout).toContain('together 5 MB on disk');
  expect(stdout).not.toContain('ldms-agg');
});
