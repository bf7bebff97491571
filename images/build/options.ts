/** What the user asks for: the command line and the variables, read and checked. */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { readArguments } from './arguments.ts';
import { type CommandName, commandNames, options as table } from './commands.ts';
import { type Config, readConfig } from './config/config.ts';
import { type Given, givenText } from './config/given.ts';
import type { Setting } from './config/settings.ts';
import { type EngineName, engineNames } from './engine.ts';
import { type ImageName, imageNames } from './images.ts';
import { isImage, type PipelineStep, stepName, stepsOf } from './pipeline.ts';
import { BuilderError } from './problem.ts';

export { type PipelineStep, pipelineSteps } from './pipeline.ts';

/** What the user asks for. */
export interface Options extends Config {
  readonly command: CommandName;
  /** What `build` does, in this order. */
  readonly steps: readonly PipelineStep[];
  /** Those of the steps that are images. */
  readonly images: readonly ImageName[];
  /** Whether sources are built anew, whatever there is of them. */
  readonly clean: boolean;
  /** Whether it is only told what would be done. */
  readonly dryRun: boolean;
  /** Where `save` puts the bundle; absolute. */
  readonly output: string | undefined;
  readonly engine: EngineName | undefined;
  readonly network: string | undefined;
  readonly jobs: number;
  readonly cache: boolean;
  readonly suite: string;
  readonly mirror: string | undefined;
  /** The variables, for people. */
  readonly settings: readonly Setting[];
}

/**
 * Reads the words behind `npm run images --`, and the variables.
 *
 * @param from where the user is: the directory that relative paths are relative to, but those in files
 * @throws BuilderError with every mistake
 */
export function readOptions(words: readonly string[], from: string, env: NodeJS.ProcessEnv): Options {
  const { command, firstWord, names, values, wrong: wrongWords } = readArguments(words);
  const wrong = [...wrongWords];
  if (!command) {
    const all = commandNames.join(', ');
    wrong.unshift(`there is no command ${firstWord || '(none given)'}; there are ${all}`);
    throw new BuilderError('usage', wrong);
  }
  for (const { name, of } of table) {
    if (values.has(name) && !of.includes(command)) wrong.push(`${command} takes no --${name}`);
  }
  const text = (name: string): string | undefined => values.get(name) || undefined;
  const engine = engineNames.find((each) => each === text('engine'));
  const [output, jobs, mirror] = [text('output'), text('jobs'), text('mirror')];
  const steps = readNames(
    command,
    names,
    { only: text('only'), from: text('from'), clean: values.has('clean') },
    wrong,
  );
  if (text('engine') && !engine)
    wrong.push(`--engine ${text('engine')}: there are ${engineNames.join(', ')}`);
  if (jobs !== undefined && !/^[1-9]\d?$/.test(jobs)) wrong.push(`--jobs ${jobs}: a number from 1 to 99`);
  if (mirror && /^\w+:\/\/[^/]*@/.test(mirror)) {
    wrong.push('--mirror: its user and password would be in every image; leave them out');
  }
  const given = givenOptions(values, from, wrong);
  const {
    config,
    settings,
    wrong: wrongConfig,
  } = readConfig({
    options: { given, wrong: [] },
    env,
    file: text('config'),
    from,
  });
  wrong.push(...wrongConfig);
  if (wrong.length > 0) throw new BuilderError('usage', wrong);
  return {
    ...config,
    command,
    steps,
    images: steps.filter(isImage),
    clean: values.has('clean'),
    dryRun: values.has('dry-run'),
    output: output === undefined ? undefined : resolve(from, output),
    engine,
    network: text('network'),
    jobs: jobs === undefined ? availableParallelism() : Number(jobs),
    cache: !values.has('no-cache'),
    suite: text('suite') ?? 'bookworm',
    mirror,
    settings,
  };
}

/** The options that set variables; one that has no value has been told. */
function givenOptions(
  values: ReadonlyMap<string, string>,
  from: string,
  wrong: string[],
): ReadonlyMap<string, Given> {
  const given = table.flatMap(({ name: option, variable }): [string, Given][] => {
    const value = values.get(option);
    if (!variable || value === undefined || (value === '' && !variable.emptyCounts)) return [];
    return [[variable.name, givenText(variable, value, { kind: 'option', option }, from, wrong)]];
  });
  return new Map(given);
}

/** The steps or images that a command's words name. */
function readNames(
  command: CommandName,
  names: readonly string[],
  choice: { only: string | undefined; from: string | undefined; clean: boolean },
  wrong: string[],
): readonly PipelineStep[] {
  if (command === 'build') return stepsOf({ names, ...choice }, wrong);
  const images = names.map(stepName);
  if (names.length > 0 && (command === 'base' || command === 'config')) {
    wrong.push(`${command} takes no ${command === 'base' ? 'image' : 'word'}`);
    return imageNames;
  }
  const strange = images.filter((name) => !imageNames.some((image) => image === name));
  if (strange.length > 0) {
    wrong.push(`there is no image ${strange.join(', ')}; there are ${imageNames.join(', ')}`);
  }
  return images.length > 0 ? imageNames.filter((name) => images.includes(name)) : imageNames;
}
