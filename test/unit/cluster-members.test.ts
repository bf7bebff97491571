/** maestro on several hosts: the same container on each, whichever the way of deploying. */
import { describe, expect, test } from 'vitest';
import type { Container } from '../../src/cluster/container.ts';
import { membersText, membersVariable, memberVariable, peerPort } from '../../src/cluster/members.ts';
import { planJson } from '../../src/cluster/plan-json.ts';
import { renderers, ways } from '../../src/cluster/render/index.ts';
import type { Site } from '../../src/cluster/site.ts';
import { planText } from '../../src/cluster/told.ts';
import { parseMember } from '../../src/etcd/members.ts';
import { settingsTable } from '../../src/settings.ts';
import { cygnus } from '../support/clusters.ts';

const several = { maestro: 'cygnus-0[5-7]' };
const setting = 'LDMS_ENTRYPOINT_MAESTRO_MEMBERS';
const members = 'cygnus-05,cygnus-06,cygnus-07';

const maestros = async (site: Partial<Site>): Promise<readonly Container[]> =>
  (await cygnus(site)).containers.filter(({ role }) => role === 'maestro');

/** The rendered files, by path. */
const filesOf = async (way: (typeof ways)[number], site: Partial<Site>) =>
  new Map(renderers[way].render(await cygnus(site)).map(({ path, text }) => [path, text]));

describe('the containers', () => {
  test('are one on each of the nodes, in the order in which they are named', async () => {
    const nodes = async (maestro: string) => (await maestros({ maestro })).map(({ node }) => node);
    expect(await nodes('cygnus-0[5-7]')).toEqual(['cygnus-05', 'cygnus-06', 'cygnus-07']);
    expect(await nodes('login,cygnus-07-iw,cygnus-01')).toEqual(['cygnus-01', 'cygnus-07', 'login']);
    const [first] = await maestros({ maestro: 'login,cygnus-07-iw,cygnus-01' });
    expect(first?.env).toEqual({ [setting]: 'login,cygnus-07,cygnus-01' });
  });

  test('are the same on all of them but for the address that they listen on', async () => {
    const all = await maestros(several);
    expect(all).toHaveLength(3);
    for (const { node, listens, ...rest } of all) {
      const { node: _, listens: _listens, ...first } = all[0] as Container;
      expect(rest, node).toEqual(first);
      expect(listens.map(({ port, address }) => [port, address])).toEqual([
        [2379, '127.0.0.1'],
        [2380, node],
      ]);
    }
    expect(all[0]?.env).toEqual({ [setting]: members });
    expect(all[0]?.mounts).toContainEqual({
      kind: 'volume',
      from: 'ldms-maestro-etcd',
      to: '/var/lib/etcd',
      readOnly: false,
    });
  });

  test('have IPv6 addresses in brackets, as the list is read', async () => {
    const [first] = await maestros({ maestro: 'fd00::1,fd00::2,10.0.0.3' });
    expect(first?.env).toEqual({ [setting]: '[fd00::1],[fd00::2],10.0.0.3' });
  });

  test('are told by settings that there are, in words that maestro reads as the same names', async () => {
    const setting = (key: string) => settingsTable.find((row) => row.key === key);
    expect(setting('maestroMembers')?.name).toBe(membersVariable);
    expect(setting('maestroMember')?.name).toBe(memberVariable);
    expect(setting('etcdPeerPort')?.fallback).toBe(String(peerPort));
    const names = ['cygnus-05', 'head.example.org', '10.0.0.3', 'fd00::1'];
    const text = membersText(names);
    expect(setting('maestroMembers')?.parse(text)).toBe(text);
    expect(text.split(',').map((word) => parseMember(word, peerPort))).toEqual(
      names.map((name) => ({ name, port: peerPort })),
    );
    // Negative control: without its brackets, an address would be a host and a port.
    expect(parseMember('fd00::1', peerPort)).toBeUndefined();
  });

  test('one alone is told of nobody', async () => {
    const [only, ...more] = await maestros({ maestro: 'cygnus-05' });
    expect(more).toEqual([]);
    expect(only).toEqual({ ...(await maestros({}))[0], node: 'cygnus-05' });
    expect(only?.env).toEqual({});
    expect(only?.listens.map(({ port }) => port)).toEqual([2379]);
  });
});

describe('what people see', () => {
  const row = (text: string) => text.split('\n').find((line) => line.includes('ldms-maestro:'));

  test('is one line for all, with no address that only one of them has', async () => {
    const text = row(planText(await cygnus(several), false)) ?? '';
    expect(text).toMatch(/^cygnus-0\[5-7\] +maestro .* etcd:127\.0\.0\.1:2379 etcd:HOST:2380 /);
  });

  test('is the address of each where each has a line, and as data', async () => {
    const deployment = await cygnus(several);
    expect(row(planText(deployment, true))).toContain('etcd:127.0.0.1:2379 etcd:cygnus-05:2380 ');
    const { hosts } = JSON.parse(planJson(deployment));
    const of = (host: string) => hosts.find((each: { host: string }) => each.host === host).containers;
    expect(of('cygnus-06').find(({ name }: { name: string }) => name === 'maestro')).toMatchObject({
      env: { [setting]: members },
      listens: [{ address: '127.0.0.1' }, { address: 'cygnus-06', port: 2380 }],
    });
  });
});

describe('each way', () => {
  const onEach = (name: string) => members.split(',').map((node) => `${node}/${name}`);
  const lines = {
    docker: { files: onEach('start.sh'), has: `    -e ${setting}=${members} \\` },
    pdsh: { files: ['start.sh'], has: ` -e ${setting}=${members} ` },
    compose: { files: onEach('compose.yaml'), has: `      ${setting}: "${members}"` },
    quadlet: { files: onEach('ldms-maestro.container'), has: `Environment=${setting}=${members}` },
    kubernetes: { files: ['maestro.yaml'], has: `            - name: ${setting}\n` },
    apptainer: { files: onEach('start.sh'), has: `    --env ${setting}=${members} \\` },
  } satisfies Record<(typeof ways)[number], { files: string[]; has: string }>;

  test.each(ways)('%s tells all of them, in the same words', async (way) => {
    const files = await filesOf(way, several);
    const having = [...files].filter(([, text]) => text.includes(setting)).map(([path]) => path);
    expect(having).toEqual(lines[way].files);
    for (const path of having) expect(files.get(path)).toContain(lines[way].has);
  });

  test.each(ways)('%s tells one alone nothing', async (way) => {
    const files = await filesOf(way, { maestro: 'cygnus-07' });
    expect([...files.values()].join('\n')).not.toMatch(/MAESTRO_MEMBER|2380/);
    expect(files).toEqual(await filesOf(way, {}));
  });

  test('each host gets the configuration, which whoever leads applies', async () => {
    const files = await filesOf('docker', several);
    const texts = members.split(',').map((node) => files.get(`${node}/ldms_cfg.yaml`));
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toContain('daemons:');
    expect(files.has('cygnus-01/ldms_cfg.yaml')).toBe(false);
  });

  test('with pdsh, one line starts all, and their files are copied to each', async () => {
    const start = (await filesOf('pdsh', several)).get('start.sh') ?? '';
    const starting = start.split('\n').filter((line) => line.includes('ldms-maestro:'));
    expect(starting).toEqual([expect.stringMatching(/^pdsh -S -w 'cygnus-0\[5-7\]' /)]);
    for (const node of members.split(',')) {
      expect(start).toMatch(new RegExp(`^scp -q .*"\\$here"/ldms_cfg.yaml.* ${node}:/etc/ldms/ `, 'm'));
    }
  });

  test('a start line of docker is the same text on all hosts', async () => {
    const files = await filesOf('docker', { ...several, files: '/etc/ldms' });
    const line = (node: string) =>
      files
        .get(`${node}/start.sh`)
        ?.split('\n\n')
        .find((text) => text.includes('ldms-maestro:'))
        ?.trim();
    expect(line('cygnus-05')).toContain('docker run -d');
    expect(line('cygnus-06')).toBe(line('cygnus-05'));
    expect(line('cygnus-07')).toBe(line('cygnus-05'));
  });
});
