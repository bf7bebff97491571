/**
 * A place to run the program in local mode: a directory for LDMS_ENTRYPOINT_ROOT, a directory of
 * programs in front of PATH, and what tests put there.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { mungeUser } from './machine.ts';
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
    start: (args, options) => {
      const started = start(program, args, { env, ...options });
      // What it supervises ends with it.
      onTestFinished(() => started.kill('SIGKILL'));
      return started;
    },
  };
  return site;
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
