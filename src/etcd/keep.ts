/** What is in etcd before somebody changes it: to see whether it was changed, and to put it back. */
import type { Task } from '../plan.ts';
import type { Kept } from '../process/means.ts';
import { readPrefix, replacePrefix, requestWords, revisionOf } from './gateway.ts';

const limitMs = 10_000;
const restoreLimitMs = 3000;

/**
 * Remembers everything below a prefix.
 *
 * maestro_ctrl deletes it all and writes it anew, key by key, so that one that fails midway leaves
 * half of a configuration, or none.
 */
export async function keepPrefix({ url, prefix, key }: Task['leaves'], stop: AbortSignal): Promise<Kept> {
  const patience = { limitMs, stop };
  // Half a configuration must not be left, whatever has begun meanwhile.
  const restoring = { limitMs: restoreLimitMs, stop: new AbortController().signal };
  const before = await readPrefix(url, prefix, patience).catch(() => undefined);
  const written = before?.find((entry) => entry.key.toString() === key)?.revision;
  return {
    isThere: written !== undefined,
    missing: async () => {
      try {
        const now = await revisionOf(url, key, patience);
        if (now === undefined) return `etcd has no ${key}`;
        return now === written ? `${key} in etcd is what it was before` : undefined;
      } catch (error) {
        return `etcd cannot be asked for ${key}: ${requestWords(error)}`;
      }
    },
    restore: async () => {
      // A first configuration has none before it; one that is not complete is nobody's footing.
      if (!before || written === undefined) return '';
      try {
        const now = await readPrefix(url, prefix, restoring);
        const isSame =
          now.length === before.length && now.every((entry, at) => entry.revision === before[at]?.revision);
        if (isSame) return '';
        // last_updated is what maestro watches, so it comes last.
        const ordered = [...before].sort(
          (a, b) => Number(a.key.toString() === key) - Number(b.key.toString() === key),
        );
        await replacePrefix(url, prefix, ordered, restoring);
        return 'the configuration of before was put back into etcd';
      } catch (error) {
        return `the configuration of before cannot be put back into etcd: ${requestWords(error)}`;
      }
    },
  };
}
