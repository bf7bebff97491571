/** Asks the other members of a cluster at their peer ports, in clear or by mutual TLS. */
import type { IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { Peers } from '../plan.ts';
import { errnoOf, errnoWords } from '../problem.ts';
import { type Patience, requestWords } from './gateway.ts';

/** Where the certificates are; undefined where the members speak in clear. */
export type Certificates = Peers['tls'];

/** What a request to a peer port has been answered. */
export interface PeerAnswer {
  /** Of HTTP. */
  readonly status: number;
  readonly text: string;
}

/** A member of a cluster as its etcds list it. */
export interface Member {
  /** A 64-bit number in decimal digits. */
  readonly id: string;
  /** Empty until a member that was added by the API has started. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  /** None until the member has started for the first time. */
  readonly clientUrls: readonly string[];
}

/** A request to a peer port. */
export interface PeerRequest {
  readonly path: string;
  /** Makes it a POST. */
  readonly body?: string;
  /** The port is our own, by another name than its certificate has: who is there need not be proved. */
  readonly isOwn?: boolean;
}

// A list of members has some hundred bytes for each.
const mostBytes = 1 << 20;

/** The certificates themselves, as PEM. */
export interface Credentials {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
}

/**
 * Reads the certificates, each time anew as etcd does, so that they can be renewed in place.
 *
 * @throws {UnreadableError} if one cannot be read
 */
export function readCredentials({ cert, key, ca }: NonNullable<Certificates>): Credentials {
  return { cert: readPem(cert), key: readPem(key), ca: readPem(ca) };
}

/** A certificate's file that cannot be read; the message says which, and why. */
export class UnreadableError extends Error {}

function readPem(path: string): Buffer {
  try {
    return process.getBuiltinModule('node:fs').readFileSync(path);
  } catch (error) {
    throw new UnreadableError(`${path}: ${errnoWords(error)}`);
  }
}

/**
 * Asks a peer port.
 *
 * @param url of the peer, without a path
 * @throws whatever keeps it from being asked; {@link peerWords} has the words for it
 */
export async function askPeer(
  url: string,
  { path, body, isOwn }: PeerRequest,
  tls: Certificates,
  { limitMs, stop }: Patience,
): Promise<PeerAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<PeerAnswer>();
  // AbortSignal.timeout() cannot be cleared, and would not keep the process alive.
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), limitMs);
  const options: RequestOptions = {
    method: body === undefined ? 'GET' : 'POST',
    signal: AbortSignal.any([stop, late.signal]),
    agent: false,
    ...(url.startsWith('https:') && tls && readCredentials(tls)),
    ...(isOwn && { checkServerIdentity: () => undefined }),
  };
  const { request } = process.getBuiltinModule(url.startsWith('https:') ? 'node:https' : 'node:http');
  const sent = request(`${url}${path}`, options, (answer: IncomingMessage) => {
    let text = '';
    answer.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.length > mostBytes) answer.destroy(new Error('its answer is too long'));
    });
    answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    answer.on('error', reject);
  });
  sent.on('error', reject);
  sent.end(body);
  return promise.finally(() => clearTimeout(timer));
}

/**
 * The members of the cluster that the etcd at a peer's URL belongs to.
 *
 * @returns undefined if whoever answers there is no etcd
 * @throws like {@link askPeer}
 */
export async function membersAt(
  url: string,
  tls: Certificates,
  patience: Patience,
): Promise<Member[] | undefined> {
  const { status, text } = await askPeer(url, { path: '/members' }, tls, patience);
  return status === 200 ? readMembers(text) : undefined;
}

/** The members that `GET /members` of etcd's peer port tells of; undefined if it is no such list. */
export function readMembers(text: string): Member[] | undefined {
  try {
    // The ids are 64-bit numbers, which JSON.parse would round.
    const list: unknown = JSON.parse(text.replace(/"id"\s*:\s*(\d+)/g, '"id":"$1"'));
    return Array.isArray(list) ? list.map(memberOf) : undefined;
  } catch {
    return undefined;
  }
}

/** etcd leaves out what is empty, in the gateway's answers as well, whose names are the same but for the id's. */
function memberOf(entry: Record<string, unknown>): Member {
  const texts = (value: unknown) => (Array.isArray(value) ? value.map(String) : []);
  return {
    id: String(entry['id'] ?? entry['ID'] ?? ''),
    name: String(entry['name'] ?? ''),
    peerUrls: texts(entry['peerURLs']),
    clientUrls: texts(entry['clientURLs']),
  };
}

/** The members in an answer of the gateway's cluster/member/list. */
export function membersOfAnswer(answer: Record<string, unknown>): Member[] {
  const list = answer['members'];
  return Array.isArray(list) ? list.map(memberOf) : [];
}

/**
 * Why our own etcd does not serve its peer port; undefined if it does, whether or not it has a quorum.
 *
 * It is asked at the address where it listens: our own name may stand for loopback in our /etc/hosts.
 */
export async function whyNotServing(peers: Peers, patience: Patience): Promise<string | undefined> {
  try {
    const { status } = await askPeer(ownUrl(peers), { path: '/version', isOwn: true }, peers.tls, patience);
    return status === 200 ? undefined : `its peer port says HTTP ${status}`;
  } catch (error) {
    return peerWords(error);
  }
}

function ownUrl({ self, listen: { address, port } }: Peers): string {
  // Where it listens on all, we would come from loopback, which is not in our certificate.
  if (address === '0.0.0.0' || address === '::') return self.url;
  return `${new URL(self.url).protocol}//${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** Why a peer port could not be asked, for people. */
export function peerWords(error: unknown): string {
  const { reason } = error as { reason?: unknown };
  const code = errnoOf(error);
  if (/WRONG_VERSION_NUMBER/.test(code)) return 'it does not speak TLS';
  // OpenSSL's own words, without its numbers around them.
  if (code.startsWith('ERR_SSL_') && typeof reason === 'string') return `TLS: ${reason}`;
  return words[code] ?? requestWords(error);
}

const words: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be asked for',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  EHOSTDOWN: 'there is no way to it',
  ETIMEDOUT: 'it does not answer',
  ECONNRESET: 'it breaks the connection off',
};
