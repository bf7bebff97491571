/** What must not be shown. */

/**
 * A word without the passwords that are in it: those in URLs (`https://USER:TOKEN@HOST`), and one that
 * an argument sets (`cfg:security.admin_password=…`).
 */
export const masked = (word: string): string =>
  word
    .replace(/:\/\/[^\s/]+@/g, '://***@')
    .replace(/^(cfg:[\w.]*(?:password|secret|token|key)\w*=).+$/is, '$1***');
