/**
 * What the package `wait-for-expect` 4 publishes as its behaviour (its README and its own tests), held against it and against
 * ours; and what only ours does.
 */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as later } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import ours from 'holdfast/wait-for-expect';

const require = createRequire(import.meta.url);
const theirs = require('wait-for-expect') as typeof ours;

const ORIGINAL = { ...theirs.defaults };

beforeEach(() => {
  Object.assign(theirs.defaults, ORIGINAL);
  Object.assign(ours.defaults, ORIGINAL);
});
afterEach(() => vi.useRealTimers());

describe.each([
  ['wait-for-expect 4', theirs],
  ['holdfast/wait-for-expect', ours],
])('%s', (_name, waitForExpect) => {
  test('has the defaults of 4500 ms and 50 ms', () => {
    expect(waitForExpect.defaults).toEqual({ timeout: 4500, interval: 50 });
  });

  test('waits for the expectation to pass', async () => {
    let n = 10;
    setTimeout(() => (n = 100), 120);
    await waitForExpect(() => expect(n).toEqual(100));
    expect(n).toBe(100);
  });

  test('passes at once, and resolves to nothing', async () => {
    const tried = vi.fn<() => void>();
    await expect(waitForExpect(tried)).resolves.toBeUndefined();
    expect(tried).toHaveBeenCalledOnce();
  });

  test('does not try within the call', async () => {
    const tried = vi.fn<() => void>();
    const wait = waitForExpect(tried);
    expect(tried).not.toHaveBeenCalled();
    await wait;
  });

  test('passes for what gives something back, also false', async () => {
    await expect(waitForExpect((() => false) as unknown as () => void, 50)).resolves.toBeUndefined();
  });

  test("fails with the expectation's own error", async () => {
    const thrown = new Error('not yet');
    const fail = (): never => {
      throw thrown;
    };
    await expect(waitForExpect(fail, 100)).rejects.toBe(thrown);
  });

  test("fails with the runner's own message, when it does not come true in time", async () => {
    let n = 300;
    const timer = setTimeout(() => (n = 3000), 1000);
    await expect(waitForExpect(() => expect(n).toEqual(3000), 200)).rejects.toThrow(/^expected 300 to deeply equal 3000$/);
    clearTimeout(timer);
  });

  test('fails with the last of several errors', async () => {
    let tries = 0;
    const fail = (): never => {
      throw new Error(`try ${++tries}`);
    };
    const error = (await waitForExpect(fail, 100, 20).catch((thrown: unknown) => thrown)) as Error;
    expect(error.message).toBe(`try ${tries}`);
  });

  test('tries every so many milliseconds, as the third argument says', async () => {
    const tried = vi.fn<() => void>(() => expect(true).toEqual(false));
    await expect(waitForExpect(tried, 600, 150)).rejects.toThrow(/to deeply equal/);
    // A stall of the machine takes one away.
    expect(tried.mock.calls.length).toBeGreaterThanOrEqual(4);
    expect(tried.mock.calls.length).toBeLessThanOrEqual(6);
  });

  test('tries as its defaults say, which may be changed', async () => {
    Object.assign(waitForExpect.defaults, { timeout: 600, interval: 150 });
    const tried = vi.fn<() => void>(() => expect(true).toEqual(false));
    await expect(waitForExpect(tried)).rejects.toThrow(/to deeply equal/);
    expect(tried.mock.calls.length).toBeGreaterThanOrEqual(4);
    expect(tried.mock.calls.length).toBeLessThanOrEqual(6);
  });

  test('works with promises', async () => {
    let n = 10;
    setTimeout(() => (n = 100), 100);
    await waitForExpect(async () => {
      await later(10);
      expect(n).toEqual(100);
    });
    expect(n).toBe(100);
  });

  test('works with an interval of nought', async () => {
    let n = 1;
    setTimeout(() => (n = 2), 50);
    await waitForExpect(() => expect(n).toEqual(2), 1000, 0);
    expect(n).toBe(2);
  });

  test.each(['whole', 'now'])('works where Date is mocked (%s)', async (how) => {
    const real = Date;
    const faked = how === 'whole' ? (vi.fn<() => unknown>() as unknown as DateConstructor) : Date;
    const now = vi.spyOn(Date, 'now').mockReturnValue(1_482_363_367_071);
    globalThis.Date = faked;
    try {
      let n = 10;
      setTimeout(() => (n = 100), 60);
      await waitForExpect(() => {
        if (n !== 100) throw new Error('not yet');
      }, 1000);
      await expect(
        waitForExpect(() => {
          throw new Error(`still ${n}`);
        }, 60),
      ).rejects.toThrow('still 100');
    } finally {
      globalThis.Date = real;
      now.mockRestore();
    }
  });
});

test.each(['wait-for-expect', 'holdfast/wait-for-expect'])(
  '%s can be loaded as CommonJS, as itself and as its default',
  (name) => {
    const program = `const w = require('${name}'); let n = 0; w.default(() => { if (++n < 3) throw new Error(); }, 900, 1).then(() => console.log(typeof w, w.defaults.timeout, n))`;
    expect(
      execFileSync(process.execPath, ['-e', program], { cwd: join(import.meta.dirname, '../../..'), encoding: 'utf8' }),
    ).toBe('function 4500 3\n');
  },
);

describe('only ours', () => {
  test('ends at the deadline when the expectation hangs, and says so', async () => {
    await expect(ours(() => new Promise<void>(() => undefined), 200)).rejects.toThrow(
      /the expectation hung: a look had no answer/,
    );
  });

  test('ends at the deadline when it hangs later', async () => {
    let tries = 0;
    const hang = (): Promise<void> => {
      if (++tries < 3) throw new Error('not yet');
      return new Promise(() => undefined);
    };
    await expect(ours(hang, 200)).rejects.toThrow(/hung[^]*2 looks[^]*not yet/);
  });

  test('takes its timeout for a time, not for a number of tries', async () => {
    const start = performance.now();
    let tries = 0;
    await expect(
      ours(
        async () => {
          tries++;
          await later(100);
          throw new Error('not yet');
        },
        300,
        10,
      ),
    ).rejects.toThrow('not yet');
    // Theirs makes 31 tries of it, which are 3.4 s.
    expect(tries).toBeLessThanOrEqual(4);
    expect(performance.now() - start).toBeGreaterThan(295);
  });

  test('looks a last time at the deadline', async () => {
    let n = 1;
    setTimeout(() => (n = 2), 50);
    await ours(() => expect(n).toBe(2), 200, 5000);
    expect(n).toBe(2);
  });

  test('does not freeze under fake timers', async () => {
    vi.useFakeTimers();
    await expect(ours(() => expect(1).toBe(2), 60)).rejects.toThrow('expected 1 to be 2');
    let n = 1;
    void Promise.resolve().then(() => (n = 2));
    await ours(() => expect(n).toBe(2));
    expect(n).toBe(2);
  });

  test.each([undefined, null, '', 0])('tells what is thrown that is no error: %j', async (thrown) => {
    const reject = async (): Promise<void> => {
      throw thrown as unknown as Error;
    };
    const error: unknown = await ours(reject, 40).catch((told: unknown) => told);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toMatch(/which is not an Error/);
  });

  test('leaves nothing behind: it does not try after it has failed', async () => {
    const tried = vi.fn<() => void>(() => expect(1).toBe(2));
    await expect(ours(tried, 60, 5)).rejects.toThrow('expected 1 to be 2');
    const before = tried.mock.calls.length;
    await later(100);
    expect(tried.mock.calls.length).toBe(before);
  });

  test.each([
    [() => ours(42 as unknown as () => void), /expected a function to call, received 42/],
    [() => ours(() => undefined, Number.NaN), /within/],
  ])('refuses what makes no sense', async (call, says) => {
    await expect(call()).rejects.toThrow(says);
  });
});
