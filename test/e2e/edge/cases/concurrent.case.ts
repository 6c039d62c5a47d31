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

test.concurrent('several matchers of one test', async ({ expect }) => {
  await new Promise((resolve) => setTimeout(resolve, 10));
  const first = expect(() => true);
  const second = expect(() => 'failed');
  await first.toEventuallySucceed();
  await second.toEventuallyFail();
  await Promise.all([
    expect(Promise.resolve(() => true)).resolves.toEventuallySucceed(),
    expect(Promise.resolve(() => 'running')).resolves.toEventuallyReach('running'),
    expect(() => true).toEventuallySucceed(),
  ]);
});

let tries = 0;
test.concurrent('tried again', { retry: 2 }, async ({ expect }) => {
  tries++;
  await new Promise((resolve) => setTimeout(resolve, 5));
  await expect(() => (tries === 3 ? 'succeeded' : 'failed')).toEventuallySucceed();
});

test.concurrent('a soft one, bad', async ({ expect }) => {
  await new Promise((resolve) => setTimeout(resolve, 10));
  await expect.soft(() => 'failed').toEventuallySucceed(); // HERE
  expect(1).toBe(1);
});

test.concurrent('negated, in a helper', async ({ expect }) => {
  const check = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    await expect(() => 'failed').not.toEventuallySucceed();
  };
  await check();
});

test.concurrent('the global expect beside calls of its own', async ({ expect: own }) => {
  own(1).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 15));
  own(2).toBe(2);
  await expect(() => 'failed').toEventuallySucceed(); // HERE
});

test.concurrent('innocent last', async ({ expect }) => {
  for (let i = 0; i < 12; i++) {
    expect(i).toBe(i);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
});
