/** What must not be shown. */

/**
 * A word without the passwords that are in it: those in URLs (`https://USER:TOKEN@HOST/?KEY`), and one
 * that an argument sets (`cfg:security.admin_password=…`).
 */
export const masked = (word: string): string =>
  word
    // A password may have anything in it; a port may not.
    .replace(/:\/\/(?:[^\s:@/]*:(?!\d+\/)\S*|[^\s/@]+)@/g, '://***@')
    .replace(/(:\/\/[^\s?]*\?)[^\s;]+/g, '$1***')
    .replace(/^(cfg:[\w.]*(?:password|secret|token|key)\w*=).+$/is, '$1***');
