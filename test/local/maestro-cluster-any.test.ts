/** Three maestro containers as one: faults of all kinds, in an order that nobody has thought of. */
import { rmSync } from 'node:fs';
import { expect } from 'vitest';
import { processesOf } from '../support/maestro.ts';
import {
  areHealthy,
  type Cluster,
  hasAll,
  type Member,
  makeCluster,
  said,
  startLoad,
} from '../support/maestro-cluster.ts';
import { testNeeding } from '../support/needs.ts';

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
function randomBy(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended.
  }
};
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What can happen to a member, and is mended when it is done; `ms` is how long what lasts lasts. */
const faults: Readonly<Record<string, (member: Member, ms: number) => Promise<void>>> = {
  killed: async (member, ms) => {
    await member.killAll();
    await pause(ms);
    member.begin();
  },
  stopped: async (member, ms) => {
    await member.container().stop();
    await pause(ms);
    member.begin();
  },
  emptied: async (member, ms) => {
    await member.killAll();
    rmSync(member.site.path('var/lib/etcd'), { recursive: true });
    await pause(ms);
    member.begin();
  },
  'etcd frozen': async (member, ms) => {
    const pids = member.pids('etcd');
    for (const pid of pids) send(pid, 'SIGSTOP');
    await pause(ms);
    for (const pid of pids) send(pid, 'SIGCONT');
  },
  'etcd killed': async (member) => {
    for (const pid of member.pids('etcd')) send(pid, 'SIGKILL');
  },
  frozen: async (member, ms) => {
    const pids = processesOf(member.site);
    for (const pid of pids) send(pid, 'SIGSTOP');
    await pause(ms);
    for (const pid of pids.reverse()) send(pid, 'SIGCONT');
  },
  'entrypoint frozen': async (member) => send(member.container().pid, 'SIGSTOP'),
  'told to reload': async (member) => void member.container().kill('SIGHUP'),
};

/**
 * Plays some faults, each to one member, of which the next may begin before the one before is over.
 *
 * @param played is told of each
 */
async function play(cluster: Cluster, random: () => number, count: number, played: string[]): Promise<void> {
  const names = Object.keys(faults);
  for (let left = count; left > 0; left--) {
    const name = names[Math.floor(random() * names.length)] ?? '';
    const member = cluster.members[Math.floor(random() * cluster.members.length)] as Member;
    const ms = Math.floor(random() * 4000);
    played.push(`${name}: ${member.name}, ${ms} ms`);
    // What has no data counts as down until it was made a member anew, and two that are down are too many.
    if (name === 'emptied') await areHealthy(cluster.members);
    await faults[name]?.(member, ms);
    if (random() < 0.5 || name === 'emptied') await areHealthy(cluster.members);
  }
}

// Another seed each time, which a failure tells: LDMS_TEST_SEED plays it again.
const seed = Number(process.env['LDMS_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

testNeeding(
  ['etcd'],
  'never two at once, nothing lost, and all is well in the end',
  async () => {
    const cluster = await makeCluster();
    await cluster.startAll();
    const load = startLoad(cluster.members);
    const played: string[] = [];
    try {
      await play(cluster, randomBy(seed), 6, played);
      await areHealthy(cluster.members);
      await cluster.leader();
      const acknowledged = await load.stop();
      expect(acknowledged.size).toBeGreaterThan(0);
      for (const member of cluster.members) await hasAll(member, acknowledged);
      cluster.neverTwo();
      for (const member of cluster.members) expect(member.container().errors(), member.name).toEqual([]);
    } catch (error) {
      throw new Error(
        `LDMS_TEST_SEED=${seed}: ${error}\n${played.join('\n')}\n${said(cluster.members)}\n${JSON.stringify(cluster.lives(), null, 1)}`,
      );
    }
  },
  120_000,
);
