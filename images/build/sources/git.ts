/**
 * Sources by git: which commit a name means, and a checkout of exactly that. It is the caller's own git,
 * so that keys, credential helpers, proxies and mirrors (`url.*.insteadOf`) work as ever; containers get
 * the files alone.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Source } from '../config/config.ts';
import { prefixOf } from '../config/variables.ts';
import { BuilderError } from '../problem.ts';
import type { Tools } from '../steps.ts';
import type { Component } from './components.ts';

/** A source whose commit is known. */
export interface Resolved {
  readonly component: Component;
  readonly repository: string;
  /** As it was asked for: a branch, a tag or a commit. */
  readonly ref: string;
  /** The name that the repository has for it; undefined if a commit was asked for. */
  readonly name: string | undefined;
  /** 40 hexadecimal digits. */
  readonly commit: string;
}

// Nobody is there to answer: without them, a password that is missing would be waited for.
const quietly = { GIT_TERMINAL_PROMPT: '0', GIT_SSH_COMMAND: 'ssh -o BatchMode=yes', LC_ALL: 'C' };
const environment = (): NodeJS.ProcessEnv => ({ ...quietly, ...process.env });

const isCommit = (ref: string): boolean => /^[0-9a-f]{40}$/.test(ref);

/**
 * Asks the repositories, all at once, which commits the sources are.
 *
 * @throws BuilderError with every one that cannot be told
 */
export async function resolveAll(
  wanted: readonly (readonly [Component, Source])[],
  signal: AbortSignal,
): Promise<readonly Resolved[]> {
  const wrong: string[] = [];
  const found = await Promise.all(
    wanted.map(async ([component, { repository, ref }]) => {
      if (repository === undefined) return [];
      const answer = await resolve(component, repository, ref, signal);
      signal.throwIfAborted();
      if (typeof answer === 'string') wrong.push(answer);
      return typeof answer === 'string' ? [] : [answer];
    }),
  );
  if (wrong.length > 0) throw new BuilderError('input', wrong.sort());
  return found.flat();
}

/** What a ref is now, or why that cannot be told. */
async function resolve(
  component: Component,
  repository: string,
  ref: string,
  signal: AbortSignal,
): Promise<Resolved | string> {
  // The same whatever the repository says, which need not be asked.
  if (isCommit(ref)) return { component, repository, ref, name: undefined, commit: ref };
  const names = ref.startsWith('refs/') ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
  const asked = names.flatMap((name) => [name, `${name}^{}`]);
  const { exitCode, stdout, stderr, code } = await execa(
    'git',
    ['ls-remote', '--quiet', '--', repository, ...asked],
    { reject: false, stdin: 'ignore', cancelSignal: signal, env: environment() },
  );
  if (code === 'ENOENT') return 'git is not installed: apt-get install git';
  if (exitCode !== 0) return `${component}: cannot read ${repository}: ${firstLine(stderr)}`;
  const lines = stdout.split('\n').filter(Boolean);
  const commits = new Map(lines.map((line) => line.split('\t').reverse() as [string, string]));
  const [name, other] = names.filter((each) => commits.has(each));
  const variable = `${prefixOf(component)}_BRANCH`;
  if (name === undefined) {
    const short = /^[0-9a-f]{7,39}$/.test(ref) ? '; a commit has to be written in full, with 40 digits' : '';
    return `${component}: ${repository} has neither a branch nor a tag ${ref}${short}; give another in ${variable}`;
  }
  if (other !== undefined) {
    return `${component}: ${repository} has a branch ${ref} and a tag ${ref}; write ${names.join(' or ')} in ${variable}`;
  }
  // A tag may be an object of its own, which leads to a commit.
  const commit = commits.get(`${name}^{}`) ?? commits.get(name) ?? '';
  return { component, repository, ref, name, commit };
}

/** What matters of what git says: its "fatal: …", or else its first line. */
function firstLine(text: string): string {
  const lines = text.trim().split('\n');
  return (lines.find((line) => line.startsWith('fatal: ')) ?? lines[0] ?? '').replace(/^fatal: /, '');
}

/** Whether a directory has a commit checked out. */
async function headOf(directory: string): Promise<string | undefined> {
  if (!existsSync(join(directory, '.git'))) return undefined;
  const { exitCode, stdout } = await execa('git', ['-C', directory, 'rev-parse', 'HEAD'], { reject: false });
  return exitCode === 0 ? stdout.trim() : undefined;
}

/**
 * Makes a directory a checkout of a commit, and nothing else: files of an earlier build are gone. The
 * history and the tags are there, since some take their version from them. What was fetched is kept, so
 * that a commit that was fetched once needs no network.
 */
export async function checkOut(source: Resolved, directory: string, { command, say }: Tools): Promise<void> {
  const { repository, name, commit } = source;
  const git = (...words: string[]) => command(['git', '-C', directory, ...words], environment());
  mkdirSync(directory, { recursive: true });
  const metadata = join(directory, '.git');
  if (!existsSync(metadata)) await git('init', '--quiet');
  // Of a git that was killed; none runs here now.
  for (const lock of ['index.lock', 'HEAD.lock', 'shallow.lock'])
    rmSync(join(metadata, lock), { force: true });
  const { exitCode } = await execa('git', ['-C', directory, 'cat-file', '-e', `${commit}^{commit}`], {
    reject: false,
  });
  if (exitCode !== 0) {
    say(`fetching ${commit} from ${repository}`);
    const fetch = (what: string) => git('fetch', '--quiet', '--force', '--tags', '--', repository, what);
    try {
      await fetch(`+${name ?? commit}:refs/ldms/wanted`);
    } catch (error) {
      // Some servers give no commit by its number; it is below a branch then.
      if (name !== undefined) throw error;
      await fetch('+refs/heads/*:refs/remotes/origin/*');
    }
  }
  await git('-c', 'advice.detachedHead=false', 'checkout', '--quiet', '--force', '--detach', commit);
  await git('clean', '--quiet', '-d', '--force', '--force', '-x');
  const head = await headOf(directory);
  if (head !== commit) throw new Error(`git has checked out ${head}, and not ${commit}`);
}

/** When a commit was made, in seconds since the epoch. */
export async function timeOf(directory: string): Promise<number> {
  const { stdout } = await execa('git', ['-C', directory, 'log', '-1', '--format=%ct']);
  return Number(stdout);
}
