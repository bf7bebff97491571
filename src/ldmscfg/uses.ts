/** What the sections of a file say of each group of daemons. */
import type { Aggregator, Cluster, DaemonGroup, Sampler, Store } from './model.ts';

/** A group, and all entries that name it. */
export interface Uses {
  readonly group: DaemonGroup;
  readonly aggregators: readonly Aggregator[];
  readonly samplers: readonly Sampler[];
  readonly stores: readonly Store[];
}

// Of a cluster with thousands of groups, each is asked for many times.
const known = new WeakMap<Cluster, ReadonlyMap<string, Uses>>();

/** The uses of each group, by its expression. */
export function usesIn(cluster: Cluster): ReadonlyMap<string, Uses> {
  const before = known.get(cluster);
  if (before) return before;
  const byGroup = <Entry extends { readonly daemons: string }>(entries: readonly Entry[]) =>
    Map.groupBy(entries, ({ daemons }) => daemons);
  const aggregators = byGroup(cluster.aggregators);
  const samplers = byGroup(cluster.samplers);
  const stores = byGroup(cluster.stores);
  const uses = new Map(
    cluster.groups.map((group) => [
      group.expression,
      {
        group,
        aggregators: aggregators.get(group.expression) ?? [],
        samplers: samplers.get(group.expression) ?? [],
        stores: stores.get(group.expression) ?? [],
      },
    ]),
  );
  known.set(cluster, uses);
  return uses;
}

/** The uses of one group. */
export const usesOf = (group: DaemonGroup, cluster: Cluster): Uses =>
  usesIn(cluster).get(group.expression) ?? { group, aggregators: [], samplers: [], stores: [] };
