/** What `--help` prints: of all commands in short, of one in full. docs/building.md has these texts, too. */
import { type CommandName, commandNames, commands, type Option, options, statusesOf } from './commands.ts';
import { componentOrder, prefixOf, takesOptions, type Variable, variables } from './config/variables.ts';
import { imageNames } from './images.ts';
import { pipelineSteps } from './pipeline.ts';

const width = 100;
const column = 26;

/** What `npm run images -- --help` prints. */
export function usage(): string {
  return text([
    ['usage: npm run images -- COMMAND [WORD...] [OPTION...]'],
    ['Commands:', ...commandNames.map((name) => row(name, commands[name]))],
    [`Images: ${imageNames.join(' ')}`],
    [
      'npm run images -- COMMAND --help tells what each takes, and docs/building.md how they go together.',
      'What is built, and from what, is set in images/config.env.',
    ],
  ]);
}

/** What `npm run images -- COMMAND --help` prints. */
export function usageOf(command: CommandName): string {
  const { words, about, examples } = texts[command];
  const own = options.filter((option) => option.of.includes(command) && !option.variable);
  const settable = variables.filter((variable) => variable.of.some((each) => each === command));
  return text([
    [`usage: npm run images -- ${command}${words && ` ${words}`} [OPTION...]`],
    about,
    ['Options (with what holds without them):', ...own.map(optionRow), row('--help', 'prints this')],
    variableRows(command, settable),
    environmentRows(command),
    ['Exit codes:', ...statusesOf(command).map((status) => `  ${status}`)],
    ['For example:', ...examples.map((example) => `  npm run images -- ${example}`)],
  ]);
}

const imageWords = `IMAGE is one of ${imageNames.join(' ')}; without one, all of them.`;

/** What is special to a command. */
const texts: Readonly<
  Record<CommandName, { words: string; about: readonly string[]; examples: readonly string[] }>
> = {
  build: {
    words: '[WHAT...]',
    about: [
      'WHAT is',
      row(imageNames.join(' '), 'an image; ldms-samp and NAMESPACE/ldms-samp are understood as well'),
      row('ovis', 'the OVIS tree, from its sources, inside the image ldms-dev'),
      row('dsosds', 'the grafana plugin, likewise'),
      row('all', `everything, in steps: ${pipelineSteps.join(', ')}`),
      'Without it, the images are built from the OVIS tree and the plugin folder that are there.',
    ],
    examples: ['build all --config site.env', 'build samp agg --ovis /path/to/ovis --tag 4.4.4'],
  },
  contexts: {
    words: '[IMAGE...]',
    about: [
      imageWords,
      'The contexts are put into dist/images/ARCH, where images/docker-bake.hcl looks for them.',
    ],
    examples: ['contexts samp --ovis /path/to/ovis'],
  },
  base: {
    words: '',
    about: ['Makes localhost/ldms-debian:SUITE-slim with mmdebstrap.'],
    examples: ['base --mirror http://mirror.example/debian'],
  },
  list: { words: '[IMAGE...]', about: [imageWords], examples: ['list', 'list samp agg --tag 4.4.4'] },
  save: {
    words: '[IMAGE...]',
    about: [
      imageWords,
      'The bundle has a script that checks and loads it where there is neither Node nor a network.',
    ],
    examples: ['save --output /media/usb/ldms-images', 'save samp agg --tag 4.4.4'],
  },
  config: {
    words: '',
    about: [],
    examples: ['config --config site.env', 'config --ovis-branch v4.4.4'],
  },
};

const optionRow = ({ name, takes, meaning }: Pick<Option, 'name' | 'takes' | 'meaning'>): string =>
  row(`--${name}${takes && ` ${takes}`}`, meaning);

/** The options that are variables as well; those of the components, which are alike, in three rows. */
function variableRows(command: CommandName, settable: readonly Variable[]): readonly string[] {
  if (command === 'config') {
    return [
      'Each variable is an option as well: its name in small letters, --ovis-branch for OVIS_BRANCH, but',
      '--tag for BUILD_TAG. It goes before the environment; that before --config FILE; and that before',
      'images/config.env.',
    ];
  }
  const single = settable.filter(({ component }) => !component);
  const ovis = settable.filter(({ component }) => component === 'ovis');
  if (single.length === 0) return [];
  return [
    'Options that are variables as well: without one, the environment is asked, then --config FILE, then',
    'images/config.env; npm run images -- config shows what holds:',
    ...single.map(variableRow),
    ...ovis.map(variableRow),
    ...(ovis.length > 0 ? foldLine(likewise(), '  ') : []),
  ];
}

const variableRow = ({ name, option, takes, meaning, empty }: Variable): string =>
  optionRow({
    name: option,
    takes,
    meaning: `${name}: ${meaning}${empty && empty !== 'none' ? `; empty: ${empty}` : ''}`,
  });

/** The components whose options are as those of ovis, by the names that these begin with. */
function likewise(): string {
  const others = componentOrder.filter((component) => component !== 'ovis');
  const names = others.map((component) => `--${prefixOf(component).toLowerCase()}-`);
  const without = others.filter((component) => !takesOptions(component)).join(' and ');
  return `and likewise ${names.join(', ')} (${without} take no options)`;
}

function environmentRows(command: CommandName): readonly string[] {
  const time = row('SOURCE_DATE_EPOCH', "the time of all files, in seconds since 1970 (the commit's)");
  const proxies = row(
    'http_proxy',
    'and https_proxy, no_proxy: given to build steps, and not kept in images',
  );
  if (command === 'build') return ['Environment:', time, proxies];
  return command === 'contexts' || command === 'base' ? ['Environment:', time] : [];
}

/** A name and what it means, folded. */
function row(left: string, right: string): string {
  const name = `  ${left.padEnd(column)}`;
  const [first = '', ...more] = foldLine(right, ' '.repeat(column + 2));
  // Too long a name has a line of its own.
  if (left.length >= column) return [`  ${left}`, first, ...more].join('\n');
  return [`${name}${first.trimStart()}`, ...more].join('\n');
}

/** A text in lines that are not too long, indented. */
function foldLine(line: string, indent: string): readonly string[] {
  const lines: string[] = [indent];
  for (const word of line.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last.trim() && last.length + 1 + word.length > width) lines.push(`${indent}${word}`);
    else lines[lines.length - 1] = last.trim() ? `${last} ${word}` : `${last}${word}`;
  }
  return lines;
}

/** Paragraphs, those that have lines. */
const text = (paragraphs: readonly (readonly string[])[]): string =>
  `${paragraphs
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
