/** `build ovis`, `build dsosds` and `build all`, with stand-ins for the engine and for what it runs. */
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import { imageNames } from '../../images/build/images.ts';
import { components, ovisComponents } from '../../images/build/sources/components.ts';
import { treeRecord } from '../../images/build/sources/record.ts';
import { filesBelow } from '../../images/build/tree.ts';
import { otherArch, type SourceBuilder, waitFor, withSources } from '../support/images.ts';
import { processesNaming } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { type Result, until } from '../support/program.ts';

const images = ['common', ...imageNames];
const everything = [...images, ...components].sort();
const onOvis = ['agg', 'maestro', 'samp', 'ui'];

/** Runs a build that is to end well; what has been built. */
async function build(builder: SourceBuilder, ...words: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await builder.run(['build', ...words, ...builder.options]);
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  return builder.built();
}

const buildOf = (builder: SourceBuilder, ...words: readonly string[]): Promise<Result> =>
  builder.run(['build', ...words, ...builder.options]);

/** The labels that an image was given. */
const labelOf = (builder: SourceBuilder, image: string, label: string): unknown => {
  const [{ Config }] = JSON.parse(
    readFileSync(builder.path(`store/ovishpc/ldms-${image}:latest`), 'utf8'),
  ) as [{ Config: { Labels: Record<string, string> } }];
  return JSON.parse(Config.Labels[`com.github.ovis-hpc.${label}`] ?? 'null');
};

const logOf = (builder: SourceBuilder, name: string) =>
  readFileSync(join(builder.cache, `log/${name}.log`), 'utf8');

describe('everything', () => {
  testNeeding(['git'], 'one at a time, and many: what others are made of comes before them', async () => {
    for (const jobs of [1, 8]) {
      const builder = await withSources();
      const { code, stdout } = await buildOf(builder, 'all', `--jobs=${jobs}`);
      expect(code, stdout).toBe(0);
      const kept = builder.kept();
      const at = (line: string) => kept.indexOf(line);
      const isFollowed = (first: string, then: string) =>
        expect(at(first), `${first}, ${then}`).toBeLessThan(at(then));
      for (const component of components) isFollowed('ended\tdev', `building\t${component}`);
      for (const component of ['ovis', 'numsos', 'sosdb-ui', 'sosdb-grafana']) {
        isFollowed('built\tsos', `building\t${component}`);
      }
      isFollowed('built\tnumsos', 'building\tsosdb-ui');
      isFollowed('built\tsosdb-ui', 'building\tsosdb-grafana');
      for (const component of ovisComponents)
        for (const image of onOvis) isFollowed(`built\t${component}`, `begun\t${image}`);
      isFollowed('built\tdsosds', 'begun\tgrafana');
      expect(builder.built()).toEqual(everything);
    }
  });

  testNeeding(['git'], 'the trees, their records, and what the images say of them', async () => {
    const builder = await withSources();
    const commits = Object.fromEntries(components.map((name) => [name, builder.sources.at(name)]));
    const { stdout } = await buildOf(builder, 'all');
    expect(stdout).toContain(`\nthe OVIS tree: ${builder.ovis}\nthe plugin folder: ${builder.dsosds}\n`);
    expect(filesBelow(builder.ovis)).toEqual(
      [
        ...[
          'bin/maestro',
          'bin/maestro_ctrl',
          'lib/libldms.so',
          'lib/libsos.so',
          'lib/numsos.so',
          'sbin/ldmsd',
        ],
        ...['libmeminfo.so', 'libstore_csv.so', 'libzap_sock.so'].map((file) => `lib/ovis-ldms/${file}`),
        ...['ui/grafana/views.py', 'ui/sosgui/wsgi.py', treeRecord],
      ].sort(),
    );
    expect(readFileSync(join(builder.ovis, 'sbin/ldmsd'), 'utf8')).toBe('ovis\n');
    expect(filesBelow(builder.dsosds)).toContain('dist/plugin.json');
    expect(filesBelow(builder.dsosds).filter((file) => /^(\.git|node_modules)\//.test(file))).toEqual([]);
    const recipes = (names: readonly string[]) => ({
      components: Object.fromEntries(
        names.map((name) => [
          name,
          {
            repository: `file://${builder.path(`site/sources/${name}`)}`,
            ref: 'main',
            commit: commits[name],
          },
        ]),
      ),
      changedByHand: false,
    });
    expect(labelOf(builder, 'samp', 'sources')).toEqual(recipes(ovisComponents));
    expect(labelOf(builder, 'grafana', 'sources')).toEqual(recipes(['dsosds']));
    expect(labelOf(builder, 'dev', 'sources')).toBeNull();
    expect(builder.built()).toEqual(everything);

    writeFileSync(join(builder.ovis, 'sbin/ldmsd'), 'patched');
    // Without `all`, the images are made from the tree as it is.
    expect(await build(builder)).toEqual(onOvis);
    expect(labelOf(builder, 'samp', 'sources')).toEqual({ ...recipes(ovisComponents), changedByHand: true });
  });

  testNeeding(['git'], 'again: nothing is built', async () => {
    const builder = await withSources();
    await build(builder, 'all');
    const made = () =>
      [builder.ovis, builder.dsosds, join(builder.cache, 'sos/dest')].map((path) => statSync(path).ino);
    const before = made();
    const { code, stdout } = await buildOf(builder, 'all');
    expect(code).toBe(0);
    expect(builder.built()).toEqual([]);
    expect(made()).toEqual(before);
    expect(stdout).toMatch(/✔ sos: is up to date \([0-9a-f]{12}\), /);
    expect(stdout).toMatch(/✔ the OVIS tree: is up to date, /);
    expect(stdout).toMatch(/✔ ldms-samp: is up to date, 202 MB, /);
    expect(stdout.match(/^✔ /gm)?.length).toBe(
      stdout.match(/^✔ .*: (is up to date|ovishpc\/ldms-dev:latest)/gm)?.length,
    );
  });

  testNeeding(['git'], 'a part of it', async () => {
    const builder = await withSources();
    expect(await build(builder, 'all', '--only=dev,ovis')).toEqual(
      ['common', 'dev', ...ovisComponents].sort(),
    );
    expect(existsSync(builder.dsosds)).toBe(false);
    expect(await build(builder, 'all', '--from=dsosds')).toEqual(['dsosds', 'grafana', ...onOvis].sort());
    expect(await build(builder, 'all')).toEqual([]);
    builder.sources.commit('maestro', 'NEWS', 'news');
    // The tree is what is there, whatever the sources are.
    expect(await build(builder, 'all', '--from=samp')).toEqual([]);
    expect(await build(builder, 'ovis')).toEqual(['maestro']);
    expect(await build(builder, 'all', '--only=samp')).toEqual(['samp']);
  });
});

describe('what is built anew', () => {
  testNeeding(
    ['git'],
    'another commit: the component, what is built on it, and images with its files',
    async () => {
      const builder = await withSources();
      await build(builder, 'all');
      builder.sources.commit('numsos', 'NEWS', 'news');
      expect(await build(builder, 'all')).toEqual([
        'agg',
        'maestro',
        'numsos',
        'samp',
        'sosdb-grafana',
        'sosdb-ui',
        'ui',
      ]);
      expect(readFileSync(join(builder.ovis, 'lib/numsos.so'), 'utf8')).toBe('numsos\nnews');
      expect(logOf(builder, 'numsos')).toMatch(/^numsos is built: [0-9a-f]{12} became [0-9a-f]{12}\n/);
      builder.sources.commit('dsosds', 'dist/new.js', 'new');
      expect(await build(builder, 'all')).toEqual(['dsosds', 'grafana']);
      expect(filesBelow(builder.dsosds)).toContain('dist/new.js');
    },
  );

  testNeeding(['git'], "a branch's name for the same commit: nothing but the tree's record", async () => {
    const builder = await withSources();
    await build(builder, 'ovis', 'dev');
    expect(await build(builder, 'ovis', `--sos-branch=${builder.sources.at('sos')}`)).toEqual([]);
    const record = JSON.parse(readFileSync(join(builder.ovis, treeRecord), 'utf8'));
    expect(record.components.sos.ref).toBe(builder.sources.at('sos'));
  });

  testNeeding(['git'], 'an option: in one word of the command line', async () => {
    const builder = await withSources();
    await build(builder, 'ovis', 'dev');
    expect(await build(builder, 'ovis', '--numsos-options', 'CFLAGS="-O2 -g"')).toEqual([
      ...['numsos', 'sosdb-grafana', 'sosdb-ui'],
    ]);
    const { code } = await buildOf(builder, 'ovis', '--numsos-options', 'CFLAGS=-O2');
    expect(code).toBe(0);
    const [run = ''] = builder.kept().filter((line) => /^asked\tdocker\trun\t.*-numsos\t/.test(line));
    expect(run.split('\t').slice(-5)).toEqual([
      ...['2', '--prefix=/opt/ovis', '--with-sos=/opt/ovis', 'PYTHON=python3', 'CFLAGS=-O2'].map(
        (word, at) => (at === 0 ? expect.stringMatching(/^\d+$/) : word),
      ),
    ]);
  });

  testNeeding(['git'], "the build image's packages, and not the image itself", async () => {
    const builder = await withSources();
    await build(builder, 'all');
    builder.write(
      'images/ldms-dev/Dockerfile',
      `${readFileSync(builder.path('images/ldms-dev/Dockerfile'), 'utf8')}\n# new\n`,
    );
    expect(await build(builder, 'all')).toEqual(['dev']);
    builder.engine('docker', { packages: "echo 'gcc 13.1.0'" });
    // The image is the same, and is not asked again.
    expect(await build(builder, 'all')).toEqual([]);
    builder.write('images/ldms-dev/Dockerfile', 'FROM scratch\n');
    expect(await build(builder, 'all')).toEqual(['dev', ...components].sort());
  });

  testNeeding(['git'], '--clean: all sources, and no more than these', async () => {
    const builder = await withSources();
    await build(builder, 'all');
    expect(await build(builder, 'ovis', '--clean')).toEqual([...ovisComponents].sort());
    // The images have the same files.
    expect(await build(builder, 'all')).toEqual([]);
    expect(await build(builder, 'all', '--clean')).toEqual([...components].sort());
  });

  testNeeding(['git'], 'what was kept of a component has been removed: that one', async () => {
    const builder = await withSources();
    await build(builder, 'ovis', 'dev');
    rmSync(join(builder.cache, 'sos/dest'), { recursive: true });
    rmSync(join(builder.cache, 'maestro'), { recursive: true });
    expect(await build(builder, 'ovis')).toEqual(['maestro', 'sos']);
    rmSync(builder.ovis, { recursive: true });
    expect(await build(builder, 'ovis')).toEqual([]);
    expect(readFileSync(join(builder.ovis, 'lib/libsos.so'), 'utf8')).toBe('sos\n');
  });

  testNeeding(['git'], 'another architecture: in a place of its own', async () => {
    const builder = await withSources();
    builder.have(`ovishpc/ldms-dev:latest-${otherArch}`, { size: 1, layers: [], arch: otherArch });
    expect(await build(builder, 'ovis', `--arch=${otherArch}`)).toEqual([...ovisComponents].sort());
    expect(readdirSync(builder.path('dist/sources'))).toEqual([otherArch]);
    expect(existsSync(builder.path(`dist/sources/${hostArch()}`))).toBe(false);
  });
});

describe('what a component is built with', () => {
  testNeeding(['git'], 'its own folder, the prefix, the caller, and the time of its commit', async () => {
    const builder = await withSources();
    const { code } = await buildOf(builder, 'ovis', 'dev', '--jobs=3', '--make-install=make install X="a b"');
    expect(code).toBe(0);
    const words = (component: string) =>
      builder
        .kept()
        .find((line) => line.includes(`\t--name=ldms-cont-ovis-build-${component}\t`))
        ?.split('\t');
    const ovis = join(builder.cache, 'ovis');
    expect(words('ovis')).toEqual(
      expect.arrayContaining([
        `--user=${process.getuid?.()}:${process.getgid?.()}`,
        `--volume=${ovis}:/build/ovis`,
        `--volume=${join(builder.cache, 'home')}:/build/home`,
        `--volume=${builder.path('images/build/sources')}:/build/script:ro`,
        `--volume=${join(ovis, 'tree')}:/opt/ovis`,
        '--workdir=/build/ovis',
        '--env=PREFIX=/opt/ovis',
        // As a shell reads it.
        "--env=MAKE_INSTALL=make install X='a b'",
        '--env=SOURCE_DATE_EPOCH=1704067200',
        '--entrypoint=/bin/sh',
      ]),
    );
    const behind = (component: string) => {
      const all = words(component) ?? [];
      return all.slice(all.indexOf('ovishpc/ldms-dev:latest') + 1);
    };
    const script = '/build/script/build-component';
    expect(behind('sos')).toEqual([script, 'autotools', '3', '--prefix=/opt/ovis', 'CFLAGS=-O2']);
    expect(behind('maestro')).toEqual([script, 'pip', '3']);
    expect(behind('sosdb-ui')).toEqual([script, 'autotools', '3', '--prefix=/opt/ovis/ui']);
    expect(words('sosdb-ui')).toContain('--env=MAKE_INSTALL=make install');
  });

  testNeeding(['git'], 'nothing of a build with other inputs but what git has fetched', async () => {
    const builder = await withSources({
      run: `(cd "$place" && ls stages obj >were 2>/dev/null)
mkdir -p "$place/obj"
: >"$place/obj/object"
: >"$place/stages/make"
: >"$place/src/generated"`,
    });
    const were = () => readFileSync(join(builder.cache, 'maestro/were'), 'utf8');
    await build(builder, 'ovis', 'dev');
    const first = were();
    expect(first).toContain('checkout');
    builder.sources.commit('maestro', 'NEWS', 'news');
    expect(await build(builder, 'ovis')).toEqual(['maestro']);
    expect(were()).toBe(first);
    expect(existsSync(join(builder.cache, 'maestro/obj/object'))).toBe(true);
    // Back to the first, whose commit is there: its repository may be away.
    const old = builder.sources.at('maestro', 'next');
    rmSync(builder.path('site/sources/maestro'), { recursive: true });
    expect(await build(builder, 'ovis', `--maestro-branch=${old}`)).toEqual(['maestro']);
    expect(were()).toBe(first);
    expect(filesBelow(join(builder.cache, 'maestro/dest'))).toEqual(['bin/maestro', 'bin/maestro_ctrl']);
  });
});

describe('what a component has installed', () => {
  testNeeding(
    ['git'],
    'on top of what it is built on: its own files, and those that it has changed',
    async () => {
      const builder = await withSources({
        run: `case $component in
sos) mkdir -p "$tree/share"; echo sos >"$tree/share/kept"; echo sos >"$tree/share/changed" ;;
numsos)
  find "$tree" -type f | sort >"$place/found"
  echo numsos >"$tree/share/changed"
  mkdir -p "$tree/lib/__pycache__"
  echo cache >"$tree/lib/__pycache__/x.pyc"
  ;;
esac`,
      });
      await build(builder, 'ovis', 'dev');
      const numsos = join(builder.cache, 'numsos');
      expect(readFileSync(join(numsos, 'found'), 'utf8')).toBe(
        ['lib/libsos.so', 'share/changed', 'share/kept'].map((file) => `${numsos}/tree/${file}\n`).join(''),
      );
      expect(filesBelow(join(numsos, 'dest'))).toEqual(['lib/numsos.so', 'share/changed']);
      expect(readFileSync(join(builder.ovis, 'share/changed'), 'utf8')).toBe('numsos\n');
      expect(readFileSync(join(builder.ovis, 'share/kept'), 'utf8')).toBe('sos\n');
      expect(readFileSync(join(builder.cache, 'sos/dest/share/changed'), 'utf8')).toBe('sos\n');
    },
  );

  testNeeding(['git'], 'nothing is a failure', async () => {
    const builder = await withSources({ run: '[ $component != maestro ] || exit 0' });
    const { code, stderr } = await buildOf(builder, 'ovis', 'dev');
    expect(code).toBe(1);
    expect(stderr).toContain(
      '\nerror: sources of maestro: it has installed nothing under /opt/ovis; its last lines, from ',
    );
    expect(existsSync(builder.ovis)).toBe(false);
  });
});

describe('a component that fails', () => {
  const failing = (component: string) =>
    `[ $component != ${component} ] || { echo '+ make -j2'; echo 'cc: no such file'; echo 'failed: make -j2 (exit code 2)'; exit 2; }`;

  testNeeding(
    ['git'],
    'is told with its command, its last lines and how to look inside; the rest is built',
    async () => {
      const builder = await withSources({ run: failing('sos') });
      const { code, stderr } = await buildOf(builder, 'all');
      expect(code).toBe(1);
      const told = stderr.slice(stderr.indexOf('\nerror: '));
      const log = join(builder.cache, 'log/sos.log');
      expect(told).toContain(
        `\nerror: sources of sos: failed: make -j2 (exit code 2); its last lines, from ${log}:\n`,
      );
      expect(told).toContain(
        '\n  | cc: no such file\n  | failed: make -j2 (exit code 2)\nlook inside: docker run -it --rm ',
      );
      expect(told.slice(told.indexOf('\nnot built'))).toBe(
        '\nnot built, since sources of sos failed: sources of ovis, sources of numsos, sources of sosdb-ui, sources of sosdb-grafana, the OVIS tree, samp, agg, maestro, ui\n',
      );
      expect(told.match(/^error: /gm)).toHaveLength(1);
      expect(builder.built()).toEqual(['common', 'dev', 'dsosds', 'grafana', 'maestro']);
      expect(existsSync(builder.ovis)).toBe(false);
      expect(existsSync(builder.dsosds)).toBe(true);

      // It goes on from there.
      builder.engine('docker');
      expect(await build(builder, 'all')).toEqual([
        ...['agg', 'maestro', 'numsos', 'ovis', 'samp', 'sos', 'sosdb-grafana', 'sosdb-ui', 'ui'],
      ]);
      expect(logOf(builder, 'sos')).toMatch(/^sos goes on: it was not built to its end\n/);
    },
  );

  testNeeding(['git'], 'leaves the tree that was there, and the images', async () => {
    const builder = await withSources();
    await build(builder, 'all');
    builder.engine('docker', { run: failing('ovis') });
    builder.sources.commit('sos', 'NEWS', 'news');
    const { code, stderr } = await buildOf(builder, 'all');
    expect(code).toBe(1);
    expect(stderr).toContain(
      '\nnot built, since sources of ovis failed: the OVIS tree, samp, agg, maestro, ui\n',
    );
    expect(builder.built()).toEqual(['numsos', 'sos', 'sosdb-grafana', 'sosdb-ui']);
    expect(readFileSync(join(builder.ovis, 'lib/libsos.so'), 'utf8')).toBe('sos\n');
    expect(readdirSync(builder.path('site/made')).sort()).toEqual(['dsosds', 'ovis']);
    // What was built is not in the tree, and is not built again.
    builder.engine('docker');
    expect(await build(builder, 'ovis')).toEqual(['ovis']);
    expect(readFileSync(join(builder.ovis, 'lib/libsos.so'), 'utf8')).toBe('sos\nnews');
  });

  testNeeding(['git'], 'two of them: each is told, and what comes after both only once', async () => {
    const builder = await withSources({
      run: failing('maestro').replace('!= maestro', '!= maestro ] && [ $component != numsos'),
    });
    const { stderr } = await buildOf(builder, 'ovis', 'dev');
    expect(stderr.match(/^error: sources of \w+/gm)).toEqual([
      'error: sources of maestro',
      'error: sources of numsos',
    ]);
    expect(stderr.match(/^not built, .*/gm)).toEqual([
      'not built, since sources of numsos failed: sources of sosdb-ui, sources of sosdb-grafana',
      'not built, since sources of maestro failed: the OVIS tree',
    ]);
  });

  testNeeding(['git'], 'the dev image: nothing is built in it', async () => {
    const builder = await withSources({ build: '[ $image != dev ] || exit 1' });
    const { code, stderr } = await buildOf(builder, 'all');
    expect(code).toBe(1);
    expect(stderr).toContain(
      `\nnot built, since dev failed: the build image, ${components.map((name) => `sources of ${name}`).join(', ')}, the OVIS tree, the plugin folder, samp, agg, maestro, ui, grafana\n`,
    );
    expect(builder.built()).toEqual(['common']);
  });

  testNeeding(['git'], 'a tree that lacks what an image needs: the image', async () => {
    const builder = await withSources({
      run: '[ $component != ovis ] || { mkdir -p "$tree/sbin"; : >"$tree/sbin/ldmsd"; exit 0; }',
    });
    const { code, stderr } = await buildOf(builder, 'all');
    expect(code).toBe(1);
    expect(stderr).toContain(
      `error: samp: the OVIS tree ${builder.ovis} lacks the LDMS library (lib/libldms.so*), which ldms-samp needs`,
    );
    expect(builder.built().filter((name) => images.includes(name))).toEqual([
      'common',
      'dev',
      'grafana',
      'maestro',
      'maestro',
      'ui',
    ]);
  });
});

describe('the build image', () => {
  testNeeding(['git'], 'is told if it is not there, with what makes it or fetches it', async () => {
    const builder = await withSources();
    const wrong = async (...words: readonly string[]) => (await buildOf(builder, 'ovis', ...words)).stderr;
    expect(await wrong()).toContain(
      '\nerror: the build image: docker has no image ovishpc/ldms-dev:latest; npm run images -- build dev makes it',
    );
    expect(await wrong('--build-img=mine:1')).toContain(
      '\nerror: the build image: docker has no image mine:1; pull it: docker pull mine:1',
    );
    expect(builder.built()).toEqual([]);
    builder.have('mine:1', { size: 1, layers: [] });
    expect(await build(builder, 'ovis', '--build-img=mine:1')).toEqual([...ovisComponents].sort());
    const runs = builder.kept();
    expect(runs).toEqual(['']);
  });

  testNeeding(['git'], 'one for OVIS, and another for dsosds', async () => {
    const builder = await withSources();
    for (const name of ['mine:1', 'theirs:1']) builder.have(name, { size: 1, layers: [] });
    const words = [
      '--build-img=mine:1',
      '--dsosds-build-img=theirs:1',
      '--build-cont=cc',
      '--dsosds-build-cont=dd',
    ];
    const { code } = await buildOf(builder, 'ovis', 'dsosds', ...words);
    expect(code).toBe(0);
    const named = builder
      .kept()
      .map((line) =>
        /^asked\tdocker\trun\t.*--name=(\S+)\t.*\t(mine|theirs):1\t/.exec(line)?.slice(1).join(' '),
      )
      .filter((found) => found !== undefined);
    expect(named.sort()).toEqual([...ovisComponents.map((name) => `cc-${name} mine`), 'dd theirs'].sort());
  });
});

describe('before anything is built', () => {
  testNeeding(['git'], 'a component without a repository is told, and left out', async () => {
    const builder = await withSources();
    const { code, stdout } = await buildOf(
      builder,
      'all',
      '--sosdbgrafana-repo=',
      '--dsosds-repo=',
      `--dsosds=${builder.path('site/dsosds')}`,
    );
    expect(code, stdout).toBe(0);
    expect(stdout).toContain(
      'sosdb-grafana is left out: SOSDBGRAFANA_REPO is empty\ndsosds is left out: DSOSDS_REPO is empty\n',
    );
    expect(builder.built()).toEqual(
      everything.filter((name) => name !== 'sosdb-grafana' && name !== 'dsosds'),
    );
    expect(filesBelow(builder.ovis)).not.toContain('ui/grafana/views.py');
  });

  testNeeding(['git'], 'trees of somebody are not thrown away: 65', async () => {
    const builder = await withSources();
    const words = ['--ovis=ovis', '--dsosds=dsosds'];
    const wrong = (place: string) =>
      `error: ${builder.path(`site/${place}`)} has files that were not built here, and building would throw them away; move it, or build elsewhere\n`;
    expect(await buildOf(builder, 'all', ...words)).toEqual({
      code: 65,
      stdout: '',
      stderr: wrong('ovis') + wrong('dsosds'),
    });
    expect(builder.kept()).toEqual(['']);
    expect(filesBelow(builder.path('site/ovis'))).toContain('sbin/ldmsd');
  });

  testNeeding(['git'], 'refs that are not there, all of them: 65', async () => {
    const builder = await withSources();
    const { code, stderr } = await buildOf(builder, 'all', '--sos-branch=mian', '--dsosds-branch=v9');
    expect(code).toBe(65);
    expect(stderr).toBe(
      `error: dsosds: ${builder.sources.url('dsosds')} has neither a branch nor a tag v9; give another in DSOSDS_BRANCH
error: sos: ${builder.sources.url('sos')} has neither a branch nor a tag mian; give another in SOS_BRANCH\n`,
    );
    expect(existsSync(builder.cache)).toBe(false);
  });

  testNeeding(['git'], 'no git: 69, unless nothing is built from sources', async () => {
    const builder = await withSources();
    rmSync(builder.path('bin/git'));
    const { code, stderr } = await buildOf(builder, 'ovis');
    expect({ code, stderr }).toEqual({
      code: 69,
      stderr: 'error: git is not installed; install it: apt-get install git\n',
    });
    expect(await build(builder, 'dev')).toEqual(['common', 'dev']);
  });

  testNeeding(['git'], 'an engine that cannot: 69', async () => {
    const builder = await withSources();
    builder.engine('buildah');
    const { code, stderr } = await buildOf(builder, 'ovis', '--engine=buildah');
    expect(code).toBe(69);
    expect(stderr).toMatch(/^error: OVIS and dsosds are built in containers, which buildah does not start; /);
  });
});

describe('a tree that was changed by hand', () => {
  testNeeding(['git'], 'is left as it is, and that is told, until something is built anew', async () => {
    const builder = await withSources();
    await build(builder, 'all');
    appendFileSync(join(builder.ovis, 'sbin/ldmsd'), 'patched');
    const { code, stderr } = await buildOf(builder, 'all');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        'warning: the OVIS tree: it was changed by hand since it was built: sbin/ldmsd; it is left as it is\n',
    });
    expect(builder.built()).toEqual(onOvis);
    builder.sources.commit('maestro', 'NEWS', 'news');
    const refused = await buildOf(builder, 'all');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`mv ${builder.ovis} ${builder.ovis}.mine`);
    expect(readFileSync(join(builder.ovis, 'sbin/ldmsd'), 'utf8')).toBe('ovis\npatched');
    expect(builder.built()).toEqual(['maestro']);
  });
});

/** Nothing runs, and nobody has the cache. */
function expectEnded(builder: SourceBuilder, ...left: readonly string[]): void {
  expect(processesNaming(builder.directory)).toEqual([]);
  expect(existsSync(join(builder.cache, 'lock'))).toBe(false);
  expect(readdirSync(builder.place)).toEqual([...left, 'log']);
}

describe('interrupted', () => {
  testNeeding(['git'], 'in a container: that is stopped; the next build goes on', async () => {
    const builder = await withSources({
      run: `if [ $component = numsos ]; then
  : >"$place/stages/configure"
  keep "waiting"
  ${waitFor('${place%/dist/*}/site/go')}
fi`,
    });
    const started = builder.start(['build', 'all', ...builder.options]);
    await until('numsos is being built', () => builder.kept().includes('waiting'));
    // Somebody else is not let in, and may ask what would be done.
    const second = await buildOf(builder, 'ovis');
    expect({ code: second.code, stderr: second.stderr }).toEqual({
      code: 69,
      stderr: `error: another build of the sources is under way (pid ${started.pid}); wait for its end, or end it: kill ${started.pid}\n`,
    });
    expect((await buildOf(builder, 'ovis', '--dry-run')).code).toBe(0);

    started.kill('SIGTERM');
    const { code, stderr } = await started.ended;
    expect(code, stderr).toBe(143);
    expect(stderr).toMatch(
      /\ninterrupted; what was finished is kept, and the next build goes on from there\n$/,
    );
    const name = 'ldms-cont-ovis-build-numsos';
    expect(builder.askedOf('docker').filter((words) => /^(stop|rm) /.test(words))).toEqual(
      expect.arrayContaining([`stop --time=10 ${name}`, `rm --force ${name}`]),
    );
    expectEnded(builder);
    expect(existsSync(builder.ovis)).toBe(false);
    const built = builder.built();
    expect(built).toContain('sos');
    expect(built).not.toContain('numsos');

    builder.engine('docker', { run: '[ $component != numsos ] || ls "$place/stages" >"$place/were"' });
    const rest = await build(builder, 'all');
    expect(rest).toContain('numsos');
    expect(rest).not.toContain('sos');
    // With the stages that were done.
    expect(readFileSync(join(builder.cache, 'numsos/were'), 'utf8')).toBe('checkout\nconfigure\n');
    expect(logOf(builder, 'numsos')).toMatch(/^numsos goes on: /);
    expectEnded(builder);
  });

  testNeeding(
    ['git'],
    'by a kill that nobody can hear: what runs is ended by the next build, which goes on',
    async () => {
      const builder = await withSources({
        run: '[ $component != maestro ] || { keep "waiting"; kill -KILL $PPID; exit 137; }',
      });
      await build(builder, 'dev');
      expect((await buildOf(builder, 'ovis')).code).toBe(137);
      expect(existsSync(join(builder.cache, 'lock'))).toBe(true);
      await until('its other containers have ended', () => processesNaming(builder.directory).length === 0);
      builder.engine('docker', { ps: 'echo left' });
      builder.built();
      const { code, stderr } = await buildOf(builder, 'ovis');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const asked = builder.askedOf('docker');
      expect(asked).toContain('rm --force left');
      expect(asked.indexOf('rm --force left')).toBeLessThan(
        asked.findIndex((words) => words.includes('--name=')),
      );
      expect(builder.built()).toContain('maestro');
      expect(filesBelow(builder.ovis)).toContain('bin/maestro');
      // Nobody can tell whether its contexts are still being used.
      expectEnded(builder, expect.stringMatching(/^build\./));
    },
  );
});
