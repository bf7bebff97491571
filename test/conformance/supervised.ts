/** The scenarios of the conformance table in which we stay, as the others always do. */
import { mkdirSync, readFileSync } from 'node:fs';
import { commandLine, processesNaming } from '../support/machine.ts';
import {
  asFirst,
  below,
  catchable,
  hasExited,
  heard,
  heardInOrder,
  isReady,
  killAll,
  makeFifo,
  probe,
  type Seen,
  see,
  startOnTerminal,
  startWords,
  stays,
  there,
  zombiesBelow,
} from '../support/probe.ts';
import { run, type Started, until } from '../support/program.ts';
import type { Site } from '../support/site.ts';
import { every, type Launch, type Scenario } from './scenario.ts';

/** Whether something comes true in time. */
const comes = ({ patienceMs }: Launch, condition: () => boolean): Promise<boolean> =>
  until('', condition, patienceMs).then(
    () => true,
    () => false,
  );

/** Ends what a scenario has started, whether or not it would end by itself, and wherever it has gone. */
async function endAll(started: Started, others: readonly number[] = []): Promise<void> {
  const pids = [...below(started.pid).map(({ pid }) => pid), ...others];
  started.kill('SIGKILL');
  killAll(pids);
  await hasExited(started);
}

const endsInTime = (launch: Launch, started: Started): Promise<boolean> =>
  comes(launch, () => started.child.exitCode !== null || started.child.signalCode !== null);

/** Starts the probe, and has something done with it. */
async function withProbe(
  launch: Launch,
  words: readonly string[],
  passes: (started: Started, leader: number) => Promise<boolean>,
): Promise<boolean> {
  const started = launch(probe(...words));
  await isReady(started);
  // One that is killed by what it does not pass on leaves the probe behind.
  const all = below(started.pid).map(({ pid }) => pid);
  try {
    return await passes(started, await launch.leader(started));
  } finally {
    await endAll(started, all);
  }
}

const allSignals = (launch: Launch): Promise<boolean> =>
  withProbe(launch, ['ends-on', 'SIGTERM', '5'], async (started, leader) => {
    for (const signal of catchable) {
      process.kill(leader, signal);
      if (!(await comes(launch, () => heard(started).includes(signal)))) return false;
    }
    return (
      (await endsInTime(launch, started)) &&
      started.child.exitCode === 5 &&
      heardInOrder(started).join() === catchable.join()
    );
  });

/** Whether a hundred orphans leave no zombie below a main that waits for nobody. */
async function reaps(launch: Launch, site: Site): Promise<boolean> {
  const file = site.path(`orphans-${Math.random()}`);
  const fifo = await makeFifo(site, `go-${Math.random()}`);
  const maker = `read -r _ < ${fifo}; i=0; while [ $i -lt 100 ]; do ( ( echo x >> ${file} ) & ); i=$((i + 1)); done`;
  const started = launch(['sh', '-c', `(sh -c '${maker}' &); exec sleep 300`]);
  await until('main sleeps', () => below(started.pid).some(({ comm }) => comm === 'sleep'));
  await run('sh', ['-c', `echo > ${fifo}`]);
  const made = () => {
    try {
      return readFileSync(file, 'utf8').length === 200;
    } catch {
      return false;
    }
  };
  await until('all orphans were there', made);
  const isOver = () => below(started.pid).every(({ comm, state }) => comm !== 'sh' || state === 'Z');
  await until('all orphans have ended', isOver);
  const passed = await comes(launch, () => zombiesBelow(started.pid).length === 0);
  await endAll(started);
  return passed && adopts(launch);
}

/** Whether an orphan becomes a child of what is compared: one that gets away needs nobody here to reap it. */
async function adopts(launch: Launch): Promise<boolean> {
  const started = launch(['sh', '-c', `(sh -c 'echo $$; exec sleep 300' &); exec sleep 300`]);
  const leader = await launch.leader(started);
  const isOrphan = ({ comm, parent }: Seen) => comm === 'sleep' && parent === leader;
  const passed = await comes(launch, () => below(leader).filter(isOrphan).length === 2);
  // Its pid as it knows it is ours where there is one PID namespace.
  const own = launch.words([]).includes('unshare') ? [] : [Number(started.stdout())];
  await endAll(started, own);
  return passed;
}

async function leavesNobody(launch: Launch, site: Site): Promise<boolean> {
  const fifo = await makeFifo(site, `fifo-${Math.random()}`);
  const name = `left-${Math.random()}`;
  const left = site.install(name, `#!/bin/sh\ntrap '' TERM HUP\n${stays(fifo)}\n`);
  const three = `${left} & setsid ${left} & (setsid ${left} &)`;
  const started = launch(['sh', '-c', `${three}; echo ready; exec sleep 300`]);
  await isReady(started);
  const leader = await launch.leader(started);
  const living = () => processesNaming(left).filter((pid) => see(pid)?.comm === name.slice(0, 15));
  await until('all three are there', () => living().length === 3);
  process.kill(leader, 'SIGTERM');
  await hasExited(started);
  const passed = living().length === 0;
  killAll(living());
  return passed;
}

const endsTheStubborn = async (launch: Launch, site: Site): Promise<boolean> => {
  const env = { ...site.env, LDMS_ENTRYPOINT_STOP_TIMEOUT: '500ms' };
  const started = launch(['sh', '-c', `trap '' TERM; echo ready; exec sleep 300`], { env });
  await isReady(started);
  process.kill(await launch.leader(started), 'SIGTERM');
  const passed = await endsInTime(launch, started);
  await endAll(started);
  return passed;
};

/** Whether a main that leaves the signal at its default stops, and goes on when it is told to. */
const stopsAndGoesOn = (launch: Launch): Promise<boolean> =>
  withProbe(launch, ['leaves', 'SIGTSTP'], async (started, leader) => {
    const main = there(below(leader)[0], 'main').pid;
    process.kill(leader, 'SIGTSTP');
    if (!(await comes(launch, () => see(main)?.state === 'T'))) return false;
    process.kill(leader, 'SIGCONT');
    return comes(launch, () => see(main)?.state !== 'T' && heard(started).includes('SIGCONT'));
  });

const codes = (launch: Launch): Promise<boolean> =>
  every(
    [0, 1, 2, 32, 64, 127, 128, 254, 255].map(
      (code) => async () => (await launch(['sh', '-c', `exit ${code}`]).ended).code === code,
    ),
  );

const signalCodes = (launch: Launch): Promise<boolean> =>
  every(
    Object.entries({ TERM: 15, HUP: 1, QUIT: 3, USR1: 10, ABRT: 6, SEGV: 11, KILL: 9 }).map(
      ([signal, number]) =>
        async () =>
          (await launch(['sh', '-c', `ulimit -c 0; kill -${signal} $$`]).ended).code === 128 + number,
    ),
  );

/** What a program can see of how it was started. */
const sees = `pwd; umask; grep -E '^(SigBlk|SigIgn|SigPnd|ShdPnd|Umask|Cap|NoNewPrivs|Groups)' /proc/self/status; env | LC_ALL=C sort`;

async function seesTheSame(launch: Launch, site: Site): Promise<boolean> {
  const options = { env: site.env, cwd: '/usr' };
  const direct = await startWords(asFirst('sh', '-c', sees), options).ended;
  const launched = await launch(['sh', '-c', sees], options).ended;
  return direct.stdout.includes('SigIgn') && direct.stdout === launched.stdout;
}

async function onlyThree(launch: Launch, site: Site): Promise<boolean> {
  const file = site.install('with-others', '#!/bin/bash\nexec 5</dev/null 200</dev/null\nexec "$@"\n');
  // The list has one of ls itself.
  const { stdout } = await startWords([file, ...launch.words(['ls', '/proc/self/fd'])], { env: site.env })
    .ended;
  return stdout === '0\n1\n2\n3\n';
}

/** Whether a shell has job control, and Ctrl-C ends its job and not the shell. */
async function jobControl(launch: Launch, site: Site): Promise<boolean> {
  const shell = await startOnTerminal(launch.words(['bash', '--norc', '--noediting', '-i']), site);
  const sleeps = () => below(shell.pid).some(({ comm }) => comm === 'sleep');
  const passed = await every([
    () => comes(launch, () => shell.stdout().includes('prompt> ')),
    async () => {
      shell.type('case $- in *m*) echo "job control: on";; esac; sleep 300\n');
      return comes(launch, sleeps);
    },
    async () => {
      shell.type('\x03');
      return comes(launch, () => !sleeps());
    },
    async () => {
      shell.type('exit 7\n');
      return (await endsInTime(launch, shell)) && shell.child.exitCode === 7;
    },
    async () => /^job control: on\r?$/m.test(shell.stdout()) && !shell.stdout().includes('no job control'),
  ]);
  if (!passed) await endAll(shell);
  return passed;
}

/** Whether a process runs what is compared. */
function isLeader(pid: number, launch: Launch): boolean {
  const [launcher = ''] = commandLine(pid);
  return launcher !== '' && launcher === launch.words([])[asFirst().length];
}

/** Whether a program that takes Ctrl-C itself gets it once, and stays. */
async function takesControlC(launch: Launch, site: Site): Promise<boolean> {
  const terminal = await startOnTerminal(launch.words(probe('ends-on', 'SIGUSR2', '5')), site);
  await isReady(terminal);
  terminal.type('\x03');
  const got = await comes(launch, () => heard(terminal).includes('SIGINT'));
  const main = below(terminal.pid).findLast(({ state }) => state !== 'Z');
  // Another on the same way: if there were a second SIGINT, it would be there before.
  const leader = below(terminal.pid).find(({ pid }) => isLeader(pid, launch));
  if (leader) process.kill(leader.pid, 'SIGWINCH');
  await comes(launch, () => heard(terminal).includes('SIGWINCH'));
  if (main) process.kill(main.pid, 'SIGUSR2');
  const passed =
    got && (await endsInTime(launch, terminal)) && heard(terminal).join() === 'SIGINT,SIGWINCH,SIGUSR2';
  await endAll(terminal);
  return passed;
}

const atBoth = (what: string, passes: Scenario['passes']): Scenario[] => [
  { what: `as PID 1: ${what}`, shape: 'first', passes },
  { what: `not as PID 1: ${what}`, shape: 'other', passes },
];

/** The rows. */
export const supervised: readonly Scenario[] = [
  ...atBoth('each catchable signal of 1 to 31 arrives, in order', allSignals),
  ...atBoth('a hundred orphans leave no zombie', reaps),
  ...atBoth('exit codes pass (0 1 2 32 64 127 128 254 255)', codes),
  ...atBoth('death by a signal is 128 + n (TERM HUP QUIT USR1 ABRT SEGV KILL)', signalCodes),
  ...atBoth('what has left group and session, and ignores SIGTERM, is gone at the end', leavesNobody),
  ...atBoth('a program that ignores SIGTERM is ended by it all the same', endsTheStubborn),
  ...atBoth('SIGTSTP stops the program, SIGCONT has it go on', stopsAndGoesOn),
  {
    what: 'as PID 1: stdin passes from its first byte',
    shape: 'first',
    passes: async (launch) => (await launch(['cat'], { input: 'first\n' }).ended).stdout === 'first\n',
  },
  { what: 'as PID 1: a shell on a terminal has job control and Ctrl-C', shape: 'first', passes: jobControl },
  { what: "as PID 1: Ctrl-C is the program's, and comes once", shape: 'first', passes: takesControlC },
  {
    what: 'as PID 1: a missing program is 127',
    shape: 'first',
    passes: async (launch) => (await launch(['/no/such/program']).ended).code === 127,
  },
  {
    what: 'as PID 1: a file that cannot be executed, and a directory, are 126',
    shape: 'first',
    passes: async (launch, site) => {
      mkdirSync(site.path('directory'));
      const plain = site.write('plain', 'text\n', 0o644);
      return every(
        [plain, site.path('directory')].map((file) => async () => (await launch([file]).ended).code === 126),
      );
    },
  },
  { what: 'as PID 1: only descriptors 0 to 2 are open', shape: 'first', passes: onlyThree },
  {
    what: 'as PID 1: cwd, umask, environment, capabilities and signals as a direct start',
    shape: 'first',
    passes: seesTheSame,
  },
];
