/** Whether addresses can be listened on, and which addresses hosts have, as the system answers it. */
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { answer } from '../../src/commands/answer.ts';
import { written } from '../../src/listen.ts';
import { type FakeWorld, fakeHost } from '../support/fake-host.ts';

const why = async (address: string, port: number, world: FakeWorld = {}) => {
  const { addresses } = await answer(
    { about: 'addresses', addresses: [{ address, port }] },
    {
      log: async () => undefined,
      stop: { signal: new AbortController().signal, by: () => undefined },
      host: fakeHost(world),
    },
  );
  expect(Object.keys(addresses ?? {})).toEqual([written({ address, port })]);
  return addresses?.[written({ address, port })];
};

/** A port that somebody listens on until the test is over, or until `close`. */
async function taken() {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => new Promise((resolve) => server.close(resolve));
  onTestFinished(async () => void (await close()));
  return { port: (server.address() as AddressInfo).port, close };
}

describe('an address', () => {
  test('is free, or somebody listens there', async () => {
    const { port, close } = await taken();
    expect(await why('127.0.0.1', port)).toBe('EADDRINUSE');
    expect(await why('0.0.0.0', port)).toBe('EADDRINUSE');
    await close();
    expect(await why('127.0.0.1', port)).toBe('');
    expect(await why('0.0.0.0', port)).toBe('');
  });

  test('that this machine does not have is no port that is taken', async () => {
    // RFC 5737: of documentation, and of no machine.
    for (const world of [{}, { uid: 1234, capabilities: 0n }]) {
      for (const port of [80, 8080]) expect(await why('192.0.2.1', port, world)).toBe('EADDRNOTAVAIL');
    }
  });

  test('of IPv6 is only looked at', async () => {
    expect(await why('::1', 80)).toBe('');
    expect(await why('::1', 80, { listening: [{ address: '::', port: 80 }] })).toBe('EADDRINUSE');
    expect(await why('::1', 80, { uid: 1234, capabilities: 0n })).toBe('EACCES');
  });

  test('of a privileged port that we may not take is not said to be taken', async () => {
    const { port } = await taken();
    const start = (first: number): FakeWorld => ({
      capabilities: 0n,
      files: { '/proc/sys/net/ipv4/ip_unprivileged_port_start': { content: `${first}\n` } },
    });
    expect(await why('127.0.0.1', port, start(port + 1))).toBe('EACCES');
    expect(await why('127.0.0.1', port, start(port))).toBe('EADDRINUSE');
  });
});

describe('the addresses of members', () => {
  const members = async (hosts: string[], stop = new AbortController().signal) =>
    (
      await answer(
        { about: 'members', hosts },
        { log: async () => undefined, stop: { signal: stop, by: () => undefined }, host: fakeHost() },
      )
    ).members;

  test('an address is its own, and is left for from ours', async () => {
    expect(await members(['127.0.0.1', '127.0.0.3', '::1'])).toMatchObject({
      '127.0.0.1': { addresses: ['127.0.0.1'], from: '127.0.0.1' },
      '127.0.0.3': { addresses: ['127.0.0.3'] },
      '::1': { addresses: ['::1'] },
    });
  });

  test('localhost has loopback', async () => {
    const found = (await members(['localhost']))?.['localhost'];
    expect(found?.addresses.length).toBeGreaterThan(0);
    expect(found?.addresses.filter((address) => !['127.0.0.1', '::1'].includes(address))).toEqual([]);
    expect(found).not.toHaveProperty('why');
  });

  // RFC 6761: no name server has a name below "invalid". Without one, that is what is told.
  test('a name that there is not has none, and why is told', async () => {
    const found = (await members(['no-such-host.invalid', '127.0.0.1'])) ?? {};
    expect(found['no-such-host.invalid']).toEqual({
      addresses: [],
      why: expect.stringMatching(/^(the name is not known|no name server answers|there was no answer)$/),
    });
    expect(found['127.0.0.1']?.addresses, 'the others are found all the same').toEqual(['127.0.0.1']);
  });

  test('a start that is abandoned waits for no name server', async () => {
    const stop = new AbortController();
    stop.abort();
    expect(await members(['no-such-host.invalid'], stop.signal)).toEqual({
      'no-such-host.invalid': { addresses: [], why: 'there was no answer' },
    });
  });
});
