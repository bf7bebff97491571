import { describe, expect, test } from 'vitest';
import {
  forksByItself,
  imageRecord,
  ourRecord,
  recordedVersion,
  versionRecord,
} from '../../src/ldmsd/version.ts';
import { fakeHost } from '../support/fake-host.ts';

test.each([
  ['LDMSD Version: 4.3.11', true],
  ['LDMSD Version: 4.4.0', true],
  ['LDMSD Version: 4.4.4', true],
  ['LDMSD Version: 3.9.1', true],
  ['LDMSD Version: 4.5.0', false],
  ['LDMSD Version: 4.5.1', false],
  ['LDMSD Version: 4.10.2', false],
  ['LDMSD Version: 5.0.0', false],
  ['LDMSD Version: 10.1.0', false],
  ['LDMSD Version: 4.4.4\nLDMS Interface Version: 4.1.0', true],
  ['', undefined],
  ['ldmsd: command not found', undefined],
  ['LDMSD Version: unknown', undefined],
])('an ldmsd that prints %j needs -F to stay in the foreground: %s', (printed, forks) => {
  expect(forksByItself(printed)).toBe(forks);
});

describe('the recorded version', () => {
  const ldmsd = '/opt/ovis/sbin/ldmsd';
  const program = { [ldmsd]: { size: 1_048_576, mtime: 1_700_000_000, mode: 0o755 } };
  const matching = (version: string) => ({ content: `1048576 1700000000 LDMSD Version: ${version}\n` });

  test.each([
    ["the image's", { [imageRecord]: matching('4.4.4') }, 'LDMSD Version: 4.4.4'],
    ['ours', { [ourRecord]: matching('4.3.11') }, 'LDMSD Version: 4.3.11'],
    [
      "the image's before ours",
      { [imageRecord]: matching('4.4.4'), [ourRecord]: matching('4.5.1') },
      'LDMSD Version: 4.4.4',
    ],
    [
      "ours where the image's is of another file",
      { [imageRecord]: { content: '7 1700000000 LDMSD Version: 4.4.4' }, [ourRecord]: matching('4.5.1') },
      'LDMSD Version: 4.5.1',
    ],
    ['none', {}, undefined],
    [
      'one of a file of another size',
      { [imageRecord]: { content: '1048577 1700000000 LDMSD Version: 4.4.4' } },
      undefined,
    ],
    [
      'one of a file of another time',
      { [imageRecord]: { content: '1048576 1700000001 LDMSD Version: 4.4.4' } },
      undefined,
    ],
    ['an empty one', { [imageRecord]: { content: '' } }, undefined],
    ['one that is something else', { [imageRecord]: { content: 'LDMSD Version: 4.4.4' } }, undefined],
    ['one that cannot be read', { [imageRecord]: { unreadable: 'EACCES' } }, undefined],
  ])('%s', (_, records, version) => {
    expect(recordedVersion(fakeHost({ files: { ...program, ...records } }), ldmsd)).toBe(version);
  });

  test('of an ldmsd that is not there', () => {
    const files = { [imageRecord]: { content: '0 0 LDMSD Version: 4.4.4' } };
    expect(recordedVersion(fakeHost({ files }), ldmsd)).toBeUndefined();
    expect(versionRecord(fakeHost(), ldmsd, 'LDMSD Version: 4.4.4')).toBe('');
  });

  test('lies below LDMS_ENTRYPOINT_ROOT', () => {
    const files = { ...program, [`/site${ourRecord}`]: matching('4.4.4') };
    expect(recordedVersion(fakeHost({ files, root: '/site' }), ldmsd)).toBe('LDMSD Version: 4.4.4');
    expect(recordedVersion(fakeHost({ files }), ldmsd)).toBeUndefined();
  });

  test('what is written is what is read: size, time and the first line', () => {
    const record = versionRecord(fakeHost({ files: program }), ldmsd, '\nLDMSD Version: 4.4.4\nmore\n');
    expect(record).toBe('1048576 1700000000 LDMSD Version: 4.4.4\n');
    const files = { ...program, [ourRecord]: { content: record } };
    expect(recordedVersion(fakeHost({ files }), ldmsd)).toBe('LDMSD Version: 4.4.4');
  });
});
