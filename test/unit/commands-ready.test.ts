import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { awaitReady } from '../../src/commands/ready.ts';

const never = { stop: new AbortController().signal, over: () => false };

/** A port that nobody listens on, until `open` has somebody listen. */
async function port(): Promise<{ number: number; open: () => void }> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: number } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  onTestFinished(() => void server.close());
  return { number, open: () => void server.listen(number, '127.0.0.1') };
}
const tcp = (number: number, deadlineMs: number) =>
  ({ kind: 'tcp', host: '127.0.0.1', port: number, deadlineMs }) as const;

describe('a port is waited for', () => {
  test('when somebody listens already', async () => {
    const { number, open } = await port();
    open();
    expect(await awaitReady(tcp(number, 20_000), never)).toBeUndefined();
  });

  test('until somebody listens', async () => {
    const { number, open } = await port();
    let looks = 0;
    const over = () => {
      if (++looks === 3) open();
      return false;
    };
    expect(await awaitReady(tcp(number, 20_000), { ...never, over })).toBeUndefined();
    expect(looks).toBeGreaterThanOrEqual(3);
  });

  test('until the deadline', async () => {
    const { number } = await port();
    expect(await awaitReady(tcp(number, 30), never)).toBe('nobody listens');
  });

  test('until who should listen has ended', async () => {
    const { number } = await port();
    let looks = 0;
    const over = () => ++looks === 2;
    expect(await awaitReady(tcp(number, 60_000), { ...never, over })).toBe('nobody listens');
    expect(looks).toBe(2);
  });

  test('until the start is abandoned', async () => {
    const { number } = await port();
    const stop = new AbortController();
    let looks = 0;
    const over = () => {
      if (++looks === 2) setImmediate(() => stop.abort());
      return false;
    };
    expect(await awaitReady(tcp(number, 60_000), { stop: stop.signal, over })).toBe('nobody listens');
    expect(looks).toBeLessThan(5);
  });
});

test('what cannot be asked is ready as soon as it runs', async () => {
  expect(await awaitReady({ kind: 'runs', deadlineMs: 1 }, never)).toBeUndefined();
});

test('an etcd is asked for its health', async () => {
  const { number } = await port();
  const probe = { kind: 'etcd', url: `http://127.0.0.1:${number}`, deadlineMs: 30 } as const;
  expect(await awaitReady(probe, never)).toMatch(/nobody listens there|does not answer/);
});
