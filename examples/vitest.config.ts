import { defineConfig } from 'vitest/config';
import { holdfastAlias } from '../test/setup/alias.ts';

/** The examples as a user's own suite; `holdfast` is this source tree here, and the package in yours. */
export default defineConfig({
  resolve: { alias: holdfastAlias },
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    globalSetup: ['./server.ts'],
    testTimeout: 10_000,
  },
});
