/** ACCEPTANCE E: zombies, in every way in which we can be started, and nobody's exit status taken. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { mungedsOf, processesNaming } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import {
  asFirst,
  below,
  childOf,
  makeFifo,
  startWords,
  stays,
  supervised,
  supervising,
  there,
  zombiesBelow,
} from '../support/probe.ts';
import { program, run, type Started, until } from '../support/program.ts';
import { asked, ldmsdThat, message, type Site } from '../support/site.ts';

/** A program that makes orphans, each of which adds a line to a file and ends; then it ends itself. */
function orphans(site: Site, count: number): string {
  const one = `( ( echo x >> ${site.path('orphans')} ) & )`;
  return site.install(
    'orphans',
    `#!/bin/sh\ni=0\nwhile [ $i -lt ${count} ]; do ${one}; i=$((i + 1)); done\n`,
  );
}

const orphansSoFar = (site: Site): number => {
  try {
    return readFileSync(site.path('orphans'), 'utf8').length / 2;
  } catch {
    return 0;
  }
};

/** Starts a main that waits for nobody: it is `sleep` by the time that orphans are made by one that is an orphan itself. */
async function withOrphans(words: readonly string[], site: Site, count: number): Promise<Started> {
  const go = await makeFifo(site, 'go');
  const main = `(sh -c 'read -r _ < ${go}; exec ${orphans(site, count)}' &); exec sleep 300`;
  const started = startWords([...words, 'sh', '-c', main], { env: site.env });
  await until('main sleeps', () => below(started.pid).some(({ comm }) => comm === 'sleep'));
  await run('sh', ['-c', `echo > ${go}`]);
  await until('all orphans have ended', () => orphansSoFar(site) === count);
  await until('nobody is left but who stays', () =>
    below(started.pid).every(({ comm, state }) => state === 'Z' || !['sh', 'orphans'].includes(comm)),
  );
  return started;
}

describe('a hundred orphans leave no zombie', () => {
  const shapes: [string, readonly string[], readonly string[]][] = [
    ['when we are not PID 1', [], supervising()],
    ['when we are PID 1', ['namespaces'], asFirst(...supervising())],
    ['behind tini', ['namespaces', 'tini'], asFirst('tini', '--', ...supervising())],
    ['behind dumb-init', ['namespaces', 'dumb-init'], asFirst('dumb-init', '--', ...supervising())],
    ['behind catatonit', ['namespaces', 'catatonit'], asFirst('catatonit', '--', ...supervising())],
    ['when we supervise ourselves', [], supervising(...supervising())],
    ['when we supervise ourselves as PID 1', ['namespaces'], asFirst(...supervising(...supervising()))],
  ];
  for (const [what, needs, words] of shapes) {
    testNeeding(needs, what, async () => {
      const site = supervised();
      const started = await withOrphans(words, site, 100);
      await until('there are no zombies', () => zombiesBelow(started.pid).length === 0);
      // Main is there still, and the end is as it should be.
      expect(below(started.pid).some(({ comm }) => comm === 'sleep')).toBe(true);
      const leader = words[0] === 'unshare' ? await childOf(started) : started.pid;
      process.kill(leader, 'SIGTERM');
      expect((await started.ended).code).toBe(143);
    });
  }

  testNeeding(['namespaces'], 'and leave a hundred where nobody reaps (negative control)', async () => {
    const site = supervised({ LDMS_ENTRYPOINT_SUPERVISE: '0' });
    const started = await withOrphans(asFirst(...supervising()), site, 100);
    expect(zombiesBelow(started.pid).length).toBeGreaterThanOrEqual(100);
    started.kill('SIGKILL');
    await started.ended;
  });
});

describe('no exit status is taken from anybody', () => {
  for (const [what, needs, words] of [
    ['not PID 1', [], [program]],
    ['PID 1', ['namespaces'], asFirst(program)],
  ] as const) {
    testNeeding(needs, `main's is ours while orphans end in the hundreds: ${what}`, async () => {
      const site = supervised();
      const maker = orphans(site, 5000);
      const seen: [string, number][] = [];
      const ends: [string, number][] = [
        ...[0, 42, 255].map((code): [string, number] => [`exit ${code}`, code]),
        ['kill -KILL $$', 137],
        ['kill -SEGV $$', 139],
      ];
      for (const [end] of ends) {
        await run('rm', ['-f', site.path('orphans')]);
        // In the thick of it.
        const begun = `[ "$(wc -l < ${site.path('orphans')})" -gt 100 ]`;
        const main = `ulimit -c 0; ${maker} & until ${begun}; do sleep 0.01; done 2> /dev/null; ${end}`;
        const { code } = await startWords([...words, 'samp', 'sh', '-c', main], { env: site.env }).ended;
        seen.push([end, code]);
      }
      expect(seen).toEqual(ends);
      expect(processesNaming(site.path('bin'))).toEqual([]);
    });
  }

  testNeeding(['munged'], "munged's is told as it was while orphans end in the hundreds", async () => {
    const site = supervised({ LDMS_ENTRYPOINT_RESTART_LIMIT: '10' });
    site.key();
    const real = (await run('sh', ['-c', 'command -v munged'])).stdout.trim();
    // The real one behind it, and an end of our choice: 11 at the first, 22 at the second time, and so on.
    site.install(
      'munged',
      `#!/bin/sh
echo x >> ${site.path('run/munge/starts')}
${real} "$@" &
trap 'kill $!; wait $!; exit $(($(wc -l < ${site.path('run/munge/starts')}) * 11))' USR1
wait $!
`,
    );
    const maker = orphans(site, 1 << 30);
    site.install('ldmsd', ldmsdThat(`${maker} &\necho running; exec sleep 300`));
    const started = site.start(asked);
    await until('ldmsd runs', () => started.stdout().includes('running'));
    const statuses = [11, 22, 33, 44];
    for (const [at] of statuses.entries()) {
      await until(
        'munged is ready',
        () => message(started.stderr()).match(/munged is ready/g)?.length === at + 1,
      );
      const wrapper = below(started.pid).find(
        ({ comm, parent }) => comm === 'munged' && parent === started.pid,
      );
      const before = orphansSoFar(site);
      await until('orphans are ending', () => orphansSoFar(site) > before + 100);
      process.kill(there(wrapper, 'munged').pid, 'SIGUSR1');
      await until(
        'its end is told',
        () => message(started.stderr()).match(/it ended with/g)?.length === at + 1,
      );
    }
    const told = [...message(started.stderr()).matchAll(/munged: it ended with exit status (\d+)/g)];
    expect(told.map(([, status]) => Number(status))).toEqual(statuses);
    started.kill('SIGTERM');
    expect((await started.ended).code).toBe(143);
    expect(mungedsOf(site.root)).toEqual([]);
    expect(processesNaming(site.root)).toEqual([]);
  });
});

describe('a thousand orphans', () => {
  test('are all ended by a stop, in its time', async () => {
    const stopTimeoutMs = 20_000;
    const site = supervised({ LDMS_ENTRYPOINT_STOP_TIMEOUT: `${stopTimeoutMs}ms` });
    const fifo = await makeFifo(site, 'fifo');
    const one = `( ( echo x >> ${site.path('orphans')}; ${stays(fifo)} ) & )`;
    const maker = site.install(
      'maker',
      `#!/bin/sh\ni=0\nwhile [ $i -lt 1000 ]; do ${one}; i=$((i + 1)); done\nexec sleep 300\n`,
    );
    const started = site.start(['samp', maker]);
    await until('a thousand are there', () => orphansSoFar(site) === 1000);
    expect(processesNaming(maker).length).toBeGreaterThanOrEqual(1000);
    await until('their maker stays', () => below(started.pid).some(({ comm }) => comm === 'sleep'));
    const begun = performance.now();
    started.kill('SIGTERM');
    expect((await started.ended).code).toBe(143);
    expect(performance.now() - begun).toBeLessThan(stopTimeoutMs);
    expect(processesNaming(site.root)).toEqual([]);
  });
});
