/** What a plan is carried out with: given by who calls the runner, since it lies above it. */
import type { Host } from '../host.ts';
import type { Log } from '../log.ts';
import type { Joining, Plan, Probe, Task } from '../plan.ts';
import type { Problem } from '../problem.ts';
import type { Settings } from '../settings.ts';
import type { StopRequest } from './stop.ts';

/** Waits for a service; undefined when it is ready, or the last reason why it is not. */
export type AwaitReady = (
  probe: Probe,
  given: { stop: AbortSignal; over: () => boolean },
) => Promise<string | undefined>;

/** What the runner works with. */
export interface Means {
  readonly host: Host;
  readonly settings: Settings;
  readonly log: Log;
  readonly stop: StopRequest;
  readonly awaitReady: AwaitReady;
}

/** What the supervisor works with beside that. */
export interface LastingMeans extends Means {
  /** The same log, written somewhere else. */
  readonly openLog: (write: (line: string) => void) => Log;
  /** Looks at what a task is to change. */
  readonly keep: (leaves: Task['leaves'], stop: AbortSignal) => Promise<Kept>;
  /** The plan as it would be now, of a container that runs already: what a HUP asks for. Absent where HUP is main's. */
  readonly replan?: () => Promise<Plan>;
  /** Has an etcd come to its cluster: what it has to be told beside its arguments. Returns at once when the end begins. */
  readonly join: (joining: Joining, given: { stop: AbortSignal; log: Log }) => Promise<Joined | Problem>;
  /** Begins to take part in the plan's election; absent where the plan has none. */
  readonly stand?: (given: Standing) => Candidacy;
}

/** What taking part in an election needs. */
export interface Standing {
  readonly log: Log;
  /** Ends it all. */
  readonly stop: AbortSignal;
  /** Puts a member's file in force while this one leads; what is wrong with it, if anything. */
  readonly apply: (path: string, file: OwnedFile) => Promise<Problem | undefined>;
}

/** A file with whose it is, told apart by its SHA-256 in hexadecimal. */
export interface OwnedFile {
  readonly member: string;
  readonly digest: string;
}

/** How an etcd has come to its cluster. */
export interface Joined {
  /** Arguments behind those of its command. */
  readonly args: readonly string[];
}

/** One of several containers that could run the tasks and main, of which one is elected at a time. */
export interface Candidacy {
  /** Waits until it is elected, and nobody else's main can run any more. Undefined once the end has begun. */
  win(): Promise<Office | undefined>;
  /** Tells the others which file this member has now. */
  register(digest: string): void;
  /** Asks whoever leads to put this member's file in force; what became of it is told when it is known. */
  ask(path: string): Promise<void>;
}

/** Being the one that is elected. */
export interface Office {
  /** Aborted, with the reason as text, as soon as it may be another's: main has to end at once. */
  readonly lost: AbortSignal;
  /** Gives it up, for a reason of our own. */
  lose(why: string): void;
  /** Whether the tasks have to be run: not where this very file is in force already. Throws if etcd cannot be asked. */
  mustApply(digest: string): Promise<boolean>;
  /** Notes which file is in force. Throws if etcd cannot be asked. */
  hasApplied(file: OwnedFile): Promise<void>;
  /** Main has ended: another one may begin. Whether that could be told; bounded in time, and never throws. */
  handOver(why: string): Promise<boolean>;
}

/** What was in etcd before a task was run, to compare with, and to put back if it fails. */
export interface Kept {
  /** Whether there was anything. */
  readonly isThere: boolean;
  /** Why the task's work is not to be found; undefined if it is. */
  missing(): Promise<string | undefined>;
  /** Puts back what was there before; says what became of it, or nothing where there was nothing to do. */
  restore(): Promise<string>;
}
