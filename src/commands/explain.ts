/** `explain`: a plan in words. */
import type { Host } from '../host.ts';
import { userWords } from '../munge/key.ts';
import type { Command, FileAction, Plan, Question, Service } from '../plan.ts';
import { sentence } from '../problem.ts';
import { findExecutable } from '../process/exec.ts';

/** A plan, step by step in the order in which the runner does it. */
export function explainText(plan: Plan, host: Host): string {
  const main = findExecutable(host, plan.main);
  const steps = [
    ...plan.notices.map(({ text }) => text),
    ...plan.requirements.map(({ what, found, problem }) =>
      problem
        ? `check ${what}: NOT READY: ${sentence(problem)}`
        : `check ${what}: ${found ?? 'as it should be'}`,
    ),
    ...plan.questions.map(questionWords),
    ...plan.services.flatMap(serviceSteps),
    `become ${words(plan.main)}${'kind' in main ? `: NOT READY: ${sentence(main)}` : ''}`,
  ];
  return `${plan.mode}:\n${steps.map((step, at) => `${String(at + 1).padStart(3)}. ${step}\n`).join('')}`;
}

function questionWords(question: Question): string {
  if (question.about === 'munge socket') {
    return `see whether a munged answers at ${question.socket}: if so, that one is used, and none is started`;
  }
  return `ask for the ${question.about}: ${words(question.command)} (once; the answer is kept)`;
}

function serviceSteps({ name, start, ready }: Service): string[] {
  const until = `wait until ${name} encodes and decodes a credential through ${ready.socket}, at most ${ready.deadlineMs / 1000} s`;
  if (!start) return [until];
  return [
    ...start.files.map(fileWords),
    `start ${words(start.command)}${start.user ? `, as ${userWords(start.user)}` : ''}`,
    until,
  ];
}

function fileWords(action: FileAction): string {
  const owner = action.do !== 'remove' && action.owner ? ` of ${userWords(action.owner)}` : '';
  switch (action.do) {
    case 'directory':
      return `make the directory ${action.path}${owner}, mode 0${action.mode.toString(8)}`;
    case 'copy':
      return `copy ${action.from} to ${action.path}${owner}, mode 0${action.mode.toString(8)}`;
    case 'remove':
      return `remove ${action.path}, if an earlier munged left it`;
  }
}

/** A command as it would be typed in a shell. */
export function words({ program, args }: Command): string {
  return [program, ...args].map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quoted(word))).join(' ');
}

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
