import { defineConfig } from 'vitest/config';
import shared from '../../vitest.config.ts';

// A run of its own behind the other tests: it builds the six images first, which takes minutes where
// nothing has been built yet.
export default defineConfig({
  test: {
    ...shared.test,
    include: ['test/container/**/*.test.ts'],
    exclude: [],
    globalSetup: 'test/container/setup.ts',
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
