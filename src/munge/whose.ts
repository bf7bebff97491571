/**
 * Whose munged is behind the socket: the host's, bound into the container, or one of our own?
 *
 * A munged of ours is never started over a directory of the host's: it would replace the socket
 * that everything on that host uses.
 */
import { dirname } from 'node:path';
import type { Host } from '../host.ts';
import { type Mount, mountOver, throughVarRun } from '../mounts.ts';
import { keyPath } from './key.ts';

/** The answer, and how it was found, for people. */
export type Whose =
  | {
      readonly whose: 'host';
      readonly because: string;
      readonly stale?: boolean;
      readonly mountPoint?: string;
    }
  | { readonly whose: 'ours'; readonly because: string };

/** Decides from the mounts over `socket`, an absolute path. */
export function whoseMunge(socket: string, host: Host): Whose {
  const path = throughVarRun(socket, host.root);
  const mount = mountOver(host.mounts(), path, host.root);
  if (!mount) return { whose: 'ours', because: `no mount at ${dirname(path)}` };
  const { point } = mount;
  if (isFreshTmpfs(mount, host)) return { whose: 'ours', because: `${point} is a tmpfs of this container` };
  // A volume or an emptyDir may be shared with a munged beside us, or be ours alone. A key of our own
  // decides; a socket does not, since the last munged of ours, killed with its container, leaves one.
  const volume = volumeKind(mount.root);
  const serves = host.look(path).kind === 'socket';
  if (volume && (!serves || host.look(host.path(keyPath)).kind !== 'nothing')) {
    return { whose: 'ours', because: `${point} is a ${volume}` };
  }
  return {
    whose: 'host',
    because: `${point} is mounted from the host (its ${mount.root})`,
    mountPoint: point,
    ...(mount.deleted && { stale: true }),
  };
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
