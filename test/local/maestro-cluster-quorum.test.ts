/** Three maestro containers as one: the quorum is lost and found, members are started anew, data are lost. */
import { rmSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { areHealthy, hasAll, type Member, makeCluster, startLoad } from '../support/maestro-cluster.ts';
import { testNeeding } from '../support/needs.ts';
import { until } from '../support/program.ts';

describe('the quorum', () => {
  testNeeding(
    ['etcd'],
    'is lost: maestro is stopped, health says why; it is back with one of the lost',
    async () => {
      const cluster = await makeCluster();
      const leader = await cluster.startAll();
      const [one, two] = cluster.others(leader) as [Member, Member];
      await Promise.all([one.killAll(), two.killAll()]);
      await leader.container().says(/^etcd has no quorum/m);
      await leader.container().says(/leads no longer: .*; maestro is stopped$/m);
      await until('its maestro has ended', () => leader.pids('maestro').length === 0);
      const { code, stdout } = await leader.health();
      expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringMatching(/no quorum/) });
      // It stays, and waits.
      expect(leader.pids('etcd')).toHaveLength(1);
      const lives = cluster.lives().length;
      one.begin();
      await leader.container().says(/^etcd has a quorum again/m);
      const next = await cluster.leader();
      await areHealthy([leader, one]);
      expect(cluster.lives()).toHaveLength(lives + 1);
      two.begin();
      await areHealthy(cluster.members);
      expect((await cluster.leader()).name).toBe(next.name);
      cluster.neverTwo();
      for (const member of cluster.members) expect(member.container().errors()).toEqual([]);
    },
  );
});

describe('under load', () => {
  testNeeding(
    ['etcd'],
    'all are started anew, one after the other: what was acknowledged is there',
    async () => {
      const cluster = await makeCluster();
      await cluster.startAll();
      const load = startLoad(cluster.members);
      for (const member of cluster.members) {
        expect((await member.container().stop()).code, member.name).toBe(143);
        member.begin();
        await areHealthy([member]);
      }
      await cluster.leader();
      await areHealthy(cluster.members);
      const acknowledged = await load.stop();
      expect(acknowledged.size).toBeGreaterThan(50);
      for (const member of cluster.members) await hasAll(member, acknowledged);
      // Negative control: something that was not acknowledged is missed.
      const one = cluster.members[0] as Member;
      await expect(hasAll(one, new Map([['load/none', 'x']]))).rejects.toThrow('load/none');
      cluster.neverTwo();
      for (const member of cluster.members) expect(member.container().errors()).toEqual([]);
    },
  );

  testNeeding(
    ['etcd'],
    'a member whose data are gone returns by itself, whether it led or followed',
    async () => {
      const cluster = await makeCluster();
      const first = await cluster.startAll();
      const load = startLoad(cluster.members);
      const [follower] = cluster.others(first) as [Member, Member];
      for (const lost of [follower, first]) {
        await lost.killAll();
        rmSync(lost.site.path('var/lib/etcd'), { recursive: true });
        lost.begin();
        await areHealthy(cluster.members);
        const leader = await cluster.leader();
        expect(leader.name).not.toBe(lost.name);
        const words = `^${lost.name} has an empty data directory: it is made a member anew`;
        await leader.container().says(new RegExp(words, 'm'));
      }
      const acknowledged = await load.stop();
      expect(acknowledged.size).toBeGreaterThan(50);
      for (const member of cluster.members) await hasAll(member, acknowledged);
      cluster.neverTwo();
      // Each of them counts again: without the third, two are a quorum.
      const [third] = cluster.others(follower, first) as [Member];
      await third.killAll();
      await cluster.leader();
      await areHealthy([first, follower]);
      for (const member of [first, follower]) expect(member.container().errors()).toEqual([]);
    },
  );
});
