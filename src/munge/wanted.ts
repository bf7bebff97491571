/** Is munge wanted? Asked of what the daemon's arguments and files say, and of LDMS_ENTRYPOINT_MUNGE. */
import type { Settings } from '../settings.ts';

/** Where clients look for munged unless told otherwise (libmunge's built-in default). */
export const defaultSocket = '/run/munge/munge.socket.2';

/** Why munge has to be ready before the daemon starts, and through which socket. */
export interface Wanted {
  /** For people: "-a munge", "line 3 of /etc/ldms/samp.conf", "LDMS_ENTRYPOINT_MUNGE=host". */
  readonly why: string;
  /** A socket that the daemon was told to use in place of the default one. */
  readonly socket?: string;
}

/**
 * Decides whether munge is wanted.
 *
 * @param auths the authentications that the daemon will use, in order; only the plugin's own name
 *   counts, so that a daemon called "munge" (`-n munge`) starts nothing
 * @returns undefined when munge is to be left alone
 */
export function mungeWanted(
  auths: readonly { plugin: string; args: readonly string[]; from: string }[],
  setting: Settings['munge'],
): Wanted | undefined {
  if (setting === 'off') return undefined;
  const asked = auths.find(({ plugin }) => plugin === 'munge');
  if (!asked) return setting === 'auto' ? undefined : { why: `LDMS_ENTRYPOINT_MUNGE=${setting}` };
  // `socket` is the only argument that ldmsd's munge plugin takes (ldms_auth_munge.c).
  const socket = asked.args.find((arg) => arg.startsWith('socket='))?.slice('socket='.length);
  return { why: asked.from, ...(socket && { socket }) };
}
