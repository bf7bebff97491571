/** The words behind `npm run images --`. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import { readArguments } from '../../images/build/arguments.ts';
import { type CommandName, commandNames, options } from '../../images/build/commands.ts';
import { variables } from '../../images/build/config/variables.ts';
import { type ImageName, imageNames } from '../../images/build/images.ts';
import { type Options, type PipelineStep, pipelineSteps, readOptions } from '../../images/build/options.ts';
import { BuilderError } from '../../images/build/problem.ts';
import { usage, usageOf } from '../../images/build/usage.ts';

const machine = vi.hoisted(() => ({ processors: 4 }));
vi.mock('node:os', async (original) => ({
  ...(await original<typeof import('node:os')>()),
  availableParallelism: () => machine.processors,
}));
beforeEach(() => {
  machine.processors = 4;
});

/** Splits at blanks: no word of a test's has one. */
const words = (line: string): string[] => line.split(' ');

/** What is asked for by a line that has no mistake. */
function read(line: string): Options {
  return readOptions(words(line), '/here', {});
}

/** What is said about a line that has mistakes. */
function mistakes(given: string | readonly string[]): readonly string[] {
  try {
    readOptions(typeof given === 'string' ? words(given) : given, '/here', {});
  } catch (error) {
    if (!(error instanceof BuilderError)) throw error;
    expect(error.kind).toBe('usage');
    return error.sentences;
  }
  return [];
}

describe('what is asked for', () => {
  const defaults = {
    steps: imageNames,
    images: imageNames,
    ovis: '/here/ovis',
    dsosds: '/here/dsosds',
    engine: undefined,
    tag: 'latest',
    namespace: 'ovishpc',
    baseImage: undefined,
    grafanaImage: 'docker.io/grafana/grafana-oss:9.1.0-ubuntu',
    network: undefined,
    arch: hostArch(),
    jobs: 4,
    cache: true,
    suite: 'bookworm',
    mirror: undefined,
    clean: false,
    dryRun: false,
    output: undefined,
    warnings: [],
  };

  test.each(commandNames)('%s without an option', (command) => {
    expect(read(command)).toMatchObject({ command, ...defaults });
  });

  test.each<[string, Partial<Options>]>([
    ['build --ovis DIR', { ovis: '/here/DIR', dsosds: '/here/dsosds' }],
    ['build --ovis /opt/ovis', { ovis: '/opt/ovis', dsosds: '/opt/dsosds' }],
    ['build --ovis ../a/b/', { ovis: '/a/b', dsosds: '/a/dsosds' }],
    ['build --dsosds ./d', { ovis: '/here/ovis', dsosds: '/here/d' }],
    ['contexts --ovis a --dsosds b', { ovis: '/here/a', dsosds: '/here/b' }],
    ['build --tag 4.4.4', { tag: '4.4.4' }],
    ['list --tag 007', { tag: '007' }],
    ['build --namespace registry.example:5000/hpc', { namespace: 'registry.example:5000/hpc' }],
    ['build --base-image debian:12.8-slim', { baseImage: 'debian:12.8-slim' }],
    [
      'build --grafana-image grafana/grafana:11.0.0-ubuntu',
      { grafanaImage: 'grafana/grafana:11.0.0-ubuntu' },
    ],
    ['build --arch arm64', { arch: 'arm64' }],
    ['base --arch amd64', { arch: 'amd64' }],
    ['base --engine buildah', { engine: 'buildah' }],
    ['list --engine podman', { engine: 'podman' }],
    ['build --network host', { network: 'host' }],
    ['build --jobs 1', { jobs: 1 }],
    ['build --no-cache', { cache: false }],
    ['base --suite trixie', { suite: 'trixie' }],
    ['base --mirror http://mirror.example/debian', { mirror: 'http://mirror.example/debian' }],
    ['save --output usb', { output: '/here/usb' }],
    ['save --output /media/usb', { output: '/media/usb' }],
    ['build --prefix /opt/ovis', { prefix: '/opt/ovis' }],
    ['build --build-img debian', { buildImage: 'debian' }],
    ['build --build-cont c1', { buildContainer: 'c1' }],
    ['build --dsosds-build-img a/b:c', { dsosdsBuildImage: 'a/b:c' }],
    ['build --dsosds-build-cont c1', { dsosdsBuildContainer: 'c1' }],
    ['build --make-install make', { makeInstall: ['make'] }],
  ])('%s', (line, asked) => {
    const expected = { ...defaults, command: line.split(' ')[0], ...asked };
    expect(read(line)).toMatchObject(expected);
    expect(read(line.replace(/(--\S+) (\S+)$/, '$1=$2'))).toMatchObject(expected);
  });

  test('options and images stand in any order', () => {
    const asked = { images: ['samp'], tag: '1', ovis: '/here/o' };
    expect(read('build samp --tag 1 --ovis o')).toMatchObject(asked);
    expect(read('build --tag=1 samp --ovis=o')).toMatchObject(asked);
    expect(read('build --no-cache --tag=1 samp --ovis=o')).toMatchObject(asked);
    expect(read('--tag 1 build --ovis o samp')).toMatchObject(asked);
  });

  test.each<[string, ImageName[]]>([
    ['samp', ['samp']],
    ['ldms-samp', ['samp']],
    ['ovishpc/ldms-samp', ['samp']],
    ['registry.example:5000/hpc/ldms-ui', ['ui']],
    // In the order in which they are told everywhere, each once.
    ['grafana agg samp', ['samp', 'agg', 'grafana']],
    ['samp ovishpc/ldms-samp samp', ['samp']],
    ['dev samp agg maestro ui grafana', [...imageNames]],
  ])('images: %s', (names, images) => {
    expect(read(`build ${names}`).images).toEqual(images);
    expect(read(`build ${names}`).steps).toEqual(images);
    expect(read(`list ${names}`).images).toEqual(images);
    expect(read(`save ${names}`).images).toEqual(images);
  });

  test.each<[string, readonly PipelineStep[]]>([
    ['ovis', ['ovis']],
    ['dsosds', ['dsosds']],
    ['samp dsosds dev ovis', ['dev', 'ovis', 'dsosds', 'samp']],
    ['all', pipelineSteps],
    ['all --only ui', ['ui']],
    ['all --only ldms-ui,ovis', ['ovis', 'ui']],
    ['all --from dev', pipelineSteps],
    ['all --from dsosds', ['dsosds', 'samp', 'agg', 'maestro', 'ui', 'grafana']],
    ['all --from ovishpc/ldms-ui', ['ui', 'grafana']],
    ['all --clean --only ovis', ['ovis']],
  ])('steps: build %s', (line, steps) => {
    const asked = read(`build ${line}`);
    expect(asked.steps).toEqual(steps);
    expect(asked.images).toEqual(steps.filter((step) => step !== 'ovis' && step !== 'dsosds'));
    expect(asked.clean).toBe(line.includes('--clean'));
    expect(asked.dryRun).toBe(false);
    expect(read(`build ${line} --dry-run`)).toEqual({ ...asked, dryRun: true });
  });

  test('the sources, as words of a shell', () => {
    const options = `--enable-x CFLAGS='-O2 -g' "a b" --with-sos=$PREFIX`;
    const split = ['--enable-x', 'CFLAGS=-O2 -g', 'a b', '--with-sos=/opt/ovis'];
    const given = [
      'build',
      '--ovis-branch',
      'v4.4.4',
      '--sosdbui-repo',
      '/srv/ui',
      '--ovis-options',
      options,
    ];
    const { sources } = readOptions(given, '/here', {});
    expect(sources.ovis).toEqual({
      repository: 'https://github.com/ovis-hpc/ovis',
      ref: 'v4.4.4',
      options: split,
    });
    expect(sources['sosdb-ui'].repository).toBe('/srv/ui');
    expect(readOptions(['build', `--sos-options=${options}`], '/', {}).sources.sos.options).toEqual(split);
  });

  test('an empty repository leaves its component out, and an empty list is one', () => {
    for (const given of [
      ['build', '--numsos-repo=', '--sos-options='],
      ['build', '--numsos-repo', '', '--sos-options', ''],
    ]) {
      const { sources } = readOptions(given, '/here', {});
      expect(sources.numsos.repository).toBeUndefined();
      expect(sources.sos.options).toEqual([]);
      // The others are as they were.
      expect(sources['sosdb-ui'].repository).toBeDefined();
      expect(sources.ovis.options).toContain('--enable-sos');
    }
  });

  test('as many images at a time as there are processors, however many these are', () => {
    for (const processors of [1, 64, 256]) {
      machine.processors = processors;
      expect(read('build').jobs).toBe(processors);
    }
  });
});

describe('help', () => {
  test.each<[string, CommandName | undefined]>([
    ['--help', undefined],
    ['-h', undefined],
    ['build --help', 'build'],
    ['--help list', 'list'],
    ['save samp -h --nonsense', 'save'],
    ['bild --help', undefined],
  ])('%s', (line, command) => {
    expect(readArguments(words(line))).toMatchObject({ command, wantsHelp: true });
    expect(readArguments(words(line.replace(/--help|-h/, '--engine=docker'))).wantsHelp).toBe(false);
  });

  test('in short: every command, and every image', () => {
    for (const name of commandNames) expect(usage()).toMatch(new RegExp(`^ {2}${name} +\\S`, 'm'));
    expect(usage()).toContain(`Images: ${imageNames.join(' ')}\n`);
    expect(usage().split('\n').length).toBeLessThan(20);
  });

  test('of a command: its words, statuses and an example', () => {
    for (const name of commandNames) {
      expect(usageOf(name)).toMatch(new RegExp(`^usage: npm run images -- ${name} .*\\n`));
      expect(usageOf(name)).toMatch(/^Exit codes:(\n {2}\d.*)*\n {2}64 /m);
      expect(usageOf(name)).toMatch(new RegExp(`^For example:\\n {2}npm run images -- ${name}`, 'm'));
    }
    for (const step of pipelineSteps)
      expect(usageOf('build')).toMatch(new RegExp(`^WHAT is(\n.+)*\\b${step}\\b`, 'm'));
    expect(usageOf('build')).toMatch(/Exit codes:.*\b1\b.*\b64\b.*\b65\b.*\b69\b.*\b130\b.*\b143\b/s);
  });

  test.each(commandNames)('of %s: each option that it takes, and no other', (command) => {
    const named = [...usageOf(command).matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name = '']) => name);
    const value: Record<string, string> = {
      arch: 'arm64',
      engine: 'docker',
      jobs: '2',
      from: 'ovis',
      only: 'ovis',
    };
    // Those of the other components are as those of ovis, and `config` takes all.
    const likewise = /^--(sos|maestro|numsos|sosdb|dsosds-(repo|branch))/;
    for (const { name, takes, variable } of options) {
      if (likewise.test(`--${name}`) || (command === 'config' && variable)) continue;
      const option = takes ? `--${name}=${value[name] ?? 'value'}` : `--${name}`;
      const refused = mistakes([command, option]).includes(`${command} takes no --${name}`);
      expect(named.includes(name), name).toBe(!refused);
    }
    expect(named).toContain('help');
  });

  test('an option that is a variable as well is told with its name', () => {
    const rows = [...usageOf('build').matchAll(/^ {2}--([a-z-]+) [A-Z]+ +([A-Z_]+): /gm)];
    for (const [, option, name] of rows) {
      expect(variables.find((variable) => variable.name === name)?.option).toBe(option);
    }
    expect(rows.map(([, option]) => option)).toContain('ovis-branch');
    expect(rows.map(([, option]) => option)).toContain('tag');
  });

  test('fits in 100 columns, and is the same on each machine', () => {
    const texts = [usage(), ...commandNames.map(usageOf)];
    for (const line of texts.join('').split('\n')) expect(line.length, line).toBeLessThanOrEqual(100);
    machine.processors = 1024;
    expect([usage(), ...commandNames.map(usageOf)]).toEqual(texts);
  });
});

describe('mistakes', () => {
  test('are all told in one pass', () => {
    expect(
      mistakes('build smap --ovsi=x --tag=a/b --jobs=many --arch=sparc --engine=lxc --suite=sid --mirror'),
    ).toEqual([
      'there is no option --ovsi; did you mean --ovis?',
      '--mirror needs a value',
      'build takes no --suite',
      'build takes no --mirror',
      'build makes no smap; there are dev, samp, agg, maestro, ui, grafana, ovis, dsosds and all',
      '--engine lxc: there are docker, podman, buildah',
      '--jobs many: a number from 1 to 99',
      '--tag a/b: letters, digits, "_", "." and "-" only',
      '--arch sparc: there are amd64, arm64',
    ]);
  });

  const commands = 'there are build, contexts, base, list, save, config';
  test.each([
    ['bild', [`there is no command bild; ${commands}`]],
    ['samp', [`there is no command samp; ${commands}`]],
    ['--tag=1', [`there is no command (none given); ${commands}`]],
    [
      'bild --ovsi=x',
      [`there is no command bild; ${commands}`, 'there is no option --ovsi; did you mean --ovis?'],
    ],
    // What every JavaScript object has is no command.
    ['toString', [`there is no command toString; ${commands}`]],
    ['constructor', [`there is no command constructor; ${commands}`]],
  ])('the command: %s', (line, sentences) => {
    expect(mistakes(line)).toEqual(sentences);
  });

  test.each([
    ['list samp2', 'samp2'],
    ['contexts samp agg,ui maestroo', 'agg,ui, maestroo'],
    ['list ldms-', ''],
    ['list ovis', 'ovis'],
    ['save all', 'all'],
    ['list common', 'common'],
    ['save ovishpc/ldms-samp:latest', 'samp:latest'],
  ])('the image: %s', (line, strange) => {
    expect(mistakes(line)).toEqual([
      `there is no image ${strange}; there are dev, samp, agg, maestro, ui, grafana`,
    ]);
  });

  test.each([
    ['build samp2', 'samp2'],
    ['build samp agg,ui maestroo', 'agg,ui, maestroo'],
    ['build common --clean', 'common'],
    ['build all al', 'al'],
    ['build ovishpc/ldms-samp:latest', 'samp:latest'],
  ])('what to build: %s', (line, strange) => {
    expect(mistakes(line)).toEqual([
      `build makes no ${strange}; there are dev, samp, agg, maestro, ui, grafana, ovis, dsosds and all`,
    ]);
  });

  const steps = `there are ${pipelineSteps.join(', ')}`;
  test.each([
    ['all samp', ['build all is everything: leave out the other words, or choose with --only']],
    ['all all', ['build all is everything: leave out the other words, or choose with --only']],
    ['all --only ovis --from ui', ['--only and --from exclude each other']],
    ['all --only ovsi,samp,x', [`--only ovsi,samp,x: there is no step ovsi, x; ${steps}`]],
    ['all --only ovis,', [`--only ovis,: there is no step ; ${steps}`]],
    ['all --from all', [`--from all: there is no step all; ${steps}`]],
    // It is one step.
    ['all --from ovis,ui', [`--from ovis,ui: there is no step ovis,ui; ${steps}`]],
    ['--only samp', ['--only chooses of all steps: build all --only samp']],
    ['samp --from samp', ['--from chooses of all steps: build all --from samp']],
    ['samp --clean', ['--clean is about what is built from sources: build ovis, build dsosds or build all']],
    ['--clean', ['--clean is about what is built from sources: build ovis, build dsosds or build all']],
  ])('steps: build %s', (line, sentences) => {
    expect(mistakes(`build ${line}`)).toEqual(sentences);
  });

  test('base takes no image, and config no word', () => {
    expect(mistakes('base samp')).toEqual(['base takes no image']);
    expect(mistakes('config samp')).toEqual(['config takes no word']);
  });

  test.each([
    ['--ovsi=x', '--ovsi; did you mean --ovis?'],
    ['--ovsi', '--ovsi; did you mean --ovis?'],
    ['--dsods=x', '--dsods; did you mean --dsosds?'],
    ['--name-space=x', '--name-space; did you mean --namespace?'],
    // Its value is no word of its own.
    ['--name-space x', '--name-space; did you mean --namespace?'],
    ['--build-tag=x', '--build-tag; did you mean --tag?'],
    ['--ovis-brnach=x', '--ovis-brnach; did you mean --ovis-branch?'],
    ['--dryrun', '--dryrun; did you mean --dry-run?'],
    ['--baseimage=x', '--baseimage; did you mean --base-image?'],
    ['--nocache', '--nocache; did you mean --no-cache?'],
    ['--no-cahce', '--no-cahce; did you mean --no-cache?'],
    // --ovis is two letters off, and stands before it in the list.
    ['--obs=2', '--obs; did you mean --jobs?'],
    ['-tag', '-tag; did you mean --tag?'],
    ['-tag=1', '-tag; did you mean --tag?'],
    ['-j', '-j'],
    ['--verbose', '--verbose'],
    ['--no-colour', '--no-colour'],
    // Only --no-cache is one.
    ['--cache', '--cache'],
    ['--cache=false', '--cache'],
    ['--hlep', '--hlep; did you mean --help?'],
  ])('the option: %s', (option, said) => {
    expect(mistakes(`build ${option}`)).toEqual([`there is no option ${said}`]);
  });

  test.each([
    ['build --no-cache=true', '--no-cache takes no value'],
    ['build --no-cache --cache', 'there is no option --cache'],
    ['list --no-cache', 'list takes no --no-cache'],
    ['build --ovis', '--ovis needs a value'],
    ['build --ovis=', '--ovis needs a value'],
    ['build --ovis --no-cache', '--ovis needs a value'],
    ['build --no-ovis', 'there is no option --no-ovis'],
    ['build --ovis-options', '--ovis-options needs a value'],
    ['build --ovis-options --dry-run', '--ovis-options needs a value'],
    ['build --ovis-options --tag=1', '--ovis-options needs a value'],
    ['build --sos-repo', '--sos-repo needs a value'],
    ['build --sos-repo --dry-run', '--sos-repo needs a value'],
    ['build --sos-branch=', '--sos-branch needs a value'],
    ['build all --only=', '--only needs a value'],
    ['build --dry-run=yes', '--dry-run takes no value'],
    ['list --ovis=x', 'list takes no --ovis'],
    ['base --ovis-branch=x', 'base takes no --ovis-branch'],
    ['list --tag=', '--tag needs a value'],
    ['build --jobs=', '--jobs needs a value'],
    ['build --engine=', '--engine needs a value'],
    ['base --mirror', '--mirror needs a value'],
    ['build --tag=1 --tag=2', '--tag is given twice'],
    ['build --ovis a --ovis b --ovis c', '--ovis is given twice'],
    ['build --engine=docker --engine=podman', '--engine is given twice'],
  ])('%s', (line, sentence) => {
    expect(mistakes(line)).toEqual([sentence]);
  });

  test('an empty word is no value', () => {
    expect(mistakes(['build', '--ovis', ''])).toEqual(['--ovis needs a value']);
  });

  test.each(['0', '-1', '1.5', '100', 'all', '1e1', '0x2'])('--jobs=%s', (jobs) => {
    expect(mistakes(`build --jobs=${jobs}`)).toEqual([`--jobs ${jobs}: a number from 1 to 99`]);
  });

  test.each(['.', '-a', 'a b', 'a:b', 'a/b', 'ä', `a${'b'.repeat(121)}`])('--tag=%s', (tag) => {
    expect(mistakes(['build', `--tag=${tag}`])).toEqual([
      `--tag ${tag}: letters, digits, "_", "." and "-" only`,
    ]);
  });

  test.each(['a', '_a', '4.4.4', `a${'b'.repeat(120)}`])('--tag=%s is one', (tag) => {
    expect(read(`build --tag=${tag}`).tag).toBe(tag);
  });

  // As docker 20.10 has it, but for capitals, which a registry may have there.
  test.each([
    ...['Ovis', 'a b', '/a', 'a/', 'a//b', '-a', 'a-', 'a-/b', '.a', 'a.', 'a./b', 'a..b', 'a._b', 'a___b'],
    ...['a:b', 'a:', ':5000', 'a.b:/c', 'a:50x/c', 'a/b:5000', 'a/b:5000/c', 'a:1:2', 'a..b:5/c', 'a_b:5/c'],
    ...['a-:5/c', 'a:5000/', 'a:5000//b'],
  ])('--namespace=%s', (namespace) => {
    expect(mistakes(['build', `--namespace=${namespace}`])).toEqual([
      `--namespace ${namespace}: it is not what an image's name can begin with`,
    ]);
  });

  test.each([
    ...['ovishpc', '0', 'a.b/c/d/e', 'a__b', 'a--b', 'a_b.c/x', 'localhost', 'localhost/hpc'],
    ...['localhost:5000', 'localhost:5000/x', 'a--b:5/c', 'a.b-c.d:5000/x_y/z.q', '1.2.3.4:80/x'],
  ])('--namespace=%s is one', (namespace) => {
    expect(read(`build --namespace=${namespace}`).namespace).toBe(namespace);
  });
});

test('a mirror with a password is refused: sources.list would be in every image', () => {
  const mirrored = (url: string) => readOptions(['base', `--mirror=${url}`], '/', {});
  expect(() => mirrored('http://me:secret@mirror.example/debian')).toThrow(/--mirror: its user and password/);
  expect(mirrored('http://mirror.example/debian@2026').mirror).toBe('http://mirror.example/debian@2026');
});
