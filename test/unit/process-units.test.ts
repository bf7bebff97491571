import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Service } from '../../src/plan.ts';
import { watchChanges } from '../../src/process/changes.ts';
import type { Daemon, End } from '../../src/process/daemon.ts';
import type { Leader, Outcome } from '../../src/process/leader.ts';
import { bringUpAll, endAll, makeUnits, type Unit } from '../../src/process/units.ts';
import { fakeHost, settingsFrom } from '../support/fake-host.ts';
import { isAlive } from '../support/machine.ts';

/** How long each pause would have been. */
const pauses = vi.hoisted(() => [] as number[]);
vi.mock('../../src/process/child.ts', async (original) => ({
  ...(await original<typeof import('../../src/process/child.ts')>()),
  pause: async (ms: number) => void pauses.push(ms),
}));

const pids: number[] = [];
beforeEach(() => void pauses.splice(0));
afterEach(() => {
  // A pid of 0 would be our own group.
  for (const pid of pids.splice(0).filter((each) => each > 1)) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // All of it has ended.
    }
  }
});

/** A service that is a shell script, ready as soon as it runs unless told otherwise. */
const service = (name: string, script: string, more: Partial<Service> = {}): Service => ({
  name,
  start: { command: { program: 'sh', args: ['-c', script] }, files: [], discard: [], graceMs: 1000 },
  ready: { kind: 'runs', deadlineMs: 60_000 },
  ifNot: { kind: 'etcd', what: `cannot use ${name}`, remedy: `mend ${name}` },
  ...more,
});

type AwaitReady = Leader['means']['awaitReady'];

/** A leader process as far as units see of it, with what they have told it. */
function leaderOf(env: NodeJS.ProcessEnv = {}, awaitReady: AwaitReady = async () => undefined) {
  const told: string[] = [];
  const stopping = new AbortController();
  const { promise: finished, resolve } = Promise.withResolvers<Outcome>();
  const follow = (stream: Readable) => {
    const lines: string[] = [];
    stream.setEncoding('utf8').on('data', (text: string) => void lines.push(...text.trimEnd().split('\n')));
    return { lastLines: () => lines, ended: new Promise<void>((close) => stream.on('close', close)) };
  };
  const changes = watchChanges();
  const endings: string[] = [];
  const leader = {
    plan: { mark: 'maestro' },
    means: { host: fakeHost({ programs: { sh: '/bin/sh' } }), settings: settingsFrom(env), awaitReady },
    log: async (level: string, text: string) => void told.push(`${level}: ${text}`),
    output: { write: () => undefined, follow, flush: async () => true },
    changes,
    finish: (outcome: Outcome) => {
      resolve(outcome);
      stopping.abort();
    },
    finished,
    stopping: stopping.signal,
    ending: ({ name, pid }: Daemon, graceMs: number) => {
      endings.push(name);
      pids.push(pid);
      const never = new AbortController().signal;
      return { signal: 'SIGTERM', graceMs, hurry: never, over: never, others: () => [], changes };
    },
    guard: (work: Promise<void>) => void work.catch((bug: unknown) => resolve({ bug })),
  } as unknown as Leader;
  onTestFinished(() => stopping.abort());
  return { leader, told, endings, finished };
}

/** Brings services up, and notes whose processes have to be gone afterwards. */
async function up(
  services: readonly Service[],
  leader: Leader,
  onBack: (unit: Unit) => void = () => undefined,
) {
  const units = makeUnits(services);
  const problem = await bringUpAll(units, leader, onBack);
  for (const { daemon } of units) if (daemon) pids.push(daemon.pid);
  return { units, problem };
}

const unitNamed = (units: readonly Unit[], name: string): Unit => {
  const found = units.find(({ service: { name: own } }) => own === name);
  if (!found) throw new Error(`there is no ${name}`);
  return found;
};

const runs = 'exec sleep 1000';

describe('bringing up', () => {
  test('each service is started and waited for; one that is not ours is only waited for', async () => {
    const { leader, told } = leaderOf();
    const { start: _, ...hosts } = service("the host's munged", '');
    const { units, problem } = await up([service('etcd', runs), hosts], leader);
    expect(problem).toBeUndefined();
    expect(units.map(({ isReady }) => isReady)).toEqual([true, true]);
    expect(units.map(({ daemon }) => daemon !== undefined)).toEqual([true, false]);
    expect(told.map((line) => line.replace(/\d+ ms/, 'N ms')).toSorted()).toEqual([
      'info: etcd is ready, after N ms',
      "info: the host's munged is ready, after N ms",
    ]);
  });

  test('independent ones come up side by side, and one that names another after it', async () => {
    const order: string[] = [];
    const gate = Promise.withResolvers<void>();
    const { leader } = leaderOf({}, async (probe) => {
      const name = probe.kind === 'tcp' ? String(probe.port) : '';
      order.push(`${name} begun`);
      if (order.length === 2) gate.resolve();
      // Each of the first two waits for the other to have begun.
      await gate.promise;
      order.push(`${name} ready`);
      return undefined;
    });
    const at = (port: number) => ({ kind: 'tcp', host: '127.0.0.1', port, deadlineMs: 1 }) as const;
    const services = [
      service('a', runs, { ready: at(1) }),
      service('b', runs, { ready: at(2) }),
      service('c', runs, { ready: at(3), after: ['a', 'b'] }),
    ];
    expect((await up(services, leader)).problem).toBeUndefined();
    expect(order.slice(0, 2).toSorted()).toEqual(['1 begun', '2 begun']);
    expect(order.slice(-2)).toEqual(['3 begun', '3 ready']);
  });

  /** Nobody listens; over as soon as the service has ended. */
  const untilOver: AwaitReady = async (_, { over }) => {
    while (!over()) await new Promise(setImmediate);
    return 'nobody listens there';
  };

  // What it has written is in the pipe by then, and may not have been read yet.
  test('one that ends before it is ready: how, its last words, and what to do', async () => {
    const { leader } = leaderOf({}, untilOver);
    for (let round = 0; round < 20; round++) {
      const { problem, units } = await up([service('etcd', 'echo bind: address in use; exit 1')], leader);
      expect(problem).toEqual({
        kind: 'etcd',
        what: 'cannot use etcd: it ended with exit status 1 before it was ready; it said last: bind: address in use',
        remedy: 'see what it said in the lines above',
      });
      expect(units[0]?.isReady).toBe(false);
    }
  });

  test('a hint that fits its last words has precedence', async () => {
    const hints = [
      { says: 'no such words', remedy: 'wrong' },
      { says: 'ADDRESS in use', remedy: 'take another port' },
      { says: '.', remedy: 'too late' },
    ];
    const { leader } = leaderOf({}, untilOver);
    const words = service('etcd', 'echo bind: address in use >&2; exit 1', { hints });
    expect((await up([words], leader)).problem?.remedy).toBe('take another port');
  });

  test('one that does not get ready in time: why, and what to do', async () => {
    const { leader } = leaderOf({}, async () => 'it does not answer');
    const { problem } = await up([service('etcd', runs)], leader);
    expect(problem).toEqual({
      kind: 'etcd',
      what: 'cannot use etcd: it does not answer',
      remedy: 'mend etcd',
    });
  });

  // The other one's wait has been ended, which says nothing about it.
  test.each([
    ['the second fails', ['slow', 'broken']],
    ['the first fails', ['broken', 'slow']],
  ])('the one that failed is told of, and the wait for the others is ended: %s', async (_, names) => {
    const { leader } = leaderOf({}, async (probe, { stop }) => {
      if (probe.kind === 'etcd') return 'it is broken';
      await new Promise((resolve) => stop.addEventListener('abort', resolve));
      return 'it does not answer';
    });
    const ready = { kind: 'etcd', url: '', deadlineMs: 1 } as const;
    const services = names.map((name) => service(name, runs, name === 'broken' ? { ready } : {}));
    expect((await up(services, leader)).problem?.what).toBe('cannot use broken: it is broken');
  });

  test('what stands on one that failed is not started', async () => {
    const { leader } = leaderOf({}, async () => 'it is broken');
    const { units } = await up([service('a', runs), service('b', runs, { after: ['a'] })], leader);
    expect(unitNamed(units, 'a').daemon).toBeDefined();
    expect(unitNamed(units, 'b').daemon).toBeUndefined();
  });

  test('a file that cannot be made is told, and nothing is started', async () => {
    const { leader } = leaderOf();
    const etcd = service('etcd', runs);
    const files = [{ do: 'write', path: '/proc/none/file', text: '', mode: 0o644 }] as const;
    const start = { command: { program: 'sh', args: [] }, files, discard: [], graceMs: 1 };
    const { problem, units } = await up([{ ...etcd, start }], leader);
    expect(problem).toMatchObject({
      kind: 'configuration',
      what: expect.stringContaining('/proc/none/file'),
    });
    expect(units[0]?.daemon).toBeUndefined();
  });
});

describe('an etcd that joins others', () => {
  const at = { name: 'hostA', url: 'http://hostA:2380' };
  const joins = {
    peers: { self: at, all: [at], listen: { address: '127.0.0.1', port: 2380 } },
    directory: '/data',
  };
  /** It says what it was told beside its arguments. */
  const etcd = () => {
    const { start, ...others } = service('etcd', 'echo "$@"; exec sleep 1000');
    const { command } = start as NonNullable<Service['start']>;
    const args = [...command.args, 'sh', 'own'];
    return { ...others, start: { ...start, command: { ...command, args }, joins } } as Service;
  };
  type Join = Leader['means']['join'];
  /** What was asked for, one after the other. */
  function joining(answer: Join) {
    const asked: string[] = [];
    const made = leaderOf({}, async () => {
      asked.push('ready');
      return undefined;
    });
    Object.assign(made.leader.means, {
      join: ((given, more) => {
        asked.push(`join ${given.directory}`);
        return answer(given, more);
      }) as Join,
    });
    return { ...made, asked };
  }
  const said = (unit: Unit | undefined) => unit?.daemon?.lastLines().join() ?? '';

  test('joins first, and is told what that says', async () => {
    const { leader, asked } = joining(async () => ({ args: ['--more'] }));
    const { units, problem } = await up([etcd()], leader);
    expect(problem).toBeUndefined();
    expect(asked).toEqual(['join /data', 'ready']);
    await vi.waitFor(() => expect(said(units[0])).toBe('own --more'));
  });

  test('each time that it is started, with what is said then', async () => {
    let times = 0;
    const { leader, asked } = joining(async () => ({ args: [`${++times}`] }));
    const back = Promise.withResolvers<void>();
    const { units } = await up([etcd()], leader, () => back.resolve());
    units[0]?.daemon?.send('SIGKILL');
    await back.promise;
    pids.push(units[0]?.daemon?.pid ?? 0);
    expect(asked).toEqual(['join /data', 'ready', 'join /data', 'ready']);
    await vi.waitFor(() => expect(said(units[0])).toBe('own 2'));
  });

  test('is not started where it cannot join', async () => {
    const wrong = { kind: 'etcd', what: 'cannot join', remedy: 'mend it' } as const;
    const { leader, asked } = joining(async () => wrong);
    const { units, problem } = await up([etcd()], leader);
    expect(problem).toEqual(wrong);
    expect(units[0]?.daemon).toBeUndefined();
    expect(asked).toEqual(['join /data']);
  });

  /** Joins until it is stopped. */
  function untilStopped() {
    const begun = Promise.withResolvers<void>();
    const made = joining(async (_, { stop }) => {
      begun.resolve();
      await new Promise((resolve) => stop.addEventListener('abort', resolve));
      return { args: [] };
    });
    return { ...made, begun: begun.promise };
  }

  test('is not started when the end begins meanwhile', async () => {
    const { leader, asked, begun } = untilStopped();
    void begun.then(() => leader.finish({ signal: 'SIGTERM' }));
    const { units, problem } = await up([etcd()], leader);
    expect(problem).toBeUndefined();
    expect(units[0]?.daemon).toBeUndefined();
    expect(asked).toEqual(['join /data']);
  });

  test('is not started when another service fails meanwhile', async () => {
    const { leader, begun } = untilStopped();
    const awaitReady: AwaitReady = () => begun.then(() => 'it is broken');
    Object.assign(leader.means, { awaitReady });
    const { units, problem } = await up([etcd(), service('munged', runs)], leader);
    expect(problem?.what).toBe('cannot use munged: it is broken');
    expect(unitNamed(units, 'etcd').daemon).toBeUndefined();
  });

  test('one that is alone joins nobody', async () => {
    const { leader, asked } = joining(async () => ({ args: [] }));
    await up([service('etcd', runs)], leader);
    expect(asked).toEqual(['ready']);
  });
});

describe('a service that dies', () => {
  /** Kills it, and waits until it is back or the end has begun. */
  function mortal(env: NodeJS.ProcessEnv, awaitReady?: AwaitReady) {
    const { leader, told, finished, endings } = leaderOf(env, awaitReady);
    let back = Promise.withResolvers<Unit>();
    const kill = async (unit: Unit, signal: NodeJS.Signals = 'SIGKILL') => {
      back = Promise.withResolvers();
      unit.daemon?.send(signal);
      const first = await Promise.race([back.promise.then(() => 'back'), finished.then(() => 'over')]);
      if (unit.daemon) pids.push(unit.daemon.pid);
      return first;
    };
    return { leader, told, finished, endings, kill, onBack: (unit: Unit) => back.resolve(unit) };
  }

  test('is started again, and who stands on it is told', async () => {
    const { leader, told, kill, onBack } = mortal({});
    const { units } = await up([service('etcd', runs), service('other', runs)], leader, onBack);
    const etcd = unitNamed(units, 'etcd');
    const [before, other] = [etcd.daemon?.pid, unitNamed(units, 'other').daemon?.pid];
    expect(await kill(etcd)).toBe('back');
    expect(etcd.daemon?.pid).not.toBe(before);
    expect(etcd.isReady).toBe(true);
    expect(isAlive(etcd.daemon?.pid ?? 0)).toBe(true);
    expect(unitNamed(units, 'other').daemon?.pid).toBe(other);
    expect(told).toContain(
      'warn: etcd: it ended with signal SIGKILL; it is started again in 100 ms (1 of 5)',
    );
  });

  test('one that ends by itself with a good status has died as well', async () => {
    const { leader, told, finished } = mortal({ LDMS_ENTRYPOINT_RESTART_LIMIT: '0' });
    await up([service('etcd', 'exit 0')], leader);
    expect(await finished).toMatchObject({ problem: { kind: 'etcd' } });
    expect(told.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  test('pauses double, up to ten seconds', async () => {
    const { leader, told, kill, onBack } = mortal({ LDMS_ENTRYPOINT_RESTART_LIMIT: '1000' });
    const { units } = await up([service('etcd', runs)], leader, onBack);
    for (let at = 0; at < 9; at++) expect(await kill(unitNamed(units, 'etcd'))).toBe('back');
    expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    expect(told.filter((line) => line.startsWith('warn')).at(-1)).toContain('in 10000 ms (9 of 1000)');
  });

  test.each([0, 1, 3])(
    'more than %i times in a row ends the container, with its last words',
    async (limit) => {
      const { leader, finished, kill, onBack } = mortal({ LDMS_ENTRYPOINT_RESTART_LIMIT: String(limit) });
      const { units } = await up([service('etcd', `echo no luck; ${runs}`)], leader, onBack);
      const etcd = unitNamed(units, 'etcd');
      for (let at = 0; at < limit; at++) expect(await kill(etcd)).toBe('back');
      await expect
        .poll(() => etcd.daemon?.lastLines(), { timeout: 20_000, interval: 5 })
        .toEqual(['no luck']);
      expect(await kill(etcd)).toBe('over');
      const times = limit === 0 ? 'and may not be started again' : `${limit + 1} times in a row`;
      expect(await finished).toEqual({
        problem: {
          kind: 'etcd',
          what: `etcd has died ${times}, the last time: it ended with signal SIGKILL; it said last: no luck`,
          remedy: 'see what it said in the lines above',
        },
      });
    },
  );

  test('after it was ready for long, its deaths of before are forgotten', async () => {
    const { leader, told, kill, onBack } = mortal({ LDMS_ENTRYPOINT_RESTART_LIMIT: '2' });
    const { units } = await up([service('etcd', runs)], leader, onBack);
    const etcd = unitNamed(units, 'etcd');
    expect(await kill(etcd)).toBe('back');
    expect(await kill(etcd)).toBe('back');
    etcd.readySince -= 3_600_000;
    expect(await kill(etcd)).toBe('back');
    expect(told.filter((line) => line.startsWith('warn')).map((line) => line.slice(-8))).toEqual([
      '(1 of 2)',
      '(2 of 2)',
      '(1 of 2)',
    ]);
  });

  test('one that does not get ready again has died again, and is not left behind', async () => {
    const seen: number[] = [];
    let units: readonly Unit[] = [];
    const { leader, told, kill, onBack } = mortal({}, async () => {
      const pid = units[0]?.daemon?.pid;
      if (pid !== undefined) seen.push(pid);
      return seen.length === 1 ? 'it does not answer' : undefined;
    });
    ({ units } = await up([service('etcd', runs)], leader, onBack));
    expect(await kill(unitNamed(units, 'etcd'))).toBe('back');
    expect(told.filter((line) => line.startsWith('warn'))).toEqual([
      'warn: etcd: it ended with signal SIGKILL; it is started again in 100 ms (1 of 5)',
      'warn: cannot use etcd: it does not answer; it is started again in 200 ms (2 of 5)',
    ]);
    pids.push(...seen);
    expect(seen).toHaveLength(2);
    expect(seen.map(isAlive)).toEqual([false, true]);
  });

  test('is not started again once the end has begun', async () => {
    const { leader, told } = mortal({});
    const { units } = await up([service('etcd', runs)], leader);
    const { daemon } = unitNamed(units, 'etcd');
    leader.finish({ signal: 'SIGTERM' });
    daemon?.send('SIGKILL');
    await daemon?.gone;
    await new Promise(setImmediate);
    expect(told.filter((line) => line.startsWith('warn'))).toEqual([]);
    expect(unitNamed(units, 'etcd').daemon).toBe(daemon);
    expect(unitNamed(units, 'etcd').isReady).toBe(false);
  });

  test('files that are for its start only are removed again, each time', async () => {
    const place = mkdtempSync(join(tmpdir(), 'ldms-entrypoint-unit-'));
    onTestFinished(() => rmSync(place, { recursive: true }));
    writeFileSync(join(place, 'key'), 'secret');
    const copy = join(place, 'copy');
    const seen: boolean[] = [];
    const there = () => {
      try {
        return readFileSync(copy, 'utf8') === 'secret';
      } catch {
        return false;
      }
    };
    const { leader, kill, onBack } = mortal({}, async () => void seen.push(there()));
    const files = [{ do: 'copy', from: join(place, 'key'), path: copy, mode: 0o600 }] as const;
    const command = { program: 'sh', args: ['-c', runs] };
    const munged = service('munged', '', { start: { command, files, discard: [copy], graceMs: 1000 } });
    const { units } = await up([munged], leader, onBack);
    expect(there()).toBe(false);
    expect(await kill(unitNamed(units, 'munged'))).toBe('back');
    expect(there()).toBe(false);
    expect(seen).toEqual([true, true]);
  });
});

describe('the end', () => {
  /** A daemon that is none: it notes when it is told to end, and ends when it is let. */
  function pretend(name: string, order: string[], lets: Promise<void> = Promise.resolve()): Daemon {
    let end: End | undefined;
    const gone = Promise.withResolvers<End>();
    return {
      name,
      pid: 0,
      sharesTerminal: false,
      ended: () => end,
      gone: gone.promise,
      lastLines: () => [],
      drained: async () => undefined,
      send: (signal) => {
        if (signal !== 'SIGTERM') return;
        order.push(`${name} told`);
        void lets.then(() => {
          order.push(`${name} gone`);
          end = { signal };
          gone.resolve(end);
        });
      },
    };
  }

  test('those that need others end first, and independent ones side by side', async () => {
    const order: string[] = [];
    const { leader } = leaderOf();
    const units = makeUnits([
      service('rpcbind', ''),
      service('munged', ''),
      service('dsosd', '', { after: ['rpcbind'] }),
      service('on top', '', { after: ['dsosd', 'munged'] }),
    ]);
    for (const unit of units) unit.daemon = pretend(unit.service.name, order);
    await endAll(units, leader);
    const at = (what: string) => order.indexOf(what);
    expect(order).toHaveLength(8);
    expect(order.slice(0, 2)).toEqual(['on top told', 'on top gone']);
    expect(at('dsosd told')).toBeGreaterThan(at('on top gone'));
    expect(at('rpcbind told')).toBeGreaterThan(at('dsosd gone'));
    // Nobody needs munged any more than dsosd.
    expect(at('munged told')).toBeLessThan(at('dsosd gone'));
  });

  test('one that is slow does not hold up what is independent of it', async () => {
    const order: string[] = [];
    const { leader } = leaderOf();
    const slow = Promise.withResolvers<void>();
    const units = makeUnits([service('slow', ''), service('quick', '')]);
    const [first, second] = units;
    if (first) first.daemon = pretend('slow', order, slow.promise);
    if (second) second.daemon = pretend('quick', order);
    const ended = endAll(units, leader);
    await expect.poll(() => order, { timeout: 20_000, interval: 2 }).toContain('quick gone');
    expect(order).not.toContain('slow gone');
    slow.resolve();
    leader.changes.happened();
    await ended;
    expect(order.at(-1)).toBe('slow gone');
  });

  test('what is not ours, or was never started, is left alone; real ones are gone', async () => {
    const { leader, endings } = leaderOf();
    const { start: _, ...hosts } = service("the host's munged", '');
    const { units } = await up([service('etcd', runs), hosts], leader);
    leader.finish({ signal: 'SIGTERM' });
    await endAll([...units, ...makeUnits([service('never', runs)])], leader);
    expect(endings).toEqual(['etcd']);
    expect(unitNamed(units, 'etcd').daemon?.ended()).toEqual({ signal: 'SIGTERM' });
  });
});
