/** Three maestro containers as one: what leads is frozen, in part and as a whole, and goes on. */
import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { processesOf } from '../support/maestro.ts';
import { areHealthy, type Member, makeCluster } from '../support/maestro-cluster.ts';
import { testNeeding } from '../support/needs.ts';
import { until } from '../support/program.ts';

/** Whether a process is stopped by a signal. */
function isStopped(pid: number): boolean {
  return /^\d+ \(.*\) T/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

describe('frozen, the one that leads', () => {
  testNeeding(
    ['etcd'],
    'its entrypoint: it goes on by itself, and its maestro has ended before another begins',
    async () => {
      const cluster = await makeCluster();
      const first = await cluster.startAll();
      const { pid } = first.container();
      process.kill(pid, 'SIGSTOP');
      await until('it is stopped', () => isStopped(pid));
      await until('it goes on by itself', () => !isStopped(pid));
      // Whoever leads now: there is one.
      await cluster.leader();
      await areHealthy(cluster.members);
      cluster.neverTwo();
      // Again and again, for longer than any lease.
      const leader = await cluster.leader();
      const frozen = leader.container().pid;
      const begun = Date.now();
      while (Date.now() - begun < 5000) {
        process.kill(frozen, 'SIGSTOP');
        // One that leads no longer has nothing to stop, and stays as it was left.
        const isOver = () => !isStopped(frozen) || leader.pids('maestro').length === 0;
        await until('it goes on by itself, or its maestro has ended', isOver);
      }
      process.kill(frozen, 'SIGCONT');
      await cluster.leader();
      await areHealthy(cluster.members);
      cluster.neverTwo();
      for (const member of cluster.members) expect(member.container().errors()).toEqual([]);
    },
  );

  testNeeding(
    ['etcd'],
    'its etcd: its maestro is ended, though it ignores TERM, before another begins',
    async () => {
      const cluster = await makeCluster();
      for (const { maestroMode } of cluster.members) maestroMode('ignore-term');
      const first = await cluster.startAll();
      const etcd = first.pid('etcd');
      process.kill(etcd, 'SIGSTOP');
      const rest = cluster.others(first);
      const second = await cluster.leader(rest);
      expect(first.container().messages()).toMatch(
        new RegExp(`^this member, ${first.name}, leads no longer: .*; maestro is stopped$`, 'm'),
      );
      await cluster.allSay(new RegExp(`^${second.name} leads now, after ${first.name}: `, 'm'), rest);
      expect(first.pids('maestro')).toEqual([]);
      expect((await first.health()).code).toBe(1);
      await areHealthy(rest);
      process.kill(etcd, 'SIGCONT');
      await areHealthy(cluster.members);
      // Its own raft leader may have ended what was lawful meanwhile: who leads, leads alone.
      await cluster.leader();
      cluster.neverTwo();
      expect(first.container().messages()).not.toMatch(/^maestro ended/m);
      for (const member of cluster.members) expect(member.container().errors()).toEqual([]);
    },
  );

  testNeeding(['etcd'], 'all of it: another leads meanwhile; when it goes on, it follows', async () => {
    const cluster = await makeCluster();
    const first = await cluster.startAll();
    const frozen = processesOf(first.site);
    first.signalAll('SIGSTOP');
    const rest = cluster.others(first);
    await cluster.allSay(new RegExp(` leads now, after ${first.name}: `, 'm'), rest);
    await until('another has a maestro', () => rest.some((member) => member.pids('maestro').length > 0));
    for (const pid of frozen.reverse()) {
      try {
        process.kill(pid, 'SIGCONT');
      } catch {
        // The entrypoint has gone on by itself, and has ended it.
      }
    }
    await cluster.leader();
    await areHealthy(cluster.members);
    cluster.neverTwo();
    expect(frozen.filter((pid) => first.pids('maestro').includes(pid))).toEqual([]);
    for (const member of cluster.members) expect(member.container().errors()).toEqual([]);
  });

  testNeeding(
    ['etcd'],
    'each of them in turn, for less than anybody could notice: nothing changes',
    async () => {
      const cluster = await makeCluster();
      const leader = await cluster.startAll();
      const [life] = cluster.lives();
      for (const member of cluster.members as readonly Member[]) {
        const etcd = member.pid('etcd');
        process.kill(etcd, 'SIGSTOP');
        await until('it is stopped', () => isStopped(etcd));
        process.kill(etcd, 'SIGCONT');
      }
      await areHealthy(cluster.members);
      expect((await cluster.leader()).name).toBe(leader.name);
      expect(cluster.lives().map(({ pid }) => pid)).toEqual([life?.pid]);
    },
  );
});
