/** The doubts about a whole cluster, for groups that several entries name; test/unit/cluster-findings.test.ts has the others. */
import { describe, expect, test } from 'vitest';
import { authOf, collectedBy, doubts, roleOf } from '../../src/ldmscfg/doubts.ts';
import { type Cluster, readLdmsConfig } from '../../src/ldmscfg/read.ts';
import { usesIn, usesOf } from '../../src/ldmscfg/uses.ts';

const auth = 'auth: {name: none, plugin: none}';
const group = (name: string, host: string) =>
  `  - names: ${name}\n    hosts: ${host}\n    endpoints:\n      - {names: ${name}-ep, ports: 411, maestro_comm: True, ${auth}}\n`;
const daemons = `daemons:\n${group('low', 'h1')}${group('mid', 'h2')}${group('top', 'h3')}`;
const peer = (name: string, updaters: string) =>
  `{daemons: ${name}, endpoints: ${name}-ep, reconnect: 1s, type: active, updaters: [${updaters}]}`;
const samples = (name: string, ...times: readonly string[]) =>
  `  - daemons: ${name}\n    plugins:\n${times.map((time, at) => `      - {name: sampler${at}, ${time}, config: [{perm: "0777"}]}\n`).join('')}`;
const at = (offset: string, interval = '1s') => `interval: ${interval}, offset: ${offset}`;

async function clusterIn(text: string): Promise<Cluster> {
  const { mistakes, cluster } = await readLdmsConfig(text);
  expect(mistakes).toEqual([]);
  if (!cluster) throw new Error('nothing was understood');
  return cluster;
}

const told = async (text: string): Promise<string[]> =>
  doubts(await clusterIn(text)).map(({ line, column, text: words }) => `${line}:${column} ${words}`);

describe('offsets', () => {
  const early = (offset: string, what: string, when: string) =>
    `this offset, ${offset}, is not behind ${what}, at ${when}, so that the data is one interval old; write a later one`;

  test('are compared with the latest sampling of several plugins', async () => {
    const text = `${daemons}aggregators:
  - daemons: mid
    peers:
      - ${peer('low', '{mode: pull, interval: 1s, offset: 20ms}')}
samplers:
${samples('low', at('10ms'), at('30ms'), at('50ms', '5s'))}`;
    expect(await told(text)).toEqual([expect.stringContaining(early('20ms', 'the sampling of low', '30ms'))]);
    expect(await told(text.replace('20ms', '31ms'))).toEqual([]);
  });

  test('are compared with what comes last, of a group that samples and collects', async () => {
    const text = `${daemons}aggregators:
  - daemons: mid
    peers:
      - ${peer('low', '{mode: pull, interval: 1s, offset: 200ms}')}
  - daemons: top
    peers:
      - ${peer('mid', '{mode: pull, interval: 1s, offset: 150ms}')}
samplers:
${samples('low', at('10ms'))}${samples('mid', at('100ms'))}`;
    expect(await told(text)).toEqual([
      expect.stringContaining(early('150ms', 'the updates of mid', '200ms')),
    ]);
  });

  test('are compared for each updater, at its place', async () => {
    const text = `${daemons}aggregators:
  - daemons: mid
    peers:
      - ${peer('low', '{mode: pull, interval: 1s, offset: 0s}, {mode: pull, interval: 2s, offset: 0s}')}
samplers:
${samples('low', at('0s'), at('1ms', '2s'))}`;
    const found = await told(text);
    expect(found).toHaveLength(2);
    expect(found[0]).toContain(early('0us', 'the sampling of low', '0us'));
    expect(found[1]).toContain(early('0us', 'the sampling of low', '1ms'));
    expect(new Set(found.map((line) => line.split(' ')[0])).size).toBe(2);
  });
});

describe('an aggregator of several entries', () => {
  const entries = (second: string) => `${daemons}aggregators:
  - daemons: mid
    subscribe: [{stream: a, regex: .*}]
  - daemons: mid
    ${second}
samplers:
${samples('low', at('0s'))}`;
  const collects = `peers: [${peer('low', '{mode: pull, interval: 1s, offset: 1ms}')}]`;

  test('collects if one of them does', async () => {
    expect(await told(entries(collects))).toEqual([]);
  });

  test('is told of once if none does', async () => {
    expect(await told(entries('subscribe: [{stream: b, regex: .*}]'))).toEqual([
      '15:5 the aggregator mid has neither peers nor prdcr_listen, and collects from nobody',
      '20:5 no aggregator collects from low; name it under the peers of one, or advertise it to one',
    ]);
  });
});

test('one peer of two groups is both of them', async () => {
  const cluster = await clusterIn(`${daemons}aggregators:
  - daemons: top
    peers:
      - {daemons: "low,mid", endpoints: "low-ep,mid-ep", reconnect: 1s, type: active, updaters: [{mode: pull, interval: 1s}]}
samplers:
${samples('low', at('0s'))}${samples('mid', at('0s'))}`);
  const top = usesIn(cluster).get('top')?.group;
  if (!top) throw new Error('there is no group top');
  expect(
    collectedBy(top, cluster).map(({ source, endpoint }) => [source.expression, endpoint?.ports]),
  ).toEqual([
    ['low', [411]],
    ['mid', [411]],
  ]);
  expect(doubts(cluster)).toEqual([]);
});

test('who collects and samples takes the image of aggregators', async () => {
  const cluster = await clusterIn(`${daemons}aggregators:
  - daemons: mid
    peers:
      - ${peer('low', '{mode: pull, interval: 1s, offset: 1ms}')}
samplers:
${samples('low', at('0s'))}${samples('mid', at('0s'))}`);
  expect(cluster.groups.map((each) => [each.expression, roleOf(each, cluster)])).toEqual([
    ['low', 'samp'],
    ['mid', 'agg'],
    ['top', 'samp'],
  ]);
});

test('what authenticates is the endpoint that maestro uses, or else the first', async () => {
  const two = (first: string, second: string) =>
    `daemons:\n  - names: a\n    hosts: h\n    endpoints:\n      - {names: a1, ports: 1, ${first}, auth: {name: x, plugin: ovis}}\n      - {names: a2, ports: 2, ${second}, auth: {name: y, plugin: munge}}\n`;
  const plugin = async (text: string) => {
    const [first] = (await clusterIn(text)).groups;
    return first && authOf(first)?.plugin;
  };
  expect(await plugin(two('maestro_comm: False', 'maestro_comm: True'))).toBe('munge');
  expect(await plugin(two('maestro_comm: True', 'maestro_comm: True'))).toBe('ovis');
  expect(await plugin(two('maestro_comm: False', 'maestro_comm: False'))).toBe('ovis');
});

test('the uses of a group that nobody names are none', async () => {
  const cluster = await clusterIn(daemons);
  const [low] = cluster.groups;
  if (!low) throw new Error('there is no group');
  expect(usesOf(low, cluster)).toEqual({ group: low, aggregators: [], samplers: [], stores: [] });
  expect(usesOf({ ...low, expression: 'nobody' }, cluster)).toMatchObject({ aggregators: [], stores: [] });
  expect(usesIn(cluster)).toBe(usesIn(cluster));
});
