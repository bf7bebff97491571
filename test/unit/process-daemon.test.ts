import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { watchChanges } from '../../src/process/changes.ts';
import {
  type DaemonSpec,
  type End,
  type Ending,
  endCode,
  endDaemon,
  endWords,
  startDaemon,
} from '../../src/process/daemon.ts';
import type { Output } from '../../src/process/output.ts';
import { isAlive } from '../support/machine.ts';

describe('how a process ended', () => {
  test.each([
    [{ status: 0 }, 'exit status 0', 0],
    [{ status: 1 }, 'exit status 1', 1],
    [{ status: 255 }, 'exit status 255', 255],
    [{ signal: 'SIGHUP' }, 'signal SIGHUP', 129],
    [{ signal: 'SIGKILL' }, 'signal SIGKILL', 137],
    [{ signal: 'SIGSEGV' }, 'signal SIGSEGV', 139],
    [{ signal: 'SIGTERM' }, 'signal SIGTERM', 143],
    [{ never: 'permission denied', code: 126 }, 'permission denied', 126],
    [{ never: 'it does not exist', code: 127 }, 'it does not exist', 127],
  ] satisfies [End, string, number][])('%j', (end, words, code) => {
    expect(endWords(end)).toBe(words);
    expect(endCode(end)).toBe(code);
  });
});

const sessions: number[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) {
    try {
      process.kill(-session, 'SIGKILL');
    } catch {
      // All of it has ended.
    }
  }
});

/** An output that keeps what it is given, and tells of each line. */
function listening(): { output: Output; lines: string[]; line: (wanted: RegExp) => Promise<string> } {
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const follow = (stream: Readable, to: 1 | 2, mark: string, hear?: (line: string) => void) => {
    let text = '';
    const own: string[] = [];
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const whole = text.split('\n');
      text = whole.pop() ?? '';
      for (const each of whole) {
        own.push(each);
        hear?.(each);
        lines.push(`${to} ${mark}: ${each}`);
      }
      for (const look of waiting) look();
    });
    return { lastLines: () => own, ended: new Promise<void>((resolve) => stream.on('close', resolve)) };
  };
  return {
    output: { write: () => undefined, follow, flush: async () => true },
    lines,
    line: (wanted) =>
      new Promise((resolve) => {
        const look = () => {
          const found = lines.find((each) => wanted.test(each));
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
}

/** Starts a shell script as a daemon. */
function shell(script: string, more: Partial<DaemonSpec> = {}) {
  const { output, lines, line } = listening();
  const spec = { name: 'it', path: '/bin/sh', args: ['-c', script], env: process.env, mark: 'it', ...more };
  const daemon = startDaemon(spec, output);
  if (daemon.pid > 0) sessions.push(daemon.pid);
  return { daemon, lines, line };
}

describe('a daemon that is started', () => {
  test.each([
    ['exit 0', { status: 0 }],
    ['exit 3', { status: 3 }],
    ['kill -TERM $$', { signal: 'SIGTERM' }],
    ['kill -KILL $$', { signal: 'SIGKILL' }],
  ])('%s: its end is known', async (script, end) => {
    const { daemon } = shell(script);
    expect(daemon.ended()).toBeUndefined();
    expect(await daemon.gone).toEqual(end);
    expect(daemon.ended()).toEqual(end);
  });

  test('its lines pass through us, marked as of stdout and of stderr', async () => {
    const heard: string[] = [];
    const { daemon, lines } = shell('echo out; echo err >&2', { hear: (line) => heard.push(line) });
    await daemon.gone;
    await daemon.drained(60_000);
    expect(lines.toSorted()).toEqual(['1 it: out', '2 it: err']);
    expect(heard.toSorted()).toEqual(['err', 'out']);
    expect(daemon.lastLines()).toEqual(['out', 'err']);
  });

  // Node's own pipes to children are sockets, which cannot be opened by that name.
  test('it may open /dev/stdout and /dev/stderr, and has nothing to read', async () => {
    const { daemon, lines } = shell('echo a > /dev/stdout; echo b > /dev/stderr; read x || echo end');
    await daemon.gone;
    await daemon.drained(60_000);
    expect(lines.toSorted()).toEqual(['1 it: a', '1 it: end', '2 it: b']);
  });

  test('it leads a session of its own, and has no descriptor of ours', async () => {
    const { daemon, lines } = shell('cut -d" " -f1,6 /proc/$$/stat; ls /proc/$$/fd; :');
    await daemon.gone;
    await daemon.drained(60_000);
    expect(lines).toEqual([`${daemon.pid} ${daemon.pid}`, '0', '1', '2'].map((line) => `1 it: ${line}`));
  });

  test('it has no descriptor that our caller has left open to us, either', () => {
    const module = JSON.stringify(join(import.meta.dirname, '../../src/process/daemon.ts'));
    const code = `import { startDaemon } from ${module};
      startDaemon({ name: 'it', path: '/bin/sh', args: ['-c', 'echo daemon; ls /proc/$$/fd; :'], env: process.env });`;
    const script = 'exec 100</dev/null; ls /proc/$$/fd; exec "$0" --input-type=module --eval "$1"';
    const { stdout, stderr } = spawnSync('bash', ['-c', script, process.execPath, code], {
      encoding: 'utf8',
    });
    expect(stdout, 'it was open').toMatch(/^100$/m);
    expect(stdout, stderr).toMatch(/^daemon\n0\n1\n2\n$/m);
  });

  test('it has the environment that it is given, and no other', async () => {
    const { daemon, lines } = shell('echo "$OWN-$HOME"', { env: { PATH: process.env['PATH'], OWN: 'x' } });
    await daemon.gone;
    await daemon.drained(60_000);
    expect(lines).toEqual(['1 it: x-']);
  });

  test('its soft limit on open files is set, and ours is as before', async () => {
    const ours = shell('ulimit -n');
    const limited = shell('ulimit -n', { nofile: 77 });
    const after = shell('ulimit -n');
    for (const { daemon } of [ours, limited, after]) {
      await daemon.gone;
      await daemon.drained(60_000);
    }
    expect(limited.lines).toEqual(['1 it: 77']);
    expect(after.lines).toEqual(ours.lines);
  });

  test('its output is waited for no longer than the limit, though what it left holds its pipes', async () => {
    const { daemon, lines } = shell('sleep 1000 & echo said');
    await daemon.gone;
    await daemon.drained(100);
    expect(lines).toEqual(['1 it: said']);
  });

  test('a signal to one that has ended goes nowhere', async () => {
    const { daemon } = shell('exit 0');
    await daemon.gone;
    expect(() => daemon.send('SIGTERM')).not.toThrow();
  });
});

describe('a daemon is ended', () => {
  const ending = (more: Partial<Ending> = {}): Ending => ({
    signal: 'SIGTERM',
    graceMs: 60_000,
    onKill: () => undefined,
    hurry: new AbortController().signal,
    over: new AbortController().signal,
    others: () => [],
    changes: watchChanges(),
    ...more,
  });

  test('by its signal, which it may take in its own way', async () => {
    const { daemon, line, lines } = shell(
      'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.01; done',
    );
    await line(/ready/);
    await endDaemon(daemon, ending());
    expect(daemon.ended()).toEqual({ status: 5 });
    await daemon.drained(60_000);
    expect(lines).toContain('1 it: bye');
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGQUIT'] as const)('by %s, if that is the signal', async (signal) => {
    const { daemon, line } = shell('echo ready; exec sleep 1000');
    await line(/ready/);
    await endDaemon(daemon, ending({ signal }));
    expect(daemon.ended()).toEqual({ signal });
  });

  // The kernel holds a signal that is caught back until it goes on.
  test('when it is stopped (SIGSTOP), too', async () => {
    const { daemon, line } = shell('trap "exit 5" TERM; echo ready; while :; do sleep 0.01; done');
    await line(/ready/);
    daemon.send('SIGSTOP');
    await endDaemon(daemon, ending());
    expect(daemon.ended()).toEqual({ status: 5 });
  });

  test('by SIGKILL when its grace is over', async () => {
    const { daemon, line } = shell('trap "" TERM; echo ready; while :; do sleep 0.01; done');
    await line(/ready/);
    await endDaemon(daemon, ending({ graceMs: 30 }));
    expect(daemon.ended()).toEqual({ signal: 'SIGKILL' });
  });

  test('by SIGKILL when there is no time at all', async () => {
    const { daemon, line } = shell('trap "" TERM; echo ready; while :; do sleep 0.01; done');
    await line(/ready/);
    await endDaemon(daemon, ending({ over: AbortSignal.abort(), hurry: AbortSignal.abort() }));
    expect(await daemon.gone).toEqual({ signal: 'SIGKILL' });
  });

  test('with what it has started, which ignores the signal', async () => {
    const { daemon, line } = shell(
      `sh -c 'trap "" TERM; echo child $$; while :; do sleep 0.01; done' & wait`,
    );
    const child = Number((await line(/child/)).split(' ').at(-1));
    await endDaemon(daemon, ending({ others: () => [child].filter(isAlive) }));
    expect(daemon.ended()).toEqual({ signal: 'SIGTERM' });
    expect(isAlive(child)).toBe(false);
  });

  test('one that has ended already leaves nothing behind either', async () => {
    const { daemon, line } = shell(`sleep 1000 & echo child $!`);
    const child = Number((await line(/child/)).split(' ').at(-1));
    await daemon.gone;
    expect(isAlive(child)).toBe(true);
    await endDaemon(daemon, ending({ others: () => [child].filter(isAlive) }));
    expect(isAlive(child)).toBe(false);
  });
});

test('a daemon that cannot be started has never begun, and says why', async () => {
  const { daemon } = shell('exit 0', { path: '/no/such/program', env: { PATH: '/nonexistent' } });
  expect(daemon.pid).toBe(0);
  const end = await daemon.gone;
  expect(end).toEqual({ never: 'it does not exist', code: 127 });
  expect(() => daemon.send('SIGTERM')).not.toThrow();
});

test('every signal that may be sent has a number for its exit code', () => {
  for (const [signal, number] of Object.entries(constants.signals)) {
    expect(endCode({ signal: signal as NodeJS.Signals })).toBe(128 + number);
  }
});
