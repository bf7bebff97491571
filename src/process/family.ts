/** Our descendants, as /proc has them: what a daemon has started itself, and what has got away from it. */
import { readdirSync, readFileSync } from 'node:fs';
import { statFields } from '../stat.ts';

/** A process below us. */
export interface Relative {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
}

/** Every descendant of `ancestor` that is not a zombie, parents before their children. */
export function descendants(ancestor: number): Relative[] {
  const childrenOf = hasChildrenFiles() ? childrenInFile : childrenByScan();
  const found: Relative[] = [];
  for (let next = childrenOf(ancestor); next.length > 0; next = next.flatMap(childrenOf)) {
    for (const pid of next) {
      const relative = lookAt(pid);
      if (relative) found.push(relative);
    }
  }
  return found;
}

/** /proc/PID/task/TID/children needs a kernel with CONFIG_PROC_CHILDREN, as those of distributions have. */
function hasChildrenFiles(): boolean {
  try {
    readFileSync(`/proc/${process.pid}/task/${process.pid}/children`);
    return true;
  } catch {
    return false;
  }
}

function childrenInFile(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    // It has ended, and its children are somebody else's now.
    return [];
  }
}

function childrenByScan(): (pid: number) => number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const relative = /^\d+$/.test(name) ? lookAt(Number(name)) : undefined;
    if (!relative) continue;
    children.set(relative.parent, [...(children.get(relative.parent) ?? []), relative.pid]);
  }
  return (pid) => children.get(pid) ?? [];
}

/** Fields of /proc/PID/stat; undefined for a process that is gone or a zombie. */
function lookAt(pid: number): Relative | undefined {
  const [state, parent, , session] = statFields(pid) ?? ['X'];
  if (state === 'Z' || state === 'X') return undefined;
  return { pid, parent: Number(parent), session: Number(session) };
}
