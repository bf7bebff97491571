/** Files that the user has to mount. */
import type { Host } from './host.ts';
import type { Requirement } from './plan.ts';
import { errnoWords, type Problem } from './problem.ts';

/**
 * A mounted file's text, or what is wrong with it and how it is mounted.
 *
 * @param path where it lies
 * @param mountedAt where the user mounts it: the same, but for local mode
 * @param example its name on the user's host, for the command to type
 */
export function readMounted(path: string, mountedAt: string, example: string, host: Host): string | Problem {
  const bad = (why: string, remedy: string): Problem => ({
    kind: 'configuration',
    what: `cannot use ${path}: ${why}`,
    remedy,
  });
  if (host.look(path).kind === 'directory') {
    return bad(
      'it is a directory, which docker makes when the file to mount does not exist on the host',
      'remove that directory on the host and name the real file',
    );
  }
  if (host.look(path).kind === 'other' || host.look(path).kind === 'socket') {
    return bad('it is no regular file', 'mount a file there');
  }
  if (host.mounts().findLast(({ point }) => point === path)?.deleted) {
    return bad(
      'the file that is mounted there was replaced on the host by another one, as most editors and sed -i do',
      `restart the container; to be spared that, write into the file in place: cp NEW /on-host/${example}`,
    );
  }
  const bytes = host.read(path);
  if (!Buffer.isBuffer(bytes)) {
    const mount =
      host.root === ''
        ? `mount yours: docker run -v /on-host/${example}:${mountedAt}:ro`
        : `put yours there: cp ${example} ${path}`;
    const permitted = `let uid ${host.uid} read it: chmod a+r on the host`;
    return bad(errnoWords(bytes.errno), bytes.errno === 'EACCES' ? permitted : mount);
  }
  const text = bytes.toString('utf8');
  const encoded = Buffer.from(text);
  if (encoded.equals(bytes)) return text;
  const broken = bytes.findIndex((byte, at) => byte !== encoded[at]);
  const line = bytes.toString('latin1', 0, broken < 0 ? bytes.length : broken).split('\n').length;
  return bad(`line ${line} is not valid UTF-8`, 'save it as UTF-8');
}

// Of a file that is something else altogether, nobody reads a thousand lines.
const mostTold = 50;

/**
 * The mistakes of a file, each a requirement that is not met.
 *
 * @param mistakes in the order of the file, each with its place behind the file's name ("12:7")
 */
export function unmet(
  path: string,
  mistakes: readonly { readonly at: string; readonly text: string }[],
): Requirement[] {
  const mistake = (at: string, text: string): Requirement => ({
    what: at,
    problem: { kind: 'configuration', what: `${at}: ${text}`, remedy: '' },
  });
  const told = mistakes.slice(0, mostTold).map(({ at, text }) => mistake(`${path}:${at}`, text));
  const more = mistakes.length - told.length;
  return more > 0 ? [...told, mistake(path, `${more} more mistakes`)] : told;
}
