/** What ldms-grafana becomes: grafana-server, after what the official image's start script does. */
import type { Given } from '../given.ts';
import type { Host } from '../host.ts';
import { type Listening, mayListen } from '../listen.ts';
import { readMounted } from '../mounted.ts';
import type { Command, Notice, Plan, Requirement, WebFacts } from '../plan.ts';
import { otherProgram } from '../programs.ts';
import {
  configOf,
  mayWrite,
  named,
  needsHome,
  needsWritable,
  type Placed,
  type Places,
  placesOf,
} from './places.ts';
import { allowDsosds, pluginsToInstall } from './plugins.ts';
import { provisionDsosds } from './provision.ts';
import { readSecrets } from './secrets.ts';
import { readFlags, readSettings, type Setting } from './settings.ts';

/**
 * Plans grafana (grafana packaging/docker/run.sh, of 9.1 and later).
 *
 * The user's arguments stand before the settings of ours, since flags end where the first setting begins.
 */
export function planGrafana(given: Given): Plan {
  const { host, settings } = given;
  const nothing = { mode: 'grafana', notices: [], requirements: [], services: [], tasks: [], questions: [] };
  const server = programOf(host, 'server');
  const args = withoutName(given.args);
  const other = otherProgram(args, host);
  if (other) return { ...nothing, main: other, handoff: 'exec' };
  const flags = readFlags(args);
  if (['v', 'version', 'vv', 'h', 'help'].some((name) => flags.has(name))) {
    return { ...nothing, main: { ...server, args: [...server.args, ...args] }, handoff: 'exec' };
  }

  // An argument of the user's counts, since it comes after ours.
  const found = configOf(flags, host);
  const config = lookAtConfig(found, host);
  const setting = readSettings(args, config.text, host);
  const places = placesOf(found, setting, host);
  const secrets = readSecrets(host);
  const dsosds = allowDsosds(host, places.plugins, args, setting);
  const installs = pluginsToInstall(host, places.plugins, places.home, programOf(host, 'cli'));
  const aws = awsCredentials(places, host);
  const placed = [...placesToWrite(places, setting, installs.write, host), aws];
  const { dsosdsUrl } = settings;
  const provisioned =
    dsosdsUrl === undefined ? undefined : provisionDsosds(dsosdsUrl, dsosds.id, places.provisioning, host);
  const web = listener(setting);
  const before = [
    `--homepath=${named('home', host)}`,
    `--config=${named('config', host)}`,
    '--packaging=docker',
  ];
  const behind = [
    'cfg:default.log.mode=console',
    `cfg:default.paths.data=${places.data}`,
    `cfg:default.paths.logs=${places.logs}`,
    `cfg:default.paths.plugins=${places.plugins}`,
    `cfg:default.paths.provisioning=${places.provisioning}`,
  ];
  const port = portOf(web, given);
  return {
    ...nothing,
    notices: [...dsosds.notices, ...oneUnderscore(host), ...silent(setting)],
    requirements: [
      ...config.requirements,
      needsHome(places, host),
      ...placed.flatMap(({ requirements }) => requirements),
      ...secrets.requirements,
      ...installs.requirements,
      ...(provisioned?.requirements ?? []),
      ...port.requirements,
    ],
    questions: port.questions,
    preparations: [
      ...placed.flatMap(({ preparations }) => preparations),
      ...dsosds.preparations,
      ...(provisioned?.preparations ?? []),
      ...installs.runs,
    ],
    main: {
      program: server.program,
      args: [...server.args, ...before, ...args, ...behind],
      trailing: behind.length,
      env: { HOME: places.home, ...dsosds.env },
      secrets: secrets.secrets,
      without: secrets.without,
    },
    handoff: 'exec',
    health: { listeners: [], web },
  };
}

/** What is not logged to the console, docker logs does not show. */
function silent(setting: Setting): Notice[] {
  const mode = setting('log', 'mode');
  if (mode === undefined || mode.split(/[\s,]+/).includes('console')) return [];
  const text = `grafana logs to ${mode} alone, and docker logs stays empty; to have both: -e GF_LOG_MODE='console ${mode}'`;
  return [{ level: 'warn', text }];
}

/** A secret whose variable has one underscore too few is none, and grafana keeps its default password. */
function oneUnderscore({ env }: Host): Notice[] {
  const isSecret = (name: string) =>
    ['PASSWORD', 'SECRET', 'SECRET_KEY'].some((end) => name.endsWith(`${end}_FILE`));
  const names = Object.keys(env).filter((name) => name.startsWith('GF_') && isSecret(name) && env[name]);
  return names.map((name) => ({
    level: 'warn',
    text: `${name} has no meaning; did you mean ${name.replace(/_FILE$/, '__FILE')}, with two underscores?`,
  }));
}

/** `docker run … ldms-grafana grafana-server ARGS` names the program that we start anyway. */
function withoutName(args: readonly string[]): readonly string[] {
  if (args[0] === 'grafana-server') return args.slice(1);
  return args[0] === 'grafana' && args[1] === 'server' ? args.slice(2) : args;
}

/** Grafana 9.4 and later have one program, `grafana server` and `grafana cli`; before, there were two. */
function programOf(host: Host, part: 'server' | 'cli'): Command {
  return 'path' in host.program('grafana')
    ? { program: 'grafana', args: [part] }
    : { program: `grafana-${part}`, args: [] };
}

function lookAtConfig(
  { config }: Pick<Places, 'config'>,
  host: Host,
): { text: string; requirements: Requirement[] } {
  const what = `GF_PATHS_CONFIG=${config}`;
  const text = readMounted(config, config, 'grafana.ini', host);
  if (typeof text !== 'string') return { text: '', requirements: [{ what, problem: text }] };
  return { text, requirements: [{ what, found: 'it can be read' }] };
}

/** Where grafana writes: its data always, its logs if they do not only go to the console. */
function placesToWrite(places: Places, setting: Setting, installs: boolean, host: Host): Placed[] {
  const logsToFile = /\bfile\b/.test(setting('log', 'mode') ?? '');
  const hasPlugins = host.look(places.plugins).kind === 'directory';
  return [
    needsWritable('data', places, host, 'grafana.db'),
    ...(logsToFile ? [needsWritable('logs', places, host)] : []),
    ...(installs || !hasPlugins ? [needsWritable('plugins', places, host)] : []),
  ];
}

/** Where grafana listens. Its health is that of its database (grafana pkg/api/http_server.go). */
function listener(setting: Setting): WebFacts {
  const protocol = setting('server', 'protocol') ?? 'http';
  const path = '/api/health';
  if (protocol.startsWith('socket')) {
    return {
      protocol: 'http',
      at: { socket: setting('server', 'socket') ?? '/tmp/grafana.sock' },
      path,
      well: 'ok',
    };
  }
  const host = (setting('server', 'http_addr') ?? '0.0.0.0').replace(/^\[(.*)\]$/, '$1');
  const written = setting('server', 'http_port') ?? '3000';
  const port = /^-?\d+$/.test(written) ? Number(written) : Number.NaN;
  return { protocol: protocol === 'http' ? 'http' : 'https', at: { host, port }, path, well: 'ok' };
}

function portOf({ at }: WebFacts, { host, answers }: Given): Listening {
  const addresses = 'port' in at ? [{ address: at.host, port: at.port }] : [];
  return mayListen(addresses, answers, host, ({ port }) => {
    const other = port >= 1024 && port < 65_535 ? port + 1 : 3000;
    return `choose another port: docker run -e GF_SERVER_HTTP_PORT=${other}`;
  });
}

/** GF_AWS_PROFILES: the credentials of each profile, for CloudWatch. */
function awsCredentials({ home }: Places, host: Host): Placed {
  const profiles = (host.env['GF_AWS_PROFILES'] ?? '').split(/\s+/).filter((name) => /^\w+$/.test(name));
  if (profiles.length === 0) return { requirements: [], preparations: [] };
  const text = profiles.flatMap((profile) => {
    const [id = '', key = '', region = ''] = ['ACCESS_KEY_ID', 'SECRET_ACCESS_KEY', 'REGION'].map(
      (part) => `GF_AWS_${profile}_${part}`,
    );
    if (!host.env[id] || !host.env[key]) return [];
    const lines = [`[${profile}]`, `aws_access_key_id = \${${id}}`, `aws_secret_access_key = \${${key}}`];
    return host.env[region] ? [...lines, `region = \${${region}}`] : lines;
  });
  const directory = `${home}/.aws`;
  const path = `${directory}/credentials`;
  const { requirements, preparations } = mayWrite(
    `${directory}, for GF_AWS_PROFILES`,
    directory,
    host,
    'credentials',
  );
  const write = { do: 'write', path, text: `${text.join('\n')}\n`, fills: true, mode: 0o600 } as const;
  return { requirements, preparations: [...preparations.map((step) => ({ ...step, mode: 0o700 })), write] };
}
