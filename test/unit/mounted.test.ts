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

describe('a file that is not there', () => {
  const at = '/site/etc/ldms_cfg.yaml';
  const remedy = (root: string, file = {}) => {
    const where = root === '' ? path : at;
    const read = readMounted(where, path, 'mine.yaml', fakeHost({ root, files: file }));
    return typeof read === 'string' ? read : read.remedy;
  };

  test('is to be mounted', () => {
    expect(remedy('')).toBe('mount yours: docker run -v /on-host/mine.yaml:/etc/ldms_cfg.yaml:ro');
  });

  test('is to be put there in local mode, which has no container', () => {
    expect(remedy('/site')).toBe('put yours there: cp mine.yaml /site/etc/ldms_cfg.yaml');
  });

  test('one that is there needs neither', () => {
    expect(remedy('', files)).toBe('daemons: []\n');
    expect(remedy('/site', { [at]: { content: 'x: 1\n' } })).toBe('x: 1\n');
  });
});
