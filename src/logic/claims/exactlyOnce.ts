import { HarnessError, show } from '../../errors.ts';
import type { Observation } from '../../trace/index.ts';
import { checkPattern, keyAt, matches, type Pattern } from '../pattern.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';
import { times } from '../say.ts';

export interface ExactlyOnceArgs {
  /** Which observations count: a delivery, a row, a mail. */
  readonly event: Pattern;
  /** What makes two of them the same, as a dotted path into the observation; `id` by default. */
  readonly per?: string;
  /** The keys that must come; where none are named, whatever comes must come once. */
  readonly keys?: readonly string[];
}

/** How many observations are told as evidence that all came: the latest; the trace has the others. */
const MAX_EVIDENCE = 100;

/** Each key comes exactly once: a second time decides against it at once, a missing one at the end. */
export const exactlyOnce: ClaimFactory<ExactlyOnceArgs> = defineClaim<ExactlyOnceArgs>({
  name: 'exactlyOnce',
  members: ['event', 'per', 'keys'],
  says: ({ event, per = 'id' }) => `bring each ${per} exactly once of ${show(event)}`,
  check(args) {
    if (typeof args?.event !== 'object' || args.event === null) {
      throw new HarnessError(
        'invalid-pattern',
        `exactlyOnce: expected a pattern as event, received ${show(args?.event)}`,
        "write it as in exactlyOnce({ event: { kind: 'message', type: 'order.paid' } })",
      );
    }
    checkPattern(args.event, 'exactlyOnce.event');
    if (args.per !== undefined && (typeof args.per !== 'string' || args.per === ''))
      throw invalid('the path of a field as per', args.per);
    if (args.keys !== undefined && !(Array.isArray(args.keys) && args.keys.every((key: unknown) => typeof key === 'string')))
      throw invalid('a list of texts as keys', args.keys);
    return args;
  },
  start({ event, per = 'id', keys = [] }) {
    const seen = new Map<string, Observation>();
    let last: Observation | undefined;
    const missing = (): readonly string[] => keys.filter((key) => !seen.has(key));
    return {
      step(o) {
        if (o.kind === 'tick' || matches(o, event) !== true) return undefined;
        // What has no key cannot be told apart from any other.
        const key = keyAt(o, per) ?? '';
        last = o;
        const before = seen.get(key);
        if (before !== undefined)
          return { verdict: 'violated', reason: { code: 'duplicate', key, times: 2 }, evidence: [before, o] };
        seen.set(key, o);
        return undefined;
      },
      standing: () => ({ reason: { code: 'missing', keys: missing() }, evidence: last === undefined ? [] : [last] }),
      atEnd() {
        const open = missing();
        const evidence = [...seen.values()].slice(-MAX_EVIDENCE);
        return open.length > 0 || seen.size === 0
          ? { verdict: 'violated', reason: { code: 'missing', keys: open }, evidence }
          : { verdict: 'holds', reason: { code: 'exactly-once', keys: seen.size }, evidence };
      },
    };
  },
  tell({ reason }, { per = 'id' }) {
    if (reason.code === 'duplicate' && reason['key'] === '')
      return {
        but: `what has no ${per} came ${times(Number(reason['times']))}`,
        hint: 'what has no key cannot be told apart: name a field that all have (per), or leave those without it out of the pattern',
      };
    if (reason.code !== 'missing' || (reason['keys'] as readonly string[]).length > 0) return undefined;
    return {
      but: 'nothing of it came',
      hint: 'is the pattern right, and was anything sent at all? What came is in the trace of this error',
    };
  },
  samples: [{ event: { kind: 'message' } }, { event: { kind: 'state' }, per: 'state', keys: ['succeeded'] }],
});

function invalid(expected: string, received: unknown): HarnessError {
  return new HarnessError(
    'invalid-argument',
    `exactlyOnce: expected ${expected}, received ${show(received)}`,
    "write it as in exactlyOnce({ event: { kind: 'message' }, per: 'data.order', keys: ['A1'] })",
  );
}
