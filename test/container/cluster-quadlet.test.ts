/**
 * Rendered units in real containers: podman is given what systemd would give it. There is no systemd here, so
 * what ties a container to that is left out.
 */
import { join } from 'node:path';
import { expect } from 'vitest';
import { quadlet } from '../../src/cluster/render/quadlet.ts';
import { anySite, imageOf } from '../../src/cluster/site.ts';
import { clusterOf } from '../support/clusters.ts';
import { namespace, podmanOptions } from '../support/containers.ts';
import { freePort } from '../support/etcd.ts';
import { makeHostFiles } from '../support/host-files.ts';
import { clusterOf as ldmsCfgOf } from '../support/maestro.ts';
import { testNeeding } from '../support/needs.ts';
import { podmanStore } from '../support/podman-store.ts';
import { run, until } from '../support/program.ts';
import { argumentsOf, generate, services } from '../support/quadlet.ts';
import { writeRendered } from '../support/rendered.ts';

const ofSystemd = /^--(cidfile|cgroups|sdnotify)=/;

testNeeding(
  ['docker engine', 'podman', 'root', 'Quadlet'],
  'podman starts samp and maestro with the arguments of their services: both are healthy, and stop',
  async () => {
    const images = (['samp', 'maestro'] as const).map((role) => imageOf(role, { ...anySite, namespace }));
    const env = await podmanStore(images);
    const podman = (...words: string[]) => run('podman', words, { env });
    const there = makeHostFiles(ldmsCfgOf(1));
    const [port, etcdPort] = [await freePort(), await freePort()];
    const text = ldmsCfgOf(1, 'munge').replace('"411"', String(port)).replace('node-[1-1]', 'node-1');
    const rendering = await clusterOf(text, {
      ...{ namespace, ui: 'none', grafana: 'none', maestro: 'node-1' },
      files: there.directory,
      mungeKey: there.key(),
    });
    const containers = rendering.containers.map((container) =>
      container.role === 'maestro'
        ? { ...container, env: { ETCD_LISTEN_CLIENT_URLS: `http://127.0.0.1:${etcdPort}` } }
        : container,
    );
    const directory = writeRendered(quadlet, { ...rendering, containers });
    const made = services(await generate(join(directory, 'node-1')));
    for (const name of ['samp', 'maestro']) {
      const [command = '', ...words] = argumentsOf(made.get(`ldms-${name}.service`));
      const started = await podman(
        command,
        ...podmanOptions,
        ...words.filter((word) => !ofSystemd.test(word)),
      );
      expect(started.code, started.stderr).toBe(0);
    }
    for (const name of ['samp', 'maestro']) {
      const healthy = async () => (await podman('exec', name, 'ldms-entrypoint', 'health')).code === 0;
      await until(`${name} is healthy`, healthy, 90_000);
    }
    const [{ HostConfig, EffectiveCaps, Config }] = JSON.parse((await podman('inspect', 'samp')).stdout);
    expect(HostConfig).toMatchObject({ NetworkMode: 'host', PidMode: 'host', ReadonlyRootfs: true });
    expect(EffectiveCaps.toSorted()).toEqual(
      ['CHOWN', 'DAC_OVERRIDE', 'KILL', 'SETGID', 'SETUID'].map((name) => `CAP_${name}`),
    );
    expect(Config.Healthcheck.Test.join(' ')).toContain('/usr/local/bin/ldms-entrypoint health');
    expect((await podman('volume', 'ls', '-q')).stdout.trim()).toBe('systemd-ldms-maestro-etcd');

    // As ExecStop has it.
    expect((await podman('rm', '-v', '-f', 'samp', 'maestro')).code).toBe(0);
    expect((await podman('ps', '-aq')).stdout).toBe('');
  },
);
