import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They have a configuration of their own.
    exclude: ['test/container/**'],
    pool: 'forks',
    // The machine may have two slow cores: a test waits for conditions, and this is the last resort.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // munged and its like live in sbin, which not every user has in PATH.
    env: { PATH: `${process.env['PATH']}:/usr/local/sbin:/usr/sbin:/sbin` },
    reporters: ['default', './test/support/reporter.ts'],
  },
});
