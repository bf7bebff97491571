/**
 * Compose files: for each host a directory with its compose.yaml and the files that it mounts.
 *
 * Docker Compose v2, docker-compose 1.29 and podman-compose 1.3 take them alike. Therefore there is no
 * `version`, which v2 warns of, and no `name`, which 1.29 refuses: a project is called as its directory, by
 * its host. podman-compose 1.0 takes no `network_mode: host`: it gives each container a second network.
 */
import { type Container, envOf, type Mount } from '../container.ts';
import { imageOf, type Site } from '../site.ts';
import { withRegistry } from './registry.ts';
import { byNode, filesFor, origin, type Renderer, type Rendering } from './rendering.ts';
import { quoted } from './shell.ts';
import { block, type Yaml } from './yaml.ts';

/** `NODE/compose.yaml`. */
export const compose: Renderer = {
  render: (rendering) =>
    [...byNode(rendering)].flatMap(([node, containers]) => [
      { path: `${node}/compose.yaml`, text: project(node, containers, rendering) },
      ...filesFor(containers, rendering).map(({ path, text }) => ({ path: `${node}/${path}`, text })),
    ]),
  next: (directory) =>
    `on each host, with its directory copied there: cd ${quoted(`${directory}/HOST`)} && docker compose up -d`,
};

function project(node: string, containers: readonly Container[], { site }: Rendering): string {
  const volumes = containers.flatMap(({ mounts }) => mounts.filter(({ kind }) => kind === 'volume'));
  const services = containers.map((each) => {
    const lines = block({ [each.name]: service(each, site) });
    return lines.map((line) => `  ${line}`).join('\n');
  });
  return [
    `# The containers of ${node}: docker compose up -d, or docker-compose, or podman-compose, in this directory.`,
    `# ${origin}`,
    'services:',
    services.join('\n\n'),
    // As `docker run -v` calls them; without a name, they would have the project's in front.
    ...(volumes.length === 0
      ? []
      : ['', ...block({ volumes: Object.fromEntries(volumes.map(({ from }) => [from, { name: from }])) })]),
    '',
  ].join('\n');
}

function service(container: Container, site: Site): Yaml {
  const { name, role, args, hostPid, mounts } = container;
  const env = Object.entries(envOf(container)).map(([key, value]) => [key, literal(value)] as const);
  return {
    image: literal(withRegistry(imageOf(role, site))),
    container_name: name,
    restart: 'unless-stopped',
    stop_grace_period: '10s',
    network_mode: 'host',
    ...(hostPid ? { pid: 'host' } : {}),
    ...(site.privileged ? { privileged: true } : least(container)),
    ...(env.length > 0 ? { environment: Object.fromEntries(env) } : {}),
    ...(mounts.length > 0 ? { volumes: mounts.map((mount) => volume(mount, site)) } : {}),
    ...(args.length > 0 ? { command: args.map(literal) } : {}),
  };
}

const least = ({ capabilities, scratch, rdma }: Container): { [key: string]: Yaml } => ({
  cap_drop: ['ALL'],
  ...(capabilities.length > 0 ? { cap_add: capabilities } : {}),
  // Without a colon, which podman does not take.
  security_opt: ['no-new-privileges'],
  read_only: true,
  ...(scratch.length > 0 ? { tmpfs: scratch } : {}),
  ...(rdma ? { devices: ['/dev/infiniband:/dev/infiniband'], ulimits: { memlock: -1 } } : {}),
});

function volume({ kind, from, to, readOnly }: Mount, { files }: Site): Yaml {
  if (kind === 'volume' || (kind === 'config' && files === undefined)) {
    const source = kind === 'config' ? `./${from}` : from;
    return literal(`${source}:${to}${readOnly ? ':ro' : ''}`);
  }
  // The short form has docker make an empty directory of what is not there, such as the /run/munge of a host
  // without munge. With this one docker refuses that, by docker-compose 1.29 as by 2.26; later ones make it
  // even so (docker/compose#12797), unless they are told by `create_host_path`, which 1.29 does not know.
  return {
    type: 'bind',
    source: literal(kind === 'config' ? `${files}/${from}` : from),
    target: literal(to),
    ...(readOnly ? { read_only: true } : {}),
  };
}

/** A text without variables: Compose puts their values in place of `$NAME`. */
const literal = (text: string): string => text.replaceAll('$', '$$$$');
