/** Grafana's plugins: those that are to be installed, and the one for DSOS. */
import type { Host } from '../host.ts';
import type { Command, Notice, Run } from '../plan.ts';
import type { Setting } from './settings.ts';

// From a mirror at the other end of the world; grafana-cli has no limit of its own.
const installMs = 300_000;

/**
 * GF_INSTALL_PLUGINS as the official image has it: names with a comma between them, each with a
 * version behind a blank if one is wanted, or `URL;FOLDER`.
 *
 * @param cli grafana-cli, to which the arguments are added
 */
export function pluginsToInstall(host: Host, directory: string, home: string, cli: Command): Run[] {
  const items = (host.env['GF_INSTALL_PLUGINS'] ?? '').split(',').flatMap((item) => item.trim() || []);
  return items.map((item) => {
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
}

const folder = 'dsosds';
const variable = 'GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS';

/** The plugin for DSOS. */
export interface Dsosds {
  /** What its plugin.json calls it, which is the type of its data sources. */
  readonly id: string;
  readonly notices: readonly Notice[];
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
  const id = idOf(host, `${directory}/${folder}`);
  const missing = `there is no plugin ${folder} in ${directory}, without which grafana cannot show LDMS data; a volume or directory that is mounted there hides the image's own: copy it there`;
  const notices: Notice[] = id === undefined ? [{ level: 'warn', text: missing }] : [];
  const name = id ?? folder;
  const allowed = (setting('plugins', 'allow_loading_unsigned_plugins') ?? '')
    .split(/[\s,]+/)
    .filter(Boolean);
  // An argument of the user's is stronger than any variable, and a secret is read later.
  const isTheirs =
    args.some((arg) => arg.startsWith('cfg:plugins.allow_loading_unsigned_plugins=')) ||
    host.env[`${variable}__FILE`];
  const env = allowed.includes(name) || isTheirs ? {} : { [variable]: [...allowed, name].join(',') };
  return { id: name, notices, env };
}

/** The id of a plugin; undefined if there is none. It lies in its folder, or as it was built, in dist. */
function idOf(host: Host, directory: string): string | undefined {
  for (const file of [`${directory}/plugin.json`, `${directory}/dist/plugin.json`]) {
    const bytes = host.read(file);
    const [, id] = /"id"\s*:\s*"([\w-]+)"/.exec(Buffer.isBuffer(bytes) ? bytes.toString() : '') ?? [];
    if (id !== undefined) return id;
  }
  return undefined;
}
