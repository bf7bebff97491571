/**
 * What was in etcd before maestro_ctrl, to compare with and to put back. The server is a stand-in that
 * plays etcd's JSON gateway over a map; the real one is used in test/local.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { keepPrefix } from '../../src/etcd/keep.ts';

/** A store with revisions, as etcd's. */
interface Store {
  readonly url: string;
  readonly leaves: { readonly url: string; readonly prefix: string; readonly key: string };
  put(key: string, value: string): void;
  delete(key: string): void;
  /** All keys with their values, in the order in which they were written last. */
  content(): [string, string][];
  /** How many requests have changed something. */
  changes(): number;
  close(): Promise<void>;
}

type Body = Readonly<Record<string, unknown>>;

async function startStore(content: Readonly<Record<string, string>> = {}): Promise<Store> {
  const kept = new Map<string, { value: string; revision: number }>();
  let revision = 1;
  let changes = 0;
  const put = (key: string, value: string) => {
    kept.set(key, { value, revision: ++revision });
  };
  for (const [key, value] of Object.entries(content)) put(key, value);
  const bytes = (text: unknown = '') => Buffer.from(text as string, 'base64').toString('latin1');
  const answers: Record<string, (body: Body) => object> = {
    '/v3/kv/range': (body) => {
      const [from, to] = [bytes(body['key']), bytes(body['range_end'])];
      const found = [...kept].filter(([key]) => (to ? key >= from && key < to : key === from)).sort();
      const kvs = found.map(([key, { value, revision: at }]) => ({
        key: Buffer.from(key, 'latin1').toString('base64'),
        ...(value && !body['keys_only'] && { value: Buffer.from(value, 'latin1').toString('base64') }),
        mod_revision: String(at),
      }));
      return kvs.length > 0 ? { kvs } : {};
    },
    '/v3/kv/txn': ({ success }) => {
      changes++;
      for (const { request_put: one } of success as { request_put: Record<string, string> }[]) {
        put(bytes(one['key']), bytes(one['value']));
      }
      return { succeeded: true };
    },
    '/v3/kv/deleterange': (body) => {
      changes++;
      const [from, to] = [bytes(body['key']), bytes(body['range_end'])];
      for (const key of kept.keys()) if (key >= from && key < to) kept.delete(key);
      return {};
    },
  };
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      const answer = answers[request.url ?? ''];
      if (answer) response.end(JSON.stringify(answer(JSON.parse(text))));
      else response.writeHead(404).end();
    });
  });
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(close);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    leaves: { url, prefix: '/m/', key: '/m/last_updated' },
    put,
    delete: (key) => void kept.delete(key),
    content: () =>
      [...kept].sort(([, a], [, b]) => a.revision - b.revision).map(([key, { value }]) => [key, value]),
    changes: () => changes,
    close,
  };
}

const never = new AbortController().signal;
const complete = {
  '/m/zz': 'last by name, \xff first by writing',
  '/m/daemons': 'd',
  '/m/last_updated': 'monday',
  '/other': 'mine',
};

describe('whether there was a configuration', () => {
  test.each([
    ['a complete one', complete, true],
    ['none', {}, false],
    ["somebody else's", { '/other': 'x', '/m': 'x', '/m0': 'x', '/mm/last_updated': 'x' }, false],
    ['one that was never finished', { '/m/daemons': 'd' }, false],
    ['one whose key only begins like it', { '/m/last_updated_by': 'x' }, false],
  ])('%s', async (_, content, isThere) => {
    const { leaves } = await startStore(content as Record<string, string>);
    expect((await keepPrefix(leaves, never)).isThere).toBe(isThere);
  });

  test('that is not waited for once the end has begun', async () => {
    const { leaves } = await startStore(complete);
    expect((await keepPrefix(leaves, AbortSignal.abort())).isThere).toBe(false);
  });

  test('where etcd cannot be asked, there was none', async () => {
    const { leaves, close } = await startStore(complete);
    await close();
    const { isThere, restore } = await keepPrefix(leaves, never);
    expect(isThere).toBe(false);
    expect(await restore()).toBe('');
  });
});

describe("whether the task's work is to be found", () => {
  test.each([
    ['a first configuration', {}],
    ['another one', complete],
    ['one that replaces an unfinished one', { '/m/daemons': 'd' }],
  ])('%s has been written', async (_, content) => {
    const store = await startStore(content);
    const { missing } = await keepPrefix(store.leaves, never);
    store.put('/m/last_updated', 'tuesday');
    expect(await missing()).toBeUndefined();
  });

  test('it may be written with the very same value', async () => {
    const store = await startStore(complete);
    const { missing } = await keepPrefix(store.leaves, never);
    store.put('/m/last_updated', 'monday');
    expect(await missing()).toBeUndefined();
  });

  test('nothing was written', async () => {
    const store = await startStore(complete);
    const { missing } = await keepPrefix(store.leaves, never);
    store.put('/m/daemons', 'changed, but the end was never reached');
    expect(await missing()).toBe('/m/last_updated in etcd is what it was before');
  });

  test.each([
    ['of a first one', {}],
    ['in place of another', complete],
  ])('half was written %s', async (_, content) => {
    const store = await startStore(content);
    const { missing } = await keepPrefix(store.leaves, never);
    store.delete('/m/last_updated');
    store.put('/m/daemons', 'new');
    expect(await missing()).toBe('etcd has no /m/last_updated');
  });

  test('etcd is gone', async () => {
    const store = await startStore(complete);
    const { missing } = await keepPrefix(store.leaves, never);
    await store.close();
    expect(await missing()).toBe('etcd cannot be asked for /m/last_updated: nobody listens there');
  });
});

describe('what was there is put back', () => {
  const put = 'the configuration of before was put back into etcd';

  test.each([
    [
      'all was deleted',
      (store: Store) => {
        for (const key of Object.keys(complete)) if (key !== '/other') store.delete(key);
      },
    ],
    ['a key was deleted', (store: Store) => store.delete('/m/daemons')],
    ['only its end was', (store: Store) => store.delete('/m/last_updated')],
    ['a key was changed', (store: Store) => store.put('/m/daemons', 'new')],
    ['a key was written with the same value', (store: Store) => store.put('/m/daemons', 'd')],
    ['a key was added', (store: Store) => store.put('/m/more', 'new')],
    [
      'one was deleted and another added',
      (store: Store) => {
        store.delete('/m/daemons');
        store.put('/m/more', 'new');
      },
    ],
  ] as const)('when %s', async (_, change) => {
    const store = await startStore(complete);
    const { restore } = await keepPrefix(store.leaves, never);
    change(store);
    expect(await restore()).toBe(put);
    // What maestro watches comes last, and nothing beside the prefix is touched.
    expect(store.content()).toEqual([
      ['/other', 'mine'],
      ['/m/daemons', 'd'],
      ['/m/zz', complete['/m/zz']],
      ['/m/last_updated', 'monday'],
    ]);
  });

  test('but not when nothing was changed: nothing is written then', async () => {
    const store = await startStore(complete);
    const { restore } = await keepPrefix(store.leaves, never);
    store.put('/other', 'changed');
    expect(await restore()).toBe('');
    expect(store.changes()).toBe(0);
  });

  test.each([
    ['there was none', {}],
    ['it was never finished', { '/m/daemons': 'd' }],
  ])('and not when %s', async (_, content) => {
    const store = await startStore(content);
    const { restore } = await keepPrefix(store.leaves, never);
    store.put('/m/more', 'new');
    expect(await restore()).toBe('');
    expect(store.changes()).toBe(0);
  });

  test('even when the end has begun: half a configuration is not left behind', async () => {
    const store = await startStore(complete);
    const stop = new AbortController();
    const { restore, missing } = await keepPrefix(store.leaves, stop.signal);
    store.delete('/m/last_updated');
    stop.abort();
    expect(await missing()).toBe('etcd cannot be asked for /m/last_updated: it does not answer');
    expect(await restore()).toBe(put);
  });

  test('that etcd is gone is said', async () => {
    const store = await startStore(complete);
    const { restore } = await keepPrefix(store.leaves, never);
    await store.close();
    expect(await restore()).toBe(
      'the configuration of before cannot be put back into etcd: nobody listens there',
    );
  });
});
