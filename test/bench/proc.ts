/** What /proc tells of processes that are measured. */
import { readdirSync, readFileSync } from 'node:fs';

/** The pids of the processes that a process has started itself. */
export const childrenOf = (pid: number): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((other) => fieldOf(other, 'PPid') === String(pid));

/** A line of a process's status, or of one of its threads'; empty if it is gone. */
export function fieldOf(pid: number | string, name: string): string {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? '';
  } catch {
    return '';
  }
}

/** How often the threads of a process have been given a processor, in all. */
export function switchesOf(pid: number): number {
  const counts = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    ['voluntary_ctxt_switches', 'nonvoluntary_ctxt_switches'].map((name) =>
      Number(fieldOf(`${pid}/task/${thread}`, name)),
    ),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
