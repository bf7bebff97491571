/** Plays the cygnus example in containers of a real engine, checks it, and stops all of it at once. */
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { type Engine, findEngine } from '../../../images/build/engine.ts';
import { dockerRun } from '../../../src/cluster/render/engine.ts';
import { planText } from '../../../src/cluster/told.ts';
import {
  allAtOnce,
  type Docker,
  dockerOf,
  startSeen,
  stopSeen,
  tellEnds,
  untilServes,
  wasKilled,
} from '../engine.ts';
import { startHostsMunged } from '../nodes.ts';
import { freePorts } from '../ports.ts';
import { failure, type Patience } from '../proc.ts';
import { find, mungeAccount } from '../programs.ts';
import { stop } from '../stop.ts';
import { elapsedMs, event, line, paragraph, remark } from '../timeline.ts';
import { everyEndpointReached, type Node, setsArrive, webAnswers } from './checks.ts';
import { hostOptions, type Machine, type Played, playedCluster } from './cluster.ts';
import { findImages } from './images.ts';

/** What munge is played with, and how it is ended. */
interface Munge {
  readonly munge: Machine['munge'];
  readonly told: string;
  readonly end: () => Promise<unknown>;
}

/**
 * Plays it.
 *
 * @param namespace what stands before /ldms-samp in the images' names; undefined: whichever there are
 * @param stay waits until the user wants an end
 * @returns whether everything was as it should be
 */
export async function playCygnus(
  directory: string,
  namespace: string | undefined,
  patience: Patience,
  stay: () => Promise<void>,
): Promise<boolean> {
  const engine = await findEngine('docker');
  const docker = dockerOf(engine.name);
  const images = await findImages(engine, docker, namespace);
  chmodSync(directory, 0o755);
  const ports = await freePorts({ ui: 18080, grafana: 13000 });
  const { munge, told, end } = await hostsMunge(directory);
  try {
    const played = await playedCluster(directory, { namespace: images, ports, munge });
    const nodes = played.containers.map((container): Node => {
      const label = `${container.node} ${container.name}`;
      return { container, label, id: `ldms-cygnus-${process.pid}-${container.node}-${container.name}` };
    });
    tellPlan(engine, images, played, told);
    return await run(played, nodes, docker, patience, stay);
  } finally {
    await end();
  }
}

/** The munge that all hosts share: this machine's, or one that is started, or one in each container. */
async function hostsMunge(directory: string): Promise<Munge> {
  const nothing = async () => undefined;
  const { exitCode } = await execa('sh', ['-c', 'munge -n | unmunge -n'], { reject: false });
  if (exitCode === 0) return { munge: { socket: '/run/munge' }, told: "this machine's munge", end: nothing };
  const account = mungeAccount();
  const host = { name: 'host', root: join(directory, 'host') };
  mkdirSync(join(host.root, 'etc/munge'), { recursive: true });
  const key = join(host.root, 'etc/munge/munge.key');
  writeFileSync(key, randomBytes(128), { mode: 0o600 });
  if (process.getuid?.() === 0) chownSync(key, account.uid, account.gid);
  const munged = find('munged');
  if (munged === undefined) {
    return { munge: { key }, told: 'a munged in each container, since this machine has none', end: nothing };
  }
  const daemon = startHostsMunged({ host, guest: host }, munged, account, process.env);
  return {
    munge: { socket: join(host.root, 'run/munge') },
    told: 'one munged on this machine, with a random key',
    end: () => stop(daemon, new AbortController().signal),
  };
}

function tellPlan(engine: Engine, images: string, played: Played, munge: string): void {
  paragraph(
    `The cygnus example, examples/cygnus, on this machine: each of its hosts has a loopback address of its own, ldmsd speaks sock in place of rdma, and all share ${munge}. The containers are those of ldms-cluster, of ${engine.name} ${engine.version} and the images ${images}/ldms-*. Times are milliseconds.`,
  );
  line();
  for (const row of planText(played, false).trimEnd().split('\n')) line(`  ${row}`);
  line();
}

async function run(
  played: Played,
  nodes: readonly Node[],
  docker: Docker,
  patience: Patience,
  stay: () => Promise<void>,
): Promise<boolean> {
  let failed = false;
  try {
    await allAtOnce(nodes, patience, (node) => startSeen(node, () => start(node, played)));
    await allAtOnce(nodes, patience, (node, own) =>
      untilServes(node, ['ldms-entrypoint', 'health'], docker, own),
    );
    await check(played, nodes, docker, patience);
    await stay();
  } catch (error) {
    failed = !patience.stop.aborted;
    const about = error instanceof Error && typeof error.cause === 'string' ? error.cause : 'cygnus';
    if (failed) event(about, error instanceof Error ? error.message : String(error), 'wrong');
  }
  const begun = elapsedMs();
  event('cygnus', `docker stop, all ${nodes.length} containers at once`, 'key');
  await Promise.all(nodes.map((node) => stopSeen(node, docker)));
  tellEnds('container', nodes);
  const killed = nodes.filter(wasKilled);
  for (const { label } of killed) event(label, 'it did not stop by itself, and was killed', 'wrong');
  const seconds = ((elapsedMs() - begun) / 1000).toFixed(1);
  const good = !failed && killed.length === 0;
  event('cygnus', `all stopped and removed in ${seconds} s`, good ? 'key' : 'wrong');
  return good;
}

/** Starts a container by the line that `ldms-cluster render --as docker` writes. */
function start({ container, id }: Node, played: Played) {
  const [command = '', ...options] = dockerRun(container, played.site, ({ kind, from }) =>
    kind === 'config' ? join(played.directory, from) : from,
  );
  // Of one machine's containers no two have one name, and none comes back at its next start.
  const own = options.filter((option) => !/^--(name|restart)=/.test(option));
  const words = [command, `--name=${id}`, ...hostOptions(played, container.node), ...own];
  return execa('sh', ['-c', words.join(' ')], { reject: false, stdin: 'ignore' });
}

async function check(
  played: Played,
  nodes: readonly Node[],
  docker: Docker,
  patience: Patience,
): Promise<void> {
  const one = (role: string): Node => {
    const found = nodes.findLast(({ container }) => container.role === role);
    if (!found) throw failure('cygnus', `there is no ${role}`);
    return found;
  };
  await everyEndpointReached(played, one('maestro'), docker, patience);
  if (one('maestro').isStandIn) {
    remark('The stand-in for maestro configures nothing, so that no data flows: that takes real images.');
  } else {
    await setsArrive(played, one('agg'), docker, patience);
  }
  await webAnswers(played, { ui: one('ui'), grafana: one('grafana') });
}
