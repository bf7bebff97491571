/**
 * Whose munged is behind the socket: the host's, bound into the container, or one of our own?
 *
 * A munged of ours is never started over a directory of the host's: it would replace the socket
 * that everything on that host uses.
 */
import { dirname } from 'node:path';
import type { Host } from '../host.ts';
import { type Mount, mountOver, throughVarRun } from '../mounts.ts';

/** The answer, and how it was found, for people. */
export type Whose =
  | {
      readonly whose: 'host';
      readonly because: string;
      readonly stale?: boolean;
      readonly mountPoint?: string;
    }
  | {
      readonly whose: 'ours';
      readonly because: string;
      /** There is a socket, and whether a munged serves there can only be told by asking. */
      readonly unsure?: boolean;
    };

/**
 * Decides from the mounts over `socket`, an absolute path.
 *
 * Where no mount of the host's is, a socket can be a leftover of our own munged, killed with an
 * earlier run of this container, or somebody's who serves there: a sidecar through a shared volume,
 * or the machine's munged where there is no container.
 *
 * @param answers whether somebody answers at the socket; undefined while nobody has asked
 */
export function whoseMunge(socket: string, host: Host, answers?: 'yes' | 'no'): Whose {
  const path = throughVarRun(socket, host.root);
  const mount = mountOver(host.mounts(), path, host.root);
  const because = mount ? whyNotHosts(mount, host) : `no mount at ${dirname(path)}`;
  if (mount && because === undefined) {
    return {
      whose: 'host',
      because: `${mount.point} is mounted from the host (its ${mount.root})`,
      mountPoint: mount.point,
      ...(mount.deleted && { stale: true }),
    };
  }
  if (answers === 'yes') return { whose: 'host', because: `a munged answers at ${path} already` };
  const unsure = answers === undefined && host.look(path).kind === 'socket';
  return { whose: 'ours', because: because ?? '', ...(unsure && { unsure }) };
}

/** Why a mount is the container's own and not the host's, for people; undefined if it is the host's. */
function whyNotHosts(mount: Mount, host: Host): string | undefined {
  if (isFreshTmpfs(mount, host)) return `${mount.point} is a tmpfs of this container`;
  const volume = volumeKind(mount.root);
  return volume && `${mount.point} is a ${volume}`;
}

/** Kubernetes' emptyDir and docker's or podman's volumes, told by where they lie on the host. */
function volumeKind(root: string): string | undefined {
  if (root.includes('/kubernetes.io~empty-dir/')) return 'Kubernetes emptyDir';
  if (/\/volumes\/[^/]+\/_data$/.test(root)) return 'volume';
  return undefined;
}

// What only a booted machine has in /run. Not /run/systemd itself: images of containers have that.
const hostsOwn = [
  'systemd/private',
  'systemd/notify',
  'systemd/journal',
  'udev/control',
  'udev/data',
  'dbus/system_bus_socket',
  'initctl',
  'openrc/softlevel',
  'runit',
  's6-rc',
];

/**
 * Whether a tmpfs was made for this container.
 *
 * A bind mount of the host's whole /run looks the same in mountinfo, since the host's /run is
 * a tmpfs itself: it is told by what lies in it. A part of a tmpfs (root other than "/") is
 * always a bind mount.
 */
function isFreshTmpfs(mount: Mount, host: Host): boolean {
  if (mount.type !== 'tmpfs' || mount.root !== '/') return false;
  return !hostsOwn.some((name) => host.look(`${mount.point}/${name}`).kind !== 'nothing');
}
