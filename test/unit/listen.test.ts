import { describe, expect, test } from 'vitest';
import { isAddress, mayListen, mayTake, whyNotListen, written } from '../../src/listen.ts';
import type { Answers } from '../../src/plan.ts';
import { type FakeWorld, fakeHost } from '../support/fake-host.ts';

const why = (address: string, port: number, world: FakeWorld = {}) =>
  whyNotListen({ address, port }, fakeHost(world));
const portStart = (content: string) => ({
  files: { '/proc/sys/net/ipv4/ip_unprivileged_port_start': { content } },
});
const bindBit = 1n << 10n;
const others = ((1n << 41n) - 1n) & ~bindBit;
const user: FakeWorld = { uid: 1234, capabilities: 0n };

describe('a port', () => {
  test.each([
    ['the same address', '127.0.0.1', '127.0.0.1'],
    ['all addresses, where one is taken', '0.0.0.0', '10.0.0.1'],
    ['one address, where all are taken', '10.0.0.1', '0.0.0.0'],
    ['all of IPv6, where one is taken', '::', '::1'],
    ['one of IPv6, where all are taken', '::1', '::'],
    ['all of IPv6 twice', '::', '::'],
    ['all of IPv4, where all of IPv6 are taken', '0.0.0.0', '::'],
    ['one of IPv4, where all of IPv6 are taken', '127.0.0.1', '::'],
  ])('is taken: %s', (_, address, taken) => {
    expect(why(address, 80, { listening: [{ address: taken, port: 80 }] })).toBe('EADDRINUSE');
    expect(why(address, 80)).toBe('');
  });

  test.each([
    ['another port', '0.0.0.0', { address: '0.0.0.0', port: 8080 }],
    ['another address', '127.0.0.1', { address: '10.0.0.1', port: 80 }],
    ['another address of IPv6', '::1', { address: 'fe80::1', port: 80 }],
    ['one of IPv6, where IPv4 is wanted', '0.0.0.0', { address: '::1', port: 80 }],
    ['another port of all of IPv6', '0.0.0.0', { address: '::', port: 8080 }],
    ['IPv4, where one of IPv6 is wanted', '::1', { address: '0.0.0.0', port: 80 }],
    ['one of IPv4, where IPv6 is wanted', '::1', { address: '127.0.0.1', port: 80 }],
  ])('is free where somebody has %s', (_, address, taken) => {
    expect(why(address, 80, { listening: [taken] })).toBe('');
  });

  test('one of many is in the way', () => {
    const listening = [22, 111, 443].map((port) => ({ address: '0.0.0.0', port }));
    expect(why('127.0.0.1', 443, { listening })).toBe('EADDRINUSE');
    expect(why('127.0.0.1', 444, { listening })).toBe('');
  });
});

describe('a privileged port', () => {
  test.each([
    ['1023, without a file that tells', 1023, user],
    ['80, as the kernel has it', 80, { ...user, ...portStart('1024\n') }],
    ['80, as a site has it', 80, { ...user, ...portStart('81\n') }],
    ['root without the capability', 80, { uid: 0, capabilities: others, ...portStart('1024\n') }],
  ])('is refused: %s', (_, port, world) => {
    expect(why('0.0.0.0', port, world)).toBe('EACCES');
  });

  test.each([
    ['1024, without a file that tells', 1024, user],
    ['the first that is open to all', 80, { ...user, ...portStart('80\n') }],
    ['where docker opens all', 1, { ...user, ...portStart('0\n') }],
    ['with the capability', 80, { uid: 1234, capabilities: bindBit, ...portStart('1024\n') }],
  ])('is granted: %s', (_, port, world) => {
    expect(why('0.0.0.0', port, world)).toBe('');
  });

  test('that somebody has is taken', () => {
    expect(why('0.0.0.0', 80, { ...user, listening: [{ address: '0.0.0.0', port: 80 }] })).toBe('EADDRINUSE');
  });

  test('may be taken or not, whoever listens there', () => {
    const listening = [{ address: '0.0.0.0', port: 80 }];
    expect(mayTake(80, fakeHost({ ...user, listening }))).toBe(false);
    expect(mayTake(80, fakeHost({ listening }))).toBe(true);
    expect(mayTake(80, fakeHost({ ...user, ...portStart('80\n'), listening }))).toBe(true);
    expect(mayTake(1024, fakeHost(user))).toBe(true);
  });
});

describe('an address', () => {
  test.each([
    ['0.0.0.0', 80],
    ['127.0.0.1', 1],
    ['255.255.255.255', 65_535],
    ['::', 80],
    ['::1', 80],
    ['fe80::1%eth0', 80],
  ])('%s, port %d, can be asked about', (address, port) => {
    expect(isAddress({ address, port })).toBe(true);
  });

  test.each([
    ['localhost', 80],
    ['', 80],
    ['10', 80],
    ['10.1', 80],
    ['10.0.0.256', 80],
    ['10.0.0.1.1', 80],
    ['10.0.0.', 80],
    ['10.0.0.x', 80],
    ['1000.0.0.1', 80],
    ['0.0.0.0', 0],
    ['0.0.0.0', 65_536],
    ['0.0.0.0', -1],
    ['0.0.0.0', 80.5],
    ['0.0.0.0', Number.NaN],
    ['::1', 65_536],
  ])('%j, port %d, is left to the daemon', (address, port) => {
    expect(isAddress({ address, port })).toBe(false);
  });
});

describe('what a plan has of it', () => {
  const all = { address: '0.0.0.0', port: 80 };
  const six = { address: '::1', port: 8080 };
  const plan = (answers: Answers, world: FakeWorld = {}) =>
    mayListen([all, six], answers, fakeHost(world), (port) => `not ${port}`);

  test('the question, as long as there is no answer', () => {
    expect(plan({})).toEqual({
      requirements: [],
      questions: [{ about: 'addresses', addresses: [all, six] }],
    });
    expect(plan({ 'settings.py': '' }).questions).toHaveLength(1);
  });

  test('nothing, without an address', () => {
    const none = { requirements: [], questions: [] };
    expect(mayListen([], {}, fakeHost(), String)).toEqual(none);
    expect(mayListen([], { addresses: {} }, fakeHost(), String)).toEqual(none);
  });

  test('that they are free', () => {
    expect(plan({ addresses: { '0.0.0.0:80': '', '[::1]:8080': '' } })).toEqual({
      requirements: [
        { what: 'port 80', found: 'free' },
        { what: 'port 8080', found: 'free' },
      ],
      questions: [],
    });
  });

  test('what is wrong with one of them, and its own remedy', () => {
    const { requirements } = plan({ addresses: { '0.0.0.0:80': '', '[::1]:8080': 'EADDRINUSE' } });
    expect(requirements).toEqual([
      { what: 'port 80', found: 'free' },
      {
        what: 'port 8080',
        problem: {
          kind: 'configuration',
          what: 'cannot listen on [::1]:8080: somebody listens there already',
          remedy: 'not 8080',
        },
      },
    ]);
  });

  test.each([
    ['1024', {}],
    ['81', portStart('81\n')],
  ])('whose port it is: from %s on', (first, world) => {
    const { requirements } = plan({ addresses: { '0.0.0.0:80': 'EACCES' } }, { ...user, ...world });
    expect(requirements[0]?.problem).toEqual({
      kind: 'configuration',
      what: `cannot listen on 0.0.0.0:80: uid 1234 may only take ports from ${first} on`,
      remedy: 'not 80',
    });
  });

  test('an address that this machine does not have', () => {
    const { requirements } = plan({ addresses: { '0.0.0.0:80': '', '[::1]:8080': 'EADDRNOTAVAIL' } });
    expect(requirements.map(({ problem }) => problem?.what)).toEqual([
      undefined,
      'cannot listen on [::1]:8080: this machine does not have that address',
    ]);
  });

  test('addresses stand as people write them', () => {
    expect([all, six].map(written)).toEqual(['0.0.0.0:80', '[::1]:8080']);
  });
});
