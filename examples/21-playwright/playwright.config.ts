import { defineConfig } from '@playwright/test';

/** Tests of an API alone: no browser is needed. */
export default defineConfig({ outputDir: '../../.vitest/playwright', timeout: 15_000 });
