/**
 * The requests that are made of etcd's JSON gateway, and what is made of its answers. The server here
 * is a stand-in that plays etcd as far as one answer; the real one is asked in test/local.
 */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readPrefix, replacePrefix, requestWords, revisionOf, whyUnhealthy } from '../../src/etcd/gateway.ts';

/** A request as the server saw it. */
interface Seen {
  readonly what: string;
  readonly body: Record<string, unknown>;
}

/** Serves what `answer` does until the test has finished; `seen` are the requests so far. */
async function serve(answer: RequestListener): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      seen.push({ what: `${request.method} ${request.url}`, body: text ? JSON.parse(text) : {} });
      answer(request, response);
    });
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const says =
  (text: string, status = 200): RequestListener =>
  (_, response) =>
    void response.writeHead(status).end(text);
const hangs: RequestListener = () => undefined;

const patience = (limitMs = 20_000, stop = new AbortController().signal) => ({ limitMs, stop });
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A port that nobody listens on. */
async function nobody(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

describe("etcd's health", () => {
  test.each([
    ['3.4', '{"health":"true"}'],
    ['3.5', '{"health":"true","reason":""}'],
    ['a boolean', '{"health": true}'],
    ['blanks', '{ "health" : "true" }\n'],
  ])('is well when it says so: %s', async (_, text) => {
    const { url, seen } = await serve(says(text));
    expect(await whyUnhealthy(url, patience())).toBeUndefined();
    expect(seen).toEqual([{ what: 'GET /health', body: {} }]);
  });

  test.each([
    ['it says no', says('{"health":"false"}', 503), 'it says {"health":"false"}'],
    ['it says no with a good status', says('{"health":"false"}'), 'it says {"health":"false"}'],
    [
      'it says why',
      says('{"health":"false","reason":"RAFT NO LEADER"}\n', 503),
      'it says {"health":"false","reason":"RAFT NO LEADER"}',
    ],
    ['it says yes with a bad status', says('{"health":"true"}', 503), 'it says {"health":"true"}'],
    ['it says nothing', says('', 503), 'it says HTTP 503'],
    ['it is something else', says('<html>not found</html>', 404), 'it says <html>not found</html>'],
    ['it talks without end', says('x'.repeat(100_000), 500), `it says ${'x'.repeat(200)}`],
    ['the word is another one', says('{"unhealth":"true"}'), 'it says {"unhealth":"true"}'],
  ])('is not when %s', async (_, answer, because) => {
    const { url } = await serve(answer);
    expect(await whyUnhealthy(url, patience())).toBe(because);
  });

  test('nobody listens', async () => {
    expect(await whyUnhealthy(await nobody(), patience())).toBe('nobody listens there');
  });

  test.each([
    ['a server that says nothing', hangs],
    ['one that stands still after its headers', (_, response) => void response.writeHead(200).flushHeaders()],
    [
      'one that stands still in its answer',
      (_, response) => void response.writeHead(200, { 'content-length': '17' }).write('{"health":"tru'),
    ],
  ] satisfies [string, RequestListener][])('%s is given up at the limit', async (_, answer) => {
    const { url } = await serve(answer);
    expect(await whyUnhealthy(url, patience(20))).toBe('it does not answer');
  });

  test('being stopped ends the question at once, before it and in it', async () => {
    const stop = new AbortController();
    const { url } = await serve(() => stop.abort());
    expect(await whyUnhealthy(url, patience(60_000, stop.signal))).toBe('it does not answer');
    expect(await whyUnhealthy(url, patience(60_000, stop.signal))).toBe('it does not answer');
  });

  test.each([
    ['without a word', (request) => void request.socket.destroy()],
    [
      'in its answer',
      (request, response) => {
        response.writeHead(200, { 'content-length': '17' }).write('{"health":"tru');
        setImmediate(() => request.socket.destroy());
      },
    ],
  ] satisfies [string, RequestListener][])('a server that hangs up %s', async (_, answer) => {
    const { url } = await serve(answer);
    expect(await whyUnhealthy(url, patience())).toMatch(/hang up|aborted|ECONNRESET/);
  });
});

describe('everything below a prefix', () => {
  const keys = (kvs: object[], more = {}) =>
    says(JSON.stringify({ header: { revision: '9' }, kvs, ...more }));

  test('is asked for as the range from the prefix to the first key that does not begin with it', async () => {
    const { url, seen } = await serve(keys([]));
    await readPrefix(url, '/maestro/', patience());
    expect(seen).toEqual([
      {
        what: 'POST /v3/kv/range',
        body: { key: base64('/maestro/'), range_end: base64('/maestro0'), sort_target: 'KEY' },
      },
    ]);
  });

  test('keys and values are bytes, and revisions may be beyond what a number holds', async () => {
    const { url } = await serve(
      keys([
        { key: base64('/m/a'), value: Buffer.from([0xff, 0x00, 0x80]).toString('base64'), mod_revision: '7' },
        { key: base64('/m/b'), value: base64('{"x": "ü"}'), mod_revision: '9007199254740993' },
      ]),
    );
    expect(await readPrefix(url, '/m/', patience())).toEqual([
      { key: Buffer.from('/m/a'), value: Buffer.from([0xff, 0x00, 0x80]), revision: 7n },
      { key: Buffer.from('/m/b'), value: Buffer.from('{"x": "ü"}'), revision: 9007199254740993n },
    ]);
  });

  // The gateway leaves out what is empty: a value, and the list of none.
  test.each([
    ['a key without a value', `{"kvs":[{"key":"${base64('/m/a')}","mod_revision":"7"}],"count":"1"}`, 1],
    ['no key at all', '{"header":{"revision":"9"}}', 0],
  ])('%s', async (_, text, count) => {
    const { url } = await serve(says(text));
    const found = await readPrefix(url, '/m/', patience());
    expect(found).toHaveLength(count);
    for (const { value } of found) expect(value).toEqual(Buffer.alloc(0));
  });

  test('an answer in many pieces', async () => {
    const kvs = Array.from({ length: 2000 }, (_, at) => ({
      key: base64(`/m/${at}`),
      value: base64(`münge ${at}`),
      mod_revision: '7',
    }));
    const { url } = await serve(keys(kvs));
    const found = await readPrefix(url, '/m/', patience());
    expect(found).toHaveLength(2000);
    expect(found.at(-1)?.value.toString()).toBe('münge 1999');
  });

  test.each([
    [
      'an error',
      says('{"error":"etcdserver: request timed out","code":14}', 503),
      /HTTP 503 to range: .*timed out/,
    ],
    ['another program', says('404 page not found', 404), /HTTP 404 to range: 404 page not found/],
    ['no JSON', says('hello'), /JSON/],
    ['nobody', undefined, /ECONNREFUSED/],
  ])('%s answers', async (_, answer, why) => {
    const url = answer ? (await serve(answer)).url : await nobody();
    await expect(readPrefix(url, '/m/', patience())).rejects.toThrow(why);
  });
});

describe("a key's revision", () => {
  test('is asked for without its value', async () => {
    const { url, seen } = await serve(says(`{"kvs":[{"key":"${base64('/m/u')}","mod_revision":"41"}]}`));
    expect(await revisionOf(url, '/m/u', patience())).toBe(41n);
    expect(seen).toEqual([{ what: 'POST /v3/kv/range', body: { key: base64('/m/u'), keys_only: true } }]);
  });

  test('there is none of a key that is not there', async () => {
    const { url } = await serve(says('{"header":{"revision":"9"}}'));
    expect(await revisionOf(url, '/m/u', patience())).toBeUndefined();
  });
});

describe('a prefix is replaced', () => {
  const entry = (key: string, value: string | Buffer) => ({
    key: Buffer.from(key),
    value: Buffer.from(value),
    revision: 1n,
  });

  const put = (key: string, value: string | Buffer) => ({
    request_put: { key: base64(key), value: Buffer.from(value).toString('base64') },
  });

  test('by deleting all of it, and writing the keys in the order given', async () => {
    const { url, seen } = await serve(says('{}'));
    const values = [['/m/b', 'two'] as const, ['/m/a', Buffer.from([0xff])] as const, ['/m/u', ''] as const];
    await replacePrefix(
      url,
      '/m/',
      values.map(([key, value]) => entry(key, value)),
      patience(),
    );
    expect(seen).toEqual([
      { what: 'POST /v3/kv/deleterange', body: { key: base64('/m/'), range_end: base64('/m0') } },
      { what: 'POST /v3/kv/txn', body: { success: values.map(([key, value]) => put(key, value)) } },
    ]);
  });

  // etcd takes 128 operations in one transaction (--max-txn-ops).
  test('of many keys in several transactions, one at a time, and none of them too large', async () => {
    let under = 0;
    let most = 0;
    const { url, seen } = await serve((_, response) => {
      most = Math.max(most, ++under);
      setImmediate(() => {
        under--;
        response.end('{}');
      });
    });
    const keys = Array.from({ length: 300 }, (_, at) => `/m/${at}`);
    await replacePrefix(
      url,
      '/m/',
      keys.map((key) => entry(key, 'x')),
      patience(),
    );
    const batches = seen.slice(1).map(({ body }) => body['success'] as unknown[]);
    for (const batch of batches) expect(batch.length).toBeLessThanOrEqual(128);
    expect(batches.flat()).toEqual(keys.map((key) => put(key, 'x')));
    expect(most, 'one at a time').toBe(1);
  });

  // etcd takes 1.5 MiB in one request (--max-request-bytes).
  test('of large values in several transactions, though each key was written alone before', async () => {
    const { url, seen } = await serve(says('{}'));
    const entries = Array.from({ length: 8 }, (_, at) => entry(`/m/${at}`, Buffer.alloc(500_000)));
    await replacePrefix(url, '/m/', entries, patience());
    const batches = seen.slice(1).map(({ body }) => body['success'] as unknown[]);
    expect(batches.flat()).toHaveLength(8);
    for (const batch of batches) expect(batch.length).toBeLessThanOrEqual(3);
  });

  test('by nothing: it is deleted', async () => {
    const { url, seen } = await serve(says('{}'));
    await replacePrefix(url, '/m/', [], patience());
    expect(seen.map(({ what }) => what)).toEqual(['POST /v3/kv/deleterange']);
  });

  test('the first request that fails is the last', async () => {
    let answers = 0;
    const { url, seen } = await serve((request, response) =>
      says('{}', ++answers === 2 ? 500 : 200)(request, response),
    );
    const entries = Array.from({ length: 300 }, (_, at) => entry(`/m/${at}`, 'x'));
    await expect(replacePrefix(url, '/m/', entries, patience())).rejects.toThrow('HTTP 500 to txn');
    expect(seen).toHaveLength(2);
  });
});

test.each([
  [
    Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' }),
    'nobody listens there',
  ],
  [Object.assign(new Error('This operation was aborted'), { name: 'AbortError' }), 'it does not answer'],
  [Object.assign(new Error('connect EHOSTUNREACH'), { code: 'EHOSTUNREACH' }), 'connect EHOSTUNREACH'],
])('why a request failed, for people: %s', (error, words) => {
  expect(requestWords(error)).toBe(words);
});
