/** The least that each image takes: README, "The least privileges", whose lines a test runs. */
import type { Container, Listen, Mount } from './container.ts';
import type { Site } from './site.ts';

const mungeSocket = '/run/munge';
const mungeKey = '/etc/munge/munge.key';

/** The host's munge, or a key for one in the container. */
export function mungeMounts(wanted: boolean, site: Site): Mount[] {
  if (!wanted) return [];
  return site.mungeKey === undefined
    ? [{ kind: 'directory', from: site.mungeSocket, to: mungeSocket, readOnly: true }]
    : [{ kind: 'file', from: site.mungeKey, to: mungeKey, readOnly: true }];
}

/** A configuration file of the cluster's. */
export const configFile = (name: string, to: string): Mount => ({
  kind: 'config',
  from: name,
  to,
  readOnly: true,
});

/** The capabilities and writable directories of an image. */
export function privileges(
  listens: readonly Listen[],
  mounts: readonly Mount[],
  dsosd: boolean,
): Pick<Container, 'capabilities' | 'scratch'> {
  const ownMunge = mounts.some(({ to }) => to === mungeKey);
  const capabilities = [
    // dsosd's rpcbind is on port 111.
    ...(dsosd || listens.some(({ port }) => port < 1024) ? ['NET_BIND_SERVICE'] : []),
    ...(ownMunge || dsosd ? ['SETUID', 'SETGID', 'KILL'] : []),
    ...(ownMunge ? ['CHOWN', 'DAC_OVERRIDE'] : []),
  ];
  return { capabilities, scratch: ownMunge || dsosd ? ['/run'] : [] };
}
