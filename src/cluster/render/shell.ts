/** Words of shell commands. */

/** A word as a POSIX shell reads it. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/**
 * A command with each of its options on a line of its own.
 *
 * @param parts what belongs together, each quoted already
 */
export const command = (parts: readonly string[]): string => parts.join(' \\\n    ');
