import type { Observation } from '../../trace/index.ts';
import { invalidArgument } from '../arguments.ts';
import { defineClaim, type ClaimFactory, type Standing } from '../judge.ts';
import { listed } from '../say.ts';
import { checkSpan, differences, NO_SPAN, quoted, SeenSpans, spanWords, type SeenSpan, type SpanPattern } from '../spans.ts';

export interface SpansInOrderArgs {
  /** Names, or what else is said of each. */
  readonly spans: readonly (string | SpanPattern)[];
  /** Each was made within the one before it, or within what that led to: cause and effect, whatever the clocks say. */
  readonly nested?: boolean;
}

const HINT = "write it as in spansInOrder({ spans: ['POST /orders', { name: 'charge', service: 'payment' }] })";

/**
 * Spans that are so began in this order; others may lie between. By when they began, not by when they were exported: a service exports
 * its spans when they have ended, and by the batch.
 *
 * Clocks of two machines differ. What was made within a span began after it, though its own clock says otherwise.
 */
export const spansInOrder: ClaimFactory<SpansInOrderArgs> = defineClaim<SpansInOrderArgs>({
  name: 'spansInOrder',
  says: ({ spans, nested }) =>
    `have spans ${nested === true ? 'within each other' : 'in order'}: ${spans.map((one) => (typeof one === 'string' ? quoted(one) : spanWords(one))).join(', ')}`,
  check(args) {
    const given: unknown = args?.spans;
    if (!Array.isArray(given) || given.length < 2)
      throw invalidArgument('spansInOrder', 'a list of two spans or more', given, HINT);
    for (const one of args.spans) checkSpan('spansInOrder', typeof one === 'string' ? { name: one } : one, HINT);
    return args;
  },
  start({ spans: wanted, nested }) {
    const patterns = wanted.map((one): SpanPattern => (typeof one === 'string' ? { name: one } : one));
    const seen = new SeenSpans();
    const follows = (span: SeenSpan, before: SeenSpan): boolean =>
      seen.isWithin(span, before) || (nested !== true && span.startedAt >= before.startedAt && !seen.isWithin(before, span));
    /** The longest beginning of the list that was seen in order. */
    const chain = (): readonly { readonly span: SeenSpan; readonly o: Observation }[] => {
      const all = seen.all;
      // Of each span in the next place it is enough to know one way to it.
      let ends = all.filter(({ span }) => differences(span, patterns[0]!).length === 0).map((one) => [one]);
      let best = ends[0] ?? [];
      for (const pattern of patterns.slice(1)) {
        const next = all.filter(({ span }) => differences(span, pattern).length === 0);
        ends = next.flatMap((one) => {
          const before = ends.find((way) => way.at(-1)!.span !== one.span && follows(one.span, way.at(-1)!.span));
          return before === undefined ? [] : [[...before, one]];
        });
        if (ends[0] === undefined) break;
        best = ends[0];
      }
      return best;
    };
    const standing = (): Standing => {
      const found = chain();
      const missing = patterns[found.length];
      const elsewhere = missing !== undefined && seen.all.some(({ span }) => differences(span, missing).length === 0);
      return {
        reason: {
          code: missing === undefined ? 'in-order' : elsewhere ? 'out-of-order' : 'span-missing',
          found: found.length,
          ...(missing === undefined ? {} : { missing: spanWords(missing) }),
          ...(found.length === 0 ? {} : { before: spanWords(patterns[found.length - 1]!) }),
          seen: seen.names(),
        },
        evidence: found.map(({ o }) => o),
      };
    };
    return {
      step(o) {
        const span = seen.step(o);
        if (span === undefined) return undefined;
        // What lies between two of them may tie them together; else only one of them brings news.
        const isNews =
          nested === true || span.parentSpanId !== undefined || patterns.some((one) => differences(span, one).length === 0);
        return isNews && chain().length === patterns.length ? { verdict: 'holds', ...standing() } : undefined;
      },
      standing,
      atEnd: () => (seen.size === 0 ? undefined : { verdict: 'violated', ...standing() }),
    };
  },
  tell({ reason }, { nested }) {
    const missing = String(reason['missing']);
    const seen = reason['seen'] as readonly string[] | undefined;
    switch (reason.code) {
      case 'nothing-seen':
        return NO_SPAN;
      case 'in-order':
        return { but: 'they were' };
      case 'out-of-order':
        return {
          but:
            typeof reason['before'] !== 'string'
              ? `${missing} was not`
              : `${missing} was not ${nested === true ? 'within' : 'after'} ${reason['before']}`,
          nearest: [`${String(reason['found'])} of them in order`],
        };
      case 'span-missing':
        return {
          but: `${missing} was not seen`,
          nearest: seen === undefined || seen.length === 0 ? [] : [`seen were ${listed(seen)}`],
          hint: 'does each service pass traceparent on, also by way of a queue, and export soon enough for this wait?',
        };
      default:
        return undefined;
    }
  },
  samples: [{ spans: ['a', 'b'] }, { spans: ['a', { name: 'b', service: 's' }], nested: true }],
});
