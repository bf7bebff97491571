/** Where sources are kept, and the lock that has one build at a time work there. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { BuilderError } from '../../images/build/problem.ts';
import { cacheOf, forget, lock, placeOf } from '../../images/build/sources/place.ts';
import { start } from '../support/program.ts';
import { temporary, writeFiles } from '../support/source-plans.ts';

const checkout = vi.hoisted(() => ({ directory: '' }));
vi.mock('../../images/build/metadata.ts', () => ({
  get repository() {
    return checkout.directory;
  },
}));
beforeEach(() => {
  checkout.directory = temporary();
});

const file = () => join(cacheOf('amd64'), 'lock');

/** Who holds it, as it is written down: the pid, and when that process began. */
const holder = () => readFileSync(file(), 'utf8').trim().split(' ');

/** Has a process that runs hold it, or one that began at another time. */
function heldBy(pid: number, since?: string): void {
  const free = lock('amd64');
  const [, ours = ''] = holder();
  free();
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  // Of ourselves it is what the lock has: the field is the right one.
  const own = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  expect(own[19]).toBe(ours);
  mkdirSync(cacheOf('amd64'), { recursive: true });
  writeFileSync(file(), `${pid} ${since ?? stat[19]}\n`);
}

/** Another process, until the test has finished. */
function another() {
  const other = start('sleep', ['600']);
  onTestFinished(() => other.kill('SIGKILL'));
  return other;
}

function wrongWithLock(): BuilderError {
  try {
    lock('amd64')();
  } catch (error) {
    if (error instanceof BuilderError) return error;
    throw error;
  }
  throw new Error('it was given');
}

describe('the lock', () => {
  test('is ours until we give it back; nothing else is left', () => {
    const free = lock('amd64');
    expect(holder()[0]).toBe(String(process.pid));
    expect(readdirSync(cacheOf('amd64'))).toEqual(['lock']);
    free();
    expect(readdirSync(cacheOf('amd64'))).toEqual([]);
    lock('amd64')();
  });

  test('is not given to two; the second is told who has it', () => {
    const free = lock('amd64');
    onTestFinished(free);
    const { kind, sentences } = wrongWithLock();
    expect(kind).toBe('unavailable');
    expect(sentences).toEqual([
      `another build of the sources is under way (pid ${process.pid}); wait for its end, or end it: kill ${process.pid}`,
    ]);
    expect(readdirSync(cacheOf('amd64'))).toEqual(['lock']);
    // Another architecture has its own.
    lock('arm64')();
  });

  test('is not given while another process lives that has it, and is when that has ended', async () => {
    const other = another();
    heldBy(other.pid);
    expect(wrongWithLock().sentences[0]).toContain(`(pid ${other.pid})`);
    other.kill('SIGKILL');
    await other.ended;
    const free = lock('amd64');
    expect(holder()[0]).toBe(String(process.pid));
    free();
  });

  test('is taken from a process that only has the number of the one that had it', () => {
    const other = another();
    heldBy(other.pid, '1');
    lock('amd64')();
    // It is the time that tells.
    heldBy(other.pid);
    wrongWithLock();
  });

  test.each(['', '\n', 'x y\n', '0 1\n', '-1 1\n'])('is taken from nobody: %j', (text) => {
    mkdirSync(cacheOf('amd64'), { recursive: true });
    writeFileSync(file(), text);
    const free = lock('amd64');
    expect(holder()[0]).toBe(String(process.pid));
    free();
    expect(existsSync(file())).toBe(false);
  });
});

test('each architecture and component has its own place; one can be forgotten', () => {
  const place = placeOf('amd64', 'sos');
  expect(place.directory).toBe(join(checkout.directory, 'dist/sources/amd64/sos'));
  for (const path of Object.values(place)) expect(path.startsWith(place.directory)).toBe(true);
  expect(new Set(Object.values(place)).size).toBe(Object.keys(place).length);
  expect(placeOf('arm64', 'sos').directory).not.toBe(place.directory);
  writeFiles(place.dest, { file: '' });
  writeFiles(placeOf('amd64', 'ovis').dest, { file: '' });
  forget('amd64', 'sos');
  forget('amd64', 'numsos');
  expect(readdirSync(cacheOf('amd64'))).toEqual(['ovis']);
});
