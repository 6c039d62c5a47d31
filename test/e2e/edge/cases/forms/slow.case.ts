/** Run with HOLDFAST_SLOW=3 and CI=true, and with defaults from the config. */
import { test } from 'vitest';
import { eventually } from 'holdfast/vitest';

test('a multiplier is in force, and said', async () => {
  await eventually(() => 1, { within: 50 }).toBe(2); // HERE
});

test('a default of the config is multiplied too', async () => {
  await eventually(() => 1).toBe(2); // HERE
});

test('what passes late passes', async () => {
  const start = performance.now();
  await eventually(() => performance.now() - start > 100, { within: 50 }).toBe(true);
});

test('what the test has left cuts it', async () => {
  await eventually(() => 1, { within: 500 }).toBe(2); // HERE
}, 1200);
