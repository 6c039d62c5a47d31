import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { MAX_BEGINNINGS, MAX_HELD_OBSERVATIONS, MAX_WAITING_OBSERVATIONS, Ties } from '../../../src/logic/ties.ts';
import {
  equal,
  eventually,
  formula,
  is,
  judge,
  leadsTo,
  neverReach,
  rejudge,
  sameStory,
  stay,
  succeed,
  type Claim,
} from '../../../src/logic/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace, parseTrace, type Event, type Observation, type Trace } from '../../../src/trace/index.ts';
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
    const ties = new Ties();
    for (let seq = 0; seq < MAX_HELD_OBSERVATIONS + 5; seq++)
      expect(ties.admit(noted(seq, [`k${seq}`]))).toEqual({ observations: [], anew: false });
    expect(ties.others).toEqual({ count: MAX_HELD_OBSERVATIONS + 5, keys: ['k5', 'k6', 'k7'], dropped: 5 });
    expect(admitted(ties, linking(9_999, 'op', ['k0', 'k9', 'k7']))).toEqual([7, 9, 9_999]);
  });
});

const noted = (seq: number, keys?: readonly string[]): Observation => ({
  kind: 'note',
  text: '',
  at: seq,
  seq,
  source: 'hook',
  ...(keys === undefined ? {} : { keys }),
});
const linking = (seq: number, operation: string, keys: readonly string[] = [], source = 'start'): Observation => ({
  kind: 'link',
  operation,
  keys,
  at: seq,
  seq,
  source,
});
const admitted = (ties: Ties, o: Observation): readonly number[] => ties.admit(o).observations.map(({ seq }) => seq);

describe('the order in which it is judged', () => {
  test('is that in which it was seen: what comes after a held one waits until the operation has its name', () => {
    const ties = new Ties();
    expect(admitted(ties, noted(0))).toEqual([0]);
    expect(admitted(ties, noted(1, ['op']))).toEqual([]);
    expect(admitted(ties, noted(2))).toEqual([]);
    // By the trace of its requests it has no name yet.
    expect(admitted(ties, linking(3, '4bf9', [], 'traceparent'))).toEqual([]);
    expect(admitted(ties, linking(4, 'op'))).toEqual([1, 2, 3, 4]);
    expect(admitted(ties, noted(5, ['other']))).toEqual([]);
    expect(admitted(ties, noted(6))).toEqual([6]);
  });

  test('begins anew where a later link ties what was seen before', () => {
    const ties = new Ties();
    admitted(ties, linking(0, 'op'));
    admitted(ties, noted(1, ['order-7']));
    expect(admitted(ties, noted(2))).toEqual([2]);
    expect(ties.admit(linking(3, 'op', ['order-7']))).toMatchObject({
      anew: true,
      observations: [{ seq: 0 }, { seq: 1 }, { seq: 2 }, { seq: 3 }],
    });
  });

  test('costs a bounded time: so much waits, and so often it begins anew', () => {
    const ties = new Ties();
    admitted(ties, noted(0, ['op']));
    for (let seq = 1; seq <= MAX_WAITING_OBSERVATIONS; seq++) expect(admitted(ties, noted(seq))).toEqual([]);
    expect(admitted(ties, noted(1_001))).toHaveLength(MAX_WAITING_OBSERVATIONS + 1);
    expect(admitted(ties, noted(1_002))).toEqual([1_002]);
    expect(ties.admit(linking(1_003, 'op'))).toMatchObject({ anew: true });

    const often = new Ties({ tied: ['op'] });
    const lengths: number[] = [];
    for (let n = 0; n <= MAX_BEGINNINGS + 1; n++) {
      admitted(often, noted(3 * n, [`k${n}`]));
      admitted(often, noted(3 * n + 1));
      lengths.push(often.admit(linking(3 * n + 2, 'op', [`k${n}`])).observations.length);
    }
    expect(lengths.slice(-3)).toEqual([3 * MAX_BEGINNINGS, 2, 2]);
  });

  test('is told by a timed formula, which an early push fulfils in time', () => {
    const running = formula({ formula: eventually(is({ kind: 'state', state: 'running' }), { within: 50 }) });
    const { trace, at } = told();
    at(0, () => trace.record('start', { kind: 'state', state: 'queued' }));
    at(30, () => trace.record('hook', { kind: 'state', state: 'running' }, ['op-1']));
    at(60, () => trace.record('watch', { kind: 'tick' }));
    at(100, () => trace.link('start', 'op-1', []));
    expect(judge(running, trace.observations, early)).toMatchObject({ verdict: 'holds', at: 100, evidence: [{ at: 30 }] });
  });

  test('and by what leads to what: the effect was seen before its cause, whenever it is tied', () => {
    const claim = formula({
      formula: leadsTo(is({ kind: 'state', state: 'running' }), is({ kind: 'state', state: 'succeeded' }), { within: 20 }),
    });
    const { trace, at } = told();
    at(0, () => trace.link('start', 'op-1', []));
    at(10, () => trace.record('hook', { kind: 'state', state: 'running' }, ['order-7']));
    at(20, () => trace.record('monitor', SUCCEEDED));
    at(100, () => trace.link('start', 'op-1', ['order-7']));
    at(101, () => trace.record('watch', { kind: 'tick' }));
    expect(judge(claim, trace.observations, { ...early, closing: { by: 'deadline', at: 101 } }).verdict).toBe('holds');
  });

  test('counts the gaps between looks as they were', () => {
    const { trace, at } = told();
    at(0, () => trace.record('monitor', { kind: 'state', state: 'queued' }));
    at(50, () => trace.record('hook', { kind: 'state', state: 'running' }, ['op-1']));
    at(100, () => trace.record('monitor', { kind: 'state', state: 'running' }));
    at(100, () => trace.link('start', 'op-1', []));
    expect(judge(succeed(), trace.observations, early).coverage).toEqual({ looks: 3, largestGap: 50 });
    at(200, () => trace.record('hook', { kind: 'state', state: 'running' }, ['order-7']));
    at(300, () => trace.record('monitor', { kind: 'state', state: 'running' }));
    at(301, () => trace.link('start', 'op-1', ['order-7']));
    expect(judge(succeed(), trace.observations, early).coverage).toEqual({ looks: 5, largestGap: 100 });
  });

  test('live, time alone decides nothing while it may decide otherwise, and judged again it is the same', async () => {
    const clock = virtualClock();
    const trace = createTrace({ clock, scope: 'operation' });
    const watched = subject([{ name: 'hook', look: () => ({ events: [] }) }], { clock, trace });
    const running = formula({ formula: eventually(is({ kind: 'state', state: 'running' }), { within: 50 }) });
    clock.after(1, () => trace.record('start', { kind: 'state', state: 'queued' }));
    clock.after(30, () => trace.record('hook', { kind: 'state', state: 'running' }, ['op-1']));
    clock.after(100, () => trace.link('start', 'op-1', []));
    const judgement = await clock.run(() => watch(watched, running, { within: 200, pace: 10 }));
    expect(judgement).toMatchObject({ verdict: 'holds', at: 100 });
    expect(rejudge(parseTrace(trace.toJSONL()))).toEqual([judgement]);
  });

  test('is given up where the operation gets no name: what is its own decides at the end', async () => {
    const clock = virtualClock();
    const trace = createTrace({ clock, scope: 'operation' });
    const watched = subject([{ name: 'hook', look: () => ({ events: [] }) }], { clock, trace });
    clock.after(30, () => trace.record('hook', FAILED, ['op-2']));
    clock.after(40, () => trace.record('other', SUCCEEDED));
    const judgement = await clock.run(() => watch(watched, succeed(), { within: 200, pace: 10 }));
    expect(judgement).toMatchObject({ verdict: 'holds', decidedBy: 'observation', at: 200 });
    expect(rejudge(parseTrace(trace.toJSONL()))).toEqual([judgement]);
  });

  test('law: whenever the ties are learnt, it is judged as if they had been known from the beginning', () => {
    const claims: readonly Claim[] = [
      formula({ formula: eventually(is({ kind: 'state', state: 'running' }), { within: 20 }) }),
      formula({
        formula: leadsTo(is({ kind: 'state', state: 'running' }), is({ kind: 'state', state: 'queued' }), { within: 20 }),
      }),
      sameStory(),
    ];
    const step = fc.record({
      after: fc.nat(30),
      key: fc.constantFrom(undefined, 'a', 'b', 'foreign'),
      state: fc.constantFrom('queued', 'running'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.constantFrom(...claims), (steps, claim) => {
        const late = told();
        const known = told();
        known.trace.link('start', 'a', ['b']);
        late.trace.record('start', { kind: 'note', text: 'in the place of the link' });
        // What is held from the beginning on keeps everything waiting.
        for (const { trace } of [known, late]) trace.record('hook', { kind: 'note', text: '' }, ['a']);
        let now = 0;
        for (const { after, key, state } of steps) {
          now += after;
          for (const { trace, at } of [known, late])
            at(now, () => trace.record('hook', { kind: 'state', state }, key === undefined ? undefined : [key]));
        }
        for (const { trace, at } of [known, late]) at(now, () => trace.link('start', 'a', ['b']));
        const of = ({ trace }: ReturnType<typeof told>): object => {
          const { verdict, reason, evidence, coverage } = judge(claim, trace.observations, {
            ...early,
            closing: { by: 'deadline', at: now + 1 },
          });
          // When it was decided, and what else had been seen by then, differs.
          const { others: _others, closing: _closing, ...rest } = reason;
          return {
            verdict,
            reason: rest,
            evidence: evidence.map(({ seq }) => seq),
            looks: verdict === 'undecided' ? coverage : 0,
          };
        };
        expect(of(late)).toEqual(of(known));
      }),
      { numRuns: 500 },
    );
  });
});

const early = { context: { since: 0, tied: [] } } as const;

function told(): { readonly trace: Trace; readonly at: (ms: number, then: () => void) => void } {
  let now = 0;
  return {
    trace: createTrace({ clock: { ...virtualClock(), now: () => now }, scope: 'operation' }),
    at(ms, then) {
      now = ms;
      then();
    },
  };
}

test('that too few looks were taken is told with what was left out', () => {
  const trace = shared();
  trace.link('start', 'op-1', []);
  trace.record('monitor', { kind: 'state', state: 'running' });
  trace.record('hook', FAILED, ['op-2']);
  const closing = { by: 'deadline', at: 9 } as const;
  expect(judge(stay({ state: 'running', for: 9 }), trace.observations, { ...early, closing }).reason).toMatchObject({
    code: 'too-few-looks',
    others: { count: 1, keys: ['op-2'] },
  });
});

describe('a key that is an address', () => {
  const signed = 'https://ann:pw@a.test/operations/1?sig=secret';

  test('is recorded without its secrets, and ties all the same', () => {
    const trace = shared();
    trace.record('hook', SUCCEEDED, [signed]);
    trace.link('start', 'op-1', [signed]);
    expect(trace.toJSONL()).not.toMatch(/secret|ann:pw/);
    expect(judge(succeed(), trace.observations, early).verdict).toBe('holds');
    expect(trace.of('op-1')).toHaveLength(2);
  });

  test('is compared without them, whoever still has them', () => {
    const trace = shared();
    trace.link('start', signed, []);
    expect(trace.toJSONL()).not.toMatch(/secret|ann:pw/);
    expect(trace.of(signed)).toHaveLength(1);
    // As of a trace that was written before.
    const old: Observation = { ...noted(1, [signed]), kind: 'state', state: 'succeeded', ending: 'success' };
    expect(judge(succeed(), [...trace.observations, old], early).verdict).toBe('holds');
  });
});

test('what is of others is tested too, as nobody knows yet whose it is, and takes nothing from what was said of its own', async () => {
  const clock = virtualClock();
  const trace = createTrace({ clock, scope: 'operation' });
  const watched = subject([{ name: 'hook', look: () => ({ events: [] }) }], { clock, trace });
  const at = (ms: number, value: unknown, keys?: readonly string[]): void =>
    void clock.after(ms, () => trace.record('hook', { kind: 'value', value }, keys));
  clock.after(1, () => trace.link('start', 'op-1', []));
  at(10, { rows: 12, note: 'a' }, ['op-1']);
  at(20, { rows: 12, note: 'b' }, ['op-2']);
  at(30, { rows: 1, note: 'x' });
  at(40, { rows: 1, note: 'y' });
  const judgement = await clock.run(() =>
    watch(watched, equal({ expected: { rows: 12, note: 'b' } }), { within: 100, pace: 10 }),
  );
  expect(judgement).toMatchObject({ verdict: 'violated', reason: { distance: 1 } });
  expect(rejudge(parseTrace(trace.toJSONL()))).toEqual([judgement]);
});
