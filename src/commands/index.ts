/** The commands beside the modes. All of them write their answer to stdout and change nothing. */
import { writeSync } from 'node:fs';
import { type Mode, modeNamed, modes } from '../entrypoints/index.ts';
import { realHost } from '../host.ts';
import type { Plan } from '../plan.ts';
import { exitCodes, type Problem, sentence } from '../problem.ts';
import { readSettings, type Settings } from '../settings.ts';
import { checkText } from './check.ts';
import { explainText } from './explain.ts';
import { helpText } from './help.ts';
import { version } from './version.ts';

/**
 * Carries out a command line whose first word is not a mode.
 *
 * @returns the exit code
 */
export async function command(
  word: string | undefined,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  switch (word) {
    case '--help':
    case '-h':
    case 'help':
      return print(helpText());
    case '--version':
      return print(`ldms-entrypoint ${version}\n`);
    case 'explain':
    case 'check':
      return aboutPlan(word, args, env);
    case 'health':
      return health(args, env);
    default:
      return fail(
        word === undefined
          ? usage('cannot start: no mode was given')
          : usage(`cannot start ${JSON.stringify(word)}: there is no such mode or command`),
      );
  }
}

async function aboutPlan(word: 'explain' | 'check', args: readonly string[], env: NodeJS.ProcessEnv) {
  const { default: minimist } = await import('minimist');
  // Everything from the mode on belongs to the daemon, and minimist must not see it: it takes "--" away.
  const at = args.findIndex((arg) => !arg.startsWith('-'));
  const [name, ...daemonArgs] = at < 0 ? [] : args.slice(at);
  const options = minimist(at < 0 ? [...args] : args.slice(0, at), { boolean: ['json'] });
  const mode = modeNamed(name);
  const strange = Object.keys(options).find((key) => key !== '_' && key !== 'json');
  if (strange !== undefined) return fail(usage(`cannot ${word}: unknown option ${strange}`));
  if (!mode) return fail(usage(`cannot ${word}${name === undefined ? '' : ` ${name}`}: give it a mode`));
  const read = readSettings(env);
  if ('problem' in read) return fail(read.problem);
  return planned(word, mode, daemonArgs, read.settings, env, options['json'] === true);
}

async function planned(
  word: 'explain' | 'check',
  mode: Mode,
  args: readonly string[],
  settings: Settings,
  env: NodeJS.ProcessEnv,
  json: boolean,
): Promise<number> {
  const host = realHost(env, settings.root);
  const given = { args, settings, host, answers: {} };
  const first: Plan = await mode.plan(given);
  // check connects to nobody: a socket that is there is taken for one that is served.
  const served = word === 'check' && first.questions.some(({ about }) => about === 'munge socket');
  const plan = served ? await mode.plan({ ...given, answers: { 'munge socket': 'yes' } }) : first;
  if (json) return print(`${JSON.stringify(plan, null, 2)}\n`);
  if (word === 'explain') return print(explainText(plan));
  const { text, code } = checkText(plan, host);
  print(text);
  return code;
}

async function health(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  if (args.length > 0) return fail(usage('cannot check the health: it takes no arguments'), 1);
  const read = readSettings(env);
  if ('problem' in read) return fail(read.problem, 1);
  const { checkHealth } = await import('./health.ts');
  const { healthy, text } = await checkHealth(read.settings, realHost(env, read.settings.root));
  print(`${healthy ? 'healthy' : 'unhealthy'}: ${text}\n`);
  return healthy ? 0 : 1;
}

function usage(what: string): Problem {
  const words = [...modes.map(({ name }) => name), 'explain', 'check', 'health', '--version'];
  return {
    kind: 'usage',
    what,
    remedy: `the first word is one of ${words.join(', ')} (see ldms-entrypoint --help)`,
  };
}

/** @param code in place of the problem's own, for `health`, which answers 0 or 1 only */
function fail(problem: Problem, code: number = exitCodes[problem.kind].code): number {
  write(2, `ldms-entrypoint: ${sentence(problem)}\n`);
  return code;
}

function print(text: string): number {
  write(1, text);
  return 0;
}

/** By descriptor, whole, like the log; a reader that has gone away is no reason to crash. */
function write(descriptor: 1 | 2, text: string): void {
  let rest = Buffer.from(text);
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(descriptor, rest));
  } catch {
    // `ldms-entrypoint --help | head -1` closes the pipe early.
  }
}
