/** ldms_cfg.yaml, rule by rule: each wrong file is a good one with one edit. */
import { describe, expect, test } from 'vitest';
import { type Cluster, readLdmsConfig } from '../../src/ldmscfg/read.ts';

/** The example of the images' README: plugins are written where they are used. */
const inPlace = `# ldms_cfg.yaml
xprt: &xprt "rdma"
daemons:
  - names : &samp-names "samp-[1-4]"
    hosts : &samp-hosts "cygnus-0[1-4]-iw"
    endpoints :
      - names : &samp-eps "cygnus-0[1-4]-iw-ep"
        ports : 411
        xprt : *xprt
        maestro_comm : True
        auth :
          name : munge
          plugin : munge
  - names : &L1-names "agg-[11-12]"
    hosts : &L1-hosts "cygnus-0[5-6]-iw"
    endpoints :
      - names : &L1-eps "agg-[11-12]-ep"
        ports : 411
        xprt : *xprt
        maestro_comm : True
        auth :
          name : munge
          plugin : munge
  - names : &L2-name "agg-2"
    hosts : &L2-host "cygnus-07-iw"
    endpoints :
      - names : &L2-ep "agg-2-ep"
        ports : 411
        xprt : *xprt
        maestro_comm : True
        auth :
          name : munge
          plugin : munge

aggregators:
  - daemons   : *L1-names
    peers     :
      - daemons   : *samp-names
        endpoints : *samp-eps
        reconnect : 1s
        type      : active
        updaters  :
          - mode     : pull
            interval : "1.0s"
            offset   : "200ms"
            sets     :
              - regex : .*
                field : inst
  - daemons : *L2-name
    peers:
      - daemons : *L1-names
        endpoints : *L1-eps
        reconnect : 1s
        type      : active
        updaters  :
          - mode     : pull
            interval : "1.0s"
            offset   : "400ms"
            sets     :
              - regex : .*
                field : inst

samplers:
  - daemons : *samp-names
    plugins :
      - name        : meminfo # Variables can be specific to plugin
        interval    : "1s" # Used when starting the sampler plugin
        offset      : "0s"
        config : &simple_samp_config
            component_id : "\${COMPONENT_ID}"
            perm : "0777"

stores:
  - name      : sos-meminfo
    daemons   : *L2-name
    container : meminfo
    schema    : meminfo
    flush     : 10s
    plugin :
      name   : store_sos
      config :
        path : /store
`;

/** The newer generation: plugins have a section of their own, and stores are a mapping. */
const byName = `daemons:
  - names: &nodes "node-[1-2]"
    hosts: "h[1-2]"
    endpoints:
      - {names: &node-eps "node-[1-2]-ep", ports: 10001, maestro_comm: True, auth: {name: none, plugin: none}}
  - names: &first "agg-[1-2]"
    hosts: "h9"
    endpoints:
      - {names: "agg-[1-2]-ep", ports: "[411-412]", maestro_comm: True, auth: {name: none, plugin: none}}
aggregators:
  - daemons: *first
    subscribe:
      - {stream: events, regex: .*}
    peers:
      - daemons: *nodes
        endpoints: *node-eps
        reconnect: 20s
        type: active
        updaters:
          - {mode: onchange, interval: 1s}
samplers:
  - daemons: *nodes
    plugins: [meminfo1, vmstat1]
plugins:
  meminfo1:
    name: meminfo
    interval: 1.0s
    config:
      - {schema: meminfo, component_id: "\${LDMS_COMPONENT_ID}"}
  vmstat1:
    name: vmstat
    interval: 2s
    offset: 1ms
    config: ["schema=vmstat perm=0777"]
  csv1:
    name: store_csv
    config: [{path: /store}]
stores:
  meminfo-csv:
    daemons: *first
    container: csv
    schema: meminfo
    plugin: csv1
`;

/** The oldest form: the samplers' plugins under `config`. */
const oldest = inPlace
  .replace('    plugins :\n      - name', '    config :\n      - name')
  .replace(/ {8}config : &simple_samp_config\n {12}component_id : .*\n {12}perm/, '        perm');

const files = { inPlace, byName };

async function told(text: string): Promise<string[]> {
  const { mistakes, warnings } = await readLdmsConfig(text);
  const line = (severity: string) => (found: { line: number; column: number; text: string }) =>
    `${severity} ${found.line}:${found.column} ${found.text}`;
  return [...mistakes.map(line('mistake')), ...warnings.map(line('warning'))];
}

async function clusterOf(text: string): Promise<Cluster> {
  const { cluster } = await readLdmsConfig(text);
  if (!cluster) throw new Error('nothing was understood');
  return cluster;
}

describe('a good file has no findings', () => {
  test.each(Object.entries({ ...files, oldest }))('%s', async (_, text) => {
    expect(await told(text)).toEqual([]);
  });

  test.each(Object.entries({ ...files, oldest }))('%s, with a byte order mark and CRLF', async (_, text) => {
    expect(await told(`\ufeff${text.replaceAll('\n', '\r\n')}`)).toEqual([]);
  });
});

/** One edit of a file, and all that is then told. */
type Edit = [title: string, file: keyof typeof files, from: string | RegExp, to: string, told: string[]];

async function holds(...[, file, from, to, expected]: Edit): Promise<void> {
  const edited = files[file].replace(from, () => to);
  expect(edited).not.toBe(files[file]);
  expect(await told(edited)).toEqual(expected);
}

describe('the file', () => {
  test.each<Edit>([
    [
      'no daemons',
      'inPlace',
      'daemons:\n  - names : &samp',
      'others:\n  - names : &samp',
      ['mistake 2:1 the file has no daemons; write daemons: with a list of groups'],
    ],
    [
      'daemons misspelt',
      'byName',
      'daemons:\n  - names: &nodes',
      'deamons:\n  - names: &nodes',
      ['mistake 1:1 the file has no daemons; is deamons meant to be it?'],
    ],
    [
      'a section misspelt',
      'byName',
      'samplers:\n',
      'smaplers:\n',
      [
        'warning 21:1 unknown key "smaplers"; did you mean samplers?',
        'warning 25:3 plugins: "meminfo1" is used by no sampler, store or aggregator',
        'warning 30:3 plugins: "vmstat1" is used by no sampler, store or aggregator',
      ],
    ],
    [
      'an unknown key without anchors',
      'byName',
      'aggregators:\n',
      'colour: red\naggregators:\n',
      ['warning 10:1 unknown key "colour"; it has no effect'],
    ],
    [
      'an unknown key that carries an anchor',
      'byName',
      'aggregators:\n',
      'wait: &wait 1s\naggregators:\n',
      [],
    ],
    [
      'an unknown key with anchors in it',
      'byName',
      'aggregators:\n',
      'defaults:\n  - &auth {name: none}\naggregators:\n',
      [],
    ],
    [
      'an empty section',
      'byName',
      'stores:\n  meminfo-csv:\n    daemons: *first\n    container: csv\n    schema: meminfo\n    plugin: csv1\n',
      'stores:\n',
      [
        'mistake 38:8 stores: must be a list, and is empty; write a list, or a mapping by name',
        'warning 35:3 plugins: "csv1" is used by no sampler, store or aggregator',
      ],
    ],
    [
      'a section of the wrong kind',
      'inPlace',
      'samplers:\n  - daemons : *samp-names\n    plugins :',
      'samplers:\n    daemons : *samp-names\n    plugins :',
      ['mistake 64:5 samplers: must be a list, and is a mapping; begin each of its entries with "-"'],
    ],
  ])('%s', holds);
});

describe('daemons', () => {
  test.each<Edit>([
    [
      'a mapping',
      'byName',
      /daemons:\n {2}- names: &nodes[\s\S]*?\n {2}- names: &first[\s\S]*?\naggr/,
      'daemons:\n  names: &nodes "node-[1-2]"\n  first: &first agg\n  eps: &node-eps ep\naggr',
      ['mistake 2:3 daemons: must be a list, and is a mapping; begin each of its entries with "-"'],
    ],
    [
      'an empty list',
      'byName',
      /daemons:\n {2}- names: &nodes[\s\S]*?\n {2}- names: &first[\s\S]*?\naggr/,
      'x: [&first a, &nodes b, &node-eps c]\ndaemons: []\naggr',
      ['mistake 2:10 daemons: is an empty list; write an entry with names, hosts and endpoints'],
    ],
    [
      'an entry that is a word',
      'byName',
      'aggregators:\n',
      '  - node-3\naggregators:\n',
      ['mistake 10:5 daemons: must be a mapping, and is "node-3"; write keys such as names: "samp-[1-4]"'],
    ],
    [
      'no names',
      'byName',
      'names: &nodes "node-[1-2]"\n    hosts: "h[1-2]"',
      'hosts: &nodes "node-[1-2]"',
      ['mistake 2:5 daemons entry has no names; write names: "samp-[1-4]"'],
    ],
    [
      'no hosts',
      'byName',
      '    hosts: "h9"\n',
      '',
      ['mistake 6:5 daemons entry has no hosts; write hosts: "node-[1-4]"'],
    ],
    [
      'hosts misspelt',
      'byName',
      'hosts: "h9"',
      'host: "h9"',
      ['mistake 7:5 daemons entry has no hosts; is host meant to be it?'],
    ],
    [
      'no endpoints',
      'inPlace',
      'hosts : &L2-host "cygnus-07-iw"\n    endpoints :\n      - names : &L2-ep "agg-2-ep"\n        ports : 411\n        xprt : *xprt\n        maestro_comm : True\n        auth :\n          name : munge\n          plugin : munge\n',
      'hosts : &L2-host "cygnus-07-iw"\n',
      [
        'mistake 24:5 daemons entry has no endpoints; write endpoints: with a list of {names, ports, xprt, auth}',
      ],
    ],
    [
      'endpoints is a mapping',
      'inPlace',
      '      - names : &L2-ep "agg-2-ep"\n        ports : 411',
      '        names : &L2-ep "agg-2-ep"\n        ports : 411',
      ['mistake 27:9 endpoints: must be a list, and is a mapping; begin each of its entries with "-"'],
    ],
    [
      'endpoints is empty',
      'byName',
      'endpoints:\n      - {names: "agg-[1-2]-ep", ports: "[411-412]", maestro_comm: True, auth: {name: none, plugin: none}}',
      'endpoints: []',
      ['mistake 8:16 endpoints: is an empty list; write an entry with names and ports'],
    ],
    [
      'an option of ldmsd',
      'byName',
      'hosts: "h9"',
      'hosts: "h9"\n    environment: {A: b}\n    memory: 1g',
      [],
    ],
    [
      'names as a list',
      'byName',
      'names: &first "agg-[1-2]"',
      'names: &first [agg-1, agg-2]',
      [
        'mistake 6:19 names: must be one text, because the rest of the file means the daemons by it; write "agg-1,agg-2"',
        'mistake 11:14 daemons: must be a text, and is a list; write one word',
        'mistake 40:14 daemons: must be a text, and is a list; write one word',
      ],
    ],
    [
      'names are used twice',
      'byName',
      'names: &first "agg-[1-2]"',
      'names: &first "node-[1-2]"',
      [
        'mistake 6:19 names: "node-[1-2]" is already the group of line 2; give this one other names',
        'mistake 15:18 daemons: "node-[1-2]" is the aggregator itself; name the daemons that it collects from',
      ],
    ],
    [
      'a daemon in two groups',
      'byName',
      'names: &first "agg-[1-2]"',
      'names: &first "agg-1,node-2"',
      [
        'mistake 6:19 names: "agg-1,node-2" has node-2 in it, as "node-[1-2]" in line 2 does; a daemon can be in one group only',
      ],
    ],
    [
      'two daemons in two groups',
      'inPlace',
      'names : &L1-names "agg-[11-12]"',
      'names : &L1-names "samp-[3-4]"',
      [
        'mistake 14:23 names: "samp-[3-4]" has samp-3 and 1 more in it, as "samp-[1-4]" in line 4 does; a daemon can be in one group only',
      ],
    ],
    [
      'a name twice in one expression',
      'byName',
      'names: &first "agg-[1-2]"',
      'names: &first "agg-[1-2],agg-1"',
      ['warning 6:19 names: "agg-[1-2],agg-1" has agg-1 more than once; once counts'],
    ],
    [
      'a slash in names',
      'byName',
      'names: &first "agg-[1-2]"',
      'names: &first "agg/[1-2]"',
      [
        'mistake 6:19 names: "agg/[1-2]" has a / in it, which maestro_ctrl does not support in names; write agg-[1-2]',
      ],
    ],
    [
      'an unclosed bracket',
      'inPlace',
      '"cygnus-0[1-4]-iw"',
      '"cygnus-0[1-4-iw"',
      ['mistake 5:25 hosts: "cygnus-0[1-4-iw" has an unclosed bracket; write cygnus-0[1-4]-iw'],
    ],
    [
      'hosts that YAML reads as another number',
      'byName',
      'hosts: "h9"',
      'hosts: 010',
      ['warning 7:12 hosts: 010 means 8 in YAML; write "010" with quotes, or 8'],
    ],
    ['hosts that are a number', 'byName', 'hosts: "h9"', 'hosts: 10', []],
    [
      'hosts that are a word of YAML',
      'byName',
      'hosts: "h9"',
      'hosts: on',
      ['mistake 7:12 hosts: must be a text, and is "on", which means true in YAML; quote it: "on"'],
    ],
    ['hosts without a value', 'byName', 'hosts: "h9"', 'hosts:', ['mistake 7:11 hosts: is empty']],
    [
      'a blank in hosts',
      'byName',
      'hosts: "h9"',
      'hosts: "h9, h8"',
      ['mistake 7:12 hosts: "h9, h8" has a blank in it; write h9,h8'],
    ],
    [
      'no host name',
      'byName',
      'hosts: "h9"',
      'hosts: "h9;reboot"',
      ['mistake 7:12 hosts: "h9;reboot" is no host name: it has ";" in it'],
    ],
    ['hosts as a list', 'byName', 'hosts: "h9"', 'hosts: [h9, h8]', []],
    ['one host twice, in a list', 'byName', 'hosts: "h9"', 'hosts: [h9, h9]', []],
    [
      'more hosts than daemons',
      'byName',
      'hosts: "h9"',
      'hosts: "h[7-9]"',
      ['mistake 7:12 hosts: "h[7-9]" is 3 hosts for 2 daemons; there cannot be more hosts than daemons'],
    ],
    [
      'hosts that do not divide the daemons',
      'inPlace',
      '"cygnus-0[1-4]-iw"',
      '"cygnus-0[1-3]-iw"',
      [
        'mistake 5:25 hosts: "cygnus-0[1-3]-iw" is 3 hosts for 4 daemons, and 4 cannot be shared evenly among 3: maestro_ctrl drops the last 1',
      ],
    ],
    [
      'half as many hosts as daemons',
      'inPlace',
      '        ports : 411\n        xprt : *xprt\n        maestro_comm : True\n        auth :\n          name : munge\n          plugin : munge\n  - names : &L1-names',
      '        ports : "[411-412]"\n        xprt : *xprt\n        maestro_comm : True\n        auth :\n          name : munge\n          plugin : munge\n  - names : &L1-names',
      [],
    ],
  ])('%s', holds);
});

describe('endpoints', () => {
  test.each<Edit>([
    [
      'no names',
      'byName',
      'names: "agg-[1-2]-ep", ',
      '',
      ['mistake 9:9 endpoints entry has no names; write names: "node-[1-4]-ep"'],
    ],
    [
      'no ports',
      'byName',
      'ports: "[411-412]", ',
      '',
      ['mistake 9:9 endpoints entry has no ports; write ports: 411'],
    ],
    [
      'ports misspelt',
      'byName',
      'ports: "[411-412]"',
      'port: "[411-412]"',
      ['mistake 9:33 endpoints entry has no ports; is port meant to be it?'],
    ],
    [
      'a key misspelt',
      'byName',
      'ports: "[411-412]"',
      'ports: "[411-412]", xptr: sock',
      ['warning 9:53 endpoints entry has the unknown key "xptr"; did you mean xprt?'],
    ],
    [
      'an unknown key',
      'byName',
      'ports: "[411-412]"',
      'ports: "[411-412]", colour: red',
      ['warning 9:53 endpoints entry has the unknown key "colour"; it has no effect'],
    ],
    [
      'a port beyond the last',
      'byName',
      'ports: 10001',
      'ports: 65536',
      ['mistake 5:51 ports: "65536" is no port; a port is a number from 1 to 65535'],
    ],
    ['the last port', 'byName', 'ports: 10001', 'ports: 65535', []],
    [
      'port 0',
      'byName',
      'ports: 10001',
      'ports: 0',
      ['mistake 5:51 ports: "0" is no port; a port is a number from 1 to 65535'],
    ],
    [
      'a port that is a word',
      'byName',
      'ports: 10001',
      'ports: ldms',
      ['mistake 5:51 ports: "ldms" is no port; a port is a number from 1 to 65535'],
    ],
    [
      'a port in octal',
      'byName',
      'ports: 10001',
      'ports: 0411',
      ['warning 5:51 ports: 0411 means 265 in YAML; write "0411" with quotes, or 265'],
    ],
    ['ports in a list', 'byName', 'ports: "[411-412]"', 'ports: [411, 412]', []],
    [
      'fewer names than daemons',
      'byName',
      '"agg-[1-2]-ep"',
      '"agg-1-ep"',
      ['mistake 9:17 names: "agg-1-ep" is 1 endpoint for 2 daemons; write one for each'],
    ],
    [
      'more names than daemons',
      'byName',
      '"agg-[1-2]-ep"',
      '"agg-[1-4]-ep"',
      ['warning 9:17 names: "agg-[1-4]-ep" is 4 endpoints for 2 daemons; the last 2 will not be used'],
    ],
    [
      'more ports than names',
      'byName',
      '"[411-412]"',
      '"[411-413]"',
      ['mistake 9:40 ports: 3 ports for 2 endpoint names; write one port for all, or one for each'],
    ],
    [
      'ports that do not divide the names',
      'inPlace',
      '"cygnus-0[1-4]-iw-ep"\n        ports : 411',
      '"cygnus-0[1-4]-iw-ep"\n        ports : "[411-413]"',
      ['mistake 8:17 ports: 3 ports for 4 endpoint names; write one port for all, or one for each'],
    ],
    [
      'ports that are given out in turn',
      'inPlace',
      '"cygnus-0[1-4]-iw-ep"\n        ports : 411',
      '"cygnus-0[1-4]-iw-ep"\n        ports : "[411-412]"',
      [],
    ],
    [
      'an endpoint of two groups',
      'byName',
      '"agg-[1-2]-ep"',
      '"node-[2-3]-ep"',
      [
        'mistake 9:17 names: "node-[2-3]-ep" has node-2-ep in it, as "node-[1-2]-ep" in line 5 does; an endpoint\'s name must be its own',
      ],
    ],
    [
      'an endpoint twice in one list',
      'byName',
      '"agg-[1-2]-ep"',
      '[agg-1-ep, agg-1-ep]',
      ['mistake 9:17 names: agg-1-ep twice in "agg-1-ep,agg-1-ep"; an endpoint\'s name must be its own'],
    ],
    [
      'a slash in names',
      'byName',
      '"agg-[1-2]-ep"',
      '"agg-[1-2]/sock"',
      [
        'mistake 9:17 names: "agg-[1-2]/sock" has a / in it, which maestro_ctrl does not support in names; write agg-[1-2]-sock',
      ],
    ],
    [
      'two daemons on one port of a host',
      'byName',
      '"[411-412]"',
      '411',
      ['mistake 9:40 ports: port 411 on h9 is that of another daemon here too; write a port for each'],
    ],
    [
      'two groups on one port of a host',
      'byName',
      'hosts: "h9"\n    endpoints:\n      - {names: "agg-[1-2]-ep", ports: "[411-412]"',
      'hosts: "h[2-3]"\n    endpoints:\n      - {names: "agg-[1-2]-ep", ports: 10001',
      ['mistake 9:40 ports: port 10001 on h2 is that of the endpoint of line 5 too; write a port for each'],
    ],
    [
      'one port by two transports',
      'byName',
      'hosts: "h9"\n    endpoints:\n      - {names: "agg-[1-2]-ep", ports: "[411-412]"',
      'hosts: "h[2-3]"\n    endpoints:\n      - {xprt: rdma, names: "agg-[1-2]-ep", ports: 10001',
      [],
    ],
    [
      'hosts of their own',
      'byName',
      'ports: "[411-412]"',
      'ports: 411, hosts: "ib[1-2]", bind_all: True',
      [],
    ],
    [
      'too many hosts of their own',
      'byName',
      'ports: "[411-412]"',
      'ports: 411, hosts: "ib[1-3]"',
      ['mistake 9:52 hosts: "ib[1-3]" is 3 hosts for 2 endpoints; there cannot be more hosts than endpoints'],
    ],
    [
      'an unknown transport',
      'inPlace',
      '&xprt "rdma"',
      '&xprt "rmda"',
      [
        'warning 9:16 xprt: "rmda" is not known; did you mean rdma?',
        'warning 19:16 xprt: "rmda" is not known; did you mean rdma?',
        'warning 29:16 xprt: "rmda" is not known; did you mean rdma?',
      ],
    ],
    [
      'a transport that is a list',
      'byName',
      'ports: 10001',
      'ports: 10001, xprt: [sock]',
      ['mistake 5:64 xprt: must be a text, and is a list; write one word'],
    ],
    [
      'maestro_comm in quotes',
      'byName',
      'ports: 10001, maestro_comm: True',
      'ports: 10001, maestro_comm: "True"',
      [],
    ],
    [
      'maestro_comm as YAML 1.1 has it',
      'byName',
      'ports: 10001, maestro_comm: True',
      'ports: 10001, maestro_comm: yes',
      [],
    ],
    [
      'maestro_comm that counts as false',
      'byName',
      'ports: 10001, maestro_comm: True',
      'ports: 10001, maestro_comm: "yes"',
      [
        'warning 5:7 endpoints: none has maestro_comm: True, so that maestro cannot configure these daemons; write it in one',
        'warning 5:72 maestro_comm: is "yes", which counts as false; write True or False',
      ],
    ],
    [
      'maestro_comm is nowhere',
      'byName',
      'ports: 10001, maestro_comm: True',
      'ports: 10001',
      [
        'warning 5:7 endpoints: none has maestro_comm: True, so that maestro cannot configure these daemons; write it in one',
      ],
    ],
    [
      'no auth',
      'byName',
      'ports: 10001, maestro_comm: True, auth: {name: none, plugin: none}',
      'ports: 10001, maestro_comm: True',
      [
        'warning 5:9 endpoints entry has no auth, and some versions of maestro_ctrl fail without it; write auth: {name: none, plugin: none}',
      ],
    ],
    [
      'auth is a word',
      'byName',
      'ports: 10001, maestro_comm: True, auth: {name: none, plugin: none}',
      'ports: 10001, maestro_comm: True, auth: munge',
      ['mistake 5:84 auth: must be a mapping, and is "munge"; write auth: {name: munge, plugin: munge}'],
    ],
    [
      'auth without a value',
      'byName',
      'ports: 10001, maestro_comm: True, auth: {name: none, plugin: none}',
      'ports: 10001, maestro_comm: True, auth: ',
      ['mistake 5:84 auth: must be a mapping, and is empty'],
    ],
    [
      'auth without plugin',
      'byName',
      'ports: 10001, maestro_comm: True, auth: {name: none, plugin: none}',
      'ports: 10001, maestro_comm: True, auth: {name: munge}',
      [
        'warning 5:84 auth has no plugin, and some versions of maestro_ctrl fail without it; write plugin: munge',
        'warning 15:9 agg-[1-2] authenticates with none, and node-[1-2], which it collects from, with munge; both ends of a connection need the same',
      ],
    ],
    [
      'auth without name',
      'byName',
      'ports: 10001, maestro_comm: True, auth: {name: none, plugin: none}',
      'ports: 10001, maestro_comm: True, auth: {plugin: munge}',
      [
        'warning 5:84 auth has no name, and none counts, which is no authentication; write name: munge',
        'warning 15:9 agg-[1-2] authenticates with none, and node-[1-2], which it collects from, with munge; both ends of a connection need the same',
      ],
    ],
    [
      'a plugin misspelt',
      'byName',
      'ports: 10001, maestro_comm: True, auth: {name: none, plugin: none}',
      'ports: 10001, maestro_comm: True, auth: {name: m, plugin: mugne}',
      [
        'warning 5:102 plugin: "mugne" is not known; did you mean munge?',
        'warning 15:9 agg-[1-2] authenticates with none, and node-[1-2], which it collects from, with mugne; both ends of a connection need the same',
      ],
    ],
    [
      'a plugin of the site',
      'byName',
      'ports: 10001, maestro_comm: True, auth: {name: none, plugin: none}',
      'ports: 10001, maestro_comm: True, auth: {name: k, plugin: kerberos, conf: /etc/k}',
      [
        'warning 15:9 agg-[1-2] authenticates with none, and node-[1-2], which it collects from, with kerberos; both ends of a connection need the same',
      ],
    ],
  ])('%s', holds);
});

describe('aggregators', () => {
  test.each<Edit>([
    [
      'no daemons',
      'byName',
      'aggregators:\n  - daemons: *first\n    subscribe',
      'aggregators:\n  - subscribe',
      ['mistake 11:5 aggregators entry has no daemons; write daemons: with the names of a group of daemons'],
    ],
    [
      'an unknown group',
      'byName',
      'aggregators:\n  - daemons: *first',
      'aggregators:\n  - daemons: elsewhere',
      [
        'mistake 11:14 daemons: no entry of daemons has the names "elsewhere"; write one of "node-[1-2]", "agg-[1-2]"',
      ],
    ],
    [
      'a group that is written otherwise',
      'byName',
      'aggregators:\n  - daemons: *first',
      'aggregators:\n  - daemons: "agg-1,agg-2"',
      [
        'mistake 11:14 daemons: no entry of daemons has the names "agg-1,agg-2"; write "agg-[1-2]", exactly as it is there',
      ],
    ],
    [
      'a group misspelt',
      'inPlace',
      '  - daemons : *L2-name\n    peers',
      '  - daemons : "agg_2"\n    peers',
      [
        'mistake 49:15 daemons: no entry of daemons has the names "agg_2"; write "agg-2", exactly as it is there',
      ],
    ],
    [
      'an unknown key',
      'byName',
      '    subscribe:\n',
      '    sink: x\n    subscribe:\n',
      ['warning 12:5 aggregators entry has the unknown key "sink"; it has no effect'],
    ],
    [
      'peers is a mapping',
      'byName',
      '      - daemons: *nodes\n        endpoints',
      '        daemons: *nodes\n        endpoints',
      ['mistake 15:9 peers: must be a list, and is a mapping; begin each of its entries with "-"'],
    ],
    [
      'a subscription without regex',
      'byName',
      '{stream: events, regex: .*}',
      '{stream: events}',
      ['mistake 13:9 subscribe entry has no regex; write regex: .*'],
    ],
    ['plugins by name', 'byName', '    subscribe:\n', '    plugins: [vmstat1]\n    subscribe:\n', []],
    [
      'a producer listener',
      'byName',
      '    subscribe:\n',
      '    prdcr_listen:\n      - {name: nodes, reconnect: 20s, updaters: [{interval: 1s}]}\n    subscribe:\n',
      [],
    ],
    [
      'a producer listener without updaters',
      'byName',
      '    subscribe:\n',
      '    prdcr_listen:\n      - {name: nodes}\n    subscribe:\n',
      [
        'mistake 13:9 prdcr_listen entry has no updaters; write updaters: with a list of {mode, interval, sets}',
      ],
    ],
  ])('%s', holds);
});

describe('peers', () => {
  test.each<Edit>([
    [
      'no daemons',
      'byName',
      '      - daemons: *nodes\n        endpoints',
      '      - endpoints',
      ['mistake 15:9 peers entry has no daemons; write daemons: with the names of a group of daemons'],
    ],
    [
      'no endpoints',
      'byName',
      '        endpoints: *node-eps\n',
      '',
      [
        'mistake 15:9 peers entry has no endpoints; write endpoints: with the names of endpoints of those daemons',
      ],
    ],
    [
      'no updaters',
      'byName',
      '        updaters:\n          - {mode: onchange, interval: 1s}\n',
      '',
      ['mistake 15:9 peers entry has no updaters; write updaters: with a list of {mode, interval, sets}'],
    ],
    [
      'no reconnect',
      'byName',
      '        reconnect: 20s\n',
      '',
      ['mistake 15:9 peers entry has no reconnect; write reconnect: 20s'],
    ],
    [
      'reconnect misspelt',
      'byName',
      'reconnect: 20s',
      'reconect: 20s',
      ['mistake 17:9 peers entry has no reconnect; is reconect meant to be it?'],
    ],
    [
      'no type',
      'byName',
      '        type: active\n',
      '',
      ['mistake 15:9 peers entry has no type; write type: active'],
    ],
    [
      'an unknown type',
      'byName',
      'type: active',
      'type: actve',
      ['warning 18:15 type: "actve" is not known; did you mean active?'],
    ],
    ['type passive', 'byName', 'type: active', 'type: passive', []],
    [
      'an unknown group',
      'byName',
      '      - daemons: *nodes\n',
      '      - daemons: nodes\n',
      [
        'mistake 15:18 daemons: no entry of daemons has the names "nodes"; write one of "node-[1-2]", "agg-[1-2]"',
      ],
    ],
    [
      'the aggregator itself',
      'byName',
      '      - daemons: *nodes\n',
      '      - daemons: *first\n',
      ['mistake 15:18 daemons: "agg-[1-2]" is the aggregator itself; name the daemons that it collects from'],
    ],
    [
      'an unknown endpoint',
      'byName',
      'endpoints: *node-eps',
      'endpoints: node-[1-2]',
      [
        'mistake 16:20 endpoints: "node-[1-2]" has node-1 in it, which is no endpoint of "node-[1-2]"; write "node-[1-2]-ep"',
      ],
    ],
    [
      'endpoints of others',
      'byName',
      'endpoints: *node-eps',
      'endpoints: agg-[1-2]-ep',
      [
        'mistake 16:20 endpoints: "agg-[1-2]-ep" has agg-1-ep in it, which is no endpoint of "node-[1-2]" but one of "agg-[1-2]"; write "node-[1-2]-ep"',
      ],
    ],
    ['the first endpoints only', 'byName', 'endpoints: *node-eps', 'endpoints: node-1-ep', []],
    [
      'the last endpoints only',
      'byName',
      'endpoints: *node-eps',
      'endpoints: node-2-ep',
      [
        'mistake 16:20 endpoints: "node-2-ep" has node-2-ep where maestro_ctrl takes an endpoint of node-1, and it is one of node-2; write "node-[1-2]-ep"',
      ],
    ],
    [
      'the endpoints written otherwise',
      'byName',
      'endpoints: *node-eps',
      'endpoints: "node-1-ep,node-2-ep"',
      [],
    ],
    [
      'two groups between commas',
      'inPlace',
      '      - daemons : *L1-names\n        endpoints : *L1-eps',
      '      - daemons : samp-[1-4],agg-[11-12]\n        endpoints : cygnus-0[1-4]-iw-ep,agg-[11-12]-ep',
      [],
    ],
    [
      'two groups and the endpoints of one',
      'inPlace',
      '      - daemons : *L1-names\n        endpoints : *L1-eps',
      '      - daemons : samp-[1-4],agg-[11-12]\n        endpoints : cygnus-0[1-4]-iw-ep',
      ['mistake 52:21 endpoints: "cygnus-0[1-4]-iw-ep" is 1 for 2 groups in daemons; write as many of each'],
    ],
    [
      'two groups with commas in brackets',
      'inPlace',
      '      - daemons : *L1-names\n        endpoints : *L1-eps',
      '      - daemons : samp-[1-4],agg-[11-12]\n        endpoints : cygnus-0[1-4]-iw-ep,agg-[11,12]-ep',
      [
        'mistake 51:19 daemons: maestro_ctrl would split "agg-[11,12]-ep" at the comma in its brackets; give each group an entry of its own',
      ],
    ],
    [
      'the same peers twice',
      'byName',
      '    peers:\n',
      '    peers:\n      - {daemons: *nodes, endpoints: *node-eps, reconnect: 1s, type: active, updaters: [{interval: 1s}]}\n',
      [
        'warning 17:20 endpoints: node-1-ep is already a peer of this aggregator; the last entry replaces the others, but all updaters stay',
      ],
    ],
    [
      'perm without quotes',
      'byName',
      'type: active',
      'type: active\n        perm: 0644',
      ['warning 19:15 perm: 0644 means 420 in YAML; write "0644" with quotes, or 420'],
    ],
  ])('%s', holds);
});

describe('updaters', () => {
  test.each<Edit>([
    [
      'not a list',
      'byName',
      '          - {mode: onchange, interval: 1s}',
      '          {mode: onchange, interval: 1s}',
      ['mistake 20:11 updaters: must be a list, and is a mapping; begin each of its entries with "-"'],
    ],
    [
      'no interval',
      'byName',
      '{mode: onchange, interval: 1s}',
      '{mode: onchange}',
      ['mistake 20:13 updaters entry has no interval; write interval: 1s'],
    ],
    [
      'interval misspelt',
      'byName',
      '{mode: onchange, interval: 1s}',
      '{mode: onchange, intervall: 1s}',
      ['mistake 20:30 updaters entry has no interval; is intervall meant to be it?'],
    ],
    [
      'an unknown mode',
      'byName',
      'mode: onchange',
      'mode: on-change',
      ['warning 20:20 mode: "on-change" is not known; did you mean onchange?'],
    ],
    [
      'sets is a mapping',
      'byName',
      'interval: 1s}',
      'interval: 1s, sets: {regex: .*}}',
      ['mistake 20:50 sets: must be a list, and is a mapping; begin each of its entries with "-"'],
    ],
    [
      'sets without regex',
      'byName',
      'interval: 1s}',
      'interval: 1s, sets: [{field: inst}]}',
      ['mistake 20:51 sets entry has no regex; write regex: .*'],
    ],
    [
      'sets by an unknown field',
      'byName',
      'interval: 1s}',
      'interval: 1s, sets: [{regex: .*, field: instance}]}',
      ['warning 20:70 field: "instance" is not known; it is usually inst or schema'],
    ],
  ])('%s', holds);
});

describe('intervals', () => {
  test.each<Edit>([
    ['microseconds', 'byName', 'onchange, interval: 1s', 'onchange, interval: 1000000', []],
    [
      'a few microseconds',
      'byName',
      'onchange, interval: 1s',
      'onchange, interval: 1',
      ['warning 20:40 interval: 1 is 1 microsecond; write 1s for seconds'],
    ],
    [
      'a fraction without a unit',
      'byName',
      'onchange, interval: 1s',
      'onchange, interval: 1.5',
      ['warning 20:40 interval: 1.5 is 1 microsecond; write 1.5s for seconds'],
    ],
    [
      'digits in quotes',
      'byName',
      'onchange, interval: 1s',
      'onchange, interval: "1000000"',
      ['warning 20:40 interval: "1000000" has no unit and counts as microseconds; write 1s'],
    ],
    ['upper case', 'byName', 'onchange, interval: 1s', 'onchange, interval: 1.5S', []],
    [
      'two units',
      'byName',
      'onchange, interval: 1s',
      'onchange, interval: 50s40us',
      [
        'mistake 20:40 interval: "50s40us" has more than one unit; write one number and one unit, such as 1.5s',
      ],
    ],
    [
      'an unknown unit',
      'byName',
      'onchange, interval: 1s',
      'onchange, interval: 1sec',
      ['mistake 20:40 interval: "1sec" has the unit sec, and there are only us, ms, s, m, h and d'],
    ],
    [
      'zero',
      'byName',
      'onchange, interval: 1s',
      'onchange, interval: 0s',
      ['mistake 20:40 interval: "0s" is not more than zero; write a time such as 1s'],
    ],
    [
      'negative',
      'byName',
      'onchange, interval: 1s',
      'onchange, interval: -1s',
      ['mistake 20:40 interval: "-1s" is not more than zero; write a time such as 1s'],
    ],
    [
      'a flag',
      'byName',
      'onchange, interval: 1s',
      'onchange, interval: yes',
      [
        'mistake 20:40 interval: must be a time, and is "yes", which means true in YAML; write it as 1.5s or 200ms',
      ],
    ],
    [
      'a list',
      'byName',
      'onchange, interval: 1s',
      'onchange, interval: [1s]',
      ['mistake 20:40 interval: must be a time, and is a list; write it as 1.5s or 200ms'],
    ],
    ['an offset of zero', 'byName', 'onchange, interval: 1s', 'onchange, interval: 1s, offset: 0', []],
    ['a negative offset', 'byName', 'onchange, interval: 1s', 'onchange, interval: 1s, offset: -200ms', []],
    [
      'an offset of an interval',
      'byName',
      'onchange, interval: 1s',
      'onchange, interval: 1s, offset: 1000ms',
      ['warning 20:52 offset: "1000ms" is not less than the interval of 1s'],
    ],
  ])('%s', holds);
});

describe('samplers', () => {
  test.each<Edit>([
    [
      'no daemons',
      'byName',
      'samplers:\n  - daemons: *nodes\n    plugins',
      'samplers:\n  - plugins',
      ['mistake 22:5 samplers entry has no daemons; write daemons: with the names of a group of daemons'],
    ],
    [
      'no plugins',
      'byName',
      '    plugins: [meminfo1, vmstat1]\n',
      '',
      [
        'mistake 22:5 samplers entry has no plugins; write plugins: with a list of plugins',
        'warning 24:3 plugins: "meminfo1" is used by no sampler, store or aggregator',
        'warning 29:3 plugins: "vmstat1" is used by no sampler, store or aggregator',
      ],
    ],
    [
      'plugins misspelt',
      'byName',
      '    plugins: [meminfo1, vmstat1]',
      '    plugin: [meminfo1, vmstat1]',
      ['mistake 23:5 samplers entry has no plugins; is plugin meant to be it?'],
    ],
    [
      'an unknown group',
      'byName',
      'samplers:\n  - daemons: *nodes',
      'samplers:\n  - daemons: node-[1-3]',
      [
        'mistake 22:14 daemons: no entry of daemons has the names "node-[1-3]"; write "node-[1-2]", exactly as it is there',
      ],
    ],
    [
      'a group twice',
      'byName',
      'samplers:\n',
      'samplers:\n  - {daemons: *nodes, plugins: [vmstat1]}\n',
      [
        'mistake 23:14 daemons: "node-[1-2]" is already in the samplers entry of line 22, and maestro_ctrl takes the last only; put the plugins into one',
      ],
    ],
    [
      'an advertisement',
      'byName',
      '    plugins: [meminfo1, vmstat1]',
      '    plugins: [meminfo1, vmstat1]\n    advertise: {names: *nodes, hosts: h9, xprt: sock, port: 411, reconnect: 20s, auth: {name: munge, plugin: munge}}',
      [],
    ],
    [
      'an advertisement without a port',
      'byName',
      '    plugins: [meminfo1, vmstat1]',
      '    plugins: [meminfo1, vmstat1]\n    advertise: {names: *nodes, hosts: h9, xprt: sock, reconnect: 20s}',
      ['mistake 24:16 advertise has no port; write port: 411'],
    ],
  ])('%s', holds);
});

describe('plugins', () => {
  test.each<Edit>([
    [
      'a list that belongs to groups',
      'inPlace',
      'samplers:\n',
      'plugins:\n  - {name: blob, daemons: *L2-name, config: [{path: /x}]}\nsamplers:\n',
      [],
    ],
    [
      'a word',
      'inPlace',
      'samplers:\n',
      'plugins: blob\nsamplers:\n',
      [
        'mistake 63:10 plugins: must be a mapping of instances; write plugins: {meminfo1: {name: meminfo, config: [{schema: meminfo}]}}',
      ],
    ],
    [
      'no name',
      'byName',
      '    name: vmstat\n',
      '',
      ['mistake 31:5 plugins entry has no name; write name: meminfo'],
    ],
    [
      'no config',
      'byName',
      '    config: ["schema=vmstat perm=0777"]\n',
      '',
      [
        'mistake 31:5 plugins entry has no config; write config: with a list of options, such as [{schema: meminfo}]',
      ],
    ],
    [
      'config is a mapping',
      'byName',
      'config: [{path: /store}]',
      'config: {path: /store}',
      ['mistake 37:13 config: must be a list, and is a mapping; begin its first key with "- "'],
    ],
    [
      'config is a word',
      'byName',
      'config: [{path: /store}]',
      'config: /store',
      ['mistake 37:13 config: must be a list, and is "/store"; write a list of mappings'],
    ],
    [
      'config of numbers',
      'byName',
      'config: [{path: /store}]',
      'config: [1]',
      ['mistake 37:14 config: each of its entries must be a mapping or a text; write key: value'],
    ],
    [
      'a slash in a key of config',
      'byName',
      'config: [{path: /store}]',
      'config: [{/path: store}]',
      ['mistake 37:15 key: "/path" has a / in it, which maestro_ctrl does not support in names; write -path'],
    ],
    [
      'perm without quotes',
      'byName',
      'config: [{path: /store}]',
      'config: [{path: /store, perm: 0777}]',
      ['warning 37:35 perm: 0777 means 511 in YAML; write "0777" with quotes, or 511'],
    ],
    [
      'a key misspelt',
      'byName',
      '    offset: 1ms',
      '    ofset: 1ms',
      ['warning 33:5 plugins entry has the unknown key "ofset"; did you mean offset?'],
    ],
    [
      'an instance of nobody',
      'byName',
      '[meminfo1, vmstat1]',
      '[meminfo1]',
      ['warning 30:3 plugins: "vmstat1" is used by no sampler, store or aggregator'],
    ],
    [
      'an unknown instance',
      'byName',
      '[meminfo1, vmstat1]',
      '[meminfo1, vmstat1, meminfo2]',
      ['mistake 23:34 plugins: no entry of plugins is called "meminfo2"; did you mean meminfo1?'],
    ],
    [
      'an instance misspelt',
      'byName',
      '[meminfo1, vmstat1]',
      '[meminfo1, vmstat1, vmsatt1]',
      ['mistake 23:34 plugins: no entry of plugins is called "vmsatt1"; did you mean vmstat1?'],
    ],
    [
      'a name where plugins are in place',
      'inPlace',
      '    plugins :\n      - name        : meminfo',
      '    plugins :\n      - vmstat\n      - name        : meminfo',
      [
        'mistake 66:9 plugins: "vmstat" names an entry of top-level plugins, and the file has none; write plugins: {vmstat: {name: …, config: […]}} or the plugin itself here',
      ],
    ],
    [
      'a plugin in place where they have names',
      'byName',
      '[meminfo1, vmstat1]',
      '[meminfo1, vmstat1, {name: loadavg, config: [{schema: l}]}]',
      [
        'mistake 23:34 plugins: a plugin is written in place, but the file has top-level plugins, and maestro_ctrl then takes only their names here; move it there and write its name',
      ],
    ],
    [
      'in place, without a name',
      'inPlace',
      '      - name        : meminfo # Variables can be specific to plugin\n        interval',
      '      - interval',
      ['mistake 66:9 plugin has no name; write name: meminfo'],
    ],
    [
      'in place, with its own options',
      'inPlace',
      '        offset      : "0s"',
      '        offset      : "0s"\n        maxcpu      : 72',
      [],
    ],
    [
      'in place, with a list of options',
      'inPlace',
      '      config :\n        path : /store',
      '      config :\n        - path : /store',
      [],
    ],
  ])('%s', holds);
});

describe('stores', () => {
  test.each<Edit>([
    [
      'no name',
      'inPlace',
      '  - name      : sos-meminfo\n    daemons',
      '  - daemons',
      ['mistake 74:5 stores entry has no name; write name: meminfo-store'],
    ],
    [
      'no daemons',
      'byName',
      '  meminfo-csv:\n    daemons: *first\n',
      '  meminfo-csv:\n',
      ['mistake 40:5 stores entry has no daemons; write daemons: with the names of a group of daemons'],
    ],
    [
      'no plugin',
      'byName',
      '    plugin: csv1\n',
      '',
      [
        'mistake 40:5 stores entry has no plugin; write plugin: with the plugin that stores',
        'warning 35:3 plugins: "csv1" is used by no sampler, store or aggregator',
      ],
    ],
    [
      'no container',
      'byName',
      '    container: csv\n',
      '',
      ['mistake 40:5 stores entry has no container; write container: ldms_data'],
    ],
    [
      'no container, with a decomposition',
      'byName',
      '    container: csv\n',
      '    decomposition: /etc/decomp.json\n',
      [],
    ],
    [
      'no schema',
      'byName',
      '    schema: meminfo\n    plugin',
      '    plugin',
      ['mistake 40:5 stores entry has no schema; write schema: meminfo'],
    ],
    [
      'a regex instead of the schema',
      'byName',
      '    schema: meminfo\n    plugin',
      '    regex: .*\n    plugin',
      [
        'mistake 40:5 stores entry has a regex and no decomposition; write decomposition: /path/to/decomp.json',
      ],
    ],
    [
      'a regex with a decomposition',
      'byName',
      '    schema: meminfo\n    plugin',
      '    regex: .*\n    decomposition: /etc/decomp.json\n    plugin',
      [],
    ],
    [
      'a decomposition of nothing',
      'inPlace',
      '    schema    : meminfo\n',
      '    decomp    : /etc/decomp.json\n',
      ['mistake 74:5 stores entry has a decomp and neither schema nor regex; write regex: .*'],
    ],
    [
      'schema and regex',
      'byName',
      '    schema: meminfo\n    plugin',
      '    schema: meminfo\n    regex: .*\n    decomposition: /etc/decomp.json\n    plugin',
      ['mistake 43:12 stores entry has both schema and regex beside decomposition; take one away'],
    ],
    [
      'an unknown group',
      'inPlace',
      '  - name      : sos-meminfo\n    daemons   : *L2-name',
      '  - name      : sos-meminfo\n    daemons   : agg-3',
      [
        'mistake 75:17 daemons: no entry of daemons has the names "agg-3"; write "agg-2", exactly as it is there',
      ],
    ],
    [
      'a name twice for one group',
      'inPlace',
      'stores:\n',
      'stores:\n  - {name: sos-meminfo, daemons: *L2-name, container: c, schema: s, plugin: {name: store_csv, config: {}}}\n',
      [
        'mistake 75:17 name: "sos-meminfo" is already the store of line 74 for these daemons; give this one another name',
      ],
    ],
    [
      'a name twice for two groups',
      'inPlace',
      'stores:\n',
      'stores:\n  - {name: sos-meminfo, daemons: *L1-names, container: c, schema: s, plugin: {name: store_csv, config: {}}}\n',
      [],
    ],
    [
      'a slash in the name',
      'byName',
      '  meminfo-csv:',
      '  meminfo/csv:',
      [
        'mistake 39:3 stores: "meminfo/csv" has a / in it, which maestro_ctrl does not support in names; write meminfo-csv',
      ],
    ],
    [
      'flush without a unit',
      'inPlace',
      'flush     : 10s',
      'flush     : 10',
      ['warning 78:17 flush: 10 is 10 microseconds; write 10s for seconds'],
    ],
    [
      'a key misspelt',
      'inPlace',
      'flush     : 10s',
      'flsh      : 10s',
      ['warning 78:5 stores entry has the unknown key "flsh"; did you mean flush?'],
    ],
    [
      'a list of names with a mapping of plugins',
      'byName',
      '  meminfo-csv:\n    daemons',
      '  - name: meminfo-csv\n    daemons',
      [],
    ],
  ])('%s', holds);
});

describe('what an alias stands for', () => {
  test('is wrong where it is used', async () => {
    const edited = inPlace.replace(
      'peers:\n      - daemons : *L1-names',
      'peers:\n      - daemons : *L1-hosts',
    );
    expect(await told(edited)).toEqual([
      'mistake 51:19 daemons: no entry of daemons has the names "cygnus-0[5-6]-iw"; write one of "samp-[1-4]", "agg-[11-12]", "agg-2"',
    ]);
  });

  test('is told once where it is written, however many use it', async () => {
    const edited = byName
      .replace('auth: {name: none, plugin: none}', 'auth: &auth {name: none, plugin: none, confg: x}')
      .replace(/(agg-\[1-2\]-ep.*)auth: .*\}\}/, '$1auth: *auth}');
    expect(await told(edited)).toEqual([
      'warning 5:117 auth has the unknown key "confg"; did you mean conf?',
    ]);
  });

  test('may be merged', async () => {
    const edited = byName
      .replace(
        'daemons:\n',
        'usual: &usual {maestro_comm: True, auth: {name: none, plugin: none}}\ndaemons:\n',
      )
      .replaceAll(
        'maestro_comm: True, auth: {name: none, plugin: none}}\n  - names: &f',
        '<<: *usual}\n  - names: &f',
      );
    expect(edited).toContain('<<: *usual');
    expect(await told(edited)).toEqual([]);
    expect((await clusterOf(edited)).groups[0]?.endpoints[0]).toMatchObject({
      maestroComm: true,
      auth: { name: 'none' },
    });
  });

  test('is overruled by what is written beside the merge', async () => {
    const edited = byName
      .replace('daemons:\n', 'usual: &usual {ports: 1, xprt: rdma}\ndaemons:\n')
      .replace('ports: 10001', 'ports: 10001, <<: [*usual]');
    expect((await clusterOf(edited)).groups[0]?.endpoints[0]).toMatchObject({
      xprt: 'rdma',
      ports: [10001, 10001],
    });
  });
});

describe('the cluster', () => {
  test('of plugins in place', async () => {
    const cluster = await clusterOf(inPlace);
    expect(cluster.groups[0]).toEqual({
      at: { line: 4, column: 5 },
      expression: 'samp-[1-4]',
      names: ['samp-1', 'samp-2', 'samp-3', 'samp-4'],
      hosts: ['cygnus-01-iw', 'cygnus-02-iw', 'cygnus-03-iw', 'cygnus-04-iw'],
      endpoints: [
        {
          at: { line: 7, column: 9 },
          expression: 'cygnus-0[1-4]-iw-ep',
          names: ['cygnus-01-iw-ep', 'cygnus-02-iw-ep', 'cygnus-03-iw-ep', 'cygnus-04-iw-ep'],
          ports: [411, 411, 411, 411],
          hosts: [],
          xprt: 'rdma',
          maestroComm: true,
          auth: { at: { line: 12, column: 11 }, name: 'munge', plugin: 'munge', conf: undefined },
        },
      ],
    });
    expect(cluster.groups.map(({ expression }) => expression)).toEqual([
      'samp-[1-4]',
      'agg-[11-12]',
      'agg-2',
    ]);
    expect(cluster.aggregators[1]).toEqual({
      at: { line: 49, column: 5 },
      daemons: 'agg-2',
      peers: [
        {
          at: { line: 51, column: 9 },
          sources: [
            { daemons: 'agg-[11-12]', expression: 'agg-[11-12]-ep', endpoints: ['agg-11-ep', 'agg-12-ep'] },
          ],
          type: 'active',
          reconnect: 1_000_000,
          updaters: [
            {
              at: { line: 56, column: 13 },
              mode: 'pull',
              interval: 1_000_000,
              offset: 400_000,
              sets: [{ regex: '.*', field: 'inst' }],
            },
          ],
        },
      ],
      listeners: [],
      plugins: [],
      subscriptions: [],
    });
    expect(cluster.samplers).toEqual([
      {
        at: { line: 64, column: 5 },
        daemons: 'samp-[1-4]',
        plugins: [
          {
            at: { line: 66, column: 9 },
            plugin: {
              at: { line: 66, column: 9 },
              instance: undefined,
              name: 'meminfo',
              interval: 1_000_000,
              offset: 0,
              config: [{ component_id: '${COMPONENT_ID}', perm: '0777' }],
            },
          },
        ],
        advertise: undefined,
      },
    ]);
    expect(cluster.stores).toEqual([
      {
        at: { line: 74, column: 5 },
        name: 'sos-meminfo',
        daemons: 'agg-2',
        container: 'meminfo',
        schema: 'meminfo',
        regex: undefined,
        decomposition: undefined,
        flush: 10_000_000,
        plugin: {
          at: { line: 80, column: 7 },
          plugin: {
            at: { line: 80, column: 7 },
            instance: undefined,
            name: 'store_sos',
            interval: undefined,
            offset: undefined,
            config: [{ path: '/store' }],
          },
        },
      },
    ]);
    expect(cluster.plugins).toEqual([]);
  });

  test('of plugins by name', async () => {
    const cluster = await clusterOf(byName);
    expect(cluster.plugins.map(({ instance, name }) => [instance, name])).toEqual([
      ['meminfo1', 'meminfo'],
      ['vmstat1', 'vmstat'],
      ['csv1', 'store_csv'],
    ]);
    expect(cluster.samplers[0]?.plugins.map(({ at, plugin }) => [at.column, plugin])).toEqual([
      [15, cluster.plugins[0]],
      [25, cluster.plugins[1]],
    ]);
    expect(cluster.plugins[1]?.config).toEqual(['schema=vmstat perm=0777']);
    expect(cluster.stores[0]).toMatchObject({
      name: 'meminfo-csv',
      plugin: { plugin: { name: 'store_csv' } },
    });
    expect(cluster.aggregators[0]?.subscriptions).toEqual([
      { at: { line: 13, column: 9 }, stream: 'events', regex: '.*' },
    ]);
  });

  test('has several daemons of a host side by side, and ports in turn', async () => {
    const edited = byName
      .replace('names: &first "agg-[1-2]"\n    hosts: "h9"', 'names: &first "agg-[1-4]"\n    hosts: "h[8-9]"')
      .replace('"agg-[1-2]-ep"', '"agg-[1-4]-ep"');
    expect(await told(edited)).toEqual([]);
    expect((await clusterOf(edited)).groups[1]).toMatchObject({
      hosts: ['h8', 'h8', 'h9', 'h9'],
      endpoints: [{ ports: [411, 412, 411, 412] }],
    });
  });

  test('has the hosts of an endpoint', async () => {
    const edited = byName.replace('ports: "[411-412]"', 'ports: 411, hosts: "ib[1-2]"');
    expect((await clusterOf(edited)).groups[1]?.endpoints[0]?.hosts).toEqual(['ib1', 'ib2']);
  });

  test('has an advertisement and a listener', async () => {
    const edited = byName
      .replace(
        '    plugins: [meminfo1',
        '    advertise: {names: *nodes, hosts: h9, xprt: sock, port: 411, reconnect: 20s}\n    plugins: [meminfo1',
      )
      .replace(
        '    subscribe:\n',
        '    prdcr_listen: [{name: all, regex: n.*, updaters: [{interval: 1s}]}]\n    subscribe:\n',
      );
    const { aggregators, samplers } = await clusterOf(edited);
    expect(samplers[0]?.advertise).toMatchObject({
      names: ['node-1', 'node-2'],
      hosts: ['h9'],
      ports: [411],
      reconnect: 20_000_000,
    });
    expect(aggregators[0]?.listeners).toMatchObject([
      { name: 'all', regex: 'n.*', updaters: [{ interval: 1_000_000 }] },
    ]);
  });

  test('has two groups where a comma joins them', async () => {
    const edited = inPlace.replace(
      '      - daemons : *L1-names\n        endpoints : *L1-eps',
      '      - daemons : samp-[1-4],agg-[11-12]\n        endpoints : cygnus-0[1-4]-iw-ep,agg-[11-12]-ep',
    );
    expect(
      (await clusterOf(edited)).aggregators[1]?.peers[0]?.sources.map(({ daemons, endpoints }) => [
        daemons,
        endpoints.length,
      ]),
    ).toEqual([
      ['samp-[1-4]', 4],
      ['agg-[11-12]', 2],
    ]);
  });

  test('is there as far as it is understood', async () => {
    const { mistakes, cluster } = await readLdmsConfig(
      inPlace.replace('cygnus-0[1-4]-iw"', 'cygnus-0[1-4-iw"'),
    );
    expect(mistakes).toHaveLength(1);
    expect(cluster?.groups.map(({ names, hosts }) => [names.length, hosts.length])).toEqual([
      [4, 0],
      [2, 2],
      [1, 1],
    ]);
  });

  test.each([
    ['nothing', '', '1:1 the file is empty; write daemons: with a list of groups'],
    ['comments', '# none\n', '1:1 the file is empty; write daemons: with a list of groups'],
    ['a list', '\n- daemons\n', '2:1 the file must be a mapping, and is a list; begin it with daemons:'],
    ['a word', 'daemons', '1:1 the file must be a mapping, and is "daemons"; begin it with daemons:'],
  ])('is not there for a file of %s', async (_, text, mistake) => {
    expect(await told(text)).toEqual([`mistake ${mistake}`]);
    expect(await readLdmsConfig(text)).not.toHaveProperty('cluster');
  });
});

describe('any text has an end', () => {
  const isReading = async (text: string) => {
    const { mistakes, warnings } = await readLdmsConfig(text);
    const lines = text.split('\n').length + 1;
    const odd = [...mistakes, ...warnings].filter(
      (found) => found.line < 1 || found.line > lines || found.column < 1 || !/^.+$/.test(found.text),
    );
    expect(odd).toEqual([]);
    return mistakes;
  };

  test.each(Object.entries(files))('%s, cut at any byte', async (_, text) => {
    for (let end = 0; end < text.length; end++) await isReading(text.slice(0, end));
  });

  test.each(Object.entries(files))('%s, without any one line, or with one twice', async (_, text) => {
    const lines = text.split('\n');
    for (const [at, line] of lines.entries()) {
      await isReading(lines.toSpliced(at, 1).join('\n'));
      await isReading(lines.toSpliced(at, 0, line).join('\n'));
    }
  });

  test.each(Object.entries(files))('%s, with odd letters in odd places', async (_, text) => {
    const odd = [
      '[',
      ']',
      '{',
      '}',
      '*',
      '&',
      '"',
      "'",
      '\t',
      ':',
      '- ',
      '|',
      '!',
      '%',
      '\0',
      '\ud800',
      '\n',
      '<<: ',
    ];
    // A small generator, so that a failure can be repeated.
    let state = 1;
    const below = (most: number) => {
      state = (state * 48_271) % 2_147_483_647;
      return state % most;
    };
    for (let round = 0; round < 600; round++) {
      let mutated = text;
      for (let edits = 1 + below(3); edits > 0; edits--) {
        const at = below(mutated.length);
        mutated = mutated.slice(0, at) + odd[below(odd.length)] + mutated.slice(at + below(2) * below(20));
      }
      await isReading(mutated);
    }
  });

  test.each([
    ['brackets within brackets', '['.repeat(5000)],
    ['mappings within mappings', 'a: {'.repeat(3000)],
    ['lists that are closed again', `daemons: ${'['.repeat(150)}${']'.repeat(150)}`],
    ['indentation', Array.from({ length: 300 }, (_, at) => `${' '.repeat(at)}a:\n`).join('')],
  ])('%s', async (_, text) => {
    const mistakes = await isReading(text);
    expect(mistakes.map(({ text: words }) => words)).toContain('nested deeper than 100 levels');
  });

  test('aliases of aliases of aliases', async () => {
    const levels = Array.from(
      { length: 30 },
      (_, at) => `l${at + 1}: &l${at + 1} [${`*l${at}, `.repeat(9)}]\n`,
    );
    const bomb = `l0: &l0 {x: y}\n${levels.join('')}`;
    await isReading(`${bomb}daemons: *l30\n`);
    expect((await isReading(`${bomb}${byName.replace('{path: /store}', '{path: *l30}')}`))[0]?.text).toBe(
      'the file stands for millions of values; write fewer aliases and smaller ranges',
    );
  });

  test('aliases of long lists within each other', async () => {
    const many = (name: string) => `[${`*${name}, `.repeat(300)}]`;
    const bomb = `u: &u {interval: 1s}\np: &p {updaters: ${many('u')}}\na: &a {peers: ${many('p')}}\naggregators: ${many('a')}\n`;
    expect((await isReading(bomb))[0]?.text).toMatch(/^the file stands for millions of values/);
  });

  test('ranges upon ranges', async () => {
    const group = (at: number) => `  - {names: "a${at}-[1-99999]", hosts: "h[1-99999]", endpoints: []}\n`;
    const text = `daemons:\n${Array.from({ length: 40 }, (_, at) => group(at)).join('')}`;
    expect((await isReading(text))[0]?.text).toMatch(/^the file stands for millions of values/);
  });
});

describe('10,000 hosts', () => {
  const inOneRange = (hosts: number) =>
    byName
      .replace('"node-[1-2]"', `"node-[1-${hosts}]"`)
      .replace('"h[1-2]"', `"h[1-${hosts}]"`)
      .replace('"node-[1-2]-ep"', `"node-[1-${hosts}]-ep"`)
      .replace('"h9"', '"agghost"');
  const inOneList = (hosts: number) =>
    inOneRange(hosts).replace(
      `"h[1-${hosts}]"`,
      `[${Array.from({ length: hosts }, (_, at) => `rack${at}`).join(', ')}]`,
    );
  const inGroupsOfOne = (hosts: number) =>
    `daemons:\n${Array.from({ length: hosts }, (_, at) => `  - names: "s${at}"\n    hosts: "h${at}"\n    endpoints:\n      - {names: "e${at}", ports: 411, maestro_comm: True, auth: {name: none, plugin: none}}\n`).join('')}`;

  const milliseconds = async (text: string): Promise<number> => {
    const began = performance.now();
    expect(await told(text)).toEqual([]);
    return performance.now() - began;
  };

  test.each([
    ['in one range', inOneRange],
    ['in one list', inOneList],
    ['in a group each', inGroupsOfOne],
  ])('%s take about ten times as long as 1,000', async (_, make) => {
    await milliseconds(make(1000));
    const thousand = Math.min(await milliseconds(make(1000)), await milliseconds(make(1000)));
    // What takes next to no time is not compared closely.
    expect(await milliseconds(make(10_000))).toBeLessThan(30 * Math.max(thousand, 10));
  });
});
