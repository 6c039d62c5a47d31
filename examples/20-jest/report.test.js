// Run with NODE_OPTIONS=--experimental-vm-modules: Holdfast is made of ES modules.
import { afterAll, beforeAll, jest, test } from '@jest/globals';
import { operation } from 'holdfast';
import { demoApp, serve } from 'holdfast/demo';
import { consistently, defaults, eventually, expect } from 'holdfast/jest';

/** @type {import('holdfast/demo').Served} */
let server;

defaults({ within: '2s' });

beforeAll(async () => {
  server = await serve(demoApp({ work: '300ms' }));
});
afterAll(() => server.close());

test('a report that is accepted now is there in the end', async () => {
  const op = operation(() => fetch(`${server.url}/reports`, { method: 'POST' }));

  await expect(op).toEventuallySucceed({ within: '4s' });

  await expect(op).toPassThrough(['queued', 'succeeded']);
  expect(await op.result()).toMatchObject({ rows: 12, currency: 'EUR' });
});

test('a report that nobody can write fails, and says why', async () => {
  const op = operation({ url: `${server.url}/reports`, method: 'POST', body: { title: 'Q3', template: 'q9' } });

  await expect(op).toEventuallyFail();
});

test('what has no operation is waited for with any matcher, or a block of them', async () => {
  /** @type {string[]} */
  const inbox = [];
  setTimeout(() => inbox.push('receipt'), 50);

  await eventually(() => inbox).toEqual(['receipt']);
  await eventually(() => {
    expect(inbox).toHaveLength(1);
    expect(inbox[0]).toMatch(/^rec/);
  });
  await consistently(() => inbox.length, { for: '500ms' }).toBe(1);
});

test('time that is faked for the code under test does not stand in the way', async () => {
  jest.useFakeTimers();
  try {
    let state = 'running';
    setTimeout(() => (state = 'succeeded'), 200);
    await expect(() => state).toEventuallySucceed({ within: '2s' });
  } finally {
    jest.useRealTimers();
  }
});
