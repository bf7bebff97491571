/**
 * A plan is data: all that a mode wants done, in the order in which the runner does it.
 * A mode computes it without starting or changing anything, `explain` prints it, and
 * `src/process/runner.ts` carries it out.
 */
import type { Problem } from './problem.ts';

/** Everything from the first check to what the container becomes. */
export interface Plan {
  readonly mode: string;
  /** Told to the operator before anything is done. */
  readonly notices: readonly Notice[];
  /** Looked at before anything is started; one with a `problem` ends the start. */
  readonly requirements: readonly Requirement[];
  /** What has to be ready before `main` starts; independent of each other, so readied side by side. */
  readonly services: readonly Service[];
  /** What the container becomes. */
  readonly main: Command;
  /** `exec`: main replaces us, with our pid, and nothing of ours stays. */
  readonly handoff: 'exec';
  /** What has to be asked before; the mode plans again with the answers. */
  readonly questions: readonly Question[];
  /** What `health` has to know of the running daemon; absent where nothing is to be recorded. */
  readonly health?: HealthFacts;
}

/** Something the operator is told. */
export interface Notice {
  readonly level: 'debug' | 'info' | 'warn';
  readonly text: string;
}

/** Something that must be so, and what is wrong with it if it is not. */
export interface Requirement {
  /** For instance "munge key /etc/munge/munge.key". */
  readonly what: string;
  /** What was found, when it is as it should be. */
  readonly found?: string;
  readonly problem?: Problem;
}

/** A program with its arguments, `args` without the program's own name. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
}

/** A daemon that `main` needs: started by us (`start`), or somebody else's, which we only wait for. */
export interface Service {
  /** For people: "munged", "the host's munged". */
  readonly name: string;
  readonly start?: ServiceStart;
  readonly ready: Probe;
  /** What is wrong when it does not get ready; the last reason is put behind `what`. */
  readonly ifNot: Problem;
}

/** How a daemon of ours is started. */
export interface ServiceStart {
  readonly command: Command;
  /** The user that the daemon runs as; absent when it is the user we are already. */
  readonly user?: User;
  /** Files and directories made beforehand, in this order. */
  readonly files: readonly FileAction[];
  /** Files that are removed again once it is ready, or given up. */
  readonly discard: readonly string[];
  /** How long the daemon may take to end after SIGTERM before it is killed, in milliseconds. */
  readonly graceMs: number;
}

/** A change to the file system, as data. `mode` is the permission bits. */
export type FileAction =
  | {
      readonly do: 'directory';
      readonly path: string;
      readonly mode: number;
      readonly owner?: User;
      /** An existing directory is given this owner and mode too. */
      readonly mend: boolean;
    }
  | {
      readonly do: 'copy';
      readonly from: string;
      readonly path: string;
      readonly mode: number;
      readonly owner?: User;
    }
  | { readonly do: 'remove'; readonly path: string };

/** An account, as /etc/passwd has it. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** How readiness is established: a munge credential is encoded and decoded through `socket`. */
export interface Probe {
  readonly kind: 'munge';
  readonly socket: string;
  /** How long to keep trying, in milliseconds. */
  readonly deadlineMs: number;
}

/**
 * Something that looking does not tell: what a program prints, which is asked once and kept, or
 * whether anybody (`yes` or `no`) accepts connections on a Unix socket.
 */
export type Question =
  | { readonly about: 'ldmsd version'; readonly command: Command }
  | { readonly about: 'munge socket'; readonly socket: string };

/** The answers that there are so far, by what the questions were about. */
export interface Answers {
  readonly 'ldmsd version'?: string;
  readonly 'munge socket'?: 'yes' | 'no';
}

/** An address that the daemon listens on; `host` absent when it listens on all. */
export interface Listener {
  readonly xprt: string;
  readonly port: number;
  readonly host?: string;
  /** How its peers authenticate, where that is not the default. */
  readonly auth?: { readonly name: string; readonly args: readonly string[] };
}

/** What `health` has to know of the running daemon. */
export interface HealthFacts {
  readonly listeners: readonly Listener[];
  /** The munge socket that the daemon uses, if it uses one. */
  readonly mungeSocket?: string;
  /** How `ldms_ls` has to authenticate for the deep check. */
  readonly auth?: { readonly name: string; readonly args: readonly string[] };
}
