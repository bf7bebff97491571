/** The preparations of a plan: done in their order, before anything else is started. */
import type { Host } from '../host.ts';
import { masked } from '../mask.ts';
import type { FileAction, Plan, Run } from '../plan.ts';
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
    const problem = step.do === 'run' ? await runStep(step, means) : doStep(step, means.host);
    if (means.stop.by()) return undefined;
    if (problem && step.do === 'run' && step.instead !== undefined) {
      await means.log('warn', `${sentence(problem)}; ${step.instead}`);
    } else if (problem) {
      return problem;
    }
  }
  return undefined;
}

/** Of what could be seen before, all was well: so little is left that can go wrong. */
function doStep(step: FileAction, host: Host): Problem | undefined {
  const problem = carryOutFile(step);
  return problem && { ...problem, remedy: `let uid ${host.uid} write there` };
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
  const last = said.length > 0 ? `; it said last: ${masked(said.slice(-3).join(' | '))}` : '';
  const ended = code === null ? 'it was killed' : `it ended with exit status ${code}`;
  const how = timedOut ? `it did not end within ${limitMs / 1000} s` : ended;
  return { ...ifNot, what: `${ifNot.what}: ${how}${last}` };
}
