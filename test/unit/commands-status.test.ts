/** What `status` makes of what it has found, and what it finds with three real etcds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkHealth } from '../../src/commands/health.ts';
import { type Status, statusExit, statusOf, statusText } from '../../src/commands/status.ts';
import { observe } from '../../src/election/observe.ts';
import { answerRollCalls } from '../../src/election/present.ts';
import { keys } from '../../src/election/records.ts';
import type { MemberStatus } from '../../src/election/status.ts';
import { openStore } from '../../src/election/store.ts';
import type { HealthFacts } from '../../src/plan.ts';
import { recordPlan } from '../../src/record.ts';
import { fakeHost, settingsFrom } from '../support/fake-host.ts';
import { healthy, makeMembers, type TestMember } from '../support/members.ts';
import { testNeeding } from '../support/needs.ts';
import { until } from '../support/program.ts';

const since = '2026-11-23T21:30:12.345Z';
const [one, other] = ['9f2c41d0'.padEnd(64, '0'), '77aa10ff'.padEnd(64, '0')] as const;

const row = (member: string, more: Partial<MemberStatus> = {}): MemberStatus => ({
  member,
  role: 'follows',
  etcd: 'member',
  peerUrls: [`http://${member}:2380`],
  version: '1',
  raftIndex: '100',
  lag: 0,
  answerMs: 3,
  digest: one,
  isInForce: true,
  ...more,
});

/** hostC does not answer. */
const silent = (member: string): MemberStatus => {
  const { version, raftIndex, lag, answerMs, ...rest } = row(member, {
    role: 'no answer',
    etcd: 'no answer',
  });
  return rest;
};

const reign = {
  member: 'hostB',
  process: 'p',
  since,
  believesMs: 1300,
  after: { member: 'hostA', why: 'SIGTERM' },
};

const several: Extract<Status, { kind: 'several' }> = {
  kind: 'several',
  member: 'hostA',
  leader: 'hostB',
  reign,
  applied: { member: 'hostB', digest: one, by: '', revision: '7', at: '2026-11-23T21:30:13.000Z' },
  revision: '1042',
  raftTerm: '7',
  members: [
    row('hostA', { lag: 2, answerMs: 12 }),
    row('hostB', { role: 'leads', etcd: 'raft leader' }),
    row('hostC', { digest: other, isInForce: false }),
  ],
};

/** The same without a leader that answers. */
const leaderless = (more: Partial<typeof several>): Status => {
  const { leader, ...rest } = several;
  return { ...rest, ...more };
};

describe('the text', () => {
  test('of three of which one leads', () => {
    expect(statusText(several)).toBe(`hostB leads since 2026-11-23 21:30:12 UTC, after hostA: SIGTERM

MEMBER  ROLE     ETCD         LAG        LDMS_CFG.YAML
hostA   follows  member       2 (12 ms)  9f2c41d0 in force
hostB   leads    raft leader  0 (3 ms)   9f2c41d0 in force
hostC   follows  member       0 (3 ms)   77aa10ff

etcd: revision 1042, raft term 7, quorum 3 of 3
in force: hostB's ldms_cfg.yaml 9f2c41d0, since 2026-11-23 21:30:13 UTC
`);
    expect(statusExit(several)).toBe(0);
  });

  test('of one that does not answer, and one that is no member any more', () => {
    const { digest, ...gone } = silent('hostD');
    const { applied, ...rest } = several;
    const members = [
      row('hostB', { role: 'leads' }),
      silent('hostC'),
      { ...gone, role: 'no member of etcd', etcd: 'no member', isInForce: false } as const,
    ];
    const text = statusText({ ...rest, members });
    expect(text).toMatch(/^hostC {3}no answer {10}no answer {2}- {9}9f2c41d0 in force$/m);
    expect(text).toMatch(/^hostD {3}no member of etcd {2}no member {2}- {9}-$/m);
    expect(text).toMatch(/quorum 1 of 2$/m);
    expect(text).not.toMatch(/^in force/m);
  });

  test.each([
    ['nobody yet', { reign: undefined }, /^nobody has led yet$/m],
    [
      'one that has handed over',
      { reign: { ...reign, ended: { at: since, why: 'SIGTERM' } } },
      /^nobody leads: hostB has until 2026-11-23 21:30:12 UTC: SIGTERM$/m,
    ],
    [
      'one that is lost',
      { members: [row('hostA'), silent('hostB')] },
      /^nobody leads: hostB has since 2026-11-23 21:30:12 UTC, after hostA: SIGTERM; it does not answer$/m,
    ],
    ['one that knows of it', { members: [row('hostB')] }, /^nobody leads: hostB .*; it leads no longer$/m],
  ])('without a leader, after %s: exit 1', (_, more, line) => {
    const status = leaderless(more as Partial<typeof several>);
    expect(statusText(status)).toMatch(line);
    expect(statusExit(status)).toBe(1);
  });

  test('without a quorum: exit 1, whoever is taken for the leader', () => {
    const wrong = { of: 'quorum', why: 'etcdserver: no leader' } as const;
    const members = several.members.map(({ member, peerUrls }) => ({ ...silent(member), peerUrls }));
    const text = statusText(leaderless({ wrong, members }));
    expect(text).toMatch(
      /^no quorum: etcdserver: no leader; 2 of hostA \(http:\/\/hostA:2380\), hostB \(.*\), hostC \(.*\) have to run and reach each other$/m,
    );
    expect(text).toMatch(/^hostB has led since .*; without a quorum nobody leads$/m);
    expect(text).toMatch(/^etcd: revision 1042, raft term 7, no quorum$/m);
    expect(statusExit({ ...several, wrong })).toBe(1);
  });

  test('without an etcd of its own: exit 1', () => {
    const status = leaderless({ wrong: { of: 'etcd', why: 'nobody listens there' } });
    expect(statusText(status)).toBe('etcd of this member, hostA, does not answer: nobody listens there\n');
    expect(statusExit(status)).toBe(1);
  });
});

/** The host of a container that has a record of `facts`; its leader process is this one. */
function container(mode: string, facts?: HealthFacts, main?: number) {
  const root = mkdtempSync(join(tmpdir(), 'ldms-entrypoint-unit-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const host = fakeHost({ root });
  if (facts) expect(recordPlan(mode, facts, host, main)).toBe(true);
  return host;
}

describe('a container that is not one of several', () => {
  test('where nothing runs: one line, exit 1', async () => {
    const status = await statusOf(container('maestro'));
    expect(statusText(status)).toMatch(/^no daemon .* is running here.*\n$/);
    expect(statusExit(status)).toBe(1);
  });

  test('without an etcd: it runs alone', async () => {
    const status = await statusOf(container('samp', { listeners: [] }));
    expect(statusText(status)).toBe('samp runs alone: this container is not one of several\n');
    expect(statusExit(status)).toBe(0);
  });

  test('a maestro alone: with what its etcd says; exit 0 only if that is healthy', async () => {
    let health = '{"health":"true"}';
    const server = createServer(({ url }, response) => {
      const raft = { header: { revision: '1042' }, raftTerm: '7' };
      response.end(url === '/health' ? health : JSON.stringify(raft));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const etcd = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const host = container('maestro', { listeners: [], etcd }, process.pid);
    const alone =
      'maestro runs alone: this container is not one of several; etcd: revision 1042, raft term 7';
    const well = await statusOf(host);
    expect([statusText(well), statusExit(well)]).toEqual([`${alone}, healthy\n`, 0]);
    health = '{"health":"false"}';
    const ill = await statusOf(host);
    expect([statusText(ill), statusExit(ill)]).toEqual([`${alone}; etcd: it says {"health":"false"}\n`, 1]);
    await new Promise((resolve) => server.close(resolve));
    const gone = await statusOf(host);
    expect([statusText(gone), statusExit(gone)]).toEqual([
      'maestro runs alone: this container is not one of several; etcd: nobody listens there\n',
      1,
    ]);
  });
});

/** Has a member answer roll-calls until `stop`. */
async function present({ election }: TestMember, role: 'leads' | 'follows', stop: AbortSignal) {
  const store = openStore(election, stop);
  const observer = observe(election, store, stop);
  const read = new Promise<void>((resolve) => observer.onRead(resolve));
  answerRollCalls(election, store, observer, () => role, 'v1');
  await read;
}

testNeeding(['etcd'], 'three real etcds: all, two, and one of them', async () => {
  const members = await makeMembers();
  const [first, second, third] = members as [TestMember, TestMember, TestMember];
  const stops = members.map(() => new AbortController());
  onTestFinished(() => {
    for (const stop of stops) stop.abort();
  });
  await Promise.all(members.map((member) => healthy(member, member.begin())));
  const { prefix } = first.election;
  const names = members.map(({ name }) => name);
  const facts = { listeners: [], etcd: first.url, election: { prefix, member: first.name, members: names } };
  const host = container('maestro', facts);
  const ask = async () => {
    const status = await statusOf(host);
    if (status.kind !== 'several') throw new Error(status.kind);
    return status;
  };
  const health = () => checkHealth(settingsFrom({ LDMS_ENTRYPOINT_HEALTH_TIMEOUT: '20s' }), host);

  // Nobody is there to answer.
  const nobody = await until('there is a quorum', async () => {
    const status = await ask();
    return !status.wrong && status;
  });
  expect(nobody.members.map(({ role }) => role)).toEqual(['no answer', 'no answer', 'no answer']);
  expect(statusExit(nobody)).toBe(1);
  expect(await health()).toMatchObject({
    healthy: true,
    text: expect.stringMatching(/waits: nobody leads yet/),
  });

  const store = openStore(first.election, new AbortController().signal);
  await store.write(keys.reign, { ...reign, member: second.name });
  await store.write(keys.applied, several.applied ?? {});
  for (const name of names)
    await store.write(keys.file(name), { digest: name === third.name ? other : one, at: since });
  await Promise.all(
    members.map((member, at) =>
      present(member, member === second ? 'leads' : 'follows', (stops[at] as AbortController).signal),
    ),
  );
  const all = await until('all answer', async () => {
    const status = await ask();
    return status.members.every(({ answerMs }) => answerMs !== undefined) && status;
  });
  expect(all).toMatchObject({ member: first.name, leader: second.name });
  expect(all.members.map(({ role }) => role)).toEqual(['follows', 'leads', 'follows']);
  expect(all.members.filter(({ etcd }) => etcd === 'raft leader')).toHaveLength(1);
  expect(all.members.filter(({ etcd }) => etcd === 'member')).toHaveLength(2);
  expect(all.members.map(({ isInForce }) => isInForce)).toEqual([true, true, false]);
  expect(Math.min(...all.members.map(({ lag }) => lag ?? -1))).toBe(0);
  expect(all.members.every(({ version }) => version === 'v1')).toBe(true);
  expect(statusText(all)).toMatch(/quorum 3 of 3$/m);
  expect(statusExit(all)).toBe(0);
  expect(await health()).toMatchObject({
    healthy: true,
    text: expect.stringMatching(/follows hostB, ready/),
  });

  await third.kill();
  stops[2]?.abort();
  await until('the two have a quorum', () => first.isHealthy());
  // raft may just have elected another leader.
  const two = await until('the two answer', async () => {
    const status = await ask();
    return status.leader === second.name && status;
  });
  expect(two.members.map(({ role }) => role)).toEqual(['follows', 'leads', 'no answer']);
  expect(two.members[2]?.etcd).toBe('no answer');
  expect(statusText(two)).toMatch(/quorum 2 of 3$/m);
  expect(statusExit(two)).toBe(0);

  await second.kill();
  stops[1]?.abort();
  const last = await until('there is no quorum', async () => {
    const status = await ask();
    return status.wrong && status;
  });
  expect(last.wrong?.of).toBe('quorum');
  expect(statusText(last)).toMatch(
    /^no quorum: .*; 2 of hostA \(http:.*\), hostB \(.*\), hostC \(.*\) have to run/m,
  );
  // What it has of its own, it tells all the same.
  expect(last.reign?.member).toBe(second.name);
  expect(last.members.map(({ digest }) => digest)).toEqual([one, one, other]);
  expect(statusExit(last)).toBe(1);
  expect(await health()).toMatchObject({
    healthy: false,
    text: expect.stringMatching(/^no quorum: .*; 2 of hostA, hostB, hostC have to run and reach each other$/),
  });

  await first.kill();
  const none = await ask();
  expect(statusText(none)).toBe('etcd of this member, hostA, does not answer: nobody listens there\n');
  expect(statusExit(none)).toBe(1);
  expect(await health()).toEqual({ healthy: false, text: 'etcd: nobody listens there' });
});
