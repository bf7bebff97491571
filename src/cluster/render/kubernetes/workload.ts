/** What of a cluster becomes one DaemonSet, StatefulSet or Deployment. */
import { type Container, otherRoles, type Variant, variantsOf } from '../../container.ts';
import { dnsLabel, uniqueNames } from './names.ts';
import { forAnyNode } from './nodes.ts';

/** Containers that are alike, under a name that no other in the namespace has. */
export interface Workload extends Variant {
  readonly name: string;
}

/** The workloads of a cluster: samplers, aggregators, and then the others. */
export function workloadsOf(containers: readonly Container[]): readonly Workload[] {
  const variants = variantsOf(containers.map(forAnyNode));
  const ofGroup = Map.groupBy(variants, ({ container }) => container.group);
  // Files beside the workloads' own have these names.
  const unique = uniqueNames(['kustomization', 'namespace']);
  return (['samp', 'agg', ...otherRoles] as const)
    .flatMap((role) => variants.filter(({ container }) => container.role === role))
    .map((variant) => ({
      ...variant,
      name: unique(wishOf(variant, ofGroup.get(variant.container.group) ?? [])),
    }));
}

/**
 * samp, for the group samp-[1-4]. A single node of a group whose nodes differ is in the name, which stays the
 * same then, whatever becomes of the others.
 */
function wishOf({ container: { group, role, node }, nodes }: Variant, all: readonly Variant[]): string {
  if (group === undefined) return role;
  const base = dnsLabel(group.replace(/\[[^\]]*\]/g, '-'), role);
  return all.length > 1 && nodes.length === 1 ? dnsLabel(`${base}-${node}`, role) : base;
}
