/**
 * Three maestro containers as one, of which one has a clock that is an hour off.
 *
 * libfaketime does that to the entrypoint, and to what it starts by libc. etcd, which is Go, does not go
 * through libc and is not reached: that its leases and elections are not timed by the wall clock is
 * etcd's own. What is shown is that nothing of ours is.
 */
import { existsSync, globSync } from 'node:fs';
import { expect } from 'vitest';
import { areHealthy, type Member, makeCluster } from '../support/maestro-cluster.ts';
import { testNeeding } from '../support/needs.ts';

const hourMs = 3_600_000;

/** Debian's: the library that the package faketime brings. */
const library = (): string => {
  const [found = ''] = globSync('/usr/lib/*/faketime/libfaketime.so.1');
  if (!existsSync(found)) throw new Error('there is no libfaketime');
  return found;
};

/** How far ahead a member's clock was when it last said something, in milliseconds. */
const aheadMs = (member: Member): number => (member.container().log().at(-1)?.at ?? 0) - Date.now();

testNeeding(
  ['etcd', 'faketime'],
  'a clock an hour ahead: it leads and follows as the others do',
  async () => {
    const wrong = {
      LD_PRELOAD: library(),
      FAKETIME: '+1h',
      // The monotonic clock of a machine whose wall clock is wrong is not.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    };
    const cluster = await makeCluster({ own: (index) => (index === 1 ? wrong : {}) });
    const off = cluster.members[1] as Member;
    let leader = await cluster.startAll();
    expect(aheadMs(off), 'its clock is off').toBeGreaterThan(hourMs / 2);
    for (const right of cluster.others(off)) expect(Math.abs(aheadMs(right))).toBeLessThan(hourMs / 2);
    // Until it has led, been followed, and come back.
    const led = [leader];
    for (let times = 0; times < 12 && !led.slice(0, -1).includes(off); times++) {
      const before = leader;
      expect((await before.container().stop()).code).toBe(143);
      leader = await cluster.leader(cluster.others(before));
      before.begin();
      await areHealthy(cluster.members);
      led.push(leader);
    }
    expect(led.slice(0, -1).map(({ name }) => name)).toContain(off.name);
    expect((await cluster.leader()).name).toBe(leader.name);
    cluster.neverTwo();
    expect(cluster.lives()).toHaveLength(led.length);
    for (const member of cluster.members) {
      expect(member.container().errors()).toEqual([]);
      expect(member.container().messages()).not.toMatch(/leads no longer|no quorum/);
    }
  },
);
