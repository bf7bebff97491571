/** The docker lines of ldms-cluster, as texts; test/local/cluster-lines.test.ts runs them. */
import { expect, test } from 'vitest';
import { docker } from '../../src/cluster/render/docker.ts';
import { origin } from '../../src/cluster/render/rendering.ts';
import { cygnus } from '../support/clusters.ts';

const textOf = async (path: string, site: Parameters<typeof cygnus>[0] = {}) =>
  docker.render(await cygnus(site)).find((file) => file.path === path)?.text ?? '';

test('each host has a directory with its scripts and the files that they mount', async () => {
  const files = docker.render(await cygnus());
  expect(
    files.filter(({ path }) => /0[17]/.test(path)).map(({ path, executable }) => [path, executable ?? false]),
  ).toEqual([
    ['cygnus-01/start.sh', true],
    ['cygnus-01/stop.sh', true],
    ['cygnus-07/start.sh', true],
    ['cygnus-07/stop.sh', true],
    ['cygnus-07/dsosd.json', false],
    ['cygnus-07/ldms_cfg.yaml', false],
    ['cygnus-07/dsosd.conf', false],
    ['cygnus-07/settings.py', false],
  ]);
});

test('a sampler is started with the least that it needs, an option a line', async () => {
  expect(await textOf('cygnus-01/start.sh')).toBe(`#!/bin/sh
# Starts the containers of cygnus-01, on cygnus-01.
# ${origin}
set -eu

docker run -d \\
    --name=samp \\
    --restart=unless-stopped \\
    --network=host \\
    --pid=host \\
    --cap-drop=ALL \\
    --cap-add=NET_BIND_SERVICE \\
    --security-opt=no-new-privileges \\
    --read-only \\
    --device=/dev/infiniband \\
    --ulimit memlock=-1 \\
    -e COMPONENT_ID=1 \\
    -v /run/munge:/run/munge:ro \\
    ovishpc/ldms-samp:latest -x rdma:411 -a munge
`);
});

test('--privileged takes the place of all other privileges', async () => {
  const text = await textOf('cygnus-07/start.sh', { privileged: true });
  expect(text.match(/--privileged/g)).toHaveLength(4);
  expect(text).not.toMatch(/--cap-|--tmpfs|--read-only|--device/);
});

test('all of a host are stopped at once', async () => {
  expect(await textOf('cygnus-07/stop.sh')).toContain(
    '\ndocker stop agg maestro ui grafana || failed=1\ndocker rm agg maestro ui grafana || failed=1\n',
  );
});

test('files that stand elsewhere are mounted from there', async () => {
  const text = await textOf('cygnus-07/start.sh', { files: '/etc/ldms' });
  expect(text).toContain('-v /etc/ldms/settings.py:/opt/ovis/ui/sosgui/settings.py:ro');
  expect(text).not.toContain('$here');
});

test('what to type next names the directory, quoted', async () => {
  expect(docker.next('my cluster', await cygnus())).toBe(
    "on each host, with its directory copied there: sh 'my cluster/HOST/start.sh'",
  );
});
