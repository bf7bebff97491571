import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, test } from 'vitest';
import { descendants } from '../../src/process/family.ts';
import { commandLine, isAlive } from '../support/machine.ts';

const started: ChildProcess[] = [];
afterEach(() => {
  for (const { pid } of started.splice(0)) {
    try {
      if (pid) process.kill(-pid, 'SIGKILL');
    } catch {
      // All of its group has ended.
    }
  }
});

/** Starts a shell script in a session of its own; `line` waits for the next line that it prints. */
function shell(script: string, ...args: string[]) {
  const child = spawn('sh', ['-c', script, 'sh', ...args], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  started.push(child);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const line = async () => String((await lines.next()).value);
  return { child, pid: child.pid ?? 0, line };
}

const pidsOf = (ancestor: number) => descendants(ancestor).map(({ pid }) => pid);

describe('our descendants', () => {
  test('a process without children has none', async () => {
    const { pid, line } = shell('echo ready; read end');
    await line();
    expect(descendants(pid)).toEqual([]);
    expect(pidsOf(process.pid)).toContain(pid);
  });

  test('children and grandchildren, parents first, each with its parent and session', async () => {
    const { pid, line } = shell(`sh -c 'sleep 1000 & echo $! $$; wait' & wait`);
    const [grandchild = 0, child = 0] = (await line()).split(' ').map(Number);
    expect(descendants(pid)).toEqual([
      { pid: child, parent: pid, session: pid },
      { pid: grandchild, parent: child, session: pid },
    ]);
    const found = pidsOf(process.pid);
    for (const each of [pid, child, grandchild]) expect(found).toContain(each);
    expect(found.indexOf(child)).toBeLessThan(found.indexOf(grandchild));
  });

  test('one that has begun a session of its own is told by it', async () => {
    const { pid, line } = shell('setsid sh -c "echo \\$\\$; exec sleep 1000" & wait');
    const other = Number(await line());
    expect(descendants(pid)).toEqual([{ pid: other, parent: expect.any(Number), session: other }]);
    process.kill(other, 'SIGKILL');
  });

  test('a zombie is none, though nobody has waited for it', async () => {
    const { pid, line } = shell('sleep 1000 & echo $!; exec sleep 1000');
    const child = Number(await line());
    // A shell waits for its children, `sleep` for none.
    await expect.poll(() => commandLine(pid)[0], { timeout: 20_000, interval: 5 }).toBe('sleep');
    expect(pidsOf(pid)).toEqual([child]);
    process.kill(child, 'SIGKILL');
    await expect.poll(() => isAlive(child), { timeout: 20_000, interval: 5 }).toBe(false);
    expect(readFileSync(`/proc/${child}/stat`, 'utf8'), 'it is still there').toMatch(/\) Z /);
    expect(descendants(pid)).toEqual([]);
  });

  test('a name with blanks and parentheses is no trouble', async () => {
    const { pid, line } = shell(
      'printf "a) Z (b" > /proc/self/comm; exec 3< /dev/null; sleep 1000 & echo $!; wait',
    );
    const child = Number(await line());
    expect(pidsOf(pid)).toEqual([child]);
    expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain('(a) Z (b)');
    expect(descendants(process.pid)).toContainEqual({ pid, parent: process.pid, session: pid });
  });

  test('children of a thread other than the first', async () => {
    const worker = `const { spawn } = require('node:child_process'); const { writeSync } = require('node:fs');
      writeSync(1, spawn('sleep', ['1000']).pid + '\\n');`;
    const code = `new (require('node:worker_threads').Worker)(${JSON.stringify(worker)}, { eval: true })`;
    const { pid, line } = shell('exec "$1" -e "$2"', process.execPath, code);
    const child = Number(await line());
    expect(pidsOf(pid)).toContain(child);
  });

  test('a process that is gone has none', async () => {
    const { child, pid } = shell('exit 0');
    await once(child, 'exit');
    expect(descendants(pid)).toEqual([]);
    expect(pidsOf(process.pid)).not.toContain(pid);
  });
});
