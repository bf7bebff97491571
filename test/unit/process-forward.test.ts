import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Daemon } from '../../src/process/daemon.ts';
import { passOn } from '../../src/process/forward.ts';

/** What a process that begins with `trap` is sent when we get a signal. */
async function sent(signal: NodeJS.Signals, trap: string): Promise<NodeJS.Signals[]> {
  const child = spawn('sh', ['-c', `${trap}; echo ready; read end`], { stdio: ['pipe', 'pipe', 'ignore'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const signals: NodeJS.Signals[] = [];
  const daemon = { pid: child.pid ?? 0, send: (one: NodeJS.Signals) => void signals.push(one) };
  passOn(signal, daemon as unknown as Daemon);
  return signals;
}

describe('a signal is passed on as it is', () => {
  test.each(['SIGHUP', 'SIGUSR1', 'SIGWINCH', 'SIGCONT', 'SIGQUIT', 'SIGTERM'] as const)(
    '%s',
    async (signal) => {
      expect(await sent(signal, ':')).toEqual([signal]);
    },
  );

  test.each(['TSTP', 'TTIN', 'TTOU'])('SIG%s, to one that catches or ignores it', async (name) => {
    expect(await sent(`SIG${name}` as NodeJS.Signals, `trap : ${name}`)).toEqual([`SIG${name}`]);
    expect(await sent(`SIG${name}` as NodeJS.Signals, `trap "" ${name}`)).toEqual([`SIG${name}`]);
  });
});

// In a session without a terminal their default action, which is to stop, does not apply.
test.each(['TSTP', 'TTIN', 'TTOU'])('SIG%s stops one that leaves it at its default', async (name) => {
  expect(await sent(`SIG${name}` as NodeJS.Signals, ':')).toEqual(['SIGSTOP']);
  expect(await sent(`SIG${name}` as NodeJS.Signals, 'trap : USR1')).toEqual(['SIGSTOP']);
});

test('one that is gone is sent the signal itself, which does no harm', async () => {
  const signals: NodeJS.Signals[] = [];
  const child = spawn('true');
  await once(child, 'exit');
  const daemon = { pid: child.pid ?? 0, send: (one: NodeJS.Signals) => void signals.push(one) };
  passOn('SIGTSTP', daemon as unknown as Daemon);
  expect(signals).toEqual(['SIGTSTP']);
});
