import { test } from 'vitest';
import { expect } from 'holdfast/vitest';

test.concurrent("with the context's expect, good", async ({ expect }) => {
  let flag = false;
  setTimeout(() => (flag = true), 40);
  await expect(() => flag).toEventuallySucceed();
});

test.concurrent("with the context's expect, bad", async ({ expect }) => {
  await new Promise((resolve) => setTimeout(resolve, 20));
  await expect(() => 'failed').toEventuallySucceed(); // HERE
});

test.concurrent("with the context's expect, not awaited", async ({ expect }) => {
  await new Promise((resolve) => setTimeout(resolve, 10));
  void expect(() => 'failed').toEventuallySucceed(); // HERE
});

test.concurrent('with the global expect', async () => {
  await new Promise((resolve) => setTimeout(resolve, 10));
  await expect(() => true).toEventuallySucceed(); // HERE
});

test.concurrent('innocent neighbour', async ({ expect }) => {
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(1).toBe(1);
});
