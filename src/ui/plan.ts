/** What ldms-ui becomes: uwsgi, serving sosgui. */
import { resolve } from 'node:path';
import type { Given } from '../given.ts';
import type { Host } from '../host.ts';
import { type Listening, mayListen, written } from '../listen.ts';
import { masked } from '../mask.ts';
import type { Notice, Plan, User } from '../plan.ts';
import { otherProgram } from '../programs.ts';
import { listenerToAsk, placeOf } from './listener.ts';
import {
  apps,
  listeners,
  named,
  operand,
  pluginDirectories,
  plugins,
  readUwsgiOptions,
  type UwsgiOption,
  type UwsgiOptions,
} from './options.ts';
import { directory, lookAtSosgui } from './sosgui.ts';

const module = 'sosgui.wsgi';
const defaultAddress = ':80';
/** What grafana's data source asks to see whether it is well (sosdb-grafana grafana/urls.py). */
const healthPath = '/grafana/';

/** Plans uwsgi. Its arguments are never changed; what they do not say is put in front of them. */
export async function planUi(given: Given): Promise<Plan> {
  const { host } = given;
  const nothing = { mode: 'ui', notices: [], requirements: [], services: [], tasks: [], questions: [] };
  // `docker run … ldms-ui uwsgi --version` names the program that we start anyway.
  const args = given.args[0] === 'uwsgi' ? given.args.slice(1) : given.args;
  // Some file systems have every file executable.
  const other = operand(args[0] ?? '').length > 0 ? undefined : otherProgram(args, host);
  if (other) return { ...nothing, main: other, handoff: 'exec' };

  const cwd = host.path(directory);
  const said = await readUwsgiOptions(args, host, cwd);
  if (named(said, ['help', 'usage', 'version']).length > 0) {
    return { ...nothing, main: { program: 'uwsgi', args }, handoff: 'exec' };
  }
  const listening = named(said, listeners);
  const addsListener = listening.length === 0 && !isNamed(said, ['emperor']) && said.unseen.length === 0;
  const addresses = addsListener ? [{ name: 'http-socket', value: defaultAddress }] : listening;
  // uwsgi goes there before it binds.
  const web = listenerToAsk(addresses, resolve(cwd, last(said, 'chdir') ?? ''));
  const ports = portsOf(addresses, said, given);
  const sosgui = servesSosgui(said) ? lookAtSosgui(given, runsAs(said, host)) : undefined;
  return {
    ...nothing,
    notices: [
      ...(listening.length === 0 ? unseen(said) : []),
      ...daemonizes(said),
      ...(sosgui?.notices ?? []),
    ],
    requirements: [...(sosgui?.requirements ?? []), ...ports.requirements],
    preparations: sosgui?.preparations ?? [],
    questions: [...(sosgui?.questions ?? []), ...ports.questions],
    main: { program: 'uwsgi', args: [...additions(said, addsListener), ...args], cwd },
    handoff: 'exec',
    health: { listeners: [], ...(web && { web: { ...web, path: healthPath, well: 'any' } }) },
  };
}

const last = (said: UwsgiOptions, name: string): string | undefined => named(said, [name]).at(-1)?.value;

/** The user that uwsgi changes to, by --uid and --gid. */
function runsAs(said: UwsgiOptions, host: Host): User | undefined {
  const [uid, gid] = [last(said, 'uid'), last(said, 'gid')];
  if (uid === undefined || host.uid !== 0) return undefined;
  const user = /^\d+$/.test(uid) ? { name: uid, uid: Number(uid), gid: 0 } : host.user(uid);
  return user && (/^\d+$/.test(gid ?? '') ? { ...user, gid: Number(gid) } : user);
}

const isNamed = (said: UwsgiOptions, names: readonly string[]): boolean => named(said, names).length > 0;

/** What we put in front of the user's arguments: only what they do not say themselves. */
function additions(said: UwsgiOptions, addsListener: boolean): string[] {
  const addsModule = !isNamed(said, apps);
  const isPython = /^(?:\d+:)?python/;
  const own = named(said, plugins)
    .flatMap(({ value = '' }) => value.split(','))
    .find((name) => isPython.test(name.trim()));
  // Where the user's plugins are has to be known before one is named.
  const directories = named(said, pluginDirectories).flatMap(({ value }) => value ?? []);
  return [
    // Before the module, which is an option of this plugin's: the user's own choice, if there is one.
    ...(addsModule || own === undefined ? directories.map((path) => `--plugins-dir=${path}`) : []),
    ...(addsModule || own === undefined ? [`--plugins=${own?.trim() ?? 'python3'}`] : []),
    ...(addsModule ? [`--module=${module}`] : []),
    ...(isNamed(said, ['master']) ? [] : ['--master']),
    ...(isNamed(said, ['need-app', 'emperor']) ? [] : ['--need-app']),
    ...(addsListener ? [`--http-socket=${defaultAddress}`] : []),
    ...endings(said),
    // A worker whose log nobody reads any more would tell of that for ever, in that log.
    ...(isNamed(said, ['ignore-sigpipe']) ? [] : ['--ignore-sigpipe']),
  ];
}

/**
 * What has SIGTERM end uwsgi, after the requests that are under way.
 *
 * By itself uwsgi ignores SIGTERM while it loads, reloads on SIGTERM when it has loaded, and looks
 * once a second whether its workers have ended (core/uwsgi.c, core/master.c; all tried with 2.0.21).
 * Until it serves, a worker ignores the SIGHUP by which it is told to finish, and leaves the SIGINT by
 * which it is told to end to Python.
 */
function endings(said: UwsgiOptions): string[] {
  const isOwn = named(said, ['hook-asap', 'hook-master-start']).some(({ value }) =>
    value?.startsWith('unix_signal:15 '),
  );
  if (isOwn) return [];
  return [
    // While it loads.
    '--hook-asap=unix_signal:15 _exit',
    // From the first worker on, until the hooks of the master.
    '--die-on-term',
    // A worker that does not serve yet; it may load the app itself.
    ...['hook-post-fork', isNamed(said, ['lazy', 'lazy-apps']) ? 'hook-as-user' : 'hook-post-app'].flatMap(
      (hook) => [`--${hook}=unix_signal:1 _exit`, `--${hook}=unix_signal:2 _exit`],
    ),
    '--hook-master-start=unix_signal:15 gracefully_kill_them_all',
    // --die-on-term has made this one the reload.
    '--hook-master-start=unix_signal:3 kill_them_all',
    // SIGCHLD wakes the master, so that it ends with its last worker and not up to a second later.
    '--hook-master-start=unix_signal:17 worker_wakeup',
  ];
}

/** sosgui is served unless something else is named. */
function servesSosgui(said: UwsgiOptions): boolean {
  const own = named(said, apps);
  return own.length === 0 || own.some(({ value }) => value?.split(':')[0] === module);
}

function unseen({ unseen: files }: UwsgiOptions): Notice[] {
  if (files.length === 0) return [];
  const text = `cannot look into ${files.map(masked).join(', ')}, which may name a listener: so ${defaultAddress} is not listened on unless --http-socket=${defaultAddress} is given`;
  return [{ level: 'warn', text }];
}

function daemonizes(said: UwsgiOptions): Notice[] {
  if (!isNamed(said, ['daemonize', 'daemonize2'])) return [];
  const text =
    'uwsgi is told to go to the background (daemonize), and the container ends when it does; leave that out';
  return [{ level: 'warn', text }];
}

/** That the TCP addresses can be listened on, which uwsgi would say in three lines. */
function portsOf(options: readonly UwsgiOption[], said: UwsgiOptions, { host, answers }: Given): Listening {
  const found = options.flatMap(({ name, value = '' }) => {
    const at = placeOf(value, '/');
    return at && 'port' in at ? [{ name, address: at.host, port: at.port }] : [];
  });
  return mayListen(isNamed(said, ['reuse-port']) ? [] : found, answers, host, (at) => {
    const other = written({ ...at, port: otherPort(at.port) }).replace(/^0\.0\.0\.0/, '');
    const option = found.find((one) => written(one) === written(at))?.name ?? 'http-socket';
    return `choose another port: docker run … ovishpc/ldms-ui --${option}=${other}`;
  });
}

/** One that looks like it. */
function otherPort(port: number): number {
  if (port < 1024) return 8000 + port;
  return port < 65_535 ? port + 1 : 8080;
}
