import { afterEach, describe, expect, test } from 'vitest';
import type { Task } from '../../src/plan.ts';
import { watchChanges } from '../../src/process/changes.ts';
import type { Daemon } from '../../src/process/daemon.ts';
import type { Kept } from '../../src/process/means.ts';
import { lastWords, runTask } from '../../src/process/task.ts';
import { fakeHost } from '../support/fake-host.ts';
import { isAlive } from '../support/machine.ts';

const pids: number[] = [];
afterEach(() => {
  for (const pid of pids.splice(0)) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // All of it has ended.
    }
  }
});

const done = 'LDMS cluster configuration saved to etcd cluster.';

/** Runs a shell script as the task, with what it leaves in etcd as told by `kept`. */
async function judge(
  script: string,
  kept: Partial<Kept> = {},
  more: Partial<Task> = {},
  stop?: AbortController,
) {
  const calls: string[] = [];
  const task: Task = {
    name: 'maestro_ctrl',
    command: { program: 'maestro_ctrl', args: ['-c', script] },
    limitMs: 60_000,
    saysDone: 'configuration saved to etcd cluster',
    saysFailed: '^Error ',
    leaves: { url: 'http://127.0.0.1:1', prefix: '/m/', key: '/m/last_updated' },
    ifNot: { kind: 'maestro', what: 'it failed', remedy: 'see above' },
    ...more,
  };
  const problem = await runTask(task, {
    host: fakeHost({ programs: { maestro_ctrl: '/bin/sh' } }),
    output: {
      write: () => undefined,
      flush: async () => true,
      follow: (stream, _, __, hear) => {
        const lines: string[] = [];
        let text = '';
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
          const whole = text.split('\n');
          text = whole.pop() ?? '';
          for (const line of whole) {
            lines.push(line);
            hear?.(line);
          }
        });
        return {
          lastLines: () => lines.slice(-3),
          ended: new Promise((resolve) => stream.on('close', resolve)),
        };
      },
    },
    keep: async ({ key }) => {
      calls.push(`keep ${key}`);
      return {
        isThere: true,
        missing: async () => {
          calls.push('missing');
          return undefined;
        },
        restore: async () => {
          calls.push('restore');
          return '';
        },
        ...kept,
      };
    },
    stop: stop?.signal ?? new AbortController().signal,
    ending: (daemon) => {
      if (daemon.pid > 1) pids.push(daemon.pid);
      return {
        signal: 'SIGTERM',
        graceMs: 50,
        onKill: () => undefined,
        hurry: new AbortController().signal,
        over: new AbortController().signal,
        others: () => [],
        changes: watchChanges(),
      };
    },
  });
  return { problem, calls };
}

const say = (...lines: string[]) => lines.map((line) => `echo '${line}';`).join(' ');

describe('a task', () => {
  test('that says that it is done, and has left what it is for', async () => {
    const { problem, calls } = await judge(say('reading', done));
    expect(problem).toBeUndefined();
    expect(calls).toEqual(['keep /m/last_updated', 'missing']);
  });

  test('may say so on stderr, and in the words of an older version', async () => {
    const older = say('LDMS aggregator configuration saved to etcd cluster.');
    expect((await judge(`{ ${older} } >&2`)).problem).toBeUndefined();
  });

  test.each([
    [
      'it fails',
      `${say(done, 'Traceback')} exit 1`,
      'it ended with exit status 1; it said last: .*Traceback',
    ],
    ['a signal ends it', `${say(done)} kill -9 $$`, 'it ended with signal SIGKILL'],
    ['it says nothing', 'exit 0', 'it did not say that it has saved the configuration$'],
    [
      'it says something else',
      say('daemons spec must be a list'),
      'it did not say that .*; it said last: daemons spec must be a list',
    ],
    [
      'a line of it tells of a failure, though it is done',
      say('Error setting /m/daemons', done),
      'it said: Error setting /m/daemons',
    ],
    ['several do: the first is told', say('Error one', 'Error two', done), 'it said: Error one$'],
  ])('has failed when %s, and what it changed is undone', async (_, script, why) => {
    const { problem, calls } = await judge(script);
    expect(problem).toMatchObject({ kind: 'maestro', remedy: 'see above' });
    expect(problem?.what).toMatch(new RegExp(`^it failed: ${why}`));
    expect(calls).toEqual(['keep /m/last_updated', 'restore']);
  });

  test.each([
    ['Error', say('No Error here', done)],
    ['error', say('error: none', done)],
  ])('has not failed because of a word: %s', async (_, script) => {
    expect((await judge(script)).problem).toBeUndefined();
  });

  test('has failed when what it says is not to be found', async () => {
    const { problem, calls } = await judge(say(done), { missing: async () => 'etcd has no /m/last_updated' });
    expect(problem?.what).toBe('it failed: etcd has no /m/last_updated');
    expect(calls).toContain('restore');
  });

  test('what became of the configuration of before is told', async () => {
    const restore = async () => 'the configuration of before was put back into etcd';
    const { problem } = await judge('exit 2', { restore });
    expect(problem?.what).toBe(
      'it failed: it ended with exit status 2; the configuration of before was put back into etcd',
    );
  });

  test('that does not end is ended at its limit, and has failed', async () => {
    const { problem, calls } = await judge(`${say(done)} exec sleep 1000`, {}, { limitMs: 50 });
    expect(problem?.what).toMatch(/^it failed: it did not end within 0\.05 s/);
    expect(calls).toContain('restore');
    expect(pids.filter(isAlive)).toEqual([]);
  });

  test('that is stopped is ended at once', async () => {
    const stop = new AbortController();
    const running = judge('exec sleep 1000', {}, {}, stop);
    await expect.poll(() => pids.length, { timeout: 20_000 }).toBe(1);
    stop.abort();
    expect((await running).problem?.what).toBe('it failed: it was stopped');
    expect(pids.filter(isAlive)).toEqual([]);
  });

  test('is not begun when the end has begun already', async () => {
    const stop = new AbortController();
    stop.abort();
    const { problem } = await judge('exec sleep 1000', {}, {}, stop);
    expect(problem?.what).toBe('it failed: it was stopped');
    expect(pids).toEqual([]);
  });

  test('is given the environment of its plan beside ours', async () => {
    const command = {
      program: 'maestro_ctrl',
      args: ['-c', `echo "$OWN$PATH"; exit 4`],
      env: { OWN: 'own:' },
    };
    const { problem } = await judge('', {}, { command });
    expect(problem?.what).toContain(`it said last: own:${process.env['PATH']}`);
  });
});

describe('last words', () => {
  const words = (...lines: string[]) => lastWords({ lastLines: () => lines } as unknown as Daemon);

  test.each([
    ['none', [], ''],
    ['lines as they are', ['a', 'b "msg":"x"'], '; it said last: a | b "msg":"x"'],
    ['a line of JSON in words', ['{"level":"warn","msg":"no space"}'], '; it said last: no space'],
    [
      'with the error',
      ['{"level":"fatal","msg":"discovery failed","error":"listen tcp: in use","stacktrace":"x\\ny"}'],
      '; it said last: discovery failed: listen tcp: in use',
    ],
    ['JSON without a message', ['{"level":"warn"}'], '; it said last: {"level":"warn"}'],
    [
      'JSON that was cut in its stack',
      ['{"level":"fatal","msg":"failed","error":"walpb: crc mismatch","stacktrace":"go.etcd.io/etcd'],
      '; it said last: failed: walpb: crc mismatch',
    ],
    [
      // With the quotes of a path or an address in it, as Go's %q writes them.
      'a message and an error that have quotes in them',
      [String.raw`{"msg":"cannot open \"x\"","error":"parse \"http://a b\": invalid"}`],
      String.raw`; it said last: cannot open \"x\": parse \"http://a b\": invalid`,
    ],
  ])('%s', (_, lines, said) => {
    // Whether the quotes are shown with their backslashes is of no importance.
    const plain = (text: string) => text.replaceAll('\\"', '"');
    expect(plain(words(...lines))).toBe(plain(said));
  });
});
