/** What the images' labels say of where they come from. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { BuilderError } from './problem.ts';

/** The repository's own directory. */
export const repository = join(import.meta.dirname, '../..');

export interface Metadata {
  readonly version: string;
  /** The commit, with `-dirty` behind it if its files have been changed; "unknown" outside of a repository. */
  readonly revision: string;
  /** In seconds since the epoch: SOURCE_DATE_EPOCH, or else the commit's time, so that it does not change by building again. */
  readonly created: number;
}

/**
 * Asks git, where there is one.
 *
 * @throws BuilderError if SOURCE_DATE_EPOCH is no time
 */
export async function readMetadata(env: NodeJS.ProcessEnv): Promise<Metadata> {
  const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
    version: string;
  };
  const git = async (...args: string[]) => {
    const { exitCode, stdout } = await execa('git', args, { cwd: repository, reject: false });
    return exitCode === 0 ? stdout.trim() : undefined;
  };
  const commit = await git('rev-parse', 'HEAD');
  const changed = commit ? await git('status', '--porcelain', '--untracked-files=no') : undefined;
  const given = env['SOURCE_DATE_EPOCH'];
  if (given && !/^\d{1,11}$/.test(given)) {
    throw new BuilderError('usage', [`SOURCE_DATE_EPOCH=${given}: seconds since 1970, in digits`]);
  }
  const time = given || (commit && (await git('log', '-1', '--format=%ct')));
  return {
    version,
    revision: commit ? `${commit}${changed ? '-dirty' : ''}` : 'unknown',
    created: Number(time ?? 0),
  };
}
