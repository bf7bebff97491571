/** sosgui, the Django project of sosdb-ui: the files that it reads, and those that it writes. */
import { dirname, resolve } from 'node:path';
import type { Given } from '../given.ts';
import type { Host } from '../host.ts';
import { readMounted, unmet } from '../mounted.ts';
import { whyNoRoom } from '../nearest.ts';
import type { FileAction, Notice, Plan, Requirement, User } from '../plan.ts';
import { errnoWords, type Problem } from '../problem.ts';
import { type DjangoSettings, readDjangoSettings } from './django.ts';
import { readDsosdConf } from './dsosdconf.ts';

/** Where it lies, and uwsgi is started. */
export const directory = '/opt/ovis/ui';
const settingsPath = `${directory}/sosgui/settings.py`;
const dsosdConfPath = '/opt/ovis/etc/dsosd.conf';

/** What a plan has of sosgui. */
export type Sosgui = Required<Pick<Plan, 'notices' | 'requirements' | 'preparations' | 'questions'>>;

/**
 * What sosgui reads and writes.
 *
 * @param owner the user that uwsgi changes to, if it does
 */
export function lookAtSosgui(given: Given, owner: User | undefined): Sosgui {
  const { host } = given;
  const path = host.path(settingsPath);
  const text = readMounted(path, settingsPath, 'settings.py', host);
  if (typeof text !== 'string') {
    const { notices, requirements } = lookAtDsosdConf(undefined, host);
    return {
      notices,
      requirements: [...requirements, { what: path, problem: text }],
      preparations: [],
      questions: [],
    };
  }
  const said = readDjangoSettings(text);
  // Where DSOS_CONF is computed, it may be another file.
  const isElsewhere = said.isConfComputed && host.look(host.path(dsosdConfPath)).kind === 'nothing';
  const conf = isElsewhere ? { notices: [], requirements: [] } : lookAtDsosdConf(said.dsosConf, host);
  const logs = logDirectories(said, owner, host);
  const warnings = said.warnings.map((warning): Notice => ({ level: 'warn', text: `${path}: ${warning}` }));
  return {
    notices: [...conf.notices, ...warnings],
    requirements: [...conf.requirements, ...parses(given, path), ...logs.requirements],
    preparations: logs.preparations,
    questions: questionOf(given, path),
  };
}

/** The hosts of dsosd, in the file that DSOS_CONF names, or in the usual one. */
function lookAtDsosdConf(named: string | undefined, host: Host): Pick<Sosgui, 'notices' | 'requirements'> {
  const at = named ?? dsosdConfPath;
  const path = at === dsosdConfPath ? host.path(at) : resolve(host.path(directory), at);
  const text = readMounted(path, at === dsosdConfPath ? at : path, 'dsosd.conf', host);
  if (typeof text !== 'string') return { notices: [], requirements: [{ what: path, problem: text }] };
  if (text.trim() === '') {
    const what = `cannot use ${path}: it names no host`;
    const remedy = 'write into it the hosts that run dsosd, each in a line of its own';
    return { notices: [], requirements: [{ what: path, problem: { kind: 'configuration', what, remedy } }] };
  }
  const { hosts, mistakes, warnings } = readDsosdConf(text);
  const wrong = unmet(
    path,
    mistakes.map((mistake) => ({ at: String(mistake.line), text: mistake.text })),
  );
  const found = hosts.length === 1 ? '1 host' : `${hosts.length} hosts`;
  return {
    notices: warnings.map((warning) => ({ level: 'warn', text: `${path}: ${warning}` })),
    requirements: wrong.length > 0 ? wrong : [{ what: path, found }],
  };
}

/** Compiles a file without running it, and prints where that fails. */
const parser = [
  'import sys',
  'path = sys.argv[1]',
  'try:',
  '    compile(open(path, "rb").read(), path, "exec", dont_inherit=True)',
  'except (SyntaxError, ValueError) as e:',
  '    print("%s:%s: %s" % (getattr(e, "lineno", None) or 1, getattr(e, "offset", None) or 1, getattr(e, "msg", e)))',
].join('\n');

function questionOf({ settings, host, answers }: Given, path: string): Plan['questions'] {
  const isAsked = settings.uiSettingsCheck && answers['settings.py'] === undefined;
  if (!isAsked || !('path' in host.program('python3'))) return [];
  // -I -S: neither the user's site-packages nor the environment have a say, and it starts sooner.
  const command = { program: 'python3', args: ['-I', '-S', '-c', parser, path] };
  return [{ about: 'settings.py', path, command }];
}

function parses({ answers }: Given, path: string): Requirement[] {
  const wrong = answers['settings.py'];
  if (wrong === undefined) return [{ what: path, found: 'it is there' }];
  if (wrong === '') return [{ what: path, found: 'python3 can parse it' }];
  return [{ what: path, problem: { kind: 'configuration', what: `${path}:${wrong}`, remedy: '' } }];
}

/** The log files, whose directories sosgui does not make, and without which it does not load. */
function logDirectories(
  { logFiles }: DjangoSettings,
  owner: User | undefined,
  host: Host,
): { preparations: FileAction[]; requirements: Requirement[] } {
  const files = logFiles.map((file) => resolve(host.path(directory), file));
  const there = files.filter((file) => host.look(file).kind !== 'nothing');
  const directories = new Set(files.filter((file) => !there.includes(file)).map((file) => dirname(file)));
  const missing = [...directories].filter((path) => host.look(path).kind === 'nothing');
  return {
    preparations: missing.map((path) => ({
      do: 'directory',
      path,
      mode: 0o755,
      mend: false,
      ...(owner && { owner }),
    })),
    requirements: [
      ...there.map((file) => mayAppend(file, host)),
      ...[...directories].map((path) => mayLogIn(path, host)),
    ],
  };
}

/** That a log file which is there can be written to. */
function mayAppend(file: string, host: Host): Requirement {
  const errno = host.look(file).kind === 'directory' ? 'EISDIR' : host.whyNoWrite(file);
  const what = `log file ${file}`;
  return errno === undefined
    ? { what, found: 'it can be written to' }
    : { what, problem: logProblem(what, errno, '', dirname(file), host) };
}

/** That log files can be made in a directory, or that it can be made itself. */
function mayLogIn(path: string, host: Host): Requirement {
  const { there, errno } = whyNoRoom(path, host);
  const what = `log directory ${path}`;
  if (errno === undefined) return { what, found: there === path ? 'it can be written to' : 'it can be made' };
  return { what, problem: logProblem(what, errno, there === path ? '' : `${there}: `, path, host) };
}

function logProblem(what: string, errno: string, where: string, path: string, host: Host): Problem {
  const mount = `${path}${host.uid === 0 ? '' : `:uid=${host.uid}`}`;
  const remedy =
    errno === 'EROFS' || errno === 'EACCES'
      ? `docker run --tmpfs ${mount}, or mount a directory there that uid ${host.uid} may write to`
      : 'free that place, or name another log file in settings.py';
  const why = `cannot write to the ${what} of sosgui: ${where}${errnoWords(errno)}`;
  return { kind: 'configuration', what: why, remedy };
}
