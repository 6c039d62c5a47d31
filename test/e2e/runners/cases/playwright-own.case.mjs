import { mergeTests, test as own } from '@playwright/test';
import { sse } from 'holdfast/probes';
import { expect, test as ours } from 'holdfast/playwright';
import { endless } from './streams.mjs';

own('own test: passes', async () => {
  await expect(() => 'succeeded').toEventuallySucceed();
});

own('own test: not awaited, and not noticed', () => {
  void expect(() => 'succeeded').toEventuallySucceed();
});

own('own test: what a matcher opened is closed with it', async () => {
  const streams = await endless();
  try {
    await expect(sse(streams.url, { reconnect: false })).toEventuallySucceed();
    await streams.allClosed();
  } finally {
    await streams.close();
  }
});

const merged = mergeTests(own, ours);

merged('merged: not awaited', () => {
  merged.fail();
  void expect(() => 'succeeded').toEventuallySucceed(); // HERE
});
