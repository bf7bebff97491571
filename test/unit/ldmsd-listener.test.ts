import { expect, test } from 'vitest';
import { parseListener } from '../../src/ldmsd/listener.ts';

test.each([
  ['sock:411', { xprt: 'sock', port: 411 }],
  ['rdma:65535', { xprt: 'rdma', port: 65_535 }],
  ['sock:1', { xprt: 'sock', port: 1 }],
  ['sock:10411:node-1', { xprt: 'sock', port: 10_411, host: 'node-1' }],
  ['sock:411:127.0.0.1', { xprt: 'sock', port: 411, host: '127.0.0.1' }],
  ['sock:411:fe80::1', { xprt: 'sock', port: 411, host: 'fe80::1' }],
])('-x %s is a listener', (text, listener) => {
  expect(parseListener(text)).toEqual(listener);
});

test.each(['sock', ':411', 'sock:', 'sock:0', 'sock:65536', 'sock:-1', 'sock:port', 'sock: 411', '411', ''])(
  '-x "%s" is none that can be asked',
  (text) => {
    expect(parseListener(text)).toBeUndefined();
  },
);
