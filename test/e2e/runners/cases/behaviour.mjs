/**
 * What the matchers do, said once for all runners; `runners.test.ts` says what must come of each case. Many are meant to fail, each at
 * the line that is marked HERE.
 */

import { subject } from 'holdfast';
import { poll, sse } from 'holdfast/probes';
import { systemClock } from 'holdfast/time';
import { endless } from './streams.mjs';

/**
 * What a runner brings; what it does not have is left out.
 *
 * @typedef {object} Runner
 * @property {(name: string, run: () => Promise<void> | void, ms?: number) => void} test with the time that it may take, in milliseconds
 * @property {Runner['test']} [red] the same for a test that is meant to fail, where the runner wants to know
 * @property {any} expect
 * @property {(name: string, run: (own: any) => Promise<void>) => void} [concurrent] `own` is what the context has for asserting
 * @property {(name: string, run: (attempt: number) => Promise<void>) => void} [retried] tried again once
 * @property {(name: string, run: () => Promise<void>) => void} [failing] that must fail
 * @property {{ install(): void, uninstall(): void }} [timers] fakes of the global timers
 * @property {boolean} [soft] there is `expect.soft`
 * @property {boolean} [polling] there is `expect.poll`
 * @property {boolean} [knowsLate] it tells of code that runs late whose it is
 * @property {boolean} [messages] `expect` takes a message
 */

const pause = setTimeout;
/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => pause(resolve, ms));

/** @param {Runner} runner */
export function behaviour({
  test,
  red = test,
  expect,
  concurrent,
  retried,
  failing,
  timers,
  soft,
  polling,
  messages,
  knowsLate,
}) {
  test('passes', async () => {
    let looks = 0;
    await expect(() => (++looks < 3 ? 'running' : 'succeeded')).toEventuallySucceed();
    expect(looks).toBe(3);
  });

  /** @type {Awaited<ReturnType<typeof endless>> | undefined} */
  let streams;
  test('a stream is opened by its first matcher', async () => {
    streams = await endless();
    const stream = sse(streams.url, { reconnect: false });
    await expect(stream).toEventuallySucceed();
    await expect(stream).toEventuallySettle();
    expect(streams.open()).toBe(1);
  });

  test('and is closed by the end of its test', async () => {
    const own = streams;
    // Where it is tried again, it fails again.
    streams = undefined;
    try {
      await own?.allClosed();
      expect(own?.opened()).toBe(1);
    } finally {
      await own?.close();
    }
  });

  red('fails', async () => {
    await expect(() => 'failed').toEventuallySucceed(); // HERE
  });

  red('is not decided in time', async () => {
    await expect(() => 'running').toEventuallySucceed({ within: '50ms' }); // HERE
  });

  red('fails where it is awaited later', async () => {
    const kept = expect(() => 'failed').toEventuallySucceed(); // HERE
    await sleep(20);
    await kept;
  });

  red('fails because nobody answers', async () => {
    await expect(() => fetch('http://127.0.0.1:9/')).toEventuallySucceed({ within: '500ms' }); // HERE
  });

  test('.not passes on an ending that decides', async () => {
    await expect(() => 'failed').not.toEventuallySucceed();
  });

  red('.not does not pass on a timeout', async () => {
    await expect(() => 'running').not.toEventuallySucceed({ within: '50ms' }); // HERE
  });

  red('a value cannot change', async () => {
    await expect(42).toEventuallySucceed(); // HERE
  });

  red('a wrong option', async () => {
    await expect(() => 'running').toEventuallySucceed({ timeout: 500 }); // HERE
  });

  red('asymmetric', () => {
    expect({ a: () => 'succeeded' }).toEqual({ a: expect.toEventuallySucceed() }); // HERE
  });

  red('asymmetric, negated', () => {
    expect({ a: () => 'succeeded' }).toEqual({ a: expect.not.toEventuallySucceed() }); // HERE
  });

  red('not awaited', () => {
    expect(() => 'succeeded').toEventuallySucceed(); // HERE
  });

  red('not awaited, and never decided', async () => {
    expect(() => 'running').toEventuallySucceed(); // HERE
    await sleep(10);
  });

  red('not awaited, and failing', async () => {
    expect(() => 'failed').toEventuallySucceed(); // HERE
    await sleep(30);
  });

  red('not awaited, twice', async () => {
    expect(() => 'succeeded').toEventuallyReach('succeeded'); // HERE
    expect(() => 'succeeded').toEventuallySucceed(); // HERE
  });

  test('innocent neighbour', async () => {
    await sleep(20);
    await expect(() => 'succeeded').toEventuallySucceed();
  });

  red('still undecided at the end', async () => {
    await Promise.race([expect(() => 'running').toEventuallySucceed(), sleep(20)]); // HERE
  });

  test('awaited in Promise.all', async () => {
    await Promise.all([
      expect(() => 'succeeded').toEventuallySucceed(),
      expect(() => 'failed').toEventuallyFail(),
      expect(() => 'failed').not.toEventuallySucceed(),
    ]);
  });

  test('returned instead of awaited', () => expect(() => 'succeeded').toEventuallySucceed());

  test('of a promise', async () => {
    await expect(Promise.resolve(() => 'succeeded')).resolves.toEventuallySucceed();
  });

  test('of a promise, and not awaited', async () => {
    expect(Promise.resolve(() => 'succeeded')).resolves.toEventuallySucceed(); // HERE
    await sleep(20);
  });

  red('hung', async () => {
    await expect(() => new Promise(() => undefined)).toEventuallySucceed({ within: '50ms' }); // HERE
  });

  let late = 0;
  red(
    'the test times out while a matcher waits',
    async () => {
      const look = () => {
        late++;
        return 'running';
      };
      // Of another clock nobody knows how it goes, so the wait is not cut to what the test has left.
      const watched = subject([poll(look)], { clock: { ...systemClock } });
      await expect(watched).toEventuallySucceed({ within: '30s' }); // HERE
    },
    800,
  );

  test('and the looks have stopped', async () => {
    const before = late;
    await sleep(100);
    expect(late).toBe(before);
  });

  red(
    'within is longer than the test has',
    async () => {
      await expect(() => 'running').toEventuallySucceed({ within: '20s' }); // HERE
    },
    900,
  );

  if (knowsLate === true) {
    /** @type {unknown} */
    let refused;
    test('ends before its matcher is called', () => {
      pause(() => {
        try {
          expect(() => 'succeeded').toEventuallySucceed();
        } catch (error) {
          refused = error;
        }
      }, 30);
    });
    test('a matcher that is called after its test is refused', async () => {
      while (refused === undefined) await sleep(5);
      expect(refused).toMatchObject({ code: 'test-over' });
    });
  }

  if (timers !== undefined) {
    test('fake timers do not freeze it', async () => {
      const begun = performance.now.bind(performance);
      const start = begun();
      timers.install();
      try {
        await expect(() => (begun() - start > 60 ? 'succeeded' : 'running')).toEventuallySucceed();
      } finally {
        timers.uninstall();
      }
    });

    red('fake timers are moved on', async () => {
      timers.install();
      try {
        let state = 'running';
        setTimeout(() => (state = 'succeeded'), 100);
        await expect(() => state).toEventuallySucceed({ within: '500ms' }); // HERE
      } finally {
        timers.uninstall();
      }
    });
  }

  if (retried !== undefined) {
    retried('tried again', async (attempt) => {
      if (attempt === 0) expect(() => 'running').toEventuallySucceed(); // HERE
      await expect(() => 'succeeded').toEventuallySucceed();
    });
  }

  if (failing !== undefined) {
    failing('expected to fail', async () => {
      await expect(() => 'failed').toEventuallySucceed(); // HERE
    });
    failing('expected to fail, and not awaited', async () => {
      expect(() => 'succeeded').toEventuallySucceed(); // HERE
    });
  }

  if (soft === true) {
    red('soft goes on', async () => {
      await expect.soft(() => 'failed').toEventuallySucceed(); // HERE
      await expect.soft(() => 'succeeded').toEventuallyFail(); // HERE
    });
  }

  if (polling === true) {
    red('polled', async () => {
      await expect.poll(() => () => 'succeeded', { timeout: 200 }).toEventuallySucceed(); // HERE
    });
  }

  if (messages === true) {
    red('with a message', async () => {
      await expect(() => 'failed', 'the nightly report').toEventuallySucceed(); // HERE
    });
  }

  if (concurrent !== undefined) {
    // Before Node 24, `node:test` cannot tell whose they are, and all of them are refused.
    concurrent('concurrent, good', async (own) => {
      await own(() => 'succeeded').toEventuallySucceed(); // HERE
      await sleep(60);
      await own(() => 'succeeded').toEventuallySucceed(); // HERE
    });
    concurrent('concurrent, bad', async (own) => {
      await sleep(10);
      await own(() => 'failed').toEventuallySucceed(); // HERE
    });
    concurrent('concurrent, not awaited', async (own) => {
      await sleep(20);
      own(() => 'succeeded').toEventuallySucceed(); // HERE
    });
    concurrent('concurrent, innocent', async (own) => {
      await sleep(40);
      await own(() => 'succeeded').toEventuallySucceed(); // HERE
    });
  }

  red('not awaited, last of the file', () => {
    expect(() => 'running').toEventuallySucceed(); // HERE
  });
}
