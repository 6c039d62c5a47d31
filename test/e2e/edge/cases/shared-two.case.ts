/** The same as in the other `shared` file: whichever comes second finds every module loaded already. */
import { describe, expect, test } from 'vitest';

test('green', async () => {
  let flag = false;
  setTimeout(() => (flag = true), 20);
  await expect(() => flag).toEventuallySucceed({ within: '1s' });
});

test('unawaited', () => {
  void expect(() => 'failed').toEventuallySucceed(); // HERE
});

test('within is longer than what is left', async () => {
  await new Promise((resolve) => setTimeout(resolve, 200));
  await expect(() => false).toEventuallySucceed({ within: 1900 }); // HERE
});

describe.concurrent('side by side', () => {
  test('with the global expect', async () => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    await expect(() => 'failed').toEventuallySucceed(); // HERE
  });

  test("with the context's expect", async ({ expect }) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(() => 'failed').toEventuallyFail();
  });

  test('innocent', async ({ expect }) => {
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(1).toBe(1);
  });
});
