/** Three maestro containers as one: which file is in force, and what HUP does on each of them. */
import { describe, expect } from 'vitest';
import { clusterOf } from '../support/maestro.ts';
import { areHealthy, type Member, makeCluster } from '../support/maestro-cluster.ts';
import { testNeeding } from '../support/needs.ts';
import { until } from '../support/program.ts';

const samplersIn = async (member: Member): Promise<number> =>
  Object.keys(await member.stored()).filter((key) => key.endsWith('/addr')).length;

describe('HUP', () => {
  testNeeding(
    ['etcd'],
    'on the one that leads: its file is in force, maestro runs on; a hundred do no harm',
    async () => {
      const cluster = await makeCluster();
      const leader = await cluster.startAll();
      const maestro = leader.pid('maestro');
      leader.configure(clusterOf(5));
      leader.container().kill('SIGHUP');
      await leader.container().hears(/^\[maestro\] .*configuration changed: 5 daemons/m);
      for (let count = 6; count < 106; count++) {
        leader.configure(clusterOf(count));
        leader.container().kill('SIGHUP');
        if (count % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await until('the last one is in force', async () => (await samplersIn(leader)) === 105);
      await leader.container().hears(/^\[maestro\] .*configuration changed: 105 daemons/m);
      expect(leader.pid('maestro')).toBe(maestro);
      expect((await cluster.leader()).name).toBe(leader.name);
      await areHealthy(cluster.members);
      expect(cluster.lives()).toHaveLength(1);
      for (const member of cluster.members) expect(member.container().errors()).toEqual([]);
    },
  );

  testNeeding(['etcd'], "on one that follows: the leader puts that member's file in force", async () => {
    const cluster = await makeCluster();
    const leader = await cluster.startAll();
    const [one, two] = cluster.others(leader) as [Member, Member];
    const maestro = leader.pid('maestro');
    one.configure(clusterOf(7));
    one.container().kill('SIGHUP');
    await leader.container().hears(/^\[maestro\] .*configuration changed: 7 daemons/m);
    expect(await samplersIn(two)).toBe(7);
    expect(leader.pid('maestro')).toBe(maestro);
    // The files differ now, which each of them says, with who has another.
    await cluster.allSay(/differ/m);
    // A hundred of two at once.
    for (let count = 8; count < 58; count++) {
      one.configure(clusterOf(count));
      one.container().kill('SIGHUP');
      two.container().kill('SIGHUP');
    }
    // Whichever of the two came last: a further one counts.
    one.container().kill('SIGHUP');
    await until('it is in force', async () => (await samplersIn(leader)) === 57);
    expect(leader.pid('maestro')).toBe(maestro);
    expect((await cluster.leader()).name).toBe(leader.name);
    await areHealthy(cluster.members);
    for (const member of cluster.members) expect(member.container().errors()).toEqual([]);
  });

  testNeeding(
    ['etcd'],
    'on one that follows, with a file that is no good: it says so, and nothing changes',
    async () => {
      const cluster = await makeCluster();
      const leader = await cluster.startAll();
      const [one] = cluster.others(leader) as [Member, Member];
      const stored = await leader.stored();
      one.configure('daemons: [');
      one.container().kill('SIGHUP');
      await until('it tells the error', () => one.container().errors().length > 0);
      expect(one.container().errors()[0]).toMatch(/ldms_cfg\.yaml/);
      expect(await leader.stored()).toEqual(stored);
      expect(leader.container().errors()).toEqual([]);
      await areHealthy(cluster.members);
      expect((await cluster.leader()).name).toBe(leader.name);
    },
  );
});

describe('the next one that leads', () => {
  testNeeding(
    ['etcd'],
    'with another file than the one in force: it is put in force before its maestro begins',
    async () => {
      const cluster = await makeCluster();
      const leader = await cluster.startAll();
      for (const other of cluster.others(leader)) other.configure(clusterOf(4));
      // They have it from their start on.
      for (const other of cluster.others(leader)) {
        expect((await other.container().stop()).code).toBe(143);
        other.begin();
        await areHealthy([other]);
      }
      await leader.container().stop();
      const next = await cluster.leader(cluster.others(leader));
      await next.container().hears(/^\[maestro\] .*\): 4 daemons configured/m);
      cluster.neverTwo();
    },
  );
});
