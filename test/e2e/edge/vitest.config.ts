import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(`../../../src/${path}`, import.meta.url));

/** The cases are tests that must come out as `edge.test.ts` says, many of them red: they run in a Vitest of their own. */
export default defineConfig({
  root: import.meta.dirname,
  resolve: {
    alias: [
      { find: /^holdfast\/(.+)$/, replacement: `${source('')}$1/index.ts` },
      { find: /^holdfast$/, replacement: source('index.ts') },
    ],
  },
  test: { include: ['cases/*.case.ts'], testTimeout: 2000, includeTaskLocation: true },
});
