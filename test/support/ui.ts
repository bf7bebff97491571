/**
 * A tiny sosgui for the real uwsgi to serve: with Django and the mission's own settings.py, or as plain
 * WSGI; and what tests ask of it. What is no part of these stands in for it, and says so.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { request } from 'node:http';
import { onTestFinished } from 'vitest';
import { freePort } from './etcd.ts';
import { missionSettings } from './mission-settings.ts';
import { installed } from './needs.ts';
import { asFirst, below, childOf, killAll, makeFifo, type Seen, see } from './probe.ts';
import { program, type Started, start, until } from './program.ts';
import { makeSite, type Site } from './site.ts';

/** uwsgi and its plugin, as words for testNeeding: the plugin is named only where it is missing. */
export const uwsgi: readonly string[] = ['uwsgi', ...(hasPlugin() ? [] : ['uwsgi-plugin-python3'])];

/** The same with Django and corsheaders, for the Python that is in uwsgi. */
export const django: readonly string[] = [
  ...uwsgi,
  ...(hasDjango() ? [] : ['python3-django', 'python3-django-cors-headers']),
];

function hasPlugin(): boolean {
  if (!installed('uwsgi')) return false;
  return !/UNABLE/.test(spawnSync('uwsgi', ['--plugins=python3', '--version'], { encoding: 'utf8' }).stderr);
}

function hasDjango(): boolean {
  return spawnSync('/usr/bin/python3', ['-I', '-c', 'import django, corsheaders']).status === 0;
}

/** A place with a sosgui. */
export interface Ui {
  readonly site: Site;
  /** A port of loopback that is free. */
  readonly port: number;
  readonly listener: string;
  /** Starts `ui` with a listener on the port. Its processes are killed when the test has finished. */
  start(args?: readonly string[], settings?: NodeJS.ProcessEnv): Started;
  /** The same as PID 1 of namespaces of its own. */
  startAsFirst(args?: readonly string[], settings?: NodeJS.ProcessEnv): Started;
  /** Starts words of one's own in the same environment; the first is the program. */
  startWords(...words: readonly string[]): Started;
  /** Starts uwsgi alone, as one would by hand: the negative control. */
  startUwsgi(args: readonly string[]): Started;
  /** Asks for a path at the port. */
  ask(path?: string): Promise<Answer>;
  /** Whether sosgui has come to a point. */
  has(mark: string): boolean;
  /** Has sosgui wait at a point, until the function that comes back is called. */
  gate(name: string): Promise<() => void>;
}

/** Where sosgui leaves its marks and finds its gates. */
const pointsIn = 'points';

const points = `import os

# sosgui's marks for the test, and the gates at which it waits for it.
THERE = os.environ['SOSGUI_TEST_POINTS']


def come_to(name):
    open(os.path.join(THERE, name), 'w').close()
    gate = os.path.join(THERE, name + '.gate')
    if os.path.exists(gate):
        with open(gate, 'rb', buffering=0) as waiting:
            waiting.read(1)
`;

const plainWsgi = `"""A stand-in for sosgui, not the real one: what tests of uwsgi ask for."""
from points import come_to
import os

come_to('import')


def application(environ, start_response):
    path = environ['PATH_INFO']
    status, body = '200 OK', path
    if path.startswith('/held/'):
        name = path[len('/held/'):]
        come_to(name)
        body = (name + '\\n') * 100000
    elif path == '/broken':
        status = '500 Internal Server Error'
    elif path == '/said':
        # uwsgi has given Python's own stdout to stderr.
        os.write(1, b'sosgui says this on its stdout\\n')
    elif path == '/grafana/' and os.path.exists(os.path.join(os.environ['SOSGUI_TEST_POINTS'], 'broken')):
        status = '500 Internal Server Error'
    elif path == '/pid':
        body = str(os.getpid())
    body = body.encode()
    start_response(status, [('Content-Type', 'text/plain'), ('Content-Length', str(len(body)))])
    return [body]
`;

/** A settings.py without anything to be said against it, which nobody imports. */
export const plainSettings = `DSOS_ROOT = "/store/"
DSOS_CONF = "/opt/ovis/etc/dsosd.conf"
`;

/** Makes a place with a sosgui of plain WSGI, for local mode. */
export async function makeUi(settings: NodeJS.ProcessEnv = {}): Promise<Ui> {
  const site = makeSite(settings);
  site.write('opt/ovis/etc/dsosd.conf', 'cygnus-07\n');
  writeProject(site, { 'sosgui/__init__.py': '', 'sosgui/settings.py': plainSettings });
  writeProject(site, { 'sosgui/wsgi.py': plainWsgi, 'points.py': points });
  site.write(`${pointsIn}/note`, '');
  const port = await freePort();
  const listener = `--http-socket=127.0.0.1:${port}`;
  const env = { ...site.env, SOSGUI_TEST_POINTS: site.path(pointsIn) };
  const begin = (words: readonly string[], cwd: string, own: NodeJS.ProcessEnv = {}): Started => {
    const [file = '', ...args] = words;
    const started = start(file, args, {
      env: { ...env, ...own },
      cwd,
      // As a container has it; uwsgi would take a socket there for one more listener.
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => killAll([...below(started.pid).map(({ pid }) => pid), started.pid]));
    return started;
  };
  return {
    site,
    port,
    listener,
    start: (args = [], own = {}) => begin([program, 'ui', listener, ...args], '/', own),
    startAsFirst: (args = [], own = {}) => begin(asFirst(program, 'ui', listener, ...args), '/', own),
    startWords: (...words) => begin(words, '/'),
    startUwsgi: (args) => begin(['uwsgi', ...args], site.path('opt/ovis/ui')),
    ask: (path = '/') => ask({ host: '127.0.0.1', port }, path),
    has: (mark) => existsSync(site.path(`${pointsIn}/${mark}`)),
    gate: async (name) => {
      const fifo = openSync(await makeFifo(site, `${pointsIn}/${name}.gate`), 'r+');
      onTestFinished(() => closeSync(fifo));
      return () => void writeSync(fifo, '\n');
    },
  };
}

function writeProject(site: Site, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) site.write(`opt/ovis/ui/${name}`, text);
}

const standIn = (what: string) => `"""A stand-in for ${what} of sosdb-ui, not the real one."""\n`;

/** Puts a Django project in the place of the plain sosgui: the mission's settings.py and stand-ins for its apps. */
export function useDjango({ site }: Ui): void {
  for (const app of ['container', 'jobs', 'objbrowser', 'sos_db', 'sosdb_auth', 'grafana']) {
    writeProject(site, { [`${app}/__init__.py`]: standIn(`the app ${app}`) });
  }
  writeProject(site, {
    'sosgui/settings.py': missionSettings,
    'sosgui/grafana_settings.py': `${standIn('grafana_settings')}INSTALLED_APPS = ('grafana',)\n`,
    'sosdb_auth/models.py': `${standIn('the users')}from django.contrib.auth.models import AbstractUser


class SosdbUser(AbstractUser):
    pass
`,
    'grafana/urls.py': `${standIn("the grafana app's addresses")}from django.http import HttpResponse
from django.urls import path

urlpatterns = [path('', lambda request: HttpResponse('grafana (stand-in)'))]
`,
    'sosgui/wsgi.py': `import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'sosgui.settings')
application = get_wsgi_application()
`,
    'sosgui/urls.py': `${standIn("sosgui's addresses")}from django.conf import settings
from django.http import HttpResponse
from django.urls import include, path
from points import come_to


def held(request, name):
    come_to(name)
    return HttpResponse((name + '\\n') * 100000)


def hosts(request):
    with open(settings.DSOS_CONF) as conf:
        return HttpResponse(conf.read())


urlpatterns = [
    path('grafana/', include('grafana.urls')),
    path('held/<name>', held),
    path('hosts', hosts),
]
`,
  });
}

/** What a test of the real paths has in its hands. */
export interface Container extends Started {
  /** uwsgi, or whoever is PID 1, as the machine numbers it. */
  leader(): Promise<number>;
  /** Asks for a path at a port of the container, 80 unless told otherwise. */
  ask(path?: string, port?: number): Promise<Answer>;
  /** Runs a command in the container. */
  exec(...words: readonly string[]): Started;
}

/**
 * Starts `ui` as the container would have it: PID 1, /opt/ovis and /var/log as they are in the site, a
 * network of its own, and no LDMS_ENTRYPOINT_ROOT. Nothing of the machine's own is written to.
 */
export function startContainer(
  ui: Ui,
  args: readonly string[] = [],
  settings: NodeJS.ProcessEnv = {},
): Container {
  const { LDMS_ENTRYPOINT_ROOT: _, ...env } = { ...ui.site.env, ...settings };
  const prepare = [
    'ip link set lo up',
    `mkdir -p ${ui.site.path('var/log')}`,
    `mount --bind ${ui.site.path('var/log')} /var/log`,
    'mount -t tmpfs none /run',
    'mount -t tmpfs none /opt',
    'mkdir /opt/ovis',
    `mount --bind ${ui.site.path('opt/ovis')} /opt/ovis`,
    'exec "$@"',
  ].join('\n');
  const [unshare = '', ...flags] = asFirst('/bin/sh', '-ec', prepare, 'sh', program, 'ui', ...args);
  const started = start(unshare, ['--net', ...flags], {
    env: { ...env, SOSGUI_TEST_POINTS: ui.site.path(pointsIn) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => killAll([...below(started.pid).map(({ pid }) => pid), started.pid]));
  const leader = () => childOf(started);
  const exec = (...words: readonly string[]) => {
    const [first] = below(started.pid);
    return start('nsenter', ['-t', String(first?.pid), '-m', '-n', '-p', ...words], { env });
  };
  return {
    ...started,
    leader,
    exec,
    ask: async (path = '/', port = 80) => {
      const script = `const r = require('node:http').get('http://127.0.0.1:${port}${path}', { agent: false }, (a) => {
        let body = ''; a.setEncoding('utf8').on('data', (t) => { body += t; });
        a.on('end', () => console.log(JSON.stringify({ status: a.statusCode, body, whole: a.complete })));
      }); r.on('error', (e) => { console.error(String(e)); process.exitCode = 1; });`;
      const { code, stdout, stderr } = await exec(process.execPath, '-e', script).ended;
      if (code !== 0) throw new Error(`no answer: ${stderr}`);
      return JSON.parse(stdout) as Answer;
    },
  };
}

/** An answer to a request. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  /** Whether it arrived to its end. */
  readonly whole: boolean;
}

/** Asks for a path, on a connection of its own. */
export function ask(
  where: { readonly host: string; readonly port: number } | { readonly socketPath: string },
  path: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...where, path, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      answer.on('error', reject);
      answer.on('close', () => resolve({ status: answer.statusCode ?? 0, body, whole: answer.complete }));
    });
    asked.on('error', reject).end();
  });
}

/** Waits until sosgui answers; an error with what uwsgi said if it ends before. */
export async function answers(ui: Pick<Ui, 'ask'>, started: Started, path = '/'): Promise<Answer> {
  return await until(`sosgui answers; what was said so far: ${started.stderr()}`, async () => {
    if (started.child.exitCode !== null) throw new Error(`it has ended: ${started.stderr()}`);
    return await ui.ask(path).catch(() => undefined);
  });
}

/** Waits until sosgui answers, and uwsgi's master has made itself ready for the end. */
export async function serves(ui: Pick<Ui, 'ask'>, started: Started): Promise<void> {
  await answers(ui, started);
  await until('the master is ready', () => started.stderr().includes('worker_wakeup" (master-start)'));
}

/** uwsgi's master: the first process of that name from here downwards. */
export function masterOf({ pid }: Pick<Started, 'pid'>): number | undefined {
  return [see(pid), ...below(pid)].find((one) => one?.comm === 'uwsgi')?.pid;
}

/** The processes below a process that are no zombies. */
export const aliveBelow = (pid: number): Seen[] => below(pid).filter(({ state }) => !/[ZX]/.test(state));

/** Those signals of /proc/PID/status that a process ignores or catches. */
export function handles(pid: number, what: 'SigIgn' | 'SigCgt', signal: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const mask = new RegExp(`^${what}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0';
    return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
  } catch {
    return false;
  }
}
