/** `check`: is this container ready to run the mode? */
import type { Host } from '../host.ts';
import type { Plan } from '../plan.ts';
import { exitCodes, type Problem, sentence } from '../problem.ts';
import { findExecutable } from '../process/exec.ts';

/** One thing that was looked at. `warn`: it does not stop a start; `open`: looking does not tell, it shows at the start. */
export interface Check {
  readonly what: string;
  readonly state: 'ok' | 'warn' | 'open' | 'failed';
  readonly text: string;
}

/** Everything that was looked at, and the exit code that a start would end with; 0 if it would not fail. */
export interface CheckResult {
  readonly mode: string;
  readonly exit: number;
  readonly checks: readonly Check[];
  /** Only what a HUP has the running container read again was looked at. */
  readonly again?: true;
}

/** Looks at everything that can be looked at without starting or changing anything. */
export function checkPlan(plan: Plan, host: Host): CheckResult {
  const problems: Problem[] = [];
  const judge = (what: string, problem: Problem | undefined, text: string): Check => {
    if (problem) problems.push(problem);
    return problem ? { what, state: 'failed', text: sentence(problem) } : { what, state: 'ok', text };
  };
  const runs = (plan.preparations ?? []).filter((step) => step.do === 'run');
  const programs = [...runs, ...plan.tasks].map(({ command }) => command);
  const checks = [
    ...plan.requirements.map(({ what, found, problem }) => judge(what, problem, found ?? 'as it should be')),
    ...plan.services.flatMap(({ name, start, ready, ifNot }): Check[] => {
      if (start || ready.kind !== 'munge') return [];
      const { socket } = ready;
      if (host.look(socket).kind === 'socket') {
        return [{ what: name, state: 'open', text: `${socket} is there, and is asked at the start` }];
      }
      return [judge(name, { ...ifNot, what: `cannot use ${name}: there is no socket ${socket}` }, '')];
    }),
    ...[...programs, plan.main].map((command) => {
      const found = findExecutable(host, command);
      const what = `program ${command.program}`;
      return 'kind' in found ? judge(what, found, '') : judge(what, undefined, found.path);
    }),
  ];
  const warnings = plan.notices.flatMap(({ level, text }): Check[] =>
    level === 'warn' ? [{ what: 'warning', state: 'warn', text }] : [],
  );
  const [first] = problems;
  return { mode: plan.mode, exit: first ? exitCodes[first.kind].code : 0, checks: [...warnings, ...checks] };
}

/**
 * Looks at what a HUP has a running container read again: its services run already, and are not looked at.
 *
 * @param plan as it is made for that
 */
export function checkAgain(plan: Plan, host: Host): CheckResult {
  return { ...checkPlan({ ...plan, services: [], preparations: [] }, host), again: true };
}

/** A result for people: a line for each thing, and the verdict. */
export function checkText({ mode, checks, again }: CheckResult): string {
  const marks = { ok: 'ok  ', warn: 'warn', open: '?   ', failed: 'FAIL' };
  // A mistake in a file begins with its place already.
  const lines = checks.map(({ what, state, text }) =>
    text.startsWith(what) || state === 'warn'
      ? `${marks[state]}  ${text}`
      : `${marks[state]}  ${what}: ${text}`,
  );
  const failed = checks.filter(({ state }) => state === 'failed').length;
  const open = checks.some(({ state }) => state === 'open') ? ', as far as looking tells' : '';
  if (again) {
    const taken = failed
      ? `does not take it at a HUP: ${failed} of ${checks.length} checks failed`
      : 'takes it at a HUP';
    return `${lines.join('\n')}\n${mode} ${taken}\n`;
  }
  const verdict = failed ? `is not ready: ${failed} of ${checks.length} checks failed` : `is ready${open}`;
  return `${lines.join('\n')}\n${mode} ${verdict}\n`;
}
