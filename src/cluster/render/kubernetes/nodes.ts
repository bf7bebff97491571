/** Nodes as Kubernetes knows them, and containers that know theirs. */
import type { Container } from '../../container.ts';
import { isMember, membersVariable } from '../../members.ts';

/** A node's name: kubelet registers a host by its name in small letters. */
export const kubeNode = (node: string): string => node.toLowerCase();

/** The label of the nodes that a workload runs on. */
export const labelOf = (workload: string): string => `ldms.ovis-hpc.org/${workload}`;

/** The variable that arguments have their node's name from. */
export const nodeVariable = 'LDMS_NODE';

/** What kubelet puts that variable's value in place of, in arguments and in the values of variables. */
export const nodeReference = `$(${nodeVariable})`;

/** A text that kubelet, which reads `$$` as `$`, takes as it stands. */
export const literal = (text: string): string => text.replaceAll('$', '$$$$');

/**
 * A container with its arguments as a pod has them. An address to listen on that begins with the node's name
 * is written by a variable, so that containers of different nodes are the same; several maestros know each
 * other by what Kubernetes calls their nodes.
 */
export function forAnyNode(container: Container): Container {
  const node = kubeNode(container.node);
  const own = new Map(
    container.listens.flatMap(({ xprt, port, address }) =>
      address?.startsWith(node)
        ? [[`${xprt}:${port}:${address}`, `${xprt}:${port}:${nodeReference}${address.slice(node.length)}`]]
        : [],
    ),
  );
  const { env } = container;
  return {
    ...container,
    args: container.args.map((word) => own.get(word) ?? literal(word)),
    env: isMember(container) ? { ...env, [membersVariable]: kubeNode(env[membersVariable] ?? '') } : env,
  };
}
