/** As much of etcd's v3 API as the stand-ins and the tests use, through its JSON gateway. */
import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';

const encode = (text: string): string => Buffer.from(text).toString('base64');
const decode = (text = ''): string => Buffer.from(text, 'base64').toString();

/** All keys that begin with a prefix, as the gateway wants it: up to the first key that does not. */
function beginningWith(prefix: string): { key: string; range_end: string } {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return { key: encode(prefix), range_end: end.toString('base64') };
}

/** The keys that begin with `prefix`, in order, with their values. */
export async function getPrefix(url: string, prefix: string): Promise<Map<string, string>> {
  const { kvs = [] } = (await call(url, '/v3/kv/range', beginningWith(prefix))) as {
    kvs?: { key: string; value?: string }[];
  };
  return new Map(kvs.map(({ key, value }) => [decode(key), decode(value)]));
}

/** Sets one key. */
export async function put(url: string, key: string, value: string): Promise<void> {
  await call(url, '/v3/kv/put', { key: encode(key), value: encode(value) });
}

/** Deletes the keys that begin with `prefix`: "/a" deletes "/ab" as well. */
export async function deletePrefix(url: string, prefix: string): Promise<void> {
  await call(url, '/v3/kv/deleterange', beginningWith(prefix));
}

/** What a watch tells. */
export interface Watcher {
  /** From here on nothing is missed. */
  created(): void;
  put(): void;
  /** The connection is gone, and with it the watch. Called once. */
  ended(reason: string): void;
}

/** Watches one key for being set. */
export function watch(url: string, key: string, watcher: Watcher): void {
  let reason = 'the stream has ended';
  let over = false;
  const end = () => {
    if (!over) watcher.ended(reason);
    over = true;
  };
  const failed = (error: Error) => {
    reason = error.message;
    end();
  };
  post(url, '/v3/watch', { create_request: { key: encode(key) } }, failed, (response) => {
    response.on('error', failed).on('close', end);
    const lines = createInterface(response).on('error', failed);
    lines.on('line', (line) => {
      const { result, error } = JSON.parse(line) as {
        result?: { created?: boolean; events?: { type?: string }[] };
        error?: { message?: string };
      };
      if (error) reason = error.message ?? reason;
      if (result?.created) watcher.created();
      // The gateway leaves PUT out, as it is the type's zero value.
      for (const { type } of result?.events ?? []) if (type !== 'DELETE') watcher.put();
    });
  });
}

/** One call with one answer. */
function call(url: string, path: string, body: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    post(url, path, body, reject, (response) => {
      let text = '';
      response.setEncoding('utf8').on('error', reject);
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(/"error":"([^"]*)"/.exec(text)?.[1] ?? `${response.statusCode} ${text}`));
      });
    });
  });
}

/** Every request has a connection of its own, so that none meets one that an etcd of before has left. */
function post(
  url: string,
  path: string,
  body: object,
  failed: (error: Error) => void,
  answered: (response: IncomingMessage) => void,
): void {
  request(new URL(path, url), { method: 'POST', agent: false }, answered)
    .on('error', failed)
    .end(JSON.stringify(body));
}
