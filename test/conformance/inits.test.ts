/**
 * The same scenarios for us and for tini, dumb-init and catatonit, as a table. A scenario that one of
 * them passes and we do not is a failure, but for the one exception that is documented.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { installed } from '../support/needs.ts';
import { asFirst, childOf, startWords, supervised as supervisedSite } from '../support/probe.ts';
import { program, type Result, type Started, type StartOptions, start, until } from '../support/program.ts';
import type { Site } from '../support/site.ts';
import { every, type Launch, type Scenario, type Shape } from './scenario.ts';
import { supervised } from './supervised.ts';

/** How each is told to start a program. */
const launchers: Record<string, readonly string[]> = {
  'ldms-entrypoint': [program, 'samp'],
  tini: ['tini', '-s', '--'],
  'dumb-init': ['dumb-init', '--'],
  catatonit: ['catatonit', '--'],
};
const ours = 'ldms-entrypoint';
const names = Object.keys(launchers).filter((name) => name === ours || installed(name));

const ended = (launched: Started): Promise<Result> => launched.ended;

/** What a program can see of how it was started. */
const sees = `pwd; umask; grep -E '^(SigBlk|SigIgn|Umask|Cap|NoNewPrivs)' /proc/self/status; env | LC_ALL=C sort`;

async function seesTheSame(launch: Launch, site: Site): Promise<boolean> {
  const options = { env: site.env, cwd: '/usr' };
  const direct = await ended(start('sh', ['-c', sees], options));
  const launched = await ended(launch(['sh', '-c', sees], options));
  return direct.stdout.includes('SigIgn') && direct.stdout === launched.stdout;
}

// The one thing that we cannot keep, in two shapes.
const nodeResets = 'Node resets them before any code of ours runs';

const handedOver: readonly Omit<Scenario, 'shape'>[] = [
  {
    what: 'arguments arrive byte for byte',
    passes: async (launch) => {
      const words = ['', ' ', 'a b', '*', "it's", 'new\nline', '--', '-x', 'é🜚'];
      const { stdout } = await ended(launch(['sh', '-c', `printf '%s\\0' "$@"`, 'sh', ...words]));
      return stdout === words.map((word) => `${word}\0`).join('');
    },
  },
  {
    what: 'exit codes pass (0 1 2 32 64 127 128 254 255)',
    passes: (launch) =>
      every(
        [0, 1, 2, 32, 64, 127, 128, 254, 255].map(
          (code) => async () => (await ended(launch(['sh', '-c', `exit ${code}`]))).code === code,
        ),
      ),
  },
  {
    what: 'death by a signal is 128 + n (TERM HUP INT QUIT USR1 USR2 ABRT SEGV KILL)',
    passes: (launch) =>
      every(
        Object.entries({
          TERM: 15,
          HUP: 1,
          INT: 2,
          QUIT: 3,
          USR1: 10,
          USR2: 12,
          ABRT: 6,
          SEGV: 11,
          KILL: 9,
        }).map(
          ([signal, number]) =>
            async () =>
              (await ended(launch(['sh', '-c', `ulimit -c 0; kill -${signal} $$`]))).code === 128 + number,
        ),
      ),
  },
  {
    what: 'signals reach the program (TERM INT HUP USR1 USR2 WINCH CONT)',
    passes: (launch, site) =>
      every(
        ['TERM', 'INT', 'HUP', 'USR1', 'USR2', 'WINCH', 'CONT'].map((signal) => async () => {
          const fifo = `${site.root}/fifo-${Math.random()}`;
          await ended(start('mkfifo', [fifo]));
          const script = `trap 'echo got ${signal}; exit 0' ${signal}; echo ready; while :; do read -r _ < ${fifo}; done`;
          const launched = launch(['sh', '-c', script]);
          await until('the program is ready', () => launched.stdout().includes('ready'));
          launched.kill(`SIG${signal}` as NodeJS.Signals);
          const seen = await until(
            'the signal has arrived',
            () => launched.stdout().includes('got '),
            3000,
          ).catch(() => false);
          launched.kill('SIGKILL');
          return seen !== false;
        }),
      ),
  },
  {
    what: 'a missing program is 127',
    passes: async (launch) => (await ended(launch(['/no/such/program']))).code === 127,
  },
  {
    what: 'a file that cannot be executed is 126',
    passes: async (launch, site) =>
      (await ended(launch([site.write('plain', 'text\n', 0o644)]))).code === 126,
  },
  {
    what: 'a directory is 126',
    passes: async (launch, site) => {
      mkdirSync(site.path('directory'));
      return (await ended(launch([site.path('directory')]))).code === 126;
    },
  },
  {
    what: 'stdin passes from its first byte',
    passes: async (launch) => (await ended(launch(['cat'], { input: 'first\n' }))).stdout === 'first\n',
  },
  {
    what: 'cwd, umask, environment, capabilities and signals as a direct start',
    passes: (launch, site) => seesTheSame(launch, site),
  },
  {
    what: 'only descriptors 0 to 2 are open',
    passes: async (launch, site) => {
      // Through a shell that opens others. The list has one of ls itself.
      const file = site.install('with-others', '#!/bin/bash\nexec 5</dev/null 200</dev/null\nexec "$@"\n');
      const words = launch.words(['ls', '/proc/self/fd']);
      const { stdout } = await ended(start(file, words, { env: site.env }));
      return stdout === '0\n1\n2\n3\n';
    },
  },
  {
    what: 'nothing stays: the program has the pid that was started',
    passes: async (launch) => {
      const launched = launch(['sh', '-c', 'echo $$']);
      return (await ended(launched)).stdout === `${launched.pid}\n`;
    },
  },
  {
    what: 'signals that the caller blocked stay blocked',
    exception: nodeResets,
    passes: async (launch, site) => {
      // Not by way of a shell: some unblock all.
      const look = launch.words(['grep', 'SigBlk', '/proc/self/status']);
      const words = ['--block-signal=USR2', '--block-signal=TTOU', ...look];
      const { stdout } = await ended(start('env', words, { env: site.env }));
      return stdout === 'SigBlk:\t0000000000200800\n';
    },
  },
  {
    what: 'signals that the caller ignored stay ignored',
    exception: nodeResets,
    passes: async (launch, site) => {
      const script = `trap '' USR2 TTOU; exec "$@"`;
      const look = launch.words(['sh', '-c', 'grep SigIgn /proc/self/status']);
      const { stdout } = await ended(start('/bin/bash', ['-c', script, 'bash', ...look], { env: site.env }));
      // USR2 is 12 and TTOU 22.
      return (BigInt(`0x${stdout.split(/\s+/)[1] ?? '0'}`) & 0x200800n) === 0x200800n;
    },
  },
];

const scenarios: readonly Scenario[] = [
  ...handedOver.map((scenario) => ({ ...scenario, shape: 'exec' }) as const),
  ...supervised,
];

/** How each is started in a shape; the site's environment tells us whether to stay. */
function launchAs(name: string, shape: Shape, site: Site): Launch {
  const all = (words: readonly string[]) => {
    const launched = [...(launchers[name] ?? []), ...words];
    return shape === 'first' ? asFirst(...launched) : launched;
  };
  return Object.assign(
    (words: readonly string[], options: StartOptions = {}) =>
      startWords(all(words), { env: site.env, ...options }),
    {
      words: all,
      // For what we are to pass there is all the time that a slow machine may need.
      patienceMs: name === ours ? 20_000 : 1500,
      leader: async (started: Started) => (shape === 'first' ? childOf(started) : started.pid),
    },
  );
}

const canBeFirst = spawnSync('unshare', asFirst('true').slice(1)).status === 0;
const requiresAll = process.env['LDMS_TEST_REQUIRE_ALL'] === '1';

describe('the scenarios, for us and for others', () => {
  const table = new Map<string, Map<string, boolean>>();

  for (const { what, shape, exception, passes } of scenarios) {
    const needs = shape === 'first' && !canBeFirst && !requiresAll ? ' [needs namespaces]' : '';
    test.skipIf(needs !== '')(
      `${what}: ${exception ? `not for us, since ${exception}` : 'as well as any of them'}${needs}`,
      async () => {
        const tried = names.map(async (name): Promise<[string, boolean]> => {
          const site = supervisedSite(shape === 'exec' ? { LDMS_ENTRYPOINT_SUPERVISE: '0' } : {});
          return [name, await passes(launchAs(name, shape, site), site)];
        });
        const row = new Map(await Promise.all(tried));
        table.set(what, row);
        const best = [...row.values()].some(Boolean);
        expect(
          row.get(ours),
          [...row].map(([name, passed]) => `${name}: ${passed ? 'passes' : 'fails'}`).join(', '),
        ).toBe(exception ? false : best);
        // A scenario that nobody passes would tell nothing.
        if (!exception) expect(best).toBe(true);
      },
    );
  }

  test('all of them are compared where all tests are asked for', () => {
    const all = requiresAll ? Object.keys(launchers) : names;
    expect(names).toEqual(all);
  });

  test('there is one exception at the most', () => {
    expect(new Set(scenarios.flatMap(({ exception }) => exception ?? [])).size).toBeLessThanOrEqual(1);
  });

  afterAll(() => {
    const width = Math.max(...scenarios.map(({ what }) => what.length));
    const line = (first: string, cells: readonly string[]) =>
      `${first.padEnd(width)}  ${cells.map((cell, at) => cell.padEnd(names[at]?.length ?? 0)).join('  ')}\n`;
    const lines = [...table].map(([what, row]) =>
      line(
        what,
        names.map((name) => (row.get(name) ? 'yes' : '-')),
      ),
    );
    process.stdout.write(`\n${line('', names)}${lines.join('')}`);
  });
});
