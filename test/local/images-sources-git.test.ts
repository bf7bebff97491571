/** Which commits sources are, and their checkouts: with the caller's git, from repositories of this machine. */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { BuilderError } from '../../images/build/problem.ts';
import type { Component } from '../../images/build/sources/components.ts';
import { checkOut, type Resolved, resolveAll, timeOf } from '../../images/build/sources/git.ts';
import { testNeeding } from '../support/needs.ts';
import { run, until } from '../support/program.ts';
import { firstTag, makeRepositories, otherBranch, type Sources } from '../support/sources.ts';
import { watchedTools } from '../support/watched-tools.ts';

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), 'ldms-git-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** The home of a caller without settings. */
let home: string;
beforeEach(() => {
  home = directory();
  vi.unstubAllEnvs();
  vi.stubEnv('HOME', home);
  vi.stubEnv('GIT_CONFIG_NOSYSTEM', '1');
  for (const name of ['XDG_CONFIG_HOME', 'GIT_CONFIG_GLOBAL', 'GIT_TERMINAL_PROMPT', 'GIT_SSH_COMMAND']) {
    vi.stubEnv(name, undefined);
  }
  return () => vi.unstubAllEnvs();
});

/** Adds to the caller's own settings. */
const setting = (text: string) => appendFileSync(join(home, '.gitconfig'), text);

/** Repositories of some components, or of SOS. */
const repositories = (...which: readonly Component[]): Sources =>
  makeRepositories(directory(), which.length > 0 ? which : ['sos']);

/** git as a test uses it, in a repository or a checkout. */
const git = (place: string, ...words: readonly string[]): string =>
  execFileSync('git', ['-c', 'user.name=nobody', '-c', 'user.email=nobody@example.org', ...words], {
    cwd: place,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();

const place = (sources: Sources, component: Component): string => join(sources.directory, component);
const signal = () => new AbortController().signal;
const options: readonly string[] = [];

/** The commit that a ref is, of one component. */
async function commitOf(repository: string, ref: string): Promise<string | undefined> {
  const [found] = await resolveAll([['sos', { repository, ref, options }]], signal());
  return found?.commit;
}

/** What is said of sources that are not to be had. */
async function wrongWith(
  wanted: Parameters<typeof resolveAll>[0],
): Promise<Pick<BuilderError, 'kind' | 'sentences'>> {
  const error = await resolveAll(wanted, signal()).catch((error: unknown) => error);
  if (!(error instanceof BuilderError)) throw new Error(`no BuilderError, but ${error}`);
  return { kind: error.kind, sentences: error.sentences };
}

describe('which commit it is', () => {
  testNeeding(['git'], 'a branch, a tag of either kind, a full name', async () => {
    const sources = repositories();
    const first = sources.at('sos');
    const second = sources.commit('sos', 'NEWS', 'news');
    git(place(sources, 'sos'), 'tag', 'light', first);
    const url = sources.url('sos');
    const tagObject = git(place(sources, 'sos'), 'rev-parse', firstTag.sos);
    expect(tagObject).not.toBe(first);
    for (const [ref, commit] of [
      ['main', second],
      [otherBranch, first],
      [firstTag.sos, first],
      ['light', first],
      ['refs/heads/main', second],
      [`refs/tags/${firstTag.sos}`, first],
    ] as const) {
      expect(await commitOf(url, ref), ref).toBe(commit);
      // A path is as good as an address.
      expect(await commitOf(place(sources, 'sos'), ref), ref).toBe(commit);
    }
  });

  testNeeding(
    ['git'],
    'what it was asked for, and the name that the repository has for it, are kept',
    async () => {
      const sources = repositories();
      const commit = sources.at('sos');
      const repository = sources.url('sos');
      const found = await resolveAll(
        ['main', firstTag.sos, commit].map((ref) => ['sos', { repository, ref, options }] as const),
        signal(),
      );
      const same = { component: 'sos', repository, commit };
      expect(found).toEqual([
        { ...same, ref: 'main', name: 'refs/heads/main' },
        { ...same, ref: firstTag.sos, name: `refs/tags/${firstTag.sos}` },
        { ...same, ref: commit, name: undefined },
      ]);
    },
  );

  testNeeding(['git'], 'a full commit is what it is: no repository is asked', async () => {
    const commit = '0123456789abcdef0123456789abcdef01234567';
    const gone = 'file:///nonexistent/sos';
    expect(await commitOf(gone, commit)).toBe(commit);
    await expect(commitOf(gone, 'main')).rejects.toThrow('cannot read file:///nonexistent/sos');
    // A digit less, and it is a name.
    await expect(commitOf(gone, commit.slice(1))).rejects.toThrow('cannot read');
  });

  test('a component without a repository is left out; if all are, no git is needed', async () => {
    vi.stubEnv('PATH', directory());
    const nothing = { repository: undefined, ref: 'main', options };
    expect(await resolveAll([['sos', nothing]], signal())).toEqual([]);
    expect(await resolveAll([], signal())).toEqual([]);
  });

  testNeeding(['git'], 'all that cannot be told is told at once, sorted', async () => {
    const sources = repositories('ovis', 'sos', 'maestro', 'sosdb-ui', 'dsosds');
    const [ovis, sos, maestro] = (['ovis', 'sos', 'maestro'] as const).map((name) => sources.url(name));
    const commit = sources.at('maestro');
    sources.tag('ovis', otherBranch);
    expect(
      await wrongWith([
        ['sos', { repository: sos, ref: 'mian', options }],
        ['ovis', { repository: ovis, ref: otherBranch, options }],
        ['numsos', { repository: 'file:///nonexistent/numsos', ref: 'main', options }],
        ['sosdb-ui', { repository: sources.url('sosdb-ui'), ref: 'main', options }],
        ['maestro', { repository: maestro, ref: commit.slice(0, 12), options }],
        ['dsosds', { repository: sources.url('dsosds'), ref: 'refs/heads/none', options }],
      ]),
    ).toEqual({
      kind: 'input',
      sentences: [
        `dsosds: ${sources.url('dsosds')} has neither a branch nor a tag refs/heads/none; give another in DSOSDS_BRANCH`,
        `maestro: ${maestro} has neither a branch nor a tag ${commit.slice(0, 12)}; a commit has to be written in full, with 40 digits; give another in MAESTRO_BRANCH`,
        "numsos: cannot read file:///nonexistent/numsos: '/nonexistent/numsos' does not appear to be a git repository",
        `ovis: ${ovis} has a branch ${otherBranch} and a tag ${otherBranch}; write refs/heads/${otherBranch} or refs/tags/${otherBranch} in OVIS_BRANCH`,
        `sos: ${sos} has neither a branch nor a tag mian; give another in SOS_BRANCH`,
      ],
    });
  });

  testNeeding(['git'], 'a name that is a branch and a tag: one of their full names', async () => {
    const sources = repositories('ovis');
    const first = sources.at('ovis');
    const second = sources.commit('ovis', 'NEWS', 'news');
    sources.tag('ovis', otherBranch, second);
    expect(await commitOf(sources.url('ovis'), `refs/heads/${otherBranch}`)).toBe(first);
    expect(await commitOf(sources.url('ovis'), `refs/tags/${otherBranch}`)).toBe(second);
  });

  test('no git: it is told once, with what to do', async () => {
    vi.stubEnv('PATH', directory());
    const commit = '0'.repeat(40);
    for (const ref of ['main', commit]) {
      const source = { repository: 'https://git.example/x', ref, options };
      expect(
        await wrongWith([
          ['sos', source],
          ['ovis', source],
        ]),
      ).toEqual({
        kind: 'unavailable',
        sentences: ['git is not installed; install it: apt-get install git'],
      });
    }
  });
});

/** A repository as a web server has it that knows nothing of git, for whoever has the password. */
async function served(sources: Sources, component: Component): Promise<string> {
  const root = place(sources, component);
  git(root, 'update-server-info');
  const server = createServer((request, response) => {
    const { authorization } = request.headers;
    if (authorization !== `Basic ${Buffer.from('me:secret').toString('base64')}`) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="sources"' }).end();
      return;
    }
    const file = join(
      root,
      '.git',
      new URL(request.url ?? '', 'http://x').pathname.replace(`/${component}`, ''),
    );
    if (existsSync(file)) response.end(readFileSync(file));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  for (const name of ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY']) vi.stubEnv(name, undefined);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/${component}`;
}

describe("the caller's own git", () => {
  testNeeding(['git'], 'a password that nobody gives is not asked for, and not waited for', async () => {
    const url = await served(repositories(), 'sos');
    expect(await wrongWith([['sos', { repository: url, ref: 'main', options }]])).toEqual({
      kind: 'input',
      sentences: [
        `sos: cannot read ${url}: could not read Username for '${new URL(url).origin}': terminal prompts disabled`,
      ],
    });
  });

  testNeeding(['git'], 'a password that a credential helper gives is used, and stands nowhere', async () => {
    const sources = repositories();
    const url = await served(sources, 'sos');
    setting('[credential]\n\thelper = "!f() { echo username=me; echo password=secret; }; f"\n');
    const [found] = await resolveAll([['sos', { repository: url, ref: firstTag.sos, options }]], signal());
    expect(found?.commit).toBe(sources.at('sos'));
    const tools = watchedTools();
    const checkout = join(directory(), 'src');
    await checkOut(found as Resolved, checkout, tools);
    expect(readFileSync(join(checkout, 'configure.ac'), 'utf8')).toBe(sources.read('sos', 'configure.ac'));
    expect(tools.said.join('\n')).toContain(url);
    expect(tools.said.join('\n')).not.toContain('secret');
    // Nor can it be in a path that another machine does not have.
    expect(readFileSync(join(checkout, '.git/config'), 'utf8')).not.toContain('worktree');
    const lookFor = (text: string) => run('grep', ['-rqF', text, checkout]);
    expect((await lookFor('me:secret')).code + (await lookFor('secret')).code).toBe(2);
    // A commit that it does not name is below a branch.
    const source = { component: 'sos', repository: url, ref: '', name: undefined } as const;
    const [older, newer] = [
      sources.commit('sos', 'NEWS', 'news'),
      sources.commit('sos', 'NEWS', 'more news'),
    ];
    git(place(sources, 'sos'), 'update-server-info');
    await checkOut({ ...source, commit: older }, checkout, tools);
    expect(head(checkout)).toBe(older);
    expect(newer).not.toBe(older);
    // What is there is found.
    expect((await lookFor('AC_INIT')).code).toBe(0);
  });

  testNeeding(['git'], 'a mirror that stands for an address is asked', async () => {
    const sources = repositories();
    setting(`[url "file://${sources.directory}/"]\n\tinsteadOf = https://git.example/\n`);
    const found = await resolveAll(
      [['sos', { repository: 'https://git.example/sos', ref: 'main', options }]],
      signal(),
    );
    expect(found[0]?.commit).toBe(sources.at('sos'));
    const checkout = join(directory(), 'src');
    await checkOut(found[0] as Resolved, checkout, watchedTools());
    expect(git(checkout, 'rev-parse', 'HEAD')).toBe(sources.at('sos'));
  });

  /** A program that keeps its words, and says what ssh says. */
  const ssh = (path: string) => {
    writeFileSync(
      path,
      `#!/bin/sh\necho "$*" >>'${path}.asked'\necho 'me@git.example: Permission denied (publickey).' >&2\nexit 255\n`,
    );
    chmodSync(path, 0o755);
  };
  const overSsh = [['sos', { repository: 'me@git.example:sos', ref: 'main', options }]] as const;

  testNeeding(['git'], 'ssh asks nothing; what it says is told', async () => {
    const bin = directory();
    ssh(join(bin, 'ssh'));
    vi.stubEnv('PATH', `${bin}:${process.env['PATH']}`);
    expect((await wrongWith(overSsh)).sentences).toEqual([
      'sos: cannot read me@git.example:sos: me@git.example: Permission denied (publickey).',
    ]);
    expect(readFileSync(join(bin, 'ssh.asked'), 'utf8')).toMatch(/^-o BatchMode=yes /);
  });

  testNeeding(['git'], 'a way to call ssh of their own is kept', async () => {
    const bin = directory();
    for (const name of ['ssh', 'mine', 'theirs']) ssh(join(bin, name));
    vi.stubEnv('PATH', `${bin}:${process.env['PATH']}`);
    const asked = (name: string) => existsSync(join(bin, `${name}.asked`));
    setting(`[core]\n\tsshCommand = ${join(bin, 'mine')} -F own\n[ssh]\n\tvariant = ssh\n`);
    await wrongWith(overSsh);
    expect({ mine: asked('mine'), ssh: asked('ssh') }).toEqual({ mine: true, ssh: false });
    vi.stubEnv('GIT_SSH_COMMAND', join(bin, 'theirs'));
    await wrongWith(overSsh);
    expect({ theirs: asked('theirs'), ssh: asked('ssh') }).toEqual({ theirs: true, ssh: false });
  });

  testNeeding(['git'], 'an interrupt ends the question, and a fetch: no server is waited for', async () => {
    let asked = 0;
    const server = createServer(() => {
      asked++;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.closeAllConnections());
    onTestFinished(() => void server.close());
    vi.stubEnv('no_proxy', '*');
    const repository = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sos`;
    const ends = async (begin: (signal: AbortSignal) => Promise<unknown>) => {
      const [interrupt, before] = [new AbortController(), asked];
      const answer = begin(interrupt.signal).catch((error: unknown) => error);
      await until('the server is asked', () => asked > before);
      interrupt.abort();
      return { answer: await answer, reason: interrupt.signal.reason };
    };
    const question = await ends((signal) =>
      resolveAll([['sos', { repository, ref: 'main', options }]], signal),
    );
    expect(question.answer).toBe(question.reason);
    const source = {
      component: 'sos',
      repository,
      ref: '',
      name: undefined,
      commit: '1'.repeat(40),
    } as const;
    const checkout = join(directory(), 'src');
    const fetch = await ends((signal) => checkOut(source, checkout, watchedTools(undefined, signal)));
    expect(fetch.answer).toBeInstanceOf(Error);
  });
});

/** A source of a component that somebody wants at a ref. */
async function wanted(sources: Sources, ref: string, component: Component = 'sos'): Promise<Resolved> {
  const [found] = await resolveAll(
    [[component, { repository: sources.url(component), ref, options }]],
    signal(),
  );
  return found as Resolved;
}

const head = (checkout: string) => git(checkout, 'rev-parse', 'HEAD');

describe('the checkout', () => {
  testNeeding(['git'], 'is exactly the commit, with its tags, and nothing of a build before', async () => {
    const sources = repositories();
    sources.commit('sos', '.gitignore', '*.o\n');
    const commit = sources.commit('sos', 'lib/new.c', 'int new;\n');
    const checkout = join(directory(), 'src');
    await checkOut(await wanted(sources, 'main'), checkout, watchedTools());
    const names = () => git(checkout, 'ls-files', '--cached', '--others').split('\n').sort();
    const clean = names();
    expect(head(checkout)).toBe(commit);
    expect(clean).toContain('lib/new.c');
    expect(git(checkout, 'describe')).toMatch(new RegExp(`^${firstTag.sos}-2-g`));

    for (const file of ['configure', 'lib/sos.o', 'sub/.git/HEAD', 'sub/file']) {
      mkdirSync(join(checkout, file, '..'), { recursive: true });
      writeFileSync(join(checkout, file), 'left');
    }
    rmSync(join(checkout, 'sub/.git'), { recursive: true });
    git(join(checkout, 'sub'), 'init', '--quiet');
    writeFileSync(join(checkout, 'lib/new.c'), 'changed');
    rmSync(join(checkout, 'configure.ac'));
    expect(names()).not.toEqual(clean);
    const again = async (ref: string, is: string) => {
      await checkOut(await wanted(sources, ref), checkout, watchedTools());
      expect(head(checkout)).toBe(is);
    };
    await again('main', commit);
    expect(names()).toEqual(clean);
    await again(firstTag.sos, sources.at('sos', firstTag.sos));
    expect(readdirSync(checkout)).not.toContain('.gitignore');
    await again('main', commit);
    expect(names()).toEqual(clean);
    expect(readdirSync(checkout)).not.toContain('sub');
    expect(readFileSync(join(checkout, 'lib/new.c'), 'utf8')).toBe('int new;\n');
    expect(git(checkout, 'status', '--porcelain', '--ignored')).toBe('');
  });

  testNeeding(['git'], 'of a commit that was fetched once needs no repository', async () => {
    const sources = repositories();
    const first = sources.at('sos');
    const second = sources.commit('sos', 'NEWS', 'news');
    const third = sources.commit('sos', 'NEWS', 'more news');
    const checkout = join(directory(), 'src');
    const [at2, at1] = [await wanted(sources, second), await wanted(sources, first)];
    const byName = await wanted(sources, 'main');
    await checkOut(at2, checkout, watchedTools());
    renameSync(place(sources, 'sos'), `${place(sources, 'sos')}.away`);
    for (const source of [at1, at2]) {
      const tools = watchedTools();
      await checkOut(source, checkout, tools);
      expect(head(checkout)).toBe(source.commit);
      expect(tools.said.join('\n')).not.toContain('fetch');
    }
    // What was not, does.
    await expect(checkOut(byName, checkout, watchedTools())).rejects.toThrow(
      `cannot fetch ${third.slice(0, 12)} from ${sources.url('sos')}: '${place(sources, 'sos')}' does not appear to be a git repository`,
    );
  });

  testNeeding(['git'], 'of a commit that no branch leads to', async () => {
    const sources = repositories();
    const first = sources.at('sos');
    const lost = sources.commit('sos', 'NEWS', 'news');
    git(place(sources, 'sos'), 'reset', '--quiet', '--hard', first);
    const checkout = join(directory(), 'src');
    await checkOut(await wanted(sources, lost), checkout, watchedTools());
    expect(head(checkout)).toBe(lost);
  });

  testNeeding(
    ['git'],
    'from a server that gives no commit by its number: if a branch leads to it',
    async () => {
      const sources = repositories();
      git(place(sources, 'sos'), 'config', 'uploadpack.allowAnySHA1InWant', 'false');
      setting('[protocol]\n\tversion = 0\n');
      const first = sources.at('sos');
      const second = sources.commit('sos', 'NEWS', 'news');
      sources.commit('sos', 'NEWS', 'more news');
      const checkout = join(directory(), 'src');
      const tools = watchedTools();
      await checkOut(await wanted(sources, second), checkout, tools);
      expect(head(checkout)).toBe(second);
      // It has refused indeed.
      expect(tools.said.join('\n')).toMatch(/unadvertised/);
      git(place(sources, 'sos'), 'reset', '--quiet', '--hard', first);
      const lost = sources.commit('sos', 'NEWS', 'other news');
      git(place(sources, 'sos'), 'reset', '--quiet', '--hard', first);
      await expect(checkOut(await wanted(sources, lost), checkout, watchedTools())).rejects.toThrow(
        `${sources.url('sos')} has no commit ${lost}; give another in SOS_BRANCH`,
      );
    },
  );

  testNeeding(['git'], 'of a tag that was moved is the new commit, and git tells it by the tag', async () => {
    const sources = repositories('ovis');
    const checkout = join(directory(), 'src');
    const first = sources.at('ovis');
    await checkOut(await wanted(sources, 'v4.4.4', 'ovis'), checkout, watchedTools());
    const second = sources.commit('ovis', 'NEWS', 'news');
    sources.tag('ovis', 'v4.4.4', second);
    await checkOut(await wanted(sources, 'v4.4.4', 'ovis'), checkout, watchedTools());
    expect(head(checkout)).toBe(second);
    expect(git(checkout, 'describe')).toBe('v4.4.4');
    // Back to one that is there already.
    sources.tag('ovis', 'v4.4.4', first);
    await checkOut(await wanted(sources, 'v4.4.4', 'ovis'), checkout, watchedTools());
    expect(head(checkout)).toBe(first);
    expect(git(checkout, 'describe')).toBe('v4.4.4');
  });

  testNeeding(['git'], 'behind a git that was killed goes on', async () => {
    const sources = repositories();
    const checkout = join(directory(), 'src');
    await checkOut(await wanted(sources, 'main'), checkout, watchedTools());
    const commit = sources.commit('sos', 'NEWS', 'news');
    const source = await wanted(sources, 'main');
    for (const lock of [
      'index',
      'HEAD',
      'config',
      'shallow',
      `refs/ldms/${commit}`,
      `refs/tags/${firstTag.sos}`,
    ]) {
      writeFileSync(join(checkout, `.git/${lock}.lock`), '');
    }
    expect(() => git(checkout, 'checkout', '--quiet', '--detach', 'HEAD')).toThrow('index.lock');
    await checkOut(source, checkout, watchedTools());
    expect(head(checkout)).toBe(commit);
  });

  testNeeding(['git'], 'of a commit that has come without its files is fetched again', async () => {
    const sources = repositories();
    const checkout = join(directory(), 'src');
    await checkOut(await wanted(sources, 'main'), checkout, watchedTools());
    const commit = sources.commit('sos', 'NEWS', 'news');
    // As fetch leaves it when it is killed in the middle: commits come first.
    const object = execFileSync('git', ['cat-file', 'commit', commit], { cwd: place(sources, 'sos') });
    const words = ['hash-object', '-w', '-t', 'commit', '--stdin'];
    execFileSync('git', words, { cwd: checkout, input: object });
    expect(git(checkout, 'cat-file', '-t', commit)).toBe('commit');
    await checkOut(await wanted(sources, commit), checkout, watchedTools());
    expect(head(checkout)).toBe(commit);
    expect(readFileSync(join(checkout, 'NEWS'), 'utf8')).toBe('news');
  });

  testNeeding(['git'], 'never works in a repository around it', async () => {
    const sources = repositories();
    const around = directory();
    git(around, 'init', '--quiet', '--initial-branch=mine');
    writeFileSync(join(around, 'file'), 'mine');
    git(around, 'add', '.');
    git(around, 'commit', '--quiet', '--message=mine');
    const mine = head(around);
    writeFileSync(join(around, 'file'), 'changed');
    const checkout = join(around, 'dist/src');
    // As a `git init` that was killed leaves it: git takes the one above for it.
    mkdirSync(join(checkout, '.git'), { recursive: true });
    expect(git(checkout, 'rev-parse', '--show-toplevel')).toBe(around);
    const source = await wanted(sources, 'main');
    const isUntouched = () => {
      expect(head(around)).toBe(mine);
      expect(git(around, 'branch', '--show-current')).toBe('mine');
      expect(readFileSync(join(around, 'file'), 'utf8')).toBe('changed');
      expect(git(around, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/mine');
    };
    await checkOut(source, checkout, watchedTools());
    isUntouched();
    expect(head(checkout)).toBe(source.commit);

    // As a hook of that one runs the builder.
    vi.stubEnv('GIT_DIR', join(around, '.git'));
    vi.stubEnv('GIT_INDEX_FILE', join(around, '.git/index'));
    const commit = sources.commit('sos', 'NEWS', 'news');
    const next = await wanted(sources, 'main');
    await checkOut(next, checkout, watchedTools());
    expect(await timeOf(checkout)).toBe(1_704_067_200);
    for (const name of ['GIT_DIR', 'GIT_INDEX_FILE']) vi.stubEnv(name, undefined);
    isUntouched();
    expect(head(checkout)).toBe(commit);
    expect(git(checkout, 'status', '--porcelain')).toBe('');
  });
});

testNeeding(['git'], "a commit's time, whatever the caller's settings show of commits", async () => {
  const sources = repositories();
  const checkout = join(directory(), 'src');
  git(place(sources, 'sos'), 'config', 'receive.denyCurrentBranch', 'ignore');
  // One with a signature, which git can show.
  const [head = '', ...text] = execFileSync('git', ['cat-file', 'commit', 'HEAD'], {
    cwd: place(sources, 'sos'),
    encoding: 'utf8',
  }).split('\n\n');
  const signed = `${head}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n =abcd\n -----END PGP SIGNATURE-----\n\n${text.join('\n\n')}`;
  const commit = execFileSync('git', ['hash-object', '-w', '-t', 'commit', '--stdin'], {
    cwd: place(sources, 'sos'),
    input: signed,
    encoding: 'utf8',
  }).trim();
  sources.branch('sos', 'signed', commit);
  await checkOut(await wanted(sources, 'signed'), checkout, watchedTools());
  const gpg = join(home, 'gpg');
  writeFileSync(
    gpg,
    '#!/bin/sh\necho "gpg: Signature made by nobody" >&2\necho "[GNUPG:] BADSIG 0 nobody"\nexit 1\n',
  );
  chmodSync(gpg, 0o755);
  setting(`[gpg]\n\tprogram = ${gpg}\n[log]\n\tshowSignature = true\n`);
  expect(git(checkout, 'log', '-1', '--format=%ct')).toMatch(/gpg: Signature/);
  // 2024-01-01T00:00:00Z
  expect(await timeOf(checkout)).toBe(1_704_067_200);
});
