import { ContractViolation } from '../../src/errors.ts';
import { operation, type OperationOptions, type Start } from '../../src/dialects/operation.ts';
import { check, type Claim, type Judgement } from '../../src/logic/index.ts';
import type { Fetch } from '../../src/probes/index.ts';
import { exchanges, poll, type Exchanges, type PollOptions } from '../../src/probes/index.ts';
import { violation } from '../../src/report/index.ts';
import { parseDuration, virtualClock, type Millis, type VirtualClock } from '../../src/time/index.ts';
import { createTrace, type Lifecycle, type Trace } from '../../src/trace/index.ts';
import { closeSubject, subject, watch, type Push, type Subject, type WatchOptions } from '../../src/watch/index.ts';

/** What the provider in these tests answers to one request. */
export interface Reply {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  /** How long it takes, in milliseconds; 10 by default. */
  readonly after?: Millis;
  /** It never answers. */
  readonly hangs?: boolean;
  /** The connection fails, as undici would say it. */
  readonly fails?: { readonly code: string; readonly message: string };
}

export interface Asking {
  readonly method: string;
  readonly path: string;
  /** How many requests of this method and path came before. */
  readonly nth: number;
  /** Milliseconds since the clock began. */
  readonly at: Millis;
}

/** A provider in this process, whose every answer takes time on a virtual clock. */
function provider(clock: VirtualClock, answer: (asked: Asking) => Reply): Fetch {
  const counts = new Map<string, number>();
  return async (url, init) => {
    const { pathname } = new URL(url);
    const method = init.method ?? 'GET';
    const nth = counts.get(`${method} ${pathname}`) ?? 0;
    counts.set(`${method} ${pathname}`, nth + 1);
    const reply = answer({ method, path: pathname, nth, at: clock.now() });
    if (reply.hangs === true) return new Promise(() => undefined);
    await clock.sleep(reply.after ?? 10);
    if (reply.fails !== undefined) {
      const { code, message } = reply.fails;
      throw new TypeError('fetch failed', { cause: Object.assign(new Error(message), { code }) });
    }
    const { status = 200, body, headers = {} } = reply;
    const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body);
    const type = body === undefined ? {} : { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' };
    return new Response(text, { status, headers: { ...type, ...headers } });
  };
}

const START = { url: 'http://api.test/reports', method: 'POST', body: { title: 'Q3', rows: 12 } } as const;
export const ACCEPTED: Reply = {
  status: 202,
  headers: { location: '/operations/op_01' },
  body: { id: 'op_01', status: 'queued' },
};

export interface Asked extends Omit<WatchOptions, 'within'> {
  readonly claim: Claim;
  readonly negated?: boolean;
  readonly within?: WatchOptions['within'];
}

/** The message that a user gets for an operation of this provider. */
export async function ofOperation(
  answer: (asked: Asking) => Reply,
  asked: Asked & { readonly start?: Start; readonly options?: OperationOptions; readonly before?: Claim },
): Promise<string> {
  const clock = virtualClock();
  const op = operation(asked.start ?? START, { clock, fetch: provider(clock, answer), ...asked.options });
  return clock.run(async () => {
    if (asked.before !== undefined) await watch(op, asked.before);
    return told(op, asked);
  });
}

/** The message that a user gets for a function that is called again and again. */
export async function ofProbe(
  probe: (clock: VirtualClock) => (context: { signal: AbortSignal }) => unknown,
  asked: Asked & {
    readonly poll?: PollOptions;
    readonly seed?: string;
    readonly lifecycle?: Lifecycle;
    readonly name?: string;
    readonly maxObservations?: number;
    readonly prepare?: (subject: Subject, clock: VirtualClock) => void;
  },
): Promise<string> {
  const clock = virtualClock();
  const { lifecycle, seed, name, maxObservations } = asked;
  const trace = createTrace({ clock, seed, lifecycle, maxObservations });
  const watched = subject([poll(probe(clock), asked.poll)], { clock, trace, lifecycle, name });
  asked.prepare?.(watched, clock);
  return clock.run(() => told(watched, asked));
}

/** One message of a channel, and how long after the one before it comes, in milliseconds. */
export interface Post {
  readonly after: Millis;
  readonly id?: string;
  readonly type?: string;
  readonly data?: unknown;
}

/** The message that a user gets for a channel on which these are delivered. */
export async function ofChannel(posts: readonly Post[], asked: Asked & { readonly ends?: boolean }): Promise<string> {
  const clock = virtualClock();
  const hook: Push = {
    name: 'hook',
    open(context) {
      const done = (async () => {
        for (const { after, ...message } of posts) {
          await clock.sleep(after);
          context.record({ kind: 'message', ...message });
        }
        if (asked.ends !== true) await new Promise(() => undefined);
      })();
      return Promise.resolve({ done, [Symbol.asyncDispose]: () => Promise.resolve() });
    },
  };
  return clock.run(() => told(subject([hook], { clock, name: 'the webhooks' }), asked));
}

/** The message that a user gets for a push probe, in virtual time. */
export function ofPush(probe: (clock: VirtualClock) => Push, asked: Asked): Promise<string> {
  const clock = virtualClock();
  const on = subject([probe(clock)], { clock });
  return clock.run(async () => {
    try {
      return await told(on, asked);
    } finally {
      await closeSubject(on);
    }
  });
}

/** The message that a user gets for a client under test, whose exchanges were recorded, once it is done. */
export async function ofClient(
  answer: (asked: Asking) => Reply,
  claim: Claim,
  client: (seen: Exchanges, clock: VirtualClock) => Promise<unknown>,
): Promise<string> {
  const clock = virtualClock();
  const fetch = provider(clock, answer);
  const seen = exchanges({
    clock,
    name: 'the client',
    fetch: (url, init) => fetch(url instanceof Request ? url.url : String(url), init ?? {}),
  });
  await clock.run(() => client(seen, clock));
  await seen.close();
  return ofTrace(seen.trace, claim, seen.name);
}

/** The message for what was seen, judged once nothing more is. */
export function ofTrace(trace: Trace, claim: Claim, name?: string): string {
  const judgement = check(trace, claim);
  if (judgement.verdict === 'holds') throw new Error(`nothing to tell: the judgement is ${JSON.stringify(judgement)}`);
  return violation({ claim, judgement, subject: { trace, name } }).message;
}

async function told(watched: Subject, { claim, negated = false, within, ...options }: Asked): Promise<string> {
  let judgement: Judgement;
  try {
    judgement = await watch(watched, claim, { ...options, ...(within === undefined ? {} : { within }) });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return `${error.name}: ${error.message}`;
  }
  if (negated ? judgement.verdict === 'violated' && judgement.decidedBy === 'observation' : judgement.verdict === 'holds') {
    throw new Error(`nothing to tell: the judgement is ${JSON.stringify(judgement)}`);
  }
  const error = violation({
    claim,
    judgement,
    subject: watched,
    negated,
    within: within === undefined ? undefined : parseDuration(within),
  });
  if (!(error instanceof ContractViolation)) throw new Error('not a violation');
  return error.message;
}
