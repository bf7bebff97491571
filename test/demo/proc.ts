/** What /proc tells of a process, and waiting until it tells what is waited for. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { waiting } from './timeline.ts';

/** A process at one moment. */
export interface Sample {
  readonly comm: string;
  /** The file name of its program. */
  readonly program: string;
  readonly threads: number;
  readonly rssKb: number;
  readonly uid: number;
  readonly parent: number;
}

/** Looks at a process; undefined if it is gone or only a zombie. */
export function look(pid: number): Sample | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string) => new RegExp(`^${name}:\\s*(.*)`, 'm').exec(status)?.[1] ?? '';
    if (/^[ZX]/.test(field('State'))) return undefined;
    return {
      comm: field('Name'),
      program: basename(readlinkSync(`/proc/${pid}/exe`)),
      threads: Number.parseInt(field('Threads'), 10),
      rssKb: Number.parseInt(field('VmRSS'), 10),
      uid: Number.parseInt(field('Uid'), 10),
      parent: Number.parseInt(field('PPid'), 10),
    };
  } catch {
    return undefined;
  }
}

/** The processes that a process has started itself. */
export function childrenOf(parent: number): (Sample & { readonly pid: number })[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const pid = Number(name);
      const found = look(pid);
      return found?.parent === parent ? [{ ...found, pid }] : [];
    });
}

/**
 * Whether this very process listens on a TCP port. The kernel is asked, not the daemon: to
 * connect would be an event of its own.
 */
export function listensOn(pid: number, port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const inodes = new Set<string>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const row of lines(file)) {
      const fields = row.trim().split(/\s+/);
      // 0A is TCP_LISTEN; the tenth field is the socket's inode.
      if (fields[1]?.endsWith(local) && fields[3] === '0A') inodes.add(`socket:[${fields[9]}]`);
    }
  }
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => inodes.has(readlinkSync(`/proc/${pid}/fd/${fd}`)));
  } catch {
    // A descriptor that was closed between the two calls, or the process with all of them.
    return false;
  }
}

function lines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}

/** The error that says what did not happen; its `cause` is the name of the node that it is about. */
export const failure = (node: string, what: string): Error => new Error(what, { cause: node });

/** How a wait may end early. */
export interface Patience {
  readonly deadlineMs: number;
  readonly stop: AbortSignal;
  /** Why waiting on is pointless, once it is. */
  readonly over?: () => string | undefined;
  /** How long to wait before asking again, where asking costs much. */
  readonly pauseMs?: number;
}

/**
 * Waits until `condition` holds.
 *
 * @param node the node that it is about
 * @param what for people: "it to listen on port 10411"
 * @throws a {@link failure} when it does not come true, the signal's reason when the demo is stopped
 */
export async function until<T>(
  node: string,
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  { deadlineMs, stop, over, pauseMs = 3 }: Patience,
): Promise<T> {
  const begun = performance.now();
  let told = begun;
  for (;;) {
    stop.throwIfAborted();
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    const now = performance.now();
    const pointless = over?.();
    if (pointless !== undefined) throw failure(node, `waited for ${what}, but ${pointless}`);
    if (now - begun > deadlineMs) throw failure(node, `waited ${deadlineMs / 1000} s for ${what}`);
    if (now - told > 2000) {
      told = now;
      waiting(`${node}: waiting for ${what}`);
    }
    await pause(pauseMs, undefined, { signal: stop });
  }
}
