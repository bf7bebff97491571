/** The words behind `npm run images --`. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import { type ImageName, imageNames } from '../../images/build/images.ts';
import { type Options, readOptions, usage } from '../../images/build/options.ts';
import { BuilderError } from '../../images/build/problem.ts';

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
  const options = readOptions(words(line), '/here');
  if (!options) throw new Error(`${line} asks for help`);
  return options;
}

/** What is said about a line that has mistakes. */
function mistakes(given: string | readonly string[]): readonly string[] {
  try {
    readOptions(typeof given === 'string' ? words(given) : given, '/here');
  } catch (error) {
    if (!(error instanceof BuilderError)) throw error;
    expect(error.kind).toBe('usage');
    return error.sentences;
  }
  return [];
}

describe('what is asked for', () => {
  const defaults = {
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
  };

  test.each(['build', 'contexts', 'base', 'list'] as const)('%s without an option', (command) => {
    expect(read(command)).toEqual({ command, ...defaults });
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
  ])('%s', (line, asked) => {
    const expected = { ...defaults, command: line.split(' ')[0], ...asked };
    expect(read(line)).toEqual(expected);
    expect(read(line.replace(/(--\S+) (\S+)$/, '$1=$2'))).toEqual(expected);
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
    expect(read(`list ${names}`).images).toEqual(images);
  });

  test('as many images at a time as there are processors, however many these are', () => {
    for (const processors of [1, 64, 256]) {
      machine.processors = processors;
      expect(read('build').jobs).toBe(processors);
    }
  });
});

describe('help', () => {
  test.each(['', '--help', '-h', 'build --help', '--help --nonsense'])('%j', (line) => {
    expect(readOptions(line ? words(line) : [], '/here')).toBeUndefined();
  });

  test('names every command, image and option, and what holds without it', () => {
    const text = usage();
    for (const name of ['build', 'contexts', 'base', 'list'])
      expect(text).toMatch(new RegExp(`^ {2}${name} +\\S`, 'm'));
    expect(text).toContain(`Images: ${imageNames.join(' ')}\n`);
    const named = [...text.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name);
    expect(named).toEqual([
      ...['ovis', 'dsosds', 'tag', 'namespace', 'base-image', 'grafana-image', 'arch', 'engine', 'network'],
      ...['jobs', 'no-cache', 'suite', 'mirror', 'help'],
    ]);
    expect(text).toContain('(docker.io/grafana/grafana-oss:9.1.0-ubuntu)');
    expect(text).toContain('(4 here)');
    expect(text).toMatch(/Exit codes:.*\b1\b.*\b64\b.*\b65\b.*\b69\b.*\b130\b.*\b143\b/s);
  });

  test('each option that it names is one that its commands take', () => {
    const value: Record<string, string> = { arch: 'arm64', engine: 'docker', jobs: '2', 'no-cache': '' };
    const rows = [...usage().matchAll(/^ {2}--([a-z-]+)(?: [A-Z]+)? +(?:([a-z, ]+): )?/gm)];
    const all = 'build, contexts, base, list';
    for (const [, name = '', of = all] of rows.filter(([, name]) => name !== 'help')) {
      for (const command of all.split(', ')) {
        const option = value[name] === '' ? `--${name}` : `--${name}=${value[name] ?? 'value'}`;
        const taken = of.split(', ').includes(command);
        expect(mistakes([command, option])).toEqual(taken ? [] : [`${command} takes no --${name}`]);
      }
    }
    expect(rows).toHaveLength(14);
  });

  test('fits in 100 columns, on a machine with many processors too', () => {
    machine.processors = 1024;
    for (const line of usage().split('\n')) expect(line.length, line).toBeLessThanOrEqual(100);
  });
});

describe('mistakes', () => {
  test('are all told in one pass', () => {
    expect(
      mistakes('build smap --ovsi=x --tag=a/b --jobs=many --arch=sparc --engine=lxc --suite=sid --mirror'),
    ).toEqual([
      'there is no option --ovsi; did you mean --ovis?',
      'build takes no --suite',
      'build takes no --mirror',
      'there is no image smap; there are dev, samp, agg, maestro, ui, grafana',
      '--tag a/b: letters, digits, "_", "." and "-" only',
      '--jobs many: a number from 1 to 99',
      '--arch sparc: there are amd64, arm64',
      '--engine lxc: there are docker, podman, buildah',
      '--mirror needs a value',
    ]);
  });

  const commands = 'there are build, contexts, base, list';
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
    ['build samp2', 'samp2'],
    ['build samp agg,ui maestroo', 'agg,ui, maestroo'],
    ['list ldms-', ''],
    ['build common', 'common'],
    ['build ovishpc/ldms-samp:latest', 'samp:latest'],
  ])('the image: %s', (line, strange) => {
    expect(mistakes(line)).toEqual([
      `there is no image ${strange}; there are dev, samp, agg, maestro, ui, grafana`,
    ]);
  });

  test('base takes no image', () => {
    expect(mistakes('base samp')).toEqual(['base takes no image']);
  });

  test.each([
    ['--ovsi=x', '--ovsi; did you mean --ovis?'],
    ['--ovsi', '--ovsi; did you mean --ovis?'],
    ['--dsods=x', '--dsods; did you mean --dsosds?'],
    ['--name-space=x', '--name-space; did you mean --namespace?'],
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
    expect(mistakes(['build', option])).toEqual([`there is no option ${said}`]);
  });

  test.each([
    ['build --no-cache=true', '--no-cache takes no value'],
    ['build --no-cache --cache', 'there is no option --cache'],
    ['list --no-cache', 'list takes no --no-cache'],
    ['build --ovis', '--ovis needs a value'],
    ['build --ovis=', '--ovis needs a value'],
    ['build --ovis --no-cache', '--ovis needs a value'],
    ['build --no-ovis', '--ovis needs a value'],
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
  const mirrored = (url: string) => readOptions(['base', `--mirror=${url}`], '/');
  expect(() => mirrored('http://me:secret@mirror.example/debian')).toThrow(/--mirror: its user and password/);
  expect(mirrored('http://mirror.example/debian@2026')?.mirror).toBe('http://mirror.example/debian@2026');
});
