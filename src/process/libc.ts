/**
 * The few libc calls that Node does not offer, through node:ffi, so that no native code of ours
 * is needed. Numbers are those of Linux on amd64, arm64 and ppc64le, where they are the same.
 */

import { closeSync, readdirSync } from 'node:fs';

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
// glibc's struct sigaction: handler, mask, flags, restorer.
const sigactionBytes = 152;
const sigactionFlagsAt = 8 + sigsetBytes;
const SA_RESETHAND = 0x8000_0000;
const O_CLOEXEC = 0o2_000_000;
const PR_SET_NAME = 15;
const PR_SET_CHILD_SUBREAPER = 36;
// waitid(2): which children, what of them, and where siginfo_t holds the pid on 64-bit machines.
const P_ALL = 0;
const P_PID = 1;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x0100_0000;
const siginfoBytes = 128;
const siginfoPidAt = 16;
const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 1 | 0o2_000_000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
// sizeof(struct sockaddr_in).
const addressBytes = 16;
const CLOCK_MONOTONIC = 1;
const SIGCONT = 18;
// sizeof(struct sigevent), of which the signal's number comes behind its value; SIGEV_SIGNAL is 0.
const sigeventBytes = 64;
const sigeventSignoAt = 8;
// timer_create(2) and timer_settime(2), which glibc had in another library up to 2.33.
const timerCalls = {
  x64: { create: 222, settime: 223 },
  arm64: { create: 107, settime: 110 },
  ppc64: { create: 240, settime: 241 },
} as const;
const againNs = 20_000_000n;

const signatures = {
  pthread_sigmask: { arguments: ['i32', 'pointer', 'pointer'], return: 'i32' },
  signal: { arguments: ['i32', 'pointer'], return: 'pointer' },
  getrlimit: { arguments: ['i32', 'pointer'], return: 'i32' },
  setrlimit: { arguments: ['i32', 'pointer'], return: 'i32' },
  // These two are variadic in C; for whole numbers the calling convention is the same.
  syscall: { arguments: ['i64', 'u64', 'u64', 'u64', 'u64'], return: 'i64' },
  fcntl: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  execve: { arguments: ['pointer', 'pointer', 'pointer'], return: 'i32' },
  sigaction: { arguments: ['i32', 'pointer', 'pointer'], return: 'i32' },
  prctl: { arguments: ['i32', 'u64', 'u64', 'u64', 'u64'], return: 'i32' },
  waitid: { arguments: ['i32', 'u32', 'pointer', 'i32'], return: 'i32' },
  pipe2: { arguments: ['pointer', 'i32'], return: 'i32' },
  socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  setsockopt: { arguments: ['i32', 'i32', 'i32', 'pointer', 'u32'], return: 'i32' },
  bind: { arguments: ['i32', 'pointer', 'u32'], return: 'i32' },
  _exit: { arguments: ['i32'], return: 'void' },
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
  if (Number(call('syscall', BigInt(SYS_close_range), 3n, highest, BigInt(CLOSE_RANGE_CLOEXEC), 0n)) === 0)
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

/** Has every process that loses its parent below us become our child, as it would with pid 1. */
export function becomeSubreaper(): void {
  call('prctl', PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n);
}

/** Has ps(1) and pgrep(1) show this process by a name of at most 15 bytes, where Node's threads have their own. */
export function setProcessName(name: string): void {
  const text = Buffer.from(`${name}\0`);
  call('prctl', PR_SET_NAME, pointer(text), 0n, 0n, 0n);
}

/** The pid of a child of ours that has ended and that nobody has waited for yet; it is left as it is. */
export function endedChild(): number | undefined {
  const info = Buffer.alloc(siginfoBytes);
  const failed = Number(call('waitid', P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT)) !== 0;
  const pid = info.readInt32LE(siginfoPidAt);
  return failed || pid === 0 ? undefined : pid;
}

/** Waits for one child that has ended, so that it is no zombie any more. */
export function buryChild(pid: number): void {
  call('waitid', P_PID, pid, Buffer.alloc(siginfoBytes), WEXITED | WNOHANG);
}

/**
 * Has the signal's handler, which must be set already, serve once, and then the default again.
 *
 * For SIGSEGV and the like: one that another process sends is passed on, but a fault of our own
 * comes again as soon as the handler returns, and has to end us rather than go round for ever.
 *
 * @returns a function that has it serve once more
 */
export function serveOnce(signal: number): () => void {
  const action = Buffer.alloc(sigactionBytes);
  call('sigaction', signal, 0n, action);
  action.writeUInt32LE((action.readUInt32LE(sigactionFlagsAt) | SA_RESETHAND) >>> 0, sigactionFlagsAt);
  const arm = () => void call('sigaction', signal, action, 0n);
  arm();
  return arm;
}

/**
 * Blocks SIGPIPE in this thread, and in those that it makes from now on, and no other signal.
 *
 * What we write to a reader that has gone then raises none that is seen, while one that another
 * process sends is delivered to a thread that Node made before.
 */
export function blockOnlyBrokenPipes(): void {
  const mask = Buffer.alloc(sigsetBytes);
  mask.writeUInt32LE(1 << (signals.SIGPIPE - 1));
  call('pthread_sigmask', SIG_SETMASK, mask, 0n);
}

/** A pipe, both ends of which are closed on exec. Node's own for children are sockets, which /dev/stderr cannot open. */
export function makePipe(): { readonly from: number; readonly to: number } {
  const ends = new Int32Array(2);
  if (Number(call('pipe2', ends, O_CLOEXEC)) !== 0) throw new Error('pipe2 failed: too many open files');
  return { from: ends[0] ?? -1, to: ends[1] ?? -1 };
}

/**
 * Whether an IPv4 address can be bound now, as a daemon would that is to listen on it; it is given back
 * at once. To look through /proc/net/tcp took 10 ms, since the kernel goes through all of its tables.
 */
export function canBind(address: string, port: number): boolean {
  const socket = Number(call('socket', AF_INET, SOCK_STREAM_CLOEXEC, 0));
  if (socket < 0) return false;
  const one = Buffer.alloc(4);
  one.writeInt32LE(1);
  const at = Buffer.alloc(addressBytes);
  at.writeUInt16LE(AF_INET);
  at.writeUInt16BE(port, 2);
  at.set(address.split('.').map(Number), 4);
  try {
    call('setsockopt', socket, SOL_SOCKET, SO_REUSEADDR, one, one.length);
    return Number(call('bind', socket, at, at.length)) === 0;
  } finally {
    closeSync(socket);
  }
}

/**
 * A timer of the kernel's that continues us (SIGCONT) if somebody has stopped us by then: a stopped process
 * is the one that it still does something for.
 *
 * @returns sets the timer to so many milliseconds from now, or off; undefined on a machine whose system
 *   calls we do not know
 */
export function makeWaker(): ((inMs?: number) => void) | undefined {
  const numbers = timerCalls[process.arch as keyof typeof timerCalls];
  if (!numbers) return undefined;
  const event = Buffer.alloc(sigeventBytes);
  event.writeInt32LE(SIGCONT, sigeventSignoAt);
  const id = Buffer.alloc(8);
  const create = [BigInt(numbers.create), BigInt(CLOCK_MONOTONIC), pointer(event), pointer(id), 0n] as const;
  if (Number(call('syscall', ...create)) !== 0) return undefined;
  const timer = BigInt(id.readInt32LE());
  // struct itimerspec: the interval after that, and the time, in seconds and nanoseconds each.
  const spec = new BigInt64Array(4);
  const at = Buffer.from(spec.buffer);
  return (inMs = 0) => {
    const ns = BigInt(Math.round(inMs * 1e6));
    // Again and again, since we may be stopped anew before we have done anything.
    spec[1] = inMs > 0 ? againNs : 0n;
    spec[2] = ns / 1_000_000_000n;
    spec[3] = ns % 1_000_000_000n;
    call('syscall', BigInt(numbers.settime), timer, 0n, pointer(at), 0n);
  };
}

/** Ends this process at once, though a thread of ours may hang in a write. */
export function exitNow(code: number): void {
  call('_exit', code);
}
