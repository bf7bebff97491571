/** By what files are told apart. */

/** SHA-256 in hexadecimal. node:crypto is loaded when it is first used. */
export const sha256 = (data: Buffer | string): string =>
  process.getBuiltinModule('node:crypto').createHash('sha256').update(data).digest('hex');
