/**
 * The `supervise` hand-off: we stay as the leader process, with main and the services as our
 * children. We pass signals on, reap what is orphaned, start services again that die, and stop
 * everything in reverse order.
 */
import { constants } from 'node:os';
import type { Level } from '../log.ts';
import type { Plan } from '../plan.ts';
import { exitCodes, sentence } from '../problem.ts';
import { forgetPlan } from '../record.ts';
import { type Daemon, endCode, endDaemon, endWords, signalTo } from './daemon.ts';
import type { Executable } from './exec.ts';
import { descendants } from './family.ts';
import { catchSignals, isFromTerminal, passOn } from './forward.ts';
import { becomeLeader, type Leader, type Outcome, stopMs } from './leader.ts';
import { exitNow } from './libc.ts';
import { keepMain, type Main, mainGraceMs } from './maindaemon.ts';
import type { LastingMeans } from './means.ts';
import { letGo } from './memory.ts';
import { prepare } from './prepare.ts';
import { planReload, type Reload } from './reload.ts';
import { runTasks } from './tasks.ts';
import { planTenure, type Tenure } from './tenure.ts';
import { bringUpAll, endAll, makeUnits, type Unit } from './units.ts';

// Last lines that nobody reads must not hold up the end.
const flushMs = 250;
// What a daemon wrote before it ended is in its pipe by then.
const drainMs = 100;

/**
 * Carries out a plan whose requirements are met, and stays until its main has ended.
 *
 * @param executable main's program
 * @returns main's exit code (128 + n if a signal ended it), or the code of what went wrong
 */
export async function supervise(plan: Plan, executable: Executable, means: LastingMeans): Promise<number> {
  const leader = becomeLeader(plan, means);
  const units = makeUnits(plan.services);
  const main = keepMain(executable, units, leader);
  const tenure = planTenure(main, units, leader);
  const reload = planReload(leader, tenure);
  takeSignals(main, reload, leader);
  leader.guard(leader.inTurn(() => begin({ units, main, reload, leader, tenure })));
  const outcome = await leader.finished;
  const code = await end(outcome, { units, main, leader, tenure });
  if ('bug' in outcome) throw outcome.bug;
  return code;
}

/** All that is looked after. */
interface Kept {
  readonly units: readonly Unit[];
  readonly main: Main;
  readonly leader: Leader;
  /** There where main runs in the one of several containers that is elected. */
  readonly tenure: Tenure | undefined;
}

/** Everything up to a running main, or up to being one of those that could run it. */
async function begin({ units, main, reload, leader, tenure }: Kept & { reload: Reload }): Promise<void> {
  const { plan, log, stopping } = leader;
  for (const { level, text } of plan.notices) await log(level, text);
  tenure?.record();
  const problem =
    (await prepare(plan, { ...leader.means, log })) ??
    (await bringUpAll(units, leader, ({ service }) => {
      if (service.carriesMain && !tenure) leader.guard(leader.inTurn(main.startAnew));
    })) ??
    (tenure ? undefined : await runTasks(plan, leader));
  if (problem) return leader.finish({ problem });
  if (tenure) return leader.guard(tenure.run());
  // maestro must not read what is just being written anew.
  await reload.catchUp();
  if (stopping.aborted) return;
  await main.start();
  letGo();
}

/** Takes the signals into our own hands: TERM and INT begin the end, the others are main's. */
function takeSignals(main: Main, reload: Reload, leader: Leader): void {
  let isAsked = false;
  const take = (signal: NodeJS.Signals) => {
    if (signal === 'SIGHUP' && reload.ask()) return;
    const daemon = main.daemon();
    if (daemon && isFromTerminal(signal, daemon)) {
      // The shell takes its terminal back only if all of its job is stopped.
      if (signal === 'SIGTSTP') signalTo(process.pid, 'SIGSTOP');
      return;
    }
    const ends = signal === 'SIGTERM' || signal === 'SIGINT';
    if (ends || (!daemon && (signal === 'SIGHUP' || signal === 'SIGQUIT'))) {
      if (isAsked) leader.hurry.abort();
      if (isAsked && daemon) passOn(signal, daemon);
      isAsked = true;
      leader.finish({ signal });
    } else if (daemon) {
      passOn(signal, daemon);
    }
  };
  catchSignals(take);
  const earlier = leader.means.stop.by();
  if (earlier) take(earlier.name);
}

/** Ends everything, main first, and then the services in reverse order. */
async function end(outcome: Outcome, { units, main, leader, tenure }: Kept): Promise<number> {
  const { log, over, output, means } = leader;
  const begun = Date.now();
  const clock = setTimeout(() => over.abort(), stopMs(means.settings));
  await log(
    outcomeLevel(outcome, leader),
    outcomeWords(outcome, main, tenure !== undefined),
    outcomeFields(outcome),
  );
  // Whatever is under way sees that the end has begun, and ends what it has started.
  await leader.inTurnIsOver();
  const daemon = main.daemon();
  // One that had ended before, and was to be started again, has not ended for what ends us.
  const last = 'signal' in outcome && daemon?.ended() ? undefined : daemon;
  if (daemon) {
    const ending = leader.ending(daemon, mainGraceMs(units, leader));
    // With whatever is nobody else's: what has left main's session belongs to it.
    const others = () => strays(daemon, units);
    const signal = 'signal' in outcome ? outcome.signal : ending.signal;
    await endDaemon(daemon, { ...ending, others, signal });
  }
  await tenure?.handOver(reasonWords(outcome, main));
  await endAll(units, leader);
  for (const { pid } of descendants(process.pid)) signalTo(pid, 'SIGKILL');
  clearTimeout(clock);
  const daemons = [daemon, ...units.map((unit) => unit.daemon)];
  await Promise.all(daemons.map((one) => one?.drained(drainMs)));
  forgetPlan(means.host);
  await log('debug', `all has ended, after ${Date.now() - begun} ms`);
  const code = exitCode(outcome, last);
  if (!(await output.flush(flushMs))) exitNow(code);
  return code;
}

/** Every process below us that is neither main nor in a service's session. */
function strays(main: Daemon, units: readonly Unit[]): number[] {
  const sessions = new Set(units.map(({ daemon }) => daemon?.pid));
  const ours = descendants(process.pid).filter(({ session }) => !sessions.has(session));
  return ours.map(({ pid }) => pid).filter((pid) => pid !== main.pid);
}

/** A daemon whose output is the container's own ends as it would without us: without a word of ours. */
function outcomeLevel(outcome: Outcome, { plan }: Leader): Level {
  if ('problem' in outcome || 'bug' in outcome) return 'error';
  if ('main' in outcome && 'never' in outcome.main) return 'error';
  return plan.mark === undefined ? 'debug' : 'info';
}

function outcomeWords(outcome: Outcome, main: Main, isStanding: boolean): string {
  if ('problem' in outcome) return sentence(outcome.problem);
  if ('bug' in outcome) return 'stopping after an internal error';
  const name = main.daemon()?.name;
  if ('main' in outcome && 'never' in outcome.main) {
    const { never, code } = outcome.main;
    return `cannot start ${name}: ${code === 127 ? 'the interpreter that it names does not exist' : never}`;
  }
  if ('main' in outcome) return `${name} ended with ${endWords(outcome.main)}; stopping`;
  return name || isStanding ? `${outcome.signal}: stopping` : `stopped by ${outcome.signal} while preparing`;
}

/** Why the end begins, for the other members. */
function reasonWords(outcome: Outcome, main: Main): string {
  if ('signal' in outcome) return outcome.signal;
  if ('problem' in outcome) return outcome.problem.what;
  if ('bug' in outcome) return 'an internal error';
  return `${main.daemon()?.name} ended with ${endWords(outcome.main)}`;
}

const outcomeFields = (outcome: Outcome) =>
  'problem' in outcome ? { exit: exitCodes[outcome.problem.kind].code } : {};

function exitCode(outcome: Outcome, main: Daemon | undefined): number {
  if ('problem' in outcome) return exitCodes[outcome.problem.kind].code;
  if ('bug' in outcome) return exitCodes.internal.code;
  if ('main' in outcome) return endCode(outcome.main);
  const ended = main?.ended();
  return ended ? endCode(ended) : 128 + constants.signals[outcome.signal];
}
