/** Random recordings and judgements of them, by a system under test that is out to make a mess of a terminal. */
import fc from 'fast-check';
import { catalogue, claimFrom, judge, type Claim, type Closing, type Judgement } from '../../../src/logic/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace, type Event, type Trace } from '../../../src/trace/index.ts';

/** Stands in an address where a secret would. */
export const SECRET = 's3cr3t-of-the-law';

/** What would turn, hide or overwrite text, move the cursor, or end the line. */
const NASTY = [
  '\u001b[2J\u001b[31m',
  '\u009b31m',
  '\u0007',
  '\r',
  '\r\n',
  '\n',
  '\t',
  '\u0000',
  '\u007f',
  '\u0085',
  '\u202egnp.exe',
  '\u2066x\u2069',
  '\u200b',
  '\u200f',
  '\u061c',
  '\u2028',
  '\ufeff',
  '\u00ad',
  '\u180e',
  '\u3164',
  '\ufff9',
  '\u{e0041}\u{e0042}',
  '\ud800',
  '\udc00',
  '🚀',
  'Grüße',
];
/** Words that only a fault of ours would bring into a message. */
export const OURS = /undefined|\[object|NaN/;

export const hostile: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.constantFrom(...NASTY),
      fc.string({ maxLength: 12, unit: 'binary' }),
      fc.constantFrom('x'.repeat(500), ' ', 'word word'),
    ),
    {
      maxLength: 6,
    },
  )
  .map((parts) => parts.join(''))
  .filter((text) => !OURS.test(text));

const STATES = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'false', 'true'] as const;
const state = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...STATES) }, { weight: 1, arbitrary: hostile });
const value: fc.Arbitrary<unknown> = fc.oneof(
  hostile,
  fc.integer(),
  fc.constant(null),
  fc.record({ a: hostile, n: fc.integer() }),
);
const url = fc
  .tuple(
    fc.constantFrom('http://api.test/op', `http://ann:${SECRET}@api.test/op`, '/op'),
    fc.constantFrom('token', 'sig', 'api_key'),
  )
  .map(([base, name]) => `${base}?page=2&${name}=${SECRET}`);
const problem = fc.oneof(
  hostile,
  fc.integer(),
  fc.constant(null),
  fc.array(value, { maxLength: 2 }),
  fc.record(
    {
      title: hostile,
      detail: hostile,
      message: hostile,
      code: fc.oneof(hostile, fc.integer()),
      type: url,
      status: fc.integer(),
      error: value,
    },
    { requiredKeys: [] },
  ),
);
const status = fc.constantFrom(200, 202, 301, 303, 401, 404, 410, 429, 500, 503, 599);
const exchange = fc.constantFrom('start', 'monitor/0');
const progress = fc.oneof(
  fc.nat(100),
  fc.double({ min: 0, max: 100, noNaN: true }).map((n) => n + 0),
);

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .record(
        { state, ending: fc.constantFrom('success', 'failure', 'cancelled'), progress, error: problem },
        { requiredKeys: ['state'] },
      )
      .map((rest) => ({ kind: 'state' as const, ...rest })),
  },
  {
    weight: 3,
    arbitrary: fc.record({ looks: fc.nat(500), largestGap: fc.nat(1000) }).map((rest) => ({ kind: 'tick' as const, ...rest })),
  },
  {
    weight: 4,
    arbitrary: fc
      .record(
        { message: hostile, name: fc.constantFrom('Error', 'TypeError', 'StartFailed'), status },
        { requiredKeys: ['message'] },
      )
      .map((rest) => ({ kind: 'error' as const, ...rest })),
  },
  { weight: 2, arbitrary: value.map((one) => ({ kind: 'value' as const, value: one })) },
  fc
    .record({ id: hostile, type: hostile, data: value }, { requiredKeys: [] })
    .map((rest) => ({ kind: 'message' as const, ...rest })),
  fc.record({ exchange, url }).map((rest) => ({ kind: 'request' as const, method: 'GET', headers: [], ...rest })),
  fc.record({ exchange, status, body: hostile, after: hostile }).map(({ after, ...rest }) => ({
    kind: 'response' as const,
    ...rest,
    headers: [['retry-after', after] as const, ['content-type', 'text/plain'] as const],
  })),
  fc
    .record({ exchange, reason: hostile, message: hostile }, { requiredKeys: ['exchange', 'reason'] })
    .map((rest) => ({ kind: 'no-response' as const, ...rest })),
  fc.constant({ kind: 'call' as const, call: 'start', name: 'start' }),
  fc
    .constantFrom('slow', 'lost\u001b[0m')
    .chain((fault) => fc.constantFrom({ kind: 'fault' as const, fault, action: {} }, { kind: 'healed' as const, fault })),
  fc
    .oneof(
      hostile,
      hostile.map((text) => `read as ${text}`),
    )
    .map((text) => ({ kind: 'note' as const, text })),
  hostile.map((reason) => ({ kind: 'end' as const, reason })),
  hostile.map((operation) => ({ kind: 'link' as const, operation, keys: [] })),
);

const source = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('monitor', 'start', 'probe', 'hook') },
  { weight: 1, arbitrary: hostile },
);

export const recordings: fc.Arbitrary<readonly { source: string; event: Event; after: number }[]> = fc.array(
  fc.record({ source, event, after: fc.oneof(fc.nat(2000), fc.double({ min: 0, max: 5, noNaN: true })) }),
  { maxLength: 14, size: 'max' },
);

export async function recorded(
  steps: readonly { source: string; event: Event; after: number }[],
  options: { seed?: string; maxObservations?: number } = {},
): Promise<Trace> {
  const clock = virtualClock();
  const trace = createTrace({ clock, ...options });
  for (const { source: from, event: seen, after } of steps) {
    await clock.advance(after);
    trace.record(from, seen);
  }
  return trace;
}

const MEMBERS = [...catalogue()].flatMap(([name, { definition }]) =>
  definition.samples.map((args) => ({ claim: name, args: (args ?? {}) as unknown })),
);
const named = hostile.filter((text) => text !== '');
const claim = fc.oneof(
  fc.constantFrom(...MEMBERS),
  fc.oneof(fc.constantFrom(...STATES), named).map((one) => ({ claim: 'reach', args: { state: one } })),
  fc.oneof(fc.constantFrom(...STATES), named).map((one) => ({ claim: 'stay', args: { state: one, for: 50 } })),
  fc
    .array(fc.oneof(fc.constantFrom(...STATES), named), { minLength: 1, maxLength: 3 })
    .map((states) => ({ claim: 'passThrough', args: { states } })),
);

const closing = fc.oneof(
  fc.constant({ by: 'end' as const }),
  fc.record(
    {
      by: fc.constant('deadline' as const),
      within: fc.nat(5000),
      lastLook: fc.constantFrom('answered', 'unanswered'),
      retryAfter: fc.nat(60_000),
    },
    { requiredKeys: ['by', 'within'] },
  ),
  fc.record({ by: fc.constant('hung' as const), source, since: fc.nat(100), looks: fc.nat(9) }),
  fc.constant({ by: 'broken' as const, within: 4000 }),
  fc.record({ by: fc.constant('aborted' as const), why: hostile }),
  fc.constant({ by: 'bound' as const }),
);

export interface Story {
  readonly trace: Trace;
  readonly claim: Claim;
  readonly judgement: Judgement;
  readonly name: string | undefined;
  readonly negated: boolean;
  readonly within: number | undefined;
}

export const plans = fc.record({
  steps: recordings,
  claim,
  closing,
  /** The share of the recording that came before the wait began. */
  from: fc.constantFrom(0, 0, 0.5, 1),
  noted: fc.boolean(),
  more: fc.record({ name: hostile, seed: hostile, within: fc.nat(5000), negated: fc.boolean() }, { requiredKeys: [] }),
  full: fc.boolean(),
});

/** Records, judges, and tells the judgement as an edge would. */
export async function told(plan: typeof plans extends fc.Arbitrary<infer P> ? P : never): Promise<Story> {
  const { steps, noted, more } = plan;
  const trace = await recorded(steps, {
    ...(more.seed === undefined ? {} : { seed: more.seed }),
    ...(plan.full ? { maxObservations: Math.max(1, steps.length - 1) } : {}),
  });
  const claimed = claimFrom(plan.claim);
  const from = Math.floor(trace.observations.length * plan.from);
  const since = trace.observations[from - 1]?.at ?? 0;
  const end = { ...plan.closing, at: trace.now() } as Closing;
  const seen = trace.observations.slice(claimed.fromNow === true ? from : 0);
  const judgement = judge(claimed, seen, { context: { since }, closing: end });
  if (noted)
    trace.judged({
      claim: claimed.name,
      args: claimed.args,
      from: claimed.fromNow === true ? from : 0,
      since,
      upTo: trace.observations.length,
      judgement,
    });
  return { trace, claim: claimed, judgement, name: more.name, negated: more.negated === true, within: more.within };
}
