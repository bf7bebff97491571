import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { findProgram, isMapped, parseListening, parseLocks, parsePasswd, realHost } from '../../src/host.ts';

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

  test('tells the host name, which LDMS_ENTRYPOINT_ROOT does not change', () => {
    expect(host().hostname()).toBe(readFileSync('/proc/sys/kernel/hostname', 'utf8').trimEnd());
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

describe('listening sockets', () => {
  const title =
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
  const line = (local: string, state = '0A', remote = '00000000:0000') =>
    `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 2606759 1 0000000000000000 100 0 0 10 0`;

  test.each([
    ['loopback', '0100007F:094B', '127.0.0.1', 2379],
    ['another address', '0501A8C0:0050', '192.168.1.5', 80],
    ['all IPv4 addresses', '00000000:006F', '0.0.0.0', 111],
    ['the highest port', '0100007F:FFFF', '127.0.0.1', 65_535],
    ['IPv6 loopback', '00000000000000000000000001000000:094B', '::1', 2379],
    ['all addresses', '00000000000000000000000000000000:094B', '::', 2379],
    ['an IPv4 address on an IPv6 socket', '0000000000000000FFFF00000100007F:094B', '127.0.0.1', 2379],
    ['all IPv4 addresses on an IPv6 socket', '0000000000000000FFFF000000000000:094B', '0.0.0.0', 2379],
  ])('%s', (_, local, address, port) => {
    expect(parseListening(`${title}\n${line(local)}\n`)).toEqual([{ address, port }]);
  });

  test('an IPv6 address is neither loopback nor all of them', () => {
    const [found] = parseListening(`${title}\n${line('B80D0120000000000000000001000000:094B')}\n`);
    expect(found).toMatchObject({ port: 2379 });
    expect(['::', '::1', '0.0.0.0', '127.0.0.1']).not.toContain(found?.address);
  });

  test.each([
    ['established', '01'],
    ['in SYN_SENT', '02'],
    ['in TIME_WAIT', '06'],
    ['closed', '07'],
    ['closing', '0B'],
  ])('one that is %s is none', (_, state) => {
    const text = [title, line('0100007F:094B', state, '0100007F:8B15'), line('0100007F:094C'), ''].join('\n');
    expect(parseListening(text)).toEqual([{ address: '127.0.0.1', port: 2380 }]);
  });

  test.each([
    ['nothing', ''],
    ['the title alone', `${title}\n`],
    ['lines that are something else', 'no such\n\n file\n'],
  ])('%s has none', (_, text) => {
    expect(parseListening(text)).toEqual([]);
  });

  test('the real host shows those of this machine: on one address, and on all', async () => {
    const ports: number[] = [];
    for (const address of ['127.0.0.1', '0.0.0.0']) {
      const server = createServer();
      onTestFinished(() => void server.close());
      await once(server.listen(0, address), 'listening');
      const bound = server.address();
      if (bound === null || typeof bound === 'string') throw new Error('no port');
      expect(realHost({}, '').listening()).toContainEqual({ address, port: bound.port });
      ports.push(bound.port);
    }
    const [first = 0] = ports;
    expect(realHost({}, '').listening()).not.toContainEqual({ address: '0.0.0.0', port: first });
  });
});

describe('file locks', () => {
  const locks = [
    '1: OFDLCK ADVISORY  WRITE -1 fe:00:11 0 EOF',
    '2: FLOCK  ADVISORY  WRITE 4711 fe:00:12 0 EOF',
    '2: -> FLOCK  ADVISORY  WRITE 4712 fe:00:12 0 EOF',
    '3: POSIX  ADVISORY  READ 4713 00:1a:13 0 EOF',
    '4: FLOCK  ADVISORY  WRITE 0 fe:00:14 0 EOF',
    '5: OFDLCK ADVISORY  WRITE -1 fe:00:15 0 EOF',
    '6: FLOCK  ADVISORY  WRITE 4715 fe:00:15 0 EOF',
    '7: -> FLOCK  ADVISORY  WRITE 4716 fe:00:16 0 EOF',
    '8: LEASE  ACTIVE    WRITE 4717 fe:00:118 0 EOF',
    '',
  ].join('\n');

  test.each([
    ['a lock of flock(2), and not who waits for it', 12n, [4711]],
    ['a lock of fcntl(2)', 13n, [4713]],
    ['a file that several have locked: the first that has a pid', 15n, [4715]],
    ['a lock that belongs to no process', 11n, []],
    ['a process outside of our PID namespace', 14n, []],
    ['somebody who only waits', 16n, []],
    ['a file that nobody has locked', 17n, []],
    ['a number that another ends with', 18n, []],
    ['a number that is the beginning of another', 1n, []],
  ])('%s', (_, inode, pid) => {
    expect(parseLocks(locks, inode)).toEqual(pid);
  });

  test('an empty list', () => {
    expect(parseLocks('', 12n)).toEqual([]);
  });

  test('the real host tells who holds a lock, while it is held', async () => {
    const file = at('locked');
    writeFileSync(file, '');
    const { lockedBy } = realHost({}, '');
    expect(lockedBy(file)).toBeUndefined();
    const holder = spawn('flock', [file, 'sh', '-c', 'echo held; read line'], { stdio: 'pipe' });
    onTestFinished(() => void holder.kill('SIGKILL'));
    const ended = once(holder, 'exit');
    await once(holder.stdout, 'data');
    expect(lockedBy(file)).toBe(holder.pid);
    expect(lockedBy(at('second/tool'))).toBeUndefined();
    holder.stdin.end('\n');
    await ended;
    expect(lockedBy(file)).toBeUndefined();
  });

  test('a file that is not there is locked by nobody', () => {
    expect(realHost({}, '').lockedBy(at('none'))).toBeUndefined();
  });
});
