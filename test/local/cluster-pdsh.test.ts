/**
 * The pdsh lines of ldms-cluster, run by sh and the real pdsh, with stand-ins for docker, ssh and scp that count
 * what they would start.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { envOfAny } from '../../src/cluster/container.ts';
import type { Deployment } from '../../src/cluster/open.ts';
import { pdsh } from '../../src/cluster/render/pdsh.ts';
import { expandHostlist } from '../../src/ldmscfg/hostlist.ts';
import { clusterOf, cygnus } from '../support/clusters.ts';
import { type Call, counting } from '../support/counting.ts';
import { dockerWords } from '../support/docker-words.ts';
import { nastySites } from '../support/nasty.ts';
import { testNeeding } from '../support/needs.ts';
import { listsIn, sampledOn } from '../support/pdsh-lists.ts';
import { run } from '../support/program.ts';

const dockersOf = (calls: readonly Call[]) => calls.filter(({ program }) => program === 'docker');

/** What each host's docker has to be given by pdsh lines. */
const perHost = ({ containers, site }: Deployment): string[] =>
  containers
    .map((container) =>
      JSON.stringify([
        container.node,
        ...dockerWords(container, site, site.files ?? '/etc/ldms', envOfAny(container)),
      ]),
    )
    .toSorted();

const started = (calls: readonly Call[]): string[] =>
  dockersOf(calls)
    .map(({ host, args }) => JSON.stringify([host, ...args]))
    .toSorted();

describe.each(Object.entries(nastySites))('pdsh lines, %s', (_title, site) => {
  testNeeding(['pdsh'], 'the real pdsh starts exactly what each host runs, word for word', async () => {
    const deployment = await cygnus(site);
    const at = counting(pdsh.render(deployment));
    const { code, stdout, stderr, calls } = await at.run('sh', 'start.sh');
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(started(calls)).toEqual(perHost(deployment));
  });

  testNeeding(
    ['pdsh'],
    'the files are copied to the hosts that mount them, before anything is started',
    async () => {
      const deployment = await cygnus(site);
      const to = deployment.site.files ?? '/etc/ldms';
      const at = counting(pdsh.render(deployment));
      const { calls } = await at.run('sh', 'start.sh');
      const files = ['dsosd.json', 'ldms_cfg.yaml', 'dsosd.conf', 'settings.py'].map((name) =>
        join(at.directory, name),
      );
      expect(calls.slice(0, 2)).toEqual([
        { host: 'cygnus-07', program: 'mkdir', args: ['-p', to] },
        { host: '', program: 'scp', args: ['-q', ...files, `cygnus-07:${to}/`] },
      ]);
      for (const file of files) expect(existsSync(file), file).toBe(true);
    },
  );
});

testNeeding(
  ['pdsh'],
  'samplers are started first and stopped last, maestro the other way round',
  async () => {
    const at = counting(pdsh.render(await cygnus()));
    const names = (calls: readonly Call[]) =>
      dockersOf(calls).map(({ args }) => args.join(' ').match(/maestro|samp|agg|ui|grafana/)?.[0]);
    expect(names((await at.run('sh', 'start.sh')).calls).join(' ')).toBe(
      'samp samp samp samp agg agg agg maestro ui grafana',
    );
    const { code, stderr, calls } = await at.run('sh', 'stop.sh');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect([...new Set(names(calls))]).toEqual(['maestro', 'grafana', 'ui', 'agg', 'samp']);
    // The second level of aggregators before the first.
    const hosts = dockersOf(calls).flatMap(({ host, args }) => (args.join(' ') === 'stop agg' ? [host] : []));
    expect([hosts[0], ...hosts.slice(1).toSorted()]).toEqual(['cygnus-07', 'cygnus-05', 'cygnus-06']);
  },
);

testNeeding(['pdsh'], 'several maestros have their file before one line starts them all', async () => {
  const deployment = await cygnus({ maestro: 'cygnus-0[5-7]' });
  const at = counting(pdsh.render(deployment));
  const { code, stderr, calls } = await at.run('sh', 'start.sh');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(started(calls)).toEqual(perHost(deployment));
  const maestros = calls.filter(({ args }) => args.includes('ovishpc/ldms-maestro:latest'));
  expect(maestros.map(({ host }) => host).toSorted()).toEqual(['cygnus-05', 'cygnus-06', 'cygnus-07']);
  expect(new Set(maestros.map(({ args }) => JSON.stringify(args))).size).toBe(1);
  expect(maestros[0]?.args).toContain('LDMS_ENTRYPOINT_MAESTRO_MEMBERS=cygnus-05,cygnus-06,cygnus-07');
  const copied = calls.flatMap(({ program, args }, when) => (program === 'scp' ? [{ when, args }] : []));
  expect(copied.map(({ args }) => args.at(-1))).toEqual(
    maestros.map(({ host }) => `${host}:/etc/ldms/`).toSorted(),
  );
  for (const { args } of copied) expect(args).toContain(join(at.directory, 'ldms_cfg.yaml'));
  const first = calls.findIndex(({ program }) => program === 'docker');
  expect(Math.max(...copied.map(({ when }) => when))).toBeLessThan(first);
});

testNeeding(['pdsh'], 'a script without one of its lines is noticed', async () => {
  const deployment = await cygnus();
  const at = counting(pdsh.render(deployment));
  const script = join(at.directory, 'start.sh');
  const lines = readFileSync(script, 'utf8').split('\n');
  writeFileSync(script, lines.filter((line) => !line.startsWith("pdsh -S -w 'cygnus-0[5-6]'")).join('\n'));
  const { calls } = await at.run('sh', 'start.sh');
  const expected = perHost(deployment);
  expect(started(calls)).not.toEqual(expected);
  expect(expected.filter((line) => !started(calls).includes(line)).map((line) => line.slice(0, 12))).toEqual([
    '["cygnus-05"',
    '["cygnus-06"',
  ]);
});

const failures = { 'whose docker fails': 'STAND_IN_BROKEN', 'that is dead': 'STAND_IN_DEAD' } as const;

describe.each(Object.entries(failures))('a host %s', (_title, variable) => {
  testNeeding(['pdsh'], 'keeps no other from starting, is told, and ends the script with 1', async () => {
    const deployment = await cygnus();
    const at = counting(pdsh.render(deployment), { [variable]: 'cygnus-02' });
    const { code, stdout, stderr, calls } = await at.run('sh', 'start.sh');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/cygnus-02: ssh exited with exit code (125|255)/);
    expect(stderr).toMatch(
      /\nstart\.sh: not everything was started: the lines above say on which hosts, and why\n$/,
    );
    expect(new Set(dockersOf(calls).map(({ host }) => host))).toEqual(
      new Set(
        deployment.containers
          .map(({ node }) => node)
          .filter((node) => variable === 'STAND_IN_BROKEN' || node !== 'cygnus-02'),
      ),
    );
  });

  testNeeding(['pdsh'], 'is told when it is stopped, too', async () => {
    const at = counting(pdsh.render(await cygnus()), { [variable]: 'cygnus-02' });
    expect(await at.run('sh', 'stop.sh')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /\nstop\.sh: not everything was stopped: the lines above say on which hosts, and why\n$/,
      ),
    });
  });
});

testNeeding(
  ['pdsh'],
  'a container whose files did not arrive is not started, and the others are',
  async () => {
    const at = counting(pdsh.render(await cygnus()), { STAND_IN_FULL: '1' });
    const { code, stderr, calls } = await at.run('sh', 'start.sh');
    expect(code).toBe(1);
    expect(stderr).toMatch(/\nstart\.sh: not everything was started: .*\n$/);
    const names = dockersOf(calls).map(({ host, args }) => `${host} ${args[2]}`);
    expect(names.filter((name) => name.startsWith('cygnus-07'))).toEqual(['cygnus-07 --name=grafana']);
    expect(names).toHaveLength(7);
  },
);

const samplers = (hosts: string, count: number) => `daemons:
  - names: "samp-[1-${count}]"
    hosts: ${JSON.stringify(hosts)}
    endpoints:
      - { names: "ep-[1-${count}]", ports: 10411, xprt: sock, maestro_comm: true, auth: { name: none, plugin: none } }
samplers:
  - daemons: "samp-[1-${count}]"
    plugins: [{ name: meminfo, interval: 1s, config: { component_id: "\${COMPONENT_ID}" } }]
`;

const clusters: Readonly<Record<string, readonly [string, number]>> = {
  'padded numbers that grow out of their padding': ['n[08-11],m[9-11],m[099-101]', 10],
  'two numbers in a name': ['r[1-2]n[1-3]-ib', 6],
  'IPv4 and IPv6 addresses': ['10.1.2.[3-5],10.1.3.9,fe80::1', 5],
  'names without numbers': ['alpha,beta,gamma.example.org', 3],
};

describe.each(Object.entries(clusters))('hosts: %s', (_title, [hosts, count]) => {
  testNeeding(['pdsh'], 'each gets its containers, and nobody else does', async () => {
    const deployment = await clusterOf(samplers(hosts, count));
    expect(deployment.mistakes).toEqual([]);
    const at = counting(pdsh.render(deployment));
    const { code, stderr, calls } = await at.run('sh', 'start.sh');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(started(calls)).toEqual(perHost(deployment));
  });
});

const many = {
  'of regular names': Array.from({ length: 40_000 }, (_, index) => `n${index}`),
  'of padded names': Array.from(
    { length: 12_000 },
    (_, index) => `nid${String(index * 3).padStart(5, '0')}-ib`,
  ),
  'of irregular names': Array.from(
    { length: 5000 },
    (_, index) => `rack-${index}-${(index * 7919) % 10_007}-x`,
  ),
} as const;

describe.each(Object.entries(many))('very many hosts, %s', (_title, hosts) => {
  testNeeding(
    ['pdsh'],
    'are in lists that together have each of them once, and that pdsh takes',
    async () => {
      const lists = listsIn(pdsh.render(await sampledOn(hosts))[0]?.text ?? '');
      const made: string[] = [];
      for (const list of lists) {
        const names = namesOf(list);
        const { code, stdout, stderr } = await run('pdsh', ['-Q', '-w', list], {
          env: { ...process.env, PDSH_RCMD_TYPE: 'ssh' },
        });
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        // pdsh prints the first kilobyte of them.
        const printed = stdout.trim().split('\n').at(-1) ?? '';
        expect(names.join(',').slice(0, 800)).toBe(printed.slice(0, 800));
        made.push(...names);
      }
      expect(made.toSorted()).toEqual(hosts.toSorted());
    },
  );
});

function namesOf(list: string): readonly string[] {
  const expansion = expandHostlist(list);
  if ('wrong' in expansion) throw new Error(`${list.slice(0, 80)} ${expansion.wrong}`);
  return expansion.names;
}
