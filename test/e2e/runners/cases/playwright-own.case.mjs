import { mergeTests, test as own } from '@playwright/test';
import { expect, test as ours } from 'holdfast/playwright';

own('own test: passes', async () => {
  await expect(() => 'succeeded').toEventuallySucceed();
});

own('own test: not awaited, and not noticed', () => {
  void expect(() => 'succeeded').toEventuallySucceed();
});

const merged = mergeTests(own, ours);

merged('merged: not awaited', () => {
  merged.fail();
  void expect(() => 'succeeded').toEventuallySucceed(); // HERE
});
