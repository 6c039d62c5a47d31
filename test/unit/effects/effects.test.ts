import { describe, expect, test } from 'vitest';
import { balance, call, count, ledger, mails, settled, type Effect } from '../../../src/effects/index.ts';
import { doneExactlyOnce, check } from '../../../src/logic/index.ts';
import { subject, watch } from '../../../src/watch/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace, historyOf } from '../../../src/trace/index.ts';

describe('effects', () => {
  test.each<[string, Effect, unknown]>([
    ['a count', count('rows', () => 3), { count: 3 }],
    ['a balance', balance('account', () => Promise.resolve(-2.5)), { balance: -2.5 }],
    ['a ledger', ledger('rows', () => [{ key: 'b' }, { key: 'a' }, { key: 'b' }]), { done: { a: 1, b: 2 } }],
    ['a ledger by a number', ledger('rows', () => [{ n: 7 }], { key: 'n' }), { done: { 7: 1 } }],
    ['a ledger by a function', ledger('rows', () => [{ n: 7 }], { key: ({ n }) => `n${n}` }), { done: { n7: 1 } }],
    [
      'mails to some',
      mails('mails', () => [
        { to: 'a@b.test', subject: 'x' },
        { to: ['a@b.test'], subject: 'x' },
      ]),
      { done: { 'a@b.test: x': 2 } },
    ],
    [
      'mails by what they are about',
      mails('mails', () => [{ subject: 'order 1' }], { key: ({ subject }) => subject }),
      { done: { 'order 1': 1 } },
    ],
  ])('%s is read', async (_name, effect, reading) => {
    expect(await effect.read()).toEqual(reading);
  });

  test.each<[string, () => unknown, string]>([
    [
      'a count of halves',
      () => count('rows', () => 0.5).read(),
      "count 'rows': expected its function to give a whole number, received 0.5",
    ],
    ['a balance that is none', () => balance('a', () => Number.NaN).read(), 'a number'],
    ['a ledger that is none', () => ledger('a', () => ({}) as never).read(), 'a list of lines'],
    ['a line without a key', () => ledger('a', () => [{ id: 1 }]).read(), "lines with a key in 'key'"],
    ['a mail to nobody', () => mails('a', () => [{ subject: 'x' }]).read(), 'mails with recipients'],
    ['no name', async () => count('', () => 1), 'expected a name'],
    ['no function', async () => balance('a', 1 as never), 'expected a name and a function'],
    ['no key', async () => ledger('a', () => [], { key: '' as never }), 'expected a field or a function as key'],
    ['no effects', () => settled([]), 'expected a list of effects'],
  ])('refuses %s', async (_name, make, why) => {
    await expect(make).rejects.toThrow(why);
  });

  test('a watch tells what changes, and nothing twice', async () => {
    const clock = virtualClock();
    let rows = 0;
    clock.after(1_000, () => rows++);
    const seen = subject([count('rows', () => rows)], { clock });
    await clock.run(() => watch(seen, doneExactlyOnce({ effect: 'rows' }), { within: '3s' }));
    expect(seen.trace.observations.flatMap((o) => (o.kind === 'value' ? [o.value] : []))).toEqual([{ count: 0 }, { count: 1 }]);
  });

  test('settles once nothing changes any more', async () => {
    const clock = virtualClock();
    const trace = createTrace({ clock });
    let rows = 0;
    for (const ms of [500, 1_200, 2_000]) clock.after(ms, () => rows++);
    const done = await clock.run(() => settled([count('rows', () => rows)], { clock, trace, for: '1s' }));
    expect(done).toEqual({ isSettled: true, readings: { rows: { count: 3 } }, after: 3_000 });
    expect(trace.observations.map((o) => [o.at, o.kind === 'value' && o.value])).toEqual([
      [0, { count: 0 }],
      [500, { count: 1 }],
      [1_200, { count: 2 }],
      [2_000, { count: 3 }],
      [3_000, { count: 3 }],
    ]);
  });

  test('what never settles is an error of its own, and no verdict', async () => {
    const clock = virtualClock();
    const trace = createTrace({ clock });
    let rows = 0;
    const done = await clock.run(() => settled([count('rows', () => ++rows)], { clock, trace, within: '5s' }));
    expect(done.isSettled).toBe(false);
    expect(done.after).toBeLessThanOrEqual(5_000);
    expect(check(trace, doneExactlyOnce({ effect: 'rows' }))).toMatchObject({
      verdict: 'undecided',
      reason: { code: 'not-settled' },
    });
  });

  test('what cannot be read does not settle', async () => {
    const clock = virtualClock();
    const trace = createTrace({ clock });
    const broken = count('rows', () => Promise.reject<number>(new Error('no connection')));
    const done = await clock.run(() => settled([broken], { clock, trace, within: '3s' }));
    expect(done).toMatchObject({ isSettled: false, readings: {} });
    expect(trace.observations.map((o) => o.kind === 'error' && o.message)).toEqual(['no connection']);
  });

  test.each<[string, () => unknown, string]>([
    ['no answer', () => Promise.reject(new Error('reset')), 'unknown'],
    ['201', () => new Response(null, { status: 201 }), 'ok'],
    ['302', () => new Response(null, { status: 302 }), 'ok'],
    ['422', () => new Response(null, { status: 422 }), 'fail'],
    ['409', () => new Response(null, { status: 409 }), 'unknown'],
    ['429', () => new Response(null, { status: 429 }), 'unknown'],
    ['503', () => new Response(null, { status: 503 }), 'unknown'],
    ['a value', () => 5, 'ok'],
  ])('the outcome of a call that is answered by %s', async (_name, work, outcome) => {
    const trace = createTrace({ clock: virtualClock() });
    await call(trace, { name: 'pay', input: { key: 'k' } }, work).catch(() => undefined);
    expect(historyOf(trace.observations)).toMatchObject([{ name: 'pay', input: { key: 'k' }, outcome }]);
  });
});
