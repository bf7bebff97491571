/** The container's own munged: what it needs, and how it is started. */
import { dirname, join } from 'node:path';
import type { Host } from '../host.ts';
import type { FileAction, Notice, Requirement, Service, User } from '../plan.ts';
import type { Problem } from '../problem.ts';
import { directoriesUp, roomFor } from '../process/files.ts';
import type { Settings } from '../settings.ts';
import {
  judgeKey,
  keyPath,
  maySearchOrWrite,
  octal,
  othersMayWrite,
  type UsableKey,
  userWords,
} from './key.ts';
import { needsForMunge } from './programs.ts';
import { defaultSocket } from './wanted.ts';

/** What we keep for munged, readable by it alone: a copied key, and its random seed. */
const privateDirectory = '/run/ldms-entrypoint/munge';

// munged needs about a millisecond to end after SIGTERM (measured: 0.9 ms, 1.7 ms at most).
const graceMs = 500;

/** Plans a munged that serves at `socket`. */
export function planOurMunged(
  socket: string,
  settings: Settings,
  host: Host,
): { notices: Notice[]; requirements: Requirement[]; services: Service[] } {
  const user = userOfMunged(host);
  if ('kind' in user)
    return { notices: [], requirements: [{ what: 'user munge', problem: user }], services: [] };
  const key = judgeKey(host.path(keyPath), user, host);
  const keyRequirement =
    'kind' in key
      ? { what: 'munge key', problem: key }
      : { what: 'munge key', found: key.path + (key.copyBecause ? ', to be copied' : '') };
  const requirements = [
    needsForMunge('munged', host),
    needsForMunge('munge', host),
    needsForMunge('unmunge', host),
    needsForMunge('setpriv', host),
    ...mayChangeUser(user, 'kind' in key ? undefined : key.copyBecause, host),
    keyRequirement,
    ...socketDirectory(socket, user, host),
    ...roomFor(host.path(privateDirectory), host),
  ];
  if ('kind' in key) return { notices: [], requirements, services: [] };
  const text = `the munge key ${key.path} is used through a private copy: ${key.copyBecause}`;
  return {
    notices: key.copyBecause ? [{ level: 'info', text }] : [],
    requirements,
    services: [mungedService(socket, key, user, settings, host)],
  };
}

/**
 * munged runs as munge when we are root, and as ourselves otherwise; also as a root that has no other
 * users, as in a rootless container without subordinate uids.
 */
function userOfMunged(host: Host): User | Problem {
  const self = { name: '', uid: host.uid, gid: host.gid };
  if (host.uid !== 0) return self;
  const munge = host.user('munge');
  if (munge) return host.hasUid(munge.uid) ? munge : self;
  return {
    kind: 'munge',
    what: 'cannot start munged: /etc/passwd has no user munge',
    remedy:
      "install munge in the image (apt-get install munge), or use the host's: -v /run/munge:/run/munge:ro",
  };
}

// To change the user, to give it its directory and key, to read a key that is not root's, and to end it.
const mungedNeeds = ['SETUID', 'SETGID', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL'];

/**
 * Changing the user, giving it its directory and a copy of the key, and ending what runs as another take
 * capabilities that --cap-drop=ALL takes away from root.
 */
function mayChangeUser(user: User, copyBecause: string | undefined, host: Host): Requirement[] {
  const isThere = host.look(host.path(privateDirectory)).kind === 'directory';
  const lacking = [
    [7, 'SETUID'],
    [6, 'SETGID'],
    [5, 'KILL'],
    // munged's directory is given to it, and a copied key is put there, where only munged may go.
    ...(isThere ? [] : [[0, 'CHOWN'] as const]),
    ...(copyBecause ? [[1, 'DAC_OVERRIDE'] as const] : []),
  ].filter(([bit]) => !((host.capabilities() >> BigInt(bit ?? 0)) & 1n));
  if (user.uid === host.uid || lacking.length === 0) return [];
  const names = lacking.map(([, name]) => name);
  return [
    {
      what: `capabilities to run munged as ${userWords(user)}`,
      problem: {
        kind: 'munge',
        what: `cannot run munged as ${userWords(user)}: the container lacks ${names.map((name) => `CAP_${name}`).join(' and ')}`,
        remedy: `docker run ${mungedNeeds.map((name) => `--cap-add=${name}`).join(' ')}, or the host's munge: -v /run/munge:/run/munge:ro`,
      },
    },
  ];
}

/**
 * What munged would say to the directories above the socket, which we do not make or mend: it
 * refuses a socket where others could replace it.
 */
function socketDirectory(socket: string, user: User, host: Host): Requirement[] {
  const what = `directory of ${socket}`;
  const ours = dirname(socket);
  const { kind } = host.look(socket);
  if (kind !== 'nothing' && kind !== 'socket' && !isDefault(socket, host)) {
    return [
      refusal(what, 'there is something that is no socket, and munged would remove it', 'name another path'),
    ];
  }
  for (const directory of directoriesUp(ours)) {
    const at = host.look(directory);
    if (othersMayWrite(at)) {
      return [refusal(what, `others may write to ${directory}`, `chmod go-w ${directory} (or chmod +t)`)];
    }
    if (at.kind === 'directory' && at.uid !== 0 && at.uid !== user.uid) {
      return [refusal(what, `${directory} belongs to uid ${at.uid}`, `chown root ${directory}`)];
    }
  }
  const at = host.look(ours);
  // Our own directory we make, or mend if we may: as root, or as its owner.
  const mended =
    isDefault(socket, host) && (host.uid === 0 || (at.kind === 'directory' && at.uid === host.uid));
  if (at.kind !== 'directory' || mended) return [];
  if (othersMayWrite(at) || (at.mode & 0o111) !== 0o111) {
    return [refusal(what, `munged refuses its mode ${octal(at.mode)}`, `chmod 0755 ${ours}`)];
  }
  if (!maySearchOrWrite(at, user, 2)) {
    return [
      refusal(
        what,
        `${ours} belongs to uid ${at.uid}, and ${userWords(user)} may not write to it`,
        host.uid === 0
          ? `chown ${user.uid}:${user.gid} ${ours}`
          : `docker run --tmpfs ${isDefault(socket, host) ? '/run' : ours}:uid=${user.uid}, or --user ${at.uid}:${at.gid}`,
      ),
    ];
  }
  return [];
}

const isDefault = (socket: string, host: Host): boolean => socket === host.path(defaultSocket);

function refusal(what: string, why: string, remedy: string): Requirement {
  return { what, problem: { kind: 'munge', what: `cannot start munged: ${what}: ${why}`, remedy } };
}

/**
 * munged in the foreground, so that it logs to our stderr and its end is seen.
 *
 * `--origin` spares a lookup of the host's name, which takes 20 s where the resolver is dead; the
 * origin is informational only. The seed lies with the key, so that /var need not be writable.
 */
function mungedService(socket: string, key: UsableKey, user: User, settings: Settings, host: Host): Service {
  const directory = host.path(privateDirectory);
  const copy = join(directory, 'munge.key');
  // A place that the user named for a socket is not ours to change, nor to remove anything from.
  const isOurs = isDefault(socket, host);
  const other = user.uid !== host.uid;
  const owner = other ? { owner: user } : {};
  const files: FileAction[] = [
    { do: 'directory', path: dirname(directory), mode: 0o755, mend: false },
    { do: 'directory', path: directory, mode: 0o700, ...owner, mend: true },
    { do: 'directory', path: dirname(socket), mode: 0o755, ...owner, mend: isOurs },
    // Left over from a munged that was killed: munged refuses some of them, and needs none.
    ...(isOurs
      ? ([
          { do: 'remove', path: socket },
          { do: 'remove', path: `${socket}.lock` },
        ] as const)
      : []),
    ...(key.copyBecause ? [{ do: 'copy', from: key.path, path: copy, mode: 0o600, ...owner } as const] : []),
  ];
  return {
    name: 'munged',
    start: {
      command: {
        program: 'munged',
        args: [
          '--foreground',
          `--socket=${socket}`,
          `--key-file=${key.copyBecause ? copy : key.path}`,
          `--pid-file=${join(dirname(socket), 'munged.pid')}`,
          `--seed-file=${join(directory, 'munged.seed')}`,
          '--origin=127.0.0.1',
        ],
      },
      ...(other && { user }),
      files,
      // munged reads its key at its start only, and a copy must not be left in a container's layer.
      discard: key.copyBecause ? [copy] : [],
      graceMs,
    },
    ready: { kind: 'munge', socket, deadlineMs: settings.mungeTimeoutMs },
    ifNot: {
      kind: 'munge',
      what: `cannot use munge: munged did not encode and decode a credential within ${settings.mungeTimeoutMs / 1000} s`,
      remedy:
        'see what munged said in the lines above, or allow more time with LDMS_ENTRYPOINT_MUNGE_TIMEOUT',
    },
  };
}
