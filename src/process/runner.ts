/**
 * Carries a plan out: check the requirements, prepare, start the services side by side and wait until
 * each is ready, then hand over. A plan that wants us to stay goes on in supervise.ts after that.
 * Nothing is started or written before everything that can be checked has been checked; whatever
 * fails afterwards, nothing of ours is left running.
 */
import type { Log } from '../log.ts';
import { masked } from '../mask.ts';
import type { Plan, Service } from '../plan.ts';
import { exitCodes, type Problem, sentence } from '../problem.ts';
import { forgetPlan, recordPlan } from '../record.ts';
import { changeOf } from './environment.ts';
import {
  becomeProgram,
  type Executable,
  fileLimitProblem,
  findExecutable,
  formProblem,
  stopListening,
  undoNode,
} from './exec.ts';
import type { Means } from './means.ts';
import { prepare } from './prepare.ts';
import { discardFiles, type Running, startService } from './service.ts';
import type { StopRequest } from './stop.ts';

/**
 * Looks whether everything is as the plan requires; what is not is told, all of it.
 *
 * @returns main's program, or the exit code
 */
export async function checkRequirements(plan: Plan, means: Means): Promise<Executable | number> {
  const { host, settings, log } = means;
  const main = findExecutable(host, plan.main);
  const tasks = plan.tasks.map(({ command }) => findExecutable(host, command));
  const prepared = (plan.preparations ?? []).flatMap((step) =>
    step.do === 'run' ? [findExecutable(host, step.command)] : [],
  );
  const services = plan.services.flatMap(({ start }) => (start ? [findExecutable(host, start.command)] : []));
  // As our children; the kernel itself judges what takes our place.
  const children = plan.handoff === 'supervise' ? [...services, ...tasks, main] : [];
  const limit = fileLimitProblem(settings.nofile);
  const problems = [
    ...plan.requirements.flatMap(({ problem }) => (problem ? [problem] : [])),
    ...[...prepared, ...tasks, main].filter((found) => 'kind' in found),
    ...children.flatMap((found) => ('path' in found ? (formProblem(found) ?? []) : [])),
    ...(limit ? [limit] : []),
  ];
  const [first] = problems;
  for (const problem of problems) await tell(log, problem);
  return first || 'kind' in main ? exitCodes[first?.kind ?? 'internal'].code : main;
}

/**
 * Carries out a plan that ends in `exec`. Comes back only if that failed or was stopped.
 *
 * @returns the exit code
 */
export async function carryOut(plan: Plan, means: Means): Promise<number> {
  const { host, settings, log, stop } = means;
  const main = await checkRequirements(plan, means);
  if (typeof main === 'number') return main;
  const started: Running[] = [];
  if (stop.by()) return abandon(started, undefined, means);
  for (const { level, text } of plan.notices) await log(level, text);
  const unprepared = await prepare(plan, means);
  if (stop.by() || unprepared) return abandon(started, unprepared, means);
  const readied = await Promise.all(plan.services.map((service) => makeReady(service, started, means)));
  const failed = readied.find((problem) => problem !== undefined);
  if (stop.by() || failed) return abandon(started, failed, means);
  const change = changeOf(plan.main);
  if ('kind' in change) return abandon(started, change, means);

  await log('debug', `handing over: exec ${main.argv.map(masked).join(' ')}`);
  const recorded = plan.health !== undefined && recordPlan(plan.mode, plan.health, host);
  undoNode(settings.nofile);
  const stopped = await seeSignals(stop);
  const problem = stopped ? undefined : becomeProgram(main, change, plan.main);
  if (recorded) forgetPlan(host);
  return abandon(started, problem, means);
}

/**
 * A whole turn of the event loop, in which a signal that arrived just before is seen rather than
 * lost. Immediates run after polling, so that the second one has a poll before it for certain.
 *
 * Our handlers have to go, since what arrives between the last look and execve(2) would only be
 * noted. The earlier the better, as the signal then ends us by itself; but for PID 1 the kernel drops
 * signals without a handler, so that there they stay until the last moment.
 */
async function seeSignals(stop: StopRequest): Promise<boolean> {
  const first = process.pid === 1;
  if (!first) stopListening();
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  if (first && !stop.by()) stopListening();
  return stop.by() !== undefined;
}

/** Stops what was started, in reverse order, and tells why. */
async function abandon(
  started: Running[],
  problem: Problem | undefined,
  { log, stop }: Means,
): Promise<number> {
  for (const service of started.reverse()) await service.stop();
  const by = stop.by();
  if (by) {
    await log('info', `stopped by ${by.name} while preparing; nothing is left running`);
    return by.code;
  }
  if (!problem) return exitCodes.internal.code;
  await tell(log, problem);
  return exitCodes[problem.kind].code;
}

/** Starts one service if it is ours to start, and waits until it is ready. */
async function makeReady(service: Service, started: Running[], means: Means): Promise<Problem | undefined> {
  const { host, stop, log, awaitReady } = means;
  const begun = Date.now();
  const running = service.start && startService(service, service.start, host);
  if (running && 'kind' in running) {
    if (service.start) discardFiles(service.start);
    return running;
  }
  if (running) started.push(running);
  const because = await awaitReady(service.ready, {
    stop: stop.signal,
    over: () => running?.ended() !== undefined,
  });
  if (service.start) discardFiles(service.start);
  if (because === undefined) {
    await log('info', `${service.name} is ready, after ${Date.now() - begun} ms`);
    return undefined;
  }
  const ended = running?.ended();
  const { kind, what, remedy } = service.ifNot;
  if (ended === undefined) return { kind, what: `${what}: ${because}`, remedy };
  return {
    kind,
    what: `cannot use ${service.name}: it ended with ${ended} before it was ready`,
    remedy: 'see what it said in the lines above',
  };
}

const tell = (log: Log, problem: Problem): Promise<void> =>
  log('error', sentence(problem), { exit: exitCodes[problem.kind].code });
