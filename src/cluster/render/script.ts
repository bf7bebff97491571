/** What the scripts have in common that somebody runs to start and stop containers. */

/** Finds the directory that a script is in, and what stands beside it, as `"$here"`. */
export const findHere = `here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1`;

/**
 * The end of a script that goes on after a failure: commands in it have `|| failed=1` behind them.
 *
 * @param told what it says then, after its own name
 */
export const toldAtTheEnd = (told: string): string =>
  `[ "$failed" -eq 0 ] || echo "\${0##*/}: ${told}" >&2\nexit "$failed"\n`;
