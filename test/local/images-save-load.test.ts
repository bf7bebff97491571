/**
 * `load.sh` of a bundle, in the shells that there are at sites, with stand-ins for the engines. Whole
 * bundles and damaged ones; machines that lack something.
 */
import {
  appendFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, type onTestFinished } from 'vitest';
import { arch, idOf, nameOf, withImages } from '../support/bundle.ts';
import { type Builder, makeBuilder, otherArch } from '../support/images.ts';
import { testNeeding } from '../support/needs.ts';
import { type Result, run } from '../support/program.ts';

/** The bundle that all tests have a copy of: samp and agg, with two names each. */
let bundle: string;
beforeAll(async () => {
  const finished: (() => void)[] = [];
  const whenFinished: typeof onTestFinished = (body) => void finished.push(body as () => void);
  const builder = await withImages({ whenFinished });
  const { code, stderr } = await builder.run(['save', 'samp', 'agg', '--output=bundle']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  bundle = builder.path('site/bundle');
  return () => {
    for (const body of finished) body();
  };
});

const names = (['samp', 'agg'] as const).flatMap((image) => [nameOf(image), `${nameOf(image)}-${arch}`]);
const ids = [idOf('samp'), idOf('samp'), idOf('agg'), idOf('agg')];
const nothingLoaded = /nothing was loaded of ovishpc\/ldms-samp:latest and 3 other names/;

/** What a machine has besides a shell, all of it in POSIX or in coreutils, and zstd. */
const utilities = ['cat', 'dirname', 'find', 'grep', 'head', 'sed', 'sha256sum', 'uname', 'wc'];

/** A machine without Node and without network, to which a bundle was brought. */
interface Machine {
  readonly builder: Builder;
  /** Where the bundle is. */
  readonly directory: string;
  /** What engines say that they have got, as `NAME ID`. */
  loaded(): string[];
  load(...words: string[]): Promise<Result>;
}

const shells: Readonly<Record<string, readonly string[]>> = {
  dash: ['dash'],
  bash: ['bash', '--posix'],
  busybox: ['busybox', 'sh'],
};

/** Of an engine: lines of sh for some of what it is asked. */
interface EngineAnswers {
  readonly version?: string;
  /** Before it takes an archive; `$compressed` is set if that is a file as it is in the bundle. */
  readonly load?: string;
  /** What it gives an image that it loads as its name, from `$name`. */
  readonly named?: string;
}

/** A stand-in for an engine: it has what an archive's manifest tells. */
function engine({ builder }: Pick<Machine, 'builder'>, name: string, answers: EngineAnswers = {}): void {
  builder.install(
    name,
    `loaded='${builder.path('loaded')}'
take() {
  compressed=; [ "$1" = - ] || compressed=$1
  ${answers.load ?? '[ -z "$compressed" ] || { echo "invalid tar header" >&2; exit 1; }'}
  if [ -n "$compressed" ]; then zstd -dc "$compressed"; else cat; fi | tar -xOf - manifest.json |
    tr '{' '\\n' | while IFS= read -r line; do
      id=$(printf %s "$line" | sed -n 's/.*"Config":"\\([0-9a-f]*\\).*/\\1/p')
      for name in $(printf %s "$line" | grep -o '[a-z/]*/ldms-[^"]*:[^"]*'); do
        ${answers.named ?? ':'}
        echo "$name $id" >>"$loaded"
      done
    done
}
case "$1 $2" in
version* | info\\ *) ${answers.version ?? ':'}; echo "$DRIVER" ;;
info*) ${answers.version ?? ':'} ;;
load*) take "\${3:--}" ;;
images\\ import) for word; do :; done; take "$word" ;;
image\\ inspect)
  for word; do :; done
  line=$(grep "^$word " "$loaded" | tail -n 1 | grep .) || { echo "No such image: $word" >&2; exit 1; }
  echo "sha256:\${line#* }"
  ;;
images\\ list) cut -d ' ' -f 1 "$loaded" ;;
tag*) echo "$3 $(grep "^$2 " "$loaded" | cut -d ' ' -f 2)" >>"$loaded" ;;
images\\ tag) echo "$5 $(grep "^$4 " "$loaded" | cut -d ' ' -f 2)" >>"$loaded" ;;
esac`,
  );
}

/** A machine with docker, unless it is told that there is none. */
async function machine(
  shell: string,
  { docker = true, at = 'site/a bundle', lacking = [] as string[] } = {},
): Promise<Machine> {
  const builder = makeBuilder();
  const directory = builder.path(at);
  cpSync(bundle, directory, { recursive: true });
  builder.write('loaded', '');
  for (const utility of [...utilities, 'zstd', shell].filter((each) => !lacking.includes(each))) {
    if (shell === 'busybox' && utilities.includes(utility))
      symlinkSync('busybox', builder.path(`bin/${utility}`));
    else await builder.lend(utility);
  }
  if (docker) engine({ builder }, 'docker');
  const [file = '', ...args] = shells[shell] ?? [];
  return {
    builder,
    directory,
    loaded: () => readFileSync(builder.path('loaded'), 'utf8').split('\n').filter(Boolean),
    load: (...words) =>
      run(builder.path(`bin/${file}`), [...args, join(directory, 'load.sh'), ...words], {
        env: builder.env,
        cwd: '/',
      }),
  };
}

const whole = names.map((name, at) => `${name} ${ids[at]}`).sort();

for (const shell of Object.keys(shells)) {
  describe(shell, () => {
    const needs = [shell, 'zstd'];

    testNeeding(needs, 'a whole bundle is loaded, from a path with blanks, and each image told', async () => {
      const { load, loaded, directory } = await machine(shell);
      const before = readdirSync(directory, { recursive: true });
      const { code, stdout, stderr } = await load();
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(loaded().sort()).toEqual(whole);
      expect(stdout).toContain(`checking ${directory}\nall 6 files are as they were saved\n`);
      expect(stdout).toContain(names.map((name) => `${name} is there\n`).join(''));
      expect(readdirSync(directory, { recursive: true })).toEqual(before);
    });

    testNeeding(needs, '--check loads nothing, and needs no engine', async () => {
      const { load, loaded } = await machine(shell, { docker: false, lacking: ['zstd'] });
      const { code, stdout, stderr } = await load('--check');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout.split('\n').slice(1)).toEqual(['all 6 files are as they were saved', '']);
      expect(loaded()).toEqual([]);
    });

    const at = (directory: string, file: string) => join(directory, file);
    const size = (directory: string) => readFileSync(at(directory, 'images.tar.zst')).length;
    const damages: readonly [string, (directory: string) => void, (directory: string) => string][] = [
      [
        'a cut archive',
        (directory) => truncateSync(at(directory, 'images.tar.zst'), 1000),
        () => `images.tar.zst is cut: it has 1000 of ${size(bundle)} bytes`,
      ],
      [
        'a changed archive',
        (directory) => {
          const bytes = readFileSync(at(directory, 'images.tar.zst'));
          bytes[5000] = (bytes[5000] ?? 0) ^ 1;
          writeFileSync(at(directory, 'images.tar.zst'), bytes);
        },
        () => 'images.tar.zst is not as it was saved',
      ],
      [
        'a missing archive',
        (directory) => rmSync(at(directory, 'images.tar.zst')),
        () => 'images.tar.zst is missing',
      ],
      [
        'a changed SBOM',
        (directory) => appendFileSync(at(directory, 'sbom/ldms-agg.cdx.json'), ' '),
        () => 'sbom/ldms-agg.cdx.json is not as it was saved',
      ],
      [
        'a changed script',
        (directory) => appendFileSync(at(directory, 'load.sh'), '# more\n'),
        () => 'load.sh is not as it was saved',
      ],
      [
        'a file that does not belong to it',
        (directory) => writeFileSync(at(directory, 'sbom/a b.json'), ''),
        () => 'sbom/a b.json is not in SHA256SUMS; remove it, unless that is cut',
      ],
      [
        'a hidden file that does not belong to it',
        (directory) => writeFileSync(at(directory, '.images.tar.zst.Xy12'), ''),
        () => '.images.tar.zst.Xy12 is not in SHA256SUMS; remove it, unless that is cut',
      ],
      [
        'a list of sums that ends within a line',
        (directory) => truncateSync(at(directory, 'SHA256SUMS'), 20),
        () => 'SHA256SUMS is cut',
      ],
      [
        'a list of sums that ends behind a line',
        (directory) => {
          const [first] = readFileSync(at(directory, 'SHA256SUMS'), 'utf8').split('\n');
          writeFileSync(at(directory, 'SHA256SUMS'), `${first}\n`);
        },
        () => 'manifest.json is not in SHA256SUMS; remove it, unless that is cut',
      ],
    ];
    for (const [what, damage, named] of damages) {
      testNeeding(needs, `${what} is named, and nothing is loaded`, async () => {
        const { load, loaded, directory, builder } = await machine(shell);
        damage(directory);
        const { code, stderr } = await load();
        expect(code).toBe(1);
        expect(stderr).toContain(`error: ${directory}/${named(directory)}\n`);
        expect(stderr).toMatch(nothingLoaded);
        expect(loaded()).toEqual([]);
        expect(builder.askedOf('docker')).toEqual([]);
      });
    }

    testNeeding(needs, 'everything that is wrong is named', async () => {
      const { load, directory } = await machine(shell);
      rmSync(at(directory, 'manifest.json'));
      writeFileSync(at(directory, 'README.txt'), '');
      writeFileSync(at(directory, 'note'), '');
      const { code, stderr } = await load('--check');
      expect(code).toBe(1);
      expect(stderr.match(/(?<=error: .*\/a bundle\/)\S+ (is missing|is not as|is not in)/g)).toEqual([
        'README.txt is not as',
        'manifest.json is missing',
        'note is not in',
      ]);
    });

    testNeeding(needs, 'no list of sums', async () => {
      for (const damage of [rmSync, (file: string) => truncateSync(file, 0)]) {
        const { load, directory, loaded } = await machine(shell);
        damage(join(directory, 'SHA256SUMS'));
        const { code, stderr } = await load();
        expect(code).toBe(1);
        expect(stderr).toMatch(
          /a bundle\/SHA256SUMS is missing or empty; nothing was loaded of ovishpc\/ldms-samp/,
        );
        expect(loaded()).toEqual([]);
      }
    });

    testNeeding(needs, 'podman and ctr, with the names that they have for the images', async () => {
      for (const [name, prefix] of [
        ['podman', ''],
        ['ctr', 'docker.io/'],
      ] as const) {
        const site = await machine(shell, { docker: false });
        engine(site, name, { named: `name=${prefix}$name` });
        const { code, stdout, stderr } = await site.load();
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        expect(stdout).toContain(`loading them with ${name}`);
        expect(stdout).toContain(names.map((each) => `${prefix}${each} is there\n`).join(''));
      }
    });

    testNeeding(needs, 'the first engine that answers; none, and what each has said', async () => {
      const site = await machine(shell, { docker: false });
      const dead = 'echo; echo "Cannot connect to it" >&2; exit 1';
      engine(site, 'docker', { version: dead });
      engine(site, 'ctr', { version: dead });
      const none = await site.load();
      expect(none.code).toBe(1);
      expect(
        none.stderr,
      ).toBe(`error: no engine answers that could load ovishpc/ldms-samp:latest and 3 other names:
  docker: Cannot connect to it
  podman: it is not installed
  ctr: Cannot connect to it
start one (systemctl start docker, or containerd), use sudo if it is root's, or name another: sh '${site.directory}/load.sh' --engine NAME
`);
      engine(site, 'podman');
      expect((await site.load()).stdout).toContain('loading them with podman');
      const wanted = await site.load('--engine', 'ctr');
      expect(wanted.code).toBe(1);
      expect(wanted.stderr).toContain(':\n  ctr: Cannot connect to it\nstart one');
      expect(wanted.stderr).not.toContain('podman:');
    });

    testNeeding(
      needs,
      'without zstd: podman takes the archive as it is; for docker, what to install',
      async () => {
        const site = await machine(shell, { lacking: ['zstd'] });
        const { code, stderr } = await site.load();
        expect(code).toBe(1);
        expect(stderr).toContain('invalid tar header\n');
        expect(stderr).toMatch(
          /error: docker does not take \S+\/a bundle\/images\.tar\.zst, which has ovishpc\/ldms-samp:latest and 3 other names, as it is; install zstd \(apt-get install zstd, dnf install zstd\), then again: sh '/,
        );
        expect(site.loaded()).toEqual([]);
        engine(site, 'podman', { load: ':' });
        expect(await site.load('--engine=podman')).toMatchObject({ code: 0, stderr: '' });
        expect(site.loaded().sort()).toEqual(whole);
      },
    );

    testNeeding(needs, 'for another machine: told, and loaded only by force', async () => {
      const site = await machine(shell);
      rmSync(site.builder.path('bin/uname'));
      site.builder.install('uname', `echo ${otherArch === 'arm64' ? 'aarch64' : 'x86_64'}`);
      const { code, stderr } = await site.load();
      expect(code).toBe(1);
      expect(stderr).toMatch(
        new RegExp(
          `error: this bundle is for ${arch}, and this machine is ${otherArch}; nothing was loaded of .* --force\n$`,
        ),
      );
      expect(site.loaded()).toEqual([]);
      expect((await site.load('--force')).code).toBe(0);
      expect(site.loaded().sort()).toEqual(whole);
      engine(site, 'ctr', { named: 'name=docker.io/$name' });
      expect((await site.load('--force', '--engine', 'ctr')).code).toBe(0);
      expect(site.builder.askedOf('ctr')).toContain('images import --all-platforms --no-unpack -');
    });
  });
}

describe('what the engine has afterwards', () => {
  const needs = ['zstd'];

  testNeeding(needs, 'it fails: which images are not there, and what to type', async () => {
    const site = await machine('dash');
    engine(site, 'docker', { load: 'echo "no space left on device" >&2; exit 1' });
    const { code, stdout, stderr } = await site.load();
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^no space left on device\n(zstd.*\n)?error: docker has not loaded ovishpc\/ldms-samp:latest and 3 other names, and says why above; then again: sh /,
    );
    expect(stdout).not.toContain('is there');
  });

  testNeeding(needs, 'one is not there: it is named, and the others as well', async () => {
    const site = await machine('dash');
    engine(site, 'docker', { named: 'case $name in *agg:latest) continue ;; esac' });
    const { code, stdout, stderr } = await site.load();
    expect(code).toBe(1);
    expect(stderr).toBe(
      `error: docker has not taken ovishpc/ldms-agg:latest; try again: sh '${site.directory}/load.sh' --engine docker\n`,
    );
    expect(stdout.match(/ is there/g)).toHaveLength(3);
  });

  const another = { named: 'case $name in *agg:*) id=0123 ;; esac' };

  testNeeding(needs, 'a name that means another image is told', async () => {
    const site = await machine('dash');
    engine(site, 'docker', another);
    const { code, stderr } = await site.load();
    expect(code).toBe(1);
    expect(stderr).toContain(
      `error: ovishpc/ldms-agg:latest is another image (0123) than the one of this bundle (${idOf('agg')}); remove it, then again: docker rmi ovishpc/ldms-agg:latest && sh `,
    );
  });

  testNeeding(
    needs,
    'but not where ids are not what they are elsewhere: with the store of containerd',
    async () => {
      const site = await machine('dash');
      engine(site, 'docker', another);
      site.builder.env['DRIVER'] = '[[driver-type io.containerd.snapshotter.v1]]';
      expect(await site.load()).toMatchObject({ code: 0, stderr: '' });
    },
  );
});

testNeeding(['zstd'], 'saved by podman: images get their own names with docker and ctr', async () => {
  const builder = await withImages({ engine: 'podman' });
  expect((await builder.run(['save', 'samp', 'agg', '--output=a bundle'])).code).toBe(0);
  const load = async (name: string) => {
    for (const utility of [...utilities, 'zstd']) await builder.lend(utility).catch(() => undefined);
    rmSync(builder.path('bin/podman'), { force: true });
    // An image of the same name that was there before.
    builder.write('loaded', `${name === 'ctr' ? 'docker.io/' : ''}${names[0]} old\n`);
    engine({ builder }, name);
    const script = builder.path('site/a bundle/load.sh');
    const { code, stdout, stderr } = await run('/bin/sh', [script, `--engine=${name}`], {
      env: builder.env,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return { stdout, tags: builder.askedOf(name).filter((words) => / ?tag /.test(` ${words}`)) };
  };
  const docker = await load('docker');
  expect(docker.tags).toEqual(names.map((name) => `tag localhost/${name} ${name}`));
  expect(docker.stdout).toContain(names.map((name) => `${name} is there\n`).join(''));
  const ctr = await load('ctr');
  expect(ctr.tags).toEqual(names.map((name) => `images tag --force localhost/${name} docker.io/${name}`));
});

describe('the command line', () => {
  testNeeding(['dash'], '--help tells what the images are', async () => {
    const { load } = await machine('dash', { docker: false });
    const { code, stdout } = await load('--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^usage: load\.sh \[--check\]/);
    for (const name of names) expect(stdout).toContain(`\n  ${name}\n`);
  });

  for (const [words, mistake] of [
    [['--chekc'], 'there is no option --chekc'],
    [['--engine'], '--engine needs a value: docker podman ctr'],
    [['--engine', 'lxc'], '--engine lxc: there are docker podman ctr'],
    [['--engine=buildah'], '--engine buildah: there are docker podman ctr'],
    [['now'], 'there is no option now'],
  ] as const) {
    testNeeding(['dash'], `${words.join(' ')} is a mistake`, async () => {
      const { load, directory, loaded } = await machine('dash');
      expect(await load(...words)).toEqual({
        code: 64,
        stdout: '',
        stderr: `error: ${mistake}\nsh '${directory}/load.sh' --help tells more\n`,
      });
      expect(loaded()).toEqual([]);
    });
  }
});

testNeeding(['dash'], 'a machine without sha256sum is told what to install', async () => {
  const { load, loaded } = await machine('dash', { lacking: ['sha256sum'] });
  const { code, stderr } = await load();
  expect(code).toBe(1);
  expect(stderr).toContain(
    'sha256sum is not installed, so ovishpc/ldms-samp:latest and 3 other names cannot be checked; install coreutils',
  );
  expect(loaded()).toEqual([]);
});

testNeeding(['dash', 'zstd'], 'by its own name, from within, and with a relative path', async () => {
  const { builder, directory, loaded } = await machine('dash', { at: 'site/bundle' });
  await builder.lend('sh');
  const sh = (cwd: string, line: string) => run('/bin/sh', ['-c', line], { env: builder.env, cwd });
  expect((await sh(directory, './load.sh')).code).toBe(0);
  expect(loaded().sort()).toEqual(whole);
  writeFileSync(join(directory, 'README.txt'), '');
  // What is to be typed again is what was typed.
  const wrong = await sh(dirname(directory), 'sh bundle/load.sh --wrong');
  expect(wrong.stderr).toContain('\nsh bundle/load.sh --help tells more\n');
});
