/** The election's records in etcd, read and written by name. */
import { decode, encode, post, rangeOf } from '../etcd/gateway.ts';
import type { Election } from '../plan.ts';

/** How long etcd may take for one answer. Without a quorum it would take five seconds and more to refuse. */
export const answerLimitMs = 1000;

/** A key with the revisions of the store in which it was made and written last, 64-bit numbers as text. */
export interface Stored {
  readonly text: string;
  readonly made: string;
  readonly written: string;
}

/** A condition of a transaction: a key was made in this revision (`0`: it is not there), or has this text. */
export type Condition =
  | { readonly key: string; readonly made: string }
  | { readonly key: string; readonly text: string };

/** A change of a transaction: a key with its text, or without one to remove it. */
export interface Change {
  readonly key: string;
  readonly text?: string;
}

/** Reads and writes below an election's prefix; each method throws if etcd cannot be asked or refuses. */
export interface Store {
  /** A key as the quorum has it; undefined if there is none. */
  read(key: string): Promise<Stored | undefined>;
  /** All keys that begin with `start`, without the prefix, and the store's revision at that moment. */
  readAll(start: string): Promise<{ readonly found: ReadonlyMap<string, Stored>; readonly revision: string }>;
  /** Writes a record. */
  write(key: string, record: object): Promise<void>;
  /** Makes changes if all conditions hold; whether they did. */
  change(conditions: readonly Condition[], changes: readonly Change[]): Promise<boolean>;
  /** Removes all keys that begin with `start`. */
  clear(start: string): Promise<void>;
}

/** Opens it. */
export function openStore({ url, prefix }: Pick<Election, 'url' | 'prefix'>, stop: AbortSignal): Store {
  const patience = { limitMs: answerLimitMs, stop };
  const keyOf = (key: string) => encode(prefix + key);
  return {
    read: async (key) => {
      const { kvs } = await post(url, 'kv/range', { key: keyOf(key) }, patience);
      return (kvs as RawEntry[] | undefined)?.map(stored)[0];
    },
    readAll: async (start) => {
      const { kvs, header } = await post(url, 'kv/range', rangeOf(prefix + start), patience);
      const entries = (kvs ?? []) as RawEntry[];
      return {
        found: new Map(entries.map((entry) => [decode(entry.key).slice(prefix.length), stored(entry)])),
        revision: (header as { revision: string }).revision,
      };
    },
    write: async (key, record) => {
      await post(url, 'kv/put', { key: keyOf(key), value: encode(JSON.stringify(record)) }, patience);
    },
    change: async (conditions, changes) => {
      const compare = conditions.map((condition) => ({
        key: keyOf(condition.key),
        ...('made' in condition
          ? { target: 'CREATE', create_revision: condition.made }
          : { target: 'VALUE', value: encode(condition.text) }),
      }));
      const success = changes.map(({ key, text }) =>
        text === undefined
          ? { request_delete_range: { key: keyOf(key) } }
          : { request_put: { key: keyOf(key), value: encode(text) } },
      );
      const { succeeded } = await post(url, 'kv/txn', { compare, success }, patience);
      return succeeded === true;
    },
    clear: async (start) => {
      await post(url, 'kv/deleterange', rangeOf(prefix + start), patience);
    },
  };
}

/** A key as the gateway has it. */
interface RawEntry {
  readonly key: string;
  readonly value?: string;
  readonly create_revision: string;
  readonly mod_revision: string;
}

const stored = ({ value, create_revision, mod_revision }: RawEntry): Stored => ({
  text: decode(value),
  made: create_revision,
  written: mod_revision,
});

/** A record's text as the object that it is; undefined for what is none. */
export function parsed<T>(text: string | undefined): T | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}
