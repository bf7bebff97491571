import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Level, openLog, writeLine } from '../../src/log.ts';

/** What was written to descriptor 2, and how the next writes to it shall go. */
const stderr = vi.hoisted(() => ({
  written: [] as Buffer[],
  get text() {
    return Buffer.concat(this.written).toString();
  },
  writes: 0,
  /** An errno that the write fails with, or how many bytes it takes at most. */
  next: [] as (string | number)[],
}));
const pinoLoads = vi.hoisted(() => ({ count: 0 }));

vi.mock('node:fs', async (original) => ({
  ...(await original<typeof import('node:fs')>()),
  writeSync: (descriptor: number, bytes: Buffer) => {
    if (descriptor !== 2) throw new Error(`a write to descriptor ${descriptor}`);
    stderr.writes++;
    const next = stderr.next.shift() ?? bytes.length;
    if (typeof next === 'string') throw Object.assign(new Error(next), { code: next });
    stderr.written.push(Buffer.from(bytes.subarray(0, next)));
    return Math.min(next, bytes.length);
  },
}));
vi.mock('pino', (original) => {
  pinoLoads.count++;
  return original();
});

beforeEach(() => {
  stderr.written = [];
  stderr.writes = 0;
  stderr.next = [];
});

const json = (logLevel: Level = 'debug') =>
  openLog({ logLevel, logFormat: 'json' }, { program: 'ldms-entrypoint', mode: 'samp' });

// First, since a module is loaded once.
test('a start with nothing to say does not load pino', async () => {
  await json('error')('info', 'not heard');
  await json('info')('debug', 'not heard');
  expect(stderr.writes).toBe(0);
  expect(pinoLoads.count).toBe(0);
  await json('info')('info', 'heard');
  expect(pinoLoads.count).toBe(1);
});

describe('LDMS_ENTRYPOINT_LOG_LEVEL', () => {
  const levels: Level[] = ['debug', 'info', 'warn', 'error'];
  test.each(
    levels.flatMap((setting, least) => levels.map((level, at) => [setting, level, at >= least] as const)),
  )('%s: a line of level %s is written: %s', async (setting, level, written) => {
    await json(setting)(level, 'words');
    expect(stderr.text.includes('"msg":"words"')).toBe(written);
  });
});

describe('LDMS_ENTRYPOINT_LOG_FORMAT', () => {
  test('json: one object a line, with level, time, program, mode and message', async () => {
    await json()('error', 'cannot start "x"\nreally', { exit: 127 });
    expect(stderr.text).toMatch(/^[^\n]*\n$/);
    expect(JSON.parse(stderr.text)).toEqual({
      level: 'error',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      program: 'ldms-entrypoint',
      mode: 'samp',
      exit: 127,
      msg: 'cannot start "x"\nreally',
    });
  });

  test.each([
    ['info', /^\d\d:\d\d:\d\d\.\d{3} ldms-entrypoint samp: munged is ready\n$/],
    ['warn', /^\d\d:\d\d:\d\d\.\d{3} ldms-entrypoint samp: warn: munged is ready\n$/],
    ['error', /^\d\d:\d\d:\d\d\.\d{3} ldms-entrypoint samp: error: munged is ready\n$/],
  ] as const)('text: for people, a line of level %s', async (level, line) => {
    const log = openLog(
      { logLevel: 'debug', logFormat: 'text' },
      { program: 'ldms-entrypoint', mode: 'samp' },
    );
    await log(level, 'munged is ready', { exit: 1 });
    expect(stderr.text).toMatch(line);
  });
});

describe('a line is written whole', () => {
  test('to a reader that takes a few bytes at a time, letters of several bytes included', () => {
    stderr.next = [1, 1, 3];
    writeLine('mü plain words\n');
    expect(stderr.text).toBe('mü plain words\n');
    expect(stderr.writes).toBe(4);
  });

  test('to a full pipe that somebody has made non-blocking, once it is read', () => {
    stderr.next = ['EAGAIN', 'EAGAIN', 4, 'EAGAIN'];
    writeLine('plain words\n');
    expect(stderr.text).toBe('plain words\n');
  });

  test('but a full pipe that nobody reads is given up on, after a second', () => {
    let now = 0;
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => {
      now += 400;
      return now;
    });
    onTestFinished(() => clock.mockRestore());
    stderr.next = Array(100).fill('EAGAIN');
    writeLine('lost\n');
    expect(stderr.text).toBe('');
    expect(stderr.writes).toBeLessThan(5);
  });

  test.each([
    ['has gone', 'EPIPE'],
    ['was never there', 'EBADF'],
    ['is a full disk', 'ENOSPC'],
  ])('a reader that %s does not stop a container from starting', async (_, errno) => {
    stderr.next = [errno];
    expect(() => writeLine('lost\n')).not.toThrow();
    stderr.next = [errno];
    await expect(json()('info', 'lost')).resolves.toBeUndefined();
    expect(stderr.text).toBe('');
  });
});
