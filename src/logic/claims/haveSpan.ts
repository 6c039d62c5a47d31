import type { Observation } from '../../trace/index.ts';
import { invalidArgument } from '../arguments.ts';
import { defineClaim, type ClaimFactory, type Standing } from '../judge.ts';
import { listed } from '../say.ts';
import { checkSpan, differences, nameOfSpan, NO_SPAN, SeenSpans, spanWords, type SpanPattern } from '../spans.ts';

export interface HaveSpanArgs extends SpanPattern {
  /** How many there are, no more and no fewer, when the watching ends; at least one by default, which holds at once. */
  readonly count?: number;
}

const HINT =
  "write it as in haveSpan({ name: 'POST /orders', service: 'shop', attributes: { 'http.response.status_code': 202 } })";
/** How many spans are told as evidence. */
const MAX_EVIDENCE = 20;

/**
 * A span is exported that is so: by its name, its service, its kind, its status, its attributes. With `count` there are exactly so many
 * at the end, and one too many decides against it at once.
 */
export const haveSpan: ClaimFactory<HaveSpanArgs> = defineClaim<HaveSpanArgs>({
  name: 'haveSpan',
  reads: ['data'],
  says: ({ count, ...pattern }) =>
    count === undefined
      ? `eventually have a span ${spanWords(pattern)}`
      : `have ${count} span${count === 1 ? '' : 's'} ${spanWords(pattern)}`,
  check(args) {
    const { count, ...pattern } = args ?? {};
    checkSpan('haveSpan', args === undefined || args === null ? args : pattern, HINT);
    if (count !== undefined && (!Number.isInteger(count) || count < 0))
      throw invalidArgument('haveSpan', 'count to be a whole number from 0', count, HINT);
    return args;
  },
  start({ count, ...pattern }) {
    const spans = new SeenSpans();
    const found: Observation[] = [];
    let near: { readonly name: string; readonly but: readonly string[]; readonly o: Observation } | undefined;
    const standing = (): Standing => ({
      reason: {
        code: found.length === 0 ? 'no-span' : 'spans',
        count: found.length,
        seen: spans.names(),
        ...(near === undefined || found.length > 0 ? {} : { near: near.name, but: near.but }),
      },
      evidence: found.length > 0 ? found.slice(-MAX_EVIDENCE) : near === undefined ? [] : [near.o],
    });
    return {
      step(o) {
        const span = spans.step(o);
        if (span === undefined) return undefined;
        const but = differences(span, pattern);
        if (but.length > 0) {
          if (near === undefined || but.length < near.but.length) near = { name: nameOfSpan(span), but, o };
          return undefined;
        }
        found.push(o);
        if (count === undefined) return { verdict: 'holds', ...standing() };
        return found.length > count ? { verdict: 'violated', ...standing() } : undefined;
      },
      standing,
      atEnd: () => ({
        verdict: count !== undefined && found.length === count && spans.size > 0 ? 'holds' : 'violated',
        ...standing(),
      }),
    };
  },
  tell({ reason }) {
    if (reason.code === 'nothing-seen') return NO_SPAN;
    if (reason.code !== 'no-span' && reason.code !== 'spans') return undefined;
    const n = Number(reason['count']);
    const seen = reason['seen'] as readonly string[];
    const but = (reason['but'] ?? []) as readonly string[];
    if (n > 0) return { but: `there ${n === 1 ? 'was one' : `were ${n}`}` };
    if (seen.length === 0) return { ...NO_SPAN, untold: true };
    return {
      untold: true,
      but: `none was: seen were ${listed(seen)}`,
      nearest: typeof reason['near'] === 'string' ? [`${reason['near']}: ${but.join(', ')}`] : [],
      hint: 'does each service pass traceparent on, also by way of a queue? A span in another trace is not of this operation',
    };
  },
  samples: [{ name: 'POST /orders' }, { name: 'POST *', count: 1 }, { service: 'shop', status: 'ok', count: 2 }],
});
