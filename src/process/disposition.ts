/** What a process does with a signal. */
import { readFileSync } from 'node:fs';

/** What would become of a signal that is sent to a process now; undefined if it is gone. */
export function dispositionOf(pid: number, signal: number): 'default' | 'ignored' | 'caught' | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const [, ignored, caught] = /^SigIgn:\s*([0-9a-f]+)\nSigCgt:\s*([0-9a-f]+)/m.exec(status) ?? [];
    if (ignored === undefined || caught === undefined) return undefined;
    const has = (mask: string) => ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
    if (has(caught)) return 'caught';
    return has(ignored) ? 'ignored' : 'default';
  } catch {
    return undefined;
  }
}
