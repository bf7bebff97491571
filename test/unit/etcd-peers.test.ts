/** Asking peer ports. The servers are stand-ins; real etcds are asked in test/local. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cardOf, isSameList, readCard } from '../../src/etcd/doorman.ts';
import {
  askPeer,
  membersAt,
  membersOfAnswer,
  peerWords,
  readMembers,
  whyNotServing,
} from '../../src/etcd/peers.ts';
import type { Peers } from '../../src/plan.ts';

const patience = (limitMs = 20_000) => ({ limitMs, stop: new AbortController().signal });

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

// As etcd 3.4.23 prints it: the second was added and has not started.
const list =
  '[{"id":9372538179322589801,"peerURLs":["http://127.0.0.1:2380"],"name":"hostA","clientURLs":["http://127.0.0.1:2379"]},{"id":10501334649042878790,"peerURLs":["http://127.0.0.2:2380"],"name":""}]';
const asRead = [
  {
    id: '9372538179322589801',
    name: 'hostA',
    peerUrls: ['http://127.0.0.1:2380'],
    clientUrls: ['http://127.0.0.1:2379'],
  },
  { id: '10501334649042878790', name: '', peerUrls: ['http://127.0.0.2:2380'], clientUrls: [] },
];

describe("a peer port's list of members", () => {
  test('is read with its 64-bit ids, which a number of JavaScript cannot hold', () => {
    expect(readMembers(list)).toEqual(asRead);
    expect(String(JSON.parse(list)[0].id)).not.toBe(asRead[0]?.id);
  });

  test('has the id that is one, not a text that looks like it', () => {
    const tricky = JSON.stringify([{ id: 7, name: '"id":8', peerURLs: ['http://x'] }]);
    expect(readMembers(tricky)).toEqual([
      { id: '7', name: '"id":8', peerUrls: ['http://x'], clientUrls: [] },
    ]);
  });

  test.each([[''], ['{}'], ['404 page not found'], ['[1'], ['"text"'], ['[null]']])(
    'is not read from %j',
    (text) => {
      expect(readMembers(text)).toBeUndefined();
    },
  );

  test("is the same as the gateway's", () => {
    const members = [
      {
        ID: '9372538179322589801',
        name: 'hostA',
        peerURLs: ['http://127.0.0.1:2380'],
        clientURLs: ['http://127.0.0.1:2379'],
      },
      { ID: '10501334649042878790', peerURLs: ['http://127.0.0.2:2380'] },
    ];
    expect(membersOfAnswer({ members })).toEqual(asRead);
    expect(membersOfAnswer({})).toEqual([]);
  });

  test('is asked for at /members', async () => {
    const url = await serve(({ url: path, method }, response) =>
      response.writeHead(path === '/members' && method === 'GET' ? 200 : 404).end(list),
    );
    expect(await membersAt(url, undefined, patience())).toEqual(asRead);
    expect(await membersAt(`${url}/other`, undefined, patience())).toBeUndefined();
  });
});

describe('asking', () => {
  test('posts what it is given', async () => {
    const url = await serve((request, response) => {
      let text = '';
      request.on('data', (chunk) => {
        text += chunk;
      });
      request.on('end', () => response.writeHead(202).end(`${request.method} ${request.url} ${text}`));
    });
    expect(await askPeer(url, { path: '/a', body: 'b' }, undefined, patience())).toEqual({
      status: 202,
      text: 'POST /a b',
    });
  });

  test.each([
    ['it does not answer', () => undefined],
    ['it breaks the connection off', (request) => void request.socket.destroy()],
    ['its answer is too long', (_, response) => void response.end('x'.repeat(2 << 20))],
  ] as [string, RequestListener][])('fails with "%s"', async (words, listener) => {
    const url = await serve(listener);
    const error = await askPeer(url, { path: '/' }, undefined, patience(300)).catch(
      (thrown: unknown) => thrown,
    );
    expect(peerWords(error)).toBe(words);
  });

  test.each([
    ['nobody listens there', 'ECONNREFUSED'],
    ['its name is not known', 'ENOTFOUND'],
    ['there is no way to it', 'EHOSTUNREACH'],
    ['it does not speak TLS', 'ERR_SSL_WRONG_VERSION_NUMBER'],
  ])('says "%s" for %s', (words, code) => {
    expect(peerWords(Object.assign(new Error('words of Node'), { code }))).toBe(words);
  });

  test("says OpenSSL's reason without its numbers, and what it does not know in its own words", () => {
    const error = Object.assign(new Error('0A00:error:SSL routines'), {
      code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
      reason: 'tlsv1 alert unknown ca',
    });
    expect(peerWords(error)).toBe('TLS: tlsv1 alert unknown ca');
    expect(peerWords(new Error('certificate has expired'))).toBe('certificate has expired');
  });

  test('ends with the stop', async () => {
    const stop = new AbortController();
    const url = await serve(() => stop.abort());
    await expect(
      askPeer(url, { path: '/' }, undefined, { limitMs: 60_000, stop: stop.signal }),
    ).rejects.toThrow();
  });

  test('names the certificate that cannot be read', async () => {
    const tls = { cert: '/none.pem', key: '/none.key', ca: '/none.ca' };
    const asked = askPeer('https://127.0.0.1:1', { path: '/' }, tls, patience());
    await expect(asked).rejects.toThrow('/none.pem: it does not exist');
  });
});

describe('an own peer port', () => {
  const peersAt = (url: string): Peers => {
    const self = { name: 'hostA', url: 'http://name-of-nobody.invalid:1' };
    return { self, all: [self], listen: { address: '127.0.0.1', port: Number(new URL(url).port) } };
  };

  test('is asked at the address where it listens', async () => {
    const url = await serve((request, response) =>
      response.writeHead(request.url === '/version' ? 200 : 404).end(),
    );
    expect(await whyNotServing(peersAt(url), patience())).toBeUndefined();
  });

  test('does not serve with any other answer, nor without one', async () => {
    const url = await serve((_, response) => response.writeHead(404).end());
    expect(await whyNotServing(peersAt(url), patience())).toBe('its peer port says HTTP 404');
    expect(await whyNotServing(peersAt('http://127.0.0.1:1'), patience())).toBe('nobody listens there');
  });
});

describe('a card', () => {
  const card = { name: 'hostA', list: ['http://hostA:2380'], id: 'x' };
  const text = (more: object) => JSON.stringify({ ...card, isEmpty: true, ...more });

  test('is read as it was sent', () => {
    expect(readCard(text({}))).toEqual(card);
  });

  test.each([
    ['nothing', ''],
    ['another thing', '[]'],
    ['null', 'null'],
    ['one of a member with data', text({ isEmpty: false })],
    ['a name with a line of its own', text({ name: 'hostA\nhostB' })],
    ['a name that colours a terminal', text({ name: '\u001b[31m' })],
    ['a list that is none', text({ list: 'http://hostA:2380' })],
    ['a list with an entry that is none', text({ list: ['http://hostA:2380', 1] })],
    ['a list without end', text({ list: Array(1000).fill('http://hostA:2380') })],
    ['no id', text({ id: undefined })],
  ])('is not read from %s', (_, sent) => {
    expect(readCard(sent)).toBeUndefined();
  });

  test('is another one at each start, with the list of the plan', () => {
    const self = { name: 'hostA', url: 'http://hostA:2380' };
    const peers: Peers = { self, all: [self], listen: { address: '127.0.0.1', port: 2380 } };
    expect(cardOf(peers)).toEqual({ ...card, id: expect.stringMatching(/^[-\da-f]{36}$/) });
    expect(cardOf(peers).id).not.toBe(cardOf(peers).id);
  });

  test('has the same list in whatever order', () => {
    expect(isSameList(['a', 'b'], ['b', 'a'])).toBe(true);
    expect(isSameList(['a', 'b'], ['a'])).toBe(false);
    expect(isSameList(['a', 'b'], ['a', 'c'])).toBe(false);
  });
});
