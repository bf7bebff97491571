import { describe, expect, test } from 'vitest';
import { readMounted } from '../../src/mounted.ts';
import { fakeHost, mountLine } from '../support/fake-host.ts';

const path = '/etc/ldms_cfg.yaml';
const files = { [path]: { content: 'daemons: []\n' } };
const read = (mountinfo: string) => readMounted(path, path, 'ldms_cfg.yaml', fakeHost({ files, mountinfo }));

describe('a file that was bound by itself', () => {
  test('is read', () => {
    expect(read(mountLine(path, { root: '/home/cfg.yaml' }))).toBe('daemons: []\n');
  });

  test('and was replaced on the host since, as editors do, is the old one for ever: it is refused', () => {
    expect(read(mountLine(path, { root: '/home/cfg.yaml//deleted' }))).toMatchObject({
      kind: 'configuration',
      what: expect.stringContaining(path),
      remedy: expect.stringMatching(/restart/),
    });
  });

  test('a directory above it that was deleted is another matter', () => {
    expect(read(mountLine('/run/munge', { root: '/munge//deleted' }))).toBe('daemons: []\n');
  });
});
