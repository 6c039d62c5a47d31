import { defineConfig } from '@playwright/test';

/** Run by `runners.test.ts`, which says where the output goes. */
export default defineConfig({
  testDir: 'cases',
  testMatch: 'playwright*.case.mjs',
  outputDir: process.env['RUNNERS_OUTPUT'] ?? 'test-results',
  timeout: 5000,
  workers: 2,
});
