import { describe, expect, test } from 'vitest';
import { listenerToAsk, placeOf } from '../../src/ui/listener.ts';
import { listeners } from '../../src/ui/options.ts';

const cwd = '/opt/ovis/ui';
const ask = (...options: [name: string, value?: string][]) =>
  listenerToAsk(
    options.map(([name, value]) => (value === undefined ? { name } : { name, value })),
    cwd,
  );

describe('an address', () => {
  test.each([
    [':80', { host: '0.0.0.0', port: 80 }],
    ['0.0.0.0:80', { host: '0.0.0.0', port: 80 }],
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    ['localhost:8080', { host: 'localhost', port: 8080 }],
    ['node-1.site:8080', { host: 'node-1.site', port: 8080 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['[::]:80', { host: '::', port: 80 }],
    ['0.0.0.0:8443,/etc/site.crt,/etc/site.key', { host: '0.0.0.0', port: 8443 }],
    [':8443,/etc/a:1.crt,/etc/site.key', { host: '0.0.0.0', port: 8443 }],
    ['/run/ui.sock', { socket: '/run/ui.sock' }],
    ['ui.sock', { socket: '/opt/ovis/ui/ui.sock' }],
    ['../ui.sock', { socket: '/opt/ovis/ui.sock' }],
    [' 127.0.0.1:80 ', { host: '127.0.0.1', port: 80 }],
    [':80 ; the port of the site', { host: '0.0.0.0', port: 80 }],
    ['/run/ui.sock\t# a socket', { socket: '/run/ui.sock' }],
    // Without a colon it is no port to uwsgi.
    ['8080', { socket: '/opt/ovis/ui/8080' }],
  ])('%s', (address, at) => {
    expect(placeOf(address, cwd)).toEqual(at);
  });

  test.each([
    ['nothing', ''],
    ['a shared socket', '=0'],
    ['an abstract socket', '@ui'],
    ["uwsgi's placeholder", ':%(port)'],
    ['a variable', ':$(PORT)'],
    ['a name that uwsgi looks for', '*:80'],
    ['a descriptor', 'fd://3'],
    ['a Unix socket by its scheme', 'unix:/run/ui.sock'],
    ['a URL', 'http://127.0.0.1:80'],
    ['blanks', '  '],
  ])('cannot be told beforehand: %s', (_, address) => {
    expect(placeOf(address, cwd)).toBeUndefined();
  });
});

describe('the listener that health asks', () => {
  test.each([
    ['http-socket', 'http'],
    ['http11-socket', 'http'],
    ['http', 'http'],
    ['httprouter', 'http'],
    ['socket', 'uwsgi'],
    ['uwsgi-socket', 'uwsgi'],
    ['https-socket', 'https'],
    ['https', 'https'],
    ['fastcgi-socket', 'tcp'],
    ['scgi-socket', 'tcp'],
    ['raw-socket', 'tcp'],
    ['puwsgi-socket', 'tcp'],
  ])('%s is asked by %s', (name, protocol) => {
    expect(listeners).toContain(name);
    expect(ask([name, ':9000'])).toEqual({ protocol, at: { host: '0.0.0.0', port: 9000 } });
  });

  test.each([
    ['http before uwsgi', ['socket', ':1'], ['http', ':2'], 'http', 2],
    ['uwsgi before https', ['https', ':1'], ['socket', ':2'], 'uwsgi', 2],
    ['https before what we do not speak', ['scgi-socket', ':1'], ['https', ':2'], 'https', 2],
    ['the first of two', ['http-socket', ':1'], ['http', ':2'], 'http', 1],
    ['one that can be told before one that cannot', ['http', '=0'], ['socket', ':2'], 'uwsgi', 2],
  ] as const)('%s', (_, one, two, protocol, port) => {
    expect(ask([...one], [...two])).toEqual({ protocol, at: { host: '0.0.0.0', port } });
  });

  test('a Unix socket counts from the directory that uwsgi starts in', () => {
    expect(ask(['http-socket', 'ui.sock'])).toEqual({
      protocol: 'http',
      at: { socket: '/opt/ovis/ui/ui.sock' },
    });
  });

  test.each([[[]], [[['http', '=0']]], [[['http-socket']]], [[['socket', '']]]] as [[string, string?][]][])(
    'there is none: %j',
    (options) => {
      expect(ask(...options)).toBeUndefined();
    },
  );
});
