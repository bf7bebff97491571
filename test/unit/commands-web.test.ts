/** Web servers of all sorts, and what is said of them; each is a real one, on loopback or a Unix socket. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttp, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { whyUnwell } from '../../src/commands/web.ts';
import type { WebFacts } from '../../src/plan.ts';

const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);
const patientMs = 20_000;
const impatientMs = 150;

/** A path for a Unix socket. */
function socketPath(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ldms-entrypoint-unit-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'web.sock');
}

/** Has a server listen, and closes it with all its connections when the test is over. */
async function listen<Kind extends Server>(
  server: Kind,
  at: string | { host: string } = { host: '127.0.0.1' },
) {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) =>
    typeof at === 'string' ? server.listen(at, resolve) : server.listen(0, at.host, resolve),
  );
  return typeof at === 'string'
    ? { socket: at }
    : { host: at.host, port: (server.address() as AddressInfo).port };
}

/** A port that nobody listens on. */
async function freePort() {
  const server = createTcp();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return { host: '127.0.0.1', port };
}

const says =
  (status: number): RequestListener =>
  (_, response) =>
    void response.writeHead(status).end('{}');

/** Asks; a server that answers is given all the time that it needs. */
const ask = (facts: Pick<WebFacts, 'at'> & Partial<WebFacts>, limitMs = patientMs) =>
  whyUnwell({ protocol: 'http', path: '/api/health', well: 'ok', ...facts }, limitMs);

const status = (code: number) => `it answers /api/health with HTTP status ${code}`;
const statuses = [
  // well: ok, any
  [200, undefined, undefined],
  [204, status(204), undefined],
  [302, status(302), undefined],
  [400, status(400), undefined],
  [404, status(404), undefined],
  [499, status(499), undefined],
  [500, status(500), status(500)],
  [503, status(503), status(503)],
] as const;

describe('HTTP', () => {
  test.each(statuses)('status %i', async (code, ok, any) => {
    const at = await listen(createHttp(says(code)));
    expect(await ask({ at, well: 'ok' })).toBe(ok);
    expect(await ask({ at, well: 'any' })).toBe(any);
  });

  test.each(statuses)('status %i, on a Unix socket', async (code, ok, any) => {
    const at = await listen(createHttp(says(code)), socketPath());
    expect(await ask({ at, well: 'ok' })).toBe(ok);
    expect(await ask({ at, well: 'any' })).toBe(any);
  });

  test('is asked once, for the path, by a name that any server takes', async () => {
    const asked: IncomingMessage[] = [];
    const at = await listen(
      createHttp((request, response) => {
        asked.push(request);
        response.end();
      }),
    );
    expect(await ask({ at, path: '/somewhere?x=1' })).toBeUndefined();
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({
      method: 'GET',
      url: '/somewhere?x=1',
      headers: { host: 'localhost', 'user-agent': 'ldms-entrypoint', connection: 'close' },
    });
  });

  test('the path that was asked for is told', async () => {
    const answer: RequestListener = ({ url }, response) =>
      void response.writeHead(url === '/well' ? 200 : 500).end();
    const at = await listen(createHttp(answer));
    expect(await ask({ at, path: '/well' })).toBeUndefined();
    expect(await ask({ at, path: '/' })).toBe('it answers / with HTTP status 500');
  });

  test('an answer counts as soon as its status is there', async () => {
    const at = await listen(createHttp((_, response) => void response.writeHead(200).write('and so on')));
    expect(await ask({ at })).toBeUndefined();
  });

  test.each([['0.0.0.0', '127.0.0.1'], ...(hasIPv6 ? [['::', '::1'] as const] : [])] as const)(
    'one that listens on %s is asked at %s',
    async (all, loopback) => {
      const { port } = (await listen(createHttp(says(200)), { host: loopback })) as { port: number };
      expect(await ask({ at: { host: all, port } })).toBeUndefined();
      expect(await ask({ at: { host: loopback, port } })).toBeUndefined();
    },
  );

  test('one that listens on an address of its own is asked there', async () => {
    const { port } = (await listen(createHttp(says(200)), { host: '127.0.0.2' })) as { port: number };
    expect(await ask({ at: { host: '127.0.0.2', port } })).toBeUndefined();
    expect(await ask({ at: { host: '0.0.0.0', port } })).toBe('nobody listens');
  });
});

describe('HTTPS', () => {
  test('a certificate that nobody knows is taken', async () => {
    const at = await listen(createHttps(selfSigned(), says(200)));
    expect(await ask({ at, protocol: 'https' })).toBeUndefined();
    expect(await ask({ at, protocol: 'http' })).not.toBeUndefined();
  });

  test('a failure is one', async () => {
    const at = await listen(createHttps(selfSigned(), says(503)));
    expect(await ask({ at, protocol: 'https' })).toBe(status(503));
  });

  test('a server that does not speak it is not well', async () => {
    const at = await listen(createHttp(says(200)));
    expect(await ask({ at, protocol: 'https' })).not.toBeUndefined();
    expect(await ask({ at })).toBeUndefined();
  });
});

/** What a request in uwsgi's protocol holds, once it is whole. */
function uwsgiVariables(bytes: Buffer): Record<string, string> | undefined {
  if (bytes.length < 4 || bytes.length < 4 + bytes.readUInt16LE(1)) return undefined;
  expect([bytes[0], bytes[3], bytes.length]).toEqual([0, 0, 4 + bytes.readUInt16LE(1)]);
  const words: string[] = [];
  for (let at = 4; at < bytes.length; ) {
    const size = bytes.readUInt16LE(at);
    words.push(bytes.toString('utf8', at + 2, at + 2 + size));
    at += 2 + size;
  }
  return Object.fromEntries(words.flatMap((word, at) => (at % 2 ? [] : [[word, words[at + 1] ?? '']])));
}

/** A server of uwsgi's protocol; like the real one, it gives up on a connection that is half closed. */
function createUwsgi(answer: (variables: Record<string, string>, socket: Socket) => void) {
  return createTcp({ allowHalfOpen: true }, (socket) => {
    let bytes = Buffer.alloc(0);
    socket.on('end', () => socket.destroy());
    socket.on('data', (some: Buffer) => {
      bytes = Buffer.concat([bytes, some]);
      const variables = uwsgiVariables(bytes);
      // Later, so that a request that is half closed has been given up.
      if (variables) setTimeout(() => socket.destroyed || answer(variables, socket), 20);
    });
  });
}
const answers = (code: number) =>
  createUwsgi((_, socket) => void socket.end(`HTTP/1.1 ${code} X\r\nA: b\r\n\r\n{}`));

describe("uwsgi's own protocol", () => {
  test.each(statuses)('status %i', async (code, ok, any) => {
    for (const where of [{ host: '127.0.0.1' }, socketPath()]) {
      const at = await listen(answers(code), where);
      expect(await ask({ at, protocol: 'uwsgi', well: 'ok' })).toBe(ok);
      expect(await ask({ at, protocol: 'uwsgi', well: 'any' })).toBe(any);
    }
  });

  test('the variables of a request are given', async () => {
    let given: Record<string, string> = {};
    const server = createUwsgi((variables, socket) => {
      given = variables;
      socket.end('HTTP/1.0 200 OK\r\n\r\n');
    });
    expect(await ask({ at: await listen(server), protocol: 'uwsgi', path: '/ü' })).toBeUndefined();
    expect(given).toMatchObject({
      REQUEST_METHOD: 'GET',
      REQUEST_URI: '/ü',
      PATH_INFO: '/ü',
      QUERY_STRING: '',
      HTTP_HOST: 'localhost',
      SERVER_NAME: 'localhost',
      SERVER_PORT: '80',
      SERVER_PROTOCOL: 'HTTP/1.1',
    });
  });

  test('an answer in pieces, and one that goes on, count as soon as the status is there', async () => {
    const server = createUwsgi(async (_, socket) => {
      for (const piece of ['HT', 'TP/1.1 20', '0 OK\r\n']) {
        socket.write(piece);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    expect(await ask({ at: await listen(server), protocol: 'uwsgi' })).toBeUndefined();
  });

  test.each([
    ['in pieces', ['HTTP/1.1 5', '03 X\r\n'], status(503)],
    ['of one digit, and the end', ['HTTP/1.1 2'], 'it closes the connection without an answer'],
    ['of two digits, and the end', ['HTTP/1.1 20'], 'it closes the connection without an answer'],
    ['of two digits', ['HTTP/1.1 20 OK\r\n'], 'what it answers is no HTTP'],
    ['of four digits', ['HTTP/1.1 2000 OK\r\n'], 'what it answers is no HTTP'],
    ['of three', ['HTTP/1.1 200 OK\r\n'], undefined],
  ])('a status %s', async (_, pieces, wrong) => {
    const server = createUwsgi(async (_, socket) => {
      for (const piece of pieces) {
        socket.write(piece);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      socket.end();
    });
    expect(await ask({ at: await listen(server), protocol: 'uwsgi', well: 'any' })).toBe(wrong);
  });

  test('a status that is cut off by the end is read all the same', async () => {
    const server = createUwsgi((_, socket) => void socket.end('HTTP/1.1 500'));
    expect(await ask({ at: await listen(server), protocol: 'uwsgi' })).toBe(status(500));
  });

  test.each([
    ['nothing', '', 'it closes the connection without an answer'],
    ['half a line', 'SSH-2.0', 'it closes the connection without an answer'],
    ['something else', 'SSH-2.0-x\r\n', 'what it answers is no HTTP'],
    ['no status', 'HTTP/1.1 \r\n\r\n', 'what it answers is no HTTP'],
  ])('a server that closes with %s is not well', async (_, text, wrong) => {
    const server = createUwsgi((_, socket) => void socket.end(text));
    expect(await ask({ at: await listen(server), protocol: 'uwsgi', well: 'any' })).toBe(wrong);
  });

  test('a server that hangs up in the middle is not well', async () => {
    const server = createUwsgi((_, socket) => void socket.resetAndDestroy());
    expect(await ask({ at: await listen(server), protocol: 'uwsgi', well: 'any' })).toBe(
      'it closes the connection without an answer',
    );
  });
});

describe('a server that is not well', () => {
  const protocols = ['http', 'https', 'uwsgi'] as const;
  const mute = () => createTcp((socket) => void socket.resume());

  test.each(protocols)('%s: it takes a connection and never answers', async (protocol) => {
    for (const where of [{ host: '127.0.0.1' }, socketPath()]) {
      const at = await listen(mute(), where);
      const begun = performance.now();
      expect(await ask({ at, protocol, well: 'any' }, impatientMs)).toBe('no answer within 0.15 s');
      expect(performance.now() - begun).toBeGreaterThan(impatientMs - 10);
    }
  });

  test.each(['http', 'uwsgi'] as const)(
    '%s: it begins an answer and never gets to the status',
    async (protocol) => {
      const at = await listen(createTcp((socket) => void socket.write('HTTP/1.1 ')));
      expect(await ask({ at, protocol, well: 'any' }, impatientMs)).not.toBeUndefined();
    },
  );

  test.each(protocols)('%s: nobody listens', async (protocol) => {
    const at = await freePort();
    expect(await ask({ at, protocol, well: 'any' })).toBe('nobody listens');
  });

  test.each(protocols)('%s: there is no socket, or one that nobody serves', async (protocol) => {
    const socket = socketPath();
    expect(await ask({ at: { socket }, protocol, well: 'any' })).toBe('nobody listens');
    // A name stays behind when its server is killed; a link to it outlives its server's tidying up.
    const server = createTcp();
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const left = `${socket}.left`;
    const { linkSync } = process.getBuiltinModule('node:fs');
    linkSync(socket, left);
    await new Promise((resolve) => server.close(resolve));
    expect(await ask({ at: { socket: left }, protocol, well: 'any' })).toBe('nobody listens');
  });

  test.each(protocols)('%s: it closes the connection without an answer', async (protocol) => {
    const at = await listen(createTcp((socket) => void socket.end()));
    expect(await ask({ at, protocol, well: 'any' })).toMatch(/./);
    const resets = await listen(createTcp((socket) => void socket.resetAndDestroy()));
    expect(await ask({ at: resets, protocol, well: 'any' })).toMatch(/./);
  });

  test.each(['http', 'https'] as const)('%s: what it says is no HTTP', async (protocol) => {
    const at = await listen(createTcp((socket) => void socket.end('SSH-2.0-x\r\n')));
    expect(await ask({ at, protocol, well: 'any' })).toMatch(/./);
  });

  test('a port that there cannot be', async () => {
    expect(await ask({ at: { host: '127.0.0.1', port: 65_536 } })).toMatch(/65536/);
  });
});

describe('a server that we cannot speak with', () => {
  test('is well if it accepts connections', async () => {
    const at = await listen(createTcp());
    expect(await ask({ at, protocol: 'tcp' })).toBeUndefined();
    expect(await ask({ at, protocol: 'http' }, impatientMs)).not.toBeUndefined();
  });

  test('is well if it accepts them on a Unix socket', async () => {
    const at = await listen(createTcp(), socketPath());
    expect(await ask({ at, protocol: 'tcp' })).toBeUndefined();
  });

  test('is not if it does not', async () => {
    expect(await ask({ at: await freePort(), protocol: 'tcp' })).toBe('nobody listens');
    expect(await ask({ at: { socket: socketPath() }, protocol: 'tcp' })).toBe('nobody listens');
  });
});

/** A certificate that no authority has signed, made anew (X.509, RFC 5280, in DER). */
function selfSigned(): { key: string; cert: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const part = (tag: number, ...inner: (Buffer | string)[]) => {
    const body = Buffer.concat(inner.map((one) => Buffer.from(one as string)));
    const size = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
    return Buffer.concat([Buffer.from([tag, ...size]), body]);
  };
  const [integer, bits, utf8, time, sequence, set] = [0x02, 0x03, 0x0c, 0x17, 0x30, 0x31];
  const ecdsaWithSha256 = part(sequence, Buffer.from('06082a8648ce3d040302', 'hex'));
  const commonName = Buffer.from('0603550403', 'hex');
  const name = part(sequence, part(set, part(sequence, commonName, part(utf8, 'nobody'))));
  const body = part(
    sequence,
    part(integer, Buffer.from([1])),
    ecdsaWithSha256,
    name,
    part(sequence, part(time, '200101000000Z'), part(time, '490101000000Z')),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', body, privateKey)]);
  const certificate = part(sequence, body, ecdsaWithSha256, part(bits, signature));
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`,
  };
}
