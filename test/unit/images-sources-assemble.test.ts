/** A tree of what components have installed: made beside its place, and moved there whole. */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { type Assembly, assemble, isUpToDate, wrongWithPlace } from '../../images/build/sources/assemble.ts';
import type { Component } from '../../images/build/sources/components.ts';
import { placeOf } from '../../images/build/sources/place.ts';
import { type Plan, planSources } from '../../images/build/sources/plan.ts';
import { provenanceOf, readBuilt, treeRecord, writeJson } from '../../images/build/sources/record.ts';
import { filesBelow } from '../../images/build/tree.ts';
import { testNeeding } from '../support/needs.ts';
import { repository, run } from '../support/program.ts';
import {
  arch,
  commitOf,
  haveBuilt,
  makeConfig,
  sourceOf,
  temporary,
  writeFiles,
} from '../support/source-plans.ts';
import { watchedTools } from '../support/watched-tools.ts';

const builder = vi.hoisted(() => ({ directory: '' }));
vi.mock('../../images/build/metadata.ts', () => ({
  get repository() {
    return builder.directory;
  },
}));

let site: string;
let ovis: string;
beforeEach(() => {
  builder.directory = temporary();
  site = temporary();
  ovis = join(site, 'ovis');
});

/** A tree of sos and ovis, which have been built: sos at commit 1. */
function treeOf(ovisCommit: string, differing: Partial<Assembly> = {}): Assembly {
  const sources = [sourceOf('sos'), sourceOf('ovis', commitOf(ovisCommit))];
  const plans = planSources(sources, makeConfig(), () => 'packages');
  const [sos, second] = plans as [Plan, Plan];
  haveBuilt(sos, { 'bin/sos_cmd': 'sos', 'lib/both': 'of sos', 'lib/libsos.so.6': 'sos' });
  chmodSync(join(placeOf(arch, 'sos').dest, 'bin/sos_cmd'), 0o755);
  haveBuilt(second, { 'lib/both': 'of ovis', 'sbin/ldmsd': ovisCommit, [`share/of-${ovisCommit}`]: '' });
  return { directory: ovis, record: treeRecord, plans, arch, ...differing };
}

/** Makes a tree without running anything. */
const make = (assembly: Assembly): Promise<string> =>
  assemble(
    assembly,
    watchedTools(() => ({})),
  );

/** Expects the whole tree of a commit of ovis, and nothing beside it but what is named. */
function expectTree(ovisCommit: string, ...beside: readonly string[]): void {
  expect(filesBelow(ovis)).toEqual([
    ...['bin/sos_cmd', 'lib/both', 'lib/libsos.so.6', 'sbin/ldmsd', treeRecord, `share/of-${ovisCommit}`],
  ]);
  expect(readFileSync(join(ovis, 'sbin/ldmsd'), 'utf8')).toBe(ovisCommit);
  expect(readdirSync(site)).toEqual(['ovis', ...beside].sort());
}

const recipe = (component: Component, commit: string) => ({
  repository: `https://git.example/${component}`,
  ref: 'main',
  commit: commitOf(commit),
});

describe('what it has', () => {
  test('the files of all its components, the later ones over the earlier, and where they are from', async () => {
    expect(await make(treeOf('1'))).toBe(`${ovis}, 5 files`);
    expectTree('1');
    expect(readFileSync(join(ovis, 'lib/both'), 'utf8')).toBe('of ovis');
    expect(statSync(join(ovis, 'bin/sos_cmd')).mode & 0o777).toBe(0o755);
    expect(statSync(ovis).mode & 0o777).toBe(0o755);
    expect(provenanceOf(ovis, treeRecord)).toEqual({
      components: { sos: recipe('sos', '1'), ovis: recipe('ovis', '1') },
      changedByHand: false,
    });
  });

  test('a place whose directories are not there either', async () => {
    const directory = join(site, 'far/away/ovis');
    await make(treeOf('1', { directory }));
    expect(filesBelow(directory)).toContain('sbin/ldmsd');
  });

  test('nothing of the one before', async () => {
    await make(treeOf('1'));
    mkdirSync(join(ovis, 'var'));
    await make(treeOf('2'));
    expectTree('2');
    expect(existsSync(join(ovis, 'var'))).toBe(false);
  });
});

describe('whether it is made', () => {
  test('not while it is of the same', async () => {
    await make(treeOf('1'));
    const { ino, ctimeMs } = statSync(join(ovis, treeRecord));
    const tools = watchedTools(() => ({}));
    expect(await assemble(treeOf('1'), tools)).toBe('is up to date');
    expect(statSync(join(ovis, treeRecord))).toMatchObject({ ino, ctimeMs });
    expect({ said: tools.said, ran: tools.ran }).toEqual({ said: [], ran: [] });
  });

  test('of another commit, repository, or choice of components; or of other files', async () => {
    const tree = treeOf('1');
    expect(isUpToDate(tree)).toBe(false);
    await make(tree);
    expect(isUpToDate(tree)).toBe(true);
    const { plans } = tree;
    const [sos, second] = plans as [Plan, Plan];
    expect(isUpToDate({ ...tree, plans: [sos] })).toBe(false);
    const elsewhere = { ...second, source: { ...second.source, repository: 'file:///mirror/ovis' } };
    expect(isUpToDate({ ...tree, plans: [sos, elsewhere] })).toBe(false);
    const { built } = placeOf(arch, 'sos');
    const before = readBuilt(built);
    writeJson(built, { ...before, files: { ...before?.files, 'bin/sos_cmd': 'another digest' } });
    expect(isUpToDate(tree)).toBe(false);
    writeJson(built, before);
    expect(isUpToDate(tree)).toBe(true);
    expect(isUpToDate(treeOf('2'))).toBe(false);
  });
});

describe('whenever it fails, the one before stays', () => {
  test('in the middle of copying', async () => {
    await make(treeOf('1'));
    const next = treeOf('2');
    rmSync(join(placeOf(arch, 'ovis').dest, 'sbin/ldmsd'));
    await expect(make(next)).rejects.toThrow('sbin/ldmsd');
    const [beside = ''] = readdirSync(site).filter((name) => name !== 'ovis');
    expectTree('1', beside);
    // It had begun.
    expect(filesBelow(join(site, beside))).toContain('bin/sos_cmd');
    // The next one removes what is left.
    await make(treeOf('2'));
    expectTree('2');
  });

  test('until all is on the disk', async () => {
    await make(treeOf('1'));
    const tools = watchedTools(([program, option, beside = '']) => {
      expect([program, option]).toEqual(['sync', '--file-system']);
      expect(filesBelow(beside)).toContain(treeRecord);
      expectTree('1', beside.slice(site.length + 1));
      return { code: 1 };
    });
    await expect(assemble(treeOf('2'), tools)).rejects.toThrow('sync --file-system failed');
    expect(tools.ran).toHaveLength(1);
    expect(readFileSync(join(ovis, 'sbin/ldmsd'), 'utf8')).toBe('1');
  });

  test('what builders that were killed have left beside is removed, and nothing else', async () => {
    const [left, others] = [
      ['ovis.ldms-images-new-Ab12_9', 'ovis.ldms-images-old-zzzzzz'],
      [
        'ovis.mine',
        'ovis.old-backup',
        'ovis.new-202311',
        'ovis2.ldms-images-new-abcdef',
        'ovis.ldms-images-new-mine',
      ],
    ];
    for (const name of [...left, ...others]) writeFiles(join(site, name), { file: '' });
    await make(treeOf('1'));
    expectTree('1', ...others);
  });

  test('a builder that was killed when the old one was away: it is made', async () => {
    await make(treeOf('1'));
    renameSync(ovis, `${ovis}.ldms-images-old-abcdef`);
    await make(treeOf('1'));
    expectTree('1');
  });
});

describe('a link in its place stays one', () => {
  test.each([
    ['to a tree', async () => void (await make(treeOf('1', { directory: join(site, 'real') })))],
    ['to an empty directory', () => mkdirSync(join(site, 'real'))],
    ['to nothing yet', () => undefined],
  ])('%s', async (_, prepare) => {
    await prepare();
    symlinkSync('middle', ovis);
    symlinkSync(join(site, 'real'), join(site, 'middle'));
    expect(wrongWithPlace(ovis, treeRecord)).toBeUndefined();
    for (const commit of ['2', '3']) {
      await make(treeOf(commit));
      expectTree(commit, 'middle', 'real');
      expect(readlinkSync(ovis)).toBe('middle');
      expect(lstatSync(join(site, 'real')).isDirectory()).toBe(true);
    }
  });
});

describe('a tree that was changed by hand', () => {
  test('is left as it is while nothing is built anew, and that is told', async () => {
    await make(treeOf('1'));
    appendFileSync(join(ovis, 'sbin/ldmsd'), ' patched');
    writeFiles(ovis, { 'etc/mine': '' });
    const tools = watchedTools(() => ({}));
    expect(await assemble(treeOf('1'), tools)).toBe('is up to date');
    expect(tools.said).toEqual([
      'warning: it was changed by hand since it was built: etc/mine and 1 more; it is left as it is',
    ]);
    expect(readFileSync(join(ovis, 'sbin/ldmsd'), 'utf8')).toBe('1 patched');
  });

  test('is not thrown away for one that was built anew', async () => {
    await make(treeOf('1'));
    appendFileSync(join(ovis, 'sbin/ldmsd'), ' patched');
    await expect(make(treeOf('2'))).rejects.toThrow(
      `${ovis} was changed by hand since it was built: sbin/ldmsd; what was built anew would throw that away: move it (mv ${ovis} ${ovis}.mine), and build again`,
    );
    expect(readFileSync(join(ovis, 'sbin/ldmsd'), 'utf8')).toBe('1 patched');
    expect(readdirSync(site)).toEqual(['ovis']);
    renameSync(ovis, `${ovis}.mine`);
    await make(treeOf('2'));
    expectTree('2', 'ovis.mine');
  });

  test('is none for what Python leaves in it', async () => {
    await make(treeOf('1'));
    writeFiles(ovis, { 'lib/__pycache__/x.pyc': '' });
    await make(treeOf('2'));
    expectTree('2');
  });
});

describe('a place', () => {
  const wrong = () => wrongWithPlace(ovis, treeRecord);

  test('is good if it is not there, is empty, or was built here', async () => {
    expect(wrong()).toBeUndefined();
    mkdirSync(ovis);
    expect(wrong()).toBeUndefined();
    await make(treeOf('1'));
    expect(wrong()).toBeUndefined();
    expect(wrongWithPlace(join(site, 'no/such/directory'), treeRecord)).toBeUndefined();
  });

  test('is not if it has files of somebody, one of them being enough', () => {
    writeFiles(ovis, { '.keep': '' });
    const told = `${ovis} has files that were not built here, and building would throw them away; move it, or build elsewhere`;
    expect(wrong()).toBe(told);
    renameSync(ovis, join(site, 'real'));
    symlinkSync('real', ovis);
    expect(wrong()).toBe(told);
  });

  test('is not if it is no directory, or a link in a circle', () => {
    writeFiles(site, { ovis: '' });
    expect(wrong()).toBe(`cannot use ${ovis}: ENOTDIR`);
    expect(wrongWithPlace(join(ovis, 'below'), treeRecord)).toBe(`cannot use ${ovis}/below: ENOTDIR`);
    rmSync(ovis);
    symlinkSync('ovis', ovis);
    expect(wrong()).toBe(`cannot use ${ovis}: ELOOP`);
  });

  testNeeding(['root', 'setpriv'], 'is not if the caller may not make it, or replace it', async () => {
    mkdirSync(join(site, 'mine'));
    mkdirSync(join(site, 'theirs/ovis'), { recursive: true });
    chmodSync(join(site, 'theirs'), 0o555);
    const module = join(repository, 'images/build/sources/assemble.ts');
    const places = ['mine/ovis', 'mine/far/ovis', 'theirs/ovis', 'theirs/far/ovis'].map((name) =>
      join(site, name),
    );
    const text = `const { wrongWithPlace } = await import(${JSON.stringify(module)});
for (const place of ${JSON.stringify(places)}) process.stdout.write(wrongWithPlace(place, 'record') + '\\n');`;
    const { stdout, stderr } = await run('setpriv', [
      // As root is elsewhere: without what lets it write everywhere.
      ...['--bounding-set=-dac_override,-dac_read_search', process.execPath],
      ...['--input-type=module', '--eval', text],
    ]);
    const told = (place: string) =>
      `cannot make ${place}: you may not write to ${join(site, 'theirs')}; build elsewhere, or have it made yours`;
    const [, , ...closed] = places;
    expect(stdout.trimEnd().split('\n'), stderr).toEqual(['undefined', 'undefined', ...closed.map(told)]);
  });
});
