/**
 * The same scenarios for us and for tini, dumb-init and catatonit, as a table. A scenario that one of
 * them passes and we do not is a failure, but for the one exception that is documented.
 */
import { mkdirSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { installed } from '../support/needs.ts';
import { program, type Result, type Started, type StartOptions, start, until } from '../support/program.ts';
import { makeSite, type Site } from '../support/site.ts';

/** How each is told to start a program. */
const launchers: Record<string, { file: string; before: readonly string[] }> = {
  'ldms-entrypoint': { file: program, before: ['samp'] },
  tini: { file: 'tini', before: ['-s', '--'] },
  'dumb-init': { file: 'dumb-init', before: ['--'] },
  catatonit: { file: 'catatonit', before: ['--'] },
};
const ours = 'ldms-entrypoint';
const names = Object.keys(launchers).filter((name) => name === ours || installed(name));

type Launch = (words: readonly string[], options?: StartOptions) => Started;

interface Scenario {
  readonly what: string;
  /** Why we cannot pass it; only one may say so. */
  readonly exception?: string;
  readonly passes: (launch: Launch, site: Site) => Promise<boolean>;
}

const ended = (launched: Started): Promise<Result> => launched.ended;
const every = async (checks: readonly (() => Promise<boolean>)[]): Promise<boolean> => {
  for (const check of checks) if (!(await check())) return false;
  return true;
};

/** What a program can see of how it was started. */
const sees = `pwd; umask; grep -E '^(SigBlk|SigIgn|Umask|Cap|NoNewPrivs)' /proc/self/status; env | LC_ALL=C sort`;

async function seesTheSame(launch: Launch, site: Site): Promise<boolean> {
  const options = { env: site.env, cwd: '/usr' };
  const direct = await ended(start('sh', ['-c', sees], options));
  const launched = await ended(launch(['sh', '-c', sees], options));
  return direct.stdout.includes('SigIgn') && direct.stdout === launched.stdout;
}

const scenarios: readonly Scenario[] = [
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
      const { child } = launch(['true']);
      const [launcher = '', ...words] = child.spawnargs;
      const { stdout } = await ended(
        start(file, [launcher, ...words.slice(0, -1), 'ls', '/proc/self/fd'], { env: site.env }),
      );
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
    what: 'signals that the caller ignored stay ignored',
    exception: 'Node resets them before any code of ours runs',
    passes: async (launch, site) => {
      const { child } = launch(['true']);
      const [launcher = '', ...words] = child.spawnargs;
      const script = `trap '' USR2 TTOU; exec "$@"`;
      const look = ['sh', '-c', 'grep SigIgn /proc/self/status'];
      const args = ['-c', script, 'bash', launcher, ...words.slice(0, -1), ...look];
      const { stdout } = await ended(start('/bin/bash', args, { env: site.env }));
      // USR2 is 12 and TTOU 22.
      return (BigInt(`0x${stdout.split(/\s+/)[1] ?? '0'}`) & 0x200800n) === 0x200800n;
    },
  },
];

describe('the scenarios, for us and for others', () => {
  const table = new Map<string, Map<string, boolean>>();

  for (const { what, exception, passes } of scenarios) {
    test(`${what}: ${exception ? `not for us, since ${exception}` : 'as well as any of them'}`, async () => {
      const row = new Map<string, boolean>();
      for (const name of names) {
        const site = makeSite();
        const { file, before } = launchers[name] ?? { file: '', before: [] };
        const launch: Launch = (words, options) =>
          start(file, [...before, ...words], { env: site.env, ...options });
        row.set(name, await passes(launch, site));
      }
      table.set(what, row);
      const best = [...row.values()].some(Boolean);
      expect(
        row.get(ours),
        [...row].map(([name, passed]) => `${name}: ${passed ? 'passes' : 'fails'}`).join(', '),
      ).toBe(exception ? false : best);
      // A scenario that nobody passes would tell nothing.
      if (!exception) expect(best).toBe(true);
    });
  }

  test('all of them are compared where all tests are asked for', () => {
    const all = process.env['LDMS_TEST_REQUIRE_ALL'] === '1' ? Object.keys(launchers) : names;
    expect(names).toEqual(all);
  });

  test('there is one exception at the most', () => {
    expect(scenarios.filter(({ exception }) => exception !== undefined).length).toBeLessThanOrEqual(1);
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
