import { describe, expect, test } from 'vitest';
import { judgeKey, octal, othersMayWrite, shortestKey, userWords } from '../../src/munge/key.ts';
import { directoriesUp } from '../../src/process/files.ts';
import { type FakeFile, type FakeWorld, fakeHost } from '../support/fake-host.ts';

const path = '/etc/munge/munge.key';
const munge = { name: 'munge', uid: 101, gid: 101 };
const bytes = Buffer.from(Array.from({ length: 128 }, (_, at) => (at * 7) % 256));
const good: FakeFile = { content: bytes, mode: 0o600, uid: 101, gid: 101 };

const judge = (key: FakeFile | undefined, world: FakeWorld = {}, user = munge) =>
  judgeKey(path, user, fakeHost({ ...world, files: { ...world.files, ...(key && { [path]: key }) } }));

describe('a key that munged takes is used where it lies', () => {
  test.each([
    ["munge's own, 0600", good],
    ["munge's own, 0400", { ...good, mode: 0o400 }],
    ['32 bytes', { ...good, content: bytes.subarray(0, shortestKey) }],
    ["munge's own, of another group", { ...good, gid: 0 }],
    // Root without CAP_DAC_OVERRIDE cannot look into it, but munged can.
    ["munge's own, that we cannot read", { ...good, size: 128, unreadable: 'EACCES' }],
  ])('%s', (_, key) => {
    expect(judge(key)).toEqual({ path });
  });

  test.each([
    ["/etc/munge of munge's, 0700", { '/etc/munge': { kind: 'directory', mode: 0o700, uid: 101, gid: 101 } }],
    ["/etc/munge of root's, 0755", { '/etc/munge': { kind: 'directory', mode: 0o755 } }],
    [
      "/etc/munge of root's that munge's group may enter",
      { '/etc/munge': { kind: 'directory', mode: 0o710, gid: 101 } },
    ],
    [
      '/etc/munge writable by all, with the sticky bit',
      { '/etc/munge': { kind: 'directory', mode: 0o1777 } },
    ],
  ] as const)('%s', (_, files) => {
    expect(judge(good, { files })).toEqual({ path });
  });
});

describe('a good key that munged would refuse is copied', () => {
  test.each([
    ["root's", { ...good, uid: 0 }, {}, 'uid 0'],
    ["munge's of the host, with another uid", { ...good, uid: 998 }, {}, 'uid 998'],
    ['behind a symbolic link, as Kubernetes mounts secrets', { ...good, link: true }, {}, 'symbolic link'],
    [
      'in a directory of a third user',
      good,
      { '/etc/munge': { kind: 'directory', uid: 998 } },
      '/etc/munge belongs to uid 998',
    ],
    [
      'in a directory that munge may not enter',
      good,
      { '/etc/munge': { kind: 'directory', mode: 0o700 } },
      'may not enter its directory /etc/munge',
    ],
    [
      "in a directory that munge's group may not enter",
      good,
      { '/etc/munge': { kind: 'directory', mode: 0o705, gid: 101 } },
      'may not enter',
    ],
  ] as const)('%s', (_, key, files, because) => {
    expect(judge(key, { files })).toEqual({ path, copyBecause: expect.stringContaining(because) });
  });
});

const refused = (why: RegExp, remedy: RegExp) => ({
  kind: 'munge',
  what: expect.stringMatching(new RegExp(`^cannot use the munge key ${path}: .*${why.source}`)),
  remedy: expect.stringMatching(remedy),
});

const chmodKey =
  /^on the host: chmod 0600 KEYFILE \(a docker or podman secret: mode=0400; Kubernetes: defaultMode: 0400, no fsGroup\)$/;
// Without --keyfile, mungekey writes to the host's own /etc/munge/munge.key, or refuses to.
const makeKey =
  /^make one on the host and give it to every node .*: mungekey --create --bits=1024 --keyfile=munge\.key$/;

describe('a key that nobody should use is refused, and what to do is said', () => {
  test.each([
    [
      'missing',
      undefined,
      /there is none$/,
      /-v \/run\/munge:\/run\/munge:ro.*munge\.key:\/etc\/munge\/munge\.key:ro/,
    ],
    [
      'a symbolic link to nothing',
      { hidden: 'ENOENT', link: true },
      /it is a symbolic link to nothing$/,
      /-v \/run\/munge:\/run\/munge:ro.*munge\.key:\/etc\/munge\/munge\.key:ro/,
    ],
    [
      'a directory',
      { kind: 'directory' },
      /it is a directory/,
      /remove that directory.* -v FILE:\/etc\/munge\/munge\.key:ro$/,
    ],
    ['a socket', { kind: 'socket' }, /not a regular file/, /mount a key file/],
    ['a device', { kind: 'other' }, /not a regular file/, /mount a key file/],
    ['readable by all', { ...good, mode: 0o644 }, /others than its owner.*0644/, chmodKey],
    ['readable by its group', { ...good, mode: 0o640 }, /others than its owner.*0640/, chmodKey],
    ['writable by all', { ...good, mode: 0o602 }, /others than its owner.*0602/, chmodKey],
    ['executable by all', { ...good, mode: 0o601 }, /others than its owner.*0601/, chmodKey],
    ["root's and readable by all", { ...good, uid: 0, mode: 0o444 }, /others than its owner.*0444/, chmodKey],
    ['empty', { ...good, content: '' }, /it is empty/, makeKey],
    ['31 bytes', { ...good, content: bytes.subarray(0, 31) }, /31 bytes.*32 or more/, makeKey],
    ['all zeros', { ...good, content: Buffer.alloc(1024) }, /all its bytes are the same \(zeros\)/, makeKey],
    [
      'all ones',
      { ...good, content: Buffer.alloc(32, 0xff) },
      /all its bytes are the same \(0xff\)/,
      makeKey,
    ],
    [
      'all of one letter',
      { ...good, content: 'a'.repeat(32), uid: 0 },
      /all its bytes are the same \(0x61\)/,
      makeKey,
    ],
    [
      'in a place that cannot be looked into',
      { hidden: 'EACCES' },
      /permission denied/,
      /--cap-add=DAC_OVERRIDE/,
    ],
    [
      "root's and not for us to read",
      { ...good, uid: 0, unreadable: 'EACCES' },
      /belongs to uid 0.*cannot be copied: permission denied/,
      /^on the host: chown 101:101 KEYFILE$/,
    ],
  ] as const)('%s', (_, key, why, remedy) => {
    expect(judge(key)).toEqual(refused(why, remedy));
  });

  test.each([
    ['/etc/munge', 'all', 0o777],
    ['/etc/munge', 'its group', 0o775],
    ['/etc', 'others', 0o757],
  ])('%s is writable by %s', (directory, _, mode) => {
    const files = { [directory]: { kind: 'directory', mode } } as const;
    const verdict = refused(
      new RegExp(`others may write to its directory ${directory},`),
      new RegExp(`chmod go-w ${directory}$`),
    );
    expect(judge(good, { files })).toEqual(verdict);
    expect(judge({ ...good, uid: 0 }, { files }), 'a key that would be copied').toEqual(verdict);
  });

  // docker mounts at a path of the container; LDMS_ENTRYPOINT_ROOT is where we look.
  test.each([
    ['missing', {}],
    ['a symbolic link to nothing', { '/site/etc/munge/munge.key': { hidden: 'ENOENT', link: true } }],
    ['a directory', { '/site/etc/munge/munge.key': { kind: 'directory' } }],
  ] as const)('below LDMS_ENTRYPOINT_ROOT, what is mounted is named without it: %s', (_, files) => {
    const below = `/site${path}`;
    const verdict = judgeKey(below, munge, fakeHost({ root: '/site', files }));
    expect(verdict).toEqual({
      kind: 'munge',
      what: expect.stringContaining(`cannot use the munge key ${below}: `),
      remedy: expect.stringContaining(`:${path}:ro`),
    });
    expect(verdict).toMatchObject({ remedy: expect.not.stringContaining('/site') });
  });

  test('the mode is told before the length: both have to be mended anyhow', () => {
    expect(judge({ ...good, mode: 0o644, content: '' })).toEqual(refused(/others than its owner/, /chmod/));
  });

  test('no refusal shows a byte of the key', () => {
    const secret = 'Rumpelstiltskin-and-a-bit-more-of-it';
    for (const key of [{ mode: 0o644 }, { uid: 0, unreadable: 'EIO' }, { size: 3 }]) {
      expect(JSON.stringify(judge({ ...good, content: secret, ...key }))).not.toContain('Rumpel');
    }
  });
});

describe('a container with an arbitrary user', () => {
  test('is told which directory keeps it from the key', () => {
    const files = { '/etc/munge': { kind: 'directory', mode: 0o700, uid: 101 } } as const;
    const user = { name: '', uid: 1234, gid: 1234 };
    expect(judge({ hidden: 'EACCES' }, { uid: 1234, files }, user)).toEqual({
      kind: 'munge',
      what: 'cannot use the munge key /etc/munge/munge.key: uid 1234 may not enter /etc/munge',
      remedy: expect.stringMatching(/^chmod a\+x \/etc\/munge in the image, start the container as root/),
    });
  });

  const somebody = { name: '', uid: 1234, gid: 1234 };

  test('its own key is used', () => {
    expect(judge({ ...good, uid: 1234 }, {}, somebody)).toEqual({ path });
  });

  test('a key of another owner that it cannot read is refused, naming the uid that is needed', () => {
    const key = { ...good, unreadable: 'EACCES' };
    expect(judge(key, { uid: 1234 }, somebody)).toEqual(
      refused(/munged runs as uid 1234/, /^on the host: chown 1234:1234 KEYFILE$/),
    );
  });
});

test('directoriesUp names every directory above, the nearest first', () => {
  expect(directoriesUp('/run/munge/munge.socket.2')).toEqual(['/run/munge', '/run', '/']);
  expect(directoriesUp('/file')).toEqual(['/']);
});

test.each([
  ['a directory that its owner alone may write to', 'directory', 0o755, false],
  ['one that its group may write to', 'directory', 0o775, true],
  ['one that all but its group may write to', 'directory', 0o757, true],
  ['one that all may write to, with the sticky bit', 'directory', 0o1777, false],
  ['a file that all may write to', 'file', 0o777, false],
] as const)('%s', (_, kind, mode, may) => {
  expect(othersMayWrite(fakeHost({ files: { '/x': { kind, mode } } }).look('/x'))).toBe(may);
});

test('words for people', () => {
  expect(userWords(munge)).toBe('munge (101:101)');
  expect(userWords({ name: '', uid: 7, gid: 8 })).toBe('uid 7');
  expect(octal(0o4755)).toBe('04755');
});
