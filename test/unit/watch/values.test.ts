import { describe, expect, test } from 'vitest';
import { operation } from '../../../src/dialects/operation.ts';
import { HarnessError } from '../../../src/errors.ts';
import { equal, match, reach, rejudge, satisfy, type Claim, type Judgement } from '../../../src/logic/index.ts';
import { poll } from '../../../src/probes/index.ts';
import { message } from '../../../src/report/index.ts';
import { virtualClock, type VirtualClock } from '../../../src/time/index.ts';
import { createTrace, parseTrace } from '../../../src/trace/index.ts';
import { subject, watch, type Subject } from '../../../src/watch/index.ts';

/** Watches in virtual time, and judges the recording of it again: that must say the same. */
async function judged(seen: Subject, clock: VirtualClock, claim: Claim, within = 100): Promise<Judgement> {
  const judgement = await clock.run(() => watch(seen, claim, { within, pace: 10 }));
  expect(rejudge(parseTrace(seen.trace.toJSONL())).at(-1)).toEqual(judgement);
  return judgement;
}

/** A function that tells these values, one a look, and the last one ever after. */
function telling(clock: VirtualClock, ...values: readonly unknown[]): Subject {
  let n = 0;
  return subject([poll(() => values[Math.min(n++, values.length - 1)])], { clock });
}

const after = (clock: VirtualClock, claim: Claim, ...values: readonly unknown[]): Promise<Judgement> =>
  judged(telling(clock, ...values), clock, claim);

describe('a test that never answers', () => {
  const ENDLESS = new Promise<boolean>(() => undefined);
  const claim = satisfy({ test: () => ENDLESS, name: 'is paid' });

  test('hung, and not the function whose value it was given', async () => {
    const clock = virtualClock();
    const seen = telling(clock, 1);
    const judgement = await judged(seen, clock, claim);
    expect(judgement).toMatchObject({ verdict: 'undecided', decidedBy: 'hung', reason: { closing: { testing: true } } });
    const text = message({ claim, judgement, trace: seen.trace, name: 'the order' });
    expect(text).toMatch(
      /^expected the order to eventually satisfy is paid, but the test of its value hung: it had no answer for 1\d\dms/,
    );
    expect(text.replace(/\s+/g, ' ')).toContain('give what the test awaits a time limit of its own');
  });

  test('hung, and not the operation whose result it was given', async () => {
    const clock = virtualClock();
    const fetch = async (): Promise<Response> => {
      await clock.sleep(5);
      return Response.json({ status: 'succeeded', result: { rows: 1 } });
    };
    const op = operation({ url: 'http://a.test/op', method: 'POST' }, { clock, fetch });
    const judgement = await clock.run(() => watch(op, claim, { within: 100 }));
    expect(judgement).toMatchObject({
      decidedBy: 'hung',
      reason: { closing: { since: 5, testing: true } },
    });
    const told = message({ claim, judgement, trace: op.trace, name: 'the order' });
    expect(told).toContain('the test of its value hung');
  });

  test('is waited for a little where the last look told what it tests', async () => {
    const clock = virtualClock();
    let paid = false;
    const state = { look: () => ({ events: paid ? [PAID] : [] }), name: 'job' };
    const slow = satisfy({
      test: async () => {
        await clock.sleep(10);
        return true;
      },
    });
    clock.after(95, () => (paid = true));
    const judgement = await clock.run(() => watch(subject([state], { clock }), slow, { within: 100, pace: 99 }));
    expect(judgement).toMatchObject({ verdict: 'holds', decidedBy: 'observation' });
  });
});

const PAID = { kind: 'state', state: 'paid', ending: 'success', result: { rows: 1 } } as const;

describe('a value that a function tells', () => {
  test.each<[string, Claim, readonly unknown[], string]>([
    ['a number', equal({ expected: 3 }), [1, 2, 3], 'holds'],
    ['a text that names a state', equal({ expected: 'failed' }), ['queued', 'failed'], 'holds'],
    ['a text that looks like an ending, and is none', equal({ expected: 'ready' }), ['failed', 'ready'], 'holds'],
    ['true, and not the text of it', equal({ expected: true }), ['true'], 'violated'],
    ['nothing', equal({ expected: undefined }), [1, undefined], 'holds'],
    ['a date, and not its text', equal({ expected: { at: '1970-01-01T00:00:00.000Z' } }), [{ at: new Date(0) }], 'violated'],
    ['a date', equal({ expected: { at: new Date(0) } }), [{ at: new Date(0) }], 'holds'],
    ['a map', equal({ expected: new Map([['a', 1]]) }), [new Map(), new Map([['a', 1]])], 'holds'],
    ['what a matcher of the runner takes', equal({ expected: { id: expect.any(String) } }), [{ id: 1 }, { id: 'a' }], 'holds'],
    ['members', match({ like: { n: 1 } }), [{ n: 0 }, { n: 1, more: true }], 'holds'],
    ['a text like this', match({ like: /re\w+y/ }), ['not yet', 'now ready'], 'holds'],
    ['a test', satisfy({ test: (n: number) => n > 1 }), [1, 2], 'holds'],
    ['a test that takes its time', satisfy({ test: async (n: number) => n > 1 }), [1, 2], 'holds'],
    ['a test that never says yes', satisfy({ test: () => false }), [1, 2], 'violated'],
    [
      'a test that throws',
      satisfy({
        test: () => {
          throw new TypeError('no');
        },
      }),
      [1],
      'violated',
    ],
  ])('%s', async (_name, claim, values, verdict) => {
    expect((await after(virtualClock(), claim, ...values)).verdict).toBe(verdict);
  });

  test('that changed where the trace does not keep it is seen to have changed', async () => {
    const list = Array.from({ length: 3000 }, (_, i) => ({ i, done: i !== 2500 }));
    const clock = virtualClock();
    const seen = subject(
      [
        poll(() => {
          if (clock.now() >= 50) list[2500]!.done = true;
          return list;
        }),
      ],
      { clock },
    );
    const claim = satisfy({ test: (items: typeof list) => items.every(({ done }) => done) });
    expect(await judged(seen, clock, claim)).toMatchObject({ verdict: 'holds', at: 50 });
    // It was told twice, and kept in part each time.
    expect(seen.trace.observations.filter(({ kind }) => kind === 'value')).toHaveLength(2);
    expect(seen.trace.toJSONL().length).toBeLessThan(50_000);
  });

  test('tells the nearest, the latest of those as near, with its moment, and the last', async () => {
    const far = [1, 2, 3, 4].map((n) => ({ a: n, b: n, c: 0 }));
    const claim = equal({ expected: { a: 3, b: 9, c: 0 } });
    const { reason } = await after(virtualClock(), claim, ...far);
    expect(reason).toMatchObject({
      code: 'not-passed',
      distance: 1,
      why: ['b: expected 9, received 3'],
      at: 20,
      lastDistance: 2,
    });
  });

  test('of those as near it is the latest, also judged again', async () => {
    const { reason } = await after(
      virtualClock(),
      equal({ expected: { a: 3, b: 9 } }),
      { a: 1, b: 9 },
      { a: 2, b: 9 },
      { a: 2, b: 0 },
    );
    expect(reason).toMatchObject({ distance: 1, why: ['a: expected 3, received 2'], at: 10, lastDistance: 2 });
  });

  test('keeps what was said of few of many values', async () => {
    const clock = virtualClock();
    let n = 0;
    const seen = subject([poll(() => ({ n: n++ }))], { clock });
    await judged(seen, clock, equal({ expected: { n: -1 } }), 5000);
    expect(seen.trace.observations.length).toBeGreaterThan(400);
    expect(Object.keys(seen.trace.header.claims[0]!.tested!).length).toBeLessThanOrEqual(2);
  });

  test('after looks that failed it is told again, though it is the same', async () => {
    const clock = virtualClock();
    let n = 0;
    const seen = subject(
      [
        poll(() => {
          if (n++ === 1) throw new Error('down');
          return 1;
        }),
      ],
      { clock },
    );
    await judged(seen, clock, equal({ expected: 2 }));
    expect(seen.trace.observations.map(({ kind }) => kind)).toEqual(['value', 'error', 'value', 'tick']);
  });

  test('is read as a state as well where somebody waits for that', async () => {
    const clock = virtualClock();
    let n = 0;
    const seen = subject([poll(() => ({ status: n++ < 3 ? 'queued' : 'running', at: new Date(n) }))], { clock });
    const [first, second] = await clock.run(() =>
      Promise.all([
        watch(seen, reach({ state: 'running' }), { within: 100, pace: 10 }),
        watch(seen, equal({ expected: { status: 'running', at: expect.any(Date) } }), { within: 100, pace: 10 }),
      ]),
    );
    expect([first.verdict, second.verdict]).toEqual(['holds', 'holds']);
    expect(rejudge(parseTrace(seen.trace.toJSONL())).map(({ verdict }) => verdict)).toEqual(['holds', 'holds']);
  });

  test('values of which the trace keeps no more are judged all the same', async () => {
    const clock = virtualClock();
    let n = 0;
    const trace = createTrace({ clock, maxBodyCharacters: 100 });
    const seen = subject([poll(() => ({ n: n++, text: 'x'.repeat(60) }))], { clock, trace });
    expect((await judged(seen, clock, match({ like: { n: 5 } }))).verdict).toBe('holds');
    expect(trace.header.bounds).toMatchObject([{ bound: 'bodies' }]);
    expect(trace.observations.at(-1)).toMatchObject({ kind: 'value', truncated: true });
  });

  test('a test that does not come back is called hung', async () => {
    const claim = satisfy({ test: () => new Promise<boolean>(() => undefined), name: 'asks elsewhere' });
    expect(await after(virtualClock(), claim, 1)).toMatchObject({ verdict: 'undecided', decidedBy: 'hung' });
  });

  test('a mistake in a test ends the wait, and nothing is judged', async () => {
    const mistake = new HarnessError('mine', 'a mistake', 'mend it');
    const clock = virtualClock();
    const claim = satisfy({
      test: () => {
        throw mistake;
      },
    });
    await expect(clock.run(() => watch(telling(clock, 1), claim))).rejects.toBe(mistake);
  });

  test('a schema of any library that speaks the common interface', async () => {
    const schema = {
      '~standard': {
        vendor: 'mine',
        validate: async (value: unknown) =>
          (value as { n: number }).n > 2
            ? {}
            : {
                issues: [
                  { message: 'too small', path: ['n'] },
                  { message: 'odd', path: [{ key: 'n' }] },
                ],
              },
      },
    };
    const claim = satisfy({ test: schema });
    expect(claim.says).toBe('eventually satisfy a mine schema');
    expect((await after(virtualClock(), claim, { n: 1 }, { n: 3 })).verdict).toBe('holds');
    const { reason } = await after(virtualClock(), claim, { n: 1 });
    expect(reason).toMatchObject({ distance: 2, why: ['n: too small', 'n: odd'] });
  });
});

describe('the result of an operation', () => {
  /** Succeeds at the second look; its result is in the answer, or elsewhere. */
  function world(clock: VirtualClock, result: unknown, where: 'here' | 'elsewhere' | 'nowhere' | 'failed') {
    let looks = 0;
    const asked: string[] = [];
    const fetch = async (url: string): Promise<Response> => {
      await clock.sleep(5);
      const { pathname } = new URL(url);
      asked.push(pathname);
      if (pathname === '/jobs')
        return Response.json({ id: 'j1', status: 'queued' }, { status: 202, headers: { location: '/jobs/j1' } });
      if (pathname === '/results/j1') return Response.json(result);
      if (++looks === 1) return Response.json({ status: 'running' });
      if (where === 'failed') return Response.json({ status: 'failed', error: 'no' });
      return where === 'elsewhere'
        ? new Response(null, { status: 303, headers: { location: '/results/j1' } })
        : Response.json({ status: 'succeeded', ...(where === 'here' ? { result } : {}) });
    };
    return { asked, op: operation({ url: 'http://a.test/jobs', method: 'POST' }, { clock, fetch }) };
  }

  test.each<[string, Claim, 'here' | 'elsewhere' | 'nowhere' | 'failed', string]>([
    ['told with the success', equal({ expected: { rows: 2 } }), 'here', 'holds by observation'],
    ['that is another decides at once', equal({ expected: { rows: 3 } }), 'here', 'violated by observation'],
    ['told elsewhere', equal({ expected: { rows: 2 } }), 'elsewhere', 'holds by observation'],
    ['told elsewhere that is another', match({ like: { rows: 3 } }), 'elsewhere', 'violated by observation'],
    ['tested', satisfy({ test: ({ rows }: { rows: number }) => rows === 2 }), 'here', 'holds by observation'],
    [
      'tested by what takes its time',
      satisfy({ test: async ({ rows }: { rows: number }) => rows === 2 }),
      'here',
      'holds by observation',
    ],
    ['tested by what takes its time and says no', satisfy({ test: async () => false }), 'here', 'violated by observation'],
    ['that is not told', equal({ expected: { rows: 2 } }), 'nowhere', 'violated by deadline'],
    ['of a failure, which has none', equal({ expected: { rows: 2 } }), 'failed', 'violated by observation'],
  ])('%s', async (_name, claim, where, expected) => {
    const clock = virtualClock();
    const { op } = world(clock, { rows: 2 }, where);
    const { verdict, decidedBy } = await judged(op, clock, claim, 4000);
    expect(`${verdict} by ${decidedBy}`).toBe(expected);
  });

  test('is asked for once somebody wants it, also after the end was seen, and once', async () => {
    const clock = virtualClock();
    const { op, asked } = world(clock, { rows: 2 }, 'elsewhere');
    expect((await judged(op, clock, reach({ state: 'succeeded' }), 4000)).verdict).toBe('holds');
    expect(asked).not.toContain('/results/j1');
    expect((await judged(op, clock, match({ like: { rows: 2 } }), 4000)).verdict).toBe('holds');
    expect((await judged(op, clock, equal({ expected: { rows: 3 } }), 4000)).verdict).toBe('violated');
    expect(asked.filter((path) => path === '/results/j1')).toHaveLength(1);
  });
});

test('a recording from which nothing is known of what a function said is not judged by it', () => {
  const clock = virtualClock();
  const trace = createTrace({ clock });
  trace.record('probe', { kind: 'value', value: 1 });
  trace.judged({ claim: 'satisfy', args: { test: 'is paid' }, from: 0, since: 0, upTo: 1, judgement: {} });
  trace.judged({ claim: 'equal', args: { expected: 1 }, from: 0, since: 0, upTo: 1, judgement: {} });
  expect(rejudge(trace)).toMatchObject([
    { verdict: 'undecided', decidedBy: 'nothing', reason: { code: 'no-value', seen: true } },
    { verdict: 'holds' },
  ]);
});
