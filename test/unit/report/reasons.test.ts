import { describe, expect, test } from 'vitest';
import { succeed, type Judgement, type KnownReason } from '../../../src/logic/index.ts';
import { message, violation } from '../../../src/report/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace } from '../../../src/trace/index.ts';
import { ContractViolation } from '../../../src/errors.ts';

/** One of each, so that a new reason without words is a type error here and a failure below. */
const REASONS: { readonly [C in KnownReason['code']]: Extract<KnownReason, { code: C }> } = {
  reached: { code: 'reached', state: 'running' },
  ended: { code: 'ended', state: 'done', ending: 'success' },
  'ended-otherwise': { code: 'ended-otherwise', state: 'failed', ending: 'failure', wanted: 'success', error: 'disk full' },
  unreachable: { code: 'unreachable', from: 'cancelling', wanted: 'succeeded' },
  'not-yet': { code: 'not-yet', wanted: 'success', last: 'running', since: 10 },
  'passed-through': { code: 'passed-through', states: ['queued', 'done'] },
  'missed-state': {
    code: 'missed-state',
    missing: 'running',
    seen: ['queued', 'done'],
    wanted: ['queued', 'running'],
    between: 400,
  },
  stayed: { code: 'stayed', state: 'active', for: 500 },
  'never-reached': { code: 'never-reached', state: 'failed', for: 500 },
  left: { code: 'left', state: 'active', to: 'suspended', after: 100 },
  'not-there': { code: 'not-there', state: 'active', found: 'suspended' },
  'reached-forbidden': { code: 'reached-forbidden', state: 'failed', after: 100 },
  'too-few-looks': { code: 'too-few-looks', looks: 1, needed: 3 },
  'looks-failed': { code: 'looks-failed', failed: 1694, looks: 1695, needed: 3, last: true },
  'nothing-seen': { code: 'nothing-seen' },
  'different-ending': { code: 'different-ending', channels: { monitor: 'succeeded', webhook: 'failed' } },
  'different-order': { code: 'different-order', channel: 'monitor', other: 'webhook', states: ['queued', 'running'] },
  'different-result': { code: 'different-result', channel: 'monitor', other: 'webhook', results: [{ rows: 12 }, { rows: 13 }] },
  'after-the-end': { code: 'after-the-end', channel: 'webhook', state: 'running', end: 'succeeded' },
  'same-story': { code: 'same-story', channels: ['monitor', 'webhook'] },
  'silent-channel': { code: 'silent-channel', channels: ['webhook'] },
  duplicate: { code: 'duplicate', key: 'order 7', times: 2 },
  missing: { code: 'missing', keys: ['order 7', 'order 8'] },
  'exactly-once': { code: 'exactly-once', keys: 3 },
  'too-early': { code: 'too-early', url: 'http://api.test/op?token=abc', early: 800, asked: 2000 },
  'asked-after-the-end': { code: 'asked-after-the-end', url: 'http://api.test/op', after: 300 },
  polite: { code: 'polite', looks: 5 },
  formula: { code: 'formula', formula: 'always count <= 3', why: 'count was 4', expected: 3, actual: 4 },
  'residual-bound': { code: 'residual-bound', nodes: 20_000, limit: 10_000 },
};

/** Endings, which the sentence itself tells, and addresses, which are redacted. */
const ELSEWHERE = /^(?:success|failure)$|:\/\//;

function judged(reason: { readonly code: string }, rest: Partial<Judgement> = {}): string {
  const clock = virtualClock();
  const trace = createTrace({ clock });
  const judgement: Judgement = {
    verdict: 'violated',
    decidedBy: 'observation',
    reason,
    at: 1240,
    evidence: [],
    coverage: { looks: 5, largestGap: 410 },
    ...rest,
  };
  return message({ claim: succeed(), judgement, trace, name: 'the export' });
}

describe('every reason has words', () => {
  for (const [code, reason] of Object.entries(REASONS)) {
    test(code, () => {
      const text = judged(reason);
      const [first = ''] = text.split('\n');
      expect(first).toMatch(/^expected the export to eventually succeed, but ./);
      expect(text).not.toMatch(/undefined|\[object|NaN|\{"code"/);
      // Every detail that is a name is told.
      const { code: _code, ...details } = reason;
      const names = Object.values(details).filter((detail): detail is string => typeof detail === 'string');
      const told = names.filter(
        (name) => text.includes(name) || ELSEWHERE.test(name) || (name === 'failed' && text.includes('it failed')),
      );
      expect(told).toEqual(names);
    });
  }

  test('a reason from elsewhere is told with its data', () => {
    expect(judged({ code: 'of-my-own', because: 'x' } as never)).toContain('of-my-own: {"code":"of-my-own","because":"x"}');
  });

  test('credentials in an address are not told', () => {
    expect(judged(REASONS['too-early'])).toContain('token=[redacted]');
  });
});

describe('every way of being decided has words', () => {
  const ways = ['observation', 'deadline', 'hung', 'broken', 'aborted', 'bound', 'nothing'] as const;
  for (const decidedBy of ways) {
    test(decidedBy, () => {
      const text = judged({ code: 'not-yet', wanted: 'success' } as KnownReason, { decidedBy, verdict: 'undecided' });
      expect(text).toContain(
        decidedBy === 'observation' || decidedBy === 'deadline' ? '  decided  at +1.24s' : '  decided  by nothing: ',
      );
      expect(text).not.toMatch(/undefined|NaN/);
    });
  }
});

describe('violation', () => {
  test('carries the judgement, the trace, and how to see it again', () => {
    const trace = createTrace({ clock: virtualClock(), seed: '42' });
    const judgement: Judgement = {
      verdict: 'violated',
      decidedBy: 'observation',
      reason: REASONS['ended-otherwise'],
      at: 5,
      evidence: [],
      coverage: { looks: 1, largestGap: 0 },
    };
    const error = violation({ claim: succeed(), judgement, subject: { trace, name: 'the export' }, within: 4000 });
    expect(error).toBeInstanceOf(ContractViolation);
    expect(error.judgement).toBe(judgement);
    expect(error.trace).toBe(trace);
    expect(error.replay).toBe("seed '42'");
    expect(error.message).toMatch(/^expected the export to eventually succeed within 4s, but it failed after 5ms\n\n {2}decided/);
    expect(error.message).toContain("  replay   seed '42'");
  });
});

describe('the error of the system under test', () => {
  const because = (error: unknown): readonly string[] =>
    judged({ code: 'ended-otherwise', state: 'failed', ending: 'failure', wanted: 'success', error } as KnownReason)
      .split('\n')
      .filter((_, i, lines) => {
        const from = lines.findIndex((line) => line.startsWith('  because'));
        const to = lines.findIndex((line, n) => n > from && /^ {2}\S/.test(line));
        return i >= from && i < to;
      })
      .map((line) => line.slice(11));

  test.each([
    ['text', 'disk full', ['disk full']],
    [
      'a problem document',
      { title: 'No space', detail: 'disk 3 is full', type: 'about:blank', status: 507 },
      ['No space: disk 3 is full'],
    ],
    ['a problem with its type', { title: 'No space', type: 'https://p.test/full' }, ['No space', 'type https://p.test/full']],
    ['a code and a message', { code: 'E_FULL', message: 'disk full' }, ['E_FULL: disk full']],
    ['an error inside an error', { error: { code: 'Conflict', message: 'taken' } }, ['Conflict: taken']],
    ['further members', { message: 'bad', rows: [1, 2] }, ['bad', '{"rows":[1,2]}']],
    ['an object of another shape', { reason: 7 }, ['{"reason":7}']],
    ['a status', 500, ['status 500']],
    ['null', null, ['null']],
    ['a list', ['a', 'b'], ['["a","b"]']],
  ])('%s', (_name, error, lines) => {
    expect(because(error)).toEqual(lines);
  });
});
