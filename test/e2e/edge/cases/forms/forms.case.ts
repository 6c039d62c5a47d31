import { setTimeout as later } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { stopTrying, tryAgainAfter, type ContractViolation } from 'holdfast';
import { rejudge } from 'holdfast/logic';
import type { Trace } from 'holdfast/trace';
import { consistently, defaults, eventually, expect as ours } from 'holdfast/vitest';

/** The n-th call answers the n-th of these, and the last one for ever. */
function series<T>(...values: readonly T[]): () => T {
  let calls = 0;
  return () => values[Math.min(calls++, values.length - 1)]!;
}

describe('a block', () => {
  test('passes when its assertions do', async () => {
    const count = series(0, 1, 2, 3);
    await eventually(() => {
      const n = count();
      expect(n).toBeGreaterThan(1);
      expect(n).toBe(3);
    });
  });

  test('gives back what it gave back', async () => {
    expect(await eventually(() => later(1, 42))).toBe(42);
  });

  test('that answers false has not passed', async () => {
    await eventually(series(false, false, true));
    await eventually(() => false, { within: 50, lookPast: 0 }); // HERE
  });

  test('fails at its call, and says what came nearest', async () => {
    const rows = series(0, 3, 1);
    const paid = series(false, true, false);
    const block = (): void => {
      const n = rows();
      expect(paid()).toBe(true);
      expect(n).toBe(4);
    };
    await eventually(block, { within: 60, lookPast: 0, name: 'the ledger' }); // HERE
  });
});

describe('any matcher', () => {
  ours.extend({
    toBeEven(received: number) {
      return { pass: received % 2 === 0, message: () => `${received} is odd` };
    },
    async toBeEvenLater(received: number) {
      await later(1);
      return { pass: received % 2 === 0, message: () => `${received} is odd` };
    },
  });
  type Custom = { toBeEven(): Promise<void>; toBeEvenLater(): Promise<void> };
  const custom = (wait: unknown): Custom => wait as Custom;

  test('of the runner, with its words', async () => {
    await eventually(series(1, 2, 3)).toBe(3);
    await eventually(series([1], [1, 2])).toHaveLength(2);
    await eventually(series({ a: 1 }, { a: 2, b: 3 })).toMatchObject({ a: 2 });
    await eventually(series('a', 'abc')).toMatch(/c$/);
    await eventually(series(null, 1)).not.toBeNull();
    await eventually(series(1, 7)).to.be.above(6);
    await eventually(series(false, true)).to.be.true;
    await eventually(series([1], [1, 2])).to.include(2);
    await eventually(series('x', 'y')).toSatisfy((text: string) => text === 'y');
    const spy = vi.fn<() => void>();
    setTimeout(spy, 5);
    await eventually(() => spy).toHaveBeenCalledOnce();
  });

  test('of your own, sync and async', async () => {
    await custom(eventually(series(1, 3, 4))).toBeEven();
    await custom(eventually(series(1, 3, 4))).toBeEvenLater();
    await custom(eventually(series(2, 4, 5)).not).toBeEven();
    await custom(eventually(() => 3, { within: 40, lookPast: 0 })).toBeEvenLater(); // HERE
  });

  test('of promises', async () => {
    await eventually(series(Promise.resolve(1), Promise.resolve(2))).resolves.toBe(2);
    await eventually(() => Promise.reject(new Error('gone'))).rejects.toThrow('gone');
    await eventually(() => Promise.reject(new Error('gone'))).toThrow('gone');
    await eventually(() => {
      throw new TypeError('gone');
    }).toThrow(TypeError);
    await eventually(
      series(
        () => 1,
        () => {
          throw new Error('now');
        },
      ),
    ).toThrow('now');
    await eventually(() => Promise.resolve(1), { within: 40, lookPast: 0 }).rejects.toThrow(); // HERE
  });

  test('but none that writes a snapshot', () => {
    expect(() => eventually(() => 1).toMatchSnapshot()).toThrow(/snapshot/);
  });

  test('and none that waits by itself', async () => {
    await eventually(() => () => true).toEventuallySucceed(); // HERE
  });

  test('that is not there', () => {
    expect(() => (eventually(() => 1) as any).toBeNothing()).toThrow(/not a function/);
  });
});

describe('not awaited', () => {
  test('a block', () => {
    eventually(() => undefined); // HERE
  });
  test('a matcher', () => {
    eventually(() => 1).toBe(1); // HERE
  });
  test('consistently', () => {
    consistently(() => 1, { for: 20 }).toBe(1); // HERE
  });
  test('that would fail', () => {
    eventually(() => 1, { within: 40 }).not.toBe(1); // HERE
  });
  test('soft', () => {
    eventually.soft(() => 1).toBe(1); // HERE
  });
  test('two of them', () => {
    eventually(() => 1).toBe(1); // HERE
    eventually(() => 2).toBe(2); // HERE
  });
  test('innocent neighbour', async () => {
    await eventually(() => 1).toBe(1);
  });
  test('raced away', async () => {
    await Promise.race([eventually(() => 1).toBe(2), Promise.resolve()]); // HERE
  });
  test('then, failing', async () => {
    void eventually(() => 1, { within: 30, lookPast: 0 })
      .toBe(2) // HERE
      .then(() => undefined);
    await later(100);
  });
  test('then on then, failing', async () => {
    void eventually(() => 1, { within: 30, lookPast: 0 })
      .toBe(2) // HERE
      .then(() => undefined)
      .then(() => undefined);
    await later(100);
  });
  test('finally, failing', async () => {
    void eventually(() => 1, { within: 30, lookPast: 0 })
      .toBe(2) // HERE
      .finally(() => undefined);
    await later(100);
  });
  test('then, of what passed at once, and what it does fails', async () => {
    void eventually(() => 1).then(() => {
      throw new Error('what follows'); // HERE
    });
    await later(5);
  });
  test('then, undecided', () => {
    void eventually(() => 1)
      .toBe(2) // HERE
      .then(() => undefined);
  });
  test('then, passing', async () => {
    void eventually(() => 1).then(() => undefined);
    await later(5);
  });
  test('then, awaited in the end', async () => {
    const kept = eventually(() => 1, { within: 30, lookPast: 0 })
      .toBe(2)
      .then(() => 'passed');
    await later(100);
    const followed = kept.finally(() => undefined).catch(() => 'failed');
    expect(await followed).toBe('failed');
  });
  test('kept and awaited later, in Promise.all, returned through then', async () => {
    const kept = eventually(() => 1).toBe(1);
    await later(5);
    await kept;
    await Promise.all([eventually(() => 1), eventually(() => 2).toBe(2)]);
    expect(await eventually(() => 1).then(() => 'then')).toBe('then');
    await eventually(() => 1, { within: 20, lookPast: 0 })
      .toBe(2)
      .catch(() => undefined);
    await eventually(() => 1).finally(() => undefined);
  });
  test('returned', () => eventually(() => 1).toBe(1));
  test('in a hook', () => undefined);
  describe('of beforeEach', () => {
    beforeEach(() => {
      eventually(() => 1).toBe(1); // HERE
    });
    test('fails its test', () => undefined);
  });
  describe('of afterEach', () => {
    afterEach(async () => {
      await eventually(() => 1).toBe(1);
    });
    test('awaited in afterEach', () => undefined);
  });
});

describe('the stack points at the call', () => {
  const slow = { within: 30, lookPast: 0 } as const;
  test('of the matcher', async () => {
    await eventually(() => 1, slow).toBe(2); // HERE
  });
  test('kept and awaited later', async () => {
    const kept = eventually(() => 1, slow).toBe(2); // HERE
    await later(1);
    await kept;
  });
  test('returned from a plain function', () => eventually(() => 1, slow).toBe(2)); // HERE
  test('in Promise.all', async () => {
    await Promise.all([later(1), eventually(() => 1, slow).toBe(2)]); // HERE
  });
  test('inside a helper', async () => {
    const helper = vi.defineHelper(async () => {
      await eventually(() => 1, slow).toBe(2);
    });
    await helper(); // HERE
  });
  test('of consistently', async () => {
    await consistently(series(1, 1, 2), { for: 200 }).toBe(1); // HERE
  });
});

describe('soft', () => {
  test('goes on, and fails at the end', async () => {
    const no = (): never => {
      throw new Error('no');
    };
    await eventually.soft(() => 1, { within: 30, lookPast: 0 }).toBe(2); // HERE
    await eventually.soft(no, { within: 30, lookPast: 0 }); // HERE
    expect(await eventually.soft(() => 7)).toBe(7);
  });
});

describe('consistently', () => {
  test('holds while it passes', async () => {
    const start = performance.now();
    await consistently(() => 1, { for: 60 }).toBe(1);
    await consistently(
      () => {
        expect(1).toBe(1);
      },
      { for: 30 },
    );
    await consistently(() => 'running', { for: 30 }).not.toBe('failed');
    expect(performance.now() - start).toBeGreaterThan(118);
  });
  test('ends at the first that fails', async () => {
    const start = performance.now();
    await expect(consistently(series(1, 1, 1, 2), { for: 1500 }).toBe(1)).rejects.toThrow(
      /failed after .* when 3 attempts had passed: expected 2 to be 1/,
    );
    expect(performance.now() - start).toBeLessThan(1400);
  });
  test('does not hold of what hangs', async () => {
    await expect(consistently(() => new Promise(() => undefined), { for: 50 }).toBe(1)).rejects.toThrow(/hung/);
  });
  test('does not hold by too few attempts', async () => {
    await expect(consistently(() => 1, { for: 50, pace: 1000 }).toBe(1)).rejects.toThrow(/looked at only twice/);
  });
  test('watches from the call on', async () => {
    let balance = 100;
    const calm = consistently(() => balance, { for: 80 }).toBe(100);
    await later(20);
    balance = 0;
    await later(20);
    balance = 100;
    await expect(calm).rejects.toThrow(/expected \+?0 to be 100/);
  });
});

describe('from inside a probe', () => {
  test('stopTrying ends the wait', async () => {
    const start = performance.now();
    await expect(eventually(() => stopTrying('the cluster is gone'), { within: 1500 }).toBe(1)).rejects.toThrow(
      /the probe said to stop trying .*the cluster is gone/,
    );
    await expect(eventually(async () => stopTrying('gone'), { within: 1500 })).rejects.toThrow(/stop trying .*gone/);
    await expect(ours(() => stopTrying('gone')).toEventuallySucceed({ within: 1500 })).rejects.toThrow(/stop trying .*gone/);
    await expect(ours(() => stopTrying('gone')).not.toEventuallySucceed({ within: 1500 })).rejects.toThrow(/stop trying .*gone/);
    expect(performance.now() - start).toBeLessThan(1400);
  });
  test('tryAgainAfter puts the next attempt off', async () => {
    for (const options of [{}, { pace: 1 }]) {
      const at: number[] = [];
      await eventually(() => {
        at.push(performance.now());
        if (at.length < 3) tryAgainAfter('40ms', 'warming up');
      }, options);
      expect(at).toHaveLength(3);
      expect(at[1]! - at[0]!).toBeGreaterThan(38);
    }
    const looks: number[] = [];
    await ours(() => (looks.push(performance.now()) > 1 ? true : tryAgainAfter(40))).toEventuallySucceed({ pace: 1 });
    expect(looks[1]! - looks[0]!).toBeGreaterThan(38);
  });
  test('tryAgainAfter does not take the last look away', async () => {
    const start = performance.now();
    await eventually(() => performance.now() - start > 60 || tryAgainAfter('1s'), { within: 100 });
  });
});

describe('assertions are counted once', () => {
  test('of a block that is retried', async () => {
    expect.assertions(3);
    const count = series(0, 0, 0, 0, 5);
    await eventually(() => {
      expect(1).toBe(1);
      expect(count()).toBe(5);
    });
    await eventually(series(1, 2, 3)).toBe(3);
  });
  test('of an async block that is retried', async () => {
    expect.assertions(2);
    const count = series(0, 0, 0, 5);
    await eventually(async () => {
      expect(1).toBe(1);
      await later(1);
      expect(count()).toBe(5);
    });
  });
  test('also without any', async () => {
    expect.hasAssertions();
    await eventually(() => undefined);
  });
  test("by the context's expect", async ({ expect }) => {
    expect.assertions(1);
    const count = series(0, 0, 5);
    await eventually(() => {
      expect(count()).toBe(5);
    });
  });
});

describe('concurrent', () => {
  test.concurrent('good', async () => {
    await later(10);
    await eventually(series(0, 1)).toBe(1);
  });
  test.concurrent('bad', async () => {
    await later(10);
    await eventually(() => 1, { within: 30, lookPast: 0 }).toBe(2); // HERE
  });
  test.concurrent('not awaited, concurrently', async () => {
    await later(5);
    eventually(() => 1).toBe(1); // HERE
    await later(20);
  });
  test.concurrent('soft, concurrently', async () => {
    await eventually.soft(() => 1, { within: 30, lookPast: 0 }).toBe(2); // HERE
  });
  test.concurrent('innocent', async () => {
    await later(60);
    await eventually(() => 1).toBe(1);
  });
});

describe('with the runner', () => {
  let tries = 0;
  test('retried', { retry: 2 }, async () => {
    tries++;
    await eventually(() => tries, { within: 30, lookPast: 0 }).toBe(3);
  });
  test.fails('expected to fail', async () => {
    await eventually(() => 1, { within: 30, lookPast: 0 }).toBe(2);
  });
  test.fails('expected to fail, not awaited', () => {
    eventually(() => 1).toBe(1);
  });
  test('more time than the test has', async () => {
    await eventually(() => 1, { within: '10s' }).toBe(2); // HERE
  });
  test('a default wait ends before the test', async () => {
    await eventually(() => 1, { lookPast: 0 }).toBe(2); // HERE
  }, 600);
});

describe('bad calls', () => {
  test.each([
    ['a value', () => (eventually as any)(42), /expected a function to call again and again, received 42/],
    [
      'an option of another library',
      () => eventually(() => 1, { timeout: 5 } as any),
      /no option 'timeout'[^]*did you mean 'within'/,
    ],
    ['an option that nobody knows', () => eventually(() => 1, { withn: 5 } as any), /no option 'withn'/],
    ['no duration', () => eventually(() => 1, { within: 'soon' as any }), /within: expected a duration/],
    ['options that are none', () => eventually(() => 1, 500 as any), /expected options, received 500/],
    ['within for consistently', () => consistently(() => 1, { within: 5 } as any), /no option 'within'/],
  ])('%s', (_title, call, says) => {
    expect(call).toThrow(says);
  });
});

describe('defaults of a suite', () => {
  defaults({ within: '80ms', lookPast: 0 });
  const ends = async (): Promise<number> => {
    const start = performance.now();
    await expect(eventually(() => 1).toBe(2)).rejects.toThrow(/within/);
    return performance.now() - start;
  };
  test('hold for its tests', async () => {
    expect(await ends()).toBeLessThan(1000);
    await expect(eventually(() => 1).toBe(2)).rejects.toThrow(/within 80ms/);
  });
  describe('inside', () => {
    defaults({ within: '40ms' });
    test('are overruled by an inner one', async () => {
      await expect(eventually(() => 1).toBe(2)).rejects.toThrow(/within 40ms/);
    });
    test('and by a call', async () => {
      await expect(eventually(() => 1, { within: 20 }).toBe(2)).rejects.toThrow(/within 20ms/);
    });
    test('and in a test', async () => {
      defaults({ within: '30ms' });
      await expect(eventually(() => 1).toBe(2)).rejects.toThrow(/within 30ms/);
    });
  });
  test('are checked', () => {
    expect(() => defaults({ timeout: 4 } as any)).toThrow(/no option 'timeout'/);
    expect(() => defaults({ within: 'x' as any })).toThrow(/within: expected a duration/);
  });
});

describe('past the deadline', () => {
  test('says when it would have passed', async () => {
    const start = performance.now();
    await eventually(() => performance.now() - start > 600, { within: 60, lookPast: '1s' }).toBe(true); // HERE
  });
  test('says so of a matcher as well', async () => {
    const start = performance.now();
    await ours(() => performance.now() - start > 600).toEventuallySucceed({ within: 60, lookPast: '1s' }); // HERE
  });
  test('says so of a matcher that is negated', async () => {
    const start = performance.now();
    const state = (): string => (performance.now() - start > 600 ? 'failed' : 'running');
    await ours(state).not.toEventuallySucceed({ within: 60, lookPast: '1s' }); // HERE
  });
  test('says that a matcher would not have passed', async () => {
    await ours(() => 'running').toEventuallySucceed({ within: 60, lookPast: 30 }); // HERE
  });
  test('looks no longer than until it ended otherwise', async () => {
    const start = performance.now();
    const state = (): string => (performance.now() - start > 600 ? 'failed' : 'running');
    await ours(state).toEventuallySucceed({ within: 60, lookPast: '1s' }); // HERE
  });
  test('says nothing of what has a limit of its own', async () => {
    await ours(() => 'running').toSettleWithin('60ms', { lookPast: '1s' }); // HERE
  });
  test('says nothing of what ended otherwise in time', async () => {
    await ours(() => 'failed').toEventuallySucceed({ within: 60, lookPast: '1s' }); // HERE
  });
  test('leaves the recording as it was judged', async () => {
    const failed: unknown = await ours(() => 'running')
      .toEventuallySucceed({ within: 60, lookPast: 30 })
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    const { trace } = failed as ContractViolation<unknown, Trace>;
    expect(rejudge(trace).map(({ verdict, decidedBy }) => [verdict, decidedBy])).toEqual([['violated', 'deadline']]);
  });
  test('says that it would not', async () => {
    await eventually(() => 1, { within: 60, lookPast: 30 }).toBe(2); // HERE
  });
});

describe('close to the deadline', () => {
  test('a pass is remarked on', async () => {
    const start = performance.now();
    await eventually(() => performance.now() - start > 290, { within: 300 }).toBe(true);
  });
  test('an easy pass is not', async () => {
    const start = performance.now();
    await eventually(() => performance.now() - start > 20, { within: 1500 }).toBe(true);
  });
});

test('unawaited, last of the file', () => {
  eventually(() => 1).toBe(1); // HERE
});
