/** What every runner's edge does with a call: how long it waits, what it refuses, what it remarks. No runner but a made-up one. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Attempt } from '../../../src/edge/attempt.ts';
import { call } from '../../../src/edge/call.ts';
import { consistentlyFor } from '../../../src/edge/consistently.ts';
import type { Edge } from '../../../src/edge/edge.ts';
import { eventuallyFor } from '../../../src/edge/eventually.ts';
import type { Owner } from '../../../src/edge/owner.ts';
import { deliver, succeed } from '../../../src/logic/index.ts';
import type { Matcher } from '../../../src/matchers/matcher.ts';
import { toRespondWithin } from '../../../src/matchers/toRespondWithin.ts';
import { toSettleWithin } from '../../../src/matchers/toSettleWithin.ts';
import { systemClock, virtualClock, type Millis } from '../../../src/time/index.ts';
import { subject, type Pull, type Subject } from '../../../src/watch/index.ts';

let remarks: string[];
beforeEach(() => void (remarks = []));

const giveTime = (ms: Millis): string => `give it ${ms}`;
const edgeOf = (owner?: Owner): Edge => ({
  ownTest: () => owner,
  kindOf: () => undefined,
  assertion: () => ({}),
  isAssertion: () => false,
  counting: () => ({ assertionCalls: 0 }),
  defaults: () => ({}),
  giveTime,
  remark: (_owner, text) => void remarks.push(text),
});

/** A call of a matcher, as the edge of a runner makes it. */
async function calling<A extends readonly unknown[]>(
  matcher: Matcher<A>,
  received: unknown,
  args: A,
  owner?: Owner,
): Promise<string> {
  const told = call(matcher as unknown as Matcher, {
    ...{ received, args, isNot: false, label: 'it', site: {}, owner, edge: edgeOf(owner) },
  });
  try {
    await told.then((result) => result);
    return 'passed';
  } catch (error) {
    return (error as Error).message;
  }
}

function begun(timeout: Millis): Attempt {
  const attempt = new Attempt('a test', timeout);
  attempt.begins();
  return attempt;
}

describe('consistently', () => {
  test('without options watches for half a second', async () => {
    const start = systemClock.now();
    let looks = 0;
    await consistentlyFor(edgeOf())(() => ++looks);
    expect(systemClock.now() - start).toBeGreaterThanOrEqual(499);
    expect(looks).toBeGreaterThan(2);
  });

  test('without options is refused by a test that has less', async () => {
    const calm = consistentlyFor(edgeOf(begun(300)))(() => 1);
    await expect(calm).rejects.toMatchObject({ code: 'for-too-long' });
  });
});

describe('eventually refuses, although the first attempt passes,', () => {
  const eventually = eventuallyFor(edgeOf(begun(3000)));
  test.each([
    [{ pace: 'bogus' }, 'invalid-duration'],
    [{ pace: {} }, 'invalid-pace'],
    [{ lookPast: 'bogus' }, 'invalid-duration'],
    [{ within: 'bogus' }, 'invalid-duration'],
    [{ within: '1h' }, 'within-too-long'],
  ] as const)('%j', (options, code) => {
    expect(() => eventually(() => true, options as never)).toThrow(expect.objectContaining({ code }));
  });
});

describe('a pass with hardly any time left', () => {
  /** Tells at each look that it runs, and from a moment on that it is done. */
  const doneAfter = (ms: Millis): (() => string) => {
    const start = systemClock.now();
    return () => (systemClock.now() - start >= ms ? 'succeeded' : 'running');
  };
  const within = (claim: ReturnType<typeof deliver>, ms: Millis): Matcher => ({
    name: 'toBeSo',
    mean: () => ({ claim, options: { within: ms, pace: 5 } }),
  });

  test('is remarked on', async () => {
    expect(await calling(within(succeed(), 400), doneAfter(385), [], begun(60_000))).toBe('passed');
    expect(remarks).toHaveLength(1);
  });

  test('is not what holds at its end alone', async () => {
    expect(await calling(within(deliver({ event: 'x', atMost: 1 }), 120), doneAfter(0), [], begun(60_000))).toBe('passed');
    expect(remarks).toEqual([]);
  });

  test('is not what was there at once, and was watched on to see whether it comes again', async () => {
    let looks = 0;
    const queue: Pull = {
      name: 'queue',
      look: () => Promise.resolve({ events: looks++ === 0 ? [{ kind: 'message', id: 'm1', type: 'x', data: {} }] : [] }),
    };
    const claim = deliver({ event: 'x', times: 1, settle: 380 });
    expect(await calling(within(claim, 400), subject([queue]), [], begun(60_000))).toBe('passed');
    expect(remarks).toEqual([]);
  });
});

describe('a claim with a limit of its own', () => {
  /** Takes work, and never answers. */
  const hanging = (clock = virtualClock()): Subject =>
    subject(
      [
        {
          name: 'client',
          async open(context) {
            context.record({ kind: 'request', exchange: 'x1', method: 'GET', url: 'http://a.test/', headers: [] });
            return { done: new Promise<void>(() => undefined), async [Symbol.asyncDispose]() {} };
          },
        },
      ],
      { clock },
    );

  test('is watched for longer than that, whatever is usual: a hang is found', async () => {
    const clock = virtualClock();
    const told = await clock.run(() => calling(toRespondWithin, hanging(clock), ['5s']));
    expect(told).toMatch(/^expected .* to answer every request in 5s, but GET http:\/\/a\.test\/ had no answer for 5s/);
  });

  test('waits no longer than its test has, and passes there', async () => {
    expect(await calling(toSettleWithin, () => 'succeeded', ['400ms'], begun(500))).toBe('passed');
  });

  test('is refused by its own name where the test has less, and not by a within that nobody wrote', async () => {
    expect(await calling(toSettleWithin, () => 'succeeded', ['2s'], begun(1000))).toMatch(
      /^toSettleWithin: limit is 2s, but the test has [\d.]+m?s left of its timeout of 1s\n.*or shorten limit$/,
    );
  });

  test('tells no within that nobody wrote', async () => {
    const told = await calling(toSettleWithin, () => 'running', [60], begun(60_000));
    expect(told).toMatch(/to settle in 60ms from its start, but/);
    expect(told).not.toMatch(/within/);
    expect(told).toMatch(/slower than its limit/);
  });

  test('is refused where a within ends the wait before it can decide', async () => {
    expect(await calling(toSettleWithin, () => 'succeeded', ['2s', { within: 100 }])).toMatch(
      /^toSettleWithin: within is 100ms, less than the limit of 2s/,
    );
    expect(await calling(toRespondWithin, () => 'succeeded', ['2s', { within: 100 }])).toMatch(/less than the limit/);
  });
});
