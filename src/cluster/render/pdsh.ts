/** pdsh lines, one for all hosts that run the same: what the README of ldms-containers has in its example. */
import { type Container, envOfAny, type Mount, type Role, type Variant, variantsOf } from '../container.ts';
import { foldHosts } from '../hosts.ts';
import type { Site } from '../site.ts';
import { dockerRun } from './engine.ts';
import { byNode, filesFor, origin, type Renderer, type Rendering } from './rendering.ts';
import { findHere, toldAtTheEnd } from './script.ts';
import { quoted } from './shell.ts';

/** `start.sh` and `stop.sh` for the one host that reaches all others, and the files that they copy. */
export const pdsh: Renderer = {
  render: (rendering) => [
    { path: 'start.sh', text: start(rendering), executable: true },
    { path: 'stop.sh', text: stop(rendering), executable: true },
    ...filesFor(rendering.containers, rendering),
  ],
  next: (directory) => `on a host that reaches all the others by pdsh: sh ${quoted(`${directory}/start.sh`)}`,
};

const startOrder: readonly Role[] = ['samp', 'agg', 'maestro', 'ui', 'grafana'];
// maestro first, so that it does not look for daemons that are gone.
const stopOrder: readonly Role[] = ['maestro', 'grafana', 'ui', 'agg', 'samp'];

const titles: Readonly<Record<Role, string>> = {
  samp: 'Sampler',
  agg: 'Aggregator',
  maestro: 'Maestro',
  ui: 'The web back-end',
  grafana: 'Grafana',
};

const titleOf = (role: Role, nodes: readonly string[]): string =>
  `${titles[role]}${nodes.length > 1 ? 's' : ''} on`;

/** A container, and all nodes that it is on. */
type Line = Pick<Variant, 'container' | 'nodes'>;

const ordered = (lines: readonly Line[], order: readonly Role[]): readonly Line[] =>
  order.flatMap((role) => lines.filter(({ container }) => container.role === role));

const filesAt = ({ files }: Site): string => files ?? '/etc/ldms';

function start(rendering: Rendering): string {
  const copies = copiesOf(rendering);
  return [
    '#!/bin/sh',
    '# Starts all containers, from a host that reaches all the others by pdsh.',
    `# ${origin}`,
    '# A host that fails is told, and keeps no other from starting.',
    'set -u',
    ...(copies.length > 0 ? [findHere] : []),
    'failed=0',
    ...copies,
    ...ordered(variantsOf(rendering.containers), startOrder).map(({ container, nodes }) =>
      onAll(titleOf(container.role, nodes), nodes, startOf(container, rendering.site)),
    ),
    '',
    toldAtTheEnd('not everything was started: the lines above say on which hosts, and why'),
  ].join('\n');
}

function stop({ containers }: Rendering): string {
  // The groups of the file, whatever else differs between their nodes.
  const groups = [...Map.groupBy(containers, ({ name, group }) => `${name} ${group}`).values()].flatMap(
    (all) => (all[0] ? [{ container: all[0], nodes: all.map(({ node }) => node) }] : []),
  );
  return [
    '#!/bin/sh',
    '# Stops and removes all containers; volumes stay.',
    `# ${origin}`,
    'set -u',
    'failed=0',
    ...ordered(groups.toReversed(), stopOrder).map(({ container: { role, name }, nodes }) =>
      onAll(titleOf(role, nodes), nodes, `docker stop ${quoted(name)} && docker rm ${quoted(name)}`),
    ),
    '',
    toldAtTheEnd('not everything was stopped: the lines above say on which hosts, and why'),
  ].join('\n');
}

/** What starts a container, for the shell of its host. */
function startOf(container: Container, site: Site): string {
  const path = ({ kind, from }: Mount) => quoted(kind === 'config' ? `${filesAt(site)}/${from}` : from);
  const files = container.mounts.filter(({ kind }) => kind === 'config').map(path);
  return [
    // docker makes a directory of a file that is not there.
    ...(files.length > 0 ? [`ls ${files.join(' ')} >/dev/null &&`] : []),
    ...dockerRun(container, site, path, envOfAny(container)),
  ].join(' ');
}

/** The lines that bring configuration files to the hosts that mount them. */
function copiesOf(rendering: Rendering): string[] {
  const to = filesAt(rendering.site);
  const wanting = [...byNode(rendering)].flatMap(([node, containers]) => {
    const files = filesFor(containers, rendering).map(({ path }) => path);
    return files.length > 0 ? [{ node, files }] : [];
  });
  if (wanting.length === 0) return [];
  const nodes = wanting.map(({ node }) => node);
  return [
    onAll('Configuration files for', nodes, `mkdir -p ${quoted(to)}`),
    ...wanting.map(({ node, files }) => {
      const paths = files.map((file) => `"$here"/${quoted(file)}`).join(' ');
      return `scp -q ${paths} ${quoted(`${node.includes(':') ? `[${node}]` : node}:${to}/`)} || failed=1`;
    }),
  ];
}

/**
 * A command that pdsh runs on hosts. With -S its exit status tells whether one of them failed. It puts
 * something in place of %h, %n and %u, and % in place of %%.
 */
function onAll(what: string, nodes: readonly string[], remote: string): string {
  const command = quoted(remote.replaceAll('%', '%%'));
  const lists = listsOf(nodes);
  const [first = ''] = lists;
  const where = lists.length === 1 && first.length <= 80 ? first : `${nodes.length} hosts`;
  const lines = lists.map((list) => `pdsh -S -w ${quoted(list)} ${command} >/dev/null || failed=1`);
  return `\n# ${what} ${where}\n${lines.join('\n')}`;
}

// Linux takes no word of a command beyond 128 KiB (MAX_ARG_STRLEN), and pdsh no range of more than 16384.
const longest = 60_000;
const most = 16_000;

/** Host lists that together have all the nodes, each short enough for a command. */
function listsOf(nodes: readonly string[]): string[] {
  const list = foldHosts(nodes);
  if (nodes.length <= 1 || (nodes.length <= most && list.length <= longest)) return [list];
  const half = Math.ceil(nodes.length / 2);
  return [...listsOf(nodes.slice(0, half)), ...listsOf(nodes.slice(half))];
}
