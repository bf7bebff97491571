/** Keeps Node's hands off the descriptors that the daemon will inherit. */

/**
 * Makes `process.stdin`, `stdout` and `stderr` undefined, so that nothing can open them.
 *
 * Opening one sets O_NONBLOCK on a pipe's or socket's description, which is shared with everybody
 * who holds it and outlives execve(2): the daemon would meet EAGAIN where it expects to block. And
 * Node itself opens stderr whenever any pipe of a child is closed (it asks whether that pipe is
 * `process.stderr`, in net.js), so that not touching them ourselves is not enough.
 */
export function keepStandardStreamsShut(): void {
  for (const name of ['stdin', 'stdout', 'stderr'] as const) {
    Object.defineProperty(process, name, { value: undefined });
  }
}
