import { expect, test } from 'vitest';
import { numberOf } from '../../src/nodename.ts';

test.each([
  ['nid00100', 100],
  ['cygnus-01.example.org', 1],
  ['node7-ib', 7],
  ['7', 7],
  ['rack2-node10', 10],
  ['x1000c0s7b1n3', 3],
  ['nid00000', 0],
  ['node7.rack9', 7],
  ['n9007199254740991', Number.MAX_SAFE_INTEGER],
])('%s has the number %s', (node, number) => {
  expect(numberOf(node)).toBe(number);
});

test.each([
  ['a name without one', 'login'],
  ['a number behind the first dot', 'login.cluster7.example.org'],
  ['nothing', ''],
  ['an IPv4 address', '10.1.2.3'],
  ['an IPv6 address', 'fe80::1'],
  ['one that would be rounded', 'n9007199254740992'],
  ['one beyond all bounds', `n${'9'.repeat(400)}`],
  ['digits of another script', 'node\u0663'],
])('%s: none', (_, node) => {
  expect(numberOf(node)).toBeUndefined();
});
