import { test, vi } from 'vitest';
import { expect } from 'holdfast/vitest';

const bad = (): string => 'failed';

test('awaited', async () => {
  await expect(bad).toEventuallySucceed(); // HERE
});

test('on a later line', async () => {
  await expect(bad).toEventuallySucceed(); // HERE
});

test('returned from a plain function', () => expect(bad).toEventuallySucceed()); // HERE

test('kept and awaited later', async () => {
  const kept = expect(bad).toEventuallySucceed(); // HERE
  await Promise.resolve();
  await kept;
});

test('in Promise.all', async () => {
  await Promise.all([
    expect(() => true).toEventuallySucceed(),
    expect(bad).toEventuallySucceed(), // HERE
  ]);
});

test('negated', async () => {
  await expect(() => true).not.toEventuallySucceed(); // HERE
});

test('soft', async () => {
  await expect.soft(bad).toEventuallySucceed(); // HERE
});

test('resolves', async () => {
  await expect(Promise.resolve(bad)).resolves.toEventuallySucceed(); // HERE
});

const helper = vi.defineHelper(async () => {
  await expect(bad).toEventuallySucceed();
});
test('inside a helper', async () => {
  await helper(); // HERE
});
