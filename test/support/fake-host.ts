/** A `Host` made of plain data, for tests of what is planned: it reads nothing of this machine. */
import type { Host, Look, ProgramLook, TcpAddress } from '../../src/host.ts';
import { parseMountinfo } from '../../src/mounts.ts';
import { readSettings, type Settings } from '../../src/settings.ts';

/** What lies at a path; whatever is left out is as root would make it. */
export interface FakeFile {
  readonly kind?: 'file' | 'directory' | 'socket' | 'other';
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** The content's length unless told otherwise. */
  readonly size?: number;
  readonly mtime?: number;
  readonly link?: boolean;
  readonly content?: string | Buffer;
  /** It cannot even be looked at, for this reason: with `link`, a symbolic link to nothing is `ENOENT`. */
  readonly hidden?: string;
  /** A directory in which nothing can be made, or a file that cannot be written to, for this reason. */
  readonly closed?: string;
  /** It can be looked at and not be read, for this reason. */
  readonly unreadable?: string;
}

/** What the fake host shows. */
export interface FakeWorld {
  /** By absolute path. The directories above each of them exist. */
  readonly files?: Readonly<Record<string, FakeFile>>;
  readonly mountinfo?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly root?: string;
  /** `node-1` unless told otherwise. */
  readonly hostname?: string;
  /** Of our interfaces; loopback alone unless told otherwise. */
  readonly addresses?: readonly string[];
  /** Programs by name: the path, or why there is none. Others are not found. */
  readonly programs?: Readonly<Record<string, string | ProgramLook>>;
  readonly users?: Readonly<Record<string, { readonly uid: number; readonly gid: number }>>;
  /** All of them unless told otherwise. */
  readonly capabilities?: bigint;
  readonly listening?: readonly TcpAddress[];
  /** Files that processes hold a lock on, by path. */
  readonly locks?: Readonly<Record<string, number>>;
}

/** Makes the host. The files of `world` are named by their real paths, root prefix and all. */
export function fakeHost(world: FakeWorld = {}): Host {
  const { files = {}, programs = {}, users = {}, root = '', uid = 0, gid = uid } = world;
  const mounts = parseMountinfo(world.mountinfo ?? '');
  const list = (directory: string): string[] => {
    const inside = Object.keys(files).filter((path) => path.startsWith(`${directory}/`));
    return [...new Set(inside.map((path) => path.slice(directory.length + 1).split('/')[0] ?? ''))];
  };
  return {
    env: world.env ?? {},
    uid,
    gid,
    root,
    path: (own) => root + own,
    hostname: () => world.hostname ?? 'node-1',
    addresses: () => world.addresses ?? ['127.0.0.1', '::1'],
    mounts: () => mounts,
    whyNoEntry: (directory) => files[directory]?.closed,
    whyNoWrite: (file) => files[file]?.closed,
    entries: list,
    look: (path) => lookAt(files[path], path === '/' || list(path).length > 0),
    read: (path) => {
      const file = files[path];
      if (!file) return { errno: 'ENOENT' };
      const errno = file.unreadable ?? file.hidden ?? (file.kind === 'directory' ? 'EISDIR' : undefined);
      return errno === undefined ? Buffer.from(file.content ?? '') : { errno };
    },
    user: (name) => {
      const ids = users[name];
      return ids && { name, ...ids };
    },
    hasUid: () => true,
    capabilities: () => world.capabilities ?? (1n << 41n) - 1n,
    listening: () => world.listening ?? [],
    lockedBy: (path) => world.locks?.[path],
    program: (name) => {
      const found = programs[name] ?? { missing: 'notFound', errno: 'ENOENT' };
      return typeof found === 'string' ? { path: found } : found;
    },
  };
}

function lookAt(file: FakeFile | undefined, isAbove: boolean): Look {
  if (!file && !isAbove) return { kind: 'nothing', errno: 'ENOENT' };
  if (file?.hidden) return { kind: 'nothing', errno: file.hidden, ...(file.link && { link: true }) };
  const { kind = file ? 'file' : 'directory', uid = 0, gid = 0, mtime = 0, link = false } = file ?? {};
  const size = file?.size ?? Buffer.byteLength(file?.content ?? '');
  const mode = file?.mode ?? (kind === 'directory' ? 0o755 : 0o644);
  return { kind, mode, uid, gid, size, mtime, link };
}

/** A line of /proc/self/mountinfo: `root` of a file system of `type`, mounted at `point`. */
export function mountLine(point: string, { root = '/', type = 'ext4' } = {}): string {
  return `36 35 98:0 ${root} ${point} rw,noatime master:1 - ${type} /dev/source rw,errors=continue\n`;
}

/** The settings that an environment makes; the defaults if none is given. */
export function settingsFrom(env: NodeJS.ProcessEnv = {}): Settings {
  const { settings, problem } = readSettings(env);
  if (problem) throw new Error(problem.what);
  return settings;
}
