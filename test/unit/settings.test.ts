import { describe, expect, test } from 'vitest';
import { parseDuration, readSettings, settingsTable } from '../../src/settings.ts';
import { settingsFrom } from '../support/fake-host.ts';

const problemOf = (env: NodeJS.ProcessEnv) => readSettings(env).problem;

const defaults = {
  root: '',
  munge: 'auto',
  mungeTimeoutMs: 10_000,
  nofile: undefined,
  componentId: undefined,
  logLevel: 'info',
  logFormat: 'auto',
  health: 'quick',
  healthTimeoutMs: 5000,
  supervise: false,
  stopTimeoutMs: 8000,
  restartLimit: 5,
  etcdDataDir: '/var/lib/etcd',
  etcdTimeoutMs: 60_000,
  etcdPort: 2379,
  maestroPrefix: 'maestro',
  maestroMembers: undefined,
  maestroMember: undefined,
  maestroLeaseMs: 2000,
  etcdPeerPort: 2380,
  etcdPeerCert: undefined,
  etcdPeerKey: undefined,
  etcdPeerCa: undefined,
  maestroCtrlTimeoutMs: 60_000,
  dsosd: false,
  uiSettingsCheck: true,
  dsosdsUrl: undefined,
};

test('without any LDMS_ENTRYPOINT_* variable the defaults are in force', () => {
  expect(settingsFrom({ PATH: '/usr/bin', LDMS_OTHER: 'x' })).toEqual(defaults);
});

test('where nothing is wrong, there is no problem', () => {
  expect(readSettings({ LDMS_ENTRYPOINT_MUNGE: 'off' })).toStrictEqual({
    settings: { ...defaults, munge: 'off' },
  });
});

test('an empty variable counts as unset, as compose files write it', () => {
  expect(settingsFrom(Object.fromEntries(settingsTable.map(({ name }) => [name, ''])))).toEqual(defaults);
});

test('the table has one row for each setting', () => {
  const keys = settingsTable.map(({ key }) => key);
  expect(new Set(keys)).toEqual(new Set(Object.keys(defaults)));
  expect(keys).toHaveLength(Object.keys(defaults).length);
  expect(new Set(settingsTable.map(({ name }) => name)).size).toBe(keys.length);
});

test.each(settingsTable.map((row) => [row.name, row] as const))(
  '%s has a default that it would itself accept, and says what it takes',
  (_, { fallback, parse, takes, meaning }) => {
    if (fallback !== '') expect(parse(fallback)).toBeDefined();
    expect(takes).not.toBe('');
    expect(meaning).not.toBe('');
  },
);

test.each([
  ['LDMS_ENTRYPOINT_ROOT', '/site', { root: '/site' }],
  ['LDMS_ENTRYPOINT_ROOT', '/site//', { root: '/site' }],
  ['LDMS_ENTRYPOINT_ROOT', '/', { root: '' }],
  ['LDMS_ENTRYPOINT_MUNGE', 'auto', { munge: 'auto' }],
  ['LDMS_ENTRYPOINT_MUNGE', 'host', { munge: 'host' }],
  ['LDMS_ENTRYPOINT_MUNGE', 'container', { munge: 'container' }],
  ['LDMS_ENTRYPOINT_MUNGE', 'off', { munge: 'off' }],
  ['LDMS_ENTRYPOINT_MUNGE_TIMEOUT', '250ms', { mungeTimeoutMs: 250 }],
  ['LDMS_ENTRYPOINT_NOFILE', '4096', { nofile: 4096 }],
  ['LDMS_ENTRYPOINT_COMPONENT_ID', 'COMPONENT_ID', { componentId: ['COMPONENT_ID'] }],
  ['LDMS_ENTRYPOINT_COMPONENT_ID', 'COMPID,_c2,COMPID', { componentId: ['COMPID', '_c2'] }],
  ['LDMS_ENTRYPOINT_LOG_LEVEL', 'debug', { logLevel: 'debug' }],
  ['LDMS_ENTRYPOINT_LOG_LEVEL', 'error', { logLevel: 'error' }],
  ['LDMS_ENTRYPOINT_LOG_FORMAT', 'json', { logFormat: 'json' }],
  ['LDMS_ENTRYPOINT_LOG_FORMAT', 'text', { logFormat: 'text' }],
  ['LDMS_ENTRYPOINT_HEALTH', 'deep', { health: 'deep' }],
  ['LDMS_ENTRYPOINT_HEALTH_TIMEOUT', '1m', { healthTimeoutMs: 60_000 }],
  ['LDMS_ENTRYPOINT_SUPERVISE', '1', { supervise: true }],
  ['LDMS_ENTRYPOINT_SUPERVISE', 'yes', { supervise: true }],
  ['LDMS_ENTRYPOINT_SUPERVISE', 'true', { supervise: true }],
  ['LDMS_ENTRYPOINT_SUPERVISE', '0', { supervise: false }],
  ['LDMS_ENTRYPOINT_SUPERVISE', 'no', { supervise: false }],
  ['LDMS_ENTRYPOINT_SUPERVISE', 'false', { supervise: false }],
  ['LDMS_ENTRYPOINT_STOP_TIMEOUT', '2500ms', { stopTimeoutMs: 2500 }],
  ['LDMS_ENTRYPOINT_RESTART_LIMIT', '0', { restartLimit: 0 }],
  ['LDMS_ENTRYPOINT_RESTART_LIMIT', '999', { restartLimit: 999 }],
  ['LDMS_ENTRYPOINT_RESTART_LIMIT', '1000', { restartLimit: 1000 }],
  ['LDMS_ENTRYPOINT_ETCD_DATA_DIR', '/data/etcd', { etcdDataDir: '/data/etcd' }],
  ['LDMS_ENTRYPOINT_ETCD_TIMEOUT', '3m', { etcdTimeoutMs: 180_000 }],
  ['LDMS_ENTRYPOINT_ETCD_PORT', '12379', { etcdPort: 12_379 }],
  ['LDMS_ENTRYPOINT_ETCD_PEER_PORT', '12380', { etcdPeerPort: 12_380 }],
  ['LDMS_ENTRYPOINT_MAESTRO_MEMBERS', 'a, b:2381,[::1]', { maestroMembers: 'a, b:2381,[::1]' }],
  ['LDMS_ENTRYPOINT_MAESTRO_MEMBERS', '/etc/members', { maestroMembers: '/etc/members' }],
  ['LDMS_ENTRYPOINT_MAESTRO_MEMBER', 'head-1', { maestroMember: 'head-1' }],
  ['LDMS_ENTRYPOINT_MAESTRO_LEASE', '5s', { maestroLeaseMs: 5000 }],
  ['LDMS_ENTRYPOINT_ETCD_PEER_CERT', '/etc/peer.pem', { etcdPeerCert: '/etc/peer.pem' }],
  ['LDMS_ENTRYPOINT_ETCD_PEER_KEY', '/etc/peer.key', { etcdPeerKey: '/etc/peer.key' }],
  ['LDMS_ENTRYPOINT_ETCD_PEER_CA', '/etc/ca.pem', { etcdPeerCa: '/etc/ca.pem' }],
  ['LDMS_ENTRYPOINT_MAESTRO_PREFIX', 'ldms-cluster_2', { maestroPrefix: 'ldms-cluster_2' }],
  ['LDMS_ENTRYPOINT_MAESTRO_CTRL_TIMEOUT', '90', { maestroCtrlTimeoutMs: 90_000 }],
  ['LDMS_ENTRYPOINT_DSOSD', '1', { dsosd: true }],
  ['LDMS_ENTRYPOINT_DSOSD', '0', { dsosd: false }],
  ['LDMS_ENTRYPOINT_UI_SETTINGS_CHECK', '0', { uiSettingsCheck: false }],
  ['LDMS_ENTRYPOINT_DSOSDS_URL', 'http://cygnus-07', { dsosdsUrl: 'http://cygnus-07' }],
  ['LDMS_ENTRYPOINT_DSOSDS_URL', 'https://ui:8443/x', { dsosdsUrl: 'https://ui:8443/x' }],
])('%s=%s is understood', (name, value, changed) => {
  expect(settingsFrom({ [name]: value })).toEqual({ ...defaults, ...changed });
});

describe('a wrong setting is an error', () => {
  test.each([
    ['LDMS_ENTRYPOINT_ROOT', 'relative/path'],
    ['LDMS_ENTRYPOINT_MUNGE', 'Host'],
    ['LDMS_ENTRYPOINT_MUNGE', 'yes'],
    ['LDMS_ENTRYPOINT_MUNGE_TIMEOUT', 'soon'],
    ['LDMS_ENTRYPOINT_MUNGE_TIMEOUT', '0'],
    ['LDMS_ENTRYPOINT_NOFILE', '0'],
    ['LDMS_ENTRYPOINT_NOFILE', '-1'],
    ['LDMS_ENTRYPOINT_NOFILE', 'unlimited'],
    ['LDMS_ENTRYPOINT_NOFILE', '10 '],
    ['LDMS_ENTRYPOINT_COMPONENT_ID', '5'],
    ['LDMS_ENTRYPOINT_COMPONENT_ID', 'COMPONENT-ID'],
    ['LDMS_ENTRYPOINT_COMPONENT_ID', 'COMPONENT_ID=5'],
    ['LDMS_ENTRYPOINT_COMPONENT_ID', 'COMPID, COMPONENT_ID'],
    ['LDMS_ENTRYPOINT_COMPONENT_ID', 'COMPID,'],
    ['LDMS_ENTRYPOINT_COMPONENT_ID', 'COMPID,LDMS_ENTRYPOINT_NOFILE'],
    ['LDMS_ENTRYPOINT_LOG_LEVEL', 'INFO'],
    ['LDMS_ENTRYPOINT_LOG_FORMAT', 'pretty'],
    ['LDMS_ENTRYPOINT_HEALTH', 'full'],
    ['LDMS_ENTRYPOINT_HEALTH_TIMEOUT', '-5s'],
    ['LDMS_ENTRYPOINT_SUPERVISE', '2'],
    ['LDMS_ENTRYPOINT_SUPERVISE', 'on'],
    ['LDMS_ENTRYPOINT_SUPERVISE', 'TRUE'],
    ['LDMS_ENTRYPOINT_SUPERVISE', '10'],
    ['LDMS_ENTRYPOINT_STOP_TIMEOUT', '0'],
    ['LDMS_ENTRYPOINT_STOP_TIMEOUT', 'never'],
    ['LDMS_ENTRYPOINT_RESTART_LIMIT', '-1'],
    ['LDMS_ENTRYPOINT_RESTART_LIMIT', '1001'],
    ['LDMS_ENTRYPOINT_RESTART_LIMIT', '1.5'],
    ['LDMS_ENTRYPOINT_RESTART_LIMIT', 'forever'],
    ['LDMS_ENTRYPOINT_ETCD_DATA_DIR', 'data/etcd'],
    ['LDMS_ENTRYPOINT_ETCD_TIMEOUT', '1h'],
    ['LDMS_ENTRYPOINT_ETCD_PORT', '0'],
    ['LDMS_ENTRYPOINT_ETCD_PEER_PORT', '65536'],
    ['LDMS_ENTRYPOINT_MAESTRO_MEMBERS', 'a,,b'],
    ['LDMS_ENTRYPOINT_MAESTRO_MEMBERS', 'a b'],
    ['LDMS_ENTRYPOINT_MAESTRO_MEMBERS', 'members.txt/x'],
    ['LDMS_ENTRYPOINT_MAESTRO_MEMBER', 'a,b'],
    ['LDMS_ENTRYPOINT_MAESTRO_LEASE', '1s'],
    ['LDMS_ENTRYPOINT_MAESTRO_LEASE', '2500ms'],
    ['LDMS_ENTRYPOINT_MAESTRO_LEASE', '2m'],
    ['LDMS_ENTRYPOINT_ETCD_PEER_CERT', 'peer.pem'],
    ['LDMS_ENTRYPOINT_MAESTRO_PREFIX', '/maestro'],
    ['LDMS_ENTRYPOINT_MAESTRO_PREFIX', 'a/b'],
    ['LDMS_ENTRYPOINT_MAESTRO_PREFIX', 'my cluster'],
    ['LDMS_ENTRYPOINT_MAESTRO_CTRL_TIMEOUT', '0s'],
    ['LDMS_ENTRYPOINT_DSOSD', 'enabled'],
  ])('%s="%s": the message names it, its value and what it takes', (name, value) => {
    const problem = problemOf({ [name]: value });
    expect(problem?.kind).toBe('usage');
    expect(problem?.what).toContain(`${name}=${value}`);
    expect(problem?.what).toContain(settingsTable.find((row) => row.name === name)?.takes);
  });

  // The log that tells the problem is opened with the settings.
  test.each(settingsTable.map(({ name }) => [name]))('%s: its default is in force in its place', (name) => {
    const { settings, problem } = readSettings({ [name]: 'no such value' });
    expect(problem?.what).toContain(`${name}=no such value`);
    expect(settings).toStrictEqual(defaults);
  });

  test.each([
    ['http://admin:hunter2@cygnus-07', 'http://***@cygnus-07'],
    ['https://hunter2@cygnus-07/x', 'https://***@cygnus-07/x'],
    ['ftp://admin:hunter2@cygnus-07', 'ftp://***@cygnus-07'],
    ['http://admin:hunter2@cygnus-07:99999', 'http://***@cygnus-07:99999'],
  ])('a password in a URL is not told: %s', (url, shown) => {
    const told = problemOf({ LDMS_ENTRYPOINT_DSOSDS_URL: url });
    expect(told?.what).toContain(`LDMS_ENTRYPOINT_DSOSDS_URL=${shown} is not an http://`);
    expect(JSON.stringify(told)).not.toContain('hunter2');
    expect(problemOf({ LDMS_ENTRYPOINT_DSOSDS_URL: 'cygnus-07/x' })?.what).toContain('=cygnus-07/x is not');
  });

  test('those that are well formed hold beside it', () => {
    const env = {
      LDMS_ENTRYPOINT_MUNGE: 'maybe',
      LDMS_ENTRYPOINT_LOG_FORMAT: 'json',
      LDMS_ENTRYPOINT_ROOT: '/site',
      LDMS_ENTRYPOINT_XYZ: '1',
    };
    const { settings, problem } = readSettings(env);
    expect(settings).toEqual({ ...defaults, logFormat: 'json', root: '/site' });
    expect(problem?.kind).toBe('usage');
  });

  test.each([
    ['LDMS_ENTRYPOINT_MUNG', 'LDMS_ENTRYPOINT_MUNGE'],
    ['LDMS_ENTRYPOINT_MUNGED', 'LDMS_ENTRYPOINT_MUNGE'],
    ['LDMS_ENTRYPOINT_LOGLEVEL', 'LDMS_ENTRYPOINT_LOG_LEVEL'],
    ['LDMS_ENTRYPOINT_MUNGE_TIMOUT', 'LDMS_ENTRYPOINT_MUNGE_TIMEOUT'],
    ['LDMS_ENTRYPOINT_HEALTH_TIMOUT', 'LDMS_ENTRYPOINT_HEALTH_TIMEOUT'],
    ['LDMS_ENTRYPOINT_NO_FILE', 'LDMS_ENTRYPOINT_NOFILE'],
    ['LDMS_ENTRYPOINT_SUPERVICE', 'LDMS_ENTRYPOINT_SUPERVISE'],
    ['LDMS_ENTRYPOINT_ETCD_DATADIR', 'LDMS_ENTRYPOINT_ETCD_DATA_DIR'],
    ['LDMS_ENTRYPOINT_DSOS', 'LDMS_ENTRYPOINT_DSOSD'],
  ])('%s: did you mean %s?', (name, meant) => {
    expect(problemOf({ [name]: 'x' })?.what).toBe(
      `cannot use the settings: ${name} is not a setting (did you mean ${meant}?)`,
    );
  });

  test.each(['LDMS_ENTRYPOINT_XYZ', 'LDMS_ENTRYPOINT_COLOUR', 'LDMS_ENTRYPOINT_'])(
    '%s is like no setting, and none is suggested',
    (name) => {
      expect(problemOf({ [name]: 'x' })?.what).toBe(`cannot use the settings: ${name} is not a setting`);
    },
  );

  test('an unknown LDMS_ENTRYPOINT_ variable is named, and the valid ones are listed', () => {
    const problem = problemOf({ LDMS_ENTRYPOINT_MUGNE: 'off' });
    expect(problem?.what).toContain('LDMS_ENTRYPOINT_MUGNE is not a setting');
    for (const { name } of settingsTable) expect(problem?.remedy).toContain(name);
  });

  test("a lower-case spelling or another prefix is nobody's setting, and no error", () => {
    expect(
      problemOf({ ldms_entrypoint_munge: 'x', LDMS_ENTRYPOINT: 'x', LDMSD_MEM_SZ: '1G' }),
    ).toBeUndefined();
  });

  test('all wrong ones are told at once', () => {
    const problem = problemOf({
      LDMS_ENTRYPOINT_MUNGE: 'maybe',
      LDMS_ENTRYPOINT_NOFILE: 'many',
      LDMS_ENTRYPOINT_COLOUR: 'red',
    });
    expect(problem?.what).toContain('LDMS_ENTRYPOINT_MUNGE=maybe');
    expect(problem?.what).toContain('LDMS_ENTRYPOINT_NOFILE=many');
    expect(problem?.what).toContain('LDMS_ENTRYPOINT_COLOUR');
  });
});

test.each([
  ['500ms', 500],
  ['10s', 10_000],
  ['2m', 120_000],
  ['3', 3000],
  ['1.5s', 1500],
  ['0.25', 250],
  ['1ms', 1],
  ['24000s', 24_000_000],
  ['1440m', 86_400_000],
  ['1441m', undefined],
  ['0', undefined],
  ['0s', undefined],
  ['0.4ms', undefined],
  ['', undefined],
  ['s', undefined],
  ['-1s', undefined],
  ['+1s', undefined],
  ['1 s', undefined],
  ['1S', undefined],
  ['1h', undefined],
  ['.5s', undefined],
  ['1e3', undefined],
  ['0x10', undefined],
  ['10s\n', undefined],
])('the duration "%s" is %s milliseconds', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});
