/** The reader of beats is run on some that are made up: what finds nothing there would find nothing anywhere. */
import { describe, expect, test } from 'vitest';
import { atOnce, livesOf, parseBeats } from '../support/beats.ts';

/** Beats of one process, every 10 ms. */
const run = (name: string, pid: number, from: number, to: number): string => {
  const count = Math.floor((to - from) / 10) + 1;
  return Array.from({ length: count }, (_, at) => `${name} ${pid} ${(from + at * 10).toFixed(1)}\n`).join('');
};

describe('atOnce', () => {
  const found = (...runs: string[]) => atOnce(parseBeats(runs.join('')));

  test('finds nothing where one follows the other', () => {
    expect(found()).toEqual([]);
    expect(found(run('a', 1, 100, 200))).toEqual([]);
    expect(found(run('a', 1, 100, 200), run('b', 2, 210, 300), run('a', 3, 310, 400))).toEqual([]);
  });

  test('finds two that overlap, in whichever order their lines stand', () => {
    const words = ['a (1) and b (2) for 10.0 ms'];
    expect(found(run('a', 1, 100, 200), run('b', 2, 190, 300))).toEqual(words);
    expect(found(run('b', 2, 190, 300), run('a', 1, 100, 200))).toEqual(words);
  });

  test('finds one within another, and one that goes on after a long pause', () => {
    expect(found(run('a', 1, 100, 900), run('b', 2, 300, 400))).toEqual(['a (1) and b (2) for 100.0 ms']);
    expect(found(run('a', 1, 100, 200), run('b', 2, 500, 600), run('a', 1, 900, 900))).toHaveLength(1);
  });

  test('finds a second one of the same member, and each pair of three', () => {
    expect(found(run('a', 1, 100, 200), run('a', 2, 150, 300))).toHaveLength(1);
    expect(found(run('a', 1, 100, 200), run('b', 2, 110, 200), run('c', 3, 120, 200))).toHaveLength(3);
  });

  test('takes two that share one moment for two at once', () => {
    expect(found(run('a', 1, 100, 200), run('b', 2, 200, 300))).toHaveLength(1);
  });
});

describe('livesOf', () => {
  test('tells who ran when, when it was ready, and its longest pause', () => {
    const text = `${run('b', 2, 500, 600)}b 2 650.0 ready\n${run('a', 1, 100, 200)}`;
    expect(livesOf(parseBeats(text))).toEqual([
      { name: 'a', pid: 1, from: 100, to: 200, longestPauseMs: 10 },
      { name: 'b', pid: 2, from: 500, to: 650, longestPauseMs: 50, readyAt: 650 },
    ]);
  });

  test('tells two with one pid apart by where they begin', () => {
    const again = `a 1 100.0 begins\n${run('a', 1, 110, 200)}a 1 500.0 begins\n${run('a', 1, 510, 600)}`;
    expect(livesOf(parseBeats(again))).toMatchObject([
      { from: 100, to: 200 },
      { from: 500, to: 600 },
    ]);
  });
});

describe('parseBeats', () => {
  test('leaves out what is half written, and refuses what is no beat', () => {
    expect(parseBeats('a 1 100.0\na 1 11')).toHaveLength(1);
    expect(() => parseBeats('a 1 100.0a 1 110.0\n')).toThrow('this is no beat: a 1 100.0a 1 110.0');
  });
});
