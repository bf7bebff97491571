/** `ui`: what is looked at before uwsgi is started, and what it is started with. uwsgi itself is played here. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { testNeeding } from '../support/needs.ts';
import { program, type Result, run } from '../support/program.ts';
import { logLines, message, type Site } from '../support/site.ts';
import { makeUi, plainSettings, type Ui } from '../support/ui.ts';

const conf = 'opt/ovis/etc/dsosd.conf';
const settingsPy = 'opt/ovis/ui/sosgui/settings.py';

/** A sosgui, and a uwsgi that says where it was started and with what. */
async function makePlayed(settings: NodeJS.ProcessEnv = {}): Promise<Ui> {
  const ui = await makeUi(settings);
  ui.site.install('uwsgi', `#!/bin/sh\n# A stand-in for uwsgi.\necho "in $PWD"\nprintf '%s\\n' "$@"\n`);
  return ui;
}

/** What a run that is refused has to look like: the code, lines of ours alone, and uwsgi never started. */
function refusal({ code, stdout, stderr }: Result): string {
  expect({ code, stdout }, stderr).toEqual({ code: 78, stdout: '' });
  const lines = logLines(stderr);
  expect(
    lines.map(({ level, exit }) => ({ level, exit })),
    stderr,
  ).toEqual(lines.map(() => ({ level: 'error', exit: 78 })));
  expect(stderr.trim().split('\n'), 'a line that is not ours').toHaveLength(lines.length);
  return message(stderr);
}

/** The words that the stand-in was started with, without those that have to do with its end. */
const started = ({ stdout }: Result): string[] =>
  stdout
    .trim()
    .split('\n')
    .slice(1)
    .filter((word) => !/^--(hook-|die-on-term|ignore-sigpipe)/.test(word));

const ours = ['--plugins=python3', '--module=sosgui.wsgi', '--master', '--need-app'];

describe('what uwsgi is started with', () => {
  test('in the directory of sosgui, on port 80 unless a listener is named', async () => {
    const { site, listener } = await makePlayed();
    const result = await site.run(['explain', 'ui']);
    expect(result.stdout).toMatch(/become uwsgi .*--http-socket=:80 .*, in .*\/opt\/ovis\/ui$/m);
    const named = await site.run(['ui', listener, '--processes', '4']);
    expect(named.stdout).toMatch(new RegExp(`^in ${site.path('opt/ovis/ui')}$`, 'm'));
    expect(started(named)).toEqual([...ours, listener, '--processes', '4']);
  });

  const listeners: [string, (site: Site, port: number) => { args: string[]; env?: NodeJS.ProcessEnv }][] = [
    ['--http-socket ADDR:PORT in two words', (_, port) => ({ args: ['--http-socket', `127.0.0.1:${port}`] })],
    ['a name that is cut short', (_, port) => ({ args: [`--http-so=127.0.0.1:${port}`] })],
    ['--socket', () => ({ args: ['--socket=/run/ui.sock'] })],
    ['-s', (_, port) => ({ args: ['-s', `127.0.0.1:${port}`] })],
    ['-s and its value in one word', (_, port) => ({ args: [`-s127.0.0.1:${port}`] })],
    ['--set http-socket=', (_, port) => ({ args: ['--set', `http-socket=127.0.0.1:${port}`] })],
    ['--http, with its plugin', (_, port) => ({ args: ['--plugins=http', `--http=127.0.0.1:${port}`] })],
    [
      'an ini',
      (site, port) => ({
        args: ['--ini', site.write('a.ini', `[uwsgi]\nhttp-socket = 127.0.0.1:${port}\n`)],
      }),
    ],
    [
      'an ini as a word',
      (site, port) => ({ args: [site.write('a.ini', `[uwsgi]\nsocket = 127.0.0.1:${port}\n`)] }),
    ],
    [
      'an ini that an ini includes',
      (site, port) => {
        const inner = site.write('b.ini', `[uwsgi]\nhttp-socket = 127.0.0.1:${port}\n`);
        return { args: ['--ini', site.write('a.ini', `[uwsgi]\nini = ${inner}\n`)] };
      },
    ],
    [
      'a relative ini, in the directory of sosgui',
      (site, port) => {
        site.write('opt/ovis/ui/a.ini', `[uwsgi]\nhttp-socket = 127.0.0.1:${port}\n`);
        return { args: ['--ini', 'a.ini'] };
      },
    ],
    ['UWSGI_HTTP_SOCKET', (_, port) => ({ args: [], env: { UWSGI_HTTP_SOCKET: `127.0.0.1:${port}` } })],
    [
      'UWSGI_INI',
      (site, port) => ({
        args: [],
        env: { UWSGI_INI: site.write('a.ini', `[uwsgi]\nhttp-socket=127.0.0.1:${port}\n`) },
      }),
    ],
  ];
  test.each(listeners)('no port 80 with a listener in %s', async (_, make) => {
    const { site, port } = await makePlayed();
    const { args, env } = make(site, port);
    const result = await site.run(['ui', ...args], { env: { ...site.env, ...env } });
    const words = started(result);
    expect(
      words.filter((word) => word.includes(':80')).filter((word) => /:80$/.test(word)),
      result.stderr,
    ).toEqual([]);
    // What the user has typed is at the end, untouched.
    expect(words.slice(words.length - args.length)).toEqual(args);
  });

  test('the negative control: an ini without a listener, and port 80 is added', async () => {
    const { site } = await makePlayed();
    const ini = site.write('a.ini', '[uwsgi]\nprocesses = 2\n[other]\nhttp-socket = :8080\n');
    expect((await site.run(['explain', 'ui', '--ini', ini])).stdout).toMatch(/ --http-socket=:80 .*--ini /);
  });

  test('what the user or an ini sets is not set again: module, plugin, master, need-app', async () => {
    const { site, listener } = await makePlayed();
    const ini = site.write(
      'a.ini',
      '[uwsgi]\nmaster = true\nneed-app = true\nmodule = mine:app\nplugin = python3\n',
    );
    const args = ['--ini', ini, listener];
    expect(started(await site.run(['ui', ...args]))).toEqual(args);
    const own = ['--plugin', 'python311', '--module', 'mine:app', listener];
    expect(started(await site.run(['ui', ...own]))).toEqual(['--master', '--need-app', ...own]);
  });

  test('`uwsgi` as the first word is uwsgi all the same; another program runs in its place', async () => {
    const { site, listener } = await makePlayed();
    const args = [listener];
    expect(started(await site.run(['ui', 'uwsgi', ...args]))).toEqual([...ours, ...args]);
    expect((await site.run(['ui', 'echo', 'in its place'])).stdout).toBe('in its place\n');
  });

  test.each(['--version', '--help', '-h'])(
    '%s prepares nothing, looks at nothing and adds nothing',
    async (word) => {
      const { site } = await makePlayed();
      rmSync(site.path('opt/ovis/etc'), { recursive: true });
      const before = readdirSync(site.root);
      const { code, stdout } = await site.run(['ui', word]);
      expect({ code, words: stdout.split('\n').slice(1) }).toEqual({ code: 0, words: [word, ''] });
      expect(readdirSync(site.root)).toEqual(before);
    },
  );

  test('the log directories that settings.py opens are made', async () => {
    const { site, listener } = await makePlayed();
    const log = site.path('var/log/sosgui');
    site.write(settingsPy, `${plainSettings}log = open('${log}/settings.log', 'a')\n`);
    expect((await site.run(['ui', listener])).code).toBe(0);
    expect(readdirSync(log)).toEqual([]);
  });

  test('what is doubtful in settings.py is a warning, and uwsgi is started', async () => {
    const { site, listener } = await makePlayed();
    site.write(settingsPy, 'DEBUG = True\nSECRET_KEY = "blabla"\nALLOWED_HOSTS = ["*"]\n');
    const { code, stderr } = await site.run(['ui', listener]);
    expect(code).toBe(0);
    const path = site.path(settingsPy);
    for (const words of [
      'DEBUG is True',
      'SECRET_KEY is a placeholder',
      "ALLOWED_HOSTS has '*'",
      'DSOS_ROOT is not set',
      'DSOS_CONF is not set',
    ]) {
      expect(message(stderr)).toContain(`${path}: ${words}`);
    }
    expect(stderr).not.toContain('blabla');
    // Negative control: nothing to be said.
    site.write(settingsPy, plainSettings);
    expect((await site.run(['ui', listener])).stderr).toBe('');
  });
});

describe('files', () => {
  test('both missing: both are told at once, each with what to type', async () => {
    const { site, listener } = await makePlayed();
    for (const file of [conf, settingsPy]) rmSync(site.path(file));
    const said = refusal(await site.run(['ui', listener]));
    expect(said.split('\n')).toHaveLength(2);
    expect(said).toContain(`cannot use ${site.path(conf)}: it does not exist`);
    expect(said).toContain(`cp dsosd.conf ${site.path(conf)}`);
    expect(said).toContain(`cannot use ${site.path(settingsPy)}: it does not exist`);
    expect(said).toContain(`cp settings.py ${site.path(settingsPy)}`);
  });

  test('a directory, which docker makes where the file on the host is missing', async () => {
    const { site, listener } = await makePlayed();
    rmSync(site.path(conf));
    mkdirSync(site.path(conf));
    expect(refusal(await site.run(['ui', listener]))).toMatch(
      /dsosd\.conf: it is a directory, which docker makes/,
    );
  });

  test('every mistake in dsosd.conf is told, with its line', async () => {
    const { site, listener } = await makePlayed();
    const lines = [
      'cygnus-07',
      '',
      '# L2',
      'cygnus-07',
      ' cygnus-08',
      'a b',
      'host:411',
      'dos\r',
      'bad!name',
      'fine-1',
    ];
    const path = site.write(conf, `${lines.join('\n')}\n`);
    const said = refusal(await site.run(['ui', listener])).split('\n');
    expect(said.map((line) => line.split(':').slice(0, 2).join(':'))).toEqual(
      [2, 3, 4, 5, 6, 7, 8, 9].map((line) => `${path}:${line}`),
    );
    for (const [at, words] of [
      /blank line/,
      /no comment/,
      /stands in line 1/,
      /blanks around/,
      /more than one host/,
      /has a port/,
      /carriage return/,
      /neither a host/,
    ].entries()) {
      expect(said[at]).toMatch(words);
    }
  });

  test('a dsosd.conf without any host', async () => {
    const { site, listener } = await makePlayed();
    site.write(conf, '');
    expect(refusal(await site.run(['ui', listener]))).toMatch(/it names no host; write into it the hosts/);
  });
});

describe('python3 parses settings.py', () => {
  const broken: [string, string, string][] = [
    ['a bracket that nobody closes', 'A = 1\nALLOWED_HOSTS = [\n', '2:17'],
    ['a missing colon', 'try\n    A = 1\nexcept E: pass\n', '1:4'],
    ['an indentation', 'A = 1\n  B = 2\n', '2:'],
    ['a NUL', 'A = 1\n\0\n', ''],
  ];
  for (const [what, text, place] of broken) {
    testNeeding(['python3'], `${what}: one line with its place, and uwsgi is never started`, async () => {
      const { site, listener } = await makePlayed();
      const path = site.write(settingsPy, text);
      const said = refusal(await site.run(['ui', listener]));
      expect(said.split('\n')).toHaveLength(1);
      expect(said).toMatch(/:\d+:\d+: \S/);
      expect(said.startsWith(`${path}:${place}`), said).toBe(true);
    });
  }

  testNeeding(['python3'], 'it is not run, and leaves nothing behind', async () => {
    const { site, listener } = await makePlayed();
    const mark = site.path('it-was-run');
    site.write(settingsPy, `${plainSettings}open('${mark}', 'w')\n`);
    expect((await site.run(['ui', listener])).code).toBe(0);
    expect(existsSync(mark)).toBe(false);
    expect(readdirSync(site.path('opt/ovis/ui/sosgui')).sort()).toEqual([
      '__init__.py',
      'settings.py',
      'wsgi.py',
    ]);
  });

  test('LDMS_ENTRYPOINT_UI_SETTINGS_CHECK=0 starts no python3', async () => {
    const { site, listener } = await makePlayed();
    const mark = site.path('python3-was-started');
    site.install('python3', `#!/bin/sh\n# A stand-in for python3.\n: > ${mark}\n`);
    const env = { ...site.env, LDMS_ENTRYPOINT_UI_SETTINGS_CHECK: '0' };
    expect((await site.run(['ui', listener], { env })).code).toBe(0);
    expect(existsSync(mark), 'python3 was started all the same').toBe(false);
    // Negative control: without the setting it is.
    expect((await site.run(['ui', listener])).code).toBe(0);
    expect(existsSync(mark), 'python3 is started otherwise').toBe(true);
  });

  test('without a python3 that is left out', async () => {
    const { site, listener } = await makePlayed();
    site.install('printf', '#!/bin/sh\n');
    const { code, stdout, stderr } = await site.run(['ui', listener], {
      env: { ...site.env, PATH: site.path('bin') },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(listener);
  });
});

describe('the listener', () => {
  test('a port that is taken: said with the remedy, before uwsgi is started', async () => {
    const { site, port, listener } = await makePlayed();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const said = refusal(await site.run(['ui', listener]));
    expect(said).toMatch(
      new RegExp(
        `^cannot listen on 127.0.0.1:${port}: somebody listens .*; choose another port: docker run … ovishpc/ldms-ui --http-socket=127.0.0.1:${port + 1}$`,
      ),
    );
    // With 0.0.0.0, which an empty address means, it clashes too.
    expect(refusal(await site.run(['ui', `--http-socket=:${port}`]))).toContain('somebody listens');
    // Two that agree to share it do.
    expect((await site.run(['ui', listener, '--reuse-port'])).code).toBe(0);
  });

  testNeeding(['root', 'setpriv'], 'port 80 without the right to it: said with the remedy', async () => {
    const { site } = await makePlayed();
    const start = readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8').trim();
    const words = ['--reuid=12345', '--regid=12345', '--clear-groups', '--inh-caps=-all', program, 'ui'];
    const result = await run('setpriv', words, { env: site.env });
    if (Number(start) > 80) {
      expect(refusal(result)).toMatch(
        new RegExp(
          `^cannot listen on 0.0.0.0:80: uid 12345 may only take ports from ${start} on; .*--http-socket=:8080$`,
          'm',
        ),
      );
    } else {
      expect(result.code, result.stderr).toBe(0);
    }
  });
});

describe('the log directory', () => {
  testNeeding(
    ['root', 'setpriv'],
    'that another user may not write to: said with what to add to docker run',
    async () => {
      const { site, listener } = await makePlayed();
      const log = site.path('var/log/sosgui');
      mkdirSync(log, { recursive: true });
      site.write(settingsPy, `${plainSettings}log = open('${log}/settings.log', 'a')\n`);
      const words = [
        '--reuid=12345',
        '--regid=12345',
        '--clear-groups',
        '--inh-caps=-all',
        program,
        'ui',
        listener,
      ];
      expect(refusal(await run('setpriv', words, { env: site.env }))).toMatch(
        new RegExp(
          `^cannot write to the log directory.* ${log}.*: permission denied; docker run --tmpfs ${log}:uid=12345, or mount a directory there that uid 12345 may write to$`,
        ),
      );
      // Negative control: root may.
      expect((await site.run(['ui', listener])).code).toBe(0);
    },
  );
});

describe('check and explain', () => {
  test('check is 0 where all is well, and tells every mistake where it is not; neither starts uwsgi nor writes', async () => {
    const { site, listener } = await makePlayed();
    const log = site.path('var/log/sosgui');
    site.write(settingsPy, `${plainSettings}log = open('${log}/settings.log', 'a')\n`);
    const all = () => readdirSync(site.root, { recursive: true }).sort();
    const before = all();
    const well = await site.run(['check', 'ui', listener]);
    expect(well.code, well.stdout + well.stderr).toBe(0);
    expect(well.stdout).not.toContain('in /');
    site.write(conf, '\n\n');
    rmSync(site.path(settingsPy));
    const bad = await site.run(['check', 'ui', listener]);
    expect(bad.code).toBe(78);
    expect(bad.stdout + bad.stderr).toMatch(/names no host/);
    expect(bad.stdout + bad.stderr).toMatch(/settings\.py: it does not exist/);
    await site.run(['explain', 'ui', listener]);
    expect(all()).toEqual(before.filter((name) => String(name) !== settingsPy));
  });
});

describe('explain and check change nothing', () => {
  const changes =
    /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|mkdir|unlink|rename|chmod|chown|symlink|link\(|execve|connect\(|bind\(|kill\(/;
  const harmless = /readlink|fcntl|\/dev\/null|\/dev\/tty|\/proc\/self\/|ENOENT|resumed>|\/nscd\//;

  /** What a run does beside reading, by its system calls. */
  async function traced(site: Site, args: readonly string[]): Promise<string[]> {
    const trace = site.path('trace');
    const words = ['-f', '-o', trace, '-e', 'trace=file,process,network,desc', program, ...args];
    await run('strace', words, { env: site.env });
    const lines = readFileSync(trace, 'utf8').split('\n');
    rmSync(trace);
    return lines.filter((line) => changes.test(line) && !harmless.test(line));
  }

  testNeeding(['ptrace'], 'as strace sees it', async () => {
    const { site, listener } = await makePlayed();
    const programs = (lines: readonly string[]) =>
      lines.map((line) => /execve\("(?:[^"]*\/)?([^"/]*)"/.exec(line)?.[1] ?? line);
    expect(programs(await traced(site, ['explain', 'ui', listener]))).toEqual(['ldms-entrypoint']);
    // check has python3 compile settings.py, by whatever script python3 is.
    const [first, ...others] = programs(await traced(site, ['check', 'ui', listener]));
    expect(first).toBe('ldms-entrypoint');
    expect(others.filter((name) => /[^\w.-]/.test(name))).toEqual([]);
    expect(others.at(-1)).toMatch(/^python/);
    // Negative control: a start is seen to do more.
    expect(programs(await traced(site, ['ui', listener])).some((name) => /[^\w.-]/.test(name))).toBe(true);
  });
});
