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
  | { readonly whose: 'ours'; readonly because: string };

/** Decides from the mounts over `socket`, an absolute path. */
export function whoseMunge(socket: string, host: Host): Whose {
  const path = throughVarRun(socket, host.root);
  const mount = mountOver(host.mounts(), path, host.root);
  if (!mount) return { whose: 'ours', because: `no mount at ${dirname(path)}` };
  const { point } = mount;
  if (isFreshTmpfs(mount, host)) return { whose: 'ours', because: `${point} is a tmpfs of this container` };
  // A volume or an emptyDir holds the host's munged only if somebody serves through it already.
  const volume = volumeKind(mount.root);
  if (volume && host.look(path).kind !== 'socket') {
    return { whose: 'ours', because: `${point} is a ${volume}, without a munged behind it` };
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

// What a booted machine has in /run and a fresh tmpfs in a container has not.
const hostsOwn = ['systemd', 'udev', 'utmp', 'dbus', 'initctl', 'openrc', 'runit', 's6'];

/**
 * Whether a tmpfs was made for this container.
 *
 * A bind mount of the host's whole /run looks the same in mountinfo, since the host's /run is
 * a tmpfs itself: it is told by what lies in it. A part of a tmpfs (root other than "/") is
 * always a bind mount.
 */
function isFreshTmpfs(mount: Mount, host: Host): boolean {
  if (mount.type !== 'tmpfs' || mount.root !== '/') return false;
  const names = host.list(mount.point);
  return !names.some((name) => hostsOwn.includes(name));
}
