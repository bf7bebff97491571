import { describe, expect, test } from 'vitest';
import { isLow, mayListen, whyNotListen, written } from '../../src/listen.ts';
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

  test.each([
    [80, {}, true],
    [1023, {}, true],
    [1024, {}, false],
    [80, portStart('81\n'), true],
    [80, portStart('80\n'), false],
    [1, portStart('0\n'), false],
  ])('is one that needs a right, whoever listens there and whatever we may: %d, %j', (port, world, low) => {
    const listening = [{ address: '0.0.0.0', port }];
    for (const more of [user, {}, { listening }]) {
      expect(isLow(port, fakeHost({ ...world, ...more }))).toBe(low);
    }
  });
});

describe('an address', () => {
  const asked = (address: string, port: number) =>
    mayListen([{ address, port }], {}, fakeHost(), () => 'another').questions;
  const required = (address: string, port: number, answers: Answers = {}) =>
    mayListen([{ address, port }], answers, fakeHost(), () => 'another').requirements;

  test.each([
    ['0.0.0.0', 80],
    ['127.0.0.1', 1],
    ['255.255.255.255', 65_535],
    ['::', 80],
    ['::1', 80],
    ['fe80::1%eth0', 80],
  ])('%s, port %d, can be asked about', (address, port) => {
    expect(asked(address, port)).toEqual([{ about: 'addresses', addresses: [{ address, port }] }]);
    expect(required(address, port)).toEqual([]);
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
    ['::', 0],
    ['localhost', 0],
  ])('%j, port %d, is left to the daemon', (address, port) => {
    expect(asked(address, port)).toEqual([]);
    expect(required(address, port)).toEqual([]);
    const answers = { addresses: { [written({ address, port })]: 'EADDRINUSE' } };
    expect(required(address, port, answers)).toEqual([]);
    expect(required('127.0.0.1', 80, { addresses: { '127.0.0.1:80': 'EADDRINUSE' } })).toHaveLength(1);
  });

  test.each([
    ['0.0.0.0', 65_536, '0.0.0.0:65536'],
    ['0.0.0.0', -1, '0.0.0.0:-1'],
    ['0.0.0.0', 80.5, '0.0.0.0:80.5'],
    ['::1', 65_536, '[::1]:65536'],
    ['localhost', 65_536, 'localhost:65536'],
  ])('%j has no port %d, whatever the answers are', (address, port, told) => {
    const problem = {
      kind: 'configuration',
      what: `cannot listen on ${told}: a port is a number from 1 to 65535`,
      remedy: 'another',
    };
    for (const answers of [{}, { addresses: {} }]) {
      expect(required(address, port, answers)).toEqual([{ what: `port ${port}`, problem }]);
    }
    expect(asked(address, port)).toEqual([]);
    expect(required(address, 65_535)).toEqual([]);
  });

  test('what is no number is no port', () => {
    expect(required('0.0.0.0', Number.NaN)).toMatchObject([
      { problem: { what: expect.stringMatching(/: a port is a number from 1 to 65535$/) } },
    ]);
    expect(asked('0.0.0.0', Number.NaN)).toEqual([]);
  });
});

describe('what a plan has of it', () => {
  const all = { address: '0.0.0.0', port: 80 };
  const six = { address: '::1', port: 8080 };
  const plan = (answers: Answers, world: FakeWorld = {}) =>
    mayListen([all, six], answers, fakeHost(world), (at) => `not ${written(at)}`);

  test('the question, as long as there is no answer', () => {
    expect(plan({})).toEqual({
      requirements: [],
      questions: [{ about: 'addresses', addresses: [all, six] }],
    });
    expect(plan({ 'settings.py': '' }).questions).toHaveLength(1);
  });

  test('the question has the addresses, and nothing else that a caller knows of them', () => {
    const more = { name: 'http-socket', ...all };
    expect(mayListen([more], {}, fakeHost(), written).questions).toEqual([
      { about: 'addresses', addresses: [all] },
    ]);
  });

  test('the remedy gets what the caller knows of the address', () => {
    const more = { name: 'http-socket', ...all };
    const got: unknown[] = [];
    const remedy = (at: unknown) => `${got.push(at)}`;
    mayListen([more], { addresses: { '0.0.0.0:80': '' } }, fakeHost(), remedy);
    expect(got).toEqual([]);
    mayListen([more], { addresses: { '0.0.0.0:80': 'EADDRINUSE' } }, fakeHost(), remedy);
    expect(got).toEqual([more]);
  });

  test('one that there cannot be beside one that is asked about', () => {
    const addresses = [{ address: '0.0.0.0', port: 70_000 }, all, { address: 'localhost', port: 80 }];
    const planned = (answers: Answers) => mayListen(addresses, answers, fakeHost(), written);
    const none = {
      what: 'port 70000',
      problem: expect.objectContaining({ remedy: '0.0.0.0:70000' }),
    };
    expect(planned({})).toEqual({
      requirements: [none],
      questions: [{ about: 'addresses', addresses: [all] }],
    });
    expect(planned({ addresses: { '0.0.0.0:80': '' } })).toEqual({
      requirements: [none, { what: 'port 80', found: 'free' }],
      questions: [],
    });
  });

  test('nothing, without an address', () => {
    const none = { requirements: [], questions: [] };
    expect(mayListen([], {}, fakeHost(), written)).toEqual(none);
    expect(mayListen([], { addresses: {} }, fakeHost(), written)).toEqual(none);
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
          remedy: 'not [::1]:8080',
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
      remedy: 'not 0.0.0.0:80',
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
