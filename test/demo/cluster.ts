/**
 * The demo's cluster, as in the cygnus example: four samplers, two aggregators that pull two of them
 * each, one that pulls those two, and maestro. One sampler has its host's munged, the other nodes
 * one of their own.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ldmsCfg, meminfoConfig, pullConfig } from './ldms-cfg.ts';
import {
  follow,
  followLeader,
  type HandOver,
  message,
  type Place,
  put,
  type Running,
  socketOf,
  startHostsMunged,
  startNode,
  untilSaid,
} from './nodes.ts';
import { freePorts } from './ports.ts';
import type { Patience } from './proc.ts';
import { type Account, mungeAccount, type Programs } from './programs.ts';
import { event } from './timeline.ts';

/** A node with an ldmsd, with the port that it listens on. */
export interface Member extends Running {
  readonly port: number;
  readonly handOver: HandOver;
}

/** The node with etcd and maestro. */
export interface MaestroNode extends Running {
  /** Its ldms_cfg.yaml. */
  readonly file: string;
  /** Changes the samplers' interval there, sends SIGHUP, and waits until that is in force. */
  change(interval: string): Promise<void>;
}

/** All that runs; maestro is left out where there is no etcd, and the ui where there is no uwsgi. */
export interface Cluster {
  readonly members: readonly Member[];
  readonly maestro: MaestroNode | undefined;
  readonly ui: Member | undefined;
}

const wishedPorts = {
  'samp-1': 10411,
  'samp-2': 10412,
  'samp-3': 10413,
  'samp-4': 10414,
  'agg-11': 10421,
  'agg-12': 10422,
  'agg-2': 10431,
  etcd: 12379,
  ui: 18080,
};

type Name = Exclude<keyof typeof wishedPorts, 'etcd' | 'ui'>;

/** The nodes in the order in which they are started: samplers first, maestro, which is none of these, last. */
const stages = [
  { what: 'the samplers, on cygnus-01 to cygnus-04', names: ['samp-1', 'samp-2', 'samp-3', 'samp-4'] },
  { what: 'the level-1 aggregators, on cygnus-05 and cygnus-06', names: ['agg-11', 'agg-12'] },
  { what: 'the level-2 aggregator, on cygnus-07', names: ['agg-2'] },
] as const satisfies readonly { what: string; names: readonly Name[] }[];

const pulls: Partial<Record<Name, readonly Name[]>> = {
  'agg-11': ['samp-1', 'samp-2'],
  'agg-12': ['samp-3', 'samp-4'],
  'agg-2': ['agg-11', 'agg-12'],
};

const samplers = stages[0].names;
const onHostsMunge: Name = 'samp-2';
/** Nodes that start as another one does. */
export const brief: readonly Name[] = ['samp-3', 'samp-4', 'agg-12', 'agg-2'];

/** What all steps of the start share. */
interface Means {
  readonly directory: string;
  readonly programs: Programs;
  readonly started: Running[];
  readonly patience: Patience;
  readonly account: Account;
  readonly users: ReadonlyMap<number, string>;
  readonly ports: Record<keyof typeof wishedPorts, number>;
  readonly place: (name: string) => Place;
}

/**
 * Starts everything and waits until each daemon serves.
 *
 * @param started gets everything that has to be stopped, as soon as it runs
 */
export async function startAll(
  directory: string,
  programs: Programs,
  started: Running[],
  patience: Patience,
): Promise<Cluster> {
  const { munged, env } = programs;
  const account = mungeAccount();
  const key = munged ? randomBytes(128) : undefined;
  const place = (name: string): Place => {
    const made = { name, root: join(directory, name), brief: (brief as readonly string[]).includes(name) };
    mkdirSync(made.root, { mode: 0o755 });
    if (key && name !== onHostsMunge) put(made, 'etc/munge/munge.key', key, 0o600, account);
    return made;
  };
  chmodSync(directory, 0o755);
  const ports = await freePorts(wishedPorts);
  const users = new Map([[account.uid, account.name]]);
  const means = { directory, programs, started, patience, account, users, ports, place };

  if (key) event('demo', `a random munge key for all: 128 bytes, mode 0600, owner ${account.name}`);
  const members: Member[] = [];
  for (const { what, names } of stages) {
    patience.stop.throwIfAborted();
    event('demo', `starting ${what}`, 'aside');
    const nodes = names.map((name) => {
      const at = place(name);
      if (munged && name === onHostsMunge) {
        const host = startHostsMunged({ host: place('host'), guest: at }, munged, account, env);
        started.push(host);
        event('host', `munged started as ${account.name}, process ${host.pid}: that of ${name}'s host`);
      }
      return startMember(at, name, means);
    });
    members.push(
      ...(await Promise.all(
        nodes.map(async (node) => {
          const port = ports[node.place.name as Name];
          return Object.assign(node, { port, handOver: await follow(node, port, users, patience) });
        }),
      )),
    );
  }
  const maestro = programs.etcd ? await startMaestro(means) : undefined;
  return { members, maestro, ui: programs.uwsgi ? await startUi(means) : undefined };
}

/** Starts uwsgi with the stand-in for sosgui, and waits until it serves. */
async function startUi({ programs, ports, started, patience, users, place }: Means): Promise<Member> {
  event('demo', 'starting the ui, on cygnus-07, with the dsosd.conf of the example', 'aside');
  const at = place('ui');
  put(at, 'opt/ovis/etc/dsosd.conf', 'cygnus-07\n', 0o644);
  for (const file of ['__init__.py', 'settings.py', 'wsgi.py']) {
    put(at, `opt/ovis/ui/sosgui/${file}`, readFileSync(join(sosgui, file)), 0o644);
  }
  const node = startNode(at, ['ui', `--http-socket=127.0.0.1:${ports.ui}`], programs.env);
  started.push(node);
  const handOver = await follow(node, ports.ui, users, patience);
  return Object.assign(node, { port: ports.ui, handOver });
}

const sosgui = join(import.meta.dirname, '../standins/sosgui');

/** Starts a node that becomes an ldmsd. */
function startMember(place: Place, name: Name, { programs, ports, started }: Means): Running {
  const { munged, realLdms, realMaestro, etcd, env } = programs;
  const producers = pulls[name];
  const mode = producers ? 'agg' : 'samp';
  const socket = realLdms ? ['-A', `socket=${socketOf(place)}`] : [];
  const words = [
    mode,
    '-x',
    `sock:${ports[name]}`,
    ...(munged ? ['-a', 'munge', ...socket] : []),
    '-n',
    name,
  ];
  // A real sampler has to be told what to sample; the stand-in samples /proc/meminfo by itself.
  const sampling = realLdms ? meminfoConfig(name) : undefined;
  const told = etcd && realMaestro && realLdms;
  const config = producers ? pullConfig(producers.map((producer) => [producer, ports[producer]])) : sampling;
  if (config !== undefined && !told) {
    put(place, `etc/ldms/${mode}.conf`, config, 0o644);
    words.push('-c', join(place.root, `etc/ldms/${mode}.conf`));
  }
  const settings = {
    ...(producers ? {} : { COMPONENT_ID: name.replace(/\D/g, '') }),
    ...(munged && name === onHostsMunge && { LDMS_ENTRYPOINT_MUNGE: 'host' }),
  };
  const node = startNode(place, words, env, settings);
  started.push(node);
  return node;
}

const firstInterval = '1s';

/** Starts etcd and maestro, and waits until maestro has read the configuration. */
async function startMaestro({
  directory,
  programs,
  ports,
  started,
  patience,
  users,
  place,
}: Means): Promise<MaestroNode> {
  event('demo', 'starting maestro, on cygnus-07, with the ldms_cfg.yaml of the example', 'aside');
  const at = place('maestro');
  const file = join(at.root, 'etc/ldms_cfg.yaml');
  const write = (interval: string) =>
    put(
      at,
      'etc/ldms_cfg.yaml',
      ldmsCfg({
        samplers: samplers.map((name) => ports[name]),
        firstLevel: stages[1].names.map((name) => ports[name]),
        secondLevel: stages[2].names.map((name) => ports[name]),
        auth: programs.munged ? 'munge' : 'none',
        store: join(directory, 'agg-2/store'),
        interval,
      }),
      0o644,
    );
  write(firstInterval);
  const settings = { ETCD_LISTEN_CLIENT_URLS: `http://127.0.0.1:${ports.etcd}` };
  const node = startNode(at, ['maestro'], programs.env, settings);
  started.push(node);
  const tells = (line: RegExp) => (programs.realMaestro ? [] : [line]);
  await followLeader(node, [/^maestro runs, /, ...tells(/daemons configured/)], users, patience);
  return Object.assign(node, {
    file,
    change: async (interval: string) => {
      write(interval);
      event(
        at.name,
        `$ kill -HUP ${node.pid}: in /etc/ldms_cfg.yaml the samplers' interval is ${interval} now, no longer ${firstInterval}`,
        'key',
      );
      const from = node.said.length;
      process.kill(node.pid, 'SIGHUP');
      const refused = /^SIGHUP: the configuration is left as it was/;
      const over = () =>
        node.said.slice(from).some((text) => refused.test(message(text)?.text ?? ''))
          ? 'it was refused'
          : undefined;
      // The stand-in maestro tells of it as soon as it is saved.
      for (const line of [/^SIGHUP: the new configuration is in force/, ...tells(/configuration changed/)])
        await untilSaid(node, line, from, { ...patience, over });
    },
  });
}
