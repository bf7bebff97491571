/**
 * The Apptainer lines of ldms-cluster, run by shells with stand-ins for apptainer, systemd-run and systemctl.
 * Apptainer is not in Debian 12, so that no line here was ever run by it: its options are held against the list
 * in test/support/apptainer.ts.
 */
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Container, envOf } from '../../src/cluster/container.ts';
import { apptainer } from '../../src/cluster/render/apptainer.ts';
import { byNode } from '../../src/cluster/render/rendering.ts';
import type { Site } from '../../src/cluster/site.ts';
import { apptainerCall } from '../support/apptainer.ts';
import { cygnus } from '../support/clusters.ts';
import { type Call, counting } from '../support/counting.ts';
import { nastySites } from '../support/nasty.ts';
import { testNeeding } from '../support/needs.ts';

const sites: Readonly<Record<string, Partial<Site>>> = {
  ...nastySites,
  'with paths that --bind would split': { files: '/srv/a,b:c "d"', mungeKey: '/etc/a:b,c.key' },
};

async function made(site: Partial<Site>) {
  const deployment = await cygnus(site);
  const at = counting(apptainer.render(deployment));
  return { deployment, at, sif: (role: string) => join(at.directory, `ldms-${role}_latest.sif`) };
}

/** What systemd starts for a systemd-run: variables have had their values put in, and $$ is a $. */
function startedBy({ program, args }: Call): {
  by: 'shell' | 'systemd';
  properties: string[];
  words: readonly string[];
} {
  if (program === 'apptainer') return { by: 'shell', properties: [], words: args };
  const end = args.indexOf('apptainer');
  const words = args.slice(end + 1).map((word) => {
    const rest = word.replaceAll('$$', '');
    if (rest.includes('$')) throw new Error(`systemd would put a variable into ${word}`);
    return word.replaceAll('$$', '$');
  });
  return { by: 'systemd', properties: args.slice(0, end), words };
}

/** A source:target:ro of --bind, or the fields of --mount, as one text. */
const mountText = (container: Container, site: Site, directory: string): string[] =>
  container.mounts.map(({ kind, from, to, readOnly }) => {
    const beside = kind === 'volume' || (kind === 'config' && site.files === undefined);
    const source = beside ? `${directory}/${from}` : kind === 'config' ? `${site.files}/${from}` : from;
    return JSON.stringify([source, to, readOnly]);
  });

const bindText = (text: string): string => {
  const [source, to, mode] = text.split(':');
  return JSON.stringify([source, to, mode === 'ro']);
};

function mountOptionText(text: string): string {
  const fields = [...text.matchAll(/"((?:[^"]|"")*)"(?:,|$)|([^",]+)(?:,|$)/g)].map(([, inQuotes, plain]) =>
    inQuotes === undefined ? (plain ?? '') : inQuotes.replaceAll('""', '"'),
  );
  const of = (name: string) => fields.find((field) => field.startsWith(`${name}=`))?.slice(name.length + 1);
  return JSON.stringify([of('source'), of('destination'), fields.includes('ro')]);
}

describe.each(Object.entries(sites))('apptainer lines, %s', (_title, wish) => {
  for (const shell of [['sh'], ['busybox', 'sh']] as const) {
    testNeeding([shell[0]], `${shell.join(' ')} starts each host's containers, word for word`, async () => {
      const { deployment, at, sif } = await made(wish);
      const { site } = deployment;
      expect(await at.run(...shell, 'pull.sh')).toMatchObject({ code: 0, stderr: '' });
      for (const [node, containers] of byNode(deployment)) {
        const { code, stderr, calls } = await at.run(...shell, `${node}/start.sh`);
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        const started = calls.filter(({ program }) => program !== 'prlimit').map(startedBy);
        expect(started).toHaveLength(containers.length);
        for (const [index, container] of containers.entries()) {
          const { by, properties, words: given } = started[index] ?? { by: '', properties: [], words: [] };
          const { command, options, words } = apptainerCall(given);
          expect({ by, command }).toEqual(
            container.hostPid ? { by: 'systemd', command: 'run' } : { by: 'shell', command: 'instance run' },
          );
          const image = `${at.directory}/${node}/../${sif(container.role).split('/').at(-1)}`;
          expect(words).toEqual([image, ...(container.hostPid ? [] : [container.name]), ...container.args]);
          expect(options.get('env') ?? []).toEqual(
            Object.entries({ HOSTNAME: hostname(), ...envOf(container) }).map(
              ([name, value]) => `${name}=${value}`,
            ),
          );
          const binds = (options.get('bind') ?? []).filter((text) => text !== '/dev/infiniband');
          expect(
            [...binds.map(bindText), ...(options.get('mount') ?? []).map(mountOptionText)].toSorted(),
          ).toEqual(mountText(container, site, join(at.directory, node)).toSorted());
          expect(options.get('bind')?.includes('/dev/infiniband') ?? false).toBe(container.rdma);
          expect(options.has('keep-privs')).toBe(site.privileged);
          expect(options.has('no-privs')).toBe(!site.privileged);
          expect(options.get('add-caps')?.join() ?? '').toBe(
            site.privileged ? '' : container.capabilities.map((name) => `CAP_${name}`).join(),
          );
          if (container.hostPid) expect(properties).toContain(`--unit=ldms-${container.name}`);
        }
      }
    });
  }

  test('each host stops what it started, the last first', async () => {
    const { deployment, at } = await made(wish);
    for (const [node, containers] of byNode(deployment)) {
      const { code, stderr, calls } = await at.run('sh', `${node}/stop.sh`);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(calls.map(({ program, args }) => [program, args.at(-1)])).toEqual(
        containers
          .toReversed()
          .map(({ hostPid, name }) =>
            hostPid ? ['systemctl', `ldms-${name}.service`] : ['apptainer', name],
          ),
      );
      for (const { args } of calls.filter(({ program }) => program === 'apptainer')) {
        // It sends SIGINT unless told otherwise.
        expect(apptainerCall(args).options.get('signal')).toEqual(['SIGTERM']);
      }
    }
  });
});

test('images are fetched once, and one that was not finished is fetched again', async () => {
  const { at, sif } = await made({ namespace: 'registry.example.org:5000/ldms' });
  const fetched = async () =>
    (await at.run('sh', 'pull.sh')).calls.map(({ args }) => apptainerCall(args).words.join(' '));
  expect(await fetched()).toEqual(
    ['samp', 'agg', 'maestro', 'ui', 'grafana'].map(
      (role) => `ldms-${role}_latest.sif.part docker://registry.example.org:5000/ldms/ldms-${role}:latest`,
    ),
  );
  expect(await fetched()).toEqual([]);
  rmSync(sif('ui'));
  writeFileSync(`${sif('ui')}.part`, 'half of it');
  expect(await fetched()).toHaveLength(1);
});

test('without its image nothing is started, and what to do is said', async () => {
  const { at } = await made({});
  expect(await at.run('sh', 'cygnus-07/start.sh')).toMatchObject({
    code: 1,
    stderr: `start.sh: cannot start: there is no ldms-agg_latest.sif in ${at.directory}: run pull.sh there\n`,
    calls: [],
  });
});

test('a volume is a directory beside the script, which is there when its container starts', async () => {
  const { at, sif } = await made({});
  for (const role of ['agg', 'maestro', 'ui', 'grafana']) writeFileSync(sif(role), '');
  mkdirSync(join(at.directory, 'cygnus-07/ldms-maestro-etcd'));
  expect((await at.run('sh', 'cygnus-07/start.sh')).code).toBe(0);
  for (const name of ['ldms-maestro-etcd', 'ldms-grafana-data']) {
    expect(statSync(join(at.directory, 'cygnus-07', name)).isDirectory(), name).toBe(true);
  }
});

test('the list of options notices one that apptainer does not have', () => {
  expect(() => apptainerCall(['instance', 'run', '--pid', 'a.sif', 'a'])).toThrow(
    'apptainer instance run has no option --pid',
  );
  expect(apptainerCall(['run', '--pid', 'a.sif', '--pid']).words).toEqual(['a.sif', '--pid']);
});
