import { afterAll, afterEach, beforeEach, describe, test } from '@jest/globals';
import { expect } from 'holdfast/jest';

describe('kept', () => {
  /** @type {Promise<void>} */
  let kept;
  beforeEach(() => {
    kept = expect(() => 'succeeded').toEventuallySucceed();
  });
  test('in hooks: called in beforeEach, awaited in the test', async () => {
    await kept;
  });
});

describe('lost', () => {
  afterEach(() => {
    void expect(() => 'succeeded').toEventuallySucceed(); // HERE
  });
  test('in hooks: not awaited in afterEach', () => {
    expect(1).toBe(1);
  });
});

test('in hooks: innocent', async () => {
  await expect(() => 'succeeded').toEventuallySucceed();
});

afterAll(() => {
  void expect(() => 'succeeded').toEventuallyReach('succeeded');
});
