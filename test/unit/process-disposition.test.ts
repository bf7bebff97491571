import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { watchChanges } from '../../src/process/changes.ts';
import { type Daemon, type End, endDaemon } from '../../src/process/daemon.ts';
import { dispositionOf } from '../../src/process/disposition.ts';

const { SIGTERM, SIGHUP, SIGKILL, SIGUSR1, SIGUSR2 } = constants.signals;

/** Waits until something holds. */
const until = (holds: () => boolean) => vi.waitUntil(holds, { timeout: 20_000, interval: 5 });

/** A program that lives until the test is over; a shell's script says `ready` once it is as it is to be. */
async function startChild(program: string, ...args: string[]) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const { pid = 0 } = child;
  onTestFinished(() => {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  });
  await once(child, 'spawn');
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  if (program === 'sh') await until(() => said.includes('ready'));
  return { child, pid, said: () => said };
}
const shell = (script: string) => startChild('sh', '-c', script);

describe('what a process does with a signal', () => {
  test.each([
    ['ignores it', "trap '' TERM; echo ready; sleep 1000; :", 'ignored'],
    ['catches it', 'trap : TERM; echo ready; sleep 1000; :', 'caught'],
    ['has no mind of its own', 'echo ready; sleep 1000; :', 'default'],
    ['has changed its mind', "trap '' TERM; trap - TERM; echo ready; sleep 1000; :", 'default'],
    ['ignores another', "trap '' USR1; trap : USR2; echo ready; sleep 1000; :", 'default'],
  ])('a shell that %s', async (_, script, disposition) => {
    expect(dispositionOf((await shell(script)).pid, SIGTERM)).toBe(disposition);
  });

  test('each signal is told from its neighbours', async () => {
    const { pid } = await shell("trap '' USR1; trap : USR2; echo ready; sleep 1000; :");
    expect(dispositionOf(pid, SIGUSR1)).toBe('ignored');
    expect(dispositionOf(pid, SIGUSR2)).toBe('caught');
    for (const signal of [SIGUSR1 - 1, SIGUSR1 + 1, SIGUSR2 + 1, SIGHUP, 64]) {
      expect(dispositionOf(pid, signal)).toBe('default');
    }
  });

  test('what ignores a signal passes that on to what it becomes, and what catches it does not', async () => {
    for (const [trap, disposition] of [
      ["trap '' TERM", 'ignored'],
      ['trap : TERM', 'default'],
    ] as const) {
      const { pid } = await shell(`${trap}; echo ready; exec sleep 1000`);
      await until(() => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
      expect(dispositionOf(pid, SIGTERM)).toBe(disposition);
    }
  });

  test('a program without a word on it', async () => {
    const { pid } = await startChild('sleep', '1000');
    await until(() => dispositionOf(pid, SIGTERM) === 'default');
    // Nobody can do anything about this one.
    expect(dispositionOf(pid, SIGKILL)).toBe('default');
  });

  test('one of ours', () => {
    const before = dispositionOf(process.pid, SIGUSR2);
    const handler = () => undefined;
    process.on('SIGUSR2', handler);
    expect(dispositionOf(process.pid, SIGUSR2)).toBe('caught');
    process.off('SIGUSR2', handler);
    expect(dispositionOf(process.pid, SIGUSR2)).toBe(before);
    expect(before).toBe('default');
  });

  test('one that is gone, and none at all', async () => {
    const { child, pid } = await startChild('sleep', '1000');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(dispositionOf(pid, SIGTERM)).toBeUndefined();
    expect(dispositionOf(0, SIGTERM)).toBeUndefined();
  });
});

/** The child as a daemon, with the signals that it was sent. */
function daemonOf(child: ChildProcess) {
  let end: End | undefined;
  const sent: NodeJS.Signals[] = [];
  const gone = new Promise<End>((resolve) => {
    child.on('exit', (code, signal) => {
      end = signal ? { signal } : { status: code ?? 0 };
      resolve(end);
    });
  });
  const daemon: Daemon = {
    name: 'one',
    pid: child.pid ?? 0,
    sharesTerminal: false,
    ended: () => end,
    gone,
    lastLines: () => [],
    drained: async () => undefined,
    send: (signal) => {
      sent.push(signal);
      child.kill(signal);
    },
  };
  return { daemon, sent, terms: () => sent.filter((signal) => signal === 'SIGTERM').length };
}

/** Ends it; tells how it ended, and whether it had to be killed. */
async function end(daemon: Daemon, graceMs: number, over = new AbortController().signal) {
  let killed = false;
  await endDaemon(daemon, {
    signal: 'SIGTERM',
    graceMs,
    hurry: new AbortController().signal,
    over,
    onKill: () => {
      killed = true;
    },
    others: () => [],
    changes: watchChanges(),
  });
  return { end: daemon.ended(), killed };
}

describe('ending a daemon that ignores the signal for a moment', () => {
  const starting = "trap '' TERM; echo ready; sleep 1; trap - TERM; echo listens; sleep 1000; :";

  test('it is sent again until it is heard', async () => {
    const { child } = await shell(starting);
    const { daemon, terms } = daemonOf(child);
    expect(await end(daemon, 30_000)).toEqual({ end: { signal: 'SIGTERM' }, killed: false });
    expect(terms()).toBeGreaterThan(1);
  });

  test('one signal alone would have been lost', async () => {
    const { child, said } = await shell(starting);
    const { daemon } = daemonOf(child);
    daemon.send('SIGTERM');
    await until(() => said().includes('listens'));
    expect(daemon.ended()).toBeUndefined();
  });

  test.each([
    ['has no mind of its own', 'echo ready; sleep 1000; :', { signal: 'SIGTERM' }],
    ['catches it', "trap 'kill $!; exit 7' TERM; sleep 1000 & echo ready; wait", { status: 7 }],
  ])('one that %s is told once', async (_, script, how) => {
    const { child } = await shell(script);
    const { daemon, terms } = daemonOf(child);
    expect(await end(daemon, 30_000)).toEqual({ end: how, killed: false });
    expect(terms()).toBe(1);
  });

  test('one that always does is killed after its grace', async () => {
    const { child } = await shell("trap '' TERM; echo ready; sleep 1000; :");
    const { daemon, terms } = daemonOf(child);
    expect(await end(daemon, 300)).toEqual({ end: { signal: 'SIGKILL' }, killed: true });
    expect(terms()).toBeGreaterThan(1);
  });

  test('one that always does is killed at once where there is no patience left', async () => {
    const { child } = await shell("trap '' TERM; echo ready; sleep 1000; :");
    const { daemon, terms } = daemonOf(child);
    expect(await end(daemon, 600_000, AbortSignal.abort())).toEqual({
      end: { signal: 'SIGKILL' },
      killed: true,
    });
    expect(terms()).toBe(1);
  });

  test('one that is gone is sent nothing', async () => {
    const { child } = await startChild('sleep', '1000');
    const { daemon, sent } = daemonOf(child);
    child.kill('SIGKILL');
    await daemon.gone;
    expect((await end(daemon, 30_000)).killed).toBe(false);
    expect(sent).toEqual([]);
  });
});
