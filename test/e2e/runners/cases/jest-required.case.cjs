const { test } = require('@jest/globals');
const { operation } = require('holdfast');
const { expect } = require('holdfast/jest');

test('required: passes', async () => {
  await expect(() => 'succeeded').toEventuallySucceed();
  expect(typeof operation).toBe('function');
});

test('required: not awaited', () => {
  void expect(() => 'succeeded').toEventuallySucceed(); // HERE
});
