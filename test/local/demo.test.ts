/** The demo that the README invites everybody to run. */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { processesNaming } from '../support/machine.ts';
import { repository, run, start, until } from '../support/program.ts';

const demo = join(repository, 'test/demo/demo.ts');

test('`npm run demo -- --once` shows a set arriving, ends with 0, and leaves nothing behind', async () => {
  const before = new Set(readdirSync(tmpdir()));
  const { code, stdout } = await run(process.execPath, [demo, '--once']);
  expect(code, stdout).toBe(0);
  expect(stdout).toMatch(/ldmsd.*(real|stand-in)/);
  expect(stdout).toMatch(/agg-1 .*producer samp-1: \d+ values/);
  expect(stdout.match(/health, exit 0: healthy/g)).toHaveLength(3);
  expect(stdout).toMatch(/nothing is left running/);
  const left = readdirSync(tmpdir()).filter((name) => name.includes('demo') && !before.has(name));
  expect(left).toEqual([]);
});

test('the demo ends cleanly on Ctrl-C', async () => {
  const running = start(process.execPath, [demo]);
  await until('the demo shows the first set', () => /producer samp-1: \d+ values/.test(running.stdout()));
  running.kill('SIGINT');
  const { code, stdout } = await running.ended;
  expect(code).toBe(0);
  expect(stdout).toMatch(/nothing is left running/);
  const root = /LDMS_ENTRYPOINT_ROOT=(\S+)/.exec(stdout)?.[1];
  if (root) expect(processesNaming(root)).toEqual([]);
});
