/** The command line of ldms-cluster: its commands and options, and what somebody has typed. */
import { expandHostlist } from '../ldmscfg/hostlist.ts';
import { guess } from '../ldmscfg/words.ts';
import { type Way, ways } from './render/index.ts';
import { anySite, type Site } from './site.ts';

/** What each command does, for people. */
export const commands = {
  plan: { takes: '[FILE]', does: 'shows what each host runs' },
  check: { takes: '[FILE]', does: 'finds what is wrong with the file, and with what it would run' },
  render: { takes: '[FILE] --as WAY', does: 'writes that down for one way of deploying' },
  diff: { takes: 'DIR', does: 'compares what render has written with the file as it is now' },
} as const;

/** The name of a command. */
export type Command = keyof typeof commands;

/** The names of all commands. */
export const commandNames = Object.keys(commands) as readonly Command[];

/** An option. */
export interface Option {
  readonly name: string;
  /** What it takes, for people; empty: nothing. */
  readonly takes: string;
  readonly meaning: string;
  readonly of: readonly Command[];
  /** Why a value will not do; undefined if it will. */
  readonly wrong?: (value: string) => string | undefined;
}

const fits = (pattern: RegExp, what: string) => (value: string) =>
  pattern.test(value) ? undefined : `is not ${what}`;
const aHost = fits(/^[A-Za-z0-9][\w.:-]*$/, 'the name of a host, or none');
/** A host list that maestro may be on, or none. */
const someHosts = (value: string): string | undefined => {
  const { names, wrong } = { names: [], wrong: undefined, ...expandHostlist(value) };
  if (wrong !== undefined) return wrong;
  if (names.length > 1 && names.includes('none')) return 'has none among hosts';
  const strange = names.find((name) => aHost(name) !== undefined);
  if (strange === undefined) return undefined;
  return names.length === 1 ? aHost(strange) : `has ${JSON.stringify(strange)}, which is no name of a host`;
};
// docker's -v takes a colon for the end of a path.
const aPath = fits(/^\/[^:\n]*$/, 'an absolute path without a colon');
const aPort = (value: string) =>
  /^\d{1,5}$/.test(value) && Number(value) > 0 && Number(value) < 65_536
    ? undefined
    : 'is not a port from 1 to 65535';

const all: readonly Command[] = ['plan', 'check', 'render'];

const own: readonly Option[] = [
  {
    name: 'as',
    takes: 'WAY',
    meaning: ways.join(', '),
    of: ['render'],
    wrong: (value) => (isWay(value) ? undefined : `is none of ${ways.join(', ')}${guess(value, ways)}`),
  },
  { name: 'output', takes: 'DIR', meaning: 'where it is written (ldms-WAY)', of: ['render'] },
  { name: 'force', takes: '', meaning: 'also over files that were changed by hand', of: ['render'] },
  { name: 'anew', takes: '', meaning: 'without the options that were given the last time', of: ['render'] },
  { name: 'each', takes: '', meaning: 'a line for each host', of: ['plan'] },
  { name: 'json', takes: '', meaning: 'as data', of: ['plan', 'check'] },
  { name: 'strict', takes: '', meaning: 'warnings count as mistakes', of: ['check', 'render'] },
];

/** The options that set what a site decides, in the order of --help. */
export const siteOptions: readonly Option[] = [
  {
    name: 'suffix',
    takes: 'TEXT',
    meaning: "what hosts in the file have behind the nodes' own names: --suffix=-iw",
    of: all,
    wrong: fits(/^[\w.-]+$/, 'a part of a name'),
  },
  {
    name: 'maestro',
    takes: 'HOSTS',
    meaning: 'of maestro, or none (the host that stores, or the last aggregator); as one: a,b,c',
    of: all,
    wrong: someHosts,
  },
  {
    name: 'ui',
    takes: 'HOST',
    meaning: 'where the web back-end runs, or none (the same, if there is a store for dsosd)',
    of: all,
    wrong: aHost,
  },
  {
    name: 'grafana',
    takes: 'HOST',
    meaning: 'where grafana runs, or none (the same, if there is a web back-end)',
    of: all,
    wrong: aHost,
  },
  { name: 'ui-port', takes: 'PORT', meaning: 'of the web back-end (80)', of: all, wrong: aPort },
  { name: 'grafana-port', takes: 'PORT', meaning: 'of grafana (3000)', of: all, wrong: aPort },
  {
    name: 'namespace',
    takes: 'NAME',
    meaning: 'what stands before /ldms-samp in the names of images (ovishpc)',
    of: all,
    wrong: fits(
      /^[a-z0-9][a-z0-9._-]*(:\d+)?(\/[a-z0-9][a-z0-9._-]*)*$/,
      'a registry and a name, in lower case and without a / at the end',
    ),
  },
  {
    name: 'tag',
    takes: 'TAG',
    meaning: 'of the images (latest)',
    of: all,
    wrong: fits(/^\w[\w.-]{0,127}$/, 'a tag'),
  },
  {
    name: 'munge-key',
    takes: 'FILE',
    meaning: "a key file of the hosts, for a munged in each container (the hosts' own munge)",
    of: all,
    wrong: aPath,
  },
  {
    name: 'munge-socket',
    takes: 'DIR',
    meaning: "the directory of the hosts' munge socket (/run/munge)",
    of: all,
    wrong: aPath,
  },
  {
    name: 'bind',
    takes: '',
    meaning: "each ldmsd listens on its host's address in the file alone (on all)",
    of: all,
  },
  {
    name: 'files',
    takes: 'DIR',
    meaning: 'where the hosts have the configuration files (beside what is rendered, or /etc/ldms)',
    of: all,
    wrong: aPath,
  },
  {
    name: 'samp-options',
    takes: 'WORDS',
    meaning: "more options for samplers' ldmsd: --samp-options='-v INFO'",
    of: all,
  },
  { name: 'agg-options', takes: 'WORDS', meaning: "the same for aggregators'", of: all },
  {
    name: 'privileged',
    takes: '',
    meaning: 'containers get every privilege (the least that they need)',
    of: all,
  },
  {
    name: 'storage-class',
    takes: 'NAME',
    meaning: "Kubernetes: what data is claimed of (a directory of the node's)",
    of: all,
    wrong: fits(/^[a-z0-9][a-z0-9.-]*$/, 'the name of a storage class'),
  },
  {
    name: 'storage-size',
    takes: 'SIZE',
    meaning: 'Kubernetes: how much of it, for each (100Gi)',
    of: all,
    wrong: fits(/^[1-9]\d*([KMGTPE]i?)?$/, 'a size such as 100Gi'),
  },
];

/** Every option. */
export const options: readonly Option[] = [...own, ...siteOptions];

const isWay = (value: string): value is Way => (ways as readonly string[]).includes(value);

/** What is on the command line, sorted and checked. */
export interface Given {
  readonly command: Command | undefined;
  /** The words that are no options, behind the command. */
  readonly names: readonly string[];
  /** By option, its value; of an option that takes none, the empty text. */
  readonly values: ReadonlyMap<string, string>;
  readonly wantsHelp: boolean;
  /** All that is wrong, for people. */
  readonly wrong: readonly string[];
}

/** Sorts the words of a command line. */
export async function readWords(typed: readonly string[]): Promise<Given> {
  const { default: minimist } = await import('minimist');
  const wrong: string[] = [];
  const names = options.map(({ name }) => name);
  const strange = (word: string): boolean => {
    if (!word.startsWith('-')) return true;
    const bare = word.replace(/=.*/s, '');
    wrong.push(
      `there is no option ${bare}${guess(bare.replace(/^-+/, ''), names).replace('mean ', 'mean --')}`,
    );
    return false;
  };
  const flags = options.filter(({ takes }) => !takes).map(({ name }) => name);
  const nameOf = (word: string) => word.replace(/=.*/s, '').replace(/^-+/, '');
  const words = joined(typed, names);
  const end = words.includes('--') ? words.indexOf('--') : words.length;
  const [before, behind] = [words.slice(0, end).filter((word) => word.startsWith('-')), words.slice(end)];
  // minimist takes --privileged=no for yes.
  for (const word of before.filter((each) => each.includes('=') && flags.includes(nameOf(each)))) {
    wrong.push(`${word.replace(/=.*/s, '')} takes no value`);
  }
  // It takes --no-tag for an option, and trips over the names that every object has: --constructor.
  const odd = before.filter((word) => word.startsWith('--no-') || nameOf(word) in {});
  odd.forEach(strange);
  const rest = words.slice(0, end).filter((word) => !odd.includes(word));
  const parsed = minimist([...rest, ...behind], {
    string: ['_', ...options.filter(({ takes }) => takes).map(({ name }) => name)],
    boolean: [...flags, 'help'],
    alias: { help: 'h' },
    unknown: strange,
  });
  const [word, ...files] = parsed._;
  const command = commandNames.find((each) => each === word);
  const values = new Map<string, string>();
  for (const { name, takes, of, wrong: why } of options) {
    const given: unknown = parsed[name];
    if (given === undefined || given === false) continue;
    if (!takes) {
      values.set(name, '');
    } else if (Array.isArray(given)) {
      wrong.push(`--${name} is given ${given.length} times`);
    } else if (given === '') {
      wrong.push(`--${name} needs a value: --${name}=${takes}`);
    } else {
      const reason = why?.(String(given));
      if (reason) wrong.push(`--${name}=${given} ${reason}`);
      values.set(name, String(given));
    }
    if (command && !of.includes(command)) wrong.push(`${command} takes no --${name}`);
  }
  if (!parsed['help'] && !command) {
    const meant = word === undefined ? '' : guess(word, commandNames);
    const what = word === undefined ? 'no command was given' : `there is no command ${word}`;
    wrong.push(`${what}${meant || `; the commands are ${commandNames.join(', ')}`}`);
  }
  if (files.length > 1) wrong.push(`one file at a time, and not ${files.join(', ')}`);
  return { command, names: files, values, wantsHelp: parsed['help'] === true, wrong: [...new Set(wrong)] };
}

/** A value that begins with a dash, as `-iw` and `-v INFO` do, is put to its option: `--suffix=-iw`. */
function joined(words: readonly string[], names: readonly string[]): readonly string[] {
  const takesValue = (word: string) =>
    options.some(({ name, takes }) => takes !== '' && word === `--${name}`);
  const isOption = (word: string) =>
    /^--?(h|help)$|^--$/.test(word) || names.includes(word.replace(/^--|=.*/gs, ''));
  return words.flatMap((word, at) => {
    const [before = '', next = ''] = [words[at - 1], words[at + 1]];
    if (takesValue(before) && word.startsWith('-') && !isOption(word)) return [];
    return takesValue(word) && next.startsWith('-') && !isOption(next) ? [`${word}=${next}`] : [word];
  });
}

/** What a site decides, from the values of options. */
export function siteFrom(values: ReadonlyMap<string, string>): Site {
  const text = (name: string) => values.get(name);
  const words = (name: string) => (text(name) ?? '').split(/\s+/).filter((word) => word !== '');
  return {
    namespace: text('namespace') ?? anySite.namespace,
    tag: text('tag') ?? anySite.tag,
    maestro: text('maestro'),
    ui: text('ui'),
    grafana: text('grafana'),
    mungeKey: text('munge-key'),
    mungeSocket: text('munge-socket') ?? anySite.mungeSocket,
    suffix: text('suffix') ?? anySite.suffix,
    bind: values.has('bind'),
    files: text('files'),
    uiPort: Number(text('ui-port') ?? anySite.uiPort),
    grafanaPort: Number(text('grafana-port') ?? anySite.grafanaPort),
    sampOptions: words('samp-options'),
    aggOptions: words('agg-options'),
    privileged: values.has('privileged'),
    storageClass: text('storage-class'),
    storageSize: text('storage-size') ?? anySite.storageSize,
  };
}

/** The way that a value of --as names. */
export const wayNamed = (value: string | undefined): Way | undefined =>
  value !== undefined && isWay(value) ? value : undefined;
