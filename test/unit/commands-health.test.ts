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
