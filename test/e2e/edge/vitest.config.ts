import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(`../../../src/${path}`, import.meta.url));

const common = {
  root: import.meta.dirname,
  resolve: {
    alias: [
      { find: /^holdfast\/(.+)$/, replacement: `${source('')}$1/index.ts` },
      { find: /^holdfast$/, replacement: source('index.ts') },
    ],
  },
};
const limits = { testTimeout: 2000, includeTaskLocation: true };

/** The cases are tests that must come out as `edge.test.ts` says, many of them red: they run in a Vitest of their own. */
export default defineConfig({
  test: {
    // On two cores Vitest would take one.
    maxWorkers: 3,
    projects: [
      { ...common, test: { ...limits, name: 'cases', include: ['cases/*.case.ts'], exclude: ['cases/{shared,bail}*'] } },
      {
        ...common,
        test: {
          ...limits,
          name: 'shared',
          include: ['cases/shared-*.case.ts'],
          isolate: false,
          maxWorkers: 1,
          setupFiles: ['cases/shared-setup.ts'],
        },
      },
      {
        ...common,
        test: {
          ...limits,
          name: 'forms',
          include: ['cases/forms/*.case.ts'],
          exclude: ['cases/forms/slow*'],
          // What a wait leaves open, also one that its test's time-out cut off, fails its file.
          setupFiles: ['../../setup/leaks.ts'],
        },
      },
      {
        ...common,
        test: {
          ...limits,
          name: 'slow',
          include: ['cases/forms/slow.case.ts'],
          env: { HOLDFAST_SLOW: '3', CI: 'true' },
          provide: { holdfast: { within: '40ms' } },
        },
      },
      {
        ...common,
        test: {
          ...limits,
          name: 'left',
          include: ['cases/left/{timed-out,ended}.case.ts'],
          setupFiles: ['cases/left/setup.ts'],
        },
      },
      {
        ...common,
        test: { ...limits, name: 'left-planted', include: ['cases/left/planted.case.ts'], setupFiles: ['cases/left/setup.ts'] },
      },
      // Two files at once: the first failure of the one cuts the other off.
      {
        ...common,
        test: {
          ...limits,
          name: 'left-bail',
          include: ['cases/left/bail-*.case.ts'],
          setupFiles: ['cases/left/setup.ts'],
          maxWorkers: 2,
        },
      },
      {
        ...common,
        test: {
          ...limits,
          testTimeout: 30_000,
          name: 'left-interrupted',
          include: ['cases/left/interrupted.case.ts'],
          setupFiles: ['cases/left/setup.ts'],
        },
      },
      { ...common, test: { ...limits, name: 'bail', include: ['cases/bail.case.ts'] } },
    ],
  },
});
