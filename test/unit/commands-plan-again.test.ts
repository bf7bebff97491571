/** A plan made again where one of several is elected never parses in this process. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { planAgain } from '../../src/commands/again.ts';
import type { Plan } from '../../src/plan.ts';

const file = 'daemons: []\n';

function planOf(text: string, digestOf = text): Plan {
  const directory = mkdtempSync(join(tmpdir(), 'again-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const config = join(directory, 'ldms_cfg.yaml');
  writeFileSync(config, text);
  const digest = createHash('sha256').update(digestOf).digest('hex');
  return {
    mode: 'maestro',
    notices: [{ level: 'warn', text: 'of the start' }],
    requirements: [],
    election: { config, digest },
  } as unknown as Plan;
}

const never = new AbortController().signal;

test('a file that is the one of the start is good already', async () => {
  const plan = planOf(file);
  const again = await planAgain(plan, () => Promise.reject(new Error('parsed here')), never);
  expect(again).toMatchObject({ requirements: [], notices: [], election: plan.election });
});

test('a file that has changed is checked by another process, whose failure is a problem', async () => {
  const plan = planOf(file, 'another text');
  // Here that process is node, which knows no such command.
  const again = await planAgain(plan, () => Promise.reject(new Error('parsed here')), never);
  expect(again.requirements.map(({ problem }) => problem?.what)).toEqual([
    expect.stringMatching(/^cannot check .*ldms_cfg\.yaml: /),
  ]);
  expect(again.election?.digest).toBe(createHash('sha256').update(file).digest('hex'));
});

test('without an election all is as before', async () => {
  const { election: _, ...plan } = planOf(file);
  const made = { ...plan, mode: 'made anew' };
  expect(await planAgain(plan, async () => made, never)).toBe(made);
});
