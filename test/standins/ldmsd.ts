/**
 * A stand-in for ldmsd, where the real one cannot be had. Its command line, exit codes, signals,
 * forking and use of munge are those of ldmsd 4.3 to 4.5; it samples /proc/meminfo whatever it is
 * told to load, and it listens on TCP whatever the transport. It says on each start what it is.
 *
 * LDMSD_STANDIN_VERSION (4.4.4 if unset) is the version that it plays.
 */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { type Auth as Asked, type Config, type Producer, readConfig } from './ldmsd-config.ts';
import {
  atLeast,
  type Endpoint,
  isMemorySize,
  newSettings,
  type Settings,
  takeOptions,
  usage,
} from './ldmsd-options.ts';
import { type Auth, ask, credential, type MetricSet, mungeSocket, serve } from './peer.ts';
import { say } from './say.ts';

const stopSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

for (const signal of stopSignals) process.on(signal, () => process.exit(0));
// Node would open its debugger on SIGUSR1. To add a listener and take it away again leaves the
// signal at its default, which is what the real one has.
process.once('SIGUSR1', () => undefined).removeAllListeners('SIGUSR1');
// Process listings show "ldmsd", as they do for the real one.
writeFileSync('/proc/self/comm', 'ldmsd');

const forkedMark = 'LDMSD_STANDIN_FORKED';
const forked = process.env[forkedMark] === '1';
delete process.env[forkedMark];

/** Runs the daemon; the status to exit with, or undefined once it serves. */
async function main(words: readonly string[]): Promise<number | undefined> {
  const settings = newSettings(process.env['LDMSD_STANDIN_VERSION'] || '4.4.4');
  const status = takeOptions(words, settings);
  if (status !== undefined) return status;
  const old = !atLeast(settings.version, '4.5');
  if (old && !settings.foreground && !forked) return fork(words);

  const config: Config = { domains: new Map(), producers: [], unplayed: new Set() };
  for (const file of settings.files) {
    const errno = readConfig(file, settings, config);
    if (errno !== undefined) return errno;
  }
  if (old && settings.memory !== undefined && !isMemorySize(settings.memory)) {
    say(`Invalid memory size '${settings.memory}'. See the -m option.`);
    return usage();
  }
  if (settings.pidFile !== undefined && (!old || forked)) writePidFile(settings.pidFile);
  const pulled = new Map<string, readonly MetricSet[]>();
  const sets = () => (config.producers.length > 0 ? [...pulled.values()].flat() : [meminfo(settings)]);
  for (const endpoint of settings.endpoints) {
    const failed = await listen(endpoint, settings, config, sets);
    if (failed !== undefined) return failed;
  }
  if (settings.endpoints.length + settings.files.length === 0 && atLeast(settings.version, '4.4')) {
    say(
      'A config file, (-c) or (-y), or listening port (-x) is required. Specify at least one of these. ... exiting',
    );
    return 101;
  }
  introduce(settings, config);
  for (const producer of config.producers)
    void pull(producer, authOf(producer.domain, settings, config), pulled);
  // ldmsd stays, whether or not it has something to do.
  setInterval(() => undefined, 1_800_000);
  return undefined;
}

/** daemon(1, 1): a child in a session of its own goes on with our descriptors, and we are done at once. */
function fork(words: readonly string[]): number {
  const env = { ...process.env, [forkedMark]: '1' };
  spawn(process.execPath, [import.meta.filename, ...words], {
    detached: true,
    stdio: 'inherit',
    env,
  }).unref();
  return 0;
}

function writePidFile(file: string): void {
  try {
    writeFileSync(file, `${process.pid}\n`);
    process.on('exit', () => rmSync(file, { force: true }));
  } catch {
    say(`Could not open the pid file named '${file}'`);
  }
}

function introduce({ version, endpoints, authName }: Settings, { producers, unplayed }: Config): void {
  const places = endpoints.map(
    ({ xprt, port }) => `${xprt}:${port}${xprt === 'sock' ? '' : ' (played on TCP)'}`,
  );
  const facts = [
    places.length > 0 ? `${version} on ${places.join(', ')}` : version,
    `auth ${authName ?? 'none'}`,
    ...(producers.length > 0 ? [`pulls ${producers.map((producer) => producer.name).join(', ')}`] : []),
  ];
  say(`ldmsd (stand-in, not the real ldmsd): ${facts.join(', ')}`);
  if (unplayed.size > 0) say(`ldmsd (stand-in): passed over: ${[...unplayed].join(', ')}`);
}

/** The authentication of a domain that a command named, or the default one; undefined for one that does not exist. */
function authOf(domain: string | undefined, settings: Settings, config: Config): Auth | undefined {
  const asked: Asked | undefined = domain
    ? config.domains.get(domain)
    : { plugin: settings.authName ?? 'none', args: settings.authArgs };
  if (asked?.plugin === 'munge') return { plugin: 'munge', socket: mungeSocket(asked.args) };
  // naive and ovis are there in the real one; here they are as good as none.
  return asked && /^(none|naive|ovis)$/.test(asked.plugin) ? { plugin: 'none' } : undefined;
}

/** Opens one endpoint. As newer munge plugins do (ovis-hpc/ldms pull request 1002), a credential is made first. */
async function listen(
  endpoint: Endpoint,
  settings: Settings,
  config: Config,
  sets: () => readonly MetricSet[],
): Promise<number | undefined> {
  const { xprt, port, host, domain } = endpoint;
  const auth = authOf(domain, settings, config);
  const made = auth ? await credential(auth) : { wrong: 'no such authentication plugin' };
  if (!auth || 'wrong' in made) {
    const because = 'wrong' in made ? made.wrong : '';
    say(
      `'${xprt}' transport creation with auth '${domain ?? settings.authName}' failed, error: ${because}. Please check transport configuration, authentication configuration, ZAP_LIBPATH (env var), and LD_LIBRARY_PATH. If using Munge, please check the Munge daemon.`,
    );
    return 7;
  }
  const server = createServer((socket) => serve(socket, auth, sets));
  return new Promise((resolve) => {
    server.on('error', (error) => {
      say(`error listening on transport ${xprt}:${port}: ${error.message}`);
      resolve(7);
    });
    // INADDR_ANY: LDMS's munge plugin knows IPv4 addresses only.
    server.listen({ port, host: host ?? '0.0.0.0' }, () => resolve(undefined));
  });
}

/** The one set that there is: four values of /proc/meminfo, in kB. */
function meminfo({ name, endpoints }: Settings): MetricSet {
  const owner = name ?? `${hostname()}:${endpoints[0]?.port ?? 0}`;
  const text = readFileSync('/proc/meminfo', 'utf8');
  const values = [...text.matchAll(/^(MemTotal|MemFree|MemAvailable|Buffers):\s*(\d+)/gm)].map(
    ([, metric, kilobytes]) => `${metric}=${kilobytes}`,
  );
  return { name: `${owner}/meminfo`, values };
}

/** Pulls a producer's sets again and again, and tells when what comes is not what came before. */
async function pull(
  producer: Producer,
  auth: Auth | undefined,
  pulled: Map<string, readonly MetricSet[]>,
): Promise<void> {
  const { name, host, port, intervalMs } = producer;
  let told = 'nothing yet';
  for (;;) {
    const begun = Date.now();
    const answer = auth
      ? await ask(host, port, auth)
      : { failed: 'rejected' as const, because: `Auth method '${producer.domain}' unconfigured` };
    if ('sets' in answer) pulled.set(name, answer.sets);
    else pulled.delete(name);
    const news =
      'sets' in answer
        ? `${answer.sets.reduce((sum, { values }) => sum + values.length, 0)} values`
        : answer.failed === 'connect'
          ? 'not reachable'
          : `rejected: ${answer.because}`;
    // A producer that has not come up yet is no news.
    if (news !== told && !(told === 'nothing yet' && news === 'not reachable')) {
      told = news;
      say(`producer ${name}: ${news}`);
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, begun + intervalMs - Date.now())));
  }
}

const status = await main(process.argv.slice(2));
if (status !== undefined) process.exit(status);
