import { test } from 'vitest';
import { expect } from 'holdfast/vitest';

test('unawaited, passing', () => {
  void expect(() => true).toEventuallySucceed(); // HERE
});

test('unawaited, failing', () => {
  void expect(() => 'failed').toEventuallySucceed(); // HERE
});

test('unawaited, never decided', () => {
  void expect(() => false).toEventuallySucceed(); // HERE
});

test('unawaited soft', () => {
  void expect.soft(() => 'failed').toEventuallySucceed(); // HERE
});

test('innocent neighbour', async () => {
  await expect(() => true).toEventuallySucceed();
});

test('raced away', async () => {
  await Promise.race([expect(() => false).toEventuallySucceed(), Promise.resolve()]); // HERE
});

test.fails('unawaited under test.fails', () => {
  void expect(() => 'failed').toEventuallySucceed();
});

test('unawaited, last of the file', () => {
  void expect(() => 'failed').toEventuallySucceed(); // HERE
});
