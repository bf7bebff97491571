/** Plain `docker run` lines: for each host a directory with a script and the files that it mounts. */
import type { Container, Mount } from '../container.ts';
import { dockerRun } from './engine.ts';
import { byNode, filesFor, origin, type Renderer, type Rendering } from './rendering.ts';
import { findHere, toldAtTheEnd } from './script.ts';
import { command, quoted } from './shell.ts';

/** `NODE/start.sh` and `NODE/stop.sh`. */
export const docker: Renderer = {
  render: (rendering) =>
    [...byNode(rendering)].flatMap(([node, containers]) => [
      { path: `${node}/start.sh`, text: start(node, containers, rendering), executable: true },
      { path: `${node}/stop.sh`, text: stop(node, containers), executable: true },
      ...filesFor(containers, rendering).map(({ path, text }) => ({ path: `${node}/${path}`, text })),
    ]),
  next: (directory) =>
    `on each host, with its directory copied there: sh ${quoted(`${directory}/HOST/start.sh`)}`,
};

function start(node: string, containers: readonly Container[], { site }: Rendering): string {
  const wantsFiles = containers.some(({ mounts }) => mounts.some(({ kind }) => kind === 'config'));
  const here = site.files === undefined && wantsFiles;
  const placed = ({ kind, from }: Mount) =>
    kind === 'config' ? (here ? `"$here"/${quoted(from)}` : quoted(`${site.files}/${from}`)) : quoted(from);
  const commands = containers.map((container) => command(dockerRun(container, site, placed)));
  return [
    '#!/bin/sh',
    `# Starts the containers of ${node}, on ${node}.`,
    `# ${origin}`,
    'set -eu',
    ...(here ? [findHere] : []),
    ...commands.map((text) => `\n${text}`),
    '',
  ].join('\n');
}

function stop(node: string, containers: readonly Container[]): string {
  const names = containers.map(({ name }) => quoted(name)).join(' ');
  return [
    '#!/bin/sh',
    `# Stops and removes the containers of ${node}, all at once; volumes stay.`,
    `# ${origin}`,
    'set -u',
    'failed=0',
    '',
    // One that is not there keeps the others from nothing.
    `docker stop ${names} || failed=1`,
    `docker rm ${names} || failed=1`,
    '',
    toldAtTheEnd('not everything was stopped: the lines above say why'),
  ].join('\n');
}
