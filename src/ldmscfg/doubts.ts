/**
 * What is wrong with a cluster as a whole, though maestro_ctrl takes it: samplers of nobody, ends that
 * authenticate differently, updates that come too early, …
 */
import { formatInterval } from './interval.ts';
import type { Aggregator, Auth, Cluster, DaemonGroup, Endpoint, Finding, Peer, Updater } from './model.ts';
import { findingAt as at, byPlace } from './place.ts';
import { usesIn, usesOf } from './uses.ts';

/** Looks at a cluster that was read without a mistake; by position. */
export function doubts(cluster: Cluster): readonly Finding[] {
  const found = [
    ...storesWithoutPlugins(cluster),
    ...samplersOfNobody(cluster),
    ...aggregatorsOfNothing(cluster),
    ...differentAuth(cluster),
    ...offsetsTooEarly(cluster),
  ];
  // What is shared by aliases is met many times.
  const different = new Map(found.map((each) => [`${each.line}:${each.column} ${each.text}`, each]));
  return [...different.values()].toSorted(byPlace);
}

/** The image that a group's daemons take. A sampler that has a store by mistake stays one. */
export function roleOf(group: DaemonGroup, cluster: Cluster): 'samp' | 'agg' {
  const { aggregators, samplers, stores } = usesOf(group, cluster);
  return aggregators.length > 0 || (stores.length > 0 && samplers.length === 0) ? 'agg' : 'samp';
}

/** How a group's daemons authenticate, which an ldmsd is started with: as the endpoint says that maestro uses. */
export const authOf = ({ endpoints }: DaemonGroup): Auth | undefined =>
  (endpoints.find(({ maestroComm }) => maestroComm) ?? endpoints[0])?.auth;

/** What an aggregator collects from. */
export interface Collected {
  readonly peer: Peer;
  readonly source: DaemonGroup;
  /** Undefined where the file names only some of an entry's endpoints. */
  readonly endpoint: Endpoint | undefined;
}

/** What the daemons of a group collect from. */
export const collectedBy = (group: DaemonGroup, cluster: Cluster): readonly Collected[] =>
  usesOf(group, cluster).aggregators.flatMap(({ peers }) =>
    peers.flatMap((peer) =>
      peer.sources.flatMap(({ daemons, expression }) => {
        const source = usesIn(cluster).get(daemons)?.group;
        const endpoint = source?.endpoints.find((each) => each.expression === expression);
        return source ? [{ peer, source, endpoint }] : [];
      }),
    ),
  );

/** A store on daemons whose image has none. */
function* storesWithoutPlugins(cluster: Cluster): Generator<Finding> {
  for (const { at: place, name, daemons } of cluster.stores) {
    const group = usesIn(cluster).get(daemons)?.group;
    if (!group || roleOf(group, cluster) === 'agg') continue;
    const what = name ? `the store ${name}` : 'this store';
    yield at(
      place,
      `${what} is on ${daemons}, which are samplers, and the image ldms-samp has no stores; put it on an aggregator`,
    );
  }
}

/** Samplers whose data goes nowhere. Where there are no aggregators at all, they are configured elsewhere. */
function* samplersOfNobody(cluster: Cluster): Generator<Finding> {
  if (cluster.aggregators.length === 0) return;
  const collected = new Set(
    cluster.groups.flatMap((group) => collectedBy(group, cluster).map(({ source }) => source.expression)),
  );
  const listens = cluster.aggregators.some(({ listeners }) => listeners.length > 0);
  const stored = new Set(cluster.stores.map(({ daemons }) => daemons));
  for (const { at: place, daemons, advertise } of cluster.samplers) {
    if (collected.has(daemons) || stored.has(daemons) || (advertise && listens)) continue;
    yield at(
      place,
      `no aggregator collects from ${daemons}; name it under the peers of one, or advertise it to one`,
    );
  }
}

function* aggregatorsOfNothing({ aggregators }: Cluster): Generator<Finding> {
  const parts = Map.groupBy(aggregators, ({ daemons }) => daemons);
  for (const [daemons, entries] of parts) {
    const does = ({ peers, listeners, plugins }: Aggregator) =>
      peers.length + listeners.length + plugins.length > 0;
    const [first] = entries;
    if (!first || entries.some(does)) continue;
    yield at(
      first.at,
      `the aggregator ${daemons} has neither peers nor prdcr_listen, and collects from nobody`,
    );
  }
}

/** Ends of a connection that authenticate differently. */
function* differentAuth(cluster: Cluster): Generator<Finding> {
  for (const group of cluster.groups) {
    const own = authOf(group)?.plugin;
    for (const { peer, source, endpoint } of collectedBy(group, cluster)) {
      const theirs = endpoint?.auth.plugin;
      if (own === undefined || theirs === undefined || theirs === own) continue;
      yield at(
        peer.at,
        `${group.expression} authenticates with ${own}, and ${source.expression}, which it collects from, with ${theirs}; both ends of a connection need the same`,
      );
    }
    const [first, other] = new Set(group.endpoints.map(({ auth }) => auth.plugin));
    if (other === undefined) continue;
    yield at(
      group.at,
      `the endpoints of ${group.expression} authenticate with ${first} and ${other}, and an ldmsd is started with one, ${own}; give all of them the same`,
    );
  }
}

/** Updates that come before there is anything new: the data is one interval old then. */
function* offsetsTooEarly(cluster: Cluster): Generator<Finding> {
  for (const group of cluster.groups) {
    for (const { peer, source } of collectedBy(group, cluster)) {
      for (const updater of peer.updaters) {
        const last = lastBefore(source, updater, cluster);
        if (last === undefined || updater.offset === undefined || updater.offset > last.offset) continue;
        yield at(
          updater.at,
          `this offset, ${formatInterval(updater.offset)}, is not behind ${last.what} of ${source.expression}, at ${formatInterval(last.offset)}, so that the data is one interval old; write a later one`,
        );
      }
    }
  }
}

/** When the last data of a group is there: its samplers', or what it collects itself, at the same interval. */
function lastBefore(
  source: DaemonGroup,
  { interval }: Updater,
  cluster: Cluster,
): { readonly offset: number; readonly what: string } | undefined {
  const { samplers, aggregators } = usesOf(source, cluster);
  const sampling = samplers.flatMap(({ plugins }) =>
    plugins.map(({ plugin }) => ({ ...plugin, what: 'the sampling' })),
  );
  const updates = aggregators.flatMap(({ peers }) =>
    peers.flatMap(({ updaters }) => updaters.map((each) => ({ ...each, what: 'the updates' }))),
  );
  const same = [...sampling, ...updates].flatMap((each) =>
    each.interval === interval && each.offset !== undefined ? [{ offset: each.offset, what: each.what }] : [],
  );
  return same.toSorted((a, b) => b.offset - a.offset)[0];
}
