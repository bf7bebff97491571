/** Being told to stop while we prepare. After the `exec` hand-off, signals go straight to the daemon. */

const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;

/** The signals that stop a start. */
export const stopSignals = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const;

/** Whether and by which signal we were told to stop. */
export interface StopRequest {
  /** Aborted when the first of the signals arrives. */
  readonly signal: AbortSignal;
  /** Its name and the exit code that tells of it, 128 + n. */
  by(): { readonly name: NodeJS.Signals; readonly code: number } | undefined;
}

/**
 * Listens for TERM, INT, QUIT and HUP, the last of which may mean something else to a mode.
 *
 * As a container's first process we would otherwise not be touched by them: the kernel drops
 * signals that PID 1 has no handler for.
 */
export function listenForStop(hangup: 'stops' | 'reloads'): StopRequest {
  const controller = new AbortController();
  let by: { name: NodeJS.Signals; code: number } | undefined;
  for (const name of stopSignals) {
    process.on(name, () => {
      // The configuration has not been read yet, or is handed over to who can read it again.
      if (name === 'SIGHUP' && hangup === 'reloads') return;
      by ??= { name, code: 128 + numbers[name] };
      controller.abort();
    });
  }
  return { signal: controller.signal, by: () => by };
}
