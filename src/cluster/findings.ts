/** What is wrong with what a cluster would run: with the place in the file. */
import { collectedBy, roleOf } from '../ldmscfg/doubts.ts';
import { findingAt as at, byPlace } from '../ldmscfg/place.ts';
import type { Cluster, DaemonGroup, Finding, Position } from '../ldmscfg/read.ts';
import { usesIn } from '../ldmscfg/uses.ts';
import { type Container, type Listen, servesDsos } from './container.ts';
import { placesOf, strangeVariablesOf } from './daemons.ts';
import { nodesNamed } from './members.ts';
import type { Site } from './site.ts';

/** What keeps the containers from starting, and what is probably not meant; by position. */
export interface Findings {
  readonly mistakes: readonly Finding[];
  readonly warnings: readonly Finding[];
}

/**
 * Looks at a cluster's containers.
 *
 * @param given the configuration files that are there already, by name
 */
export function findings(
  cluster: Cluster,
  containers: readonly Container[],
  site: Site,
  given: ReadonlyMap<string, string>,
): Findings {
  return {
    mistakes: [
      ...noNames(cluster),
      ...portsUsedTwice(cluster, containers),
      ...noMounts(cluster, containers),
      ...wrongMembers(site),
    ].toSorted(byPlace),
    warnings: [
      ...sameNumbers(cluster, containers),
      ...numbersNotInNames(cluster, containers),
      ...strangeVariables(cluster),
      ...suffixOfNobody(cluster, site),
      ...evenMembers(site),
      ...noAggregators(cluster),
      ...aggregatorsOfNobody(cluster),
      ...nothingToShow(cluster, containers, given),
    ].toSorted(byPlace),
  };
}

const whole: Position = { line: 1, column: 1 };

const placeOf = (expression: string | undefined, cluster: Cluster): Position =>
  usesIn(cluster).get(expression ?? '')?.group.at ?? whole;

/** Hosts that cannot be hosts: their names become those of directories, and words of commands. */
function* noNames({ groups }: Cluster): Generator<Finding> {
  for (const { at: place, hosts } of groups.flatMap((group) => [group, ...group.endpoints])) {
    const wrong = hosts.find((host) => !/^[A-Za-z0-9][\w.:-]*$/.test(host));
    if (wrong === undefined) continue;
    yield at(
      place,
      `${JSON.stringify(wrong)} is no name of a host; begin it with a letter or digit, and go on with those, dots and dashes`,
    );
  }
}

/** Directories of stores that cannot be mounted by the names that ldmsd writes to. */
function* noMounts({ stores }: Cluster, containers: readonly Container[]): Generator<Finding> {
  const groups = new Set(containers.map(({ group }) => group));
  for (const store of stores) {
    for (const { path } of groups.has(store.daemons) ? placesOf(store) : []) {
      const why = whyNoMount(path);
      if (why) yield at(store.plugin?.at ?? store.at, `${JSON.stringify(path)} cannot be mounted: ${why}`);
    }
  }
}

function whyNoMount(path: string): string | undefined {
  if (path.includes('${')) return 'it has a variable in it, which nobody knows before; write a path without';
  // docker's -v takes a colon for the end of a path.
  if (/[:\p{Cc}]/u.test(path)) return 'it has a colon or a control character in it; write one without';
  return undefined;
}

/** Something that listens. */
interface User {
  readonly container: Container;
  readonly listen: Listen;
}

const whose = ({ daemon, role }: Container): string => daemon ?? `ldms-${role}`;

const overlap = (a: Listen, b: Listen): boolean =>
  a.address === undefined || b.address === undefined || a.address === b.address;

// sock, HTTP and etcd are TCP; the others count their ports by themselves.
const kindOf = ({ xprt }: Listen): string => (['sock', 'http', 'etcd'].includes(xprt) ? 'tcp' : xprt);

/** A port that two containers of one host listen on: the second cannot start. */
function* portsUsedTwice(cluster: Cluster, containers: readonly Container[]): Generator<Finding> {
  const users = new Map<string, User[]>();
  const told = new Set<string>();
  for (const container of containers) {
    for (const listen of container.listens) {
      const key = `${container.node} ${kindOf(listen)} ${listen.port}`;
      const before = users.get(key) ?? [];
      users.set(key, [...before, { container, listen }]);
      const first = before.find((one) => overlap(one.listen, listen));
      // Once for two groups, however many hosts they share.
      const pair = `${first?.container.group} ${container.group} ${container.role} ${listen.port}`;
      if (!first || told.has(pair)) continue;
      told.add(pair);
      if (isToldBefore(first, { container, listen }, cluster)) continue;
      const remedy = container.daemon ? 'give one of them another' : otherPort(container);
      yield at(
        listen.at ?? first.listen.at ?? placeOf(container.group, cluster),
        `port ${listen.port} of ${container.node} is both ${whose(first.container)}'s and ${whose(container)}'s; ${remedy}`,
      );
    }
  }
}

/** Whether the file's own checker tells of it: of one host's name, and one transport. */
function isToldBefore(one: User, other: User, cluster: Cluster): boolean {
  if (!one.listen.at || !other.listen.at || one.listen.xprt !== other.listen.xprt) return false;
  return hostOf(one, cluster) === hostOf(other, cluster);
}

/** The host that the file has for a listener of one of its daemons. */
function hostOf({ container, listen }: User, cluster: Cluster): string | undefined {
  const group = usesIn(cluster).get(container.group ?? '')?.group;
  const daemon = group?.names.indexOf(container.daemon ?? '') ?? -1;
  const endpoint = group?.endpoints.find((each) => each.at === listen.at);
  return endpoint?.hosts[daemon] ?? group?.hosts[daemon];
}

const otherPort = ({ role }: Container): string =>
  role === 'maestro'
    ? 'run maestro elsewhere, with --maestro HOST'
    : `give --${role}-port PORT, or --${role} HOST`;

/** Nodes whose samplers would have the same component number. */
function* sameNumbers(cluster: Cluster, containers: readonly Container[]): Generator<Finding> {
  const users = new Map<number, Container>();
  const told = new Set<string | undefined>();
  for (const container of containers) {
    if (!container.component) continue;
    const { number, inName } = container.component;
    const first = users.get(number);
    users.set(number, first ?? container);
    if (!first || first.node === container.node || told.has(container.group)) continue;
    told.add(container.group);
    const why = inName && first.component?.inName ? ', the last number in their names' : '';
    yield at(
      placeOf(container.group, cluster),
      `${first.node} and ${container.node} would both be component ${number}${why}; their data could not be told apart`,
    );
  }
}

/** Nodes that are numbered as they come in the file, and otherwise when one is put before them. */
function* numbersNotInNames(cluster: Cluster, containers: readonly Container[]): Generator<Finding> {
  const without = containers.filter(({ component }) => component && !component.inName);
  for (const [group, [first]] of Map.groupBy(without, (each) => each.group)) {
    if (!first) continue;
    yield at(
      placeOf(group, cluster),
      `the name ${first.node} has no number in it to be its component number; its place in the list, ${first.component?.number}, is taken`,
    );
  }
}

/** Variables that plugins are configured with, and that no container would have. */
function* strangeVariables(cluster: Cluster): Generator<Finding> {
  const names = (group: DaemonGroup) => strangeVariablesOf(group, cluster);
  for (const group of cluster.groups) {
    for (const name of names(group)) {
      const role = roleOf(group, cluster);
      yield at(
        group.at,
        `the plugins of ${group.expression} are configured with \${${name}}, which ldms-${role} does not have; add -e ${name}=… to what is rendered, or use COMPONENT_ID or HOSTNAME`,
      );
    }
  }
}

// Each member more makes every write of etcd's slower (etcd's FAQ: "What is maximum cluster size?").
const mostMembers = 7;

/** Hosts that cannot stand in for each other. */
function* wrongMembers(site: Site): Generator<Finding> {
  const nodes = nodesNamed(site) ?? [];
  const twice = nodes.find((node, at) => nodes.indexOf(node) < at);
  if (twice !== undefined) yield at(whole, `--maestro names ${twice} twice; leave it out once`);
  if (nodes.length <= mostMembers) return;
  yield at(
    whole,
    `--maestro names ${nodes.length} hosts, and etcd is meant for no more than ${mostMembers}; name 3 or 5`,
  );
}

/** A number of hosts of which one could as well be left out: a majority of four is three, as of five. */
function* evenMembers(site: Site): Generator<Finding> {
  const nodes = nodesNamed(site) ?? [];
  const { size } = new Set(nodes);
  if (size % 2 === 1 || size === 0 || size > mostMembers || size < nodes.length) return;
  yield at(
    whole,
    `--maestro names ${size} hosts, which outlive the loss of no more of them than ${size - 1} would; name ${size - 1} or ${size + 1}`,
  );
}

function* suffixOfNobody({ groups }: Cluster, { suffix }: Site): Generator<Finding> {
  if (!suffix || groups.some(({ hosts }) => hosts.some((host) => host.endsWith(suffix)))) return;
  yield at(whole, `no host ends with ${suffix}, which --suffix says; leave it out`);
}

/** Of a file with some, those of nobody are told by its own checker. */
function* noAggregators({ aggregators, samplers, stores }: Cluster): Generator<Finding> {
  const first = samplers.find(({ advertise }) => !advertise);
  if (!first || aggregators.length + stores.length > 0) return;
  yield at(
    first.at,
    `nobody collects from ${first.daemons}: the file has no aggregators; write some, or collect by a cluster of its own`,
  );
}

/** Aggregators whose data goes nowhere: nobody collects from them, and they keep nothing. */
function* aggregatorsOfNobody(cluster: Cluster): Generator<Finding> {
  const { groups, aggregators } = cluster;
  const collected = new Set(
    groups.flatMap((group) => collectedBy(group, cluster).map(({ source }) => source)),
  );
  const told = new Set<string>();
  for (const { at: place, daemons } of aggregators) {
    const uses = usesIn(cluster).get(daemons);
    const keeps = uses && uses.stores.length + uses.aggregators.flatMap(({ plugins }) => plugins).length > 0;
    if (!uses || keeps || collected.has(uses.group) || told.has(daemons)) continue;
    told.add(daemons);
    yield at(
      place,
      `nobody collects from the aggregator ${daemons}, and it stores nothing; name it under the peers of another, or give it a store`,
    );
  }
}

/** A web back-end without a dsosd: it does not start with an empty dsosd.conf. */
function* nothingToShow(
  { stores }: Cluster,
  containers: readonly Container[],
  given: ReadonlyMap<string, string>,
): Generator<Finding> {
  const ui = containers.find(({ role }) => role === 'ui');
  if (!ui || containers.some(servesDsos) || given.has('dsosd.conf')) return;
  yield at(
    stores[0]?.at ?? whole,
    `the web back-end on ${ui.node} has nothing to show: no store here is store_sos; put a dsosd.conf beside this file, or leave out --ui`,
  );
}
