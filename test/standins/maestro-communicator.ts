/**
 * The stand-in for maestro's communicator: it keeps a connection to each stand-in ldmsd that maestro is
 * to configure, and tries again each second where it has none. Nothing but credentials is exchanged.
 */
import { type Auth, mungeSocket, stayWith } from './peer.ts';
import { say } from './say.ts';

/** A port of a daemon's, as etcd has it. */
export interface Endpoint {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly xprt: string;
  /** The authentication plugin, and its arguments, `name=value` each. */
  readonly plugin: string;
  readonly args: readonly string[];
}

const retryMs = 1000;

const place = '^(daemons/[^/]+/[^/]+)/endpoints/([^/]+)';
const communicates = new RegExp(`${place}/maestro_comm$`);
// maestro_ctrl puts all that an endpoint's `auth` has below `auth/name`.
const configures = new RegExp(`${place}/auth/name/conf(?:/(.+))?$`);

/** The endpoints with `maestro_comm` among the keys that begin with `prefix`. */
export function endpointsOf(keys: ReadonlyMap<string, string>, prefix: string): Endpoint[] {
  const below = [...keys]
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), value] as const);
  const args = argumentsIn(below);
  return below.flatMap(([key, value]) => {
    const [, daemon, name] = communicates.exec(key) ?? [];
    if (daemon === undefined || name === undefined || value.toLowerCase() === 'false') return [];
    const at = `${prefix}${daemon}/endpoints/${name}`;
    return {
      name,
      host: keys.get(`${prefix}${daemon}/addr`) ?? '',
      port: Number(keys.get(`${at}/port`)),
      xprt: keys.get(`${at}/xprt`) ?? 'sock',
      plugin: keys.get(`${at}/auth/plugin`) ?? 'none',
      args: args.get(`${daemon}/${name}`) ?? [],
    };
  });
}

/** The arguments of the authentication plugins, by daemon and endpoint: one text each, or a mapping. */
function argumentsIn(below: readonly (readonly [string, string])[]): Map<string, string[]> {
  const args = new Map<string, string[]>();
  for (const [key, value] of below) {
    const [, daemon, name, option] = configures.exec(key) ?? [];
    if (daemon === undefined) continue;
    const words = option === undefined ? value.split(/\s+/) : [`${option}=${value}`];
    const id = `${daemon}/${name}`;
    args.set(id, [...(args.get(id) ?? []), ...words]);
  }
  return args;
}

/**
 * Keeps the connections.
 *
 * @param us what each line that it says begins with
 * @returns what tells it the endpoints that there are from now on
 */
export function keepConnected(us: string): (endpoints: readonly Endpoint[]) => void {
  const kept = new Map<string, AbortController>();
  const tell = (words: string) => say(`${us}: ${words}`);
  return (endpoints) => {
    const wanted = new Map(endpoints.map((endpoint) => [JSON.stringify(endpoint), endpoint]));
    for (const [id, gone] of kept) {
      if (wanted.has(id)) continue;
      gone.abort();
      kept.delete(id);
    }
    for (const [id, endpoint] of wanted) {
      if (kept.has(id)) continue;
      const controller = new AbortController();
      kept.set(id, controller);
      const auth = authOf(endpoint);
      if (auth) void keep(endpoint, auth, controller.signal, tell);
      else tell(`${endpoint.name} is passed over: only sock with auth munge or none is played`);
    }
  };
}

/** How an endpoint is spoken to; undefined where that is not played. */
function authOf({ xprt, plugin, args }: Endpoint): Auth | undefined {
  if (xprt !== 'sock') return undefined;
  if (plugin === 'munge') return { plugin, socket: mungeSocket(args) };
  // As the stand-in ldmsd has it: naive and ovis are as good as none.
  return /^(none|naive|ovis)$/.test(plugin) ? { plugin: 'none' } : undefined;
}

/** Keeps one connection until it is no longer wanted. */
async function keep(
  { name, host, port }: Endpoint,
  auth: Auth,
  unwanted: AbortSignal,
  tell: (words: string) => void,
): Promise<void> {
  const there = `${name} at ${host}:${port}`;
  let refused = false;
  while (!unwanted.aborted) {
    const made = await stayWith(host, port, auth);
    if ('failed' in made) {
      // A daemon that has not come up yet is no news.
      if (made.failed === 'rejected' && !refused && !unwanted.aborted) {
        refused = true;
        tell(`no connection to ${there}: ${made.because}`);
      }
    } else if (unwanted.aborted) {
      made.close();
    } else {
      refused = false;
      tell(`connected to ${there}`);
      unwanted.addEventListener('abort', made.close);
      await made.closed;
      unwanted.removeEventListener('abort', made.close);
      if (!unwanted.aborted) tell(`lost ${there}`);
    }
    await new Promise<void>((resolve) => setTimeout(resolve, retryMs).unref());
  }
}
