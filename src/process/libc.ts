/**
 * The few libc calls that Node does not offer, through node:ffi, so that no native code of ours
 * is needed. Numbers are those of Linux on amd64, arm64 and ppc64le, where they are the same.
 */

const SIG_SETMASK = 2;
const SIG_DFL = 0n;
const RLIMIT_NOFILE = 7;
const F_SETFD = 2;
const signals = { SIGPIPE: 13, SIGXFSZ: 25 } as const;
// sizeof(sigset_t) in glibc.
const sigsetBytes = 128;

// node:ffi is loaded when the first call is made; this costs less than half a millisecond.
let loaded: ReturnType<typeof load> | undefined;

function load() {
  const ffi = process.getBuiltinModule('node:ffi');
  const { functions } = ffi.dlopen('libc.so.6', {
    pthread_sigmask: { arguments: ['i32', 'pointer', 'pointer'], return: 'i32' },
    signal: { arguments: ['i32', 'pointer'], return: 'pointer' },
    getrlimit: { arguments: ['i32', 'pointer'], return: 'i32' },
    setrlimit: { arguments: ['i32', 'pointer'], return: 'i32' },
    // Variadic in C; for whole numbers the calling convention is the same.
    fcntl: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
    execve: { arguments: ['pointer', 'pointer', 'pointer'], return: 'i32' },
  });
  return { functions, pointer: ffi.getRawPointer };
}

function libc() {
  loaded ??= load();
  return loaded;
}

/** Unblocks every signal in this thread, which is the one that survives execve(2). */
export function unblockSignals(): void {
  const { functions, pointer } = libc();
  functions.pthread_sigmask(SIG_SETMASK, pointer(Buffer.alloc(sigsetBytes)), 0n);
}

/** Gives a signal its default disposition again. Node ignores these two, and execve(2) keeps that. */
export function defaultSignal(name: keyof typeof signals): void {
  libc().functions.signal(signals[name], SIG_DFL);
}

/** The limits on open files, as getrlimit(2) has them. */
export function fileLimits(): { soft: bigint; hard: bigint } {
  const { functions, pointer } = libc();
  const limits = new BigUint64Array(2);
  functions.getrlimit(RLIMIT_NOFILE, pointer(limits));
  return { soft: limits[0] ?? 0n, hard: limits[1] ?? 0n };
}

/** Sets the soft limit on open files; false when the kernel refuses, which it does above the hard limit. */
export function setSoftFileLimit(soft: number): boolean {
  const { functions, pointer } = libc();
  return functions.setrlimit(RLIMIT_NOFILE, pointer(new BigUint64Array([BigInt(soft), fileLimits().hard]))) === 0;
}

/**
 * execve(2) with bytes, for arguments or an environment that are not valid UTF-8, which
 * `process.execve` cannot pass. Comes back only if the kernel refused.
 */
export function execveBytes(program: string, args: readonly Buffer[], env: readonly Buffer[]): void {
  const { functions, pointer } = libc();
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
  for (const descriptor of [0, 1, 2]) functions.fcntl(descriptor, F_SETFD, 0);
  functions.execve(string(Buffer.from(program)), pointer(argv), pointer(envp));
  kept.length = 0;
}
