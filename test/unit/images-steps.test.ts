/** Steps: their order, how many at a time, what a failure keeps from being done, and their programs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { failureText, type Outcome, runSteps, type Step, type Tools } from '../../images/build/steps.ts';
import { temporary } from '../support/source-plans.ts';

let place: string;
beforeEach(() => {
  place = temporary();
  // What is shown of them is looked at elsewhere.
  const writes = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockReturnValue(true),
  );
  return () => {
    for (const write of writes) write.mockRestore();
  };
});

type Run = (tools: Tools) => Promise<string>;
const step = (name: string, after: readonly string[] = [], run: Run = async () => 'done'): Step => ({
  name,
  title: name,
  after,
  log: join(place, `${name}.log`),
  run,
});

const signal = () => new AbortController().signal;
const fails: Run = async () => {
  throw new Error('it cannot');
};

/** How each step ended: the step that kept it from being done, `failed`, or `done`. */
const endsOf = (outcomes: readonly Outcome[]) =>
  Object.fromEntries(
    outcomes.map((outcome) => [outcome.step.name, outcome.done ? 'done' : (outcome.since ?? 'failed')]),
  );

describe('the order', () => {
  test('one at a time, in whatever order they are given: none waits for one behind it', async () => {
    const ran: string[] = [];
    const noting = (name: string, ...after: string[]) =>
      step(name, after, async () => {
        ran.push(name);
        return '';
      });
    // All that a step waits for is named, as builds do it.
    const steps = [
      noting('image', 'base', 'tools', 'library', 'program', 'tree'),
      noting('tree', 'base', 'tools', 'library', 'program'),
      noting('program', 'base', 'tools', 'library'),
      noting('other', 'base'),
      noting('library', 'base', 'tools'),
      noting('tools', 'base'),
      noting('base'),
    ];
    for (const given of [steps, steps.toReversed(), steps.toSorted((a, b) => a.name.localeCompare(b.name))]) {
      ran.length = 0;
      const outcomes = await runSteps(given, 1, signal());
      expect(new Set(Object.values(endsOf(outcomes)))).toEqual(new Set(['done']));
      expect(ran).toHaveLength(steps.length);
      for (const { name, after } of steps) {
        for (const before of after)
          expect(ran.indexOf(before), `${before}, ${name}`).toBeLessThan(ran.indexOf(name));
      }
    }
  });

  test('what waits for nobody else is not behind what waits', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const steps = [
      // It ends when the last of them has begun.
      step('first', [], async () => {
        await promise;
        return '';
      }),
      step('second', ['first']),
      step('third', ['first', 'second']),
      step('alone', [], async () => {
        resolve();
        return '';
      }),
    ];
    expect(endsOf(await runSteps(steps, 2, signal()))).toEqual({
      ...{ first: 'done', second: 'done', third: 'done', alone: 'done' },
    });
  });

  test('a step that is named, and is none of them, is not waited for', async () => {
    expect(endsOf(await runSteps([step('a', ['nothing'])], 1, signal()))).toEqual({ a: 'done' });
  });
});

describe('a failure', () => {
  test.each([1, 8])(
    'keeps what comes after it from being done, and is named by all of that: %i at a time',
    async (jobs) => {
      const steps = [
        step('base'),
        step('library', ['base'], fails),
        step('program', ['base', 'library']),
        step('tree', ['base', 'library', 'program']),
        step('image', ['base', 'tree']),
        step('other', ['base']),
      ];
      const outcomes = await runSteps(steps, jobs, signal());
      expect(endsOf(outcomes)).toEqual({
        ...{ base: 'done', library: 'failed', other: 'done' },
        ...{ program: 'library', tree: 'library', image: 'library' },
      });
      const whys = outcomes.map((outcome) => (outcome.done ? '' : outcome.why));
      expect(whys).toContain('it cannot');
    },
  );

  test('of two: the one that a step names first', async () => {
    const steps = [step('a', [], fails), step('b', [], fails), step('both', ['b', 'a']), step('one', ['a'])];
    expect(endsOf(await runSteps(steps, 2, signal()))).toEqual({
      a: 'failed',
      b: 'failed',
      both: 'b',
      one: 'a',
    });
  });

  test('is told with its last lines, and what else the step has to say', async () => {
    const failing: Step = {
      ...step('a', [], async ({ say }) => {
        for (let line = 1; line <= 30; line++) say(line === 30 ? 'x'.repeat(300) : `line ${line}`);
        throw new Error('it cannot');
      }),
      help: () => 'look there\n',
    };
    const [outcome] = await runSteps([failing], 1, signal());
    if (!outcome || outcome.done) throw new Error('it has not failed');
    const text = failureText(outcome).split('\n');
    expect(text[0]).toBe(`a: it cannot; its last lines, from ${failing.log}:`);
    expect(text.slice(1, 20)).toEqual(Array.from({ length: 19 }, (_, at) => `  | line ${at + 11}`));
    expect(text.slice(20)).toEqual([`  | ${'x'.repeat(240)}…`, 'look there', '']);
    expect(readFileSync(failing.log, 'utf8')).toContain('line 1\n');
  });
});

describe('interrupted', () => {
  test('what runs is ended, what was not begun is not begun, and nothing is blamed on another', async () => {
    const interrupt = new AbortController();
    const begun: string[] = [];
    const steps = [
      step('running', [], async ({ command, say }) => {
        say('begun');
        setTimeout(() => interrupt.abort());
        await command(['sleep', '600']);
        return '';
      }),
      step('after', ['running'], async () => {
        begun.push('after');
        return '';
      }),
    ];
    const outcomes = await runSteps(steps, 2, interrupt.signal);
    expect(outcomes.map((outcome) => (outcome.done ? '' : [outcome.why, outcome.since]))).toEqual([
      ['interrupted', undefined],
      ['interrupted', undefined],
    ]);
    expect(begun).toEqual([]);
  });
});

describe('a program', () => {
  /** Runs a step's program; what it heard, and why it failed. */
  async function heardOf(words: readonly string[], env?: NodeJS.ProcessEnv) {
    const heard: string[] = [];
    const [outcome] = await runSteps(
      [
        step('a', [], async ({ command }) => {
          await command(words, env, (line) => heard.push(line));
          return '';
        }),
      ],
      1,
      signal(),
    );
    const log = readFileSync(join(place, 'a.log'), 'utf8');
    return { heard, log, why: outcome?.done ? '' : outcome?.why, warnings: outcome?.warnings };
  }

  test('is heard line by line, both of its outputs, and kept behind its words', async () => {
    // Two pipes have no common order but that of time.
    const words = ['sh', '-c', 'echo one; sleep 0.2; echo two >&2; sleep 0.2; printf "%s" "$X"'];
    expect(await heardOf(words, { X: 'three' })).toEqual({
      heard: ['one', 'two', 'three'],
      log: `$ ${words.join(' ')}\none\ntwo\nthree\n`,
      why: '',
      warnings: [],
    });
    // It has our own environment as well.
    vi.stubEnv('OURS', 'ours');
    expect((await heardOf(['sh', '-c', 'echo $OURS'], { X: '' })).heard).toEqual(['ours']);
    vi.unstubAllEnvs();
  });

  test('that fails is told by its exit code, its signal, or what kept it from being run', async () => {
    expect((await heardOf(['sh', '-c', 'exit 3'])).why).toBe('sh -c failed (exit code 3)');
    expect((await heardOf(['sh', '-c', 'kill -KILL $$'])).why).toBe('sh -c failed (SIGKILL)');
    expect((await heardOf(['/nonexistent/make', 'install'])).why).toMatch(
      /^\/nonexistent\/make install failed \(.*ENOENT.*\)$/,
    );
  });

  test('its warnings are kept apart, whatever the engine puts before them', async () => {
    const lines = [
      'warning: one',
      '#8 0.12 warning: two',
      'no warning: three',
      '\x1b[33mwarning: four\x1b[0m',
    ];
    const { warnings, log } = await heardOf(['printf', '%s\\n', ...lines]);
    expect(warnings).toEqual(['one', 'two', 'four']);
    expect(log).not.toContain('\x1b[33m\x1b');
    expect(log).toContain('\nwarning: four\n');
  });
});
