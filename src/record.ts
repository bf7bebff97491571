/**
 * What `health` has to know of the running container, written down at the hand-over, so that a
 * HEALTHCHECK needs no arguments.
 *
 * /run is the place for it. Where it cannot be written (a read-only root without a tmpfs, a user
 * other than root), every container still has a /dev/shm.
 */
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { makePath } from './directories.ts';
import type { Host } from './host.ts';
import type { HealthFacts } from './plan.ts';
import { statFields } from './stat.ts';

/** A record of a hand-over. */
export interface PlanRecord extends HealthFacts {
  readonly mode: string;
  /** The leader process, and its start in clock ticks since boot, which exec does not change. */
  readonly pid: number;
  readonly startTime: string;
  /** The daemon that the leader process supervises, likewise; absent where it is the leader itself. */
  readonly main?: { readonly pid: number; readonly startTime: string };
}

/**
 * Where a record may lie, the preferred place first. Each name carries the mount namespace, which is
 * one container's alone: /run may be the host's, bound, and /dev/shm shared (`--ipc=host`).
 */
function places(host: Host): string[] {
  let namespace = '';
  try {
    namespace = fs.readlinkSync('/proc/self/ns/mnt').replace(/\D/g, '');
  } catch {
    // Without /proc there is one record for all.
  }
  return [
    host.path(`/run/ldms-entrypoint/plan.${namespace}.json`),
    host.path(`/dev/shm/ldms-entrypoint.${namespace}.json`),
    host.path(`/tmp/ldms-entrypoint.${namespace}.json`),
  ];
}

/**
 * Writes the record to the first place that takes it; a container where none does still runs.
 *
 * The record of a daemon that runs already stays: somebody tries a second one beside it, and the
 * container's health is the first one's.
 *
 * @param main the pid of the daemon that we supervise, if we do
 * @returns whether a record was written
 */
export function recordPlan(mode: string, facts: HealthFacts, host: Host, main?: number): boolean {
  const running = findRecord(host);
  if (running && running.pid !== process.pid) return false;
  const record: PlanRecord = {
    mode,
    pid: process.pid,
    startTime: startTimeOf(process.pid) ?? '',
    ...(main !== undefined && { main: { pid: main, startTime: startTimeOf(main) ?? '' } }),
    ...facts,
  };
  const text = `${JSON.stringify(record)}\n`;
  for (const place of places(host)) {
    try {
      // Only our own directory is made: a /dev/shm or /tmp that is missing is not ours to make.
      if (place.startsWith(host.path('/run/'))) makePath(dirname(place));
      // A new file each time: neither an older record nor somebody's link is written through.
      if (fs.lstatSync(place, { throwIfNoEntry: false })) fs.unlinkSync(place);
      fs.writeFileSync(place, text, { flag: 'wx' });
      // Whatever our umask: health may be asked by another user.
      fs.chmodSync(place, 0o644);
      return true;
    } catch {
      // The next place, then.
    }
  }
  return false;
}

/** Removes what {@link recordPlan} wrote; another's, beside which we were tried, stays. */
export function forgetPlan(host: Host): void {
  const record = findRecord(host);
  if (record && record.pid !== process.pid) return;
  for (const place of places(host)) {
    try {
      fs.rmSync(place, { force: true });
    } catch {
      // Not ours to remove, so not ours.
    }
  }
}

/**
 * The record of the daemon that runs now.
 *
 * @returns a record only if its process is the one that wrote it: same pid, same start, and the
 *   file belongs to that process's user
 */
export function findRecord(host: Host): PlanRecord | undefined {
  for (const place of places(host)) {
    try {
      // Nearly always there is none, and an error with its stack is dear to make.
      if (!fs.lstatSync(place, { throwIfNoEntry: false })?.isFile()) continue;
      const record = JSON.parse(fs.readFileSync(place, 'utf8')) as PlanRecord;
      const sameUser = fs.statSync(`/proc/${record.pid}`).uid === fs.statSync(place).uid;
      if (sameUser && startTimeOf(record.pid) === record.startTime) return record;
    } catch {
      // No record there, or of a process that is gone.
    }
  }
  return undefined;
}

/** Whether a supervised daemon of a record runs still. */
export const isRunning = ({ pid, startTime }: NonNullable<PlanRecord['main']>): boolean =>
  startTimeOf(pid) === startTime;

/** Field 22 of /proc/PID/stat; undefined for a process that is gone or only a zombie. */
function startTimeOf(pid: number): string | undefined {
  const fields = statFields(pid);
  return fields?.[0] === 'Z' || fields?.[0] === 'X' ? undefined : fields?.[19];
}
