import { show } from '../../errors.ts';
import type { Observation } from '../../trace/index.ts';
import { defineClaim, type ClaimFactory, type Standing } from '../judge.ts';
import { counted } from '../say.ts';
import { checkSpan, differences, nameOfSpan, NO_SPAN, spanIn, spanWords, type SpanPattern } from '../spans.ts';

const HINT = "write it as in noErrorSpans({ service: 'shop' }): which spans must be without an error; all by default";

/**
 * No span that is exported tells of an error: none has the status `error`, and none an `exception` event. The first that does decides
 * against it; it holds when the watching ends, if spans were seen.
 */
export const noErrorSpans: ClaimFactory<SpanPattern | undefined> = defineClaim<SpanPattern | undefined>({
  name: 'noErrorSpans',
  reads: ['data'],
  says: (pattern) =>
    `have no error spans${pattern === undefined || Object.keys(pattern).length === 0 ? '' : ` ${spanWords(pattern)}`}`,
  check: (pattern) => (pattern === undefined ? pattern : checkSpan('noErrorSpans', pattern, HINT)),
  start(pattern = {}) {
    let seen = 0;
    let last: Observation | undefined;
    const standing = (): Standing => ({ reason: { code: 'no-errors', spans: seen }, evidence: last === undefined ? [] : [last] });
    return {
      step(o) {
        const span = spanIn(o);
        if (span === undefined || differences(span, pattern).length > 0) return undefined;
        seen++;
        last = o;
        const exception = span.events?.find(({ name }) => name === 'exception');
        if (span.status !== 'error' && exception === undefined) return undefined;
        const said = span.message ?? exception?.attributes['exception.message'] ?? span.attributes['error.type'];
        return {
          verdict: 'violated',
          reason: {
            code: 'error-span',
            span: nameOfSpan(span),
            ...(said === undefined ? {} : { said: typeof said === 'string' ? said : show(said) }),
          },
          evidence: [o],
        };
      },
      standing,
      atEnd: () => (seen === 0 ? undefined : { verdict: 'holds', ...standing() }),
    };
  },
  tell({ reason }) {
    if (reason.code === 'nothing-seen') return NO_SPAN;
    if (reason.code === 'error-span')
      return {
        but: `${String(reason['span'])} ended with an error${typeof reason['said'] === 'string' ? `: ${reason['said']}` : ''}`,
        hint: 'the span stands in the trace of this error, with its attributes and events: the log of its service says more, by its trace id',
      };
    if (reason.code !== 'no-errors') return undefined;
    const n = Number(reason['spans']);
    return n === 0 ? NO_SPAN : { but: `none of ${counted(n, 'span')} told of an error` };
  },
  samples: [undefined, { service: 'shop' }],
});
