/** `save`: the bundle, and what is refused before anything is written; with stand-ins for the engines. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { arch, idOf, nameOf, withImages } from '../support/bundle.ts';
import { type Builder, commit, makeBuilder, otherArch } from '../support/images.ts';
import { testNeeding } from '../support/needs.ts';
import { run, until } from '../support/program.ts';

const files = [
  'README.txt',
  'SHA256SUMS',
  'images.tar.zst',
  'load.sh',
  'manifest.json',
  'sbom/ldms-agg.cdx.json',
  'sbom/ldms-samp.cdx.json',
];

const filesIn = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();

/** The site's own two directories, and what `save` has put beside them. */
const made = (builder: Builder): string[] =>
  readdirSync(builder.path('site')).filter((name) => name !== 'ovis' && name !== 'dsosds');

/** Nothing is left but the logs: no container, no archive, nothing half made. */
function expectNothingLeft(builder: Builder, engine = 'docker'): void {
  expect(made(builder)).toEqual([]);
  expectCleanedUp(builder, engine);
}

function expectCleanedUp(builder: Builder, engine = 'docker'): void {
  if (existsSync(builder.place)) expect(readdirSync(builder.place)).toEqual(['log']);
  const asked = builder.askedOf(engine);
  const created = asked.flatMap((words) => /^create --name=(\S+)/.exec(words)?.[1] ?? []);
  const removed = asked.flatMap((words) => /^rm --force (\S+)/.exec(words)?.[1] ?? []);
  expect(removed).toEqual(created);
}

describe('a bundle', () => {
  test('has every image in one archive, and the papers; it says what to type on the other side', async () => {
    const builder = await withImages();
    const { code, stdout, stderr } = await builder.run(['save', 'samp', 'agg']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const output = builder.path(`site/ldms-images-latest-${arch}`);
    expect(filesIn(output)).toEqual(files);
    expect(stdout).toMatch(new RegExp(`^docker 20\\.10\\.24, ${arch}, 2 images\n`));
    expect(stdout).toContain('✔ what is in the images: 2 Debian packages, ');
    expect(stdout).toMatch(/^✔ images\.tar\.zst: 0\.\d MB of 0\.\d MB, /m);
    expect(stdout).toContain(`
${output}: 2 images, 0.4 MB (0.4 MB uncompressed in an archive for each)

to take it to a site without internet, and to load it there:
  scp -r ${output} HOST:
  sh ldms-images-latest-${arch}/load.sh
`);
    expect((await run('sha256sum', ['-c', '--strict', 'SHA256SUMS'], { cwd: output })).code).toBe(0);
    const sums = readFileSync(join(output, 'SHA256SUMS'), 'utf8');
    expect(sums.match(/(?<= {2}).*/g)).toEqual(files.filter((file) => file !== 'SHA256SUMS'));

    const asked = builder.askedOf('docker').find((words) => words.startsWith('save'));
    const names = (['samp', 'agg'] as const).map((image) => `${nameOf(image)} ${nameOf(image)}-${arch}`);
    expect(asked).toBe(`save ${names.join(' ')}`);
    const archive = zstdDecompressSync(readFileSync(join(output, 'images.tar.zst')));
    const given = readFileSync(builder.path('archive.tar'));
    for (const word of ['samp/layer.tar', 'agg/layer.tar', idOf('samp'), idOf('agg')]) {
      expect(given.includes(word), word).toBe(true);
      expect(archive.includes(word), word).toBe(true);
    }
    const { images, created } = JSON.parse(readFileSync(join(output, 'manifest.json'), 'utf8'));
    expect(created).toBe('2022-04-15T05:20:00Z');
    expect(images.map(({ digest }: { digest: string }) => digest)).toEqual([
      `sha256:${idOf('samp')}`,
      `sha256:${idOf('agg')}`,
    ]);
    const sbom = JSON.parse(readFileSync(join(output, 'sbom/ldms-agg.cdx.json'), 'utf8'));
    expect(sbom.metadata.component.name).toBe('ovishpc/ldms-agg');
    expect(sbom.components.map(({ purl }: { purl?: string }) => purl)).toContain(
      'pkg:deb/debian/adduser@3.134?arch=all&distro=debian-12',
    );
    expectCleanedUp(builder);
  });

  test('the same images give the same one', async () => {
    const builder = await withImages();
    for (const output of ['one', 'two']) {
      expect((await builder.run(['save', 'samp', 'agg', `--output=${output}`])).code).toBe(0);
    }
    const [one, two] = ['one', 'two'].map((output) => builder.path(`site/${output}`));
    expect((await run('diff', ['-r', `${one}`, `${two}`])).stdout).toBe('');
    writeFileSync(join(`${two}`, 'README.txt'), '');
    expect((await run('diff', ['-r', `${one}`, `${two}`])).stdout, 'a difference shows').not.toBe('');
  });

  test('with podman: one archive of several, temporary files in a place that is removed', async () => {
    const temporary = 'printf %s "$TMPDIR" >"${archive%/*}/site/tmpdir"; : >"$TMPDIR/left"; cat "$archive"';
    const builder = await withImages({ engine: 'podman' }, { save: temporary });
    const { code, stderr } = await builder.run(['save', 'samp', 'agg', '--output=out']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(builder.askedOf('podman').find((words) => words.startsWith('save'))).toMatch(
      /^save --quiet --multi-image-archive --format=docker-archive ovishpc\/ldms-samp:latest /,
    );
    const used = readFileSync(builder.path('site/tmpdir'), 'utf8');
    expect(dirname(used)).toBe(builder.place);
    expectCleanedUp(builder, 'podman');
    // podman has its own names for what it has built; what is asked for is what was asked for.
    expect(readFileSync(builder.path('site/out/load.sh'), 'utf8')).toContain(
      `${idOf('samp')} ovishpc/ldms-samp:latest localhost/ovishpc/ldms-samp:latest\n`,
    );
  });

  test('modes are those that files get where it is put', async () => {
    const builder = await withImages();
    const save = async (umask: string, output: string) => {
      const line = `umask ${umask}; exec "$@"`;
      const main = builder.path('images/build/main.ts');
      const words = [
        'sh',
        '-c',
        line,
        'sh',
        process.execPath,
        main,
        'save',
        'samp',
        'agg',
        `--output=${output}`,
      ];
      expect((await run('/usr/bin/env', words, { env: builder.env })).code).toBe(0);
      const mode = (file: string) =>
        (statSync(builder.path(`site/${output}/${file}`)).mode & 0o777).toString(8);
      return ['.', 'sbom', 'load.sh', 'images.tar.zst', 'SHA256SUMS', 'sbom/ldms-samp.cdx.json'].map(mode);
    };
    // PATH is that of the builder alone.
    for (const name of ['sh', 'env']) await builder.lend(name);
    expect(await save('022', 'open')).toEqual(['755', '755', '755', '644', '644', '644']);
    expect(await save('027', 'group')).toEqual(['750', '750', '750', '640', '640', '640']);
  });

  test('an image whose commit git does not know is told, and saved', async () => {
    const revision = '0123456789abcdef0123456789abcdef01234567';
    const builder = await withImages({ labels: { 'org.opencontainers.image.revision': revision } });
    const { code, stderr } = await builder.run(['save', 'samp', 'agg', '--output=out']);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `warning: ldms-samp was made from ${revision}, which git does not know here; its npm packages are told as this checkout has them\n`,
    });
  });

  testNeeding(['git'], 'npm packages are those of the commit that the image was made from', async () => {
    const labels: Record<string, string> = {};
    const builder = await withImages({ labels });
    const lock = (version: string) =>
      JSON.stringify({
        packages: { '': { dependencies: { pino: '1' } }, 'node_modules/pino': { version } },
      });
    builder.write('package-lock.json', lock('1.0.0'));
    const { revision } = await commit(builder);
    builder.write('package-lock.json', lock('2.0.0'));
    const pino = async (label: string) => {
      const about = { size: 1, layers: [], labels: { 'org.opencontainers.image.revision': label } };
      for (const name of [nameOf('samp'), `${nameOf('samp')}-${arch}`])
        builder.have(name, { ...about, id: 'samp' });
      const { code, stderr } = await builder.run(['save', 'samp', '--output=out']);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return readFileSync(builder.path('site/out/sbom/ldms-samp.cdx.json'), 'utf8').match(
        /pkg:npm\/pino@[\d.]+/,
      )?.[0];
    };
    expect(await pino(revision)).toBe('pkg:npm/pino@1.0.0');
    // Files that were changed are nobody's but the checkout's.
    expect(await pino(`${revision}-dirty`)).toBe('pkg:npm/pino@2.0.0');
  });
});

describe('an older bundle', () => {
  test('is replaced once the new one is whole, by way of a link as well', async () => {
    const builder = await withImages();
    const save = (output: string) => builder.run(['save', 'samp', 'agg', `--output=${output}`]);
    expect((await save('out')).code).toBe(0);
    writeFileSync(builder.path('site/out/README.txt'), 'old');
    symlinkSync('out', builder.path('site/link'));
    expect((await save('link')).code).toBe(0);
    expect(made(builder).sort()).toEqual(['link', 'out']);
    expect(readFileSync(builder.path('site/out/README.txt'), 'utf8')).not.toBe('old');
    expect(filesIn(builder.path('site/out'))).toEqual(files);
  });

  test('stays where the engine fails', async () => {
    const builder = await withImages({}, { save: '[ ! -e "${archive%/*}/fail" ] || exit 1; cat "$archive"' });
    const save = () => builder.run(['save', 'samp', 'agg', '--output=out']);
    expect((await save()).code).toBe(0);
    const before = readFileSync(builder.path('site/out/SHA256SUMS'), 'utf8');
    builder.write('fail', '');
    expect((await save()).code).toBe(1);
    expect(made(builder)).toEqual(['out']);
    expect(readFileSync(builder.path('site/out/SHA256SUMS'), 'utf8')).toBe(before);
    expect(filesIn(builder.path('site/out'))).toEqual(files);
  });

  test.each([
    ['somebody has put a file into', { 'thesis.txt': 'months of work' }],
    ['is none of ours', { 'manifest.json': '{}' }],
  ])('that %s is not touched', async (_, others) => {
    const builder = await withImages();
    expect((await builder.run(['save', 'samp', 'agg', '--output=out'])).code).toBe(0);
    for (const [file, text] of Object.entries(others)) writeFileSync(builder.path(`site/out/${file}`), text);
    const before = filesIn(builder.path('site/out'));
    const { code, stderr } = await builder.run(['save', 'samp', 'agg', '--output=out']);
    expect(code).toBe(64);
    expect(stderr).toMatch(
      /^error: \S+\/site\/out has files that are no bundle's \(.*; choose another place: /,
    );
    expect(filesIn(builder.path('site/out'))).toEqual(before);
    expect(made(builder)).toEqual(['out']);
  });
});

describe('refused before anything is written', () => {
  test('images that are not there, all of them, with what builds them', async () => {
    const builder = await withImages({ images: ['samp'] });
    const { code, stdout, stderr } = await builder.run(['save', 'samp', 'ui', 'grafana']);
    expect({ code, stdout, stderr }).toEqual({
      code: 65,
      stdout: '',
      stderr: `error: docker has no image ovishpc/ldms-ui:latest: npm run images -- build ui
error: docker has no image ovishpc/ldms-grafana:latest: npm run images -- build grafana
error: or save those that are there: npm run images -- save samp
`,
    });
    expect(builder.askedOf('docker').filter((words) => /^(save|create)/.test(words))).toEqual([]);
    expectNothingLeft(builder);
  });

  test('all six are meant where none is named, of whatever name, tag and architecture', async () => {
    const builder = await withImages({ images: [] });
    const words = ['save', '--tag=4.4.4', '--namespace=mine', `--arch=${otherArch}`];
    const { code, stderr } = await builder.run(words);
    expect(code).toBe(65);
    expect(stderr.split('\n').filter(Boolean)).toEqual(
      ['dev', 'samp', 'agg', 'maestro', 'ui', 'grafana'].map(
        (image) =>
          `error: docker has no image mine/ldms-${image}:4.4.4-${otherArch}: npm run images -- build ${image} --tag=4.4.4 --namespace=mine --arch=${otherArch}`,
      ),
    );
  });

  test('names of one image that are of two, or for another architecture than they say', async () => {
    const builder = await withImages({ images: ['samp', 'agg', 'maestro'] });
    builder.have(`${nameOf('samp')}-${arch}`, { size: 1, layers: [], id: 'another' });
    rmSync(builder.path(`store/${nameOf('agg')}`));
    const foreign = { size: 1, layers: [], id: 'foreign', arch: otherArch };
    for (const name of [nameOf('maestro'), `${nameOf('maestro')}-${arch}`]) builder.have(name, foreign);
    const { code, stderr } = await builder.run(['save', 'samp', 'agg', 'maestro']);
    const tag = (from: string, to: string) => `docker tag ${from} ${to}`;
    const [samp, agg] = [nameOf('samp'), nameOf('agg')];
    expect({ code, stderr }).toEqual({
      code: 65,
      stderr: `error: ${samp}-${arch} is another image than ${samp}: ${tag(samp, `${samp}-${arch}`)}
error: ${agg} is not there, and it is another name of ${agg}-${arch}: ${tag(`${agg}-${arch}`, agg)}
error: ${nameOf('maestro')} is for ${otherArch}, and not for ${arch}: npm run images -- build maestro
`,
    });
    expectNothingLeft(builder);
  });

  test('buildah, which cannot; docker that does not answer is told', async () => {
    const builder = makeBuilder();
    builder.engine('docker', { info: 'echo "Cannot connect to the Docker daemon" >&2; exit 1' });
    builder.engine('buildah');
    const { code, stderr } = await builder.run(['save', 'samp']);
    expect(code).toBe(69);
    expect(
      stderr,
    ).toBe(`cannot use docker: Cannot connect to the Docker daemon; start it: systemctl start docker; the images are buildah's
error: buildah cannot put several images into one archive; install podman, which has the same images: apt-get install podman
`);
    expectNothingLeft(builder, 'buildah');
  });

  test('a place that is taken, or is not there', async () => {
    const builder = await withImages();
    builder.write('site/taken/thesis.txt', '');
    for (const [output, why] of [
      ['taken', "taken has files that are no bundle's (thesis.txt)"],
      ['no/such', 'no is no directory, and the bundle would be in it: mkdir -p '],
      ['taken/thesis.txt', 'taken/thesis.txt is there, and is no directory'],
    ] as const) {
      const { code, stderr } = await builder.run(['save', 'samp', 'agg', `--output=${output}`]);
      expect(code).toBe(64);
      expect(stderr).toContain(`error: ${builder.path('site')}/${why}`);
    }
    expect(made(builder)).toEqual(['taken']);
    expect(builder.askedOf('docker')).toEqual([]);
  });

  const inNamespace = (builder: Builder, script: string, ...words: string[]) =>
    run(
      'unshare',
      [
        '--mount',
        'sh',
        '-c',
        `${script}; exec "$@"`,
        'sh',
        process.execPath,
        builder.path('images/build/main.ts'),
        ...words,
      ],
      {
        env: {
          ...builder.env,
          PATH: `${builder.env['PATH']}:${process.env['PATH']}`,
          SITE: builder.path('site'),
        },
      },
    );

  testNeeding(
    ['root', 'namespaces'],
    'a file system of its own, and one that cannot be written',
    async () => {
      const builder = await withImages();
      mkdirSync(builder.path('site/usb'));
      const words = ['save', 'samp', 'agg', '--output=usb'];
      const mounted = await inNamespace(builder, 'mount -t tmpfs none "$SITE/usb"', ...words);
      expect(mounted.code).toBe(64);
      expect(mounted.stderr).toContain(
        `${builder.path('site/usb')} is a file system of its own, and cannot be replaced; choose a directory in it: --output=${builder.path('site/usb/ldms-images')}\n`,
      );
      const readOnly = 'mount --bind "$SITE" "$SITE" && mount -o remount,bind,ro "$SITE"';
      const locked = await inNamespace(builder, readOnly, 'save', 'samp', 'agg', '--output=out');
      expect(locked.code).toBe(64);
      expect(locked.stderr).toContain(
        `cannot write in ${builder.path('site')} (EROFS); choose another place`,
      );
      // Where neither is the case, it is made.
      expect((await inNamespace(builder, ':', ...words)).code).toBe(0);
    },
  );
});

describe('while it is saved', () => {
  test.each([
    ['the engine fails', 'echo "no space left on device" >&2; exit 3', 'docker save failed (exit code 3)'],
    [
      'it fails in the midst',
      'head -c 100000 "$archive"; echo "lost" >&2; exit 1',
      'docker save failed (exit code 1)',
    ],
    ['it gives half', 'head -c 100000 "$archive"', 'Unexpected end of data'],
    ['it gives nothing', ':', 'what the engine has given is no archive of images'],
    ['it gives something else', 'seq 100000', 'Invalid tar header'],
  ])('%s: why, and nothing is left', async (_, save, why) => {
    const builder = await withImages({}, { save });
    const { code, stdout, stderr } = await builder.run(['save', 'samp', 'agg']);
    expect(code, stdout).toBe(1);
    expect(stderr).toContain(`\nerror: archive: ${why}`);
    expect(stderr).toContain(`its last lines, from ${builder.place}/log/save-archive.log:\n`);
    if (save.includes('>&2')) expect(stderr).toMatch(/ {2}\| (no space left on device|lost)\n/);
    expect(stdout).not.toContain('scp');
    expectNothingLeft(builder);
  });

  test('the engine leaves an image out: it is named', async () => {
    const builder = await withImages({ images: ['samp'] });
    for (const name of [nameOf('agg'), `${nameOf('agg')}-${arch}`])
      builder.have(name, { size: 1, layers: [], id: 'agg' });
    const { code, stderr } = await builder.run(['save', 'samp', 'agg']);
    expect(code).toBe(1);
    expect(stderr).toContain('error: papers: the engine has left ovishpc/ldms-agg:latest out of the archive');
    expectNothingLeft(builder);
  });

  test('an image that is no Debian: why, and its container is removed', async () => {
    const copy = 'echo "Could not find the file $2" >&2; exit 1';
    const builder = await withImages({}, { copy });
    const { code, stderr } = await builder.run(['save', 'samp', 'agg']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/error: contents: .*docker cp .*\/var\/lib\/dpkg\/status/);
    expectNothingLeft(builder);
    expect(builder.askedOf('docker').some((words) => words.startsWith('save'))).toBe(false);
  });

  testNeeding(['script'], 'on a terminal: bytes done and in total, the rate, and the time left', async () => {
    const more = '"${archive%/*}/more"';
    const save = `head -c 100000 "$archive"
    until [ -e ${more} ]; do dd if="$archive" bs=1 count=1 skip=$at 2>/dev/null || exit 9; at=$((at + 1)); done
    tail -c +$((at + 1)) "$archive"`;
    const builder = await withImages({}, { save: `at=100000; ${save}` });
    const terminal = await builder.startOnTerminal(['save', 'samp', 'agg', '--output=out']);
    await until(
      'it shows progress',
      () => /0\.\d MB of about 0\.4 MB, \d+\.\d MB\/s, \d+ (s|min) left/.test(terminal.stdout()) || undefined,
    );
    builder.write('more', '');
    const { code, stdout } = await terminal.ended;
    expect(code, stdout).toBe(0);
    expect(stdout).toContain('docker gathers 0.4 MB');
  });
});
