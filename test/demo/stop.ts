/** Stopping what the demo has started. */
import type { ChildProcess } from 'node:child_process';
import treeKill from 'tree-kill';
import { isAlive } from '../support/machine.ts';
import type { Running } from './nodes.ts';
import { find } from './programs.ts';
import { event } from './timeline.ts';

const isRunning = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode === null && signalCode === null;

/** However the demo itself ends, a child that still runs then is killed. */
export function neverLeave(child: ChildProcess): void {
  process.on('exit', () => {
    if (child.pid !== undefined && isRunning(child)) kill(-child.pid);
  });
}

// The maestro node may take 8 s by itself.
const graceMs = 10_000;

/**
 * Stops a node as `docker stop` does, with SIGTERM to its leader process, and tells how long it took.
 *
 * @param hurry does away with the patience
 * @returns whether it ended by itself
 */
export async function stop(node: Running, hurry: AbortSignal): Promise<boolean> {
  const { place, child, pid, ended, beside } = node;
  const begun = performance.now();
  const earlier = ended();
  node.stopping = true;
  if (earlier === undefined) child.kill('SIGTERM');
  const slow = setTimeout(
    () => event(place.name, `process ${pid} still runs: SIGKILL at ${graceMs / 1000} s`, 'warning'),
    1000,
  );
  const obeyed = await gone(() => ended() !== undefined, hurry);
  clearTimeout(slow);
  if (!obeyed) await killTree(node);
  const endedMs = performance.now() - begun;
  if (earlier === undefined) node.stopMs = endedMs;
  const left = () => [...beside].filter(([, other]) => isAlive(other));
  const allGone = await gone(() => left().length === 0, hurry);
  const remaining = left();
  for (const [, other] of remaining) kill(other);
  const laterMs = performance.now() - begun - endedMs;
  const how =
    earlier === undefined
      ? `ended with ${ended()} after ${endedMs.toFixed(0)} ms`
      : `had ended with ${earlier}`;
  const later = laterMs < 1 ? 'with it' : `${laterMs.toFixed(0)} ms later`;
  const fate = allGone ? later : `had to be killed (${remaining.map(([name]) => name).join(', ')})`;
  const others = beside.size === 0 ? '' : `, its ${[...beside.keys()].sort().join(', ')} ${fate}`;
  event(place.name, `process ${pid} ${how}${others}`, obeyed && allGone ? 'plain' : 'wrong');
  return obeyed && allGone;
}

/** Waits for an end that is under way; false if it does not come. */
async function gone(condition: () => boolean, hurry: AbortSignal): Promise<boolean> {
  for (const last = performance.now() + graceMs; !condition(); ) {
    if (hurry.aborted || performance.now() > last) return false;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return true;
}

/** The last resort: the process with all that it has started. tree-kill asks ps(1), which is not everywhere. */
async function killTree({ child, pid }: Running): Promise<void> {
  const closed = new Promise((resolve) => child.once('exit', resolve));
  if (find('ps')) await new Promise((resolve) => treeKill(pid, 'SIGKILL', resolve));
  else kill(-pid);
  if (isRunning(child)) await closed;
}

/** SIGKILL to a process, or, with a negative number, to a process group; it may have ended meanwhile. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has.
  }
}
