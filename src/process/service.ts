/** A daemon of ours beside the main one: started, watched while we wait for it, and stopped. */
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { findProgram, type Host } from '../host.ts';
import type { Service, ServiceStart, User } from '../plan.ts';
import { errnoOf, type Problem } from '../problem.ts';
import { pause } from './child.ts';
import { carryOutFile } from './files.ts';
import { closeOthersOnExec } from './libc.ts';

/** A started daemon. */
export interface Running {
  readonly name: string;
  /** How it ended ("exit status 1", "SIGKILL"), once it has. */
  ended(): string | undefined;
  /** TERM, then its grace, then KILL. Resolves when it is gone. */
  stop(): Promise<void>;
}

/**
 * A command line that runs as `user` and ends when we do (PR_SET_PDEATHSIG): after the `exec`
 * hand-off its parent is the daemon that took our pid, so that it ends with the daemon even where no
 * PID namespace ends with the container (`--pid=host`, Apptainer, local mode). setpriv(1) sets that
 * after it has changed the user, since changing the user clears it.
 *
 * @returns the words, the program's own path first
 */
export function tiedToUs(words: readonly string[], user: User | undefined): readonly string[] {
  const as = user ? [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'] : [];
  // As PID 1 we take the whole PID namespace with us, and need no setpriv of util-linux 2.33 or newer;
  // where there is none, a daemon that keeps its user can do without it.
  const isNeeded =
    process.pid !== 1 && (user !== undefined || 'path' in findProgram('setpriv', process.env['PATH']));
  const withUs = isNeeded ? ['--pdeathsig=TERM'] : [];
  return as.length + withUs.length === 0 ? words : ['setpriv', ...as, ...withUs, '--', ...words];
}

/** Makes what a service needs; what went wrong if it cannot be made. */
export function prepareFiles({ files }: ServiceStart): Problem | undefined {
  for (const action of files) {
    const problem = carryOutFile(action);
    if (problem) return problem;
  }
  return undefined;
}

/** Removes what a service needed for its start only; what we may not even see, we have not made. */
export function discardFiles({ discard }: ServiceStart): void {
  for (const path of discard) {
    try {
      rmSync(path, { force: true });
    } catch (error) {
      if (errnoOf(error) !== 'EACCES') throw error;
    }
  }
}

/** Starts a service that the daemon, once it has taken our place, is the parent of. */
export function startService(service: Service, start: ServiceStart, host: Host): Running | Problem {
  const problem = prepareFiles(start);
  if (problem) return problem;
  const { spawn } = process.getBuiltinModule('node:child_process');
  const { program, args, env } = start.command;
  const found = host.program(program);
  const path = 'path' in found ? found.path : program;
  const [first = path, ...words] = tiedToUs([path, ...args], start.user);
  // Descriptors of our caller beyond 2 are none of its business either.
  closeOthersOnExec();
  // Its log goes straight to our stderr: a pipe to us would break when the daemon takes our place.
  const child = spawn(first, words, { stdio: ['ignore', 'ignore', 2], env: { ...process.env, ...env } });
  return watch(service.name, child, start.graceMs);
}

function watch(name: string, child: ChildProcess, graceMs: number): Running {
  let ended: string | undefined;
  const gone = new Promise<void>((resolve) => {
    child.on('exit', (code, signal) => {
      ended = signal ?? `exit status ${code}`;
      resolve();
    });
    // Also emitted when a signal could not be sent: then it has not ended.
    child.on('error', (error) => {
      if (child.pid !== undefined) return;
      ended = error.message;
      resolve();
    });
  });
  return {
    name,
    ended: () => ended,
    stop: async () => {
      if (ended !== undefined || child.pid === undefined) return;
      child.kill('SIGTERM');
      const patience = new AbortController();
      void gone.then(() => patience.abort());
      await pause(graceMs, patience.signal);
      if (ended !== undefined) return;
      if (child.kill('SIGKILL')) await gone;
    },
  };
}
