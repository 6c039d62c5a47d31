import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  always,
  and,
  eventually,
  forEach,
  is,
  leadsTo,
  matching,
  MAX_RESIDUAL_NODES,
  next,
  no,
  not,
  or,
  Progression,
  until,
  weakNext,
  yes,
  type Formula,
} from '../../../src/logic/formula.ts';
import type { Observation } from '../../../src/trace/index.ts';
import { SEED } from '../../setup/law.ts';
import { holds } from './textbook.ts';

const STATES = ['p', 'q', 'r'] as const;

const trace = (most: number): fc.Arbitrary<Observation[]> =>
  fc
    .array(fc.record({ gap: fc.integer({ min: 0, max: 5 }), state: fc.constantFrom(...STATES), keys: fc.subarray(['a', 'b']) }), {
      maxLength: most,
    })
    .map((steps) => {
      let at = 0;
      return steps.map(
        ({ gap, state, keys }, seq) => ({ kind: 'state', state, keys, at: (at += gap), seq, source: 's' }) as const,
      );
    });

const atom = fc.constantFrom(...STATES).map((state) => is({ state }));

const within = fc
  .option(fc.integer({ min: 0, max: 12 }), { nil: undefined })
  .map((ms) => (ms === undefined ? {} : { within: ms }));
const formulas: fc.Arbitrary<Formula> = fc.letrec<{ formula: Formula }>((tie) => ({
  formula: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    atom,
    fc.constantFrom(yes, no),
    tie('formula').map(not),
    fc.tuple(tie('formula'), tie('formula')).map(([a, b]) => and(a, b)),
    fc.tuple(tie('formula'), tie('formula')).map(([a, b]) => or(a, b)),
    tie('formula').map(next),
    tie('formula').map(weakNext),
    fc.tuple(tie('formula'), tie('formula'), within).map(([a, b, bound]) => until(a, b, bound)),
    fc.tuple(tie('formula'), within).map(([a, bound]) => eventually(a, bound)),
    fc.tuple(tie('formula'), within).map(([a, bound]) => always(a, bound)),
    fc.tuple(atom, tie('formula'), within).map(([a, b, bound]) => leadsTo(a, b, bound)),
    tie('formula').map((a) => forEach('keys', a)),
  ),
})).formula;

/** Progresses along a trace; the verdict and the position (from 1) at which it was reached, or how it stands at the end. */
function progressed(
  formula: Formula,
  observations: readonly Observation[],
): { verdict: boolean; decidedAfter: number | undefined } {
  const progression = new Progression(formula);
  for (const [index, observation] of observations.entries()) {
    progression.step(observation);
    if (progression.verdict !== undefined) return { verdict: progression.verdict, decidedAfter: index + 1 };
  }
  return { verdict: progression.atEnd(), decidedAfter: undefined };
}

describe('progression', () => {
  test('agrees with the textbook semantics on 2,000 random formulas and traces, which decide both ways and early too', () => {
    const count = { true: 0, false: 0, early: 0 };
    fc.assert(
      fc.property(formulas, trace(10), (formula, observations) => {
        const { verdict, decidedAfter } = progressed(formula, observations);
        count[`${verdict}`]++;
        if (decidedAfter !== undefined && decidedAfter < observations.length) count.early++;
        expect(verdict).toBe(holds(formula, observations));
      }),
      { numRuns: 2000, seed: SEED },
    );
    expect(Math.min(count.true, count.false, count.early)).toBeGreaterThan(200);
  });

  test('an early verdict is right for every way the trace may go on', () => {
    fc.assert(
      fc.property(formulas, trace(6), trace(5), (formula, seen, more) => {
        const { verdict, decidedAfter } = progressed(formula, seen);
        if (decidedAfter === undefined) return;
        const last = seen.at(-1)?.at ?? 0;
        const rest = more.map((o, index) => ({ ...o, at: o.at + last, seq: seen.length + index }));
        expect(holds(formula, [...seen, ...rest])).toBe(verdict);
      }),
      { numRuns: 2000, seed: SEED },
    );
  });

  test('a tick is no position: it changes no verdict but that of a bound whose time is up', () => {
    fc.assert(
      fc.property(formulas, trace(8), (formula, observations) => {
        const ticked = observations.flatMap((o): Observation[] => [{ kind: 'tick', at: o.at, seq: 0, source: 'watch' }, o]);
        expect(progressed(formula, ticked).verdict).toBe(holds(formula, observations));
      }),
      { numRuns: 500, seed: SEED },
    );
  });

  test('time alone decides at the moment that was announced, and not before', () => {
    const progression = new Progression(eventually(is({ state: 'q' }), { within: 50 }));
    progression.step({ kind: 'state', state: 'p', at: 10, seq: 0, source: 's' });
    const due = progression.due()!;
    progression.step({ kind: 'tick', at: 60, seq: 1, source: 'watch' });
    expect(progression.verdict).toBeUndefined();
    progression.step({ kind: 'tick', at: due, seq: 2, source: 'watch' });
    expect({ due, verdict: progression.verdict }).toEqual({ due: 60.001, verdict: false });
  });

  test('a formula goes through JSON unharmed', () => {
    fc.assert(
      fc.property(formulas, trace(8), (formula, observations) => {
        const copy = JSON.parse(JSON.stringify(formula)) as Formula;
        expect(progressed(copy, observations)).toEqual(progressed(formula, observations));
      }),
      { numRuns: 500, seed: SEED },
    );
  });

  test('tests of the same name stay apart, and the nearest miss is told', () => {
    const seen = (state: string) =>
      matching('seen', (o) =>
        o.kind === 'state' && o.state === state ? true : { why: `no ${state}`, distance: state === 'q' ? 0.2 : 0.8 },
      );
    const progression = new Progression(and(eventually(seen('p')), eventually(seen('q'))));
    progression.step({ kind: 'state', state: 'p', at: 0, seq: 0, source: 's' });
    expect({ verdict: progression.verdict, atEnd: progression.atEnd(), near: progression.nearest?.miss }).toEqual({
      verdict: undefined,
      atEnd: false,
      near: { why: 'no q', distance: 0.2 },
    });
    progression.step({ kind: 'state', state: 'q', at: 1, seq: 1, source: 's' });
    expect(progression.verdict).toBe(true);
  });

  test('a test that JSON lost its function of is refused, with the way to go on', () => {
    const lost = JSON.parse(JSON.stringify(matching('paid in full', () => true))) as Formula;
    expect(() => new Progression(lost)).toThrow(/'paid in full' is a function, and was not recorded/);
  });

  test.each([
    ['every p is followed by a q within 50 ms', leadsTo(is({ state: 'p' }), is({ state: 'q' }), { within: 50 })],
    ['every p is followed by a q', leadsTo(is({ state: 'p' }), is({ state: 'q' }))],
    ['a p stays away from r for 20 ms', always(or(not(is({ state: 'p' })), always(not(is({ state: 'r' })), { within: 20 })))],
    ['nested bounds', always(eventually(and(is({ state: 'q' }), eventually(is({ state: 'p' }), { within: 9 })), { within: 9 }))],
  ])('the residual of "%s" stays small over 10,000 observations', (_name, formula) => {
    const progression = new Progression(formula);
    let largest = 0;
    for (let seq = 0; seq < 10_000; seq++) {
      progression.step({ kind: 'state', state: seq % 3 === 2 ? 'q' : 'p', at: seq, seq, source: 's' });
      largest = Math.max(largest, progression.size);
    }
    expect(progression.verdict).toBeUndefined();
    expect(largest).toBeLessThan(200);
  });

  test('a residual that grows all the same passes the bound that stops it', () => {
    // Each key asks for things of its own future, a hundred of them: nothing here implies anything else.
    const wishes = Array.from({ length: 100 }, (_, n) => next(is({ state: `never ${n}` })));
    const progression = new Progression(forEach('state', and(...wishes)));
    for (let seq = 0; seq * 100 <= MAX_RESIDUAL_NODES; seq++)
      progression.step({ kind: 'state', state: `s${seq}`, at: seq, seq, source: 's' });
    expect(progression.size).toBeGreaterThan(MAX_RESIDUAL_NODES);
  });
});
