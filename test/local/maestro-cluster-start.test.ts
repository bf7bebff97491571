/** Three maestro containers as one: how they start, what each says and shows, and starts that cannot be. */
import { describe, expect } from 'vitest';
import { put } from '../standins/etcd.ts';
import { freePort } from '../support/etcd.ts';
import { clusterOf, makePlaceOn } from '../support/maestro.ts';
import { areHealthy, loadOf, type Member, makeCluster } from '../support/maestro-cluster.ts';
import { testNeeding } from '../support/needs.ts';
import { until } from '../support/program.ts';

const runs = /^maestro runs, as process \d+$/m;
const applies = /^maestro_ctrl is done/m;

/** What a member was told, for another place. */
function settingsOf({ site }: Member): NodeJS.ProcessEnv {
  const isSetting = (name: string) => /^LDMS_ENTRYPOINT_(MAESTRO|ETCD)_/.test(name);
  return Object.fromEntries(Object.entries(site.env).filter(([name]) => isSetting(name)));
}

describe('three that start at once', () => {
  testNeeding(
    ['etcd'],
    'one leads and runs maestro, two follow; each says so; all end soon on TERM',
    async () => {
      const cluster = await makeCluster();
      const { members, peerPort } = cluster;
      const leader = await cluster.startAll();
      const followers = cluster.others(leader);
      await cluster.allSay(new RegExp(`^${leader.name} leads now$`, 'm'));
      expect(cluster.lives()).toHaveLength(1);
      expect(leader.container().messages()).toMatch(runs);
      expect(leader.container().messages()).toMatch(applies);
      for (const { container } of followers) {
        expect(container().messages()).not.toMatch(runs);
        expect(container().messages()).not.toMatch(applies);
      }
      // What the leader's maestro_ctrl has written, all have.
      const stored = await leader.stored();
      expect(stored).toHaveProperty('/maestro/last_updated');
      for (const follower of followers) {
        await until(`${follower.name} has it too`, async () => {
          const found = await follower.stored();
          return JSON.stringify(found) === JSON.stringify(stored);
        });
      }
      // Each tells its part, and no two parts are told alike.
      for (const member of members) {
        const { code, stdout } = await member.health();
        const isLeader = member === leader;
        expect({ code, stdout }).toEqual({
          code: 0,
          stdout: expect.stringMatching(isLeader ? /\bleads\b/ : /\bfollows\b/),
        });
        if (isLeader) expect(stdout).not.toMatch(/\bfollows\b/);
      }
      for (const member of members) {
        expect(member.container().errors(), member.name).toEqual([]);
      }
      expect(peerPort).toBeGreaterThan(0);
      // All at once, as when a site is switched off: nobody waits for a quorum that will not be there.
      const begun = Date.now();
      const ends = await Promise.all(members.map((member) => member.container().stop()));
      expect(ends.map(({ code }) => code)).toEqual([143, 143, 143]);
      // Of 8 s that a stop may take.
      expect(Date.now() - begun).toBeLessThan(5000);
      cluster.neverTwo();
      expect(cluster.lives()).toHaveLength(1);
      for (const member of members) {
        // etcd of raft's leader may wait for another to take over, and has to be killed; maestro never.
        expect(member.container().messages()).not.toMatch(/maestro has not ended in time/);
        expect(member.container().errors(), member.name).toEqual([]);
      }
      // And all at once again, with the data that they have.
      const next = await cluster.startAll();
      expect(await next.stored()).toEqual(stored);
      cluster.neverTwo();
    },
  );

  testNeeding(
    ['etcd'],
    'that wait for the third while it is not there, and serve without it later',
    async () => {
      const cluster = await makeCluster();
      const [one, two, three] = cluster.members as [Member, Member, Member];
      one.begin();
      two.begin();
      // A first start is one of all.
      await cluster.allSay(new RegExp(`^waiting for .*${three.name}`, 'm'), [one, two]);
      expect((await one.health()).code).toBe(1);
      expect(cluster.lives()).toEqual([]);
      three.begin();
      await cluster.leader();
      await areHealthy(cluster.members);
      await Promise.all(cluster.members.map((member) => member.container().stop()));
      // With data, two are enough.
      one.begin();
      two.begin();
      await cluster.leader();
      await areHealthy([one, two]);
      cluster.neverTwo();
    },
  );
});

describe('what cannot be', () => {
  testNeeding(
    ['etcd'],
    'a member that is started twice: one line tells it, and the first is unharmed',
    async () => {
      const cluster = await makeCluster();
      const leader = await cluster.startAll();
      const [follower] = cluster.others(leader) as [Member, Member];
      const lives = cluster.lives();
      for (const member of [leader, follower]) {
        // The very same place.
        const again = member.start();
        const { code } = await again.ended;
        expect(code).toBe(81);
        expect(again.errors()[0]).toMatch(/^cannot start etcd: somebody listens on .* already/);
        // As from another host that has taken its name: with nothing, and other ports.
        const port = await freePort();
        const settings = { ...settingsOf(member), LDMS_ENTRYPOINT_ETCD_PORT: String(port) };
        const second = makePlaceOn(port, settings, clusterOf(2));
        const other = second.start();
        const ended = await other.over();
        expect(ended.code).toBe(81);
        expect(other.errors(), ended.stderr).toEqual([
          expect.stringMatching(/^cannot (listen on|start etcd: somebody listens on) .* already/),
        ]);
      }
      await areHealthy(cluster.members);
      expect((await cluster.leader()).name).toBe(leader.name);
      expect(cluster.lives().map(({ pid }) => pid)).toEqual(lives.map(({ pid }) => pid));
      cluster.neverTwo();
    },
  );

  testNeeding(
    ['etcd'],
    'lists that differ at a first start: each says whose, nobody leads; mended, all serve',
    async () => {
      const different = '127.0.0.1,127.0.0.3,127.0.0.4';
      const cluster = await makeCluster({
        own: (index) => (index === 2 ? { LDMS_ENTRYPOINT_MAESTRO_MEMBERS: different } : {}),
      });
      const [one, , three] = cluster.members as [Member, Member, Member];
      for (const member of cluster.members) member.begin();
      // The second one is on no list of the third's, which meets the first.
      const another = /waits too, with another list of members: /m;
      await one.container().says(new RegExp(`^${three.name} ${another.source}`, 'm'));
      await three.container().says(new RegExp(`^${one.name} ${another.source}`, 'm'));
      await cluster.allSay(/^waiting for /m);
      for (const member of cluster.members) expect((await member.health()).code).toBe(1);
      expect(cluster.lives()).toEqual([]);
      expect((await three.container().stop()).code).toBe(143);
      delete three.site.env['LDMS_ENTRYPOINT_MAESTRO_MEMBERS'];
      three.site.env['LDMS_ENTRYPOINT_MAESTRO_MEMBERS'] = cluster.members.map(({ name }) => name).join();
      three.begin();
      await cluster.leader();
      await areHealthy(cluster.members);
      cluster.neverTwo();
    },
  );

  testNeeding(
    ['etcd'],
    'a list that differs from that of a cluster that runs: the newcomer is told, and ends',
    async () => {
      const cluster = await makeCluster();
      const leader = await cluster.startAll();
      const [follower] = cluster.others(leader) as [Member, Member];
      await put(leader.url, 'load/1', 'kept');
      await follower.killAll();
      const list = follower.site.env['LDMS_ENTRYPOINT_MAESTRO_MEMBERS'];
      const [other] = cluster.others(leader, follower) as [Member];
      // Its etcd may have led the others', whose election takes longer than is believed on a busy machine.
      await areHealthy([leader, other]);
      const leading = (await cluster.leader([leader, other])).name;
      const lives = cluster.lives().length;
      follower.site.env['LDMS_ENTRYPOINT_MAESTRO_MEMBERS'] = `${leader.name},${follower.name},127.0.0.4`;
      follower.site.env['LDMS_ENTRYPOINT_ETCD_DATA_DIR'] = follower.site.path('empty');
      const wrong = follower.begin();
      const { code } = await wrong.over();
      expect(code).toBe(81);
      expect(wrong.errors()).toEqual([
        expect.stringMatching(
          /^cannot join the etcd of .*the same LDMS_ENTRYPOINT_MAESTRO_MEMBERS as the others/,
        ),
      ]);
      await areHealthy([leader, other]);
      follower.site.env['LDMS_ENTRYPOINT_MAESTRO_MEMBERS'] = list;
      delete follower.site.env['LDMS_ENTRYPOINT_ETCD_DATA_DIR'];
      follower.begin();
      await areHealthy(cluster.members);
      expect(Object.fromEntries(await loadOf(follower))).toEqual({ 'load/1': 'kept' });
      expect((await cluster.leader()).name, 'the newcomer has changed nothing').toBe(leading);
      expect(cluster.lives()).toHaveLength(lives);
      cluster.neverTwo();
    },
  );
});
