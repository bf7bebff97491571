/** What each host runs, as it follows from ldms_cfg.yaml and from what a site decides. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Container, envOf, envOfAny, variantsOf } from '../../src/cluster/container.ts';
import { docker } from '../../src/cluster/render/docker.ts';
import type { Site } from '../../src/cluster/site.ts';
import { edited, editedBy, newerYaml } from '../support/cluster-newer.ts';
import { clusterOf, cygnus } from '../support/clusters.ts';
import { repository } from '../support/program.ts';

type Edits = readonly (readonly [string | RegExp, string])[];

async function containersOf(edits: Edits = [], site: Partial<Site> = {}): Promise<readonly Container[]> {
  const { containers, mistakes } = await clusterOf(editedBy(newerYaml, edits), site);
  expect(mistakes).toEqual([]);
  return containers;
}

/** One container: by its role, on a node if that is said. */
async function one(
  role: string,
  edits: Edits = [],
  site: Partial<Site> = {},
  node?: string,
): Promise<Container> {
  const all = await containersOf(edits, site);
  const found = all.find((each) => each.role === role && (node === undefined || each.node === node));
  if (!found) throw new Error(`there is no ${role} among ${all.map((each) => each.role).join(', ')}`);
  return found;
}

const rolesOf = (containers: readonly Container[]) => containers.map(({ node, name }) => `${node} ${name}`);
const mountsOf = ({ mounts }: Container) =>
  mounts.map(({ kind, from, to, readOnly }) => `${kind} ${from} ${to}${readOnly ? '' : ' rw'}`);

describe('roles', () => {
  test('who is named under aggregators is agg, who samples is samp', async () => {
    expect(rolesOf(await containersOf())).toEqual([
      'nid01 samp',
      'nid02 samp',
      'nid10 agg',
      'nid10 maestro',
      'nid10 ui',
      'nid10 grafana',
    ]);
  });

  test('who has a store alone is agg', async () => {
    const alone: Edits = [[/aggregators:\n[\s\S]*?samplers:/, 'samplers:']];
    expect((await one('agg', alone)).daemon).toBe('agg');
  });

  test('who samples and has a store by mistake stays samp, without dsosd', async () => {
    const containers = await containersOf([
      ['daemons: *store\n    container', 'daemons: *nodes\n    container'],
    ]);
    const [samp] = containers;
    expect(samp).toMatchObject({ role: 'samp', node: 'nid01', env: {} });
    expect(containers.filter(({ role }) => role === 'agg').map(({ daemon }) => daemon)).toEqual(['agg']);
  });

  test('who is named nowhere else is samp', async () => {
    const idle: Edits = [
      [
        'aggregators:\n',
        '  - names: idle\n    hosts: nid20\n    endpoints:\n      - {names: idle-ep, ports: 411, maestro_comm: True, auth: {name: none, plugin: none}}\naggregators:\n',
      ],
    ];
    expect(await one('samp', idle, {}, 'nid20')).toMatchObject({ daemon: 'idle', args: ['-x', 'sock:411'] });
  });

  test('samplers alone see the processes of the host', async () => {
    const containers = await containersOf();
    expect(containers.filter(({ hostPid }) => hostPid).map(({ role }) => role)).toEqual(['samp', 'samp']);
  });
});

describe('the arguments of an ldmsd', () => {
  const twoEndpoints: Edits = [
    [
      'names: "agg-ep", ports: 412,',
      'names: "agg-rdma", ports: 413, hosts: "nid10-ib", xprt: rdma, auth: {name: munge, plugin: munge}}\n      - {names: "agg-ep", ports: 412,',
    ],
  ];

  test('have -x for each endpoint, and the authentication', async () => {
    expect((await one('agg', twoEndpoints)).args).toEqual([
      '-x',
      'rdma:413',
      '-x',
      'sock:412',
      '-a',
      'munge',
    ]);
  });

  test('name the address of each with --bind: the endpoint has its own, or that of the daemon', async () => {
    const agg = await one('agg', twoEndpoints, { bind: true });
    expect(agg.args.slice(0, 4)).toEqual(['-x', 'rdma:413:nid10-ib', '-x', 'sock:412:nid10']);
    expect(agg.listens.map(({ address }) => address)).toEqual(['nid10-ib', 'nid10']);
  });

  test('have the host as the file has it with --bind, behind whatever suffix', async () => {
    const site = { bind: true, suffix: '-iw' };
    const samp = (await cygnus(site)).containers[0];
    expect(samp).toMatchObject({ node: 'cygnus-01', args: ['-x', 'rdma:411:cygnus-01-iw', '-a', 'munge'] });
  });

  test('have a port for each daemon of one host', async () => {
    const edits: Edits = [
      ['&nodes "samp-[1-2]"', '&nodes "samp-[1-4]"'],
      ['&node-eps "samp-[1-2]-ep", ports: 411', '&node-eps "samp-[1-4]-ep", ports: "[411-412]"'],
    ];
    const containers = await containersOf(edits);
    expect(containers.slice(0, 4).map(({ node, name, args }) => [node, name, args[1]])).toEqual([
      ['nid01', 'samp', 'sock:411'],
      ['nid01', 'samp-2', 'sock:412'],
      ['nid02', 'samp', 'sock:411'],
      ['nid02', 'samp-2', 'sock:412'],
    ]);
  });

  const auth = (text: string): Edits => [
    [
      'ports: 412, xprt: sock, maestro_comm: True, auth: {name: munge, plugin: munge}',
      `ports: 412, auth: ${text}, maestro_comm: True`,
    ],
  ];

  test.each<[string, string, string[]]>([
    ['none', '{name: none, plugin: none}', []],
    ['munge without options', '{name: a, plugin: munge}', ['-a', 'munge']],
    [
      'an option as a mapping',
      '{name: a, plugin: ovis, conf: {conf: /etc/a}}',
      ['-a', 'ovis', '-A', 'conf=/etc/a'],
    ],
    [
      'an option as a text',
      '{name: a, plugin: ovis, conf: "conf=/etc/a"}',
      ['-a', 'ovis', '-A', 'conf=/etc/a'],
    ],
    [
      'two options, of which ldmsd takes the first',
      '{name: a, plugin: ovis, conf: {conf: /etc/a, b: 1}}',
      ['-a', 'ovis', '-A', 'conf=/etc/a'],
    ],
    ['a text that is no option', '{name: a, plugin: ovis, conf: /etc/a}', ['-a', 'ovis']],
  ])('have the authentication: %s', async (_, text, expected) => {
    expect((await one('agg', auth(text))).args).toEqual(['-x', 'sock:412', ...expected]);
  });

  test('have that of the endpoint that maestro uses, of two', async () => {
    const edits: Edits = [
      [
        'names: "agg-ep", ports: 412,',
        'names: "agg-2", ports: 413, auth: {name: none, plugin: none}}\n      - {names: "agg-ep", ports: 412,',
      ],
    ];
    expect((await one('agg', edits)).args.slice(-2)).toEqual(['-a', 'munge']);
  });

  test('end with what the site adds, by role', async () => {
    const containers = await containersOf([], { sampOptions: ['-v', 'INFO'], aggOptions: ['-m', '2G'] });
    expect(containers.map(({ role, args }) => [role, args.slice(-2)])).toEqual([
      ['samp', ['-v', 'INFO']],
      ['samp', ['-v', 'INFO']],
      ['agg', ['-m', '2G']],
      ['maestro', []],
      ['ui', []],
      ['grafana', []],
    ]);
  });
});

describe('RDMA hardware is given', () => {
  const devices = async (edits: Edits) =>
    Object.fromEntries((await containersOf(edits)).map(({ name, node, rdma }) => [`${name} ${node}`, rdma]));

  test('to nobody where all is sock', async () => {
    expect(Object.values(await devices([]))).not.toContain(true);
  });

  test('to both ends of a connection, and to maestro where it connects by it', async () => {
    const edits: Edits = [['ports: 411, xprt: sock', 'ports: 411, xprt: rdma']];
    expect(await devices(edits)).toEqual({
      'samp nid01': true,
      'samp nid02': true,
      // It listens on sock, and connects by rdma.
      'agg nid10': true,
      'maestro nid10': true,
      'ui nid10': false,
      'grafana nid10': false,
    });
  });

  test('to samplers that advertise by it', async () => {
    const edits: Edits = [
      [
        'samplers:\n  - daemons: *nodes\n',
        'samplers:\n  - daemons: *nodes\n    advertise: {names: *nodes, hosts: nid10, xprt: rdma, port: 412, reconnect: 20s, auth: {name: munge, plugin: munge}}\n',
      ],
    ];
    expect(await devices(edits)).toMatchObject({ 'samp nid01': true, 'agg nid10': false });
  });
});

describe('the component number', () => {
  test.each(['COMPONENT_ID', 'COMPID', 'LDMS_COMPONENT_ID'])(
    'is in %s where a plugin asks for it',
    async (name) => {
      const containers = await containersOf([['${COMPONENT_ID}', `\${${name}}`]]);
      expect(containers.slice(0, 3).map(envOf)).toEqual([
        { [name]: '1' },
        { [name]: '2' },
        { LDMS_ENTRYPOINT_DSOSD: '1' },
      ]);
      expect(containers.slice(0, 2).map(envOfAny)).toEqual([
        { LDMS_ENTRYPOINT_COMPONENT_ID: name },
        { LDMS_ENTRYPOINT_COMPONENT_ID: name },
      ]);
    },
  );

  test('is in each of several variables, wherever the configuration has them', async () => {
    const samp = await one('samp', [
      [
        '      - {schema: meminfo, component_id: "${COMPONENT_ID}"}',
        '      - "component_id=${COMPID} job=${COMPONENT_ID}"',
      ],
    ]);
    expect(envOf(samp)).toEqual({ COMPONENT_ID: '1', COMPID: '1' });
    expect(envOfAny(samp)).toEqual({ LDMS_ENTRYPOINT_COMPONENT_ID: 'COMPONENT_ID,COMPID' });
  });

  test('is nowhere if no plugin asks for it', async () => {
    const samp = await one('samp', [[', component_id: "${COMPONENT_ID}"', '']]);
    expect(samp.component).toBeUndefined();
    expect(envOf(samp)).toEqual({});
    expect(envOfAny(samp)).toEqual({});
  });

  test('is that of the node, without the suffix', async () => {
    const edits: Edits = [['nid[01-02]', 'nid[01-02]-ib7']];
    expect((await one('samp', edits)).component?.number).toBe(7);
    expect((await one('samp', edits, { suffix: '-ib7' })).component?.number).toBe(1);
  });

  test('is the place in the list for a name without one, and then the same for no two nodes', async () => {
    const containers = await containersOf([['"nid[01-02]"', '[alpha, beta]']]);
    expect(containers.slice(0, 2).map(({ component }) => component)).toEqual([
      { variables: ['COMPONENT_ID'], number: 1, inName: false },
      { variables: ['COMPONENT_ID'], number: 2, inName: false },
    ]);
    expect(containers.slice(0, 2).map(envOfAny)).toEqual([{ COMPONENT_ID: '1' }, { COMPONENT_ID: '2' }]);
  });
});

describe('nodes', () => {
  test('are what the file calls hosts, without the suffix', async () => {
    const { containers } = await cygnus();
    expect(new Set(containers.map(({ node }) => node))).toEqual(
      new Set(['01', '02', '03', '04', '05', '06', '07'].map((number) => `cygnus-${number}`)),
    );
  });

  test('keep a name that is nothing but the suffix', async () => {
    expect(rolesOf(await containersOf([['"nid10"', '"store"']], { suffix: 'store' }))).toContain('store agg');
  });

  test('of the site may have the suffix too, and are the same nodes', async () => {
    const { containers } = await cygnus({ ui: 'cygnus-07-iw', grafana: 'cygnus-06' });
    expect(containers.find(({ role }) => role === 'ui')?.node).toBe('cygnus-07');
    expect(containers.find(({ role }) => role === 'grafana')).toMatchObject({
      node: 'cygnus-06',
      env: { LDMS_ENTRYPOINT_DSOSDS_URL: 'http://cygnus-07' },
    });
  });

  test('stand together, in the order of the file', async () => {
    const { containers } = await cygnus({ maestro: 'cygnus-02', ui: 'login', grafana: 'login' });
    expect(rolesOf(containers)).toEqual([
      'cygnus-01 samp',
      'cygnus-02 samp',
      'cygnus-02 maestro',
      'cygnus-03 samp',
      'cygnus-04 samp',
      'cygnus-05 agg',
      'cygnus-06 agg',
      'cygnus-07 agg',
      'login ui',
      'login grafana',
    ]);
  });
});

describe('storage', () => {
  const path = (text: string): Edits => [['[{path: /store}]', text]];

  test.each<[string, Edits]>([
    ['a mapping', []],
    ['a text', path('["path=/store"]')],
    ['a text with other options', path('["buffer=0 path=/store flush=1"]')],
    [
      'two stores of one path',
      [['stores:\n', 'stores:\n  again: {daemons: *store, container: c, schema: meminfo, plugin: sos1}\n']],
    ],
  ])('is mounted for a configuration that is %s', async (_, edits) => {
    expect(mountsOf(await one('agg', edits))).toEqual([
      'directory /run/munge /run/munge',
      'directory /store /store rw',
      'config dsosd.json /etc/dsosd.json',
    ]);
  });

  test('is mounted for plugins in place', async () => {
    const { containers } = await cygnus();
    const agg = containers.find(({ node }) => node === 'cygnus-07');
    expect(agg && mountsOf(agg)).toContain('directory /store /store rw');
  });

  test.each([
    ['a path that is not absolute', '[{path: store}]'],
    ['another option that ends with path', '["altpath=/store"]'],
    ['no path', '[{buffer: 0}]'],
  ])('is not mounted for %s', async (_, text) => {
    expect(mountsOf(await one('agg', path(text)))).toEqual([
      'directory /run/munge /run/munge',
      'config dsosd.json /etc/dsosd.json',
    ]);
  });
});

describe('dsosd', () => {
  test.each([
    ['store_sos', true],
    ['store_dsos', true],
    ['store_csv', false],
    ['my_store_sos', false],
  ])('beside an aggregator with %s: %s', async (plugin, runs) => {
    const agg = await one('agg', [['name: store_sos', `name: ${plugin}`]]);
    expect(agg.env).toEqual(runs ? { LDMS_ENTRYPOINT_DSOSD: '1' } : {});
    expect(mountsOf(agg).includes('config dsosd.json /etc/dsosd.json')).toBe(runs);
  });

  test('has a directory of the containers, and a list of its hosts', async () => {
    const { files } = await clusterOf(newerYaml);
    expect(JSON.parse(files.get('dsosd.json') ?? '')).toEqual({ nid10: { meminfo: '/store/meminfo' } });
    expect(files.get('dsosd.conf')).toBe('nid10\n');
    expect(files.get('ldms_cfg.yaml')).toBe(newerYaml);
    expect(files.get('settings.py')).toContain("DSOS_ROOT = '/store/'");
    expect(files.get('settings.py')).toContain("ALLOWED_HOSTS = ['nid10', 'localhost', '127.0.0.1']");
  });

  test('has the containers of all aggregators of its host in its directory', async () => {
    const text = editedBy(newerYaml, [
      [
        'aggregators:\n',
        '  - names: &other "agg-b"\n    hosts: "nid10"\n    endpoints:\n      - {names: "agg-b-ep", ports: 413, maestro_comm: True, auth: {name: munge, plugin: munge}}\naggregators:\n  - daemons: *other\n    prdcr_listen: [{name: all, regex: n.*, updaters: [{interval: 1s}]}]\n',
      ],
      ['stores:\n', 'stores:\n  b: {daemons: *other, container: vmstat, schema: vmstat, plugin: sos1}\n'],
    ]);
    const { files, mistakes } = await clusterOf(text);
    expect(mistakes).toEqual([]);
    expect(JSON.parse(files.get('dsosd.json') ?? '')).toEqual({
      nid10: { meminfo: '/store/meminfo', vmstat: '/store/vmstat' },
    });
  });

  test('has no container without a name in its directory', async () => {
    const text = edited(
      newerYaml,
      '    container: meminfo\n    schema: meminfo\n',
      '    decomposition: /d.json\n    regex: .*\n',
    );
    const { files, mistakes } = await clusterOf(text);
    expect(mistakes).toEqual([]);
    expect(JSON.parse(files.get('dsosd.json') ?? '')).toEqual({ nid10: {} });
  });

  test('has the files that are there already in place of those', async () => {
    const { deploymentOf } = await import('../../src/cluster/open.ts');
    const { anySite } = await import('../../src/cluster/site.ts');
    const { files } = await deploymentOf(newerYaml, anySite, new Map([['settings.py', '# mine\n']]));
    expect(files.get('settings.py')).toBe('# mine\n');
    expect(files.get('dsosd.conf')).toBe('nid10\n');
  });

  test('has its paths in settings.py as Python reads them', async () => {
    const { files } = await clusterOf(edited(newerYaml, '{path: /store}', `{path: "/a'b\\\\c"}`));
    expect(files.get('settings.py')).toContain(String.raw`DSOS_ROOT = '/a\'b\\c/'`);
  });
});

describe('munge', () => {
  const mungeMounts = async (edits: Edits, site: Partial<Site> = {}) =>
    Object.fromEntries(
      (await containersOf(edits, site)).map((each) => [
        `${each.role} ${each.node}`,
        mountsOf(each).filter((text) => text.includes('munge')),
      ]),
    );
  const none: Edits = [
    [/auth: \{name: munge, plugin: munge\}/, 'auth: {name: none, plugin: none}'],
    [/auth: \{name: munge, plugin: munge\}/, 'auth: {name: none, plugin: none}'],
  ];
  const nobody = { 'ui nid10': [], 'grafana nid10': [] };

  test("is the host's for all that authenticate with it", async () => {
    const hosts = ['directory /run/munge /run/munge'];
    expect(await mungeMounts([])).toEqual({
      'samp nid01': hosts,
      'samp nid02': hosts,
      'agg nid10': hosts,
      'maestro nid10': hosts,
      ...nobody,
    });
  });

  test("is the host's from another directory", async () => {
    const mounts = await mungeMounts([], { mungeSocket: '/var/run/munge' });
    expect(mounts['agg nid10']).toEqual(['directory /var/run/munge /run/munge']);
  });

  test('is one of their own with a key', async () => {
    const key = ['file /etc/my.key /etc/munge/munge.key'];
    expect(await mungeMounts([], { mungeKey: '/etc/my.key' })).toEqual({
      'samp nid01': key,
      'samp nid02': key,
      'agg nid10': key,
      'maestro nid10': key,
      ...nobody,
    });
  });

  test('is nowhere where nobody authenticates with it, whatever key there is', async () => {
    expect(Object.values(await mungeMounts(none, { mungeKey: '/etc/my.key' })).flat()).toEqual([]);
  });

  test('is for an aggregator whose peers alone have it', async () => {
    const mounts = await mungeMounts([
      [
        'ports: 412, xprt: sock, maestro_comm: True, auth: {name: munge, plugin: munge}',
        'ports: 412, maestro_comm: True, auth: {name: none, plugin: none}',
      ],
    ]);
    expect(mounts['agg nid10']).toHaveLength(1);
  });
});

describe('where maestro, ui and grafana run', () => {
  const csv: Edits = [['name: store_sos', 'name: store_csv']];
  const noStores: Edits = [[/ {2}sos1:\n[\s\S]*$/, '']];
  const noAggregators: Edits = [[/aggregators:\n[\s\S]*?samplers:/, 'samplers:'], ...noStores];
  const where = async (edits: Edits, site: Partial<Site> = {}) =>
    Object.fromEntries(
      (await containersOf(edits, site))
        .filter(({ daemon }) => daemon === undefined)
        .map(({ role, node }) => [role, node]),
    );

  test('with the data', async () => {
    expect(await where([])).toEqual({ maestro: 'nid10', ui: 'nid10', grafana: 'nid10' });
  });

  test('with data that no dsosd serves, and without what could show none', async () => {
    expect(await where(csv)).toEqual({ maestro: 'nid10' });
    expect(await where(csv, { ui: 'login' })).toEqual({ maestro: 'nid10', ui: 'login', grafana: 'nid10' });
  });

  test('on the last aggregator where nothing is stored', async () => {
    expect(await where(noStores)).toEqual({ maestro: 'nid10' });
  });

  test('on the last host where there are no aggregators', async () => {
    expect(await where(noAggregators)).toEqual({ maestro: 'nid10' });
  });

  test('where the site says', async () => {
    const site = { maestro: 'm', ui: 'u', grafana: 'g' };
    expect(await where([], site)).toEqual({ maestro: 'm', ui: 'u', grafana: 'g' });
  });

  test('nowhere where it says none', async () => {
    expect(await where([], { maestro: 'none', ui: 'none', grafana: 'none' })).toEqual({});
  });
});

describe('grafana and ui', () => {
  test('grafana asks the web back-end by its node and port', async () => {
    const env = async (site: Partial<Site>) => (await one('grafana', [], site)).env;
    expect(await env({})).toEqual({ LDMS_ENTRYPOINT_DSOSDS_URL: 'http://nid10' });
    expect(await env({ uiPort: 8080, grafanaPort: 3001 })).toEqual({
      LDMS_ENTRYPOINT_DSOSDS_URL: 'http://nid10:8080',
      GF_SERVER_HTTP_PORT: '3001',
    });
    expect(await env({ ui: 'fe80::1' })).toEqual({ LDMS_ENTRYPOINT_DSOSDS_URL: 'http://[fe80::1]' });
    expect(await env({ ui: 'none', grafana: 'nid10' })).toEqual({});
  });

  test('ui listens where it is told', async () => {
    expect((await one('ui', [], { uiPort: 8080 })).args).toEqual(['--http-socket=:8080']);
    expect((await one('ui')).args).toEqual([]);
  });
});

test('several containers of one kind and host have different names', async () => {
  const second = edited(
    newerYaml,
    'aggregators:\n',
    '  - names: &other "agg-b"\n    hosts: "nid10"\n    endpoints:\n      - {names: &other-eps "agg-b-ep", ports: 413, maestro_comm: True, auth: {name: munge, plugin: munge}}\naggregators:\n  - daemons: *other\n    peers:\n      - {daemons: *nodes, endpoints: *node-eps, reconnect: 20s, type: active, updaters: [{mode: pull, interval: 1s, offset: 100ms}]}\n',
  );
  const { containers } = await clusterOf(second);
  expect(rolesOf(containers).slice(2)).toEqual([
    'nid10 agg',
    'nid10 agg-2',
    'nid10 maestro',
    'nid10 ui',
    'nid10 grafana',
  ]);
});

describe('variants', () => {
  const nodesOf = (containers: readonly Container[]) =>
    variantsOf(containers).map(({ container, nodes }) => `${container.name} ${nodes.join(',')}`);

  test('are hosts that one line serves, whatever their numbers', async () => {
    expect(nodesOf((await cygnus()).containers)).toEqual([
      'samp cygnus-01,cygnus-02,cygnus-03,cygnus-04',
      'agg cygnus-05,cygnus-06',
      'agg cygnus-07',
      'maestro cygnus-07',
      'ui cygnus-07',
      'grafana cygnus-07',
    ]);
  });

  test('are one for each host that listens on its own address alone', async () => {
    expect(nodesOf((await cygnus({ bind: true })).containers).slice(0, 2)).toEqual([
      'samp cygnus-01',
      'samp cygnus-02',
    ]);
  });

  test('are one for each host whose number is not in its name', async () => {
    const containers = await containersOf([['"nid[01-02]"', '[alpha, beta]']]);
    expect(nodesOf(containers).slice(0, 2)).toEqual(['samp alpha', 'samp beta']);
  });

  test('have all containers, each once', async () => {
    const { containers } = await cygnus();
    expect(variantsOf(containers).flatMap((variant) => variant.containers)).toEqual(containers);
  });
});

describe('the privileges are those of the README', () => {
  const readme = readFileSync(join(repository, 'README.md'), 'utf8');
  const [, section = ''] = /^### The least privileges\n(.*?)^##/ms.exec(readme) ?? [];
  const lines = section.replace(/\\\n\s*/g, '').split('\n');

  /** What a docker line gives, whatever its order. */
  const given = (line: string) => ({
    capabilities: [...line.matchAll(/--cap-(?:add|drop)=\w+/g)].map(([word]) => word).sort(),
    tmpfs: [...line.matchAll(/--tmpfs ([^\s:]+)/g)].map(([, path]) => path).sort(),
    others: ['--network=host', '--pid=host', '--read-only', '--security-opt=no-new-privileges'].filter(
      (word) => line.includes(word),
    ),
    to: [...line.matchAll(/-v [^\s:]+:([^\s:]+(?::ro)?)/g)].map(([, to]) => to).sort(),
  });
  type Given = ReturnType<typeof given>;

  const ofReadme = (pattern: RegExp): Given => {
    const found = lines.filter((line) => line.includes('docker run') && pattern.test(line));
    expect(found, `one line of the README is like ${pattern}`).toHaveLength(1);
    return given(found[0] ?? '');
  };
  const rendered = async (name: string, node: string, edits: Edits, site: Partial<Site>): Promise<Given> => {
    const files = docker.render(await clusterOf(editedBy(newerYaml, edits), site));
    const text = files.find(({ path }) => path === `${node}/start.sh`)?.text.replace(/ \\\n\s*/g, ' ') ?? '';
    const line = text.split('\n').find((each) => each.includes(` --name=${name} `));
    expect(line, `${name} is started on ${node}`).toBeDefined();
    return given(line ?? '');
  };
  const noMunge: Edits = [
    [
      'ports: 411, xprt: sock, maestro_comm: True, auth: {name: munge, plugin: munge}',
      'ports: 10411, maestro_comm: True, auth: {name: none, plugin: none}',
    ],
    [
      'ports: 412, xprt: sock, maestro_comm: True, auth: {name: munge, plugin: munge}',
      'ports: 10412, maestro_comm: True, auth: {name: none, plugin: none}',
    ],
  ];

  test.each<[string, RegExp, string, string, Edits, Partial<Site>]>([
    ['samp on port 411', /ldms-samp -x sock:411 -a munge/, 'samp', 'nid01', [], {}],
    [
      'samp on port 10411',
      /-v \/run\/munge.*ldms-samp -x sock:10411/,
      'samp',
      'nid01',
      [['ports: 411', 'ports: 10411']],
      {},
    ],
    [
      'agg with dsosd',
      /LDMS_ENTRYPOINT_DSOSD=1/,
      'agg',
      'nid10',
      [...noMunge, ['{path: /store}', '{buffer: 0}']],
      {},
    ],
    ['maestro', /ldms-maestro/, 'maestro', 'nid10', noMunge, {}],
    ['ui on port 80', /ldms-ui --http-socket=:80$/, 'ui', 'nid10', noMunge, {}],
    [
      'grafana',
      /--tmpfs \/tmp -v \S+ \S+\/ldms-grafana$/,
      'grafana',
      'nid10',
      noMunge,
      { ui: 'none', grafana: 'nid10' },
    ],
    [
      'grafana with its data source',
      /LDMS_ENTRYPOINT_DSOSDS_URL.*\/ldms-grafana$/,
      'grafana',
      'nid10',
      noMunge,
      {},
    ],
  ])('%s', async (_, pattern, name, node, edits, site) => {
    expect(await rendered(name, node, edits, site)).toEqual(ofReadme(pattern));
  });

  test("a munged of the container's own, with somebody else's key", async () => {
    const readmes = ofReadme(/--cap-add=CHOWN.*ldms-samp/);
    const ours = await rendered('samp', 'nid01', [['ports: 411', 'ports: 10411']], { mungeKey: '/k' });
    // The key of a host is not 101:101's, which the README's line has; samplers see the host's processes.
    expect(ours).toEqual({
      ...readmes,
      capabilities: [...readmes.capabilities, '--cap-add=DAC_OVERRIDE'].sort(),
      others: ['--network=host', '--pid=host', '--read-only', '--security-opt=no-new-privileges'],
    });
  });

  test('ui on another port takes none', async () => {
    expect((await rendered('ui', 'nid10', noMunge, { uiPort: 8080 })).capabilities).toEqual([
      '--cap-drop=ALL',
    ]);
  });

  test('a comparison that could not fail would be none', () => {
    expect(
      given('docker run --cap-drop=ALL --cap-add=KILL --tmpfs /run:uid=1 --read-only -v /a:/b:ro x'),
    ).toEqual({
      capabilities: ['--cap-add=KILL', '--cap-drop=ALL'],
      tmpfs: ['/run'],
      others: ['--read-only'],
      to: ['/b:ro'],
    });
  });
});
