import { describe, expect, test } from 'vitest';
import { formatInterval, parseInterval } from '../../src/ldmscfg/interval.ts';

describe('parseInterval', () => {
  test.each([
    ['1us', 1],
    ['200ms', 200_000],
    ['1s', 1_000_000],
    ['1.0s', 1_000_000],
    ['1.5S', 1_500_000],
    ['.5s', 500_000],
    ['1.s', 1_000_000],
    ['2m', 120_000_000],
    ['1H', 3_600_000_000],
    ['1d', 86_400_000_000],
    ['10 s', 10_000_000],
    ['0s', 0],
    ['-200ms', -200_000],
    ['+1s', 1_000_000],
    ['1.0000019s', 1_000_001],
  ])('%s', (text, us) => {
    expect(parseInterval(text)).toEqual({ us, bare: false });
  });

  test.each([
    [1_000_000, 1_000_000],
    [1.5, 1],
    [0, 0],
    ['1000000', 1_000_000],
    ['-1', -1],
  ])('%j is microseconds', (given, us) => {
    expect(parseInterval(given)).toEqual({ us, bare: true });
  });

  const noTime = 'is no time; write a number and a unit, such as 1.5s or 200ms';
  const twoUnits = 'has more than one unit; write one number and one unit, such as 1.5s';
  test.each([
    ['', noTime],
    ['soon', noTime],
    ['s', noTime],
    ['1,5s', noTime],
    ['1.2.3s', noTime],
    ['50s40us', twoUnits],
    ['1.0s:0ms', twoUnits],
    ['1m 30s', twoUnits],
    ['1.5', 'has no unit; write 1.5s for seconds'],
    ['1sec', 'has the unit sec, and there are only us, ms, s, m, h and d'],
    ['1ns', 'has the unit ns, and there are only us, ms, s, m, h and d'],
    [Number.NaN, 'is no time; write it as 1.5s or 200ms'],
    [Number.POSITIVE_INFINITY, 'is no time; write it as 1.5s or 200ms'],
  ])('%j is wrong', (given, wrong) => {
    expect(parseInterval(given)).toEqual({ wrong });
  });
});

test.each([
  [0, '0us'],
  [1, '1us'],
  [1500, '1500us'],
  [200_000, '200ms'],
  [1_000_000, '1s'],
  [1_500_000, '1500ms'],
  [90_000_000, '90s'],
  [60_000_000, '1m'],
  [7_200_000_000, '2h'],
  [86_400_000_000, '1d'],
])('formatInterval writes %i as %s', (us, text) => {
  expect(formatInterval(us)).toBe(text);
  expect(parseInterval(text)).toEqual({ us, bare: false });
});
