/** Which programs are here, and which have to be played by stand-ins. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const repository = join(import.meta.dirname, '../..');
const standins = join(repository, 'test/standins/bin');

/** The program that the demo is about. */
export const entrypoint = join(repository, 'dist/ldms-entrypoint');

/** What was found. */
export interface Programs {
  /** munged's path; undefined when munge is not installed, or not all of it. */
  readonly munged: string | undefined;
  /** Whether there is an etcd, without which there is no maestro. */
  readonly etcd: boolean;
  /** Whether there is a uwsgi that can serve Python, without which there is no ui. */
  readonly uwsgi: boolean;
  /** Whether ldmsd and ldms_ls are the real ones. */
  readonly realLdms: boolean;
  /** Whether maestro and maestro_ctrl are the real ones. */
  readonly realMaestro: boolean;
  /** The environment of the nodes, without a root yet. */
  readonly env: NodeJS.ProcessEnv;
  /** A row for each program: its name, "real" or "stand-in", and what it is. */
  readonly rows: readonly (readonly [string, string, string])[];
  /** What has to be known of those that are not the real ones. */
  readonly remarks: readonly string[];
}

/**
 * Looks around.
 *
 * @param directory where stand-ins are put together for PATH
 */
export async function findPrograms(directory: string): Promise<Programs> {
  const all = (...names: string[]) => names.every((name) => find(name) !== undefined);
  const munged = all('munge', 'unmunge', 'setpriv') ? find('munged') : undefined;
  const etcd = all('etcd');
  const realLdms = all('ldmsd', 'ldms_ls');
  const realMaestro = all('maestro', 'maestro_ctrl');
  const env = environment(join(directory, 'bin'), [
    ...(realLdms ? [] : ['ldmsd', 'ldms_ls']),
    ...(realMaestro ? [] : ['maestro', 'maestro_ctrl']),
  ]);
  const [ours, mungeVersion, etcdVersion, ldmsdVersion, uwsgiVersion] = await Promise.all([
    said(entrypoint, ['--version'], env),
    munged ? said(munged, ['--version'], env) : '',
    etcd ? said('etcd', ['--version'], env) : '',
    said('ldmsd', ['-V'], env),
    all('uwsgi') ? said('uwsgi', ['--need-plugins=python3', '--version'], env) : '',
  ]);
  const version = ldmsdVersion.replace('LDMSD Version: ', '');
  return {
    munged,
    etcd,
    uwsgi: uwsgiVersion !== '',
    realLdms,
    realMaestro,
    env,
    rows: [
      ['ldms-entrypoint', 'real', ours.replace('ldms-entrypoint ', '')],
      munged
        ? ['munged, munge', 'real', mungeVersion.replace(/^munge-(\S+).*/, '$1')]
        : ['munged, munge', 'missing', 'all runs without -a munge (apt-get install munge)'],
      etcd
        ? ['etcd', 'real', etcdVersion.replace(/^etcd Version: /i, '')]
        : ['etcd', 'missing', 'there is no maestro node (apt-get install etcd-server)'],
      realLdms ? ['ldmsd, ldms_ls', 'real', version] : ['ldmsd, ldms_ls', 'stand-in', `plays ${version}`],
      ...(etcd ? [maestroRow(realMaestro)] : []),
      uwsgiVersion
        ? ['uwsgi', 'real', uwsgiVersion]
        : ['uwsgi', 'missing', 'there is no ui node (apt-get install uwsgi-core uwsgi-plugin-python3)'],
    ],
    remarks: [
      ...(realLdms
        ? []
        : ['The stand-in ldmsd (test/standins) samples /proc/meminfo and pulls what its -c file names.']),
      ...(etcd && !realMaestro
        ? [
            'The stand-in maestro_ctrl puts ldms_cfg.yaml into etcd, key by key; the stand-in maestro reads it there and configures nobody: that is why the aggregators have a -c file.',
          ]
        : []),
      ...(uwsgiVersion
        ? ['The stand-in sosgui, which uwsgi serves, has no data: it tells which dsosds it would ask.']
        : []),
    ],
  };
}

const maestroRow = (isReal: boolean): readonly [string, string, string] =>
  isReal
    ? ['maestro, maestro_ctrl', 'real', '']
    : ['maestro, maestro_ctrl', 'stand-in', 'with the real etcd'];

/**
 * Our own environment for the nodes. The stand-ins are scripts for this very Node, so it has to be
 * found before others.
 */
function environment(bin: string, played: readonly string[]): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(LDMS_ENTRYPOINT_|ETCD_|npm_|NODE_OPTIONS$)/.test(name),
  );
  const path = process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin';
  mkdirSync(bin, { mode: 0o755 });
  for (const name of played) symlinkSync(join(standins, name), join(bin, name));
  return {
    ...Object.fromEntries(kept),
    PATH: played.length === 0 ? path : [bin, dirname(process.execPath), path].join(delimiter),
    LDMS_ENTRYPOINT_LOG_FORMAT: 'json',
    LDMS_ENTRYPOINT_LOG_LEVEL: 'debug',
  };
}

/** The path of an installed program; munged lies in sbin, which PATH often lacks. */
export function find(program: string): string | undefined {
  const directories = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
  ];
  return directories
    .map((directory) => join(directory, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** The first line that a program prints, empty if it cannot be run. */
async function said(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, args, { env, timeout: 5000 });
    return stdout.split('\n')[0] ?? '';
  } catch {
    return '';
  }
}

/** An account that munged runs as. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** munged runs as the user munge when we are root, and as ourselves otherwise. */
export function mungeAccount(): Account {
  const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const passwd = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8') : '';
  const munge = /^munge:[^:]*:(\d+):(\d+):/m.exec(passwd);
  if (self.uid === 0 && munge) return { name: 'munge', uid: Number(munge[1]), gid: Number(munge[2]) };
  const own = new RegExp(`^([^:]+):[^:]*:${self.uid}:`, 'm').exec(passwd)?.[1];
  return { name: own ?? `uid ${self.uid}`, ...self };
}
