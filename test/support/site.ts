/**
 * A place to run the program in local mode: a directory for LDMS_ENTRYPOINT_ROOT, a directory of
 * programs in front of PATH, and what tests put there.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { program, type Result, run, type Started, type StartOptions, start } from './program.ts';

/** One such place. It is removed when its test has finished. */
export interface Site {
  readonly root: string;
  readonly socket: string;
  readonly keyPath: string;
  /** The environment to run the program in. */
  readonly env: NodeJS.ProcessEnv;
  path(inside: string): string;
  /** Puts an executable text into the directory in front of PATH. */
  install(name: string, text: string): string;
  write(inside: string, text: string | Buffer, mode?: number): string;
  /** Puts a munge key where munged would take it; random, munge's own and 0600 unless told otherwise. */
  key(options?: { bytes?: Buffer; mode?: number; uid?: number; gid?: number }): string;
  run(args: readonly string[], options?: StartOptions): Promise<Result>;
  start(args: readonly string[], options?: StartOptions): Started;
}

/** The uid and gid of munge, or of ourselves where there is no such user or we are not root. */
export function mungeUser(): { uid: number; gid: number } {
  const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  if (self.uid !== 0) return self;
  const line = readFileSync('/etc/passwd', 'utf8').match(/^munge:[^:]*:(\d+):(\d+):/m);
  return line ? { uid: Number(line[1]), gid: Number(line[2]) } : self;
}

/** Makes a site. The directory can be entered by everybody, as munged's user has to. */
export function makeSite(settings: NodeJS.ProcessEnv = {}): Site {
  const root = mkdtempSync(join(tmpdir(), 'ldms-entrypoint-'));
  chmodSync(root, 0o755);
  const bin = join(root, 'bin');
  mkdirSync(bin);
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const path = (inside: string) => join(root, inside);
  const env: NodeJS.ProcessEnv = {
    PATH: `${bin}:${process.env['PATH']}`,
    LDMS_ENTRYPOINT_ROOT: root,
    LDMS_ENTRYPOINT_LOG_FORMAT: 'json',
    ...settings,
  };
  const site: Site = {
    root,
    socket: path('run/munge/munge.socket.2'),
    keyPath: path('etc/munge/munge.key'),
    env,
    path,
    install: (name, text) => site.write(`bin/${name}`, text, 0o755),
    write: (inside, text, mode = 0o644) => {
      const file = path(inside);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      chmodSync(file, mode);
      return file;
    },
    key: ({ bytes = randomBytes(128), mode = 0o600, ...owner } = {}) => {
      const file = site.write('etc/munge/munge.key', bytes, mode);
      const { uid, gid } = { ...mungeUser(), ...owner };
      if (process.getuid?.() === 0) chownSync(file, uid, gid);
      return file;
    },
    run: (args, options) => run(program, args, { env, ...options }),
    start: (args, options) => start(program, args, { env, ...options }),
  };
  return site;
}

/** Whether a process exists and is more than a zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** The pids of the mungeds that serve below `root`. */
export function mungedsOf(root: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const [program = '', ...args] = commandLine(pid);
      return program.endsWith('munged') && args.some((arg) => arg.startsWith(`--socket=${root}/`));
    });
}

/** A process's arguments; empty for one that is gone or a zombie. */
export function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

/** The JSON lines of ours in a stderr, in which a daemon's own lines may stand as well. */
export function logLines(stderr: string): Record<string, unknown>[] {
  return stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** An ldmsd of the 4.4 kind for tests that look at how it is started: the rest of the script is `body`. */
export const ldmsdThat = (body: string): string => `#!/bin/sh
# A stand-in for ldmsd.
if [ "$1" = -V ]; then echo "LDMSD Version: 4.4.4"; exit 0; fi
${body}
`;

/** The README's line: a sampler with munge. */
export const asked = ['samp', '-x', 'sock:10411', '-a', 'munge'] as const;

/** An ldmsd that encodes and decodes one credential and says so; then `after`. */
export const usesMunge = (site: Site, after = ''): string =>
  ldmsdThat(`munge -n -S ${site.socket} | unmunge -n -S ${site.socket} && echo munge works\n${after}`);

/** The messages of our own lines in a stderr. */
export const message = (stderr: string): string =>
  logLines(stderr)
    .map(({ msg }) => String(msg))
    .join('\n');
