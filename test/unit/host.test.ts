import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findProgram, isMapped, parsePasswd, realHost } from '../../src/host.ts';

let place: string;
const at = (inside: string) => join(place, inside);

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'ldms-entrypoint-unit-'));
  for (const directory of ['first', 'second', 'third', 'second/sub', 'first/adirectory', 'etc']) {
    mkdirSync(at(directory));
  }
  const write = (inside: string, mode: number, text = '#!/bin/sh\n') => {
    writeFileSync(at(inside), text);
    chmodSync(at(inside), mode);
  };
  write('second/tool', 0o755);
  write('third/tool', 0o755);
  write('first/plain', 0o644);
  write('third/plain', 0o755);
  write('first/onlyplain', 0o644);
  write('second/adirectory', 0o755);
  write('second/sub/deep', 0o755);
  write('second/secret', 0o600, 'twelve bytes');
  write('etc/passwd', 0o644, 'munge:x:101:102::/nonexistent:/usr/sbin/nologin\n');
  symlinkSync('nowhere', at('first/dangling'));
  symlinkSync('secret', at('second/link'));
});

afterAll(() => rmSync(place, { recursive: true, force: true }));

describe('parsePasswd', () => {
  const passwd = [
    'root:x:0:0:root:/root:/bin/bash',
    'munge2:x:7:7::/:/bin/false',
    'munge:x:101:102:MUNGE:/nonexistent:/usr/sbin/nologin',
    'munge:x:900:900::/:/bin/false',
    'bare:x:5:6',
    'truncated:x',
    'halfway:x:::::',
    'words:x:one:two::/:/bin/false',
    '',
  ].join('\n');

  test.each([
    ['root', { name: 'root', uid: 0, gid: 0 }],
    ['munge', { name: 'munge', uid: 101, gid: 102 }],
    ['munge2', { name: 'munge2', uid: 7, gid: 7 }],
    ['bare', { name: 'bare', uid: 5, gid: 6 }],
    ['mung', undefined],
    ['truncated', undefined],
    ['', undefined],
  ])('the account "%s"', (name, user) => {
    expect(parsePasswd(passwd, name)).toEqual(user);
  });

  // Read as a number, an empty field is 0: munged would run as root.
  test.each(['halfway', 'words'])('the line of "%s" has no usable uid and so is no account', (name) => {
    expect(parsePasswd(passwd, name)).toBeUndefined();
  });

  test('an empty file has no accounts', () => {
    expect(parsePasswd('', 'munge')).toBeUndefined();
  });
});

describe('findProgram looks as execvp(3) does', () => {
  const path = (...directories: string[]) => directories.map(at).join(':');

  test('the first directory of PATH that has it', () => {
    expect(findProgram('tool', path('first', 'second', 'third'))).toEqual({ path: at('second/tool') });
  });

  test('a file that cannot be executed is passed over if a later directory has the program', () => {
    expect(findProgram('plain', path('first', 'third'))).toEqual({ path: at('third/plain') });
  });

  test('a directory of that name is passed over too', () => {
    expect(findProgram('adirectory', path('first', 'second'))).toEqual({ path: at('second/adirectory') });
  });

  test('a file that cannot be executed is told of if nothing better is found', () => {
    expect(findProgram('onlyplain', path('first', 'second'))).toEqual({
      missing: 'notExecutable',
      at: at('first/onlyplain'),
      errno: 'EACCES',
    });
  });

  test.each([
    ['in no directory', 'no-such-program-anywhere', ['first', 'second']],
    ['a link that leads nowhere', 'dangling', ['first']],
    ['PATH names a missing directory', 'no-such-program-anywhere', ['missing']],
    ['PATH names a file', 'no-such-program-anywhere', ['second/tool']],
  ])('not found: %s', (_, name, directories) => {
    expect(findProgram(name, path(...directories))).toEqual({ missing: 'notFound', errno: 'ENOENT' });
  });

  test('a name with a slash is taken as it is', () => {
    expect(findProgram(at('second/tool'), '')).toEqual({ path: at('second/tool') });
    expect(findProgram(at('second/none'), path('second'))).toMatchObject({ missing: 'notFound' });
    expect(findProgram('sub/deep', path('second'))).toMatchObject({ missing: 'notFound' });
    expect(findProgram(at('first'), '')).toMatchObject({ missing: 'notExecutable', errno: 'EISDIR' });
  });

  test('without PATH, the directories that execvp(3) falls back to are searched', () => {
    expect(findProgram('sh', undefined)).toMatchObject({ path: expect.stringMatching(/\/bin\/sh$/) });
  });

  test('an empty part of PATH is the working directory', () => {
    const before = process.cwd();
    process.chdir(at('third'));
    try {
      expect(findProgram('tool', `${at('first')}::`)).toEqual({ path: 'tool' });
    } finally {
      process.chdir(before);
    }
  });
});

describe('the real host', () => {
  const host = () => realHost({ PATH: at('second') }, place);

  test('tells what lies at a path, and why if nothing can be seen', () => {
    const { look } = host();
    expect(look(at('second/secret'))).toMatchObject({ kind: 'file', mode: 0o600, size: 12, link: false });
    expect(look(at('second/link'))).toMatchObject({ kind: 'file', mode: 0o600, size: 12, link: true });
    expect(look(at('second'))).toMatchObject({ kind: 'directory', link: false });
    expect(look('/dev/null')).toMatchObject({ kind: 'other' });
    expect(look(at('none'))).toStrictEqual({ kind: 'nothing', errno: 'ENOENT' });
  });

  test('tells a symbolic link to nothing from nothing', () => {
    expect(host().look(at('first/dangling'))).toStrictEqual({ kind: 'nothing', errno: 'ENOENT', link: true });
    expect(host().look(at('first/dangling/below'))).toStrictEqual({ kind: 'nothing', errno: 'ENOENT' });
  });

  describe('tells why nothing can be made in a directory', () => {
    test('a directory of our own: nothing keeps us from it', () => {
      expect(host().whyNoEntry(at('second'))).toBeUndefined();
    });

    test.each([
      ['ENOENT', 'none'],
      ['ENOTDIR', 'second/tool/none'],
    ])('%s', (errno, name) => {
      expect(host().whyNoEntry(at(name))).toBe(errno);
    });

    // Root may write anywhere, so another user looks.
    test.each([
      ['one that it may enter and not write to', 0o555, 'EACCES'],
      ['one that it may write to and not enter', 0o666, 'EACCES'],
      ['one that it may use', 0o777, 'undefined'],
    ])('to a user who is not root: %s', (_, mode, why) => {
      const directory = at('closed');
      mkdirSync(directory, { recursive: true });
      chmodSync(place, 0o755);
      chmodSync(directory, mode);
      const code = `import { realHost } from ${JSON.stringify(join(import.meta.dirname, '../../src/host.ts'))};
        console.log(String(realHost({}, '').whyNoEntry(process.argv[1])));`;
      const asNobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
      const { stdout, stderr } = spawnSync(
        process.execPath,
        ['--input-type=module', '--eval', code, directory],
        { encoding: 'utf8', cwd: '/', ...asNobody },
      );
      expect(stdout, stderr).toBe(`${why}\n`);
    });
  });

  test('reads files, or tells why not', () => {
    const { read } = host();
    expect(read(at('second/secret'))).toEqual(Buffer.from('twelve bytes'));
    expect(read(at('none'))).toEqual({ errno: 'ENOENT' });
    expect(read(at('second'))).toEqual({ errno: 'EISDIR' });
  });

  // `access(2)` and `throwIfNoEntry` take these for "it does not exist", which is mended in another way.
  test.each([
    ['ENOTDIR', 'second/tool/none'],
    ['ELOOP', 'loop'],
  ])('tells %s from ENOENT', (errno, name) => {
    if (name === 'loop') symlinkSync('loop', at('loop'));
    expect(host().look(at(name)), 'looked at').toEqual({ kind: 'nothing', errno });
    expect(host().read(at(name)), 'read').toEqual({ errno });
  });

  test('takes accounts from below LDMS_ENTRYPOINT_ROOT', () => {
    expect(host().user('munge')).toEqual({ name: 'munge', uid: 101, gid: 102 });
  });

  test('moves our own paths below LDMS_ENTRYPOINT_ROOT', () => {
    expect(host().path('/run/munge')).toBe(at('run/munge'));
  });

  test('looks once, so that a plan is made from one snapshot', () => {
    const once = host();
    writeFileSync(at('changing'), 'old');
    expect(once.read(at('changing'))).toEqual(Buffer.from('old'));
    writeFileSync(at('changing'), 'newer');
    expect(once.read(at('changing'))).toEqual(Buffer.from('old'));
    expect(host().read(at('changing'))).toEqual(Buffer.from('newer'));
  });

  test('finds programs along the PATH of the environment it was given', () => {
    expect(host().program('tool')).toEqual({ path: at('second/tool') });
  });
});

describe('user namespaces', () => {
  test.each([
    ['all ids, as on a machine', '         0          0 4294967295\n', 101, true],
    ['root alone, as in a rootless container', '         0       1000          1\n', 101, false],
    ['root and a range of subordinate ids', '0 1000 1\n1 100000 65536\n', 101, true],
    ['beyond the range', '0 1000 1\n1 100000 65536\n', 65537, false],
    ['a kernel without them', '', 101, true],
  ])('%s', (_, map, id, there) => {
    expect(isMapped(map, id)).toBe(there);
  });
});
