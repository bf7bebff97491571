/** maestro on several hosts, which stand in for each other: docs/maestro-cluster.md. */
import { expandHostlist } from '../ldmscfg/hostlist.ts';
import type { Container } from './container.ts';
import { nodeOf } from './hosts.ts';
import type { Site } from './site.ts';

/** The variable that tells each of several maestro containers of all of them. */
export const membersVariable = 'LDMS_ENTRYPOINT_MAESTRO_MEMBERS';

/** The variable that tells one of them which it is. */
export const memberVariable = 'LDMS_ENTRYPOINT_MAESTRO_MEMBER';

/** The port on which their etcds speak to each other, by which a host's firewall has to let them in. */
export const peerPort = 2380;

/** Whether it is one of several maestro containers. */
export const isMember = ({ env }: Pick<Container, 'env'>): boolean => membersVariable in env;

/** The nodes that a site has maestro on, each as often as it names it; undefined: it does not say. */
export function nodesNamed({ maestro, suffix }: Site): readonly string[] | undefined {
  if (maestro === undefined) return undefined;
  if (maestro === 'none') return [];
  // An expansion would have each name once.
  const { names, repeated } = { repeated: undefined, names: [maestro], ...expandHostlist(maestro) };
  return [...names, ...(repeated === undefined ? [] : [repeated])].map((host) => nodeOf(host, suffix));
}

/** What tells each of several who they are: the same text on all of them. */
export const membersText = (nodes: readonly string[]): string =>
  nodes.map((node) => (node.includes(':') ? `[${node}]` : node)).join(',');
