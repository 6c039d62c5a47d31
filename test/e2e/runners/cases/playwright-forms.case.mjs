import { consistently, defaults, eventually, expect, test } from 'holdfast/playwright';
import { forms } from './forms.mjs';

/**
 * @param {(() => void) | undefined} before
 * @returns {import('./forms.mjs').Forms['test']}
 */
const defining = (before) => (name, run, ms) =>
  test(name, async () => {
    before?.();
    if (ms !== undefined) test.setTimeout(ms);
    await run();
  });

forms({
  test: defining(undefined),
  red: defining(() => test.fail()),
  endless: (name, run, ms = 0) =>
    test(name, async () => {
      test.fail();
      test.setTimeout(60_000);
      const done = run();
      // It is told how long it may take when it begins to wait, which is soon.
      await new Promise((resolve) => setImmediate(resolve));
      test.setTimeout(ms);
      await done;
    }),
  describe: (name, define) => test.describe(name, define),
  ...{ expect, eventually, consistently, defaults },
  limits: true,
  forgets: true,
});

test.describe('by the option', () => {
  test.use({ holdfastDefaults: { within: 80, lookPast: 0 } });
  test('form, an option of the suite holds', async () => {
    await expect(async () => {
      await eventually(() => 1).toBe(2);
    }).rejects.toThrow(/within 80ms/);
  });
});
