/**
 * What the block and fluent forms do, said once for all runners; `runners.test.ts` says what must come of each case. Many are meant to
 * fail, each at the line that is marked HERE.
 */

/**
 * What a runner brings; what it does not have is left out.
 *
 * @typedef {object} Forms
 * @property {(name: string, run: () => Promise<void> | void, ms?: number) => void} test with the time that it may take, in milliseconds
 * @property {Forms['test']} [red] the same for a test that is meant to fail, where the runner wants to know
 * @property {Forms['test']} endless the same, but Holdfast is told that it may take a minute
 * @property {(name: string, define: () => void) => void} describe
 * @property {any} expect
 * @property {any} eventually
 * @property {any} consistently
 * @property {any} defaults
 * @property {(name: string, run: () => Promise<void>) => void} [concurrent]
 * @property {boolean} [concurrentAnywhere] `concurrent` defines a test where it is called
 * @property {{ install(): void, uninstall(): void }} [timers] fakes of the global timers
 * @property {boolean} [counts] `expect.assertions` is heeded
 * @property {boolean} [forgets] after a time-out it begins a new process
 * @property {boolean} [limits] the runner tells how long a test may take
 */

const pause = setTimeout;
/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => pause(resolve, ms));

/**
 * The n-th call answers the n-th of these, and the last one for ever.
 *
 * @param {readonly unknown[]} values
 */
function series(...values) {
  let calls = 0;
  return () => values[Math.min(calls++, values.length - 1)];
}

/**
 * @param {PromiseLike<unknown>} waited
 * @returns {Promise<string>} what it failed with
 */
async function failing(waited) {
  let message;
  try {
    await waited;
  } catch (error) {
    message = /** @type {Error} */ (error).message;
  }
  if (message === undefined) throw new Error('it was to fail');
  return message;
}

const QUICK = { within: 40, lookPast: 0 };

/** @param {Forms} runner */
export function forms({
  test,
  red = test,
  endless,
  describe,
  expect,
  eventually,
  consistently,
  defaults,
  concurrent,
  concurrentAnywhere,
  timers,
  counts,
  limits,
  forgets,
}) {
  test('form, a block passes', async () => {
    const count = series(0, 1, 2, 3);
    const answer = await eventually(() => {
      const n = count();
      expect(n).toBeGreaterThan(1);
      expect(n).toBe(3);
      return 'paid';
    });
    expect(answer).toBe('paid');
    expect(await eventually(series(false, false, 'yes'))).toBe('yes');
  });

  test('form, every kind of matcher passes', async () => {
    await eventually(series(1, 2, 3)).toBe(3);
    await eventually(series({ a: 1 }, { a: 2, b: 3 })).toMatchObject({ a: 2 });
    await eventually(series(null, 1)).not.toBeNull();
    await eventually(series(Promise.resolve(1), Promise.resolve(2))).toBe(2);
    await eventually(() => Promise.resolve(2)).resolves.toBe(2);
    await eventually(() => Promise.reject(new Error('no'))).rejects.toThrow('no');
    await eventually(() => Promise.reject(new Error('no'))).rejects.not.toThrow('yes');
    let calls = 0;
    await eventually(() => {
      if (++calls === 3) throw new Error('full');
    }).toThrow('full');
    expect(calls).toBe(3);
  });

  test('form, matchers of your own pass', async () => {
    expect.extend({
      /** @param {number} received */
      toBeEven: (received) => ({ pass: received % 2 === 0, message: () => `${received} is odd` }),
      /** @param {number} received */
      async toBeEvenLater(received) {
        await sleep(1);
        return { pass: received % 2 === 0, message: () => `${received} is odd` };
      },
    });
    await eventually(series(1, 3, 4)).toBeEven();
    await eventually(series(1, 3, 4)).toBeEvenLater();
    await eventually(series(2, 4, 5)).not.toBeEven();
    expect(await failing(eventually(() => 3, QUICK).toBeEvenLater())).toMatch(/toBeEvenLater\(\) within 40ms, but .* 3 is odd/);
  });

  red('form, a matcher fails', async () => {
    await eventually(() => 1, QUICK).toBe(2); // HERE
  });

  red('form, a block fails', async () => {
    const rows = series(0, 3, 1);
    const block = () => {
      const n = rows();
      expect(n).not.toBe(77);
      expect(n).toBe(4);
    };
    await eventually(block, { ...QUICK, name: 'the block' }); // HERE
  });

  test('form, what came nearest is told', async () => {
    const rows = series(0, 3, 1);
    const message = await failing(eventually(() => rows(), QUICK).toBe(4));
    expect(message).toMatch(/nearest +attempt 2 of \d+\s+expected 4, received 3/);
    // oxlint-disable-next-line no-control-regex
    expect(message).not.toMatch(/\u001b|\\x1b|\\n/);
    expect(await failing(eventually(() => ({ a: 1, b: [1, 2] }), QUICK).toEqual({ a: 1, b: [1, 3] }))).toMatch(
      /b\[1\]: expected 3, received 2/,
    );
  });

  test('form, what would have passed later is told', async () => {
    const start = performance.now();
    const late = () => performance.now() - start > 1000;
    const past = { within: 60, lookPast: '3s' };
    expect(await failing(eventually(late, past).toBe(true))).toMatch(
      /later +it would have passed [\d.]+m?s later: it was looked/,
    );
    const from = performance.now();
    const state = () => (performance.now() - from > 1000 ? 'succeeded' : 'running');
    expect(await failing(expect(state).toEventuallySucceed(past))).toMatch(
      /later +it would have passed [\d.]+m?s later: it was looked/,
    );
    expect(await failing(expect(() => 'running').toEventuallySucceed({ within: 40, lookPast: 30 }))).toMatch(
      /later +it would not have passed 30ms later either/,
    );
    expect(await failing(expect(() => 'running').toEventuallySucceed({ within: 40, lookPast: 0 }))).not.toMatch(
      /later +it would/,
    );
  });

  test('form, consistently holds', async () => {
    await consistently(() => 1, { for: 60 }).toBe(1);
    await consistently(() => 1, { for: 60 }).not.toBe(2);
    await consistently(() => expect(1).toBe(1), { for: 60 });
  });

  test('form, consistently holds without options', async () => {
    await consistently(() => 1).toBe(1);
  });

  red(
    'form, consistently ends at the first that fails',
    async () => {
      await consistently(series(1, 1, 2), { for: '20s', pace: 5 }).toBe(1); // HERE
    },
    60_000,
  );

  red('form, a block that is not awaited', () => {
    eventually(() => undefined); // HERE
  });

  red('form, a matcher that is not awaited', async () => {
    eventually(() => 1).toBe(1); // HERE
    await sleep(5);
  });

  red('form, two that are not awaited', () => {
    eventually(() => 1).toBe(1); // HERE
    consistently(() => 1).toBe(1); // HERE
  });

  red('form, then without await', async () => {
    void eventually(() => 1, QUICK)
      .toBe(2) // HERE
      .then(() => undefined);
    await sleep(200);
  });

  red('form, raced away', async () => {
    await Promise.race([eventually(() => 1).toBe(2), sleep(10)]); // HERE
  });

  test('form, innocent neighbour', async () => {
    await sleep(20);
    await Promise.all([eventually(() => 1), eventually(() => 2).toBe(2)]);
  });

  red('form, one that writes a snapshot, and one that waits by itself', async () => {
    expect(() => eventually(() => 1).toMatchSnapshot()).toThrow(
      /each attempt would write a snapshot|toMatchSnapshot is not a function/,
    );
    await eventually(() => 1).toEventuallySucceed(); // HERE
  });

  let tries = 0;
  endless(
    'form, its test times out in mid-wait',
    async () => {
      await eventually(() => (tries++, 1), { within: '30s' }).toBe(2); // HERE
    },
    800,
  );

  test('form, and the attempts have stopped', async () => {
    const before = tries;
    await sleep(100);
    if (forgets !== true) expect(before).toBeGreaterThan(0);
    expect(tries).toBe(before);
  });

  let hung = 0;
  /** @type {AbortSignal | undefined} */
  let given;
  endless(
    'form, its test times out while an attempt hangs',
    async () => {
      await eventually(
        (/** @type {{ signal: AbortSignal }} */ context) => {
          hung++;
          given = context.signal;
          return new Promise(() => undefined);
        },
        { within: '30s' },
      ).toBe(2); // HERE
    },
    800,
  );

  test('form, and what hangs has been told', async () => {
    await sleep(50);
    expect([hung, given?.aborted]).toEqual(forgets === true ? [0, undefined] : [1, true]);
  });

  if (limits === true) {
    red(
      'form, more time than the test has',
      async () => {
        await eventually(() => 1, { within: '20s' }).toBe(2); // HERE
      },
      900,
    );
  }

  describe('defaults of a describe', () => {
    defaults({ within: 70, lookPast: 0 });

    test('form, defaults hold', async () => {
      expect(await failing(eventually(() => 1).toBe(2))).toMatch(/within 70ms/);
      expect(await failing(expect(() => 'running').toEventuallySucceed())).toMatch(/within 70ms/);
      expect(await failing(eventually(() => 1, { within: 30 }).toBe(2))).toMatch(/within 30ms/);
    });

    describe('of an inner one', () => {
      defaults({ within: 60 });
      test('form, defaults of an inner describe overrule', async () => {
        expect(await failing(eventually(() => 1).toBe(2))).toMatch(/within 60ms/);
      });
    });

    test('form, defaults in a test overrule', async () => {
      defaults({ within: 50 });
      expect(await failing(eventually(() => 1).toBe(2))).toMatch(/within 50ms/);
      expect(() => defaults({ timeout: 50 })).toThrow(/there is no option 'timeout'/);
    });

    if (concurrent !== undefined && concurrentAnywhere === true) {
      concurrent('form, concurrent, defaults hold', async () => {
        await sleep(10);
        expect(await failing(eventually(() => 1).toBe(2))).toMatch(/within 70ms/);
      });
    }
  });

  test('form, defaults hold nowhere else', async () => {
    const start = performance.now();
    await eventually(() => performance.now() - start > 150).toBe(true);
  });

  if (timers !== undefined) {
    test('form, fake timers do not freeze it', async () => {
      const begun = performance.now.bind(performance);
      const start = begun();
      timers.install();
      try {
        await eventually(() => begun() - start > 60).toBe(true);
      } finally {
        timers.uninstall();
      }
    });
  }

  if (counts === true) {
    test('form, counts as one assertion', async () => {
      expect.assertions(2);
      await eventually(series(1, 2, 3)).toBe(3);
      const count = series(0, 1, 2);
      await eventually(() => expect(count()).toBe(2));
    });
  }

  if (eventually.soft === undefined) {
    test('form, there is no soft one', () => {
      expect(expect.soft).toBe(undefined);
    });
  } else {
    red('form, soft goes on', async () => {
      expect(await eventually.soft(() => 1, QUICK).toBe(2)).toBe(undefined); // HERE
      await eventually.soft(() => 1, QUICK).toBe(3); // HERE
    });
  }

  test('form, a pass with hardly any time left', async () => {
    const start = performance.now();
    await eventually(() => performance.now() - start > 995, { within: '1s', pace: 10 }).toBe(true);
    const from = performance.now();
    await expect(() => (performance.now() - from > 995 ? 'succeeded' : 'running')).toEventuallySucceed({
      within: '1s',
      pace: 10,
    });
  });

  test('form, an easy pass', async () => {
    await eventually(() => 1, { within: '1s' }).toBe(1);
  });

  if (concurrent !== undefined) {
    concurrent('form, concurrent, good', async () => {
      await sleep(10);
      await eventually(series(1, 2)).toBe(2); // HERE
    });
    concurrent('form, concurrent, defaults in a test', async () => {
      await sleep(10);
      defaults({ within: 45, lookPast: 0 });
      expect(await failing(eventually(() => 1).toBe(2))).toMatch(/within 45ms/);
    });
    concurrent('form, concurrent, and not in its neighbour', async () => {
      await sleep(40);
      const start = performance.now();
      await eventually(() => performance.now() - start > 200).toBe(true);
    });
    concurrent('form, concurrent, bad', async () => {
      await sleep(20);
      await eventually(() => 1, QUICK).toBe(2); // HERE
    });
    concurrent('form, concurrent, not awaited', async () => {
      await sleep(30);
      eventually(() => 1).toBe(1); // HERE
    });
  }

  red('form, not awaited, last of the file', () => {
    eventually(() => 1).toBe(2); // HERE
  });
}
