/** Three maestro containers as one: what `status` tells on each of them, and what their logs say of files that differ. */
import { expect } from 'vitest';
import { clusterOf } from '../support/maestro.ts';
import { type Member, makeCluster } from '../support/maestro-cluster.ts';
import { testNeeding } from '../support/needs.ts';
import { program, run, until } from '../support/program.ts';

const status = (member: Member, ...words: string[]) =>
  run(program, ['status', ...words], { env: member.site.env });
const escaped = (text: string) => text.replaceAll('.', '\\.');

testNeeding(
  ['etcd'],
  'status tells the same on each, also of one that is lost, and of no quorum',
  async () => {
    const cluster = await makeCluster();
    const leader = await cluster.startAll();
    const [one, two] = cluster.others(leader) as [Member, Member];
    for (const member of cluster.members) {
      const { code, stdout, stderr } = await until('all answer', async () => {
        const result = await status(member);
        return /quorum 3 of 3$/m.test(result.stdout) && result;
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^${escaped(leader.name)} leads since `));
      expect(stdout.match(/ leads {2,}/g)).toHaveLength(1);
      expect(stdout.match(/ follows {2,}/g)).toHaveLength(2);
      expect(stdout.match(/ raft leader /g)).toHaveLength(1);
      expect(stdout.match(/ in force$/gm)).toHaveLength(3);
      expect(stdout).toMatch(
        new RegExp(`^in force: ${escaped(leader.name)}'s ldms_cfg.yaml [0-9a-f]{8}, since `, 'm'),
      );
    }
    // Files that differ: each is told, and told when it is over.
    const { container } = two;
    two.configure(clusterOf(7));
    container().kill('SIGHUP');
    await cluster.allSay(new RegExp(`^ldms_cfg.yaml differs .*${escaped(two.name)} has .*in force: `, 'm'));
    for (const member of [leader, one]) {
      member.configure(clusterOf(7));
      member.container().kill('SIGHUP');
    }
    await cluster.allSay(/^ldms_cfg.yaml is the same on all members again$/m);

    await two.killAll();
    const lost = await until('one does not answer', async () => {
      const result = await status(one, '--json');
      return result.code === 0 && JSON.parse(result.stdout);
    });
    expect(lost).toMatchObject({ kind: 'several', leader: leader.name, member: one.name });
    const roles = Object.fromEntries(
      (lost as { members: { member: string; role: string }[] }).members.map(({ member, role }) => [
        member,
        role,
      ]),
    );
    expect(roles).toEqual({ [leader.name]: 'leads', [one.name]: 'follows', [two.name]: 'no answer' });

    await leader.killAll();
    const { code, stdout } = await until('there is no quorum', async () => {
      const result = await status(one);
      return /^no quorum: /.test(result.stdout) && result;
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^no quorum: .*; 2 of .*http:.* have to run and reach each other$/m);
    expect(stdout).not.toMatch(/leads since/);
  },
);
