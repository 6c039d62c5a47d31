import { describe, expect, test } from 'vitest';
import { check, defineClaim, judge, reach, succeed, type Claim, type Judgement } from '../../../src/logic/index.ts';
import { MAX_HELD_OBSERVATIONS } from '../../../src/logic/ties.ts';
import { message, renderSvg, timeline } from '../../../src/report/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace, type Trace } from '../../../src/trace/index.ts';

const delivered = defineClaim<{ readonly id: string }>({
  name: 'delivered',
  says: ({ id }) => `deliver '${id}'`,
  start: () => ({
    step: (o) =>
      o.kind === 'message' ? { verdict: 'violated', reason: { code: 'another', id: o.id }, evidence: [o] } : undefined,
    standing: () => ({ reason: { code: 'not-yet', wanted: 'it' }, evidence: [] }),
    atEnd: () => undefined,
  }),
  tell: ({ reason }, { id }) =>
    reason.code === 'another'
      ? {
          but: `${String(reason['id'])} came instead`,
          nearest: [`+ ${String(reason['id'])}`, `- ${id}`],
          hint: `look who sent\n${String(reason['id'])}`,
        }
      : undefined,
  samples: [{ id: 'a' }],
});

function told(claim: Claim, trace: Trace, judgement: Judgement = judge(claim, trace.observations)): string {
  return message({ claim, judgement, trace, name: 'the hook' });
}

describe('a claim that brings its own words', () => {
  test('has them in the message, escaped', () => {
    const trace = createTrace({ clock: virtualClock() });
    trace.record('hook', { kind: 'message', id: 'b\u001b[2J' });
    expect(told(delivered({ id: 'a' }), trace)).toBe(`expected the hook to deliver 'a', but b\\x1b[2J came instead

  decided  at +0ms (2024-01-01T00:00:00.000Z) by an observation: hook recorded a message
  values   b\\x1b[2J  1 message  +0ms
  nearest  + b\\x1b[2J
           - a
  looks    1
  hint     look who sent\\nb\\x1b[2J`);
  });

  test('leaves the others to the message', () => {
    const trace = createTrace({ clock: virtualClock() });
    trace.record('hook', { kind: 'value', value: 1 });
    expect(told(delivered({ id: 'a' }), trace)).toMatch(/^expected the hook to deliver 'a', but (?!undefined)/);
  });
});

describe('a claim that was not decided', () => {
  const quiet = defineClaim({
    name: 'quiet',
    neither: 'it neither rang nor was cut off',
    says: () => 'ring',
    start: () => ({
      step: () => undefined,
      standing: () => ({ reason: { code: 'no-bell' }, evidence: [] }),
      atEnd: () => ({ verdict: 'violated', reason: { code: 'no-bell' }, evidence: [] }),
    }),
    tell: () => ({ but: 'it did not ring', hint: 'is it wound up?', untold: true }),
    samples: [undefined],
  });
  const lost = (): Trace => {
    const trace = createTrace({ clock: virtualClock() });
    trace.record('bell', { kind: 'message', id: 'wound up' });
    trace.record('bell', { kind: 'error', name: 'ConnectionLost', message: 'gone' });
    return trace;
  };

  test('says by itself that neither it nor its contrary was seen', () => {
    const trace = lost();
    const judgement = judge(quiet(), trace.observations, { closing: { by: 'deadline', at: 9 } });
    const text = message({ claim: quiet(), judgement, trace, name: 'the bell', negated: true });
    expect(text).toMatch(
      /^expected the bell not to ring, but nothing was decided: it neither rang nor was cut off; it did not ring/,
    );
  });

  test('says by itself that it is about what was not told, and then the trouble of its channel is the cause', () => {
    const trace = lost();
    const judgement = judge(quiet(), trace.observations);
    expect(judgement.decidedBy).toBe('observation');
    expect(told(quiet(), trace, judgement)).toMatch(/hint +the broker went away/);
  });
});

test('what was left out, as nothing ties it to the operation, is told', () => {
  const trace = createTrace({ clock: virtualClock(), scope: 'operation' });
  trace.link('start', 'op-1', []);
  trace.record('monitor', { kind: 'state', state: 'running' });
  trace.record('hook', { kind: 'state', state: 'succeeded', ending: 'success' }, ['http://a.test/op-2?sig=secret']);
  trace.record('hook', { kind: 'message', id: 'x' }, ['order-9']);
  const judgement = judge(succeed(), trace.observations, { context: { since: 0, tied: [] }, closing: { by: 'deadline', at: 9 } });
  const text = told(succeed(), trace, judgement);
  expect(text).toContain(
    'others   2 observations left out, as nothing ties them to this operation: they name\n           http://a.test/op-2?sig=[redacted], order-9.',
  );
  expect(text).toContain('operation(start, { keys })');
  expect(text).not.toContain('sig=secret');
});

describe('on a channel that tells of several operations', () => {
  const ended = { kind: 'state', state: 'succeeded', ending: 'success' } as const;

  function shared(scope?: 'operation'): { readonly trace: Trace; readonly text: string } {
    const trace = createTrace({ clock: virtualClock(), scope });
    trace.record('hook', { kind: 'state', state: 'theirs' }, ['op-2']);
    trace.record('hook', { kind: 'message', type: 'their.news' }, ['op-2']);
    trace.record('hook', { kind: 'error', message: 'their trouble' }, ['op-2']);
    trace.record('hook', { kind: 'state', state: 'early' }, ['op-1']);
    trace.link('start', 'op-1', []);
    trace.record('hook', ended, ['op-1']);
    trace.record('hook', ended, ['op-2']);
    trace.record('hook', { kind: 'state', state: 'afterwards' }, ['op-2']);
    trace.record('hook', { kind: 'state', state: 'again' }, ['op-1']);
    return { trace, text: told(reach({ state: 'x' }), trace, check(trace, reach({ state: 'x' }))) };
  }

  test('only what is of the operation is told, laid out and drawn', () => {
    const { trace, text } = shared('operation');
    expect(text).not.toMatch(/their|afterwards/);
    expect(text).toMatch(/late +\+0ms +hook told 'again' after its end, which was 'succeeded'/);
    const [hook] = timeline(trace).lanes;
    expect(hook?.segments.map(({ label }) => label)).toEqual(['early', 'succeeded', 'again']);
    expect([hook?.looks, hook?.errors]).toEqual([3, []]);
    expect(renderSvg({ trace })).not.toMatch(/their|afterwards/);
    expect(renderSvg({ trace })).toContain('early');
  });

  test('and on any other all of it', () => {
    const { trace, text } = shared();
    expect(text).toMatch(/theirs/);
    expect(text).toMatch(/hook told 'afterwards' after its end/);
    expect(renderSvg({ trace })).toMatch(/their\.news/);
    // A list of observations says nothing of whose they are.
    expect(timeline({ observations: shared('operation').trace.observations }).lanes[0]?.looks).toBe(8);
  });

  test('what was tied after it was laid out is not of it yet', () => {
    const { trace } = shared('operation');
    expect(timeline(trace, { upTo: 4 }).lanes).toEqual([]);
    expect(timeline(trace, { upTo: 5 }).lanes[0]?.segments.map(({ label }) => label)).toEqual(['early']);
  });

  test('what is not held any more is told as a bound', () => {
    const trace = createTrace({ clock: virtualClock(), scope: 'operation' });
    for (let i = 0; i < MAX_HELD_OBSERVATIONS + 7; i++) trace.record('hook', ended, [`op-${i}`]);
    const judgement = check(trace, succeed());
    expect(judgement.reason).toMatchObject({ others: { count: 1_007, dropped: 7 } });
    expect(told(succeed(), trace, judgement)).toMatch(
      /bounds +7 observations gave way, as 1,000 are held until it is known whose they are: some may\n +have been of this operation/,
    );
  });
});
