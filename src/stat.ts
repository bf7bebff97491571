/** What the kernel tells of a process. */
import { readFileSync } from 'node:fs';

/**
 * The fields of /proc/PID/stat from the third on (proc_pid_stat(5)): state, parent, process group,
 * session, …; undefined for a process that is gone.
 */
export function statFields(pid: number | 'self'): string[] | undefined {
  try {
    // The command name may hold spaces and parentheses: fields are counted after the last ")".
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
