import { beforeAll, describe, test } from 'vitest';
import { expect } from 'holdfast/vitest';

test('asymmetric', () => {
  expect({ a: () => true }).toEqual({ a: (expect as any).toEventuallySucceed() }); // HERE
});

test('asymmetric, negated', () => {
  expect({ a: () => true }).toEqual({ a: (expect as any).not.toEventuallySucceed() }); // HERE
});

test('.not passes on an ending that decides', async () => {
  await expect(() => 'failed').not.toEventuallySucceed();
});

test('.not does not pass on a timeout', async () => {
  await expect(() => false).not.toEventuallySucceed({ within: 50 }); // HERE
});

test('.not does not pass on a hung probe', async () => {
  await expect(() => new Promise(() => {})).not.toEventuallySucceed({ within: 50 }); // HERE
});

test('a value cannot be waited on', async () => {
  await expect(42).toEventuallySucceed(); // HERE
});

test('expect.poll', async () => {
  await expect.poll(() => () => true).toEventuallySucceed(); // HERE
});

test('a message of the user', async () => {
  await expect(() => 'failed', 'the nightly report').toEventuallySucceed(); // HERE
});

test('soft goes on', async () => {
  await expect.soft(() => 'failed').toEventuallySucceed(); // HERE
  expect.soft(1).toBe(2);
});

let attempts = 0;
test('retried', { retry: 2 }, async () => {
  attempts++;
  await expect(() => (attempts === 3 ? 'succeeded' : 'failed')).toEventuallySucceed();
});

test.fails('expected to fail', async () => {
  await expect(() => 'failed').toEventuallySucceed();
});

test('resolves', async () => {
  await expect(Promise.resolve(() => true)).resolves.toEventuallySucceed();
});

describe('in a hook', () => {
  let ready = false;
  beforeAll(async () => {
    setTimeout(() => (ready = true), 20);
    await expect(() => ready).toEventuallySucceed({ within: '1s' });
  });
  test('the hook waited', () => {
    expect(ready).toBe(true);
  });
});

test('all seven', async () => {
  const states = ['queued', 'running', 'succeeded'];
  let at = 0;
  const next = (): string => states[Math.min(at++ >> 2, 2)] as string;
  await expect(next).toPassThrough(['queued', 'running', 'succeeded']);
  await expect(() => 'failed').toEventuallyFail();
  await expect(() => 'cancelled').toEventuallySettle();
  await expect(() => 'running').toEventuallyReach('running');
  await expect(() => 'running').toStay('running', { for: 30 });
  await expect(() => 'running').toNeverReach('failed', { for: '30ms' });
});
