/** ACCEPTANCE C: signals, and the end that they ask for, when we stay as the leader process. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isAlive, processesNaming } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import {
  asFirst,
  below,
  catchable,
  childOf,
  heard,
  heardInOrder,
  isReady,
  killAll,
  makeFifo,
  probe,
  see,
  startWords,
  stays,
  supervised,
  supervising,
  there,
} from '../support/probe.ts';
import { type Started, start, until } from '../support/program.ts';
import { ldmsdThat, type Site } from '../support/site.ts';

/** Sends signals one after the other, each when the one before was heard of. */
async function sendInTurn(started: Started, to: number, signals: readonly NodeJS.Signals[]): Promise<void> {
  for (const [at, signal] of signals.entries()) {
    process.kill(to, signal);
    if (at === signals.length - 1) return;
    const times = signals.slice(0, at + 1).filter((one) => one === signal).length;
    await until(`${signal} is heard`, () => heard(started).filter((one) => one === signal).length >= times);
  }
}

/** Main's own pid, which it has as a child of the leader. */
const mainOf = (started: Started): number => there(below(started.pid)[0], 'main').pid;

describe('every signal of 1 to 31 that can be caught', () => {
  test('reaches main, one at a time and in order', async () => {
    const site = supervised();
    const started = site.start(['samp', ...probe('ends-on', 'SIGTERM', '5')]);
    await isReady(started);
    await sendInTurn(started, started.pid, catchable);
    const { code } = await started.ended;
    expect({ code, heard: heardInOrder(started) }).toEqual({ code: 5, heard: catchable });
  });

  testNeeding(['namespaces'], 'reaches main when we are PID 1', async () => {
    const site = supervised();
    const started = startWords(asFirst(...supervising(...probe('ends-on', 'SIGTERM', '5'))), {
      env: site.env,
    });
    await isReady(started);
    await sendInTurn(started, await childOf(started), catchable);
    const { code } = await started.ended;
    expect({ code, heard: heardInOrder(started) }).toEqual({ code: 5, heard: catchable });
  });

  test('reaches main when all are sent at once, and again', async () => {
    const site = supervised();
    const started = site.start(['samp', ...probe('ends-on', 'SIGTERM', '5')]);
    await isReady(started);
    // But for those that begin the end, and CONT and the stop signals, of which the kernel lets one undo the others.
    const apart = ['SIGINT', 'SIGTERM', 'SIGCONT', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU'];
    const burst = catchable.filter((signal) => !apart.includes(signal));
    for (const times of [1, 2]) {
      for (const signal of burst) started.kill(signal);
      await until('all are heard', () =>
        burst.every((signal) => heard(started).filter((one) => one === signal).length >= times),
      );
    }
    started.kill('SIGTERM');
    expect((await started.ended).code).toBe(5);
    // Each as often as it was sent: nothing is made up.
    const all = heard(started).filter((signal) => signal !== 'SIGCONT');
    expect(all.sort()).toEqual([...burst, ...burst, 'SIGTERM'].sort());
  });

  test.each(['SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGSEGV', 'SIGABRT'] as const)(
    '%s ends a main that has no handler for it, and its code is ours',
    async (signal) => {
      const site = supervised();
      const code =
        128 +
        { SIGHUP: 1, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12, SIGALRM: 14, SIGSEGV: 11, SIGABRT: 6 }[signal];
      const started = site.start(['samp', 'sh', '-c', 'ulimit -c 0; echo ready; exec sleep 300']);
      await isReady(started);
      await until('it sleeps', () => see(mainOf(started))?.comm === 'sleep');
      started.kill(signal);
      expect((await started.ended).code).toBe(code);
    },
  );
});

describe('stop and continue', () => {
  for (const signal of ['SIGTSTP', 'SIGTTIN', 'SIGTTOU'] as const) {
    test(`${signal} stops a main that leaves it at its default, and SIGCONT has it go on`, async () => {
      const site = supervised();
      const started = site.start(['samp', ...probe('leaves', signal, 'ends-on', 'SIGTERM', '5')]);
      await isReady(started);
      const main = mainOf(started);
      expect(see(main)?.state).not.toBe('T');
      started.kill(signal);
      await until('main is stopped', () => see(main)?.state === 'T');
      started.kill('SIGCONT');
      await until('main goes on', () => heard(started).includes('SIGCONT') && see(main)?.state !== 'T');
      started.kill('SIGTERM');
      expect((await started.ended).code).toBe(5);
      expect(heardInOrder(started)).toEqual(['SIGCONT', 'SIGTERM']);
    });
  }

  test('a main that is stopped is ended by SIGTERM all the same', async () => {
    const site = supervised({ LDMS_ENTRYPOINT_STOP_TIMEOUT: '10m' });
    const started = site.start(['samp', ...probe('ends-on', 'SIGTERM', '5')]);
    await isReady(started);
    const main = mainOf(started);
    process.kill(main, 'SIGSTOP');
    await until('main is stopped', () => see(main)?.state === 'T');
    started.kill('SIGTERM');
    expect((await started.ended).code).toBe(5);
  });
});

describe('the stop', () => {
  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)(
    '%s begins it: main gets that very signal, and %i is the code if that ends it',
    async (signal, code) => {
      const site = supervised();
      const started = site.start(['samp', ...probe('ends-on', signal, '9')]);
      await isReady(started);
      started.kill(signal);
      expect((await started.ended).code).toBe(9);
      expect(heard(started).filter((one) => one !== 'SIGCONT')).toEqual([signal]);
      const without = site.start(['samp', 'sh', '-c', 'echo ready; exec sleep 300']);
      await isReady(without);
      without.kill(signal);
      expect((await without.ended).code).toBe(code);
    },
  );

  test('a second SIGTERM hurries a main that ignores it, long before its time is over', async () => {
    const site = supervised({ LDMS_ENTRYPOINT_STOP_TIMEOUT: '10m' });
    const started = site.start(['samp', ...probe()]);
    await isReady(started);
    started.kill('SIGTERM');
    await until('the first is heard', () => heard(started).includes('SIGTERM'));
    const main = mainOf(started);
    started.kill('SIGTERM');
    expect((await started.ended).code).toBe(137);
    expect(isAlive(main)).toBe(false);
  });

  test('a hundred SIGTERMs do no harm', async () => {
    const site = supervised();
    // Some ms of work after the first one.
    const fifo = await makeFifo(site, 'fifo');
    const main = `trap 'trap "" TERM; for i in 1 2 3 4 5 6 7 8 9; do /bin/true; done; echo done; exit 5' TERM; echo ready; ${stays(fifo)}`;
    const started = site.start(['samp', 'sh', '-c', main]);
    await isReady(started);
    for (let times = 0; times < 100; times++) {
      started.kill('SIGTERM');
      if (times % 10 === 0) await new Promise(setImmediate);
    }
    const { code, stdout, stderr } = await started.ended;
    expect({ code, stdout }).toEqual({ code: 5, stdout: 'ready\ndone\n' });
    expect(stderr).not.toContain('error');
  });

  test('a main that ignores SIGTERM is killed when its time is over, and not before', async () => {
    const site = supervised();
    const stop = async (time: string) => {
      const env = { ...site.env, LDMS_ENTRYPOINT_STOP_TIMEOUT: time };
      const started = site.start(['samp', 'sh', '-c', `trap '' TERM; echo ready; exec sleep 300`], { env });
      await isReady(started);
      const begun = performance.now();
      started.kill('SIGTERM');
      return { code: (await started.ended).code, ms: performance.now() - begun };
    };
    const [short, long] = await Promise.all([stop('1s'), stop('4s')]);
    expect([short.code, long.code]).toEqual([137, 137]);
    expect(short.ms, 'not even half of its time was given').toBeGreaterThan(500);
    expect(short.ms, 'as if it had the time of the other').toBeLessThan(4000);
    expect(long.ms, 'as if it had the time of the other').toBeGreaterThan(2 * 1000);
  });

  test('there is no fixed wait: a main that ends at once ends us at once', async () => {
    const site = supervised();
    const time = async (supervise: string) => {
      const begun = performance.now();
      await site.run(['samp', 'true'], { env: { ...site.env, LDMS_ENTRYPOINT_SUPERVISE: supervise } });
      return performance.now() - begun;
    };
    const best = { supervise: Number.POSITIVE_INFINITY, exec: Number.POSITIVE_INFINITY };
    for (let times = 0; times < 6; times++) {
      best.supervise = Math.min(best.supervise, await time('1'));
      best.exec = Math.min(best.exec, await time('0'));
    }
    expect(best.supervise / best.exec).toBeLessThan(4);
  });

  testNeeding(
    ['munge'],
    'while munged is prepared: SIGTERM, SIGINT, SIGQUIT and SIGHUP leave nothing behind',
    async () => {
      for (const [signal, code] of [
        ['SIGTERM', 143],
        ['SIGINT', 130],
        ['SIGQUIT', 131],
        ['SIGHUP', 129],
      ] as const) {
        const site = supervised({
          LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '10m',
          LDMS_ENTRYPOINT_STOP_TIMEOUT: '10m',
        });
        site.key();
        site.install('ldmsd', ldmsdThat('echo started'));
        // It hangs, as the real one cannot be made to.
        site.install('munged', `#!/bin/sh\necho $$ > ${site.path('run/munge/pid')}\nexec sleep 300\n`);
        const started = site.start(['samp', '-x', 'sock:1', '-a', 'munge']);
        const pid = await until('munged has been started', () => {
          const file = site.path('run/munge/pid');
          return existsSync(file) && Number(readFileSync(file, 'utf8'));
        });
        started.kill(signal);
        const { code: ours, stdout } = await started.ended;
        expect({ signal, code: ours, stdout }).toEqual({ signal, code, stdout: '' });
        expect(isAlive(pid)).toBe(false);
      }
    },
  );

  test('at any moment of a start, SIGTERM ends with 143 and leaves nothing running', async () => {
    const site = supervised();
    const sleeper = site.install('sleeper', '#!/bin/sh\nexec sleep 300\n');
    const codes: number[] = [];
    for (let delayMs = 0; delayMs <= 80; delayMs += 4) {
      const started = site.start(['samp', sleeper]);
      setTimeout(() => started.kill('SIGTERM'), delayMs);
      codes.push((await started.ended).code);
      expect(processesNaming(site.root)).toEqual([]);
    }
    expect(new Set(codes)).toEqual(new Set([143]));
  });
});

describe('what main has started', () => {
  /** Programs that stay: one that ignores TERM, and others that have left main's session in the usual ways. */
  async function withFamily(site: Site, end: string): Promise<string> {
    const fifo = await makeFifo(site, 'fifo');
    const says = (name: string) => `echo $$ > ${site.path(`is-${name}`)}`;
    site.install('stubborn', `#!/bin/sh\ntrap '' TERM HUP INT\n${says('stubborn')}\n${stays(fifo)}\n`);
    site.install('escaped', `#!/bin/sh\ntrap '' TERM HUP\n${says('escaped')}\n${stays(fifo)}\n`);
    site.install('orphaned', `#!/bin/sh\n${says('orphaned')}\n${stays(fifo)}\n`);
    // It leaves another behind when it is told to end, and that one another.
    site.install(
      'heir',
      `#!/bin/sh\ntrap '[ "$1" = 0 ] || setsid "$0" $(($1 - 1)) & exit 0' TERM\n${says('heir')}\n${stays(fifo)}\n`,
    );
    const wait = members.map((name) => `until [ -s ${site.path(`is-${name}`)} ]; do sleep 0.01; done`);
    return site.install(
      'with-family',
      `#!/bin/sh\nstubborn &\nsetsid escaped &\n(setsid sh -c 'orphaned & exit' &)\nsetsid heir 3 &\n${wait.join('\n')}\n${end}\n`,
    );
  }
  const members = ['escaped', 'heir', 'orphaned', 'stubborn'];
  const names = (site: Site) =>
    processesNaming(site.path('bin'))
      .map((pid) => see(pid)?.comm ?? '')
      .filter((comm) => members.includes(comm))
      .sort();

  testNeeding(['setsid'], 'is gone when we are, wherever it went and whatever it ignores', async () => {
    const site = supervised();
    const main = await withFamily(site, `echo ready\nexec sleep 300`);
    const started = site.start(['samp', main]);
    await isReady(started);
    expect(names(site)).toEqual(members);
    started.kill('SIGTERM');
    const { code } = await started.ended;
    expect({ code, left: names(site) }).toEqual({ code: 143, left: [] });
  });

  testNeeding(['setsid'], 'is gone too when main ends by itself', async () => {
    const site = supervised();
    const { code, stdout } = await site.run(['samp', await withFamily(site, 'echo ready\nexit 7')]);
    expect({ code, stdout, left: names(site) }).toEqual({ code: 7, stdout: 'ready\n', left: [] });
  });

  testNeeding(['setsid'], 'outlives a main that nobody supervises (negative control)', async () => {
    const site = supervised({ LDMS_ENTRYPOINT_SUPERVISE: '0' });
    const started = site.start(['samp', await withFamily(site, 'echo ready\nexit 7')], {
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    expect((await started.ended).code).toBe(7);
    expect(names(site)).toEqual(members);
    killAll(processesNaming(site.path('bin')));
  });

  testNeeding(['setsid'], 'is gone when we are killed ourselves, as far as it is main', async () => {
    const site = supervised();
    const sleeper = site.install('sleeper', '#!/bin/sh\necho ready\nexec sleep 300\n');
    const started = site.start(['samp', sleeper]);
    await isReady(started);
    const main = mainOf(started);
    expect(isAlive(main)).toBe(true);
    started.kill('SIGKILL');
    await until('main has ended with us', () => !isAlive(main));
  });

  test('a child of main that has nothing to do with us is not signalled while main runs', async () => {
    const site = supervised();
    const fifo = await makeFifo(site, 'fifo');
    const child = site.install(
      'child',
      `#!/bin/sh\ntrap 'echo the child got USR1' USR1\necho child ready\n${stays(fifo)}\n`,
    );
    const main = `trap 'echo main got USR1' USR1; ${child} & read -r _ < ${await makeFifo(site, 'go')}; echo ready; ${stays(fifo)}`;
    const started = site.start(['samp', 'sh', '-c', main]);
    await until('the child is ready', () => started.stdout().includes('child ready'));
    await start('sh', ['-c', `echo > ${site.path('go')}`]).ended;
    await isReady(started);
    started.kill('SIGUSR1');
    await until('main has heard of it', () => started.stdout().includes('main got USR1'));
    started.kill('SIGTERM');
    expect((await started.ended).stdout).not.toContain('the child got');
  });
});
