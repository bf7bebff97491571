/** The plan as it would be now, of a container that runs already. */
import { readFileSync, statSync } from 'node:fs';
import type { Plan } from '../plan.ts';
import { runBriefly } from '../process/child.ts';
import type { CheckResult } from './check.ts';

// Up to this size, a file is parsed in half a second.
const mostBytes = 1 << 20;
const checkLimitMs = 120_000;

/**
 * Plans again where one of several containers is elected: a file of some MB takes seconds to parse, in which
 * nobody would see to the lease, or end maestro in time. So that is done by a process of its own.
 *
 * @param plan the present one
 * @param replan plans in this process
 */
export async function planAgain(plan: Plan, replan: () => Promise<Plan>, stop: AbortSignal): Promise<Plan> {
  const { election, mode } = plan;
  if (!election || sizeOf(election.config) < mostBytes) return replan();
  // Started with, and found good then: whoever takes over need not wait for it to be checked once more.
  if (digestOf(election.config) === election.digest) return { ...plan, requirements: [], notices: [] };
  const words = ['check', '--json', '--again', mode];
  const { stdout, stderr } = await runBriefly(process.execPath, words, { limitMs: checkLimitMs, stop });
  const checks = checksOf(stdout) ?? [
    {
      what: election.config,
      state: 'failed' as const,
      text: `cannot check ${election.config}: ${stderr.trim()}`,
    },
  ];
  return {
    ...plan,
    requirements: checks.flatMap(({ what, state, text }) =>
      state === 'failed'
        ? [{ what, problem: { kind: 'configuration' as const, what: text, remedy: '' } }]
        : [],
    ),
    notices: checks.flatMap(({ state, text }) =>
      state === 'warn' ? [{ level: 'warn' as const, text }] : [],
    ),
    election: { ...election, digest: digestOf(election.config) },
  };
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function checksOf(json: string): CheckResult['checks'] | undefined {
  try {
    return (JSON.parse(json) as CheckResult).checks;
  } catch {
    return undefined;
  }
}

/** SHA-256 of a file, in hexadecimal; of one that cannot be read, none. */
function digestOf(file: string): string {
  try {
    const { createHash } = process.getBuiltinModule('node:crypto');
    return createHash('sha256').update(readFileSync(file)).digest('hex');
  } catch {
    return '';
  }
}
