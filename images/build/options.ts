/** The builder's command line. */
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import leven from 'leven';
import minimist from 'minimist';
import { type Arch, arches, hostArch } from './arch.ts';
import { type EngineName, engineNames } from './engine.ts';
import { type ImageName, imageNames } from './images.ts';
import { BuilderError } from './problem.ts';

/** What the user asks for. */
export interface Options {
  readonly command: CommandName;
  readonly images: readonly ImageName[];
  readonly ovis: string;
  readonly dsosds: string;
  readonly engine: EngineName | undefined;
  readonly tag: string;
  readonly namespace: string;
  /** Undefined: debian:bookworm-slim, or the one that `base` has made. */
  readonly baseImage: string | undefined;
  readonly grafanaImage: string;
  readonly network: string | undefined;
  readonly arch: Arch;
  readonly jobs: number;
  readonly cache: boolean;
  readonly suite: string;
  readonly mirror: string | undefined;
}

interface Option {
  readonly name: string;
  readonly value: string;
  readonly meaning: string;
  readonly of: readonly CommandName[];
}

const commands = {
  build: 'builds images (all six, unless some are named)',
  contexts: 'makes the build contexts only, for docker buildx bake and others',
  base: 'makes a Debian base image from a package mirror, where no image registry can be reached',
  list: 'shows the images that there are, their sizes, and what they share',
} as const;
export type CommandName = keyof typeof commands;

const building: readonly CommandName[] = ['build', 'contexts'];
const table: readonly Option[] = [
  { name: 'ovis', value: 'DIR', meaning: 'the OVIS tree: bin, sbin, lib, etc, ui (ovis)', of: building },
  {
    name: 'dsosds',
    value: 'DIR',
    meaning: 'the folder of the grafana plugin (dsosds, beside the OVIS tree)',
    of: building,
  },
  {
    name: 'tag',
    value: 'TAG',
    meaning:
      "the images' tag (latest); TAG-ARCH is given as well, and alone when building for another architecture",
    of: ['build', 'list'],
  },
  {
    name: 'namespace',
    value: 'NAME',
    meaning: 'what stands before ldms-samp (ovishpc)',
    of: ['build', 'list'],
  },
  {
    name: 'base-image',
    value: 'IMAGE',
    meaning: 'the Debian base (debian:bookworm-slim, or the one that `base` has made)',
    of: ['build'],
  },
  {
    name: 'grafana-image',
    value: 'IMAGE',
    meaning: "grafana's base (docker.io/grafana/grafana-oss:9.1.0-ubuntu)",
    of: ['build'],
  },
  {
    name: 'arch',
    value: 'ARCH',
    meaning: `${arches.join(' or ')} (this machine's)`,
    of: ['build', 'contexts', 'base', 'list'],
  },
  {
    name: 'engine',
    value: 'NAME',
    meaning: `${engineNames.join(', ')} (the first that answers)`,
    of: ['build', 'base', 'list'],
  },
  {
    name: 'network',
    value: 'NAME',
    meaning: "the network of build steps (the engine's default)",
    of: ['build'],
  },
  {
    name: 'jobs',
    value: 'N',
    meaning: `how many images are built at a time (${availableParallelism()} here)`,
    of: ['build'],
  },
  { name: 'no-cache', value: '', meaning: 'builds every layer anew', of: ['build'] },
  { name: 'suite', value: 'NAME', meaning: "Debian's release (bookworm)", of: ['base'] },
  { name: 'mirror', value: 'URL', meaning: "the package mirror (this machine's, or Debian's)", of: ['base'] },
];

/** What `--help` prints. */
export function usage(): string {
  const column = 24;
  const row = (left: string, right: string) => `  ${left.padEnd(column)}${fold(right, column + 2)}\n`;
  const named = (option: Option) => `--${option.name}${option.value && ` ${option.value}`}`;
  return [
    'usage: npm run images -- COMMAND [IMAGE...] [OPTION...]\n\n',
    `Images: ${imageNames.join(' ')}\n\nCommands:\n`,
    ...Object.entries(commands).map(([name, meaning]) => row(name, meaning)),
    '\nOptions (with what holds without them):\n',
    ...table.map((option) =>
      row(named(option), `${option.of.length === 4 ? '' : `${option.of.join(', ')}: `}${option.meaning}`),
    ),
    row('--help', 'prints this'),
    '\nExit codes: 1 a step failed, 64 a wrong command line, 65 a wrong OVIS tree or plugin folder,\n',
    '69 no engine, program or space; 130 or 143 when interrupted.\n',
  ].join('');
}

/** Folds a text at 96 columns, the further lines indented. */
function fold(text: string, indent: number): string {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line && line.length + 1 + word.length > 96 - indent) lines.push(word);
    else lines[lines.length - 1] = line ? `${line} ${word}` : word;
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}

/**
 * Reads the words behind `npm run images --`.
 *
 * @param from the directory that relative paths are relative to
 * @returns undefined if help is asked for
 * @throws BuilderError with every mistake
 */
export function readOptions(words: readonly string[], from: string): Options | undefined {
  const wrong: string[] = [];
  const strangers = new Set<string>();
  let cache = true;
  const given = minimist([...words], {
    string: [...table.filter(({ value }) => value).map(({ name }) => name), '_'],
    boolean: ['help'],
    alias: { help: 'h' },
    unknown: (word) => {
      // For minimist, it is `cache` with the value false, and `--cache` an option as well.
      if (word === '--no-cache') cache = false;
      // Once for a word, and not for each letter of `-tag`.
      else if (word.startsWith('-')) strangers.add(word);
      return !word.startsWith('-');
    },
  });
  if (given['help'] || words.length === 0) return undefined;
  wrong.push(...[...strangers].map(unknown));
  const [command = '', ...names] = given._;
  if (!Object.hasOwn(commands, command)) {
    wrong.unshift(
      `there is no command ${command || '(none given)'}; there are ${Object.keys(commands).join(', ')}`,
    );
    throw new BuilderError('usage', wrong);
  }
  const text = (name: string): string | undefined => {
    const value: unknown = given[name];
    if (Array.isArray(value)) wrong.push(`--${name} is given twice`);
    if (value === '' || value === false) wrong.push(`--${name} needs a value`);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  for (const { name, of } of table) {
    const isGiven = name === 'no-cache' ? !cache : given[name] !== undefined;
    if (isGiven && !of.includes(command as CommandName)) wrong.push(`${command} takes no --${name}`);
  }
  const oneOf = <T extends string>(
    name: string,
    all: readonly T[],
    fallback: T | undefined,
  ): T | undefined => {
    const value = text(name);
    if (value === undefined) return fallback;
    const found = all.find((each) => each === value);
    if (!found) wrong.push(`--${name} ${value}: there are ${all.join(', ')}`);
    return found;
  };
  const images = names.map((name) => name.replace(/^.*ldms-/, ''));
  const strange = images.filter((name) => !(imageNames as readonly string[]).includes(name));
  if (strange.length > 0)
    wrong.push(`there is no image ${strange.join(', ')}; there are ${imageNames.join(', ')}`);
  if (images.length > 0 && command === 'base') wrong.push('base takes no image');
  const tag = text('tag') ?? 'latest';
  if (!/^\w[\w.-]{0,120}$/.test(tag)) wrong.push(`--tag ${tag}: letters, digits, "_", "." and "-" only`);
  const namespace = text('namespace') ?? 'ovishpc';
  if (!isNamespace(namespace))
    wrong.push(`--namespace ${namespace}: it is not what an image's name can begin with`);
  const jobs = text('jobs');
  if (jobs !== undefined && !/^[1-9]\d?$/.test(jobs)) wrong.push(`--jobs ${jobs}: a number from 1 to 99`);
  const arch = oneOf('arch', arches, hostArch());
  if (!arch && wrong.length === 0)
    wrong.push(`--arch: images are built for ${arches.join(' and ')}, and this machine is neither`);
  const engine = oneOf('engine', engineNames, undefined);
  const mirror = text('mirror');
  if (mirror && /^\w+:\/\/[^/]*@/.test(mirror))
    wrong.push('--mirror: its user and password would be in every image; leave them out');
  const ovis = resolve(from, text('ovis') ?? 'ovis');
  const options = {
    command: command as CommandName,
    images: images.length > 0 ? imageNames.filter((name) => images.includes(name)) : imageNames,
    ovis,
    dsosds: resolve(from, text('dsosds') ?? join(dirname(ovis), 'dsosds')),
    engine,
    tag,
    namespace,
    baseImage: text('base-image'),
    grafanaImage: text('grafana-image') ?? 'docker.io/grafana/grafana-oss:9.1.0-ubuntu',
    network: text('network'),
    arch: arch ?? 'amd64',
    jobs: jobs === undefined ? availableParallelism() : Number(jobs),
    cache,
    suite: text('suite') ?? 'bookworm',
    mirror,
  };
  if (wrong.length > 0) throw new BuilderError('usage', wrong);
  return options;
}

/**
 * Whether a text can stand before `/ldms-samp`: a registry or parts of a path. A port needs a registry, and
 * that comes first (https://pkg.go.dev/github.com/distribution/reference, its grammar; small letters only).
 */
function isNamespace(text: string): boolean {
  const part = '[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*';
  const label = '[a-z0-9]([a-z0-9-]*[a-z0-9])?';
  const registry = `${label}(\\.${label})*:[0-9]+`;
  return new RegExp(`^(${registry}|${part})(/${part})*$`).test(text);
}

function unknown(word: string): string {
  const option = word.replace(/=.*/s, '');
  const name = option.replace(/^-+/, '');
  const known = [...table.map((each) => each.name), 'help'];
  if (known.some((each) => word.startsWith(`--${each}=`))) return `${option} takes no value`;
  const [near] = known
    .map((each) => ({ each, off: leven(each, name) }))
    .filter(({ off }) => off <= 2)
    .sort((a, b) => a.off - b.off);
  return `there is no option ${option}${near ? `; did you mean --${near.each}?` : ''}`;
}
