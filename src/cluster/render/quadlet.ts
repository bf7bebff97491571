/**
 * systemd units of podman's Quadlet: for each host a directory with a unit for each container and volume, the
 * files that they mount, and a script that puts all in place.
 *
 * They need podman 4.6: what came later, as the keys Ulimit and ReadOnlyTmpfs, is left to PodmanArgs
 * (podman-systemd.unit(5)).
 */
import { type Container, envOf, type Mount, type Role } from '../container.ts';
import { imageOf, type Site } from '../site.ts';
import { installScript, placeOfFiles } from './quadlet-install.ts';
import { withRegistry } from './registry.ts';
import { byNode, filesFor, origin, type Rendered, type Renderer, type Rendering } from './rendering.ts';
import { quoted } from './shell.ts';
import { verbatim, word } from './systemd.ts';

/** `NODE/install.sh`, `NODE/ldms-NAME.container` and `NODE/NAME.volume`. */
export const quadlet: Renderer = {
  render: (rendering) =>
    [...byNode(rendering)].flatMap(([node, containers]) => onNode(node, containers, rendering)),
  next: (directory) =>
    `on each host, as root, with its directory copied there: sh ${quoted(`${directory}/HOST/install.sh`)}`,
};

function onNode(node: string, containers: readonly Container[], rendering: Rendering): readonly Rendered[] {
  const { site } = rendering;
  const units = [
    ...containers.map((each) => ({ path: `${unitOf(each)}.container`, text: containerUnit(each, site) })),
    ...containers.flatMap(({ mounts }) =>
      mounts.flatMap(({ kind, from }) =>
        kind === 'volume' ? [{ path: `${from}.volume`, text: volumeUnit }] : [],
      ),
    ),
  ];
  const files = filesFor(containers, rendering);
  const script = installScript(node, { services: containers.map(unitOf), units, files, site });
  return [
    { path: `${node}/install.sh`, text: script, executable: true },
    ...[...units, ...files].map(({ path, text }) => ({ path: `${node}/${path}`, text })),
  ];
}

const unitOf = ({ name }: Container): string => `ldms-${name}`;

const volumeUnit = `# ${origin}
[Volume]
`;

function containerUnit(container: Container, site: Site): string {
  const { role, node, name, args, mounts, hostPid } = container;
  const hostsMunge = mounts.some(({ kind, to }) => kind === 'directory' && to === '/run/munge');
  const before = ['network-online.target', ...(hostsMunge ? ['munge.service'] : [])].join(' ');
  const { interval, startPeriod } = health[role];
  return [
    `# ${origin}`,
    '[Unit]',
    `Description=LDMS ${name} on ${node}`,
    `After=${before}`,
    `Wants=${before}`,
    '',
    '[Container]',
    `Image=${verbatim(withRegistry(imageOf(role, site)))}`,
    `ContainerName=${name}`,
    'Network=host',
    ...(hostPid ? ['PodmanArgs=--pid=host'] : []),
    ...(site.privileged ? ['PodmanArgs=--privileged'] : least(container)),
    ...Object.entries(envOf(container)).map(([key, value]) => `Environment=${word(`${key}=${value}`)}`),
    ...mounts.map((mount) => mounted(mount, site)),
    // The image has the same; but podman build leaves it out.
    'HealthCmd=/usr/local/bin/ldms-entrypoint health',
    `HealthInterval=${interval}`,
    'HealthTimeout=10s',
    `HealthStartPeriod=${startPeriod}`,
    'HealthRetries=3',
    ...(args.length === 0 ? [] : [`Exec=${args.map(word).join(' ')}`]),
    '',
    '[Service]',
    'Restart=always',
    'RestartSec=10',
    '# The image may have to be pulled first.',
    'TimeoutStartSec=900',
    'TimeoutStopSec=15',
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n');
}

function least({ capabilities, scratch, rdma }: Container): string[] {
  return [
    'DropCapability=all',
    ...(capabilities.length > 0 ? [`AddCapability=${capabilities.join(' ')}`] : []),
    'NoNewPrivileges=true',
    'ReadOnly=true',
    // podman would make /run, /tmp and /var/tmp writable by itself.
    'PodmanArgs=--read-only-tmpfs=false',
    ...scratch.map((path) => `Tmpfs=${path}`),
    ...(rdma ? ['AddDevice=/dev/infiniband', 'PodmanArgs=--ulimit=memlock=-1:-1'] : []),
  ];
}

function mounted({ kind, from, to, readOnly }: Mount, site: Site): string {
  if (kind === 'volume') return `Volume=${from}.volume:${to}${readOnly ? ':ro' : ''}`;
  const source = kind === 'config' ? `${placeOfFiles(site)}/${from}` : from;
  if (/^[\w@%+=,./-]+$/.test(`${source}${to}`)) {
    return `Volume=${verbatim(`${source}:${to}${readOnly ? ':ro' : ''}`)}`;
  }
  // Of Volume, Quadlet also makes a RequiresMountsFor, which takes a blank for the end of a path.
  const fields = ['type=bind', `source=${source}`, `destination=${to}`, ...(readOnly ? ['readonly'] : [])];
  return `PodmanArgs=${word(`--mount=${fields.map(csv).join(',')}`)}`;
}

// podman reads the fields of --mount as CSV.
const csv = (field: string): string => (/[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field);

/** What the images' HEALTHCHECK says. */
const health: Readonly<Record<Role, { interval: string; startPeriod: string }>> = {
  samp: { interval: '60s', startPeriod: '10s' },
  agg: { interval: '30s', startPeriod: '10s' },
  maestro: { interval: '15s', startPeriod: '30s' },
  ui: { interval: '30s', startPeriod: '30s' },
  grafana: { interval: '30s', startPeriod: '60s' },
};
