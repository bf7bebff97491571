/**
 * What can go wrong, as values. A problem travels up as data and is printed once, at the edge,
 * as one line: what could not be done, to which file or program, why, and what to do about it.
 */

/**
 * Our own exit codes, one per kind of problem, the same in every mode.
 *
 * None is 255 or 128 and above (those mean "ended by a signal"), and none is a code that ldmsd
 * uses itself (0-22, 100, 101). 126 and 127 are what shells, docker and tini use for a program
 * that cannot be executed or found. `--help` and docs/exit-codes.md are made from this table.
 */
export const exitCodes = {
  usage: { code: 64, meaning: 'a wrong command line or a wrong LDMS_ENTRYPOINT_* setting' },
  internal: { code: 70, meaning: 'a mistake in ldms-entrypoint itself; please report it' },
  configuration: {
    code: 78,
    meaning:
      'what the mode needs is missing or unusable: a file, a directory, a port, a number in the host name',
  },
  munge: { code: 80, meaning: "munge is wanted and cannot be used: key, munged, or the host's socket" },
  etcd: { code: 81, meaning: 'maestro: etcd does not become healthy, or dies too often' },
  maestro: { code: 82, meaning: 'maestro_ctrl did not put the configuration into etcd' },
  dsosd: { code: 83, meaning: 'agg: rpcbind or dsosd cannot be used, or dies too often' },
  notExecutable: { code: 126, meaning: 'the program exists and cannot be executed' },
  notFound: { code: 127, meaning: 'the program was not found' },
} as const;

/** The kinds of problem that there are. */
export type ProblemKind = keyof typeof exitCodes;

/** One thing that is wrong, told to somebody who can mend it. */
export interface Problem {
  readonly kind: ProblemKind;
  /** What cannot be done and why, naming the file or program: "cannot …: …". No full stop. */
  readonly what: string;
  /** What to type or change. No full stop. Empty where `what` tells it already. */
  readonly remedy: string;
}

/** A problem as the one line that a person reads. */
export const sentence = ({ what, remedy }: Problem): string => (remedy ? `${what}; ${remedy}` : what);

/**
 * The words of a failed system call, for people: `EACCES` becomes "permission denied".
 *
 * @param error what `node:fs` or `node:child_process` threw, or its `code`
 */
export function errnoWords(error: unknown): string {
  const code = errnoOf(error);
  const words: Record<string, string> = {
    ENOENT: 'it does not exist',
    EACCES: 'permission denied',
    EPERM: 'operation not permitted',
    EROFS: 'the file system is read-only',
    EISDIR: 'it is a directory',
    ENOTDIR: 'it, or a part of its path, is not a directory',
    ERR_FS_EISDIR: 'it is a directory',
    EEXIST: 'something else is there',
    EINVAL: 'the kernel does not take it',
    ELOOP: 'too many symbolic links',
    ENOSPC: 'no space is left',
    E2BIG: 'the arguments and environment are too long',
    ENOEXEC: 'it is neither a program for this machine nor a script with a #! line',
    ETXTBSY: 'it is being written to',
    EMFILE: 'too many open files',
    ENOMEM: 'not enough memory',
    EIO: 'input/output error',
  };
  return words[code] ?? (code || (error instanceof Error ? error.message : String(error)));
}

/** The `code` of a Node system error (`"ENOENT"`), or an empty string. */
export function errnoOf(error: unknown): string {
  if (typeof error === 'string') return error;
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string' && error.code !== '') return error.code;
  // process.execve tells its number only.
  const number = 'errno' in error ? Math.abs(Number(error.errno)) : 0;
  return number > 0 ? process.getBuiltinModule('node:util').getSystemErrorName(-number) : '';
}
