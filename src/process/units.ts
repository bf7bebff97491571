/** The services of a supervised plan: brought up in order, started again when they die, and ended in reverse. */
import type { Service } from '../plan.ts';
import type { Problem } from '../problem.ts';
import { pause } from './child.ts';
import { type Daemon, type End, endDaemon, endWords, startDaemon } from './daemon.ts';
import type { Leader } from './leader.ts';
import { discardFiles, prepareFiles } from './service.ts';
import { lastWords } from './task.ts';

/** A service with what has become of it. */
export interface Unit {
  readonly service: Service;
  /** Its process, if it is ours. */
  daemon?: Daemon;
  isReady: boolean;
  /** When it became ready, in milliseconds since the epoch. */
  readySince: number;
  /** How often it has died without having been ready for long. */
  deaths: number;
}

// The first pause before a service is started again; it doubles each time.
const shortestPauseMs = 100;
const longestPauseMs = 10_000;
// One that was ready for this long has not died of what it died of before.
const steadyMs = 30_000;

/** A unit for each service. */
export const makeUnits = (services: readonly Service[]): Unit[] =>
  services.map((service) => ({ service, isReady: false, readySince: 0, deaths: 0 }));

/**
 * Brings all services up, side by side but for those that wait for another. The first that fails
 * ends the wait for the others.
 */
export async function bringUpAll(units: readonly Unit[], leader: Leader, onBack: (unit: Unit) => void) {
  const giveUp = new AbortController();
  const ups = new Map<string, Promise<Problem | undefined>>();
  for (const unit of units) {
    const before = (unit.service.after ?? []).map((name) => ups.get(name));
    const up = Promise.all(before).then((problems) => {
      const isDoomed = problems.some(Boolean) || giveUp.signal.aborted || leader.stopping.aborted;
      return isDoomed ? undefined : bringUp(unit, leader, giveUp.signal);
    });
    ups.set(
      unit.service.name,
      up.then((problem) => {
        if (problem) giveUp.abort();
        else if (unit.isReady) watch(unit, leader, onBack);
        return problem;
      }),
    );
  }
  return (await Promise.all(ups.values())).find(Boolean);
}

/** Starts a service, if it is ours to start, and waits until it is ready. */
async function bringUp(unit: Unit, leader: Leader, giveUp?: AbortSignal): Promise<Problem | undefined> {
  const { service } = unit;
  const begun = Date.now();
  const problem = service.start && startUnit(unit, service.start, leader);
  if (problem) return problem;
  const stop = giveUp ? AbortSignal.any([leader.stopping, giveUp]) : leader.stopping;
  const because = await leader.means.awaitReady(service.ready, {
    stop,
    over: () => unit.daemon?.ended() !== undefined,
  });
  if (service.start) discardFiles(service.start);
  const end = unit.daemon?.ended();
  if (because !== undefined || end) return whyNot(unit, because ?? '', end);
  unit.isReady = true;
  unit.readySince = Date.now();
  await leader.log('info', `${service.name} is ready, after ${unit.readySince - begun} ms`);
  return undefined;
}

function startUnit(unit: Unit, start: NonNullable<Service['start']>, leader: Leader): Problem | undefined {
  const problem = prepareFiles(start);
  if (problem) {
    discardFiles(start);
    return problem;
  }
  const { program, args, env } = start.command;
  const found = leader.means.host.program(program);
  unit.daemon = startDaemon(
    {
      name: unit.service.name,
      path: 'path' in found ? found.path : program,
      args,
      env: { ...process.env, ...env },
      mark: unit.service.name,
      ...(start.user && { user: start.user }),
    },
    leader.output,
  );
  return undefined;
}

function whyNot({ service, daemon }: Unit, because: string, end: End | undefined): Problem {
  const { kind, what, remedy } = service.ifNot;
  if (!daemon || !end) return { kind, what: `${what}: ${because}${daemon ? lastWords(daemon) : ''}`, remedy };
  const words = daemon.lastLines().join('\n');
  const hint = service.hints?.find(({ says }) => new RegExp(says, 'i').test(words));
  return {
    kind,
    what: `cannot use ${service.name}: it ended with ${endWords(end)} before it was ready${lastWords(daemon)}`,
    remedy: hint?.remedy ?? remedy,
  };
}

/** From now on, a service of ours that ends is started again. */
function watch(unit: Unit, leader: Leader, onBack: (unit: Unit) => void): void {
  const { daemon } = unit;
  if (!daemon) return;
  void daemon.gone.then((end) => {
    unit.isReady = false;
    if (!leader.stopping.aborted) leader.guard(revive(unit, end, leader, onBack));
  });
}

/** Starts a service again, after a pause that grows each time, until it has died too often. */
async function revive(unit: Unit, end: End, leader: Leader, onBack: (unit: Unit) => void): Promise<void> {
  const { service } = unit;
  const { restartLimit } = leader.means.settings;
  if (Date.now() - unit.readySince > steadyMs) unit.deaths = 0;
  let why = `it ended with ${endWords(end)}`;
  for (;;) {
    const { daemon } = unit;
    unit.deaths++;
    if (unit.deaths > restartLimit) return leader.finish({ problem: diedTooOften(unit, why) });
    const ms = Math.min(shortestPauseMs * 2 ** (unit.deaths - 1), longestPauseMs);
    const text = `${service.name}: ${why}; it is started again in ${ms} ms (${unit.deaths} of ${restartLimit})`;
    await leader.log('warn', text);
    // What it has left behind must not be in the way of the next one.
    if (daemon) await endDaemon(daemon, leader.ending(daemon, service.start?.graceMs ?? 0));
    await pause(ms, leader.stopping);
    if (leader.stopping.aborted) return;
    const problem = await bringUp(unit, leader);
    if (leader.stopping.aborted) return;
    if (!problem) break;
    why = problem.what;
  }
  watch(unit, leader, onBack);
  onBack(unit);
}

function diedTooOften({ service, daemon, deaths }: Unit, why: string): Problem {
  const times = deaths === 1 ? 'and may not be started again' : `${deaths} times in a row`;
  return {
    kind: service.ifNot.kind,
    what: `${service.name} has died ${times}, the last time: ${why}${daemon ? lastWords(daemon) : ''}`,
    remedy: service.ifNot.remedy,
  };
}

/** Ends all services, those first that need others, side by side where they are independent. */
export async function endAll(units: readonly Unit[], leader: Leader): Promise<void> {
  const left = new Set(units);
  while (left.size > 0) {
    const isNeeded = (unit: Unit) =>
      [...left].some((other) => other.service.after?.includes(unit.service.name));
    const next = [...left].filter((unit) => !isNeeded(unit));
    await Promise.all(
      next.map(({ daemon, service }) =>
        daemon ? endDaemon(daemon, leader.ending(daemon, service.start?.graceMs ?? 0)) : undefined,
      ),
    );
    for (const unit of next) left.delete(unit);
  }
}
