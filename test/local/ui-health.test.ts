/** `health` of a running ui: its own listener is asked, whatever it speaks. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { testNeeding } from '../support/needs.ts';
import { below } from '../support/probe.ts';
import { program, run, type Started, until } from '../support/program.ts';
import { answers, ask, makeUi, masterOf, type Ui, uwsgi } from '../support/ui.ts';

/** What health says and answers with. */
async function healthOf({ site }: Ui, settings: NodeJS.ProcessEnv = {}) {
  const { code, stdout, stderr } = await site.run(['health'], { env: { ...site.env, ...settings } });
  expect(stderr).toBe('');
  return { code, stdout };
}

const asked = (started: Started): string => `healthy: ui runs as process ${started.pid}, `;

/** Waits until a Unix socket is answered at. */
const answersAt = (socketPath: string, started: Started) =>
  answers({ ask: (path = '/') => ask({ socketPath }, path) }, started);

describe('healthy', () => {
  testNeeding(uwsgi, 'by TCP, in hardly more time than we take to tell our version', async () => {
    const ui = await makeUi();
    const started = ui.start();
    await answers(ui, started);
    const took = { health: Number.POSITIVE_INFINITY, version: Number.POSITIVE_INFINITY };
    const measure = async (what: keyof typeof took, act: () => Promise<void>) => {
      const at = performance.now();
      await act();
      took[what] = Math.min(took[what], performance.now() - at);
    };
    for (const _ of [1, 2, 3, 4, 5]) {
      await measure('health', async () =>
        expect(await healthOf(ui)).toEqual({
          code: 0,
          stdout: `${asked(started)}http at 127.0.0.1:${ui.port} answers /grafana/\n`,
        }),
      );
      await measure('version', async () => expect((await ui.site.run(['--version'])).code).toBe(0));
    }
    expect(took.health, `milliseconds: ${JSON.stringify(took)}`).toBeLessThan(3 * took.version);
  });

  testNeeding(uwsgi, 'by a Unix socket that speaks HTTP', async () => {
    const ui = await makeUi();
    const socket = ui.site.path('ui.sock');
    const started = ui.startWords(program, 'ui', `--http-socket=${socket}`);
    await answersAt(socket, started);
    expect(await healthOf(ui)).toEqual({
      code: 0,
      stdout: `${asked(started)}http at ${socket} answers /grafana/\n`,
    });
  });

  for (const [what, options] of [
    ['TCP', (ui: Ui) => [`--socket=127.0.0.1:${ui.port}`, `127.0.0.1:${ui.port}`]],
    ['a Unix socket', (ui: Ui) => [`--socket=${ui.site.path('ui.sock')}`, ui.site.path('ui.sock')]],
  ] as const) {
    testNeeding(uwsgi, `by ${what} that speaks uwsgi's own protocol`, async () => {
      const ui = await makeUi();
      const [option = '', at = ''] = options(ui);
      const started = ui.startWords(program, 'ui', option);
      await until(`a worker is there (${started.stderr()})`, () => started.stderr().includes('(post-fork)'));
      expect(await healthOf(ui)).toEqual({
        code: 0,
        stdout: `${asked(started)}uwsgi at ${at} answers /grafana/\n`,
      });
      // It was indeed asked, and took it for a request.
      await until('the request is logged', () => started.stderr().includes('GET /grafana/ => generated'));
    });
  }

  testNeeding(uwsgi, 'supervised, and by a listener that an ini names', async () => {
    const ui = await makeUi({ LDMS_ENTRYPOINT_SUPERVISE: '1' });
    const ini = ui.site.write('ui.ini', `[uwsgi]\nhttp-socket = 127.0.0.1:${ui.port}\n`);
    const started = ui.startWords(program, 'ui', '--ini', ini);
    await answers(ui, started);
    expect((await healthOf(ui)).stdout).toContain(`http at 127.0.0.1:${ui.port} answers /grafana/`);
  });

  testNeeding(uwsgi, 'when sosgui has no such address: it answers, which is all that is asked', async () => {
    const ui = await makeUi();
    ui.site.write(
      'opt/ovis/ui/sosgui/wsgi.py',
      "# A stand-in for sosgui.\ndef application(environ, start_response):\n    start_response('404 Not Found', [])\n    return []\n",
    );
    const started = ui.start();
    await answers(ui, started);
    expect((await healthOf(ui)).code).toBe(0);
  });
});

describe('unhealthy', () => {
  testNeeding(uwsgi, 'when sosgui answers 500', async () => {
    const ui = await makeUi();
    const started = ui.start();
    await answers(ui, started);
    const broken = ui.site.write('points/broken', '');
    expect(await healthOf(ui)).toEqual({
      code: 1,
      stdout: `unhealthy: http at 127.0.0.1:${ui.port}: it answers /grafana/ with HTTP status 500\n`,
    });
    // Negative control: it recovers.
    rmSync(broken);
    expect((await healthOf(ui)).code).toBe(0);
  });

  testNeeding(uwsgi, 'when uwsgi is stopped, though its port still accepts', async () => {
    const ui = await makeUi();
    const started = ui.start();
    await answers(ui, started);
    const all = [started.pid, ...below(started.pid).map(({ pid }) => pid)];
    for (const pid of all) process.kill(pid, 'SIGSTOP');
    expect(await healthOf(ui, { LDMS_ENTRYPOINT_HEALTH_TIMEOUT: '300ms' })).toEqual({
      code: 1,
      stdout: `unhealthy: http at 127.0.0.1:${ui.port}: no answer within 0.3 s\n`,
    });
    for (const pid of all) process.kill(pid, 'SIGCONT');
    expect((await healthOf(ui)).code).toBe(0);
  });

  testNeeding(uwsgi, 'while it loads, and when it has ended', async () => {
    const ui = await makeUi();
    const open = await ui.gate('import');
    const started = ui.start();
    await until('sosgui is loading', () => ui.has('import'));
    expect((await healthOf(ui, { LDMS_ENTRYPOINT_HEALTH_TIMEOUT: '200ms' })).code).toBe(1);
    open();
    await answers(ui, started);
    expect((await healthOf(ui)).code).toBe(0);
    started.kill('SIGTERM');
    await started.ended;
    expect(await healthOf(ui)).toEqual({
      code: 1,
      stdout: 'unhealthy: no daemon that ldms-entrypoint has started is running here\n',
    });
  });

  testNeeding(uwsgi, "when the socket's file was taken away", async () => {
    const ui = await makeUi();
    const socket = ui.site.path('ui.sock');
    const started = ui.startWords(program, 'ui', `--http-socket=${socket}`);
    await answersAt(socket, started);
    rmSync(socket);
    expect(await healthOf(ui)).toEqual({ code: 1, stdout: `unhealthy: http at ${socket}: nobody listens\n` });
  });
});

testNeeding(['ptrace', ...uwsgi], 'health writes no file, sends no signal, and starts nothing', async () => {
  const ui = await makeUi();
  const started = ui.start();
  await answers(ui, started);
  const record = () => readdirSync(ui.site.path('run/ldms-entrypoint'));
  const before = { record: record(), processes: below(started.pid).map(({ pid }) => pid) };
  const trace = ui.site.path('trace');
  const calls = 'trace=openat,open,creat,mkdir,unlink,rename,chmod,chown,kill,tgkill,tkill,execve';
  await run('strace', ['-f', '-o', trace, '-e', calls, program, 'health'], { env: ui.site.env });
  const lines = readFileSync(trace, 'utf8').split('\n');
  expect(lines.length, 'the trace saw something').toBeGreaterThan(10);
  const changes = /O_WRONLY|O_RDWR|O_CREAT|mkdir|unlink|rename|chmod|chown|kill|execve/;
  const told = lines.filter(
    (line) => changes.test(line) && !/\/dev\/null|execve\("[^"]*ldms-entrypoint"/.test(line),
  );
  expect(told).toEqual([]);
  expect({ record: record(), processes: below(started.pid).map(({ pid }) => pid) }).toEqual(before);
  expect(masterOf(started)).toBe(started.pid);
});
