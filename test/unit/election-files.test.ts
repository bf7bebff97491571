/** What is said of files that differ between the members. */
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { differing, watchFiles } from '../../src/election/files.ts';
import { electionOf, fakeObserver, recordingLog } from '../support/observed.ts';

const [one, other, third] = ['9f2c41d0aa', '77aa10ffbb', '00000000cc'] as const;
const same = 'info: ldms_cfg.yaml is the same on all members again';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Watches over hostA, hostB and hostC; `has` gives a member a file, and lets the time pass. */
function watched() {
  const observer = fakeObserver();
  const { log, told } = recordingLog();
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  watchFiles(electionOf('hostA'), observer, log, stop.signal);
  const put = (member: string, digest: string) => observer.tell(`file/${member}`, { digest, at: '' });
  return {
    observer,
    told,
    stop,
    put,
    has: (member: string, digest: string) => {
      put(member, digest);
      vi.advanceTimersByTime(301);
    },
  };
}

describe('the warning', () => {
  const owners = new Map([
    [one, ['hostA', 'hostB']],
    [other, ['hostC']],
  ]);
  const after = '; whoever leads next applies its own, so copy one to all of them and send one a HUP';
  const differs =
    'ldms_cfg.yaml differs between the members: hostA and hostB have 9f2c41d0, hostC has 77aa10ff';

  test.each([
    ['is known', { member: 'hostA', digest: one }, " (in force: hostA's)"],
    [
      'is the one file, of another member that has it too',
      { member: 'hostD', digest: one },
      " (in force: hostA's)",
    ],
    [
      'nobody has any more',
      { member: 'hostB', digest: third },
      ' (in force: 00000000, an earlier one of hostB)',
    ],
    ['is not known', undefined, ''],
  ])('names whose file is in force, if that %s', (_, applied, bracket) => {
    expect(differing(owners, applied)).toBe(`${differs}${bracket}${after}`);
  });

  test('lists three with a comma and an "and"', () => {
    const five = new Map([
      [one, ['hostA', 'hostB', 'hostC']],
      [other, ['hostD', 'hostE']],
    ]);
    expect(differing(five, undefined)).toContain(
      'hostA, hostB and hostC have 9f2c41d0, hostD and hostE have 77aa10ff;',
    );
  });
});

describe('is told', () => {
  test('nothing while the files are the same, or only one is known', () => {
    const { has, told } = watched();
    has('hostA', one);
    has('hostB', one);
    has('hostC', one);
    expect(told).toEqual([]);
    has('hostC', other);
    expect(told).toHaveLength(1);
  });

  test('once for each constellation, and when it is over', () => {
    const { has, told } = watched();
    has('hostA', one);
    has('hostB', other);
    expect(told).toEqual([
      expect.stringMatching(/^warn: ldms_cfg.yaml differs .*hostA has 9f2c41d0, hostB has 77aa10ff;/),
    ]);
    has('hostB', other);
    expect(told).toHaveLength(1);
    has('hostB', third);
    expect(told[1]).toMatch(/hostB has 00000000/);
    has('hostB', one);
    expect(told.slice(2)).toEqual([same]);
    has('hostB', one);
    expect(told).toHaveLength(3);
    has('hostB', other);
    expect(told).toHaveLength(4);
  });

  test('nothing of a file that is on its way to all, only what is left after some quiet', () => {
    const { put, told } = watched();
    for (const member of ['hostA', 'hostB', 'hostC']) put(member, one);
    vi.advanceTimersByTime(301);
    put('hostA', other);
    vi.advanceTimersByTime(200);
    put('hostB', other);
    vi.advanceTimersByTime(200);
    put('hostC', other);
    vi.advanceTimersByTime(1000);
    expect(told).toEqual([]);
    put('hostA', one);
    vi.advanceTimersByTime(1000);
    expect(told).toHaveLength(1);
  });

  test('nothing of a member that is not listed', () => {
    const { has, told } = watched();
    has('hostA', one);
    has('hostZ', other);
    expect(told).toEqual([]);
  });

  test('nothing after the end', () => {
    const { put, stop, told } = watched();
    put('hostA', one);
    put('hostB', other);
    stop.abort();
    vi.advanceTimersByTime(1000);
    put('hostC', third);
    vi.advanceTimersByTime(1000);
    expect(told).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
