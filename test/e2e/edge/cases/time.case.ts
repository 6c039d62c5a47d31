import { afterEach, aroundEach, beforeEach, describe, onTestFinished, test, vi } from 'vitest';
import { subject } from 'holdfast';
import { poll } from 'holdfast/probes';
import { virtualClock } from 'holdfast/time';
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

describe('hooks have a limit of their own', () => {
  beforeEach(async () => {
    await expect(() => true).toEventuallySucceed({ within: '3s' });
    await new Promise((resolve) => setTimeout(resolve, 300));
  });
  beforeEach(async ({ signal }) => {
    expect(signal.aborted).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 300));
  });
  afterEach(async () => {
    await expect(() => true).toEventuallySucceed({ within: '3s' });
  });
  aroundEach(async (runTest) => {
    await expect(() => true).toEventuallySucceed({ within: '1s' });
    await runTest();
    await expect(() => true).toEventuallySucceed({ within: '3s' });
  });
  test('a matcher in a hook neither is refused nor takes from the test', async () => {
    await expect(() => true).toEventuallySucceed({ within: 1900 });
    onTestFinished(async () => {
      await expect(() => true).toEventuallySucceed({ within: '3s' });
    });
  });
});

test('a limit of its own', async () => {
  await expect(() => true).toEventuallySucceed({ within: '2500ms' });
}, 3000);

test('a limit of its own that is too short', async () => {
  await expect(() => false).toEventuallySucceed({ within: '400ms' }); // HERE
}, 300);

test('no limit', async () => {
  await expect(() => true).toEventuallySucceed({ within: '1h' });
}, 0);

test(
  'a limit without end',
  async () => {
    await expect(() => true).toEventuallySucceed({ within: '1h' });
  },
  Number.POSITIVE_INFINITY,
);

test('virtual time is never refused', async () => {
  const clock = virtualClock();
  const done = subject([poll(() => clock.now() > 3_000_000)], { clock });
  await clock.run(async () => {
    await expect(done).toEventuallySucceed({ within: '1h' });
  });
});

vi.setConfig({ testTimeout: 600 });
test('a limit set in the file', async () => {
  await expect(() => false).toEventuallySucceed({ within: '1s' }); // HERE
});
vi.resetConfig();

let attempt = 0;
test('every attempt has its own time', { retry: 1, timeout: 800 }, async () => {
  attempt++;
  if (attempt === 1) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    throw new Error('the first attempt');
  }
  await expect(() => true).toEventuallySucceed({ within: 700 });
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

test('a soft one that is pending is told once', async ({ task }) => {
  (task as { timeout: number }).timeout = 60_000;
  await expect.soft(() => 'running').toEventuallySucceed({ within: '30s' }); // HERE
}, 100);

test('and polling has stopped', async () => {
  const before = looks.length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(looks.length).toBe(before);
});

let cut = 0;
test('a test that times out leaves no matcher behind', async ({ task }) => {
  (task as { timeout: number }).timeout = 60_000;
  await Promise.all([
    expect(() => (cut++, 'running')).toEventuallySucceed({ within: '30s' }), // HERE
    expect(() => (cut++, 'running')).not.toEventuallyFail({ within: '30s' }), // HERE
  ]);
}, 100);

test('and none of them looks any more', async () => {
  const before = cut;
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(before).toBeGreaterThan(2);
  expect(cut).toBe(before);
});

let unseen = 0;
test('a test that ends first', async () => {
  void expect(() => (unseen++, false)).toEventuallySucceed(); // HERE
  await new Promise((resolve) => setTimeout(resolve, 20));
});

test('stops the polling as well', async () => {
  const before = unseen;
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(before).toBeGreaterThan(0);
  expect(unseen).toBe(before);
});

test('hung later', async () => {
  let first = true;
  const probe = (): unknown => {
    if (!first) return new Promise(() => {});
    first = false;
    return 'running';
  };
  await expect(probe).toEventuallySucceed({ within: 100 }); // HERE
});

test('hung, told at the deadline', async () => {
  const from = performance.now();
  const outcome = await expect(() => new Promise(() => {}))
    .toEventuallySucceed({ within: 100 })
    .then(() => 'passed', String);
  expect(outcome).toMatch(/hung/);
  expect(performance.now() - from).toBeLessThan(600);
});

test('a terminal failure ends the wait at once', async () => {
  const from = performance.now();
  const first = await expect(() => 'failed')
    .toEventuallySucceed({ within: '1s' })
    .then(() => 'passed', String);
  const second = await expect(() => 'cancelled')
    .toEventuallyReach('running', { within: '1s' })
    .then(() => 'passed', String);
  expect(first).toMatch(/but it failed after/);
  expect(second).toMatch(/cancelled/);
  expect(performance.now() - from).toBeLessThan(500);
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

test('fake timers switched on in the middle', async () => {
  let flag = false;
  const waiting = expect(() => flag).toEventuallySucceed({ within: 1000 });
  await new Promise((resolve) => setTimeout(resolve, 10));
  vi.useFakeTimers();
  try {
    setTimeout(() => (flag = true), 100);
    await waiting;
  } finally {
    vi.useRealTimers();
  }
});

test('faked Date and performance do not freeze it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'Date', 'performance', 'queueMicrotask'] });
  try {
    const from = Date.now();
    await expect(() => Date.now() - from >= 100).toEventuallySucceed({ within: 1000 });
    const outcome = await expect(() => false)
      .toEventuallySucceed({ within: 60 })
      .then(() => 'passed', String);
    expect(outcome).toMatch(/within 60ms/);
  } finally {
    vi.useRealTimers();
  }
});

test('two matchers on one thing move faked timers once', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  try {
    const from = Date.now();
    const one = subject([poll(() => false)]);
    const options = { within: 200, lookPast: 0 };
    await Promise.allSettled([expect(one).toEventuallySucceed(options), expect(one).toEventuallySettle(options)]);
    expect(Date.now() - from).toBeGreaterThan(150);
    expect(Date.now() - from).toBeLessThan(320);
  } finally {
    vi.useRealTimers();
  }
});

test('a faked timer that throws fails the test that waits', async () => {
  vi.useFakeTimers();
  try {
    setTimeout(() => {
      throw new Error('the timer of the test'); // HERE
    }, 5);
    await expect(() => false).toEventuallySucceed({ within: 500 });
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
