import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/**
 * The peers run inside Vitest, so we are measured there as well: one process, one run, taking turns. All of us as installed
 * packages are: what Vitest rewrites (a project's own sources) calls across modules by a getter each time, and a package does not.
 */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['*.bench-run.ts'],
    testTimeout: 600_000,
    pool: 'forks',
    execArgv: ['--expose-gc'],
    server: { deps: { external: [new RegExp(join(import.meta.dirname, '../dist/'))] } },
  },
});
