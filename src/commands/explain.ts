/** `explain`: a plan in words. */
import type { Host } from '../host.ts';
import { written } from '../listen.ts';
import { masked } from '../mask.ts';
import { userWords } from '../munge/key.ts';
import type {
  Command,
  Election,
  FileAction,
  Joining,
  MainCommand,
  Plan,
  Preparation,
  Probe,
  Question,
  Service,
  Task,
} from '../plan.ts';
import { type Problem, sentence } from '../problem.ts';
import { type Executable, findExecutable } from '../process/exec.ts';

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
    ...(plan.preparations ?? []).map((step) => preparationWords(step, host)),
    ...plan.services.flatMap(serviceSteps),
    ...(plan.election ? [electionWords(plan.election)] : []),
    ...plan.tasks.map((task) => taskStep(task, host)),
    `${plan.handoff === 'exec' ? 'become' : 'stay as the leader process, and run'} ${mainWords(plan.main)}${words(plan.main)}${plan.main.cwd === undefined ? '' : `, in ${plan.main.cwd}`}${notReady(main)}`,
  ];
  return `${plan.mode}:\n${steps.map((step, at) => `${String(at + 1).padStart(3)}. ${step}\n`).join('')}`;
}

function questionWords(question: Question): string {
  if (question.about === 'munge socket') {
    return `see whether a munged answers at ${question.socket}: if so, that one is used, and none is started`;
  }
  if (question.about === 'addresses')
    return `see whether ${question.addresses.map(written).join(' and ')} can be listened on`;
  if (question.about === 'members') {
    return `ask for the addresses of ${question.hosts.join(', ')}, and see which of them is this container`;
  }
  if (question.about === 'settings.py') return `have python3 parse ${question.path}, which is not run`;
  return `ask for the ${question.about}: ${words(question.command)} (once; the answer is kept)`;
}

const notReady = (found: Executable | Problem): string =>
  'kind' in found ? `: NOT READY: ${sentence(found)}` : '';

function preparationWords(step: Preparation, host: Host): string {
  if (step.do !== 'run') return fileWords(step);
  const { command, limitMs, instead } = step;
  const failing = instead === undefined ? '' : `; if that fails, ${instead}`;
  const found = findExecutable(host, command);
  return `run ${environmentWords(command)}${words(command)}, at most ${limitMs / 1000} s${failing}${notReady(found)}`;
}

/** Who may do what follows. */
function electionWords({ peers, leaseMs, prefix }: Election): string {
  const all = peers.all.map(({ name }) => name).join(', ');
  return `wait, ready, until ${peers.self.name} is elected among ${all} (a lease of ${leaseMs / 1000} s in etcd, below ${prefix}): only the one that is elected does what follows, and ends it when it is so no longer`;
}

/** How an etcd comes to the others of its cluster. */
function joinWords({ peers: { self, all, listen }, directory }: Joining): string {
  const others = all.filter(({ name }) => name !== self.name).map(({ name }) => name);
  return `if ${directory} is empty, listen at ${written(listen)} in etcd's place until ${others.join(', ')} tell whether the cluster begins or ${self.name} is made a member of it anew`;
}

function taskStep({ name, command, limitMs, leaves }: Task, host: Host): string {
  const found = findExecutable(host, command);
  return `run ${environmentWords(command)}${words(command)}, at most ${limitMs / 1000} s, and see that ${name} has written ${leaves.key} to etcd${notReady(found)}`;
}

function readyWords(ready: Probe): string {
  switch (ready.kind) {
    case 'munge':
      return `encodes and decodes a credential through ${ready.socket}`;
    case 'etcd':
      return `says at ${ready.url}/health that it is healthy`;
    case 'member':
      return `serves the other members at ${written(ready.peers.listen)}`;
    case 'tcp':
      return `accepts connections at ${ready.host}:${ready.port}`;
    case 'runs':
      return 'runs';
  }
}

function serviceSteps({ name, start, ready, after = [] }: Service): string[] {
  const until = `wait until ${name} ${readyWords(ready)}, at most ${ready.deadlineMs / 1000} s`;
  if (!start) return [until];
  const first = after.length > 0 ? `, after ${after.join(' and ')}` : '';
  return [
    ...start.files.map(fileWords),
    ...(start.joins ? [joinWords(start.joins)] : []),
    `start ${environmentWords(start.command)}${words(start.command)}${first}${start.user ? `, as ${userWords(start.user)}` : ''}`,
    until,
  ];
}

function fileWords(action: FileAction): string {
  const owner = 'owner' in action && action.owner ? ` of ${userWords(action.owner)}` : '';
  switch (action.do) {
    case 'directory':
      return `make the directory ${action.path}${owner}, mode 0${action.mode.toString(8)}`;
    case 'copy':
      return `copy ${action.from} to ${action.path}${owner}, mode 0${action.mode.toString(8)}`;
    case 'write':
      return `write ${action.path}, mode 0${action.mode.toString(8)}`;
    case 'link':
      return `link ${action.path} to ${action.to}`;
    case 'remove':
      return `remove ${action.path}, if an earlier munged left it`;
  }
}

/** What main is given and not given of our environment; of a secret, only where it is kept. */
function mainWords(command: MainCommand): string {
  const { secrets = {}, without = [] } = command;
  const files = Object.entries(secrets).map(([name, path]) => `${name}="$(cat ${quotedIf(path)})" `);
  const gone = without.map((name) => `-u ${name} `);
  return [gone.length === 0 ? '' : `env ${gone.join('')}`, ...files, environmentWords(command)].join('');
}

/** What a command is given beside our environment, as it would be typed in front of it. */
function environmentWords({ env = {} }: Command): string {
  return Object.entries(env)
    .map(([name, value]) => `${name}=${quotedIf(value)} `)
    .join('');
}

/** A command as it would be typed in a shell. */
export function words({ program, args }: Command): string {
  return [program, ...args].map((word) => quotedIf(masked(word))).join(' ');
}

/** A word, in quotes where a shell needs them. */
const quotedIf = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
