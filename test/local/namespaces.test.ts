/** ACCEPTANCE F and A with real bind mounts, and as PID 1: mount and PID namespaces of the test's own. */
import { mkdirSync, readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { mungedsOf } from '../support/machine.ts';
import { startMunged } from '../support/munged.ts';
import { testNeeding } from '../support/needs.ts';
import { program, type Result, run, type Started, start, until } from '../support/program.ts';
import { ldmsdThat, logLines, makeSite, type Site, usesMunge } from '../support/site.ts';

const asked = 'samp -x sock:10411 -a munge';
const message = ({ stderr }: Result) =>
  logLines(stderr)
    .map(({ msg }) => String(msg))
    .join('\n');

/** Runs a shell script in mount and PID namespaces of its own; `$0` is the program. */
function inNamespaces(site: Site, script: string, env: NodeJS.ProcessEnv = site.env): Started {
  const flags = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'];
  return start('unshare', [...flags, '/bin/sh', '-ec', script, program], { env });
}

/** A site whose munge directory is another directory's bind mount, and a munged that serves there. */
async function withHost(settings: NodeJS.ProcessEnv = {}) {
  const site = makeSite(settings);
  site.install('ldmsd', usesMunge(site));
  const host = makeSite();
  const munged = await startMunged(host);
  mkdirSync(site.path('run/munge'), { recursive: true });
  return { site, host, munged };
}

describe("the host's munge, bound into the container", () => {
  const binds: [string, (site: Site, host: Site) => string][] = [
    [
      '/run/munge, read-write',
      (site, host) => `mount --bind ${host.path('run/munge')} ${site.path('run/munge')}`,
    ],
    [
      '/run/munge, read-only',
      (site, host) =>
        `mount --bind ${host.path('run/munge')} ${site.path('run/munge')}; mount -o remount,bind,ro ${site.path('run/munge')}`,
    ],
    ['all of /run', (site, host) => `mount --bind ${host.path('run')} ${site.path('run')}`],
    [
      'the socket file alone',
      (site, host) => `: > ${site.socket}; mount --bind ${host.socket} ${site.socket}`,
    ],
    [
      '/run/munge over a tmpfs on /run, as podman has it',
      (site, host) =>
        `mount -t tmpfs none ${site.path('run')}; mkdir ${site.path('run/munge')}; mount --bind ${host.path('run/munge')} ${site.path('run/munge')}`,
    ],
  ];
  for (const [what, mount] of binds) {
    testNeeding(['munged', 'namespaces', 'root'], `${what}: is used, and no munged is started`, async () => {
      const { site, host } = await withHost();
      const result = await inNamespaces(site, `${mount(site, host)}\nexec "$0" ${asked}`).ended;
      expect(result.stdout, result.stderr).toBe('munge works\n');
      expect(message(result)).toMatch(/the host's munged is ready/);
      expect(mungedsOf(site.root)).toEqual([]);
    });
  }

  testNeeding(
    ['munged', 'namespaces', 'root'],
    'through a path with blanks, which the kernel escapes in mountinfo',
    async () => {
      const { host } = await withHost();
      const site = makeSite();
      const root = `${site.root}/a b\\c`;
      mkdirSync(`${root}/run/munge`, { recursive: true });
      site.install(
        'ldmsd',
        ldmsdThat(
          `munge -n -S '${root}/run/munge/munge.socket.2' | unmunge -n -S '${root}/run/munge/munge.socket.2' && echo munge works`,
        ),
      );
      const script = `mount --bind ${host.path('run/munge')} '${root}/run/munge'\nexec "$0" ${asked}`;
      const result = await inNamespaces(site, script, { ...site.env, LDMS_ENTRYPOINT_ROOT: root }).ended;
      expect(result.stdout, result.stderr).toBe('munge works\n');
    },
  );

  testNeeding(
    ['munged', 'namespaces', 'root'],
    'deleted behind the bind: said at once, not after the deadline',
    async () => {
      const { site, host } = await withHost({ LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '10m' });
      const script = `mount --bind ${host.path('run/munge')} ${site.path('run/munge')}\nrm -r ${host.path('run/munge')}\nexec "$0" ${asked}`;
      const result = await inNamespaces(site, script).ended;
      expect(result.code).toBe(80);
      expect(message(result)).toMatch(/has been deleted on the host.*restart this container/);
    },
  );

  testNeeding(
    ['munged', 'namespaces', 'root'],
    'dead: no munged of ours is started over it, though there is a good key',
    async () => {
      const { site, host, munged } = await withHost({ LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '300ms' });
      site.key();
      munged.kill('SIGTERM');
      await munged.ended;
      const before = (await run('ls', ['-lan', host.path('run/munge')])).stdout;
      const script = `mount --bind ${host.path('run/munge')} ${site.path('run/munge')}\nexec "$0" ${asked}`;
      const result = await inNamespaces(site, script).ended;
      expect(result.code).toBe(80);
      expect(message(result)).toContain('on the host: systemctl restart munge');
      expect(
        (await run('ls', ['-lan', host.path('run/munge')])).stdout,
        "the host's directory was changed",
      ).toBe(before);
    },
  );

  testNeeding(
    ['munged', 'namespaces', 'root'],
    "with LDMS_ENTRYPOINT_MUNGE=container: refused, never served over the host's",
    async () => {
      const { site, host } = await withHost({ LDMS_ENTRYPOINT_MUNGE: 'container' });
      site.key();
      const script = `mount --bind ${host.path('run/munge')} ${site.path('run/munge')}\nexec "$0" ${asked}`;
      const result = await inNamespaces(site, script).ended;
      expect(result.code).toBe(80);
      expect(message(result)).toContain('leave out that mount, or the setting');
    },
  );
});

describe("mounts that only look like the host's munge", () => {
  const lookalikes: [string, (site: Site) => string][] = [
    ['a fresh tmpfs at /run/munge', (site) => `mount -t tmpfs none ${site.path('run/munge')}`],
    ['a fresh tmpfs at /run', (site) => `mount -t tmpfs none ${site.path('run')}`],
    [
      'a bind at /run/munge2',
      (site) =>
        `mkdir -p ${site.path('run/munge2')} ${site.path('x')}; mount --bind ${site.path('x')} ${site.path('run/munge2')}`,
    ],
    [
      'a bind elsewhere, from a path that holds the text',
      (site) =>
        `mkdir -p ${site.path('src/run/munge')} ${site.path('opt')}; mount --bind ${site.path('src/run/munge')} ${site.path('opt')}`,
    ],
  ];
  for (const [what, mount] of lookalikes) {
    testNeeding(['munged', 'namespaces', 'root'], `${what}: a munged of our own is started`, async () => {
      const site = makeSite();
      site.key();
      mkdirSync(site.path('run/munge'), { recursive: true });
      site.install('ldmsd', usesMunge(site));
      const result = await inNamespaces(site, `${mount(site)}\nexec "$0" ${asked}`).ended;
      expect(result.stdout, result.stderr).toBe('munge works\n');
      expect(message(result)).toMatch(/^munged is ready/m);
    });
  }
});

describe('a read-only root', () => {
  const readOnly = (site: Site) =>
    `mount --bind ${site.root} ${site.root}; mount -o remount,bind,ro ${site.root}; cd /`;

  testNeeding(
    ['munged', 'namespaces', 'root'],
    'with a tmpfs on /run: munged of our own works, and health too',
    async () => {
      const site = makeSite();
      site.key();
      mkdirSync(site.path('run'));
      site.install('ldmsd', ldmsdThat(`echo running; "$PROGRAM" health; exec true`));
      const script = `${readOnly(site)}\nmount -t tmpfs none ${site.path('run')}\nPROGRAM=$0 exec "$0" samp -a munge`;
      const result = await inNamespaces(site, script).ended;
      expect(result.stdout, result.stderr).toMatch(
        /^running\nhealthy: samp runs as process 1, munge answers\n$/,
      );
    },
  );

  testNeeding(['munged', 'namespaces', 'root'], 'without one: the line says to add it', async () => {
    const site = makeSite();
    site.key();
    mkdirSync(site.path('run'));
    site.install('ldmsd', ldmsdThat('echo started'));
    const result = await inNamespaces(site, `${readOnly(site)}\nexec "$0" ${asked}`).ended;
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 78, stdout: '' });
    expect(message(result)).toMatch(/the file system is read-only; .*--tmpfs \/run/);
  });

  testNeeding(
    ['namespaces', 'root'],
    'without one, and without munge: starts, and health finds its record in /dev/shm',
    async () => {
      const site = makeSite();
      for (const directory of ['run', 'tmp', 'dev/shm']) mkdirSync(site.path(directory), { recursive: true });
      site.install('ldmsd', ldmsdThat(`"$PROGRAM" health`));
      const script = `${readOnly(site)}\nmount -t tmpfs none ${site.path('dev/shm')}\nPROGRAM=$0 exec "$0" samp -F`;
      expect((await inNamespaces(site, script).ended).stdout).toBe('healthy: samp runs as process 1\n');
    },
  );
});

describe('as PID 1', () => {
  testNeeding(
    ['munged', 'namespaces', 'root'],
    'the daemon is PID 1, munged its child, and SIGTERM ends all at once',
    async () => {
      const site = makeSite();
      site.key();
      mkdirSync(site.path('run/munge'), { recursive: true });
      // As PID 1 a program without a handler is not touched by TERM; ldmsd has one, so has this.
      site.install('ldmsd', ldmsdThat(`trap 'exit 0' TERM; echo "pid $$"; while :; do sleep 1 & wait; done`));
      const child = inNamespaces(site, `exec "$0" ${asked}`);
      await until('the daemon runs', () => child.stdout().includes('pid 1\n'));
      const [munged] = mungedsOf(site.root);
      const leader = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${munged}/status`, 'utf8'))?.[1]);
      expect(readFileSync(`/proc/${leader}/status`, 'utf8')).toMatch(/^NSpid:\s+\d+\s+1$/m);
      process.kill(leader, 'SIGTERM');
      expect((await child.ended).code).toBe(0);
      expect(mungedsOf(site.root)).toEqual([]);
    },
  );

  testNeeding(
    ['munge', 'namespaces', 'root'],
    'SIGTERM while preparing ends with 143, though the kernel drops unhandled signals of PID 1',
    async () => {
      const site = makeSite({
        LDMS_ENTRYPOINT_MUNGE: 'host',
        LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '10m',
        LDMS_ENTRYPOINT_LOG_LEVEL: 'debug',
      });
      site.install('ldmsd', ldmsdThat('echo started'));
      const child = inNamespaces(
        site,
        `sh -c 'until [ -e ${site.path('go')} ]; do sleep 0.02; done; kill -TERM 1' & exec "$0" ${asked}`,
      );
      await until('it waits for munge', () => child.stderr().includes('munge is wanted'));
      site.write('go', '');
      expect((await child.ended).code).toBe(143);
    },
  );
});

describe('without LDMS_ENTRYPOINT_ROOT, in a mount namespace with the real paths', () => {
  const prepare = (site: Site) => `
mount -t tmpfs none /run
mkdir -p ${site.path('key')}
mount --bind ${site.path('etc/munge')} /etc/munge`;
  const env = (site: Site) => {
    const { LDMS_ENTRYPOINT_ROOT: _, ...rest } = site.env;
    return rest;
  };
  const ldmsd = ldmsdThat('munge -n | unmunge -n && echo "munge works at its default socket: $*"');

  testNeeding(
    ['munged', 'namespaces', 'root'],
    "the README's line works with a munged of our own",
    async () => {
      const site = makeSite();
      site.key();
      site.install('ldmsd', ldmsd);
      const result = await inNamespaces(site, `${prepare(site)}\nexec "$0" ${asked}`, env(site)).ended;
      expect(result.stdout, result.stderr).toBe(
        'munge works at its default socket: -F -x sock:10411 -a munge\n',
      );
    },
  );

  testNeeding(
    ['munged', 'namespaces', 'root'],
    "the README's line works with the host's munged, bound read-only",
    async () => {
      const { site, host } = await withHost();
      site.key();
      site.install('ldmsd', ldmsd);
      const script = `${prepare(site)}
mkdir /run/munge
mount --bind ${host.path('run/munge')} /run/munge
mount -o remount,bind,ro /run/munge
exec "$0" ${asked}`;
      const result = await inNamespaces(site, script, env(site)).ended;
      expect(result.stdout, result.stderr).toBe(
        'munge works at its default socket: -F -x sock:10411 -a munge\n',
      );
      expect(message(result)).toMatch(/the host's munged is ready/);
    },
  );
});
