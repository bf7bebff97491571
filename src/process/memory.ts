/** Giving memory back. */

/**
 * Collects all garbage at once. A leader process that stays does nothing for days, in which V8 would
 * keep what a start has used: of a file that names 10,000 hosts, 10 MB.
 *
 * V8's gc() is made available for this moment only: with --expose-gc from the start, the code caches
 * of Node's own modules do not fit, and every start is slower.
 */
export function letGo(): void {
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  setFlagsFromString('--expose-gc');
  const gc = process.getBuiltinModule('node:vm').runInNewContext('gc') as (options: object) => void;
  setFlagsFromString('--no-expose-gc');
  gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
