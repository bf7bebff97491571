/** Values of systemd units whose command lines Quadlet makes of them. */

/**
 * A word of a value that is split into words (systemd.syntax(7), "Quoting"). Quadlet takes the quotes off,
 * and puts the word into a command line, of which systemd then replaces `%` and `$` (systemd.service(5)).
 */
export const word = (text: string): string =>
  /^[\w@+=:,./-]+$/.test(text)
    ? text
    : `"${verbatim(text.replace(/[\\"\n\t]/g, (each) => escapes[each] ?? each))}"`;

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n', '\t': '\\t' };

/** A value that is taken as it stands, but for what systemd replaces in the command line that it ends in. */
export const verbatim = (text: string): string => text.replaceAll('%', '%%').replaceAll('$', '$$$$');
