/** What keeps the builder from its work, with what to do about it, and the status to exit with. */
export const exitStatus = {
  /** A step failed. */
  failed: 1,
  usage: 64,
  /** The OVIS tree or another input is not what it has to be. */
  input: 65,
  /** An engine, a program or space that is missing. */
  unavailable: 69,
} as const;

/** Ends the command with one line for each sentence. */
export class BuilderError extends Error {
  readonly kind: keyof typeof exitStatus;
  readonly sentences: readonly string[];

  constructor(kind: keyof typeof exitStatus, sentences: readonly string[]) {
    super(sentences.join('\n'));
    this.kind = kind;
    this.sentences = sentences;
  }
}
