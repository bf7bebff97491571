/** ACCEPTANCE F: the key, what munged itself refuses, and that no secret gets out. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect } from 'vitest';
import { mungeUser } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { program, run, start } from '../support/program.ts';
import { asked, ldmsdThat, makeSite, message, type Site, usesMunge } from '../support/site.ts';

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
