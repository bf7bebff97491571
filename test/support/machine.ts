/** What this machine shows: its processes, and munge's account. */
import { readdirSync, readFileSync } from 'node:fs';

const pids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

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
  return pids().filter((pid) => {
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

/** The processes whose command line names a path, ourselves left out. */
export function processesNaming(path: string): number[] {
  const names = (pid: number) => commandLine(pid).some((word) => word.includes(path));
  return pids().filter((pid) => pid !== process.pid && names(pid) && isAlive(pid));
}

/** The uid and gid of munge, or of ourselves where there is no such user or we are not root. */
export function mungeUser(): { uid: number; gid: number } {
  const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  if (self.uid !== 0) return self;
  const line = readFileSync('/etc/passwd', 'utf8').match(/^munge:[^:]*:(\d+):(\d+):/m);
  return line ? { uid: Number(line[1]), gid: Number(line[2]) } : self;
}
