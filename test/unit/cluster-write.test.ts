/** What render does with a directory, and what it leaves alone. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compare } from '../../src/cluster/compare.ts';
import { diffText } from '../../src/cluster/diff.ts';
import { digestOf, type Record, readRecord, recordName, recordText } from '../../src/cluster/record.ts';
import type { Rendered } from '../../src/cluster/render/rendering.ts';
import { writeRendered } from '../../src/cluster/write.ts';
import { run } from '../support/program.ts';
import { temporary } from '../support/rendered.ts';

const made = { as: 'docker', file: '../ldms_cfg.yaml', options: { suffix: '-iw' } } as const;
const start: Rendered = { path: 'a/start.sh', text: '#!/bin/sh\necho a\n', executable: true };
const conf: Rendered = { path: 'a/dsosd.conf', text: 'a\n' };
const other: Rendered = { path: 'b/deep/start.sh', text: '#!/bin/sh\necho b\n', executable: true };
const both = [start, conf];
const nothing = 'nothing was written';

/** Renders into a directory as the command does, with the record that is there. */
function render(directory: string, files: readonly Rendered[] = both, force?: 'force') {
  const before = readRecord(directory);
  if (before && 'wrong' in before) throw new Error(before.wrong);
  return writeRendered(directory, before, made, files, force);
}

const there = (directory: string): string[] =>
  existsSync(directory)
    ? readdirSync(directory, { recursive: true, encoding: 'utf8' })
        .filter((path) => !lstatSync(join(directory, path)).isDirectory())
        .sort()
    : [];

/** All that is in a directory: to see that nothing has changed. */
const snapshot = (directory: string): unknown =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((path) => {
      const found = lstatSync(join(directory, path));
      const content = found.isFile() ? readFileSync(join(directory, path), 'utf8') : '';
      const target = found.isSymbolicLink() ? readlinkSync(join(directory, path)) : '';
      // A draft that came and went is seen in its directory's time.
      const when = found.isDirectory() ? 0 : found.mtimeMs;
      return [path, found.mode, when, content, target];
    });

const put = (directory: string, path: string, text: string) => {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), text);
};
const text = (directory: string, path: string) => readFileSync(join(directory, path), 'utf8');
const mode = (directory: string, path: string) => statSync(join(directory, path)).mode & 0o777;

function refused(directory: string, files: readonly Rendered[], wrong: readonly string[], force?: 'force') {
  const before = snapshot(directory);
  expect(render(directory, files, force)).toEqual({ wrong: [...wrong, nothing] });
  expect(snapshot(directory), 'nothing has changed').toEqual(before);
}

describe('a directory', () => {
  test('that is not there is made, with its record', () => {
    const directory = join(temporary(), 'not/yet');
    expect(render(directory)).toEqual({ written: 2, unchanged: 0, removed: 0 });
    expect(there(directory)).toEqual(['a/dsosd.conf', 'a/start.sh', recordName]);
    expect(text(directory, 'a/start.sh')).toBe(start.text);
    expect(readRecord(directory)).toEqual({
      ...made,
      files: { 'a/start.sh': digestOf(start.text), 'a/dsosd.conf': digestOf('a\n') },
    });
  });

  test('that is rendered again is the same, and its files are not touched', () => {
    const directory = temporary();
    render(directory);
    const before = statSync(join(directory, 'a/start.sh'), { bigint: true });
    expect(render(directory)).toEqual({ written: 0, unchanged: 2, removed: 0 });
    const after = statSync(join(directory, 'a/start.sh'), { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
  });

  test('may have files of others in it, which stay', () => {
    const directory = temporary();
    put(directory, 'README', 'mine\n');
    put(directory, 'a/notes.txt', 'mine\n');
    expect(render(directory)).toEqual({ written: 2, unchanged: 0, removed: 0 });
    expect(render(directory, [other])).toEqual({ written: 1, unchanged: 0, removed: 2 });
    expect(there(directory)).toEqual(['README', 'a/notes.txt', 'b/deep/start.sh', recordName]);
  });

  test('may be a symbolic link', () => {
    const directory = temporary();
    mkdirSync(join(directory, 'real'));
    symlinkSync('real', join(directory, 'link'));
    expect(render(join(directory, 'link'))).toEqual({ written: 2, unchanged: 0, removed: 0 });
    expect(there(join(directory, 'real'))).toHaveLength(3);
  });

  test('that is a file, or below one, is told in one line', () => {
    const directory = temporary();
    put(directory, 'file', 'mine\n');
    const file = join(directory, 'file');
    expect(render(file)).toEqual({ wrong: [`cannot write to ${file}: it is not a directory`, nothing] });
    const below = join(file, 'x');
    expect(render(below)).toEqual({
      wrong: [`cannot write to ${below}: it, or a part of its path, is not a directory`, nothing],
    });
    expect(text(directory, 'file')).toBe('mine\n');
  });
});

describe('a file', () => {
  test('that is outdated is written, and the others are not', () => {
    const directory = temporary();
    render(directory);
    expect(render(directory, [start, { ...conf, text: 'a\nb\n' }])).toEqual({
      written: 1,
      unchanged: 1,
      removed: 0,
    });
    expect(text(directory, 'a/dsosd.conf')).toBe('a\nb\n');
  });

  test('that was removed by hand is written again', () => {
    const directory = temporary();
    render(directory);
    rmSync(join(directory, 'a'), { recursive: true });
    expect(render(directory)).toEqual({ written: 2, unchanged: 0, removed: 0 });
  });

  test('that was changed by hand stops all, and tells how to go on', () => {
    const directory = temporary();
    render(directory);
    put(directory, 'a/start.sh', '#!/bin/sh\necho mine\n');
    const remedy = 'see the changes with ldms-cluster diff, or let --force overwrite them';
    const wrong = [`${directory}/a/start.sh was changed by hand; ${remedy}`];
    refused(directory, [start, { ...conf, text: 'new\n' }, other], wrong);
    expect(render(directory, [start, conf], 'force')).toEqual({ written: 1, unchanged: 1, removed: 0 });
    expect(text(directory, 'a/start.sh')).toBe(start.text);
  });

  test('that was changed by hand to what it is to be is no hindrance', () => {
    const directory = temporary();
    render(directory);
    put(directory, 'a/dsosd.conf', 'by hand\n');
    expect(render(directory, [start, { ...conf, text: 'by hand\n' }])).toEqual({
      written: 0,
      unchanged: 2,
      removed: 0,
    });
  });

  test("that is somebody else's stops all", () => {
    const directory = temporary();
    put(directory, 'a/start.sh', 'a stranger\n');
    const remedy = 'see the changes with ldms-cluster diff, or let --force overwrite them';
    refused(directory, both, [`${directory}/a/start.sh was changed by hand; ${remedy}`]);
    expect(render(directory, both, 'force')).toMatchObject({ written: 2 });
  });

  test('of each that stops it, one line is told, and of very many the first', () => {
    const directory = temporary();
    const many = Array.from({ length: 30 }, (_, at): Rendered => ({ path: `n${at}/x`, text: 'x' }));
    for (const { path } of many) put(directory, path, 'a stranger\n');
    const done = render(directory, many);
    expect('wrong' in done && done.wrong).toHaveLength(22);
    expect('wrong' in done && done.wrong.slice(-2)).toEqual(['… and 10 more', nothing]);
  });

  test.each(['force', undefined] as const)('that is a directory stops all, with %s', (force) => {
    const directory = temporary();
    mkdirSync(join(directory, 'a/start.sh'), { recursive: true });
    refused(directory, both, [`cannot write ${directory}/a/start.sh: it is a directory`], force);
  });

  test.each(['force', undefined] as const)('whose directory is a file stops all, with %s', (force) => {
    const directory = temporary();
    put(directory, 'a', 'a stranger\n');
    const why = 'it, or a part of its path, is not a directory';
    const wrong = both.map(({ path }) => `cannot write ${directory}/${path}: ${why}`);
    refused(directory, both, wrong, force);
  });

  test('that is a named pipe stops all, and is not waited for', async () => {
    const directory = temporary();
    mkdirSync(join(directory, 'a'));
    expect((await run('mkfifo', [join(directory, 'a/start.sh')])).code).toBe(0);
    refused(directory, both, [`cannot write ${directory}/a/start.sh: it is no regular file`], 'force');
  });
});

describe('what is left over', () => {
  test('is removed, and directories that it leaves empty', () => {
    const directory = temporary();
    render(directory, [...both, other]);
    expect(render(directory)).toEqual({ written: 0, unchanged: 2, removed: 1 });
    expect(readdirSync(directory).sort()).toEqual(['a', recordName]);
    expect(Object.keys((readRecord(directory) as Record).files)).toEqual(['a/start.sh', 'a/dsosd.conf']);
  });

  test('stops all where it was changed by hand', () => {
    const directory = temporary();
    render(directory, [...both, other]);
    put(directory, 'b/deep/start.sh', 'mine\n');
    const remedy = 'see the changes with ldms-cluster diff, or let --force overwrite them';
    refused(directory, both, [
      `${directory}/b/deep/start.sh is no longer wanted, and was changed by hand; ${remedy}`,
    ]);
    expect(render(directory, both, 'force')).toEqual({ written: 0, unchanged: 2, removed: 1 });
    expect(existsSync(join(directory, 'b'))).toBe(false);
  });

  test('and is gone already is no matter', () => {
    const directory = temporary();
    render(directory, [...both, other]);
    rmSync(join(directory, 'b'), { recursive: true });
    expect(render(directory)).toEqual({ written: 0, unchanged: 2, removed: 0 });
  });
});

describe('the mode of files', () => {
  test('scripts can be executed, whoever the files belong to, and others cannot', () => {
    const directory = temporary();
    const before = process.umask(0o022);
    render(directory);
    process.umask(before);
    expect([mode(directory, 'a/start.sh'), mode(directory, 'a/dsosd.conf')]).toEqual([0o755, 0o644]);
  });

  test('a script that lost it, as by a copy, gets it again, and diff tells', () => {
    const directory = temporary();
    render(directory);
    chmodSync(join(directory, 'a/start.sh'), 0o644);
    const compared = compare(directory, readRecord(directory) as Record, both);
    expect(diffText(directory, compared)).toBe(`${directory}/a/start.sh is no longer executable\n`);
    expect(render(directory)).toEqual({ written: 1, unchanged: 1, removed: 0 });
    expect(mode(directory, 'a/start.sh') & 0o100).toBe(0o100);
  });

  test('what can be executed and need not is left alone, as on file systems where all can', () => {
    const directory = temporary();
    render(directory);
    chmodSync(join(directory, 'a/dsosd.conf'), 0o755);
    expect(render(directory)).toEqual({ written: 0, unchanged: 2, removed: 0 });
  });

  test('a tighter umask holds, and is no difference', () => {
    const directory = temporary();
    const before = process.umask(0o077);
    render(directory);
    process.umask(before);
    expect(mode(directory, 'a/start.sh')).toBe(0o700);
    expect(render(directory)).toEqual({ written: 0, unchanged: 2, removed: 0 });
  });
});

describe('an interrupted run', () => {
  test('goes on where the files are new and the record is old', () => {
    const directory = temporary();
    render(directory);
    const old = text(directory, recordName);
    const newer = [start, { ...conf, text: 'a\nb\n' }, other];
    render(directory, newer);
    put(directory, recordName, old);
    expect(render(directory, newer)).toEqual({ written: 0, unchanged: 3, removed: 0 });
    expect(Object.keys((readRecord(directory) as Record).files)).toHaveLength(3);
  });

  test('goes on where there is no record yet', () => {
    const directory = temporary();
    put(directory, 'a/start.sh', start.text);
    chmodSync(join(directory, 'a/start.sh'), 0o755);
    expect(render(directory)).toEqual({ written: 1, unchanged: 1, removed: 0 });
  });

  test('goes on over what it has left beside the files', () => {
    const directory = temporary();
    put(directory, 'a/.start.sh.ldms-cluster', 'half a scr');
    put(directory, '.ldms-cluster.json.ldms-cluster', '{');
    expect(render(directory)).toEqual({ written: 2, unchanged: 0, removed: 0 });
    expect(there(directory)).toEqual(['a/dsosd.conf', 'a/start.sh', recordName]);
    expect(mode(directory, 'a/start.sh') & 0o100).toBe(0o100);
  });
});

describe('a write that fails', () => {
  test('leaves all as it was', () => {
    const directory = temporary();
    render(directory, [start]);
    // A directory that is in the way of the last file's draft alone.
    mkdirSync(join(directory, 'z/.last.ldms-cluster'), { recursive: true });
    const files = [{ ...start, text: 'new\n' }, other, { path: 'z/last', text: 'x' }];
    refused(directory, files, [`cannot write ${directory}/z/last: it is a directory`]);
  });

  test('leaves no directory that was not there', () => {
    const place = temporary();
    // Longer than a file name can be.
    const directory = join(place, 'out');
    const done = render(directory, [start, { path: `b/${'n'.repeat(300)}`, text: 'x' }]);
    expect('wrong' in done && done.wrong.at(-1)).toBe(nothing);
    expect(readdirSync(place)).toEqual([]);
  });
});

describe('symbolic links', () => {
  test.each(['force', undefined] as const)(
    'in the place of a file are not written through, with %s',
    (force) => {
      const [directory, outside] = [temporary(), temporary()];
      put(outside, 'mine', 'mine\n');
      mkdirSync(join(directory, 'a'));
      symlinkSync(join(outside, 'mine'), join(directory, 'a/start.sh'));
      refused(directory, both, [`cannot write ${directory}/a/start.sh: it is a symbolic link`], force);
      expect(text(outside, 'mine')).toBe('mine\n');
    },
  );

  test.each(['force', undefined] as const)(
    'in the place of a directory are not written through, with %s',
    (force) => {
      const [directory, outside] = [temporary(), temporary()];
      symlinkSync(outside, join(directory, 'a'));
      const why = `${directory}/a is a symbolic link, which may lead anywhere`;
      const wrong = both.map(({ path }) => `cannot write ${directory}/${path}: ${why}`);
      refused(directory, both, wrong, force);
      expect(there(outside)).toEqual([]);
    },
  );

  test('that lead nowhere are not written through', () => {
    const [directory, outside] = [temporary(), temporary()];
    mkdirSync(join(directory, 'a'));
    symlinkSync(join(outside, 'new'), join(directory, 'a/start.sh'));
    refused(directory, both, [`cannot write ${directory}/a/start.sh: it is a symbolic link`]);
    expect(there(outside)).toEqual([]);
  });

  test('in the place of a draft are not written through', () => {
    const [directory, outside] = [temporary(), temporary()];
    put(outside, 'mine', 'mine\n');
    mkdirSync(join(directory, 'a'));
    symlinkSync(join(outside, 'mine'), join(directory, 'a/.start.sh.ldms-cluster'));
    expect(render(directory)).toMatchObject({ written: 2 });
    expect(lstatSync(join(directory, 'a/start.sh')).isFile()).toBe(true);
    expect(text(outside, 'mine')).toBe('mine\n');
  });

  test('are not followed to remove what is left over', () => {
    const [directory, outside] = [temporary(), temporary()];
    put(outside, 'deep/start.sh', other.text);
    render(directory, [...both, other]);
    rmSync(join(directory, 'b'), { recursive: true });
    symlinkSync(outside, join(directory, 'b'));
    const why = `${directory}/b is a symbolic link, which may lead anywhere`;
    refused(directory, both, [`cannot write ${directory}/b/deep/start.sh: ${why}`], 'force');
    expect(text(outside, 'deep/start.sh')).toBe(other.text);
  });

  test('in the place of the record are replaced, and not written through', () => {
    const [directory, outside] = [temporary(), temporary()];
    render(directory);
    writeFileSync(join(outside, 'record'), text(directory, recordName));
    rmSync(join(directory, recordName));
    symlinkSync(join(outside, 'record'), join(directory, recordName));
    const before = snapshot(outside);
    expect(render(directory, [start])).toEqual({ written: 0, unchanged: 1, removed: 1 });
    expect(snapshot(outside)).toEqual(before);
  });
});

describe('a record', () => {
  const good: Record = { ...made, files: { 'a/start.sh': digestOf(start.text) } };
  const recordOf = (content: string) => {
    const directory = temporary();
    put(directory, recordName, content);
    const read = readRecord(directory);
    return read && 'wrong' in read ? read.wrong.replace(directory, 'DIR') : read;
  };

  test('is read as it was written', () => {
    expect(recordOf(recordText(good))).toEqual(good);
    expect(recordOf(recordText({ ...good, options: { bind: '', tag: '1' } }))).toMatchObject({
      options: { bind: '', tag: '1' },
    });
  });

  test('is none where there is none', () => {
    expect(readRecord(temporary())).toBeUndefined();
    expect(readRecord(join(temporary(), 'nowhere'))).toBeUndefined();
  });

  const notOurs = `cannot use DIR/${recordName}: it is not what ldms-cluster has written`;
  test.each<[string, unknown]>([
    ['a path that leads out', { ...good, files: { '../../etc/passwd': 'x' } }],
    ['a path that leads out later', { ...good, files: { 'a/../../x': 'x' } }],
    ['an absolute path', { ...good, files: { '/etc/passwd': 'x' } }],
    ['a digest that is no text', { ...good, files: { a: 1 } }],
    ['no files', { ...good, files: undefined }],
    ['another way', { ...good, as: 'helm' }],
    ['a way that every object has', { ...good, as: 'constructor' }],
    ['no file', { ...good, file: 7 }],
    ['an option that there is not', { ...good, options: { colour: 'red' } }],
    ['an option of the command', { ...good, options: { force: '' } }],
    ['an option that takes a value, without', { ...good, options: { tag: '' } }],
    ['an option that takes none, with', { ...good, options: { bind: 'no' } }],
    ['an option with a wrong value', { ...good, options: { ui: '$(id)' } }],
    ['a list', []],
    ['null', null],
    ['a text', 'x'],
  ])('that was tampered with is not used: %s', (_, content) => {
    expect(recordOf(JSON.stringify(content))).toBe(notOurs);
  });

  test('that is no JSON is not used', () => {
    expect(recordOf('{')).toBe(`cannot use DIR/${recordName}: it is no JSON`);
    expect(recordOf('')).toBe(`cannot use DIR/${recordName}: it is no JSON`);
  });

  test('that is a directory is told', () => {
    const directory = temporary();
    mkdirSync(join(directory, recordName));
    expect(readRecord(directory)).toEqual({
      wrong: `cannot read ${directory}/${recordName}: it is a directory`,
    });
  });

  test('that names a file of somebody else lets it be removed by nobody', () => {
    const directory = temporary();
    put(directory, 'thesis.txt', 'mine\n');
    put(directory, recordName, recordText({ ...good, files: { 'thesis.txt': digestOf('another\n') } }));
    const remedy = 'see the changes with ldms-cluster diff, or let --force overwrite them';
    refused(directory, both, [
      `${directory}/thesis.txt is no longer wanted, and was changed by hand; ${remedy}`,
    ]);
  });

  test.each(['', '.', 'a'])('that names a directory removes none: %j', (path) => {
    const directory = temporary();
    put(directory, 'a/mine', 'mine\n');
    put(directory, recordName, recordText({ ...good, files: { [path]: 'x' } }));
    const name = join(directory, path);
    refused(directory, [other], [`cannot write ${name}: it is a directory`], 'force');
  });
});

describe('a difference is told', () => {
  const told = (directory: string, files: readonly Rendered[]) =>
    diffText(directory, compare(directory, readRecord(directory) as Record | undefined, files)).replaceAll(
      directory,
      'DIR',
    );

  test('by nothing where there is none', () => {
    const directory = temporary();
    render(directory);
    expect(told(directory, both)).toBe('');
  });

  test('in each way in which a file can stand, with what would change', () => {
    const directory = temporary();
    render(directory, [start, conf, other, { path: 'c', text: 'c\n' }, { path: 'd', text: 'd\n' }]);
    put(directory, 'a/start.sh', '#!/bin/sh\necho mine\n');
    put(directory, 'd', 'mine\n');
    const files = [start, { ...conf, text: 'b\n' }, { path: 'e', text: 'e\n' }, other];
    rmSync(join(directory, 'b/deep/start.sh'));
    mkdirSync(join(directory, 'b/deep/start.sh'));
    expect(told(directory, files)).toBe(`DIR/a/start.sh was changed by hand
--- DIR/a/start.sh
+++ DIR/a/start.sh (rendered now)
@@ -1,2 +1,2 @@
 #!/bin/sh
-echo mine
+echo a
DIR/a/dsosd.conf is older than the file
--- DIR/a/dsosd.conf
+++ DIR/a/dsosd.conf (rendered now)
@@ -1,1 +1,1 @@
-a
+b
DIR/e is not there
DIR/b/deep/start.sh cannot be compared: it is a directory
DIR/c is no longer wanted
DIR/d is no longer wanted, and was changed by hand
`);
  });
});
