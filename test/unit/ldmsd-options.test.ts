import { describe, expect, test } from 'vitest';
import { onlyPrints, parseOptions, valuesOf } from '../../src/ldmsd/options.ts';

const flag = (letter: string) => ({ letter });
const option = (letter: string, value: string) => ({ letter, value });

describe("ldmsd's arguments are read as its getopt_long(3) reads them", () => {
  test.each([
    ['-a munge', ['-a', 'munge'], [option('a', 'munge')]],
    ['joined: -amunge', ['-amunge'], [option('a', 'munge')]],
    ['joined: -xsock:411', ['-xsock:411'], [option('x', 'sock:411')]],
    ['clustered: -Famunge', ['-Famunge'], [flag('F'), option('a', 'munge')]],
    ['clustered: -Fa munge', ['-Fa', 'munge'], [flag('F'), option('a', 'munge')]],
    ['clustered flags: -FkV', ['-FkV'], [flag('F'), flag('k'), flag('V')]],
    ['-kmunge is -k and -m unge', ['-kmunge'], [flag('k'), option('m', 'unge')]],
    ['-n munge is a name', ['-n', 'munge'], [option('n', 'munge')]],
    ['-c munge is a file', ['-c', 'munge'], [option('c', 'munge')]],
    ['the value of -n may look like an option', ['-n', '-a', 'munge'], [option('n', '-a')]],
    ['a value may be --', ['-n', '--', '-a', 'munge'], [option('n', '--'), option('a', 'munge')]],
    ['a value may be empty', ['-a', '', '-x', 'sock:411'], [option('a', ''), option('x', 'sock:411')]],
    ['a value may hold = and spaces', ['-A', 'socket=/a b'], [option('A', 'socket=/a b')]],
    ['an option without its value', ['-x', 'sock:411', '-a'], [option('x', 'sock:411'), flag('a')]],
    ['--default_auth=munge', ['--default_auth=munge'], [option('a', 'munge')]],
    ['--default_auth munge', ['--default_auth', 'munge'], [option('a', 'munge')]],
    ['--default_auth= is empty', ['--default_auth=', 'munge'], [option('a', '')]],
    ['--default_auth_args', ['--default_auth_args', 'socket=/s'], [option('A', 'socket=/s')]],
    ['the prefix --default_auth_arg', ['--default_auth_arg=socket=/s'], [option('A', 'socket=/s')]],
    ['the prefix --daemon', ['--daemon', 'munge'], [option('n', 'munge')]],
    [
      '--publish_kernel takes no next word',
      ['--publish_kernel', '-a', 'munge'],
      [flag('k'), option('a', 'munge')],
    ],
    ['--publish_kernel=x', ['--publish_kernel=x'], [option('k', 'x')]],
    ['-- ends the options', ['-x', 'sock:411', '--', '-a', 'munge'], [option('x', 'sock:411')]],
    ['operands are passed over', ['stray', '-a', 'munge', '-', 'munge'], [option('a', 'munge')]],
    [
      'repeated options keep their order',
      ['-c', 'b', '-y', 'a', '-c', 'c'],
      [option('c', 'b'), option('y', 'a'), option('c', 'c')],
    ],
    ['no arguments', [], []],
  ])('%s', (_, args, options) => {
    expect(parseOptions(args)).toEqual({ options, unknown: [] });
  });

  test.each([
    ['log_file', 'l'],
    ['log_config', 'L'],
    ['log_level', 'v'],
    ['set_memory', 'm'],
    ['daemon_name', 'n'],
    ['worker_threads', 'P'],
    ['pid_file', 'r'],
    ['kernel_file', 's'],
    ['banner', 'B'],
    ['quota', 'C'],
    ['host_name', 'H'],
    ['default_auth', 'a'],
    ['default_auth_args', 'A'],
  ])('--%s is -%s, with the next word as its value', (long, letter) => {
    expect(parseOptions([`--${long}`, 'munge', '-F'])).toEqual({
      options: [option(letter, 'munge'), flag('F')],
      unknown: [],
    });
  });

  // ldmsd 4.3, 4.4 and 4.5 (ldmsd.c, short_opts).
  const generations = [
    'B:H:l:S:s:x:I:M:P:m:Fkr:R:p:v:Vz:Z:q:c:u:a:A:n:t',
    'B:l:s:x:P:m:Fkr:v:Vc:y:u:a:A:n:tL:',
    'B:l:s:x:P:m:Fkr:v:Vc:u:a:A:n:L:C:y:',
  ];
  const letters = new Map(
    generations.flatMap((short) =>
      [...short.matchAll(/(\w)(:?)/g)].map(([, letter, colon]) => [letter, colon === ':']),
    ),
  );
  test.each([...letters])('-%s of some ldmsd takes an argument: %s', (letter, takes) => {
    const { options, unknown } = parseOptions([`-${letter}`, 'next', '-F']);
    expect(unknown).toEqual([]);
    expect(options[0]).toEqual(takes ? option(String(letter), 'next') : flag(String(letter)));
    expect(options[1]).toEqual(flag('F'));
  });

  test.each([
    ['--xprt sock:411 has no long form', ['--xprt', 'sock:411'], ['--xprt']],
    ['--foreground has none either', ['--foreground'], ['--foreground']],
    ['an ambiguous prefix', ['--default_a=munge'], ['--default_a=munge']],
    ['another ambiguous prefix', ['--log'], ['--log']],
    ['an unknown letter', ['-Q'], ['-Q']],
    ['an unknown letter in a cluster', ['-FQ'], ['-Q']],
  ])('unknown: %s', (_, args, unknown) => {
    expect(parseOptions(args).unknown).toEqual(unknown);
  });

  test('an unknown option does not swallow the next word', () => {
    expect(parseOptions(['--xprt', '-a', 'munge']).options).toEqual([option('a', 'munge')]);
  });

  test('with POSIXLY_CORRECT the first operand ends the options', () => {
    const args = ['-x', 'sock:411', 'stray', '-a', 'munge'];
    expect(parseOptions(args, true).options).toEqual([option('x', 'sock:411')]);
    expect(parseOptions(args, false).options).toEqual([option('x', 'sock:411'), option('a', 'munge')]);
  });

  test('the arguments themselves are left as they are', () => {
    const args = Object.freeze(['-x', 'sock:411', '--', '-a', 'munge']);
    parseOptions(args);
    expect(args).toEqual(['-x', 'sock:411', '--', '-a', 'munge']);
  });

  test('two thousand arguments are no matter', () => {
    const args = Array.from({ length: 1000 }, (_, at) => ['-c', `/etc/ldms/${at}.conf`]).flat();
    expect(parseOptions(args).options).toHaveLength(1000);
  });
});

describe('an ldmsd that only prints something needs no preparation', () => {
  test.each([
    [['-V']],
    [['-FV']],
    [['-x', 'sock:411', '-a', 'munge', '-V']],
    [['-u', 'meminfo']],
    [['-uall']],
    [['-h']],
    [['-Fh']],
    [['-?']],
    [['--help']],
    [['--version']],
    [['-a', 'munge', '--help']],
  ])('%j', (args) => {
    expect(onlyPrints(parseOptions(args))).toBe(true);
  });

  test.each([
    [[]],
    [['-x', 'sock:411', '-a', 'munge']],
    [['-n', '-V']],
    [['-c', '-h']],
    [['-n--help']],
    [['--', '-V']],
    [['--', '--help']],
    [['help']],
    [['-v', 'DEBUG']],
  ])('but not: %j', (args) => {
    expect(onlyPrints(parseOptions(args))).toBe(false);
  });
});

test('valuesOf gives the values of one option in order, leaving out an option without one', () => {
  const parsed = parseOptions(['-x', 'sock:411', '-c', 'a', '-xrdma:412', '-V', '-x']);
  expect(valuesOf(parsed, 'x')).toEqual(['sock:411', 'rdma:412']);
  expect(valuesOf(parsed, 'a')).toEqual([]);
  expect(valuesOf(parsed, 'V')).toEqual([]);
});
