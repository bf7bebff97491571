/**
 * What the host (the container that we find ourselves in) shows. Modes read nothing themselves:
 * they ask a `Host`, which looks once and remembers, so that a plan is made from one snapshot.
 * Unit tests hand them a `Host` made of plain data.
 */
import * as fs from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Mount, parseMountinfo } from './mounts.ts';
import type { User } from './plan.ts';
import { errnoOf } from './problem.ts';

/** What lies at a path. `errno` tells why nothing could be seen (`ENOENT`, `EACCES`, …). */
export type Look =
  | {
      readonly kind: 'file' | 'directory' | 'socket' | 'other';
      /** Permission bits, with set-id and sticky. */
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
      readonly size: number;
      /** Modification time in whole seconds since the epoch. */
      readonly mtime: number;
      /** Whether the path itself is a symbolic link to it. */
      readonly link: boolean;
    }
  | {
      readonly kind: 'nothing';
      readonly errno: string;
      /** A symbolic link is there, and what it names is not. */
      readonly link?: boolean;
    };

/** A program looked up as execvp(3) would. */
export type ProgramLook =
  | { readonly path: string }
  | { readonly missing: 'notFound' | 'notExecutable'; readonly at?: string; readonly errno: string };

/** An address and port; the address as people write it, `0.0.0.0` and `::` for all. */
export interface TcpAddress {
  readonly address: string;
  readonly port: number;
}

/** The snapshot that modes plan from. */
export interface Host {
  readonly env: NodeJS.ProcessEnv;
  readonly uid: number;
  readonly gid: number;
  /** LDMS_ENTRYPOINT_ROOT, or an empty string. */
  readonly root: string;
  /** The host name of our UTS namespace: a container's own, or its node's. */
  hostname(): string;
  /** The addresses of our network namespace's interfaces, loopback and all, as numbers. */
  addresses(): readonly string[];
  /** One of our own paths, moved below the root. */
  path(own: string): string;
  mounts(): readonly Mount[];
  /** Looks at a path, through a symbolic link if it is one. */
  look(path: string): Look;
  /** Why nothing can be made in a directory (`EACCES`, `EROFS`, …); undefined if it can. */
  whyNoEntry(directory: string): string | undefined;
  /** Why a file cannot be written to (`EACCES`, `EROFS`, …); undefined if it can. */
  whyNoWrite(file: string): string | undefined;
  /** The names in a directory; none if it cannot be read. */
  entries(directory: string): readonly string[];
  /** A file's bytes, or why they cannot be had. */
  read(path: string): Buffer | { readonly errno: string };
  /** An account of /etc/passwd (of the one below the root if there is one). */
  user(name: string): User | undefined;
  /** Whether a user id exists in our user namespace. */
  hasUid(uid: number): boolean;
  /** Our effective capabilities, a bit each as capabilities(7) numbers them. */
  capabilities(): bigint;
  /** The TCP addresses that somebody in our network namespace listens on. */
  listening(): readonly TcpAddress[];
  /** The process that holds a lock on a file, as far as our PID namespace shows it. */
  lockedBy(path: string): number | undefined;
  /** Finds a program as execvp(3) does, and in the sbin directories beyond PATH. */
  program(name: string): ProgramLook;
}

/** The real host. Nothing is read before it is asked for, and nothing twice. */
export function realHost(env: NodeJS.ProcessEnv, root: string): Host {
  const path = (own: string) => root + own;
  const mounts = once(() => parseMountinfo(readOr('/proc/self/mountinfo')));
  const passwd = once(() => readOr(path('/etc/passwd')) || readOr('/etc/passwd'));
  return {
    env,
    root,
    path,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    hostname: once(() => process.getBuiltinModule('node:os').hostname()),
    addresses: once(() => {
      const interfaces = Object.values(process.getBuiltinModule('node:os').networkInterfaces());
      return interfaces.flatMap((those = []) => those.map(({ address }) => address));
    }),
    mounts,
    look: remember(look),
    whyNoEntry: remember((directory) => whyNoAccess(directory, fs.constants.W_OK | fs.constants.X_OK)),
    whyNoWrite: remember((file) => whyNoAccess(file, fs.constants.W_OK)),
    entries: remember((directory) => {
      try {
        return fs.readdirSync(directory);
      } catch {
        return [];
      }
    }),
    read: remember((file) => {
      try {
        return fs.readFileSync(file);
      } catch (error) {
        return { errno: errnoOf(error) };
      }
    }),
    user: (name) => parsePasswd(passwd(), name),
    hasUid: (uid) => isMapped(readOr('/proc/self/uid_map'), uid),
    capabilities: once(() => {
      const bits = /^CapEff:\s*([0-9a-f]+)/m.exec(readOr('/proc/self/status'))?.[1];
      return BigInt(`0x${bits ?? '0'}`);
    }),
    listening: once(() => ['tcp', 'tcp6'].flatMap((name) => parseListening(readOr(`/proc/net/${name}`)))),
    lockedBy: (file) => {
      const at = fs.statSync(file, { throwIfNoEntry: false, bigint: true });
      return at && parseLocks(readOr('/proc/locks'), at.ino).find((pid) => hasOpen(pid, at));
    },
    program: remember((name) => findProgram(name, env['PATH'])),
  };
}

/** The text of a file, empty if it cannot be read. */
function readOr(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function remember<T>(make: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>();
  return (key) => {
    if (!known.has(key)) known.set(key, make(key));
    return known.get(key) as T;
  };
}

function whyNoAccess(path: string, how: number): string | undefined {
  try {
    fs.accessSync(path, how);
    return undefined;
  } catch (error) {
    return errnoOf(error);
  }
}

function look(path: string): Look {
  try {
    const stat = fs.statSync(path);
    return {
      kind: kindOf(stat),
      mode: stat.mode & 0o7777,
      uid: stat.uid,
      gid: stat.gid,
      size: stat.size,
      mtime: Math.floor(stat.mtimeMs / 1000),
      link: fs.lstatSync(path).isSymbolicLink(),
    };
  } catch (error) {
    const errno = errnoOf(error);
    const link = errno === 'ENOENT' && fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink();
    return { kind: 'nothing', errno, ...(link && { link }) };
  }
}

function kindOf(stat: fs.Stats): 'file' | 'directory' | 'socket' | 'other' {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  return stat.isSocket() ? 'socket' : 'other';
}

/** Whether an id lies in a range of /proc/self/uid_map (user_namespaces(7)): first id, its id outside, length. */
export function isMapped(text: string, id: number): boolean {
  // A kernel without user namespaces has no such file.
  if (text === '') return true;
  const ranges = text.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return ranges.some(([first = 0, , length = 0]) => id >= first && id < first + length);
}

/** The account `name` in the text of an /etc/passwd. */
export function parsePasswd(text: string, name: string): User | undefined {
  for (const line of text.split('\n')) {
    const [account, , uid, gid] = line.split(':');
    // An empty or garbled field must not be read as 0, which is root.
    const [isUid, isGid] = [uid, gid].map((id) => /^\d+$/.test(id ?? ''));
    if (account === name && isUid && isGid) return { name, uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** The listening sockets of a /proc/net/tcp or tcp6 (proc_net_tcp(5) of the kernel's documentation). */
export function parseListening(text: string): TcpAddress[] {
  // Number, local address, peer, and the state, of which 0A is LISTEN; there may be thousands of others.
  const listens = /^ *\d+: ([\dA-F]+):([\dA-F]{4}) [\dA-F]+:[\dA-F]{4} 0A /gim;
  return [...text.matchAll(listens)].map(([, address = '', port = '']) => ({
    address: addressOf(address),
    port: Number.parseInt(port, 16),
  }));
}

/** An address of /proc/net: hexadecimal, each group of four bytes in the machine's order, which is little-endian. */
function addressOf(hex: string): string {
  if (/^0+$/.test(hex)) return hex.length === 8 ? '0.0.0.0' : '::';
  const bytes = [...Buffer.from(hex, 'hex')];
  const ordered = bytes.map((_, at) => bytes[at - (at % 4) + 3 - (at % 4)] ?? 0);
  if (ordered.length === 4) return ordered.join('.');
  const isMapped = ordered.slice(0, 12).join() === '0,0,0,0,0,0,0,0,0,0,255,255';
  if (isMapped) return ordered.slice(12).join('.');
  const groups = Array.from({ length: 8 }, (_, at) =>
    (((ordered[2 * at] ?? 0) << 8) | (ordered[2 * at + 1] ?? 0)).toString(16),
  );
  // As people write it: with "::" for the longest run of zeros.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/**
 * Who holds a lock on a file with this inode, from the text of /proc/locks (proc_locks(5)). Its devices
 * are not always those that stat(2) tells (overlayfs, btrfs), so that another file may be meant.
 */
export function parseLocks(text: string, inode: bigint): number[] {
  return text.split('\n').flatMap((line) => {
    const [, , , , pid, file] = line.trim().split(/\s+/);
    return file?.endsWith(`:${inode}`) && Number(pid) > 0 ? [Number(pid)] : [];
  });
}

/** Whether a process has a file open, as far as we may see. */
function hasOpen(pid: number, { dev, ino }: fs.BigIntStats): boolean {
  try {
    return fs.readdirSync(`/proc/${pid}/fd`).some((descriptor) => {
      const open = fs.statSync(`/proc/${pid}/fd/${descriptor}`, { throwIfNoEntry: false, bigint: true });
      return open?.dev === dev && open.ino === ino;
    });
  } catch {
    return false;
  }
}

// munged lives in sbin, which a caller who is not root often does not have in PATH.
const sbin = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/**
 * Finds a program as execvp(3) does: a name with a slash is taken as it is, another is looked for
 * in each directory of PATH, and a file that cannot be executed is passed over but remembered (execvp
 * remembers directories that may not be entered, too).
 */
export function findProgram(name: string, path: string | undefined): ProgramLook {
  const candidates = name.includes('/')
    ? [name]
    : [...(path ?? '/usr/local/bin:/usr/bin:/bin').split(delimiter), ...sbin].map((directory) =>
        join(directory || '.', name),
      );
  let refused: ProgramLook | undefined;
  for (const candidate of candidates) {
    const errno = executableOr(candidate);
    if (errno === undefined) return { path: candidate };
    // A directory of PATH that we may not enter tells nothing: it may be the caller's of another system.
    const hidden = errno === 'EACCES' && !name.includes('/') && !isSeen(candidate);
    if (errno !== 'ENOENT' && errno !== 'ENOTDIR' && !hidden) {
      refused ??= { missing: 'notExecutable', at: candidate, errno };
    }
  }
  return refused ?? { missing: 'notFound', errno: 'ENOENT' };
}

function isSeen(file: string): boolean {
  try {
    fs.lstatSync(file);
    return true;
  } catch {
    return false;
  }
}

/** Why `file` cannot be executed, or undefined if it can. */
function executableOr(file: string): string | undefined {
  try {
    if (fs.statSync(file).isDirectory()) return 'EISDIR';
    fs.accessSync(file, fs.constants.X_OK);
    return undefined;
  } catch (error) {
    return errnoOf(error);
  }
}
