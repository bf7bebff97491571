/** The preparations of a plan: done in their order, before anything else is started. */
import type { Plan, Run } from '../plan.ts';
import { type Problem, sentence } from '../problem.ts';
import { runBriefly } from './child.ts';
import { carryOutFile } from './files.ts';
import type { Means } from './means.ts';

/**
 * Does them, up to the first that fails.
 *
 * @returns what went wrong; nothing as well if it was stopped, which the caller sees for itself
 */
export async function prepare(
  { preparations = [] }: Plan,
  means: Pick<Means, 'host' | 'log' | 'stop'>,
): Promise<Problem | undefined> {
  for (const step of preparations) {
    if (means.stop.by()) return undefined;
    const problem = step.do === 'run' ? await runStep(step, means) : carryOutFile(step);
    if (problem && step.do === 'run' && step.instead !== undefined && !means.stop.by()) {
      await means.log('warn', `${sentence(problem)}; ${step.instead}`);
    } else if (problem) {
      return problem;
    }
  }
  return undefined;
}

async function runStep(step: Run, { host, log, stop }: Pick<Means, 'host' | 'log' | 'stop'>) {
  const { name, command, limitMs, ifNot } = step;
  const found = host.program(command.program);
  const begun = Date.now();
  const { code, stdout, stderr, timedOut } = await runBriefly(
    'path' in found ? found.path : command.program,
    command.args,
    { limitMs, stop: stop.signal, ...(command.env && { env: command.env }) },
  );
  if (code === 0) {
    await log('info', `${name} is done, after ${Date.now() - begun} ms`);
    return undefined;
  }
  const said = `${stdout}\n${stderr}`.split('\n').flatMap((line) => line.trim() || []);
  const last = said.length > 0 ? `; it said last: ${said.slice(-3).join(' | ')}` : '';
  const how = timedOut ? `it did not end within ${limitMs / 1000} s` : `it ended with exit status ${code}`;
  return { ...ifNot, what: `${ifNot.what}: ${how}${last}` };
}
