/** `check`: is this container ready to run the mode? */
import type { Host } from '../host.ts';
import type { Plan } from '../plan.ts';
import { exitCodes, type Problem, sentence } from '../problem.ts';
import { findExecutable } from '../process/exec.ts';

/**
 * Looks at everything that can be looked at without starting or changing anything.
 *
 * @returns a line for each thing, and 0 or the exit code that a start would end with
 */
export function checkText(plan: Plan, host: Host): { text: string; code: number } {
  const lines: string[] = [];
  const problems: Problem[] = [];
  const line = (what: string, found: string | Problem) => {
    if (typeof found === 'string') {
      lines.push(`ok    ${what}: ${found}`);
    } else {
      lines.push(`FAIL  ${what}: ${sentence(found)}`);
      problems.push(found);
    }
  };
  for (const { what, found, problem } of plan.requirements) line(what, problem ?? found ?? 'as it should be');
  for (const { name, start, ready, ifNot } of plan.services) {
    if (start) continue;
    const there = host.look(ready.socket).kind === 'socket';
    const what = `cannot use ${name}: there is no socket ${ready.socket}`;
    line(name, there ? `${ready.socket}; whether it answers shows at the start` : { ...ifNot, what });
  }
  const main = findExecutable(host, plan.main);
  line(`program ${plan.main.program}`, 'kind' in main ? main : main.path);
  const [first] = problems;
  const verdict = first
    ? `${plan.mode} is not ready: ${problems.length} of ${lines.length} checks failed`
    : `${plan.mode} is ready`;
  return { text: `${lines.join('\n')}\n${verdict}\n`, code: first ? exitCodes[first.kind].code : 0 };
}
