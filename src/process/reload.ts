/** HUP: the configuration is read again, and put in force if nothing is wrong with it. */
import type { Plan } from '../plan.ts';
import { type Problem, sentence } from '../problem.ts';
import type { Leader } from './leader.ts';
import { letGo } from './memory.ts';
import { runTasks } from './tasks.ts';
import type { Tenure } from './tenure.ts';

/** What a HUP asks for. */
export interface Reload {
  /** Does it when nothing else is under way; true if HUP asks for it at all. */
  ask(): boolean;
  /** Does now what was asked for meanwhile. */
  catchUp(): Promise<void>;
}

/** Waits for HUPs. */
export function planReload(leader: Leader, tenure?: Tenure): Reload {
  const { replan } = leader.means;
  let isAsked = false;
  const catchUp = async () => {
    // Any number of HUPs up to here ask for the file as it is now.
    if (!isAsked || !replan || leader.stopping.aborted) return;
    isAsked = false;
    await renew(await replan(), leader, tenure);
    letGo();
  };
  return {
    ask: () => {
      if (!replan) return false;
      isAsked = true;
      leader.guard(leader.inTurn(catchUp));
      return true;
    },
    catchUp,
  };
}

/** Runs the tasks of a new plan if nothing is wrong with it; otherwise all stays as it is. */
async function renew(plan: Plan, leader: Leader, tenure?: Tenure): Promise<void> {
  const { log } = leader;
  const running = new Set(leader.plan.services.map(({ name }) => name));
  const lacking = plan.services
    .filter(({ name }) => !running.has(name))
    .map(({ name }) => lacksService(name));
  // Where munged could not even be planned (no key), no service tells of it.
  const needsMunge = plan.health?.mungeSocket !== undefined && lacking.length === 0;
  if (needsMunge && leader.plan.health?.mungeSocket === undefined) lacking.push(lacksService('munge'));
  const problems = [...plan.requirements.flatMap(({ problem }) => problem ?? []), ...lacking];
  for (const problem of problems) await log('error', sentence(problem));
  if (problems.length === 0) {
    for (const { level, text } of plan.notices) await log(level, text);
    const problem = await (tenure ? tenure.reload(plan) : runTasks(plan, leader));
    if (leader.stopping.aborted || problem === 'asked') return;
    if (!problem) return void (await log('info', 'SIGHUP: the new configuration is in force'));
    await log('error', sentence(problem));
    // What has become of the one before, the problem tells.
    return void (await log('error', 'SIGHUP: the new configuration is not in force'));
  }
  await log('error', 'SIGHUP: the configuration is left as it was');
}

const lacksService = (name: string): Problem => ({
  kind: 'configuration',
  what: `the new configuration needs ${name}, which this container was not started with`,
  remedy: 'restart the container',
});
