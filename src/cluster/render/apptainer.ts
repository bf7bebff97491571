/**
 * Apptainer (1.2 or later), for sites whose nodes have no docker: for each host a directory with a script and
 * the files that it mounts, and the images beside those.
 *
 * What is known of Apptainer is from its sources and its user guide: `instance run` runs the image's own
 * command in the background, always in a PID namespace of its own (launcher_linux.go), whereas `run` shares
 * the host's; the network is the host's; environment variables and arguments are read by a shell once more,
 * unless `--no-eval`; options end at the image's name.
 */
import { type Container, envOf, type Mount } from '../container.ts';
import { imageOf, type Site } from '../site.ts';
import { byNode, filesFor, origin, type Renderer, type Rendering } from './rendering.ts';
import { findHere, toldAtTheEnd } from './script.ts';
import { command, quoted } from './shell.ts';

/** `pull.sh`, and for each host `NODE/start.sh` and `NODE/stop.sh`. */
export const apptainer: Renderer = {
  render: (rendering) => [
    { path: 'pull.sh', text: pull(rendering), executable: true },
    ...[...byNode(rendering)].flatMap(([node, containers]) => [
      { path: `${node}/start.sh`, text: start(node, containers, rendering.site), executable: true as const },
      { path: `${node}/stop.sh`, text: stop(node, containers), executable: true as const },
      ...filesFor(containers, rendering).map(({ path, text }) => ({ path: `${node}/${path}`, text })),
    ]),
  ],
  next: (directory) =>
    `sh ${quoted(`${directory}/pull.sh`)}, then on each host, which has to have ${quoted(directory)} too: sh ${quoted(`${directory}/HOST/start.sh`)}`,
};

// The tag is in the name, so that another is another file.
const sifOf = (role: string, { tag }: Site): string => `ldms-${role}_${tag}.sif`;

function pull({ containers, site }: Rendering): string {
  const roles = [...new Set(containers.map(({ role }) => role))];
  return [
    '#!/bin/sh',
    '# Fetches the images, once for all hosts; one that is here already stays.',
    `# ${origin}`,
    'set -eu',
    findHere,
    'cd "$here"',
    ...roles.map((role) => {
      const sif = quoted(sifOf(role, site));
      const fetch = `apptainer pull --force ${sif}.part ${quoted(`docker://${imageOf(role, site)}`)}`;
      return `\n[ -f ${sif} ] || {\n    ${fetch}\n    mv ${sif}.part ${sif}\n}`;
    }),
    '',
  ].join('\n');
}

function start(node: string, containers: readonly Container[], site: Site): string {
  const sifs = [...new Set(containers.map(({ role }) => quoted(sifOf(role, site))))];
  const volumes = containers.flatMap(({ mounts }) => mounts.filter(({ kind }) => kind === 'volume'));
  const instances = containers.filter(({ hostPid }) => !hostPid);
  return [
    '#!/bin/sh',
    `# Starts the containers of ${node}, on ${node}.`,
    `# ${origin}`,
    'set -eu',
    findHere,
    `set -- ${sifs.join(' ')}`,
    'for image in "$@"; do',
    '    [ -f "$here/../$image" ] ||',
    '        { echo "start.sh: cannot start: there is no $image in ${here%/*}: run pull.sh there" >&2; exit 1; }',
    'done',
    ...(volumes.length > 0 ? [`mkdir -p ${volumes.map(({ from }) => beside(from)).join(' ')}`] : []),
    ...(instances.some(({ rdma }) => rdma) ? ['prlimit --memlock=unlimited --pid $$'] : []),
    ...(instances.length < containers.length ? [manager] : []),
    ...containers.map(
      (container) => `\n${container.hostPid ? service(container, site) : instance(container, site)}`,
    ),
    '',
  ].join('\n');
}

function stop(node: string, containers: readonly Container[]): string {
  return [
    '#!/bin/sh',
    `# Stops the containers of ${node}; the directories of their data stay.`,
    `# ${origin}`,
    'set -u',
    ...(containers.some(({ hostPid }) => hostPid) ? [manager] : []),
    'failed=0',
    '',
    ...containers.toReversed().map((container) => {
      const stopping = container.hostPid
        ? `systemctl "$manager" stop ${unitOf(container)}.service`
        : `apptainer instance stop --signal=SIGTERM ${quoted(container.name)}`;
      return `${stopping} || failed=1`;
    }),
    '',
    toldAtTheEnd('not everything was stopped: the lines above say why'),
  ].join('\n');
}

/** One that sees no processes but its own. */
function instance(container: Container, site: Site): string {
  return command([
    'apptainer instance run',
    ...optionsOf(container, site, quoted),
    [imageAt(container, site), ...[container.name, ...container.args].map(quoted)].join(' '),
  ]);
}

const manager = 'manager=--system; [ "$(id -u)" -eq 0 ] || manager=--user';
const unitOf = ({ name }: Container): string => quoted(`ldms-${name}`);

/** One that sees the host's processes, which an instance does not: systemd keeps it instead. */
function service(container: Container, site: Site): string {
  // systemd puts variables in place of $NAME (systemd.service(5), "Command lines").
  const word: Word = (text) => quoted(text.replaceAll('$', '$$$$'));
  const line = command([
    `systemd-run "$manager" --quiet --collect --unit=${unitOf(container)} --property=Restart=always`,
    // More often, and systemd would give up.
    '--property=RestartSec=10',
    ...(container.rdma ? ['--property=LimitMEMLOCK=infinity'] : []),
    'apptainer run',
    ...optionsOf(container, site, word),
    [imageAt(container, site), ...container.args.map(word)].join(' '),
  ]);
  return `# systemd keeps it: an instance of Apptainer's does not see the host's processes.\n${line}`;
}

const imageAt = ({ role }: Container, site: Site): string => `${beside('..')}/${quoted(sifOf(role, site))}`;

/** Something in the script's directory, as a word for the shell. */
const beside = (name: string): string => `"$here"/${quoted(name)}`;

/** Quotes a word for the shell, and for who else reads it. */
type Word = (text: string) => string;

/** The options of both `run` and `instance run`; each is quoted. */
function optionsOf(container: Container, site: Site, word: Word): readonly string[] {
  // Below /tmp there is memory anyway, with --contain.
  const writes = site.privileged || container.scratch.some((path) => path !== '/tmp');
  return [
    '--contain',
    '--cleanenv',
    '--no-home',
    '--no-eval',
    ...(site.privileged ? ['--keep-privs'] : least(container)),
    ...(writes ? ['--writable-tmpfs'] : []),
    ...(container.rdma ? ['--bind /dev/infiniband'] : []),
    // As docker sets it.
    '--env HOSTNAME="$(uname -n)"',
    ...Object.entries(envOf(container)).map(([name, value]) => `--env ${word(`${name}=${value}`)}`),
    ...container.mounts.map((mount) => bind(mount, site, word)),
  ];
}

function least({ capabilities }: Container): string[] {
  const names = capabilities.map((name) => `CAP_${name}`);
  return ['--no-privs', ...(names.length > 0 ? [`--add-caps=${names.join(',')}`] : [])];
}

/** A field as CSV has it (RFC 4180). */
const field = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function bind({ kind, from, to, readOnly }: Mount, { files }: Site, word: Word): string {
  const mode = readOnly ? ':ro' : '';
  // There are no named volumes: a directory stands for each.
  if (kind === 'volume' || (kind === 'config' && files === undefined)) {
    return `--bind ${beside(from)}:${word(`${to}${mode}`)}`;
  }
  const source = kind === 'config' ? `${files}/${from}` : from;
  // --bind cannot have these in a path; --mount is CSV.
  if (/[:,"\\]/.test(`${source}${to}`)) {
    const fields = ['type=bind', `source=${source}`, `destination=${to}`, ...(readOnly ? ['ro'] : [])];
    return `--mount ${word(fields.map(field).join(','))}`;
  }
  return `--bind ${word(`${source}:${to}${mode}`)}`;
}
