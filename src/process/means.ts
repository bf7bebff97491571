/** What a plan is carried out with: given by who calls the runner, since it lies above it. */
import type { Host } from '../host.ts';
import type { Log } from '../log.ts';
import type { Plan, Probe, Task } from '../plan.ts';
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
