/** What the parts of the supervisor share: the leader process, from its start to its end. */
import type { Log } from '../log.ts';
import type { Plan } from '../plan.ts';
import type { Problem } from '../problem.ts';
import type { Settings } from '../settings.ts';
import { type Changes, watchChanges } from './changes.ts';
import type { Daemon, End, Ending } from './daemon.ts';
import { descendants } from './family.ts';
import { setProcessName } from './libc.ts';
import type { LastingMeans } from './means.ts';
import { type Output, openOutput } from './output.ts';
import { startReaper } from './reaper.ts';

/** Why the end begins. */
export type Outcome =
  | { readonly main: End }
  | { readonly problem: Problem }
  | { readonly signal: NodeJS.Signals }
  | { readonly bug: unknown };

/** The leader process. */
export interface Leader {
  readonly plan: Plan;
  readonly means: LastingMeans;
  readonly log: Log;
  readonly output: Output;
  readonly changes: Changes;
  /** Begins the end; the first reason counts. From then on nothing is started any more. */
  finish(outcome: Outcome): void;
  readonly finished: Promise<Outcome>;
  /** Aborted when the end begins. */
  readonly stopping: AbortSignal;
  /** Aborted when the end is asked for again. */
  readonly hurry: AbortController;
  /** Aborted when the time for the end is over. */
  readonly over: AbortController;
  /** How a daemon is ended, with all that runs in its session. */
  ending(daemon: Daemon, graceMs: number): Ending;
  /** Does one thing after the other: what changes main's footing. Nothing is begun once the end has begun. */
  inTurn(work: () => Promise<void>): Promise<void>;
  /** Waits until nothing is under way any more, or the time for the end is over. */
  inTurnIsOver(): Promise<void>;
  /** When tasks were begun last, and when they ended, in milliseconds since the epoch. */
  rewritten(): { readonly begun: number; readonly ended: number };
  /** Notes that tasks are begun, or have ended. */
  rewrites(isBegun: boolean): void;
  /** Has an error that nobody expected end us rather than be lost. */
  guard(work: Promise<void>): void;
}

// Of the time for a stop, what is left for the last KILL and our own end.
const marginMs = 150;

/** How long the daemons may take in all to end, in milliseconds. */
export const stopMs = ({ stopTimeoutMs }: Settings): number =>
  Math.max(stopTimeoutMs - marginMs, stopTimeoutMs / 2);

/** Makes us the leader: from here on everything that is orphaned below us is reaped. */
export function becomeLeader(plan: Plan, means: LastingMeans): Leader {
  const output = openOutput();
  const changes = watchChanges();
  // ps(1) shows Node's name for its main thread otherwise.
  setProcessName('ldms-entrypoint');
  startReaper(changes.happened);
  const stopping = new AbortController();
  const hurry = new AbortController();
  const over = new AbortController();
  let resolve: (outcome: Outcome) => void = () => undefined;
  const finished = new Promise<Outcome>((settle) => {
    resolve = settle;
  });
  const finish = (outcome: Outcome) => {
    resolve(outcome);
    stopping.abort();
  };
  const log = means.openLog((line) => output.write(2, line));
  let turn = Promise.resolve();
  let rewritten = { begun: 0, ended: 0 };
  return {
    plan,
    means,
    output,
    changes,
    log,
    finish,
    finished,
    stopping: stopping.signal,
    hurry,
    over,
    ending: (daemon, graceMs) => ({
      signal: 'SIGTERM',
      graceMs,
      onKill: ({ name }) => void log('warn', `${name} has not ended in time: it is killed`),
      hurry: hurry.signal,
      over: over.signal,
      changes,
      others: () => sessionOf(daemon),
    }),
    inTurn: (work) => {
      turn = turn.then(() => (stopping.signal.aborted ? undefined : work()));
      return turn;
    },
    inTurnIsOver: () => {
      let isOver = false;
      const settled = () => {
        isOver = true;
        changes.happened();
      };
      turn.then(settled, settled);
      return changes.until(() => isOver, stopMs(means.settings), over.signal);
    },
    rewritten: () => rewritten,
    rewrites: (isBegun) => {
      rewritten = isBegun
        ? { begun: Date.now(), ended: Number.POSITIVE_INFINITY }
        : { ...rewritten, ended: Date.now() };
    },
    guard: (work) => void work.catch((bug: unknown) => finish({ bug })),
  };
}

/** What runs in the session that a daemon leads, itself left out. */
function sessionOf(daemon: Daemon): number[] {
  const inSession = descendants(process.pid).filter(({ session }) => session === daemon.pid);
  return inSession.map(({ pid }) => pid).filter((pid) => pid !== daemon.pid);
}
