/** The groups of a file, found by what the rest of the file calls them. */
import { readText } from './fields.ts';
import type { DaemonGroup } from './model.ts';
import type { Notes } from './notes.ts';
import type { Value } from './value.ts';
import type { Names } from './values.ts';
import { nearest, quote } from './words.ts';

/** Every group, and who has which name and address. */
export interface Groups {
  readonly list: DaemonGroup[];
  readonly byExpression: Map<string, DaemonGroup>;
  /** Where each daemon's name stands. */
  readonly daemons: Map<string, Names>;
  /** Where each endpoint's name stands. */
  readonly endpointNames: Map<string, Names>;
  /** Whose endpoint it is: a group and the index of the daemon in it. */
  readonly endpoints: Map<string, { readonly group: DaemonGroup; readonly daemon: number }>;
  /** Some entry's names could not be read: then a group that is not here may well exist. */
  incomplete: boolean;
  /** Where `transport:port:host` was given out. */
  readonly addresses: Map<string, number>;
}

/** No groups yet. */
export const noGroups = (): Groups => ({
  list: [],
  byExpression: new Map(),
  daemons: new Map(),
  endpointNames: new Map(),
  endpoints: new Map(),
  incomplete: false,
  addresses: new Map(),
});

/**
 * Reads the name of a group, which must be written as its `names` are: maestro_ctrl compares texts.
 *
 * @returns the name, and the group unless there is none
 */
export function readGroupName(
  value: Value | undefined,
  groups: Groups,
  notes: Notes,
): { name: string; group: DaemonGroup | undefined } | undefined {
  const name = readText(value, 'daemons', notes);
  if (value === undefined || name === undefined) return undefined;
  return { name, group: findGroup(name, value.at, groups, notes) };
}

/** Finds a group by its name, or tells that there is none. */
export function findGroup(name: string, at: number, groups: Groups, notes: Notes): DaemonGroup | undefined {
  const group = groups.byExpression.get(name);
  if (!group && !groups.incomplete)
    notes.mistake(
      at,
      `daemons: no entry of daemons has the names ${quote(name)}${groupMeant(name, groups, notes)}`,
    );
  return group;
}

/** What may be meant: a group that is written otherwise, or one that has the daemon in it. */
function groupMeant(name: string, groups: Groups, notes: Notes): string {
  const expansion = notes.expand(name);
  const [first] = 'names' in expansion ? expansion.names : [];
  const owner = groups.daemons.get(first ?? '')?.expression;
  const near = owner ?? nearest(name, [...groups.byExpression.keys()]);
  if (near !== undefined) return `; write ${quote(near)}, exactly as it is there`;
  const known = groups.list.slice(0, 3).map(({ expression }) => quote(expression));
  return known.length > 0 ? `; write one of ${known.join(', ')}${groups.list.length > 3 ? ', …' : ''}` : '';
}
