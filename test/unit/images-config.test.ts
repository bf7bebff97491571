/** The variables of the image builder: which place goes first, and what is said of wrong ones. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import { readConfigText } from '../../images/build/config/file.ts';
import { showSettings } from '../../images/build/config/settings.ts';
import { knownNames, publishingVariables, variables } from '../../images/build/config/variables.ts';
import { type Options, readOptions } from '../../images/build/options.ts';
import { BuilderError } from '../../images/build/problem.ts';
import { components } from '../../images/build/sources/components.ts';
import { repository } from '../support/program.ts';

/** Where variables are set, beside images/config.env. */
interface Set {
  readonly options?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The text of the file that --config names. */
  readonly file?: string;
}

/** A directory with a site.env, which is where the user is. */
function siteOf({ file }: Set): string {
  const directory = mkdtempSync(join(tmpdir(), 'ldms-config-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  if (file !== undefined) writeFileSync(join(directory, 'site.env'), file);
  return directory;
}

function read(set: Set, from = siteOf(set)): Options {
  const config = set.file === undefined ? [] : ['--config', 'site.env'];
  return readOptions(['config', ...config, ...(set.options ?? [])], from, { ...set.env });
}

function mistakes(set: Set): readonly string[] {
  try {
    read(set);
  } catch (error) {
    if (!(error instanceof BuilderError)) throw error;
    expect(error.kind).toBe('usage');
    return error.sentences;
  }
  return [];
}

const defaultsText = readFileSync(join(repository, 'images/config.env'), 'utf8');
const lineOf = (start: string): number =>
  defaultsText.split('\n').findIndex((line) => line.startsWith(start)) + 1;

describe('images/config.env', () => {
  test('sets every variable, in the order in which they are told', () => {
    const layer = readConfigText(defaultsText, 'config.env', '/');
    expect(layer.wrong).toEqual([]);
    expect([...layer.given.keys()]).toEqual(variables.map(({ name }) => name));
  });

  test('is what was built with in the days of the README: full commits, all components', () => {
    const { sources, prefix, prefixUi, makeInstall } = read({});
    expect(Object.keys(sources).sort()).toEqual([...components].sort());
    for (const component of components) {
      expect(sources[component].repository, component).toMatch(/^https:\/\/github\.com\/[\w-]+\/[\w-]+$/);
      expect(sources[component].ref, component).toMatch(/^[0-9a-f]{40}$/);
    }
    expect(sources.ovis.options).toContain('--with-sos=/opt/ovis');
    expect({ prefix, prefixUi, makeInstall }).toEqual({
      prefix: '/opt/ovis',
      prefixUi: '/opt/ovis/ui',
      makeInstall: ['make', 'install-strip'],
    });
  });

  test('has the same defaults as docker-bake.hcl', () => {
    const hcl = readFileSync(join(repository, 'images/docker-bake.hcl'), 'utf8');
    const { namespace, grafanaImage, tag } = read({});
    for (const [name, value] of Object.entries({
      NAMESPACE: namespace,
      GRAFANA_IMAGE: grafanaImage,
      TAG: tag,
    })) {
      expect(hcl).toContain(`variable "${name}" { default = "${value}" }`);
    }
  });

  test('has the set of version 4.4.4, as lines that are a file of their own without their "#"', () => {
    const lines = defaultsText.split('\n').flatMap((line) => /^#([^ ].*)/.exec(line)?.[1] ?? []);
    const { sources, tag, warnings, settings } = read({ file: `${lines.join('\n')}\n` });
    expect({ tag, warnings }).toEqual({ tag: '4.4.4', warnings: [] });
    expect(sources.ovis.ref).toBe('v4.4.4');
    expect(sources.sos).toMatchObject({ ref: 'SOS-6', options: ['CFLAGS=-ggdb3'] });
    expect(sources.maestro).toMatchObject({
      repository: 'https://github.com/narategithub/maestro',
      ref: 'narate-4.4.4',
    });
    // But for the debugger's symbols, it is configured the same.
    const withoutFlags = ({ options }: (typeof sources)['ovis']) =>
      options.filter((word) => !word.startsWith('CFLAGS'));
    expect(withoutFlags(sources.ovis)).toEqual(withoutFlags(read({}).sources.ovis));
    expect(settings.filter(({ from }) => from.startsWith('site.env:'))).toHaveLength(12);
  });
});

describe('the command line goes before the environment, that before --config FILE, that before images/config.env', () => {
  const places = [
    { options: ['--tag=line', '--ovis-options=line'] },
    { env: { BUILD_TAG: 'env', OVIS_OPTIONS: 'env' } },
    { file: 'BUILD_TAG=file\nOVIS_OPTIONS=( file )\n' },
    {},
  ];
  const froms = ['--tag', 'environment', 'site.env:1', `images/config.env:${lineOf('BUILD_TAG=')}`];

  test.each([0, 1, 2, 3])('%d', (first) => {
    const { tag, sources, settings } = read(Object.assign({}, ...places.slice(first)));
    const expected = ['line', 'env', 'file', 'latest'][first] ?? '';
    expect(tag).toBe(expected);
    if (first < 3) expect(sources.ovis.options).toEqual([expected]);
    else expect(sources.ovis.options.length).toBeGreaterThan(10);
    expect(settings.find(({ name }) => name === 'BUILD_TAG')).toEqual({
      name: 'BUILD_TAG',
      value: expected,
      from: froms[first],
    });
    // What is set nowhere else stays as it is.
    expect(sources.sos).toEqual(read({}).sources.sos);
  });

  test('what is inserted is the value in force, wherever it is set', () => {
    const withSos = ({ sources }: Options) =>
      sources.ovis.options.find((word) => word.startsWith('--with-sos'));
    for (const set of [{ options: ['--prefix=/p'] }, { env: { PREFIX: '/p' } }, { file: 'PREFIX=/p' }]) {
      const options = read(set);
      expect([options.prefixUi, withSos(options)]).toEqual(['/p/ui', '--with-sos=/p']);
    }
    expect(withSos(read({}))).toBe('--with-sos=/opt/ovis');
  });

  test('a value that inserts itself has what it would have without', () => {
    expect(read({ file: 'BUILD_TAG=my-$BUILD_TAG' }).tag).toBe('my-latest');
    expect(read({ file: 'BUILD_TAG=${ARCH}x' }).tag).toBe(`${hostArch()}x`);
    expect(read({ file: 'BUILD_TAG=${ARCH}x', options: ['--arch=aarch64'] }).tag).toBe('arm64x');
    // Each would insert the other.
    expect(mistakes({ file: 'PREFIX=${PREFIX_UI}/p\n' })).toEqual([
      'images/config.env:37:1: PREFIX_UI: $PREFIX inserts PREFIX_UI in turn',
      'site.env:1:1: PREFIX: $PREFIX_UI inserts PREFIX in turn',
    ]);
  });
});

describe('the environment', () => {
  test('an empty variable counts as not set, unless that leaves something out', () => {
    const env = {
      OVIS_REPO: '',
      OVIS_OPTIONS: '',
      OVIS_BRANCH: '',
      BUILD_TAG: '',
      PREFIX: '',
      OVIS: '',
      ARCH: '',
    };
    const { sources, tag, prefix } = read({ env });
    expect(sources.ovis).toEqual({ ...read({}).sources.ovis, repository: undefined, options: [] });
    expect({ tag, prefix }).toEqual({ tag: 'latest', prefix: '/opt/ovis' });
  });

  test.each([
    ['OVIS_BRNACH', 'OVIS_BRANCH'],
    ['SOS_REPOS', 'SOS_REPO'],
    ['SOSDBUI_BRANC', 'SOSDBUI_BRANCH'],
    ['DSOSDS_RPEO', 'DSOSDS_REPO'],
    ['MAESTRO_BRANSH', 'MAESTRO_BRANCH'],
  ])('%s is a mistake, since it would be without effect', (name, meant) => {
    expect(mistakes({ env: { [name]: 'x' } })).toEqual([
      `there is no variable ${name} (environment); did you mean ${meant}?`,
    ]);
  });

  test.each([
    'OVIS_HOME',
    'SOS_ROOT',
    'SOSDB_REPO_DIR',
    'BUILD_TAGS',
    'PREFIXX',
    'ovis_branhc',
    'NAMESPACES',
  ])('%s is somebody else’s', (name) => {
    expect(mistakes({ env: { [name]: 'x' } })).toEqual([]);
  });

  test('has nothing to say about publishing', () => {
    expect(read({ env: { MANIFEST_TAG: '$(x)', PUSH_SIGN_LIST: 'a' } }).warnings).toEqual([]);
  });
});

describe('OVIS and DSOSDS', () => {
  test.each<[Set, string, string]>([
    [{}, 'HERE/ovis', 'HERE/dsosds'],
    [{ options: ['--ovis=a/o'] }, 'HERE/a/o', 'HERE/a/dsosds'],
    [{ env: { OVIS: '../o' } }, 'ABOVE/o', 'ABOVE/dsosds'],
    [{ env: { DSOSDS: 'd' } }, 'HERE/ovis', 'HERE/d'],
    [{ file: 'OVIS=o\n' }, 'REPOSITORY/o', 'REPOSITORY/dsosds'],
    [{ file: 'OVIS=/o\nDSOSDS=d\n' }, '/o', 'REPOSITORY/d'],
    [{ file: 'DSOSDS=d\n', options: ['--ovis=o'] }, 'HERE/o', 'REPOSITORY/d'],
    [{ file: 'OVIS=o\n', env: { OVIS: 'p' } }, 'HERE/p', 'HERE/dsosds'],
    [{ file: 'OVIS=\nDSOSDS=\n' }, 'HERE/ovis', 'HERE/dsosds'],
  ])('%j', (set, ovis, dsosds) => {
    const here = siteOf(set);
    const path = (text: string) =>
      text.replace('HERE', here).replace('ABOVE', tmpdir()).replace('REPOSITORY', repository);
    const options = read(set, here);
    expect([options.ovis, options.dsosds]).toEqual([path(ovis), path(dsosds)]);
    const shown = options.settings.filter(({ name }) => name === 'OVIS' || name === 'DSOSDS');
    expect(shown.map(({ value }) => value)).toEqual([path(ovis), path(dsosds)]);
  });
});

test.each([
  ['x86_64', 'amd64'],
  ['aarch64', 'arm64'],
  ['amd64', 'amd64'],
  ['arm64', 'arm64'],
])('ARCH=%s is %s', (name, arch) => {
  expect(read({ env: { ARCH: name } }).arch).toBe(arch);
  expect(read({ file: `ARCH=${name}` }).arch).toBe(arch);
  expect(read({ options: [`--arch=${name}`] }).arch).toBe(arch);
});

describe('values', () => {
  const notRepository =
    'git fetches from https://…, ssh://…, file:///…, HOST:PATH or a path that begins with "/"';
  const credentials =
    "its user and password would be told in logs; leave them out, and to git's credential helper: git config --global credential.helper store";
  const notRef = 'a branch, a tag or a full commit; it has no blanks and does not begin with "-"';
  const notImage = 'an image is named as docker does it: REGISTRY/NAME:TAG';
  const notContainer = 'a container is named by two or more letters, digits, "_", "." and "-"';
  const notPath = 'an absolute path of letters, digits, "_", "+", "." and "-"';

  test.each([
    ['OVIS_REPO', 'https://me:secret@git.example/ovis', 'https://…@git.example/ovis', credentials],
    ['OVIS_REPO', 'HTTP://me@git.example/ovis', 'HTTP://…@git.example/ovis', credentials],
    ['OVIS_REPO', 'https://me:sec/ret@git.example/ovis', 'https://…@git.example/ovis', notRepository],
    ['OVIS_REPO', 'ssh://me:secret@git.example/ovis', 'ssh://…@git.example/ovis', credentials],
    ['SOS_REPO', '--upload-pack=x', '--upload-pack=x', notRepository],
    ['SOS_REPO', 'ext::sh -c x', 'ext::sh -c x', notRepository],
    ['SOS_REPO', '../sos', '../sos', notRepository],
    ['SOS_REPO', '-host:sos', '-host:sos', notRepository],
    ['SOS_REPO', 'https://', 'https://', notRepository],
    ['SOS_REPO', '/a\nb', '"/a\\nb"', notRepository],
    ['DSOSDS_BRANCH', '-x', '-x', notRef],
    ['DSOSDS_BRANCH', '+main', '+main', notRef],
    ['DSOSDS_BRANCH', 'a b', 'a b', notRef],
    ['DSOSDS_BRANCH', 'a:b', 'a:b', notRef],
    ['DSOSDS_BRANCH', 'a..b', 'a..b', notRef],
    ['DSOSDS_BRANCH', 'a\tb', '"a\\tb"', notRef],
    ['BUILD_CONT', 'c', 'c', notContainer],
    ['BUILD_CONT', '-c', '-c', notContainer],
    ['DSOSDS_BUILD_CONT', 'a/b', 'a/b', notContainer],
    ['BUILD_IMG', 'ovis/Dev', 'ovis/Dev', notImage],
    ['BUILD_IMG', 'a b', 'a b', notImage],
    ['DSOSDS_BUILD_IMG', 'a:', 'a:', notImage],
    ['BASE_IMAGE', '--pull', '--pull', notImage],
    ['GRAFANA_IMAGE', 'a@sha256:12', 'a@sha256:12', notImage],
    ['BUILD_TAG', 'a/b', 'a/b', 'letters, digits, "_", "." and "-" only'],
    ['NAMESPACE', 'a/', 'a/', "it is not what an image's name can begin with"],
    ['ARCH', 'ppc64le', 'ppc64le', 'there are amd64, arm64'],
    ['PREFIX', 'opt', 'opt', notPath],
    ['PREFIX', '/opt/o v', '/opt/o v', notPath],
    ['PREFIX', '/opt/../x', '/opt/../x', notPath],
    ['PREFIX', '/', '/', notPath],
    ['MAKE_INSTALL', "make 'x", "make 'x", 'character 6: the quote is not closed'],
    ['MAKE_INSTALL', 'make $x', 'make $x', '$x is not replaced here'],
    ['MAKE_INSTALL', ' ', ' ', 'it has to be a command'],
    ['PREFIX_UI', '/opt/ui', '/opt/ui', 'it has to be below PREFIX, which is /opt/ovis'],
  ])('%s=%s is refused, and it is told where it is set', (name, value, shown, why) => {
    const option = variables.find((each) => each.name === name)?.option;
    expect(mistakes({ env: { [name]: value } })).toEqual([`${name}=${shown} (environment): ${why}`]);
    expect(mistakes({ options: [`--${option}=${value}`] })).toEqual([`--${option} ${shown}: ${why}`]);
    const file = `\n ${name}='${value.replaceAll("'", "'\\''")}'\n`;
    expect(mistakes({ file })).toEqual([`site.env:2:2: ${name}=${shown}: ${why}`]);
  });

  test.each([
    ['OVIS_REPO', 'file:///srv/git/ovis.git'],
    ['OVIS_REPO', '/srv/git/my ovis'],
    ['OVIS_REPO', 'git@git.example:ovis-hpc/ovis.git'],
    ['OVIS_REPO', 'ssh://git@git.example:2222/ovis'],
    ['OVIS_REPO', 'git://git.example/ovis@2'],
    ['OVIS_REPO', 'https://git.example/ovis@2'],
    ['OVIS_BRANCH', 'v4.4.4'],
    ['OVIS_BRANCH', 'feature/é'],
    ['OVIS_BRANCH', 'refs/pull/12/head'],
    ['BUILD_CONT', 'c1'],
    ['BUILD_IMG', 'localhost:5000/a/b__c:X'],
    ['BUILD_IMG', `Registry.example/a@sha256:${'0'.repeat(64)}`],
    ['BUILD_IMG', `sha256:${'0'.repeat(64)}`],
    ['PREFIX', '/opt/ovis-4.4+x'],
    ['MAKE_INSTALL', "make install-strip V='1 2'"],
  ])('%s=%s is one', (name, value) => {
    expect(mistakes({ env: { [name]: value } })).toEqual([]);
    // And not only since it is not looked at.
    expect(read({ env: { [name]: value } }).settings).toContainEqual({ name, value, from: 'environment' });
  });

  test('a command is words of a shell', () => {
    const { makeInstall } = read({ env: { MAKE_INSTALL: "make install-strip V='1 2'" } });
    expect(makeInstall).toEqual(['make', 'install-strip', 'V=1 2']);
  });

  test.each(['BUILD_TAG', 'NAMESPACE', 'PREFIX', 'PREFIX_UI', 'MAKE_INSTALL', 'BUILD_CONT', 'GRAFANA_IMAGE'])(
    '%s must not be empty',
    (name) => {
      expect(mistakes({ file: `${name}=\n` })).toEqual([`site.env:1:1: ${name}: it must not be empty`]);
    },
  );

  test.each(['ARCH', 'BASE_IMAGE', 'BUILD_IMG', 'DSOSDS_BUILD_IMG', 'OVIS', 'NUMSOS_REPO', 'NUMSOS_OPTIONS'])(
    '%s may be empty',
    (name) => {
      expect(mistakes({ file: `${name}=\n` })).toEqual([]);
    },
  );

  test('a repository needs a ref, and a component without one does not', () => {
    const why = 'it has to be a branch, a tag or a full commit of SOS_REPO';
    expect(mistakes({ file: 'SOS_BRANCH=\n' })).toEqual([`site.env:1:1: SOS_BRANCH: ${why}`]);
    expect(mistakes({ file: 'SOS_BRANCH=\n', env: { SOS_REPO: '' } })).toEqual([]);
  });
});

describe('a file', () => {
  test('all of its mistakes are told in one pass, in order, and those of other places', () => {
    const file = [
      'OVIS_BRNACH=v4.4.4',
      'COLOUR=red',
      'BUILD_TAG=a/b',
      'BUILD_TAG=c',
      'NAMESPACE=( a b )',
      'SOS_OPTIONS="--a --b"',
      'PREFIX=$PRFIX/x',
      'BUILD_IMG=$DSOSDS_BUILD_IMGE',
      'OVIS_OPTIONS=(',
      '  --x=$(pwd)',
      '  $NUMSOS_OPTIONS',
      ')',
      'MANIFEST_TAG=a b',
    ].join('\n');
    expect(
      mistakes({ file, env: { SOS_RPEO: 'x', BUILD_CONT: '-' }, options: ['--jobs=0', '--arch=x'] }),
    ).toEqual([
      'config takes no --jobs',
      '--jobs 0: a number from 1 to 99',
      'site.env:1:1: there is no variable OVIS_BRNACH; did you mean OVIS_BRANCH?',
      'site.env:2:1: there is no variable COLOUR',
      'site.env:4:1: BUILD_TAG is set in line 3 already',
      'site.env:5:1: NAMESPACE is one value: leave the brackets out',
      'site.env:6:1: SOS_OPTIONS is a list: SOS_OPTIONS=( … )',
      'site.env:7:8: there is no variable PRFIX; did you mean PREFIX?',
      'site.env:8:11: there is no variable DSOSDS_BUILD_IMGE; did you mean DSOSDS_BUILD_IMG?',
      'site.env:10:7: commands are not run here: write what this one prints',
      'site.env:13:16: a value with blanks has to stand in quotes, and the next one in a line of its own',
      'there is no variable SOS_RPEO (environment); did you mean SOS_REPO?',
      'site.env:3:1: BUILD_TAG=a/b: letters, digits, "_", "." and "-" only',
      '--arch x: there are amd64, arm64',
      'BUILD_CONT=- (environment): a container is named by two or more letters, digits, "_", "." and "-"',
    ]);
  });

  test('can use what images/config.env sets, and what it has set itself', () => {
    expect(read({ file: 'BUILD_TAG=${DSOSDS_BUILD_CONT}\n' }).tag).toBe('dsosds-build');
    const layer = readConfigText('BUILD_TAG=$PREFIX\nPREFIX=/p\n', 'x.env', '/');
    expect(layer.wrong).toEqual(['x.env:1:11: PREFIX is set further below, if at all: move that up']);
    expect(readConfigText('PREFIX=/p\nBUILD_TAG=$PREFIX\n', 'x.env', '/').wrong).toEqual([]);
  });

  test('a list cannot be inserted, nor what is wrong itself', () => {
    expect(mistakes({ file: 'BUILD_TAG=$OVIS_OPTIONS\n' })).toEqual([
      'site.env:1:1: BUILD_TAG: $OVIS_OPTIONS is a list, which cannot be inserted',
    ]);
    // Told once, and not again of what it would be a part of.
    expect(mistakes({ file: 'NAMESPACE=`x`\nBUILD_TAG=$NAMESPACE\n' })).toEqual([
      'site.env:1:11: commands are not run here: write what this one prints',
    ]);
  });

  test('a list of the environment or the command line that is none', () => {
    const what = 'character 5: ; has a meaning to a shell: put it in quotes';
    expect(mistakes({ env: { OVIS_OPTIONS: '--a ;' } })).toEqual([`OVIS_OPTIONS (environment): ${what}`]);
    expect(mistakes({ options: ['--sos-options=--a ;'] })).toEqual([`--sos-options: ${what}`]);
    expect(mistakes({ options: ['--sos-options=--a\n`x`'] })).toEqual([
      '--sos-options: line 2, character 1: commands are not run here: write what this one prints',
    ]);
  });

  test.each(publishingVariables)('%s of a file that published is known, and has no effect', (name) => {
    const { warnings, settings } = read({ file: `BUILD_TAG=x\n${name}=( 'a b' )\n` });
    expect(warnings).toEqual([`site.env:2: ${name} has no effect: this builder publishes nothing`]);
    expect(settings.map((setting) => setting.name)).not.toContain(name);
    expect(read({ file: `${name}=a\n` }).warnings).toHaveLength(1);
  });

  test('that is not there, a directory, or no text', () => {
    const from = siteOf({});
    mkdirSync(join(from, 'dir'));
    writeFileSync(join(from, 'latin1.env'), Buffer.from('BUILD_TAG=\xe9\n', 'latin1'));
    const said = (file: string) => {
      try {
        return readOptions(['config', '--config', file, '--arch=x'], from, {}).tag;
      } catch (error) {
        return error instanceof BuilderError ? error.sentences : error;
      }
    };
    const arch = '--arch x: there are amd64, arm64';
    expect(said('none.env')).toEqual(['cannot read none.env: there is no such file', arch]);
    expect(said('dir')).toEqual(['cannot read dir: it is a directory', arch]);
    expect(said('latin1.env/x')).toEqual([
      expect.stringMatching(/^cannot read latin1.env\/x: ENOTDIR: /),
      arch,
    ]);
    expect(said('latin1.env')).toEqual(['cannot read latin1.env: it is not UTF-8 text', arch]);
  });
});

test('another prefix is no mistake, but it is told what comes of it', () => {
  expect(read({ file: 'PREFIX=/p\n' }).warnings).toEqual([
    'site.env:1: PREFIX=/p: the images have it in /opt/ovis, and look for it there',
  ]);
  expect(read({ env: { PREFIX_UI: '/opt/ovis/web' } }).warnings).toEqual([
    'environment: PREFIX_UI=/opt/ovis/web: the images have it in /opt/ovis/ui, and look for it there',
  ]);
  expect(read({ env: { PREFIX: '/opt/ovis', PREFIX_UI: '/opt/ovis/ui' } }).warnings).toEqual([]);
});

test('`config` shows each variable in a row, its value last', () => {
  const { settings } = read({
    options: ['--ovis-options', `--a CFLAGS='-O2 -g' ''`],
    env: { NUMSOS_REPO: '' },
  });
  const rows = showSettings(settings).trimEnd().split('\n');
  expect(rows).toHaveLength(knownNames.length - publishingVariables.length + 1);
  const [header = ''] = rows;
  expect(header).toMatch(/^VARIABLE +SET IN +VALUE$/);
  const columns = ['SET IN', 'VALUE'].map((name) => header.indexOf(name));
  for (const row of rows) for (const at of columns) expect(row.slice(at - 2, at + 1)).toMatch(/^ {2}\S/);
  const fields = rows.map((row) => row.split(/ {2,}/));
  expect(fields).toContainEqual(['OVIS_OPTIONS', '--ovis-options', "--a CFLAGS='-O2 -g' ''"]);
  expect(fields).toContainEqual(['NUMSOS_REPO', 'environment', '(numsos is left out)']);
  expect(fields).toContainEqual(['ARCH', `images/config.env:${lineOf('ARCH=')}`, hostArch()]);
});
