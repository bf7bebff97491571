/** ACCEPTANCE B and D: main's end is ours, and munged is kept running beside it, when we stay as the leader process. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isAlive, mungedsOf, processesNaming } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { asFirst, makeFifo, startWords, stays, supervised, there } from '../support/probe.ts';
import { program, run, type Started, until } from '../support/program.ts';
import { asked, ldmsdThat, logLines, message, type Site, usesMunge } from '../support/site.ts';

const works = async (site: Site): Promise<boolean> =>
  (await run('sh', ['-c', `munge -n -S ${site.socket} | unmunge -n -S ${site.socket}`])).code === 0;

/** Starts the README's line, with a real munged, and waits until ldmsd runs. */
async function withMunged(site: Site, body: string): Promise<Started> {
  site.key();
  site.install('ldmsd', ldmsdThat(body));
  const started = site.start(asked);
  await until(`ldmsd runs (${started.stderr()})`, () => started.stdout().includes('running\n'));
  return started;
}

/** Waits for another munged than those, which works. */
async function anotherMunged(site: Site, before: readonly number[]): Promise<number> {
  const pid = await until('there is another munged', () =>
    mungedsOf(site.root).find((one) => !before.includes(one)),
  );
  await until('it works', () => works(site));
  return pid;
}

/** How long each restart was put off, in milliseconds. */
const pauses = (started: Started): number[] =>
  [...message(started.stderr()).matchAll(/it is started again in (\d+) ms/g)].map(([, ms]) => Number(ms));

/** A munged that is the real one at first, and then whatever `later` says. */
const mungedThat = (site: Site, later: string): string => `#!/bin/sh
if [ ! -e ${site.path('run/munge/was')} ]; then
  : > ${site.path('run/munge/was')}
  exec ${site.path('real-munged')} "$@"
fi
${later}
`;

async function installMunged(site: Site, text: (site: Site) => string): Promise<void> {
  const { stdout } = await run('sh', ['-c', 'command -v munged']);
  site.write('real-munged', `#!/bin/sh\nexec ${stdout.trim()} "$@"\n`, 0o755);
  site.install('munged', text(site));
}

describe('the end of main', () => {
  test('is the end: it is run once, however soon it ends', async () => {
    const site = supervised();
    for (const code of [0, 3]) {
      const result = await site.run(['samp', 'sh', '-c', `echo run; exit ${code}`]);
      expect(result).toEqual({ code, stdout: 'run\n', stderr: '' });
    }
  });

  test('is ours: exit codes', async () => {
    const site = supervised();
    const codes = [0, 1, 2, 22, 64, 70, 77, 80, 100, 126, 127, 128, 129, 143, 200, 254, 255];
    const seen: number[] = [];
    for (let from = 0; from < codes.length; from += 4) {
      const some = codes.slice(from, from + 4).map((code) => site.run(['dev', '-c', `exit ${code}`]));
      seen.push(...(await Promise.all(some)).map(({ code }) => code));
    }
    expect(seen).toEqual(codes);
  });

  testNeeding(['namespaces'], 'is ours: exit codes, as PID 1', async () => {
    const site = supervised();
    const codes = [0, 1, 42, 127, 128, 143, 255];
    const seen = await Promise.all(
      codes.map((code) => startWords(asFirst(program, 'dev', '-c', `exit ${code}`), { env: site.env }).ended),
    );
    expect(seen.map(({ code }) => code)).toEqual(codes);
  });

  test('is ours: 128 + n for signal n', async () => {
    const site = supervised();
    const signals = {
      TERM: 15,
      HUP: 1,
      INT: 2,
      QUIT: 3,
      USR1: 10,
      USR2: 12,
      ABRT: 6,
      SEGV: 11,
      KILL: 9,
      PIPE: 13,
    };
    for (const [signal, number] of Object.entries(signals)) {
      const { code } = await site.run(['dev', '-c', `ulimit -c 0; exec sh -c 'kill -${signal} $$'`]);
      expect({ signal, code }).toEqual({ signal, code: 128 + number });
    }
  });

  testNeeding(['munged'], 'stops munged, and its code is ours', async () => {
    const site = supervised();
    site.key();
    site.install('ldmsd', usesMunge(site, 'exit 77'));
    const { code, stdout, stderr } = await site.run(asked);
    expect({ code, stdout, left: mungedsOf(site.root) }, stderr).toEqual({
      code: 77,
      stdout: 'munge works\n',
      left: [],
    });
  });

  testNeeding(['munged'], 'comes before the end of munged, which main may need to the last', async () => {
    const site = supervised();
    const fifo = await makeFifo(site, 'fifo');
    const credential = `munge -n -S ${site.socket} | unmunge -n -S ${site.socket}`;
    const started = await withMunged(
      site,
      `trap '${credential} > /dev/null && echo munge still works; exit 6' TERM; echo running; ${stays(fifo)}`,
    );
    const [munged = 0] = mungedsOf(site.root);
    started.kill('SIGTERM');
    const { code, stdout } = await started.ended;
    expect({ code, stdout }).toEqual({ code: 6, stdout: 'running\nmunge still works\n' });
    expect(isAlive(munged)).toBe(false);
    expect(await works(site), 'the credential would be made without munged too').toBe(false);
  });
});

describe('a munged that dies', () => {
  testNeeding(
    ['munged'],
    'is started again and works, each time after a longer pause; main stays',
    async () => {
      const site = supervised();
      const started = await withMunged(site, 'echo running as $$; echo running; exec sleep 300');
      const main = Number(/running as (\d+)/.exec(started.stdout())?.[1]);
      const known: number[] = [...mungedsOf(site.root)];
      expect(known).toHaveLength(1);
      for (let times = 0; times < 3; times++) {
        process.kill(there(known.at(-1), 'munged'), 'SIGKILL');
        known.push(await anotherMunged(site, known));
        await until(
          'its readiness is told',
          () => message(started.stderr()).match(/munged is ready/g)?.length === times + 2,
        );
      }
      const [first = 0, second = 0, third = 0] = pauses(started);
      expect(pauses(started)).toHaveLength(3);
      expect(second).toBeGreaterThan(first);
      expect(third).toBeGreaterThan(second);
      expect(message(started.stderr())).toMatch(/munged: it ended with signal SIGKILL; it is started again/);
      expect(isAlive(main), 'main was restarted').toBe(true);
      expect(started.stdout().match(/^running$/gm), 'main was started again').toHaveLength(1);
      started.kill('SIGTERM');
      expect((await started.ended).code).toBe(143);
      expect(processesNaming(site.root)).toEqual([]);
    },
  );

  testNeeding(['munged'], 'again and again fails the container: 80, with its last lines', async () => {
    const site = supervised({ LDMS_ENTRYPOINT_RESTART_LIMIT: '2' });
    await installMunged(site, () =>
      mungedThat(site, 'echo "first words" >&2; echo "dying words of $$" >&2; exit 3'),
    );
    const started = await withMunged(
      site,
      'echo $$ > main; echo running; exec sleep 300'.replace('main', site.path('main')),
    );
    process.kill(there(mungedsOf(site.root)[0], 'munged'), 'SIGKILL');
    const { code, stderr } = await started.ended;
    expect(code, stderr).toBe(80);
    const last = logLines(stderr).findLast(({ level }) => level === 'error');
    expect(last?.['exit']).toBe(80);
    expect(String(last?.['msg'])).toMatch(
      /munged has died 3 times in a row.*exit status 3.*first words.*dying words of \d+/,
    );
    // Also as lines of their own, one for each time that it was tried.
    expect(stderr.match(/^\[munged\] dying words of \d+$/gm)).toHaveLength(2);
    expect(pauses(started)).toHaveLength(2);
    expect(isAlive(Number(readFileSync(site.path('main'), 'utf8'))), 'main is left running').toBe(false);
    expect(processesNaming(site.root)).toEqual([]);
  });

  testNeeding(['munged'], 'fails the container at once with LDMS_ENTRYPOINT_RESTART_LIMIT=0', async () => {
    const site = supervised({ LDMS_ENTRYPOINT_RESTART_LIMIT: '0' });
    const started = await withMunged(site, 'echo running; exec sleep 300');
    process.kill(there(mungedsOf(site.root)[0], 'munged'), 'SIGKILL');
    const { code, stderr } = await started.ended;
    expect(code).toBe(80);
    expect(message(stderr)).toMatch(/munged has died and may not be started again.*signal SIGKILL/);
    expect(pauses(started)).toEqual([]);
    expect(processesNaming(site.root)).toEqual([]);
  });

  testNeeding(
    ['munged'],
    'is not brought back once the end has begun, not even while it is being started again',
    async () => {
      const site = supervised({ LDMS_ENTRYPOINT_STOP_TIMEOUT: '10m', LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '10m' });
      await installMunged(site, () =>
        mungedThat(site, `echo $$ > ${site.path('run/munge/hangs')}; exec sleep 300`),
      );
      const started = await withMunged(site, 'echo running; exec sleep 300');
      process.kill(there(mungedsOf(site.root)[0], 'munged'), 'SIGKILL');
      const hangs = await until('another is being started', () => {
        try {
          return Number(readFileSync(site.path('run/munge/hangs'), 'utf8'));
        } catch {
          return undefined;
        }
      });
      started.kill('SIGTERM');
      expect((await started.ended).code).toBe(143);
      expect(isAlive(hangs)).toBe(false);
      expect(processesNaming(site.root)).toEqual([]);
    },
  );

  testNeeding(['munged'], 'at once with us, when we are killed: neither it nor main stays', async () => {
    const site = supervised();
    const started = await withMunged(site, `echo $$ > ${site.path('main')}; echo running; exec sleep 300`);
    const pids = [...mungedsOf(site.root), Number(readFileSync(site.path('main'), 'utf8'))];
    expect(pids.map(isAlive)).toEqual([true, true]);
    started.kill('SIGKILL');
    await until('all have ended with us', () => !pids.some(isAlive));
  });
});
