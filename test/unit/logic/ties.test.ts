import { describe, expect, test } from 'vitest';
import { MAX_HELD_OBSERVATIONS, Ties } from '../../../src/logic/ties.ts';
import { judge, neverReach, rejudge, succeed } from '../../../src/logic/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace, parseTrace, type Event, type Trace } from '../../../src/trace/index.ts';
import { subject, watch } from '../../../src/watch/index.ts';

const SUCCEEDED: Event = { kind: 'state', state: 'succeeded', ending: 'success' };
const FAILED: Event = { kind: 'state', state: 'failed', ending: 'failure' };

function shared(): Trace {
  return createTrace({ clock: virtualClock(), scope: 'operation' });
}

describe('on a channel that tells of several operations', () => {
  test('what came before its own 202 counts, and what is of others does not', () => {
    const trace = shared();
    trace.record('hook', FAILED, ['op-2']);
    trace.record('hook', SUCCEEDED, ['op-1']);
    const before = judge(succeed(), trace.observations, { context: { since: 0, tied: [] } });
    expect(before).toMatchObject({ verdict: 'undecided', reason: { others: { count: 2, keys: ['op-2', 'op-1'] } } });
    trace.link('start', 'op-1', ['/operations/op-1']);
    const after = judge(succeed(), trace.observations, { context: { since: 0, tied: [] } });
    expect(after).toMatchObject({ verdict: 'holds', evidence: [{ seq: 1 }] });
  });

  test('a key besides the id ties too, and what has no key is of the operation', () => {
    const trace = shared();
    trace.link('start', 'op-1', ['order-7']);
    trace.record('hook', FAILED, ['order-8']);
    trace.record('hook', SUCCEEDED, ['x', 'order-7']);
    expect(judge(succeed(), trace.observations, { context: { since: 0, tied: [] } }).verdict).toBe('holds');
    trace.record('monitor', FAILED);
    expect(judge(succeed(), trace.observations.slice(-1), { context: { since: 0, tied: [] } }).verdict).toBe('violated');
  });

  test('a trace that is not of one operation judges all that it has', () => {
    const trace = createTrace({ clock: virtualClock() });
    trace.record('hook', FAILED, ['op-2']);
    expect(judge(succeed(), trace.observations).verdict).toBe('violated');
  });

  test('a claim that begins later knows what was tied before, live and judged again', async () => {
    const clock = virtualClock();
    const trace = createTrace({ clock, scope: 'operation' });
    trace.link('start', 'op-1', []);
    const looked = { name: 'hook', look: () => ({ events: [] }) };
    const watched = subject([looked], { clock, trace });
    const judgement = await clock.run(async () => {
      const waiting = watch(watched, neverReach({ state: 'failed', for: 100 }));
      clock.after(10, () => trace.record('hook', FAILED, ['op-2']));
      clock.after(50, () => trace.record('hook', FAILED, ['op-1']));
      return waiting;
    });
    expect(judgement).toMatchObject({ verdict: 'violated', at: 50 });
    const again = parseTrace(trace.toJSONL());
    expect(again.header.scope).toBe('operation');
    expect(rejudge(again)).toEqual([judgement]);
  });

  test('what is held is bounded, and all of it counted', () => {
    const ties = new Ties([]);
    const one = { kind: 'note', text: '', at: 0, source: 'hook' } as const;
    for (let seq = 0; seq < MAX_HELD_OBSERVATIONS + 5; seq++) expect(ties.admit({ ...one, seq, keys: [`k${seq}`] })).toEqual([]);
    expect(ties.others).toEqual({ count: MAX_HELD_OBSERVATIONS + 5, keys: ['k5', 'k6', 'k7'] });
    const link = { kind: 'link', operation: 'op', keys: ['k0', 'k9', 'k7'], at: 0, seq: 9_999, source: 'start' } as const;
    expect(ties.admit(link).map(({ seq }) => seq)).toEqual([7, 9, 9_999]);
  });
});
