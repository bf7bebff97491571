/** What is told of a cluster as a whole: each wrong one is a good one with a few edits. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { docker } from '../../src/cluster/render/docker.ts';
import type { Site } from '../../src/cluster/site.ts';
import { editedBy, newerYaml } from '../support/cluster-newer.ts';
import { clusterOf, cygnusYaml } from '../support/clusters.ts';
import { repository } from '../support/program.ts';

const files = { cygnus: cygnusYaml, newer: newerYaml };
type File = keyof typeof files;
type Edits = readonly (readonly [string | RegExp, string])[];

const siteOf = (file: File, site: Partial<Site>): Partial<Site> =>
  file === 'cygnus' ? { suffix: '-iw', ...site } : site;

async function told(file: File, edits: Edits = [], site: Partial<Site> = {}): Promise<string[]> {
  const { mistakes, warnings } = await clusterOf(editedBy(files[file], edits), siteOf(file, site));
  const line = (severity: string) => (found: { line: number; column: number; text: string }) =>
    `${severity} ${found.line}:${found.column} ${found.text}`;
  return [...mistakes.map(line('mistake')), ...warnings.map(line('warning'))];
}

type Case = [title: string, file: File, edits: Edits, told: string[], site?: Partial<Site>];

async function holds(...[, file, edits, expected, site]: Case): Promise<void> {
  expect(await told(file, edits, site)).toEqual(expected);
}

/** One more aggregator of the newer file, on the host of the first: with other edits. */
const another = (endpoint: string): readonly [string, string] => [
  'aggregators:\n',
  `  - names: &other "agg-b"\n    hosts: "nid10"\n    endpoints:\n      - {${endpoint}, maestro_comm: True, auth: {name: munge, plugin: munge}}\naggregators:\n  - daemons: *other\n    prdcr_listen: [{name: all, regex: n.*, updaters: [{interval: 1s}]}]\n`,
];
const noMunge: Edits = [
  [
    'auth: {name: munge, plugin: munge}}\n  - names: &store',
    'auth: {name: none, plugin: none}}\n  - names: &store',
  ],
  ['auth: {name: munge, plugin: munge}}\naggr', 'auth: {name: none, plugin: none}}\naggr'],
];

describe('a good cluster has no findings', () => {
  test.each<[string, File, Partial<Site>]>([
    ['cygnus', 'cygnus', {}],
    ['the newer generation', 'newer', {}],
    ['on their own addresses', 'cygnus', { bind: true }],
    ['with a key', 'newer', { mungeKey: '/etc/munge.key' }],
    ['without maestro, ui and grafana', 'newer', { maestro: 'none', ui: 'none', grafana: 'none' }],
    ['with those elsewhere', 'newer', { maestro: 'login', ui: 'login', grafana: 'login' }],
    ['with maestro on three', 'newer', { maestro: 'm[1-3]' }],
    ['with maestro on seven', 'newer', { maestro: 'm[1-7]' }],
  ])('%s', async (_, file, site) => {
    expect(await told(file, [], site)).toEqual([]);
  });

  test('the example as its users have it', async () => {
    const text = readFileSync(join(repository, 'examples/cygnus/ldms_cfg.yaml'), 'utf8');
    const { mistakes, warnings, containers } = await clusterOf(text, { suffix: '-iw' });
    expect([mistakes, warnings]).toEqual([[], []]);
    expect(containers).toHaveLength(10);
  });

  test('with authentication at neither end', async () => {
    expect(await told('newer', noMunge)).toEqual([]);
  });
});

describe('hosts that can be no hosts', () => {
  const remedy =
    'is no name of a host; begin it with a letter or digit, and go on with those, dots and dashes';
  test.each<Case>([
    ['..', 'newer', [['"nid10"', '".."']], [`mistake 6:5 ".." ${remedy}`]],
    ['an option', 'newer', [['"nid10"', '"-rf"']], [`mistake 6:5 "-rf" ${remedy}`]],
    ['a hidden file', 'newer', [['"nid10"', '".ssh"']], [`mistake 6:5 ".ssh" ${remedy}`]],
    ['one of several', 'newer', [['"nid[01-02]"', '[nid01, -l2]']], [`mistake 2:5 "-l2" ${remedy}`]],
    [
      'the address of an endpoint',
      'newer',
      [['ports: 412,', 'ports: 412, hosts: "--x",']],
      [`mistake 9:9 "--x" ${remedy}`],
    ],
    [
      'a path',
      'newer',
      [['"nid10"', '"../x"']],
      ['mistake 7:12 hosts: "../x" is no host name: it has "/" in it'],
    ],
    [
      'an absolute path',
      'newer',
      [['"nid10"', '"/etc"']],
      ['mistake 7:12 hosts: "/etc" is no host name: it has "/" in it'],
    ],
    [
      'a path below',
      'newer',
      [['"nid10"', '"a/b"']],
      ['mistake 7:12 hosts: "a/b" is no host name: it has "/" in it'],
    ],
    [
      'a quote',
      'newer',
      [['"nid10"', '"a\'b"']],
      ['mistake 7:12 hosts: "a\'b" is no host name: it has "\'" in it'],
    ],
    [
      'a command',
      'newer',
      [['"nid10"', '"$(id)"']],
      ['mistake 7:12 hosts: "$(id)" is no host name: it has "$" in it'],
    ],
    [
      'a line break',
      'newer',
      [['"nid10"', '"a\\nb"']],
      ['mistake 7:12 hosts: "a\\nb" has a blank in it; write ab'],
    ],
  ])('%s', holds);

  test('so that all that is rendered of a good cluster is below the output directory', async () => {
    const deployment = await clusterOf(newerYaml);
    const paths = docker.render(deployment).map(({ path }) => path);
    expect(paths.length).toBeGreaterThan(6);
    expect(paths.filter((path) => !/^[A-Za-z0-9][\w.-]*\/[\w.]+$/.test(path))).toEqual([]);
  });
});

/** Of the aggregator that `another` adds. */
const nobodys =
  'warning 15:5 nobody collects from the aggregator agg-b, and it stores nothing; name it under the peers of another, or give it a store';

describe('ports that are used twice', () => {
  test.each<Case>([
    [
      'by two groups of one host, as the file has it: told once, by the checker that maestro has too',
      'newer',
      [another('names: "agg-b-ep", ports: 412')],
      ['mistake 13:36 ports: port 412 on nid10 is that of the endpoint of line 9 too; write a port for each'],
    ],
    [
      'by two groups of one host, which the suffix makes one',
      'newer',
      [['"nid10"', '"nid10-iw"'], another('names: "agg-b-ep", ports: 412')],
      ["mistake 13:9 port 412 of nid10 is both agg's and agg-b's; give one of them another", nobodys],
      { suffix: '-iw' },
    ],
    [
      'by two addresses of one host, if each listens on all',
      'newer',
      [another('names: "agg-b-ep", ports: 412, hosts: "nid10-ib"')],
      ["mistake 13:9 port 412 of nid10 is both agg's and agg-b's; give one of them another", nobodys],
    ],
    [
      'by two addresses of one host, each for itself',
      'newer',
      [another('names: "agg-b-ep", ports: 412, hosts: "nid10-ib"')],
      [nobodys],
      { bind: true },
    ],
    [
      'by rdma and sock, which count theirs by themselves',
      'newer',
      [another('names: "agg-b-ep", ports: 412, xprt: rdma')],
      [nobodys],
    ],
    ['on two hosts', 'newer', [['ports: 412', 'ports: 411']], []],
    [
      'by an ldmsd and the web back-end',
      'newer',
      [['ports: 412', 'ports: 80']],
      ["mistake 9:9 port 80 of nid10 is both agg's and ldms-ui's; give --ui-port PORT, or --ui HOST"],
    ],
    [
      'by an ldmsd and the web back-end, which has another',
      'newer',
      [['ports: 412', 'ports: 80']],
      [],
      { uiPort: 8080 },
    ],
    [
      'by an ldmsd and the web back-end of another host',
      'newer',
      [['ports: 412', 'ports: 80']],
      [],
      { ui: 'login' },
    ],
    [
      'by an ldmsd by rdma and the web back-end',
      'newer',
      [['ports: 412, xprt: sock', 'ports: 80, xprt: rdma']],
      [],
    ],
    [
      'by an ldmsd and grafana',
      'newer',
      [['ports: 412', 'ports: 3000']],
      [
        "mistake 9:9 port 3000 of nid10 is both agg's and ldms-grafana's; give --grafana-port PORT, or --grafana HOST",
      ],
    ],
    [
      'by the web back-end and grafana',
      'newer',
      [],
      [
        "mistake 1:1 port 3000 of nid10 is both ldms-ui's and ldms-grafana's; give --grafana-port PORT, or --grafana HOST",
      ],
      { uiPort: 3000 },
    ],
    [
      "by an ldmsd and maestro's etcd",
      'newer',
      [['ports: 412', 'ports: 2379']],
      [
        "mistake 9:9 port 2379 of nid10 is both agg's and ldms-maestro's; run maestro elsewhere, with --maestro HOST",
      ],
    ],
    [
      "by an ldmsd and the port by which several maestros' etcds speak to each other: told once",
      'newer',
      [['ports: 412', 'ports: 2380']],
      [
        "mistake 9:9 port 2380 of nid10 is both agg's and ldms-maestro's; run maestro elsewhere, with --maestro HOST",
      ],
      { maestro: 'nid10,m1,m2' },
    ],
    ['by an ldmsd and nobody: maestro is alone', 'newer', [['ports: 412', 'ports: 2380']], []],
    [
      'by an ldmsd of one node and maestros of others',
      'newer',
      [['ports: 412', 'ports: 2380']],
      [],
      { maestro: 'm[1-3]' },
    ],
    [
      "by an ldmsd on its own address and maestro's etcd on loopback",
      'newer',
      [['ports: 412', 'ports: 2379']],
      [],
      { bind: true },
    ],
    [
      'by two groups of many hosts: told once',
      'cygnus',
      [['"cygnus-0[5-6]-iw"', '"cygnus-0[1-2]"']],
      ["mistake 19:9 port 411 of cygnus-01 is both samp-1's and agg-11's; give one of them another"],
    ],
  ])('%s', holds);
});

describe('several hosts of maestro', () => {
  const twice = (host: string) => [`mistake 1:1 --maestro names ${host} twice; leave it out once`];
  test.each<Case>([
    [
      'two, which both have to be there',
      'newer',
      [],
      [
        'warning 1:1 --maestro names 2 hosts, which outlive the loss of no more of them than 1 would; name 1 or 3',
      ],
      { maestro: 'a,b' },
    ],
    [
      'four',
      'newer',
      [],
      [
        'warning 1:1 --maestro names 4 hosts, which outlive the loss of no more of them than 3 would; name 3 or 5',
      ],
      { maestro: 'm[1-4]' },
    ],
    [
      'more than etcd is for',
      'newer',
      [],
      ['mistake 1:1 --maestro names 8 hosts, and etcd is meant for no more than 7; name 3 or 5'],
      { maestro: 'm[1-8]' },
    ],
    ['one twice', 'newer', [], twice('a'), { maestro: 'a,b,a' }],
    ['one twice, of two', 'newer', [], twice('a'), { maestro: 'a,a' }],
    ['one twice, by two names', 'cygnus', [], twice('a'), { maestro: 'a,b,a-iw' }],
  ])('%s', holds);
});

describe('directories that cannot be mounted', () => {
  test.each<Case>([
    [
      'with a variable',
      'newer',
      [['{path: /store}', '{path: "/store/${HOSTNAME}"}']],
      [
        'mistake 37:13 "/store/${HOSTNAME}" cannot be mounted: it has a variable in it, which nobody knows before; write a path without',
      ],
    ],
    [
      'with a colon',
      'cygnus',
      [['path : /store', 'path : "/store:/etc"']],
      [
        'mistake 84:7 "/store:/etc" cannot be mounted: it has a colon or a control character in it; write one without',
      ],
    ],
    [
      'with a line break',
      'newer',
      [['{path: /store}', '{path: "/a\\nb"}']],
      [
        'mistake 37:13 "/a\\nb" cannot be mounted: it has a colon or a control character in it; write one without',
      ],
    ],
    ['with a blank', 'newer', [['{path: /store}', '{path: "/my store"}']], []],
  ])('%s', holds);
});

describe('component numbers', () => {
  test.each<Case>([
    [
      'two nodes with one number',
      'newer',
      [['"nid[01-02]"', '[a1, b1]']],
      [
        'warning 2:5 a1 and b1 would both be component 1, the last number in their names; their data could not be told apart',
      ],
    ],
    [
      'two nodes with one number, one of them by its place',
      'newer',
      [['"nid[01-02]"', '[b2, beta]']],
      [
        'warning 2:5 b2 and beta would both be component 2; their data could not be told apart',
        'warning 2:5 the name beta has no number in it to be its component number; its place in the list, 2, is taken',
      ],
    ],
    [
      'many nodes with one number: told once',
      'cygnus',
      [['"cygnus-0[1-4]-iw"', '[a1, b1, c1, d1]']],
      [
        'warning 6:5 a1 and b1 would both be component 1, the last number in their names; their data could not be told apart',
      ],
    ],
    [
      'names without numbers: told once for a group',
      'newer',
      [['"nid[01-02]"', '[alpha, beta]']],
      [
        'warning 2:5 the name alpha has no number in it to be its component number; its place in the list, 1, is taken',
      ],
    ],
    [
      'names without numbers, where no plugin asks for one',
      'newer',
      [
        ['"nid[01-02]"', '[alpha, beta]'],
        ['${COMPONENT_ID}', '7'],
      ],
      [],
    ],
    [
      'two daemons of one node with one number',
      'newer',
      [
        ['&nodes "samp-[1-2]"', '&nodes "samp-[1-4]"'],
        ['&node-eps "samp-[1-2]-ep", ports: 411', '&node-eps "samp-[1-4]-ep", ports: "[411-412]"'],
      ],
      [],
    ],
  ])('%s', holds);
});

describe('variables', () => {
  const variable = (text: string): Edits => [['"${COMPONENT_ID}"', `"${text}"`]];
  test.each<Case>([
    [
      'that no container has',
      'newer',
      variable('${RACK}'),
      [
        'warning 2:5 the plugins of samp-[1-2] are configured with ${RACK}, which ldms-samp does not have; add -e RACK=… to what is rendered, or use COMPONENT_ID or HOSTNAME',
      ],
    ],
    [
      'two of them, in one text',
      'newer',
      variable('${A}-${B}'),
      ['A', 'B'].map(
        (name) =>
          `warning 2:5 the plugins of samp-[1-2] are configured with \${${name}}, which ldms-samp does not have; add -e ${name}=… to what is rendered, or use COMPONENT_ID or HOSTNAME`,
      ),
    ],
    ['that every container has', 'newer', variable('${HOSTNAME}'), []],
    ['that are none', 'newer', variable('$RACK {RACK}'), []],
  ])('%s', holds);
});

describe('what the site says', () => {
  test.each<Case>([
    [
      'a suffix of nobody',
      'newer',
      [],
      ['warning 1:1 no host ends with -iw, which --suffix says; leave it out'],
      { suffix: '-iw' },
    ],
    ['a suffix of some', 'newer', [['"nid10"', '"nid10-iw"']], [], { suffix: '-iw' }],
    [
      'a web back-end without a dsosd',
      'newer',
      [['name: store_sos', 'name: store_csv']],
      [
        'warning 34:5 the web back-end on login has nothing to show: no store here is store_sos; put a dsosd.conf beside this file, or leave out --ui',
      ],
      { ui: 'login' },
    ],
    [
      'no word of a web back-end where there is no dsosd',
      'newer',
      [['name: store_sos', 'name: store_csv']],
      [],
    ],
  ])('%s', holds);

  test('a web back-end with a dsosd.conf of its own', async () => {
    const { deploymentOf } = await import('../../src/cluster/open.ts');
    const { anySite } = await import('../../src/cluster/site.ts');
    const text = editedBy(newerYaml, [['name: store_sos', 'name: store_csv']]);
    const { warnings } = await deploymentOf(
      text,
      { ...anySite, ui: 'login' },
      new Map([['dsosd.conf', 'far\n']]),
    );
    expect(warnings).toEqual([]);
  });
});

describe('who collects from whom', () => {
  test.each<Case>([
    [
      'samplers of nobody',
      'newer',
      [
        [
          / {4}peers:[\s\S]*?\nsamplers/,
          '    prdcr_listen: [{name: all, regex: n.*, updaters: [{interval: 1s}]}]\nsamplers',
        ],
      ],
      [
        'warning 14:5 no aggregator collects from samp-[1-2]; name it under the peers of one, or advertise it to one',
      ],
    ],
    [
      'samplers of nobody, with a store that they cannot have',
      'newer',
      [
        ['daemons: *store\n    container', 'daemons: *nodes\n    container'],
        [
          / {4}peers:[\s\S]*?\nsamplers/,
          '    prdcr_listen: [{name: all, regex: n.*, updaters: [{interval: 1s}]}]\nsamplers',
        ],
      ],
      [
        'warning 11:5 nobody collects from the aggregator agg, and it stores nothing; name it under the peers of another, or give it a store',
        'warning 28:5 the store meminfo-sos is on samp-[1-2], which are samplers, and the image ldms-samp has no stores; put it on an aggregator',
      ],
    ],
    [
      'no aggregators at all',
      'newer',
      [
        [/aggregators:\n[\s\S]*?samplers:/, 'samplers:'],
        [/ {2}sos1:\n[\s\S]*$/, ''],
      ],
      [
        'warning 11:5 nobody collects from samp-[1-2]: the file has no aggregators; write some, or collect by a cluster of its own',
      ],
    ],
    [
      'no aggregators here, and samplers that advertise to others',
      'newer',
      [
        [
          /aggregators:\n[\s\S]*?samplers:\n {2}- daemons: \*nodes\n/,
          'samplers:\n  - daemons: *nodes\n    advertise: {names: *nodes, hosts: far, xprt: sock, port: 412, reconnect: 20s, auth: {name: munge, plugin: munge}}\n',
        ],
        [/ {2}sos1:\n[\s\S]*$/, ''],
      ],
      [],
    ],
    [
      'an aggregator of nothing',
      'newer',
      [[/ {4}peers:[\s\S]*?\nsamplers/, '    subscribe: [{stream: a, regex: .*}]\nsamplers']],
      [
        'warning 11:5 the aggregator agg has neither peers nor prdcr_listen, and collects from nobody',
        'warning 14:5 no aggregator collects from samp-[1-2]; name it under the peers of one, or advertise it to one',
      ],
    ],
    [
      'samplers that advertise to an aggregator that listens',
      'newer',
      [
        [
          / {4}peers:[\s\S]*?\nsamplers:\n {2}- daemons: \*nodes\n/,
          '    prdcr_listen: [{name: all, regex: n.*, updaters: [{interval: 1s}]}]\nsamplers:\n  - daemons: *nodes\n    advertise: {names: *nodes, hosts: nid10, xprt: sock, port: 412, reconnect: 20s, auth: {name: munge, plugin: munge}}\n',
        ],
      ],
      [],
    ],
  ])('%s', holds);
});

describe('authentication', () => {
  test.each<Case>([
    [
      'differs between the two ends',
      'newer',
      [
        [
          'ports: 411, xprt: sock, maestro_comm: True, auth: {name: munge, plugin: munge}',
          'ports: 411, xprt: sock, maestro_comm: True, auth: {name: none, plugin: none}',
        ],
      ],
      [
        'warning 13:9 agg authenticates with munge, and samp-[1-2], which it collects from, with none; both ends of a connection need the same',
      ],
    ],
    [
      'differs between the endpoints of one daemon',
      'newer',
      [
        [
          'names: "agg-ep"',
          'names: "agg-2", ports: 413, auth: {name: a, plugin: ovis}}\n      - {names: "agg-ep"',
        ],
      ],
      [
        'warning 6:5 the endpoints of agg authenticate with ovis and munge, and an ldmsd is started with one, munge; give all of them the same',
      ],
    ],
  ])('%s', holds);
});

describe('offsets', () => {
  test.each<Case>([
    [
      'at the time of sampling',
      'newer',
      [['offset: 100ms', 'offset: 0s']],
      [
        'warning 18:13 this offset, 0us, is not behind the sampling of samp-[1-2], at 0us, so that the data is one interval old; write a later one',
      ],
    ],
    [
      'before the sampling',
      'newer',
      [['offset: 0s', 'offset: 200ms']],
      [
        'warning 18:13 this offset, 100ms, is not behind the sampling of samp-[1-2], at 200ms, so that the data is one interval old; write a later one',
      ],
    ],
    [
      'before the updates of the level below',
      'cygnus',
      [['"400ms"', '"200ms"']],
      [
        'warning 59:13 this offset, 200ms, is not behind the updates of agg-[11-12], at 200ms, so that the data is one interval old; write a later one',
      ],
    ],
    ['of another interval', 'newer', [['interval: 1s, offset: 100ms', 'interval: 2s, offset: 0s']], []],
    ['that are not said', 'newer', [[', offset: 100ms', '']], []],
  ])('%s', holds);
});

describe('all at once', () => {
  test('mistakes and warnings stand by position, and each once', async () => {
    expect(
      await told('newer', [
        ['"nid[01-02]"', '[a1, b1]'],
        ['"nid10"', '"-x"'],
        ['offset: 100ms', 'offset: 0s'],
        ['{path: /store}', '{path: "/a:b"}'],
      ]),
    ).toEqual([
      'mistake 6:5 "-x" is no name of a host; begin it with a letter or digit, and go on with those, dots and dashes',
      'mistake 37:13 "/a:b" cannot be mounted: it has a colon or a control character in it; write one without',
      'warning 2:5 a1 and b1 would both be component 1, the last number in their names; their data could not be told apart',
      'warning 18:13 this offset, 0us, is not behind the sampling of samp-[1-2], at 0us, so that the data is one interval old; write a later one',
    ]);
  });

  test('beside a mistake of the file no doubts are told that may follow from it', async () => {
    const doubtful: Edits = [
      ['offset: 100ms', 'offset: 0s'],
      ['"nid[01-02]"', '[a1, b1]'],
    ];
    expect(await told('newer', doubtful)).toHaveLength(2);
    expect(await told('newer', [...doubtful, ['"nid10"', '"a b"']])).toEqual([
      'mistake 7:12 hosts: "a b" has a blank in it; write ab',
    ]);
  });

  test('what aliases share is told once', async () => {
    const text = editedBy(cygnusYaml, [
      ['    peers     :\n      - daemons   : *samp', '    peers     : &peers\n      - daemons   : *samp'],
      ['"200ms"', '"0s"'],
      [/peers:\n {6}- daemons : \*L1-names[\s\S]*?\n\nsamplers/, 'peers: *peers\n\nsamplers'],
    ]);
    const { warnings } = await clusterOf(text, { suffix: '-iw' });
    expect(warnings.map(({ text: words }) => words)).toEqual([
      'nobody collects from the aggregator agg-[11-12], and it stores nothing; name it under the peers of another, or give it a store',
      'this offset, 0us, is not behind the sampling of samp-[1-4], at 0us, so that the data is one interval old; write a later one',
    ]);
  });
});

describe('of any text something is told, and nothing falls over', () => {
  /** Whatever it is: without mistakes, all that is rendered is below the output directory. */
  async function isLookedAt(text: string): Promise<void> {
    const deployment = await clusterOf(text, { bind: true });
    if (deployment.mistakes.length > 0) return;
    const paths = docker.render(deployment).map(({ path }) => path);
    expect(
      paths.filter((path) => !/^[A-Za-z0-9][\w.:-]*\/[\w.]+$/.test(path)),
      text,
    ).toEqual([]);
  }

  test.each(Object.entries(files))('%s, without any one line, or with one twice', async (_, text) => {
    const lines = text.split('\n');
    for (const at of lines.keys()) {
      await isLookedAt(lines.toSpliced(at, 1).join('\n'));
      await isLookedAt(lines.toSpliced(at, 0, lines[at] ?? '').join('\n'));
      await isLookedAt(lines.slice(0, at).join('\n'));
    }
  });

  test.each(Object.entries(files))('%s, with odd words in odd places', async (_, text) => {
    const odd = [
      '[',
      '{',
      '*',
      '&',
      '"',
      ':',
      '- ',
      '../x',
      '/',
      '-rf',
      '$(id)',
      '${A}',
      '7',
      'none',
      '\n',
      '0',
    ];
    // A small generator, so that a failure can be repeated.
    let state = 1;
    const below = (most: number) => {
      state = (state * 48_271) % 2_147_483_647;
      return state % most;
    };
    for (let round = 0; round < 400; round++) {
      const at = below(text.length);
      await isLookedAt(text.slice(0, at) + odd[below(odd.length)] + text.slice(at + below(2) * below(9)));
    }
  });
});
