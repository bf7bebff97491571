/**
 * The settings of ldms-entrypoint. Arguments belong to the daemons, so every setting of our own
 * is an environment variable, and every one is a row of the table below; `--help` and
 * docs/settings.md are made from it.
 */
import { isAbsolute } from 'node:path';
import leven from 'leven';
import type { Problem } from './problem.ts';

/** All settings, parsed; durations in milliseconds. */
export interface Settings {
  /** Put before every absolute path of ours; empty in a container. */
  readonly root: string;
  readonly munge: 'auto' | 'host' | 'container' | 'off';
  readonly mungeTimeoutMs: number;
  /** The soft limit on open files that the daemon gets; undefined: as Node leaves it. */
  readonly nofile: number | undefined;
  /** The variables that get the number in the host's name; undefined: none. */
  readonly componentId: readonly string[] | undefined;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat: 'auto' | 'json' | 'text';
  readonly health: 'quick' | 'deep';
  readonly healthTimeoutMs: number;
  readonly supervise: boolean;
  readonly stopTimeoutMs: number;
  /** How often in a row a service may die before the container fails. */
  readonly restartLimit: number;
  readonly etcdDataDir: string;
  readonly etcdTimeoutMs: number;
  /** The port of loopback on which etcd serves maestro. */
  readonly etcdPort: number;
  readonly maestroPrefix: string;
  /** The hosts of several maestro containers, or the path of a file that has them; undefined: maestro is alone. */
  readonly maestroMembers: string | undefined;
  /** Which of them this one is; undefined: found from the host's names and addresses. */
  readonly maestroMember: string | undefined;
  /** For how long who leads may not be heard of before another member takes over. */
  readonly maestroLeaseMs: number;
  readonly etcdPeerPort: number;
  /** Paths of PEM files: the certificate that a member shows to the others, its key, and who has signed theirs. */
  readonly etcdPeerCert: string | undefined;
  readonly etcdPeerKey: string | undefined;
  readonly etcdPeerCa: string | undefined;
  readonly maestroCtrlTimeoutMs: number;
  readonly dsosd: boolean;
  /** Whether python3 parses the ui's settings.py beforehand. */
  readonly uiSettingsCheck: boolean;
  /** Where grafana's data source finds the ui container; undefined: none is provisioned. */
  readonly dsosdsUrl: string | undefined;
}

const prefix = 'LDMS_ENTRYPOINT_';

/** A row of the table. */
export interface Setting {
  readonly key: keyof Settings;
  /** The environment variable. */
  readonly name: `LDMS_ENTRYPOINT_${string}`;
  /** The value in force when the variable is unset or empty, as a person would write it. */
  readonly fallback: string;
  /** What values it takes, for a person. */
  readonly takes: string;
  readonly meaning: string;
  /** The parsed value, or undefined for a malformed one. */
  readonly parse: (text: string) => Settings[keyof Settings] | undefined;
}

const oneOf =
  (...words: string[]) =>
  (text: string) =>
    (words.includes(text) ? text : undefined) as Settings[keyof Settings] | undefined;

const yesOrNo = (text: string) =>
  /^(1|yes|true)$/.test(text) ? true : /^(0|no|false)$/.test(text) ? false : undefined;

/** `500ms`, `10s`, `2m`, or a plain number of seconds; more than 0 and at most a day. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  if (!match) return undefined;
  const unit = { ms: 1, s: 1000, m: 60_000 }[match[2] ?? 's'] ?? 1000;
  const ms = Math.round(Number(match[1]) * unit);
  return ms > 0 && ms <= 86_400_000 ? ms : undefined;
}

/** A URL to put paths behind: without a user and password, and without a query. */
function parseUrl(text: string): string | undefined {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return undefined;
  const { username, password, search, hash } = new URL(text);
  return username || password || search || hash ? undefined : text;
}

/** Names of variables, none of them a setting of ours. */
function parseVariables(text: string): readonly string[] | undefined {
  const names = [...new Set(text.split(','))];
  return names.every((name) => /^[A-Za-z_]\w*$/.test(name) && !name.startsWith(prefix)) ? names : undefined;
}

const parsePath = (text: string) => (isAbsolute(text) ? text : undefined);

const parsePort = (text: string) =>
  /^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65_536 ? Number(text) : undefined;

// etcd counts leases in seconds, and grants none that is shorter than one and a half elections.
const shortestLeaseMs = 2000;
const longestLeaseMs = 60_000;

function parseLease(text: string): number | undefined {
  const ms = parseDuration(text) ?? 0;
  return ms % 1000 === 0 && ms >= shortestLeaseMs && ms <= longestLeaseMs ? ms : undefined;
}

const aDuration = 'a duration such as 500ms, 10s, 2m, or a number of seconds';

/** Every setting that there is. */
export const settingsTable: readonly Setting[] = [
  {
    key: 'root',
    name: 'LDMS_ENTRYPOINT_ROOT',
    fallback: '',
    takes: 'an absolute path',
    meaning:
      'local mode: every absolute path that we read or create lies below this directory (not /proc, programs, or files that your own arguments name)',
    parse: (text) => (isAbsolute(text) ? text.replace(/\/+$/, '') : undefined),
  },
  {
    key: 'munge',
    name: 'LDMS_ENTRYPOINT_MUNGE',
    fallback: 'auto',
    takes: 'auto, host, container or off',
    meaning:
      "auto: prepare munge when the arguments ask for it; host: use the host's munged, always; container: start our own, always; off: leave munge alone",
    parse: oneOf('auto', 'host', 'container', 'off'),
  },
  {
    key: 'mungeTimeoutMs',
    name: 'LDMS_ENTRYPOINT_MUNGE_TIMEOUT',
    fallback: '10s',
    takes: aDuration,
    meaning: 'how long munge may take to encode and decode a first credential',
    parse: parseDuration,
  },
  {
    key: 'nofile',
    name: 'LDMS_ENTRYPOINT_NOFILE',
    fallback: '',
    takes: 'a number of files',
    meaning:
      "the daemon's soft limit on open files; unset: the hard limit, because Node raises the soft one to it",
    parse: (text) => (/^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined),
  },
  {
    key: 'componentId',
    name: 'LDMS_ENTRYPOINT_COMPONENT_ID',
    fallback: '',
    takes: 'the name of a variable, or several joined by commas',
    meaning:
      "samp, agg: give ldmsd each of these, unless it is set, with the last number in the host name before the first dot (nid00100: 100); a container has its node's host name with docker --network=host or Kubernetes hostNetwork",
    parse: parseVariables,
  },
  {
    key: 'logLevel',
    name: 'LDMS_ENTRYPOINT_LOG_LEVEL',
    fallback: 'info',
    takes: 'debug, info, warn or error',
    meaning: 'the least important lines of ours that reach stderr',
    parse: oneOf('debug', 'info', 'warn', 'error'),
  },
  {
    key: 'logFormat',
    name: 'LDMS_ENTRYPOINT_LOG_FORMAT',
    fallback: 'auto',
    takes: 'auto, json or text',
    meaning: 'json: one JSON object a line; text: for people; auto: text on a terminal, json elsewhere',
    parse: oneOf('auto', 'json', 'text'),
  },
  {
    key: 'health',
    name: 'LDMS_ENTRYPOINT_HEALTH',
    fallback: 'quick',
    takes: 'quick or deep',
    meaning: 'quick: listening ports and munge answer; deep: ldms_ls is asked as well',
    parse: oneOf('quick', 'deep'),
  },
  {
    key: 'healthTimeoutMs',
    name: 'LDMS_ENTRYPOINT_HEALTH_TIMEOUT',
    fallback: '5s',
    takes: aDuration,
    meaning: 'after this long without an answer, health says unhealthy',
    parse: parseDuration,
  },
  {
    key: 'supervise',
    name: 'LDMS_ENTRYPOINT_SUPERVISE',
    fallback: '0',
    takes: '1 or 0',
    meaning:
      '1: stay as the leader process of any mode: forward signals, reap zombies, and start munged again when it dies (maestro always does)',
    parse: yesOrNo,
  },
  {
    key: 'stopTimeoutMs',
    name: 'LDMS_ENTRYPOINT_STOP_TIMEOUT',
    fallback: '8s',
    takes: aDuration,
    meaning:
      "when we supervise: how long a stop may take in all before whatever is left is killed; docker's own limit is 10 s (docker stop -t)",
    parse: parseDuration,
  },
  {
    key: 'restartLimit',
    name: 'LDMS_ENTRYPOINT_RESTART_LIMIT',
    fallback: '5',
    takes: 'a number from 0 to 1000',
    meaning:
      'when we supervise: how many times in a row a service (etcd, munged, rpcbind, dsosd) is started again; at its next death the container fails',
    parse: (text) => (/^(\d{1,3}|1000)$/.test(text) ? Number(text) : undefined),
  },
  {
    key: 'etcdDataDir',
    name: 'LDMS_ENTRYPOINT_ETCD_DATA_DIR',
    fallback: '/var/lib/etcd',
    takes: 'an absolute path',
    meaning:
      "maestro: where etcd keeps its data; etcd's own ETCD_DATA_DIR has precedence, as has every ETCD_*",
    parse: parsePath,
  },
  {
    key: 'etcdTimeoutMs',
    name: 'LDMS_ENTRYPOINT_ETCD_TIMEOUT',
    fallback: '60s',
    takes: aDuration,
    meaning: 'maestro: how long etcd may take to become healthy',
    parse: parseDuration,
  },
  {
    key: 'maestroPrefix',
    name: 'LDMS_ENTRYPOINT_MAESTRO_PREFIX',
    fallback: 'maestro',
    takes: 'a name without a slash, and no dash in front',
    meaning: 'maestro: what every key of this configuration begins with in etcd (--prefix)',
    parse: (text) => (/^[^/\s-][^/\s]*$/.test(text) ? text : undefined),
  },
  {
    key: 'maestroCtrlTimeoutMs',
    name: 'LDMS_ENTRYPOINT_MAESTRO_CTRL_TIMEOUT',
    fallback: '60s',
    takes: aDuration,
    meaning: 'maestro: how long maestro_ctrl may take to put ldms_cfg.yaml into etcd',
    parse: parseDuration,
  },
  {
    key: 'etcdPort',
    name: 'LDMS_ENTRYPOINT_ETCD_PORT',
    fallback: '2379',
    takes: 'a port',
    meaning:
      'maestro: the port of loopback on which its etcd serves it (ETCD_LISTEN_CLIENT_URLS has precedence)',
    parse: parsePort,
  },
  {
    key: 'maestroMembers',
    name: 'LDMS_ENTRYPOINT_MAESTRO_MEMBERS',
    fallback: '',
    takes: 'host names or addresses joined by commas, or the absolute path of a file of them',
    meaning:
      'maestro: several containers as one, with the same value on each of three or five hosts: their etcds form a cluster, and the one that is elected runs maestro (HOST:PORT where the peer port is another one); unset: maestro is alone',
    parse: (text) => (/^\/|^[^\s,/]+(\s*,\s*[^\s,/]+)*$/.test(text) ? text : undefined),
  },
  {
    key: 'maestroMember',
    name: 'LDMS_ENTRYPOINT_MAESTRO_MEMBER',
    fallback: '',
    takes: 'one of the members',
    meaning:
      "maestro: which of LDMS_ENTRYPOINT_MAESTRO_MEMBERS this container is; unset: the one that has this host's name or address",
    parse: (text) => (/^[^\s,/]+$/.test(text) ? text : undefined),
  },
  {
    key: 'maestroLeaseMs',
    name: 'LDMS_ENTRYPOINT_MAESTRO_LEASE',
    fallback: '2s',
    takes: 'whole seconds from 2s to 60s',
    meaning:
      'maestro: how long the member that leads may be silent before another takes over, the same on all; etcd is timed by it too (ETCD_ELECTION_TIMEOUT and ETCD_HEARTBEAT_INTERVAL have precedence); 5s or more for networks with more than 10 ms from member to member, or slow disks',
    parse: parseLease,
  },
  {
    key: 'etcdPeerPort',
    name: 'LDMS_ENTRYPOINT_ETCD_PEER_PORT',
    fallback: '2380',
    takes: 'a port',
    meaning: "maestro: the port on which the members' etcds listen to each other",
    parse: parsePort,
  },
  {
    key: 'etcdPeerCert',
    name: 'LDMS_ENTRYPOINT_ETCD_PEER_CERT',
    fallback: '',
    takes: 'an absolute path',
    meaning:
      "maestro: this member's certificate (PEM), for mutual TLS between the members; goes with LDMS_ENTRYPOINT_ETCD_PEER_KEY and LDMS_ENTRYPOINT_ETCD_PEER_CA",
    parse: parsePath,
  },
  {
    key: 'etcdPeerKey',
    name: 'LDMS_ENTRYPOINT_ETCD_PEER_KEY',
    fallback: '',
    takes: 'an absolute path',
    meaning: "maestro: the certificate's key (PEM)",
    parse: parsePath,
  },
  {
    key: 'etcdPeerCa',
    name: 'LDMS_ENTRYPOINT_ETCD_PEER_CA',
    fallback: '',
    takes: 'an absolute path',
    meaning: 'maestro: the certificate of who has signed those of the members (PEM)',
    parse: parsePath,
  },
  {
    key: 'dsosd',
    name: 'LDMS_ENTRYPOINT_DSOSD',
    fallback: '0',
    takes: '1 or 0',
    meaning:
      "agg: 1: run dsosd with /etc/dsosd.json beside ldmsd, after rpcbind unless the host's answers on port 111; both are started again when they die",
    parse: yesOrNo,
  },
  {
    key: 'uiSettingsCheck',
    name: 'LDMS_ENTRYPOINT_UI_SETTINGS_CHECK',
    fallback: '1',
    takes: '1 or 0',
    meaning:
      'ui: 0: do not have python3 parse settings.py first, which takes as long as python3 takes to start',
    parse: yesOrNo,
  },
  {
    key: 'dsosdsUrl',
    name: 'LDMS_ENTRYPOINT_DSOSDS_URL',
    fallback: '',
    takes: 'an http:// or https:// URL without user, password and query',
    meaning:
      'grafana: provision a data source for the dsosds plugin that asks the ui container at this URL, such as http://cygnus-07 (/grafana is put behind it if it has no path)',
    parse: parseUrl,
  },
];

/**
 * Reads the settings from an environment.
 *
 * An empty variable counts as unset, as compose files write `${X:-}`.
 *
 * @returns the settings, with the defaults in place of malformed ones, and a problem that names every
 *   wrong variable and lists the valid ones
 */
export function readSettings(env: NodeJS.ProcessEnv): { settings: Settings; problem?: Problem } {
  const wrong: string[] = [];
  const settings: Record<string, unknown> = {};
  for (const { key, name, fallback, takes, parse } of settingsTable) {
    const given = env[name] || fallback;
    const unset = key === 'root' ? '' : undefined;
    const read = (text: string) => (text === '' ? unset : parse(text));
    const value = read(given);
    const malformed = value === undefined && given !== '';
    if (malformed) wrong.push(`${name}=${withoutPassword(given)} is not ${takes}`);
    settings[key] = malformed ? read(fallback) : value;
  }
  for (const name of Object.keys(env)) {
    if (name.startsWith(prefix) && !settingsTable.some((row) => row.name === name)) {
      const meant = nearest(name);
      wrong.push(`${name} is not a setting${meant ? ` (did you mean ${meant}?)` : ''}`);
    }
  }
  // The table has one row for each key of Settings, which a unit test holds.
  const read = { settings: settings as unknown as Settings };
  if (wrong.length === 0) return read;
  return {
    ...read,
    problem: {
      kind: 'usage',
      what: `cannot use the settings: ${wrong.join('; ')}`,
      remedy: `the settings are ${settingsTable.map((row) => row.name).join(', ')} (see ldms-entrypoint --help)`,
    },
  };
}

/** No setting has an at sign in it: what stands before one is somebody's password. */
const withoutPassword = (given: string): string => given.replace(/^([a-z]+:\/\/)?.*@/is, '$1***@');

/** The setting that a misspelt name must mean: at most two letters off, and no other as near. */
function nearest(name: string): string | undefined {
  const bare = (text: string) => text.slice(prefix.length).replaceAll('_', '');
  const near = settingsTable
    .map((row) => ({ name: row.name, off: leven(bare(name), bare(row.name)) }))
    .filter(({ off }) => off <= 2)
    .sort((a, b) => a.off - b.off);
  const [first, second] = near;
  return first && first.off !== second?.off ? first.name : undefined;
}
