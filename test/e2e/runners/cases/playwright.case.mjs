import { expect, test } from 'holdfast/playwright';
import { behaviour } from './behaviour.mjs';

/**
 * @param {(() => void) | undefined} before
 * @returns {import('./behaviour.mjs').Runner['test']}
 */
const defining = (before) => (name, run, ms) =>
  test(name, async () => {
    before?.();
    if (ms !== undefined) test.setTimeout(ms);
    await run();
  });

behaviour({
  test: defining(undefined),
  // After an unexpected failure Playwright starts a new worker, which takes a second.
  red: defining(() => test.fail()),
  expect,
  retried: (name, run) =>
    test.describe(() => {
      test.describe.configure({ retries: 1 });
      test(name, () => run(test.info().retry));
    }),
  failing: (name, run) =>
    test(name, async () => {
      test.fail();
      await run();
    }),
  soft: true,
  polling: true,
  messages: true,
});
