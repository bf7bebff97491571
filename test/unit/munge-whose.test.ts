import { describe, expect, test } from 'vitest';
import { whoseMunge } from '../../src/munge/whose.ts';
import { type FakeWorld, fakeHost, mountLine } from '../support/fake-host.ts';

const socket = '/run/munge/munge.socket.2';
// What a container has anyhow.
const usual =
  mountLine('/', { type: 'overlay' }) +
  mountLine('/proc', { type: 'proc' }) +
  mountLine('/dev', { type: 'tmpfs' });
const serving = { kind: 'socket', mode: 0o777 } as const;
const key = { '/etc/munge/munge.key': { mode: 0o600, uid: 101 } };

const whose = (mountinfo: string, world: FakeWorld = {}, path = socket, answers?: 'yes' | 'no') =>
  whoseMunge(path, fakeHost({ ...world, mountinfo: usual + mountinfo }), answers);

// The host's /run is a tmpfs, so that a part of it is what a bind mount shows.
const bound = { root: '/munge', type: 'tmpfs' };

describe("the host's", () => {
  test.each([
    ['-v /run/munge:/run/munge', mountLine('/run/munge', bound), '/run/munge'],
    [
      '-v /run/munge:/run/munge:ro',
      '40 35 0:25 /munge /run/munge ro,nosuid,nodev - tmpfs tmpfs rw,mode=755\n',
      '/run/munge',
    ],
    ['-v /var/run/munge:/var/run/munge', mountLine('/var/run/munge', bound), '/var/run/munge'],
    ['the socket file alone', mountLine(socket, { root: '/munge/munge.socket.2', type: 'tmpfs' }), socket],
    [
      'the socket file, in the /var/run spelling',
      mountLine(`/var${socket}`, { root: '/munge/munge.socket.2', type: 'tmpfs' }),
      `/var${socket}`,
    ],
    ['a host whose /run lies on its disk', mountLine('/run/munge', { root: '/run/munge' }), '/run/munge'],
    ['a disk of its own', mountLine('/run/munge', { root: '/', type: 'xfs' }), '/run/munge'],
    [
      'a directory with a space on the host',
      mountLine('/run/munge', { root: '/my\\040munge' }),
      '/run/munge',
    ],
    [
      'bound over a tmpfs of the container',
      mountLine('/run', { type: 'tmpfs' }) + mountLine('/run/munge', bound),
      '/run/munge',
    ],
  ])('%s', (_, mountinfo, mountPoint) => {
    const answer = whose(mountinfo);
    expect(answer).toMatchObject({ whose: 'host', mountPoint });
    expect(answer).not.toHaveProperty('stale');
    expect(answer.because).toContain(mountPoint);
  });

  test.each([
    ['systemd/private', { kind: 'socket', mode: 0o600 }],
    ['systemd/notify', { kind: 'socket' }],
    ['systemd/journal', { kind: 'directory' }],
    ['udev/control', { kind: 'socket', mode: 0o600 }],
    ['udev/data', { kind: 'directory' }],
    ['dbus/system_bus_socket', { kind: 'socket' }],
    ['initctl', { kind: 'other', mode: 0o600 }],
    ['openrc/softlevel', { kind: 'file' }],
    ['runit', { kind: 'directory' }],
    ['s6-rc', { kind: 'directory' }],
  ] as const)("-v /run:/run, a tmpfs in which the host's %s lies", (name, file) => {
    const files = { [`/run/${name}`]: file, [socket]: serving };
    expect(whose(mountLine('/run', { type: 'tmpfs' }), { files })).toMatchObject({
      whose: 'host',
      mountPoint: '/run',
    });
  });

  test("-v /run:/run, with a key: the host's all the same", () => {
    const files = { '/run/systemd/private': {}, [socket]: serving, ...key };
    expect(whose(mountLine('/run', { type: 'tmpfs' }), { files })).toMatchObject({ whose: 'host' });
  });

  test("-v /run/munge:/run/munge, with a key: the host's all the same", () => {
    expect(whose(mountLine('/run/munge', bound), { files: { [socket]: serving, ...key } })).toMatchObject({
      whose: 'host',
    });
  });

  test('-v /var/run:/var/run, in the spelling that it has in the container', () => {
    const files = { '/var/run/systemd/private': {}, '/var/run/systemd/notify': {} };
    expect(whose(mountLine('/var/run', { type: 'tmpfs' }), { files })).toMatchObject({ whose: 'host' });
  });

  test('a directory that has been deleted on the host is stale', () => {
    expect(whose(mountLine('/run/munge', { root: '/munge//deleted', type: 'tmpfs' }))).toMatchObject({
      whose: 'host',
      stale: true,
      mountPoint: '/run/munge',
    });
  });

  test('a socket file that has been deleted on the host is stale', () => {
    expect(whose(mountLine(socket, { root: '/munge/munge.socket.2//deleted', type: 'tmpfs' }))).toMatchObject(
      {
        whose: 'host',
        stale: true,
      },
    );
  });

  test('a mount point with octal escapes, over a socket that the user named', () => {
    const path = '/srv/my munge/munge.socket.2';
    expect(whose(mountLine('/srv/my\\040munge', { root: '/munge' }), {}, path)).toMatchObject({
      whose: 'host',
      mountPoint: '/srv/my munge',
    });
  });

  test('a socket that the user named in the /var/run spelling', () => {
    expect(whose(mountLine('/run/munge', bound), {}, `/var${socket}`)).toMatchObject({ whose: 'host' });
  });
});

describe('ours', () => {
  test.each([
    ["no mount but a container's usual ones", ''],
    ['/run/munge2', mountLine('/run/munge2', bound)],
    ['/run/mung', mountLine('/run/mung', bound)],
    ['/srv/run/munge', mountLine('/srv/run/munge', bound)],
    ['/var/run/munge2', mountLine('/var/run/munge2', bound)],
    ['a source path that holds the text', mountLine('/data', { root: '/run/munge' })],
    ['a deeper mount', mountLine('/run/munge/other', bound)],
    ['the key alone', mountLine('/etc/munge/munge.key', { root: '/munge.key' })],
    ['/run/secrets, as swarm mounts it', mountLine('/run/secrets', { type: 'tmpfs' })],
    ['--tmpfs /run/munge', mountLine('/run/munge', { type: 'tmpfs' })],
    ['--tmpfs /run', mountLine('/run', { type: 'tmpfs' })],
    [
      "a fresh tmpfs over a bind of the host's",
      mountLine('/run/munge', bound) + mountLine('/run/munge', { type: 'tmpfs' }),
    ],
    [
      'a fresh tmpfs on /run over what was bound below it',
      mountLine('/run/munge', bound) + mountLine('/run', { type: 'tmpfs' }),
    ],
  ])('%s', (_, mountinfo) => {
    expect(whose(mountinfo)).toMatchObject({ whose: 'ours' });
  });

  test('a tmpfs on /run that holds what docker and munge put there', () => {
    const files = {
      '/run/secrets/munge.key': {},
      '/run/lock/x': {},
      '/run/.containerenv': {},
      [socket]: serving,
    };
    expect(whose(mountLine('/run', { type: 'tmpfs' }), { files })).toMatchObject({ whose: 'ours' });
  });

  // podman copies the image's /run into the tmpfs (tmpcopyup), and Ubuntu's images have this file in it.
  test.each([
    ['/run/systemd/container'],
    ['/run/systemd/resolve/stub-resolv.conf'],
    ['/run/udev/x'],
    ['/run/dbus/x'],
    ['/run/openrc/x'],
    ['/run/utmp'],
  ])('a tmpfs on /run that holds %s of an image', (path) => {
    const files = { [path]: {}, [socket]: serving };
    expect(whose(mountLine('/run', { type: 'tmpfs' }), { files })).toMatchObject({ whose: 'ours' });
  });
});

const emptyDir = '/var/lib/kubelet/pods/4f1c/volumes/kubernetes.io~empty-dir/munge-run';

describe.each([
  ['a Kubernetes emptyDir', emptyDir, 'ext4'],
  ['a Kubernetes emptyDir with a subPath', `${emptyDir}/sub`, 'xfs'],
  ['a docker volume', '/var/lib/docker/volumes/munge-run/_data', 'ext4'],
  ['a docker volume on a disk of its own', '/docker/volumes/munge-run/_data', 'xfs'],
  ['a podman volume', '/var/lib/containers/storage/volumes/munge-run/_data', 'btrfs'],
])('%s', (_, root, type) => {
  test.each(['/run/munge', '/run', '/var/run/munge'])('at %s, empty: ours', (point) => {
    expect(whose(mountLine(point, { root, type }))).toMatchObject({ whose: 'ours' });
  });

  test.each(['/run/munge', '/run', '/var/run/munge'])(
    'at %s with a socket in it: to be asked, since a sidecar may serve there or our last munged have left it',
    (point) => {
      const files = { ...key, [socket]: serving };
      const ask = (answers?: 'yes' | 'no') =>
        whose(mountLine(point, { root, type }), { files }, socket, answers);
      expect(ask()).toMatchObject({ whose: 'ours', unsure: true });
      expect(ask('yes')).toEqual({ whose: 'host', because: `a munged answers at ${socket} already` });
      // A restart of the container: the volume stays, and with it the socket of our munged that was killed.
      expect(ask('no')).toEqual({ whose: 'ours', because: expect.stringContaining(point) });
    },
  );

  test.each([
    ['a file', { [socket]: { kind: 'file' } }],
    ['a directory', { [socket]: { kind: 'directory' } }],
    ["only munged's other files", { '/run/munge/munged.pid': {}, '/run/munge/munge.socket.2.lock': {} }],
  ] as const)('in which %s lies and no socket: ours', (_, files) => {
    expect(whose(mountLine('/run/munge', { root, type }), { files })).toMatchObject({ whose: 'ours' });
  });
});

test('an emptyDir in memory is a fresh tmpfs', () => {
  expect(whose(mountLine('/run/munge', { type: 'tmpfs' }))).toMatchObject({ whose: 'ours' });
});

test("a directory of the host that is only called like a volume is the host's", () => {
  expect(whose(mountLine('/run/munge', { root: '/srv/volumes/munge' }))).toMatchObject({ whose: 'host' });
});

describe('below LDMS_ENTRYPOINT_ROOT', () => {
  const root = '/site';

  test.each([
    ['a bind below the root', mountLine('/site/run/munge', bound), 'host'],
    ['a bind below the root, as /var/run', mountLine('/site/var/run/munge', bound), 'host'],
    ["a bind of the machine's own /run/munge", mountLine('/run/munge', bound), 'ours'],
    ['a mount of the root itself', mountLine('/site', { root: '/export/site', type: 'nfs' }), 'ours'],
    ['a mount above the root', mountLine('/', { type: 'ext4' }), 'ours'],
    ['a fresh tmpfs below the root', mountLine('/site/run', { type: 'tmpfs' }), 'ours'],
  ])('%s', (_, mountinfo, answer) => {
    expect(whose(mountinfo, { root }, `${root}${socket}`)).toMatchObject({ whose: answer });
  });

  test("-v /run:/site/run, a tmpfs in which the host's systemd lies", () => {
    const files = { '/site/run/systemd/private': {} };
    const mountinfo = mountLine('/site/run', { type: 'tmpfs' });
    expect(whose(mountinfo, { root, files }, `${root}${socket}`)).toMatchObject({ whose: 'host' });
  });
});
