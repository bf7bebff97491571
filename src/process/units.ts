/** The services of a supervised plan: brought up in order, started again when they die, and ended in reverse. */
import type { Service } from '../plan.ts';
import type { Problem } from '../problem.ts';
import { pause } from './child.ts';
import { type Daemon, type End, endDaemon, endWords, specOf, startDaemon } from './daemon.ts';
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
  /** The process that we have ended ourselves, to start it anew. */
  renewed?: Daemon;
  /** It has ended, and is started again with what it stands on. */
  waits: boolean;
}

// The first pause before a service is started again; it doubles each time.
const shortestPauseMs = 100;
const longestPauseMs = 10_000;
// What a daemon wrote before it ended is in its pipe by then.
const drainMs = 200;
// One that was ready for this long has not died of what it died of before.
const steadyMs = 30_000;

/** A unit for each service. */
export const makeUnits = (services: readonly Service[]): Unit[] =>
  services.map((service) => ({ service, isReady: false, readySince: 0, deaths: 0, waits: false }));

/**
 * Brings all services up, side by side but for those that wait for another. The first that fails
 * ends the wait for the others.
 */
export async function bringUpAll(
  units: readonly Unit[],
  leader: Leader,
  onBack: (unit: Unit) => void,
): Promise<Problem | undefined> {
  const giveUp = new AbortController();
  // Of the others, whose wait is ended by it, nothing is known.
  let first: Problem | undefined;
  const care: Care = { units, leader, onBack };
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
        first ??= problem;
        if (problem) giveUp.abort();
        else if (unit.isReady) watch(unit, care);
        return problem;
      }),
    );
  }
  await Promise.all(ups.values());
  return first;
}

/** Starts a service, if it is ours to start, and waits until it is ready. */
async function bringUp(unit: Unit, leader: Leader, giveUp?: AbortSignal): Promise<Problem | undefined> {
  const { service } = unit;
  const stop = giveUp ? AbortSignal.any([leader.stopping, giveUp]) : leader.stopping;
  // That may take until somebody starts the others: it is not part of the time to get ready.
  const joins = service.start?.joins;
  const joined = joins && (await leader.means.join(joins, { stop, log: leader.log }));
  if (joined && 'kind' in joined) return joined;
  if (joined && stop.aborted) return undefined;
  const begun = Date.now();
  const problem = service.start && startUnit(unit, service.start, joined?.args ?? [], leader);
  if (problem) return problem;
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

function startUnit(
  unit: Unit,
  start: NonNullable<Service['start']>,
  more: readonly string[],
  leader: Leader,
): Problem | undefined {
  const { command } = start;
  const problem = prepareFiles(start);
  if (problem) {
    discardFiles(start);
    return problem;
  }
  unit.daemon = startDaemon(
    {
      ...specOf(unit.service.name, { ...command, args: [...command.args, ...more] }, leader.means.host),
      // Where main's output passes as it is, our stdout is main's alone.
      ...(leader.plan.mark === undefined && { stdout: 2 }),
      ...(start.user && { user: start.user }),
    },
    leader.output,
  );
  return undefined;
}

async function whyNot({ service, daemon }: Unit, because: string, end: End | undefined): Promise<Problem> {
  const { kind, what, remedy } = service.ifNot;
  if (!daemon) return { kind, what: `${what}: ${because}`, remedy };
  if (end) await daemon.drained(drainMs);
  const words = [because, ...daemon.lastLines()].join('\n');
  const hint = hintFor(service, words);
  if (!end) return { kind, what: `${what}: ${because}${lastWords(daemon)}`, remedy: hint ?? remedy };
  return {
    kind,
    what: `cannot use ${service.name}: it ended with ${endWords(end)} before it was ready${lastWords(daemon)}`,
    remedy: hint ?? seeAbove,
  };
}

const seeAbove = 'see what it said in the lines above';

/** What to do about a daemon's last words, if these are known. */
const hintFor = ({ hints }: Unit['service'], words: string): string | undefined =>
  hints?.find(({ says }) => new RegExp(says, 'i').test(words))?.remedy;

/** What the services are looked after with. */
interface Care {
  readonly units: readonly Unit[];
  readonly leader: Leader;
  readonly onBack: (unit: Unit) => void;
}

/** From now on, a service of ours that ends is started again. */
function watch(unit: Unit, care: Care): void {
  const { daemon, service } = unit;
  const { units, leader } = care;
  if (!daemon) return;
  void daemon.gone.then((end) => {
    if (unit.renewed === daemon) return;
    unit.isReady = false;
    if (leader.stopping.aborted) return;
    const why = `it ended with ${endWords(end)}`;
    const footing = units.find((other) => service.after?.includes(other.service.name) && !other.isReady);
    unit.waits = footing !== undefined;
    const done = footing
      ? leader.log('warn', `${service.name}: ${why}; it is started again with ${footing.service.name}`)
      : revive(unit, why, care);
    leader.guard(done);
  });
}

/** Starts a service again, after a pause that grows each time, until it has died too often. */
async function revive(unit: Unit, reason: string, care: Care): Promise<void> {
  const { service } = unit;
  const { leader } = care;
  const { restartLimit } = leader.means.settings;
  if (Date.now() - unit.readySince > steadyMs) unit.deaths = 0;
  let last: Problem = { ...service.ifNot, what: reason };
  for (;;) {
    const { daemon } = unit;
    unit.deaths++;
    await daemon?.drained(drainMs);
    if (unit.deaths > restartLimit) {
      // What a problem of its start tells, has its last words in it already, and what to do about that.
      const died = last.what === reason && daemon !== undefined;
      const words = died ? lastWords(daemon) : '';
      const remedy = died ? (hintFor(service, words) ?? seeAbove) : last.remedy;
      return leader.finish({ problem: diedTooOften(unit, { ...last, what: last.what + words, remedy }) });
    }
    const ms = Math.min(shortestPauseMs * 2 ** (unit.deaths - 1), longestPauseMs);
    const what = last.what === reason ? `${service.name}: ${reason}` : last.what;
    const text = `${what}; it is started again in ${ms} ms (${unit.deaths} of ${restartLimit})`;
    await leader.log('warn', text);
    // What it has left behind must not be in the way of the next one.
    if (daemon) await endDaemon(daemon, leader.ending(daemon, service.start?.graceMs ?? 0));
    await pause(ms, leader.stopping);
    if (leader.stopping.aborted) return;
    const problem = await bringUp(unit, leader);
    if (leader.stopping.aborted) return;
    if (!problem) break;
    last = problem;
  }
  isBack(unit, care);
}

/** A service was started again: whatever stands on it has lost its footing, and is started anew. */
function isBack(unit: Unit, care: Care): void {
  watch(unit, care);
  for (const other of care.units) {
    const standsOnIt = other.service.after?.includes(unit.service.name);
    if (standsOnIt && (other.isReady || other.waits)) care.leader.guard(startAnew(other, care));
  }
  care.onBack(unit);
}

/** Ends a service if it still runs, and starts it again; that is no death of its own. */
async function startAnew(unit: Unit, care: Care): Promise<void> {
  const { daemon, service } = unit;
  const { leader } = care;
  if (!daemon) return;
  unit.renewed = daemon;
  unit.isReady = false;
  unit.waits = false;
  await endDaemon(daemon, leader.ending(daemon, service.start?.graceMs ?? 0));
  if (leader.stopping.aborted) return;
  const problem = await bringUp(unit, leader);
  if (leader.stopping.aborted) return;
  if (problem) await revive(unit, problem.what, care);
  else isBack(unit, care);
}

function diedTooOften({ service, deaths }: Unit, last: Problem): Problem {
  const times = deaths === 1 ? 'and may not be started again' : `${deaths} times in a row`;
  return { ...last, what: `${service.name} has died ${times}, the last time: ${last.what}` };
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
