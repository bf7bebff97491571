/** Every line of the mission's README that starts a container does what it says there. */
import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { type Container, imageOf, isHealthy, privileged, startContainer } from '../support/containers.ts';
import { freePort } from '../support/etcd.ts';
import { type HostFiles, makeHostFiles, startHostsMunged } from '../support/host-files.ts';
import { clusterOf } from '../support/maestro.ts';
import { testNeeding } from '../support/needs.ts';
import { until } from '../support/program.ts';
import { missionLines } from './mission.ts';

type Optional = "the host's munge" | 'a key' | 'none';

/** The words of a line, with those in brackets that a test wants. */
function wordsOf(line: string, wanted: Optional): string[] {
  const chosen = line.replace(/\[ (.*?) \]/g, (_, optional: string) => {
    if (wanted === 'none') return '';
    const isHosts = optional.includes('/run/munge');
    const isKey = optional.includes('munge.key');
    return (isHosts && wanted !== "the host's munge") || (isKey && wanted !== 'a key') ? '' : optional;
  });
  return chosen.split(/\s+/).filter(Boolean);
}

/** A line as it can be run here, with ports, names and paths of this test's. */
interface Adapted {
  readonly options: readonly string[];
  readonly mode: 'samp' | 'agg' | 'maestro' | 'ui' | 'grafana';
  readonly args: readonly string[];
}

async function adapt(
  words: readonly string[],
  files: HostFiles,
  hostsMunge: string | undefined,
): Promise<Adapted> {
  const at = words.findIndex((word) => word.startsWith('ovishpc/'));
  const mode = (words[at] ?? '').replace('ovishpc/ldms-', '') as Adapted['mode'];
  const port = await freePort();
  const namesPort = words.some((word) => /<PORT>|:411$/.test(word));
  const options = words.slice(2, at).flatMap((word, index, all) => {
    // A name of its own is chosen for each container, since several tests run at a time.
    if (word.startsWith('--name=') || word === '-d') return [];
    if (word === '--privileged') return privileged;
    // What listens where it does by default has a network of its own here, so that it can.
    if (word === '--network=host' && !namesPort) return ['--network=none'];
    if (all[index - 1] !== '-v')
      return [word.replace('<NUMBER>', '7').replace('<ADDR>', '127.0.0.1').replace('<PORT>', String(port))];
    const [source = '', ...rest] = word.split(':');
    const file = source === '/run/munge' ? (hostsMunge ?? '') : files.path(source.replace(/.*\//, ''));
    return [[file, ...rest].join(':')];
  });
  const args = words.slice(at + 1).map((word) =>
    word
      .replace('<XPRT>', 'sock')
      .replace('<ADDR>', '127.0.0.1')
      .replace(/<PORT>|(?<=:)411$/, String(port)),
  );
  return { options, mode, args };
}

const becomes: Record<Adapted['mode'], RegExp> = {
  samp: /\/opt\/ovis\/sbin\/ldmsd -F/,
  agg: /\/opt\/ovis\/sbin\/ldmsd -F/,
  maestro: /^\/usr\/local\/bin\/ldms-entrypoint maestro/,
  ui: /^uwsgi /,
  grafana: /grafana-server/,
};
// maestro has no handler for SIGTERM, and its end is the container's.
const stopCode: Record<Adapted['mode'], number> = { samp: 0, agg: 0, maestro: 143, ui: 0, grafana: 0 };

async function checkLine(line: string, wanted: Optional): Promise<void> {
  const usesMunge = line.includes('/run/munge:') && (wanted === "the host's munge" || !line.includes('['));
  const files = makeHostFiles(clusterOf(4, wanted === 'none' && line.includes('[') ? 'none' : 'munge'));
  const hostsMunge = usesMunge ? await startHostsMunged(files) : undefined;
  if (wanted === 'a key') files.key();
  const { options, mode, args } = await adapt(wordsOf(line, wanted), files, hostsMunge);
  const container = await startContainer(options, imageOf(mode), args);
  await isHealthy(container);

  const running = await container.commandLines();
  expect(running[0], 'the leader process').toMatch(becomes[mode]);
  for (const arg of args) expect(running[0]).toContain(arg);
  const mungeds = running.filter((command) => command.startsWith('munged') || command.includes('/munged '));
  expect(mungeds, running.join('\n')).toHaveLength(
    wanted === 'a key' && mode !== 'ui' && mode !== 'grafana' ? 1 : 0,
  );
  if (mode !== 'maestro') {
    expect(
      running.filter((command) => command.includes('bin/ldms-entrypoint')),
      'what is left of us',
    ).toEqual([]);
  }
  await hasVariables(container, options);
  await stops(container, stopCode[mode]);
}

async function hasVariables(container: Container, options: readonly string[]): Promise<void> {
  const { pid } = await container.state();
  const environ = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  for (const [index, word] of options.entries())
    if (word === '-e') expect(environ).toContain(options[index + 1]);
}

/** docker's KILL comes after 10 s, and would leave 137. */
async function stops(container: Container, code: number): Promise<void> {
  const ms = await container.stop();
  expect(ms, 'how long docker stop took, in ms').toBeLessThan(5_000);
  expect((await container.state()).exitCode).toBe(code);
}

describe.each(missionLines)('$section', ({ line }) => {
  const [, image = ''] = /ovishpc\/(\S+)/.exec(line) ?? [];
  const hasMunge = line.includes('/run/munge');
  const ways: Optional[] = !line.includes('[')
    ? ["the host's munge"]
    : hasMunge
      ? ['none', "the host's munge", 'a key']
      : ['none', 'a key'];
  for (const wanted of ways) {
    const title = !line.includes('[')
      ? `${image} starts, serves and stops`
      : wanted === 'none'
        ? `${image} starts, serves and stops without the optional words`
        : hasMunge
          ? `${image} starts, serves and stops with the optional words, and ${wanted}`
          : `${image} starts, serves and stops with the optional words`;
    testNeeding(['docker engine', 'munged', 'root'], title, () => checkLine(line, wanted));
  }
});

describe('dsosd beside ldmsd', () => {
  const needs = ['docker engine', 'root'];
  const agg = async (options: readonly string[] = []): Promise<Container> => {
    const files = makeHostFiles('');
    files.write('dsosd.json', '{"agg": {"dsos_cont": "/storage/cont"}}');
    const mounts = ['--hostname=agg', '-v', `${files.path('dsosd.json')}:/etc/dsosd.json:ro`];
    const container = await startContainer(
      // rpcbind has one port, which the host's may have.
      ['--network=none', ...mounts, ...options],
      imageOf('agg'),
      ['-x', 'sock:411'],
    );
    await isHealthy(container);
    return container;
  };
  const serves = 'dsosd (stand-in, not the real dsosd): dsos_cont at /storage/cont';

  testNeeding(needs, 'by hand, as EXAMPLES has it: rpcbind and dsosd through docker exec', async () => {
    const container = await agg();
    const line = 'rpcbind ; export DSOSD_DIRECTORY=/etc/dsosd.json ; dsosd > /var/log/dsosd.log 2>&1 &\n';
    expect((await container.exec(['/bin/bash'], line)).code).toBe(0);
    await until('dsosd serves', async () =>
      (await container.exec(['cat', '/var/log/dsosd.log'])).stdout.includes(serves),
    );
  });

  testNeeding(
    needs,
    'by LDMS_ENTRYPOINT_DSOSD=1: with the real rpcbind, and stopped with ldmsd',
    async () => {
      const container = await agg(['-e', 'LDMS_ENTRYPOINT_DSOSD=1']);
      await until('dsosd serves', async () => {
        const { stdout, stderr } = await container.logs();
        return `${stdout}${stderr}`.includes(serves);
      });
      expect((await container.exec(['rpcinfo', '-p'])).stdout).toMatch(/100000 .* 111 +portmapper/);
      await stops(container, 0);
    },
  );
});
