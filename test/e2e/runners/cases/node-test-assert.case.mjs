import { describe, test } from 'node:test';
import 'holdfast/node-test';

const sleep = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

test('t.assert: passes', async (t) => {
  await t.assert.toEventuallySucceed(() => 'succeeded', { within: '1s' });
});

test('t.assert: fails', async (t) => {
  await t.assert.toEventuallySucceed(() => 'failed'); // HERE
});

test('t.assert: not awaited', (t) => {
  void t.assert.toEventuallySucceed(() => 'succeeded'); // HERE
});

describe('together', { concurrency: true }, () => {
  test('t.assert: concurrent, good', async (t) => {
    await sleep(20);
    await t.assert.toStay(() => 'running', 'running', { for: '20ms' });
  });
  test('t.assert: concurrent, not awaited', async (t) => {
    await sleep(10);
    void t.assert.toEventuallySucceed(() => 'succeeded'); // HERE
  });
});
