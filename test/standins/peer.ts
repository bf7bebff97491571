/**
 * How the stand-ins talk to each other: over TCP the client sends one line, a munge credential or
 * "none", and the server answers with a line "set NAME VALUE=…" for each of its sets, or
 * "rejected: REASON", then "end", and closes. With " stay" behind its credential, a client that is
 * welcome stays connected. It is nothing like LDMS's protocol; the credentials are real.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';

/** A metric set: its name, and `METRIC=VALUE` each. */
export interface MetricSet {
  readonly name: string;
  readonly values: readonly string[];
}

/** How a side authenticates: with munge through a socket, or not. */
export type Auth = { readonly plugin: 'none' } | { readonly plugin: 'munge'; readonly socket: string };

/** What asking a daemon for its sets came to. */
export type Answer = { readonly sets: readonly MetricSet[] } | Failure;

/** Why a daemon has not answered. */
export interface Failure {
  readonly failed: 'connect' | 'rejected';
  readonly because: string;
}

/** A connection that stays. */
export interface Connection {
  /** Resolves once either side has closed it. */
  readonly closed: Promise<void>;
  close(): void;
}

const limitMs = 5000;

/**
 * The socket that the munge plugin uses: the one of `socket=PATH`, or else libmunge's default.
 *
 * That default below LDMS_ENTRYPOINT_ROOT is the one liberty that a stand-in takes: the real
 * ldmsd only knows /run/munge/munge.socket.2, and local mode could not be shown without root.
 */
export function mungeSocket(args: readonly string[]): string {
  const given = args.find((arg) => arg.startsWith('socket='))?.slice('socket='.length);
  return given || `${process.env['LDMS_ENTRYPOINT_ROOT'] ?? ''}/run/munge/munge.socket.2`;
}

/** The line that a client introduces itself with. */
export async function credential(auth: Auth): Promise<{ line: string } | { wrong: string }> {
  if (auth.plugin === 'none') return { line: 'none' };
  const { status, stdout, stderr } = await run('munge', ['--no-input', `--socket=${auth.socket}`]);
  return status === 0 ? { line: stdout.trim() } : { wrong: lastWords(stderr, 'munge', status) };
}

/** Why a client is turned away; undefined if it is welcome. */
async function refusal(line: string, auth: Auth): Promise<string | undefined> {
  if (auth.plugin === 'none') return line === 'none' ? undefined : 'this daemon takes auth none';
  const { status, stderr } = await run('unmunge', ['--no-output', `--socket=${auth.socket}`], line);
  return status === 0 ? undefined : lastWords(stderr, 'unmunge', status);
}

/** Serves one client. */
export function serve(socket: Socket, auth: Auth, sets: () => readonly MetricSet[]): void {
  let text = '';
  socket.setEncoding('utf8').setTimeout(limitMs, () => socket.destroy());
  // A health check connects and leaves: nothing to tell anybody.
  socket.on('error', () => socket.destroy());
  socket.on('data', (more: string) => {
    text += more;
    const end = text.indexOf('\n');
    if (end < 0 && text.length < 65_536) return;
    socket.removeAllListeners('data');
    const [line = '', stays] = text.slice(0, Math.max(0, end)).split(' ');
    void refusal(line, auth).then((why) => {
      const lines = why
        ? [`rejected: ${why}`]
        : sets().map(({ name, values }) => `set ${name} ${values.join(' ')}`);
      const reply = [...lines, 'end', ''].join('\n');
      if (why || stays !== 'stay') socket.end(reply);
      else socket.setTimeout(0).resume().write(reply);
    });
  });
}

/** Asks a daemon for its sets. */
export async function ask(host: string, port: number, auth: Auth): Promise<Answer> {
  const own = await credential(auth);
  if ('wrong' in own) return { failed: 'rejected', because: own.wrong };
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host, port });
    const fail = (because: string) => {
      socket.destroy();
      resolve({ failed: socket.bytesWritten > 0 ? 'rejected' : 'connect', because });
    };
    socket.setEncoding('utf8').setTimeout(limitMs, () => fail('no answer'));
    socket.on('connect', () => socket.write(`${own.line}\n`));
    socket.on('error', (error) => fail(error.message));
    socket.on('data', (more: string) => {
      text += more;
    });
    socket.on('end', () => {
      const rejected = /^rejected: (.*)/.exec(text)?.[1];
      if (rejected === undefined && text.endsWith('end\n')) resolve({ sets: parseSets(text) });
      else resolve({ failed: 'rejected', because: rejected ?? 'the connection was closed' });
    });
  });
}

/** Connects to a daemon, authenticates, and stays connected. */
export function stayWith(host: string, port: number, auth: Auth): Promise<Connection | Failure> {
  return new Promise((resolve) => {
    const closed = Promise.withResolvers<void>();
    let connected = false;
    let text = '';
    // The daemon listens on IPv4.
    const socket = connect({ host, port, family: 4 });
    const fail = (because: string) => {
      socket.destroy();
      resolve({ failed: connected ? 'rejected' : 'connect', because });
    };
    socket.setEncoding('utf8').setTimeout(limitMs, () => fail('no answer'));
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => {
      fail('the connection was closed');
      closed.resolve();
    });
    socket.on('connect', () => {
      connected = true;
      // Only now, so that no munge is run for a daemon that is not there.
      void credential(auth).then((own) =>
        'wrong' in own ? fail(own.wrong) : socket.write(`${own.line} stay\n`),
      );
    });
    socket.on('data', (more: string) => {
      text += more;
      if (!/(^|\n)end\n$/.test(text)) return;
      const rejected = /^rejected: (.*)/.exec(text)?.[1];
      if (rejected !== undefined) return fail(rejected);
      socket.removeAllListeners('data').setTimeout(0).resume();
      resolve({ closed: closed.promise, close: () => void socket.destroy() });
    });
  });
}

function parseSets(text: string): MetricSet[] {
  return text.split('\n').flatMap((line) => {
    const [word, name, ...values] = line.split(' ');
    return word === 'set' && name ? [{ name, values }] : [];
  });
}

/** A munge client's own last line, without its name in front. */
function lastWords(stderr: string, program: string, status: number | null): string {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return last.replace(/^(un)?munge: (Error: )?/, '') || `${program} ended with ${status ?? 'a signal'}`;
}

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Runs a small program to its end; one that cannot be run leaves the reason as its stderr. */
function run(
  program: string,
  args: readonly string[],
  input = '',
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const output = { stdout: '', stderr: '' };
    const child = spawn(program, args, { stdio: 'pipe', timeout: limitMs });
    children.add(child);
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        output[stream] += text;
      });
    }
    const done = (status: number | null, stderr = output.stderr) => {
      children.delete(child);
      resolve({ status, stdout: output.stdout, stderr });
    };
    child.on('error', (error) => done(null, error.message));
    child.on('close', (status) => done(status));
    child.stdin.on('error', () => undefined).end(input);
  });
}
