/** Short-lived programs that we run and wait for. */

/** What a finished program left. */
export interface Finished {
  /** Exit status; null when it was killed or never ran. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

// What a program wrote before it ended is in the pipe by then.
const drainMs = 100;

/** Bounds of a run. */
export interface Bounds {
  /** After so many milliseconds it is killed. */
  readonly limitMs: number;
  /** Kills it at once. */
  readonly stop: AbortSignal;
  /** Its standard input; empty if left out. */
  readonly input?: string;
  /** Variables that it is given beside ours. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a small program to its end. Never throws: a program that cannot be run has a null code and
 * the reason as its stderr.
 *
 * `node:child_process` and not execa: this is on the way of starts that end in `exec`, and loading
 * execa touches `process.stdin`, `stdout` and `stderr`, which sets O_NONBLOCK on pipes that the
 * daemon inherits. It would also take as long as all of the rest.
 */
export function runBriefly(program: string, args: readonly string[], bounds: Bounds): Promise<Finished> {
  const { spawn } = process.getBuiltinModule('node:child_process');
  return new Promise((resolve) => {
    const output = { stdout: '', stderr: '' };
    let timedOut = false;
    const stdin = bounds.input === undefined ? 'ignore' : 'pipe';
    // In a process group of its own, so that what it has started itself can be ended with it.
    const child = spawn(program, args, {
      stdio: [stdin, 'pipe', 'pipe'],
      detached: true,
      ...(bounds.env && { env: { ...process.env, ...bounds.env } }),
    });
    const kill = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // All of the group has ended already.
      }
    };
    const timer = setTimeout(() => {
      timedOut = true;
      kill();
    }, bounds.limitMs);
    bounds.stop.addEventListener('abort', kill);
    if (bounds.stop.aborted) kill();
    let drain: NodeJS.Timeout | undefined;
    const finish = (code: number | null) => {
      clearTimeout(timer);
      clearTimeout(drain);
      bounds.stop.removeEventListener('abort', kill);
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
      resolve({ code, ...output, timedOut });
    };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream]?.setEncoding('utf8').on('data', (text: string) => {
        output[stream] += text;
      });
    }
    child.on('error', (error) => {
      output.stderr += error.message;
      finish(null);
    });
    child.on('close', finish);
    // Something that it left behind may hold its pipes open for ever: its own end is what counts.
    child.on('exit', (code) => {
      drain = setTimeout(finish, drainMs, code);
    });
    // A program that ends without reading its input closes the pipe: its exit status tells why.
    child.stdin?.on('error', () => undefined).end(bounds.input);
  });
}

/** Waits, or less long if the signal is aborted. */
export function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      stop.removeEventListener('abort', done);
      resolve();
    }
    stop.addEventListener('abort', done);
    if (stop.aborted) done();
  });
}
