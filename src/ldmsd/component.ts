/** The component number that LDMS gives each node, for ldmsd, in variables that a site names. */
import type { Host } from '../host.ts';
import { numberOf } from '../nodename.ts';
import type { Requirement } from '../plan.ts';

/** What ldmsd is given, and where it comes from. */
export interface Component {
  /** Left out where there is nothing to give. */
  readonly env?: Readonly<Record<string, string>>;
  readonly requirements: readonly Requirement[];
}

/**
 * The variables of LDMS_ENTRYPOINT_COMPONENT_ID with the number in the host's name. One that is set is
 * left as it is; an empty one counts as unset, as compose files write `${X:-}`.
 */
export function componentOf(variables: readonly string[], host: Host): Component {
  const unset = variables.filter((name) => !host.env[name]);
  if (unset.length === 0) return { requirements: [] };
  const node = host.hostname();
  const number = numberOf(node);
  const what = 'component number';
  if (number === undefined) {
    const problem = {
      kind: 'configuration',
      what: `cannot give ldmsd ${unset.join(' and ')}: the host name ${node} holds no component number`,
      remedy: `set it yourself: ${unset.map((name) => `-e ${name}=NUMBER`).join(' ')}`,
    } as const;
    return { requirements: [{ what, problem }] };
  }
  const env = Object.fromEntries(unset.map((name) => [name, String(number)]));
  return { env, requirements: [{ what, found: `${number}, from the host name ${node}` }] };
}
