/** images/build/sources/build-component, as it runs inside of the build image: its stages, ends and signals. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { quote } from '../../images/build/config/shell.ts';
import { script } from '../../images/build/sources/record.ts';
import { forLong, waitFor } from '../support/images.ts';
import { isAlive, processesNaming } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { asFirst, childOf, hasExited, killAll } from '../support/probe.ts';
import { type Result, run, type Started, start, until } from '../support/program.ts';

/** A component's place, and the programs that build it, which keep their words. */
interface Place {
  path(inside: string): string;
  /** Commits a file of the sources. */
  commit(file: string, text: string): void;
  write(inside: string, text: string, mode?: number): string;
  /** Puts a program into PATH: lines of sh, which are run behind keeping its words. */
  install(name: string, text?: string): void;
  /** What programs were given, as their names and words with `|` between, in order. */
  asked(): string[];
  stages(): string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Lines of sh that keep the words of a program. */
const keeping = (name: string, to: string) =>
  `{ printf '%s' '${name}'; [ $# -eq 0 ] || printf '|%s' "$@"; echo; } >>'${to}'`;

/** A place with sources as those of OVIS: autogen.sh makes configure, and make does nothing. */
function makePlace(): Place {
  const directory = mkdtempSync(join(tmpdir(), 'ldms-component-'));
  onTestFinished(() => {
    killAll(processesNaming(directory));
    rmSync(directory, { recursive: true, force: true });
  });
  const path = (inside: string) => join(directory, inside);
  const kept = path('kept');
  const write: Place['write'] = (inside, text, mode = 0o644) => {
    mkdirSync(dirname(path(inside)), { recursive: true });
    writeFileSync(path(inside), text, { mode });
    return path(inside);
  };
  const git = (...words: string[]) => {
    const settings = ['-c', 'user.name=nobody', '-c', 'user.email=nobody@example.org'];
    execFileSync('git', [...settings, ...words], { cwd: path('src'), stdio: 'ignore' });
  };
  const install: Place['install'] = (name, text = '') => {
    write(`bin/${name}`, `#!/bin/sh\n${keeping(name, kept)}\n${text}\n`, 0o755);
  };
  const commit: Place['commit'] = (file, text) => {
    write(`src/${file}`, text, 0o755);
    git('add', '--all', '--force', file);
    git('commit', '--quiet', `--message=${file}`);
  };
  mkdirSync(path('src'), { recursive: true });
  git('init', '--quiet');
  const configure = `#!/bin/sh\n${keeping('configure', kept)}\n[ ! -e ../no-configure ] || exit 3\n`;
  commit(
    'autogen.sh',
    `${keeping('autogen', kept)}\ncat >configure <<'END'\n${configure}END\nchmod +x configure\n`,
  );
  install('make');
  return {
    path,
    commit,
    write,
    install,
    asked: () => (existsSync(kept) ? readFileSync(kept, 'utf8').trimEnd().split('\n') : []),
    stages: () => readdirSync(path('stages')).sort(),
    env: {
      PATH: `${path('bin')}:${process.env['PATH']}`,
      HOME: path('home'),
      PREFIX: path('prefix'),
      MAKE_INSTALL: "'make' 'install'",
      GIT_CONFIG_GLOBAL: '/dev/null',
    },
  };
}

const wordsOf = (shell: string, words: readonly string[]): [string, string[]] => {
  const [program = '', ...args] = shell.split(' ');
  return [program, [...args, script, ...words]];
};
const startIn = ({ path, env }: Place, shell: string, words: readonly string[]): Started =>
  start(...wordsOf(shell, words), { cwd: path('.'), env });
const runIn = (place: Place, shell: string, ...words: readonly string[]): Promise<Result> =>
  startIn(place, shell, words).ended;

const all = ['autogen', 'configure', 'install', 'make'];

/** A shell that is there, and what starts it. */
describe.each([
  { shell: 'dash', needs: ['dash', 'git'] },
  { shell: 'bash --posix', needs: ['bash', 'git'] },
  { shell: 'busybox sh', needs: ['busybox', 'git'] },
])('with $shell', ({ shell, needs }) => {
  testNeeding(needs, 'its stages one after the other, each once', async () => {
    const place = makePlace();
    const first = await runIn(place, shell, 'autotools', '3', '--prefix=/opt/ovis');
    expect(first).toEqual({
      code: 0,
      stdout: [
        ...['stage: autogen', '+ sh ./autogen.sh'],
        ...['stage: configure', '+ ../src/configure --prefix=/opt/ovis'],
        ...['stage: make', '+ make -j3'],
        ...['stage: install', '+ make install', ''],
      ].join('\n'),
      stderr: '',
    });
    const asked = ['autogen', 'configure|--prefix=/opt/ovis', 'make|-j3', 'make|install'];
    expect(place.asked()).toEqual(asked);
    expect(place.stages()).toEqual(all);

    const second = await runIn(place, shell, 'autotools', '3', '--prefix=/opt/ovis');
    expect(second.code).toBe(0);
    expect(second.stdout).toBe(
      ['autogen', 'configure', 'make', 'install'].map((stage) => `${stage}: done before\n`).join(''),
    );
    expect(place.asked()).toEqual(asked);
    // It is a stage's own file that tells.
    rmSync(place.path('stages/install'));
    await runIn(place, shell, 'autotools', '3', '--prefix=/opt/ovis');
    expect(place.asked()).toEqual([...asked, 'make|install']);
  });

  testNeeding(
    needs,
    'a command that fails is told with its exit code, which is its own; the next build goes on there',
    async () => {
      const place = makePlace();
      place.write('no-configure', '');
      const fails = async (code: number, told: string, stages: readonly string[]) => {
        const result = await runIn(place, shell, 'autotools', '2', '--one');
        expect(result.code, result.stdout).toBe(code);
        expect(result.stdout.trimEnd().split('\n').at(-1)).toBe(`failed: ${told} (exit code ${code})`);
        expect(place.stages()).toEqual(stages);
      };
      await fails(3, '../src/configure --one', ['autogen']);
      rmSync(place.path('no-configure'));
      place.install('make', '[ "$1" = install ] || exit 2');
      await fails(2, 'make -j2', ['autogen', 'configure']);
      place.install('make', '[ "$1" != install ] || exit 4');
      await fails(4, 'make install', ['autogen', 'configure', 'make']);
      place.install('make');
      expect((await runIn(place, shell, 'autotools', '2', '--one')).code).toBe(0);
      expect(place.stages()).toEqual(all);
      expect(place.asked()).toEqual([
        ...['autogen', 'configure|--one'],
        ...['configure|--one', 'make|-j2'],
        ...['make|-j2', 'make|install', 'make|install'],
      ]);
    },
  );

  testNeeding(needs, 'configure gets each of its arguments whole', async () => {
    const place = makePlace();
    const words = ['CFLAGS=-O2 -g', "it's", '"', '$HOME', '`id`', '*', '\\', '', '-n', '  two  '];
    expect((await runIn(place, shell, 'autotools', '1', ...words)).code).toBe(0);
    expect(place.asked()).toContain(['configure', ...words].join('|'));
  });

  testNeeding(needs, 'what installs gets its words as they are written in MAKE_INSTALL', async () => {
    const place = makePlace();
    const words = ['make', 'install', 'STRIP=strip -g', "it's", '$HOME', '*', 'a;b', '`id`'];
    place.env['MAKE_INSTALL'] = words.map(quote).join(' ');
    expect((await runIn(place, shell, 'autotools', '1')).code).toBe(0);
    expect(place.asked().at(-1)).toBe(words.join('|'));
  });

  testNeeding(needs, 'what Debian puts below local/ is moved up, over what is there', async () => {
    const place = makePlace();
    const prefix = place.path('prefix');
    place.write('prefix/lib/python3/old.py', 'old');
    place.write('prefix/lib/python3/kept.py', 'kept');
    place.install(
      'make',
      `[ "$1" = install ] || exit 0
mkdir -p "$PREFIX/local/bin" "$PREFIX/local/lib/python3"
echo new >"$PREFIX/local/lib/python3/old.py"
echo tool >"$PREFIX/local/bin/tool"
chmod 750 "$PREFIX/local/bin/tool"
ln -s tool "$PREFIX/local/bin/link"`,
    );
    expect((await runIn(place, shell, 'autotools', '1')).code).toBe(0);
    expect(readdirSync(prefix).sort()).toEqual(['bin', 'lib']);
    expect(readFileSync(join(prefix, 'lib/python3/old.py'), 'utf8')).toBe('new\n');
    expect(readFileSync(join(prefix, 'lib/python3/kept.py'), 'utf8')).toBe('kept');
    expect(readlinkSync(join(prefix, 'bin/link'))).toBe('tool');
    expect((await run('stat', ['-c', '%a', join(prefix, 'bin/tool')])).stdout).toBe('750\n');
    // A build that was killed before it had moved it all.
    mkdirSync(join(prefix, 'local/bin'), { recursive: true });
    symlinkSync('tool', join(prefix, 'local/bin/link'));
    expect((await runIn(place, shell, 'autotools', '1')).code).toBe(0);
    expect(readdirSync(prefix).sort()).toEqual(['bin', 'lib']);
  });

  testNeeding(needs, 'a build that is begun anew has the sources as they were committed', async () => {
    const place = makePlace();
    place.commit('.gitignore', '*.o\n');
    for (const file of ['configure', 'old.o', 'sub/old.c']) place.write(`src/${file}`, 'left', 0o755);
    place.write('obj/old.o', 'left');
    expect((await runIn(place, shell, 'autotools', '1')).code).toBe(0);
    for (const file of ['src/old.o', 'src/sub', 'obj/old.o'])
      expect(existsSync(place.path(file)), file).toBe(false);
    expect(place.asked()[0]).toBe('autogen');
  });

  testNeeding(needs, 'sources without autogen.sh: autoreconf, or the configure that they have', async () => {
    const place = makePlace();
    place.install('autoreconf', 'printf "#!/bin/sh\\n" >configure; chmod +x configure');
    execFileSync('git', ['rm', '--quiet', 'autogen.sh'], { cwd: place.path('src') });
    place.commit('README', '');
    expect((await runIn(place, shell, 'autotools', '1')).code).toBe(0);
    expect(place.asked()).toEqual(['autoreconf|--force|--install', 'make|-j1', 'make|install']);

    place.commit('configure', '#!/bin/sh\n');
    rmSync(place.path('stages'), { recursive: true });
    expect((await runIn(place, shell, 'autotools', '1')).code).toBe(0);
    expect(place.asked().slice(3)).toEqual(['make|-j1', 'make|install']);
  });

  testNeeding(needs, 'TERM ends what runs, and the next build goes on with the same objects', async () => {
    const place = makePlace();
    // As make does, it removes what is half made.
    place.install(
      'make',
      `[ "$1" = install ] && exit
echo $$ >pid
trap 'echo cleaning; ${waitFor('../go')}; rm half; exit 2' TERM
: >half
${forLong}`,
    );
    const build = startIn(place, shell, ['autotools', '2']);
    const pid = await until(
      'make runs',
      () => existsSync(place.path('obj/half')) && Number(readFileSync(place.path('obj/pid'), 'utf8')),
    );
    expect(place.stages()).toEqual(['autogen', 'configure', 'unclean']);
    build.kill('SIGTERM');
    await until('make removes what is half made', () => build.stdout().includes('cleaning'));
    // Another signal changes nothing.
    build.kill('SIGHUP');
    place.write('go', '');
    const result = await build.ended;
    expect(result.code, result.stderr).toBe(143);
    expect(result.stdout).toMatch(/\n\+ make -j2\ninterrupted\ncleaning\n$/);
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(place.path('obj/half'))).toBe(false);
    expect(place.stages()).toEqual(['autogen', 'configure']);

    place.install('make');
    expect((await runIn(place, shell, 'autotools', '2')).code).toBe(0);
    expect(place.asked()).toEqual(['autogen', 'configure', 'make|-j2', 'make|-j2', 'make|install']);
  });

  testNeeding(
    [...needs, 'namespaces'],
    'as the first process of a container: TERM ends everything in it',
    async () => {
      const place = makePlace();
      // make waits for its compilers, and does not tell them.
      place.install(
        'make',
        `[ "$1" = install ] && exit
(trap 'echo told >>told; exit' TERM; i=0; : >ready; while [ $i -lt 3000 ]; do i=$((i + 1)); sleep 0.02; done) &
trap '' TERM
wait
rm -f ready`,
      );
      const [program, args] = wordsOf(shell, ['autotools', '2']);
      const [first = '', ...rest] = asFirst(program, ...args);
      const build = start(first, rest, { cwd: place.path('.'), env: place.env });
      await until('the compiler runs', () => existsSync(place.path('obj/ready')));
      process.kill(await childOf(build), 'SIGTERM');
      const result = await build.ended;
      expect(result.code, result.stderr).toBe(143);
      expect(readFileSync(place.path('obj/told'), 'utf8')).toBe('told\n');
      // It has waited for make.
      expect(existsSync(place.path('obj/ready'))).toBe(false);
      expect(place.stages()).toEqual(['autogen', 'configure']);
    },
  );

  testNeeding(needs, 'killed while it compiles: everything is compiled anew', async () => {
    const place = makePlace();
    const go = place.path('go');
    place.install('make', `[ "$1" = install ] && exit; : >object; ${waitFor(go)}`);
    const build = startIn(place, shell, ['autotools', '2']);
    await until('make runs', () => existsSync(place.path('obj/object')));
    build.kill('SIGKILL');
    await hasExited(build);
    place.write('go', '');
    expect((await build.ended).code).toBe(137);
    await until('nothing runs any more', () => processesNaming(place.path('bin')).length === 0);
    expect(place.stages()).toEqual(['autogen', 'configure', 'unclean']);

    place.install('make', '[ "$1" = install ] || ls >../objects');
    const { code, stdout } = await runIn(place, shell, 'autotools', '2');
    expect(code).toBe(0);
    expect(stdout).toContain('the build before was killed: compiling anew\n');
    expect(readFileSync(place.path('objects'), 'utf8')).toBe('');
    expect(place.asked()).toEqual([
      'autogen',
      'configure',
      'make|-j2',
      'configure',
      'make|-j2',
      'make|install',
    ]);
    expect(place.stages()).toEqual(all);
  });

  testNeeding(needs, 'make that fails leaves its objects; make that was killed does not', async () => {
    const place = makePlace();
    place.install('make', ': >object; exit 2');
    expect((await runIn(place, shell, 'autotools', '1')).code).toBe(2);
    place.install('make', 'ls >../objects; kill -KILL $$');
    expect((await runIn(place, shell, 'autotools', '1')).stdout).toContain(
      'failed: make -j1 (exit code 137)\n',
    );
    expect(readFileSync(place.path('objects'), 'utf8')).toBe('object\n');
    expect(place.stages()).toContain('unclean');
    place.install('make', '[ "$1" = install ] || ls >../objects');
    expect((await runIn(place, shell, 'autotools', '1')).code).toBe(0);
    expect(readFileSync(place.path('objects'), 'utf8')).toBe('');
  });

  testNeeding(needs, 'a Python package: pip installs it, and fetches nothing', async () => {
    const place = makePlace();
    place.write('src/build/lib/old.py', 'left');
    place.install('pip3', 'exit 1');
    const failed = await runIn(place, shell, 'pip', '2');
    expect(failed.code).toBe(1);
    expect(failed.stdout).toMatch(/\nfailed: pip3 install .* \.\/src \(exit code 1\)\n$/);
    expect(place.stages()).toEqual([]);
    place.install('pip3', 'mkdir -p "$PREFIX/local/lib"; echo module >"$PREFIX/local/lib/module.py"');
    expect((await runIn(place, shell, 'pip', '2')).code).toBe(0);
    const [, words = ''] = place.asked();
    expect(words.split('|')).toEqual(
      expect.arrayContaining(['--prefix', place.path('prefix'), '--no-index', '--no-deps', './src']),
    );
    expect(existsSync(place.path('src/build'))).toBe(false);
    expect(readdirSync(place.path('prefix'))).toEqual(['lib']);
    const again = await runIn(place, shell, 'pip', '2');
    expect(again).toEqual({ code: 0, stdout: 'install: done before\n', stderr: '' });
    expect(place.asked()).toHaveLength(2);
  });

  testNeeding(
    needs,
    'a plugin: what it needs is installed, and it is built unless it is already',
    async () => {
      const place = makePlace();
      place.install('npm');
      expect((await runIn(place, shell, 'npm', '2')).code).toBe(0);
      const options = '--no-audit|--no-fund|--no-update-notifier';
      expect(place.asked()).toEqual([`npm|install|${options}`, 'npm|run|build']);
      for (const [at, file] of ['dist/plugin.json', 'plugin.json'].entries()) {
        place.commit(file, '{}');
        place.write('src/node_modules/old/index.js', 'left');
        rmSync(place.path('stages'), { recursive: true });
        expect((await runIn(place, shell, 'npm', '2')).code).toBe(0);
        expect(place.asked().slice(2 + at)).toEqual([`npm|install|--omit=dev|${options}`]);
        expect(existsSync(place.path('src/node_modules'))).toBe(false);
      }
      expect((await runIn(place, shell, 'npm', '2')).stdout).toBe('install: done before\n');
    },
  );
});

testNeeding(['shellcheck'], 'shellcheck has nothing to say of it', async () => {
  expect(await run('shellcheck', [script])).toEqual({ code: 0, stdout: '', stderr: '' });
  // It would have.
  const { code, stdout } = await run('sh', ['-c', `{ cat '${script}'; echo 'rm $1/*'; } | shellcheck -`]);
  expect({ code, told: stdout.includes('SC2086') }).toEqual({ code: 1, told: true });
});
