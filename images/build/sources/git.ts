/**
 * Sources by git: which commit a name means, and a checkout of exactly that. It is the caller's own git,
 * so that keys, credential helpers, proxies and mirrors (`url.*.insteadOf`) work as ever; containers get
 * the files alone.
 */
import { globSync, mkdirSync, rmSync } from 'node:fs';
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

// What git sets for its hooks: with these, it would work in the repository whose hook runs the builder.
const ofAnother = ['DIR', 'WORK_TREE', 'INDEX_FILE', 'OBJECT_DIRECTORY', 'COMMON_DIR', 'NAMESPACE', 'PREFIX'];

/**
 * What git is run with: nobody is there to answer, so that a password that is missing would be waited for.
 *
 * @param directory the checkout to work in; git looks for no other above it, should it not be whole
 */
async function environment(directory?: string): Promise<NodeJS.ProcessEnv> {
  const ssh = await execa('git', ['config', '--get', 'core.sshCommand'], { reject: false });
  const isOwnSsh = ssh.exitCode === 0 || process.env['GIT_SSH'] !== undefined;
  return {
    GIT_TERMINAL_PROMPT: '0',
    ...(isOwnSsh ? {} : { GIT_SSH_COMMAND: 'ssh -o BatchMode=yes' }),
    ...process.env,
    // What it says is read below.
    LC_ALL: 'C',
    ...Object.fromEntries(ofAnother.map((name) => [`GIT_${name}`, undefined])),
    ...(directory !== undefined && { GIT_DIR: join(directory, '.git'), GIT_WORK_TREE: directory }),
  };
}

const isCommit = (ref: string): boolean => /^[0-9a-f]{40}$/.test(ref);

/**
 * Asks the repositories, all at once, which commits the sources are.
 *
 * @throws BuilderError with every one that cannot be told, or if there is no git
 */
export async function resolveAll(
  wanted: readonly (readonly [Component, Source])[],
  signal: AbortSignal,
): Promise<readonly Resolved[]> {
  if (wanted.every(([, { repository }]) => repository === undefined)) return [];
  const { code } = await execa('git', ['--version'], { reject: false });
  if (code === 'ENOENT') {
    throw new BuilderError('unavailable', ['git is not installed; install it: apt-get install git']);
  }
  const env = await environment();
  const wrong: string[] = [];
  const found = await Promise.all(
    wanted.map(async ([component, { repository, ref }]) => {
      if (repository === undefined) return [];
      const answer = await resolve(component, repository, ref, signal, env);
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
  env: NodeJS.ProcessEnv,
): Promise<Resolved | string> {
  // The same whatever the repository says, which need not be asked.
  if (isCommit(ref)) return { component, repository, ref, name: undefined, commit: ref };
  const names = ref.startsWith('refs/') ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
  const asked = names.flatMap((name) => [name, `${name}^{}`]);
  const words = ['ls-remote', '--quiet', '--', repository, ...asked];
  const { exitCode, stdout, stderr } = await startGit(words, env, signal);
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

/**
 * Starts git. An interrupt ends it, with what it has started: that would wait on for a server, and whoever
 * reads what git says would wait for that.
 */
function startGit(words: readonly string[], env: NodeJS.ProcessEnv, signal: AbortSignal) {
  const git = execa('git', words, { reject: false, stdin: 'ignore', env, detached: true, all: true });
  const end = () => {
    try {
      if (git.pid !== undefined) process.kill(-git.pid);
    } catch {
      // All have ended by themselves.
    }
  };
  signal.addEventListener('abort', end);
  void git.finally(() => signal.removeEventListener('abort', end));
  if (signal.aborted) end();
  return git;
}

/** What matters of what git says: its "fatal: …", or else its first line. */
function firstLine(text: string): string {
  const lines = text.trim().split('\n');
  const at = lines.findIndex((line) => line.startsWith('fatal: '));
  const line = (lines[Math.max(at, 0)] ?? '').replace(/^fatal: /, '');
  // Why not has been said by ssh.
  return line === 'Could not read from remote repository.' ? (lines[at - 1] ?? line) : line;
}

/**
 * Makes a directory a checkout of a commit, and nothing else: files of an earlier build are gone. The
 * history and the tags are there, since some take their version from them. What was fetched is kept, so
 * that a commit that was fetched once needs no network.
 */
export async function checkOut(source: Resolved, directory: string, tools: Tools): Promise<void> {
  const { component, repository, name, commit } = source;
  const env = await environment(directory);
  const git = (...words: string[]) => runGit(words, env, tools);
  const ask = async (...words: string[]) => (await execa('git', words, { reject: false, env })).stdout;
  mkdirSync(directory, { recursive: true });
  // Of a git that was killed; none runs here now.
  for (const lock of globSync('.git/**/*.lock', { cwd: directory })) rmSync(join(directory, lock));
  // It mends one that is not whole. The caller's template may have hooks.
  await runGit(['init', '--quiet', '--template=', directory], await environment(), tools);
  // A commit that is there by itself may have come without all of its files, were git killed at that.
  const isThere = await ask('for-each-ref', '--count=1', `--contains=${commit}`);
  const isNamed = !name?.startsWith('refs/tags/') || (await ask('rev-parse', `${name}^{commit}`)) === commit;
  if (!isThere || !isNamed) {
    tools.say(`fetching ${commit} from ${repository}`);
    const fetch = (what: string) =>
      git('fetch', '--quiet', '--force', '--tags', '--', repository, what).catch((error) => {
        throw new GitError(`cannot fetch ${short(commit)} from ${repository}: ${error.message}`);
      });
    try {
      await fetch(`+${name ?? commit}:refs/ldms/${commit}`);
    } catch (error) {
      // Some servers give no commit by its number; it is below a branch then.
      if (name !== undefined || !/not our ref|unadvertised|find remote ref/.test(String(error))) throw error;
      await fetch('+refs/heads/*:refs/remotes/origin/*');
      if ((await ask('cat-file', '-t', commit)) !== 'commit') {
        throw new Error(
          `${repository} has no commit ${commit}; give another in ${prefixOf(component)}_BRANCH`,
        );
      }
    }
  }
  await git('-c', 'advice.detachedHead=false', 'checkout', '--quiet', '--force', '--detach', commit);
  await git('clean', '--quiet', '-d', '--force', '--force', '-x');
  const head = await ask('rev-parse', 'HEAD');
  if (head !== commit) throw new Error(`git has checked out ${head}, and not ${commit}`);
}

/** Runs git to its end; throws what it says if it fails. */
async function runGit(
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  { say, signal }: Tools,
): Promise<void> {
  say(`$ git ${words.join(' ')}`);
  const git = startGit(words, env, signal);
  for await (const line of git.iterable({ from: 'all' })) say(line);
  const { exitCode, all } = await git;
  if (exitCode !== 0) throw new GitError(firstLine(all) || `git ${words[0]} failed`);
}

/** What git has said when it failed. */
class GitError extends Error {}

/** A commit, as people read it. */
export const short = (commit: string): string => commit.slice(0, 12);

/** When a commit was made, in seconds since the epoch. */
export async function timeOf(directory: string): Promise<number> {
  const words = ['show', '--no-patch', '--no-show-signature', '--format=%ct', 'HEAD'];
  const { stdout } = await execa('git', words, { env: await environment(directory) });
  return Number(stdout);
}
