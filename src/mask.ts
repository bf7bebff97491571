/** What must not be shown. */

/**
 * A text without the passwords that are in it: those in URLs (`https://USER:TOKEN@HOST`), and those that
 * an argument sets (`cfg:security.admin_password=…`).
 */
export const masked = (text: string): string =>
  text
    .replace(/:\/\/[^/@\s"']+@/g, '://***@')
    .replace(/(cfg:[\w.]*(?:password|secret|token|key)\w*=)[^\s"']+/gi, '$1***');
