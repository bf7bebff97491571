/** `save`, interrupted: whatever runs is ended, no container is left, and no half bundle. */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type SavingAnswers, withImages } from '../support/bundle.ts';
import { type Builder, forLong, waitFor } from '../support/images.ts';
import { processesNaming } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { until } from '../support/program.ts';

const words = ['save', 'samp', 'agg', '--output=out'];
const waits = `keep waiting; ${forLong}`;
const isWaiting = (builder: Builder) =>
  until('the engine is at it', () => builder.kept().includes('waiting'));

/** The containers that were made, and those that were removed. */
const containers = (builder: Builder) => {
  const of = (words: RegExp) => builder.askedOf('docker').flatMap((asked) => words.exec(asked)?.[1] ?? []);
  return { made: of(/^create --name=(\S+)/), removed: of(/^rm --force (\S+)/) };
};

const expectNothingLeft = (builder: Builder) => {
  expect(processesNaming(builder.directory)).toEqual([]);
  expect(readdirSync(builder.path('site')).sort()).toEqual(['dsosds', 'ovis']);
  if (existsSync(builder.place)) expect(readdirSync(builder.place)).toEqual(['log']);
  expect(containers(builder).removed).toEqual(containers(builder).made);
};

describe.concurrent('by a signal', () => {
  test.for([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s, while the engine saves: exit code %i', async ([signal, code], { onTestFinished }) => {
    const save = `head -c 100000 "$archive"; ${waits}`;
    const builder = await withImages({ whenFinished: onTestFinished }, { save });
    const saving = builder.start(words);
    await isWaiting(builder);
    expect(readdirSync(builder.path('site'))).toHaveLength(3);
    saving.kill(signal);
    const result = await saving.ended;
    expect(result.code, result.stderr).toBe(code);
    expect(result.stderr).toMatch(/\ninterrupted\n$/);
    expect(result.stderr).not.toContain('error:');
    expect(result.stdout).not.toContain('scp');
    expectNothingLeft(builder);
  });

  test('an engine that does not end by itself is killed', async ({ onTestFinished }) => {
    const builder = await withImages({ whenFinished: onTestFinished }, { save: `trap '' TERM; ${waits}` });
    const saving = builder.start(words);
    await isWaiting(builder);
    saving.kill('SIGTERM');
    expect((await saving.ended).code).toBe(143);
    expectNothingLeft(builder);
  });

  test('while a file of an image is read: its container is removed', async ({ onTestFinished }) => {
    const builder = await withImages({ whenFinished: onTestFinished }, { copy: waits });
    const saving = builder.start(words);
    await isWaiting(builder);
    saving.kill('SIGTERM');
    expect((await saving.ended).code).toBe(143);
    expect(containers(builder).made).toHaveLength(1);
    expectNothingLeft(builder);
  });

  test('while a container is made: it is waited for, and removed', async ({ onTestFinished }) => {
    const builder = await withImages({ whenFinished: onTestFinished }, { create: holdsUp });
    const saving = builder.start(words);
    await isWaiting(builder);
    saving.kill('SIGTERM');
    builder.write('go-on', '');
    expect((await saving.ended).code).toBe(143);
    expect(builder.kept()).toContain('made');
    expect(containers(builder).made).toHaveLength(1);
    expectNothingLeft(builder);
  });

  test.for([
    ['whether it answers', { info: waits }],
    ['the layers', { other: waits }],
  ] as const)('before the first step, while it is asked for %s', async ([, answers], { onTestFinished }) => {
    const builder = await withImages({ whenFinished: onTestFinished });
    builder.engine('docker', answers);
    const saving = builder.start(words);
    await isWaiting(builder);
    saving.kill('SIGINT');
    expect(await saving.ended).toEqual({ code: 130, stdout: '', stderr: 'interrupted\n' });
    expectNothingLeft(builder);
  });
});

/** Goes on when it is told, and keeps that it did. */
const holdsUp = `keep waiting; ${waitFor('${archive%/*}/go-on')}; keep made`;

describe('by Ctrl-C in a terminal, which everything in it gets', () => {
  const interrupted = async (answers: SavingAnswers, goOn?: string): Promise<Builder> => {
    const builder = await withImages({}, answers);
    const terminal = await builder.startOnTerminal(words);
    await isWaiting(builder);
    terminal.type('\x03');
    if (goOn) {
      await until('the terminal has told', () => terminal.stdout().includes('^C') || undefined);
      builder.write(goOn, '');
    }
    const { code, stdout } = await terminal.ended;
    expect(code, stdout).toBe(130);
    expect(stdout).toContain('interrupted');
    expectNothingLeft(builder);
    return builder;
  };

  testNeeding(['script'], 'while the engine saves', async () => {
    await interrupted({ save: `head -c 100000 "$archive"; ${waits}` });
  });

  testNeeding(['script'], 'but what makes a container, which is then removed', async () => {
    const builder = await interrupted({ create: holdsUp }, 'go-on');
    expect(builder.kept()).toContain('made');
    expect(containers(builder).made).toHaveLength(1);
  });
});

test('a save that was killed leaves no bundle, and the next one does not mind', async () => {
  const builder = await withImages(
    {},
    { save: `[ -e "\${archive%/*}/go-on" ] || { ${waits}; }; cat "$archive"` },
  );
  const saving = builder.start(words);
  await isWaiting(builder);
  saving.kill('SIGKILL');
  await saving.ended;
  const left = readdirSync(builder.path('site')).filter((name) => name.startsWith('out'));
  expect(left).toEqual([expect.stringMatching(/^out\.partial-/)]);
  builder.write('go-on', '');
  const { code, stderr } = await builder.run(words);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(
    readdirSync(builder.path('site'))
      .filter((name) => name.startsWith('out'))
      .sort(),
  ).toEqual(['out', ...left]);
});
