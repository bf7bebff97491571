/** Programs that are newer than Debian 12: where test/support/tools-from-debian-13.sh puts them, or a newer system has them. */
import { existsSync } from 'node:fs';

const ours = '/usr/local/lib/ldms-tests';

/** podman's generator of systemd units. */
export const quadlet = ['/usr/libexec/podman/quadlet', '/usr/lib/podman/quadlet', `${ours}/quadlet`].find(
  existsSync,
);

/** Compose v2, which docker has as a plugin, but which runs by itself too. */
export const composeV2 = [
  '/usr/libexec/docker/cli-plugins/docker-compose',
  '/usr/lib/docker/cli-plugins/docker-compose',
  `${ours}/docker-compose`,
].find(existsSync);

/** A podman-compose that knows `network_mode: host`, as Debian 12's does not. */
export const newPodmanCompose = [`${ours}/podman-compose`].find(existsSync);
