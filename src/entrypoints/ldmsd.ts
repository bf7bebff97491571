/** What samp and agg have in common: ldmsd as the leader process. */
import { type Asked, whatLdmsdWants } from '../ldmsd/auth.ts';
import { componentOf } from '../ldmsd/component.ts';
import { onlyPrints, type Parsed, parseOptions } from '../ldmsd/options.ts';
import { forksByItself, recordedVersion } from '../ldmsd/version.ts';
import { planMunge } from '../munge/plan.ts';
import { mungeWanted } from '../munge/wanted.ts';
import type { HealthFacts, Plan, Question, Requirement } from '../plan.ts';
import { otherProgram } from '../programs.ts';
import type { Given } from './mode.ts';

/** Plans an ldmsd. Its options are never changed; `-F` may be put in front of them. */
export async function planLdmsd(mode: string, given: Given): Promise<Plan> {
  const { settings, answers } = given;
  // `docker run … ldms-samp ldmsd -V` names the program that we start anyway.
  const args = given.args[0] === 'ldmsd' ? given.args.slice(1) : given.args;
  const nothing = {
    mode,
    notices: [],
    requirements: [],
    services: [],
    tasks: [],
    questions: [],
    handoff: 'exec',
  } as const;
  const command = otherProgram(args, given.host) ?? named(args);
  if (command) return { ...nothing, main: command };

  const parsed = parseOptions(args, given.host.env['POSIXLY_CORRECT'] !== undefined);
  if (onlyPrints(parsed)) return { ...nothing, main: { program: 'ldmsd', args } };

  const { env, requirements } = componentOf(settings.componentId ?? [], given.host);
  // Its configuration files may name the variables.
  const host = env ? { ...given.host, env: { ...given.host.env, ...env } } : given.host;
  const asked = await whatLdmsdWants(parsed, host);
  const wanted = mungeWanted(asked.auths, settings.munge);
  const munge = wanted ? planMunge(wanted, settings, host, answers['munge socket']) : undefined;
  const foreground = decideForeground(parsed, given, answers['ldmsd version']);
  const files: Requirement[] = asked.problems.map((problem) => ({ what: 'configuration file', problem }));
  return {
    ...nothing,
    notices: [
      ...asked.warnings.map((text) => ({ level: 'warn', text }) as const),
      ...(munge?.notices ?? []),
      ...foreground.notices,
    ],
    requirements: [...requirements, ...files, ...(munge?.requirements ?? [])],
    services: munge?.services ?? [],
    questions: [...(munge?.questions ?? []), ...foreground.questions],
    main: {
      program: 'ldmsd',
      args: foreground.add ? ['-F', ...args] : args,
      ...(env && { env }),
    },
    health: healthFacts(asked, munge?.socket),
  };
}

/**
 * A program that is named with its directory, and is not there: since ldmsd ignores operands, nothing
 * else can be meant, and that it is missing is told.
 */
function named([program = '', ...args]: readonly string[]): Plan['main'] | undefined {
  return program.includes('/') && !program.startsWith('-') ? { program, args } : undefined;
}

/** Whether `-F` has to be added: for an ldmsd that would fork, unless the user gave it already. */
function decideForeground(
  parsed: Parsed,
  { host }: Given,
  answer: string | undefined,
): { add: boolean; questions: readonly Question[]; notices: Plan['notices'] } {
  if (parsed.options.some(({ letter }) => letter === 'F')) return { add: false, questions: [], notices: [] };
  const program = host.program('ldmsd');
  const printed = answer ?? ('path' in program ? recordedVersion(host, program.path) : '');
  if (printed === undefined) {
    const command = { program: 'ldmsd', args: ['-V'] };
    return { add: true, questions: [{ about: 'ldmsd version', command }], notices: [] };
  }
  const forks = forksByItself(printed);
  if (forks !== undefined || !('path' in program)) return { add: forks ?? true, questions: [], notices: [] };
  const text = `cannot tell ldmsd's version from what ldmsd -V printed (${JSON.stringify(printed)}), so -F is added, as ldmsd up to 4.4 needs it`;
  return { add: true, questions: [], notices: [{ level: 'warn', text }] };
}

function healthFacts(asked: Asked, mungeSocket: string | undefined): HealthFacts {
  const { defaultAuth: auth } = asked;
  return {
    listeners: asked.listeners,
    ...(mungeSocket && { mungeSocket }),
    ...(auth && { auth: { name: auth.plugin, args: auth.args } }),
  };
}
