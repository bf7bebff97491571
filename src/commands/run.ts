/** `ldms-entrypoint MODE ARGS`: what a container starts with. */
import type { Given, Mode } from '../entrypoints/index.ts';
import { realHost } from '../host.ts';
import { openLog } from '../log.ts';
import type { Plan } from '../plan.ts';
import { exitCodes, sentence } from '../problem.ts';
import { carryOut } from '../process/runner.ts';
import { listenForStop } from '../process/stop.ts';
import { keepStandardStreamsShut } from '../process/streams.ts';
import { readSettings } from '../settings.ts';
import type { Asking } from './answer.ts';
import { awaitReady } from './ready.ts';
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
  const plan = await planWithAnswers(mode, given, { log, stop, host });
  return carryOut(supervisedIf(settings.supervise, plan), {
    host,
    settings,
    log,
    openLog: logTo,
    stop,
    awaitReady,
    keep: async (leaves, stop) => {
      const { keepPrefix } = await import('../etcd/keep.ts');
      return keepPrefix(leaves, stop);
    },
    ...(mode.reloads && {
      replan: () => mode.plan({ ...given, host: realHost(env, settings.root), again: true }),
    }),
  });
}

/** Any mode may be supervised; some are in any case. */
const supervisedIf = (asked: boolean, plan: Plan): Plan => (asked ? { ...plan, handoff: 'supervise' } : plan);

/**
 * Plans, asks what the plan asks, and plans again, until nothing is left to ask.
 *
 * Nothing needs to be asked in an image, which comes with ldmsd's version, at its first start.
 * Where something is wrong already, no program is run and nothing is written: only whose a socket
 * is matters then, since that may be what makes it right.
 */
async function planWithAnswers(mode: Mode, given: Given, asking: Asking): Promise<Plan> {
  const plan = await mode.plan(given);
  const sound = plan.requirements.every(({ problem }) => !problem);
  const question = plan.questions.find(({ about }) => sound || about === 'munge socket');
  if (!question || asking.stop.by()) return plan;
  const { answer } = await import('./answer.ts');
  const answers = { ...given.answers, ...(await answer(question, asking)) };
  return planWithAnswers(mode, { ...given, answers }, asking);
}
