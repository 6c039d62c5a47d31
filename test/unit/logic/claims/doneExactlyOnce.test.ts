import { describe, expect, test } from 'vitest';
import { claimFrom, doneExactlyOnce, judge, type Judgement } from '../../../../src/logic/index.ts';
import type { DoneExactlyOnceArgs } from '../../../../src/logic/claims/doneExactlyOnce.ts';
import { message } from '../../../../src/report/index.ts';
import { virtualClock } from '../../../../src/time/index.ts';
import { createTrace, type Outcome, type Trace } from '../../../../src/trace/index.ts';

type Called = readonly [key: string | undefined, outcome: Outcome | 'lost', amount?: number];

/** Calls, one after the other, and then one reading. */
function traceOf(calls: readonly Called[], reading: unknown, before?: unknown): Trace {
  const trace = createTrace({ clock: virtualClock() });
  const read = (value: unknown): void => void trace.record('charges', { kind: 'value', value });
  if (before !== undefined) read(before);
  for (const [i, [key, outcome, amount]] of calls.entries()) {
    const input = { ...(key === undefined ? {} : { key }), ...(amount === undefined ? {} : { amount }) };
    trace.record('client', { kind: 'call', call: String(i), name: 'order', input });
    if (outcome !== 'lost') trace.record('client', { kind: 'return', call: String(i), outcome });
  }
  if (reading !== undefined) read(reading);
  return trace;
}

const judged = (trace: Trace, args: Partial<DoneExactlyOnceArgs> = {}): Judgement =>
  judge(doneExactlyOnce({ effect: 'charges', ...args }), trace.observations);

describe('doneExactlyOnce', () => {
  test.each<[string, readonly Called[], Readonly<Record<string, number>>]>([
    [
      'each once',
      [
        ['k1', 'ok'],
        ['k2', 'ok'],
      ],
      { k1: 1, k2: 1 },
    ],
    ['a lost answer that was done', [['k1', 'lost']], { k1: 1 }],
    ['a lost answer that was not', [['k1', 'lost']], {}],
    [
      'an unknown one, and its retry that was accepted',
      [
        ['k1', 'unknown'],
        ['k1', 'ok'],
      ],
      { k1: 1 },
    ],
    ['a refused one', [['k1', 'fail']], {}],
    [
      'a refused retry of one that was lost',
      [
        ['k1', 'unknown'],
        ['k1', 'fail'],
      ],
      { k1: 1 },
    ],
    [
      'what is of none of them, where some have no key',
      [
        [undefined, 'ok'],
        ['k1', 'ok'],
      ],
      { k1: 1, x: 1 },
    ],
    ['a key named as what objects inherit', [['constructor', 'lost']], {}],
  ])('holds for %s', (_name, calls, done) => {
    expect(judged(traceOf(calls, { done }))).toMatchObject({ verdict: 'holds', reason: { code: 'done-exactly-once' } });
  });

  test.each<[string, readonly Called[], Readonly<Record<string, number>>, string]>([
    [
      'a retry that was done anew',
      [
        ['k1', 'unknown'],
        ['k1', 'ok'],
      ],
      { k1: 2 },
      "order 'k1': 2 charges, but one accepted and one unanswered call (which are one and the same)",
    ],
    ['one accepted call done twice', [['k1', 'ok']], { k1: 2 }, "order 'k1': 2 charges, but one accepted call"],
    ['an unanswered one done twice', [['k1', 'lost']], { k1: 2 }, "order 'k1': 2 charges, but one unanswered call"],
    [
      'one that was accepted and lost',
      [
        ['k1', 'ok'],
        ['k2', 'ok'],
      ],
      { k2: 1 },
      "order 'k1': no charge, but one accepted call",
    ],
    ['one that was refused and done', [['k1', 'fail']], { k1: 1 }, "order 'k1': 1 charge, but one refused call"],
    ['what nobody asked for', [['k1', 'ok']], { k1: 1, 'k1.2': 1 }, "order 'k1.2': 1 charge, but nobody called"],
    ['more than those without a key', [[undefined, 'ok']], { x: 1, y: 1 }, "order 'y': 1 charge, but nobody called"],
    [
      'one that was done twice, whatever has no key',
      [
        [undefined, 'lost'],
        [undefined, 'ok'],
      ],
      { x: 2 },
      "order 'x': 2 charges, but nobody called",
    ],
  ])('is violated by %s', (_name, calls, done, words) => {
    const trace = traceOf(calls, { done });
    const judgement = judged(trace, { call: 'order' });
    expect(judgement).toMatchObject({ verdict: 'violated', reason: { code: 'not-exactly-once' } });
    const claim = doneExactlyOnce({ effect: 'charges', call: 'order' });
    expect(message({ claim, judgement, trace, name: 'the shop' })).toContain(
      `expected the shop to do each order exactly once, as its charges tell, but ${words}`,
    );
  });

  test.each<[string, readonly Called[], number, Judgement['verdict']]>([
    [
      'as many as were accepted',
      [
        ['a', 'ok'],
        ['b', 'ok'],
        ['c', 'fail'],
      ],
      2,
      'holds',
    ],
    [
      'and one of the unknown',
      [
        ['a', 'ok'],
        ['b', 'lost'],
        ['c', 'unknown'],
      ],
      2,
      'holds',
    ],
    [
      'fewer',
      [
        ['a', 'ok'],
        ['b', 'ok'],
      ],
      1,
      'violated',
    ],
    [
      'more than are unknown',
      [
        ['a', 'ok'],
        ['b', 'lost'],
      ],
      3,
      'violated',
    ],
    [
      'retries of one key counted as one',
      [
        ['a', 'unknown'],
        ['a', 'ok'],
      ],
      2,
      'violated',
    ],
    ['a refused one', [['a', 'fail']], 1, 'violated'],
  ])('counts: %s', (_name, calls, count, verdict) => {
    expect(judged(traceOf(calls, { count: count + 7 }, { count: 7 })).verdict).toBe(verdict);
    expect(judged(traceOf(calls, { count })).verdict).toBe(verdict);
  });

  test.each<[string, readonly Called[], number, Judgement['verdict']]>([
    ['what was accepted is gone', [['a', 'ok', 10]], 90, 'holds'],
    [
      'the one unknown that explains it',
      [
        ['a', 'ok', 10],
        ['b', 'lost', 25],
        ['c', 'lost', 40],
      ],
      50,
      'holds',
    ],
    [
      'both of them',
      [
        ['a', 'ok', 10],
        ['b', 'lost', 25],
        ['c', 'lost', 40],
      ],
      25,
      'holds',
    ],
    [
      'no choice of the unknown that explains it',
      [
        ['a', 'ok', 10],
        ['b', 'lost', 25],
        ['c', 'lost', 40],
      ],
      80,
      'violated',
    ],
    [
      'cents that are added in another order',
      [
        ['a', 'ok', 0.1],
        ['b', 'ok', 0.2],
      ],
      99.7,
      'holds',
    ],
    ['a refused one that was taken', [['a', 'fail', 10]], 90, 'violated'],
  ])('balances: %s', (_name, calls, balance, verdict) => {
    expect(judged(traceOf(calls, { balance }, { balance: 100 }), { amount: '-input.amount' }).verdict).toBe(verdict);
  });

  test('says what balance there could be', () => {
    const trace = traceOf(
      [
        ['a', 'ok', 10],
        ['b', 'lost', 25],
      ],
      { balance: 80 },
      { balance: 100 },
    );
    const claim = doneExactlyOnce({ effect: 'charges', amount: '-input.amount' });
    const judgement = judge(claim, trace.observations);
    expect(message({ claim, judgement, trace })).toContain(
      'charges went from 100 to 80, where the accepted calls and any of the unknown ones take it to between 65 and 90, but not there',
    );
  });

  test('is undecided where it was not read, was read too early, or began nobody knows where', () => {
    const late = traceOf([['k1', 'ok']], undefined, { done: { k1: 1 } });
    expect(judged(late)).toMatchObject({ verdict: 'undecided', reason: { code: 'read-too-early' } });
    expect(judged(traceOf([['k1', 'ok']], { balance: 3 }))).toMatchObject({
      verdict: 'undecided',
      reason: { code: 'no-balance-before' },
    });
    expect(judged(traceOf([['k1', 'ok']], 'much'))).toMatchObject({ verdict: 'undecided' });
    const still = traceOf([['k1', 'ok']], { done: { k1: 1 } });
    still.record('charges', { kind: 'error', name: 'NotSettled', message: 'still changing' });
    expect(judged(still)).toMatchObject({ verdict: 'undecided', reason: { code: 'not-settled' } });
    expect(judged(traceOf([['k1', 'ok']], { done: { k1: 1 } }), { quiet: 10 })).toMatchObject({
      verdict: 'undecided',
      reason: { code: 'not-settled' },
    });
  });

  test('a bound of ours is no verdict', () => {
    const many = Array.from({ length: 18 }, (_, i): Called => [String(i), 'lost', 2 ** i]);
    const trace = traceOf(many, { balance: 0.5 }, { balance: 0 });
    expect(judged(trace)).toMatchObject({ verdict: 'undecided', decidedBy: 'bound', reason: { code: 'too-many' } });
    expect(judged(traceOf([['k', 'ok']], { done: { k: 1 }, more: true }))).toMatchObject({
      verdict: 'undecided',
      decidedBy: 'bound',
    });
  });

  test('is the same once written down and read', () => {
    const trace = traceOf([['k1', 'ok']], { done: { k1: 2 } });
    const claim = doneExactlyOnce({ effect: 'charges', quiet: '0ms' });
    const copy = claimFrom({ claim: claim.name, args: JSON.parse(JSON.stringify(claim.args)) as unknown });
    expect(judge(copy, trace.observations)).toEqual(judge(claim, trace.observations));
  });

  test.each<[Partial<DoneExactlyOnceArgs>, string]>([
    [{ effect: '' }, 'expected the name of an effect as effect'],
    [{ effect: 'charges', per: '' }, 'expected a text as per'],
    [{ effect: 'charges', quiet: 'a while' as never }, 'quiet'],
  ])('refuses %j', (args, why) => {
    expect(() => doneExactlyOnce(args as DoneExactlyOnceArgs)).toThrow(why);
  });
});

test('where nobody called nothing is known', () => {
  expect(judged(traceOf([], {}), {})).toMatchObject({ verdict: 'undecided' });
  expect(judged(traceOf([], { done: {} }), {})).toMatchObject({ verdict: 'undecided', reason: { code: 'nobody-called' } });
  expect(judged(traceOf([['k1', 'ok']], { done: {} }), { call: 'oder' })).toMatchObject({ verdict: 'undecided' });
});

test('a path that leads nowhere decides nothing, and is named', () => {
  const claim = doneExactlyOnce({ effect: 'charges', per: 'input.id' });
  const trace = traceOf([['k1', 'ok']], { done: { k1: 1 } });
  const judgement = judge(claim, trace.observations);
  expect(judgement).toMatchObject({ verdict: 'undecided', reason: { code: 'leads-nowhere', path: 'input.id' } });
  expect(message({ claim, judgement, trace, name: 'the shop' })).toContain(
    "no call has anything at 'input.id', so nobody knows which are one and the same",
  );
  const unpaid = traceOf([['a', 'ok', 10]], { balance: 100 }, { balance: 100 });
  expect(judged(unpaid, { amount: '-input.amout' })).toMatchObject({
    verdict: 'undecided',
    reason: { code: 'leads-nowhere', member: 'amount' },
  });
  // Of a refused one no amount is needed.
  expect(judged(traceOf([['a', 'fail']], { balance: 100 }, { balance: 100 })).verdict).toBe('holds');
});
