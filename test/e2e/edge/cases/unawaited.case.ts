import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
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

test('kept in a variable', () => {
  const kept = expect(() => true).toEventuallySucceed(); // HERE
  expect(typeof kept).toBe('object');
});

test('unawaited, negated', () => {
  void expect(() => 'failed').not.toEventuallySucceed(); // HERE
});

test('unawaited resolves', () => {
  void expect(Promise.resolve(() => true)).resolves.toEventuallySucceed(); // HERE
});

let tooLate = 0;
let come: (probe: () => boolean) => void;
test('unawaited resolves, of a promise that is late', () => {
  const late = new Promise<() => boolean>((resolve) => (come = resolve));
  void expect(late).resolves.toEventuallySucceed(); // HERE
}, 50);

test('what comes too late looks at nothing', async () => {
  come(() => tooLate++ > 1e6);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(tooLate).toBe(0);
});

test('awaited in Promise.all and allSettled', async () => {
  await Promise.all([expect(() => true).toEventuallySucceed(), expect(() => 'failed').toEventuallyFail()]);
  await Promise.allSettled([expect(() => true).toEventuallySucceed()]);
});

test('returned instead of awaited', () => expect(() => true).toEventuallySucceed());

test('awaited through then, catch and finally', async () => {
  const told: string[] = [];
  await expect(() => true)
    .toEventuallySucceed()
    .then(() => told.push('then'))
    .finally(() => told.push('finally'));
  await expect(() => 'failed')
    .toEventuallySucceed()
    .catch(() => told.push('catch'))
    .finally(() => told.push('at last'));
  expect(told).toEqual(['then', 'finally', 'catch', 'at last']);
});

test('then without await, failing', async () => {
  void expect(() => 'failed')
    .toEventuallySucceed() // HERE
    .then(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 5));
});

test('finally without await, failing', async () => {
  void expect(() => 'failed')
    .toEventuallySucceed() // HERE
    .finally(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 5));
});

test('then without await, undecided', () => {
  void expect(() => false)
    .toEventuallySucceed() // HERE
    .then(() => undefined);
});

test('catch without await, undecided', () => {
  void expect(() => false)
    .toEventuallySucceed() // HERE
    .catch(() => undefined);
});

let tried = 0;
test('awaited when it was tried again', { retry: 1 }, async () => {
  tried++;
  const waiting = expect(() => true).toEventuallySucceed();
  if (tried > 1) await waiting;
});

test('unawaited in every attempt', { retry: 1 }, () => {
  void expect(() => true).toEventuallySucceed(); // HERE
});

const withFixture = test.extend<{ ready: boolean }>({
  ready: async ({ task }, use) => {
    expect(task.name).toMatch(/fixture/);
    void expect(() => true).toEventuallySucceed(); // HERE
    await use(true);
  },
});
withFixture('unawaited in a fixture', ({ ready }) => {
  expect(ready).toBe(true);
});

describe('hooks of each test', () => {
  afterEach(() => {
    void expect(() => true).toEventuallySucceed(); // HERE
  });
  test('unawaited in afterEach', () => {});
});

describe('hooks of a suite', () => {
  beforeAll(() => {
    void expect(() => 'before all').toEventuallyReach('before all'); // HERE
  });
  afterAll(() => {
    void expect(() => 'after all').toEventuallyReach('after all'); // HERE
  });
  test('beside hooks that do not await', () => {});
});

let refused: unknown;
test('ends before its matcher is called', ({ expect }) => {
  setTimeout(() => {
    try {
      void expect(() => true).toEventuallySucceed(); // HERE
    } catch (error) {
      refused = error;
    }
  }, 1);
});

test('a matcher that is called after its test is refused', async () => {
  await expect(() => refused !== undefined).toEventuallySucceed();
  throw refused;
});

test.fails('unawaited under test.fails', () => {
  void expect(() => 'failed').toEventuallySucceed();
});

test('unawaited, last of the file', () => {
  void expect(() => 'failed').toEventuallySucceed(); // HERE
});
