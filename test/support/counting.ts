/**
 * Stand-ins for what rendered scripts run: docker, ssh, scp, apptainer, systemd-run and systemctl keep their
 * words and start nothing. ssh runs its command as the login shell of a host would, so that what docker is
 * given there is known to be that host's.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Rendered } from '../../src/cluster/render/rendering.ts';
import { type Result, run } from './program.ts';

/** One run of a stand-in. */
export interface Call {
  /** The host that it was run on by ssh; empty: this one. */
  readonly host: string;
  readonly program: string;
  readonly args: readonly string[];
}

/** A directory with rendered files, and stand-ins for what they run. */
export interface Counting {
  /** Where the rendered files are; its name has a blank in it. */
  readonly directory: string;
  /** Runs a rendered script, or any other words, and tells what it ran, in order. */
  run(...words: readonly string[]): Promise<Result & { readonly calls: readonly Call[] }>;
}

// One write for each, so that those of hosts side by side do not mix.
const keep = (program: string) =>
  `printf '%s\\0' "\${STAND_IN_HOST-}" ${program} "$#" "$@" >"$STAND_IN/$$" && cat "$STAND_IN/$$" >>"$STAND_IN/calls"`;

const standIns: Readonly<Record<string, string>> = {
  // It fails on the hosts of STAND_IN_BROKEN; this one is called here.
  docker: `${keep('docker')}
case " \${STAND_IN_BROKEN-} " in *" \${STAND_IN_HOST:-here} "*) echo 'docker: out of order' >&2; exit 125 ;; esac
echo 0123456789ab`,
  // pdsh gives options, each one word, then -l with a user if there is one, the host and the command.
  ssh: `while :; do case $1 in -l) shift 2 ;; -*) shift ;; *) break ;; esac; done
export STAND_IN_HOST="$1"
case " \${STAND_IN_DEAD-} " in *" $1 "*) echo 'ssh: no route to host' >&2; exit 255 ;; esac
cd / && exec sh -c "$2"`,
  // Where the disks of hosts are full, nothing arrives there.
  scp: `${keep('scp')} && [ -z "\${STAND_IN_FULL-}" ]`,
  // So that mkdir on a host is none here, and the files of a host are there.
  mkdir: `[ -z "\${STAND_IN_HOST-}" ] || { ${keep('mkdir')}; exit; }\nexec /bin/mkdir "$@"`,
  ls: `${keep('ls')} && [ -z "\${STAND_IN_FULL-}" ]`,
  apptainer: `${keep('apptainer')}
[ "$1" != pull ] || : >"$3"`,
  'systemd-run': keep('systemd-run'),
  systemctl: keep('systemctl'),
  prlimit: keep('prlimit'),
};

/** Writes rendered files below a directory of a test's. */
export function counting(rendered: readonly Rendered[], env: NodeJS.ProcessEnv = {}): Counting {
  const place = mkdtempSync(join(tmpdir(), 'ldms-counting-'));
  onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  const directory = join(place, 'made for us');
  const write = (path: string, text: string, executable?: boolean) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    if (executable) chmodSync(path, 0o755);
  };
  for (const { path, text, executable } of rendered) write(join(directory, path), text, executable);
  for (const [name, text] of Object.entries(standIns))
    write(join(place, 'bin', name), `#!/bin/sh\n${text}\n`, true);
  const calls = join(place, 'calls');
  const all = {
    ...process.env,
    PATH: [join(place, 'bin'), process.env['PATH']].join(delimiter),
    PDSH_RCMD_TYPE: 'ssh',
    STAND_IN: place,
    ...env,
  };
  return {
    directory,
    run: async (file = '', ...args) => {
      rmSync(calls, { force: true });
      const result = await run(file, args, { cwd: directory, env: all });
      return { ...result, calls: existsSync(calls) ? callsIn(readFileSync(calls, 'utf8')) : [] };
    },
  };
}

function callsIn(text: string): Call[] {
  const words = text.split('\0');
  const calls: Call[] = [];
  for (let at = 0; at + 2 < words.length; ) {
    const [host = '', program = '', count = ''] = words.slice(at, at + 3);
    const end = at + 3 + Number(count);
    calls.push({ host, program, args: words.slice(at + 3, end) });
    at = end;
  }
  return calls;
}
