import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock, EpochMillis, Random } from '../time/index.ts';

/** Where in which trace something happens (W3C Trace Context, level 2). */
export interface TraceContext {
  /** 32 hexadecimal digits, not all of them 0. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all of them 0. */
  readonly spanId: string;
  /** {@link SAMPLED} and {@link RANDOM_ID}; other bits are not passed on. */
  readonly flags: number;
  /** The field tracestate as it came; empty when there is none. */
  readonly state: string;
}

/** The flag that says that somebody records this trace. */
export const SAMPLED = 1;
/** The flag that says that the trace id was drawn by chance. */
const RANDOM_ID = 2;
/** By what name the demo makes spans of its own. */
const SERVICE = 'holdfast-demo';
/** The most members of tracestate; one that has more is not passed on. */
const MAX_STATE_MEMBERS = 32;

const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const STATE_MEMBER = /^([a-z0-9][a-z0-9_\-*/@]{0,255})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** The context that header fields tell; undefined when there is none, or none that can be read. */
export function readContext(traceparent: string | null | undefined, tracestate?: string | null): TraceContext | undefined {
  const [, version, traceId = '', spanId = '', flags = '', more] = PARENT.exec(traceparent?.trim() ?? '') ?? [];
  // A later version may tell more behind what this one knows.
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) & (SAMPLED | RANDOM_ID), state: readState(tracestate ?? '') };
}

function readState(field: string): string {
  const members = field
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
  const keys = members.map((member) => STATE_MEMBER.exec(member)?.[1]);
  const isFine = members.length <= MAX_STATE_MEMBERS && !keys.includes(undefined) && new Set(keys).size === keys.length;
  return isFine ? members.join(',') : '';
}

/** The field traceparent. */
export function traceparent({ traceId, spanId, flags }: TraceContext): string {
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`;
}

/** A context in one line, to be kept with work that is done later. */
export function writeTrace(context: TraceContext): string {
  return context.state === '' ? traceparent(context) : `${traceparent(context)} ${context.state}`;
}

/** The context that was kept; undefined when there is none. */
export function readTrace(line: string | undefined): TraceContext | undefined {
  const space = line?.indexOf(' ') ?? -1;
  return space === -1 ? readContext(line) : readContext(line!.slice(0, space), line!.slice(space + 1));
}

/** How the context is carried from a request to what is done for it. */
export interface Carrier {
  run<T>(context: TraceContext, work: () => T): T;
  current(): TraceContext | undefined;
}

/** Carries the context along every chain of promises, apart from all others. */
export function asyncCarrier(): Carrier {
  const storage = new AsyncLocalStorage<TraceContext>();
  return { run: (context, work) => storage.run(context, work), current: () => storage.getStore() };
}

/** Names and values by the semantic conventions of OpenTelemetry. */
export type Attributes = Readonly<Record<string, string | number>>;

/** What is known of a span when it begins. */
export interface SpanStart {
  readonly name: string;
  readonly kind: 'server' | 'client' | 'producer' | 'consumer';
  readonly attributes: Attributes;
}

/** A span that has ended. */
export interface SpanRecord extends SpanStart {
  /** Who made it: `holdfast-demo`, or a service by its name. */
  readonly service: string;
  readonly context: TraceContext;
  readonly parent: TraceContext | undefined;
  readonly startedAt: EpochMillis;
  readonly endedAt: EpochMillis;
  /** What went wrong, in a word of few. */
  readonly error: string | undefined;
}

/** Where spans go that have ended and are sampled. */
export interface Telemetry {
  /** Keeps a span, at once and without fail. */
  record(span: SpanRecord): void;
  /** Sends what is left, in bounded time; never rejects. */
  close(): Promise<void>;
}

/** A span that goes on. */
export interface Span {
  readonly context: TraceContext;
  end(so?: { readonly name?: string; readonly attributes?: Attributes; readonly error?: string | undefined }): void;
}

/** Makes spans, and knows which of them goes on. */
export interface Tracing extends Carrier {
  /** Begins a span: a new trace where it has no parent. */
  begin(start: SpanStart, parent: TraceContext | undefined): Span;
  /** The same in the name of another service. */
  as(service: string): Tracing;
}

/**
 * Makes the contexts of spans whether anybody records them or not, so that a trace that comes in always goes on.
 *
 * @param carrier asked for anew each time
 */
export function tracingOf(
  world: { readonly clock: Clock; readonly random: Random; readonly telemetry?: Telemetry | undefined },
  carrier: () => Carrier,
): Tracing {
  const { clock, telemetry } = world;
  const ids = world.random.fork('trace');
  const as = (service: string): Tracing => ({
    run: (context, work) => carrier().run(context, work),
    current: () => carrier().current(),
    as,
    begin(start, parent) {
      const context: TraceContext = {
        traceId: parent?.traceId ?? ids.hex(16),
        spanId: ids.hex(8),
        flags: parent?.flags ?? (telemetry === undefined ? RANDOM_ID : RANDOM_ID | SAMPLED),
        state: parent?.state ?? '',
      };
      const [startedAt, from] = [clock.wall(), clock.now()];
      return {
        context,
        end({ name = start.name, attributes = {}, error } = {}) {
          if (telemetry === undefined || (context.flags & SAMPLED) === 0) return;
          // By the clock that never goes back: a span does not end before it began.
          const endedAt = startedAt + (clock.now() - from);
          const all = { ...start.attributes, ...attributes };
          telemetry.record({ ...start, name, attributes: all, service, context, parent, startedAt, endedAt, error });
        },
      };
    },
  });
  return as(SERVICE);
}

type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** `fetch` that tells whom it calls which trace they are in, and makes a span of each call. */
export function tracedFetch(fetch: Fetch, tracing: Tracing): Fetch {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
    const attributes = {
      'http.request.method': method,
      'server.address': url.hostname,
      'server.port': Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
      // Without the query and what may stand before the host: they may be secret.
      'url.full': `${url.protocol}//${url.host}${url.pathname}`,
    };
    const span = tracing.begin({ name: method, kind: 'client', attributes }, tracing.current());
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
    headers.set('traceparent', traceparent(span.context));
    if (span.context.state !== '') headers.set('tracestate', span.context.state);
    try {
      const response = await fetch(input, { ...init, headers });
      const { status } = response;
      span.end({ attributes: { 'http.response.status_code': status }, error: status >= 400 ? String(status) : undefined });
      return response;
    } catch (error) {
      span.end({ error: error instanceof Error ? error.name : 'unknown' });
      throw error;
    }
  };
}
