import { test } from 'vitest';
import { expect } from 'holdfast/vitest';

/** Something that has happened, to be awaited; the order of what runs at the same time must not hang on how long it takes. */
function moment(): { readonly come: Promise<void>; happens(): void } {
  let happens!: () => void;
  const come = new Promise<void>((resolve) => (happens = resolve));
  return { come, happens };
}

/**
 * The global `expect` takes the test that began last for the one that calls it. Only so many tests run at the same time, so whether
 * another has begun, and still runs, is a matter of luck unless it is waited for.
 */
const lastBegan = moment();
const refused = [moment(), moment()] as const;

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
  await lastBegan.come;
  try {
    await expect(() => true).toEventuallySucceed(); // HERE
  } finally {
    refused[0].happens();
  }
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
  await lastBegan.come;
  own(2).toBe(2);
  try {
    await expect(() => 'failed').toEventuallySucceed(); // HERE
  } finally {
    refused[1].happens();
  }
});

test.concurrent('innocent last', async ({ expect }) => {
  lastBegan.happens();
  for (let i = 0; i < 12; i++) {
    expect(i).toBe(i);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.all(refused.map(({ come }) => come));
});
