/** Three maestro containers as one, each with a network of its own: cables are pulled and put back. */
import { describe, expect } from 'vitest';
import { clusterOf, makePlaceOn } from '../support/maestro.ts';
import {
  areHealthy,
  type Cluster,
  clusterOfMembers,
  leaseMs,
  type Member,
  memberOf,
} from '../support/maestro-cluster.ts';
import { testNeeding } from '../support/needs.ts';
import { addressOf, makeNetwork, type NetworkHost } from '../support/netns.ts';
import { run, start, until } from '../support/program.ts';

const needs = ['etcd', 'root', 'net namespaces'];
// etcd's usual ones: each member has a loopback of its own.
const [clientPort, peerPort] = [2379, 2380];

interface Networked extends Cluster {
  hostOf(member: Member): NetworkHost;
}

/** Three hosts whose containers have the very same settings: each finds itself in the list. */
async function makeNetworked(): Promise<Networked> {
  const hosts = await makeNetwork(3);
  const settings = { LDMS_ENTRYPOINT_MAESTRO_MEMBERS: hosts.map(({ address }) => address).join() };
  const members = hosts.map(({ address, behind }) =>
    memberOf(address, makePlaceOn(clientPort, settings, clusterOf(2), behind)),
  );
  const cluster = clusterOfMembers(members, peerPort);
  return {
    ...cluster,
    hostOf: ({ name }) => {
      const found = hosts.find(({ address }) => address === name);
      if (!found) throw new Error(`there is no host ${name}`);
      return found;
    },
  };
}

/** Whether a host can connect to a port of another one. */
async function reaches({ behind: [file = '', ...words] }: NetworkHost, other: NetworkHost): Promise<boolean> {
  const script = `require('node:net').connect(7777, '${other.address}', () => process.exit(0)).on('error', () => process.exit(1));
setTimeout(() => process.exit(1), 300)`;
  return (await run(file, [...words, process.execPath, '-e', script])).code === 0;
}

testNeeding(
  needs,
  'the network of these tests: what is cut or lost is not reached, and is again when mended',
  async () => {
    const [one, two, three] = (await makeNetwork(3)) as [NetworkHost, NetworkHost, NetworkHost];
    for (const { behind } of [one, two, three]) {
      const [file = '', ...words] = behind;
      start(file, [...words, process.execPath, '-e', `require('node:net').createServer().listen(7777)`]);
    }
    const all = async () =>
      Promise.all([reaches(one, two), reaches(two, one), reaches(two, three), reaches(three, one)]);
    await until('all are reached', async () => !(await all()).includes(false));
    await one.cut();
    expect(await all()).toEqual([false, false, true, false]);
    await one.mend();
    await until('all are reached', async () => !(await all()).includes(false));
    await one.lose(two.address);
    // There is no connection without a way back.
    expect(await all()).toEqual([false, false, true, true]);
    await one.find(two.address);
    expect(await all()).toEqual([true, true, true, true]);
  },
);

describe('a network that is cut', () => {
  testNeeding(
    needs,
    'of the one that leads: its maestro has ended before another begins; back, it follows',
    async () => {
      const cluster = await makeNetworked();
      const first = await cluster.startAll();
      expect(cluster.members.map(({ name }) => name)).toEqual([0, 1, 2].map(addressOf));
      const rest = cluster.others(first);
      await cluster.hostOf(first).cut();
      const second = await cluster.leader(rest);
      await cluster.allSay(new RegExp(`^${second.name} leads now, after ${first.name}: `, 'm'), rest);
      expect(first.container().messages()).toMatch(/leads no longer: .*; maestro is stopped$/m);
      cluster.neverTwo();
      const { code, stdout } = await first.health();
      expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringMatching(/no quorum/) });
      await areHealthy(rest);
      await cluster.hostOf(first).mend();
      await first.container().says(/^etcd has a quorum again/m);
      await areHealthy(cluster.members);
      // That it is back upsets nobody.
      expect((await cluster.leader()).name).toBe(second.name);
      cluster.neverTwo();
      expect(cluster.lives()).toHaveLength(2);
      for (const member of cluster.members) expect(member.container().errors()).toEqual([]);
    },
  );

  testNeeding(
    needs,
    "of one that follows: the leader's maestro never pauses, also when it is back",
    async () => {
      const cluster = await makeNetworked();
      const leader = await cluster.startAll();
      for (const follower of cluster.others(leader)) {
        await cluster.hostOf(follower).cut();
        await follower.container().says(/^etcd has no quorum/m);
        await until('for some leases', () => cluster.lives().some(({ to, from }) => to - from > leaseMs * 2));
        await cluster.hostOf(follower).mend();
        await follower.container().says(/^etcd has a quorum again/m);
        await areHealthy(cluster.members);
      }
      expect((await cluster.leader()).name).toBe(leader.name);
      const [life, ...others] = cluster.lives();
      expect(others).toEqual([]);
      expect(life?.longestPauseMs, 'in milliseconds').toBeLessThan(leaseMs / 2);
      for (const member of cluster.members) expect(member.container().errors()).toEqual([]);
    },
  );

  testNeeding(needs, 'of all: nobody leads; given back, one does', async () => {
    const cluster = await makeNetworked();
    const first = await cluster.startAll();
    for (const member of cluster.members) await cluster.hostOf(member).cut();
    await first.container().says(/leads no longer: .*; maestro is stopped$/m);
    await cluster.allSay(/^etcd has no quorum/m);
    await until('no maestro is left', () =>
      cluster.members.every((member) => member.pids('maestro').length === 0),
    );
    for (const member of cluster.members) await cluster.hostOf(member).mend();
    await cluster.leader();
    await areHealthy(cluster.members);
    cluster.neverTwo();
    for (const member of cluster.members) expect(member.container().errors()).toEqual([]);
  });

  testNeeding(
    needs,
    'between two in one direction only: there is one maestro at a time, and one at the end',
    async () => {
      const cluster = await makeNetworked();
      const first = await cluster.startAll();
      const [other] = cluster.others(first) as [Member, Member];
      for (const [from, to] of [
        [first, other],
        [other, first],
      ] as const) {
        const begun = cluster.lives().at(-1)?.to ?? 0;
        await cluster.hostOf(from).lose(to.name);
        await until('for some leases', () => cluster.lives().some((life) => life.to > begun + leaseMs * 2));
        await cluster.hostOf(from).find(to.name);
        await cluster.leader();
        await areHealthy(cluster.members);
      }
      cluster.neverTwo();
      for (const member of cluster.members) expect(member.container().errors()).toEqual([]);
    },
  );

  testNeeding(needs, 'for a moment: nothing changes', async () => {
    const cluster = await makeNetworked();
    const leader = await cluster.startAll();
    for (const member of cluster.members) {
      await cluster.hostOf(member).cut();
      await cluster.hostOf(member).mend();
    }
    await areHealthy(cluster.members);
    expect((await cluster.leader()).name).toBe(leader.name);
    expect(cluster.lives()).toHaveLength(1);
  });
});
