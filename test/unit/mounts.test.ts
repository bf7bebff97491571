import { describe, expect, test } from 'vitest';
import { mountOver, parseMountinfo, throughVarRun } from '../../src/mounts.ts';
import { mountLine } from '../support/fake-host.ts';

describe('parseMountinfo', () => {
  test('reads root, mount point and type of each line', () => {
    const text = [
      '22 1 0:21 / / rw,relatime - overlay overlay rw,lowerdir=/a:/b',
      '31 22 0:25 /munge /run/munge ro,nosuid shared:5 master:2 - tmpfs tmpfs rw,size=1024k',
      '',
    ].join('\n');
    expect(parseMountinfo(text)).toEqual([
      { root: '/', point: '/', type: 'overlay', deleted: false },
      { root: '/munge', point: '/run/munge', type: 'tmpfs', deleted: false },
    ]);
  });

  test.each([
    ['none', ''],
    ['one', 'shared:1 '],
    ['several', 'shared:1 master:2 propagate_from:3 unbindable '],
  ])('finds the type behind the optional fields: %s', (_, optional) => {
    const [mount] = parseMountinfo(`1 2 3:4 / /run/munge rw ${optional}- tmpfs none rw`);
    expect(mount?.type).toBe('tmpfs');
  });

  test.each([
    ['a space', '/run/my\\040munge', '/run/my munge'],
    ['a tab', '/run/my\\011munge', '/run/my\tmunge'],
    ['a newline', '/run/my\\012munge', '/run/my\nmunge'],
    ['a backslash', '/run/my\\134munge', '/run/my\\munge'],
    ['an escaped backslash in front of digits', '/run/\\134040', '/run/\\040'],
    ['a hash', '/run/\\043munge', '/run/#munge'],
    ['the bytes of a UTF-8 letter', '/run/m\\303\\274nge', '/run/münge'],
    ['a UTF-8 letter that is not escaped', '/run/münge\\040', '/run/münge '],
    ['a backslash that begins no escape', '/run/\\9\\munge\\', '/run/\\9\\munge\\'],
  ])('undoes octal escapes: %s', (_, escaped, real) => {
    const [mount] = parseMountinfo(mountLine(escaped, { root: escaped }));
    expect(mount).toMatchObject({ point: real, root: real });
  });

  test('tells that the directory behind a bind mount has been deleted', () => {
    const [mount] = parseMountinfo(mountLine('/run/munge', { root: '/munge//deleted', type: 'tmpfs' }));
    expect(mount).toEqual({ root: '/munge', point: '/run/munge', type: 'tmpfs', deleted: true });
  });

  test('a directory that is called "deleted" has not been deleted', () => {
    const [mount] = parseMountinfo(mountLine('/run/munge', { root: '/munge/deleted' }));
    expect(mount).toMatchObject({ root: '/munge/deleted', deleted: false });
  });

  test.each([
    ['an empty file', ''],
    ['a line without a separator', '36 35 98:0 / /run/munge rw tmpfs none rw'],
    ['a line that ends at the separator', '36 35 98:0 / /run/munge rw -'],
    ['a line of another file', 'tmpfs /run/munge tmpfs rw 0 0'],
  ])('passes over %s', (_, text) => {
    expect(parseMountinfo(text)).toEqual([]);
  });
});

describe('mountOver', () => {
  const over = (points: string[], path: string, below = '') =>
    mountOver(parseMountinfo(points.map((point) => mountLine(point)).join('')), path, below)?.point;

  test.each([
    ['the directory', ['/', '/run/munge'], '/run/munge'],
    ['a directory above', ['/', '/run'], '/run'],
    ['the file itself', ['/', '/run/munge/munge.socket.2'], '/run/munge/munge.socket.2'],
    ['the deepest of several', ['/', '/run', '/run/munge', '/proc'], '/run/munge'],
    ['the /var/run spelling', ['/', '/var/run/munge'], '/var/run/munge'],
    ['all of /var/run', ['/', '/var/run'], '/var/run'],
  ])('finds a mount of %s', (_, points, found) => {
    expect(over(points, '/run/munge/munge.socket.2')).toBe(found);
  });

  test.each([
    ['the root file system', ['/']],
    ['a name that only begins alike', ['/run/mung', '/run/munge2', '/run/munge.old']],
    ['something deeper', ['/run/munge/munge.socket.2/x', '/run/munge/other']],
    ['/var itself', ['/var']],
  ])('does not take %s for a mount over the socket', (_, points) => {
    expect(over(points, '/run/munge/munge.socket.2')).toBeUndefined();
  });

  test('of two mounts on one point, the later one is what is seen', () => {
    const mounts = parseMountinfo(
      mountLine('/run/munge', { type: 'ext4' }) + mountLine('/run/munge', { type: 'tmpfs' }),
    );
    expect(mountOver(mounts, '/run/munge/munge.socket.2', '')?.type).toBe('tmpfs');
  });

  test('a later mount of a directory above hides the earlier, deeper one', () => {
    expect(over(['/', '/run/munge', '/run'], '/run/munge/munge.socket.2')).toBe('/run');
  });

  test('only mounts below the given directory count', () => {
    const path = '/site/run/munge/munge.socket.2';
    expect(over(['/', '/site'], path, '/site')).toBeUndefined();
    expect(over(['/', '/run/munge'], path, '/site')).toBeUndefined();
    expect(over(['/site/run/munge'], path, '/site')).toBe('/site/run/munge');
    expect(over(['/site/var/run/munge'], path, '/site')).toBe('/site/var/run/munge');
  });
});

test.each([
  ['/var/run', '', '/run'],
  ['/var/run/munge', '', '/run/munge'],
  ['/var/runner', '', '/var/runner'],
  ['/srv/var/run/munge', '', '/srv/var/run/munge'],
  ['/site/var/run/munge', '/site', '/site/run/munge'],
  ['/var/run/munge', '/site', '/var/run/munge'],
])('throughVarRun reads %s below "%s" as %s', (path, below, read) => {
  expect(throughVarRun(path, below)).toBe(read);
});
