/** Runs one task of a plan to its end, and judges it by what it says and by what it leaves. */
import type { Host } from '../host.ts';
import type { Task } from '../plan.ts';
import type { Problem } from '../problem.ts';
import { type Daemon, type Ending, endCode, endDaemon, endWords, specOf, startDaemon } from './daemon.ts';
import type { LastingMeans } from './means.ts';
import type { Output } from './output.ts';

/** What running a task needs. */
export interface TaskMeans {
  readonly host: Host;
  readonly output: Output;
  /** Looks at what is there before the task is run. */
  readonly keep: LastingMeans['keep'];
  /** Stops the task. */
  readonly stop: AbortSignal;
  /** How it is ended if it has to be. */
  readonly ending: (daemon: Daemon) => Ending;
}

const drainMs = 200;

/**
 * Runs a task.
 *
 * @returns undefined if it has done what it is for, otherwise what is wrong; what it had changed by
 *   then is undone
 */
export async function runTask(task: Task, means: TaskMeans): Promise<Problem | undefined> {
  const kept = await means.keep(task.leaves, means.stop);
  if (means.stop.aborted) return stopped(task);
  const said: Said = {};
  const daemon = startDaemon(
    {
      ...specOf(task.name, task.command, means.host),
      hear: (line) => hear(line, task, said),
    },
    means.output,
  );
  const ending = means.ending(daemon);
  await ending.changes.until(() => daemon.ended() !== undefined, task.limitMs, means.stop);
  const inTime = daemon.ended() !== undefined;
  // With whatever it has started.
  await endDaemon(daemon, ending);
  if (!inTime && means.stop.aborted) return stopped(task);
  await daemon.drained(drainMs);
  const because = inTime
    ? (whyFailed(daemon, said) ?? (await kept.missing()))
    : `it did not end within ${task.limitMs / 1000} s${lastWords(daemon)}`;
  if (because === undefined) return undefined;
  const restored = await kept.restore();
  return { ...task.ifNot, what: `${task.ifNot.what}: ${because}${restored && `; ${restored}`}` };
}

const stopped = ({ ifNot }: Task): Problem => ({ ...ifNot, what: `${ifNot.what}: it was stopped` });

/** What its lines have told. */
interface Said {
  done?: boolean;
  failed?: string;
}

function hear(line: string, { saysDone, saysFailed }: Task, said: Said): void {
  if (new RegExp(saysDone).test(line)) said.done = true;
  else if (new RegExp(saysFailed).test(line)) said.failed ??= line;
}

function whyFailed(daemon: Daemon, said: Said): string | undefined {
  const end = daemon.ended();
  if (end && endCode(end) !== 0) return `it ended with ${endWords(end)}${lastWords(daemon)}`;
  if (said.failed !== undefined) return `it said: ${said.failed}`;
  return said.done ? undefined : `it did not say that it has saved the configuration${lastWords(daemon)}`;
}

/** A daemon's last lines, to be put behind something. */
export function lastWords(daemon: Daemon): string {
  const lines = daemon.lastLines().map(plainWords);
  return lines.length > 0 ? `; it said last: ${lines.join(' | ')}` : '';
}

/** A line of a JSON log (etcd's, with `--logger=zap`) in words; any other line as it is. */
function plainWords(line: string): string {
  const [, msg] = /"msg":"((?:[^"\\]|\\.)*)"/.exec(line.startsWith('{') ? line : '') ?? [];
  const [, error] = /"error":"((?:[^"\\]|\\.)*)"/.exec(line) ?? [];
  return msg === undefined ? line : [msg, error].filter(Boolean).join(': ');
}
