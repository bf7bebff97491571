/** The election's records as a test has them seen, without an etcd. */
import type { Listener, Observer } from '../../src/election/observe.ts';
import type { Log } from '../../src/log.ts';
import type { Election } from '../../src/plan.ts';

/** An observer that is told what it sees. */
export interface FakeObserver extends Observer {
  /** Has a key written, or removed where there is no record. As with the real one, what is the same is no news. */
  tell(key: string, record?: object): void;
  /** Everything has been read, as after a start or a reconnection. */
  read(): void;
}

/** Makes one that knows nothing yet. */
export function fakeObserver(): FakeObserver {
  const known = new Map<string, string>();
  const listeners: Listener[] = [];
  const readers: (() => void)[] = [];
  return {
    text: (key) => known.get(key),
    all: (start) => new Map([...known].filter(([key]) => key.startsWith(start))),
    on: (listener) => void listeners.push(listener),
    onRead: (listener) => void readers.push(listener),
    read: () => {
      for (const reader of readers) reader();
    },
    tell: (key, record) => {
      const text = record && JSON.stringify(record);
      if (known.get(key) === text) return;
      if (text === undefined) known.delete(key);
      else known.set(key, text);
      for (const listener of listeners) listener(key, text);
    },
  };
}

/** The election of hostA, hostB and hostC, as one of them has it. */
export function electionOf(self: string, url = 'http://127.0.0.1:1'): Election {
  const all = ['hostA', 'hostB', 'hostC'].map((name) => ({ name, url: `http://${name}:2380` }));
  const own = all.find(({ name }) => name === self) ?? { name: self, url: '' };
  return {
    url,
    prefix: 'ldms-entrypoint/',
    peers: { self: own, all, listen: { address: '127.0.0.1', port: 2380 } },
    leaseMs: 2000,
    config: '/etc/ldms_cfg.yaml',
    digest: '',
  };
}

/** A log with its lines as `LEVEL: TEXT`. */
export function recordingLog(): { readonly log: Log; readonly told: string[] } {
  const told: string[] = [];
  return { told, log: async (level, text) => void told.push(`${level}: ${text}`) };
}
