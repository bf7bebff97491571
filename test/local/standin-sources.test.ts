/** The repositories that stand in for the sources of OVIS: the same each time, and what tests change in them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { components } from '../../images/build/sources/components.ts';
import { testNeeding } from '../support/needs.ts';
import { run, start, until } from '../support/program.ts';
import { firstTag, hold, makeRepositories, mistake, otherBranch, type Sources } from '../support/sources.ts';

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), 'ldms-sources-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}
const repositories = (): Sources => makeRepositories(directory());

/** Fetches one ref into an empty repository; the commit that has come. */
async function fetched(url: string, ref: string): Promise<string> {
  const place = directory();
  const git = async (...words: string[]) => {
    const { code, stdout, stderr } = await run('git', ['-C', place, ...words]);
    expect(code, stderr).toBe(0);
    return stdout.trim();
  };
  await git('init', '--quiet');
  await git('fetch', '--quiet', '--depth=1', url, ref);
  return git('rev-parse', 'FETCH_HEAD^{commit}');
}

describe('repositories', () => {
  testNeeding(['git'], 'their commits are the same wherever and whenever they are made', () => {
    const [one, other] = [repositories(), repositories()];
    for (const component of components) {
      expect(other.at(component)).toBe(one.at(component));
      expect(other.commit(component, 'NEWS', 'news')).toBe(one.commit(component, 'NEWS', 'news'));
      expect(other.commit(component, 'NEWS', 'one')).not.toBe(one.commit(component, 'NEWS', 'two'));
    }
  });

  testNeeding(['git'], 'a branch, a tag and any commit can be fetched, by name or hash', async () => {
    const sources = repositories();
    const first = sources.at('sos');
    const second = sources.commit('sos', 'NEWS', 'news');
    sources.commit('sos', 'NEWS', 'more news');
    const url = sources.url('sos');
    expect(await fetched(url, otherBranch)).toBe(first);
    expect(await fetched(url, firstTag.sos)).toBe(first);
    expect(await fetched(url, second)).toBe(second);
    sources.branch('sos', 'topic', second);
    sources.tag('sos', firstTag.sos, second);
    expect(await fetched(url, 'topic')).toBe(second);
    expect(await fetched(url, firstTag.sos)).toBe(second);
    expect(await fetched(url, otherBranch)).toBe(first);
  });

  testNeeding(['git'], 'a mistake is put in and taken out again', () => {
    const sources = repositories();
    const files = { maestro: 'setup.py', ovis: 'daemon/ldmsd.c', dsosds: 'package.json' } as const;
    for (const component of ['maestro', 'ovis', 'dsosds'] as const) {
      const before = sources.read(component, files[component]);
      const spoilt = sources.spoil(component);
      expect(sources.at(component)).toBe(spoilt);
      expect(sources.read(component, files[component])).toContain(mistake);
      expect(sources.mend(component)).not.toBe(spoilt);
      expect(sources.read(component, files[component])).toBe(before);
    }
  });
});

testNeeding(
  ['git'],
  'a build waits in the stage that it is held in, and goes on when it is released',
  async () => {
    // A checkout is a directory in its component's, as ovis is in this one.
    const component = directory();
    makeRepositories(component);
    const words = (stage: string) => [join(component, 'ovis/hold'), stage];
    const held = hold(component, 'make');
    expect(await run('sh', words('configure'))).toMatchObject({ code: 0, stdout: '' });
    expect(held.reached()).toBe(false);
    const waiting = start('sh', words('make'));
    await until('it waits', () => held.reached() && waiting.stdout() !== '');
    held.release();
    expect(await waiting.ended).toMatchObject({ code: 0, stdout: 'holding in make\n', stderr: '' });
    expect(held.reached()).toBe(false);
    expect(await run('sh', words('make'))).toMatchObject({ code: 0, stdout: '' });
  },
);
