/**
 * The doorman: who answers at a member's peer port while it has no data, and so no etcd that could.
 *
 * It has a path of its own there, which etcd does not serve: a GET says who waits; a POST says as well
 * who asks. Everything else gets a 404 at once: a starting etcd asks every other member for `/members`
 * first, and loses a second with each that listens and does not answer.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Peers } from '../plan.ts';
import type { Patience } from './gateway.ts';
import { askPeer, type Certificates, readCredentials } from './peers.ts';

/** Who waits with an empty data directory. */
export interface Card {
  /** The member's name, as its own list has it. */
  readonly name: string;
  /** The peer URLs of its list. */
  readonly list: readonly string[];
  /** Random: another one is another start, maybe with another list. */
  readonly id: string;
}

/** A doorman under way. */
export interface Door {
  /** Ends it; nothing listens any more then. */
  close(): Promise<void>;
}

const path = '/ldms-entrypoint/doorman';
const mostBytes = 1 << 16;
// Answers under way may end, but nobody may hold up the start of etcd.
const drainMs = 30;
const requestLimitMs = 2000;
const mostConnections = 256;

/**
 * Listens at a member's peer address.
 *
 * @param onMet told of each other doorman that asks
 * @throws what `listen` or TLS says; {@link UnreadableError} of a certificate
 */
export async function openDoor(peers: Peers, own: Card, onMet: (card: Card) => void): Promise<Door> {
  const { address, port } = peers.listen;
  const server = makeServer(peers.tls);
  const sockets = new Set<Socket>();
  server.maxConnections = mostConnections;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) =>
    answer(request, response, own, onMet),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, address, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        const timer = setTimeout(() => {
          for (const socket of sockets) socket.destroy();
        }, drainMs);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
        // Those that have not said anything yet would not hear anything either.
        server.closeIdleConnections();
      }),
  };
}

function makeServer(tls: Certificates): Server {
  const limits = { requestTimeout: requestLimitMs, headersTimeout: requestLimitMs };
  if (!tls) return process.getBuiltinModule('node:http').createServer(limits);
  const credentials = readCredentials(tls);
  const { X509Certificate } = process.getBuiltinModule('node:crypto');
  // Of a text without any certificate, Node makes a CA that has signed nothing, without a word.
  void new X509Certificate(credentials.ca);
  const https = process.getBuiltinModule('node:https');
  return https.createServer({ ...limits, ...credentials, requestCert: true });
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  own: Card,
  onMet: (card: Card) => void,
): void {
  const say = (status: number, text: string) =>
    response.writeHead(status, { connection: 'close', 'content-type': 'application/json' }).end(text);
  const card = JSON.stringify({ ...own, isEmpty: true });
  if (request.url !== path) return void say(404, '');
  if (request.method !== 'POST') return void say(200, card);
  let text = '';
  request.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (text.length > mostBytes) request.destroy();
  });
  request.on('error', () => undefined);
  request.on('end', () => {
    const met = readCard(text);
    say(met ? 200 : 400, met ? card : '');
    if (met) onMet(met);
  });
}

/**
 * Asks whether a member waits with an empty data directory.
 *
 * @param own who asks, if it waits itself
 * @returns who waits there; undefined if somebody else answers: an etcd
 * @throws like {@link askPeer}
 */
export async function askDoorman(
  url: string,
  own: Card | undefined,
  tls: Certificates,
  patience: Patience,
): Promise<Card | undefined> {
  const body = own && JSON.stringify({ ...own, isEmpty: true });
  const { status, text } = await askPeer(url, { path, ...(body && { body }) }, tls, patience);
  return status === 200 ? readCard(text) : undefined;
}

/** A card that somebody has sent; undefined if it is none. What is in it comes into our log. */
export function readCard(text: string): Card | undefined {
  try {
    const { name, list, id, isEmpty } = JSON.parse(text) as Record<string, unknown>;
    const isWord = (word: unknown): word is string =>
      typeof word === 'string' && /^[\x21-\x7e]{1,300}$/.test(word);
    if (!isWord(name) || !isWord(id) || isEmpty !== true) return undefined;
    return Array.isArray(list) && list.length < 100 && list.every(isWord) ? { name, list, id } : undefined;
  } catch {
    return undefined;
  }
}

/** The card of a member with an empty data directory, at this start. */
export const cardOf = ({ self, all }: Peers): Card => ({
  name: self.name,
  list: all.map(({ url }) => url),
  id: process.getBuiltinModule('node:crypto').randomUUID(),
});

/** Whether two lists have the same members, in whatever order. */
export const isSameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((url) => b.includes(url));
