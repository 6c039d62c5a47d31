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

test('soft and resolves', async () => {
  await expect.soft(Promise.resolve(bad)).resolves.toEventuallySucceed(); // HERE
});

const plain = async (): Promise<void> => {
  await expect(bad).toEventuallySucceed(); // HERE
};
test('inside a plain helper', async () => {
  await plain();
});

test('returned from a helper that is no async function', async () => {
  const given = (): Promise<void> => expect(bad).toEventuallySucceed(); // HERE
  await given();
});

test('through then', async () => {
  await expect(bad)
    .toEventuallySucceed() // HERE
    .then(() => undefined);
});

test('kept, and awaited after something else', async () => {
  const kept = expect(bad).toEventuallySucceed(); // HERE
  await new Promise((resolve) => setTimeout(resolve, 20));
  await kept;
});

test('a refusal', async () => {
  await expect(bad).toEventuallySucceed({ within: '5 sec' as never }); // HERE
});

test('every matcher', async () => {
  await expect.soft(bad).toEventuallySucceed(); // HERE
  await expect.soft(() => 'succeeded').toEventuallyFail(); // HERE
  await expect.soft(() => false).toEventuallySettle({ within: 30 }); // HERE
  await expect.soft(bad).toEventuallyReach('running'); // HERE
  await expect.soft(bad).toPassThrough(['running', 'succeeded']); // HERE
  await expect.soft(bad).toStay('running', { for: 30 }); // HERE
  await expect.soft(bad).toNeverReach('failed', { for: 30 }); // HERE
});
