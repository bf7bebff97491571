/** The images: how large our part of them is, and what `docker run` takes longer because of us. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { inspectImage } from '../../images/build/engine.ts';
import { type ImageName, imageNames } from '../../images/build/images.ts';
import { engine, imageOf } from '../support/containers.ts';
import { freePort } from '../support/etcd.ts';
import { missionSettings } from '../support/mission-settings.ts';
import { repository, until } from '../support/program.ts';
import { inMs, leftOut, median, now, type Part, progress, table } from './table.ts';

const docker = { name: 'docker' } as const;
const binaryLimit = 120e6;
const limitsMs = { plain: 60, munge: 120 };

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** Both tables; what they need is built by the container tests. */
export async function images(rounds: number): Promise<Part[]> {
  const { failed } = await execa('docker', ['info'], { reject: false });
  if (failed) return [leftOut('the images', 'a docker engine')];
  if (!(await inspectImage(docker, imageOf('samp')))) {
    return [leftOut('the images', "the container tests' images (npm test makes them)")];
  }
  return [await sizes(), await overhead(rounds), await stops()];
}

/** What is ours in each image, by the commands that made its layers. */
async function sizes(): Promise<Part> {
  const binary = statSync(join(repository, 'dist/ldms-entrypoint')).size;
  const common = await inspectImage(docker, imageOf('common'));
  const lines: string[][] = [];
  for (const name of imageNames) {
    const image = await inspectImage(docker, imageOf(name));
    if (!image || !common) continue;
    const { stdout } = await engine([
      'history',
      '--no-trunc',
      '--human=false',
      '--format',
      '{{.Size}}\t{{.CreatedBy}}',
      // The others have nothing of ours beside what they share.
      imageOf(name === 'grafana' ? name : 'common'),
    ]);
    const layers = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t'));
    const isOurs = (command = '') => /COPY (dir:\S+ in|scripts|program|files) \/ /.test(command);
    const ours = layers
      .filter(([, command]) => isOurs(command))
      .reduce((sum, [size]) => sum + Number(size), 0);
    const shared = common.layers.every((layer, at) => image.layers[at] === layer);
    lines.push([
      `ldms-${name}`,
      megabytes(image.size),
      megabytes(ours),
      shared ? 'with the other Debian images' : 'no',
    ]);
  }
  const head = ['image', 'size', 'of that: ours', 'shared'];
  const binaryLine = `The program is ${megabytes(binary)} on disk (limit ${megabytes(binaryLimit)}), once for the Debian images. grafana's own image is a stand-in here.\n`;
  return {
    text: `${table(head, lines)}\n${binaryLine}`,
    over: binary > binaryLimit ? ['the size of the program'] : [],
  };
}

interface Case {
  readonly what: string;
  readonly options: readonly string[];
  readonly args: readonly string[];
  readonly taken: number[];
}

/** From `docker run` until ldmsd accepts connections, with and without us, in turn. */
async function overhead(rounds: number): Promise<Part> {
  // A volume with a key of munge's own, as a host would have it.
  const volume = `ldms-bench-${process.pid}`;
  const make = 'mungekey --create --keyfile=/etc/munge/munge.key && chown munge:munge /etc/munge/munge.key';
  await engine(['run', '--rm', '-v', `${volume}:/etc/munge`, '--entrypoint=sh', imageOf('samp'), '-c', make]);
  const direct = ['--entrypoint=/opt/ovis/sbin/ldmsd'];
  const withMunge = ['-v', `${volume}:/etc/munge:ro`];
  const cases: Case[] = [
    { what: 'ldmsd as ENTRYPOINT', options: direct, args: ['-F'], taken: [] },
    { what: 'ldms-entrypoint, no munge', options: [], args: [], taken: [] },
    {
      what: 'ldms-entrypoint, a munged of our own',
      options: [...withMunge, '-e', 'LDMS_ENTRYPOINT_MUNGE=container'],
      args: [],
      taken: [],
    },
  ];
  for (let round = -1; round < rounds; round++) {
    for (const { options, args, taken } of cases) {
      const ms = await untilListens(options, args);
      if (round >= 0) taken.push(ms);
    }
    progress(`docker run, round ${Math.max(0, round + 1)} of ${rounds} `);
  }
  progress('');
  await engine(['volume', 'rm', volume]);
  const [bare = Number.NaN, plain = Number.NaN, munge = Number.NaN] = cases.map(({ taken }) => median(taken));
  const lines = cases.map(({ what, taken }, at) => [
    what,
    inMs(median(taken)),
    at === 0 ? '' : inMs(median(taken) - bare),
    at === 0 ? '' : inMs(at === 1 ? limitsMs.plain : limitsMs.munge),
    String(taken.length),
  ]);
  const head = ['from docker run until ldmsd (a stand-in) listens', 'median', 'overhead', 'limit', 'runs'];
  return {
    text: table(head, lines),
    over: [
      ...(plain - bare > limitsMs.plain ? ['docker run without munge'] : []),
      ...(munge - bare > limitsMs.munge ? ['docker run with a munged of our own'] : []),
    ],
  };
}

async function untilListens(options: readonly string[], args: readonly string[]): Promise<number> {
  const port = await freePort();
  const name = `ldms-bench-${process.pid}-${port}`;
  const begun = now();
  const started = engine([
    'run',
    '-d',
    `--name=${name}`,
    '--network=host',
    ...options,
    imageOf('samp'),
    ...args,
    '-x',
    `sock:${port}`,
  ]);
  await until('ldmsd listens', () => accepts(port));
  const ms = now() - begun;
  await started;
  await engine(['rm', '-f', '-v', name]);
  return ms;
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => resolve(false));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });

const stopLimitMs = 1_000;
const stopRounds = 3;

/** `docker stop` of a container that serves, for each image. */
async function stops(): Promise<Part> {
  const directory = mkdtempSync(join(tmpdir(), 'ldms-bench-'));
  const file = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const mount = (path: string, at: string) => ['-v', `${path}:${at}:ro`];
  const cases: Record<ImageName, { options: string[]; args: string[] }> = {
    dev: { options: ['-i', '-t'], args: [] },
    samp: { options: [], args: ['-x', 'sock:411'] },
    agg: { options: [], args: ['-x', 'sock:411'] },
    maestro: { options: mount(file('ldms_cfg.yaml', oneSampler), '/etc/ldms_cfg.yaml'), args: [] },
    ui: {
      options: [
        ...mount(file('dsosd.conf', 'cygnus-07\n'), '/opt/ovis/etc/dsosd.conf'),
        ...mount(file('settings.py', missionSettings), '/opt/ovis/ui/sosgui/settings.py'),
      ],
      args: [],
    },
    grafana: { options: [], args: [] },
  };
  const lines: string[][] = [];
  const over: string[] = [];
  for (const image of imageNames) {
    const taken: number[] = [];
    let code = '';
    for (let round = 0; round < stopRounds; round++) {
      const name = `ldms-bench-${process.pid}-${image}`;
      const { options, args } = cases[image];
      await engine(['run', '-d', `--name=${name}`, '--network=none', ...options, imageOf(image), ...args]);
      const ready = image === 'dev' ? ['true'] : ['ldms-entrypoint', 'health'];
      await until(`${image} serves`, async () => (await engine(['exec', name, ...ready])).code === 0);
      const begun = now();
      await engine(['stop', name]);
      taken.push(now() - begun);
      code = (await engine(['inspect', '--format', '{{.State.ExitCode}}', name])).stdout.trim();
      await engine(['rm', '-f', '-v', name]);
    }
    lines.push([`ldms-${image}`, `${stopLimitMs} ms`, inMs(median(taken)), code, String(taken.length)]);
    if (median(taken) > stopLimitMs) over.push(`docker stop of ${image}`);
  }
  rmSync(directory, { recursive: true });
  return { text: table(['docker stop', 'limit', 'median', 'exit code', 'runs'], lines), over };
}

const oneSampler = `daemons:
  - names: "samp-1"
    hosts: "127.0.0.1"
    endpoints:
      - names: "samp-1-ep"
        ports: "411"
        maestro_comm: True
        xprt: sock
        auth: { name: none, plugin: none }
samplers:
  - daemons: "samp-1"
    plugins:
      - name: meminfo
        interval: 1s
        config: [{ perm: "0777" }]
`;
