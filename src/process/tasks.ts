/** The tasks of a supervised plan. */
import type { Plan } from '../plan.ts';
import type { Problem } from '../problem.ts';
import type { Daemon } from './daemon.ts';
import type { Leader } from './leader.ts';
import { runTask } from './task.ts';

// A task that is stopped has nothing to bring to an end; what it has half done is done again.
const taskGraceMs = 300;

/**
 * Runs the tasks one after the other, up to the first that fails.
 *
 * @param over ends them as well as the end of all does; then there is no problem
 */
export async function runTasks(plan: Plan, leader: Leader, over?: AbortSignal): Promise<Problem | undefined> {
  leader.rewrites(true);
  try {
    return await runInOrder(plan, leader, over);
  } finally {
    leader.rewrites(false);
  }
}

async function runInOrder({ tasks }: Plan, leader: Leader, over?: AbortSignal): Promise<Problem | undefined> {
  const { means, log, output } = leader;
  const stop = over ? AbortSignal.any([leader.stopping, over]) : leader.stopping;
  for (const task of tasks) {
    const begun = Date.now();
    const ending = (daemon: Daemon) => leader.ending(daemon, taskGraceMs);
    const problem = await runTask(task, { ...means, output, stop, ending });
    if (stop.aborted) return undefined;
    if (problem) return problem;
    await log('info', `${task.name} is done, after ${Date.now() - begun} ms`);
  }
  return undefined;
}

/** Runs the tasks again if what they left is lost, as with an etcd that came back without its data. */
export async function runLostTasks(leader: Leader): Promise<Problem | undefined> {
  const kept = await Promise.all(
    leader.plan.tasks.map(({ leaves }) => leader.means.keep(leaves, leader.stopping)),
  );
  return kept.every(({ isThere }) => isThere) ? undefined : runTasks(leader.plan, leader);
}
