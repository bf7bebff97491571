/** ACCEPTANCE B: exit codes, and being stopped while preparing. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isAlive, mungedsOf } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { run, until } from '../support/program.ts';
import { ldmsdThat, logLines, makeSite } from '../support/site.ts';

describe("the daemon's end is ours", () => {
  test('every exit code from 0 to 255 comes out as it is', async () => {
    const site = makeSite();
    // `dev` runs a shell, so that one program can end in every way.
    const codes = Array.from({ length: 256 }, (_, code) => code);
    const seen: number[] = [];
    for (let from = 0; from < 256; from += 8) {
      const some = codes.slice(from, from + 8).map((code) => site.run(['dev', '-c', `exit ${code}`]));
      seen.push(...(await Promise.all(some)).map(({ code }) => code));
    }
    expect(seen).toEqual(codes);
  }, 300_000);

  test.each([
    ['TERM', 143],
    ['HUP', 129],
    ['INT', 130],
    ['QUIT', 131],
    ['USR1', 138],
    ['USR2', 140],
    ['ABRT', 134],
    ['SEGV', 139],
    ['KILL', 137],
  ] as const)('death by %s is exit code %i', async (signal, code) => {
    const site = makeSite();
    // Not in bash itself, which ignores QUIT.
    expect((await site.run(['dev', '-c', `ulimit -c 0; exec sh -c 'kill -${signal} $$'`])).code).toBe(code);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const)(
    '%s reaches the daemon itself',
    async (signal) => {
      const site = makeSite();
      const name = signal.slice(3);
      site.install(
        'ldmsd',
        ldmsdThat(
          `trap 'echo got ${name}; exit 9' ${name}; echo ready; while :; do read -r _ < ${site.path('fifo')}; done`,
        ),
      );
      const child = site.start(['samp', '-x', 'sock:1', '-F'], { stdio: ['ignore', 'pipe', 'pipe'] });
      const { execFileSync } = await import('node:child_process');
      execFileSync('mkfifo', [site.path('fifo')]);
      await until('the daemon is ready', () => child.stdout().includes('ready'));
      child.kill(signal);
      const { stdout, code } = await child.ended;
      expect({ stdout, code }).toEqual({ stdout: `ready\ngot ${name}\n`, code: 9 });
    },
  );
});

describe('our own failures have documented codes', () => {
  test.each([
    ['an unknown mode', ['sampler'], {}, 64],
    ['no mode', [], {}, 64],
    ['an unknown setting', ['samp'], { LDMS_ENTRYPOINT_MUNG: 'off' }, 64],
    ['a malformed setting', ['samp'], { LDMS_ENTRYPOINT_MUNGE: 'maybe' }, 64],
    ['an unreadable configuration file', ['samp', '-x', 'sock:1', '-c', '/no/such/samp.conf'], {}, 78],
    ['a limit above the hard one', ['samp', '-x', 'sock:1'], { LDMS_ENTRYPOINT_NOFILE: '2000000000' }, 78],
  ])('%s: %s ends with its code and one line', async (_, args, settings, expected) => {
    const site = makeSite(settings as NodeJS.ProcessEnv);
    site.install('ldmsd', ldmsdThat('echo started'));
    const { code, stdout, stderr } = await site.run(args as string[]);
    expect(stdout).toBe('');
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(code).toBe(expected);
  });

  test("a setting's error lists the valid ones", async () => {
    const site = makeSite({ LDMS_ENTRYPOINT_MUNG: 'off', LDMS_ENTRYPOINT_NOFILE: 'many' });
    const [line] = logLines((await site.run(['samp'])).stderr);
    expect(line?.['msg']).toMatch(/NOFILE=many is not a number.*LDMS_ENTRYPOINT_MUNG is not a setting/);
    expect(line?.['msg']).toContain('LDMS_ENTRYPOINT_MUNGE_TIMEOUT');
  });
});

describe('an error in the settings', () => {
  test('is told in the format that is asked for', async () => {
    const site = makeSite({ LDMS_ENTRYPOINT_MUNG: 'off', LDMS_ENTRYPOINT_LOG_FORMAT: 'text' });
    const { stderr } = await site.run(['samp']);
    expect(stderr).toMatch(
      /^[\d:.]+ ldms-entrypoint samp: error: cannot use the settings: LDMS_ENTRYPOINT_MUNG is not a setting \(did you mean LDMS_ENTRYPOINT_MUNGE\?\)/,
    );
  });
});

describe('being stopped while preparing', () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const) {
    const code = { SIGTERM: 143, SIGINT: 130, SIGQUIT: 131, SIGHUP: 129 }[signal];
    testNeeding(
      ['munge'],
      `${signal} while a munged that is not ready is waited for: all is stopped, ${code}`,
      async () => {
        const site = makeSite({ LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '60s' });
        site.key();
        site.install('ldmsd', ldmsdThat('echo started'));
        // Stands in for a munged that hangs: nothing of the real one can be made to.
        site.install('munged', `#!/bin/sh\necho $$ > ${site.path('run/munge/pid')}\nexec sleep 300\n`);
        const child = site.start(['samp', '-x', 'sock:1', '-a', 'munge']);
        const read = () => readFileSync(site.path('run/munge/pid'), 'utf8').trim();
        const pid = Number(
          await until('munged has been started', () => {
            try {
              return read();
            } catch {
              return undefined;
            }
          }),
        );
        child.kill(signal);
        const result = await child.ended;
        expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: '' });
        expect(result.stderr).toContain(`stopped by ${signal} while preparing; nothing is left running`);
        expect(isAlive(pid), 'munged is left running').toBe(false);
      },
    );
  }

  testNeeding(['munged'], 'at any moment of a start with munge, SIGTERM leaves nothing running', async () => {
    const site = makeSite();
    site.key();
    site.install('ldmsd', ldmsdThat('exec sleep 300'));
    const codes: number[] = [];
    for (let delayMs = 0; delayMs <= 90; delayMs += 5) {
      const child = site.start(['samp', '-x', 'sock:1', '-a', 'munge']);
      setTimeout(() => child.kill('SIGTERM'), delayMs);
      codes.push((await child.ended).code);
      await until('munged is gone with the container', () => mungedsOf(site.root).length === 0, 5000);
    }
    // Before our first line, while preparing, and in the daemon: 143 each time.
    expect(new Set(codes)).toEqual(new Set([143]));
  });

  test('SIGTERM while ldmsd -V hangs in a child of a wrapper script ends at once', async () => {
    const site = makeSite();
    site.install('ldmsd', `#!/bin/sh\necho $$ > ${site.path('asked')}\n/bin/sleep 300\necho never\n`);
    const child = site.start(['samp', '-x', 'sock:1']);
    await until('ldmsd is asked for its version', () => existsSync(site.path('asked')));
    const begun = Date.now();
    child.kill('SIGTERM');
    expect((await child.ended).code).toBe(143);
    expect(Date.now() - begun, 'the child of 300 s was waited for').toBeLessThan(30_000);
  });

  test('a FIFO as configuration file is left to ldmsd, and hangs nobody', async () => {
    const site = makeSite();
    site.install('ldmsd', ldmsdThat('echo started'));
    await run('mkfifo', [site.path('fifo')]);
    const { stdout, stderr } = await site.run(['samp', '-c', site.path('fifo')]);
    expect(stdout).toBe('started\n');
    expect(stderr).toContain('is no regular file and is left to ldmsd unread');
  });

  test("SIGTERM while the host's munge is waited for ends at once, though the deadline is far", async () => {
    const site = makeSite({
      LDMS_ENTRYPOINT_MUNGE: 'host',
      LDMS_ENTRYPOINT_MUNGE_TIMEOUT: '60s',
      LDMS_ENTRYPOINT_LOG_LEVEL: 'debug',
    });
    site.install('ldmsd', ldmsdThat('echo started'));
    for (const name of ['munge', 'unmunge']) site.install(name, '#!/bin/sh\nexit 6\n');
    const child = site.start(['samp', '-x', 'sock:1', '-a', 'munge']);
    await until('it waits for munge', () => child.stderr().includes('munge is wanted'));
    const begun = Date.now();
    child.kill('SIGTERM');
    expect((await child.ended).code).toBe(143);
    expect(Date.now() - begun, 'the deadline of 60 s was waited for').toBeLessThan(30_000);
  });
});
