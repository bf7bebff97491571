/** The verdict on what a record names. etcd is a stand-in here; the real one is asked in test/local. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkHealth } from '../../src/commands/health.ts';
import type { HealthFacts } from '../../src/plan.ts';
import { findRecord, forgetPlan, isRunning, recordPlan } from '../../src/record.ts';
import { fakeHost, settingsFrom } from '../support/fake-host.ts';

/** A container that has a record of `facts`; its leader process is this one. */
function container(mode: string, facts: HealthFacts, main?: number, uses: NodeJS.ProcessEnv = {}) {
  const root = mkdtempSync(join(tmpdir(), 'ldms-entrypoint-unit-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const host = fakeHost({ root });
  expect(recordPlan(mode, facts, host, main)).toBe(true);
  const settings = settingsFrom({ LDMS_ENTRYPOINT_HEALTH_TIMEOUT: '20s', ...uses });
  return { host, health: () => checkHealth(settings, host) };
}

/** A process that lives until it is killed. */
async function sleeper(): Promise<{ child: ChildProcess; pid: number }> {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  return { child, pid: child.pid ?? 0 };
}

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const says = (text: string, status = 200) =>
  serve((_, response) => void response.writeHead(status).end(text));

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('a supervised daemon', () => {
  test('that runs, with an etcd that is healthy', async () => {
    const { pid } = await sleeper();
    const { health } = container('maestro', { listeners: [], etcd: await says('{"health":"true"}') }, pid);
    expect(await health()).toEqual({
      healthy: true,
      text: `maestro runs as process ${process.pid}, maestro's process ${pid} runs, etcd is healthy`,
    });
  });

  test('that has ended', async () => {
    const { child, pid } = await sleeper();
    const { health } = container('maestro', { listeners: [], etcd: await says('{"health":"true"}') }, pid);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await health()).toEqual({ healthy: false, text: `maestro's process ${pid}: it has ended` });
  });

  test('that was recorded only when it had ended', async () => {
    const { child, pid } = await sleeper();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const { health } = container('maestro', { listeners: [] }, pid);
    expect(await health()).toEqual({ healthy: false, text: `maestro's process ${pid}: it has ended` });
  });

  test('whose etcd says that it is not healthy', async () => {
    const { pid } = await sleeper();
    const etcd = await says('{"health":"false","reason":"NOSPACE"}', 503);
    const { health } = container('maestro', { listeners: [], etcd }, pid);
    expect(await health()).toEqual({
      healthy: false,
      text: 'etcd: it says {"health":"false","reason":"NOSPACE"}',
    });
  });

  test('whose etcd is gone', async () => {
    const { pid } = await sleeper();
    const { health } = container(
      'maestro',
      { listeners: [], etcd: `http://127.0.0.1:${await freePort()}` },
      pid,
    );
    expect(await health()).toEqual({ healthy: false, text: 'etcd: nobody listens there' });
  });

  test('whose etcd does not answer: no longer than LDMS_ENTRYPOINT_HEALTH_TIMEOUT', async () => {
    const { pid } = await sleeper();
    const etcd = await serve(() => undefined);
    const env = { LDMS_ENTRYPOINT_HEALTH_TIMEOUT: '30ms' };
    const { health } = container('maestro', { listeners: [], etcd }, pid, env);
    expect(await health()).toEqual({ healthy: false, text: 'etcd: it does not answer' });
  });

  test('everything that is broken is told', async () => {
    const { child, pid } = await sleeper();
    const port = await freePort();
    const facts = { listeners: [{ xprt: 'sock', port }], etcd: `http://127.0.0.1:${await freePort()}` };
    const { health } = container('agg', facts, pid);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await health()).toEqual({
      healthy: false,
      text: `sock:${port}: nobody listens; agg's process ${pid}: it has ended; etcd: nobody listens there`,
    });
  });
});

describe('one of several', () => {
  const election = { prefix: 'e/', member: 'hostA', members: ['hostA', 'hostB', 'hostC'] };
  const needed = '2 of hostA, hostB, hostC have to run and reach each other';

  /** A member whose etcd is so; the paths that were asked for, and with which keys. */
  async function member(is: { reign?: object; health?: string; raft?: object }, main?: number) {
    const asked: string[] = [];
    const etcd = await serve((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        asked.push(`${request.url} ${body}`);
        const value = is.reign && Buffer.from(JSON.stringify(is.reign)).toString('base64');
        const stored = value === undefined ? {} : { kvs: [{ value }] };
        if (request.url === '/health') {
          response.writeHead(is.health ? 503 : 200).end(is.health ?? '{"health":"true"}');
        } else response.end(JSON.stringify(request.url === '/v3/kv/range' ? stored : (is.raft ?? {})));
      });
    });
    const made = container('maestro', { listeners: [], etcd, election }, main);
    return { ...made, asked };
  }
  const runs = `maestro runs as process ${process.pid}, this member, hostA,`;
  const ended = { at: '', why: 'SIGTERM' };

  test.each([
    ['follows', { member: 'hostB' }, 'follows hostB, ready'],
    ['leads, and has no maestro yet', { member: 'hostA' }, 'leads, and prepares'],
    ['waits for the first', undefined, 'waits: nobody leads yet'],
    ['waits for the next', { member: 'hostB', ended }, 'waits: nobody leads yet'],
  ])('%s: healthy', async (_, reign, words) => {
    const { health } = await member(reign ? { reign } : {});
    expect(await health()).toEqual({ healthy: true, text: `${runs} ${words}` });
  });

  test('leads: healthy as long as its maestro runs', async () => {
    const { child, pid } = await sleeper();
    const { health } = await member({ reign: { member: 'hostA' } }, pid);
    expect(await health()).toEqual({
      healthy: true,
      text: `${runs} leads, maestro's process ${pid} runs`,
    });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await health()).toEqual({ healthy: false, text: `maestro's process ${pid}: it has ended` });
  });

  test('follows since just now: the end of its maestro is as it should be', async () => {
    const { child, pid } = await sleeper();
    const { health } = await member({ reign: { member: 'hostB' } }, pid);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await health()).toEqual({ healthy: true, text: `${runs} follows hostB, ready` });
  });

  test.each([
    [
      'raft knows of no leader',
      { errors: ['etcdserver: no leader'] },
      `no quorum: etcdserver: no leader; ${needed}`,
    ],
    ['raft has not noticed yet', {}, `no quorum: it says {"health":"false"}; ${needed}`],
    [
      'its quota is used up',
      { errors: ['memberID:1 alarm:NOSPACE '] },
      'etcd: it says memberID:1 alarm:NOSPACE ',
    ],
  ])('its etcd is not healthy, and %s: unhealthy, whoever leads', async (_, raft, text) => {
    for (const name of ['hostA', 'hostB']) {
      const { health } = await member({ reign: { member: name }, health: '{"health":"false"}', raft });
      expect(await health()).toEqual({ healthy: false, text });
    }
  });

  test('its etcd is gone: unhealthy', async () => {
    const etcd = `http://127.0.0.1:${await freePort()}`;
    const { health } = container('maestro', { listeners: [], etcd, election });
    expect(await health()).toEqual({ healthy: false, text: 'etcd: nobody listens there' });
  });

  test('nothing is written, and what is read needs no quorum but for the health', async () => {
    const { health, asked } = await member({ reign: { member: 'hostB' } });
    await health();
    const key = Buffer.from('e/reign').toString('base64');
    expect(asked.sort()).toEqual([
      '/health ',
      `/v3/kv/range {"key":"${key}","serializable":true}`,
      '/v3/maintenance/status {}',
    ]);
  });
});

describe('a daemon that is the leader process itself', () => {
  test('is asked for its listeners, and not for an etcd', async () => {
    const url = new URL(await says(''));
    const { health } = container('samp', { listeners: [{ xprt: 'sock', port: Number(url.port) }] });
    expect(await health()).toEqual({
      healthy: true,
      text: `samp runs as process ${process.pid}, sock:${url.port} accepts connections`,
    });
  });

  test('an rdma listener cannot be asked', async () => {
    const { health } = container('samp', { listeners: [{ xprt: 'rdma', port: 411 }] });
    expect(await health()).toEqual({
      healthy: true,
      text: `samp runs as process ${process.pid}, rdma:411 was not asked (only ldms_ls can)`,
    });
  });

  test('without a record, nothing is healthy', async () => {
    const { host, health } = container('samp', { listeners: [] });
    expect((await health()).healthy).toBe(true);
    forgetPlan(host);
    expect(await health()).toEqual({
      healthy: false,
      text: 'no daemon that ldms-entrypoint has started is running here',
    });
  });
});

describe('a record', () => {
  test('keeps what health has to know, and the supervised process by pid and start', async () => {
    const { pid } = await sleeper();
    const facts = { listeners: [], etcd: 'http://127.0.0.1:1', mungeSocket: '/s' };
    const { host } = container('maestro', facts, pid);
    expect(findRecord(host)).toEqual({
      mode: 'maestro',
      pid: process.pid,
      startTime: expect.stringMatching(/^\d+$/),
      main: { pid, startTime: expect.stringMatching(/^\d+$/) },
      ...facts,
    });
  });

  test('of a daemon without a supervisor names no other process', () => {
    const { host } = container('samp', { listeners: [] });
    expect(findRecord(host)).not.toHaveProperty('main');
  });

  test('is written anew when the daemon is started again', async () => {
    const [first, second] = [await sleeper(), await sleeper()];
    const { host } = container('maestro', { listeners: [] }, first.pid);
    expect(recordPlan('maestro', { listeners: [] }, host, second.pid)).toBe(true);
    expect(findRecord(host)?.main?.pid).toBe(second.pid);
  });

  test('tells a process from another that was given its pid later', async () => {
    const { pid } = await sleeper();
    const { host } = container('maestro', { listeners: [] }, pid);
    const { main } = findRecord(host) ?? {};
    if (!main) throw new Error('no process was recorded');
    expect(isRunning(main)).toBe(true);
    expect(isRunning({ ...main, startTime: String(Number(main.startTime) - 1) })).toBe(false);
    expect(isRunning({ pid: 2 ** 22 + 1, startTime: main.startTime })).toBe(false);
  });
});
