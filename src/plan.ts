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
  /** Done one after the other once all is as required, before anything else is started; none if left out. */
  readonly preparations?: readonly Preparation[];
  /** What has to be ready before `main` starts; readied side by side, unless one names another. */
  readonly services: readonly Service[];
  /** Run once the services are ready, one after the other; each has to succeed. */
  readonly tasks: readonly Task[];
  /** What the container becomes, or what it runs. */
  readonly main: MainCommand;
  /**
   * `exec`: main replaces us, with our pid, and nothing of ours stays. `supervise`: we stay as the
   * leader process, with main and the services as our children.
   */
  readonly handoff: 'exec' | 'supervise';
  /**
   * Put before each line of main's output when main is supervised; absent where its output is the
   * container's own, and passes as it is.
   */
  readonly mark?: string;
  /** What has to be asked before; the mode plans again with the answers. */
  readonly questions: readonly Question[];
  /** What `health` has to know of the running daemon; absent where nothing is to be recorded. */
  readonly health?: HealthFacts;
  /** Several containers have this plan, and only the one of them that is elected runs the tasks and main. */
  readonly election?: Election;
}

/** How one of several containers is elected, and what they keep in etcd beside main's own. */
export interface Election {
  /** Where our own etcd serves clients. */
  readonly url: string;
  /** What the keys of the election begin with. No slash is in front: maestro_ctrl deletes what begins with its own prefix. */
  readonly prefix: string;
  readonly peers: Peers;
  /** etcd's lease of who leads, in milliseconds; all other times follow from it. */
  readonly leaseMs: number;
  /** The file that the tasks put in force, an argument of theirs. */
  readonly config: string;
  /** Its SHA-256 in hexadecimal when the plan was made. */
  readonly digest: string;
}

/** One of several containers. */
export interface Peer {
  /** As the user's list has it, without a port. */
  readonly name: string;
  /** Where its etcd listens to the others: `https://hostA:2380`. */
  readonly url: string;
}

/** The members of a cluster of etcds. */
export interface Peers {
  readonly self: Peer;
  /** All of them, in the order of the user's list. */
  readonly all: readonly Peer[];
  /** The address on which our own listens to the others. */
  readonly listen: { readonly address: string; readonly port: number };
  /** Paths of PEM files; absent where the members speak in clear. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
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
  /** Variables that it is given beside ours. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The command that the container becomes, or runs. */
export interface MainCommand extends Command {
  /**
   * Variables whose values are the contents of files, without the newlines at their ends: name → path.
   * They are read at the hand-over, so that no secret stands in a plan.
   */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Variables of ours that it is not given. */
  readonly without?: readonly string[];
  /** Its working directory; ours if left out. */
  readonly cwd?: string;
  /** How many arguments of ours stand behind the user's; none if left out. */
  readonly trailing?: number;
}

/** A step on the way to what main needs: a change to the file system, or a program that has to succeed. */
export type Preparation = FileAction | Run;

/** A program that is run to its end. */
export interface Run {
  readonly do: 'run';
  /** For people: "grafana-cli plugins install x". */
  readonly name: string;
  readonly command: Command;
  /** After so many milliseconds it is killed, and has failed. */
  readonly limitMs: number;
  /** What is wrong when it fails; the reason is put behind `what`. */
  readonly ifNot: Problem;
  /** Why its failure does not matter; it is told as a warning then. */
  readonly instead?: string;
}

/** A daemon that `main` needs: started by us (`start`), or somebody else's, which we only wait for. */
export interface Service {
  /** For people: "munged", "the host's munged". */
  readonly name: string;
  /** The services that have to be ready before this one is started, that are stopped after it, and with whose restart it is started anew. */
  readonly after?: readonly string[];
  /** Whether main has lost its footing when this one was restarted, and has to be started anew. */
  readonly carriesMain?: boolean;
  readonly start?: ServiceStart;
  readonly ready: Probe;
  /** What is wrong when it does not get ready; the last reason is put behind `what`. */
  readonly ifNot: Problem;
  /** What to do about some of its last words, each told by a regular expression; the first that fits. */
  readonly hints?: readonly { readonly says: string; readonly remedy: string }[];
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
  /** It is an etcd of several, which is told by an option more how it comes to the others. */
  readonly joins?: Joining;
}

/** How an etcd comes to its cluster. */
export interface Joining {
  readonly peers: Peers;
  /** Where it keeps its data; an empty one has to be made a member first. */
  readonly directory: string;
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
  | {
      readonly do: 'write';
      readonly path: string;
      readonly text: string;
      /** `${NAME}` in the text stands for that variable's value: for what must not stand in a plan. */
      readonly fills?: boolean;
      readonly mode: number;
    }
  | {
      /** A symbolic link at `path`. */
      readonly do: 'link';
      readonly path: string;
      readonly to: string;
    }
  | { readonly do: 'remove'; readonly path: string };

/** An account, as /etc/passwd has it. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** How readiness is established. */
export type Probe = (
  | {
      /** A munge credential is encoded and decoded through `socket`. */
      readonly kind: 'munge';
      readonly socket: string;
    }
  | {
      /** etcd says at `url`/health that it is. */
      readonly kind: 'etcd';
      readonly url: string;
    }
  | {
      /** Our etcd serves the other members; whether there is a quorum of them is another thing. */
      readonly kind: 'member';
      readonly peers: Peers;
    }
  | {
      /** Somebody accepts connections. */
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
    }
  | {
      /** There is nothing to ask: it is ready as soon as it runs. */
      readonly kind: 'runs';
    }
) & {
  /** How long to keep trying, in milliseconds. */
  readonly deadlineMs: number;
};

/** A program that is run to its end before main is started. */
export interface Task {
  /** For people: "maestro_ctrl". */
  readonly name: string;
  readonly command: Command;
  /** After so many milliseconds it is killed, and has failed. */
  readonly limitMs: number;
  /** What its output must hold, since its exit status says little: a regular expression for one line. */
  readonly saysDone: string;
  /** A line that tells of a failure, whatever its exit status: a regular expression. */
  readonly saysFailed: string;
  /** What it leaves in etcd: `key` is written anew, last of all that is below `prefix`. */
  readonly leaves: { readonly url: string; readonly prefix: string; readonly key: string };
  /** What is wrong when it fails; the reason is put behind `what`. */
  readonly ifNot: Problem;
}

/**
 * Something that looking does not tell, or not as soon: what a program prints, which for ldmsd's version
 * is asked once and kept; whether anybody (`yes` or `no`) accepts connections on a Unix socket; whether
 * addresses can be listened on.
 */
export type Question =
  | { readonly about: 'ldmsd version'; readonly command: Command }
  | {
      readonly about: 'addresses';
      readonly addresses: readonly { readonly address: string; readonly port: number }[];
    }
  | { readonly about: 'settings.py'; readonly path: string; readonly command: Command }
  | { readonly about: 'munge socket'; readonly socket: string }
  | {
      /** The addresses of hosts by their names; and that which packets to them leave with. */
      readonly about: 'members';
      readonly hosts: readonly string[];
    };

/** The answers that there are so far, by what the questions were about. */
export interface Answers {
  readonly 'ldmsd version'?: string;
  /** For each address why it cannot be listened on (`EADDRINUSE`, `EACCES`); empty if it can. */
  readonly addresses?: Readonly<Record<string, string>>;
  /** Where Python stumbles, as "LINE:COLUMN: WHY"; empty if it does not. */
  readonly 'settings.py'?: string;
  readonly 'munge socket'?: 'yes' | 'no';
  readonly members?: Readonly<Record<string, MemberAddresses>>;
}

/** What was found of a host's name. */
export interface MemberAddresses {
  /** Its addresses; none if the name is not known. */
  readonly addresses: readonly string[];
  /** Why there are none. */
  readonly why?: string;
  /** The address of ours that packets to its first address leave with. */
  readonly from?: string;
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
  /** Where etcd answers, if there is one. */
  readonly etcd?: string;
  /** Where one of several containers is elected: this one's name, and the names of all. */
  readonly election?: {
    readonly prefix: string;
    readonly member: string;
    readonly members: readonly string[];
  };
  /** What is asked of the daemon itself, if it serves HTTP. */
  readonly web?: WebFacts;
  /** How `ldms_ls` has to authenticate for the deep check. */
  readonly auth?: { readonly name: string; readonly args: readonly string[] };
}

/** A web server's own listener, and the request by which it is asked for its health. */
export interface WebFacts {
  /** `tcp`: something that we cannot speak; that it accepts connections has to do. */
  readonly protocol: 'http' | 'https' | 'uwsgi' | 'tcp';
  readonly at: { readonly host: string; readonly port: number } | { readonly socket: string };
  /** The path of the request. */
  readonly path: string;
  /** The answers that are well: `ok`: 200 only; `any`: whatever is no failure of the server (below 500). */
  readonly well: 'ok' | 'any';
}
