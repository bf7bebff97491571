import { describe, expect, test } from 'vitest';
import {
  configOf,
  mayWrite,
  named,
  needsHome,
  needsWritable,
  type Places,
  placesOf,
} from '../../src/grafana/places.ts';
import { readFlags, readSettings } from '../../src/grafana/settings.ts';
import { type FakeFile, type FakeWorld, fakeHost } from '../support/fake-host.ts';

const own: Places = {
  config: '/etc/grafana/grafana.ini',
  data: '/var/lib/grafana',
  home: '/usr/share/grafana',
  logs: '/var/log/grafana',
  plugins: '/var/lib/grafana/plugins',
  provisioning: '/etc/grafana/provisioning',
};

/** The places of a start. */
function places(world: FakeWorld = {}, args: readonly string[] = [], ini = '') {
  const host = fakeHost(world);
  return placesOf(configOf(readFlags(args), host), readSettings(args, ini, host), host);
}

describe('where grafana keeps what it has', () => {
  test("the official image's own places, where no variable says otherwise", () => {
    expect(places()).toEqual(own);
  });

  test.each([
    ['GF_PATHS_CONFIG', 'config'],
    ['GF_PATHS_DATA', 'data'],
    ['GF_PATHS_HOME', 'home'],
    ['GF_PATHS_LOGS', 'logs'],
    ['GF_PATHS_PLUGINS', 'plugins'],
    ['GF_PATHS_PROVISIONING', 'provisioning'],
  ] as const)('%s names one of them, and moves no other', (variable, place) => {
    expect(places({ env: { [variable]: '/srv/one' } })).toEqual({ ...own, [place]: '/srv/one' });
    expect(places({ env: { [variable]: '' } })).toEqual(own);
  });

  test.each(['data', 'logs', 'plugins', 'provisioning'] as const)(
    '%s is a setting like all others',
    (place) => {
      const ini = `[paths]\n${place} = /ini\n`;
      const env = { [`GF_PATHS_${place.toUpperCase()}`]: '/env' };
      const one = (path: string) => ({ ...own, [place]: path });
      expect(places({}, [`cfg:default.paths.${place}=/default`])).toEqual(one('/default'));
      expect(places({}, [`cfg:default.paths.${place}=/default`], ini)).toEqual(one('/ini'));
      expect(places({ env }, [], ini)).toEqual(one('/env'));
      expect(places({ env }, [`cfg:paths.${place}=/arg`], ini)).toEqual(one('/arg'));
      expect(places({}, [], `[other]\n${place} = /ini\n`)).toEqual(own);
    },
  );

  test.each([
    ['--config', 'config'],
    ['--homepath', 'home'],
  ] as const)('%s goes before its variable, and is no setting', (flag, place) => {
    const env = { [`GF_PATHS_${place.toUpperCase()}`]: '/env' };
    expect(places({ env }, [`${flag}=/arg`])).toEqual({ ...own, [place]: '/arg' });
    expect(places({ env }, [`${flag}=`])).toEqual({ ...own, [place]: '/env' });
    expect(places({ env }, [`cfg:paths.${place}=/arg`], `[paths]\n${place} = /ini\n`)).toEqual({
      ...own,
      [place]: '/env',
    });
    // What is told to grafana before the user's arguments is not theirs.
    expect(named(place, fakeHost({ env }))).toBe('/env');
    expect(named(place, fakeHost({ root: '/site' }))).toBe(`/site${own[place]}`);
  });

  test('below LDMS_ENTRYPOINT_ROOT lie its own places, and not one that a variable names', () => {
    expect(places({ root: '/site', env: { GF_PATHS_DATA: '/srv/data' } })).toEqual({
      config: '/site/etc/grafana/grafana.ini',
      data: '/srv/data',
      home: '/site/usr/share/grafana',
      logs: '/site/var/log/grafana',
      plugins: '/site/var/lib/grafana/plugins',
      provisioning: '/site/etc/grafana/provisioning',
    });
  });
});

describe("grafana's own files", () => {
  const home = (files: FakeWorld['files'] = {}) => needsHome(own, fakeHost({ files }));
  const what = 'GF_PATHS_HOME=/usr/share/grafana';

  test('are there', () => {
    expect(home({ '/usr/share/grafana/conf/defaults.ini': {} })).toEqual({
      what,
      found: "grafana's own files are there",
    });
  });

  test.each([
    ['nothing is there', {}, 'it does not exist'],
    ['a file is there', { '/usr/share/grafana': {} }, 'it is not a directory'],
    ['what is there cannot be seen', { '/usr/share/grafana': { hidden: 'EACCES' } }, 'permission denied'],
  ] as [string, Record<string, FakeFile>, string][])('are not: %s', (_, files, why) => {
    expect(home(files)).toEqual({
      what,
      problem: {
        kind: 'configuration',
        what: `cannot use ${what}: ${why}`,
        remedy: 'use an image that contains grafana, or name the directory that it is in',
      },
    });
  });
});

const data = (
  directory: FakeFile | undefined,
  { uid = 472, more = {} }: { uid?: number; more?: Record<string, FakeFile> } = {},
) => {
  const files = { ...(directory && { '/var/lib/grafana': directory }), ...more };
  return needsWritable('data', own, fakeHost({ uid, gid: 0, files }), 'grafana.db');
};
const what = 'GF_PATHS_DATA=/var/lib/grafana';

describe('a place that grafana can write to', () => {
  const writable = { requirements: [{ what, found: 'it can be written to' }], preparations: [] };

  test.each([
    ['empty', {}],
    ['with a database', { '/var/lib/grafana/grafana.db': {} }],
    ['with a closed file that is not its database', { '/var/lib/grafana/other': { closed: 'EACCES' } }],
    [
      'with a directory in the place of its database',
      { '/var/lib/grafana/grafana.db': { kind: 'directory' } },
    ],
  ] as const)('%s', (_, more) => {
    for (const uid of [0, 472, 1234]) {
      expect(data({ kind: 'directory' }, { uid, more })).toEqual(writable);
    }
  });

  test.each([
    ['its parent is there', { '/var/lib': { kind: 'directory' } }],
    ['only / is there', {}],
    ['above its parent nothing can be made', { '/var/lib': { kind: 'directory' }, '/': { closed: 'EROFS' } }],
  ] as const)('one that is not there is made: %s', (_, more) => {
    expect(data(undefined, { more })).toEqual({
      requirements: [{ what, found: 'it can be made' }],
      preparations: [{ do: 'directory', path: '/var/lib/grafana', mode: 0o755, mend: false }],
    });
  });

  test.each([
    ['logs', 'GF_PATHS_LOGS=/var/log/grafana'],
    ['plugins', 'GF_PATHS_PLUGINS=/var/lib/grafana/plugins'],
  ] as const)('%s is told by the name of its own variable', (place, name) => {
    const { requirements, preparations } = needsWritable(place, own, fakeHost());
    expect(requirements).toEqual([{ what: name, found: 'it can be made' }]);
    expect(preparations).toMatchObject([{ path: own[place] }]);
  });
});

describe('a place that grafana cannot write to', () => {
  const problem = (...given: Parameters<typeof data>) => {
    const { requirements, preparations } = data(...given);
    expect(preparations).toEqual([]);
    return requirements.flatMap(({ problem }) => problem ?? []);
  };
  const chown = (uid: number) =>
    `give it to uid ${uid}: chown -R ${uid} on what the host mounts at /var/lib/grafana`;

  test.each([
    // To run as root for that would be too much.
    ["the image's user, and root's directory", 472, 0, ''],
    ["an arbitrary user, and root's directory", 1234, 0, ''],
    [
      "an arbitrary user, and the image's directory",
      1234,
      472,
      ', or run as its owner: docker run --user 472:0',
    ],
    ['root without CAP_DAC_OVERRIDE', 0, 472, ', or run as its owner: docker run --user 472:0'],
    ['its owner, whom the mode does not let', 472, 472, ''],
  ])('%s', (_, uid, owner, asOwner) => {
    for (const errno of ['EACCES', 'EPERM']) {
      expect(problem({ kind: 'directory', uid: owner, closed: errno }, { uid })).toEqual([
        {
          kind: 'configuration',
          what: `cannot write to ${what}: ${errno === 'EACCES' ? 'permission denied' : 'operation not permitted'}`,
          remedy: `${chown(uid)}${asOwner}`,
        },
      ]);
    }
  });

  test.each([
    [472, '--tmpfs /var/lib/grafana:uid=472'],
    [1234, '--tmpfs /var/lib/grafana:uid=1234'],
    [0, '--tmpfs /var/lib/grafana:uid=0'],
  ])('--read-only, as uid %i', (uid, tmpfs) => {
    expect(problem({ kind: 'directory', uid: 472, closed: 'EROFS' }, { uid })).toEqual([
      {
        kind: 'configuration',
        what: `cannot write to ${what}: the file system is read-only`,
        remedy: `mount a volume there: docker run -v grafana:/var/lib/grafana, or ${tmpfs}`,
      },
    ]);
  });

  test('one that is not there, and cannot be made: the nearest directory is told', () => {
    expect(problem(undefined, { more: { '/var/lib': { kind: 'directory', closed: 'EACCES' } } })).toEqual([
      {
        kind: 'configuration',
        what: `cannot write to ${what}: /var/lib: permission denied`,
        remedy: chown(472),
      },
    ]);
    const owned = { '/var/lib': { kind: 'directory', uid: 1000, closed: 'EACCES' } } as const;
    expect(problem(undefined, { more: owned })).toMatchObject([
      { remedy: `${chown(472)}, or run as its owner: docker run --user 1000:0` },
    ]);
  });

  test('its database belongs to somebody else', () => {
    const database = (file: FakeFile) =>
      problem({ kind: 'directory', uid: 472 }, { more: { '/var/lib/grafana/grafana.db': file } });
    expect(database({ uid: 0, closed: 'EACCES' })).toEqual([
      {
        kind: 'configuration',
        what: `cannot write to ${what}: /var/lib/grafana/grafana.db: permission denied`,
        remedy: chown(472),
      },
    ]);
    expect(database({ uid: 1000, closed: 'EACCES' })).toMatchObject([
      { remedy: `${chown(472)}, or run as its owner: docker run --user 1000:0` },
    ]);
    expect(database({ uid: 0 })).toEqual([]);
  });

  test.each([
    ['a file in its place', { '/var/lib/grafana': {} }, ''],
    ['a file on the way to it', { '/var/lib': {} }, '/var/lib: '],
  ])('%s', (_, more, where) => {
    expect(problem(undefined, { more })).toEqual([
      {
        kind: 'configuration',
        what: `cannot write to ${what}: ${where}it, or a part of its path, is not a directory`,
        remedy: 'free or mend that place, or name another one',
      },
    ]);
  });
});

test('any directory can be asked for, by what people call it', () => {
  const host = fakeHost({ uid: 472, files: { '/x/.aws': { kind: 'directory', closed: 'EROFS' } } });
  expect(mayWrite('the place for X', '/x/.aws', host).requirements).toMatchObject([
    {
      what: 'the place for X',
      problem: {
        what: 'cannot write to the place for X: the file system is read-only',
        remedy: expect.stringContaining('--tmpfs /x/.aws:uid=472'),
      },
    },
  ]);
  expect(mayWrite('the place for X', '/y', host)).toEqual({
    requirements: [{ what: 'the place for X', found: 'it can be made' }],
    preparations: [{ do: 'directory', path: '/y', mode: 0o755, mend: false }],
  });
});
