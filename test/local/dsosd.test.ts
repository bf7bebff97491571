/**
 * dsosd beside ldmsd, with the real rpcbind. Port 111 and /run are those of namespaces of the test's
 * own, so that nothing of the machine's is met.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../support/etcd.ts';
import { testNeeding } from '../support/needs.ts';
import { program, repository, run, type Started, start, until } from '../support/program.ts';
import { ldmsdThat, logLines, makeSite, message, type Site } from '../support/site.ts';

const needs = ['root', 'rpcbind', 'rpcinfo', 'ip', 'namespaces'];
const standIn = join(repository, 'test/standins/bin/dsosd');
const directory = '{"node1": {"cont": "/storage/cont"}}\n';
const asked = 'agg -x sock:10411';
const running = ldmsdThat("echo ldmsd runs; trap 'echo ldmsd ends; exit 7' TERM; sleep 1000 & wait");

/** A site with a directory file, an ldmsd that runs until it is stopped, and the stand-in for dsosd. */
function siteWith(settings: NodeJS.ProcessEnv = {}): Site {
  const site = makeSite({ LDMS_ENTRYPOINT_DSOSD: '1', DSOSD_SERVER_ID: 'node1', ...settings });
  site.write('etc/dsosd.json', directory);
  site.install('ldmsd', running);
  site.install('dsosd', `#!/bin/sh\nexec ${standIn}\n`);
  return site;
}

/** Runs a shell script in namespaces of its own, with a fresh /run; `$0` is the program. */
function inNamespaces(site: Site, script: string): Started {
  const flags = ['--net', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child'];
  const prepare = 'ip link set lo up; mount -t tmpfs none /run';
  const words = [...flags, '--mount-proc', '/bin/sh', '-ec', `${prepare}\n${script}`, program];
  const started = start('unshare', words, { env: site.env });
  // Its children end with it.
  onTestFinished(() => started.kill('SIGKILL'));
  return started;
}

const childrenOf = (pid: number): number[] =>
  readdirSync(`/proc/${pid}/task`)
    .flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' '))
    .filter(Boolean)
    .map(Number);

/** What a process listing shows; empty for one that is gone. */
function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** The leader process, which is the only child of the `unshare` that it was started by. */
function leaderOf({ pid }: Started): number {
  const [leader, ...more] = childrenOf(pid);
  if (leader === undefined || more.length > 0) throw new Error('there is no one child of unshare');
  return leader;
}

/** The pid of the leader's child of this name. */
function childNamed(leader: number, name: string): number | undefined {
  return childrenOf(leader).find((pid) => nameOf(pid) === name);
}

/** Waits until a child of this name runs, other than `before`. */
const awaitChild = (leader: number, name: string, before?: number): Promise<number> =>
  until(`${name} runs`, () => {
    const pid = childNamed(leader, name);
    return pid !== before && pid;
  });

/** Waits until all run, and tells the leader's pid. */
async function awaitRunning(started: Started, leader = leaderOf): Promise<number> {
  await until('ldmsd runs', () => started.stdout().includes('ldmsd runs'));
  await until('dsosd serves', () => started.stderr().includes('not the real dsosd'));
  await until('that is logged', () => message(started.stderr()).includes('dsosd is ready'));
  return leader(started);
}

describe('agg with LDMS_ENTRYPOINT_DSOSD=1', () => {
  testNeeding(needs, 'rpcbind, dsosd and ldmsd run, each after the one before', async () => {
    const started = inNamespaces(siteWith({ LDMS_ENTRYPOINT_LOG_LEVEL: 'debug' }), `exec "$0" ${asked}`);
    const leader = await awaitRunning(started);
    expect(childrenOf(leader).map(nameOf).sort()).toEqual(['dsosd', 'ldmsd', 'rpcbind']);
    // stdout is ldmsd's alone.
    expect(started.stdout()).not.toContain('dsosd');
    expect(started.stderr()).toContain(
      '[dsosd] dsosd (stand-in, not the real dsosd): cont at /storage/cont\n',
    );
    const told = await until('that ldmsd runs is logged', () => {
      const lines = message(started.stderr());
      return lines.includes('ldmsd runs, as process') && lines;
    });
    expect(told).toMatch(/^rpcbind is ready, .*^dsosd is ready, .*^ldmsd runs, as process /ms);
    process.kill(leader, 'SIGTERM');
    expect((await started.ended).code).toBe(7);
  });

  testNeeding(needs, 'TERM stops ldmsd, then dsosd, then rpcbind', async () => {
    const site = siteWith();
    // Each tells whether what it stands on still runs when it is to end.
    const alive = (name: string) => `pidof -s ${name} > /dev/null && echo $0 ends before ${name}`;
    const ends = (name: string, then: string) =>
      `trap '${alive(name)}; ${then}' TERM; echo "$0 runs, not the real dsosd"; sleep 1000 & wait`;
    const dsosd = site.install('dsosd', `#!/bin/bash\n${ends('rpcbind', 'exit 0')}\n`);
    const ldmsd = site.install('ldmsd', ldmsdThat(`echo ldmsd runs; ${ends(`-x ${dsosd}`, 'exit 7')}`));
    const started = inNamespaces(site, `exec "$0" ${asked}`);
    const leader = await awaitRunning(started);
    process.kill(leader, 'SIGTERM');
    const { code, stdout, stderr } = await started.ended;
    expect(code).toBe(7);
    const ended = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('ends before'));
    expect(ended).toEqual([`${ldmsd} ends before -x ${dsosd}`, `[dsosd] ${dsosd} ends before rpcbind`]);
  });

  testNeeding(needs, 'dsosd that dies is started again, after a longer pause each time', async () => {
    const started = inNamespaces(siteWith(), `exec "$0" ${asked}`);
    const leader = await awaitRunning(started);
    const others = [childNamed(leader, 'rpcbind'), childNamed(leader, 'ldmsd')];
    let dsosd = await awaitChild(leader, 'dsosd');
    for (const times of [1, 2]) {
      process.kill(dsosd, 'SIGKILL');
      dsosd = await awaitChild(leader, 'dsosd', dsosd);
      const words = `dsosd: it ended with signal SIGKILL; it is started again in ${times}00 ms (${times} of 5)`;
      await until(words, () => message(started.stderr()).includes(words));
    }
    expect([childNamed(leader, 'rpcbind'), childNamed(leader, 'ldmsd')]).toEqual(others);
  });

  testNeeding(needs, 'rpcbind that dies is started again, and ldmsd goes on', async () => {
    const started = inNamespaces(siteWith(), `exec "$0" ${asked}`);
    const leader = await awaitRunning(started);
    const ldmsd = childNamed(leader, 'ldmsd');
    process.kill(await awaitChild(leader, 'rpcbind'), 'SIGKILL');
    await until('rpcbind is ready again', () => {
      const ready = message(started.stderr()).match(/^rpcbind is ready/gm);
      return ready?.length === 2;
    });
    expect(childNamed(leader, 'rpcbind')).toBeGreaterThan(0);
    expect(childNamed(leader, 'ldmsd')).toBe(ldmsd);
  });

  testNeeding(needs, 'dsosd registers anew with an rpcbind that was started again', async () => {
    const started = inNamespaces(siteWith({ LDMS_ENTRYPOINT_RESTART_LIMIT: '1' }), `exec "$0" ${asked}`);
    const leader = await awaitRunning(started);
    const dsosd = await awaitChild(leader, 'dsosd');
    process.kill(await awaitChild(leader, 'rpcbind'), 'SIGKILL');
    await awaitChild(leader, 'dsosd', dsosd);
    await until('dsosd serves again', () => {
      return started.stderr().match(/not the real dsosd/g)?.length === 2;
    });
    // That was no death of its own: it may still die once.
    process.kill(await awaitChild(leader, 'dsosd', dsosd), 'SIGKILL');
    await until('dsosd serves once more', () => {
      return started.stderr().match(/not the real dsosd/g)?.length === 3;
    });
  });

  testNeeding(needs, 'dsosd that dies together with rpcbind is started again after it', async () => {
    const started = inNamespaces(siteWith({ LDMS_ENTRYPOINT_RESTART_LIMIT: '1' }), `exec "$0" ${asked}`);
    const leader = await awaitRunning(started);
    const both = [await awaitChild(leader, 'rpcbind'), await awaitChild(leader, 'dsosd')];
    for (const pid of both) process.kill(pid, 'SIGKILL');
    await until('dsosd serves again', () => {
      return started.stderr().match(/not the real dsosd/g)?.length === 2;
    });
    expect(message(started.stderr())).not.toContain('dsosd has died');
  });

  testNeeding(needs, "the host's rpcbind is used and left alone, and none is started", async () => {
    const site = siteWith();
    const host = 'rpcbind; until rpcinfo -p 127.0.0.1 > /dev/null 2>&1; do :; done';
    const container = `unshare --pid --fork --kill-child --mount-proc "$0" ${asked} || code=$?`;
    const after = 'rpcinfo -p 127.0.0.1 > /dev/null && echo "the rpcbind of the host runs on"; exit $code';
    const started = inNamespaces(site, `${host}\n${container}\n${after}`);
    const leader = await awaitRunning(started, (outer) => {
      const unshare = childNamed(leaderOf(outer), 'unshare');
      return childrenOf(unshare ?? 0)[0] ?? 0;
    });
    expect(childrenOf(leader).map(nameOf).sort()).toEqual(['dsosd', 'ldmsd']);
    process.kill(leader, 'SIGTERM');
    const { code, stdout, stderr } = await started.ended;
    expect(code).toBe(7);
    expect(message(stderr)).toMatch(/^the host's rpcbind is ready, .*\ndsosd is ready/m);
    expect(stdout).toContain('the rpcbind of the host runs on\n');
  });

  testNeeding(needs, 'dsosd that cannot stay ends the container with 83', async () => {
    const site = siteWith({ STANDIN_RPCBIND: '127.0.0.1:9', LDMS_ENTRYPOINT_RESTART_LIMIT: '1' });
    const { code, stderr } = await inNamespaces(site, `exec "$0" ${asked}`).ended;
    expect(code, stderr).toBe(83);
    expect(message(stderr)).toMatch(
      /dsosd has died 2 times in a row, the last time: .*cannot register with rpcbind/,
    );
  });

  testNeeding(needs, 'what rpcbind would not tell is told before anything is started', async () => {
    const site = siteWith();
    const drop = 'setpriv --bounding-set=-net_bind_service --inh-caps=-net_bind_service';
    const { code, stdout, stderr } = await inNamespaces(site, `exec ${drop} "$0" ${asked}`).ended;
    expect({ code, stdout }).toEqual({ code: 83, stdout: '' });
    expect(message(stderr)).toContain('cannot start rpcbind: the container lacks CAP_NET_BIND_SERVICE');
  });
});

describe('a directory file that is no good: nothing is started', () => {
  const bad: readonly [string, (site: Site) => void, string][] = [
    ['broken', (site) => site.write('etc/dsosd.json', '{"node1": {\n'), ':2:1: the file ends where'],
    ['missing', () => undefined, 'it does not exist; put yours there: cp dsosd.json '],
    [
      'a directory',
      (site) => mkdirSync(site.path('etc/dsosd.json'), { recursive: true }),
      'which docker makes',
    ],
  ];
  test.each(bad)('%s', async (_, make, says) => {
    const site = makeSite({ LDMS_ENTRYPOINT_DSOSD: '1' });
    for (const name of ['ldmsd', 'dsosd', 'rpcbind']) {
      site.install(name, ldmsdThat(`: > ${site.path('started')}`));
    }
    make(site);
    const { code, stdout, stderr } = await site.run(['agg', '-x', 'sock:10411']);
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(message(stderr)).toContain(says);
    expect(logLines(stderr)[0]).toMatchObject({ exit: 78 });
    expect(existsSync(site.path('started'))).toBe(false);
    expect((await site.run(['check', 'agg', '-x', 'sock:10411'])).code).toBe(78);
  });

  test('agg bash and agg ldmsd -V need none', async () => {
    const site = makeSite({ LDMS_ENTRYPOINT_DSOSD: '1' });
    site.install('ldmsd', ldmsdThat(''));
    expect(await site.run(['agg', 'ldmsd', '-V'])).toMatchObject({ code: 0, stderr: '' });
    expect(await site.run(['agg', '/bin/echo', 'hello'])).toMatchObject({ code: 0, stdout: 'hello\n' });
  });
});

describe('the stand-in for dsosd', () => {
  const runStandIn = (env: NodeJS.ProcessEnv) =>
    run(standIn, [], { env: { PATH: process.env['PATH'], ...env } });

  test('ends with 1 where nobody plays rpcbind', async () => {
    const nobody = `127.0.0.1:${await freePort()}`;
    const { code, stdout } = await runStandIn({ STANDIN_RPCBIND: nobody });
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: 'dsosd (stand-in): cannot register with rpcbind\n',
    });
  });

  test.each([
    ['unreadable', undefined],
    ['no JSON', '{'],
  ])('ends with 1 over a directory file that is %s', async (_, text) => {
    const site = makeSite();
    const path = text === undefined ? site.path('none') : site.write('dsosd.json', text);
    const { code, stdout } = await runStandIn({ DSOSD_DIRECTORY: path });
    expect(code).toBe(1);
    expect(stdout).toContain('dsosd (stand-in): cannot use its directory file');
  });
});
