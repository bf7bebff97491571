/** What a site has on a host for its containers: configuration files, a munge key, the host's munged. */
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { mungeUser } from './machine.ts';
import { missionSettings } from './mission-settings.ts';
import { run, start, until } from './program.ts';

/** munge in all LDMS images. */
export const mungeInImages = { uid: 101, gid: 101 } as const;

/** A directory of a host's; it is removed when its test has finished. */
export interface HostFiles {
  readonly directory: string;
  path(name: string): string;
  write(name: string, content: string | Buffer, mode?: number): string;
  /** A munge key, as the mission's README wants it unless told otherwise. */
  key(name?: string, options?: { bytes?: Buffer; mode?: number; uid?: number; gid?: number }): string;
}

/** Makes one, with what each image's `docker run` line in the README mounts. */
export function makeHostFiles(ldmsCfg: string): HostFiles {
  const directory = mkdtempSync(join(tmpdir(), 'ldms-on-host-'));
  chmodSync(directory, 0o755);
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const path = (name: string) => join(directory, name);
  const write: HostFiles['write'] = (name, content, mode = 0o644) => {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), content);
    chmodSync(path(name), mode);
    return path(name);
  };
  const key: HostFiles['key'] = (name = 'munge.key', options = {}) => {
    const {
      bytes = randomBytes(128),
      mode = 0o600,
      uid = mungeInImages.uid,
      gid = mungeInImages.gid,
    } = options;
    const file = write(name, bytes, mode);
    chownSync(file, uid, gid);
    return file;
  };
  write('ldms_cfg.yaml', ldmsCfg);
  write('dsosd.conf', 'cygnus-07\n');
  write('dsosd.json', '{"cygnus-07": {"dsos_cont": "/storage/cont"}}\n');
  write('settings.py', missionSettings);
  write('grafana.ini', '[users]\nallow_sign_up = false\n');
  for (const name of ['storage', 'store']) mkdirSync(path(name));
  return { directory, path, write, key };
}

/**
 * Starts a real munged of the host's, as the host's munge user.
 *
 * @returns the directory that takes the place of the host's /run/munge
 */
export async function startHostsMunged(files: HostFiles, keyBytes = randomBytes(128)): Promise<string> {
  const { uid, gid } = mungeUser();
  const key = files.key('hosts-munge.key', { bytes: keyBytes, uid, gid });
  const directory = files.path('run-munge');
  mkdirSync(directory, { mode: 0o755 });
  chownSync(directory, uid, gid);
  const socket = join(directory, 'munge.socket.2');
  const munged = start(
    'setpriv',
    [
      `--reuid=${uid}`,
      `--regid=${gid}`,
      '--clear-groups',
      'munged',
      '--foreground',
      '--origin=127.0.0.1',
      `--socket=${socket}`,
      `--key-file=${key}`,
      `--pid-file=${directory}/munged.pid`,
      `--seed-file=${directory}/munged.seed`,
    ],
    { stdio: ['ignore', 'ignore', 'ignore'] },
  );
  onTestFinished(() => {
    munged.kill('SIGKILL');
  });
  await until("the host's munged is up", async () => {
    return (await run('munge', ['-n', `--socket=${socket}`])).code === 0;
  });
  return directory;
}
