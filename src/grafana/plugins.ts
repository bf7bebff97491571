/** Grafana's plugins: those that are to be installed, and the one for DSOS. */
import type { Host, Look } from '../host.ts';
import { masked } from '../mask.ts';
import { whyNoRoom } from '../nearest.ts';
import type { Command, FileAction, Notice, Requirement, Run } from '../plan.ts';
import { errnoWords } from '../problem.ts';
import { valueFor } from './secrets.ts';
import type { Setting } from './settings.ts';

// From a mirror at the other end of the world; grafana-cli has no limit of its own.
const installMs = 300_000;

/** The plugins to be installed, and what is wrong with their list. */
export interface Installs {
  readonly runs: readonly Run[];
  readonly requirements: readonly Requirement[];
  /** Whether grafana-cli has to be able to write into the directory. */
  readonly write: boolean;
}

/**
 * GF_INSTALL_PLUGINS as the official image has it: names with a comma between them, each with a
 * version behind a blank if one is wanted, or `URL;FOLDER`.
 *
 * @param cli grafana-cli, to which the arguments are added
 */
export function pluginsToInstall(host: Host, directory: string, home: string, cli: Command): Installs {
  const items = (valueFor('GF_INSTALL_PLUGINS', host) ?? '').split(',').flatMap((item) => item.trim() || []);
  const isWhole = (item: string) =>
    item
      .split(';')
      .slice(0, 2)
      .every((part) => part.trim() !== '');
  const requirements = items
    .filter((item) => !isWhole(item))
    .map((item): Requirement => {
      const what = `cannot install ${masked(item)} of GF_INSTALL_PLUGINS: it is no URL;FOLDER`;
      const remedy =
        'write the URL of its archive and the folder to put it into, with a semicolon between them';
      return { what: 'GF_INSTALL_PLUGINS', problem: { kind: 'configuration', what, remedy } };
    });
  const runs = items.filter(isWhole).map((item): Run => {
    const [first = '', folder] = item.split(';');
    const words = folder === undefined ? first.split(/\s+/) : [folder.trim()];
    const [id = ''] = words;
    const from = folder === undefined ? [] : ['--pluginUrl', first.trim()];
    const args = [...cli.args, ...from, '--pluginsDir', directory, 'plugins', 'install', ...words];
    const isThere = host.look(`${directory}/${id}`).kind === 'directory';
    return {
      do: 'run',
      name: `the installation of the plugin ${words.join(' ')}`,
      command: { program: cli.program, args, env: { HOME: home } },
      limitMs: installMs,
      ifNot: {
        kind: 'configuration',
        what: `cannot install the plugin ${id} of GF_INSTALL_PLUGINS`,
        remedy: `see whether this container reaches the internet; where there is none, leave it out of GF_INSTALL_PLUGINS and mount its folder: docker run -v /on-host/${id}:${directory}/${id}:ro`,
      },
      ...(isThere && { instead: 'the one that is there is used' }),
    };
  });
  return { runs, requirements, write: runs.some(({ instead }) => instead === undefined) };
}

const folder = 'dsosds';
/** Where the image has the plugin a second time: what is mounted at /var/lib/grafana hides the first. */
const spare = '/usr/local/share/ldms-images/dsosds';
const variable = 'GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS';

/** The plugin for DSOS. */
export interface Dsosds {
  /** What its plugin.json calls it, which is the type of its data sources. */
  readonly id: string;
  readonly notices: readonly Notice[];
  /** What brings it to where grafana looks for plugins. */
  readonly preparations: readonly FileAction[];
  /** What has grafana load it, which it refuses to do with a plugin that Grafana Labs has not signed. */
  readonly env: Readonly<Record<string, string>>;
}

/** Allows this plugin, by its id, beside what the user allows already. */
export function allowDsosds(
  host: Host,
  directory: string,
  args: readonly string[],
  setting: Setting,
): Dsosds {
  const at = `${directory}/${folder}`;
  const own = host.path(spare);
  const linked = isAbsent(host.look(at)) && host.look(own).kind === 'directory';
  const id = idOf(host, linked ? own : at);
  const name = id ?? folder;
  const allowed = (setting('plugins', 'allow_loading_unsigned_plugins') ?? '')
    .split(/[\s,]+/)
    .filter(Boolean);
  const isAllowed = allowed.includes(name);
  // An argument of the user's is stronger than any variable, and a file's content is theirs as well.
  const theirs = args.some((arg) => arg.startsWith(operand))
    ? operand
    : host.env[`${variable}__FILE`] && variable;
  const missing = isAbsent(host.look(at))
    ? `there is no plugin ${folder} in ${directory}, without which grafana cannot show LDMS data; a volume or directory that is mounted there hides the image's own: copy it there`
    : `cannot read plugin.json of the plugin ${at}, without which grafana cannot show LDMS data; let uid ${host.uid} read it, or copy the plugin there anew`;
  const refused = `${theirs} does not name ${name}, which grafana will not load therefore; add it`;
  const why = linked ? whyNoRoom(directory, host).errno : undefined;
  const unlinked = `there is no plugin ${folder} in ${directory}, without which grafana cannot show LDMS data, and the image's own cannot be linked there: ${errnoWords(why)}; let uid ${host.uid} write there, or mount the plugin at ${at}`;
  const texts = [
    ...(id === undefined ? [missing] : []),
    ...(why === undefined ? [] : [unlinked]),
    ...(theirs && !isAllowed ? [refused] : []),
  ];
  return {
    id: name,
    notices: texts.map((text) => ({ level: 'warn', text })),
    preparations: linked && why === undefined ? [{ do: 'link', path: at, to: own }] : [],
    env: isAllowed || theirs ? {} : { [variable]: [...allowed, name].join(',') },
  };
}

const operand = 'cfg:plugins.allow_loading_unsigned_plugins=';

const isAbsent = (found: Look): boolean => found.kind === 'nothing' && found.errno === 'ENOENT';

/** The id of a plugin; undefined if there is none. It lies in its folder, or as it was built, in dist. */
function idOf(host: Host, directory: string): string | undefined {
  const files = [`${directory}/plugin.json`, `${directory}/dist/plugin.json`];
  return files.flatMap((file) => idIn(host.read(file)) ?? [])[0];
}

function idIn(bytes: ReturnType<Host['read']>): string | undefined {
  try {
    const { id } = JSON.parse(Buffer.isBuffer(bytes) ? bytes.toString() : '{}') as { id?: unknown };
    return typeof id === 'string' && /^[\w-]+$/.test(id) ? id : undefined;
  } catch {
    // Grafana tells of a plugin.json that is broken.
    return undefined;
  }
}
