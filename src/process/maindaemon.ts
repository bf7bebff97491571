/** The daemon that the container is for, supervised: started, started anew with what it stands on, and told apart in its end. */
import { recordPlan } from '../record.ts';
import { type Daemon, endDaemon, endWords, startDaemon } from './daemon.ts';
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
}

/** Keeps it. It ends the container when it ends by itself. */
export function keepMain(executable: Executable, units: readonly Unit[], leader: Leader): Main {
  const { plan, means, log, output, stopping } = leader;
  const { path, argv } = executable;
  const [name = path, ...args] = argv;
  let daemon: Daemon | undefined;
  let endsForUs = false;
  const lacksFooting = () => units.some(({ service, isReady }) => service.carriesMain && !isReady);
  const hasEnded = async (ended: Daemon) => {
    // What it stands on may have ended first, and be told of next.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    const end = ended.ended();
    if (endsForUs || ended !== daemon || !end || stopping.aborted) return;
    if (!lacksFooting()) return leader.finish({ main: end });
    await log('warn', `${name} ended with ${endWords(end)}; it is started again with what it stands on`);
  };
  const start = async () => {
    daemon = startDaemon(
      {
        name,
        path,
        args,
        argv0: name,
        env: { ...process.env, ...plan.main.env },
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
  return {
    daemon: () => daemon,
    start,
    startAnew: async () => {
      if (!daemon) return;
      const problem = await runLostTasks(leader);
      // Gone again meanwhile: then this is begun anew when that is back.
      if (problem && lacksFooting()) return;
      if (problem) return leader.finish({ problem });
      endsForUs = true;
      await endDaemon(daemon, leader.ending(daemon, mainGraceMs(units, leader)));
      endsForUs = false;
      if (!stopping.aborted && !lacksFooting()) await start();
    },
  };
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
