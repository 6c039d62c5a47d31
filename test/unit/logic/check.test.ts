import { expect, test } from 'vitest';
import { check, reach, stay, succeed } from '../../../src/logic/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace, parseTrace, standardLifecycle } from '../../../src/trace/index.ts';

test('judges what was seen, by the trace’s own lifecycle, and notes nothing', async () => {
  const clock = virtualClock();
  const trace = createTrace({ clock, lifecycle: standardLifecycle });
  trace.record('job', { kind: 'state', state: 'running' });
  expect(check(trace, succeed())).toMatchObject({ verdict: 'violated', decidedBy: 'observation', reason: { code: 'not-yet' } });
  await clock.advance(5);
  // Its meaning is told by the lifecycle alone.
  trace.record('job', { kind: 'state', state: 'succeeded' });
  expect(check(trace, succeed())).toMatchObject({ verdict: 'holds', at: 5 });
  expect(() => check(trace, reach({ state: 'shipped' }))).toThrow(/the lifecycle has no state 'shipped'/);
  expect(trace.header.claims).toEqual([]);
  expect(check(parseTrace(trace.toJSONL()), succeed())).toEqual(check(trace, succeed()));
});

test('counts what is tied to the operation, and tells what is not', () => {
  const trace = createTrace({ clock: virtualClock(), scope: 'operation' });
  trace.record('hook', { kind: 'state', state: 'failed', ending: 'failure' }, ['other']);
  trace.record('hook', { kind: 'state', state: 'succeeded', ending: 'success' }, ['own']);
  expect(check(trace, succeed())).toMatchObject({ verdict: 'undecided', reason: { others: { count: 2 } } });
  trace.link('start', 'own', []);
  expect(check(trace, succeed())).toMatchObject({ verdict: 'holds' });
});

test('says that it is not known where a trace was full, or too little was looked at', () => {
  const full = createTrace({ clock: virtualClock(), maxObservations: 2 });
  for (let i = 0; i < 2; i++) full.record('job', { kind: 'state', state: 'running' });
  expect(check(full, succeed())).toMatchObject({ verdict: 'undecided', decidedBy: 'bound' });
  const short = createTrace({ clock: virtualClock() });
  short.record('job', { kind: 'state', state: 'running' });
  expect(check(short, stay({ state: 'running', for: 10 }))).toMatchObject({
    verdict: 'undecided',
    reason: { code: 'too-few-looks' },
  });
});
