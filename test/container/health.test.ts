/** docker's own health checks: containers turn healthy, and unhealthy when what they are for is broken. */
import { rmSync } from 'node:fs';
import { expect } from 'vitest';
import { type Container, imageOf, startContainer } from '../support/containers.ts';
import { freePort } from '../support/etcd.ts';
import { makeHostFiles, startHostsMunged } from '../support/host-files.ts';
import { clusterOf } from '../support/maestro.ts';
import { testNeeding } from '../support/needs.ts';
import { until } from '../support/program.ts';

const needs = ['docker engine', 'root'];
// As in the images, but for the time that a test has.
const often = [
  '--health-interval=1s',
  '--health-start-period=1s',
  '--health-timeout=4s',
  '--health-retries=2',
];
const deadlineMs = 60_000;

async function turns(container: Container, health: 'healthy' | 'unhealthy'): Promise<string> {
  const state = await until(
    `docker finds ${container.name} ${health}`,
    async () => {
      const found = await container.state();
      if (!found.running) throw new Error(`it has ended with ${found.exitCode}`);
      return found.health === health && found;
    },
    deadlineMs,
  );
  return state.healthSaid;
}

testNeeding([...needs, 'munged'], "samp: unhealthy when the host's munge dies", async () => {
  const files = makeHostFiles(clusterOf(1));
  const munge = await startHostsMunged(files);
  const args = ['-x', `sock:${await freePort()}`, '-a', 'munge'];
  const container = await startContainer([...often, '-v', `${munge}:/run/munge:ro`], imageOf('samp'), args);
  await turns(container, 'healthy');
  rmSync(`${munge}/munge.socket.2`);
  expect(await turns(container, 'unhealthy')).toMatch(/munge/);
});

testNeeding(needs, 'agg: unhealthy when ldmsd is stopped in its tracks and asked by ldms_ls', async () => {
  const options = [...often, '-e', 'LDMS_ENTRYPOINT_HEALTH=deep', '-e', 'LDMS_ENTRYPOINT_HEALTH_TIMEOUT=2s'];
  const container = await startContainer(options, imageOf('agg'), ['-x', `sock:${await freePort()}`]);
  await turns(container, 'healthy');
  await container.docker('kill', '-s', 'STOP', container.name);
  expect(await turns(container, 'unhealthy')).toMatch(/ldms_ls/);
  await container.docker('kill', '-s', 'CONT', container.name);
  await turns(container, 'healthy');
});

testNeeding(needs, 'maestro: unhealthy when its etcd hangs', async () => {
  const files = makeHostFiles(clusterOf(1));
  const options = ['--network=none', '-v', `${files.path('ldms_cfg.yaml')}:/etc/ldms_cfg.yaml:ro`];
  const container = await startContainer(
    [...often, '-e', 'LDMS_ENTRYPOINT_HEALTH_TIMEOUT=1s', ...options],
    imageOf('maestro'),
  );
  await turns(container, 'healthy');
  const script = 'for p in /proc/[0-9]*; do [ "$(cat $p/comm)" != etcd ] || kill -STOP ${p#/proc/}; done';
  await container.exec(['sh', '-c', script]);
  expect(await turns(container, 'unhealthy')).toMatch(/etcd/);
});

testNeeding(needs, 'ui: unhealthy when uwsgi hangs', async () => {
  const files = makeHostFiles(clusterOf(1));
  const mounts = [
    '-v',
    `${files.path('dsosd.conf')}:/opt/ovis/etc/dsosd.conf:ro`,
    '-v',
    `${files.path('settings.py')}:/opt/ovis/ui/sosgui/settings.py:ro`,
  ];
  const container = await startContainer(
    [...often, '--network=none', '-e', 'LDMS_ENTRYPOINT_HEALTH_TIMEOUT=1s', ...mounts],
    imageOf('ui'),
  );
  await turns(container, 'healthy');
  // A master that is stopped no longer starts the workers that are killed.
  const script =
    'kill -STOP 1; for p in /proc/[0-9]*; do [ "$(cut -d" " -f4 $p/stat)" != 1 ] || kill -STOP ${p#/proc/}; done';
  await container.exec(['sh', '-c', script]);
  expect(await turns(container, 'unhealthy')).toMatch(/:80/);
});

testNeeding(needs, 'grafana (a stand-in): unhealthy when its database fails', async () => {
  const container = await startContainer([...often, '--network=none'], imageOf('grafana'));
  await turns(container, 'healthy');
  await container.exec(['touch', '/var/lib/grafana/failing']);
  expect(await turns(container, 'unhealthy')).toMatch(/503/);
});
