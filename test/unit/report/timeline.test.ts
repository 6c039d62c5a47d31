import { describe, expect, test } from 'vitest';
import { inForce, timeline } from '../../../src/report/index.ts';
import { virtualClock, type VirtualClock } from '../../../src/time/index.ts';
import { createTrace, type Event, type Trace } from '../../../src/trace/index.ts';

/** A trace of events at moments, in milliseconds. */
async function traced(...events: readonly (readonly [at: number, source: string, event: Event])[]): Promise<Trace> {
  const clock: VirtualClock = virtualClock();
  const trace = createTrace({ clock });
  for (const [at, source, event] of events) {
    await clock.advance(at - clock.now());
    trace.record(source, event);
  }
  return trace;
}

const state = (name: string, progress?: number): Event => ({
  kind: 'state',
  state: name,
  ...(progress === undefined ? {} : { progress }),
});
const quiet = (looks: number): Event => ({ kind: 'tick', looks });
const error = (message: string): Event => ({ kind: 'error', message });

describe('segments', () => {
  test('looks that saw the same are one segment, with their number, times and progress', async () => {
    const { lanes } = timeline(
      await traced(
        [10, 'm', state('queued')],
        [20, 'm', state('running', 10)],
        [30, 'm', state('running', 10)],
        [45, 'm', state('running', 60)],
      ),
    );
    expect(lanes).toEqual([
      {
        source: 'm',
        segments: [
          { kind: 'state', label: 'queued', first: 10, last: 10, looks: 1 },
          { kind: 'state', label: 'running', first: 20, last: 45, looks: 3, progress: { first: 10, last: 60, movedAt: 45 } },
        ],
        errors: [],
        looks: 4,
        last: 45,
      },
    ]);
  });

  test('progress that stands still has moved when it last changed', async () => {
    const { lanes } = timeline(
      await traced([0, 'm', state('running', 10)], [5, 'm', state('running', 40)], [99, 'm', state('running', 40)]),
    );
    expect(lanes[0]?.segments[0]?.progress).toEqual({ first: 10, last: 40, movedAt: 5 });
  });

  test('looks without news belong to what their own source saw last', async () => {
    const { lanes } = timeline(
      await traced(
        [0, 'a', state('queued')],
        [1, 'b', state('done')],
        [9, 'a', quiet(4)],
        [12, 'b', error('x')],
        [20, 'b', quiet(2)],
      ),
    );
    expect(lanes.map(({ source, looks, last }) => [source, looks, last])).toEqual([
      ['a', 5, 9],
      ['b', 4, 20],
    ]);
    expect(lanes[0]?.segments[0]).toMatchObject({ looks: 5, last: 9 });
    expect(lanes[1]?.segments[0]).toMatchObject({ looks: 1, last: 1 });
    expect(lanes[1]?.errors).toEqual([{ message: 'x', first: 12, last: 20, looks: 3 }]);
    expect(lanes[1]?.failing).toEqual({ since: 12, looks: 3, message: 'x' });
  });

  test('an error between two looks at the same state does not cut the segment, and a state ends the failing', async () => {
    const { lanes } = timeline(await traced([0, 'm', state('running')], [1, 'm', error('x')], [2, 'm', state('running')]));
    expect(lanes[0]?.segments).toHaveLength(1);
    expect(lanes[0]?.segments[0]).toMatchObject({ looks: 2, last: 2 });
    expect(lanes[0]?.failing).toBeUndefined();
  });

  test('errors are grouped by what they say', async () => {
    const { lanes } = timeline(await traced([0, 'm', error('x')], [1, 'm', error('y')], [2, 'm', error('x')]));
    expect(lanes[0]?.errors).toEqual([
      { message: 'x', first: 0, last: 2, looks: 2 },
      { message: 'y', first: 1, last: 1, looks: 1 },
    ]);
    expect(lanes[0]?.failing).toEqual({ since: 0, looks: 3, message: 'x' });
  });

  test('each message stands alone; a value is told as JSON', async () => {
    const { lanes } = timeline(
      await traced(
        [0, 'hook', { kind: 'message', type: 'done' }],
        [1, 'hook', { kind: 'message', type: 'done' }],
        [2, 'probe', { kind: 'value', value: { n: 1 } }],
      ),
    );
    expect(lanes.map(({ segments }) => segments.map(({ kind, label }) => [kind, label]))).toEqual([
      [
        ['message', 'done'],
        ['message', 'done'],
      ],
      [['value', '{"n":1}']],
    ]);
  });
});

describe('bounds', () => {
  test('beyond the bound the middle is left out and counted', async () => {
    const trace = await traced(...Array.from({ length: 100 }, (_, i) => [i, 'm', state(i % 2 === 0 ? 'up' : 'down')] as const));
    const [lane] = timeline(trace, { maxSegments: 9 }).lanes;
    expect(lane?.segments.map(({ first }) => first)).toEqual([0, 1, 2, 94, 95, 96, 97, 98, 99]);
    expect(lane?.left).toEqual({ at: 3, segments: 91, looks: 91 });
    expect(lane?.looks).toBe(100);
  });

  test('of many different errors the first and the last are kept', async () => {
    const trace = await traced(...Array.from({ length: 20 }, (_, i) => [i, 'm', error(`e${i}`)] as const));
    const [lane] = timeline(trace, { maxErrors: 4 }).lanes;
    expect(lane?.errors.map(({ message }) => message)).toEqual(['e0', 'e17', 'e18', 'e19']);
    expect(lane?.errorsLeft).toEqual({ at: 1, errors: 16, looks: 16 });
  });
});

describe('a part of the trace', () => {
  test('counts only its own looks, and what was seen before counts as still so', async () => {
    const trace = await traced([0, 'm', state('running')], [5, 'm', quiet(3)], [9, 'm', quiet(2)], [12, 'm', state('done')]);
    const { lanes } = timeline(trace, { from: 2 });
    expect(lanes[0]).toMatchObject({
      looks: 3,
      segments: [
        { label: 'running', looks: 2, last: 9 },
        { label: 'done', looks: 1 },
      ],
    });
  });

  test('what failed before and goes on failing is told as failing', async () => {
    const trace = await traced([0, 'm', error('x')], [5, 'm', quiet(3)]);
    const { lanes } = timeline(trace, { from: 1 });
    expect(lanes[0]).toMatchObject({ looks: 3, errors: [{ message: 'x', looks: 3, last: 5 }], failing: { looks: 3 } });
  });

  test('ends where it is told to', async () => {
    const trace = await traced([0, 'm', state('running')], [5, 'm', state('done')]);
    expect(timeline(trace, { upTo: 1 }).lanes[0]?.segments.map(({ label }) => label)).toEqual(['running']);
    expect(timeline(trace, { from: 2 }).lanes).toEqual([]);
  });
});

describe('faults and marks', () => {
  test('a fault is a span, in force until it is healed', async () => {
    const { faults } = timeline(
      await traced(
        [1, 'p', { kind: 'fault', fault: 'slow', action: {} }],
        [2, 'p', { kind: 'fault', fault: 'lost', action: {} }],
        [5, 'p', { kind: 'healed', fault: 'slow' }],
      ),
    );
    expect(faults).toEqual([
      { fault: 'slow', from: 1, to: 5 },
      { fault: 'lost', from: 2 },
    ]);
    expect(inForce(faults, 0)).toEqual([]);
    expect(inForce(faults, 4).map(({ fault }) => fault)).toEqual(['slow', 'lost']);
    expect(inForce(faults, 5).map(({ fault }) => fault)).toEqual(['lost']);
  });

  test('notes, ends and lost answers are marks', async () => {
    const { marks } = timeline(
      await traced(
        [1, 'start', { kind: 'note', text: 'read as location' }],
        [2, 'm', { kind: 'no-response', exchange: 'm/1', reason: 'reset' }],
        [3, 'hook', { kind: 'end', reason: 'closed' }],
      ),
    );
    expect(marks).toEqual([
      { at: 1, source: 'start', kind: 'note', text: 'read as location' },
      { at: 2, source: 'm', kind: 'no-response', text: 'reset' },
      { at: 3, source: 'hook', kind: 'end', text: 'closed' },
    ]);
  });
});
