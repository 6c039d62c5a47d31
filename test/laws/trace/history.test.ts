import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { historyOf, type Call, type Event, type Observation } from '../../../src/trace/index.ts';
import { law } from '../../setup/law.ts';
import { anyEvent } from './events.ts';

/** What may come of one piece of work: it is called, and then something, or nothing, comes back. */
type Work =
  | { readonly of: 'call'; readonly back: 'ok' | 'fail' | 'unknown' | 'nothing' }
  | { readonly of: 'exchange'; readonly back: number | 'reset' | 'nothing' };

const work: fc.Arbitrary<Work> = fc.oneof(
  fc.constantFrom('ok', 'fail', 'unknown', 'nothing').map((back) => ({ of: 'call', back }) as const),
  fc
    .oneof(
      fc.integer({ min: 100, max: 599 }),
      fc.constantFrom(399, 400, 499, 500),
      fc.constantFrom('reset' as const, 'nothing' as const),
    )
    .map((back) => ({ of: 'exchange', back }) as const),
);

function called(id: string, { of }: Work): Event {
  return of === 'call'
    ? { kind: 'call', call: id, name: `do ${id}`, input: { id } }
    : { kind: 'request', exchange: id, method: 'POST', url: `http://a.test/work/${id}?q=1#end`, headers: [], body: `in ${id}` };
}

function returned(id: string, { of, back }: Work): Event | undefined {
  if (back === 'nothing') return undefined;
  if (of === 'call') return { kind: 'return', call: id, outcome: back, output: `out ${id}` };
  return back === 'reset'
    ? { kind: 'no-response', exchange: id, reason: 'reset' }
    : { kind: 'response', exchange: id, status: back, headers: [], body: `out ${id}` };
}

function outcomeOf({ of, back }: Work): Call['outcome'] {
  if (of === 'call') return back === 'nothing' ? 'unknown' : back;
  return typeof back === 'string' || back >= 500 ? 'unknown' : back < 400 ? 'ok' : 'fail';
}

/** Work in parallel, in any order in which what comes back comes after its call, among other things that were seen. */
const interleaved = fc
  .record({
    works: fc.array(work, { maxLength: 12 }),
    order: fc.infiniteStream(fc.nat(1000)),
    noise: fc.array(fc.tuple(fc.nat(30), anyEvent), { maxLength: 6 }),
  })
  .map(({ works, order, noise }) => {
    const waiting = works.flatMap((one, i) => {
      const back = returned(`w${i}`, one);
      return [{ i, events: back === undefined ? [called(`w${i}`, one)] : [called(`w${i}`, one), back] }];
    });
    const events: Event[] = [];
    while (waiting.length > 0) {
      const place = order.next().value! % waiting.length;
      const { events: left } = waiting[place]!;
      events.push(left.shift()!);
      if (left.length === 0) waiting.splice(place, 1);
    }
    // Of foreign calls and exchanges only what nobody asked for is mixed in: ids of their own.
    for (const [place, event] of noise)
      if (!['call', 'request'].includes(event.kind)) events.splice(place % (events.length + 1), 0, event);
    const seen = events.map((event, seq): Observation => ({ at: Math.floor(seq / 2), seq, source: 's', ...event }));
    return { works, seen };
  });

describe('a history', () => {
  test('has each call once, in order of the calls, with its own return', () => {
    law(
      interleaved,
      ({ works, seen }) => {
        const expected = seen
          .filter(({ kind }) => kind === 'call' || kind === 'request')
          .map((call): Call => {
            const id = call.kind === 'call' ? call.call : call.kind === 'request' ? call.exchange : '';
            const one = works[Number(id.slice(1))]!;
            const back = seen.find(
              (o) => ((o.kind === 'return' && o.call === id) || (o.kind === 'response' && o.exchange === id)) && o.seq > call.seq,
            );
            const outcome = outcomeOf(one);
            return {
              id,
              name: one.of === 'call' ? `do ${id}` : `POST /work/${id}`,
              input: one.of === 'call' ? { id } : `in ${id}`,
              output: back === undefined ? undefined : `out ${id}`,
              outcome,
              calledAt: call.at,
              calledSeq: call.seq,
              returnedAt: outcome === 'unknown' ? undefined : back!.at,
              returnedSeq: outcome === 'unknown' ? undefined : back!.seq,
            };
          });
        expect(historyOf(seen)).toEqual(expected);
      },
      300,
    );
  });

  test('knows an outcome exactly where a return was seen that tells one', () => {
    law(interleaved, ({ seen }) => {
      const history = historyOf(seen);
      expect(history.map(({ calledSeq }) => calledSeq)).toEqual(
        seen.filter(({ kind }) => kind === 'call' || kind === 'request').map(({ seq }) => seq),
      );
      for (const { outcome, returnedAt, returnedSeq, calledAt, calledSeq } of history) {
        expect(returnedSeq === undefined).toBe(outcome === 'unknown');
        expect(returnedAt === undefined).toBe(outcome === 'unknown');
        if (returnedSeq === undefined) continue;
        expect(returnedSeq).toBeGreaterThan(calledSeq);
        expect(returnedAt).toBeGreaterThanOrEqual(calledAt);
      }
    });
  });

  test('is read from any observations at all, and never longer than them', () => {
    law(fc.array(anyEvent, { maxLength: 20 }), (events) => {
      const seen = events.map((event, seq): Observation => ({ at: seq, seq, source: 's', ...event }));
      const calls = seen.filter(({ kind }) => kind === 'call' || kind === 'request');
      expect(historyOf(seen).map(({ calledSeq }) => calledSeq)).toEqual(calls.map(({ seq }) => seq));
    });
  });

  test('keeps calls and exchanges of one name apart, and a name that is used again', () => {
    const seen = [
      { kind: 'call', call: '1', name: 'pay' },
      { kind: 'request', exchange: '1', method: 'GET', url: '/path', headers: [] },
      { kind: 'response', exchange: '1', status: 404, headers: [] },
      { kind: 'return', call: '1', outcome: 'ok' },
      { kind: 'call', call: '1', name: 'pay' },
      { kind: 'return', call: '2', outcome: 'ok' },
      { kind: 'return', call: '1', outcome: 'fail' },
      { kind: 'return', call: '1', outcome: 'ok' },
    ].map((event, seq) => ({ at: seq, seq, source: 's', ...event }) as Observation);
    expect(historyOf(seen).map(({ name, outcome, returnedSeq }) => [name, outcome, returnedSeq])).toEqual([
      ['pay', 'ok', 3],
      ['GET /path', 'fail', 2],
      ['pay', 'fail', 6],
    ]);
  });
});
