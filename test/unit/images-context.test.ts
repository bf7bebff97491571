/** Build contexts: what is in them, and that equal input gives equal bytes. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { contextBytes, makeContext, recipeOf, type Sources } from '../../images/build/context.ts';
import { commonImage, imageNames, type StepName } from '../../images/build/images.ts';

const created = 1_700_000_000;
const every: readonly StepName[] = [commonImage, ...imageNames];

/** A directory that goes when its test has finished. */
function makeDirectory(): string {
  const made = mkdtempSync(join(tmpdir(), 'ldms-images-context-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** Writes files; a content of `→ TARGET` makes a symbolic link. */
function write(directory: string, files: Readonly<Record<string, string>>, mode = 0o644): void {
  for (const [file, content] of Object.entries(files)) {
    const path = join(directory, file);
    mkdirSync(dirname(path), { recursive: true });
    const [, target] = /^→ (.*)$/.exec(content) ?? [];
    if (target) symlinkSync(target, path);
    else {
      writeFileSync(path, content);
      chmodSync(path, file.includes('bin/') ? mode | 0o100 : mode);
    }
  }
}

/** Inputs as an OVIS and a dsosds build leave them, in short. */
function makeSources(mode = 0o644): Sources {
  const place = makeDirectory();
  write(
    join(place, 'ovis'),
    {
      'bin/ldmsd_controller': '#!/usr/bin/env python3\n',
      'bin/maestro': '#!/usr/bin/env python3\n',
      'bin/maestro_ctrl': '#!/usr/bin/env python3\n',
      'bin/sos_cmd': 'sos',
      'etc/profile.d/set-ovis-variables.sh': 'PATH=/opt/ovis/bin:$PATH\n',
      'include/ldms/ldms.h': '/* for compilers */\n',
      'lib/libldms.la': 'for libtool',
      'lib/libldms.so': '→ libldms.so.0.0.0',
      'lib/libldms.so.0.0.0': 'ldms',
      'lib/libsos.so.0.0.0': 'sos',
      'lib/ovis-ldms/libmeminfo.so': 'a sampler',
      'lib/ovis-ldms/libstore_sos.so': 'a store',
      'lib/ovis-ldms/libzap_sock.so': 'a transport',
      'lib/python3.11/site-packages/ldmsd/__init__.py': '',
      'lib/python3.11/site-packages/maestro/maestro_util.py': 'pass\n',
      'sbin/ldms-aggd': '→ ldmsd',
      'sbin/ldmsd': 'ldmsd',
      'share/man/man8/ldmsd.8': '.TH',
      'ui/sosgui/wsgi.py': 'application = None\n',
    },
    mode,
  );
  write(
    join(place, 'dsosds'),
    {
      'dist/img/logo.svg': '<svg/>',
      'dist/module.js': 'define()',
      'dist/plugin.json': '{"id": "dsosds"}',
      'node_modules/react/index.js': 'to build with',
      'package.json': '{}',
      'src/plugin.json': '{"id": "dsosds"}',
    },
    mode,
  );
  write(place, { 'bin/ldms-entrypoint': 'the sealed program' }, mode);
  return {
    ovis: join(place, 'ovis'),
    dsosds: join(place, 'dsosds'),
    entrypoint: join(place, 'bin/ldms-entrypoint'),
    created,
  };
}

/** One thing in a directory, with all of it that gets into an archive. */
interface Item {
  readonly path: string;
  readonly kind: 'directory' | 'file' | 'link';
  readonly mode: string;
  readonly seconds: number;
  /** A file's bytes, a link's target. */
  readonly content: string;
}

function walk(directory: string, path = '.'): Item[] {
  const at = join(directory, path);
  const found = lstatSync(at);
  const kind = found.isDirectory() ? 'directory' : found.isSymbolicLink() ? 'link' : 'file';
  const content = {
    directory: () => '',
    link: () => readlinkSync(at),
    file: () => readFileSync(at, 'latin1'),
  };
  const item = {
    path,
    kind,
    mode: (found.mode & 0o7777).toString(8),
    seconds: found.mtimeMs / 1000,
    content: content[kind](),
  } as const;
  const below = kind === 'directory' ? readdirSync(at).sort() : [];
  return [item, ...below.flatMap((name) => walk(directory, join(path, name)))];
}

/** An image's context, and what is in it. */
function contextOf(image: StepName, sources: Sources): Item[] {
  const directory = join(makeDirectory(), image);
  makeContext(image, directory, sources);
  return walk(directory);
}

const files = (items: readonly Item[]): string[] =>
  items.filter(({ kind }) => kind !== 'directory').map(({ path }) => path);

/** What an image's Dockerfile copies out of its context. */
function copied(image: StepName): string[] {
  const dockerfile = readFileSync(join(recipeOf(image), 'Dockerfile'), 'utf8').replaceAll('\\\n', ' ');
  return [...dockerfile.matchAll(/^(?:COPY|ADD) +(.*)$/gm)].flatMap(([, words = '']) =>
    words
      .split(/ +/)
      .filter((word) => !word.startsWith('--'))
      .slice(0, -1),
  );
}

describe('what is in a context', () => {
  const scripts = (...names: string[]) => names.map((name) => `scripts/usr/local/share/ldms-images/${name}`);
  const tree = [
    'ovis/opt/ovis/bin/ldmsd_controller',
    'ovis/opt/ovis/etc/profile.d/set-ovis-variables.sh',
    'ovis/opt/ovis/lib/libldms.so',
    'ovis/opt/ovis/lib/libldms.so.0.0.0',
    'ovis/opt/ovis/lib/ovis-ldms/libmeminfo.so',
    'ovis/opt/ovis/lib/ovis-ldms/libzap_sock.so',
    'ovis/opt/ovis/lib/python3.11/site-packages/ldmsd/__init__.py',
    'ovis/opt/ovis/sbin/ldms-aggd',
    'ovis/opt/ovis/sbin/ldmsd',
  ];
  test.each<[StepName, string[]]>([
    ['common', ['program/usr/local/bin/ldms-entrypoint', ...scripts('dated', 'finish-ovis', 'install')]],
    ['dev', []],
    ['samp', tree],
    [
      'agg',
      [
        ...tree,
        'ovis/opt/ovis/bin/sos_cmd',
        'ovis/opt/ovis/lib/libsos.so.0.0.0',
        'ovis/opt/ovis/lib/ovis-ldms/libstore_sos.so',
      ],
    ],
    [
      'maestro',
      [
        'ovis/opt/ovis/bin/maestro',
        'ovis/opt/ovis/bin/maestro_ctrl',
        'ovis/opt/ovis/etc/profile.d/set-ovis-variables.sh',
        'ovis/opt/ovis/lib/libldms.so',
        'ovis/opt/ovis/lib/libldms.so.0.0.0',
        'ovis/opt/ovis/lib/ovis-ldms/libzap_sock.so',
        'ovis/opt/ovis/lib/python3.11/site-packages/ldmsd/__init__.py',
        'ovis/opt/ovis/lib/python3.11/site-packages/maestro/maestro_util.py',
      ],
    ],
    [
      'ui',
      [
        'ovis/opt/ovis/bin/sos_cmd',
        'ovis/opt/ovis/etc/profile.d/set-ovis-variables.sh',
        'ovis/opt/ovis/lib/libldms.so',
        'ovis/opt/ovis/lib/libldms.so.0.0.0',
        'ovis/opt/ovis/lib/libsos.so.0.0.0',
        'ovis/opt/ovis/lib/ovis-ldms/libzap_sock.so',
        'ovis/opt/ovis/lib/python3.11/site-packages/ldmsd/__init__.py',
        'ovis/opt/ovis/ui/sosgui/wsgi.py',
      ],
    ],
    [
      'grafana',
      [
        ...['dsosds/img/logo.svg', 'dsosds/module.js', 'dsosds/plugin.json', 'grafana.ini'].map(
          (file) => `files/usr/local/share/ldms-images/${file}`,
        ),
        'program/usr/local/bin/ldms-entrypoint',
        ...scripts('dated', 'install'),
      ],
    ],
  ])('%s', (image, expected) => {
    expect(files(contextOf(image, makeSources())).sort()).toEqual(['Dockerfile', ...expected].sort());
  });

  describe('of the grafana plugin', () => {
    const plugin = (sources: Sources) =>
      files(contextOf('grafana', sources)).flatMap((file) => /^files.*?\/dsosds\/(.*)/.exec(file)?.[1] ?? []);

    test('the folder, if it was not built in its `dist`; not what it was built with', () => {
      const sources = makeSources();
      rmSync(join(sources.dsosds, 'dist/plugin.json'));
      write(sources.dsosds, {
        'plugin.json': '{"id": "dsosds"}',
        '.git/HEAD': 'ref: refs/heads/main',
        '.gitignore': 'node_modules',
        '.npm/_cacache/x': 'cached',
        'lib/node_modules/x.js': 'its own',
        node_modules_of_mine: '',
      });
      expect(plugin(sources).sort()).toEqual([
        ...['.gitignore', 'dist/img/logo.svg', 'dist/module.js', 'lib/node_modules/x.js'],
        ...['node_modules_of_mine', 'package.json', 'plugin.json', 'src/plugin.json'],
      ]);
    });

    test('its `dist`, though plugin.json lies beside as well', () => {
      const sources = makeSources();
      write(sources.dsosds, { 'plugin.json': '{"id": "dsosds"}' });
      expect(plugin(sources)).toEqual(['img/logo.svg', 'module.js', 'plugin.json']);
    });

    test("not a worktree's .git, nor node_modules that are a link", () => {
      const sources = makeSources();
      const folder = join(sources.dsosds, 'dist');
      write(folder, { '.git': 'gitdir: /elsewhere', node_modules: '→ ../node_modules' });
      expect(plugin(sources)).toEqual(['img/logo.svg', 'module.js', 'plugin.json']);
    });
  });

  test.each(every)('%s has nothing that its Dockerfile does not copy, and all that it does', (image) => {
    const wanted = copied(image);
    const there = files(contextOf(image, makeSources())).filter((file) => file !== 'Dockerfile');
    const taken = (file: string) => wanted.some((source) => file === source || file.startsWith(`${source}/`));
    expect(there.filter((file) => !taken(file))).toEqual([]);
    for (const source of wanted) {
      expect(
        there.some((file) => file === source || file.startsWith(`${source}/`)),
        source,
      ).toBe(true);
    }
  });

  test('COPY lines are found, with options and several sources', () => {
    expect(copied('common')).toEqual(['scripts', 'program']);
    expect(copied('grafana')).toEqual(['scripts', 'program', 'files']);
    expect(copied('dev')).toEqual([]);
  });

  test('its size is told before and after', () => {
    const sources = makeSources();
    const directory = join(makeDirectory(), 'samp');
    const bytes = makeContext('samp', directory, sources);
    const measured = walk(directory)
      .filter(({ kind }) => kind !== 'directory')
      .reduce((sum, { content }) => sum + content.length, 0);
    expect(bytes).toBe(measured);
    expect(contextBytes('samp', sources)).toBe(measured);
  });
});

describe('how it is there', () => {
  test('what may be run is 755, the rest 644, whatever it was', () => {
    for (const [mode, umask] of [
      [0o600, 0o077],
      [0o664, 0o002],
      [0o444, 0o022],
    ] as const) {
      const before = process.umask(umask);
      try {
        const modes = Object.fromEntries(
          contextOf('samp', makeSources(mode)).map(({ path, mode }) => [path, mode]),
        );
        expect(modes).toMatchObject({
          '.': '755',
          'ovis/opt/ovis': '755',
          'ovis/opt/ovis/lib/python3.11/site-packages/ldmsd': '755',
          'ovis/opt/ovis/sbin/ldmsd': '755',
          'ovis/opt/ovis/lib/libldms.so.0.0.0': '644',
          'ovis/opt/ovis/etc/profile.d/set-ovis-variables.sh': '644',
        });
        expect(new Set(Object.values(modes))).toEqual(new Set(['755', '644', '777']));
      } finally {
        process.umask(before);
      }
    }
  });

  test.each(every)('%s: everything is of the same time, links and directories too', (image) => {
    const sources = makeSources();
    expect(lstatSync(sources.entrypoint).mtimeMs / 1000).not.toBe(created);
    const items = contextOf(image, sources);
    expect(items.filter(({ seconds }) => seconds !== created)).toEqual([]);
  });

  test('symbolic links stay what they are', () => {
    const links = contextOf('samp', makeSources()).filter(({ kind }) => kind === 'link');
    expect(links.map(({ path, content }) => `${path} → ${content}`)).toEqual([
      'ovis/opt/ovis/lib/libldms.so → libldms.so.0.0.0',
      'ovis/opt/ovis/sbin/ldms-aggd → ldmsd',
    ]);
  });

  test('a link to a directory, and one in a circle, stay links', () => {
    const sources = makeSources();
    const python = join(sources.ovis, 'lib/python3.11/site-packages');
    symlinkSync('ldmsd', join(python, 'ldmsd_old'));
    symlinkSync('.', join(python, 'ldmsd/self'));
    const links = contextOf('samp', sources).filter(({ kind }) => kind === 'link');
    expect(links.map(({ path, content }) => `${path} → ${content}`)).toEqual([
      'ovis/opt/ovis/lib/libldms.so → libldms.so.0.0.0',
      'ovis/opt/ovis/lib/python3.11/site-packages/ldmsd/self → .',
      'ovis/opt/ovis/lib/python3.11/site-packages/ldmsd_old → ldmsd',
      'ovis/opt/ovis/sbin/ldms-aggd → ldmsd',
    ]);
  });
});

test('what an earlier context had is gone', () => {
  const sources = makeSources();
  const directory = join(makeDirectory(), 'samp');
  makeContext('samp', directory, sources);
  write(directory, { 'ovis/opt/ovis/lib/old.so': 'old', stray: '→ /nowhere', 'dir/x': 'x' });
  rmSync(join(sources.ovis, 'lib/ovis-ldms/libmeminfo.so'));
  makeContext('samp', directory, sources);
  expect(walk(directory)).toEqual(contextOf('samp', sources));
  expect(files(walk(directory))).not.toContain('ovis/opt/ovis/lib/ovis-ldms/libmeminfo.so');
});

test.each(every)('%s: two contexts from copies with other modes and times are the same', (image) => {
  const before = process.umask(0o077);
  const one = makeSources(0o600);
  process.umask(before);
  const other = makeSources(0o664);
  // Of another day, and written in another order.
  for (const root of [other.ovis, other.dsosds]) {
    for (const { path, kind } of walk(root).reverse()) {
      if (kind !== 'link') utimesSync(join(root, path), 1_000, 1_000);
    }
  }
  expect(walk(one.ovis)).not.toEqual(walk(other.ovis));
  const context = contextOf(image, one);
  expect(contextOf(image, other)).toEqual(context);
  // Were it not so, the comparison would have seen it.
  write(other.ovis, { 'lib/libldms.so.0.0.0': 'LDMS' });
  write(dirname(other.entrypoint), { 'ldms-entrypoint': 'another' });
  const changed = contextOf(image, other);
  if (image === 'dev') expect(changed).toEqual(context);
  else expect(changed).not.toEqual(context);
});
