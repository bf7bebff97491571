/** Carries out the file actions of a plan. */
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { makePath } from '../directories.ts';
import type { Host } from '../host.ts';
import { whyNoRoom } from '../nearest.ts';
import type { FileAction, Requirement } from '../plan.ts';
import { errnoOf, errnoWords, type Problem } from '../problem.ts';

/**
 * Does one action.
 *
 * @returns what went wrong, with what the container needs to be given
 */
export function carryOutFile(action: FileAction): Problem | undefined {
  try {
    if (action.do === 'directory') makeDirectory(action);
    else if (action.do === 'copy') put(action, fs.readFileSync(action.from));
    else if (action.do === 'write')
      put(action, Buffer.from(action.fills ? filled(action.text) : action.text));
    else if (action.do === 'link') link(action);
    else fs.rmSync(action.path, { force: true });
    return undefined;
  } catch (error) {
    const verbs = {
      directory: 'make the directory',
      copy: 'write',
      write: 'write',
      link: 'make the link',
      remove: 'remove',
    };
    return {
      kind: 'configuration',
      what: `cannot ${verbs[action.do]} ${action.path}: ${errnoWords(error)}`,
      remedy: remedyFor(errnoOf(error), process.getuid?.() ?? 0),
    };
  }
}

const filled = (text: string): string =>
  text.replace(/\$\{(\w+)\}/g, (_, name: string) => process.env[name] ?? '');

function makeDirectory(action: Extract<FileAction, { do: 'directory' }>): void {
  // A link is not followed where owners are changed: what it leads to is not ours to give away.
  const see = action.mend ? fs.lstatSync : fs.statSync;
  const there = see(action.path, { throwIfNoEntry: false });
  if (there && !there.isDirectory()) throw 'ENOTDIR';
  if (!there) makePath(action.path);
  if (there && !action.mend) return;
  const at = fs.statSync(action.path);
  const { owner, mode } = action;
  // Only what differs is changed: a container without CAP_CHOWN need not change what is right. The mode
  // first: what is somebody else's afterwards takes CAP_FOWNER.
  if ((at.mode & 0o7777) !== mode) fs.chmodSync(action.path, mode);
  if (owner && (at.uid !== owner.uid || at.gid !== owner.gid)) {
    fs.chownSync(action.path, owner.uid, owner.gid);
  }
}

/** Writes a file under its final mode and owner from the first byte on; never through a link. */
function put(action: Extract<FileAction, { do: 'copy' | 'write' }>, bytes: Buffer): void {
  fs.rmSync(action.path, { force: true });
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;
  const file = fs.openSync(action.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, action.mode);
  try {
    fs.writeFileSync(file, bytes);
    if (action.do === 'copy' && action.owner) fs.fchownSync(file, action.owner.uid, action.owner.gid);
  } finally {
    fs.closeSync(file);
  }
}

/** Makes a link, in the place of one that leads nowhere. */
function link({ path, to }: Extract<FileAction, { do: 'link' }>): void {
  if (!fs.existsSync(path)) fs.rmSync(path, { force: true });
  fs.symlinkSync(to, path);
}

/** Every directory that `path` lies in, the nearest first. */
export function directoriesUp(path: string): string[] {
  const directory = dirname(path);
  return directory === path ? [] : [directory, ...directoriesUp(directory)];
}

/** Whether a directory can be made, if it is not there: somebody other than root, or a read-only root, may not. */
export function roomFor(directory: string, host: Host): Requirement[] {
  const { there, errno } = whyNoRoom(directory, host);
  if (errno === undefined) return [];
  const what = `cannot make the directory ${directory}: ${there}: ${errnoWords(errno)}`;
  return [
    {
      what: `room for ${directory}`,
      problem: { kind: 'configuration', what, remedy: remedyFor(errno, host.uid) },
    },
  ];
}

/**
 * What a container has to be given so that we can write below its /run.
 *
 * @param uid who we are
 */
export function remedyFor(errno: string, uid: number): string {
  if (errno === 'EROFS') return 'give the container a writable /run: docker run --tmpfs /run';
  if (errno === 'EPERM' || (errno === 'EACCES' && uid === 0)) {
    return 'let root change owners: docker run --cap-add=CHOWN --cap-add=DAC_OVERRIDE --cap-add=FOWNER';
  }
  if (errno === 'EACCES')
    return `uid ${uid} needs a /run that it may write to: docker run --tmpfs /run:uid=${uid}`;
  return 'free or mend that place';
}
