/** What a cluster's file says of its ldmsds. */
import type { Cluster, ConfigValue, DaemonGroup, Plugin, Store } from '../ldmscfg/read.ts';
import { usesOf } from '../ldmscfg/uses.ts';

/** The variables that sites have for a node's number: the mission's two names for it, and maestro's. */
const componentVariables = ['COMPONENT_ID', 'COMPID', 'LDMS_COMPONENT_ID'];
/** What every container has, and what ldmsd itself sets for a plugin's configuration. */
const alwaysThere = ['HOSTNAME', 'PATH', 'HOME'];

/** The directories that a store writes to, and the SOS containers in them; `container` may be empty. */
export function placesOf({ plugin, container = '' }: Store): readonly { path: string; container: string }[] {
  return (plugin?.plugin.config ?? []).flatMap((config) => {
    const path = typeof config === 'string' ? /(?:^|\s)path=(\S+)/.exec(config)?.[1] : config['path'];
    return typeof path === 'string' && path.startsWith('/') ? [{ path, container }] : [];
  });
}

/** Whether a store is one whose data dsosd serves. */
export const isSos = ({ plugin }: Store): boolean => /^store_d?sos$/.test(plugin?.plugin.name ?? '');

/** The variables for a node's number that a group's plugins are configured with. */
export const numberVariablesOf = (group: DaemonGroup, cluster: Cluster): readonly string[] => {
  const used = variablesOf(group, cluster);
  return componentVariables.filter((name) => used.has(name));
};

/** The variables that a group's plugins are configured with, and that nobody sets. */
export const strangeVariablesOf = (group: DaemonGroup, cluster: Cluster): readonly string[] =>
  [...variablesOf(group, cluster)].filter(
    (name) => !componentVariables.includes(name) && !alwaysThere.includes(name),
  );

function variablesOf(group: DaemonGroup, cluster: Cluster): ReadonlySet<string> {
  const { samplers, aggregators } = usesOf(group, cluster);
  return new Set(
    [...samplers, ...aggregators].flatMap(({ plugins }) =>
      plugins.flatMap(({ plugin }) => namesIn(plugin.config)),
    ),
  );
}

/** The names of variables in a plugin's configuration, which ldmsd puts their values in place of. */
function namesIn(value: Plugin['config'] | ConfigValue): string[] {
  if (typeof value === 'string') return [...value.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name);
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap((each: ConfigValue) => namesIn(each));
}
