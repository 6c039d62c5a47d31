import { formatDuration, type Millis } from '../time/duration.ts';
import type { Observation, ObservationOf } from '../trace/index.ts';
import type { ClaimContext, Judgement, ReasonWords, Tested } from './claim.ts';
import { MAX_DIFFERENCES, type Differing } from './compare.ts';
import { endingOf, toldIn } from './ending.ts';
import type { Course, Decision, Standing } from './judge.ts';
import type { KnownReason } from './reasons.ts';
import { counted } from './say.ts';

/** How far a value is from what is expected, as a test says it. */
export function testedBy(differing: Differing | undefined): Tested {
  if (differing === undefined) return PASSED;
  const { count, first } = differing;
  const lines = first.map(({ path, expected, received }) =>
    path === '' ? `it was ${received}` : `${path}: expected ${expected}, received ${received}`,
  );
  const more = count - first.length;
  const rest =
    more <= 0 ? [] : [`… and ${count >= MAX_DIFFERENCES ? `${more} or more` : more} other ${more === 1 ? 'place' : 'places'}`];
  return { passed: false, distance: count, why: [...lines, ...rest] };
}

/** Tests a value as it is. */
export type Tester = (value: unknown) => Tested | PromiseLike<Tested>;

export const PASSED: Tested = { passed: true, distance: 0, why: [] };

/** Waits for a value that passes a test; of those that did not, it keeps the nearest (the latest of those as near) and the last. */
export class Testing implements Course {
  readonly #context: ClaimContext;
  readonly #test: Tester | undefined;
  #nearest: { readonly tested: Tested; readonly o: Observation } | undefined;
  #last: { readonly tested: Tested; readonly o: Observation } | undefined;
  /** It succeeded, and told no result. */
  #silent: ObservationOf<'state'> | undefined;
  #seen: Observation | undefined;

  constructor(context: ClaimContext, test: Tester | undefined) {
    this.#context = context;
    this.#test = test;
  }

  step(o: Observation): Decision | undefined {
    if (o.kind === 'state' || o.kind === 'value') this.#seen = o;
    const tested = this.#testedOf(o);
    if (tested === undefined) return this.#ended(o);
    this.#last = { tested, o };
    // Once it is there, it is no longer missing.
    this.#silent = undefined;
    if (tested.passed) return { verdict: 'holds', reason: { code: 'passed' }, evidence: [o] };
    if (this.#nearest === undefined || tested.distance <= this.#nearest.tested.distance) this.#nearest = { tested, o };
    return tested.final === true ? { verdict: 'violated', reason: this.#reason(true), evidence: [o] } : undefined;
  }

  standing(): Standing {
    const evidence = this.#last?.o ?? this.#silent ?? this.#seen;
    const reason =
      this.#last === undefined
        ? { code: this.#silent === undefined ? 'no-value' : 'no-result', ...(this.#seen === undefined ? {} : { seen: true }) }
        : this.#reason(false);
    return { reason, evidence: evidence === undefined ? [] : [evidence] };
  }

  /** Where nothing could be tested, what was seen says nothing; a success without a result has none. */
  atEnd(): Decision | undefined {
    return this.#last === undefined && this.#silent === undefined ? undefined : { verdict: 'violated', ...this.standing() };
  }

  #testedOf(o: Observation): Tested | undefined {
    if (this.#context.tested !== undefined) return this.#context.tested.get(o.seq);
    const told = this.#test === undefined ? undefined : toldIn(o);
    if (told === undefined) return undefined;
    const tested = this.#test!(told.value);
    // A judge does not wait: what is tested later is tested where it is seen, by a watch.
    if ('then' in tested) return undefined;
    return told.final ? { ...tested, final: true } : tested;
  }

  /** An operation that ended without success has no result to wait for. */
  #ended(o: Observation): Decision | undefined {
    if (o.kind !== 'state') return undefined;
    const ending = endingOf(o, this.#context.lifecycle);
    if (ending === undefined) return undefined;
    if (ending === 'success') {
      if (o.result === undefined) this.#silent ??= o;
      return undefined;
    }
    const { state, error } = o;
    const reason: KnownReason = {
      code: 'ended-otherwise',
      state,
      ending,
      wanted: 'success',
      ...(error === undefined ? {} : { error }),
    };
    return { verdict: 'violated', reason, evidence: [o] };
  }

  #reason(final: boolean): Decision['reason'] {
    const { tested, o } = this.#nearest!;
    const last = this.#last!;
    return {
      code: 'not-passed',
      distance: tested.distance,
      why: tested.why,
      at: o.at,
      final,
      ...(last.o === o ? {} : { last: last.tested.why.slice(0, 1), lastDistance: last.tested.distance }),
    };
  }
}

/** The words for what a {@link Testing} says. */
export function tellTested({ reason, at }: Judgement): ReasonWords | undefined {
  const why = (reason['why'] ?? []) as readonly string[];
  switch (reason.code) {
    case 'passed':
      return { but: 'it did' };
    case 'not-passed': {
      const far = why.length > 1 ? ` (and ${counted(why.length - 1, 'more line')} below)` : '';
      const last = reason['last'] as readonly string[] | undefined;
      const what = reason['final'] === true ? 'its result did not' : 'it never did';
      const nearest = why.length === 0 ? [] : [`at ${moment(reason['at'] as Millis, at)}:`, ...why];
      return {
        but: why.length === 0 ? what : `${what}: ${why[0]}${far}`,
        nearest: last === undefined ? nearest : [...nearest, `at the last look it was farther off: ${last[0] ?? ''}`],
        hint:
          reason['final'] === true
            ? 'an ended operation does not change any more, so the wait ended at once'
            : hintFor(why, last),
      };
    }
    case 'no-result':
      return {
        but: 'it succeeded, and told no result',
        hint: 'was the result lost, or is it told elsewhere, where its success does not say?',
      };
    case 'no-value':
      return {
        but: reason['seen'] === true ? 'nothing that was seen could be tested' : 'no value was seen',
        hint: 'a value is what a function gives back, or the result of an operation that succeeded. What a function of yours said of it is kept only by the watch that called it',
      };
    default:
      return undefined;
  }
}

function hintFor(why: readonly string[], last: readonly string[] | undefined): string {
  if (why[0]?.startsWith('it threw ') === true)
    return 'your test threw on this value: call it with it, and let it answer false where a member is missing';
  if (last !== undefined) return 'it was nearer before, and was changed again: what wrote it after that?';
  return 'the last value differed in the places above: does what writes it run, and does it write this? If it only takes longer, raise within';
}

function moment(seen: Millis, at: Millis | undefined): string {
  return seen === at ? 'the last look' : `+${formatDuration(seen)}`;
}
