/** A maestro container for tests: the program with a real etcd, and stand-ins for maestro and maestro_ctrl. */
import { readdirSync, readFileSync, readlinkSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { etcdGet, freePort } from './etcd.ts';
import { commandLine, isAlive } from './machine.ts';
import { program, type Result, repository, run, type Started, start, until } from './program.ts';
import { logLines, makeSite, type Site } from './site.ts';

/** An ldms_cfg.yaml for `count` samplers whose endpoints use `auth`. */
export const clusterOf = (count: number, auth = 'none'): string => `daemons:
  - names: "samp-[1-${count}]"
    hosts: "node-[1-${count}]"
    endpoints:
      - names: "samp-[1-${count}]-ep"
        ports: "411"
        maestro_comm: True
        xprt: sock
        auth: { name: ${auth}, plugin: ${auth} }
samplers:
  - daemons: "samp-[1-${count}]"
    plugins:
      - name: meminfo
        interval: 1s
        config: [{ perm: "0777" }]
`;

/** A place for one container. Everything that is started in it is ended when its test has finished. */
export interface Place {
  readonly site: Site;
  /** Where etcd serves. */
  readonly port: number;
  readonly url: string;
  /** Writes the user's ldms_cfg.yaml. */
  configure(text: string): void;
  /** Sets what maestro_ctrl does wrong from its next start on; see test/standins/maestro-ctrl.ts. */
  ctrlMode(modes: string): void;
  /** Sets what maestro does wrong from its next start on; see test/standins/maestro.ts. */
  maestroMode(modes: string): void;
  /**
   * Puts a script in front of a real program: `body` runs first, with its arguments, and `$REAL` is
   * that program's path. Without an `exec` in it, the real program is not run.
   */
  wrap(name: 'etcd' | 'munged', body: string): void;
  /** Starts the container, behind another program such as setpriv if one is given. */
  start(args?: readonly string[], behind?: readonly string[]): Container;
  /** Starts it, and waits until maestro has told its configuration. */
  comeUp(args?: readonly string[]): Promise<Container>;
  /** Starts it in mount and PID namespaces of its own, after a shell script. */
  startInNamespaces(script?: string): Container;
  health(): Promise<Result>;
  /** What etcd has below the prefix. */
  stored(): Promise<Record<string, string>>;
  /** The pids of the processes of this place, by their name. */
  pids(name: string): number[];
  /** The pid of the one process of that name. */
  pid(name: string): number;
}

/** A container that was started. */
export interface Container extends Started {
  /** Our own log so far. */
  log(): readonly { readonly level: string; readonly msg: string; readonly at: number }[];
  /** Those of our messages that tell of an error. */
  errors(): readonly string[];
  /** Our own messages so far, a line each. */
  messages(): string;
  /** Waits for a message of ours, the nth that fits. */
  says(words: RegExp, times?: number): Promise<void>;
  /** Waits for a line of a daemon, the nth that fits. */
  hears(words: RegExp, times?: number): Promise<void>;
  /** Sends a signal, waits for the end, and sees that nothing is left running. */
  stop(signal?: NodeJS.Signals): Promise<Result>;
  /** Waits for the end, and sees that nothing is left running. */
  over(): Promise<Result>;
}

// An etcd that is alone has itself elected sooner; that the user's variables count is tested by it.
const quickly = { ETCD_HEARTBEAT_INTERVAL: '10', ETCD_ELECTION_TIMEOUT: '50' };

/** Makes a place with an ldms_cfg.yaml, on a port that is free. */
export async function makePlace(settings: NodeJS.ProcessEnv = {}, config = clusterOf(2)): Promise<Place> {
  const port = await freePort();
  const ours = { ETCD_LISTEN_CLIENT_URLS: `http://127.0.0.1:${port}`, ...quickly };
  return makePlaceOn(port, { ...ours, ...settings }, config);
}

/**
 * Makes a place whose settings say themselves where its etcd serves and how it is timed.
 *
 * @param behind the program that each of its commands is started behind, such as nsenter with its arguments
 */
export function makePlaceOn(
  port: number,
  settings: NodeJS.ProcessEnv,
  config: string,
  behind: readonly string[] = [],
): Place {
  const url = `http://127.0.0.1:${port}`;
  const site = makeSite(settings);
  Object.assign(site.env, {
    STANDIN_CTRL_FILE: site.path('ctrl-mode'),
    STANDIN_MAESTRO_FILE: site.path('maestro-mode'),
  });
  // After makeSite's own, so that it is done before the directory is removed.
  onTestFinished(() => endAll(site));
  for (const name of ['maestro', 'maestro_ctrl']) {
    // No link: a test that puts its own in this place would write through it.
    site.install(name, `#!/bin/sh\nexec '${join(repository, 'test/standins/bin', name)}' "$@"\n`);
  }
  const wrap: Place['wrap'] = (name, body) => {
    const real = { etcd: '/usr/bin/etcd', munged: '/usr/sbin/munged' }[name];
    site.install(name, `#!/bin/sh\nREAL=${real}\n${body}\n`);
  };
  // From the beginning, since programs are looked for once, and a test may put another in front later.
  wrap('etcd', 'exec $REAL "$@"');
  wrap('munged', 'exec $REAL "$@"');
  // At once, so that nobody reads half of it.
  const configure = (text: string) =>
    renameSync(site.write('etc/ldms_cfg.yaml.new', text), site.path('etc/ldms_cfg.yaml'));
  configure(config);
  const pids = (name: string) => processesOf(site).filter((pid) => nameOf(pid) === name);
  const begin = (args: readonly string[] = [], first: readonly string[] = []) => {
    const [file = program, ...words] = [...behind, ...first, program, 'maestro', ...args];
    return containerOf(start(file, words, { env: site.env }), site);
  };
  return {
    site,
    port,
    url,
    configure,
    ctrlMode: (modes) => void site.write('ctrl-mode', modes),
    maestroMode: (modes) => void site.write('maestro-mode', modes),
    wrap,
    start: begin,
    comeUp: async (args) => {
      const container = begin(args);
      await isUp(container);
      return container;
    },
    startInNamespaces: (script = '') => {
      const flags = [
        '--mount',
        '--propagation',
        'private',
        '--pid',
        '--fork',
        '--kill-child',
        '--mount-proc',
      ];
      const words = [...flags, '/bin/sh', '-ec', `${script}\nexec "$0" maestro`, program];
      return containerOf(start('unshare', words, { env: site.env }), site);
    },
    health: () => {
      const [file = program, ...words] = [...behind, program, 'health'];
      return run(file, words, { env: site.env });
    },
    stored: () => etcdGet(url, '/maestro/'),
    pids,
    pid: (name) => {
      const [pid, ...others] = pids(name);
      if (pid === undefined || others.length > 0) throw new Error(`there is not one ${name}: ${pids(name)}`);
      return pid;
    },
  };
}

/** Waits until the nth maestro has told its configuration; how a container that ended instead has ended. */
export async function isUp(container: Container, times = 1): Promise<void> {
  await container.hears(/^\[maestro\] .*\): \d+ daemons configured/m, times);
}

function containerOf(started: Started, site: Site): Container {
  let over = false;
  started.child.on('exit', () => {
    over = true;
  });
  const log = () =>
    logLines(started.stderr().replace(/[^\n]*$/, '')).map(({ level, msg, time }) => ({
      level: String(level),
      msg: String(msg),
      at: Date.parse(String(time)),
    }));
  const messages = () =>
    log()
      .map(({ msg }) => msg)
      .join('\n');
  const wait = (what: string, words: RegExp, times: number, text: () => string) => {
    const all = new RegExp(words, `${words.flags.replace('g', '')}g`);
    return until(what, () => {
      if ((text().match(all)?.length ?? 0) >= times) return true;
      if (over)
        throw new Error(`the container ended before ${words}:\n${started.stderr()}${started.stdout()}`);
      return false;
    }).then(() => undefined);
  };
  const isOver = async () => {
    const result = await started.ended;
    // What is killed last may be seen dying.
    await until('nothing is left running', () => processesOf(site).length === 0, 3000).catch(() =>
      expect(processesOf(site).map(commandLine), 'left running').toEqual([]),
    );
    return result;
  };
  return {
    ...started,
    log,
    errors: () => log().flatMap(({ level, msg }) => (level === 'error' ? [msg] : [])),
    messages,
    says: (words, times = 1) => wait(`we say ${words}`, words, times, messages),
    hears: (words, times = 1) =>
      wait(`a daemon says ${words}`, words, times, () => `${started.stdout()}\n${started.stderr()}`),
    stop: (signal = 'SIGTERM') => {
      started.kill(signal);
      return isOver();
    },
    over: isOver,
  };
}

/**
 * The processes that were started in a place, other than zombies, wherever they have gone since: all
 * inherit the environment, which names it.
 */
export function processesOf({ root }: Site): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => environmentOf(pid).includes(`LDMS_ENTRYPOINT_ROOT=${root}`) && isAlive(pid));
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    // It has ended, or is somebody else's.
    return [];
  }
}

/** A process's name, as ps shows it; empty for one that is gone. */
export function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();
  } catch {
    return '';
  }
}

/** The pid that a process has in the innermost of its PID namespaces. */
export function innerPid(pid: number): number {
  try {
    return Number(/^NSpid:.*\s(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
}

/** The children of a process that have ended and that it has not waited for. */
export function zombiesOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const [state, ppid] = readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ');
        return state === 'Z' && Number(ppid) === parent;
      } catch {
        return false;
      }
    });
}

/** The TCP addresses that a process listens on, as /proc/net/tcp has them: `0100007F:1F90`. */
export function listeningOf(pid: number): string[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A' && inodes.has(fields[9] ?? ''))
      .map((fields) => fields[1] ?? ''),
  );
}

/** Kills all that a place has left, until there is nothing. */
async function endAll(site: Site): Promise<void> {
  await until('all is killed', () => {
    const left = processesOf(site);
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has just ended.
      }
    }
    return left.length === 0;
  });
}
