/**
 * A stand-in for grafana-server 9.1, where the real one cannot be had: its options, operands,
 * environment, grafana.ini, provisioned data sources, plugins and signals are those of the real one; it
 * shows no dashboards and keeps nothing. It says on each start what it is.
 *
 * usage: node grafana-server.ts [OPTIONS] [cfg:SECTION.KEY=VALUE]...
 *        node grafana-server.ts server [OPTIONS] [cfg:...]...    as the one program of 9.4 and later
 *
 * It answers /api/health (503 while a file `failing` is in the data directory), /api/datasources and
 * /api/plugins; of its own, /api/admin/settings with every setting, and /standin/slow, which is
 * answered when there is a file `release` in the data directory.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { type FlagKind, readFlags } from './goflags.ts';
import { readGrafanaSettings, SettingsError } from './grafana-settings.ts';

// Node would open its debugger on SIGUSR1. To add a listener and take it away again leaves the
// signal at its default, which is what the real one has.
process.once('SIGUSR1', () => undefined).removeAllListeners('SIGUSR1');

const version = '9.1.0';
const stopMs = 30_000;
const flags: Readonly<Record<string, FlagKind>> = {
  config: 'value',
  homepath: 'value',
  pidfile: 'value',
  packaging: 'value',
  v: 'switch',
  vv: 'switch',
  profile: 'switch',
  'profile-addr': 'value',
  'profile-port': 'value',
  tracing: 'switch',
  'tracing-file': 'value',
};
const usage = `Usage of server:
${Object.keys(flags)
  .map((name) => `  -${name}\n`)
  .join('')}`;

/** A data source as its file has it. */
interface DataSource {
  readonly name?: string;
  readonly orgId?: number;
  readonly isDefault?: boolean;
}

/** What is wrong at the start. */
class StartError extends Error {}

/** Where log lines go: any of the two. */
const sinks: { console: boolean; file?: string; descriptor?: number } = { console: true };

function openLogFile(): void {
  if (sinks.descriptor !== undefined) closeSync(sinks.descriptor);
  delete sinks.descriptor;
  if (sinks.file === undefined) return;
  try {
    mkdirSync(join(sinks.file, '..'), { recursive: true });
    sinks.descriptor = openSync(sinks.file, 'a', 0o640);
  } catch (error) {
    log('log', 'error', 'Failed to create directory', { err: wordsOf(error) });
  }
}

/** One line as the real one's, which is logfmt where stdout is no terminal. */
function log(logger: string, level: string, msg: string, fields: Readonly<Record<string, string>> = {}) {
  const value = (text: string) => (/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text));
  const pairs = Object.entries({ logger, t: new Date().toISOString(), level, msg, ...fields });
  const line = `${pairs.map(([name, text]) => `${name}=${value(text)}`).join(' ')}\n`;
  for (const descriptor of [...(sinks.console ? [1] : []), ...(sinks.descriptor ? [sinks.descriptor] : [])]) {
    try {
      writeSync(descriptor, line);
    } catch {
      // Nobody reads.
    }
  }
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Runs the server; the status to exit with, or undefined once it serves. */
async function main(words: readonly string[]): Promise<number | undefined> {
  const isOne = words[0] === 'server';
  // Process listings show its name, as they do for the real one.
  writeFileSync('/proc/self/comm', isOne ? 'grafana' : 'grafana-server');
  const read = readFlags(isOne ? words.slice(1) : words, flags);
  if ('wrong' in read) {
    process.stderr.write(`${read.wrong}\n${usage}${read.wrong}\n`);
    return 1;
  }
  const { values, operands } = read;
  if (values.get('v') === 'true' || values.get('vv') === 'true') {
    process.stdout.write(`Version ${version} (commit: standin, branch: HEAD)\n`);
    return 0;
  }
  if (process.getuid?.() === 0) {
    process.stdout.write('Grafana server is running with elevated privileges. This is not recommended\n');
  }
  try {
    await serve(values.get('homepath') ?? process.cwd(), values, operands);
    return undefined;
  } catch (error) {
    if (!(error instanceof SettingsError) && !(error instanceof StartError)) throw error;
    log('server', 'error', 'Stopped background service', { reason: error.message });
    process.stderr.write(`Failed to start grafana. error: ${error.message}\n`);
    return 1;
  }
}

async function serve(
  home: string,
  values: ReadonlyMap<string, string>,
  operands: readonly string[],
): Promise<void> {
  const settings = readGrafanaSettings(home, values.get('config'), operands);
  const setting = (key: string) => settings.get(key) ?? '';
  const modes = setting('log.mode').split(/[\s,]+/);
  sinks.console = modes.includes('console');
  if (modes.includes('file')) sinks.file = join(setting('paths.logs'), 'grafana.log');
  openLogFile();
  log('standin', 'info', 'This is a stand-in for grafana-server, not the real one');
  log('settings', 'info', 'Starting Grafana', { version, packaging: values.get('packaging') ?? 'unknown' });
  const data = setting('paths.data');
  openDatabase(data);
  const plugins = loadPlugins(
    setting('paths.plugins'),
    setting('plugins.allow_loading_unsigned_plugins')
      .split(',')
      .map((id) => id.trim()),
  );
  const sources = provision(join(setting('paths.provisioning'), 'datasources'));
  const answers: Readonly<Record<string, () => [number, unknown]>> = {
    '/api/health': () =>
      existsSync(join(data, 'failing'))
        ? [503, { commit: 'standin', database: 'failing', version }]
        : [200, { commit: 'standin', database: 'ok', version }],
    '/api/datasources': () => [200, sources],
    '/api/plugins': () => [200, plugins],
    '/api/admin/settings': () => [200, Object.fromEntries(settings)],
  };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/standin/slow') return answerLate(join(data, 'release'), response);
    const [status, body] = answers[pathname]?.() ?? [404, { message: 'Not found' }];
    answer(request, response, status, body);
  });
  takeSignals(server);
  const pidFile = values.get('pidfile');
  if (pidFile) writeFileSync(pidFile, String(process.pid));
  await listen(server, setting);
}

/** sqlite3's file, which the real one makes and writes to. */
function openDatabase(data: string): void {
  try {
    mkdirSync(data, { recursive: true });
    closeSync(openSync(join(data, 'grafana.db'), 'a+', 0o640));
  } catch (error) {
    throw new StartError(`failed to connect to database: ${wordsOf(error)}`);
  }
}

/** Loads the plugins that Grafana Labs has signed, which have a MANIFEST.txt, and those that are allowed without. */
function loadPlugins(directory: string, allowed: readonly string[]): { id: string }[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((name) => {
    const at = [join(directory, name), join(directory, name, 'dist')].find((one) =>
      existsSync(join(one, 'plugin.json')),
    );
    if (at === undefined) return [];
    const { id } = JSON.parse(readFileSync(join(at, 'plugin.json'), 'utf8')) as { id: string };
    const isSigned = existsSync(join(at, 'MANIFEST.txt'));
    if (!isSigned && !allowed.includes(id)) {
      log('plugin.loader', 'warn', 'Skipping loading plugin due to problem with signature', {
        pluginID: id,
        status: 'unsigned',
      });
      return [];
    }
    if (!isSigned) {
      log('plugin.signature.validator', 'warn', 'Permitting unsigned plugin. This is not recommended', {
        pluginID: id,
      });
    }
    log('plugin.loader', 'info', 'Plugin registered', { pluginID: id });
    return [{ id }];
  });
}

function provision(directory: string): DataSource[] {
  if (!existsSync(directory)) {
    log('provisioning.datasources', 'error', "can't read datasource provisioning files from directory", {
      path: directory,
    });
    return [];
  }
  const files = readdirSync(directory).filter((name) => /\.ya?ml$/.test(name));
  const found = files.flatMap((name) => {
    const text = readFileSync(join(directory, name), 'utf8');
    const document = parse(text) as { datasources?: DataSource[] } | null;
    return document?.datasources ?? [];
  });
  const defaults = found.filter(({ isDefault }) => isDefault).map(({ orgId = 1 }) => orgId);
  if (new Set(defaults).size < defaults.length) {
    throw new StartError(
      'Datasource provisioning error: datasource.yaml config is invalid. Only one datasource per organization can be marked as default',
    );
  }
  return found;
}

function answer(request: IncomingMessage, response: ServerResponse, status: number, body: unknown): void {
  request.resume();
  response.writeHead(status, { 'Content-Type': 'application/json; charset=UTF-8' });
  response.end(JSON.stringify(body));
}

/** Answers when the file is there. */
function answerLate(release: string, response: ServerResponse): void {
  log('standin', 'info', 'A request is in flight');
  const timer = setInterval(() => {
    if (!existsSync(release)) return;
    clearInterval(timer);
    response.end('finished\n');
  }, 10);
}

async function listen(server: Server, setting: (key: string) => string): Promise<void> {
  const protocol = setting('server.protocol');
  if (protocol === 'socket') {
    const path = setting('server.socket');
    await bind(server, { path }, path);
    chmodSync(path, 0o660);
    log('http.server', 'info', 'HTTP Server Listen', { address: path, protocol });
    return;
  }
  if (protocol !== 'http') throw new StartError(`the stand-in does not play the protocol ${protocol}`);
  const host = setting('server.http_addr').replace(/^\[|\]$/g, '');
  const port = setting('server.http_port');
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (!/^\d+$/.test(port) || Number(port) > 65_535) {
    throw new StartError(`failed to open listener on address ${address}: listen tcp: invalid port`);
  }
  // Go listens on all addresses of both families where one of them is left unspecified.
  const isAll = host === '' || host === '0.0.0.0' || host === '::';
  await bind(server, { ...(!isAll && { host }), port: Number(port) }, address);
  const bound = server.address();
  const at = typeof bound === 'object' && bound ? bound : { address: host, port };
  log('http.server', 'info', 'HTTP Server Listen', {
    address: at.address.includes(':') ? `[${at.address}]:${at.port}` : `${at.address}:${at.port}`,
    protocol,
  });
}

function bind(server: Server, where: { path: string } | { host?: string; port: number }, address: string) {
  return new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new StartError(`failed to open listener on address ${address}: ${error.message}`)),
    );
    server.listen(where, resolve);
  });
}

function takeSignals(server: Server): void {
  let isStopping = false;
  const stop = (signal: string) => {
    if (isStopping) return;
    isStopping = true;
    log('server', 'info', 'Shutdown started', { reason: `System signal: ${signal}` });
    // Requests in flight are finished; connections that nobody uses are closed at once.
    server.close(() => process.exit(0));
    setTimeout(() => {
      process.stderr.write('Timed out waiting for server to shut down\n');
      process.exit(0);
    }, stopMs).unref();
  };
  process.on('SIGTERM', () => stop('terminated'));
  process.on('SIGINT', () => stop('interrupt'));
  process.on('SIGHUP', () => {
    openLogFile();
    log('standin', 'info', `Logs reopened: ${sinks.file ? basename(sinks.file) : 'console'}`);
  });
}

const status = await main(process.argv.slice(2));
if (status !== undefined) process.exit(status);
