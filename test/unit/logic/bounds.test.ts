/** What a claim remembers has a bound, and it says when that was reached. */
import { describe, expect, test } from 'vitest';
import { span } from '../../setup/spans.ts';
import { check } from '../../../src/logic/check.ts';
import {
  deliver,
  deliverExactlyOnce,
  deliverInOrder,
  deliverWithIntermediateResults,
  equal,
  exactlyOnce,
  haveSpan,
  sameStory,
  spansInOrder,
  stayWithinPollBudget,
  type Claim,
  type Judgement,
} from '../../../src/logic/index.ts';
import { MAX_SPANS } from '../../../src/logic/spans.ts';
import { MAX_ORDERED_STATES } from '../../../src/logic/claims/sameStory.ts';
import { MAX_FITTING } from '../../../src/logic/claims/spansInOrder.ts';
import { message } from '../../../src/report/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace, parseTrace, type Event, type Trace } from '../../../src/trace/index.ts';

function traced(
  fill: (tell: (source: string, event: Event) => void, later: (ms: number) => Promise<void>) => void | Promise<void>,
) {
  return (async (): Promise<Trace> => {
    const clock = virtualClock();
    const trace = createTrace({ clock });
    await clock.run(async () =>
      fill(
        (source, event) => void trace.record(source, event),
        (ms) => clock.sleep(ms),
      ),
    );
    return trace;
  })();
}

const said = (claim: Claim, judgement: Judgement, trace: Trace): string => message({ claim, judgement, trace });

const state = (name: string, ending?: 'success'): Event => ({
  kind: 'state',
  state: name,
  raw: name,
  ...(ending === undefined ? {} : { ending }),
});

describe('sameStory', () => {
  /** Two channels tell so many states; the last two of them the other way round. */
  const crossed = (states: number): Promise<Trace> =>
    traced((tell) => {
      const names = Array.from({ length: states }, (_, n) => `state ${n}`);
      for (const name of names) tell('one', state(name));
      for (const name of [...names.slice(0, -2), ...names.slice(-2).toReversed()]) tell('two', state(name));
      for (const source of ['one', 'two']) tell(source, state('succeeded', 'success'));
    });

  test('compares the order of so many states', async () => {
    const judgement = check(await crossed(MAX_ORDERED_STATES), sameStory());
    expect(judgement).toMatchObject({ verdict: 'violated', reason: { code: 'different-order' } });
  });

  test('and says of how many more it does not', async () => {
    const judgement = check(await crossed(MAX_ORDERED_STATES + 2), sameStory());
    // The two, and the end.
    expect(judgement).toMatchObject({ verdict: 'holds', reason: { code: 'same-story', unordered: { one: 3, two: 3 } } });
  });

  test('also in words', async () => {
    const trace = await traced((tell) => {
      for (let n = 0; n < MAX_ORDERED_STATES + 5; n++) tell('one', state(`state ${n}`));
    });
    trace.expect(['one', 'two']);
    const judgement = check(trace, sameStory());
    expect(said(sameStory(), judgement, trace)).toMatch(
      /one: the order of its first 1000 states was compared, and not of those that came 5 times after them/,
    );
  });
});

describe('spans', () => {
  test('give way, and are counted', async () => {
    const trace = await traced((tell) => {
      for (let n = 0; n < MAX_SPANS + 7; n++) tell('spans', span(n, 'work'));
    });
    const claim = haveSpan({ name: 'charge' });
    const judgement = check(trace, claim);
    expect(judgement.reason['seen']).toEqual(["'work' (2000)", '7 older ones, which gave way to the latest 2000']);
    expect(said(claim, judgement, trace)).toContain('7 older ones, which gave way to the latest 2000');
  });

  test('in order are compared so many for a place, and the others counted', async () => {
    const claim = spansInOrder({ spans: ['first', 'second', 'never'] });
    const of = (many: number): Promise<Trace> =>
      traced((tell) => {
        for (let n = 0; n < many; n++) tell('spans', span(n, 'first'));
        tell('spans', span(many, 'second'));
      });
    expect(check(await of(MAX_FITTING), claim).reason).not.toHaveProperty('dropped');
    const trace = await of(MAX_FITTING + 9);
    const judgement = check(trace, claim);
    expect(judgement.reason).toMatchObject({ found: 2, dropped: 9 });
    expect(said(claim, judgement, trace)).toContain('the order was compared, and not of 9 others');
  });

  test.for([false, true])(
    'in order are found among many, and through those between them that come later (nested: %s)',
    async (nested) => {
      const trace = await traced((tell) => {
        for (let n = 0; n < 3 * MAX_FITTING; n++) tell('spans', span(n, 'first'));
        // Its clock is behind, so that only what it was made within tells the order.
        const { data, ...rest } = span(5_000, 'second', 4_000) as Extract<Event, { kind: 'message' }>;
        tell('spans', { ...rest, data: { ...(data as object), startedAt: -1 } });
        tell('spans', span(4_000, 'between', 3_999));
        tell('spans', span(3_999, 'between', 3 * MAX_FITTING - 1));
      });
      const judgement = check(trace, spansInOrder({ spans: ['first', 'second'], nested }));
      expect(judgement).toMatchObject({ verdict: 'holds', at: 0, reason: { code: 'in-order', found: 2 } });
      expect(judgement.evidence.map(({ seq }) => seq)).toEqual([3 * MAX_FITTING - 1, 3 * MAX_FITTING]);
    },
  );

  test('that are within each other round and round end all the same', async () => {
    const trace = await traced((tell) => {
      tell('spans', span(1, 'first', 2));
      tell('spans', span(2, 'second', 1));
    });
    expect(check(trace, spansInOrder({ spans: ['first', 'second'], nested: true })).verdict).toBe('holds');
  });
});

describe('stayWithinPollBudget', () => {
  const asked = (gap: number, times: number): Promise<Trace> =>
    traced(async (tell, later) => {
      for (let n = 0; n < times; n++) {
        tell('exchanges', { kind: 'request', exchange: `e${n}`, method: 'GET', url: 'http://api.test/1', headers: [] });
        await later(gap);
      }
    });

  test('counts what is within the stretch, however many came before', async () => {
    const claim = stayWithinPollBudget({ requests: 10, per: '1s' });
    expect(check(await asked(100, 500), claim)).toMatchObject({ verdict: 'holds', reason: { most: 10 } });
    expect(check(await asked(99, 500), claim)).toMatchObject({
      verdict: 'violated',
      reason: { code: 'over-budget', times: 11, in: 990 },
    });
  });
});

describe('what the trace dropped', () => {
  const paid = (id: string, order: string): Event => ({
    kind: 'message',
    id,
    type: 'paid',
    data: { order, text: 'x'.repeat(2000) },
  });

  async function told(claim: Claim, ...events: readonly Event[]): Promise<{ judgement: Judgement; trace: Trace }> {
    const clock = virtualClock();
    const trace = createTrace({ clock, maxBodyCharacters: 3000 });
    for (const event of events) trace.record('hook', event);
    return Promise.resolve({ judgement: check(trace, claim), trace });
  }

  test.each<[string, Claim]>([
    ['did not come', deliver({ event: { type: 'paid', 'data.order': 'A2' } })],
    ['came once', deliverExactlyOnce({ event: 'paid', per: 'data.order', keys: ['A1', 'A2'] })],
    ['came again', exactlyOnce({ event: { type: 'paid' }, per: 'data.order' })],
    ['came in order', deliverInOrder({ events: ['paid'], by: 'data.order' })],
    ['is in a span', haveSpan({ name: 'work' })],
  ])('is not told of as if it %s', async (_name, claim) => {
    const { judgement, trace } = await told(claim, paid('1', 'A1'), paid('2', 'A2'), paid('3', 'A3'));
    expect(judgement).toMatchObject({ verdict: 'undecided', decidedBy: 'bound', reason: { dropped: 'message' } });
    expect(said(claim, judgement, trace)).toContain(
      'nothing was decided: what it asks for came at once, when the trace kept no more of it',
    );
    expect(rejudged(claim, trace)).toEqual(judgement);
  });

  test('is nothing to who does not ask for it', async () => {
    const { judgement } = await told(
      deliver({ event: 'paid', times: 3, per: 'id' }),
      paid('1', 'A1'),
      paid('2', 'A2'),
      paid('3', 'A3'),
    );
    expect(judgement.verdict).toBe('holds');
  });

  test('is nothing to who asks for what JSON cannot write', async () => {
    const expected: Record<string, unknown> = { n: 1n };
    expected['self'] = expected;
    const { judgement } = await told(equal({ expected }), paid('1', 'A1'), paid('2', 'A2'));
    expect(judgement).toMatchObject({ verdict: 'undecided', decidedBy: 'nothing' });
  });

  test('of a partial result is not told of as missing', async () => {
    const partial = (n: number): Event => ({ kind: 'state', state: 'running', partial: { n, text: 'x'.repeat(2000) } });
    const { judgement } = await told(
      deliverWithIntermediateResults({ atLeast: 3 }),
      partial(1),
      partial(2),
      partial(3),
      state('done', 'success'),
    );
    expect(judgement).toMatchObject({ verdict: 'undecided', decidedBy: 'bound' });
  });
});

function rejudged(claim: Claim, trace: Trace): Judgement {
  return check(parseTrace(trace.toJSONL()), claim);
}
