/** What is written down of builds and trees, and what that tells. */
import { appendFileSync, mkdirSync, readdirSync, symlinkSync, truncateSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { components } from '../../images/build/sources/components.ts';
import { digestsBelow } from '../../images/build/sources/files.ts';
import {
  changedByHand,
  changes,
  configureArguments,
  digestOfInputs,
  type Inputs,
  installCommand,
  provenanceOf,
  readBuilt,
  readTreeRecord,
  treeRecord,
  writeJson,
  writeTreeRecord,
} from '../../images/build/sources/record.ts';
import { commitOf, makeConfig, sourceOf, temporary, writeFiles } from '../support/source-plans.ts';

/** A tree with its record. */
function makeTree(): string {
  const directory = temporary();
  writeFiles(directory, { 'bin/tool': 'tool', 'lib/module.py': 'module', 'lib/lib.so.1': 'library' });
  symlinkSync('lib.so.1', join(directory, 'lib/lib.so'));
  const files = digestsBelow(directory);
  mkdirSync(join(directory, treeRecord, '..'), { recursive: true });
  writeTreeRecord(
    join(directory, treeRecord),
    'digest',
    [sourceOf('sos'), sourceOf('ovis', commitOf('2'))],
    files,
  );
  return directory;
}

describe('a tree that was changed by hand', () => {
  test('is told by its files: new ones, others and those that are gone', () => {
    const directory = makeTree();
    const changed = () => changedByHand(directory, treeRecord);
    expect(changed()).toEqual([]);
    appendFileSync(join(directory, 'bin/tool'), ' patched');
    expect(changed()).toEqual(['bin/tool']);
    writeFiles(directory, { 'ui/mine': '' });
    unlinkSync(join(directory, 'lib/lib.so.1'));
    expect(changed()).toEqual(['bin/tool', 'lib/lib.so.1', 'ui/mine']);
    unlinkSync(join(directory, 'lib/lib.so'));
    symlinkSync('other.so', join(directory, 'lib/lib.so'));
    expect(changed()).toEqual(['bin/tool', 'lib/lib.so', 'lib/lib.so.1', 'ui/mine']);
  });

  test('is none for what Python leaves in it, and for an empty directory', () => {
    const directory = makeTree();
    writeFiles(directory, { 'lib/__pycache__/module.cpython-311.pyc': '', '__pycache__/x.pyc': '' });
    mkdirSync(join(directory, 'var'));
    expect(changedByHand(directory, treeRecord)).toEqual([]);
    // Only in a directory of that name.
    writeFiles(directory, { 'lib/not__pycache__/x.pyc': '', 'lib/x.pyc': '' });
    expect(changedByHand(directory, treeRecord)).toEqual(['lib/not__pycache__/x.pyc', 'lib/x.pyc']);
  });

  test('is one whose record is cut off: nobody knows what it was', () => {
    const directory = makeTree();
    truncateSync(join(directory, treeRecord), 50);
    expect(changedByHand(directory, treeRecord)).toEqual([
      ...['bin/tool', 'lib/lib.so', 'lib/lib.so.1', 'lib/module.py'],
    ]);
    expect(readTreeRecord(directory, treeRecord)).toBeUndefined();
  });
});

test('a tree tells where its files are from, and whether they still are', () => {
  const directory = makeTree();
  const components = {
    sos: { repository: 'https://git.example/sos', ref: 'main', commit: commitOf('1') },
    ovis: { repository: 'https://git.example/ovis', ref: 'main', commit: commitOf('2') },
  };
  expect(provenanceOf(directory, treeRecord)).toEqual({ components, changedByHand: false });
  writeFiles(directory, { mine: '' });
  expect(provenanceOf(directory, treeRecord)).toEqual({ components, changedByHand: true });
  expect(provenanceOf(temporary(), treeRecord)).toBeUndefined();
});

test('a record is there whole, or not at all', () => {
  const directory = temporary();
  const file = join(directory, 'built.json');
  expect(readBuilt(file)).toBeUndefined();
  const built = { inputs: {} as Inputs, files: { 'bin/tool': 'digest' } };
  writeJson(file, built);
  expect(readBuilt(file)).toEqual(built);
  expect(readdirSync(directory)).toEqual(['built.json']);
  for (const length of [10, 0]) {
    truncateSync(file, length);
    expect(readBuilt(file)).toBeUndefined();
  }
});

const inputs: Inputs = {
  commit: commitOf('1'),
  kind: 'autotools',
  options: ['--prefix=/opt/ovis'],
  install: ['make', 'install'],
  prefix: '/opt/ovis',
  script: 'script',
  toolchain: 'toolchain',
  after: { sos: 'sos', numsos: 'numsos' },
};

describe('what has changed, in words', () => {
  test.each<[string, Partial<Inputs>, readonly string[]]>([
    ['nothing', {}, []],
    ['the commit', { commit: commitOf('2') }, ['111111111111 became 222222222222']],
    ['an option', { options: ['--prefix=/opt/ovis', '-x'] }, ['other ovis options']],
    ['their order', { install: ['install', 'make'] }, ['another MAKE_INSTALL']],
    ['PREFIX', { prefix: '/opt/o', options: ['--prefix=/opt/o'] }, ['other ovis options', 'another PREFIX']],
    ['what it is built on', { after: { sos: 'other', numsos: 'numsos' } }, ['sos changed']],
    ['what is not there any more', { after: {} }, ['sos and numsos changed']],
    ['what is new', { after: { ...inputs.after, 'sosdb-ui': 'x' } }, ['sosdb-ui changed']],
    ['the build image', { toolchain: 'other' }, ["the build image's packages changed"]],
    ['the script', { script: 'other' }, ['the builder changed']],
    ['how it is built', { kind: 'pip' }, ['the builder changed']],
  ])('%s', (_, differing, told) => {
    const now = { ...inputs, ...differing };
    expect(changes('ovis', now, inputs)).toEqual(told);
    // Whatever makes another digest is told, and nothing else.
    expect(digestOfInputs(now) !== digestOfInputs(inputs)).toBe(told.length > 0);
  });

  test('all of it', () => {
    const now: Inputs = {
      commit: commitOf('2'),
      kind: 'autotools',
      options: [],
      install: [],
      prefix: '/',
      script: '',
      toolchain: '',
      after: {},
    };
    expect(changes('sos', now, inputs)).toEqual([
      '111111111111 became 222222222222',
      'other sos options',
      'another MAKE_INSTALL',
      'another PREFIX',
      'sos and numsos changed',
      "the build image's packages changed",
      'the builder changed',
    ]);
  });
});

test('what configure is given: the prefix, then the options', () => {
  const config = makeConfig({ prefix: '/p', prefixUi: '/p/web' });
  expect(Object.fromEntries(components.map((name) => [name, configureArguments(name, config)]))).toEqual({
    maestro: [],
    sos: ['--prefix=/p', '--with-sos'],
    ovis: ['--prefix=/p', '--with-ovis'],
    numsos: ['--prefix=/p', '--with-sos=/p', 'PYTHON=python3', '--with-numsos'],
    'sosdb-ui': ['--prefix=/p/web', '--with-sosdb-ui'],
    'sosdb-grafana': ['--prefix=/p/web', '--with-sosdb-grafana'],
    dsosds: [],
  });
});

test('what installs: MAKE_INSTALL for what is compiled', () => {
  const config = makeConfig({ makeInstall: ['make', 'install', 'X=a b'] });
  const plain = ['make', 'install'];
  expect(Object.fromEntries(components.map((name) => [name, installCommand(name, config)]))).toEqual({
    maestro: [],
    sos: [...plain, 'X=a b'],
    ovis: [...plain, 'X=a b'],
    numsos: plain,
    'sosdb-ui': plain,
    'sosdb-grafana': plain,
    dsosds: [],
  });
});
