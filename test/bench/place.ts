/** A directory to measure in: a root for local mode whose ldmsd is /bin/true. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { mungedsOf, mungeUser } from '../support/machine.ts';
import { run, until } from '../support/program.ts';

/** One such directory, with a munge key and a record of ldmsd's version, as an image has it. */
export interface Place {
  readonly env: NodeJS.ProcessEnv;
  readonly socket: string;
  readonly key: string;
  path(inside: string): string;
  write(inside: string, text: string | Buffer, mode?: number): string;
  /** A shell script with the given body. */
  script(body: string): string;
  /** Tells the program the version of the ldmsd that lies in `bin` now. */
  recordVersion(): void;
  /** Starts a munged that plays the host's. */
  startMunged(): Promise<void>;
  /** How many mungeds serve below it. */
  mungeds(): number;
  remove(): void;
}

/** Makes one. */
export function makePlace(settings: NodeJS.ProcessEnv = {}): Place {
  const root = mkdtempSync(join(tmpdir(), 'ldms-entrypoint-bench-'));
  chmodSync(root, 0o755);
  const path = (inside: string) => join(root, inside);
  const ownedByMunge = (file: string) => {
    const { uid, gid } = mungeUser();
    if (process.getuid?.() === 0) chownSync(file, uid, gid);
  };
  const write = (inside: string, text: string | Buffer, mode = 0o644) => {
    const file = path(inside);
    mkdirSync(dirname(file), { recursive: true });
    rmSync(file, { force: true });
    writeFileSync(file, text, { mode });
    return file;
  };
  mkdirSync(path('bin'));
  symlinkSync('/bin/true', path('bin/ldmsd'));
  mkdirSync(path('run/munge'), { recursive: true });
  ownedByMunge(path('run/munge'));
  const key = write('etc/munge/munge.key', randomBytes(128), 0o600);
  ownedByMunge(key);
  const place: Place = {
    env: { PATH: `${path('bin')}:${process.env['PATH']}`, LDMS_ENTRYPOINT_ROOT: root, ...settings },
    socket: path('run/munge/munge.socket.2'),
    key,
    path,
    write,
    script: (body) => write(`script-${randomBytes(4).toString('hex')}`, `#!/bin/sh\n${body}\n`, 0o755),
    recordVersion: () => {
      const { size, mtimeMs } = statSync(path('bin/ldmsd'));
      const record = `${size} ${Math.floor(mtimeMs / 1000)} LDMSD Version: 4.4.4\n`;
      write('usr/local/share/ldms-entrypoint/ldmsd-version', record);
    },
    startMunged: async () => {
      const { uid, gid } = mungeUser();
      const as = process.getuid?.() === 0 ? [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'] : [];
      const files = [
        `--key-file=${key}`,
        `--pid-file=${path('run/munge/pid')}`,
        `--seed-file=${path('run/munge/seed')}`,
      ];
      const munged = ['munged', '--foreground', `--socket=${place.socket}`, ...files, '--origin=127.0.0.1'];
      const child = spawn('setpriv', [...as, '--pdeathsig=TERM', '--', ...munged], { stdio: 'ignore' });
      process.on('exit', () => child.kill('SIGTERM'));
      const probe = ['-n', `--socket=${place.socket}`];
      await until('munged is up', async () => (await run('munge', probe)).code === 0);
    },
    mungeds: () => mungedsOf(root).length,
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
  place.recordVersion();
  return place;
}

/**
 * One for the web images, with what ui and grafana need and without anything to warn of.
 *
 * @param played the programs that are /bin/true
 */
export function makeWebPlace(
  settings: NodeJS.ProcessEnv,
  played: readonly string[] = ['uwsgi', 'grafana-server'],
): Place {
  const place = makePlace(settings);
  for (const name of played) symlinkSync('/bin/true', place.path(`bin/${name}`));
  place.write('opt/ovis/etc/dsosd.conf', 'cygnus-07\n');
  place.write(
    'opt/ovis/ui/sosgui/settings.py',
    'import os\nSECRET_KEY = os.environ.get("KEY")\nDSOS_ROOT = "/store/"\nDSOS_CONF = "/opt/ovis/etc/dsosd.conf"\n',
  );
  place.write('etc/grafana/grafana.ini', '[server]\nhttp_port = 10300\n');
  place.write('usr/share/grafana/conf/defaults.ini', '');
  place.write('var/lib/grafana/plugins/dsosds/plugin.json', '{"id": "dsosds"}\n');
  return place;
}
