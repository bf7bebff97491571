/** ACCEPTANCE F: a munged of the container's own. */
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { isAlive, mungedsOf, mungeUser } from '../support/machine.ts';
import { startMunged } from '../support/munged.ts';
import { testNeeding } from '../support/needs.ts';
import { program, run, until } from '../support/program.ts';
import { asked, ldmsdThat, makeSite, message, type Site, usesMunge } from '../support/site.ts';

describe('a munged of our own', () => {
  testNeeding(
    ['munged'],
    'is ready before the daemon starts, runs as munge, and ends with the daemon',
    async () => {
      const site = makeSite();
      site.key();
      site.install('ldmsd', usesMunge(site, 'echo running; exec sleep 300'));
      const child = site.start(asked);
      await until('the daemon runs', () => child.stdout().includes('running'));
      expect(child.stdout()).toBe('munge works\nrunning\n');
      const [pid, ...more] = mungedsOf(site.root);
      expect(more).toEqual([]);
      expect(statSync(`/proc/${pid}`).uid).toBe(mungeUser().uid);
      expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(new RegExp(`^PPid:\\s+${child.pid}$`, 'm'));
      child.kill('SIGKILL');
      await child.ended;
      await until('munged has ended with the daemon, even when that was killed', () => !isAlive(pid ?? 0));
    },
  );

  for (const umask of ['000', '077']) {
    testNeeding(['munged'], `starts under umask ${umask}, as HPC users have it`, async () => {
      const site = makeSite();
      site.key();
      site.install('ldmsd', usesMunge(site));
      const script = `umask ${umask}; exec "$0" samp -x sock:1 -a munge`;
      const { stdout, stderr } = await run('/bin/sh', ['-c', script, program], { env: site.env });
      expect(stdout, stderr).toBe('munge works\n');
    });
  }

  testNeeding(
    ['munged', 'user namespaces', 'root'],
    'runs as root where root is the only user, as in rootless containers',
    async () => {
      const site = makeSite();
      site.key({ uid: 0, gid: 0 });
      site.install('ldmsd', usesMunge(site));
      const words = ['--user', '--map-root-user', program, ...asked];
      const { stdout, stderr } = await run('unshare', words, { env: site.env });
      expect(stdout, stderr).toBe('munge works\n');
    },
  );

  testNeeding(['munged', 'root'], 'does not change what a link at /run/munge leads to', async () => {
    const site = makeSite();
    site.key();
    mkdirSync(site.path('victim'));
    mkdirSync(site.path('run'));
    symlinkSync(site.path('victim'), site.path('run/munge'));
    site.install('ldmsd', ldmsdThat('echo started'));
    const before = statSync(site.path('victim'));
    const { code } = await site.run(asked);
    expect(code).toBe(78);
    const after = statSync(site.path('victim'));
    expect([after.uid, after.mode]).toEqual([before.uid, before.mode]);
  });

  testNeeding(
    ['munged'],
    'starts again over the socket, lock and pid file of one that was killed',
    async () => {
      const site = makeSite();
      site.key();
      site.install('ldmsd', usesMunge(site, 'echo running; exec sleep 300'));
      const first = site.start(asked);
      await until('the daemon runs', () => first.stdout().includes('running'));
      for (const pid of mungedsOf(site.root)) process.kill(pid, 'SIGKILL');
      first.kill('SIGKILL');
      await first.ended;
      expect(existsSync(site.socket), 'the left-overs are there').toBe(true);
      expect(existsSync(`${site.socket}.lock`)).toBe(true);
      const second = site.start(asked);
      await until('the daemon runs again', () => second.stdout().includes('running'));
      second.kill('SIGTERM');
      await second.ended;
    },
  );

  testNeeding(['munged', 'root'], 'starts over a lock and a socket that root left there', async () => {
    const site = makeSite();
    site.key();
    site.install('ldmsd', usesMunge(site));
    site.write('run/munge/munge.socket.2', 'not a socket');
    site.write('run/munge/munge.socket.2.lock', '', 0o200);
    expect((await site.run(asked)).stdout).toBe('munge works\n');
  });

  testNeeding(['munged'], 'is not started where a munged answers already: that one is used', async () => {
    const site = makeSite();
    const other = await startMunged(site);
    site.install('ldmsd', usesMunge(site));
    expect((await site.run(asked)).stdout).toBe('munge works\n');
    expect(mungedsOf(site.root)).toEqual([other.pid]);
  });

  testNeeding(
    ['munged', 'root'],
    'is not needed, nor is a key, by a user on a machine whose munged answers',
    async () => {
      const site = makeSite();
      await startMunged(site);
      chmodSync(site.path('etc/munge'), 0o700);
      site.install('ldmsd', usesMunge(site));
      const as = ['--reuid=65534', '--regid=65534', '--clear-groups', program];
      const { stdout, stderr } = await run('setpriv', [...as, ...asked], { env: site.env });
      expect(stdout, stderr).toBe('munge works\n');
      const check = await run('setpriv', [...as, 'check', ...asked], { env: site.env });
      expect(check.code, check.stdout).toBe(0);
    },
  );

  testNeeding(['munged'], 'removes nothing where the user said that a socket is', async () => {
    const site = makeSite({ LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '300ms' });
    site.key();
    const file = site.write('precious/file', "the user's own");
    site.install('ldmsd', ldmsdThat('echo started'));
    const { code, stderr } = await site.run([...asked, '-A', `socket=${file}`]);
    expect(code).toBe(80);
    expect(message(stderr)).toContain('there is something that is no socket, and munged would remove it');
    expect(readFileSync(file, 'utf8')).toBe("the user's own");
  });

  testNeeding(['munged'], 'serves the socket that `-A socket=PATH` names', async () => {
    const site = makeSite();
    site.key();
    const socket = site.path('elsewhere/munge.sock');
    mkdirSync(site.path('elsewhere'));
    const { uid, gid } = mungeUser();
    chownSync(site.path('elsewhere'), uid, gid);
    site.install('ldmsd', ldmsdThat(`munge -n -S ${socket} | unmunge -n -S ${socket} && echo munge works`));
    expect((await site.run([...asked, '-A', `socket=${socket}`])).stdout).toBe('munge works\n');
  });

  testNeeding(
    ['munged'],
    'accepts credentials of a container with the same key, and refuses those of another key',
    async () => {
      const [a, b, c] = [makeSite(), makeSite(), makeSite()];
      const bytes = readFileSync(a.key());
      b.key({ bytes });
      c.key();
      const nodes = [];
      for (const site of [a, b, c]) {
        site.install('ldmsd', ldmsdThat('echo running; exec sleep 300'));
        const node = site.start(asked);
        await until('the daemon runs', () => node.stdout().includes('running'));
        nodes.push(node);
      }
      const { stdout: credential } = await run('munge', ['-n', `--socket=${a.socket}`]);
      const decode = (site: Site) => run('unmunge', ['-n', `--socket=${site.socket}`], { input: credential });
      expect((await decode(b)).code).toBe(0);
      const refused = await decode(c);
      expect(refused.stderr).toContain('Invalid credential');
      for (const node of nodes) node.kill('SIGTERM');
      for (const node of nodes) await node.ended;
    },
  );

  testNeeding(['munge'], 'that ends at once is told of, with its own words, and exit code 80', async () => {
    const site = makeSite();
    site.key();
    site.install('ldmsd', ldmsdThat('echo started'));
    site.install('munged', '#!/bin/sh\necho "munged: Error: the words of munged" >&2\nexit 1\n');
    const { code, stdout, stderr } = await site.run(asked);
    expect({ code, stdout }).toEqual({ code: 80, stdout: '' });
    expect(stderr).toContain('munged: Error: the words of munged');
    expect(message(stderr)).toContain('cannot use munged: it ended with exit status 1 before it was ready');
  });

  testNeeding(['munge'], 'gets no signal of ours blocked or ignored', async () => {
    const site = makeSite({ LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '50ms' });
    site.key();
    site.install('ldmsd', ldmsdThat(''));
    site.install('munged', '#!/bin/sh\ngrep -E "^Sig(Blk|Ign)" /proc/self/status >&2\n');
    const { stderr } = await site.run(asked);
    expect(stderr).toMatch(/SigBlk:\s+0{16}\nSigIgn:\s+0{16}\n/);
  });

  testNeeding(['munge'], 'that never answers is given up at the deadline, and stopped', async () => {
    const site = makeSite({ LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '300ms' });
    site.key();
    site.install('ldmsd', ldmsdThat('echo started'));
    site.install('munged', `#!/bin/sh\necho $$ > ${site.path('run/munge/pid')}\nexec sleep 300\n`);
    const { code, stdout, stderr } = await site.run(asked);
    expect({ code, stdout }).toEqual({ code: 80, stdout: '' });
    expect(message(stderr)).toMatch(
      /did not encode and decode a credential within 0.3 s: .*munge.socket.2 does not exist/,
    );
    expect(isAlive(Number(readFileSync(site.path('run/munge/pid'), 'utf8')))).toBe(false);
  });
});
