/** The command line that builds an image. */
import { expect, test } from 'vitest';
import { type BuildRequest, buildCommand } from '../../images/build/engine.ts';

const request: BuildRequest = {
  context: '/context',
  tags: ['ovishpc/ldms-samp:latest'],
  args: {},
  labels: {},
  platform: undefined,
  network: undefined,
  noCache: false,
};
const timestamps = (name: 'docker' | 'podman' | 'buildah', given: BuildRequest) =>
  buildCommand({ name }, given).filter((word) => word.startsWith('--timestamp'));

test.each(['podman', 'buildah'] as const)('has %s give all files of its layers one time', (name) => {
  expect(timestamps(name, { ...request, created: 0 })).toEqual(['--timestamp=0']);
  expect(timestamps(name, { ...request, created: 1_700_000_000 })).toEqual(['--timestamp=1700000000']);
  expect(timestamps(name, request)).toEqual([]);
});

test('asks docker for nothing that it does not know', () => {
  expect(timestamps('docker', { ...request, created: 1_700_000_000 })).toEqual([]);
});
