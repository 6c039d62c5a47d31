import { defineConfig } from 'vitest/config';
import { holdfastAlias } from './test/setup/alias.ts';

const resolve = { alias: holdfastAlias };
/** A test that leaves something open fails its file. */
const setupFiles = ['./test/setup/leaks.ts'];

export default defineConfig({
  test: {
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary'] },
    projects: [
      {
        resolve,
        test: { name: 'unit', include: ['test/{unit,laws,messages,architecture,docs}/**/*.test.ts'], setupFiles },
      },
      {
        resolve,
        test: {
          name: 'e2e',
          include: ['test/{e2e,conformance}/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          setupFiles,
          globalSetup: ['./test/setup/built.ts'],
        },
      },
      {
        test: {
          name: 'types',
          include: [],
          typecheck: { enabled: true, only: true, include: ['test/types/**/*.test-d.ts'], tsconfig: './tsconfig.json' },
        },
      },
    ],
  },
});
