/** A maestro container comes up: in which order, with what, and what its user sees. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { parse } from 'yaml';
import { freePort } from '../support/etcd.ts';
import { commandLine } from '../support/machine.ts';
import { clusterOf, isUp, listeningOf, makePlace, type Place, processesOf } from '../support/maestro.ts';
import { testNeeding } from '../support/needs.ts';
import { program, run, start, until } from '../support/program.ts';
import { logLines } from '../support/site.ts';

/** Loopback in /proc/net/tcp, which has the bytes of an IPv4 address in the machine's order. */
const loopback = /^0100007F:/;

describe('comes up', () => {
  testNeeding(
    ['etcd', 'munged'],
    'with munge where an endpoint asks for it: etcd and munged side by side, maestro_ctrl, maestro',
    async () => {
      const place = await makePlace({ LDMS_ENTRYPOINT_LOG_LEVEL: 'debug' }, clusterOf(2, 'munge'));
      place.site.key();
      // Each waits for the other's start, so that one after the other would never come up.
      const waitingFor = (own: string, other: string) =>
        `: > ${place.site.path(own)}; until [ -e ${place.site.path(other)} ]; do sleep 0.02; done; exec $REAL "$@"`;
      place.site.write('marks/none', '');
      const marks = place.site.path('marks');
      await run('chmod', ['a+rwx', marks]);
      place.wrap('etcd', waitingFor('marks/etcd', 'marks/munged'));
      place.wrap('munged', waitingFor('marks/munged', 'marks/etcd'));
      const container = await place.comeUp();
      const order = container
        .messages()
        .match(/^(etcd|munged) is ready|^maestro_ctrl is done|^maestro runs/gm);
      expect(order?.slice(0, 2).sort()).toEqual(['etcd is ready', 'munged is ready']);
      expect(order?.slice(2)).toEqual(['maestro_ctrl is done', 'maestro runs']);
      expect(await place.health()).toEqual({
        code: 0,
        stdout: `healthy: maestro runs as process ${container.pid}, maestro's process ${place.pid('maestro')} runs, etcd is healthy, munge answers\n`,
        stderr: '',
      });
      expect((await container.stop()).code).toBe(143);
    },
  );

  testNeeding(['etcd'], 'without munge where nobody asks for it; etcd holds the configuration', async () => {
    const place = await makePlace();
    const container = await place.comeUp();
    expect(container.stderr()).not.toContain('munge');
    expect(place.pids('munged')).toEqual([]);
    expect(await place.stored()).toMatchObject({
      '/maestro/daemons/samp-[1-2]/samp-2/addr': 'node-2',
      '/maestro/last_updated': expect.any(String),
    });
    const { stdout } = await place.health();
    expect(stdout).toMatch(/^healthy: /);
    expect(stdout).not.toContain('munge');
    // Each line is marked, and each daemon's lines are on the stream that it wrote them to.
    const { stdout: out, stderr } = await container.stop();
    expect(out.split('\n').filter((line) => !/^(\[(etcd|maestro_ctrl|maestro)\] .*)?$/.test(line))).toEqual(
      [],
    );
    expect(out).toMatch(/^\[maestro_ctrl\] LDMS cluster configuration saved to etcd cluster\.$/m);
    expect(out).toMatch(/^\[maestro\] maestro \(stand-in\): 2 daemons configured/m);
    expect(stderr).toMatch(/^\[etcd\] /m);
    expect(stderr).toMatch(/^\[maestro_ctrl\] maestro_ctrl \(stand-in\)$/m);
    expect(
      stderr.split('\n').filter((line) => !/^(\[(etcd|maestro_ctrl|maestro)\] .*|\{.*\}|)$/.test(line)),
    ).toEqual([]);
  });

  testNeeding(
    ['etcd'],
    'maestro and maestro_ctrl are given the prefix, the cluster file and the configuration',
    async () => {
      const place = await makePlace({ LDMS_ENTRYPOINT_MAESTRO_PREFIX: 'other' });
      // The stand-in, which says first what it was given.
      const { site } = place;
      for (const name of ['maestro', 'maestro_ctrl']) {
        await run('mv', [site.path(`bin/${name}`), site.path(`bin/real-${name}`)]);
        site.install(name, `#!/bin/sh\necho "called: $0 $*"\nexec ${site.path(`bin/real-${name}`)} "$@"\n`);
      }
      const container = await place.comeUp();
      const where = `--prefix other --cluster ${site.path('run/ldms-entrypoint/cluster.yaml')}`;
      expect(container.stdout()).toContain(
        `[maestro_ctrl] called: ${site.path('bin/maestro_ctrl')} ${where} --ldms_config ${site.path('etc/ldms_cfg.yaml')}\n`,
      );
      expect(container.stdout()).toMatch(/^\[maestro\] called: \S*maestro --prefix other --cluster \S+$/m);
      expect(parse(readFileSync(site.path('run/ldms-entrypoint/cluster.yaml'), 'utf8'))).toMatchObject({
        members: [{ host: '127.0.0.1', port: place.port }],
      });
    },
  );

  testNeeding(['etcd'], 'etcd listens on loopback only, for its clients and for its peers', async () => {
    const place = await makePlace();
    await place.comeUp();
    const listening = listeningOf(place.pid('etcd'));
    const client = `0100007F:${place.port.toString(16).toUpperCase().padStart(4, '0')}`;
    expect(listening).toContain(client);
    expect(listening).toHaveLength(2);
    expect(listening.filter((address) => !loopback.test(address))).toEqual([]);
  });

  testNeeding(['etcd'], 'arguments are ignored, and a warning shows them', async () => {
    const place = await makePlace();
    const container = await place.comeUp(['-x', 'sock:411', 'a "b"', '']);
    const warnings = container.log().filter(({ level }) => level === 'warn');
    expect(warnings.map(({ msg }) => msg)).toEqual([
      'the arguments "-x" "sock:411" "a \\"b\\"" "" are ignored: maestro takes all from /etc/ldms_cfg.yaml',
    ]);
    expect(commandLine(place.pid('maestro')).join(' ')).not.toContain('sock:411');
  });

  testNeeding(['etcd'], 'two in one network, on ports of their own, do not meet', async () => {
    const [one, two] = [await makePlace(), await makePlace({}, clusterOf(3))];
    await Promise.all([one.comeUp(), two.comeUp()]);
    expect(Object.keys(await one.stored())).not.toContain('/maestro/daemons/samp-[1-3]/samp-3/addr');
    expect(Object.keys(await two.stored())).toContain('/maestro/daemons/samp-[1-3]/samp-3/addr');
  });
});

describe("the user's ETCD_* variables", () => {
  testNeeding(['etcd'], 'are honoured, and never shadow an option of ours', async () => {
    const second = await freePort();
    const place = await makePlace({
      ETCD_NAME: 'mine',
      ETCD_LOG_LEVEL: 'info',
      ETCD_AUTO_COMPACTION_RETENTION: '2h',
    });
    const { site, url } = place;
    Object.assign(site.env, {
      ETCD_DATA_DIR: site.path('my/data'),
      ETCD_LISTEN_CLIENT_URLS: `${url},http://127.0.0.1:${second}`,
      ETCD_ADVERTISE_CLIENT_URLS: `http://127.0.0.1:${second}`,
    });
    const container = await place.comeUp();
    expect(existsSync(site.path('my/data/member/snap/db'))).toBe(true);
    expect(existsSync(site.path('var/lib/etcd'))).toBe(false);
    const answer = await fetch(`http://127.0.0.1:${second}/v3/cluster/member/list`, {
      method: 'POST',
      body: '{}',
    });
    const { members } = (await answer.json()) as { members: unknown[] };
    expect(members).toMatchObject([{ name: 'mine', clientURLs: [`http://127.0.0.1:${second}`] }]);
    expect(container.stderr(), 'log level').toMatch(/^\[etcd\] \{"level":"info"/m);
    expect(container.stderr()).not.toContain('shadowed');
    const given = commandLine(place.pid('etcd')).join(' ');
    expect(given).not.toMatch(
      /--(data-dir|listen-client-urls|advertise-client-urls|name|log-level|election-timeout|auto)/,
    );
    expect((await place.health()).code).toBe(0);
    expect((await container.stop()).code).toBe(143);
  });

  testNeeding(['etcd'], 'an address beyond loopback is warned of, and reached by loopback', async () => {
    const place = await makePlace();
    place.site.env['ETCD_LISTEN_CLIENT_URLS'] = `http://0.0.0.0:${place.port}`;
    const container = await place.comeUp();
    expect(container.log().filter(({ level }) => level === 'warn')).toMatchObject([
      {
        msg: expect.stringMatching(
          /^etcd listens on http:\/\/0\.0\.0\.0:\d+, beyond loopback and without authentication/,
        ),
      },
    ]);
    expect((await place.health()).code).toBe(0);
  });

  testNeeding(['etcd'], 'ETCD_CONFIG_FILE, with which etcd would ignore all else, is refused', async () => {
    const place = await makePlace({ ETCD_CONFIG_FILE: '/etc/etcd.yaml' });
    const container = place.start();
    const { code } = await container.over();
    expect(code).toBe(78);
    expect(container.messages()).toMatch(
      /^cannot use ETCD_CONFIG_FILE=\/etc\/etcd\.yaml: with it etcd ignores all other/,
    );
  });
});

describe('health', () => {
  testNeeding(
    ['etcd', 'munged'],
    'is 1 while preparing, and when etcd, munged or maestro is frozen or gone',
    async () => {
      const place = await makePlace({ LDMS_ENTRYPOINT_HEALTH_TIMEOUT: '2s' }, clusterOf(2, 'munge'));
      place.site.key();
      place.ctrlMode('hang');
      const preparing = place.start();
      await preparing.hears(/hangs/);
      expect(await place.health()).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/^unhealthy: no daemon/),
      });
      await preparing.stop();
      place.ctrlMode('');
      const container = await place.comeUp();
      // Negative control: as it is, it is healthy, within that time.
      expect((await place.health()).code).toBe(0);
      for (const [name, words] of [
        ['etcd', /^unhealthy: etcd: it does not answer\n$/],
        ['munged', /^unhealthy: munge: .+\n$/],
      ] as const) {
        const pid = place.pid(name);
        process.kill(pid, 'SIGSTOP');
        const { code, stdout } = await place.health();
        expect({ name, code }).toEqual({ name, code: 1 });
        expect(stdout).toMatch(words);
        process.kill(pid, 'SIGCONT');
        expect((await place.health()).code, name).toBe(0);
      }
      // Killed so that it takes a moment until it is back.
      place.wrap('etcd', `until [ -e ${place.site.path('go')} ]; do sleep 0.02; done; exec $REAL "$@"`);
      process.kill(place.pid('etcd'), 'SIGKILL');
      await container.says(/^etcd: it ended with signal SIGKILL; it is started again/m);
      expect(await place.health()).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/^unhealthy: etcd: nobody listens there\n$/),
      });
      place.site.write('go', '');
      await isUp(container, 2);
      await until('it is healthy again', async () => (await place.health()).code === 0);
      // The container ends with maestro, and with it the record.
      process.kill(place.pid('maestro'), 'SIGKILL');
      expect((await place.health()).code).toBe(1);
      expect((await container.over()).code).toBe(137);
      expect((await place.health()).code).toBe(1);
    },
  );

  testNeeding(
    ['etcd'],
    'is 1 after etcd has died for good, and the container has ended with 81',
    async () => {
      const place = await makePlace({ LDMS_ENTRYPOINT_RESTART_LIMIT: '0' });
      const container = await place.comeUp();
      process.kill(place.pid('etcd'), 'SIGKILL');
      expect((await container.over()).code).toBe(81);
      expect(container.messages()).toMatch(
        /^etcd has died and may not be started again, the last time: it ended with signal SIGKILL/m,
      );
      expect((await place.health()).code).toBe(1);
    },
  );
});

describe('a container that is started again', () => {
  testNeeding(['etcd'], 'finds its data, and writes its configuration anew', async () => {
    const place = await makePlace();
    const first = await place.comeUp();
    const before = await place.stored();
    // Nothing that we did not write is lost.
    await fetch(`${place.url}/v3/kv/put`, {
      method: 'POST',
      body: JSON.stringify({ key: btoa('/mine'), value: btoa('kept') }),
    });
    expect((await first.stop()).code).toBe(143);
    await place.comeUp();
    const { '/maestro/last_updated': now, ...rest } = await place.stored();
    const { '/maestro/last_updated': then, ...restBefore } = before;
    expect(rest).toEqual(restBefore);
    expect(Number(now)).toBeGreaterThan(Number(then));
    const answer = await fetch(`${place.url}/v3/kv/range`, {
      method: 'POST',
      body: JSON.stringify({ key: btoa('/mine') }),
    });
    expect(await answer.json()).toMatchObject({ count: '1' });
  });

  testNeeding(['etcd'], 'also after it was killed with all that was in it', async () => {
    const place = await makePlace();
    const first = await place.comeUp();
    for (const pid of [first.pid, place.pid('etcd'), place.pid('maestro')]) process.kill(pid, 'SIGKILL');
    expect((await first.over()).code).toBe(137);
    const second = await place.comeUp();
    expect((await place.health()).code).toBe(0);
    expect((await second.stop()).code).toBe(143);
  });
});

/** Everything below a directory, with sizes and times. */
function treeOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => {
      const { size, mtimeMs, mode, uid } = statSync(path);
      return [path, size, mtimeMs, mode, uid].join(' ');
    })
    .sort();
}

describe('explain maestro and check maestro', () => {
  testNeeding(['etcd'], 'tell everything in order, and change nothing', async () => {
    const place = await makePlace({}, clusterOf(2, 'munge'));
    place.site.key();
    const before = treeOf(place.site.root);
    const explained = await place.site.run(['explain', 'maestro']);
    expect(explained.code).toBe(0);
    const order = [
      `/etc/ldms_cfg.yaml: 2 daemons`,
      `program etcd: ${place.site.path('bin/etcd')}`,
      'start etcd --data-dir=',
      `wait until etcd says at ${place.url}/health that it is healthy`,
      'start munged',
      'run PYTHONUNBUFFERED=1 maestro_ctrl --prefix maestro --cluster',
      'stay as the leader process, and run PYTHONUNBUFFERED=1 maestro --prefix maestro --cluster',
    ];
    const places = order.map((words) => explained.stdout.indexOf(words));
    expect(places, explained.stdout).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    const checked = await place.site.run(['check', 'maestro']);
    expect(checked.stdout).toMatch(/^maestro is ready/m);
    expect(checked.code).toBe(0);
    expect(treeOf(place.site.root)).toEqual(before);
    // Negative control: a start is seen to change it.
    await (await place.comeUp()).stop();
    expect(treeOf(place.site.root)).not.toEqual(before);
  });

  for (const command of ['explain', 'check']) {
    testNeeding(
      ['ptrace', 'etcd'],
      `${command} maestro: no file is written, nothing started or connected to`,
      async () => {
        const place = await makePlace({}, clusterOf(2, 'munge'));
        place.site.key();
        const trace = place.site.path('trace');
        const calls = 'trace=file,process,network,desc,signal';
        await run('strace', ['-f', '-o', trace, '-e', calls, program, command, 'maestro'], {
          env: place.site.env,
        });
        const lines = readFileSync(trace, 'utf8').split('\n');
        expect(lines.length, 'the trace saw something').toBeGreaterThan(10);
        const [first, ...changes] = lines
          .filter((line) =>
            /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|mkdir|unlink|rename|chmod|chown|symlink|link\(|execve|\bfork|connect\(|bind\(|kill\(/.test(
              line,
            ),
          )
          .filter((line) => !/readlink|fcntl|\/dev\/null|\/dev\/tty|\/proc\/self\//.test(line));
        expect(first).toContain('execve(');
        expect(changes).toEqual([]);
      },
    );
  }
});

describe('a reader of stdout that goes away', () => {
  /** Starts it with a stdout, and a stderr if wanted, that nobody reads; the log goes to a file. */
  const withoutReader = (place: Place, streams: string) => {
    const script = `exec 3>${place.site.path('log')}; { "$0" maestro & echo $! >&3; wait $!; echo "code $?" >&3; } ${streams} | true; exec 3>&-`;
    return start('/bin/bash', ['-c', script, program], { env: place.site.env });
  };
  for (const [what, streams] of [
    ['stdout', ''],
    ['stdout and stderr', '2>&1'],
  ] as const) {
    testNeeding(['etcd'], `${what}: neither we nor etcd die of it, all goes on, and TERM works`, async () => {
      const place = await makePlace({}, clusterOf(2));
      const shell = withoutReader(place, streams);
      await until('it is healthy', async () => (await place.health()).code === 0);
      const { site } = place;
      const etcd = place.pid('etcd');
      // It has more to say than a pipe holds, and its lines come to nobody.
      place.maestroMode('noisy');
      const leader = Number(readFileSync(site.path('log'), 'utf8').split('\n')[0]);
      process.kill(leader, 'SIGHUP');
      process.kill(etcd, 'SIGKILL');
      await until('etcd is back, and all is well', async () => {
        const [now] = place.pids('etcd');
        return now !== undefined && now !== etcd && (await place.health()).code === 0;
      });
      process.kill(leader, 'SIGTERM');
      await shell.ended;
      expect(processesOf(site)).toEqual([]);
      expect(readFileSync(site.path('log'), 'utf8')).toMatch(/\ncode 143\n$/);
    });
  }
});

testNeeding(['etcd'], "maestro's lines are whole: 1 MB in one, and a tail without a newline", async () => {
  const place = await makePlace();
  place.maestroMode('noisy,exit-0-after-300');
  const container = place.start();
  const { code, stdout } = await container.over();
  expect(code).toBe(0);
  const long = stdout.split('\n').find((line) => line.startsWith('[maestro] xxx'));
  expect(long?.length).toBe('[maestro] '.length + 1_000_000);
  expect(stdout).toMatch(/\n\[maestro\] a tail without a newline\n$/);
  expect(logLines(container.stderr()).length).toBeGreaterThan(0);
});
