/** Passing signals on from the leader process to the daemon that it supervises. */
import { constants } from 'node:os';
import { statFields } from '../stat.ts';
import type { Daemon } from './daemon.ts';
import { dispositionOf } from './disposition.ts';
import { blockOnlyBrokenPipes, serveOnce } from './libc.ts';

// All that can be caught, 1 to 31, but for SIGCHLD, which tells us of our children.
const passed = [
  ...['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGPIPE', 'SIGALRM', 'SIGTERM', 'SIGSTKFLT'],
  ...['SIGCONT', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGXCPU', 'SIGXFSZ', 'SIGVTALRM', 'SIGPROF'],
  ...['SIGWINCH', 'SIGIO', 'SIGPWR'],
] as NodeJS.Signals[];
// Those that a fault of our own raises too, and those that V8 ends itself with.
const faults = ['SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGSEGV', 'SIGSYS'] as NodeJS.Signals[];

/** Calls `handle` for every signal that we get, in the order of their arrival. */
export function catchSignals(handle: (signal: NodeJS.Signals) => void): void {
  for (const signal of passed) process.on(signal, () => handle(signal));
  for (const signal of faults) {
    let arm: (() => void) | undefined;
    process.on(signal, () => {
      handle(signal);
      arm?.();
    });
    arm = serveOnce(constants.signals[signal]);
  }
  // Only now that it has a handler, SIGUSR1 may come, which we are sealed to hold back.
  blockOnlyBrokenPipes();
}

/**
 * Sends a signal on to a daemon.
 *
 * The default action of SIGTSTP, SIGTTIN and SIGTTOU does not apply in a session without a terminal,
 * as the daemon's is; it is stopped in their place then, as it would be in the caller's session.
 */
export function passOn(signal: NodeJS.Signals, daemon: Daemon): void {
  const stops = signal === 'SIGTSTP' || signal === 'SIGTTIN' || signal === 'SIGTTOU';
  daemon.send(
    stops && dispositionOf(daemon.pid, constants.signals[signal]) === 'default' ? 'SIGSTOP' : signal,
  );
}

/**
 * Whether the terminal, which main shares with us, gives both of us what Ctrl-C, Ctrl-\\ and Ctrl-Z
 * send: then main has it already, and knows best what it means.
 */
export function isFromTerminal(signal: NodeJS.Signals, daemon: Daemon): boolean {
  if (!daemon.sharesTerminal || !['SIGINT', 'SIGQUIT', 'SIGTSTP'].includes(signal)) return false;
  const [, , group, , , foreground] = statFields('self') ?? [];
  // Our process group, and the one that the terminal's keys reach.
  return group !== undefined && group === foreground;
}
