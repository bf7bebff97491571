/**
 * The six images as containers of a real engine, side by side: what each becomes, that it serves, and
 * how all of them stop at once.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Engine, findEngine, inspectImage } from '../../images/build/engine.ts';
import { type ImageName, imageNames } from '../../images/build/images.ts';
import { BuilderError } from '../../images/build/problem.ts';
import { missionSettings } from '../support/mission-settings.ts';
import {
  allAtOnce,
  type Docker,
  dockerOf,
  type Seen,
  startSeen,
  stopSeen,
  tellEnds,
  untilServes,
  wasKilled,
} from './engine.ts';
import { freePorts } from './ports.ts';
import { type Patience, until } from './proc.ts';
import { event, line, paragraph, remark, table } from './timeline.ts';

/** A container of the demo's. */
interface Node extends Seen {
  readonly name: ImageName;
  readonly image: string;
  readonly options: readonly string[];
  readonly args: readonly string[];
}

/**
 * Starts, shows and stops them.
 *
 * @param namespace what stands before ldms-samp in the images' names
 * @param stay waits until the user wants an end
 * @returns whether everything ended as it should
 */
export async function demonstrateContainers(
  directory: string,
  namespace: string,
  patience: Patience,
  stay: () => Promise<void>,
): Promise<boolean> {
  const engine = await findEngine(undefined);
  const imageOf = (name: ImageName): string => `${namespace}/ldms-${name}:latest`;
  await wantImages(engine, imageNames.map(imageOf));
  const ports = await freePorts({ samp: 10411, agg: 10421, etcd: 12379, ui: 18080, grafana: 13000 });
  const nodes: Node[] = describeNodes(directory, ports).map((node) => ({
    ...node,
    label: node.name,
    id: `ldms-demo-${process.pid}-${node.name}`,
    image: imageOf(node.name),
  }));
  const docker = dockerOf(engine.name);
  tellPlan(engine, nodes);
  let failed: unknown;
  try {
    await allAtOnce(nodes, patience, (node) => startSeen(node, () => docker(...runWords(node))));
    await allAtOnce(nodes, patience, (node, own) => untilServes(node, askedOf(node), docker, own));
    await tellProcesses(nodes, docker);
    await tellService(nodes, ports, docker, patience);
    await stay();
  } catch (error) {
    failed = patience.stop.aborted ? undefined : error;
    if (failed) event('demo', error instanceof Error ? error.message : String(error), 'wrong');
  }
  event('demo', 'docker stop, all six at once', 'key');
  await Promise.all(nodes.map((node) => stopSeen(node, docker)));
  tellEnds('image', nodes);
  return !failed && !nodes.some(wasKilled);
}

/** What is asked whether it serves; dev, which serves nothing, whether its shell runs. */
const askedOf = ({ name }: Node): string[] => (name === 'dev' ? ['true'] : ['ldms-entrypoint', 'health']);

async function wantImages(engine: Engine, images: readonly string[]): Promise<void> {
  const missing: string[] = [];
  for (const image of images) if (!(await inspectImage(engine, image))) missing.push(image);
  if (missing.length === 0) return;
  throw new BuilderError('unavailable', [
    `${engine.name} has no ${missing.join(', ')}; build them: npm run images -- build --ovis DIR (test/standins/ovis, where there is no OVIS)`,
  ]);
}

/** What maestro is to configure: the one sampler. */
const ldmsCfg = (port: number): string => `daemons:
  - names: "samp-1"
    hosts: "127.0.0.1"
    endpoints:
      - names: "samp-1-ep"
        ports: "${port}"
        xprt: sock
        maestro_comm: True
        auth: { name: munge, plugin: munge }
samplers:
  - daemons: "samp-1"
    plugins:
      - name: meminfo
        interval: 1s
        config: [{ perm: "0777" }]
`;

/** The containers as the README starts them, with files and ports of this demo's. */
function describeNodes(
  directory: string,
  ports: Record<'samp' | 'agg' | 'etcd' | 'ui' | 'grafana', number>,
): Pick<Node, 'name' | 'options' | 'args'>[] {
  const put = (name: string, content: string | Buffer, mode = 0o644) => {
    const path = join(directory, name);
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  };
  const key = put('munge.key', randomBytes(128), 0o600);
  // munge's in the images; whoever is not root leaves it his own, and the containers take that as well.
  if (process.getuid?.() === 0) chownSync(key, 101, 101);
  const pull = [
    `prdcr_add name=samp host=127.0.0.1 port=${ports.samp} xprt=sock type=active interval=1000000`,
    'prdcr_start name=samp',
    'updtr_add name=all interval=1000000 offset=200000',
    'updtr_prdcr_add name=all regex=.*',
    'updtr_start name=all',
  ];
  const withKey = ['-v', `${key}:/etc/munge/munge.key:ro`];
  const mount = (path: string, at: string) => ['-v', `${path}:${at}:ro`];
  return [
    { name: 'dev', options: ['-i', '-t'], args: [] },
    {
      name: 'samp',
      options: ['--pid=host', ...withKey, '-e', 'COMPID=1'],
      args: ['-x', `sock:${ports.samp}`, '-a', 'munge'],
    },
    {
      name: 'agg',
      options: [...withKey, ...mount(put('agg.conf', `${pull.join('\n')}\n`), '/etc/ldms/agg.conf')],
      args: ['-x', `sock:${ports.agg}`, '-a', 'munge', '-c', '/etc/ldms/agg.conf'],
    },
    {
      name: 'maestro',
      options: [
        ...withKey,
        '-e',
        `ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:${ports.etcd}`,
        ...mount(put('ldms_cfg.yaml', ldmsCfg(ports.samp)), '/etc/ldms_cfg.yaml'),
      ],
      args: [],
    },
    {
      name: 'ui',
      options: [
        ...mount(put('dsosd.conf', 'cygnus-07\n'), '/opt/ovis/etc/dsosd.conf'),
        ...mount(put('settings.py', missionSettings), '/opt/ovis/ui/sosgui/settings.py'),
      ],
      args: [`--http-socket=127.0.0.1:${ports.ui}`],
    },
    {
      name: 'grafana',
      options: [
        '-e',
        'GF_SERVER_HTTP_ADDR=127.0.0.1',
        '-e',
        `GF_SERVER_HTTP_PORT=${ports.grafana}`,
        '-e',
        `LDMS_ENTRYPOINT_DSOSDS_URL=http://127.0.0.1:${ports.ui}`,
      ],
      args: [],
    },
  ];
}

function tellPlan(engine: Engine, nodes: readonly Node[]): void {
  paragraph(
    `The six images as containers of ${engine.name} ${engine.version}, all on the host's network. The times are milliseconds.`,
  );
  line();
  for (const node of nodes) {
    paragraph(`docker run -d --network=host ${[...node.options, node.image, ...node.args].join(' ')}`, '  ');
  }
  line();
}

const runWords = ({ id, options, image, args }: Node): string[] => [
  'run',
  '-d',
  `--name=${id}`,
  '--network=host',
  ...options,
  image,
  ...args,
];

async function tellProcesses(nodes: readonly Node[], docker: Docker): Promise<void> {
  const rows: string[][] = [];
  for (const node of nodes) {
    const { stdout } = await docker('top', node.id, '-eo', 'pid,args');
    const processes = stdout
      .split('\n')
      .slice(1)
      .map((row) => row.trim().replace(/^\d+\s+/, ''));
    rows.push([
      node.name,
      ...[processes[0] ?? '', processes.slice(1).map(shortName).join(', ')].map((text) => cut(text)),
    ]);
  }
  table([['image', 'leader process', 'beside it'], ...rows]);
  remark('Nothing of ldms-entrypoint is left but in maestro, which it leads.');
  line();
}

const cut = (text: string): string => (text.length > 60 ? `${text.slice(0, 59)}…` : text);

function shortName(command: string): string {
  const words = command.split(' ').map((word) => word.replace(/.*\//, ''));
  return words.find((word) => !/^(python3?|node|-.*)$/.test(word)) ?? command;
}

async function tellService(
  nodes: readonly Node[],
  ports: Record<'agg' | 'ui' | 'grafana', number>,
  docker: Docker,
  patience: Patience,
): Promise<void> {
  const agg = nodes.find(({ name }) => name === 'agg');
  if (!agg) return;
  const words = ['ldms_ls', '-h', 'localhost', '-x', 'sock', '-p', String(ports.agg), '-a', 'munge'];
  const sets = await until(
    'agg',
    "the sampler's metric set",
    async () => {
      const { stdout } = await docker('exec', agg.id, ...words);
      return stdout.includes('/meminfo') && stdout.trim();
    },
    patience,
  );
  event('agg', `${words.join(' ')}: ${sets}`, 'key');
  for (const [name, path] of [
    ['ui', '/grafana/'],
    ['grafana', '/api/health'],
  ] as const) {
    const url = `http://127.0.0.1:${ports[name]}${path}`;
    const response = await fetch(url, { signal: patience.stop });
    event(name, `GET ${url}: ${response.status}`, 'key');
  }
}
