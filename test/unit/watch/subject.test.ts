import { describe, expect, test } from 'vitest';
import { succeed } from '../../../src/logic/index.ts';
import { poll } from '../../../src/probes/index.ts';
import { systemClock, virtualClock } from '../../../src/time/index.ts';
import { createTrace, standardLifecycle } from '../../../src/trace/index.ts';
import { subject, watch } from '../../../src/watch/index.ts';

describe('a subject', () => {
  test('is made of its sources, on the clock of this machine and with a trace of its own', () => {
    const sources = [poll(() => true)];
    const made = subject(sources);
    expect(made).toMatchObject({ clock: systemClock, name: undefined, lifecycle: undefined });
    expect(made.sources).toBe(sources);
    expect(made.trace.observations).toEqual([]);
  });

  test('tells its trace the lifecycle, so that a recording is judged by it too', () => {
    const clock = virtualClock();
    expect(subject([], { clock, lifecycle: standardLifecycle }).trace.header.lifecycle).toEqual(standardLifecycle);
    const trace = createTrace({ clock });
    expect(subject([], { clock, trace, name: 'the export' })).toMatchObject({ trace, name: 'the export' });
  });

  test('looks the same when it is watched: what watches it is nothing to copy or to print', async () => {
    const clock = virtualClock();
    const watched = subject([poll(() => true)], { clock });
    const before = Object.keys(watched);
    await clock.run(() => watch(watched, succeed()));
    expect(Object.keys(watched)).toEqual(before);
    const copy = { ...watched, trace: createTrace({ clock }) };
    await clock.run(() => watch(copy, succeed()));
    expect([watched.trace.observations.length, copy.trace.observations.length]).toEqual([1, 1]);
  });

  test('may be frozen', async () => {
    const clock = virtualClock();
    const judgement = await clock.run(() => watch(Object.freeze(subject([poll(() => true)], { clock })), succeed()));
    expect(judgement.verdict).toBe('holds');
  });

  test('is watched in real time, and leaves no timer', async () => {
    // By the trace's own time, to which the judgement is told: it begins when the subject is made.
    const trace = createTrace({ clock: systemClock });
    const judgement = await watch(
      subject([poll(() => trace.now() >= 20), poll(async () => 'running', { name: 'other' })], { trace }),
      succeed(),
      { within: '2s' },
    );
    expect(judgement).toMatchObject({ verdict: 'holds', decidedBy: 'observation' });
    expect(judgement.at).toBeGreaterThanOrEqual(20);
  });
});
