/**
 * etcd by HTTP: its health, and its v3 API through the JSON gateway that every etcd since 3.4 has
 * (`/v3/…`, keys and values in base64), so that neither gRPC nor a client library is needed.
 */
import type { IncomingMessage } from 'node:http';

/** Ends a request early. */
export interface Patience {
  /** In milliseconds; `Infinity` for what is answered when something happens. */
  readonly limitMs: number;
  readonly stop: AbortSignal;
}

// etcd takes 128 operations in one transaction unless told otherwise (--max-txn-ops).
const mostPuts = 100;
// And 1.5 MiB in one request (--max-request-bytes).
const mostBytes = 1 << 20;

/** An answer: its HTTP status and its text. */
interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A key with its value, both as bytes. */
export interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
  /** The revision of the store in which it was written last. */
  readonly revision: bigint;
}

/**
 * Asks etcd for its health.
 *
 * While it has no leader yet, etcd 3.4 holds the answer back until it has one (tried), so that one
 * question is enough.
 *
 * @returns undefined if it is healthy, or why not
 */
export async function whyUnhealthy(url: string, patience: Patience): Promise<string | undefined> {
  try {
    const { status, text } = await ask('GET', `${url}/health`, undefined, patience);
    // {"health":"true"}: a string in 3.4, and in later ones beside a reason.
    if (status === 200 && /"health"\s*:\s*"?true/.test(text)) return undefined;
    return `it says ${text.trim().slice(0, 200) || `HTTP ${status}`}`;
  } catch (error) {
    return requestWords(error);
  }
}

/**
 * Everything whose key begins with `prefix`, in the order of keys.
 *
 * @throws if etcd cannot be asked
 */
export async function readPrefix(url: string, prefix: string, patience: Patience): Promise<Entry[]> {
  const answer = await call(url, 'range', { ...rangeOf(prefix), sort_target: 'KEY' }, patience);
  const kvs = (answer['kvs'] ?? []) as { key: string; value?: string; mod_revision: string }[];
  return kvs.map(({ key, value = '', mod_revision }) => ({
    key: Buffer.from(key, 'base64'),
    value: Buffer.from(value, 'base64'),
    revision: BigInt(mod_revision),
  }));
}

/**
 * The revision in which a key was written last; undefined if there is no such key.
 *
 * @throws if etcd cannot be asked
 */
export async function revisionOf(url: string, key: string, patience: Patience): Promise<bigint | undefined> {
  const answer = await call(url, 'range', { key: encode(key), keys_only: true }, patience);
  const [found] = (answer['kvs'] ?? []) as { mod_revision: string }[];
  return found && BigInt(found.mod_revision);
}

/**
 * Has exactly these entries below `prefix`, written in their order.
 *
 * @throws if etcd cannot be asked
 */
export async function replacePrefix(
  url: string,
  prefix: string,
  entries: readonly Entry[],
  patience: Patience,
): Promise<void> {
  await call(url, 'deleterange', rangeOf(prefix), patience);
  for (const some of portions(entries)) {
    const success = some.map(({ key, value }) => ({
      request_put: { key: key.toString('base64'), value: value.toString('base64') },
    }));
    await call(url, 'txn', { success }, patience);
  }
}

/** Entries in portions that fit into a transaction. */
function portions(entries: readonly Entry[]): Entry[][] {
  const made: Entry[][] = [];
  let last: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = entry.key.length + entry.value.length;
    if (last.length === 0 || last.length >= mostPuts || bytes + size > mostBytes) {
      last = [];
      bytes = 0;
      made.push(last);
    }
    last.push(entry);
    bytes += size;
  }
  return made;
}

function call(
  url: string,
  method: 'range' | 'deleterange' | 'txn',
  body: object,
  patience: Patience,
): Promise<Record<string, unknown>> {
  return post(url, `kv/${method}`, body, patience);
}

/**
 * Calls a method of the gateway.
 *
 * @param method its path behind `/v3/`: `lease/grant`
 * @returns the answer; whatever has its default value (0, false, empty) is left out of it by etcd, and
 *   64-bit numbers are strings
 * @throws {GatewayError} if etcd refuses; whatever node:http throws if it cannot be asked
 */
export async function post(
  url: string,
  method: string,
  body: object,
  patience: Patience,
): Promise<Record<string, unknown>> {
  const { status, text } = await ask('POST', `${url}/v3/${method}`, JSON.stringify(body), patience);
  if (status !== 200) throw new GatewayError(status, method, text);
  return JSON.parse(text) as Record<string, unknown>;
}

/**
 * Calls a method of the gateway that answers again and again: `watch`.
 *
 * @param each is told each answer
 * @returns when etcd has ended it, which it does when it ends itself
 * @throws {GatewayError} if etcd refuses; whatever node:http throws if the connection breaks or is ended
 */
export function follow(
  url: string,
  method: string,
  body: object,
  each: (answer: Record<string, unknown>) => void,
  stop: AbortSignal,
): Promise<void> {
  const { request } = process.getBuiltinModule('node:http');
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const options = { method: 'POST', signal: stop, agent: false };
  const sent = request(`${url}/v3/${method}`, options, (answer: IncomingMessage) => {
    const status = answer.statusCode ?? 0;
    let rest = '';
    answer.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      if (status !== 200) return;
      for (const line of lines) if (line) each(JSON.parse(line) as Record<string, unknown>);
    });
    answer.on('end', () => (status === 200 ? resolve() : reject(new GatewayError(status, method, rest))));
    answer.on('error', reject);
  });
  sent.on('error', reject);
  sent.end(JSON.stringify(body));
  return promise;
}

/** What etcd refuses. */
export class GatewayError extends Error {
  /** Of HTTP. */
  readonly status: number;
  constructor(status: number, method: string, text: string) {
    super(`etcd answers HTTP ${status} to ${method.replace('kv/', '')}: ${text.trim().slice(0, 200)}`);
    this.status = status;
  }
}

/** Text as the gateway takes keys and values. */
export const encode = (text: string): string => Buffer.from(text).toString('base64');

/** Text of a key or value that the gateway has given; nothing, as of an empty value, is empty. */
export const decode = (base64: string | undefined): string => Buffer.from(base64 ?? '', 'base64').toString();

/** All keys that begin with `prefix`: up to the first that does not, the prefix with its last byte one higher. */
export function rangeOf(prefix: string): { key: string; range_end: string } {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return { key: encode(prefix), range_end: end.toString('base64') };
}

function ask(method: string, url: string, body: string | undefined, patience: Patience): Promise<Answer> {
  const { request } = process.getBuiltinModule('node:http');
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  // AbortSignal.timeout() cannot be cleared: it would wake a process that is long at rest.
  const late = new AbortController();
  const isBounded = Number.isFinite(patience.limitMs);
  const timer = isBounded ? setTimeout(() => late.abort(), patience.limitMs) : undefined;
  const signal = AbortSignal.any([patience.stop, late.signal]);
  const sent = request(url, { method, signal, agent: false }, (answer: IncomingMessage) => {
    let text = '';
    answer.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    answer.on('error', reject);
  });
  sent.on('error', reject);
  sent.end(body);
  return promise.finally(() => clearTimeout(timer));
}

/** What {@link requestWords} says when the time was over. */
export const noAnswer = 'it does not answer';

/** Why a request failed, for people. */
export function requestWords(error: unknown): string {
  const { name, message, code } = error as Error & { code?: string };
  if (code === 'ECONNREFUSED') return 'nobody listens there';
  return name === 'AbortError' ? noAnswer : message;
}
