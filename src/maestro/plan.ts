/** What ldms-maestro starts: etcd, munge if an endpoint asks for it, maestro_ctrl once, and maestro. */
import { sha256 } from '../digest.ts';
import { planEtcd } from '../etcd/plan.ts';
import type { Given } from '../given.ts';
import type { Host } from '../host.ts';
import { readLdmsConfig } from '../ldmscfg/read.ts';
import { readMounted, unmet } from '../mounted.ts';
import { planMunge } from '../munge/plan.ts';
import { mungeWanted } from '../munge/wanted.ts';
import type { Election, Notice, Peers, Plan, Requirement, Task } from '../plan.ts';

/** The file that describes the cluster; the user mounts it. */
const configPath = '/etc/ldms_cfg.yaml';
/** Where maestro and maestro_ctrl find etcd; we write it. */
const clusterPath = '/run/ldms-entrypoint/cluster.yaml';

/** Plans all of it: etcd and munge side by side, then maestro_ctrl, then maestro. */
export async function planMaestro(given: Given): Promise<Plan> {
  const { settings, host, answers, args } = given;
  const config = await lookAtConfig(host);
  const wanted = mungeWanted(config.auths, settings.munge);
  const munge = wanted ? planMunge(wanted, settings, host, answers['munge socket']) : undefined;
  const cluster = host.path(clusterPath);
  const etcd = planEtcd(settings, host, cluster, answers.members);
  const election = etcd.peers && electionOf(given, etcd.url, etcd.peers);
  const where = ['--prefix', settings.maestroPrefix, '--cluster', cluster];
  const env = host.env['PYTHONUNBUFFERED'] ? {} : { PYTHONUNBUFFERED: '1' };
  return {
    mode: 'maestro',
    notices: given.again
      ? config.notices
      : [...ignored(args), ...config.notices, ...etcd.notices, ...(munge?.notices ?? [])],
    requirements: given.again
      ? config.requirements
      : [...config.requirements, ...etcd.requirements, ...(munge?.requirements ?? [])],
    services: [...etcd.services, ...(munge?.services ?? [])],
    tasks: [putIntoEtcd(given, where, env, etcd.url)],
    main: { program: 'maestro', args: where, env },
    handoff: 'supervise',
    mark: 'maestro',
    questions: given.again ? [] : [...(munge?.questions ?? []), ...etcd.questions],
    health: {
      listeners: [],
      etcd: etcd.url,
      ...(munge && { mungeSocket: munge.socket }),
      ...(election && { election: forHealth(election) }),
    },
    ...(election && { election }),
  };
}

/** Which of the members runs maestro; undefined where there is no file that it could put in force. */
function electionOf({ settings, host }: Given, url: string, peers: Peers): Election | undefined {
  const config = host.path(configPath);
  const bytes = host.read(config);
  if (!Buffer.isBuffer(bytes)) return undefined;
  return {
    url,
    prefix: `ldms-entrypoint/${settings.maestroPrefix}/`,
    peers,
    leaseMs: settings.maestroLeaseMs,
    config,
    digest: sha256(bytes),
  };
}

const forHealth = ({ prefix, peers }: Election) => ({
  prefix,
  member: peers.self.name,
  members: peers.all.map(({ name }) => name),
});

/** Arguments have no meaning here, as the images have always had it; who gives some should know. */
function ignored(args: readonly string[]): Notice[] {
  if (args.length === 0) return [];
  const text = `the arguments ${args.map((arg) => JSON.stringify(arg)).join(' ')} are ignored: maestro takes all from ${configPath}`;
  return [{ level: 'warn', text }];
}

/** What the user's file asks for, and what is wrong with it. */
interface Config {
  readonly requirements: readonly Requirement[];
  readonly notices: readonly Notice[];
  readonly auths: readonly { plugin: string; args: readonly string[]; from: string }[];
}

// Of a file that is something else altogether, nobody reads a thousand lines.
const mostWarnings = 50;

async function lookAtConfig(host: Host): Promise<Config> {
  const path = host.path(configPath);
  const text = readMounted(path, configPath, 'ldms_cfg.yaml', host);
  if (typeof text !== 'string') {
    return { requirements: [{ what: configPath, problem: text }], notices: [], auths: [] };
  }
  const { mistakes, warnings, cluster } = await readLdmsConfig(text);
  const at = ({ line, column }: { line: number; column: number }) => `${line}:${column}`;
  const wrong = unmet(
    path,
    mistakes.map((mistake) => ({ at: at(mistake), text: mistake.text })),
  );
  const daemons = cluster?.groups.flatMap(({ names }) => names).length ?? 0;
  const endpoints = cluster?.groups.flatMap((group) => group.endpoints) ?? [];
  return {
    requirements: wrong.length > 0 ? wrong : [{ what: path, found: `${daemons} daemons` }],
    notices: warnings
      .slice(0, mostWarnings)
      .map((warning) => ({ level: 'warn', text: `${path}:${at(warning)}: ${warning.text}` })),
    auths: endpoints.map(({ auth, at: where }) => ({
      plugin: auth.plugin,
      args: [],
      from: `line ${(auth.at ?? where).line} of ${path}`,
    })),
  };
}

/**
 * maestro_ctrl, judged by what it says and leaves: its exit status is 0 even when nothing was saved
 * (ovis-hpc/maestro scripts/maestro_ctrl; the line that it ends with was another in older versions).
 */
function putIntoEtcd(
  { settings, host }: Given,
  where: readonly string[],
  env: Record<string, string>,
  url: string,
): Task {
  const prefix = `/${settings.maestroPrefix}`;
  return {
    name: 'maestro_ctrl',
    command: {
      program: 'maestro_ctrl',
      args: [...where, '--ldms_config', host.path(configPath)],
      env,
    },
    limitMs: settings.maestroCtrlTimeoutMs,
    saysDone: 'configuration saved to etcd cluster',
    saysFailed: '^Error ',
    leaves: { url, prefix: `${prefix}/`, key: `${prefix}/last_updated` },
    ifNot: {
      kind: 'maestro',
      what: `maestro_ctrl did not put ${host.path(configPath)} into etcd`,
      remedy: 'see what it said in the lines above',
    },
  };
}
