/** The last resort: an error that nobody expected. */

import { writeLine } from '../log.ts';
import { exitCodes } from '../problem.ts';

/**
 * Tells of an unexpected error on one line, with where it happened.
 *
 * @returns the exit code
 */
export function reportBug(error: unknown): number {
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: '' };
  const where = stack?.split('\n')[1]?.trim() ?? '';
  writeLine(`ldms-entrypoint: internal error: ${message} (${where}); please report it\n`);
  return exitCodes.internal.code;
}
