/** ACCEPTANCE H: explain, check, --help, --version, and what they leave alone. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { testNeeding } from '../support/needs.ts';
import { program, repository, run } from '../support/program.ts';
import { ldmsdThat, makeSite } from '../support/site.ts';

const asked = ['samp', '-x', 'sock:10411', '-a', 'munge'];

describe('explain', () => {
  testNeeding(['munged'], 'prints the plan in the order in which it would be carried out', async () => {
    const site = makeSite();
    site.key();
    site.install('ldmsd', ldmsdThat(''));
    const { stdout, code } = await site.run(['explain', ...asked]);
    const order = [
      'munge is wanted (-a munge)',
      'check munge key',
      'ask for the ldmsd version',
      'start munged',
      'wait until',
      'become ldmsd -F -x sock:10411 -a munge',
    ];
    const places = order.map((words) => stdout.indexOf(words));
    expect(places, stdout).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(code).toBe(0);
  });

  test('quotes arguments as a shell would need them', async () => {
    const site = makeSite();
    const { stdout } = await site.run(['explain', 'samp', '-x', 'sock:1', "it's", '*', '']);
    expect(stdout).toContain(`become ldmsd -F -x sock:1 'it'\\''s' '*' ''`);
  });

  test("leaves the daemon's own options alone, `--json` and `--` included", async () => {
    const site = makeSite();
    const { stdout } = await site.run(['explain', '--json', 'dev', '--json', '--', '-x']);
    const plan = JSON.parse(stdout) as { main: unknown; handoff: string };
    expect(plan.main).toEqual({ program: '/bin/bash', args: ['--json', '--', '-x'] });
    expect(plan.handoff).toBe('exec');
  });

  test("tells a plan's problems, and is still 0: explaining worked", async () => {
    const site = makeSite();
    const { stdout, code } = await site.run(['explain', ...asked]);
    expect(stdout).toMatch(/check munge key: NOT READY: cannot use the munge key/);
    expect(code).toBe(0);
  });
});

describe('check', () => {
  testNeeding(['munged'], 'is 0 where all is ready', async () => {
    const site = makeSite();
    site.key();
    site.install('ldmsd', ldmsdThat(''));
    const { stdout, code } = await site.run(['check', ...asked]);
    expect(stdout).toMatch(/^samp is ready$/m);
    expect(stdout).not.toContain('FAIL');
    expect(code).toBe(0);
  });

  testNeeding(
    ['munged'],
    'tells everything that is wrong at once, and ends with the code that a start would have',
    async () => {
      const site = makeSite();
      const env = { ...site.env, PATH: `${site.path('bin')}:/usr/bin` };
      const { stdout, code } = await site.run(['check', ...asked, '-c', '/no/such/file'], { env });
      expect(stdout).toMatch(
        /^FAIL {2}configuration file: cannot read .*\/no\/such\/file.*it does not exist/m,
      );
      expect(stdout).toMatch(/^FAIL {2}munge key: /m);
      expect(stdout).toMatch(/^FAIL {2}program ldmsd: /m);
      expect(stdout).toMatch(/^samp is not ready: 3 of \d+ checks failed$/m);
      expect(code).toBe(78);
      const start = await site.run([...asked, '-c', '/no/such/file'], { env });
      expect(start.code).toBe(code);
    },
  );
});

describe('check --json', () => {
  test('gives the results as data, and ends with the code that a start would have', async () => {
    const site = makeSite();
    const { stdout, code } = await site.run(['check', '--json', ...asked]);
    const result = JSON.parse(stdout) as {
      mode: string;
      exit: number;
      checks: { what: string; state: string }[];
    };
    expect(code).toBe(80);
    expect(result).toMatchObject({ mode: 'samp', exit: 80 });
    expect(result.checks).toContainEqual(expect.objectContaining({ what: 'munge key', state: 'failed' }));
  });
});

describe('LDMS_ENTRYPOINT_ROOT', () => {
  test.each([[['samp']], [['explain', 'samp']], [['check', 'samp']]])(
    'that does not exist is an error of %j, and is not made',
    async (words) => {
      const site = makeSite();
      const root = site.path('rooot');
      const { code, stderr } = await site.run([...words, '-x', 'sock:1'], {
        env: { ...site.env, LDMS_ENTRYPOINT_ROOT: root },
      });
      expect(code).toBe(64);
      expect(stderr).toContain(`cannot use LDMS_ENTRYPOINT_ROOT=${root}: it is not a directory`);
      expect((await run('ls', [site.root])).stdout).not.toContain('rooot');
    },
  );
});

describe('explain and check touch nothing', () => {
  for (const command of ['explain', 'check']) {
    testNeeding(
      ['ptrace', 'munged'],
      `${command}: no file is written, no program started, nothing connected to`,
      async () => {
        const site = makeSite();
        site.key({ uid: 0, gid: 0 });
        site.install('ldmsd', ldmsdThat(''));
        const traced = async (args: readonly string[]) => {
          const trace = `${site.root}.trace`;
          await run(
            'strace',
            ['-f', '-o', trace, '-e', 'trace=file,process,network,desc', program, ...args],
            { env: site.env },
          );
          const lines = readFileSync(trace, 'utf8').split('\n');
          await run('rm', [trace]);
          return lines
            .filter((line) =>
              /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|mkdir|unlink|rename|chmod|chown|symlink|link\(|execve|\bfork|connect\(|bind\(|kill\(/.test(
                line,
              ),
            )
            .filter((line) => !/readlink|fcntl|\/dev\/null|\/dev\/tty|\/proc\/self\//.test(line));
        };
        const [first, ...changes] = await traced([command, ...asked]);
        expect(first).toContain('execve(');
        expect(changes).toEqual([]);
        // Negative control: a real start is seen to do all of that.
        expect((await traced(asked)).length).toBeGreaterThan(5);
      },
    );
  }
});

describe('--help and --version', () => {
  test("--version is package.json's", async () => {
    const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect((await run(program, ['--version'])).stdout).toBe(`ldms-entrypoint ${version}\n`);
  });

  test('the made pages in docs/ are what the programs say (npm run docs)', async () => {
    const { pages } = await import('../docs/pages.ts');
    for (const [page, text] of Object.entries(pages())) {
      expect(readFileSync(join(repository, 'docs', page), 'utf8'), page).toBe(text);
    }
  });

  test("docs/building.md has the image builder's help texts, each once, and another is seen", async () => {
    const { helpTexts, withHelp } = await import('../docs/pages.ts');
    const page = readFileSync(join(repository, 'docs/building.md'), 'utf8');
    const blocks = [...page.matchAll(/^<!-- help: (\S+) -->\n```text\n(.*?)```\n<!-- \/help -->$/gms)];
    expect(blocks.map(([, name]) => name).sort()).toEqual(Object.keys(helpTexts).sort());
    for (const [, name = '', text] of blocks) expect(text, name).toBe(helpTexts[name]);
    const stale = page.replace('\n  --dry-run ', '\n  --dry-rum ');
    expect(stale).not.toBe(page);
    expect(withHelp(stale)).toBe(page);
    expect(() => withHelp('<!-- help: bild -->\n<!-- /help -->')).toThrow('there is no help text bild');
  });

  test('fits a terminal of 110 columns', async () => {
    const { stdout, code } = await run(program, ['--help']);
    expect(code).toBe(0);
    expect(stdout.split('\n').filter((line) => line.length > 110)).toEqual([]);
  });

  test('an unknown first word names those that there are', async () => {
    const { code, stderr, stdout } = await run(program, ['sampler']);
    expect(stdout).toBe('');
    expect(stderr).toBe(
      'ldms-entrypoint: cannot start "sampler": there is no such mode or command; the first word is one of samp, agg, maestro, ui, grafana, dev, explain, check, health, status, cluster, --version, --help (see ldms-entrypoint --help)\n',
    );
    expect(code).toBe(64);
  });
});

describe('a reader that goes away', () => {
  test('`--help | head -1` is no crash', async () => {
    const { stdout, stderr } = await run('/bin/bash', [
      '-c',
      '"$0" --help | head -1; echo $PIPESTATUS',
      program,
    ]);
    expect(stdout).toMatch(/^ldms-entrypoint: .*\n0\n$/);
    expect(stderr).toBe('');
  });
});
