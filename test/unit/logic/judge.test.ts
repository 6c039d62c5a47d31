import { describe, expect, test } from 'vitest';
import {
  defineClaim,
  judge,
  MIN_STABILITY_LOOKS,
  reach,
  stay,
  succeed,
  type Claim,
  type Closing,
  type Decision,
} from '../../../src/logic/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace, type Event, type Observation } from '../../../src/trace/index.ts';
import { deadline, error, message, note, observed, request, state, succeeded, tick, value } from './seen.ts';

/** A claim that is decided by a note, and otherwise at the end as it is told. */
function probe(atEnd: Decision['verdict'] | undefined, fromNow = false): Claim {
  return defineClaim({
    name: 'probe',
    says: () => 'be probed',
    fromNow,
    start() {
      let last: Observation | undefined;
      const evidence = (): readonly Observation[] => (last === undefined ? [] : [last]);
      return {
        step(o) {
          if (o.kind === 'note') return { verdict: 'violated', reason: { code: 'noted' }, evidence: [o] };
          if (o.kind !== 'tick') last = o;
          return o.kind === 'tick' && o.at >= 100
            ? { verdict: 'holds', reason: { code: 'time-is-up' }, evidence: evidence() }
            : undefined;
        },
        standing: () => ({ reason: { code: 'open' }, evidence: evidence() }),
        atEnd: () => (atEnd === undefined ? undefined : { verdict: atEnd, reason: { code: 'end' }, evidence: evidence() }),
      };
    },
    samples: [undefined],
  })();
}

const looks = [state('a', 0), state('b', 5), state('c', 9)];

describe('closing', () => {
  test.each<[string, Closing['by'], boolean, Decision['verdict'] | undefined, object]>([
    [
      'a deadline decides',
      'deadline',
      false,
      'violated',
      { verdict: 'violated', decidedBy: 'deadline', reason: { code: 'end' } },
    ],
    [
      'the end of what can be seen',
      'end',
      false,
      'holds',
      { verdict: 'holds', decidedBy: 'observation', reason: { code: 'end' } },
    ],
    ['a claim of stability at its deadline', 'deadline', true, 'holds', { verdict: 'holds', decidedBy: 'deadline' }],
    ['a claim of stability at the end: time decides it', 'end', true, 'holds', { verdict: 'holds', decidedBy: 'deadline' }],
    [
      'an end that tells nothing',
      'deadline',
      false,
      undefined,
      { verdict: 'undecided', decidedBy: 'nothing', reason: { code: 'open' } },
    ],
    ...(['hung', 'broken', 'aborted', 'bound'] as const).map(
      (by): [string, Closing['by'], boolean, Decision['verdict'], object] => [
        `${by}: nobody knows`,
        by,
        by === 'hung',
        'holds',
        { verdict: 'undecided', decidedBy: by, reason: { code: 'open' } },
      ],
    ),
  ])('%s', (_name, by, fromNow, atEnd, expected) => {
    const judgement = judge(probe(atEnd, fromNow), observed(looks), { closing: { by, at: 50, source: 'monitor' } });
    expect(judgement).toMatchObject({ ...expected, at: 50, coverage: { looks: 3, largestGap: 5 } });
    expect(judgement.evidence.map(({ seq }) => seq)).toEqual([2]);
    // What waited, and how long, is told with the reason; by whom and when stands in the judgement already.
    expect(judgement.reason['closing']).toEqual({ source: 'monitor' });
  });

  test('with too few looks a claim of stability is not decided, whoever closes at its time', () => {
    for (const by of ['deadline', 'end'] as const) {
      for (let n = 1; n <= MIN_STABILITY_LOOKS; n++) {
        const judgement = judge(probe('holds', true), observed(looks.slice(0, n)), { closing: { by, at: 50 } });
        expect(judgement.reason).toMatchObject(
          n < MIN_STABILITY_LOOKS ? { code: 'too-few-looks', looks: n, needed: MIN_STABILITY_LOOKS } : { code: 'end' },
        );
      }
      const few = judge(probe('holds', false), observed(looks.slice(0, 1)), { closing: { by, at: 50 } });
      expect(few.verdict).toBe('holds');
    }
  });

  test('quiet looks count too', () => {
    const judgement = judge(probe('holds', true), observed([state('a'), tick(20, 2, 10)]), { closing: deadline(50) });
    expect(judgement).toMatchObject({ verdict: 'holds', coverage: { looks: 3, largestGap: 10 } });
  });

  test('nothing seen is no verdict, unless what was seen are exchanges', () => {
    for (const by of ['deadline', 'end'] as const) {
      expect(judge(probe('holds'), [], { closing: { by, at: 7 } })).toMatchObject({
        verdict: 'undecided',
        decidedBy: 'nothing',
        reason: { code: 'nothing-seen' },
        at: 7,
        evidence: [],
        coverage: { looks: 0, largestGap: 0 },
      });
      expect(judge(probe('holds'), observed([request('1', 0, 'http://a.test')]), { closing: { by, at: 7 } }).verdict).toBe(
        'holds',
      );
    }
    expect(judge(probe('holds'), observed([tick(3)]), { closing: deadline(7) }).reason.code).toBe('nothing-seen');
    expect(judge(probe('holds'), observed([tick(3, 1)]), { closing: deadline(7) }).reason.code).toBe('end');
  });
});

describe('a judgement', () => {
  test('stands once an observation decided, whatever is stepped or closed after', () => {
    const running = probe('holds').start({ since: 0 });
    expect(running.judgement()).toMatchObject({ verdict: 'undecided', decidedBy: 'nothing', at: undefined });
    expect(observed([state('a', 1), note(2), state('b', 3)]).map((o) => running.step(o))).toEqual([
      'undecided',
      'violated',
      'violated',
    ]);
    const decided = running.judgement();
    expect(decided).toMatchObject({ decidedBy: 'observation', at: 2, coverage: { looks: 1 } });
    expect(running.close(deadline(9))).toEqual(decided);
    expect(running.close({ by: 'hung', at: 9 })).toEqual(decided);
  });

  test('stands once it was closed, too', () => {
    const running = probe('holds').start({ since: 0 });
    running.step(observed([state('a')])[0]!);
    const closed = running.close({ by: 'aborted', at: 9 });
    expect(running.step({ ...observed([note(10)])[0]!, seq: 1 })).toBe('undecided');
    expect(running.close(deadline(20))).toEqual(closed);
    expect(running.judgement()).toEqual(closed);
  });

  test('that a tick brought was decided by time', () => {
    expect(judge(probe('violated'), observed([state('a'), tick(100)]))).toMatchObject({
      verdict: 'holds',
      decidedBy: 'deadline',
      at: 100,
      reason: { code: 'time-is-up' },
    });
  });

  test('counts looks, not exchanges, and the longest time between two', () => {
    const steps = [request('1', 0, 'http://a.test'), state('a', 10), error(12), value(1, 15.000_4), message('1', 45.2), note(50)];
    expect(judge(succeed(), observed(steps), { closing: deadline(99) }).coverage).toEqual({ looks: 4, largestGap: 30.2 });
  });
});

describe('judge', () => {
  test('closes at the end of what was seen, at its moment, by default', () => {
    expect(judge(succeed(), observed([state('a', 5)]))).toMatchObject({ verdict: 'violated', decidedBy: 'observation', at: 5 });
    expect(judge(succeed(), [])).toMatchObject({ verdict: 'undecided', decidedBy: 'nothing', at: 0 });
  });

  test('of a trace that was full says that nobody knows, unless it was decided before', () => {
    const trace = createTrace({ clock: virtualClock(), maxObservations: 4 });
    for (const name of ['queued', 'running', 'running', 'running']) trace.record('monitor', { kind: 'state', state: name });
    expect(judge(succeed(), trace.observations)).toMatchObject({ verdict: 'undecided', decidedBy: 'bound' });
    expect(judge(probe('holds'), trace.observations)).toMatchObject({ verdict: 'undecided', decidedBy: 'bound' });
    expect(judge(reach({ state: 'running' }), trace.observations)).toMatchObject({ verdict: 'holds' });
    const closed: Event = { kind: 'end', reason: 'closed' };
    expect(
      judge(succeed(), observed([state('running'), { event: closed, at: 1, source: 'hook', keys: undefined }])),
    ).toMatchObject({ verdict: 'violated', decidedBy: 'observation' });
  });

  test('reads no further than to the decision', () => {
    const read: number[] = [];
    const steps = observed([state('a'), succeeded(1), state('b', 2)]);
    function* watched(): Generator<Observation> {
      for (const o of steps) {
        read.push(o.seq);
        yield o;
      }
    }
    judge(succeed(), watched() as unknown as readonly Observation[]);
    expect(read).toEqual([0, 1]);
  });

  test('judges from the moment it is told', () => {
    const claim = stay({ state: 'a', for: 10 });
    const judgement = judge(claim, observed([state('a', 101), state('b', 105)]), { context: { since: 100 } });
    expect(judgement.reason).toMatchObject({ code: 'left', after: 5 });
  });
});

test('a claim without arguments has empty ones, so that its plain form is an object', () => {
  expect(succeed()).toMatchObject({ name: 'succeed', args: {}, says: 'eventually succeed' });
  expect(succeed()).not.toHaveProperty('fromNow');
});
