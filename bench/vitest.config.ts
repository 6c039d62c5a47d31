import { defineConfig } from 'vitest/config';

/** The peers run inside Vitest, so we are measured there as well: one process, one run, taking turns. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['*.bench-run.ts'],
    testTimeout: 600_000,
    pool: 'forks',
    execArgv: ['--expose-gc'],
  },
});
