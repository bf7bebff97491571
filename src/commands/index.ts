/** The commands beside the modes. All of them write their answer to stdout and change nothing. */
import { asSet, type Mode, modeNamed, modes } from '../entrypoints/index.ts';
import { type Host, realHost } from '../host.ts';
import { whyNotListen, written } from '../listen.ts';
import { masked } from '../mask.ts';
import type { Answers, Plan } from '../plan.ts';
import { exitCodes, type Problem, sentence } from '../problem.ts';
import { say } from '../say.ts';
import { readSettings, type Settings } from '../settings.ts';
import { checkAgain, checkPlan, checkText } from './check.ts';
import { explainText } from './explain.ts';
import { helpText } from './help.ts';
import { wrongRoot } from './root.ts';
import { version } from './version.ts';

const modeNames = modes.map(({ name }) => name).join(', ');

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
      return print(helpText());
    case '--version':
    case '-V':
      return print(`ldms-entrypoint ${version}\n`);
    case 'explain':
    case 'check':
      return aboutPlan(word, args, env);
    case 'health':
      return health(args, env);
    case 'status':
      return status(args, env);
    case 'cluster':
      return (await import('../cluster/command.ts')).cluster(args);
    default: {
      const words = `${modeNames}, explain, check, health, status, cluster, --version, --help`;
      const what =
        word === undefined
          ? 'cannot start: no mode was given'
          : `cannot start ${JSON.stringify(word)}: there is no such mode or command`;
      return fail(usage(what, `the first word is one of ${words}`));
    }
  }
}

async function aboutPlan(word: 'explain' | 'check', args: readonly string[], env: NodeJS.ProcessEnv) {
  const { default: minimist } = await import('minimist');
  const known = word === 'check' ? ['json', 'again'] : ['json'];
  // Everything from the mode on belongs to the daemon, and minimist must not see it: it takes "--" away.
  const at = args.findIndex((arg) => !arg.startsWith('-'));
  const [name, ...daemonArgs] = at < 0 ? [] : args.slice(at);
  const options = minimist(at < 0 ? [...args] : args.slice(0, at), { boolean: known });
  const strange = Object.keys(options).find((key) => key !== '_' && !known.includes(key));
  if (strange !== undefined) {
    const remedy = known.length > 1 ? 'there are --json and --again' : 'the only one is --json';
    const dashes = strange.length > 1 ? '--' : '-';
    return fail(usage(`cannot ${word}: there is no option ${dashes}${strange}`, remedy));
  }
  const mode = modeNamed(name);
  if (!mode) {
    const what =
      name === undefined ? `cannot ${word}: no mode was given` : `cannot ${word} ${name}: it is no mode`;
    return fail(usage(what, `the modes are ${modeNames}`));
  }
  const { settings, problem } = readSettings(env);
  if (problem) return fail(problem);
  const json = options['json'] === true;
  if (options['again'] === true) return checkedAgain(mode, daemonArgs, settings, env, json);
  return planned(word, mode, daemonArgs, settings, env, json);
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
  const wrong = wrongRoot(host);
  if (wrong) return fail(wrong);
  const given = { args, settings, host, answers: {} };
  const plan = asSet(await mode.plan(given), settings);
  const answers = await answersOf(plan, host, word);
  const looked = answers ? asSet(await mode.plan({ ...given, answers }), settings) : plan;
  if (word === 'explain') return print(json ? asJson(looked) : explainText(looked, host));
  const result = checkPlan(looked, host);
  print(json ? asJson(result) : checkText(result));
  return result.exit;
}

/** Would a HUP have the running container take the file that is there now? */
async function checkedAgain(
  mode: Mode,
  args: readonly string[],
  settings: Settings,
  env: NodeJS.ProcessEnv,
  json: boolean,
): Promise<number> {
  if (!mode.reloads) {
    const reloading = modes.filter(({ reloads }) => reloads).map(({ name }) => name);
    const what = `cannot check ${mode.name} again: a HUP does not have it read anything again`;
    return fail(usage(what, `of the modes, ${reloading.join(', ')} does`));
  }
  const host = realHost(env, settings.root);
  const wrong = wrongRoot(host);
  if (wrong) return fail(wrong);
  const result = checkAgain(await mode.plan({ args, settings, host, answers: {}, again: true }), host);
  print(json ? asJson(result) : checkText(result));
  return result.exit;
}

/**
 * The answers that check and explain can give, which connect to nobody and change nothing; undefined if none is
 * needed. What explain can tell of as a step, it does not ask.
 */
async function answersOf(
  { questions }: Plan,
  host: Host,
  word: 'explain' | 'check',
): Promise<Answers | undefined> {
  let answers: Answers | undefined;
  for (const question of questions) {
    // Without these, not even the command line of etcd could be told.
    if (word === 'explain' && question.about !== 'members') continue;
    // A socket that is there is taken for one that is served.
    if (question.about === 'munge socket') answers = { ...answers, 'munge socket': 'yes' };
    if (question.about === 'addresses') {
      const looked = question.addresses.map((at) => [written(at), whyNotListen(at, host)] as const);
      answers = { ...answers, addresses: Object.fromEntries(looked) };
    }
    if (question.about === 'settings.py' || question.about === 'members') {
      const { answer } = await import('./answer.ts');
      const nobody = { signal: new AbortController().signal, by: () => undefined };
      answers = {
        ...answers,
        ...(await answer(question, { host, stop: nobody, log: async () => undefined })),
      };
    }
  }
  return answers;
}

async function health(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { settings, problem } = readSettings(env);
  const extra = args.length > 0 && usage(`cannot take ${JSON.stringify(args[0])}`, 'health has no arguments');
  const wrong = extra || problem;
  // 1 and not the problem's own code: docker's HEALTHCHECK knows 0 and 1 only.
  if (wrong) return fail(wrong, 1);
  const { checkHealth } = await import('./health.ts');
  const asked = checkHealth(settings, realHost(env, settings.root));
  // A record that is not ours, or broken, is no reason for any answer but 0 or 1.
  const { healthy, text } = await asked.catch((error) => ({ healthy: false, text: String(error) }));
  print(`${healthy ? 'healthy' : 'unhealthy'}: ${text}\n`);
  return healthy ? 0 : 1;
}

async function status(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { settings, problem } = readSettings(env);
  const extra = args.find((arg) => arg !== '--json');
  if (extra !== undefined) {
    return fail(usage(`cannot take ${JSON.stringify(extra)}`, 'all that status takes is --json'));
  }
  if (problem) return fail(problem);
  const { statusExit, statusOf, statusText } = await import('./status.ts');
  const found = await statusOf(realHost(env, settings.root));
  print(args.length > 0 ? asJson(found) : statusText(found));
  return statusExit(found);
}

const asJson = (value: unknown): string =>
  `${JSON.stringify(value, (_, part) => (typeof part === 'string' ? masked(part) : part), 2)}\n`;

const usage = (what: string, remedy: string): Problem => ({
  kind: 'usage',
  what,
  remedy: `${remedy} (see ldms-entrypoint --help)`,
});

function fail(problem: Problem, code: number = exitCodes[problem.kind].code): number {
  say(2, `ldms-entrypoint: ${sentence(problem)}\n`);
  return code;
}

function print(text: string): number {
  say(1, text);
  return 0;
}
