/**
 * Reaping: every process that has lost its parent below us becomes our child, as PID 1's or a
 * subreaper's, and stays a zombie until we wait for it. Node waits for its own children only.
 */
import type { ChildProcess } from 'node:child_process';
import { becomeSubreaper, buryChild, endedChild } from './libc.ts';

// Node reaps its own child in the same turn of the event loop; a later SIGCHLD brings us back in any case.
const patience = 100;

/**
 * Begins to reap, and makes us the subreaper where we are not PID 1. It has to be called before the
 * first child is started, since it must know every child of Node's: the exit status of one that
 * Node waits for is never taken from it.
 *
 * @param onChange called whenever children of ours have ended, reaped by us or by Node
 */
export function startReaper(onChange: () => void): void {
  const own = childrenOfNode();
  if (process.pid !== 1) becomeSubreaper();
  const reap = (tries: number): void => {
    for (let pid = endedChild(); pid !== undefined; pid = endedChild()) {
      if (own.has(pid)) {
        if (tries > 0) setImmediate(reap, tries - 1);
        break;
      }
      buryChild(pid);
    }
    onChange();
  };
  process.on('SIGCHLD', () => reap(patience));
  // Some may have ended before there was a listener.
  reap(patience);
}

/** Tells which pids are children that Node has started and not yet waited for. */
function childrenOfNode(): { has(pid: number): boolean } {
  const { subscribe } = process.getBuiltinModule('node:diagnostics_channel');
  const known = new Set<ChildProcess>();
  // Node's own word on every child it makes, before it has a pid.
  subscribe('child_process', (message) => {
    known.add((message as { process: ChildProcess }).process);
  });
  return {
    has: (pid) => {
      for (const child of known) {
        if (child.exitCode !== null || child.signalCode !== null) known.delete(child);
        else if (child.pid === pid) return true;
      }
      return false;
    },
  };
}
