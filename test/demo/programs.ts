/** Which programs are here, and which have to be played by stand-ins. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
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
  /** Whether ldmsd and ldms_ls are the real ones. */
  readonly realLdms: boolean;
  /** The environment of the nodes, without a root yet. */
  readonly env: NodeJS.ProcessEnv;
  /** A row for each program: its name, "real" or "stand-in", and what it is. */
  readonly rows: readonly (readonly [string, string, string])[];
}

/** Looks around. */
export async function findPrograms(): Promise<Programs> {
  const [munged, munge, unmunge, ldmsd, ldmsLs] = ['munged', 'munge', 'unmunge', 'ldmsd', 'ldms_ls'].map(
    find,
  );
  const withMunge = munged && munge && unmunge ? munged : undefined;
  const realLdms = ldmsd !== undefined && ldmsLs !== undefined;
  const env = environment(realLdms);
  const [mungeVersion, ldmsdVersion] = await Promise.all([
    withMunge && said(withMunge, ['--version'], env),
    said('ldmsd', ['-V'], env),
  ]);
  const version = ldmsdVersion.replace('LDMSD Version: ', '');
  return {
    munged: withMunge,
    realLdms,
    env,
    rows: [
      [
        'ldms-entrypoint',
        'real',
        (await said(entrypoint, ['--version'], env)).replace('ldms-entrypoint ', ''),
      ],
      withMunge
        ? ['munged, munge', 'real', (mungeVersion ?? '').replace(/^munge-(\S+).*/, '$1')]
        : ['munged, munge', 'missing', 'not installed, so this runs without -a munge'],
      realLdms
        ? ['ldmsd, ldms_ls', 'real', version]
        : [
            'ldmsd, ldms_ls',
            'stand-in',
            `not installed; test/standins plays ${version}, samples /proc/meminfo`,
          ],
    ],
  };
}

/**
 * Our own environment for the nodes. The stand-ins are scripts for this very Node, so it has to be
 * the first that they find.
 */
function environment(realLdms: boolean): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(LDMS_ENTRYPOINT_|npm_|NODE_OPTIONS$)/.test(name),
  );
  const path = process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin';
  return {
    ...Object.fromEntries(kept),
    PATH: realLdms ? path : [standins, dirname(process.execPath), path].join(delimiter),
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
