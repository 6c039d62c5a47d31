import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../src/time/index.ts';
import {
  checkTrace,
  createTrace,
  EVENT_KINDS,
  parseTrace,
  standardLifecycle,
  type Event,
  type Observation,
  type Trace,
} from '../../../src/trace/index.ts';
import { law, lawAsync, SEED } from '../../setup/law.ts';
import { anyEvent } from './events.ts';

const step = fc.record({
  event: anyEvent,
  source: fc.string(),
  keys: fc.option(fc.array(fc.constantFrom('a', 'b', 'k1', 'k2'), { maxLength: 2 }), { nil: undefined }),
  after: fc.oneof(fc.nat(100), fc.double({ min: 0, max: 5, noNaN: true })),
});

async function traceOf(
  steps: readonly { event: Event; source: string; keys: string[] | undefined; after: number }[],
): Promise<Trace> {
  const clock = virtualClock();
  const trace = createTrace({ clock, seed: 's', lifecycle: standardLifecycle });
  for (const { event, source, keys, after } of steps) {
    await clock.advance(after);
    trace.record(source, event, keys);
  }
  return trace;
}

describe('the laws of a trace', () => {
  test('random events come in every kind, so that the laws below speak of all', () => {
    const kinds = new Set(fc.sample(anyEvent, { seed: SEED, numRuns: 500 }).map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual([...EVENT_KINDS].sort());
  });

  test('what is written reads back as it was, byte for byte', async () => {
    await lawAsync(
      fc.array(step, { maxLength: 15 }),
      async (steps) => {
        const trace = await traceOf(steps);
        trace.judged({
          claim: 'reach',
          args: { state: 'x' },
          from: 0,
          since: 0,
          upTo: steps.length,
          judgement: { verdict: 'holds' },
        });
        const text = trace.toJSONL();
        expect(text.split('\n')).toHaveLength(steps.length + 2);
        const { trace: read, issues } = checkTrace(text);
        expect(issues).toEqual([]);
        expect(read?.observations).toEqual(trace.observations);
        expect(read?.header).toEqual(trace.header);
        expect(read?.toJSONL()).toBe(text);
      },
      150,
    );
  });

  test('every event is kept once, stamped in order, with what it said', async () => {
    await lawAsync(
      fc.array(step, { maxLength: 15 }),
      async (steps) => {
        const { observations } = await traceOf(steps);
        expect(observations.map(({ seq }) => seq)).toEqual(steps.map((_, i) => i));
        expect(observations.map(({ at }) => at)).toEqual([...observations.map(({ at }) => at)].sort((a, b) => a - b));
        observations.forEach((o, i) => expect(o).toMatchObject({ ...steps[i]!.event, source: steps[i]!.source }));
      },
      50,
    );
  });

  test('followers are told each observation once and in order, also when one of them records', () => {
    law(fc.array(fc.tuple(fc.nat(3), fc.boolean()), { maxLength: 12 }), (plan) => {
      const trace = createTrace({ clock: virtualClock() });
      const told: number[][] = [[], []];
      trace.follow((o) => void told[0]!.push(o.seq));
      // Each note of depth n makes this follower record two of depth n - 1 while it is told of it.
      trace.follow((o) => {
        if (o.kind !== 'note' || o.text === '0') return;
        trace.record('follower', { kind: 'note', text: String(Number(o.text) - 1) });
        trace.record('follower', { kind: 'note', text: String(Number(o.text) - 1) });
      });
      trace.follow((o) => void told[1]!.push(o.seq));
      for (const [depth] of plan) trace.record('source', { kind: 'note', text: String(depth) });
      const all = trace.observations.map(({ seq }) => seq);
      expect(told).toEqual([all, all]);
    });
  });

  test('a follower is told from now on, and no more once it stops: also in the midst of the telling', () => {
    const trace = createTrace({ clock: virtualClock() });
    const late: number[] = [];
    const stopped: number[] = [];
    let joined = false;
    let stop: () => void = () => undefined;
    trace.follow((o) => {
      if (joined) return;
      joined = true;
      trace.record('follower', { kind: 'note', text: 'recorded before the newcomer' });
      trace.follow((seen) => void late.push(seen.seq));
      stop();
      expect(o.seq).toBe(0);
    });
    stop = trace.follow((o) => void stopped.push(o.seq));
    trace.record('source', { kind: 'note', text: 'first' });
    trace.record('source', { kind: 'note', text: 'third' });
    expect(late).toEqual([2]);
    expect(stopped).toEqual([]);
  });

  test('a follower that throws does not keep others from what comes next', () => {
    const trace = createTrace({ clock: virtualClock() });
    const told: number[] = [];
    trace.follow((o) => {
      if (o.seq === 0) throw new Error('follower');
    });
    trace.follow((o) => void told.push(o.seq));
    expect(() => trace.record('s', { kind: 'tick' })).toThrow('follower');
    trace.record('s', { kind: 'tick' });
    expect(told.at(-1)).toBe(1);
  });

  test('an operation is all that its keys mean, whether the tie was learnt before or after', async () => {
    await lawAsync(
      fc.array(step, { maxLength: 15 }),
      async (steps) => {
        const trace = await traceOf(steps);
        for (const operation of ['a', 'b']) {
          const keys = new Set([operation]);
          for (const o of trace.observations)
            if (o.kind === 'link' && o.operation === operation) o.keys.forEach((key) => keys.add(key));
          const naive = trace.observations.filter((o) =>
            o.kind === 'link' ? o.operation === operation : (o.keys?.some((key) => keys.has(key)) ?? false),
          );
          expect(trace.of(operation)).toEqual(naive);
        }
      },
      50,
    );
  });

  test('of the observations one place is kept for saying that the trace is full', () => {
    law(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.nat(20)), ([maxObservations, n]) => {
      const trace = createTrace({ clock: virtualClock(), maxObservations });
      const answers: (Observation | undefined)[] = [];
      for (let i = 0; i < n; i++) answers.push(trace.record('s', { kind: 'note', text: String(i) }));
      const full = n >= maxObservations;
      expect(trace.observations).toHaveLength(Math.min(n, maxObservations));
      expect(answers.filter((answer) => answer === undefined)).toHaveLength(Math.max(0, n - maxObservations));
      expect(trace.observations.slice(0, full ? -1 : undefined).every(({ kind }) => kind === 'note')).toBe(true);
      expect(trace.header.bounds).toEqual(full ? [{ bound: 'observations', limit: maxObservations, at: 0 }] : []);
      expect(full ? trace.observations.at(-1) : { kind: 'end', reason: 'bound' }).toMatchObject({ kind: 'end', reason: 'bound' });
      expect(parseTrace(trace.toJSONL()).header.bounds).toEqual(trace.header.bounds);
    });
  });

  test('of the bodies no more is kept than the bound, and what was dropped is marked', () => {
    law(fc.tuple(fc.nat(40), fc.array(fc.string({ maxLength: 12 }), { maxLength: 12 })), ([maxBodyCharacters, bodies]) => {
      const trace = createTrace({ clock: virtualClock(), maxBodyCharacters });
      bodies.forEach((body, i) =>
        trace.record('s', {
          kind: 'response',
          exchange: String(i),
          status: 200,
          headers: [],
          body: i % 2 === 0 ? body : { base64: body },
        }),
      );
      let sum = 0;
      let hit = false;
      trace.observations.forEach((o, i) => {
        hit ||= (sum += bodies[i]!.length) > maxBodyCharacters;
        expect([Object.hasOwn(o, 'body'), Object.hasOwn(o, 'truncated')]).toEqual([!hit, hit]);
      });
      expect(trace.header.bounds).toEqual(hit ? [{ bound: 'bodies', limit: maxBodyCharacters, at: 0 }] : []);
    });
  });
});
