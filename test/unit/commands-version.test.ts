import { expect, test } from 'vitest';
import { version } from '../../src/commands/version.ts';

test('a source that has not been built says so', () => {
  expect(version).toBe('unbuilt');
});
