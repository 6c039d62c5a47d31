import { describe, expect, test } from 'vitest';
import {
  catalogue,
  claimFrom,
  eventually,
  formula,
  is,
  judge,
  matching,
  reach,
  rejudge,
  stay,
  succeed,
  type Claim,
  type Closing,
} from '../../../src/logic/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace, parseTrace, standardLifecycle, type Trace } from '../../../src/trace/index.ts';
import { observed, refusal, state, succeeded, type Step } from './seen.ts';

/** A recording with one claim that was judged on a part of it. */
function recorded(
  claim: { name: string; args: unknown },
  steps: readonly Step[],
  part: { from?: number; upTo?: number; since?: number; closing?: unknown } = {},
): Trace {
  const trace = createTrace({ clock: virtualClock(), lifecycle: standardLifecycle });
  for (const { event, source, keys } of steps) trace.record(source, event, keys);
  trace.judged({
    claim: claim.name,
    args: claim.args,
    from: part.from ?? 0,
    since: part.since ?? 0,
    upTo: part.upTo ?? steps.length,
    ...(part.closing === undefined ? {} : { closing: part.closing }),
    judgement: {},
  });
  return parseTrace(trace.toJSONL());
}

describe('rejudge', () => {
  test('judges each claim on its own part of the recording, as it was closed', () => {
    const steps = [state('queued'), state('running'), succeeded()];
    const closing: Closing = { by: 'deadline', at: 9, within: 9 };
    const one = (claim: Claim, part: Parameters<typeof recorded>[2] = {}): string => {
      const [judgement] = rejudge(recorded(claim, steps, part));
      return `${judgement!.verdict} ${judgement!.decidedBy} ${judgement!.reason.code}`;
    };
    expect(one(succeed())).toBe('holds observation ended');
    expect(one(succeed(), { upTo: 2 })).toBe('violated observation not-yet');
    expect(one(succeed(), { upTo: 2, closing })).toBe('violated deadline not-yet');
    expect(one(succeed(), { upTo: 2, closing: { ...closing, by: 'hung' } })).toBe('undecided hung not-yet');
    expect(one(reach({ state: 'queued' }), { from: 1 })).toBe('violated observation unreachable');
    expect(one(stay({ state: 'running', for: 5 }), { from: 1, since: 3 })).toBe('violated observation left');
    expect(rejudge(createTrace({ clock: virtualClock() }))).toEqual([]);
  });

  test('counts a claim’s time from when it was judged first', async () => {
    const clock = virtualClock();
    const trace = createTrace({ clock });
    await clock.advance(10);
    trace.record('monitor', { kind: 'state', state: 'running' });
    await clock.advance(5);
    trace.record('monitor', { kind: 'state', state: 'done' });
    const { name, args } = stay({ state: 'running', for: 20 });
    trace.judged({ claim: name, args, from: 0, since: 8, upTo: 2, judgement: {} });
    expect(rejudge(parseTrace(trace.toJSONL()))[0]!.reason).toMatchObject({ code: 'left', after: 7 });
  });

  test('uses the lifecycle of the header', () => {
    const judgement = rejudge(recorded(reach({ state: 'running' }), [state('failed')]))[0];
    expect(judgement).toMatchObject({ verdict: 'violated', reason: { code: 'ended-otherwise', ending: 'failure' } });
  });

  test('a formula over patterns is judged again; one over a function is told of, and refused with the way to go on', () => {
    const plain = formula({ formula: eventually(is({ state: 'running' })) });
    expect(rejudge(recorded(plain, [state('running')]))[0]).toMatchObject({ verdict: 'holds' });
    const opaque = formula({ formula: eventually(matching('is paid', () => true)) });
    expect(judge(opaque, observed([state('running')])).verdict).toBe('holds');
    const trace = recorded(opaque, [state('running')]);
    expect(claimFrom(trace.header.claims[0]!).says).toBe('satisfy: eventually is paid');
    expect(refusal(() => rejudge(trace))).toMatchObject({
      code: 'opaque-formula',
      message: expect.stringContaining("the test 'is paid' is a function, and was not recorded with the formula"),
      hint: 'judge again with the claim itself, or write the test as a pattern: is({ … })',
    });
  });

  test.each<[string, unknown, string, string]>([
    ['sucseed', {}, 'unknown-claim', "there is no claim 'sucseed'; did you mean 'succeed'?"],
    ['constructor', {}, 'unknown-claim', "there is no claim 'constructor'"],
    ['reach', {}, 'invalid-state', 'reach: expected the name of a state, received nothing'],
    ['reach', null, 'invalid-state', 'reach: expected the name of a state, received nothing'],
    ['stay', { state: 'running' }, 'invalid-duration', 'for: expected a duration, received nothing'],
    ['neverReach', { state: 'running', for: 'soon' }, 'invalid-duration', 'for: expected a duration, received "soon"'],
    [
      'passThrough',
      { states: 'running' },
      'invalid-state',
      'passThrough: expected a list of states in order, received "running"',
    ],
    ['exactlyOnce', {}, 'invalid-pattern', 'exactlyOnce: expected a pattern as event, received nothing'],
    [
      'politeness',
      { tolerance: '1s' },
      'invalid-argument',
      'politeness: expected tolerance to be a number from 0, received "1s"',
    ],
    ['formula', {}, 'invalid-formula', 'formula: expected a formula, received nothing'],
    ['formula', null, 'invalid-formula', 'formula: expected a formula, received nothing'],
    ['formula', { formula: { op: 'soon' } }, 'invalid-formula', 'formula: there is no operator "soon"'],
    ['reach', { state: 'runing' }, 'unknown-state', "the lifecycle has no state 'runing'; did you mean 'running'?"],
  ])('refuses the claim %s with %j, says what is wrong', (name, args, code, says) => {
    expect(refusal(() => rejudge(recorded({ name, args }, [state('running')])))).toMatchObject({
      name: 'HarnessError',
      code,
      message: expect.stringContaining(says),
      hint: expect.stringMatching(/./),
    });
  });

  test('a closing by nobody known is refused, not guessed at', () => {
    expect(refusal(() => rejudge(recorded(succeed(), [state('running')], { closing: { by: 'magic', at: 1 } })))).toMatchObject({
      code: 'unknown-closing',
      message: expect.stringContaining('"magic"'),
      hint: expect.stringContaining('deadline, hung, broken, aborted, bound, end'),
    });
  });
});

test('an unknown claim’s hint lists the catalogue, and a name that is like none suggests none', () => {
  const refused = refusal(() => claimFrom({ claim: 'xy', args: {} }));
  expect(refused).toMatchObject({ hint: `the catalogue has ${[...catalogue().keys()].join(', ')}` });
  expect(refused).toMatchObject({ message: expect.not.stringContaining('did you mean') });
});
