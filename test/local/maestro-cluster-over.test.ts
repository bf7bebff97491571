/** Three maestro containers as one: the one that leads ends, and another goes on. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import type { Life } from '../support/beats.ts';
import {
  areHealthy,
  type Cluster,
  leaseMs,
  type Member,
  makeCluster,
  said,
} from '../support/maestro-cluster.ts';
import { testNeeding } from '../support/needs.ts';
import { until } from '../support/program.ts';

const monotonicMs = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

/** The last two maestros. */
function lastTwo(cluster: Cluster): [Life, Life] {
  const lives = cluster.lives();
  const [before, after] = lives.slice(-2);
  if (!before || !after) throw new Error(`there have been ${lives.length} maestros`);
  return [before, after];
}

/** Who leads, and says why, after another. */
async function follows(cluster: Cluster, before: Member, why: string): Promise<Member> {
  const rest = cluster.others(before);
  const next = await cluster.leader(rest);
  const words = `^${next.name} leads now, after ${before.name}: ${why}$`.replaceAll('.', '\\.');
  await cluster.allSay(new RegExp(words, 'm'), rest);
  return next;
}

describe('the one that leads', () => {
  testNeeding(
    ['etcd'],
    'is stopped: maestro ends first, the next begins at once, then etcd ends',
    async () => {
      const cluster = await makeCluster();
      const order = cluster.members[0]?.site.path('order') ?? '';
      writeFileSync(order, '');
      for (const { name, wrap } of cluster.members) {
        wrap(
          'etcd',
          `$REAL "$@" & real=$!
trap 'echo "${name} $(cut -d" " -f1 /proc/uptime)" >> ${order}; kill $real' TERM
wait $real; wait $real`,
        );
      }
      const first = await cluster.startAll();
      const stored = await first.stored();
      expect((await first.container().stop()).code).toBe(143);
      const second = await follows(cluster, first, 'SIGTERM');
      cluster.neverTwo();
      const [before, after] = lastTwo(cluster);
      expect([before.name, after.name]).toEqual([first.name, second.name]);
      // Half of the lease is what a member may still take itself for the leader: nobody has waited for that.
      expect(after.from - before.to, said(cluster.members)).toBeLessThan(leaseMs / 2);
      const [, toldAt] = readFileSync(order, 'utf8').split(/\s/);
      expect(Number(toldAt) * 1000, 'etcd was told to end').toBeGreaterThanOrEqual(before.to - 20);
      // The same file is in force already.
      expect(second.container().messages()).not.toMatch(/^maestro_ctrl is done/m);
      expect(await second.stored()).toEqual(stored);
      await areHealthy(cluster.others(first));
      // And it comes back, to follow.
      first.begin();
      await areHealthy(cluster.members);
      expect((await cluster.leader()).name).toBe(second.name);
      for (const member of cluster.members) expect(member.container().errors()).toEqual([]);
    },
  );

  testNeeding(
    ['etcd'],
    'is killed with all of its processes: the next begins when it must be over',
    async () => {
      const cluster = await makeCluster();
      const first = await cluster.startAll();
      const killedAt = monotonicMs();
      await first.killAll();
      const second = await follows(cluster, first, 'its lease had run out');
      cluster.neverTwo();
      const [before, after] = lastTwo(cluster);
      expect([before.name, after.name]).toEqual([first.name, second.name]);
      const gapMs = after.from - killedAt;
      // Nobody could know that it was dead: it might have believed in itself for half of the lease.
      expect(gapMs).toBeGreaterThan(leaseMs / 2);
      expect(gapMs, said(cluster.members)).toBeLessThan(leaseMs * 4);
      // Again, with two: the third is away, and the quorum is.
      first.begin();
      await areHealthy(cluster.members);
      await second.killAll();
      const third = await follows(cluster, second, 'its lease had run out');
      second.begin();
      await areHealthy(cluster.members);
      expect((await cluster.leader()).name).toBe(third.name);
      cluster.neverTwo();
      expect(cluster.lives()).toHaveLength(3);
    },
  );

  testNeeding(['etcd'], 'loses its maestro: its container ends with that code, another leads', async () => {
    const cluster = await makeCluster();
    const first = await cluster.startAll();
    process.kill(first.pid('maestro'), 'SIGKILL');
    expect((await first.container().over()).code).toBe(137);
    expect(first.container().messages()).toContain('maestro ended with signal SIGKILL; stopping');
    const second = await follows(cluster, first, 'maestro ended with signal SIGKILL');
    const [before, after] = lastTwo(cluster);
    expect(after.from - before.to, 'it was handed over').toBeLessThan(leaseMs / 2);
    first.begin();
    await areHealthy(cluster.members);
    const [third] = cluster.others(first, second) as [Member];
    // By itself, and with a status of its own, after each start of it on that member.
    for (const { maestroMode } of [first, third]) maestroMode('exit-3-after-0');
    expect((await second.container().stop()).code).toBe(143);
    const codes = await Promise.race(
      [first, third].map(async (one) => ({ one, ...(await one.container().over()) })),
    );
    expect(codes.code).toBe(3);
    expect(codes.one.container().messages()).toContain('maestro ended with exit status 3; stopping');
    cluster.neverTwo();
  });

  testNeeding(['etcd'], 'loses its etcd: that is started again, and one maestro runs', async () => {
    const cluster = await makeCluster();
    const first = await cluster.startAll();
    for (const _ of [1, 2]) {
      const leader = await cluster.leader();
      const etcd = leader.pid('etcd');
      process.kill(etcd, 'SIGKILL');
      await until('there is another etcd', () => leader.pids('etcd').some((pid) => pid !== etcd));
      await areHealthy(cluster.members);
      await cluster.leader();
      cluster.neverTwo();
    }
    expect(first.container().messages()).toMatch(/^etcd: it ended with signal SIGKILL; it is started again/m);
    for (const member of cluster.members) expect(member.container().errors()).toEqual([]);
  });
});

describe('one that follows', () => {
  testNeeding(
    ['etcd'],
    "is killed, stopped, or loses its etcd: the leader's maestro never pauses",
    async () => {
      const cluster = await makeCluster();
      const leader = await cluster.startAll();
      const [one, two] = cluster.others(leader) as [Member, Member];
      const maestro = leader.pid('maestro');
      const begun = monotonicMs();
      await one.killAll();
      const runsOn = (sinceMs: number) =>
        until('the maestro beats on, for longer than a lease', () =>
          cluster.lives().some(({ pid, to }) => pid === maestro && to > sinceMs + leaseMs * 1.5),
        );
      await runsOn(begun);
      one.begin();
      await areHealthy(cluster.members);
      expect((await two.container().stop()).code).toBe(143);
      two.begin();
      await areHealthy(cluster.members);
      const etcd = two.pid('etcd');
      process.kill(etcd, 'SIGKILL');
      await until('there is another etcd', () => two.pids('etcd').some((pid) => pid !== etcd));
      await runsOn(monotonicMs());
      await areHealthy(cluster.members);
      expect((await cluster.leader()).name).toBe(leader.name);
      const [life, ...others] = cluster.lives();
      expect(others).toEqual([]);
      expect(life?.pid).toBe(maestro);
      expect(life?.longestPauseMs, 'in milliseconds').toBeLessThan(leaseMs / 2);
      expect(leader.container().messages()).not.toMatch(/leads no longer|no quorum/);
      expect(leader.container().errors()).toEqual([]);
    },
  );
});
