import type { Observation, ObservationOf } from '../../trace/index.ts';
import { valueAt } from '../../trace/told.ts';
import { endingOf } from '../ending.ts';
import { countOf } from '../events.ts';
import { extension } from '../extension.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';
import { counted } from '../say.ts';

export interface IntermediateArgs {
  /** How many different partial results must be seen before the final one; 1 by default. */
  readonly atLeast?: number | undefined;
}

/**
 * Partial results come before the final one, each goes on from the one before, and the final one goes on from the last: lists and
 * texts get longer at their end, members stay, numbers do not fall. What was taken back decides at once.
 */
export const deliverWithIntermediateResults: ClaimFactory<IntermediateArgs | undefined> = defineClaim<
  IntermediateArgs | undefined
>({
  name: 'deliverWithIntermediateResults',
  reads: ['partial'],
  members: ['atLeast'],
  says: (args) => `deliver its result with ${counted(args?.atLeast ?? 1, 'partial result')} or more before it`,
  check: (args) => ({ atLeast: countOf(args?.atLeast ?? 1, 'atLeast', 'deliverWithIntermediateResults', 1) }),
  start(args, { lifecycle }) {
    const needed = args?.atLeast ?? 1;
    /** The last partial result of each channel. */
    const last = new Map<string, { readonly value: unknown; readonly o: Observation }>();
    let seen = 0;
    let latest: Observation | undefined;
    const standing = () => ({
      reason: { code: 'partial-not-ended', partials: seen },
      evidence: latest === undefined ? [] : [latest],
    });
    return {
      step(o) {
        if (o.kind !== 'state') return undefined;
        latest = o;
        const ending = endingOf(o, lifecycle);
        const before = last.get(o.source);
        const value = ending === undefined ? partialOf(o) : resultOf(o);
        if (ending !== undefined && ending !== 'success')
          return {
            verdict: 'violated',
            reason: { code: 'partial-ended-otherwise', state: o.state, partials: seen },
            evidence: [o],
          };
        if (value !== undefined && before !== undefined) {
          const wrong = extension(before.value, value);
          if (wrong !== undefined) {
            const reason = { code: 'taken-back', final: ending !== undefined, ...wrong };
            return { verdict: 'violated', reason, evidence: [before.o, o] };
          }
        }
        if (ending === undefined) {
          if (value !== undefined && (before === undefined || JSON.stringify(before.value) !== JSON.stringify(value))) {
            last.set(o.source, { value, o });
            seen++;
          }
          return undefined;
        }
        const evidence = before === undefined ? [o] : [before.o, o];
        if (value === undefined) return { verdict: 'violated', reason: { code: 'no-final-result', partials: seen }, evidence };
        return seen < needed
          ? { verdict: 'violated', reason: { code: 'too-few-partials', partials: seen }, evidence }
          : { verdict: 'holds', reason: { code: 'partials-and-result', partials: seen }, evidence };
      },
      standing,
      atEnd: () => ({ verdict: 'violated', ...standing() }),
    };
  },
  tell({ reason }) {
    const partials = counted(Number(reason['partials']), 'partial result');
    switch (reason.code) {
      case 'partials-and-result':
        return { but: `${partials} came before the final one, and each went on from the one before` };
      case 'taken-back':
        return {
          but: `${reason['final'] === true ? 'the final result' : 'a partial result'} did not go on from the one before: ${String(reason['why'])}`,
          nearest: [`before ${String(reason['before'])}`, `after  ${String(reason['after'])}`],
          hint: 'whoever read the partial result was told something that is not so: are both made from the same work?',
        };
      case 'no-final-result':
        return {
          but: `${partials} came, and the success told no result`,
          hint: 'is the result elsewhere? Then compare it there, as with op.result()',
        };
      case 'too-few-partials':
        return {
          but: `only ${partials} came before the final one`,
          hint: 'a look sees a moment: look more often ({ pace }), or watch a channel that tells every one',
        };
      case 'partial-ended-otherwise':
        return { but: `it ended as '${String(reason['state'])}' after ${partials}` };
      case 'partial-not-ended':
        return { but: `${partials} came, and no final one`, hint: 'raise within, or see what it waits for' };
      default:
        return undefined;
    }
  },
  samples: [undefined, { atLeast: 2 }],
});

function partialOf(o: ObservationOf<'state'>): unknown {
  return o.partial ?? valueAt(o.raw, 'partial') ?? undefined;
}

function resultOf(o: ObservationOf<'state'>): unknown {
  return o.result ?? valueAt(o.raw, 'result') ?? undefined;
}
