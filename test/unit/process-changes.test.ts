import { describe, expect, test } from 'vitest';
import { watchChanges } from '../../src/process/changes.ts';

const never = new AbortController().signal;
const long = 60_000;

describe('waiting for a change', () => {
  test('a condition that holds already is not waited for', async () => {
    await watchChanges().until(() => true, long, never);
  });

  test('one that comes to hold is seen as soon as something has happened', async () => {
    const changes = watchChanges();
    let holds = false;
    let looks = 0;
    const waited = changes.until(
      () => {
        looks++;
        return holds;
      },
      long,
      never,
    );
    holds = true;
    changes.happened();
    await waited;
    // Once at the beginning, and once when told; a clock alone would have taken 20 ms.
    expect(looks).toBe(2);
  });

  test('one that nobody tells of is seen all the same: not every process is our own child', async () => {
    let looks = 0;
    await watchChanges().until(() => ++looks === 3, long, never);
    expect(looks).toBe(3);
  });

  test('one that does not hold is waited for no longer than its limit', async () => {
    let looks = 0;
    await watchChanges().until(
      () => {
        looks++;
        return false;
      },
      50,
      never,
    );
    expect(looks).toBeGreaterThan(1);
  });

  test('without time, it is looked at once', async () => {
    let looks = 0;
    await watchChanges().until(() => ++looks > 1, 0, never);
    expect(looks).toBe(1);
  });

  test('hundreds at once are looked at once', async () => {
    const changes = watchChanges();
    let looks = 0;
    const waited = changes.until(() => ++looks === 2, long, never);
    for (let at = 0; at < 500; at++) changes.happened();
    expect(looks, 'not yet').toBe(1);
    await waited;
    expect(looks).toBe(2);
  });

  test("what happens after the end is nobody's business", async () => {
    const changes = watchChanges();
    let looks = 0;
    await changes.until(() => ++looks > 0, long, never);
    changes.happened();
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(looks).toBe(1);
  });

  test('several wait side by side, each for its own', async () => {
    const changes = watchChanges();
    const state = { a: false, b: false };
    const ended: string[] = [];
    const wait = (name: 'a' | 'b') =>
      changes.until(() => state[name], long, never).then(() => ended.push(name));
    const both = [wait('a'), wait('b')];
    state.b = true;
    changes.happened();
    await both[1];
    expect(ended).toEqual(['b']);
    state.a = true;
    changes.happened();
    await Promise.all(both);
    expect(ended).toEqual(['b', 'a']);
  });

  test.each([
    ['before', AbortSignal.abort()],
    ['meanwhile', undefined],
  ])('being stopped %s ends it at once', async (_, given) => {
    const stop = new AbortController();
    const waited = watchChanges().until(() => false, long, given ?? stop.signal);
    stop.abort();
    await waited;
  });
});
