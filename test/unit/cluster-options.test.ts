/** The command line of ldms-cluster: what is told of wrong words, what a site decides by it, and its help. */
import { describe, expect, test } from 'vitest';
import { commandNames, options, readWords, siteFrom, siteOptions } from '../../src/cluster/options.ts';
import { ways } from '../../src/cluster/render/index.ts';
import { anySite } from '../../src/cluster/site.ts';
import { exitCodes, usage } from '../../src/cluster/usage.ts';

const wrong = async (...words: string[]) => (await readWords(words)).wrong;

describe('a good command line', () => {
  test.each<[string, string[]]>([
    ['plan', []],
    ['plan', ['cygnus.yaml', '--each', '--suffix=-iw']],
    ['plan', ['--json', '--', '--odd-name.yaml']],
    ['check', ['--strict', '--json', 'a.yaml']],
    ['render', ['--as', 'docker', '--output', 'x', '--force', 'a.yaml']],
    ['diff', ['x']],
  ])('%s %j', async (command, words) => {
    const given = await readWords([command, ...words]);
    expect(given.wrong).toEqual([]);
    expect(given.command).toBe(command);
  });

  test('options may stand in front, and behind', async () => {
    const { command, names, values } = await readWords(['--suffix=-iw', 'plan', 'a.yaml', '--bind']);
    expect([command, names, [...values]]).toEqual([
      'plan',
      ['a.yaml'],
      [
        ['suffix', '-iw'],
        ['bind', ''],
      ],
    ]);
  });

  test('a value may begin with a dash, also behind a blank', async () => {
    const { values, wrong: found } = await readWords([
      'plan',
      '--suffix',
      '-iw',
      '--samp-options',
      '-v INFO',
    ]);
    expect(found).toEqual([]);
    expect([...values]).toEqual([
      ['suffix', '-iw'],
      ['samp-options', '-v INFO'],
    ]);
  });

  test('what stands behind -- is a file', async () => {
    expect(await readWords(['plan', '--', '--force=no'])).toMatchObject({ names: ['--force=no'], wrong: [] });
  });

  test('numbers stay texts', async () => {
    expect((await readWords(['plan', '007', '--tag', '1.10'])).names).toEqual(['007']);
    expect((await readWords(['plan', '--tag', '1.10'])).values.get('tag')).toBe('1.10');
  });

  test.each([['-h'], ['--help'], ['plan', '-h'], ['render', '--help', '--as=docker']])(
    '%s wants help',
    async (...words) => {
      expect((await readWords(words)).wantsHelp).toBe(true);
    },
  );
});

describe('a wrong command line', () => {
  test.each<[string[], string[]]>([
    [['paln'], ['there is no command paln; did you mean plan?']],
    [['deploy'], ['there is no command deploy; the commands are plan, check, render, diff']],
    [['--bind'], ['no command was given; the commands are plan, check, render, diff']],
    [['plan', 'a', 'b', 'c'], ['one file at a time, and not a, b, c']],
    [['plan', '--sufix=-iw'], ['there is no option --sufix; did you mean --suffix?']],
    [['plan', '--colour'], ['there is no option --colour']],
    [['plan', '-x'], ['there is no option -x']],
    [['render', '-as', 'docker'], ['there is no option -as; did you mean --as?']],
    [['plan', '--suffix', '--each'], ['--suffix needs a value: --suffix=TEXT']],
    [['plan', '--suffix', '-i w'], ['--suffix=-i w is not a part of a name']],
    [['plan', '--suffix='], ['--suffix needs a value: --suffix=TEXT']],
    [['plan', '--ui'], ['--ui needs a value: --ui=HOST']],
    [['plan', '--tag=a', '--tag=b'], ['--tag is given 2 times']],
    [['plan', '--privileged=no'], ['--privileged takes no value']],
    [['render', '--as=docker', '--force=false'], ['--force takes no value']],
    [['plan', '--strict'], ['plan takes no --strict']],
    [['check', '--each'], ['check takes no --each']],
    [['check', '--as=docker'], ['check takes no --as']],
    [
      ['diff', 'x', '--suffix=-iw', '--force'],
      ['diff takes no --force', 'diff takes no --suffix'],
    ],
    [['render', '--as=dokcer'], [`--as=dokcer is none of ${ways.join(', ')}; did you mean docker?`]],
    [['render', '--as=helm'], [`--as=helm is none of ${ways.join(', ')}`]],
    [['plan', '--__proto__=1'], ['there is no option --__proto__']],
    [['plan', '--suffix.a=1'], ['there is no option --suffix.a; did you mean --suffix?']],
    [
      ['plan', '--no-bind', '--no-tag'],
      ['there is no option --no-bind', 'there is no option --no-tag'],
    ],
    [['plan', '--no-constructor=1'], ['there is no option --no-constructor']],
    [['plan', '--constructor'], ['there is no option --constructor']],
  ])('%j: %j', async (words, expected) => {
    expect(await wrong(...words)).toEqual(expected);
  });

  test('all that is wrong is told in one pass, each once', async () => {
    expect(
      await wrong(
        'rendr',
        'a',
        'b',
        '--as=x',
        '--tag=',
        '--bnid',
        '--ui-port=0',
        '--ui=a',
        '--ui=b',
        '--bnid',
      ),
    ).toEqual([
      'there is no option --bnid; did you mean --bind?',
      `--as=x is none of ${ways.join(', ')}`,
      '--ui is given 2 times',
      '--ui-port=0 is not a port from 1 to 65535',
      '--tag needs a value: --tag=TAG',
      'there is no command rendr; did you mean render?',
      'one file at a time, and not a, b',
    ]);
  });
});

describe('values', () => {
  const host = 'is not the name of a host, or none';
  const port = 'is not a port from 1 to 65535';
  const path = 'is not an absolute path without a colon';
  const namespace = 'is not a registry and a name, in lower case and without a / at the end';
  const checks: Record<string, { good: string[]; bad: string[]; why: string }> = {
    suffix: { good: ['-iw', '.ib', '_x'], bad: ['/x', 'a b', '$(id)'], why: 'is not a part of a name' },
    maestro: {
      good: ['none', 'cygnus-07', '10.1.2.3', 'fe80::1', 'a,b,c', 'head-[1-3]', 'a-[1,3],b'],
      bad: ['-x', '../a', '$(id)', '.'],
      why: host,
    },
    ui: { good: ['none', 'cygnus-07'], bad: ['a/b', "a'b"], why: host },
    grafana: { good: ['none', 'cygnus-07'], bad: ['a;b', 'a\n'], why: host },
    'ui-port': {
      good: ['1', '80', '65535'],
      bad: ['0', '65536', '1e3', '0x50', '-1', '080000', 'http'],
      why: port,
    },
    'grafana-port': { good: ['3001'], bad: ['99999', ' 80'], why: port },
    namespace: {
      good: ['ovishpc', 'localhost', 'localhost:5000', 'reg.example:5000/a/b_c'],
      bad: ['Ovis', 'a/', 'a//b', '/a', 'a b', 'a:b', 'a:1:2'],
      why: namespace,
    },
    tag: {
      good: ['latest', '4.4.4', 'v_1-x'],
      bad: ['-x', 'a:b', 'a b', 'x'.repeat(129)],
      why: 'is not a tag',
    },
    'munge-key': {
      good: ['/etc/munge/munge.key', "/a b/it's"],
      bad: ['munge.key', '/a:b', '/a\nb'],
      why: path,
    },
    'munge-socket': { good: ['/run/munge'], bad: ['run/munge', '~/x'], why: path },
    files: { good: ['/etc/ldms'], bad: ['etc', '/a:/b'], why: path },
    'storage-class': {
      good: ['fast', 'a.b-c'],
      bad: ['Fast', '-a', 'a b'],
      why: 'is not the name of a storage class',
    },
    'storage-size': {
      good: ['1', '100Gi', '5T'],
      bad: ['0', '1.5Gi', '10GB', '-1', 'lots'],
      why: 'is not a size such as 100Gi',
    },
    as: { good: [...ways], bad: [], why: '' },
    output: { good: ['x', '.', '/a b'], bad: [], why: '' },
    'samp-options': { good: ['-v INFO'], bad: [], why: '' },
    'agg-options': { good: ['-v INFO'], bad: [], why: '' },
  };

  test('of every option that takes one are checked here', () => {
    const taking = options.filter(({ takes }) => takes).map(({ name }) => name);
    expect(Object.keys(checks).sort()).toEqual(taking.sort());
  });

  const command = (name: string) => options.find((option) => option.name === name)?.of[0] ?? 'plan';
  const cases = Object.entries(checks);
  test.each(cases.flatMap(([name, { good }]) => good.map((value) => [name, value] as const)))(
    '--%s=%s is right',
    async (name, value) => {
      const given = await readWords([command(name), `--${name}=${value}`]);
      expect(given.wrong).toEqual([]);
      expect(given.values.get(name)).toBe(value);
    },
  );
  test.each(cases.flatMap(([name, { bad, why }]) => bad.map((value) => [name, value, why] as const)))(
    '--%s=%j is not',
    async (name, value, why) => {
      expect(await wrong(command(name), `--${name}=${value}`)).toEqual([`--${name}=${value} ${why}`]);
    },
  );
});

describe('several hosts of maestro that will not do', () => {
  test.each([
    ['a b', 'has a blank in it; write ab'],
    ['a,', 'has a comma too many; write a'],
    ['head-[1-3', 'has an unclosed bracket; write head-[1-3]'],
    ['head-[a-c]', 'has a-c in brackets, where only numbers and ranges such as 1-4,7 may stand'],
    ['a,../b', 'has "../b", which is no name of a host'],
    ['a,$(id)', 'has "$(id)", which is no name of a host'],
    ['a,none,b', 'has none among hosts'],
  ])('%s', async (value, why) => {
    expect(await wrong('plan', `--maestro=${value}`)).toEqual([`--maestro=${value} ${why}`]);
  });
});

describe('what a site decides', () => {
  const site = async (...words: string[]) => siteFrom((await readWords(['plan', ...words])).values);

  test('is nothing without options', async () => {
    expect(await site()).toEqual(anySite);
  });

  test('is what the options say', async () => {
    expect(
      await site(
        ...[
          '--namespace=localhost/a',
          '--tag=4.4',
          '--maestro=m',
          '--ui=none',
          '--grafana=g',
          '--munge-key=/k',
        ],
        ...[
          '--munge-socket=/m',
          '--suffix=-iw',
          '--bind',
          '--files=/f',
          '--ui-port=8080',
          '--grafana-port=3001',
        ],
        ...['--samp-options=-v  INFO ', '--agg-options=-m 2G', '--privileged', '--storage-class=c'],
        '--storage-size=1Ti',
      ),
    ).toEqual({
      namespace: 'localhost/a',
      tag: '4.4',
      maestro: 'm',
      ui: 'none',
      grafana: 'g',
      mungeKey: '/k',
      mungeSocket: '/m',
      suffix: '-iw',
      bind: true,
      files: '/f',
      uiPort: 8080,
      grafanaPort: 3001,
      sampOptions: ['-v', 'INFO'],
      aggOptions: ['-m', '2G'],
      privileged: true,
      storageClass: 'c',
      storageSize: '1Ti',
    });
  });

  test('is decided by an option each: none is without effect', async () => {
    for (const { name, takes } of siteOptions) {
      const value: Record<string, string> = { PORT: '8080', SIZE: '1Gi', FILE: '/x', DIR: '/x' };
      const word = takes ? `--${name}=${value[takes] ?? 'x'}` : `--${name}`;
      expect(await site(word), word).not.toEqual(anySite);
    }
  });
});

describe('the help', () => {
  const text = usage();

  test('names every command, option and exit code', () => {
    for (const name of commandNames) expect(text).toMatch(new RegExp(`^ {2}ldms-cluster ${name} `, 'm'));
    for (const { name, takes } of options)
      expect(
        text.split('\n').some((line) => line.startsWith(`  --${name}${takes ? `=${takes} ` : ' '}`)),
        name,
      ).toBe(true);
    for (const { code } of Object.values(exitCodes)) expect(text).toMatch(new RegExp(`^ {2}${code} `, 'm'));
  });

  test('has the fallbacks that are taken', () => {
    for (const fallback of ['ovishpc', 'latest', '/run/munge', '100Gi'])
      expect(text).toContain(`(${fallback})`);
    expect(text).toContain(`(${anySite.uiPort})`);
    expect(text).toContain(`(${anySite.grafanaPort})`);
  });

  test('fits a terminal, without blanks at the ends of lines', () => {
    const lines = text.split('\n');
    expect(lines.filter((line) => line.length > 110)).toEqual([]);
    expect(lines.filter((line) => line !== line.trimEnd())).toEqual([]);
  });
});
