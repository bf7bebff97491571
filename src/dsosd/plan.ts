/** dsosd, which serves SOS containers to other hosts, and rpcbind, by which it is found there. */
import type { Host } from '../host.ts';
import { readMounted, unmet } from '../mounted.ts';
import type { Notice, Requirement, Service } from '../plan.ts';
import type { Problem } from '../problem.ts';
import { needsProgram } from '../programs.ts';
import { readDirectory, shape } from './directory.ts';

/** What a mode adds to its plan for dsosd. */
export interface DsosdPlan {
  readonly notices: readonly Notice[];
  readonly requirements: readonly Requirement[];
  readonly services: readonly Service[];
}

/** The directory file; the user mounts it. */
const ownPath = '/etc/dsosd.json';
/** Where every rpcbind listens, and is asked for. */
const rpcbindPort = 111;
const startMs = 10_000;
// Both end within two milliseconds of SIGTERM (rpcbind was measured; dsosd does not catch it).
const graceMs = 500;

/** Plans dsosd, and rpcbind unless somebody plays it already. */
export function planDsosd(host: Host): DsosdPlan {
  const given = host.env['DSOSD_DIRECTORY'] || undefined;
  const path = given ?? host.path(ownPath);
  const directory = lookAtDirectory(path, given ?? ownPath, host);
  const rpcbind = planRpcbind(host);
  return {
    notices: directory.notices,
    requirements: [
      ...directory.requirements,
      needs('dsosd', 'use an image that has SOS in /opt/ovis, and /opt/ovis/bin in PATH', host),
      ...rpcbind.requirements,
    ],
    services: [
      rpcbind.service,
      {
        name: 'dsosd',
        // It registers with rpcbind at its start, and ends if it cannot.
        after: [rpcbind.service.name],
        start: {
          command: { program: 'dsosd', args: [], env: { DSOSD_DIRECTORY: path } },
          files: [],
          discard: [],
          graceMs,
        },
        ready: { kind: 'runs', deadlineMs: startMs },
        ifNot: {
          kind: 'dsosd',
          what: 'cannot use dsosd',
          remedy: 'see what it said in the lines above',
        },
      },
    ],
  };
}

function lookAtDirectory(
  path: string,
  mountedAt: string,
  host: Host,
): { requirements: Requirement[]; notices: Notice[] } {
  const what = `dsosd's directory file ${path}`;
  const text = readDirectoryFile(path, mountedAt, host);
  if (typeof text !== 'string') return { requirements: [{ what, problem: text }], notices: [] };
  const { hosts, mistakes } = readDirectory(text);
  if (mistakes.length === 0) {
    return {
      requirements: [{ what, found: hosts.length === 1 ? '1 host' : `${hosts.length} hosts` }],
      notices: isNamed(path, hosts, host),
    };
  }
  const placed = mistakes.map(({ line, column, text: wrong }) => ({ at: `${line}:${column}`, text: wrong }));
  return { requirements: unmet(path, placed), notices: [] };
}

function readDirectoryFile(path: string, mountedAt: string, host: Host): string | Problem {
  const text = readMounted(path, mountedAt, 'dsosd.json', host);
  if (typeof text !== 'string' || text.trim() !== '') return text;
  return {
    kind: 'configuration',
    what: `cannot use ${path}: it is empty`,
    remedy: `write into it what dsosd serves: ${shape}`,
  };
}

const mostHosts = 10;

/** Whether the file has something for this dsosd, which tells nobody if it has not. */
function isNamed(path: string, hosts: readonly string[], host: Host): Notice[] {
  const given = host.env['DSOSD_SERVER_ID'];
  const hostname = host.read('/proc/sys/kernel/hostname');
  const own = given ?? (Buffer.isBuffer(hostname) ? hostname.toString().trim() : undefined);
  if (own === undefined || hosts.includes(own)) return [];
  const names = hosts.slice(0, mostHosts).join(', ') + (hosts.length > mostHosts ? ', ...' : '');
  const who = given === undefined ? `this host, ${own}` : `DSOSD_SERVER_ID=${own}`;
  const has = hosts.length === 0 ? 'it has none at all' : `it has ${names}`;
  const text = `${path} has no entry for ${who} (${has}), so dsosd takes every container's name for its path; say which entry is meant: docker run --hostname NAME, or -e DSOSD_SERVER_ID=NAME`;
  return [{ level: 'warn', text }];
}

const needs = (name: string, remedy: string, host: Host): Requirement =>
  needsProgram(name, host, (why) => ({ kind: 'dsosd', what: `cannot start ${name}: it is ${why}`, remedy }));

/** rpcbind of our own, or whoever has its port already: with --network=host, mostly the host's. */
function planRpcbind(host: Host): { requirements: readonly Requirement[]; service: Service } {
  const ready = { kind: 'tcp', host: '127.0.0.1', port: rpcbindPort, deadlineMs: startMs } as const;
  const taken = host.listening().find(({ port }) => port === rpcbindPort);
  if (taken) {
    const found = `somebody listens on ${taken.address}:${rpcbindPort} already, and is used`;
    return {
      requirements: [{ what: 'rpcbind', found }],
      service: {
        name: "the host's rpcbind",
        ready,
        ifNot: {
          kind: 'dsosd',
          what: `cannot use the rpcbind that listens on ${taken.address}:${rpcbindPort}: it did not accept a connection within ${startMs / 1000} s`,
          remedy: 'on the host: systemctl restart rpcbind.socket rpcbind',
        },
      },
    };
  }
  return {
    requirements: [
      needs('rpcbind', 'install it in the image: apt-get install rpcbind', host),
      ...mayRunRpcbind(host),
    ],
    service: {
      name: 'rpcbind',
      start: { command: { program: 'rpcbind', args: ['-f'] }, files: [], discard: [], graceMs },
      ready,
      ifNot: {
        kind: 'dsosd',
        what: `cannot use rpcbind: it did not accept a connection within ${startMs / 1000} s`,
        remedy: 'it tells only syslog why, so give it the one of the host: docker run -v /dev/log:/dev/log',
      },
      hints: [
        {
          says: 'another rpcbind is already running',
          remedy:
            "it has the lock in /run: leave out the mount of the host's /run, or use its rpcbind with --network=host",
        },
      ],
    },
  };
}

/**
 * What rpcbind needs. Where it is denied something, it ends without a word; without
 * CAP_NET_BIND_SERVICE it even stays, and listens nowhere.
 */
function mayRunRpcbind(host: Host): Requirement[] {
  const bad = (why: string, remedy: string): Requirement[] => [
    {
      what: 'rights to run rpcbind',
      problem: { kind: 'dsosd', what: `cannot start rpcbind: ${why}`, remedy },
    },
  ];
  const other = "or use the host's rpcbind: docker run --network=host";
  if (host.uid !== 0)
    return bad(`it runs for root only, not for uid ${host.uid}`, `leave out --user, ${other}`);
  const account = ['_rpc', 'rpc'].flatMap((name) => host.user(name) ?? [])[0];
  if (account && !host.hasUid(account.uid)) {
    return bad(
      `it changes to the user ${account.name}, uid ${account.uid}, which this user namespace does not have`,
      `give it more users (subuid(5)), ${other}`,
    );
  }
  const names = lacking(host);
  if (names.length === 0) return [];
  return bad(
    `the container lacks ${names.map((name) => `CAP_${name}`).join(' and ')}`,
    `docker run ${names.map((name) => `--cap-add=${name}`).join(' ')}, ${other}`,
  );
}

/** The capabilities that root lacks: to listen on port 111, to change to the user _rpc, and to end what is that user's. */
function lacking(host: Host): string[] {
  const start = host.read('/proc/sys/net/ipv4/ip_unprivileged_port_start');
  const isOpen = Buffer.isBuffer(start) && Number(start.toString()) <= rpcbindPort;
  const needed: readonly (readonly [bit: bigint, name: string])[] = [
    [7n, 'SETUID'],
    [6n, 'SETGID'],
    [5n, 'KILL'],
    ...(isOpen ? [] : ([[10n, 'NET_BIND_SERVICE']] as const)),
  ];
  return needed.filter(([bit]) => !((host.capabilities() >> bit) & 1n)).map(([, name]) => name);
}
