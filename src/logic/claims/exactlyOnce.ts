import { HarnessError, show } from '../../errors.ts';
import type { Observation } from '../../trace/index.ts';
import { matches, type Pattern } from '../formula.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';

export interface ExactlyOnceArgs {
  /** Which observations count: a delivery, a row, a mail. */
  readonly event: Pattern;
  /** What makes two of them the same, as a dotted path into the observation; `id` by default. */
  readonly per?: string;
  /** The keys that must come; where none are named, whatever comes must come once. */
  readonly keys?: readonly string[];
}

/** Each key comes exactly once: a second time decides against it at once, a missing one at the end. */
export const exactlyOnce: ClaimFactory<ExactlyOnceArgs> = defineClaim<ExactlyOnceArgs>({
  name: 'exactlyOnce',
  says: ({ event, per = 'id' }) => `bring each ${per} exactly once of ${show(event)}`,
  check(args) {
    if (typeof args?.event !== 'object' || args.event === null) {
      throw new HarnessError(
        'invalid-pattern',
        `exactlyOnce: expected a pattern as event, received ${show(args?.event)}`,
        "write it as in exactlyOnce({ event: { kind: 'message', type: 'order.paid' } })",
      );
    }
    return args;
  },
  start({ event, per = 'id', keys = [] }) {
    const seen = new Map<string, Observation[]>();
    const missing = (): readonly string[] => keys.filter((key) => !seen.has(key));
    return {
      step(o) {
        if (o.kind === 'tick' || matches(o, event) !== true) return undefined;
        const value = keyOf(o, per);
        if (value === undefined) return undefined;
        const before = seen.get(value) ?? [];
        seen.set(value, [...before, o]);
        return before.length === 0
          ? undefined
          : {
              verdict: 'violated',
              reason: { code: 'duplicate', key: value, times: before.length + 1 },
              evidence: [...before, o],
            };
      },
      standing: () => ({ reason: { code: 'missing', keys: missing() }, evidence: [...seen.values()].flat().slice(-1) }),
      atEnd() {
        const open = missing();
        const evidence = [...seen.values()].flat();
        return open.length > 0 || seen.size === 0
          ? { verdict: 'violated', reason: { code: 'missing', keys: open }, evidence }
          : { verdict: 'holds', reason: { code: 'exactly-once', keys: seen.size }, evidence };
      },
    };
  },
  samples: [{ event: { kind: 'message' } }, { event: { kind: 'state' }, per: 'state', keys: ['succeeded'] }],
});

function keyOf(o: Observation, path: string): string | undefined {
  let value: unknown = o;
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value === undefined || value === null ? undefined : typeof value === 'string' ? value : JSON.stringify(value);
}
