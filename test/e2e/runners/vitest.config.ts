import { defineConfig } from 'vitest/config';
import { holdfastAlias } from '../../setup/alias.ts';

export default defineConfig({
  resolve: { alias: holdfastAlias },
  test: { root: import.meta.dirname, include: ['cases/vitest*.case.mjs'], testTimeout: 5000 },
});
