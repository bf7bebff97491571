/**
 * The `exec` hand-off: the daemon takes our place, with our pid. What it sees has to equal a
 * direct start: its arguments byte for byte, the environment, cwd, umask, descriptors 0-2 alone,
 * no blocked or ignored signals.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import type { Host } from '../host.ts';
import type { Command, MainCommand } from '../plan.ts';
import { errnoOf, errnoWords, type Problem } from '../problem.ts';
import { changed, changedBytes, type EnvironmentChange } from './environment.ts';
import {
  closeOthersOnExec,
  execveBytes,
  fileLimits,
  setSignal,
  setSoftFileLimit,
  unblockSignals,
} from './libc.ts';
import { stopSignals } from './stop.ts';

/** A command whose program has been found. */
export interface Executable {
  /** Path of the program. */
  readonly path: string;
  /** argv, the program's name first, as a shell would give it. */
  readonly argv: readonly string[];
}

/** Finds the command's program, or says why it cannot become the daemon (exit 126 or 127). */
export function findExecutable(host: Host, command: Command): Executable | Problem {
  const { program, args } = command;
  const found = host.program(program);
  if ('path' in found) return { path: found.path, argv: [program, ...args] };
  if (found.missing === 'notFound') {
    return {
      kind: 'notFound',
      what: program.includes('/')
        ? `cannot start ${program}: it does not exist`
        : `cannot start ${program}: it is not in PATH (${host.env['PATH'] ?? 'which is unset'})`,
      remedy: `use an image that contains ${program}, or set PATH`,
    };
  }
  return {
    kind: 'notExecutable',
    what: `cannot start ${program}: ${found.at}: ${errnoWords(found.errno)}`,
    remedy: `make it an executable file: chmod a+rx ${found.at}`,
  };
}

/**
 * What is wrong with a program that the kernel would refuse for its form. Whoever starts it as a child
 * has to look: execvp(3), which setpriv and libuv use, gives such a file to a shell.
 */
export function formProblem({ path }: Executable): Problem | undefined {
  const head = firstBytes(path);
  const own = firstBytes('/proc/self/exe');
  // One that we may execute and not read is left to the kernel.
  if (!head || !own || head.toString('latin1', 0, 2) === '#!') return undefined;
  const isElf = head.subarray(0, 4).equals(own.subarray(0, 4));
  const isOfThisMachine = head.subarray(elfMachineAt).equals(own.subarray(elfMachineAt));
  return (isElf && isOfThisMachine) || knowsOtherForms() ? undefined : whyNot(path, 'ENOEXEC');
}

// Where an ELF header has the machine, two bytes long (elf(5)).
const elfMachineAt = 18;

function firstBytes(path: string): Buffer | undefined {
  const bytes = Buffer.alloc(elfMachineAt + 2);
  try {
    const file = openSync(path, 'r');
    readSync(file, bytes);
    closeSync(file);
    return bytes;
  } catch {
    return undefined;
  }
}

/** Whether the kernel was taught other forms (binfmt_misc), such as another machine's through qemu. */
function knowsOtherForms(): boolean {
  try {
    const names = readdirSync('/proc/sys/fs/binfmt_misc');
    return names.some((name) => name !== 'register' && name !== 'status');
  } catch {
    return false;
  }
}

/** What is wrong with LDMS_ENTRYPOINT_NOFILE, if it is set and cannot be granted. */
export function fileLimitProblem(nofile: number | undefined): Problem | undefined {
  if (nofile === undefined || BigInt(nofile) <= fileLimits().hard) return undefined;
  return {
    kind: 'configuration',
    what: `cannot set LDMS_ENTRYPOINT_NOFILE=${nofile}: the hard limit on open files is ${fileLimits().hard}`,
    remedy: 'lower the setting, or raise the limit: docker run --ulimit nofile=SOFT:HARD',
  };
}

/**
 * What Node has changed in this process, put back to what a container's first process has.
 *
 * - Node ignores SIGPIPE and SIGXFSZ, and an ignored signal stays ignored across execve(2).
 * - Node closes inherited descriptors on exec only up to the first gap in their numbers.
 * - Node raises the soft limit on open files to the hard one; only LDMS_ENTRYPOINT_NOFILE lowers it.
 *
 * @param nofile soft limit on open files for the daemon, or undefined to leave it
 */
export function undoNode(nofile: number | undefined): void {
  if (nofile !== undefined) setSoftFileLimit(nofile);
  setSignal('SIGPIPE', 'default');
  setSignal('SIGXFSZ', 'default');
  closeOthersOnExec();
}

/** From here on the signals that we listened for end us at once, as they would the daemon. */
export function stopListening(): void {
  for (const name of stopSignals) setSignal(name, 'default');
}

/**
 * Becomes the program. Comes back only with the reason why that was not possible.
 *
 * @param change what its environment has other than ours
 */
export function becomeProgram(
  { path, argv }: Executable,
  change: EnvironmentChange,
  { cwd, trailing = 0 }: MainCommand,
): Problem {
  const nowhere = cwd === undefined ? undefined : changeDirectory(cwd);
  if (nowhere) return nowhere;
  try {
    // `--disable-sigusr1`, with which we are sealed so that SIGUSR1 never opens a debugger port, leaves
    // SIGUSR1 blocked, and execve(2) keeps that too.
    unblockSignals();
    execveBytes(path, argumentBytes(argv, trailing), changedBytes(environmentBytes(), change));
    // It came back, and Node can tell why.
    process.execve?.(path, argv, changed(process.env, change));
  } catch (error) {
    // What we say about it must not kill us if nobody reads our stderr.
    setSignal('SIGPIPE', 'ignored');
    return whyNot(path, error);
  }
  return { kind: 'internal', what: `cannot start ${path}: execve came back`, remedy: 'please report it' };
}

function changeDirectory(to: string): Problem | undefined {
  try {
    process.chdir(to);
    return undefined;
  } catch (error) {
    const what = `cannot go to the directory ${to}: ${errnoWords(error)}`;
    return { kind: 'configuration', what, remedy: 'let this user enter it: chmod a+rx' };
  }
}

function whyNot(path: string, error: unknown): Problem {
  const gone = errnoOf(error) === 'ENOENT';
  return {
    kind: gone ? 'notFound' : 'notExecutable',
    // The file was there a moment ago, so it is the interpreter that its #! line or ELF header names.
    what: gone
      ? `cannot start ${path}: the interpreter that it names does not exist`
      : `cannot start ${path}: ${errnoWords(error)}`,
    remedy: gone
      ? `see what its first line or "file ${path}" names`
      : errnoOf(error) === 'E2BIG'
        ? 'give it fewer or shorter arguments or variables'
        : 'use a program that was built for this machine',
  };
}

/**
 * Arguments as the bytes that we were given.
 *
 * Node decodes them, and replaces what is not valid UTF-8 by U+FFFD; the kernel still has the
 * originals. What we added stands in front of the user's arguments and, `trailing` of them, behind.
 */
function argumentBytes(argv: readonly string[], trailing: number): Buffer[] {
  if (!argv.some((text) => text.includes('\ufffd'))) return argv.map((text) => Buffer.from(text));
  // Without our own name and the mode's.
  const given = nulSeparated(readFileSync('/proc/self/cmdline')).slice(2);
  const offset = given.length - (argv.length - trailing);
  return argv.map((text, at) =>
    text.includes('\ufffd') ? (given[offset + at] ?? Buffer.from(text)) : Buffer.from(text),
  );
}

/**
 * The environment as the kernel has it, since Node removes variables of its own (NODE_CHANNEL_FD),
 * and keeps neither duplicates nor entries without "=". Without a /proc, what Node has must do.
 */
function environmentBytes(): Buffer[] {
  try {
    return nulSeparated(readFileSync('/proc/self/environ'));
  } catch {
    return Object.entries(process.env).map(([name, value]) => Buffer.from(`${name}=${value}`));
  }
}

/** The strings of a /proc file in which each string ends with a NUL byte. */
function nulSeparated(bytes: Buffer): Buffer[] {
  const strings: Buffer[] = [];
  for (let from = 0, to = bytes.indexOf(0); to >= 0; from = to + 1, to = bytes.indexOf(0, from)) {
    strings.push(bytes.subarray(from, to));
  }
  return strings;
}
