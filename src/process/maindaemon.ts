/** The daemon that the container is for, supervised: started, started anew with what it stands on, and told apart in its end. */
import { recordPlan } from '../record.ts';
import { type Daemon, type End, endDaemon, endWords, startDaemon } from './daemon.ts';
import { changed, changeOf } from './environment.ts';
import type { Executable } from './exec.ts';
import { type Leader, stopMs } from './leader.ts';
import { runLostTasks } from './tasks.ts';
import type { Unit } from './units.ts';

/** The daemon that the container is for. */
export interface Main {
  /** Its present process; undefined before its first start. */
  daemon(): Daemon | undefined;
  start(): Promise<void>;
  /** Ends it and starts it again, since what it stands on was started again. */
  startAnew(): Promise<void>;
  /** Ends it at once, without patience; it may be started again later. */
  halt(): Promise<void>;
}

/** Keeps it. It ends the container when it ends by itself. */
export function keepMain(executable: Executable, units: readonly Unit[], leader: Leader): Main {
  const { plan, means, log, output, stopping } = leader;
  const { path, argv } = executable;
  const [name = path, ...args] = argv;
  let daemon: Daemon | undefined;
  let standsOn: string | undefined;
  let startedAt = 0;
  const replaced = new WeakSet<Daemon>();
  const hasEnded = async (ended: Daemon) => {
    // What it stands on may have ended first, and be told of next.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    const end = ended.ended();
    if (replaced.has(ended) || !end || stopping.aborted) return;
    const { begun, ended: done } = leader.rewritten();
    const rewritten = begun > startedAt && Date.now() - done < settleMs && isFailure(end);
    if (!rewritten && standsOn === footing(units)) return leader.finish({ main: end });
    const why = rewritten ? 'its configuration was being written anew' : 'it had lost what it stands on';
    await log('warn', `${name} ended with ${endWords(end)}; it is started again, since ${why}`);
    if (rewritten) leader.guard(leader.inTurn(startAnew));
  };
  const start = async () => {
    const change = changeOf(plan.main);
    if ('kind' in change) return leader.finish({ problem: change });
    standsOn = footing(units);
    startedAt = Date.now();
    daemon = startDaemon(
      {
        name,
        path,
        args,
        argv0: name,
        env: changed(process.env, change),
        ...(plan.main.cwd !== undefined && { cwd: plan.main.cwd }),
        nofile: means.settings.nofile,
        ...(plan.mark !== undefined && { mark: plan.mark }),
      },
      output,
    );
    const started = daemon;
    leader.guard(started.gone.then(() => hasEnded(started)));
    if (plan.health) recordPlan(plan.mode, plan.health, means.host, started.pid);
    await log(plan.mark === undefined ? 'debug' : 'info', `${name} runs, as process ${started.pid}`);
  };
  const startAnew = async () => {
    // Gone again meanwhile: then this is begun anew when that is back.
    const isLost = () => footing(units) === undefined;
    if (!daemon || isLost()) return;
    // Started after what it stands on was back.
    if (daemon.ended() === undefined && standsOn === footing(units)) return;
    replaced.add(daemon);
    await endDaemon(daemon, leader.ending(daemon, mainGraceMs(units, leader)));
    const problem = await runLostTasks(leader);
    if (stopping.aborted || isLost()) return;
    if (problem) return leader.finish({ problem });
    await start();
  };
  const halt = async () => {
    if (!daemon) return;
    replaced.add(daemon);
    const ending = { ...leader.ending(daemon, 0), signal: 'SIGKILL', onKill: () => undefined } as const;
    await endDaemon(daemon, ending);
    daemon = undefined;
  };
  return { daemon: () => daemon, start, startAnew, halt };
}

// How soon after its configuration was written anew maestro may still die of having read half of it.
const settleMs = 2000;

const isFailure = (end: End): boolean => 'status' in end && end.status !== 0;

/** The services that main stands on, by their processes; undefined while one of them is not ready. */
function footing(units: readonly Unit[]): string | undefined {
  const carrying = units.filter(({ service }) => service.carriesMain);
  if (carrying.some(({ isReady }) => !isReady)) return undefined;
  return carrying.map(({ daemon }) => daemon?.pid).join();
}

/** What main may take: all of the time but what the services may need after it. */
export function mainGraceMs(units: readonly Unit[], { means }: Leader): number {
  // Those that stand on one another end one after the other.
  const chainMs = ({ service }: Unit): number =>
    (service.start?.graceMs ?? 0) +
    Math.max(0, ...units.filter((other) => service.after?.includes(other.service.name)).map(chainMs));
  const services = Math.max(0, ...units.map(chainMs));
  return Math.max(stopMs(means.settings) - services, means.settings.stopTimeoutMs / 2);
}
