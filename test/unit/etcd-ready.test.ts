/** Waiting for etcd. The server is a stand-in for its /health; the real one is waited for in test/local. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { awaitEtcd } from '../../src/etcd/ready.ts';

/** How long each pause was to be. */
const pauses = vi.hoisted(() => [] as number[]);
vi.mock('../../src/process/child.ts', async (original) => {
  const { pause, ...others } = await original<typeof import('../../src/process/child.ts')>();
  return {
    ...others,
    pause: (ms: number, stop: AbortSignal) => {
      pauses.push(ms);
      return pause(ms, stop);
    },
  };
});
beforeEach(() => void pauses.splice(0));

/** Says that it is healthy from a certain question on, and counts them. */
async function serve(healthyFrom: number, onAsked: (count: number) => void = () => undefined) {
  const asked: unknown[] = [];
  const server = createServer((_, response) => {
    asked.push(true);
    onAsked(asked.length);
    const healthy = asked.length >= healthyFrom;
    response.writeHead(healthy ? 200 : 503).end(`{"health":"${healthy}"}`);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const probe = (url: string, deadlineMs: number) => ({ kind: 'etcd', url, deadlineMs }) as const;
const never = () => ({ stop: new AbortController().signal, over: () => false });
const unhealthy = 'it says {"health":"false"}';

describe('etcd is waited for', () => {
  test('one that is healthy is asked once', async () => {
    const { url, asked } = await serve(1);
    expect(await awaitEtcd(probe(url, 60_000), never())).toBeUndefined();
    expect(asked).toHaveLength(1);
  });

  test('one that becomes healthy is asked until then', async () => {
    const { url, asked } = await serve(4);
    expect(await awaitEtcd(probe(url, 60_000), never())).toBeUndefined();
    expect(asked).toHaveLength(4);
  });

  test('with pauses that grow, so that a slow start is not hammered, and never long', async () => {
    const { url, asked } = await serve(Number.POSITIVE_INFINITY);
    const begun = performance.now();
    expect(await awaitEtcd(probe(url, 800), never())).toBeDefined();
    const took = performance.now() - begun;
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
    expect(pauses.at(-1)).toBeGreaterThan(3 * (pauses[0] ?? 0));
    // What is missed of a start is a tenth of it.
    expect(Math.max(...pauses)).toBeLessThan(took / 5);
    // The last question may be cut short by the deadline.
    expect([pauses.length, pauses.length + 1]).toContain(asked.length);
    // With the first pause each time, there would be far more.
    expect(asked.length).toBeLessThan(took / (pauses[0] ?? 0) / 2);
  });

  test('until the deadline, and what was wrong last is told', async () => {
    const { url, asked } = await serve(Number.POSITIVE_INFINITY);
    // The last question may be cut short by the deadline.
    expect([unhealthy, 'it does not answer']).toContain(await awaitEtcd(probe(url, 100), never()));
    expect(asked.length).toBeGreaterThan(0);
  });

  test('until the deadline, though it never answers', async () => {
    const server = createServer(() => undefined);
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await awaitEtcd(probe(url, 30), never())).toBe('it does not answer');
  });

  test.each([
    ['in a question', true],
    ['in a pause', false],
  ])('until the start is abandoned: %s', async (_, inQuestion) => {
    const stop = new AbortController();
    const { url, asked } = await serve(Number.POSITIVE_INFINITY, (count) => {
      if (count < 3) return;
      if (inQuestion) stop.abort();
      else setTimeout(() => stop.abort(), 1);
    });
    const because = await awaitEtcd(probe(url, 60_000), { stop: stop.signal, over: () => false });
    expect(because).toBeDefined();
    expect(asked.length).toBeLessThan(6);
  });

  test('until it has ended itself', async () => {
    let ended = false;
    const { url, asked } = await serve(Number.POSITIVE_INFINITY, (count) => {
      ended = count === 3;
    });
    const given = { stop: new AbortController().signal, over: () => ended };
    expect(await awaitEtcd(probe(url, 60_000), given)).toBe(unhealthy);
    expect(asked).toHaveLength(3);
  });
});
