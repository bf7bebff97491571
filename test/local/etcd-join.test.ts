/** How members of a cluster come together, and come back without their data. The etcds are real ones. */

import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join as joinPath } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { decode, encode, post } from '../../src/etcd/gateway.ts';
import { askPeer, membersAt } from '../../src/etcd/peers.ts';
import { awaitMember } from '../../src/etcd/ready.ts';
import { repairMembers } from '../../src/etcd/repair.ts';
import { healthy, makeCertificates, makeMembers, type TestMember } from '../support/members.ts';
import { until } from '../support/program.ts';

const patience = () => ({ limitMs: 20_000, stop: new AbortController().signal });

type Three = readonly [TestMember, TestMember, TestMember];
const three = async (options: Parameters<typeof makeMembers>[0] = {}): Promise<Three> =>
  (await makeMembers(options)) as unknown as Three;

/** Begins members, and waits until each is healthy. */
const bring = (members: readonly TestMember[]) =>
  Promise.all(members.map((member) => healthy(member, member.begin())));

const put = (member: TestMember, key: string, value: string) =>
  post(member.url, 'kv/put', { key: encode(key), value: encode(value) }, patience());

/** What a member has, by itself: not asked of the others. */
async function has(member: TestMember, key: string): Promise<string | undefined> {
  const answer = await post(member.url, 'kv/range', { key: encode(key), serializable: true }, patience());
  const [found] = (answer['kvs'] ?? []) as { value: string }[];
  return found && decode(found.value);
}

const idsOf = async (asked: TestMember): Promise<Record<string, string>> =>
  Object.fromEntries(
    ((await membersAt(asked.peers.self.url, asked.peers.tls, patience())) ?? []).map(({ peerUrls, id }) => [
      peerUrls[0] ?? '',
      id,
    ]),
  );

/** Repairs in the name of a member until the test has finished. */
function repairing(member: TestMember): { told: string[]; stop: AbortController; done: Promise<void> } {
  const stop = new AbortController();
  const told: string[] = [];
  const log = async (level: string, text: string) => void told.push(`${level}: ${text}`);
  const done = repairMembers(member.election, { log, stop: stop.signal });
  onTestFinished(async () => {
    stop.abort();
    await done;
  });
  return { told, stop, done };
}

function ended({ stop, done }: ReturnType<typeof repairing>): Promise<void> {
  stop.abort();
  return done;
}

const waitsIn = ({ told }: TestMember) => told.filter((line) => line.includes('waiting for'));
const isNew = ['--initial-cluster-state=new'];
const isExisting = ['--initial-cluster-state=existing'];

describe('members with empty directories', () => {
  test('that begin at once become one cluster', async () => {
    const members = await three();
    await bring(members);
    expect(members.map((member) => member.args())).toEqual([isNew, isNew, isNew]);
    await put(members[0], 'k', 'v');
    await until('all have it', async () => (await has(members[2], 'k')) === 'v');
    expect(Object.keys(await idsOf(members[1])).sort()).toEqual(members[0].peers.all.map(({ url }) => url));
  });

  test('the first ones wait for the last one, and say so once', async () => {
    const members = await three();
    const [a, b, c] = members;
    const first = a.begin();
    await until('it says whom it waits for', () => waitsIn(a).length > 0);
    expect(waitsIn(a)).toEqual(['info: waiting for hostB, hostC: nobody listens there']);
    const second = b.begin();
    await until('the second waits for the third', () => waitsIn(b).length > 0);
    expect(waitsIn(b)).toEqual(['info: waiting for hostC: nobody listens there']);
    expect(readdirSync(joinPath(a.directory, '..')).filter((name) => name.startsWith('host'))).toEqual([]);
    await Promise.all([healthy(a, first), healthy(b, second), healthy(c, c.begin())]);
  });

  test('begin one after the other, whoever was there first', async () => {
    const members = await three();
    const order: string[] = [];
    const begin = async (member: TestMember) => {
      const etcd = await member.begin();
      order.push(member.name);
      await healthy(member, Promise.resolve(etcd));
    };
    await Promise.all(members.toReversed().map(begin));
    expect(order).toEqual(['hostA', 'hostB', 'hostC']);
  });

  test('one whose etcd has not begun with those of the others is let in as what it is', async () => {
    const [a, b, c] = await three();
    const met = c.join();
    await Promise.all([healthy(a, a.begin()), healthy(b, b.begin()), met.joined]);
    // It was ended there, and comes again.
    await healthy(c, c.begin());
    expect(c.args()).toEqual(isNew);
    expect(c.told).toEqual([]);
  });

  test('one that fails to begin does not hold up the others', async () => {
    const [a, b, c] = await three();
    const others = Promise.all([healthy(b, b.begin()), healthy(c, c.begin())]);
    // The first of the list: the others wait for it to serve.
    expect(await a.join().joined).toEqual({ args: isNew });
    await others;
    expect(await a.isHealthy()).toBe(false);
  });

  test('with certificates', async () => {
    const members = await three({ tls: true });
    await bring(members);
    const [a] = members;
    await put(a, 'k', 'v');
    await until('all have it', async () => (await has(members[2], 'k')) === 'v');
    // Nobody else is told anything.
    await expect(askPeer(a.peers.self.url, { path: '/members' }, undefined, patience())).rejects.toThrow();
    const probe = { kind: 'member', peers: a.peers, deadlineMs: 20_000 } as const;
    const never = { stop: new AbortController().signal, over: () => false };
    expect(await awaitMember(probe, never)).toBeUndefined();
  });
});

describe('a member with data', () => {
  test('begins at once, though nobody else is there, and is ready without a quorum', async () => {
    const members = await three();
    const [a] = members;
    await bring(members);
    await put(a, 'k', 'v');
    for (const member of members) await member.kill();
    const probe = { kind: 'member', peers: a.peers, deadlineMs: 20_000 } as const;
    const over = () => false;
    const stop = new AbortController();
    const short = { ...probe, deadlineMs: 100 };
    expect(await awaitMember(short, { stop: stop.signal, over })).toBe('nobody listens there');
    await a.begin();
    expect(await awaitMember(probe, { stop: stop.signal, over })).toBeUndefined();
    expect(a.told).toEqual([]);
    await bring(members.slice(1));
    expect(await has(a, 'k')).toBe('v');
  });
});

describe('a member that has lost its data', () => {
  test('is made a member anew, gets the data back, and its vote counts', async () => {
    const members = await three();
    const [a, b, c] = members;
    await bring(members);
    await put(a, 'k', 'v');
    const before = await idsOf(a);
    await c.kill();
    c.empty();
    const again = healthy(c, c.begin());
    await until('it says what it waits for', () => waitsIn(c).some((line) => line.includes('is empty')));
    expect(await c.isHealthy()).toBe(false);
    const repair = repairing(a);
    await again;
    expect(c.args()).toEqual(isExisting);
    await until('the data is back', async () => (await has(c, 'k')) === 'v');
    expect(repair.told).toEqual(['info: hostC has an empty data directory: it is made a member anew']);
    const after = await idsOf(a);
    const { [c.peers.self.url]: lost, ...others } = before;
    expect(after).toMatchObject(others);
    expect(after[c.peers.self.url]).not.toBe(lost);
    // Two of three are a quorum, one of them the new one.
    await b.kill();
    await until('there is a quorum again', () => c.isHealthy());
    await put(c, 'k', 'w');
    // And one of three is none.
    await a.kill();
    await until('there is none', async () => !(await c.isHealthy()));
  });

  test('is made one by whoever leads, also where two think that they do', async () => {
    const members = await three();
    const [a, b, c] = members;
    await bring(members);
    const repairs = [repairing(a), repairing(b)];
    await c.kill();
    c.empty();
    await healthy(c, c.begin());
    expect(Object.keys(await idsOf(a))).toHaveLength(3);
    // Neither has anything to do any more: the member stays as it is.
    const ids = await idsOf(a);
    await Promise.all(repairs.map(ended));
    expect(await idsOf(c)).toEqual(ids);
  });

  test('is added by another when who led was stopped in the middle', async () => {
    const members = await three();
    const [a, b, c] = members;
    await bring(members);
    await c.kill();
    c.empty();
    const again = healthy(c, c.begin());
    const { [c.peers.self.url]: id } = await idsOf(a);
    await until('it is removed', () =>
      post(a.url, 'cluster/member/remove', { ID: id }, patience()).then(
        () => true,
        () => false,
      ),
    );
    await until('it says so', () => waitsIn(c).some((line) => line.includes('no member of their cluster')));
    const repair = repairing(b);
    await again;
    expect(repair.told).toEqual(["info: hostC is no member of etcd's cluster: it is added"]);
  });

  test('with certificates', async () => {
    const members = await three({ tls: true });
    const [a, , c] = members;
    await bring(members);
    repairing(a);
    await c.kill();
    c.empty();
    await healthy(c, c.begin());
    expect(c.args()).toEqual(isExisting);
  });
});

describe('a list that has grown', () => {
  test('the new ones are added to those that there are', async () => {
    const members = await makeMembers({ count: 5 });
    const [first, ...others] = members as [TestMember, ...TestMember[]];
    const begin = (member: TestMember) =>
      healthy(member, member.begin({ peers: { ...member.peers, all: member.peers.all.slice(0, 3) } }));
    await Promise.all([first, ...others.slice(0, 2)].map(begin));
    await put(first, 'k', 'v');
    expect(Object.keys(await idsOf(first))).toHaveLength(3);
    const repair = repairing(first);
    await bring(others.slice(2));
    expect(Object.keys(await idsOf(first))).toHaveLength(5);
    for (const added of others.slice(2)) {
      expect(added.args()).toContain(isExisting[0]);
      await until('it has the data', async () => (await has(added, 'k')) === 'v');
      expect(repair.told).toContain(`info: ${added.name} is no member of etcd's cluster: it is added`);
    }
    expect(repair.told).toHaveLength(2);
  });
});

describe('a repair leaves alone', () => {
  test('a member that is down, one with data, and one whose doorman has another list', async () => {
    const members = await three();
    const [a, , c] = members;
    await bring(members);
    const ids = await idsOf(a);
    await c.kill();
    const repair = repairing(a);
    const asked: string[] = [];
    const card = { name: 'hostC', list: [a.peers.self.url, c.peers.self.url], id: 'x', isEmpty: true };
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.end(JSON.stringify(card));
    });
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) =>
      server.listen(c.peers.listen.port, c.peers.listen.address, () => resolve()),
    );
    const looks = () => asked.filter((line) => line === 'GET /ldms-entrypoint/doorman').length;
    await until('it was looked at', () => looks() >= 3);
    expect(await idsOf(a)).toEqual(ids);
    expect(repair.told).toEqual([]);
    // The same with our list is what is replaced.
    card.list = a.peers.all.map(({ url }) => url);
    await until('it is replaced', async () => {
      const now = await idsOf(a);
      return now[c.peers.self.url] !== undefined && now[c.peers.self.url] !== ids[c.peers.self.url];
    });
    expect(repair.told).toEqual(['info: hostC has an empty data directory: it is made a member anew']);
  });
});

describe('who is refused', () => {
  test('a list that differs is told of on both sides; mended, they begin', async () => {
    const members = await three();
    const [a, b, c] = members;
    const wrong = {
      ...c.peers,
      all: [...c.peers.all.slice(1), { name: 'hostX', url: 'http://127.0.0.9:9' }],
    };
    const others = [a, b].map((member) => healthy(member, member.begin()));
    const lists = [a.peers, wrong].map(({ all }) => all.map(({ url }) => url).join(', '));
    const mistaken = c.join({ peers: wrong });
    const about = (name: string, there = '', here = '') =>
      `warn: ${name} waits too, with another list of members: ${there}; the list here has ${here}: give all of them the same LDMS_ENTRYPOINT_MAESTRO_MEMBERS, and start the one that was wrong again`;
    await until('the right one says so', () => a.told.includes(about('hostC', lists[1], lists[0])));
    await until('the wrong one says so', () => c.told.includes(about('hostB', lists[0], lists[1])));
    await until('it waits', () =>
      waitsIn(a).some((line) => line.endsWith('hostC: another list of members there')),
    );
    mistaken.stop.abort();
    await mistaken.joined;
    await Promise.all([...others, healthy(c, c.begin())]);
    expect(a.told.filter((line) => line.includes('waits too'))).toHaveLength(1);
  });

  test('one with an empty directory whose list is not that of the cluster', async () => {
    const members = await three();
    const [a, b, c] = members;
    await bring(members);
    const wrong = {
      ...c.peers,
      all: [...c.peers.all.slice(1), { name: 'hostX', url: 'http://127.0.0.9:9' }],
    };
    await c.kill();
    c.empty();
    expect(await c.join({ peers: wrong }).joined).toEqual({
      kind: 'etcd',
      what: `cannot join the etcd of hostB: its cluster has the members ${Object.keys(await idsOf(b)).join(', ')}, and the list here has ${wrong.all.map(({ url }) => url).join(', ')}`,
      remedy: expect.stringContaining('LDMS_ENTRYPOINT_MAESTRO_MEMBERS'),
    });
    await until('the others are as before', () => a.isHealthy());
  });

  test('a peer port that somebody has, and one on an address that is not ours', async () => {
    const [a, b] = await three();
    const other = a.join();
    await until('it listens', () => canAsk(a));
    expect(await a.join().joined).toEqual({
      kind: 'etcd',
      what: `cannot listen on 127.0.0.1:${a.peers.listen.port} for the other members: somebody listens there already`,
      remedy: expect.stringContaining('LDMS_ENTRYPOINT_ETCD_PEER_PORT'),
    });
    const elsewhere = { ...b.peers, listen: { ...b.peers.listen, address: '192.0.2.1' } };
    expect(await b.join({ peers: elsewhere }).joined).toMatchObject({
      what: expect.stringContaining('this container does not have that address'),
    });
    other.stop.abort();
    await other.joined;
  });

  test("one with another CA's certificate is no member", async () => {
    const members = await three({ tls: true });
    const [a, b, c] = members;
    const foreign = makeCertificates(mkdtempIn(a.directory), ['127.0.0.1', '127.0.0.2', '127.0.0.3']);
    const others = [a, b].map((member) => healthy(member, member.begin()));
    const stranger = c.join({ peers: { ...c.peers, tls: foreign } });
    await until('they say so', () => waitsIn(a).concat(waitsIn(c)).length >= 2);
    expect(waitsIn(c)).toEqual([expect.stringMatching(/^info: waiting for hostA, hostB: .*certificate/)]);
    expect(waitsIn(a)).toEqual([expect.stringMatching(/^info: waiting for hostC: .*certificate/)]);
    stranger.stop.abort();
    await stranger.joined;
    await Promise.all([...others, healthy(c, c.begin())]);
  });

  test('certificates that cannot be used', async () => {
    const [a, b] = await three({ tls: true });
    const tls = a.peers.tls ?? { cert: '', key: '', ca: '' };
    const withTls = (more: Partial<typeof tls>) =>
      a.join({ peers: { ...a.peers, tls: { ...tls, ...more } } });
    expect(await withTls({ key: '/none.key' }).joined).toMatchObject({
      kind: 'etcd',
      what: 'cannot read a certificate of LDMS_ENTRYPOINT_ETCD_PEER_CERT, _KEY and _CA: /none.key: it does not exist',
    });
    const text = joinPath(b.directory, '../text.pem');
    writeFileSync(text, 'text\n');
    for (const more of [{ key: text }, { cert: text }, { ca: text }, { cert: tls.ca }]) {
      expect(await withTls(more).joined, JSON.stringify(more)).toMatchObject({
        kind: 'etcd',
        what: expect.stringContaining('cannot use the certificate'),
      });
    }
  });
});

describe('a wait', () => {
  test('ends at once when the end begins, and lets go of the port', async () => {
    const [a] = await three();
    const { joined, stop } = a.join();
    await until('it listens', () => canAsk(a));
    const begun = performance.now();
    stop.abort();
    await joined;
    expect(performance.now() - begun).toBeLessThan(1000);
    expect(await canAsk(a)).toBe(false);
  });

  test('has a quick answer for an etcd that starts, and no room for anybody else', async () => {
    const [a] = await three();
    const { stop } = a.join();
    const ask = (path: string, body?: string) =>
      askPeer(a.peers.self.url, { path, ...(body !== undefined && { body }) }, undefined, patience());
    await until('it listens', () => canAsk(a));
    expect((await ask('/members')).status).toBe(404);
    expect((await ask('/raft', 'x')).status).toBe(404);
    const door = '/ldms-entrypoint/doorman';
    expect((await ask(door, '{"name":"hostB"}')).status).toBe(400);
    await expect(ask(door, 'x'.repeat(1 << 20))).rejects.toThrow();
    expect((await ask(door)).status).toBe(200);
    stop.abort();
  });
});

/** A directory beside a member's, which is removed with it. */
const mkdtempIn = (directory: string) => mkdtempSync(joinPath(directory, '../foreign-'));

/** Whether somebody answers at a member's peer port. */
const canAsk = ({ peers }: TestMember): Promise<boolean> =>
  askPeer(peers.self.url, { path: '/version' }, peers.tls, patience()).then(
    () => true,
    () => false,
  );
