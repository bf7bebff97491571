/** `ldms-entrypoint MODE ARGS`: what a container starts with. */
import type { Given, Mode } from '../entrypoints/index.ts';
import { type Host, realHost } from '../host.ts';
import { type Log, openLog } from '../log.ts';
import { awaitMunge } from '../munge/probe.ts';
import type { Plan } from '../plan.ts';
import { exitCodes, sentence } from '../problem.ts';
import { carryOut } from '../process/runner.ts';
import { listenForStop, type StopRequest } from '../process/stop.ts';
import { keepStandardStreamsShut } from '../process/streams.ts';
import { readSettings, type Settings } from '../settings.ts';

/**
 * Prepares and becomes what the mode says. Comes back only if that failed.
 *
 * @returns the exit code
 */
export async function run(mode: Mode, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  keepStandardStreamsShut();
  const stop = listenForStop();
  const read = readSettings(env);
  if ('problem' in read) {
    const log = openLog({ logLevel: 'info', logFormat: 'auto' }, base(mode));
    await log('error', sentence(read.problem), { exit: exitCodes.usage.code });
    return exitCodes.usage.code;
  }
  const { settings } = read;
  const log = openLog(settings, base(mode));
  const host = realHost(env, settings.root);
  const given = { args, settings, host, answers: {} };
  const plan = await mode.plan(given);
  // Where something is wrong already, no program is run and nothing is written.
  const sound = plan.requirements.every(({ problem }) => !problem);
  const ask = sound && plan.questions.length > 0;
  const informed = ask ? await planWithAnswers(mode, given, plan, { log, stop, host }) : plan;
  return carryOut(informed, { host, settings, log, stop, awaitReady: awaitMunge });
}

const base = (mode: Mode) => ({ program: 'ldms-entrypoint', mode: mode.name });

/** Asks what only running a program can tell, and plans again. Not needed in images, which come with the answers. */
async function planWithAnswers(
  mode: Mode,
  given: Given & { settings: Settings },
  plan: Plan,
  means: { log: Log; stop: StopRequest; host: Host },
): Promise<Plan> {
  const { answer } = await import('./answer.ts');
  const answers: Record<string, string> = {};
  for (const question of plan.questions) answers[question.about] = await answer(question, means);
  return mode.plan({ ...given, answers });
}
