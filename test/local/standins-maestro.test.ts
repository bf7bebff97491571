/** The stand-ins for maestro and maestro_ctrl against a real etcd: other tests lean on what is shown here. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { put } from '../standins/etcd.ts';
import { atOnce, livesOf, readBeats } from '../support/beats.ts';
import { clusterYaml, etcdGet, freePort, type RunningEtcd, startEtcd } from '../support/etcd.ts';
import { commandLine, isAlive, processesNaming } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { type Result, repository, run, type Started, start, until } from '../support/program.ts';
import { makeSite, type Site } from '../support/site.ts';

const bin = join(repository, 'test/standins/bin');
const saved = 'LDMS cluster configuration saved to etcd cluster.\n';

const configuration = `
daemons:
  - names: "samp-[1-2]"
    hosts: "node[01-02]"
    endpoints:
      - names: "samp-[1-2]-411"
        ports: "411"
        maestro_comm: True
        xprt: sock
        auth: { name: munge1, plugin: munge }
  - names: agg
    hosts: head
    endpoints:
      - names: agg-412
        ports: 412
        xprt: sock
        auth: { name: none, plugin: none }
aggregators:
  - daemons: agg
    peers: []
samplers:
  - daemons: "samp-[1-2]"
    plugins:
      - name: meminfo
        interval: 1s
        config: [{ perm: "0777" }]
stores:
  - name: store
    daemons: agg
    container: cont
    plugin: { name: store_sos, config: [{ path: /store }] }
`;

/** What the configuration becomes, below the prefix. */
const keys = {
  'daemons/samp-[1-2]/samp-1/addr': 'node01',
  'daemons/samp-[1-2]/samp-1/endpoints/samp-1-411/name': 'samp-1-411',
  'daemons/samp-[1-2]/samp-1/endpoints/samp-1-411/port': '411',
  'daemons/samp-[1-2]/samp-1/endpoints/samp-1-411/xprt': 'sock',
  'daemons/samp-[1-2]/samp-1/endpoints/samp-1-411/maestro_comm': 'True',
  'daemons/samp-[1-2]/samp-1/endpoints/samp-1-411/auth/name/name': 'munge1',
  'daemons/samp-[1-2]/samp-1/endpoints/samp-1-411/auth/name/plugin': 'munge',
  'daemons/samp-[1-2]/samp-1/endpoints/samp-1-411/auth/plugin': 'munge',
  'daemons/samp-[1-2]/samp-2/addr': 'node02',
  'daemons/samp-[1-2]/samp-2/endpoints/samp-2-411/name': 'samp-2-411',
  'daemons/samp-[1-2]/samp-2/endpoints/samp-2-411/port': '411',
  'daemons/samp-[1-2]/samp-2/endpoints/samp-2-411/xprt': 'sock',
  'daemons/samp-[1-2]/samp-2/endpoints/samp-2-411/maestro_comm': 'True',
  'daemons/samp-[1-2]/samp-2/endpoints/samp-2-411/auth/name/name': 'munge1',
  'daemons/samp-[1-2]/samp-2/endpoints/samp-2-411/auth/name/plugin': 'munge',
  'daemons/samp-[1-2]/samp-2/endpoints/samp-2-411/auth/plugin': 'munge',
  'daemons/agg/agg/addr': 'head',
  'daemons/agg/agg/endpoints/agg-412/name': 'agg-412',
  'daemons/agg/agg/endpoints/agg-412/port': '412',
  'daemons/agg/agg/endpoints/agg-412/xprt': 'sock',
  'daemons/agg/agg/endpoints/agg-412/auth/name/name': 'none',
  'daemons/agg/agg/endpoints/agg-412/auth/name/plugin': 'none',
  'daemons/agg/agg/endpoints/agg-412/auth/plugin': 'none',
  'aggregators/agg/agg/state': 'stopped',
  'samplers/samp-[1-2]/daemons': 'samp-[1-2]',
  'samplers/samp-[1-2]/plugins/000000/name': 'meminfo',
  'samplers/samp-[1-2]/plugins/000000/interval': '1s',
  'samplers/samp-[1-2]/plugins/000000/config/000000/perm': '0777',
  'stores/agg/store/name': 'store',
  'stores/agg/store/daemons': 'agg',
  'stores/agg/store/container': 'cont',
  'stores/agg/store/plugin/name': 'store_sos',
  'stores/agg/store/plugin/config/000000/path': '/store',
};

const below = (prefix: string, of: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(of).map(([key, value]) => [`/${prefix}/${key}`, value]));

interface Place {
  readonly site: Site;
  readonly etcd: RunningEtcd;
  ctrl(modes?: NodeJS.ProcessEnv): Promise<Result>;
  startCtrl(modes: NodeJS.ProcessEnv): Started;
  maestro(modes?: NodeJS.ProcessEnv): Started;
  /** What is below /m. */
  stored(): Promise<Record<string, string>>;
}

/** A site with the files and an etcd, in which there is an old configuration that deserves to be replaced. */
async function makePlace(config = configuration): Promise<Place> {
  const site = makeSite();
  const etcd = await startEtcd(site);
  const cluster = ['--prefix', 'm', '--cluster', site.write('cluster.yaml', clusterYaml(etcd.port))];
  const ctrlWords = [...cluster, '--ldms_config', site.write('ldms.yaml', config)];
  await put(etcd.url, '/m/daemons/old/old/addr', 'gone');
  const begin = (name: string, words: string[], modes: NodeJS.ProcessEnv) => {
    const started = start(join(bin, name), words, { env: { ...site.env, ...modes } });
    onTestFinished(() => started.kill('SIGKILL'));
    return started;
  };
  return {
    site,
    etcd,
    ctrl: (modes = {}) => begin('maestro_ctrl', ctrlWords, modes).ended,
    startCtrl: (modes) => begin('maestro_ctrl', ctrlWords, modes),
    maestro: (modes = {}) => begin('maestro', cluster, modes),
    stored: () => etcdGet(etcd.url, '/m/'),
  };
}

const old = { '/m/daemons/old/old/addr': 'gone' };

describe('maestro_ctrl', () => {
  testNeeding(['etcd'], 'replaces what is below the prefix, and says so in one line', async () => {
    const { ctrl, stored, etcd } = await makePlace();
    await put(etcd.url, '/other/key', 'stays');
    await put(etcd.url, '/m2/key', 'goes: its name begins with the prefix');
    const before = Date.now() / 1000;
    const { code, stdout, stderr } = await ctrl();
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: saved, stderr: 'maestro_ctrl (stand-in)\n' });
    const { '/m/last_updated': updated, ...rest } = await stored();
    expect(rest).toEqual(below('m', keys));
    expect(Number(updated)).toBeGreaterThanOrEqual(before);
    expect(await etcdGet(etcd.url, '/other')).toEqual({ '/other/key': 'stays' });
    expect(await etcdGet(etcd.url, '/m2')).toEqual({});
  });

  testNeeding(['etcd'], 'takes --name=value and names cut short', async () => {
    const { etcd, site } = await makePlace();
    const words = ['--pre=x', `--c=${site.path('cluster.yaml')}`, '--ld', site.path('ldms.yaml')];
    expect((await run(join(bin, 'maestro_ctrl'), words)).stdout).toBe(saved);
    expect(await etcdGet(etcd.url, '/x/')).toMatchObject(below('x', keys));
  });

  test.each([
    [[], 'the following arguments are required: --ldms_config'],
    [['--ldms_config'], 'argument --ldms_config: expected one argument'],
    [['--ldms_config', '--debug'], 'argument --ldms_config: expected one argument'],
    [['--l', 'x'], 'ambiguous option: --l could match --ldms_config, --local, --local_path'],
    [['--ldms_config', 'x', '--foo', 'bar'], 'unrecognized arguments: --foo bar'],
  ])('bad usage is 2, with the usage on stderr: %j', async (words, why) => {
    const { code, stdout, stderr } = await run(join(bin, 'maestro_ctrl'), words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^usage: maestro_ctrl \[-h\] --ldms_config FILE/);
    expect(stderr).toContain(`maestro_ctrl: error: ${why}\n`);
  });

  test.each([
    ['no such file', undefined, /FileNotFoundError: .*ldms\.yaml/],
    ['no YAML', 'daemons: [', /yaml\.parser\.ParserError/],
    ['an empty file', '', /TypeError/],
    ['no daemons', 'samplers: []', /KeyError: 'daemons'/],
    ['a daemon without hosts', 'daemons: [{names: a, endpoints: []}]', /ValueError: .*'hosts'.*"daemons"/],
    [
      'an endpoint without ports',
      'daemons: [{names: a, hosts: a, endpoints: [{names: a}]}]',
      /ValueError: .*'ports'.*"endpoints"/,
    ],
  ])('%s as configuration is 1, with one line on stderr', async (_, config, line) => {
    const site = makeSite();
    if (config !== undefined) site.write('ldms.yaml', config);
    const words = [
      '--ldms_config',
      site.path('ldms.yaml'),
      '--cluster',
      site.write('cluster.yaml', clusterYaml(1)),
    ];
    const { code, stdout, stderr } = await run(join(bin, 'maestro_ctrl'), words);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.trimEnd().split('\n').slice(1)).toEqual([expect.stringMatching(line)]);
  });

  test.each([
    ['no such file', undefined, /FileNotFoundError: .*cluster\.yaml/],
    ['no members', 'hosts: []', /KeyError: 'members'/],
    ['no port', 'members: [{host: a}]', /KeyError: 'port'/],
  ])('%s as cluster is 1 for both programs', async (_, cluster, line) => {
    const site = makeSite();
    if (cluster !== undefined) site.write('cluster.yaml', cluster);
    const words = ['--cluster', site.path('cluster.yaml'), '--prefix', 'm'];
    const config = ['--ldms_config', site.write('ldms.yaml', configuration)];
    for (const [name, more] of [['maestro_ctrl', config] as const, ['maestro', []] as const]) {
      const { code, stdout, stderr } = await run(join(bin, name), [...words, ...more]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(line);
    }
  });

  testNeeding(
    ['etcd'],
    'daemons that are no list: it says so, saves nothing, and the exit code is 0',
    async () => {
      const { ctrl, stored } = await makePlace('daemons: { names: a }\n');
      const { code, stdout } = await ctrl();
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringContaining('daemons spec must be a list'),
      });
      expect(stdout).not.toContain('saved');
      expect(await stored()).toEqual(old);
    },
  );

  testNeeding(['etcd'], 'with etcd down the error is told, and the exit code is 0', async () => {
    const { ctrl, etcd } = await makePlace();
    await etcd.stop();
    const { code, stdout } = await ctrl();
    expect(code).toBe(0);
    expect(stdout).toMatch(/ECONNREFUSED.*\nError saving ldms cluster configuration to etcd cluster\.\n$/);
  });

  testNeeding(['etcd'], 'a value that etcd refuses is told, and all else is saved', async () => {
    const big = 'x'.repeat(1_600_000);
    const { ctrl, stored } = await makePlace(`${configuration}    comment: ${big}\n`);
    const { code, stdout } = await ctrl();
    expect(code).toBe(0);
    const refused = `Error etcdserver: request is too large setting /m/stores/agg/store/comment : ${big}\n`;
    expect(stdout === `${refused}${saved}`, stdout.slice(0, 500)).toBe(true);
    const { '/m/last_updated': _, ...rest } = await stored();
    expect(rest).toEqual(below('m', keys));
  });

  testNeeding(['etcd'], 'a "/" in a name ends it with 1, midway', async () => {
    const { ctrl, stored } = await makePlace(configuration.replace('perm:', 'a/b:'));
    const { code, stdout } = await ctrl();
    expect(code).toBe(1);
    expect(stdout).toBe('Error: "/" is not a supported character in key name a/b\n');
    expect(await stored()).toMatchObject(below('m', { 'daemons/agg/agg/addr': 'head' }));
    expect(await stored()).not.toHaveProperty('/m/last_updated');
  });

  testNeeding(['etcd'], 'fails on demand before it does anything', async () => {
    const { ctrl, stored, site } = await makePlace();
    for (const [mode, code, stdout] of [
      ['exit-3', 3, ''],
      ['crash', 139, ''],
      ['refuse', 0, expect.stringContaining('must be a list')],
      ['not-saved', 0, saved],
      ['slow-50,exit-4', 4, ''],
      ['slow', 70, ''],
    ] as const) {
      const result = await ctrl({ STANDIN_CTRL: mode });
      expect({ mode, code: result.code, stdout: result.stdout }).toEqual({ mode, code, stdout });
      expect(await stored(), mode).toEqual(old);
    }
    const file = { STANDIN_CTRL: 'exit-3', STANDIN_CTRL_FILE: site.path('mode') };
    expect((await ctrl(file)).code, 'no such file: the variable counts').toBe(3);
    site.write('mode', 'exit-5\n');
    expect((await ctrl(file)).code, 'the file counts').toBe(5);
    site.write('mode', '');
    expect((await ctrl(file)).stdout, 'an empty file asks for nothing').toBe(saved);
    expect(await stored()).toMatchObject(below('m', keys));
  });

  testNeeding(['etcd'], 'slow-N: begins after that time', async () => {
    const { ctrl } = await makePlace();
    const begun = performance.now();
    expect((await ctrl({ STANDIN_CTRL: 'slow-700' })).stdout).toBe(saved);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(699);
  });

  testNeeding(['etcd'], 'put-error: one key is missing, and it tells of success all the same', async () => {
    const { ctrl, stored } = await makePlace();
    const { code, stdout } = await ctrl({ STANDIN_CTRL: 'put-error' });
    const [[lost = '', value] = [], ...others] = Object.entries(keys);
    const told = `Error the stand-in was told to fail setting /m/${lost} : ${value}\n${saved}`;
    expect({ code, stdout }).toEqual({ code: 0, stdout: told });
    const { '/m/last_updated': updated, ...rest } = await stored();
    expect(rest).toEqual(below('m', Object.fromEntries(others)));
    expect(updated).toBeDefined();
  });

  /** The half that is written when it ends or hangs midway. */
  const half = below('m', Object.fromEntries(Object.entries(keys).slice(0, 17)));

  testNeeding(
    ['etcd'],
    'midway: the old configuration is gone, half of the new one is there, 1',
    async () => {
      const { ctrl, stored } = await makePlace();
      const { code, stdout } = await ctrl({ STANDIN_CTRL: 'midway' });
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(await stored()).toEqual(half);
    },
  );

  testNeeding(['etcd'], 'hang: stays midway until SIGTERM', async () => {
    const { startCtrl, stored } = await makePlace();
    const ctrl = startCtrl({ STANDIN_CTRL: 'hang' });
    await until('it hangs', () => ctrl.stderr().includes('hangs'));
    expect(await stored()).toEqual(half);
    expect(isAlive(ctrl.pid)).toBe(true);
    ctrl.kill('SIGTERM');
    expect((await ctrl.ended).code).toBe(143);
  });

  testNeeding(['etcd'], 'hang-hard: SIGTERM does nothing', async () => {
    const { startCtrl } = await makePlace();
    const ctrl = startCtrl({ STANDIN_CTRL: 'hang-hard' });
    await until('it hangs', () => ctrl.stderr().includes('hangs'));
    ctrl.kill('SIGTERM');
    await until('SIGTERM has come', () => ctrl.stderr().includes('SIGTERM ignored'));
    ctrl.kill('SIGKILL');
    expect((await ctrl.ended).code).toBe(137);
  });
});

describe('maestro', () => {
  const changes = (maestro: Started) => maestro.stdout().match(/configuration changed/g)?.length ?? 0;
  const configured = (maestro: Started) =>
    until('maestro is configured', () => /daemons configured.*\n/.test(maestro.stdout()));

  testNeeding(['etcd'], 'etcd down, or nothing below the prefix: 1', async () => {
    const { maestro, ctrl, etcd, site } = await makePlace();
    expect((await ctrl()).stdout).toBe(saved);
    const words = ['--cluster', site.path('cluster.yaml'), '--prefix'];
    const none = await run(join(bin, 'maestro'), [...words, 'no-such']);
    expect(none).toEqual({ code: 1, stdout: '', stderr: "KeyError: 'no-such'\n" });
    await put(etcd.url, '/m2/daemons/a/a/addr', 'a neighbour');
    expect((await run(join(bin, 'maestro'), [...words, '/'])).code).toBe(1);
    await etcd.stop();
    const { code, stdout, stderr } = await maestro().ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Unable to connect to etcd: .*ECONNREFUSED/);
  });

  test('bad usage is 2, with the usage on stderr', async () => {
    const { code, stdout, stderr } = await run(join(bin, 'maestro'), ['--prefix', 'm']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^usage: maestro .*\nmaestro: error: .*required: --cluster\n$/);
  });

  test.each(['maestro', 'maestro_ctrl'])('%s --help says that it is a stand-in', async (name) => {
    const { code, stdout } = await run(join(bin, name), ['--help']);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining('A stand-in, not the real'),
    });
  });

  testNeeding(
    ['etcd'],
    'tells its configuration, and again when last_updated is set, only then',
    async () => {
      const { maestro, ctrl, etcd, site } = await makePlace();
      await ctrl();
      const child = maestro();
      await configured(child);
      expect(readFileSync(`/proc/${child.pid}/comm`, 'utf8')).toBe('maestro\n');
      await put(etcd.url, '/m/daemons/agg/agg-2/addr', 'nobody is told of it');
      site.write(
        'ldms.yaml',
        configuration.replace('samp-[1-2]"', 'samp-[1-1]"').replace('[01-02]', '[01-01]'),
      );
      expect((await ctrl()).stdout).toBe(saved);
      await until('it notices', () => changes(child) > 0);
      expect((await ctrl()).stdout).toBe(saved);
      await until('it notices again', () => changes(child) > 1 && child.stdout().endsWith('\n'));
      // Neither the key that was set before nor the deletion before each saving is a change of its own.
      const told = (words: string) =>
        expect.stringMatching(`^maestro \\(stand-in\\): ${words} daemons configured, last_updated \\d`);
      expect(child.stdout().trimEnd().split('\n')).toEqual([
        told('3'),
        told('configuration changed: 2'),
        told('configuration changed: 2'),
      ]);
      expect(child.stderr()).toBe('');
    },
  );

  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGUSR1', 138],
  ] as const) {
    testNeeding(['etcd'], `${signal} kills it`, async () => {
      const { maestro } = await makePlace();
      const child = maestro();
      await configured(child);
      child.kill(signal);
      expect((await child.ended).code).toBe(code);
    });
  }

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    testNeeding(['etcd'], `once etcd has ended by ${signal}, it is deaf for ever`, async () => {
      const { maestro, ctrl, etcd } = await makePlace();
      await ctrl();
      const deaf = maestro();
      await configured(deaf);
      await etcd.stop(signal);
      await until('the watch dies', () => deaf.stderr().includes('the watch has died'));
      await etcd.again();
      const fresh = maestro();
      await configured(fresh);
      expect((await ctrl()).stdout).toBe(saved);
      await until('another maestro notices', () => changes(fresh) > 0);
      expect(deaf.stderr().trimEnd().split('\n')).toHaveLength(1);
      expect(isAlive(deaf.pid)).toBe(true);
      deaf.kill('SIGTERM');
      const { code, stdout } = await deaf.ended;
      expect({ code, lines: stdout.trimEnd().split('\n').length }).toEqual({ code: 143, lines: 1 });
    });
  }

  testNeeding(['etcd'], 'exit-N-after-MS: ends by itself, also when a file asks for it', async () => {
    const { maestro, site } = await makePlace();
    const begun = performance.now();
    const { code, stdout } = await maestro({ STANDIN_MAESTRO: 'exit-3-after-300' }).ended;
    expect({ code, stdout }).toEqual({ code: 3, stdout: expect.stringContaining('1 daemons configured') });
    expect(performance.now() - begun).toBeGreaterThanOrEqual(299);
    const file = { STANDIN_MAESTRO_FILE: site.write('mode', 'exit-0-after-0') };
    expect((await maestro(file).ended).code).toBe(0);
    expect((await maestro({ STANDIN_MAESTRO: 'exit' }).ended).code).toBe(70);
  });

  testNeeding(['etcd'], 'ignore-term: SIGTERM does nothing', async () => {
    const { maestro } = await makePlace();
    const child = maestro({ STANDIN_MAESTRO: 'ignore-term' });
    await configured(child);
    child.kill('SIGTERM');
    await until('SIGTERM has come', () => child.stderr().includes('SIGTERM ignored'));
    child.kill('SIGKILL');
    expect((await child.ended).code).toBe(137);
  });

  testNeeding(
    ['etcd'],
    'STANDIN_BEATS: two give signs of life in one file from their start to their end',
    async () => {
      const { ctrl, maestro, site } = await makePlace();
      await ctrl();
      const file = site.path('beats');
      const begun = Number(process.hrtime.bigint() / 1000n) / 1000;
      const [one, two] = ['one', 'two'].map((name) =>
        maestro({ STANDIN_BEATS: file, STANDIN_BEATS_NAME: name }),
      ) as [Started, Started];
      const lives = () => livesOf(readBeats(file));
      await until(
        'both are ready',
        () => lives().filter(({ readyAt }) => readyAt !== undefined).length === 2,
      );
      expect(
        lives()
          .map(({ pid }) => pid)
          .sort(),
      ).toEqual([one.pid, two.pid].sort());
      expect(Math.min(...lives().map(({ from }) => from))).toBeGreaterThanOrEqual(begun);
      expect(atOnce(readBeats(file)), 'they run at once, and are seen to').toHaveLength(1);
      one.kill('SIGKILL');
      await one.ended;
      const last = () => lives().map(({ name, to }) => ({ name, to }));
      const then = last();
      await until('the other goes on', () =>
        last().some(({ name, to }) => then.every((life) => life.name !== name || to > life.to + 100)),
      );
      const ended = (of: typeof then) => of.find(({ name }) => name === 'one')?.to;
      expect(ended(last())).toBe(ended(then));
    },
  );

  testNeeding(['etcd'], 'noisy: a line of 1 MB, and words without a newline', async () => {
    const { maestro } = await makePlace();
    const { stdout } = await maestro({ STANDIN_MAESTRO: 'noisy,exit-0-after-0' }).ended;
    const [, long = '', ...rest] = stdout.split('\n');
    expect({ long: long.length, rest }).toEqual({ long: 1_000_000, rest: ['a tail without a newline'] });
  });

  testNeeding(
    ['etcd'],
    'orphans-N: leaves processes that are not its children and end by themselves',
    async () => {
      const { maestro } = await makePlace();
      const child = maestro({ STANDIN_MAESTRO: 'orphans-3', STANDIN_ORPHAN_SECONDS: '10' });
      const mark = `standin-orphan-of-${child.pid}`;
      const orphans = () => processesNaming(mark).filter((pid) => isOrphan(pid, mark, child.pid));
      const seen = new Set<number>();
      const met = () => {
        for (const pid of orphans()) seen.add(pid);
        return seen.size === 3;
      };
      await until('there have been three', met).catch((error: unknown) => {
        throw new Error(`${error}: ${[...seen]}; it said: ${child.stdout()}${child.stderr()}`);
      });
      await until('they have ended', () => processesNaming(mark).length === 0);
      expect(isAlive(child.pid)).toBe(true);
    },
  );

  testNeeding(['etcd'], 'escapee: a grandchild in a session of its own that ignores SIGTERM', async () => {
    const { maestro } = await makePlace();
    const child = maestro({ STANDIN_MAESTRO: 'escapee' });
    const told = await until('it tells its pid', () => /escapee (\d+)\n/.exec(child.stdout()) ?? undefined);
    const escapee = Number(told[1]);
    onTestFinished(() => void process.kill(escapee, 'SIGKILL'));
    const { parent, session } = stat(escapee);
    expect(session).toBe(escapee);
    expect(stat(parent).parent).toBe(child.pid);
    const ignored = /^SigIgn:\s*([\da-f]+)$/m.exec(readFileSync(`/proc/${escapee}/status`, 'utf8'))?.[1];
    expect(BigInt(`0x${ignored}`) & (1n << 14n)).not.toBe(0n);
    child.kill('SIGTERM');
    await until('maestro has ended', () => !isAlive(child.pid));
    process.kill(escapee, 'SIGTERM');
    expect(isAlive(escapee)).toBe(true);
  });
});

/**
 * Whether a process with the mark is an orphan: the parent of one is neither maestro nor a process
 * with the mark. The shell that starts an orphan has the mark inside of its script, and what an
 * orphan forks has the orphan's command line until it executes `sleep`.
 */
function isOrphan(pid: number, mark: string, maestro: number): boolean {
  try {
    const { parent } = stat(pid);
    return parent !== maestro && !commandLine(parent).some((word) => word.includes(mark));
  } catch {
    return false;
  }
}

/** A process's parent and session. */
function stat(pid: number): { parent: number; session: number } {
  const [, parent, , session] = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return { parent: Number(parent), session: Number(session) };
}

testNeeding(['etcd'], 'an etcd is not started where another would answer in its place', async () => {
  const site = makeSite();
  const { port } = await startEtcd(site);
  await expect(startEtcd(makeSite(), port)).rejects.toThrow(`port ${port} is taken`);
  expect(await freePort()).not.toBe(port);
});
