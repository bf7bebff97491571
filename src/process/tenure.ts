/** A plan with an election: the tasks and main run while this container is the elected one, and end at once when it is not. */
import type { Plan, Task } from '../plan.ts';
import type { Problem } from '../problem.ts';
import { recordPlan } from '../record.ts';
import { signalTo } from './daemon.ts';
import { descendants } from './family.ts';
import type { Leader } from './leader.ts';
import type { Main } from './maindaemon.ts';
import type { Candidacy, Office, OwnedFile } from './means.ts';
import { runTasks } from './tasks.ts';
import type { Unit } from './units.ts';

/** Taking part in the election. */
export interface Tenure {
  /** Writes down what health has to know before there is a main. */
  record(): void;
  /** Takes part until the end begins. */
  run(): Promise<void>;
  /** Gives the office up, main having ended; nothing where there is none. */
  handOver(why: string): Promise<void>;
  /** A HUP's new plan, of which all is well: puts its file in force, or asks for that; what is wrong with it. */
  reload(plan: Plan): Promise<Problem | 'asked' | undefined>;
}

/** Makes it; undefined for a plan without an election. */
export function planTenure(main: Main, units: readonly Unit[], leader: Leader): Tenure | undefined {
  const { plan, means, log, stopping } = leader;
  const { election } = plan;
  if (!election || !means.stand) return undefined;
  let candidacy: Candidacy | undefined;
  let office: Office | undefined;
  const member = election.peers.self.name;
  const applyIn = async (held: Office, tasks: readonly Task[], file: OwnedFile) => {
    const problem = await runTasks({ ...plan, tasks }, leader, held.lost);
    const isDone = !problem && !held.lost.aborted && !stopping.aborted;
    if (isDone) await held.hasApplied(file).catch((error: unknown) => held.lose(notAsked(error)));
    return problem;
  };
  // A file that waits for its turn while the office is lost stays asked for, and whoever leads then finds it.
  const apply = async (path: string, file: OwnedFile) => {
    let problem: Problem | undefined;
    let isDone = false;
    await leader.inTurn(async () => {
      const held = office;
      if (!held || held.lost.aborted) return;
      problem = await applyIn(held, tasksFor(plan.tasks, election.config, path), file);
      isDone = !held.lost.aborted;
    });
    if (!isDone) throw new Error('this member leads no longer');
    return problem;
  };
  const record = () => void (plan.health && recordPlan(plan.mode, plan.health, means.host));
  const begin = async (held: Office) => {
    const now = (await means.replan?.()) ?? plan;
    const digest = now.election?.digest ?? election.digest;
    candidacy?.register(digest);
    if (await held.mustApply(digest)) {
      const problems = now.requirements.flatMap(({ problem }) => problem ?? []);
      const problem = problems[0] ?? (await applyIn(held, now.tasks, { member, digest }));
      if (problem && !held.lost.aborted) return leader.finish({ problem });
    } else {
      await log('info', 'the configuration of this very file is in etcd already: maestro_ctrl is not run');
    }
    if (held.lost.aborted || stopping.aborted) return;
    await main.start();
  };
  const serve = async (held: Office) => {
    office = held;
    const gone = Promise.withResolvers<void>();
    // At once, and not in turn: nobody else may begin while ours runs.
    let wasRunning = false;
    const killNow = () => {
      wasRunning = main.daemon() !== undefined;
      leader.guard(main.halt());
      for (const pid of ofOffice(units)) signalTo(pid, 'SIGKILL');
      gone.resolve();
    };
    held.lost.addEventListener('abort', killNow, { once: true });
    if (held.lost.aborted) killNow();
    stopping.addEventListener('abort', () => gone.resolve(), { once: true });
    for (const { service, daemon } of units) {
      if (service.carriesMain) void daemon?.gone.then(() => held.lose(`its ${service.name} has ended`));
    }
    await leader.inTurn(() => begin(held).catch((error: unknown) => held.lose(notAsked(error))));
    await gone.promise;
    if (stopping.aborted) return;
    const why = String(held.lost.reason);
    const then = wasRunning ? 'maestro is stopped' : 'maestro did not run yet';
    await log('warn', `this member, ${member}, leads no longer: ${why}; ${then}`);
    await leader.inTurn(() => main.halt());
    if (stopping.aborted) return;
    record();
    await held.handOver(why);
    office = undefined;
  };
  return {
    record,
    run: async () => {
      candidacy = means.stand?.({ log, stop: stopping, apply });
      while (!stopping.aborted) {
        const held = await candidacy?.win();
        if (!held) return;
        await serve(held);
      }
    },
    handOver: async (why) => {
      await office?.handOver(why);
    },
    reload: async (next) => {
      const digest = next.election?.digest ?? election.digest;
      candidacy?.register(digest);
      if (office && !office.lost.aborted) return applyIn(office, next.tasks, { member, digest });
      await candidacy?.ask(election.config);
      return 'asked';
    },
  };
}

const notAsked = (error: unknown): string =>
  `etcd cannot be asked: ${error instanceof Error ? error.message : error}`;

/** The same tasks with another file. */
const tasksFor = (tasks: readonly Task[], config: string, path: string): Task[] =>
  tasks.map((task) => ({
    ...task,
    command: { ...task.command, args: task.command.args.map((arg) => (arg === config ? path : arg)) },
  }));

/** Every process below us but the services': main and the tasks, with all that they have started. */
function ofOffice(units: readonly Unit[]): number[] {
  const services = new Set(units.map(({ daemon }) => daemon?.pid));
  return descendants(process.pid).flatMap(({ pid, session }) => (services.has(session) ? [] : [pid]));
}
