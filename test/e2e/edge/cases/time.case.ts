import { beforeEach, describe, test, vi } from 'vitest';
import { expect } from 'holdfast/vitest';

test('within is longer than the test has', async () => {
  await expect(() => false).toEventuallySucceed({ within: '10s' }); // HERE
});

test('within is longer than what is left', async () => {
  await new Promise((resolve) => setTimeout(resolve, 300));
  await expect(() => false).toEventuallySucceed({ within: 1900 }); // HERE
});

test('for is longer than the test has', async () => {
  await expect(() => 'running').toStay('running', { for: '10s' }); // HERE
});

test('a default wait ends before the runner does', async () => {
  await expect(() => false).toEventuallySucceed(); // HERE
}, 800);

describe('after a slow hook', () => {
  beforeEach(async () => {
    await new Promise((resolve) => setTimeout(resolve, 700));
  });
  test('the hook does not count', async () => {
    await expect(() => true).toEventuallySucceed({ within: 1900 });
  });
});

const looks: number[] = [];
test('a wait that just fits tells its own failure', async () => {
  await new Promise((resolve) => setTimeout(resolve, 100));
  await expect(() => {
    looks.push(performance.now());
    return false;
  }).toEventuallySucceed({ within: 150 }); // HERE
}, 300);

test('a pending wait is named when the test times out', async ({ task }) => {
  // The limit is changed behind the matcher's back, so that only the runner knows that time is up.
  (task as { timeout: number }).timeout = 60_000;
  await expect(() => {
    looks.push(performance.now());
    return 'running';
  }).toEventuallySucceed({ within: '30s' }); // HERE
}, 200);

test('and polling has stopped', async () => {
  const before = looks.length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(looks.length).toBe(before);
});

test('hung', async () => {
  await expect(() => new Promise(() => {})).toEventuallySucceed({ within: 100 }); // HERE
});

test('rejects with undefined', async () => {
  await expect(() => Promise.reject(undefined)).toEventuallySucceed({ within: 100 }); // HERE
});

test('a last look at the deadline', async () => {
  const from = performance.now();
  await expect(() => performance.now() - from > 150).toEventuallySucceed({ within: 200, pace: '1s' });
});

test('fake timers do not freeze it', async () => {
  vi.useFakeTimers();
  try {
    await expect(() => false)
      .not.toEventuallySucceed({ within: 100 })
      .catch(() => undefined);
    let flag = false;
    setTimeout(() => (flag = true), 200);
    await expect(() => flag).toEventuallySucceed({ within: 1000 });
  } finally {
    vi.useRealTimers();
  }
});

test('a blocked event loop is not a hung probe', async () => {
  const from = performance.now();
  setTimeout(() => {
    while (performance.now() - from < 900);
  }, 20);
  await expect(async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return performance.now() - from > 500;
  }).toEventuallySucceed({ within: 600 });
});
