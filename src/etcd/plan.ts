/** The container's own etcd: what it needs, and how it is started. */
import { dirname, join } from 'node:path';
import type { Host, TcpAddress } from '../host.ts';
import { whyNoRoom } from '../nearest.ts';
import type { Answers, Notice, Peers, Question, Requirement, Service } from '../plan.ts';
import { errnoWords, type Problem } from '../problem.ts';
import { roomFor } from '../process/files.ts';
import { needsProgram } from '../programs.ts';
import { type Settings, settingsTable } from '../settings.ts';
import { authority } from './members.ts';
import { type Peering, planPeers } from './peering.ts';
import { hintsOfSeveral, optionsOfSeveral } from './several.ts';

/** What a mode adds to its plan for etcd. */
export interface EtcdPlan {
  readonly notices: readonly Notice[];
  readonly requirements: readonly Requirement[];
  readonly services: readonly Service[];
  readonly questions: readonly Question[];
  /** Where clients reach it: `http://127.0.0.1:2379`. */
  readonly url: string;
  /** With whom it forms a cluster; absent where it is alone, and while that cannot be told. */
  readonly peers?: Peers;
}

// etcd needs 2 to 5 ms to end after SIGTERM (measured).
const graceMs = 2000;
// A configuration of 10,000 hosts is some MB, and etcd takes 1.5 unless told otherwise; of more than this it warns.
const mostBytesOfRequest = 10 * 1024 * 1024;

/**
 * Plans an etcd: one alone, or a member of a cluster where there is LDMS_ENTRYPOINT_MAESTRO_MEMBERS.
 *
 * Whatever the user has set by an ETCD_* variable is left to that variable: etcd refuses an option
 * whose variable is set as well ("shadowed").
 *
 * @param clusterFile where to write the file by which maestro and maestro_ctrl find it
 * @param answers those of the question 'members', once it has been asked
 */
export function planEtcd(
  settings: Settings,
  host: Host,
  clusterFile: string,
  answers?: Answers['members'],
): EtcdPlan {
  const { env } = host;
  const usual = { address: '127.0.0.1', port: settings.etcdPort };
  const usualUrl = `http://${usual.address}:${usual.port}`;
  const listens = env['ETCD_LISTEN_CLIENT_URLS'] || usualUrl;
  const client = clientUrl(listens, usualUrl);
  const directory = env['ETCD_DATA_DIR'] || host.path(settings.etcdDataDir);
  const several = settings.maestroMembers !== undefined;
  const peering = several ? planPeers(settings, host, answers) : alone(settings);
  const { peers } = peering;
  const options = {
    ...defaults(listens, directory, env),
    ...(peers && optionsOfSeveral(peers, settings, env)),
  };
  const told = Object.entries(options).map(([option, value]) => ({
    option: `--${option}=${value}`,
    name: `ETCD_${option.toUpperCase().replaceAll('-', '_')}`,
    value,
  }));
  const args = told.flatMap(({ option, name }) => (env[name] === undefined ? [option] : []));
  // An empty variable counts as unset for us, but not for etcd: it clashes with the option all the same.
  const emptied = told.filter(({ name }) => env[name] === '').map(({ name, value }) => [name, value]);
  const { address, port } = 'kind' in client ? usual : client;
  const url = `http://${address}:${port}`;
  const service: Service = {
    name: 'etcd',
    carriesMain: true,
    start: {
      command: { program: 'etcd', args, env: Object.fromEntries(emptied) },
      files: [
        { do: 'directory', path: dirname(directory), mode: 0o755, mend: false },
        { do: 'directory', path: dirname(clusterFile), mode: 0o755, mend: false },
        { do: 'write', path: clusterFile, text: clusterYaml(address, port), mode: 0o644 },
      ],
      discard: [],
      graceMs,
      ...(peers && { joins: { peers, directory } }),
    },
    ...waitedFor(url, peers, directory, settings),
    hints: [...(peers ? hintsOfSeveral(directory, peers) : []), ...hints(directory)],
  };
  return {
    url,
    ...(peers && { peers }),
    questions: peering.questions,
    notices: [...exposed(listens), ...peering.notices],
    requirements: [
      needsEtcd(host),
      ...peering.requirements,
      ...('kind' in client
        ? [{ what: "etcd's client URL", problem: client }]
        : portIsFree(client, '-e ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:PORT', host)),
      ...(peers ? portIsFree(peers.listen, 'LDMS_ENTRYPOINT_ETCD_PEER_PORT on all members', host) : []),
      ...ownConfigFile(env),
      ...dataDirectory(directory, host),
      ...roomFor(dirname(clusterFile), host),
    ],
    // Without its peers it would be another etcd altogether.
    services: several && !peers ? [] : [service],
  };
}

/** When it is ready: of several, before there is a quorum of them. */
function waitedFor(
  url: string,
  peers: Peers | undefined,
  directory: string,
  { etcdTimeoutMs: deadlineMs }: Settings,
): Pick<Service, 'ready' | 'ifNot'> {
  const within = `within ${deadlineMs / 1000} s`;
  const remedy = `see that no other etcd uses ${directory}, whose lock it would wait for without a word; LDMS_ENTRYPOINT_ETCD_TIMEOUT allows more time`;
  if (peers) {
    const what = `cannot use etcd: it did not serve the other members ${within}`;
    return { ready: { kind: 'member', peers, deadlineMs }, ifNot: { kind: 'etcd', what, remedy } };
  }
  const what = `cannot use etcd: it was not healthy ${within}`;
  return { ready: { kind: 'etcd', url, deadlineMs }, ifNot: { kind: 'etcd', what, remedy } };
}

/** Settings of several that count for nothing alone. */
function alone(settings: Settings): Peering {
  const idle = settingsTable.filter(({ key }) => ofSeveral.includes(key) && settings[key] !== undefined);
  const names = idle.map(({ name }) => name).join(', ');
  const text = `without LDMS_ENTRYPOINT_MAESTRO_MEMBERS maestro is alone, and ${names} counts for nothing`;
  return { requirements: [], questions: [], notices: idle.length > 0 ? [{ level: 'warn', text }] : [] };
}

const ofSeveral: readonly (keyof Settings)[] = ['maestroMember', 'etcdPeerCert', 'etcdPeerKey', 'etcdPeerCa'];

/** A cluster file of maestro's: it uses the first member only. */
const clusterYaml = (address: string, port: number): string =>
  `cluster: ldms\nmembers:\n  - host: "${address}"\n    port: ${port}\n`;

/** What etcd is told by options unless the user's variables say otherwise. */
function defaults(listens: string, directory: string, env: NodeJS.ProcessEnv): Record<string, string> {
  // A member on its own waits for nobody's vote but its own, and for that up to two election times.
  const alone = !env['ETCD_HEARTBEAT_INTERVAL'] && !env['ETCD_INITIAL_CLUSTER'];
  return {
    'data-dir': directory,
    'listen-client-urls': listens,
    // etcd demands the one with the other.
    'advertise-client-urls': listens,
    // It insists on a listener for peers: a free port on loopback is one that nobody meets.
    'listen-peer-urls': 'http://127.0.0.1:0',
    ...(alone && { 'election-timeout': '500' }),
    // Each start writes the whole configuration: without this, the history would fill etcd's quota of 2 GB.
    ...(!env['ETCD_AUTO_COMPACTION_MODE'] && { 'auto-compaction-retention': '1h' }),
    'max-request-bytes': `${mostBytesOfRequest}`,
    logger: 'zap',
    'log-level': 'warn',
  };
}

/** The address by which maestro and we reach it: the first without TLS, on loopback if there is one there. */
function clientUrl(listens: string, usualUrl: string): TcpAddress | Problem {
  const plain = listens.split(',').flatMap((text) => parseUrl(text.trim()) ?? []);
  const chosen = plain.find(({ address }) => isOnLoopback(address)) ?? plain[0];
  if (chosen) return { ...chosen, address: reachable(chosen.address) };
  return {
    kind: 'configuration',
    what: `cannot use ETCD_LISTEN_CLIENT_URLS=${listens}: none of it is an http:// URL with an address, and maestro speaks no TLS to etcd`,
    remedy: `add ${usualUrl} to it`,
  };
}

function parseUrl(text: string): TcpAddress | undefined {
  const match = /^http:\/\/(\[[0-9a-fA-F:]+\]|[^:/[\]]+):(\d+)\/?$/.exec(text);
  return match?.[1] ? { address: match[1], port: Number(match[2]) } : undefined;
}

const isOnLoopback = (address: string): boolean => /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(address);

/** An address that can be connected to, for one that stands for all. */
const reachable = (address: string): string =>
  address === '0.0.0.0' ? '127.0.0.1' : address === '[::]' ? '[::1]' : address;

function exposed(listens: string): Notice[] {
  const open = listens.split(',').filter((text) => {
    const url = parseUrl(text.trim());
    return url && !isOnLoopback(url.address);
  });
  if (open.length === 0) return [];
  const text = `etcd listens on ${open.join(', ')}, beyond loopback and without authentication: whoever reaches it can change what every ldmsd of the cluster does`;
  return [{ level: 'warn', text }];
}

const needsEtcd = (host: Host): Requirement =>
  needsProgram('etcd', host, (why) => ({
    kind: 'etcd',
    what: `cannot start etcd: it is ${why}`,
    remedy: 'install it in the image: apt-get install etcd-server',
  }));

/** Whether the port is still free: the health of another's etcd there would be taken for that of ours. */
function portIsFree({ address, port }: TcpAddress, another: string, host: Host): Requirement[] {
  const bare = address.replace(/[[\]]/g, '').replace('localhost', '127.0.0.1');
  const all = ['0.0.0.0', '::'];
  const taken = host.listening().find((at) => at.port === port && [bare, ...all].includes(at.address));
  const what = `port ${authority(address.replace(/[[\]]/g, ''), port)} for etcd`;
  if (!taken) return [{ what, found: 'free' }];
  return [
    {
      what,
      problem: {
        kind: 'etcd',
        what: `cannot start etcd: somebody listens on ${taken.address}:${port} already`,
        remedy: `stop the other one (with --network=host it may be the host's, or another maestro container's), or use another port: ${another}`,
      },
    },
  ];
}

/** etcd takes nothing from its environment when it is given a file. */
function ownConfigFile(env: NodeJS.ProcessEnv): Requirement[] {
  if (!env['ETCD_CONFIG_FILE']) return [];
  return [
    {
      what: "etcd's configuration",
      problem: {
        kind: 'configuration',
        what: `cannot use ETCD_CONFIG_FILE=${env['ETCD_CONFIG_FILE']}: with it etcd ignores all other variables, and so the place of its data and its address`,
        remedy: 'set what it says by ETCD_* variables',
      },
    },
  ];
}

function dataDirectory(directory: string, host: Host): Requirement[] {
  const what = `etcd's data directory ${directory}`;
  const bad = (why: string, remedy: string): Requirement[] => [
    { what, problem: { kind: 'etcd', what: `cannot use ${what}: ${why}`, remedy } },
  ];
  const { there, errno } = whyNoRoom(directory, host);
  if (host.look(there).kind !== 'directory') {
    return bad(`${there} is not a directory`, 'name another with LDMS_ENTRYPOINT_ETCD_DATA_DIR');
  }
  if (errno) {
    const volume = `give the container a writable one: docker run -v maestro-etcd:${directory}`;
    return bad(
      `${there}: ${errnoWords(errno)}`,
      errno === 'EACCES' ? `${volume}, which uid ${host.uid} may write to` : volume,
    );
  }
  const holder = host.lockedBy(join(directory, 'member/snap/db'));
  if (holder !== undefined) {
    return bad(
      `process ${holder} uses it, and holds its lock`,
      'stop that one, or name another directory with LDMS_ENTRYPOINT_ETCD_DATA_DIR',
    );
  }
  return [{ what, found: there === directory ? 'writable' : 'to be made' }];
}

// What etcd 3.4 and 3.5 say of each (tried).
const hints = (directory: string): NonNullable<Service['hints']> => [
  {
    says: 'address already in use',
    remedy:
      'stop what has the port, or use another: -e ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:PORT (or the ETCD_LISTEN_PEER_URLS that names it)',
  },
  {
    says: 'bind: permission denied|cannot assign requested address|expected ip in url',
    remedy:
      'give it an address of this container and a port above 1023: -e ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:PORT',
  },
  {
    says: 'alarm:NOSPACE|database space exceeded',
    remedy: `its data has reached etcd's quota: move ${directory} away (the configuration is written anew at each start), or compact and defragment it (etcdctl compact, defrag, alarm disarm)`,
  },
  { says: 'no space left|failed to create wal', remedy: `free some space for ${directory}` },
  {
    says: 'permission denied|read-only file system|cannot access data directory',
    remedy: `give the container a writable ${directory}: docker run -v maestro-etcd:${directory}`,
  },
  {
    says: 'panic: |crc mismatch|corrupt|proto: |unexpected eof|wal[^/]*: |snap[^/]*: |\\.wal\\.broken|invalid database|freepages',
    remedy: `the data in ${directory} is damaged: move it away (the configuration is written anew at each start), or put a snapshot back (etcdctl snapshot restore)`,
  },
];
