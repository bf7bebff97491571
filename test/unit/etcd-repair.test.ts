/** Whom a repair replaces. The doorman and the gateway are stand-ins; real ones are in test/local. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { repairMembers } from '../../src/etcd/repair.ts';
import type { Election, Peers } from '../../src/plan.ts';

interface Known {
  ID: string;
  name?: string;
  peerURLs: string[];
  clientURLs?: string[];
}

/** Answers POSTs and GETs with a status and a text, by path. */
async function serve(answer: (path: string, body: string) => [number, string]): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const [status, text] = answer(request.url ?? '', body);
      response.writeHead(status, { connection: 'close' }).end(text);
    });
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/**
 * A cluster of two, of which the other one's peer port is a doorman's as long as `isEmpty` says so, and
 * what the repair does with it.
 */
async function repairing(
  known: (url: string) => Known | undefined,
  {
    refusals = [] as [number, string][],
    isEmpty = (_asked: number): boolean => true,
    name = 'hostB',
    more = [] as string[],
  } = {},
) {
  const changes: string[] = [];
  let asked = 0;
  let listed = 0;
  const ownUrl = 'http://127.0.0.1:1';
  let list: string[] = [];
  const url = await serve((path) => {
    asked++;
    if (path !== '/ldms-entrypoint/doorman' || !isEmpty(asked)) return [404, '404 page not found'];
    return [200, JSON.stringify({ name, list, id: 'x', isEmpty: true })];
  });
  list = [ownUrl, url, ...more];
  const own: Known = { ID: '1', name: 'hostA', peerURLs: [ownUrl], clientURLs: ['http://x'] };
  let other = known(url);
  const gateway = await serve((path, body) => {
    if (path.endsWith('/list')) listed++;
    if (path.endsWith('/list')) return [200, JSON.stringify({ members: other ? [own, other] : [own] })];
    changes.push(`${path.replace('/v3/cluster/member/', '')} ${body}`);
    const refusal = refusals.shift();
    if (refusal) return refusal;
    other = path.endsWith('/add') ? { ID: '3', peerURLs: [url] } : undefined;
    return [200, '{}'];
  });
  const self = { name: 'hostA', url: ownUrl };
  const peers: Peers = {
    self,
    all: [self, { name: 'hostB', url }],
    listen: { address: '127.0.0.1', port: 1 },
  };
  const election: Election = { url: gateway, prefix: 'p', peers, leaseMs: 10, config: '', digest: '' };
  const told: string[] = [];
  const stop = new AbortController();
  const log = async (level: string, text: string) => void told.push(`${level}: ${text}`);
  const done = repairMembers(election, { log, stop: stop.signal });
  onTestFinished(() => stop.abort());
  return { changes, told, stop, done, url, looks: () => asked, lists: () => listed };
}

const withData = (url: string): Known => ({
  ID: '9372538179322589801',
  name: 'hostB',
  peerURLs: [url],
  clientURLs: ['http://x'],
});
const remove = 'remove {"ID":"9372538179322589801"}';
const add = (url: string) => `add {"peerURLs":["${url}"]}`;

describe('a member whose doorman says that it is empty', () => {
  test('is removed by its id, exact to the last digit, and added, once', async () => {
    const { changes, told, url, looks } = await repairing(withData);
    await vi.waitFor(() => expect(changes).toHaveLength(2));
    const before = looks();
    await vi.waitFor(() => expect(looks()).toBeGreaterThan(before + 5));
    expect(changes).toEqual([remove, add(url)]);
    expect(told).toEqual(['info: hostB has an empty data directory: it is made a member anew']);
  });

  test('is only added where it is no member', async () => {
    const { changes, told, url, looks } = await repairing(() => undefined);
    await vi.waitFor(() => expect(looks()).toBeGreaterThan(5));
    expect(changes).toEqual([add(url)]);
    expect(told).toEqual(["info: hostB is no member of etcd's cluster: it is added"]);
  });

  test('is tried again when etcd does not want to yet', async () => {
    const refusals: [number, string][] = [
      [503, '{"error":"etcdserver: unhealthy cluster"}'],
      [404, '{"error":"etcdserver: member not found"}'],
      [500, '{"error":"etcdserver: re-configuration failed due to not enough started members"}'],
    ];
    const { changes, told, url } = await repairing(withData, { refusals });
    await vi.waitFor(() => expect(changes).toEqual([remove, remove, remove, remove, add(url)]), 10_000);
    expect(told).toHaveLength(1);
  });
});

describe('a member is left alone', () => {
  test.each([
    ['that was added already', (url: string) => ({ ID: '2', peerURLs: [url] })],
    ['that has never started', (url: string) => ({ ID: '2', name: 'hostB', peerURLs: [url] })],
  ] as [string, (url: string) => Known][])('%s', async (_, known) => {
    const { changes, told, lists } = await repairing(known);
    await vi.waitFor(() => expect(lists()).toBeGreaterThan(3));
    expect(changes).toEqual([]);
    expect(told).toEqual([]);
  });

  test('with data', async () => {
    const { changes, looks } = await repairing(withData, { isEmpty: () => false });
    await vi.waitFor(() => expect(looks()).toBeGreaterThan(3));
    expect(changes).toEqual([]);
  });

  test('when another one answers in its place', async () => {
    const { changes, looks } = await repairing(withData, { name: 'hostC' });
    await vi.waitFor(() => expect(looks()).toBeGreaterThan(3));
    expect(changes).toEqual([]);
  });

  test('when its list is not ours', async () => {
    const { changes, looks } = await repairing(withData, { more: ['http://hostX:2380'] });
    await vi.waitFor(() => expect(looks()).toBeGreaterThan(3));
    expect(changes).toEqual([]);
  });

  // Another leader has replaced it in between: the list is newer than what its doorman has said.
  test('when it was empty before the list was asked for, and is not after it', async () => {
    const { changes, told, looks } = await repairing(withData, { isEmpty: (asked) => asked % 2 === 1 });
    await vi.waitFor(() => expect(looks()).toBeGreaterThan(5));
    expect(changes).toEqual([]);
    expect(told).toEqual([]);
  });
});

test('a repair ends when it is stopped, also in the middle', async () => {
  const refusals = Array.from({ length: 1000 }, (): [number, string] => [503, '{}']);
  const { changes, stop, done } = await repairing(withData, { refusals });
  await vi.waitFor(() => expect(changes.length).toBeGreaterThan(0));
  stop.abort();
  await done;
  const before = changes.length;
  await new Promise(setImmediate);
  expect(changes).toHaveLength(before);
});
