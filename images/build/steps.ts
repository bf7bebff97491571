/**
 * Steps with progress: on a terminal one line each, with what it does now below it; elsewhere a plain
 * line when it begins and one when it ends. What a step's programs print is kept in a log file.
 */
import { createWriteStream, mkdirSync, readFileSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { execa } from 'execa';
import { Listr, type ListrTask } from 'listr2';

/** One thing to do. */
export interface Step {
  readonly name: string;
  readonly title: string;
  /** All steps that have to be done before, those that these wait for among them. */
  readonly after: readonly string[];
  /** Where its output is kept. */
  readonly log: string;
  /** What else to tell when it has failed: where to go on. */
  readonly help?: () => string;
  /** Does it; what it gives is shown behind its title. Throws if it fails. */
  readonly run: (tools: Tools) => Promise<string>;
}

/** What a step works with. */
export interface Tools {
  /** Aborted when the user wants an end. */
  readonly signal: AbortSignal;
  /** Keeps a line in the log, and shows it while nothing newer is there. */
  readonly say: (line: string) => void;
  /** Runs a program to its end, its output being kept, and heard line by line; throws if it fails. */
  readonly command: (
    words: readonly string[],
    env?: NodeJS.ProcessEnv,
    hear?: (line: string) => void,
  ) => Promise<void>;
}

/** How a step ended. */
export type Outcome = Done | Failed;

interface Ended {
  readonly step: Step;
  readonly warnings: readonly string[];
}

interface Done extends Ended {
  readonly done: true;
}

interface Failed extends Ended {
  readonly done: false;
  readonly why: string;
  /** The step that it comes after, if that failed, and this one was not begun. */
  readonly since: string | undefined;
}

const lastLines = 20;
const longestLine = 240;
const killAfterMs = 5_000;

/**
 * Runs steps, as many at a time as `jobs` says. One that fails keeps only those from running that
 * come after it.
 *
 * @param signal no step is begun, and those that run are ended, once it is aborted
 */
export async function runSteps(
  steps: readonly Step[],
  jobs: number,
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  /** What each step waits for another with: undefined if that is done, or the one that failed first. */
  const ends = new Map(steps.map(({ name }) => [name, Promise.withResolvers<string | undefined>()]));
  const outcomes: Outcome[] = [];
  const task = (step: Step): ListrTask => ({
    title: step.title,
    task: async (_, shown) => {
      const warnings: string[] = [];
      const fail = (why: string, since?: string): never => {
        outcomes.push({ step, done: false, why, since, warnings });
        throw new Error(why);
      };
      let log: WriteStream | undefined;
      let failed: string | undefined = step.name;
      try {
        for (const name of step.after) {
          const since = await ends.get(name)?.promise;
          if (since === undefined || signal.aborted) continue;
          failed = since;
          fail(`it needs ${name}, which failed`, since);
        }
        if (signal.aborted) fail('interrupted');
        const begun = performance.now();
        mkdirSync(dirname(step.log), { recursive: true });
        log = createWriteStream(step.log);
        const result = await step.run(
          toolsOf(log, signal, warnings, (line) => {
            // Elsewhere than on a terminal, each would be a line of its own.
            if (isTerminal()) shown.output = line;
          }),
        );
        failed = undefined;
        outcomes.push({ step, done: true, warnings });
        shown.title = `${step.title}: ${result}, ${((performance.now() - begun) / 1000).toFixed(1)} s`;
      } catch (error) {
        const known = outcomes.some((outcome) => outcome.step === step);
        if (known) throw error;
        fail(signal.aborted ? 'interrupted' : error instanceof Error ? error.message : String(error));
      } finally {
        if (log) await new Promise((resolve) => log?.end(resolve));
        ends.get(step.name)?.resolve(failed);
      }
    },
  });
  // One that waits takes up a place: whatever it waits for has to come before it.
  const list = new Listr(inOrder(steps).map(task), {
    concurrent: jobs,
    exitOnError: false,
    registerSignalListeners: false,
    collectErrors: false,
    fallbackRenderer: 'simple',
    fallbackRendererCondition: () => !isTerminal(),
    rendererOptions: { showErrorMessage: false, collapseErrors: false },
  });
  await list.run();
  return outcomes;
}

/** Steps by how many others have to be done one after the other before them. */
function inOrder(steps: readonly Step[]): readonly Step[] {
  const depths = new Map<string, number>();
  const depth = ({ name, after }: Step): number => {
    const known = depths.get(name);
    if (known !== undefined) return known;
    const below = steps.filter((step) => after.includes(step.name)).map(depth);
    const found = 1 + Math.max(0, ...below);
    depths.set(name, found);
    return found;
  };
  return steps.toSorted((a, b) => depth(a) - depth(b));
}

/** Whether there is a terminal to draw on; one that does not know its width, as under script(1), is none. */
const isTerminal = (): boolean => process.stdout.isTTY && process.stdout.columns > 0;

function toolsOf(
  log: WriteStream,
  signal: AbortSignal,
  warnings: string[],
  show: (line: string) => void,
): Tools {
  const say = (coloured: string) => {
    // docker's builder takes its colours back in front of what comes after an error's.
    const line = stripVTControlCharacters(coloured);
    log.write(`${line}\n`);
    // BuildKit puts the step and the time before each line of a program's.
    const warning = /^(?:#\d+ [\d.]+ )?warning: (.*)/.exec(line)?.[1];
    if (warning) warnings.push(warning);
    if (line.trim()) show(line.trim());
  };
  const command: Tools['command'] = async (words, env, hear) => {
    const [program = '', ...args] = words;
    log.write(`$ ${words.join(' ')}\n`);
    const child = execa(program, args, {
      all: true,
      buffer: false,
      stdin: 'ignore',
      reject: false,
      cancelSignal: signal,
      forceKillAfterDelay: killAfterMs,
      ...(env && { env }),
    });
    for await (const line of child.iterable({ from: 'all' })) {
      say(String(line));
      hear?.(String(line));
    }
    const result = await child;
    if (result.failed) {
      const how =
        result.exitCode !== undefined
          ? `exit code ${result.exitCode}`
          : (result.signal ?? result.originalMessage ?? result.shortMessage);
      throw new Error(`${program} ${args[0] ?? ''} failed (${how})`);
    }
  };
  return { signal, say, command };
}

/** A line that is not longer than a person reads. */
const brief = (line: string): string => (line.length > longestLine ? `${line.slice(0, longestLine)}…` : line);

/** What to show of a failed step: why, its last lines, and where all of them are. */
export function failureText({ step, why }: Failed): string {
  let lines: string[] = [];
  try {
    lines = readFileSync(step.log, 'utf8').trimEnd().split('\n').slice(-lastLines).map(brief);
  } catch {
    // It failed before it had one.
    return `${step.name}: ${why}\n`;
  }
  return `${step.name}: ${why}; its last lines, from ${step.log}:\n${lines.map((line) => `  | ${line}\n`).join('')}${step.help?.() ?? ''}`;
}
