/** Three maestro containers as one for tests: the program with real etcds, on three addresses of loopback. */
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { expect, onTestFinished } from 'vitest';
import { getPrefix } from '../standins/etcd.ts';
import { atOnce, type Beat, type Life, livesOf, readBeats } from './beats.ts';
import { freePort } from './etcd.ts';
import { isAlive } from './machine.ts';
import { type Container, clusterOf, makePlaceOn, nameOf, type Place, processesOf } from './maestro.ts';
import { type Result, until } from './program.ts';

/** LDMS_ENTRYPOINT_MAESTRO_LEASE as it is by default, which all times follow from. */
export const leaseMs = 2000;

// Some leases, and a slow machine's share: it is only reached when something is broken.
const deadlineMs = 30_000;

/** A place that is one of several. */
export interface Member extends Place {
  /** As the list of members has it. */
  readonly name: string;
  /** Starts its container, which `container` is from then on. */
  begin(): Container;
  /** The one that was started last. */
  container(): Container;
  /** Sends a signal to all of its processes at once, the entrypoint first. */
  signalAll(signal: NodeJS.Signals): void;
  /** Kills all of its processes at once, and waits until there is none. */
  killAll(): Promise<void>;
  /** Whether `health` tells of a member that does what it is for. */
  isHealthy(): Promise<boolean>;
}

/** Members with one list. */
export interface Cluster {
  readonly members: readonly Member[];
  readonly peerPort: number;
  /** All that there are but these. */
  others(...members: readonly Member[]): Member[];
  /** Starts all at once, and waits until one of them leads and all are healthy; who leads. */
  startAll(): Promise<Member>;
  /** Waits until exactly one of the members has a maestro, which has told its configuration; that member. */
  leader(among?: readonly Member[]): Promise<Member>;
  /** Waits until each of them says so, the nth time that it fits. */
  allSay(words: RegExp, among?: readonly Member[], times?: number): Promise<void>;
  beats(): Beat[];
  /** The maestros that there were, in order. */
  lives(): Life[];
  /** Sees that no two maestros have ever run at once. */
  neverTwo(): void;
}

/** How a cluster is other than usual. */
export interface ClusterOptions {
  readonly config?: string;
  readonly settings?: NodeJS.ProcessEnv;
  /** Own settings of one of them. */
  readonly own?: (index: number) => NodeJS.ProcessEnv;
}

/** The addresses of the members. */
export const addresses: readonly string[] = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];

/** Makes three places that are members of one cluster. */
export async function makeCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { config = clusterOf(2), settings = {}, own = () => ({}) } = options;
  const peerPort = await freePort(addresses);
  const ports = await freePorts(addresses.length, peerPort);
  const shared = {
    LDMS_ENTRYPOINT_MAESTRO_MEMBERS: addresses.join(),
    LDMS_ENTRYPOINT_ETCD_PEER_PORT: String(peerPort),
    ...settings,
  };
  const members = addresses.map((name, index) => {
    const port = ports[index] ?? 0;
    const self = {
      // The machine has all three addresses.
      LDMS_ENTRYPOINT_MAESTRO_MEMBER: name,
      LDMS_ENTRYPOINT_ETCD_PORT: String(port),
    };
    return memberOf(name, makePlaceOn(port, { ...shared, ...self, ...own(index) }, config));
  });
  return clusterOfMembers(members, peerPort);
}

async function freePorts(count: number, ...taken: readonly number[]): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = await freePort();
    if (!taken.includes(port)) ports.add(port);
  }
  return [...ports];
}

/** Makes a place a member. */
export function memberOf(name: string, place: Place): Member {
  let container: Container | undefined;
  const signalAll = (signal: NodeJS.Signals) => {
    // Those of the entrypoint first, so that it takes no notice of what becomes of the others.
    const pids = processesOf(place.site);
    const isEntrypoint = (pid: number) => nameOf(pid) === 'ldms-entrypoint';
    for (const pid of [...pids.filter(isEntrypoint), ...pids.filter((pid) => !isEntrypoint(pid))]) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has just ended.
      }
    }
  };
  return {
    ...place,
    name,
    begin: () => {
      container = place.start();
      return container;
    },
    container: () => {
      if (!container) throw new Error(`${name} was never started`);
      return container;
    },
    signalAll,
    killAll: async () => {
      await until(`${name} is killed`, () => {
        signalAll('SIGKILL');
        return processesOf(place.site).length === 0;
      });
      await container?.ended;
    },
    isHealthy: async () => (await place.health()).code === 0,
  };
}

/** Makes members a cluster, and gives their maestros a file to beat in. */
export function clusterOfMembers(members: readonly Member[], peerPort: number): Cluster {
  const [first] = members;
  if (!first) throw new Error('a cluster has members');
  const file = first.site.path('beats');
  for (const { name, site } of members)
    Object.assign(site.env, { STANDIN_BEATS: file, STANDIN_BEATS_NAME: name });
  const beats = () => readBeats(file);
  const others = (...some: readonly Member[]) => members.filter((member) => !some.includes(member));
  const leader: Cluster['leader'] = (among = members) =>
    explained(
      members,
      untilCalmly('exactly one member has a maestro that is ready', () => {
        const last = livesOf(beats()).at(-1);
        if (last?.readyAt === undefined) return undefined;
        const running = members.flatMap((member) => member.pids('maestro').map((pid) => ({ member, pid })));
        const [one, another] = running;
        return one?.pid === last.pid && !another && among.includes(one.member) ? one.member : undefined;
      }),
    );
  return {
    members,
    peerPort,
    others,
    leader,
    startAll: async () => {
      for (const member of members) member.begin();
      const found = await leader();
      await explained(members, areHealthy(members));
      return found;
    },
    allSay: async (words, among = members, times = 1) => {
      await explained(members, Promise.all(among.map((member) => member.container().says(words, times))));
    },
    beats,
    lives: () => livesOf(beats()),
    neverTwo: () => expect(atOnce(beats()), 'maestros that ran at once').toEqual([]),
  };
}

/** Waits until something that is costly to find out is so, without taking the machine from those that work on it. */
function untilCalmly<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const asked = async () => {
    const found = await condition();
    if (found === undefined || found === false) await new Promise((resolve) => setTimeout(resolve, 50));
    return found;
  };
  return until(what, asked, deadlineMs);
}

/** Waits until all of them are healthy. */
export async function areHealthy(members: readonly Member[]): Promise<void> {
  for (const member of members) {
    let last: Result | undefined;
    const { child } = member.container();
    const healthy = async () => {
      last = await member.health();
      if (child.exitCode !== null) throw new Error(`its container has ended with ${child.exitCode}`);
      return last.code === 0;
    };
    await untilCalmly(`${member.name} is healthy`, healthy).catch((error) => {
      throw new Error(`${error}; it says: ${last?.stdout}${last?.stderr}`);
    });
  }
}

/** Adds what all members have said to the error that a wait ends with. */
async function explained<T>(members: readonly Member[], wait: Promise<T>): Promise<T> {
  return wait.catch((error: unknown) => {
    throw new Error(`${error instanceof Error ? error.message : error}\n${said(members)}`);
  });
}

/** Our own lines of all members, in the order of time. */
export function said(members: readonly Member[]): string {
  return members
    .flatMap((member) =>
      linesOf(member).map(({ at, level, msg }) => ({ at, line: `${member.name} ${level}: ${msg}` })),
    )
    .sort((one, other) => one.at - other.at)
    .map(({ at, line }) => `${new Date(at).toISOString().slice(11, -1)} ${line}`)
    .join('\n');
}

function linesOf(member: Member): ReturnType<Container['log']> {
  try {
    return member.container().log();
  } catch {
    // It was never started.
    return [];
  }
}

/** Writing that is under way. */
export interface Load {
  /** Stops writing, and waits for the write that is under way; what was acknowledged. */
  stop(): Promise<ReadonlyMap<string, string>>;
}

/** Writes keys one after the other, each through the first member that takes it, until it is stopped. */
export function startLoad(members: readonly Member[]): Load {
  const acknowledged = new Map<string, string>();
  let isOver = false;
  const write = async () => {
    for (let count = 1; !isOver; count++) {
      const key = `load/${String(count).padStart(6, '0')}`;
      const value = randomUUID();
      for (const { url } of members) {
        if (!(await putBounded(url, key, value))) continue;
        acknowledged.set(key, value);
        break;
      }
      // A gap in the writing is no reason to write faster.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const writing = write();
  onTestFinished(() => {
    isOver = true;
  });
  return {
    stop: async () => {
      isOver = true;
      await writing;
      return acknowledged;
    },
  };
}

/** What a member's etcd has of what was written. */
export const loadOf = ({ url }: Member): Promise<ReadonlyMap<string, string>> => getPrefix(url, 'load/');

/** Sees that an etcd has all that was acknowledged. */
export async function hasAll(member: Member, acknowledged: ReadonlyMap<string, string>): Promise<void> {
  const found = await loadOf(member);
  const lost = [...acknowledged].filter(([key, value]) => found.get(key) !== value).map(([key]) => key);
  expect(lost, `lost on ${member.name}, of ${acknowledged.size}`).toEqual([]);
}

// An etcd without a quorum lets its clients wait for seconds, and is not worth it.
const longestPutMs = 1000;

function putBounded(url: string, key: string, value: string): Promise<boolean> {
  const body = JSON.stringify({ key: btoa(key), value: btoa(value) });
  return new Promise((resolve) => {
    const options = { method: 'POST', agent: false, timeout: longestPutMs };
    const sent = request(`${url}/v3/kv/put`, options, (answer) => {
      answer.resume().on('error', () => resolve(false));
      answer.on('end', () => resolve(answer.statusCode === 200));
    });
    sent.on('timeout', () => sent.destroy()).on('error', () => resolve(false));
    sent.on('close', () => resolve(false)).end(body);
  });
}

/** Waits until a process has gone. */
export async function isGone(pid: number): Promise<void> {
  await until(`process ${pid} has ended`, () => !isAlive(pid), deadlineMs);
}
