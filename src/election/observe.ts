/** What the members tell each other through etcd, as it happens: one watch, begun anew whenever it breaks. */
import { decode, encode, follow, rangeOf } from '../etcd/gateway.ts';
import type { Election } from '../plan.ts';
import { pause } from '../process/child.ts';
import type { Store } from './store.ts';

/** Is told a key, without the election's prefix, and its text; no text when it was removed. */
export type Listener = (key: string, text: string | undefined) => void;

/** All that is known of the election's keys. */
export interface Observer {
  /** A key's text as it was seen last; undefined if there is none. */
  text(key: string): string | undefined;
  /** Every key that begins with `start`, with its text. */
  all(start: string): ReadonlyMap<string, string>;
  /** Adds a listener, which is told each change from now on. */
  on(listener: Listener): void;
  /** Adds what is told that all keys were read anew, whatever the watch may have missed. */
  onRead(listener: () => void): void;
}

const longestPauseMs = 500;

/** Observes until `stop`. */
export function observe(election: Election, store: Store, stop: AbortSignal): Observer {
  const known = new Map<string, string>();
  const listeners = new Set<Listener>();
  const readers = new Set<() => void>();
  const note = (key: string, text: string | undefined) => {
    if (known.get(key) === text) return;
    if (text === undefined) known.delete(key);
    else known.set(key, text);
    for (const listener of listeners) listener(key, text);
  };
  const readAndFollow = async (onGood: () => void) => {
    const { found, revision } = await store.readAll('');
    for (const key of known.keys()) if (!found.has(key)) note(key, undefined);
    for (const [key, { text }] of found) note(key, text);
    for (const reader of readers) reader();
    onGood();
    await followFrom(election, BigInt(revision) + 1n, note, stop);
  };
  const run = async () => {
    let pauseMs = 10;
    while (!stop.aborted) {
      // It breaks when etcd ends, and fails while there is no quorum: either is told elsewhere.
      await readAndFollow(() => {
        pauseMs = 10;
      }).catch(() => undefined);
      await pause(pauseMs, stop);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  };
  void run();
  return {
    text: (key) => known.get(key),
    all: (start) => new Map([...known].filter(([key]) => key.startsWith(start))),
    on: (listener) => void listeners.add(listener),
    onRead: (listener) => void readers.add(listener),
  };
}

/** An event as the gateway has it: without a type it is a key that was written. */
interface RawEvent {
  readonly type?: 'DELETE';
  readonly kv: { readonly key: string; readonly value?: string };
}

function followFrom(
  { url, prefix }: Election,
  revision: bigint,
  note: Listener,
  stop: AbortSignal,
): Promise<void> {
  const broken = new AbortController();
  const request = { create_request: { ...rangeOf(prefix), start_revision: String(revision) } };
  const each = (answer: Record<string, unknown>) => {
    const { events = [], canceled } = (answer['result'] ?? { canceled: true }) as {
      events?: RawEvent[];
      canceled?: boolean;
    };
    for (const { type, kv } of events) {
      note(decode(kv.key).slice(prefix.length), type === 'DELETE' ? undefined : decode(kv.value));
    }
    // What was to be told next is compacted away already: all has to be read anew.
    if (canceled) broken.abort();
  };
  return follow(url, 'watch', request, each, AbortSignal.any([stop, broken.signal]));
}

/** A key of etcd's own election, as the gateway names it in base64. */
export const keyName = (base64: string, { prefix }: Pick<Election, 'prefix'>): string =>
  decode(base64).slice(prefix.length);

/** A key below the prefix in base64, as the gateway wants it. */
export const rawKey = (key: string, { prefix }: Pick<Election, 'prefix'>): string => encode(prefix + key);
