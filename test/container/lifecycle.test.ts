/** What people and engines do to running containers: stop, restart, signals, terminals, init processes. */
import { readFileSync } from 'node:fs';
import { describe, expect, onTestFinished } from 'vitest';
import type { ImageName } from '../../images/build/images.ts';
import {
  type Container,
  engine,
  hasEnded,
  imageOf,
  isHealthy,
  runToEnd,
  startContainer,
} from '../support/containers.ts';
import { freePort } from '../support/etcd.ts';
import { makeHostFiles } from '../support/host-files.ts';
import { clusterOf } from '../support/maestro.ts';
import { testNeeding } from '../support/needs.ts';
import { startOnTerminal } from '../support/probe.ts';
import { until } from '../support/program.ts';

const needs = ['docker engine', 'root'];
const samp = async (options: readonly string[] = [], args: readonly string[] = []): Promise<Container> => {
  const container = await startContainer(options, imageOf('samp'), [
    '-x',
    `sock:${await freePort()}`,
    ...args,
  ]);
  await isHealthy(container);
  return container;
};
/** With a network of its own: etcd's ports are the usual ones. */
const maestro = async (options: readonly string[] = []): Promise<Container> => {
  const files = makeHostFiles(clusterOf(2));
  const all = ['--network=none', '-v', `${files.path('ldms_cfg.yaml')}:/etc/ldms_cfg.yaml`, ...options];
  const container = await startContainer(all, imageOf('maestro'));
  await isHealthy(container);
  return container;
};

describe('restart', () => {
  testNeeding(needs, 'ten times: it serves each time, with its own munged, and stops cleanly', async () => {
    const files = makeHostFiles(clusterOf(1));
    const container = await samp(['-v', `${files.key()}:/etc/munge/munge.key:ro`], ['-a', 'munge']);
    for (let time = 1; time <= 10; time++) {
      // Every other time without a chance to clean up: socket, lock and pid file of munged stay behind.
      const { code, stderr } = await container.docker(time % 2 === 0 ? 'restart' : 'kill', container.name);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      if (time % 2 === 1) await container.docker('start', container.name);
      await isHealthy(container);
    }
    expect((await container.logs()).stderr).not.toMatch(/error|warn/i);
  });

  testNeeding(needs, 'maestro comes back with what its etcd has kept', async () => {
    const container = await maestro();
    await container.docker('restart', container.name);
    await isHealthy(container);
    const { stdout } = await container.exec(['etcdctl', 'get', '--prefix', '/maestro/', '--keys-only']);
    expect(stdout).toMatch(/last_updated/);
  });
});

describe('signals', () => {
  testNeeding(needs, 'HUP gets to ldmsd, which ends on it', async () => {
    const container = await samp();
    await container.docker('kill', '-s', 'HUP', container.name);
    expect((await hasEnded(container)).exitCode).toBe(0);
  });

  testNeeding(needs, 'HUP has maestro read its file again', async () => {
    const files = makeHostFiles(clusterOf(2));
    const options = ['--network=none', '-v', `${files.path('ldms_cfg.yaml')}:/etc/ldms_cfg.yaml`];
    const container = await startContainer(options, imageOf('maestro'));
    await isHealthy(container);
    files.write('ldms_cfg.yaml', clusterOf(5));
    await container.docker('kill', '-s', 'HUP', container.name);
    await until('maestro has the new configuration', async () =>
      /5 daemons configured/.test((await container.logs()).stdout),
    );
    expect((await container.state()).running).toBe(true);
  });

  testNeeding(
    needs,
    'KILL, in the negative: the exit code is 137 where nobody handles the signal',
    async () => {
      const container = await samp();
      await container.docker('kill', container.name);
      expect((await hasEnded(container)).exitCode).toBe(137);
    },
  );
});

describe('other leader processes', () => {
  testNeeding(needs, '--init: docker-init is the leader, and ldmsd ends with its code', async () => {
    const container = await samp(['--init']);
    const running = await container.commandLines();
    expect(running[0]).toMatch(/docker-init|tini|catatonit/);
    expect(running[1]).toMatch(/ldmsd -F/);
    expect(await container.stop()).toBeLessThan(5_000);
    expect((await container.state()).exitCode).toBe(0);
  });

  testNeeding(
    needs,
    "--pid=host: ldmsd sees the host's processes, and nothing is left when it stops",
    async () => {
      const files = makeHostFiles(clusterOf(1));
      const container = await samp(
        ['--pid=host', '-v', `${files.key()}:/etc/munge/munge.key:ro`],
        ['-a', 'munge'],
      );
      const { stdout } = await container.exec(['cat', `/proc/${process.pid}/comm`]);
      expect(stdout, "the host's /proc").toBe(readFileSync('/proc/self/comm', 'utf8'));
      expect(await container.stop()).toBeLessThan(5_000);
      expect((await container.state()).exitCode).toBe(0);
    },
  );
});

describe('orphans', () => {
  const leaveOrphan = ['sh', '-c', 'sh -c "sleep 0.1" & exit 0'];

  testNeeding(needs, 'of docker exec are reaped in maestro, in the hundreds', async () => {
    const container = await maestro();
    await container.exec(['sh', '-c', 'for i in $(seq 200); do (sleep 0.1 &) ; done']);
    await until('no zombie is left', async () => (await zombies(container)) === 0);
  });

  testNeeding(needs, 'stay as zombies where nobody reaps: the negative of the above', async () => {
    const container = await samp();
    await container.exec(leaveOrphan);
    await until('there is a zombie', async () => (await zombies(container)) > 0);
  });

  async function zombies(container: Container): Promise<number> {
    const script = 'cat /proc/[0-9]*/stat 2>/dev/null';
    const { stdout } = await container.exec(['sh', '-c', script]);
    return stdout.split('\n').filter((line) => /\) Z /.test(line)).length;
  }
});

describe('dev', () => {
  testNeeding([...needs, 'script'], '-it gives a shell with job control on a terminal', async () => {
    const name = `ldms-test-${process.pid}-terminal`;
    onTestFinished(async () => void (await engine(['rm', '-f', name])));
    const words = ['docker', 'run', '--rm', `--name=${name}`, '-it', '--network=host', imageOf('dev')];
    const shell = await startOnTerminal(words, { env: process.env, path: makeHostFiles('').path });
    await until('there is a prompt', () => /[#$] $/.test(shell.stdout()));
    // Typed words come back as echo; what counts is what the shell computes from them.
    shell.type('tty; case $- in *m*) echo job $((6*7)) control;; esac; exit 42\n');
    const { code, stdout } = await shell.ended;
    expect(stdout).toMatch(/\/dev\/(pts\/\d+|console)\r?\n/);
    expect(stdout).toContain('job 42 control');
    expect(code).toBe(42);
  });

  testNeeding(needs, "arguments are bash's, and what OVIS is built with is there", async () => {
    const programs = [
      'gcc',
      'autoconf',
      'libtoolize',
      'cython',
      'npm',
      'gdb',
      'git',
      'etcdctl',
      'vim',
      'pdsh',
    ];
    const script = `for p in ${programs.join(' ')}; do command -v $p >/dev/null || echo "no $p"; done; echo "$1"`;
    const { code, stdout, stderr } = await runToEnd([], imageOf('dev'), ['-c', script, 'bash', 'a  b']);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'a  b\n', stderr: '' });
  });
});

describe('what the images start', () => {
  testNeeding(needs, 'another program that is named, in the place of the daemon', async () => {
    const named: [ImageName, string[], RegExp][] = [
      ['samp', ['ldmsd', '-V'], /^LDMSD Version: 4\.4\.4\n$/],
      ['agg', ['bash', '-c', 'echo "$1"', 'bash', 'a  b'], /^a {2}b\n$/],
      ['ui', ['python3', '-c', 'import django'], /^$/],
      ['grafana', ['grafana-server', '-v'], /9\.1\.0/],
    ];
    for (const [image, args, says] of named) {
      const { code, stdout } = await runToEnd([], imageOf(image), args);
      expect(stdout).toMatch(says);
      expect(code).toBe(0);
    }
  });

  testNeeding(needs, 'arguments arrive byte for byte', async () => {
    const args = ['-x', `sock:${await freePort()}`, '-A', 'conf=/tmp/a b', '-n', '*', '--', '', '\'"\n\\'];
    const container = await startContainer(['-e', 'LDMSD_STANDIN_TELL=/tmp/told'], imageOf('samp'), args);
    await isHealthy(container);
    const { stdout } = await container.exec(['cat', '/tmp/told']);
    const told = JSON.parse(stdout);
    expect(told.args.slice(-args.length - 1)).toEqual(['-F', ...args]);
    expect(told).toMatchObject({ pid: 1, uid: 0, sigblk: '0000000000000000' });
    expect(BigInt(`0x${told.sigign}`), 'ignored signals').toBe(0n);
  });

  testNeeding(needs, 'docker logs has every line of the daemon, and none of ours without need', async () => {
    const container = await startContainer([], imageOf('samp'), [
      'bash',
      '-c',
      'seq 20000; printf %01000000d 7; echo; echo last >&2; printf tail',
    ]);
    await hasEnded(container);
    const { stdout, stderr } = await container.logs();
    const numbers = Array.from({ length: 20_000 }, (_, at) => at + 1).join('\n');
    expect(stdout === `${numbers}\n${'0'.repeat(999_999)}7\ntail`, 'stdout as it was written').toBe(true);
    expect(stderr).toBe('last\n');
  });
});
