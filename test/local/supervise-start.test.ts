/** ACCEPTANCE A: what main sees equals a direct start also when we stay as its parent; and we rest while it works. */
import { openSync, readFileSync, writeSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isAlive } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import {
  asFirst,
  below,
  heard,
  isReady,
  leaderOn,
  probe,
  see,
  startOnTerminal,
  startWords,
  supervised,
  supervising,
} from '../support/probe.ts';
import { program, run, type Started, start, until } from '../support/program.ts';
import { ldmsdThat, logLines, makeSite, message } from '../support/site.ts';

const printsArguments = ldmsdThat(`printf '%s\\0' "$@"`);

const awkward = ['-x', 'sock:1', '', ' ', 'a b', '*', '$HOME', "it's", '"', 'new\nline', '--', 'é€🜚'];

describe('arguments', () => {
  test('reach main byte for byte, also 2,000 of them', async () => {
    const site = supervised();
    site.install('ldmsd', printsArguments);
    const many = Array.from({ length: 2000 }, (_, at) => `argument ${at}`);
    for (const words of [awkward, many]) {
      const { stdout } = await site.run(['samp', '-x', 'sock:1', ...words]);
      expect(stdout.split('\0').slice(3, -1)).toEqual(words);
    }
  });

  test.each([
    ['not PID 1', []],
    ['PID 1', asFirst()],
  ])(
    'that are not UTF-8, and such variables, have U+FFFD for what is not, as documented: %s',
    async (_, before) => {
      const site = supervised();
      site.install(
        'ldmsd',
        ldmsdThat(`{ printf '%s|' "$@"; printf '%s' "$LATIN"; } | od -An -v -tx1 | tr -d ' \\n'`),
      );
      const script = `exec env "LATIN=$(printf 'caf\\351')" ${before.join(' ')} "$0" samp -x "$(printf '\\377\\376')"`;
      const { stdout } = await run('/bin/sh', ['-c', script, program], { env: site.env });
      // Node's spawn takes text only; the exec hand-off passes the bytes.
      expect(stdout).toBe(Buffer.from('-F|-x|\ufffd\ufffd|caf\ufffd').toString('hex'));
    },
  );

  test('begin with the name that main was called by, as with a direct start', async () => {
    const site = supervised();
    const look = ['cat', '/proc/self/cmdline'];
    expect((await startWords(supervising(...look), { env: site.env }).ended).stdout).toBe(
      'cat\0/proc/self/cmdline\0',
    );
  });

  test('`-V` only prints: nothing of ours is said', async () => {
    const site = supervised();
    site.install('ldmsd', ldmsdThat('echo started'));
    const { code, stdout, stderr } = await site.run(['samp', '-x', 'sock:1', '-a', 'munge', '-V']);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'started\n', stderr: '' });
  });
});

describe("main's process", () => {
  const printsItself = ldmsdThat(`
pwd
umask
cat /proc/self/limits
grep -E '^(Umask|Threads|Sig|Shd|Cap|NoNewPrivs|Seccomp:|Groups|Uid|Gid)' /proc/self/status | grep -v ^SigQ
for fd in 0 1 2; do grep ^flags /proc/self/fdinfo/$fd; done
env | LC_ALL=C sort`);

  for (const [what, needs, before] of [
    ['not PID 1', [], []],
    ['PID 1', ['namespaces'], asFirst()],
  ] as const) {
    testNeeding(
      needs,
      `has the cwd, umask, limits, signals, capabilities, descriptors and environment of a direct start: ${what}`,
      async () => {
        const site = supervised();
        const ldmsd = site.install('ldmsd', printsItself);
        const env = { ...site.env, LDMS_ENTRYPOINT_NOFILE: '777', NODE_OPTIONS: '--throw-deprecation' };
        const limited = async (words: string[]) => {
          const script = 'ulimit -S -n 777; umask 027; exec "$@"';
          return (await run('/bin/sh', ['-c', script, 'sh', ...words], { cwd: '/usr', env })).stdout;
        };
        const direct = await limited([...before, ldmsd, '-F', '-x', 'sock:1']);
        expect(await limited([...before, program, 'samp', '-x', 'sock:1'])).toBe(direct);
        // The probe did look, and at more than nothing.
        expect(direct).toContain('/usr\n');
        expect(direct).toMatch(/^Umask:\s+0027$/m);
        expect(direct).toMatch(/^SigIgn:\s+0000000000000000$/m);
        expect(direct).toMatch(/^SigBlk:\s+0000000000000000$/m);
        expect(direct).toContain('NODE_OPTIONS=--throw-deprecation');
      },
    );

    testNeeding(needs, `has only descriptors 0 to 2, whatever was open before: ${what}`, async () => {
      const site = supervised();
      // ls opens a directory of its own, which is the 3.
      site.install('ldmsd', ldmsdThat('ls /proc/self/fd'));
      const script = 'exec 5</dev/null 9</dev/null 200</dev/null; exec "$@" samp -x sock:1';
      const { stdout } = await run('/bin/bash', ['-c', script, 'bash', ...before, program], {
        env: site.env,
      });
      expect(stdout).toBe('0\n1\n2\n3\n');
    });
  }

  test('reads our stdin from its first byte', async () => {
    const site = supervised();
    expect((await site.run(['samp', 'cat'], { input: 'first\nsecond\n' })).stdout).toBe('first\nsecond\n');
  });

  test('has stdout for itself, whatever we have to say', async () => {
    const site = supervised({ LDMS_ENTRYPOINT_LOG_LEVEL: 'debug' });
    const { stdout, stderr } = await site.run(['samp', 'sh', '-c', 'echo from main']);
    expect(stdout).toBe('from main\n');
    expect(logLines(stderr).length).toBeGreaterThan(0);
  });
});

describe('a program that cannot be started', () => {
  for (const [what, needs, before] of [
    ['not PID 1', [], []],
    ['PID 1', ['namespaces'], asFirst()],
  ] as const) {
    testNeeding(
      needs,
      `is 127 when it or its interpreter is missing, 126 when it may not be executed: ${what}`,
      async () => {
        const site = supervised();
        const cases: [string, number][] = [
          ['/no/such/program', 127],
          [site.install('bad-interpreter', '#!/no/such/interpreter\n'), 127],
          [site.write('plain', 'text\n', 0o644), 126],
          [site.path('bin'), 126],
        ];
        for (const [file, code] of cases) {
          const result = await startWords([...before, ...supervising(file)], { env: site.env }).ended;
          expect({ file, code: result.code, stdout: result.stdout }).toEqual({ file, code, stdout: '' });
          expect(result.stderr).toContain(file);
        }
      },
    );
  }
});

describe('a terminal', () => {
  testNeeding(
    ['script'],
    "is main's: a shell in `dev` has job control, and its exit code is ours",
    async () => {
      const site = supervised();
      const shell = await startOnTerminal([program, 'dev', '--norc', '--noediting', '-i'], site);
      await until('it prompts', () => shell.stdout().includes('prompt> '));
      shell.type('case $- in *m*) echo "job control: on";; esac\n');
      shell.type('sleep 300 & jobs; kill %1; tty\n');
      await until('it has the terminal', () => /^\/dev\/pts\/\d+\r?$/m.test(shell.stdout()));
      expect(shell.stdout()).toMatch(/^job control: on\r?$/m);
      expect(shell.stdout()).toMatch(/\[1\]\+ {2}Running/);
      expect(shell.stdout()).not.toContain('no job control');
      // Ctrl-C ends what the shell runs, and not the shell; Ctrl-Z stops it, and the shell has it go on.
      shell.type("sh -c 'echo in the fore''ground; exec sleep 300'\n");
      await until('a job runs', () => shell.stdout().includes('in the foreground'));
      await until('it sleeps', () => below(shell.pid).some(({ comm }) => comm === 'sleep'));
      shell.type('\x03');
      await until('it has ended', () => !below(shell.pid).some(({ comm }) => comm === 'sleep'));
      shell.type('sleep 301\n');
      const job = await until(
        'another runs',
        () => below(shell.pid).find(({ comm }) => comm === 'sleep')?.pid,
      );
      shell.type('\x1a');
      await until('it is stopped', () => see(job)?.state === 'T');
      shell.type('fg\n');
      await until('it goes on', () => see(job)?.state === 'S');
      shell.type('\x03');
      await until('it has ended too', () => !isAlive(job));
      shell.type('exit 7\n');
      expect((await shell.ended).code).toBe(7);
    },
  );

  testNeeding(['script'], 'tells main of Ctrl-C once, and leaves it to main what that means', async () => {
    const site = supervised();
    const terminal = await startOnTerminal(supervising(...probe('ends-on', 'SIGUSR2', '5')), site);
    await isReady(terminal);
    terminal.type('\x03');
    await until('main has heard', () => heard(terminal).includes('SIGINT'));
    const leader = leaderOn(terminal);
    // Another on the same way: if there were a second SIGINT, it would be there before.
    process.kill(leader, 'SIGWINCH');
    await until('main has heard that too', () => heard(terminal).includes('SIGWINCH'));
    process.kill(leader, 'SIGUSR2');
    expect((await terminal.ended).code).toBe(5);
    expect(heard(terminal)).toEqual(['SIGINT', 'SIGWINCH', 'SIGUSR2']);
  });

  testNeeding(['script'], 'ends main, and us, by Ctrl-C where main does nothing about it', async () => {
    const site = supervised();
    const terminal = await startOnTerminal(supervising('sh', '-c', 'echo ready; exec sleep 300'), site);
    await isReady(terminal);
    await until('it sleeps', () => below(terminal.pid).some(({ comm }) => comm === 'sleep'));
    terminal.type('\x03');
    expect((await terminal.ended).code).toBe(130);
  });

  testNeeding(['script'], 'tells main when its size has changed', async () => {
    const site = supervised();
    const terminal = await startOnTerminal(supervising(...probe('ends-on', 'SIGTERM', '5')), site);
    await isReady(terminal);
    const leader = leaderOn(terminal);
    const { stdout: tty } = await run('readlink', [`/proc/${leader}/fd/0`]);
    await run('stty', ['-F', tty.trim(), 'rows', '31', 'cols', '97']);
    await until('main has heard', () => heard(terminal).includes('SIGWINCH'));
    process.kill(leader, 'SIGTERM');
    expect((await terminal.ended).code).toBe(5);
  });
});

describe('we', () => {
  testNeeding(['ptrace'], 'rest while main works: not one system call', async () => {
    const site = supervised();
    const started = site.start(['samp', ...probe('ends-on', 'SIGTERM', '5')]);
    await isReady(started);
    const traced = (ms: number, meanwhile: () => void) => callsDuring(started.pid, ms, meanwhile);
    // A moment ago we were busy: what is left of that is over when nothing is seen for once.
    const seen: number[] = [];
    await until('we rest', async () => {
      seen.push(await traced(1000, () => undefined));
      return seen.at(-1) === 0;
    });
    expect(await traced(3000, () => undefined)).toBe(0);
    // Negative control: a signal that is passed on is seen.
    expect(await traced(1000, () => started.kill('SIGWINCH'))).toBeGreaterThan(0);
    expect(heard(started)).toEqual(['SIGWINCH']);
    started.kill('SIGTERM');
    expect((await started.ended).code).toBe(5);
  });

  testNeeding(
    ['root'],
    'are ended by a fault of our own, rather than go round in it; main ends with us',
    async () => {
      const site = supervised();
      const started = site.start(['samp', 'sh', '-c', 'ulimit -c 0; echo ready; exec sleep 300']);
      await isReady(started);
      const main = await until(
        'main sleeps',
        () => below(started.pid).find(({ comm }) => comm === 'sleep')?.pid,
      );
      await until('we rest', () => see(started.pid)?.state === 'S');
      spoilStack(started);
      started.kill('SIGWINCH');
      expect((await started.ended).code).toBeGreaterThan(128);
      await until('main has ended with us', () => !isAlive(main));
    },
  );

  testNeeding(['strace'], 'open no debugger port when SIGUSR1 comes, at whatever moment', async () => {
    const site = supervised();
    for (let delayMs = 0; delayMs <= 60; delayMs += 4) {
      const started = site.start(['samp', 'sh', '-c', `trap '' USR1; echo ready; exec sleep 300`]);
      setTimeout(() => started.kill('SIGUSR1'), delayMs);
      await until('it runs, or was ended', () => started.stdout() !== '' || !isAlive(started.pid));
      started.kill('SIGTERM');
      const { stderr, code } = await started.ended;
      expect(stderr, `SIGUSR1 after ${delayMs} ms`).not.toContain('Debugger');
      // By the signal itself only where it comes before any code of Node's.
      expect([138, 143]).toContain(code);
    }
    const sent = `"$0" samp sh -c 'kill -USR1 $PPID; sleep 0.2' & kill -USR1 $!; wait $!`;
    const { stderr } = await run('strace', ['-f', '-e', 'trace=listen', 'sh', '-c', sent, program], {
      env: site.env,
    });
    expect(stderr).not.toMatch(/listen\(\d/);
  });
});

/** How many system calls a process has begun in so many milliseconds, in all of its threads. */
async function callsDuring(pid: number, ms: number, meanwhile: () => void): Promise<number> {
  const strace = start('strace', ['-f', '-p', `${pid}`]);
  await until('strace is attached', () => strace.stderr().includes('attached'));
  // What it waits in is shown once as it was found.
  const threads = () => readFileSync(`/proc/${pid}/status`, 'utf8').match(/^Threads:\s+(\d+)/m)?.[1];
  await until('all threads are', () => lines(strace).length >= Number(threads()));
  const found = lines(strace).length;
  meanwhile();
  await new Promise((resolve) => setTimeout(resolve, ms));
  const after = lines(strace).length;
  strace.kill('SIGINT');
  await strace.ended;
  return after - found;
}

/** The system calls that strace has told of: not its own words. */
const lines = (strace: Started): string[] =>
  strace
    .stderr()
    .split('\n')
    .filter((line) => /^(\[pid +\d+\] )?[a-z_0-9]+\(|resumed>/.test(line));

/** Has a process that waits in a system call return from it to an address where there is nothing. */
function spoilStack({ pid }: Started): void {
  const stackPointer = readFileSync(`/proc/${pid}/syscall`, 'utf8').trim().split(' ').at(-2) ?? '0';
  const memory = openSync(`/proc/${pid}/mem`, 'r+');
  writeSync(memory, Buffer.alloc(2048), 0, 2048, Number(BigInt(stackPointer)));
}

describe('a program that the kernel refuses for its form', () => {
  test.each([
    ['a text without #!', Buffer.from('echo run by a shell\n')],
    ['a program for another machine', otherMachines()],
  ])('%s is 126 and one line, as with the exec hand-off; no shell is tried', async (_, bytes) => {
    for (const supervise of ['1', '0']) {
      const site = makeSite({ LDMS_ENTRYPOINT_SUPERVISE: supervise });
      const path = site.write('bin/tool', bytes, 0o755);
      const { code, stdout, stderr } = await site.run(['samp', path]);
      expect({ supervise, code, stdout }).toEqual({ supervise, code: 126, stdout: '' });
      expect(message(stderr)).toContain(
        `cannot start ${path}: it is neither a program for this machine nor a script with a #! line`,
      );
    }
  });
});

/** This machine's true(1), said to be for a machine that none is: the number is reserved. */
function otherMachines(): Buffer {
  const bytes = readFileSync('/bin/true');
  bytes.writeUInt16LE(0xfefe, 18);
  return bytes;
}
