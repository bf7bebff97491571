/** ACCEPTANCE A: what the daemon sees equals a direct start. */
import { mkdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { testNeeding } from '../support/needs.ts';
import { program, run, type StartOptions, start, until } from '../support/program.ts';
import { ldmsdThat, logLines, makeSite } from '../support/site.ts';

/** Prints each argument between NUL bytes, as the kernel delivered it. */
const printsArguments = ldmsdThat(`printf '%s\\0' "$@"`);

/** What a daemon can see of how it was started, apart from its arguments. */
const printsItself = ldmsdThat(`
pwd
umask
cat /proc/self/limits
grep -E '^(Umask|Threads|Sig|Shd|Cap|NoNewPrivs|Seccomp:|Groups|Uid|Gid)' /proc/self/status | grep -v ^SigQ
for fd in 0 1 2; do grep ^flags /proc/self/fdinfo/$fd; done
env | LC_ALL=C sort`);

describe('arguments', () => {
  const awkward = [
    '-x',
    'sock:10411',
    '',
    ' ',
    'a b',
    '*',
    '$HOME',
    '`id`',
    "it's",
    '"',
    'new\nline',
    '--',
    '-a',
    'é€🜚',
  ];

  test('reach the daemon byte for byte, with -F in front', async () => {
    const site = makeSite();
    site.install('ldmsd', printsArguments);
    const { stdout, code } = await site.run(['samp', ...awkward]);
    expect(stdout.split('\0').slice(0, -1)).toEqual(['-F', ...awkward]);
    expect(code).toBe(0);
  });

  test('reach bash in dev byte for byte, with nothing added', async () => {
    const site = makeSite();
    const { stdout } = await site.run(['dev', '-c', `printf '%s\\0' "$@"`, 'bash', ...awkward]);
    expect(stdout.split('\0').slice(0, -1)).toEqual(awkward);
  });

  test('arrive complete when there are 2,000 of them', async () => {
    const site = makeSite();
    site.install('ldmsd', printsArguments);
    const many = Array.from({ length: 2000 }, (_, at) => `argument ${at}`);
    const { stdout } = await site.run(['samp', '-x', 'sock:10411', ...many]);
    expect(stdout.split('\0').slice(3, -1)).toEqual(many);
  });

  test('and variables that are not UTF-8 arrive as the bytes that they were', async () => {
    const site = makeSite();
    site.install('ldmsd', ldmsdThat(`printf '%s|' "$@"; printf '%s' "$LATIN"`));
    const script = `exec env "LATIN=$(printf 'caf\\351')" "$0" samp -x sock:1 "$(printf '\\377\\376 x')" 'plain é'`;
    const child = start('/bin/sh', ['-c', script, program], {
      env: site.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const bytes: Buffer[] = [];
    child.child.stdout
      ?.removeAllListeners('data')
      .setEncoding('latin1')
      .on('data', (text: string) => {
        bytes.push(Buffer.from(text, 'latin1'));
      });
    await child.ended;
    const expected = Buffer.concat([
      Buffer.from('-F|-x|sock:1|'),
      Buffer.from([0xff, 0xfe, 0x20, 0x78]),
      Buffer.from('|plain é|caf'),
      Buffer.from([0xe9]),
    ]);
    expect(Buffer.concat(bytes).toString('hex')).toBe(expected.toString('hex'));
  });

  test('`-F` is not added a second time, alone or in a cluster', async () => {
    const site = makeSite();
    site.install('ldmsd', printsArguments);
    for (const args of [
      ['-F', '-x', 'sock:1'],
      ['-x', 'sock:1', '-kF'],
    ]) {
      const { stdout } = await site.run(['samp', ...args]);
      expect(stdout.split('\0').slice(0, -1)).toEqual(args);
    }
  });

  test.each([
    ['4.3.11', true],
    ['4.4.4', true],
    ['4.5.0', false],
    ['4.5.1', false],
    ['5.0.1', false],
  ])('ldmsd %s gets -F: %s', async (version, wanted) => {
    const site = makeSite();
    site.install(
      'ldmsd',
      `#!/bin/sh\n[ "$1" = -V ] && { echo "LDMSD Version: ${version}"; exit 0; }\necho "$@"\n`,
    );
    const { stdout } = await site.run(['agg', '-x', 'sock:1']);
    expect(stdout).toBe(wanted ? '-F -x sock:1\n' : '-x sock:1\n');
  });

  test('ldmsd is asked for its version once, not at each start, and again when it is another ldmsd', async () => {
    const site = makeSite();
    const counting = (version: string) =>
      `#!/bin/sh\n[ "$1" = -V ] && { echo asked >> ${site.path('asked')}; echo "LDMSD Version: ${version}"; exit 0; }\necho "$@"\n`;
    site.install('ldmsd', counting('4.4.4'));
    for (let times = 0; times < 3; times++) {
      expect((await site.run(['samp', '-x', 'sock:1'])).stdout).toBe('-F -x sock:1\n');
    }
    expect(readFileSync(site.path('asked'), 'utf8')).toBe('asked\n');
    site.install('ldmsd', counting('4.5.1 (another file)'));
    expect((await site.run(['samp', '-x', 'sock:1'])).stdout).toBe('-x sock:1\n');
    expect(readFileSync(site.path('asked'), 'utf8')).toBe('asked\nasked\n');
  });

  test("an image's record of the version spares even the first question", async () => {
    const site = makeSite();
    const ldmsd = site.install('ldmsd', `#!/bin/sh\n[ "$1" = -V ] && exit 99\necho "$@"\n`);
    const { stdout: stat } = await run('stat', ['-Lc', '%s %Y', ldmsd]);
    site.write('usr/local/share/ldms-entrypoint/ldmsd-version', `${stat.trim()} LDMSD Version: 4.5.1\n`);
    expect((await site.run(['samp', '-x', 'sock:1'])).stdout).toBe('-x sock:1\n');
  });

  test('a first word that is a program runs that program, as in `docker run ldms-samp bash`', async () => {
    const site = makeSite();
    site.install('ldmsd', printsArguments);
    expect((await site.run(['samp', 'sh', '-c', 'echo $0 "$@"', 'a', 'b c'])).stdout).toBe('a b c\n');
    expect((await site.run(['samp', 'ldmsd', '-V'])).stdout).toBe('LDMSD Version: 4.4.4\n');
    expect((await site.run(['samp', '/no/such/program'])).code).toBe(127);
    // Negative control: a first word that is no program is an operand of ldmsd's, as any word is.
    expect((await site.run(['samp', 'no-such-program'])).stdout).toBe('-F\0no-such-program\0');
  });
});

describe('what only prints', () => {
  test.each(['-V', '-h', '--help', '-u'])(
    '`%s` starts no munged, adds no -F, and writes nothing',
    async (option) => {
      const site = makeSite();
      site.install('ldmsd', `#!/bin/sh\necho "ldmsd got: $*"\n`);
      const args = option === '-u' ? ['-u', 'meminfo'] : [option];
      const { stdout, stderr, code } = await site.run(['samp', '-x', 'sock:1', '-a', 'munge', ...args]);
      expect(stdout).toBe(`ldmsd got: -x sock:1 -a munge ${args.join(' ')}\n`);
      expect(stderr).toBe('');
      expect(code).toBe(0);
      expect((await run('ls', [site.root])).stdout).toBe('bin\n');
    },
  );
});

describe("the daemon's process", () => {
  /** The same script, started directly and by us, with the limits that it was given directly. */
  async function both(options: StartOptions = {}) {
    const site = makeSite();
    const ldmsd = site.install('ldmsd', printsItself);
    // Node, which runs this test, has raised its own soft limit, so that both get one from here.
    const env = {
      ...site.env,
      LDMS_ENTRYPOINT_NOFILE: '777',
      NODE_OPTIONS: '--throw-deprecation',
      ...options.env,
    };
    const limited = (words: string[]) =>
      run('/bin/sh', ['-c', 'ulimit -S -n 777; umask 027; exec "$@"', 'sh', ...words], {
        cwd: '/usr',
        ...options,
        env,
      });
    const direct = await limited([ldmsd, '-F', '-x', 'sock:1']);
    const ours = await limited([program, 'samp', '-x', 'sock:1']);
    return { direct: direct.stdout, ours: ours.stdout };
  }

  test('has the cwd, umask, limits, signals, capabilities, descriptors and environment of a direct start', async () => {
    const { direct, ours } = await both();
    expect(ours).toBe(direct);
    // Negative controls: the probe did look, and at more than nothing.
    expect(direct).toContain('/usr\n');
    expect(direct).toMatch(/^Umask:\s+0027$/m);
    expect(direct).toMatch(/^Max open files\s+777/m);
    expect(direct).toMatch(/^SigIgn:\s+0000000000000000$/m);
    expect(direct).toMatch(/^SigBlk:\s+0000000000000000$/m);
    expect(direct).toContain('NODE_OPTIONS=--throw-deprecation');
  });

  test('would show signals that Node leaves ignored (negative control)', async () => {
    const script = `process.execve('/bin/sh', ['sh', '-c', 'grep SigIgn /proc/self/status'], process.env)`;
    const { stdout } = await run(process.execPath, ['-e', script]);
    expect(stdout).not.toMatch(/0000000000000000/);
  });

  test('has only descriptors 0 to 2, whatever was open before', async () => {
    const site = makeSite();
    site.install('ldmsd', ldmsdThat('ls /proc/self/fd'));
    // ls opens a directory of its own, which is the 3.
    const script = 'exec 5</dev/null 9</dev/null 200</dev/null; exec "$0" samp -x sock:1';
    const { stdout } = await run('/bin/bash', ['-c', script, program], { env: site.env });
    expect(stdout).toBe('0\n1\n2\n3\n');
  });

  test.each(['debug', 'error'])(
    'gets pipes without O_NONBLOCK, also after our log lines (level %s)',
    async (level) => {
      const site = makeSite({ LDMS_ENTRYPOINT_LOG_LEVEL: level });
      site.install('ldmsd', ldmsdThat('for fd in 0 1 2; do grep ^flags /proc/self/fdinfo/$fd; done'));
      const child = site.start(['samp', '-x', 'sock:1'], { input: '' });
      const { stdout, stderr } = await child.ended;
      const flags = stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => Number.parseInt(line.split(/\s+/)[1] ?? '', 8));
      expect(flags).toHaveLength(3);
      for (const flag of flags) expect(flag & 0o4000, `O_NONBLOCK is set: ${stdout}`).toBe(0);
      expect(logLines(stderr).length > 0).toBe(level === 'debug');
    },
  );

  test('keeps our pid, and has one thread and no memory of ours', async () => {
    const site = makeSite();
    const sleeps = site.install('ldmsd', ldmsdThat('exec sleep 300'));
    const [ours, direct] = [site.start(['samp', '-x', 'sock:1']), start(sleeps, [], { env: site.env })];
    const isSleep = (pid: number) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n';
    await until('our process has become the daemon', () => isSleep(ours.pid) && isSleep(direct.pid));
    const memory = (pid: number) => {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const kB = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
      return { threads: kB('Threads'), anonymous: kB('RssAnon') };
    };
    const [a, b] = [memory(ours.pid), memory(direct.pid)];
    expect(a.threads).toBe(1);
    // Pages differ by a few with address randomization; Node's would be tens of thousands of kB.
    expect(a.anonymous).toBeLessThan(b.anonymous * 2 + 200);
    ours.kill('SIGTERM');
    direct.kill('SIGTERM');
    expect((await ours.ended).code).toBe(143);
  });

  test('reads our stdin from its first byte', async () => {
    const site = makeSite();
    site.install('ldmsd', ldmsdThat('cat'));
    const { stdout } = await site.run(['samp', '-x', 'sock:1'], { input: 'first\nsecond\n' });
    expect(stdout).toBe('first\nsecond\n');
  });

  testNeeding(
    ['script'],
    'has a terminal with job control when we have one, as `docker run -it ldms-dev` promises',
    async () => {
      const site = makeSite();
      const shell = start('script', ['-qec', `${program} dev --norc -i`, '/dev/null'], {
        env: { ...site.env, PS1: 'ready> ', TERM: 'dumb' },
        input: 'case $- in *m*) echo "job control: on";; esac\nsleep 300 & jobs; kill %1; tty\nexit 7\n',
      });
      const { stdout, code } = await shell.ended;
      expect(stdout).toContain('job control: on');
      expect(stdout).toMatch(/\[1\]\+ {2}Running/);
      expect(stdout).toMatch(/\/dev\/pts\/\d/);
      expect(stdout).not.toContain('no job control');
      expect(code).toBe(7);
    },
  );
});

describe('our own output', () => {
  test('nothing of ours is ever on stdout, not even when the start fails', async () => {
    const site = makeSite({ LDMS_ENTRYPOINT_LOG_LEVEL: 'debug' });
    site.install('ldmsd', ldmsdThat('echo from the daemon'));
    expect((await site.run(['samp', '-x', 'sock:1'])).stdout).toBe('from the daemon\n');
    expect((await site.run(['samp', '-x', 'sock:1', '-c', '/no/such/file'])).stdout).toBe('');
    expect((await site.run(['nonsense'])).stdout).toBe('');
  });

  test('a start with nothing to tell is silent', async () => {
    const site = makeSite();
    site.install('ldmsd', ldmsdThat('true'));
    expect((await site.run(['samp', '-x', 'sock:1'])).stderr).toBe('');
  });

  test.each([
    ['closed', '2>&-'],
    ['a pipe that nobody reads any more', '2> >(exec true)'],
  ])('stderr that is %s neither stops nor hangs a start', async (_, redirection) => {
    const site = makeSite({ LDMS_ENTRYPOINT_LOG_LEVEL: 'debug' });
    site.install('ldmsd', ldmsdThat('echo started'));
    const script = `exec "$0" samp -x sock:1 ${redirection}`;
    const { stdout } = await run('/bin/bash', ['-c', script, program], { env: site.env });
    expect(stdout).toBe('started\n');
  });
});

describe('the environment', () => {
  test('arrives as the kernel has it, with what Node would take away', async () => {
    const site = makeSite();
    const daemon = site.install('ldmsd', ldmsdThat("tr '\\0' '\\n' < /proc/self/environ"));
    const fed = [
      'A=1',
      'NODE_UNIQUE_ID=7',
      'B= x ',
      `PATH=${site.env['PATH']}`,
      `LDMS_ENTRYPOINT_ROOT=${site.root}`,
    ];
    const direct = await run('env', ['-i', ...fed, daemon, '-F']);
    const ours = await run('env', ['-i', ...fed, program, 'samp', '-F']);
    expect(ours.stdout).toBe(direct.stdout);
    expect(direct.stdout).toContain('NODE_UNIQUE_ID=7');
  });
});

describe('a program that cannot be started', () => {
  const one = (stderr: string) => {
    expect(stderr.trimEnd().split('\n'), 'one line tells all').toHaveLength(1);
    return String(logLines(stderr)[0]?.['msg']);
  };

  test('is 127 when it is missing, and the line names it', async () => {
    const site = makeSite();
    const { code, stderr } = await site.run(['samp', '-x', 'sock:1'], {
      env: { ...site.env, PATH: site.path('bin') },
    });
    expect(code).toBe(127);
    expect(one(stderr)).toMatch(/^cannot start ldmsd: it is not in PATH \(.*\); use an image/);
  });

  test.each([
    [
      'is a directory',
      (site: ReturnType<typeof makeSite>) => site.write('bin/ldmsd/x', ''),
      /it is a directory/,
    ],
    [
      'is not executable',
      (site: ReturnType<typeof makeSite>) => site.write('bin/ldmsd', '', 0o644),
      /permission denied/,
    ],
  ])('is 126 when it %s', async (_, install, why) => {
    const site = makeSite();
    install(site);
    const env = { ...site.env, PATH: site.path('bin') };
    const { code, stderr } = await site.run(['samp', '-x', 'sock:1'], { env });
    expect(one(stderr)).toMatch(why);
    expect(code).toBe(126);
  });

  test('is 126 when it is neither a binary nor a script with #!, and no crash', async () => {
    const site = makeSite();
    site.install('ldmsd', 'nothing that a kernel could run\n');
    const { code, stderr } = await site.run(['samp', '-F', '-x', 'sock:1']);
    expect(one(stderr)).toMatch(
      /cannot start .*ldmsd: it is neither a program for this machine nor a script/,
    );
    expect(code).toBe(126);
  });

  testNeeding(
    ['root', 'setpriv'],
    'is 127 when it is missing and a directory of PATH may not be entered',
    async () => {
      // As under Charliecloud, which brings the caller's PATH along.
      const site = makeSite();
      mkdirSync(site.path('home'), { mode: 0o700 });
      const asNobody = (path: string) =>
        run('setpriv', ['--reuid=65534', '--clear-groups', program, 'samp', '-x', 'sock:10411'], {
          env: { ...site.env, PATH: path },
        });
      const { code, stderr } = await asNobody(`${site.path('home')}:/usr/bin`);
      expect(one(stderr)).toMatch(/^cannot start ldmsd: it is not in PATH/);
      expect(code).toBe(127);
      site.install('ldmsd', '#!/bin/sh\necho found\n');
      expect((await asNobody(`${site.path('home')}:${site.path('bin')}:/usr/bin`)).stdout).toBe('found\n');
    },
  );

  test('is 127 when its interpreter is missing', async () => {
    const site = makeSite();
    site.install('ldmsd', '#!/no/such/interpreter\n');
    const { code, stderr } = await site.run(['samp', '-F', '-x', 'sock:1']);
    expect(one(stderr)).toMatch(/the interpreter that it names does not exist/);
    expect(code).toBe(127);
  });

  test('is told by its code also when nobody reads our stderr any more', async () => {
    const site = makeSite();
    site.install('ldmsd', 'nothing that a kernel could run\n');
    const code = site.path('code');
    await run(
      '/bin/sh',
      ['-c', `exec 3>${code}; { "$0" samp -F -x sock:1 2>&1 >/dev/null; echo $? >&3; } | true`, program],
      {
        env: site.env,
      },
    );
    expect(readFileSync(code, 'utf8')).toBe('126\n');
  });

  test('leaves no record of a running container behind', async () => {
    const site = makeSite();
    site.install('ldmsd', 'nothing that a kernel could run\n');
    await site.run(['samp', '-F', '-x', 'sock:1']);
    const { code, stdout } = await site.run(['health']);
    expect(stdout).toMatch(/^unhealthy: no daemon/);
    expect(code).toBe(1);
  });
});

describe('variables that are meant for Node', () => {
  test.each([
    ['NODE_OPTIONS', '--require /no/such/file.js --inspect=127.0.0.1:0'],
    ['NODE_EXTRA_CA_CERTS', '/no/such/certificates.pem'],
    ['NODE_V8_COVERAGE', '/tmp/never-written'],
    ['NODE_PENDING_DEPRECATION', '1'],
  ])('%s does not change us, and reaches the daemon', async (name, value) => {
    const site = makeSite({ [name]: value });
    site.install('ldmsd', ldmsdThat(`echo "$${name}"`));
    const { stdout, stderr, code } = await site.run(['samp', '-x', 'sock:1']);
    expect({ stdout, stderr, code }).toEqual({ stdout: `${value}\n`, stderr: '', code: 0 });
  });
});

describe('SIGUSR1', () => {
  testNeeding(['strace'], 'never opens a debugger port, at whatever moment it comes', async () => {
    const site = makeSite();
    site.install('ldmsd', ldmsdThat('true'));
    // A sweep over our whole life, from before the first line of ours to after the hand-over.
    for (let delayMs = 0; delayMs <= 40; delayMs += 2) {
      const child = site.start(['samp', '-x', 'sock:1']);
      setTimeout(() => child.kill('SIGUSR1'), delayMs);
      const { stderr } = await child.ended;
      expect(stderr, `SIGUSR1 after ${delayMs} ms`).not.toContain('Debugger');
    }
    const sent = `"$0" samp -F -x sock:1 & kill -USR1 $!; wait $!`;
    const { stderr } = await run('strace', ['-f', '-e', 'trace=listen', '/bin/sh', '-c', sent, program], {
      env: site.env,
    });
    expect(stderr).not.toMatch(/listen\(\d/);
  });

  test('reaches the daemon when it was sent while we prepared', async () => {
    const site = makeSite();
    site.key();
    // ldmsd's default for SIGUSR1 is to die, so that a signal held for it ends it with 128 + 10.
    site.install('ldmsd', ldmsdThat('echo survived'));
    const slow = `#!/bin/sh\n[ "$1" = -V ] && { kill -USR1 $PPID; echo "LDMSD Version: 4.4.4"; exit 0; }\necho survived\n`;
    site.install('ldmsd', slow);
    const { stdout, code } = await site.run(['samp', '-x', 'sock:1']);
    expect({ stdout, code }).toEqual({ stdout: '', code: 138 });
  });
});
