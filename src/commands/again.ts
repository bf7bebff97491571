/** The plan as it would be now, of a container that runs already. */
import { readFileSync } from 'node:fs';
import { sha256 } from '../digest.ts';
import type { Plan } from '../plan.ts';
import { runBriefly } from '../process/child.ts';
import type { CheckResult } from './check.ts';

const checkLimitMs = 120_000;

/**
 * Plans again. Where one of several containers is elected, a file that has changed is checked by a process of
 * its own: one of ten thousand hosts takes seconds, in which nobody would see to the lease, or end maestro in
 * time.
 *
 * @param plan the present one
 * @param replan plans in this process
 */
export async function planAgain(plan: Plan, replan: () => Promise<Plan>, stop: AbortSignal): Promise<Plan> {
  const { election, mode } = plan;
  if (!election) return replan();
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
    return sha256(readFileSync(file));
  } catch {
    return '';
  }
}
