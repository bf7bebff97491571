/** The image builder: words → command; nothing else. */
import { readArguments } from './arguments.ts';
import { base } from './base.ts';
import { build, contexts } from './build.ts';
import { save } from './bundle/save.ts';
import { showSettings } from './config/settings.ts';
import { findEngine } from './engine.ts';
import { listImages } from './list.ts';
import { type Options, readOptions } from './options.ts';
import { BuilderError, exitStatus } from './problem.ts';
import { usage, usageOf } from './usage.ts';

const print = (text: string): void => void process.stdout.write(text);
const complain = (text: string): void => void process.stderr.write(text);

const terminal = { print, complain };

/** Runs a command; the status to exit with. */
async function main(words: readonly string[], signal: AbortSignal): Promise<number> {
  try {
    const { command, wantsHelp } = readArguments(words);
    if (wantsHelp || words.length === 0) {
      print(command ? usageOf(command) : usage());
      return 0;
    }
    // npm changes to the package's directory, and tells where it was called.
    const options = readOptions(words, process.env['INIT_CWD'] ?? process.cwd(), process.env);
    for (const warning of options.warnings) complain(`warning: ${warning}\n`);
    return await commands[options.command](options, signal);
  } catch (error) {
    if (signal.aborted && error === signal.reason) {
      complain('interrupted\n');
      return exitStatus.failed;
    }
    if (!(error instanceof BuilderError)) throw error;
    for (const sentence of error.sentences) complain(`error: ${sentence}\n`);
    if (error.kind === 'usage') complain(`npm run images -- ${hint(words)}--help tells more\n`);
    return exitStatus[error.kind];
  }
}

/** The command that has more to tell. */
function hint(words: readonly string[]): string {
  const { command } = readArguments(words);
  return command ? `${command} ` : '';
}

const commands: Record<Options['command'], (options: Options, signal: AbortSignal) => Promise<number>> = {
  build: (options, signal) => build(options, terminal, signal),
  contexts: (options, signal) => contexts(options, terminal, signal),
  base: (options, signal) => base(options, terminal, signal),
  config: async ({ settings }) => {
    print(showSettings(settings));
    return 0;
  },
  save: (options, signal) => save(options, terminal, signal),
  list: async (options, signal) => {
    const engine = await findEngine(options.engine, signal);
    for (const failure of engine.passedOver) complain(`${failure}; this is ${engine.name}'s:\n`);
    const there = await listImages(engine, options, print);
    if (there === 0) print(`${engine.name} has none of the images; npm run images -- build makes them\n`);
    return 0;
  },
};

const interrupted = new AbortController();
const numbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
let by = 0;
for (const [signal, number] of Object.entries(numbers)) {
  process.on(signal, () => {
    by ||= number;
    interrupted.abort();
  });
}
const status = await main(process.argv.slice(2), interrupted.signal);
process.exitCode = by > 0 ? 128 + by : status;
