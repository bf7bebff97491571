/** The builder's commands, and the options that they take. */
import { type Variable, variables } from './config/variables.ts';
import { engineNames } from './engine.ts';
import { exitStatus } from './problem.ts';

/** By name, what a command does. */
export const commands = {
  build: 'builds images, and what they are made from',
  contexts: 'makes the build contexts only, for docker buildx bake and others',
  base: 'makes a Debian base image from a package mirror, where no image registry can be reached',
  list: 'shows the images that there are, their sizes, and what they share',
  save: 'puts images into one bundle, for a site without internet',
  config: 'shows the variables: their values, and where these are set',
} as const;
export type CommandName = keyof typeof commands;
export const commandNames = Object.keys(commands) as readonly CommandName[];

/** An option of the command line. */
export interface Option {
  readonly name: string;
  /** What it takes, for people; empty: nothing. */
  readonly takes: string;
  readonly meaning: string;
  readonly of: readonly CommandName[];
  /** The variable that it sets. */
  readonly variable: Variable | undefined;
}

/** The options that are no variables. */
const plain: readonly Omit<Option, 'variable'>[] = [
  {
    name: 'only',
    takes: 'STEP[,STEP]',
    meaning: 'of `all`, these steps alone (every step)',
    of: ['build'],
  },
  {
    name: 'from',
    takes: 'STEP',
    meaning: 'of `all`, this step and those behind it (every step)',
    of: ['build'],
  },
  {
    name: 'clean',
    takes: '',
    meaning: 'fetches and builds sources anew (what has not changed is not built again)',
    of: ['build'],
  },
  { name: 'dry-run', takes: '', meaning: 'tells what would be done, and does nothing', of: ['build'] },
  { name: 'no-cache', takes: '', meaning: 'builds every layer anew', of: ['build'] },
  {
    name: 'jobs',
    takes: 'N',
    meaning: 'how much is done at a time (as many as there are processors)',
    of: ['build'],
  },
  {
    name: 'network',
    takes: 'NAME',
    meaning: "the network of build steps (the engine's default)",
    of: ['build'],
  },
  { name: 'suite', takes: 'NAME', meaning: "Debian's release (bookworm)", of: ['base'] },
  { name: 'mirror', takes: 'URL', meaning: "the package mirror (this machine's, or Debian's)", of: ['base'] },
  {
    name: 'output',
    takes: 'DIR',
    meaning: 'where the bundle is put (ldms-images-TAG-ARCH in the directory where you are)',
    of: ['save'],
  },
  {
    name: 'engine',
    takes: 'NAME',
    meaning: `${engineNames.join(', ')} (the first that answers)`,
    of: ['build', 'base', 'list', 'save'],
  },
  {
    name: 'config',
    takes: 'FILE',
    meaning: 'a file of variables that are to differ from images/config.env (none)',
    of: commandNames,
  },
];

/** Every option; `config` takes those that set a variable, to show what they do. */
export const options: readonly Option[] = [
  ...plain.map((option) => ({ ...option, variable: undefined })),
  ...variables.map((variable) => ({
    name: variable.option,
    takes: variable.takes,
    meaning: variable.meaning,
    of: [...variable.of, 'config' as const],
    variable,
  })),
];

/** The statuses that a command ends with besides 0, and what they mean. */
export function statusesOf(command: CommandName): readonly string[] {
  const { failed, usage, input, unavailable } = exitStatus;
  const wrongWords = `${usage} a wrong command line or variable`;
  const interrupted = '130 or 143 when interrupted';
  const noEngine = `${unavailable} no engine, program or space`;
  const byCommand: Readonly<Record<CommandName, readonly string[]>> = {
    build: [
      `${failed} a step failed`,
      wrongWords,
      `${input} a wrong OVIS tree, plugin folder or repository`,
      noEngine,
      interrupted,
    ],
    contexts: [
      `${failed} the program was not built`,
      wrongWords,
      `${input} a wrong OVIS tree or plugin folder`,
      interrupted,
    ],
    base: [`${failed} a step failed`, wrongWords, noEngine, interrupted],
    list: [wrongWords, `${unavailable} no engine`, interrupted],
    save: [
      `${failed} a step failed`,
      wrongWords,
      `${input} an image that is not there`,
      noEngine,
      interrupted,
    ],
    config: [wrongWords],
  };
  return byCommand[command];
}
