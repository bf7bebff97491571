/** `ldms-entrypoint MODE ARGS`: what a container starts with. */
import { asSet, type Given, type Mode } from '../entrypoints/index.ts';
import { realHost } from '../host.ts';
import { openLog } from '../log.ts';
import { awaitMunge } from '../munge/probe.ts';
import type { Answers, Plan } from '../plan.ts';
import { exitCodes, sentence } from '../problem.ts';
import { carryOut } from '../process/runner.ts';
import { listenForStop } from '../process/stop.ts';
import { keepStandardStreamsShut } from '../process/streams.ts';
import { readSettings } from '../settings.ts';
import type { Asking } from './answer.ts';
import { wrongRoot } from './root.ts';

/**
 * Prepares and becomes what the mode says. Comes back only if that failed.
 *
 * @returns the exit code
 */
export async function run(mode: Mode, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  keepStandardStreamsShut();
  const stop = listenForStop(mode.reloads ? 'reloads' : 'stops');
  const { settings, problem } = readSettings(env);
  const logTo = (write?: (line: string) => void) =>
    openLog(settings, { program: 'ldms-entrypoint', mode: mode.name }, write);
  const log = logTo();
  const host = realHost(env, settings.root);
  const wrong = problem ?? wrongRoot(host);
  if (wrong) {
    await log('error', sentence(wrong), { exit: exitCodes[wrong.kind].code });
    return exitCodes[wrong.kind].code;
  }
  const given = { args, settings, host, answers: {} };
  const { plan: planned, answers } = await planWithAnswers(mode, given, { log, stop, host });
  const plan = asSet(planned, settings);
  const means = { host, settings, log, stop };
  if (plan.handoff === 'exec') return carryOut(plan, { ...means, awaitReady: awaitMunge });
  const { stay } = await import('./stay.ts');
  const again = () => mode.plan({ ...given, answers, host: realHost(env, settings.root), again: true });
  return stay(plan, { ...means, openLog: logTo, ...(mode.reloads && { replan: again }) });
}

/**
 * Plans, asks what the plan asks, and plans again, until nothing is left to ask.
 *
 * Nothing needs to be asked in an image, which comes with ldmsd's version, at its first start.
 * Where something is wrong already, no program is run and nothing is written: only whose a socket
 * is matters then, since that may be what makes it right. So that is asked first, and the rest together.
 */
async function planWithAnswers(
  mode: Mode,
  given: Given,
  asking: Asking,
): Promise<{ plan: Plan; answers: Answers }> {
  const plan = await mode.plan(given);
  const sound = plan.requirements.every(({ problem }) => !problem);
  const socket = plan.questions.filter(({ about }) => about === 'munge socket');
  const asked = socket.length > 0 || !sound ? socket : plan.questions;
  if (asked.length === 0 || asking.stop.by()) return { plan, answers: given.answers };
  const { answer } = await import('./answer.ts');
  let answers = given.answers;
  for (const question of asked) answers = { ...answers, ...(await answer(question, asking)) };
  return planWithAnswers(mode, { ...given, answers }, asking);
}
