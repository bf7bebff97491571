/** Permissions, which must be quoted: YAML takes 0777 for a number, and maestro_ctrl prints it as 511. */
import { type Fields, warnMisread } from './fields.ts';
import type { Notes } from './notes.ts';

/** Tells of a `perm` that is a number to YAML and another one to ldmsd. */
export function warnMisreadPerm(fields: Fields, notes: Notes): void {
  const perm = fields.get('perm');
  if (perm) warnMisread(perm, 'perm', notes);
}
