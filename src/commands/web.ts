/** Asking a web server of ours for its health, at its own listener. */
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { WebFacts } from '../plan.ts';
import { errnoOf } from '../problem.ts';
import { notConnectedWords, type Where, whyNotAccepted } from '../process/connect.ts';

/**
 * Asks it.
 *
 * @returns undefined if it is well, or what is wrong with it
 */
export async function whyUnwell(
  { protocol, at, path, well }: WebFacts,
  limitMs: number,
): Promise<string | undefined> {
  const where: Where = 'socket' in at ? { path: at.socket } : { host: reachable(at.host), port: at.port };
  try {
    if (protocol === 'tcp') return await whyNotAccepted(where, limitMs);
    const status = await within(limitMs, (stop) =>
      protocol === 'uwsgi' ? askUwsgi(where, path, stop) : askHttp(protocol, where, path, stop),
    );
    if (well === 'ok' ? status === 200 : status < 500) return undefined;
    return `it answers ${path} with HTTP status ${status}`;
  } catch (error) {
    return wordsOf(error, limitMs);
  }
}

/** An address to connect to, for one that is listened on. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

async function within<T>(limitMs: number, ask: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), limitMs);
  try {
    return await ask(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}

function askHttp(
  protocol: 'http' | 'https',
  where: Where,
  path: string,
  signal: AbortSignal,
): Promise<number> {
  const options: RequestOptions & { rejectUnauthorized: boolean } = {
    ...('path' in where ? { socketPath: where.path } : where),
    path,
    agent: false,
    signal,
    // Django takes this name unless its settings forbid even that; grafana takes any.
    headers: { Host: 'localhost', 'User-Agent': 'ldms-entrypoint' },
    // Its certificate is made for the name that people use, and not for this one.
    rejectUnauthorized: false,
  };
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage) => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    };
    const request: ClientRequest =
      protocol === 'http'
        ? process.getBuiltinModule('node:http').request(options, answered)
        : process.getBuiltinModule('node:https').request(options, answered);
    request.on('error', reject);
    request.end();
  });
}

/**
 * Asks in uwsgi's own protocol: a packet with the variables of a request, which is answered in HTTP
 * (uwsgi-docs.readthedocs.io/en/latest/Protocol.html).
 */
function askUwsgi(where: Where, path: string, signal: AbortSignal): Promise<number> {
  const variables = {
    REQUEST_METHOD: 'GET',
    REQUEST_URI: path,
    PATH_INFO: path,
    QUERY_STRING: '',
    SERVER_PROTOCOL: 'HTTP/1.1',
    SERVER_NAME: 'localhost',
    SERVER_PORT: '80',
    HTTP_HOST: 'localhost',
    HTTP_USER_AGENT: 'ldms-entrypoint',
  };
  const sized = (text: string) => {
    const size = Buffer.alloc(2);
    size.writeUInt16LE(Buffer.byteLength(text));
    return Buffer.concat([size, Buffer.from(text)]);
  };
  const body = Buffer.concat(Object.entries(variables).flatMap((pair) => pair.map(sized)));
  const head = Buffer.alloc(4);
  head.writeUInt16LE(body.length, 1);
  const { connect } = process.getBuiltinModule('node:net');
  return new Promise((resolve, reject) => {
    const socket = connect(where);
    let said = '';
    const fail = (error: Error) => {
      reject(error);
      socket.destroy();
    };
    signal.addEventListener('abort', () => fail(signal.reason as Error));
    socket.setEncoding('latin1').on('data', (text: string) => {
      said += text;
      const [, status] = /^HTTP\/\S+ (\d{3})\b/.exec(said) ?? [];
      if (status === undefined && !said.includes('\n')) return;
      if (status === undefined) return fail(new Error('what it answers is no HTTP'));
      resolve(Number(status));
      socket.destroy();
    });
    socket.on('error', fail);
    socket.on('close', () => reject(new Error(hungUp)));
    // Not ended: uwsgi takes a connection that is half closed for one that is gone.
    socket.write(Buffer.concat([head, body]));
  });
}

function wordsOf(error: unknown, limitMs: number): string {
  const errno = errnoOf(error);
  if (errno === 'ABORT_ERR' || (error instanceof Error && error.name === 'AbortError')) {
    return `no answer within ${limitMs / 1000} s`;
  }
  if (errno === 'ECONNRESET') return hungUp;
  return error instanceof Error ? notConnectedWords(error) : String(error);
}

const hungUp = 'it closes the connection without an answer';
