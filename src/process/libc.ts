/**
 * The few libc calls that Node does not offer, through node:ffi, so that no native code of ours
 * is needed. Numbers are those of Linux on amd64, arm64 and ppc64le, where they are the same.
 */

import { readdirSync } from 'node:fs';

const SIG_SETMASK = 2;
// SIG_DFL and SIG_IGN.
const dispositions = { default: 0n, ignored: 1n } as const;
const RLIMIT_NOFILE = 7;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
// close_range(2) has this number on every architecture; glibc has had a function for it since 2.34 only.
const SYS_close_range = 436;
const CLOSE_RANGE_CLOEXEC = 4;
const signals = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGPIPE: 13, SIGTERM: 15, SIGXFSZ: 25 } as const;
// sizeof(sigset_t) in glibc.
const sigsetBytes = 128;

const signatures = {
  pthread_sigmask: { arguments: ['i32', 'pointer', 'pointer'], return: 'i32' },
  signal: { arguments: ['i32', 'pointer'], return: 'pointer' },
  getrlimit: { arguments: ['i32', 'pointer'], return: 'i32' },
  setrlimit: { arguments: ['i32', 'pointer'], return: 'i32' },
  // These two are variadic in C; for whole numbers the calling convention is the same.
  syscall: { arguments: ['i64', 'u64', 'u64', 'u64'], return: 'i64' },
  fcntl: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  execve: { arguments: ['pointer', 'pointer', 'pointer'], return: 'i32' },
} as const;

type Argument = number | bigint | NodeJS.ArrayBufferView;
type Call = (...args: Argument[]) => number | bigint;
let library: import('node:ffi').DynamicLibrary | undefined;
const functions = new Map<string, Call>();

/** Calls a libc function. node:ffi and each function are loaded when first used. */
function call(name: keyof typeof signatures, ...args: Argument[]): number | bigint {
  let called = functions.get(name);
  if (!called) {
    library ??= new (process.getBuiltinModule('node:ffi').DynamicLibrary)('libc.so.6');
    called = library.getFunction(name, signatures[name]) as unknown as Call;
    functions.set(name, called);
  }
  return called(...args);
}

const pointer = (to: Buffer): bigint => process.getBuiltinModule('node:ffi').getRawPointer(to);

/** Unblocks every signal in this thread, which is the one that survives execve(2). */
export function unblockSignals(): void {
  call('pthread_sigmask', SIG_SETMASK, Buffer.alloc(sigsetBytes), 0n);
}

/** Sets a signal's disposition, without libuv's knowledge. */
export function setSignal(name: keyof typeof signals, to: keyof typeof dispositions): void {
  call('signal', signals[name], dispositions[to]);
}

/**
 * Has every descriptor but 0 to 2 closed by execve(2). Node's own are marked already; those that we
 * inherited from our caller are not all.
 */
export function closeOthersOnExec(): void {
  const highest = 0xffff_ffffn;
  if (Number(call('syscall', BigInt(SYS_close_range), 3n, highest, BigInt(CLOSE_RANGE_CLOEXEC))) === 0)
    return;
  // Before Linux 5.11.
  for (const descriptor of readdirSync('/proc/self/fd')) {
    if (Number(descriptor) > 2) call('fcntl', Number(descriptor), F_SETFD, FD_CLOEXEC);
  }
}

/** The limits on open files, as getrlimit(2) has them. */
export function fileLimits(): { soft: bigint; hard: bigint } {
  const limits = new BigUint64Array(2);
  call('getrlimit', RLIMIT_NOFILE, limits);
  return { soft: limits[0] ?? 0n, hard: limits[1] ?? 0n };
}

/** Sets the soft limit on open files, which must not be above the hard one. */
export function setSoftFileLimit(soft: number): void {
  call('setrlimit', RLIMIT_NOFILE, new BigUint64Array([BigInt(soft), fileLimits().hard]));
}

/**
 * execve(2) with bytes, so that what is not valid UTF-8 is passed as it is, which `process.execve`
 * cannot do. Comes back only if the kernel refused.
 */
export function execveBytes(program: string, args: readonly Buffer[], env: readonly Buffer[]): void {
  // All buffers stay referenced from `kept` until the call has been made.
  const kept: Buffer[] = [];
  const string = (bytes: Buffer) => {
    const terminated = Buffer.concat([bytes, Buffer.alloc(1)]);
    kept.push(terminated);
    return pointer(terminated);
  };
  const vector = (strings: readonly Buffer[]) => new BigUint64Array([...strings.map(string), 0n]);
  const argv = vector(args);
  const envp = vector(env);
  // Node has marked descriptors 0 to 2 close-on-exec; `process.execve` undoes that, we have to as well.
  for (const descriptor of [0, 1, 2]) call('fcntl', descriptor, F_SETFD, 0);
  call('execve', Buffer.from(`${program}\0`), argv, envp);
  kept.length = 0;
}
