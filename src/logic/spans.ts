import { show } from '../errors.ts';
import type { Observation } from '../trace/index.ts';
import { checkMembers, invalidArgument } from './arguments.ts';

/** Which spans are meant: those that are so in all that is said. */
export interface SpanPattern {
  /** The span's name; `*` stands for any text. */
  readonly name?: string;
  /** Who made it: `service.name`. */
  readonly service?: string;
  readonly kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  readonly status?: 'unset' | 'ok' | 'error';
  /** Attributes that it has, each with this value: `{ 'http.response.status_code': 202 }`. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
}

/** What the claims read of a span. */
export interface SeenSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly service?: string;
  readonly kind?: string;
  readonly status?: string;
  readonly message?: string;
  readonly startedAt: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events?: readonly { readonly name: string; readonly attributes: Readonly<Record<string, unknown>> }[];
}

/** The span that an observation tells, where it tells one. */
export function spanIn(o: Observation): SeenSpan | undefined {
  if (o.kind !== 'message' || o.type !== 'span') return undefined;
  const data = o.data as Partial<SeenSpan> | null | undefined;
  return typeof data === 'object' &&
    data !== null &&
    typeof data.name === 'string' &&
    typeof data.spanId === 'string' &&
    typeof data.attributes === 'object'
    ? (data as SeenSpan)
    : undefined;
}

const MEMBERS = ['name', 'service', 'kind', 'status', 'attributes'];

/**
 * Refuses what is no pattern of spans.
 *
 * @throws HarnessError `invalid-argument`
 */
export function checkSpan(claim: string, pattern: SpanPattern, hint: string): SpanPattern {
  checkMembers(claim, pattern, MEMBERS, hint);
  for (const member of ['name', 'service', 'kind', 'status'] as const) {
    const value: unknown = pattern[member];
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      throw invalidArgument(claim, `${member} to be a text`, value, hint);
  }
  for (const [member, known] of [
    ['kind', ['internal', 'server', 'client', 'producer', 'consumer']],
    ['status', ['unset', 'ok', 'error']],
  ] as const) {
    const value = pattern[member];
    if (value !== undefined && !(known as readonly string[]).includes(value))
      throw invalidArgument(claim, `${member} to be one of ${known.join(', ')}`, value, hint);
  }
  const attributes: unknown = pattern.attributes ?? {};
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes))
    throw invalidArgument(claim, 'attributes to be an object', attributes, hint);
  for (const value of Object.values(attributes))
    if (!['string', 'number', 'boolean'].includes(typeof value))
      throw invalidArgument(claim, 'attributes to be texts, numbers or booleans', value, hint);
  return pattern;
}

/** In what a span is otherwise than the pattern says; empty for one that is meant. */
export function differences(span: SeenSpan, pattern: SpanPattern): readonly string[] {
  const found: string[] = [];
  if (pattern.name !== undefined && !isLike(span.name, pattern.name)) found.push(`name is ${quoted(span.name)}`);
  for (const member of ['service', 'kind', 'status'] as const) {
    const wanted = pattern[member];
    if (wanted !== undefined && span[member] !== wanted) found.push(`${member} is ${quoted(span[member] ?? 'not told')}`);
  }
  for (const [name, wanted] of Object.entries(pattern.attributes ?? {})) {
    const value = span.attributes[name];
    if (value !== wanted) found.push(value === undefined ? `it has no ${name}` : `${name} is ${show(value)}`);
  }
  return found;
}

function isLike(name: string, pattern: string): boolean {
  if (!pattern.includes('*')) return name === pattern;
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(name);
}

/** A pattern in words, to follow "a span": `'POST /orders' of shop with http.response.status_code 202`. */
export function spanWords({ name, service, kind, status, attributes = {} }: SpanPattern): string {
  const parts = [
    ...(name === undefined ? [] : [quoted(name)]),
    ...(service === undefined ? [] : [`of ${service}`]),
    ...(kind === undefined ? [] : [`of kind ${kind}`]),
    ...(status === undefined ? [] : [`with status ${status}`]),
    ...Object.entries(attributes).map(([key, value]) => `with ${key} ${show(value)}`),
  ];
  return parts.length === 0 ? 'of any name' : parts.join(' ');
}

/** A span in a list: `'POST /orders' of shop`. */
export function nameOfSpan({ name, service }: Pick<SeenSpan, 'name' | 'service'>): string {
  return `${quoted(name)}${service === undefined ? '' : ` of ${service}`}`;
}

export function quoted(text: string): string {
  return `'${text}'`;
}

/** How many spans one judging keeps; the oldest give way, and are counted. */
export const MAX_SPANS = 2_000;

/** How many spans one is known to be made within. */
const MAX_LINEAGE = 200;

/** A span, among all that were seen. */
export function idOf({ traceId, spanId }: Pick<SeenSpan, 'traceId' | 'spanId'>): string {
  return `${traceId} ${spanId}`;
}

/** The spans that were seen, each with its observation. */
export class SeenSpans {
  readonly #spans = new Map<string, { readonly span: SeenSpan; readonly o: Observation }>();

  /** How many gave way. */
  dropped = 0;

  /** The span that the observation tells, kept; undefined for one that was told before. */
  step(o: Observation): SeenSpan | undefined {
    const span = spanIn(o);
    const id = span === undefined ? '' : idOf(span);
    if (span === undefined || this.#spans.has(id)) return undefined;
    if (this.#spans.size >= MAX_SPANS) {
      this.#spans.delete(this.#spans.keys().next().value!);
      this.dropped++;
    }
    this.#spans.set(id, { span, o });
    return span;
  }

  get size(): number {
    return this.#spans.size;
  }

  has(id: string): boolean {
    return this.#spans.has(id);
  }

  /** Within which spans it was made, from its parent on; and the one of them that was not seen, where it is not the whole way. */
  lineage(span: SeenSpan): { readonly of: ReadonlySet<string>; readonly missing: string | undefined } {
    const of = new Set<string>();
    for (let at = span; at.parentSpanId !== undefined;) {
      const id = `${at.traceId} ${at.parentSpanId}`;
      // A way that is longer, or leads round, is no way.
      if (of.size >= MAX_LINEAGE || of.has(id)) break;
      of.add(id);
      const parent = this.#spans.get(id)?.span;
      if (parent === undefined) return { of, missing: id };
      at = parent;
    }
    return { of, missing: undefined };
  }

  /** Names of those that were seen, for a message: each once, with how many there were. */
  names(most = 6): readonly string[] {
    const counts = new Map<string, number>();
    for (const { span } of this.#spans.values()) counts.set(nameOfSpan(span), (counts.get(nameOfSpan(span)) ?? 0) + 1);
    const told = [...counts].map(([name, n]) => (n === 1 ? name : `${name} (${n})`));
    const older = this.dropped === 0 ? [] : [`${this.dropped} older ones, which gave way to the latest ${MAX_SPANS}`];
    return told.length > most ? [...told.slice(0, most), `${told.length - most} more`, ...older] : [...told, ...older];
  }
}

/** What to say where no span came at all. */
export const NO_SPAN = {
  but: 'no span was exported',
  hint: 'do the services export to the receiver (OTEL_EXPORTER_OTLP_ENDPOINT is its url), and soon enough for this wait? The batch of OpenTelemetry waits 5 s: OTEL_BSP_SCHEDULE_DELAY=100. Spans of other traces do not count: does each service pass traceparent on, also by way of a queue?',
} as const;
