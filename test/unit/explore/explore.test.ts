import { describe, expect, test } from 'vitest';
import {
  describeExploration,
  explore,
  replayOf,
  type Exploration,
  type ExploreOptions,
  type Harmed,
} from '../../../src/explore/index.ts';
import { FAULTS, kill, latency, lostResponse, plan, planFrom, reset, status, type Entry } from '../../../src/faults/index.ts';
import { faultyFetch } from '../../../src/inject/index.ts';
import { virtualClock } from '../../../src/time/index.ts';

type Call = (path: string) => Promise<number>;

/** Runs a client in a world of its own, through a fetch that is harmed. */
const through =
  (client: (call: Call, done: Map<string, number>) => Promise<unknown>) =>
  ({ plan, sees }: Harmed): Promise<unknown> => {
    const clock = virtualClock();
    const done = new Map<string, number>();
    const server = async (input: string | URL | Request): Promise<Response> => {
      const { pathname } = new URL(input instanceof Request ? input.url : input);
      done.set(pathname, (done.get(pathname) ?? 0) + 1);
      return new Response('ok');
    };
    const bad = faultyFetch({ plan, clock, fetch: server, onPassing: sees });
    const call: Call = async (path) => (await bad.fetch(`http://x.test${path}`, { method: 'POST' })).status;
    return clock.run(() => client(call, done));
  };

const FOUR: readonly Entry[] = [reset(), lostResponse(), status({ status: 503 }), latency({ ms: '1s' })];
const ids = ({ findings }: Exploration): string[] =>
  findings.map(({ plan }) => plan.entries.map(({ id }) => id.replace('http://x.test', '')).join(' + '));
const found = (client: Parameters<typeof through>[0], options: ExploreOptions = {}): Promise<Exploration> =>
  explore({ faults: FOUR, ...options }, through(client));

/** Sends again once, whatever came. */
const twice = async (call: Call, path: string): Promise<number | undefined> => {
  for (let tries = 0; tries < 2; tries++) {
    const code = await call(path).catch(() => 0);
    if (code === 200) return code;
  }
  return undefined;
};

describe('exploration', () => {
  test('tries each fault at each exchange, then each pair once, and the counts add up', async () => {
    const told = await found(
      async (call) => {
        for (const path of ['/a', '/b', '/c']) await call(path).catch(() => 0);
      },
      { reduce: false },
    );
    expect(told.points.map(({ where, nth }) => [where.path, nth])).toEqual([
      ['/a', 0],
      ['/b', 0],
      ['/c', 0],
    ]);
    // Three exchanges by four faults; three pairs of exchanges by four times four.
    expect(told.singles).toEqual({ possible: 12, tried: 12, broken: 0, same: 0, left: 0 });
    expect(told.pairs).toEqual({ possible: 48, tried: 48, broken: 0, same: 0, left: 0 });
    expect([told.notReached, told.discovered, told.findings]).toEqual([0, [], []]);
    // Two without faults, to know that they are the same.
    expect(told.runs).toBe(2 + 12 + 48);
  });

  test('finds what needs one fault, and not again with a second', async () => {
    const told = await found(async (call, done) => {
      await twice(call, '/pay');
      await call('/mail').catch(() => 0);
      if ((done.get('/pay') ?? 0) > 1) throw new Error('paid twice');
    });
    expect(ids(told)).toEqual(['lostResponse POST /pay @0']);
    expect(told.findings[0]?.error).toMatchObject({ message: 'paid twice' });
    // The one that is broken by itself is tried with no other; its second exchange is the retry, its third the mail.
    expect(told.pairs.broken).toBe(2 * 4);
  });

  test('finds what needs two, also at an exchange that only the first brings about', async () => {
    const told = await found(async (call) => {
      if ((await twice(call, '/pay')) === undefined) throw new Error('gave up');
    });
    const both = [...ids(told)].sort();
    // Each that fails the first try, with each that fails the second.
    const failing = ['lostResponse', 'reset', 'status'];
    expect(told.discovered.map(({ nth }) => nth)).toEqual([1]);
    expect(both.length).toBeGreaterThan(0);
    expect(both.every((one) => /^(\w+) POST \/pay @0 \+ (\w+) POST \/pay @1$/.test(one))).toBe(true);
    const whole = await found(
      async (call) => {
        if ((await twice(call, '/pay')) === undefined) throw new Error('gave up');
      },
      { reduce: false },
    );
    expect(ids(whole).sort()).toEqual(
      failing.flatMap((one) => failing.map((other) => `${one} POST /pay @0 + ${other} POST /pay @1`)).sort(),
    );
  });

  test('what came to the same as another is tried once: every exchange that breaks is still found', async () => {
    const client = async (call: Call): Promise<void> => {
      if ((await twice(call, '/a')) === undefined && (await twice(call, '/b')) === undefined) throw new Error('gave up');
    };
    const [whole, less] = [await found(client, { reduce: false }), await found(client)];
    expect(less.pairs.same).toBeGreaterThan(0);
    for (const { possible, tried, broken, same, left } of [whole.pairs, less.pairs])
      expect(tried + broken + same + left).toBe(possible);
    expect(less.runs).toBeLessThan(whole.runs);
  });

  test('counts the pairs whose second exchange is not reached any more', async () => {
    const told = await found(
      async (call) => {
        if ((await call('/a').catch(() => 0)) === 200) await call('/b').catch(() => 0);
      },
      { reduce: false },
    );
    // After three of the four faults at /a nothing is sent to /b.
    expect(told.notReached).toBe(3 * 4);
    expect(told.pairs).toMatchObject({ possible: 4, tried: 4 });
  });

  test('says what was left when its runs are spent', async () => {
    const told = await found(async (call) => void (await twice(call, '/a')), { runs: 5 });
    expect(told.singles).toEqual({ possible: 4, tried: 3, broken: 0, same: 0, left: 1 });
    expect(told.pairs.left + told.pairs.same).toBe(told.pairs.possible);
  });

  test('a run that breaks without faults, or differs, is told as such', async () => {
    await expect(found(async () => Promise.reject(new Error('broken anyway')))).rejects.toThrow(
      /the run without any fault breaks already: broken anyway\n {2}hint: this is a finding about the system/,
    );
    let n = 0;
    await expect(found(async (call) => call(`/path${'x'.repeat(n++)}`))).rejects.toThrow(
      /two runs without any fault were not the same/,
    );
  });

  test('a fault of the world is refused', async () => {
    await expect(found(async () => 0, { faults: [kill({ target: 'w' })] })).rejects.toThrow("'kill' is done to the world");
  });

  test('ids in addresses are left open, so that the same exchange is the same in each run', async () => {
    const told = await found(
      async (call) => {
        for (const path of ['/orders/42', '/orders/43', '/operations/op_1a2b3c4d']) await call(path).catch(() => 0);
      },
      { pairs: false },
    );
    expect(told.points.map(({ where, nth }) => [where.path, nth])).toEqual([
      ['/orders/*', 0],
      ['/orders/*', 1],
      ['/operations/*', 0],
    ]);
  });
});

describe('exploration of what is real', () => {
  test('what is skipped is neither harmed nor compared, and still counted', async () => {
    let looks = 0;
    const told = await found(
      async (call) => {
        for (let n = looks++ % 3; n >= 0; n--) await call('/a/look').catch(() => 0);
        await call('/a/pay').catch(() => 0);
      },
      { skip: ['/a/look'], pairs: false, route: ({ method }) => ({ method, path: '/a/*' }) },
    ).catch((error: Error) => error.message);
    // The same route, and one more look each time: it is another of those that fit.
    expect(told).toMatch(/not the same.*'POST \/a\/\* @1' came in one alone/);
    const apart = await found(
      async (call) => {
        for (let n = looks++ % 3; n >= 0; n--) await call('/a/look').catch(() => 0);
        await call('/a/pay').catch(() => 0);
      },
      { skip: ['/a/look'], pairs: false },
    );
    expect(apart.points.map(({ where }) => where.path)).toEqual(['/a/pay']);
  });

  test('exchanges in another order are the same where that is asked for, and not otherwise', async () => {
    let n = 0;
    const client = async (call: Call): Promise<void> => {
      const paths = n++ % 2 === 0 ? ['/a', '/b'] : ['/b', '/a'];
      for (const path of paths) await call(path).catch(() => 0);
    };
    await expect(found(client)).rejects.toThrow('the exchanges came in another order');
    await expect(found(client, { lenient: true })).resolves.toMatchObject({ compared: 'all', findings: [] });
  });

  test('what is told differently each time is not compared, and that is told', async () => {
    let n = 0;
    const client = async (call: Call): Promise<number> => {
      await call('/a').catch(() => 0);
      await call('/b').catch(() => 0);
      return n++;
    };
    await expect(found(client)).rejects.toThrow('what they gave back differs');
    const told = await found(client, { lenient: true });
    expect(told.compared).toBe('passing');
    expect(told.pairs.same).toBeGreaterThan(0);
    expect(describeExploration(told)).toContain('they are the same by what passed alone');
  });

  test('each finding is run again, and told with its rate where it does not break each time', async () => {
    let runs = 0;
    const at: number[] = [];
    const told = await found(
      async (call) => {
        runs++;
        if ((await call('/a').catch(() => 0)) !== 200 && runs % 2 === 1) throw new Error('sometimes');
      },
      { faults: [reset()], pairs: false, confirm: 4, onFinding: (_, n) => at.push(n) },
    );
    expect(told.findings).toMatchObject([{ failed: 3, of: 5 }]);
    expect([told.runs, told.checks, at]).toEqual([2 + 1 + 4, 2 + 4, [7]]);
    expect(describeExploration(told)).toContain('flaky: it broke in 3 of 5 runs');
  });

  test('what a fault leaves broken ends it, and is not taken for what the next fault does', async () => {
    let isBroken = false;
    const client = async (call: Call): Promise<void> => {
      if (isBroken) throw new Error('still broken');
      if ((await call('/a').catch(() => 0)) === 200) return;
      isBroken = true;
      throw new Error('broken');
    };
    await expect(found(client, { recheck: true })).rejects.toMatchObject({
      code: 'left-broken',
      message: expect.stringMatching(/since 'reset POST .*' broke it, .*: still broken/) as string,
    });
    isBroken = false;
    // Without, all that follows seems to break.
    expect((await found(client)).findings.length).toBeGreaterThan(3);
  });
});

describe('a plan as a short document', () => {
  const samples = [...FAULTS.values()].flatMap(({ name, samples: all }) =>
    all.map((args) => planFrom({ seed: 3, faults: [{ fault: name, where: '**', ...args }] })),
  );

  test('is the same plan, read again', () => {
    for (const one of samples) {
      const { entries } = planFrom(JSON.parse(replayOf(one)));
      expect(entries.map(({ fault, args, where, when }) => ({ fault, args, where, when }))).toEqual(
        one.entries.map(({ fault, args, where, when }) => ({ fault, args, where, when })),
      );
    }
  });

  test('keeps the name where something is drawn for it', () => {
    const drawn = plan(
      { seed: 1 },
      latency({ ms: 5, jitter: 2, id: 'late' }),
      latency({ ms: 5, id: 'later' }),
      reset({ where: { peer: 'x' } }),
    );
    expect(JSON.parse(replayOf(drawn))).toEqual({
      seed: '1',
      faults: [
        { fault: 'latency', id: 'late', ms: 5, jitter: 2, where: '**' },
        { fault: 'latency', ms: 5, where: '**' },
        { fault: 'reset', where: { peer: 'x' } },
      ],
    });
  });
});
