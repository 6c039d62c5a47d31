import { describe, expect, test } from 'vitest';
import { defineClaim, judge, succeed, type Claim, type Judgement } from '../../../src/logic/index.ts';
import { message } from '../../../src/report/index.ts';
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
