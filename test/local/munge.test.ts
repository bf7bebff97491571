/** ACCEPTANCE F, without namespaces: keys, a munged of our own, and the host's by setting. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startMunged } from '../support/munged.ts';
import { testNeeding } from '../support/needs.ts';
import { program, run, start, until } from '../support/program.ts';
import { isAlive, ldmsdThat, logLines, makeSite, mungedsOf, mungeUser, type Site } from '../support/site.ts';

const asked = ['samp', '-x', 'sock:10411', '-a', 'munge'];
/** An ldmsd that encodes and decodes once and says so. */
const usesMunge = (site: Site, after = '') =>
  ldmsdThat(`munge -n -S ${site.socket} | unmunge -n -S ${site.socket} && echo munge works\n${after}`);

const message = (stderr: string) =>
  logLines(stderr)
    .map(({ msg }) => String(msg))
    .join('\n');

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
    const { code } = await site.run([...asked, '-A', `socket=${file}`]);
    expect(code).toBe(80);
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

describe('whether munge is wanted', () => {
  const cases: [string, string[], string, boolean][] = [
    ['-a munge', ['-a', 'munge'], '', true],
    ['-amunge', ['-amunge'], '', true],
    ['-Famunge', ['-Famunge'], '', true],
    ['--default_auth=munge', ['--default_auth=munge'], '', true],
    ['--default_auth munge', ['--default_auth', 'munge'], '', true],
    ['an auth line in a -c file', ['-c', 'CONF'], 'default_auth plugin=munge', true],
    ['an auth_add in a -c file', ['-c', 'CONF'], 'auth_add name=m plugin=munge', true],
    ['a joined line in a -c file', ['-cCONF'], 'auth_add name=m \\\n  plugin=munge', true],
    ['an auth mapping in a -y file', ['-y', 'CONF'], 'daemons:\n  - auth: {name: m, plugin: munge}', true],
    ['-n munge, a name', ['-n', 'munge'], '', false],
    ['-kmunge, which is -k -m unge', ['-kmunge'], '', false],
    ['an operand', ['munge'], '', false],
    ['after --', ['--', '-a', 'munge'], '', false],
    ['-a none', ['-a', 'none'], '', false],
    ['a comment in a -c file', ['-c', 'CONF'], '# default_auth plugin=munge', false],
    ['another word in a -c file', ['-c', 'CONF'], 'prdcr_add name=munge host=munge', false],
    ['another key in a -y file', ['-y', 'CONF'], 'munge: munge\nname: {plugin: munge}', false],
  ];
  test.each(cases)('%s', async (_, args, text, wanted) => {
    const site = makeSite();
    const conf = site.write('samp.conf', `${text}\n`);
    const words = args.map((arg) => arg.replace('CONF', conf));
    const { stdout } = await site.run(['explain', 'samp', '-x', 'sock:1', ...words]);
    expect(/munge key/.test(stdout), stdout).toBe(wanted);
  });

  test.each([
    ['off', true, false],
    ['container', false, true],
    ['auto', false, false],
    ['auto', true, true],
  ])('LDMS_ENTRYPOINT_MUNGE=%s, asked for: %s', async (setting, ask, wanted) => {
    const site = makeSite({ LDMS_ENTRYPOINT_MUNGE: setting as string });
    const { stdout } = await site.run(['explain', 'samp', '-x', 'sock:1', ...(ask ? ['-a', 'munge'] : [])]);
    expect(/munge key/.test(stdout), stdout).toBe(wanted);
  });
});

describe('the key', () => {
  const refusals: [string, string[], (site: Site) => void, RegExp, RegExp][] = [
    ['missing', [], () => undefined, /there is none/, /-v \/on-host\/munge.key:.*:ro/],
    ['empty', [], (site) => site.key({ bytes: Buffer.alloc(0) }), /it is empty/, /mungekey/],
    [
      'too short',
      [],
      (site) => site.key({ bytes: Buffer.from('31 bytes is one byte too short!') }),
      /it has 31 bytes/,
      /mungekey/,
    ],
    ['readable by others', [], (site) => site.key({ mode: 0o644 }), /mode 0644/, /chmod 0600/],
    ['readable by the group', [], (site) => site.key({ mode: 0o640 }), /mode 0640/, /chmod 0600/],
    [
      'a directory',
      [],
      (site) => mkdirSync(site.keyPath, { recursive: true }),
      /it is a directory, which docker makes/,
      /remove that directory/,
    ],
    [
      'all zeros',
      [],
      (site) => site.key({ bytes: Buffer.alloc(4096) }),
      /all its bytes are the same \(zeros\)/,
      /mungekey/,
    ],
    [
      'all the digit 0',
      [],
      (site) => site.key({ bytes: Buffer.alloc(1024, '0') }),
      /all its bytes are the same \(0x30\)/,
      /mungekey/,
    ],
    [
      'in a directory that others may write to',
      [],
      (site) => {
        site.key();
        chmodSync(site.path('etc/munge'), 0o777);
      },
      /others may write to its directory/,
      /chmod go-w/,
    ],
  ];
  for (const [what, needs, prepare, why, remedy] of refusals) {
    testNeeding(
      ['munge', ...needs],
      `${what}: one line says why and what to do, nothing is started or written`,
      async () => {
        const site = makeSite();
        site.install('ldmsd', ldmsdThat('echo started'));
        site.install('munged', `#!/bin/sh\necho > ${site.path('munged-was-started')}\nexit 1\n`);
        prepare(site);
        const before = (await run('find', [site.root])).stdout;
        const { code, stdout, stderr } = await site.run(asked);
        expect({ code, stdout }).toEqual({ code: 80, stdout: '' });
        expect(stderr.trimEnd().split('\n')).toHaveLength(1);
        expect(message(stderr)).toContain(site.keyPath);
        expect(message(stderr)).toMatch(why);
        expect(message(stderr)).toMatch(remedy);
        expect((await run('find', [site.root])).stdout, 'something was written').toBe(before);
      },
    );
  }

  testNeeding(
    ['munged', 'root'],
    'of another owner is used through a private copy, with a notice and without its content',
    async () => {
      const site = makeSite();
      const bytes = Buffer.from('a key that must never be seen in a log or command line');
      site.key({ bytes, uid: 4321, gid: 4321 });
      site.install('ldmsd', usesMunge(site, `cat /proc/[0-9]*/cmdline | tr '\\0' ' '`));
      const { stdout, stderr } = await site.run(asked, {
        env: { ...site.env, LDMS_ENTRYPOINT_LOG_LEVEL: 'debug' },
      });
      expect(stdout).toMatch(/^munge works/);
      expect(message(stderr)).toMatch(
        /used through a private copy: it belongs to uid 4321 and munged runs as munge/,
      );
      expect(stdout + stderr).not.toContain('never be seen');
      // munged has read it; nothing of the key must stay in a container's layer.
      expect(existsSync(site.path('run/ldms-entrypoint/munge/munge.key'))).toBe(false);
    },
  );

  testNeeding(
    ['munged'],
    'behind a symbolic link, as Docker and Kubernetes secrets are, is copied',
    async () => {
      const site = makeSite();
      const real = site.key();
      mkdirSync(site.path('secrets'));
      symlinkSync(real, site.path('secrets/link'));
      rmSync(site.path('etc/munge'), { recursive: true });
      mkdirSync(site.path('etc/munge'));
      const data = site.write(
        'etc/munge/..data/munge.key',
        Buffer.from(Array.from({ length: 64 }, (_, at) => at)),
        0o400,
      );
      chownSync(data, mungeUser().uid, mungeUser().gid);
      symlinkSync('..data/munge.key', site.keyPath);
      site.install('ldmsd', usesMunge(site));
      const { stdout, stderr } = await site.run(asked);
      expect(stdout).toBe('munge works\n');
      expect(message(stderr)).toContain('it is behind a symbolic link');
    },
  );
});

describe('what munged itself refuses, we say before it is started', () => {
  // Each row is a state that the real munged does not start in (the negative control shows it).
  const rows: [string, (site: Site, uid: number) => void, RegExp][] = [
    [
      'a group-writable key directory',
      (site) => chmodSync(site.path('etc/munge'), 0o775),
      /others may write to its directory .*etc\/munge/,
    ],
    [
      'a key that the group may read',
      (site) => chmodSync(site.keyPath, 0o640),
      /others than its owner may use it/,
    ],
    [
      'a group-writable directory above the socket',
      (site) => {
        mkdirSync(site.path('run'), { recursive: true });
        chmodSync(site.path('run'), 0o775);
      },
      /others may write to .*run/,
    ],
    [
      "a directory above the socket that is a stranger's",
      (site) => {
        mkdirSync(site.path('run'), { recursive: true });
        chownSync(site.path('run'), 4321, 4321);
      },
      /run belongs to uid 4321/,
    ],
  ];
  for (const [what, spoil, words] of rows) {
    testNeeding(['munged', 'root'], what, async () => {
      const site = makeSite();
      site.key();
      mkdirSync(site.path('run/munge'), { recursive: true });
      const { uid, gid } = mungeUser();
      chownSync(site.path('run/munge'), uid, gid);
      spoil(site, uid);
      const args = [
        '--foreground',
        `--socket=${site.socket}`,
        `--key-file=${site.keyPath}`,
        `--pid-file=${site.path('run/munge/pid')}`,
        '--origin=127.0.0.1',
      ];
      const real = start('setpriv', [
        `--reuid=${uid}`,
        `--regid=${gid}`,
        '--clear-groups',
        'munged',
        ...args,
      ]);
      expect((await real.ended).stderr, 'munged itself refuses this').toContain('munged: Error:');
      site.install('ldmsd', ldmsdThat('echo started'));
      const { code, stderr } = await site.run(asked);
      expect(code).toBe(80);
      expect(message(stderr)).toMatch(words);
      expect(stderr, 'munged was started').not.toMatch(/^munged: /m);
    });
  }

  const mended: [string, (site: Site) => void][] = [
    ['a socket directory that others may not enter', (site) => chmodSync(site.path('run/munge'), 0o750)],
    ['a world-writable socket directory', (site) => chmodSync(site.path('run/munge'), 0o777)],
    ["a socket directory that is root's", (site) => chownSync(site.path('run/munge'), 0, 0)],
    ['no socket directory', (site) => rmSync(site.path('run/munge'), { recursive: true })],
    ["a key that is root's", (site) => chownSync(site.keyPath, 0, 0)],
    [
      'a key directory that munge may not enter',
      (site) => {
        chownSync(site.path('etc/munge'), 0, 0);
        chmodSync(site.path('etc/munge'), 0o700);
      },
    ],
  ];
  for (const [what, spoil] of mended) {
    testNeeding(['munged', 'root'], `${what}: ours to mend, and mended`, async () => {
      const site = makeSite();
      site.key();
      mkdirSync(site.path('run/munge'), { recursive: true });
      chownSync(site.path('run/munge'), mungeUser().uid, mungeUser().gid);
      spoil(site);
      site.install('ldmsd', usesMunge(site));
      expect((await site.run(asked)).stdout).toBe('munge works\n');
    });
  }
});

describe('without root', () => {
  const asNobody = (site: Site, args: readonly string[], env: NodeJS.ProcessEnv = site.env) =>
    run('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', program, ...args], { env });

  testNeeding(
    ['munged', 'root'],
    'munged runs as the user that we are, with a key that this user owns',
    async () => {
      const site = makeSite();
      site.key({ uid: 65534, gid: 65534 });
      mkdirSync(site.path('run'));
      chmodSync(site.path('run'), 0o1777);
      site.install('ldmsd', usesMunge(site));
      const { stdout, stderr } = await asNobody(site, asked);
      expect(stdout, stderr).toBe('munge works\n');
    },
  );

  testNeeding(
    ['munged', 'root'],
    'a /run that cannot be written to: one line says what the container needs',
    async () => {
      const site = makeSite();
      site.key({ uid: 65534, gid: 65534 });
      mkdirSync(site.path('run'));
      site.install('ldmsd', ldmsdThat('echo started'));
      const { code, stdout, stderr } = await asNobody(site, asked);
      expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
      expect(message(stderr)).toMatch(
        /cannot make the directory .*: permission denied; uid 65534 needs .*--tmpfs \/run:mode=1777/,
      );
    },
  );

  testNeeding(
    ['munged', 'root'],
    'a key that we may not read: the line says whose it has to be',
    async () => {
      const site = makeSite();
      site.key({ uid: 4321, gid: 4321 });
      site.install('ldmsd', ldmsdThat('echo started'));
      const { code, stderr } = await asNobody(site, asked);
      expect(code).toBe(80);
      expect(message(stderr)).toMatch(
        /belongs to uid 4321 .* cannot be copied: permission denied; on the host: chown 65534:65534/,
      );
    },
  );

  testNeeding(
    ['munged', 'root'],
    'root that may not change users is told which capabilities are missing',
    async () => {
      const site = makeSite();
      site.key();
      site.install('ldmsd', ldmsdThat('echo started'));
      const { code, stderr } = await run('setpriv', ['--bounding-set=-setuid,-setgid', program, ...asked], {
        env: site.env,
      });
      expect(code).toBe(80);
      expect(message(stderr)).toContain('--cap-add=SETUID --cap-add=SETGID');
    },
  );
});

describe("the host's munge, by setting", () => {
  const host = { LDMS_ENTRYPOINT_MUNGE: 'host' };

  testNeeding(['munged'], 'is used when it answers, and no munged of ours is started', async () => {
    const site = makeSite(host);
    const theirs = await startMunged(site);
    site.install('ldmsd', usesMunge(site));
    const { stdout, stderr } = await site.run(asked);
    expect(stdout).toBe('munge works\n');
    expect(message(stderr)).toMatch(/the host's munged is ready, after \d+ ms/);
    expect(mungedsOf(site.root)).toEqual([theirs.pid]);
  });

  testNeeding(['munged'], 'is waited for when it comes up later', async () => {
    const site = makeSite({
      ...host,
      LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '30s',
      LDMS_ENTRYPOINT_LOG_LEVEL: 'debug',
    });
    site.install('ldmsd', usesMunge(site));
    const child = site.start(asked);
    await until('it waits for munge', () => child.stderr().includes('munge is wanted'));
    await startMunged(site);
    expect((await child.ended).stdout).toBe('munge works\n');
  });

  testNeeding(['munge'], 'absent: the line says what to do on the host', async () => {
    const site = makeSite({ ...host, LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '200ms' });
    site.install('ldmsd', ldmsdThat('echo started'));
    const { code, stdout, stderr } = await site.run(asked);
    expect({ code, stdout }).toEqual({ code: 80, stdout: '' });
    expect(message(stderr)).toMatch(
      /cannot use the host's munge through .*munge.socket.2, tried for 0.2 s: .* does not exist; on the host: systemctl restart munge/,
    );
  });

  testNeeding(['munged'], "dead, its socket left behind: the line has munge's own words", async () => {
    const site = makeSite({ ...host, LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '3s' });
    const theirs = await startMunged(site);
    theirs.kill('SIGKILL');
    await theirs.ended;
    site.install('ldmsd', ldmsdThat('echo started'));
    const { code, stderr } = await site.run(asked);
    expect(code).toBe(80);
    expect(message(stderr)).toMatch(/Connection refused|does not answer/);
  });

  testNeeding(['munged'], 'frozen: given up at the deadline', async () => {
    const site = makeSite({ ...host, LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '1s' });
    const theirs = await startMunged(site);
    theirs.kill('SIGSTOP');
    site.install('ldmsd', ldmsdThat('echo started'));
    const { code, stderr } = await site.run(asked);
    theirs.kill('SIGKILL');
    expect(code).toBe(80);
    expect(message(stderr)).toContain('it does not answer');
  });

  test("without munge's programs in the image: the line says to install them", async () => {
    const site = makeSite(host);
    site.install('ldmsd', ldmsdThat('echo started'));
    // A PATH with nothing but the shell and env; our search of sbin finds only munged.
    mkdirSync(site.path('few'));
    for (const name of ['sh', 'env']) symlinkSync(join('/bin', name), site.path(`few/${name}`));
    const { code, stderr } = await site.run(asked, {
      env: { ...site.env, PATH: `${site.path('bin')}:${site.path('few')}` },
    });
    expect(code).toBe(80);
    expect(message(stderr)).toContain(
      'the program munge is not in this image; install munge in the image: apt-get install munge',
    );
  });
});

describe('secrets', () => {
  testNeeding(
    ['munged', 'strace'],
    'the key is never written anywhere but into the private copy',
    async () => {
      const site = makeSite({ LDMS_ENTRYPOINT_LOG_LEVEL: 'debug' });
      const secret = 'THIS-IS-THE-SECRET-KEY-OF-THE-CLUSTER';
      writeFileSync(site.key({ uid: 0, gid: 0 }), secret);
      site.install('ldmsd', usesMunge(site));
      const trace = site.path('trace');
      await run(
        'strace',
        [
          '-f',
          '-s',
          '200',
          '-o',
          trace,
          '-e',
          'trace=write,writev,pwrite64,sendto,sendmsg,execve',
          program,
          ...asked,
        ],
        { env: site.env },
      );
      const lines = readFileSync(trace, 'utf8')
        .split('\n')
        .filter((line) => line.includes(secret));
      const copies = process.getuid?.() === 0 ? 1 : 0;
      expect(lines.filter((line) => / write\(\d+, /.test(line) && !/ write\([12], /.test(line))).toHaveLength(
        copies,
      );
      expect(lines).toHaveLength(copies);
    },
  );
});
