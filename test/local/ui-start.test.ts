/** `ui` with the real uwsgi: that it comes up as the README of the images promises, and what it is then. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { commandLine, isAlive } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { below, childOf, see } from '../support/probe.ts';
import { program, type Started, until } from '../support/program.ts';
import { message } from '../support/site.ts';
import {
  aliveBelow,
  answers,
  django,
  makeUi,
  masterOf,
  startContainer,
  type Ui,
  useDjango,
  uwsgi,
} from '../support/ui.ts';

/** Where the real paths are, on a machine that has them. */
const theirs = ['/opt/ovis', '/var/log/sosgui'];
const before = theirs.map((path) => existsSync(path));

const settingsPy = 'opt/ovis/ui/sosgui/settings.py';
const supervised = { LDMS_ENTRYPOINT_SUPERVISE: '1' };
const ways: [string, NodeJS.ProcessEnv][] = [
  ['exec', {}],
  ['supervised', supervised],
];

/** The bytes of a process's arguments. */
const argumentBytes = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, 'latin1');

/** Ends it as docker does, and tells its exit code. */
async function stop(started: Started): Promise<number> {
  started.kill('SIGTERM');
  return (await started.ended).code;
}

describe('uwsgi', () => {
  for (const [way, settings] of ways) {
    testNeeding(uwsgi, `${way}: serves sosgui at --http-socket=ADDR:PORT, and nowhere else`, async () => {
      const ui = await makeUi();
      const started = ui.start([], settings);
      expect(await answers(ui, started, '/x')).toEqual({ status: 200, body: '/x', whole: true });
      expect(started.stderr().match(/bound to TCP address.*/g)).toEqual([
        expect.stringMatching(`bound to TCP address 127.0.0.1:${ui.port} `),
      ]);
      expect(await stop(started)).toBe(0);
    });
  }

  testNeeding(uwsgi, "our pid becomes uwsgi's master, and only uwsgi runs", async () => {
    const ui = await makeUi();
    const started = ui.start(['--processes=2']);
    await answers(ui, started);
    expect(see(started.pid)?.comm).toBe('uwsgi');
    const workers = await until('two workers run', () => {
      const all = below(started.pid);
      return all.length === 2 && all;
    });
    expect(workers.map(({ comm, parent }) => ({ comm, parent }))).toEqual(
      [1, 2].map(() => ({ comm: 'uwsgi', parent: started.pid })),
    );
    expect(workers.map(({ pid }) => String(pid))).toContain((await ui.ask('/pid')).body);
    expect(await stop(started)).toBe(0);
    expect(workers.filter(({ pid }) => isAlive(pid))).toEqual([]);
  });

  testNeeding(uwsgi, 'gets the words that the user has typed, byte for byte, at the end', async () => {
    const ui = await makeUi();
    const words = [
      '--set-ph',
      'a= *\'"$HOME\n\\ ',
      '--set-placeholder=b=',
      '--set-ph',
      'd=é ',
      '--processes=1',
    ];
    const script = `exec "$0" ui "$@" --set-ph "c=$(printf '\\377\\376 x')"`;
    const started = ui.startWords('/bin/sh', '-c', script, program, ui.listener, ...words);
    await answers(ui, started);
    const bytes = Buffer.from([ui.listener, ...words].map((word) => `${word}\0`).join('')).toString('latin1');
    expect(argumentBytes(started.pid).endsWith(`\0${bytes}--set-ph\0c=\xff\xfe x\0`)).toBe(true);
    expect(commandLine(started.pid)[0]).toBe('uwsgi');
  });

  testNeeding(uwsgi, 'has our stdout and stderr as they are, and what sosgui prints comes out', async () => {
    const ui = await makeUi();
    for (const [, settings] of ways) {
      const started = ui.start([], settings);
      const pipes = [1, 2].map((fd) => readlinkSync(`/proc/${started.pid}/fd/${fd}`));
      for (const pipe of pipes) expect(pipe).toMatch(/^(pipe|socket):/);
      await answers(ui, started);
      const master = masterOf(started) ?? 0;
      for (const { pid } of [{ pid: master }, ...below(master)]) {
        expect([1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))).toEqual(pipes);
      }
      await ui.ask('/said');
      await until('it is there', () => started.stdout().includes('its stdout'));
      await stop(started);
      expect(started.stdout(), 'nothing of ours is on stdout').toBe('sosgui says this on its stdout\n');
    }
  });

  testNeeding(uwsgi, 'is started in the directory of sosgui, and health finds it', async () => {
    const ui = await makeUi();
    const started = ui.start();
    await answers(ui, started);
    expect(readlinkSync(`/proc/${started.pid}/cwd`)).toBe(ui.site.path('opt/ovis/ui'));
    expect((await ui.site.run(['health'])).stdout).toMatch(/^healthy: ui runs as process \d+, http at/);
  });

  testNeeding(uwsgi, 'is started again at once on the port that it has just left', async () => {
    const ui = await makeUi();
    for (const _ of [1, 2, 3]) {
      const started = ui.start();
      await answers(ui, started);
      expect(await stop(started), started.stderr()).toBe(0);
    }
  });

  testNeeding(['namespaces', ...uwsgi], 'is PID 1 where we were', async () => {
    const ui = await makeUi();
    const started = ui.startAsFirst();
    await answers(ui, started);
    const leader = await childOf(started);
    expect(see(leader)?.comm).toBe('uwsgi');
    expect(readFileSync(`/proc/${leader}/status`, 'utf8')).toMatch(/^NSpid:\s+\d+\s+1$/m);
    process.kill(leader, 'SIGTERM');
    expect((await started.ended).code).toBe(0);
  });

  testNeeding(uwsgi, 'with a listener in an ini listens there alone', async () => {
    const ui = await makeUi();
    const ini = ui.site.write('ui.ini', `[uwsgi]\nhttp-socket = 127.0.0.1:${ui.port}\nprocesses = 2\n`);
    const started = ui.startWords(program, 'ui', '--ini', ini);
    await answers(ui, started);
    expect(started.stderr().match(/bound to /g)).toHaveLength(1);
    expect(await stop(started)).toBe(0);
  });

  testNeeding(uwsgi, 'with UWSGI_HTTP_SOCKET listens there alone', async () => {
    const ui = await makeUi();
    const started = ui.startWords('env', `UWSGI_HTTP_SOCKET=127.0.0.1:${ui.port}`, program, 'ui');
    await answers(ui, started);
    expect(started.stderr().match(/bound to /g)).toHaveLength(1);
    expect(await stop(started)).toBe(0);
  });

  testNeeding(uwsgi, 'whose workers load sosgui themselves (--lazy-apps) serves', async () => {
    const ui = await makeUi();
    const started = ui.start(['--lazy-apps', '--processes=2']);
    await answers(ui, started);
    expect(await stop(started)).toBe(0);
  });
});

describe('sosgui that cannot be imported', () => {
  for (const [way, settings] of ways) {
    testNeeding(uwsgi, `${way}: exit 22, Python's own traceback on stderr, and nothing runs`, async () => {
      const ui = await makeUi();
      ui.site.write('opt/ovis/ui/sosgui/wsgi.py', 'import no_such_module\n');
      const started = ui.start([], settings);
      const { code, stdout, stderr } = await started.ended;
      expect({ code, stdout }, stderr).toEqual({ code: 22, stdout: '' });
      expect(stderr).toMatch(
        /^Traceback .*\n.*sosgui\/wsgi\.py", line 1, .*\n.*\nModuleNotFoundError: .*no_such_module/m,
      );
      expect(stderr).toContain('no app loaded. GAME OVER');
      await expect(ui.ask(), 'the port').rejects.toThrow('ECONNREFUSED');
      await until('no uwsgi runs', () => aliveBelow(process.pid).every(({ comm }) => comm !== 'uwsgi'));
    });
  }

  testNeeding(uwsgi, "an unknown option is uwsgi's own error, with its own code", async () => {
    const ui = await makeUi();
    const { code, stderr } = await ui.start(['--no-such-option']).ended;
    expect(code).toBe(1);
    expect(stderr).toContain("unrecognized option '--no-such-option'");
  });
});

describe('another user', () => {
  const asUser = ['--reuid=12345', '--regid=12345', '--clear-groups', '--inh-caps=-all'];

  /** A sosgui that opens its log when it is imported, as the mission's does. */
  async function makeLogging(): Promise<{ ui: Ui; log: string }> {
    const ui = await makeUi();
    const log = ui.site.path('var/log/sosgui');
    ui.site.write(settingsPy, `log = open('${log}/settings.log', 'a')\nDSOS_ROOT = DSOS_CONF = "/"\n`);
    const wsgi = 'opt/ovis/ui/sosgui/wsgi.py';
    ui.site.write(wsgi, `import sosgui.settings\n${readFileSync(ui.site.path(wsgi), 'utf8')}`);
    chmodSync(ui.site.path('points'), 0o777);
    return { ui, log };
  }

  testNeeding(['root', 'setpriv', ...uwsgi], 'serves where the log directory is his', async () => {
    const { ui, log } = await makeLogging();
    mkdirSync(log, { recursive: true });
    chmodSync(log, 0o777);
    const started = ui.startWords('setpriv', ...asUser, program, 'ui', ui.listener);
    await answers(ui, started);
    expect(readFileSync(`/proc/${started.pid}/status`, 'utf8')).toMatch(/^Uid:(\s+12345){4}$/m);
    expect(readdirSync(log)).toEqual(['settings.log']);
    expect(await stop(started)).toBe(0);
  });

  testNeeding(['root', 'setpriv', ...uwsgi], 'is refused before uwsgi where it is not', async () => {
    const { ui, log } = await makeLogging();
    const { code, stderr } = await ui.startWords('setpriv', ...asUser, program, 'ui', ui.listener).ended;
    expect(code).toBe(78);
    expect(message(stderr)).toMatch(
      new RegExp(
        `cannot write to the log directory ${log} of sosgui: .*: permission denied; .*--tmpfs ${log}:uid=12345`,
      ),
    );
    expect(stderr).not.toContain('Starting uWSGI');
  });
});

describe('the usage of the README, in namespaces with the real paths', () => {
  const needs = ['root', 'ip', 'nsenter', 'namespaces', ...django];

  testNeeding(
    needs,
    'without arguments: port 80, with the settings.py of the README and dsosd.conf',
    async () => {
      const ui = await makeUi();
      useDjango(ui);
      const hosts = 'cygnus-07\ncygnus-08\n';
      ui.site.write('opt/ovis/etc/dsosd.conf', hosts);
      const container = startContainer(ui);
      expect((await answers(container, container, '/grafana/')).body).toBe('grafana (stand-in)');
      expect((await container.ask('/hosts')).body, 'sosgui reads DSOS_CONF').toBe(hosts);
      expect(container.stderr()).toContain('bound to TCP address :80 ');
      // What the settings.py opens when it is imported, in a directory that nobody has made before.
      expect(existsSync(ui.site.path('var/log/sosgui/settings.log'))).toBe(true);
      expect(message(container.stderr())).toMatch(/DEBUG is True/);
      const leader = await container.leader();
      expect(see(leader)?.comm).toBe('uwsgi');
      expect(new Set(below(leader).map(({ comm }) => comm)), 'only uwsgi runs').toEqual(new Set(['uwsgi']));
      const { code, stdout } = await container.exec(program, 'health').ended;
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: 'healthy: ui runs as process 1, http at 0.0.0.0:80 answers /grafana/\n',
      });
      // A request that is under way when the container is stopped.
      const open = await ui.gate('last');
      const last = container.ask('/held/last');
      await until('the request is under way', () => ui.has('last'));
      process.kill(leader, 'SIGTERM');
      await until('the stop has begun', () => container.stderr().includes('graceful shutdown triggered'));
      open();
      expect(await last).toEqual({ status: 200, body: 'last\n'.repeat(100_000), whole: true });
      expect((await container.ended).code).toBe(0);
    },
  );

  testNeeding(needs, '--http-socket=ADDR:PORT and other options of uwsgi', async () => {
    const ui = await makeUi();
    useDjango(ui);
    const container = startContainer(ui, ['--http-socket=127.0.0.1:8080', '--processes=2', '--threads', '2']);
    const at8080 = { ask: () => container.ask('/grafana/', 8080) };
    expect((await answers(at8080, container)).body).toBe('grafana (stand-in)');
    expect(container.stderr().match(/bound to TCP address \S+/g)).toEqual([
      'bound to TCP address 127.0.0.1:8080',
    ]);
    expect(below(await container.leader())).toHaveLength(2);
  });

  testNeeding(needs, 'an error of syntax in settings.py: its place, and uwsgi is never started', async () => {
    const ui = await makeUi();
    useDjango(ui);
    const text = readFileSync(ui.site.path(settingsPy), 'utf8');
    ui.site.write(
      settingsPy,
      text.replace("ALLOWED_HOSTS = [\n    '*',\n]", "ALLOWED_HOSTS = [\n    '*',\n"),
    );
    const line = text.split('\n').indexOf('ALLOWED_HOSTS = [') + 1;
    const { code, stdout, stderr } = await startContainer(ui).ended;
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(message(stderr)).toMatch(new RegExp(`^/opt/ovis/ui/sosgui/settings.py:${line}:17: `));
    expect(stderr).not.toContain('Starting uWSGI');
  });
});

test('nothing of these tests is left on the machine', () => {
  expect(theirs.map((path) => existsSync(path))).toEqual(before);
});
