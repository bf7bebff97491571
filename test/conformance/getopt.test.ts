/**
 * Our reading of ldmsd's command line, beside the real getopt_long(3) (through getopt(1) of
 * util-linux) and beside the one that the ldmsd stand-in has of its own.
 */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { type Option, parseOptions } from '../../src/ldmsd/options.ts';
import { getopt } from '../standins/getopt.ts';
import { testNeeding } from '../support/needs.ts';

// ldmsd.c of the 4.4 era, with the options of 4.3 and 4.5 beside them.
const short = 'B:H:l:S:s:x:I:M:P:m:Fkr:R:p:v:Vz:Z:q:c:y:u:a:A:n:tL:C:';
const long: Record<string, string> = {
  default_auth_args: 'A',
  default_auth: 'a',
  banner: 'B',
  quota: 'C',
  host_name: 'H',
  publish_kernel: 'k',
  log_file: 'l',
  log_config: 'L',
  set_memory: 'm',
  daemon_name: 'n',
  worker_threads: 'P',
  pid_file: 'r',
  kernel_file: 's',
  log_level: 'v',
};
const optional = (name: string) => name === 'publish_kernel';

/** What getopt(1) makes of a command line; without options that it does not know, as ours. */
function real(args: readonly string[], posixlyCorrect: boolean): Option[] {
  const names = Object.keys(long).map((name) => `${name}${optional(name) ? '::' : ':'}`);
  const { stdout } = spawnSync(
    'getopt',
    ['-q', '-o', short, '-l', names.join(','), '-n', 'ldmsd', '--', ...args],
    {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], ...(posixlyCorrect && { POSIXLY_CORRECT: '1' }) },
    },
  );
  const words = [...stdout.matchAll(/'((?:[^']|'\\'')*)'|(\S+)/g)].map(([, quoted, bare]) => ({
    text: quoted?.replaceAll("'\\''", "'") ?? bare ?? '',
    quoted: quoted !== undefined,
  }));
  const options: Option[] = [];
  for (let at = 0; at < words.length && !(words[at]?.text === '--' && !words[at]?.quoted); at++) {
    const name = words[at]?.text ?? '';
    const letter = name.startsWith('--') ? (long[name.slice(2)] ?? '?') : name.charAt(1);
    const takes = name.startsWith('--') || short.includes(`${letter}:`);
    if (!takes) options.push({ letter });
    else options.push(withValue(letter, words[++at]?.text ?? '', optional(name.slice(2))));
  }
  return options;
}

/** An optional argument that is not given comes as an empty one. */
const withValue = (letter: string, value: string, isOptional: boolean): Option =>
  isOptional && value === '' ? { letter } : { letter, value };

/** A generator of numbers in [0, 1) that gives the same ones each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const pieces = [
  ...[
    '-a',
    '-amunge',
    '-Famunge',
    '-kmunge',
    '-x',
    '-xsock:411',
    '-F',
    '-V',
    '-t',
    '-n',
    '-c',
    '-y',
    '-A',
    '-Fk',
    '-',
  ],
  ...[
    '--default_auth',
    '--default_auth=munge',
    '--default_a',
    '--default_auth_a=x',
    '--log_l',
    '--publish_kernel',
  ],
  ...[
    '--publish_kernel=x',
    '--daemon_name',
    '--nope',
    '--quota=1',
    '-Q',
    '-h',
    'munge',
    'operand',
    "it's",
    'a b',
    '',
    '--',
  ],
];

function commandLines(count: number): string[][] {
  const random = seeded(20_260_101);
  const pick = () => pieces[Math.floor(random() * pieces.length)] ?? '';
  return Array.from({ length: count }, () => Array.from({ length: Math.floor(random() * 7) }, pick));
}

/** Options whose argument is missing at the end: getopt reports them as errors, we as without a value. */
const complete = (options: readonly Option[]): Option[] =>
  options.filter(
    ({ letter, value }) => value !== undefined || letter === 'k' || !short.includes(`${letter}:`),
  );

describe('our parser agrees', () => {
  for (const posixlyCorrect of [false, true]) {
    const how = posixlyCorrect ? ', under POSIXLY_CORRECT' : '';
    testNeeding(['getopt'], `with the real getopt_long on 400 command lines${how}`, () => {
      const lines = commandLines(400);
      for (const args of lines) {
        expect(complete(parseOptions(args, posixlyCorrect).options), args.join(' ')).toEqual(
          real(args, posixlyCorrect),
        );
      }
      // Negative control: the lines do hold options, so that agreement is not about nothing.
      expect(lines.filter((args) => parseOptions(args).options.length > 1).length).toBeGreaterThan(100);
    });
  }

  test("with the stand-in's own on 20,000 command lines", () => {
    const names = Object.entries(long).map(([name, letter]) => ({
      name,
      letter,
      argument: optional(name) ? ('optional' as const) : ('required' as const),
    }));
    for (const args of commandLines(20_000)) {
      const { options } = getopt(args, { short, long: names });
      const theirs = options
        .filter(({ letter }) => letter !== '?')
        .map(({ letter, value }) => ({ letter, value }));
      const ours = complete(parseOptions(args).options).map(({ letter, value }) => ({
        letter,
        value: value ?? '',
      }));
      expect(ours, args.join(' ')).toEqual(theirs);
    }
  });
});
