/** Grafana's files and directories: where they are, and whether they can be used. */
import type { Host } from '../host.ts';
import { whyNoRoom } from '../nearest.ts';
import type { FileAction, Requirement } from '../plan.ts';
import { errnoWords, type Problem } from '../problem.ts';
import type { Setting } from './settings.ts';

/** The variables that name them, as the official image sets them (grafana packaging/docker). */
const ownPlaces = {
  config: ['GF_PATHS_CONFIG', '/etc/grafana/grafana.ini'],
  data: ['GF_PATHS_DATA', '/var/lib/grafana'],
  home: ['GF_PATHS_HOME', '/usr/share/grafana'],
  logs: ['GF_PATHS_LOGS', '/var/log/grafana'],
  plugins: ['GF_PATHS_PLUGINS', '/var/lib/grafana/plugins'],
  provisioning: ['GF_PATHS_PROVISIONING', '/etc/grafana/provisioning'],
} as const;

/** A path for each. */
export type Places = Readonly<Record<keyof typeof ownPlaces, string>>;

/** Where grafana.ini and grafana's own files are: as the arguments say, as GF_PATHS_* name them, or where the image has them. */
export const configOf = (
  flags: ReadonlyMap<string, string>,
  host: Host,
): Pick<Places, 'config' | 'home'> => ({
  config: flags.get('config') || named('config', host),
  home: flags.get('homepath') || named('home', host),
});

/** The other places: GF_PATHS_* are settings like all others. */
export function placesOf(found: Pick<Places, 'config' | 'home'>, setting: Setting, host: Host): Places {
  const at = (place: 'data' | 'logs' | 'plugins' | 'provisioning') =>
    setting('paths', place) ?? host.path(ownPlaces[place][1]);
  return {
    ...found,
    data: at('data'),
    logs: at('logs'),
    plugins: at('plugins'),
    provisioning: at('provisioning'),
  };
}

/** What a variable names, or the image's own. */
export function named(place: keyof Places, host: Host): string {
  const [variable, own] = ownPlaces[place];
  return host.env[variable] || host.path(own);
}

/** What can be said of a place, and what has to be done about it. */
export interface Placed {
  readonly requirements: readonly Requirement[];
  readonly preparations: readonly FileAction[];
}

/** That grafana's own files are there. */
export function needsHome({ home }: Places, host: Host): Requirement {
  const what = `GF_PATHS_HOME=${home}`;
  const found = host.look(home);
  if (found.kind === 'directory') return { what, found: "grafana's own files are there" };
  const because = found.kind === 'nothing' ? errnoWords(found.errno) : 'it is not a directory';
  const problem: Problem = {
    kind: 'configuration',
    what: `cannot use GF_PATHS_HOME=${home}: ${because}`,
    remedy: 'use an image that contains grafana, or name the directory that it is in',
  };
  return { what, problem };
}

/**
 * That files can be made and changed in a place; it is made if it is not there.
 *
 * @param own a file in it that has to be writable if it is there
 */
export function needsWritable(
  place: 'data' | 'logs' | 'plugins',
  at: Places,
  host: Host,
  own?: string,
): Placed {
  const [variable] = ownPlaces[place];
  return mayWrite(`${variable}=${at[place]}`, at[place], host, own);
}

/** The same for any directory; `what` is what people call it. */
export function mayWrite(what: string, path: string, host: Host, own?: string): Placed {
  const { there, errno: whole } = whyNoRoom(path, host);
  const file = own === undefined ? undefined : `${path}/${own}`;
  const hasFile = file !== undefined && host.look(file).kind === 'file';
  const inside = hasFile && whole === undefined ? host.whyNoWrite(file) : undefined;
  const errno = whole ?? inside;
  const isThere = there === path;
  if (errno === undefined) {
    const make: FileAction = { do: 'directory', path, mode: 0o755, mend: false };
    const found = isThere ? 'it can be written to' : 'it can be made';
    return { requirements: [{ what, found }], preparations: isThere ? [] : [make] };
  }
  const where = whole === undefined && file !== undefined ? file : there;
  const subject = where === path ? '' : `${where}: `;
  const problem: Problem = {
    kind: 'configuration',
    what: `cannot write to ${what}: ${subject}${errnoWords(errno)}`,
    remedy: remedyFor(errno, where, path, host),
  };
  return { requirements: [{ what, problem }], preparations: [] };
}

function remedyFor(errno: string, where: string, path: string, host: Host): string {
  if (errno === 'EROFS')
    return `mount a volume there: docker run -v grafana:${path}, or --tmpfs ${path}:uid=${host.uid}`;
  if (errno !== 'EACCES' && errno !== 'EPERM') return 'free or mend that place, or name another one';
  const found = host.look(where);
  // Root's it is where nobody has given it away: to run as root for that would be too much.
  const owner = 'uid' in found && found.uid !== host.uid && found.uid !== 0 ? found.uid : undefined;
  const asOwner = owner === undefined ? '' : `, or run as its owner: docker run --user ${owner}:0`;
  return `give it to uid ${host.uid}: chown -R ${host.uid} on what the host mounts at ${path}${asOwner}`;
}
