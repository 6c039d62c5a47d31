import type { Observation } from '../../trace/index.ts';
import { invalidArgument } from '../arguments.ts';
import { defineClaim, type ClaimFactory, type Standing } from '../judge.ts';
import { counted, listed } from '../say.ts';
import {
  checkSpan,
  differences,
  idOf,
  NO_SPAN,
  quoted,
  SeenSpans,
  spanWords,
  type SeenSpan,
  type SpanPattern,
} from '../spans.ts';

export interface SpansInOrderArgs {
  /** Names, or what else is said of each. */
  readonly spans: readonly (string | SpanPattern)[];
  /** Each was made within the one before it, or within what that led to: cause and effect, whatever the clocks say. */
  readonly nested?: boolean;
}

const HINT = "write it as in spansInOrder({ spans: ['POST /orders', { name: 'charge', service: 'payment' }] })";

/** Of how many spans that fit in one place the order is known. */
export const MAX_FITTING = 50;

interface Found {
  readonly id: string;
  readonly span: SeenSpan;
  readonly o: Observation;
  /** What it was made within, as far as that is known by now. */
  way: ReturnType<SeenSpans['lineage']> | undefined;
}

/**
 * Spans that are so began in this order; others may lie between. By when they began, not by when they were exported: a service exports
 * its spans when they have ended, and by the batch.
 *
 * Clocks of two machines differ. What was made within a span began after it, though its own clock says otherwise.
 */
export const spansInOrder: ClaimFactory<SpansInOrderArgs> = defineClaim<SpansInOrderArgs>({
  name: 'spansInOrder',
  reads: ['data'],
  members: ['spans', 'nested'],
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
    /** For each place of the list the spans that fit there. */
    const fitting = patterns.map((): Found[] => []);
    let dropped = 0;
    /** Spans that are between two of them, and were not seen yet. */
    const awaited = new Set<string>();
    /** The longest beginning of the list that was seen in order. */
    const chain = (): readonly Found[] => {
      const lineage = (one: Found): ReadonlySet<string> => {
        if (one.way === undefined || (one.way.missing !== undefined && seen.has(one.way.missing)))
          one.way = seen.lineage(one.span);
        if (one.way.missing !== undefined) awaited.add(one.way.missing);
        return one.way.of;
      };
      const follows = (one: Found, before: Found): boolean =>
        lineage(one).has(before.id) ||
        (nested !== true && one.span.startedAt >= before.span.startedAt && !lineage(before).has(one.id));
      awaited.clear();
      // Of each span in the next place it is enough to know one way to it.
      let ends: readonly (readonly Found[])[] = fitting[0]!.map((one) => [one]);
      let best = ends[0] ?? [];
      for (const next of fitting.slice(1)) {
        ends = next.flatMap((one) => {
          const before = ends.find((way) => way.at(-1)!.id !== one.id && follows(one, way.at(-1)!));
          return before === undefined ? [] : [[...before, one]];
        });
        if (ends[0] === undefined) break;
        best = ends[0];
      }
      return best;
    };
    const keep = (span: SeenSpan, o: Observation): boolean => {
      let fits = false;
      for (const [place, pattern] of patterns.entries()) {
        if (differences(span, pattern).length > 0) continue;
        fits = true;
        fitting[place]!.push({ id: idOf(span), span, o, way: undefined });
        if (fitting[place]!.length <= MAX_FITTING) continue;
        // The first of them and the latest say more of an order than those in the middle.
        fitting[place]!.splice(MAX_FITTING / 2, 1);
        dropped++;
      }
      return fits;
    };
    const standing = (): Standing => {
      const found = chain();
      const missing = patterns[found.length];
      const elsewhere = missing !== undefined && fitting[found.length]!.length > 0;
      return {
        reason: {
          code: missing === undefined ? 'in-order' : elsewhere ? 'out-of-order' : 'span-missing',
          found: found.length,
          ...(missing === undefined ? {} : { missing: spanWords(missing) }),
          ...(found.length === 0 ? {} : { before: spanWords(patterns[found.length - 1]!) }),
          seen: seen.names(),
          ...(dropped === 0 ? {} : { dropped }),
        },
        evidence: found.map(({ o }) => o),
      };
    };
    return {
      step(o) {
        const span = seen.step(o);
        if (span === undefined) return undefined;
        // What lies between two of them may tie them together; else only one of them brings news.
        const isNews = keep(span, o) || awaited.has(idOf(span));
        return isNews && chain().length === patterns.length ? { verdict: 'holds', ...standing() } : undefined;
      },
      standing,
      atEnd: () => (seen.size === 0 ? undefined : { verdict: 'violated', ...standing() }),
    };
  },
  tell({ reason }, { nested }) {
    const missing = String(reason['missing']);
    const seen = reason['seen'] as readonly string[] | undefined;
    const left =
      reason['dropped'] === undefined
        ? []
        : [
            `of ${MAX_FITTING} spans for each place the order was compared, and not of ${counted(Number(reason['dropped']), 'other')}`,
          ];
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
          nearest: [`${String(reason['found'])} of them in order`, ...left],
          hint:
            nested === true
              ? 'is the context handed on, so that the one becomes the parent of the other?'
              : 'a span begins by the clock of who made it: do the clocks agree? If they do, the work began before what it is to follow',
        };
      case 'span-missing':
        return {
          but: `${missing} was not seen`,
          nearest: [...(seen === undefined || seen.length === 0 ? [] : [`seen were ${listed(seen)}`]), ...left],
          hint: 'does each service pass traceparent on, also by way of a queue, and export soon enough for this wait?',
        };
      default:
        return undefined;
    }
  },
  samples: [{ spans: ['a', 'b'] }, { spans: ['a', { name: 'b', service: 's' }], nested: true }],
});
