/** Interrupted: whatever runs is ended, nothing is left but logs. Of tests that wait, many wait at a time. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Builder, forLong, makeBuilder, withDocker } from '../support/images.ts';
import { processesNaming } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { killAll } from '../support/probe.ts';
import { until } from '../support/program.ts';

/** An engine whose builds last until they are told to end. */
const blocking = (told: string) =>
  `if [ $image != common ]; then
  trap 'keep "told	$image"; ${told}' TERM
  echo 'waiting'
  ${forLong}
fi`;

const running = (builder: Builder) =>
  until(
    'two images are being built',
    () =>
      ['samp', 'grafana'].every((image) => builder.kept().includes(`begun\t${image}`)) &&
      ['samp', 'grafana'].every((image) => {
        const log = join(builder.place, `log/${image}.log`);
        return existsSync(log) && readFileSync(log, 'utf8').includes('waiting');
      }),
  );

/** Nothing runs, no context is left; the logs are. */
const expectCleanedUp = (builder: Builder) => {
  expect(processesNaming(builder.directory)).toEqual([]);
  expect(readdirSync(builder.place)).toEqual(['log']);
};

/** What is told of interrupted builds. */
const goesOn = 'interrupted; what was finished is kept, and the next build goes on from there\n';

/** An answer that does not come. */
const asking = `keep asking; ${forLong}`;
const isAsking = (builder: Builder) =>
  until('the engine is being asked', () => builder.kept().includes('asking'));

describe.concurrent('while images are built', () => {
  test.for([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)(
    'by %s: the builds are ended, contexts are gone, exit code %i',
    async ([signal, code], { onTestFinished }) => {
      const builder = withDocker({ build: blocking('exit 143') }, onTestFinished);
      const build = builder.start(['build', 'samp', 'agg', 'grafana', '--jobs=2']);
      await running(builder);
      expect(existsSync(join(builder.asked('samp')?.at(-1) ?? '', 'Dockerfile'))).toBe(true);
      build.kill(signal);
      const result = await build.ended;
      expect(result.code, result.stderr).toBe(code);
      expect(result.stderr.endsWith(goesOn), result.stderr).toBe(true);
      expect(result.stdout).toMatch(/^docker .*\n((❯|✔) .*\n)*$/);
      expect(
        builder
          .kept()
          .filter((line) => line.startsWith('told'))
          .sort(),
      ).toEqual(['told\tgrafana', 'told\tsamp']);
      // What was not begun is not begun any more, and no failure is told.
      expect(builder.asked('agg')).toBeUndefined();
      expect(result.stderr).not.toContain('error:');
      expectCleanedUp(builder);
    },
  );

  test('an engine that does not end by itself is killed', async ({ onTestFinished }) => {
    const builder = withDocker({ build: blocking(':') }, onTestFinished);
    const build = builder.start(['build', 'samp', 'grafana', '--jobs=2']);
    await running(builder);
    build.kill('SIGTERM');
    build.kill('SIGINT');
    const { code, stderr } = await build.ended;
    expect([130, 143]).toContain(code);
    expect(stderr).toContain(goesOn);
    expectCleanedUp(builder);
  });

  test.for([
    { command: 'build', told: goesOn },
    { command: 'contexts', told: 'interrupted\n' },
  ])('$command, while the program is built', async ({ command, told }, { onTestFinished }) => {
    const builder = withDocker({}, onTestFinished);
    builder.write('build.mjs', "console.log('waiting'); setTimeout(() => {}, 120_000);\n");
    const build = builder.start([command]);
    const log = join(builder.place, 'log/entrypoint.log');
    await until(
      'the program is being built',
      () => existsSync(log) && readFileSync(log, 'utf8').includes('waiting'),
    );
    build.kill('SIGTERM');
    const failed = '✖ ldms-entrypoint [FAILED: interrupted]\n';
    const { code, stdout, stderr } = await build.ended;
    expect({ code, stderr: stderr.replaceAll(/^✖ (?!ldms-entrypoint).*\n/gm, '') }).toEqual({
      code: 143,
      stderr: `${failed}${told}`,
    });
    expect(stdout).not.toContain('interrupted');
    expect(builder.ended()).toEqual([]);
    expectCleanedUp(builder);
  });

  test('a build behind one that was killed does not mind', async ({ onTestFinished }) => {
    const builder = withDocker({ build: blocking('exit 143') }, onTestFinished);
    const build = builder.start(['build', 'samp', 'grafana', '--jobs=2']);
    await running(builder);
    build.kill('SIGKILL');
    await build.ended;
    // Its children are nobody's now: the stand-ins go on until they are told.
    killAll(processesNaming(builder.directory));
    const left = readdirSync(builder.place);
    expect(left).toEqual([expect.stringMatching(/^build\./), 'log']);
    builder.engine('docker');
    const { code, stderr } = await builder.run(['build', 'samp']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    // Nobody can tell whether the other is still being used.
    expect(readdirSync(builder.place)).toEqual(left);
  });
});

describe.concurrent('before the first step it ends at once', () => {
  test.for([
    { words: ['build'], question: 'info' },
    { words: ['build'], question: 'network' },
    { words: ['build'], question: 'image' },
    // Of all images at a time, to know what room they take.
    { words: ['build', '--base-image=mine'], question: 'image' },
    { words: ['list'], question: 'info' },
    { words: ['list'], question: 'image' },
    { words: ['base'], question: 'info' },
  ])('$words, while the engine is asked about $question', async ({ words, question }, { onTestFinished }) => {
    const builder = makeBuilder(onTestFinished);
    builder.engine('docker', { [question]: asking });
    builder.engine('podman');
    const started = builder.start(words);
    await isAsking(builder);
    started.kill('SIGINT');
    expect(await started.ended).toEqual({ code: 130, stdout: '', stderr: 'interrupted\n' });
    expect(builder.askedOf('podman')).toEqual([]);
    expect(builder.askedOf('docker').filter((words) => words.startsWith('build'))).toEqual([]);
    expect(existsSync(builder.place) ? readdirSync(builder.place) : []).toEqual([]);
    expect(processesNaming(builder.directory)).toEqual([]);
  });
});

describe('by Ctrl-C in a terminal', () => {
  testNeeding(['script'], 'while images are built', async () => {
    const builder = withDocker({ build: blocking('exit 143') });
    const terminal = await builder.startOnTerminal(['build', 'samp', 'grafana', '--jobs=2']);
    await running(builder);
    terminal.type('\x03');
    const { code, stdout } = await terminal.ended;
    expect(code, stdout).toBe(130);
    expect(stdout).toContain('interrupted; ');
    expectCleanedUp(builder);
  });

  testNeeding(['script'], 'while the engine is asked, which gets it as well', async () => {
    const builder = withDocker({ info: asking });
    builder.engine('podman');
    const terminal = await builder.startOnTerminal(['build']);
    await isAsking(builder);
    terminal.type('\x03');
    const { code, stdout } = await terminal.ended;
    expect(code, stdout).toBe(130);
    expect(stdout.replaceAll('^C', '').trim()).toBe('interrupted');
    expect(builder.askedOf('podman')).toEqual([]);
  });
});
