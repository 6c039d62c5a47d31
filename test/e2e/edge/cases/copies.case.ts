import { describe, test } from 'vitest';
import { operation } from 'holdfast';
import { expect } from 'holdfast/vitest';
// Another copy, as two packages that depend on different versions bring along; whichever comes last is in force.
import '../../../../dist/vitest/index.js';

test('green', async () => {
  await expect(() => true).toEventuallySucceed();
  await expect(operation(new Response('{}', { status: 200 }), { dialect: 'sync' })).toEventuallySucceed();
});

test('unawaited', () => {
  void expect(() => true).toEventuallySucceed(); // HERE
});

test('within is longer than the test has', async () => {
  await expect(() => false).toEventuallySucceed({ within: '10s' }); // HERE
});

describe.concurrent('side by side', () => {
  test("with the context's expect", async ({ expect }) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(() => 'failed').toEventuallyFail();
  });

  test('with the global expect', async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(() => true).toEventuallySucceed(); // HERE
  });

  test('innocent', async () => {
    await new Promise((resolve) => setTimeout(resolve, 10));
  });
});
