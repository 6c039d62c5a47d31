import {
  deliverExactlyOnce,
  exactlyOnce,
  forEach,
  formula,
  haveSpan,
  honourRetryAfter,
  is,
  leadsTo,
  sameStory,
  spansInOrder,
  stayWithinPollBudget,
  succeed,
  type Claim,
} from '../src/logic/index.ts';
import { systemClock, virtualClock } from '../src/time/index.ts';
import { createTrace, type Event } from '../src/trace/index.ts';
import { subject, watch, type OpenContext, type Push } from '../src/watch/index.ts';
import { span } from '../test/setup/spans.ts';
import { table } from './inside-vitest.ts';

const SIZES = [100, 10_000, 1_000_000] as const;
/** Over how many of the last observations the cost of one is taken. */
const SAMPLE = 50;
const TEN_KB = 'x'.repeat(10_000);
const MIB = 1024 * 1024;

interface Watched {
  readonly claim: Claim;
  /** What comes as the nth. */
  readonly event: (n: number) => readonly [Event, keys?: readonly string[]];
  /** How many channels take turns to tell; one by default. */
  readonly channels?: number;
  /** The most observations before that are tried, where one of them costs much. */
  readonly most?: number;
}

/** Each claim with what it has to remember most for. */
const CLAIMS: Readonly<Record<string, Watched>> = {
  succeed: { claim: succeed(), event: (n) => [{ kind: 'state', state: 'running', progress: n % 100 }] },
  'exactlyOnce, each another key': {
    claim: exactlyOnce({ event: { kind: 'message' } }),
    event: (n) => [{ kind: 'message', id: `m${n}`, type: 'paid' }],
  },
  'exactlyOnce, each with 10 kB of data': {
    claim: exactlyOnce({ event: { kind: 'message' } }),
    event: (n) => [{ kind: 'message', id: `m${n}`, type: 'paid', data: { n, text: `${n}${TEN_KB}` } }],
    most: 10_000,
  },
  'sameStory, two states in turn': {
    claim: sameStory(),
    event: (n) => [{ kind: 'state', state: n % 2 === 0 ? 'queued' : 'running' }],
  },
  'sameStory, ever new states on two channels': {
    claim: sameStory(),
    event: (n) => [{ kind: 'state', state: `state ${n >> 1}`, raw: n }],
    channels: 2,
  },
  'deliverExactlyOnce, each another key': {
    claim: deliverExactlyOnce({ event: 'paid', per: 'id', keys: ['never'] }),
    event: (n) => [{ kind: 'message', id: `m${n}`, type: 'paid', data: n }],
  },
  'stayWithinPollBudget, one address, no end of requests': {
    claim: stayWithinPollBudget({ requests: 10_000_000 }),
    event: (n) => [request(n, 'http://api.test/operations/1')],
  },
  'stayWithinPollBudget, each another address': {
    claim: stayWithinPollBudget({ requests: 10, per: '1m' }),
    event: (n) => [request(n, `http://api.test/operations/${n}`)],
  },
  'honourRetryAfter, each another address': {
    claim: honourRetryAfter(),
    event: (n) => [
      n % 2 === 0
        ? request(n, `http://api.test/operations/${n}`)
        : { kind: 'response', exchange: `e${n - 1}`, status: 202, headers: [['retry-after', '1']] },
    ],
  },
  'haveSpan, each another span': { claim: haveSpan({ name: 'never' }), event: (n) => [within(n, 'work')] },
  'spansInOrder, all of them the first': {
    claim: spansInOrder({ spans: ['first', 'never'] }),
    event: (n) => [within(n, 'first')],
  },
  'spansInOrder, within each other': {
    claim: spansInOrder({ spans: ['first', 'work', 'never'], nested: true }),
    event: (n) => [within(n, n % 2 === 0 ? 'first' : 'work')],
    most: 10_000,
  },
  'forEach of 500 keys': {
    claim: formula({ formula: forEach('id', leadsTo(is({ type: 'placed' }), is({ type: 'paid' }))) }),
    event: (n) => [{ kind: 'message', id: `m${n % 500}`, type: n % 1000 < 500 ? 'placed' : 'paid' }],
  },
};

function request(n: number, url: string): Event {
  return { kind: 'request', exchange: `e${n}`, method: 'GET', url, headers: [] };
}

/** Each was made within the one before it. */
const within = (n: number, name: string): Event => span(n, name, n === 0 ? undefined : n - 1);

/**
 * What one more observation costs a watch that has had so many before: it must not grow with them. Memory is that of the trace, per
 * observation, with what the claim keeps of it. A trace keeps 100,000 unless it is told otherwise; here it is.
 */
export default async function run(): Promise<void> {
  const rows: Record<string, string>[] = [];
  for (const [name, watched] of Object.entries(CLAIMS)) {
    const row: Record<string, string> = { claim: name };
    for (const size of SIZES) {
      if (size > (watched.most ?? size)) continue;
      const { cost, memory } = await measure(watched, size);
      row[`after ${size.toLocaleString('en-US')}, µs`] = cost.toFixed(2);
      if (size === SIZES.findLast((one) => one <= (watched.most ?? one))) row['memory of one, bytes'] = memory.toFixed(0);
    }
    rows.push(row);
  }
  table(rows);
  console.log('\nA trace that is full (100,000 observations of `exactlyOnce`):\n');
  const { memory } = await measure(CLAIMS['exactlyOnce, each another key']!, 100_000);
  console.log(`${((memory * 100_000) / MIB).toFixed(1)} MiB`);
}

async function measure(
  { claim, event, channels = 1 }: Watched,
  size: number,
): Promise<{ readonly cost: number; readonly memory: number }> {
  const clock = virtualClock();
  const trace = createTrace({ clock, maxObservations: size + SAMPLE * 20 + 10 });
  const records: OpenContext['record'][] = [];
  const pushes = Array.from({ length: channels }, (_, at): Push => ({
    name: `push ${at}`,
    async open(context) {
      records[at] = (...told) => context.record(...told);
      return { done: new Promise<void>(() => undefined), [Symbol.asyncDispose]: () => Promise.resolve() };
    },
  }));
  const controller = new AbortController();
  collect();
  const before = process.memoryUsage().heapUsed;
  const waiting = watch(subject(pushes, { clock, trace }), claim, { within: '1h', signal: controller.signal });
  while (records.length < channels) await Promise.resolve();
  const tell = (n: number): void => records[n % channels]!(...event(n));
  for (let n = 0; n < size; n++) tell(n);
  collect();
  const memory = (process.memoryUsage().heapUsed - before) / size;
  // Several samples, of which the least disturbed counts.
  let cost = Number.POSITIVE_INFINITY;
  for (let sample = 0; sample < 20; sample++) {
    const from = systemClock.now();
    for (let i = 0; i < SAMPLE; i++) tell(size + sample * SAMPLE + i);
    cost = Math.min(cost, ((systemClock.now() - from) * 1000) / SAMPLE);
  }
  controller.abort();
  const { decidedBy, verdict } = await waiting;
  if (decidedBy !== 'aborted') throw new Error(`${claim.name} was ${verdict} by ${decidedBy}`);
  return { cost, memory };
}

function collect(): void {
  (globalThis as { gc?: () => void }).gc?.();
}
