import { show } from '../errors.ts';
import type { EpochMillis } from '../time/index.ts';
import { isSecretHeader, REDACTED, redactUrl } from '../trace/redact.ts';
import { fieldsOf, NotProtobuf, type WireValue } from './protobuf.ts';

/** How many attributes, and how many events, of one span are told. */
const MAX_ATTRIBUTES = 128;
const MAX_EVENTS = 64;
/** How deep a value of an attribute may be nested. */
const MAX_DEPTH = 8;
/** How many characters of a text are told. */
const MAX_TEXT = 4_096;

/** What a span is, by the number that OTLP has for it. */
const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const STATUSES = ['unset', 'ok', 'error'] as const;

/** Something that happened in a span: an exception, a message. */
export interface SpanEvent {
  readonly name: string;
  readonly at: EpochMillis;
  readonly attributes: SpanAttributes;
}

/** Names and values as OpenTelemetry has them, such as `http.response.status_code: 202`. */
export type SpanAttributes = Readonly<Record<string, unknown>>;

/** A span that has ended, as its service exported it. Plain JSON: it is the `data` of the observation. */
export interface Span {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Absent where the span began its trace. */
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: (typeof KINDS)[number];
  /** `service.name` of its resource. */
  readonly service?: string;
  readonly status: (typeof STATUSES)[number];
  readonly message?: string;
  /** By the clock of its own service, in milliseconds since 1970, to the microsecond. */
  readonly startedAt: EpochMillis;
  readonly endedAt: EpochMillis;
  readonly attributes: SpanAttributes;
  readonly events: readonly SpanEvent[];
}

/** A request that is none of OTLP, and why. */
export class NotOtlp extends Error {
  override readonly name = 'NotOtlp';
}

/** A message of OTLP by the names of its JSON form, whichever form it came in. */
interface Told {
  readonly [member: string]: unknown;
}

/**
 * The spans of an export request in JSON (OTLP/HTTP 1.x: the JSON mapping of protobuf, with ids in hexadecimal).
 *
 * @throws NotOtlp
 */
export function spansOfJson(text: string): readonly Span[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new NotOtlp('expected JSON');
  }
  return spansOf(value);
}

/**
 * The spans of an export request in protobuf.
 *
 * @throws NotOtlp
 */
export function spansOfProtobuf(bytes: Uint8Array): readonly Span[] {
  try {
    return spansOf(decode(bytes, 'ExportTraceServiceRequest', 0));
  } catch (error) {
    if (error instanceof NotProtobuf) throw new NotOtlp(`expected protobuf: ${error.message}`);
    throw error;
  }
}

/** How the wire form of a field is read: as a message of this name, or by a function; a list where it may come again. */
type Field = readonly [member: string, read: string | ((value: WireValue) => unknown), many?: 'many'];

const text = (value: WireValue): string => (value instanceof Uint8Array ? new TextDecoder().decode(value) : '');
const hex = (value: WireValue): string => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : '');
const base64 = (value: WireValue): string => (value instanceof Uint8Array ? Buffer.from(value).toString('base64') : '');
const unsigned = (value: WireValue): string => (typeof value === 'bigint' ? String(value) : '0');
const signed = (value: WireValue): string => (typeof value === 'bigint' ? String(BigInt.asIntN(64, value)) : '0');
const small = (value: WireValue): number => (typeof value === 'bigint' ? Number(value) : 0);
const truth = (value: WireValue): boolean => value !== 0n;
const double = (value: WireValue): number => {
  if (typeof value !== 'bigint') return 0;
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, value);
  return view.getFloat64(0);
};

/** The fields that are read, by message and number (opentelemetry-proto 1.x, `trace.proto`, `common.proto`). */
const MESSAGES: Readonly<Record<string, Readonly<Record<number, Field>>>> = {
  ExportTraceServiceRequest: { 1: ['resourceSpans', 'ResourceSpans', 'many'] },
  ResourceSpans: { 1: ['resource', 'Resource'], 2: ['scopeSpans', 'ScopeSpans', 'many'] },
  Resource: { 1: ['attributes', 'KeyValue', 'many'] },
  ScopeSpans: { 2: ['spans', 'Span', 'many'] },
  Span: {
    1: ['traceId', hex],
    2: ['spanId', hex],
    4: ['parentSpanId', hex],
    5: ['name', text],
    6: ['kind', small],
    7: ['startTimeUnixNano', unsigned],
    8: ['endTimeUnixNano', unsigned],
    9: ['attributes', 'KeyValue', 'many'],
    11: ['events', 'Event', 'many'],
    15: ['status', 'Status'],
  },
  Event: { 1: ['timeUnixNano', unsigned], 2: ['name', text], 3: ['attributes', 'KeyValue', 'many'] },
  Status: { 2: ['message', text], 3: ['code', small] },
  KeyValue: { 1: ['key', text], 2: ['value', 'AnyValue'] },
  AnyValue: {
    1: ['stringValue', text],
    2: ['boolValue', truth],
    3: ['intValue', signed],
    4: ['doubleValue', double],
    5: ['arrayValue', 'Values'],
    6: ['kvlistValue', 'KeyValues'],
    7: ['bytesValue', base64],
  },
  Values: { 1: ['values', 'AnyValue', 'many'] },
  KeyValues: { 1: ['values', 'KeyValue', 'many'] },
};

/** Every message on the way to a value, and some more for values within values. */
const MAX_MESSAGE_DEPTH = 8 + 3 * MAX_DEPTH;

function decode(bytes: Uint8Array, message: string, depth: number): Told {
  if (depth > MAX_MESSAGE_DEPTH) throw new NotProtobuf('it is nested too deep');
  const told: Record<string, unknown> = {};
  for (const [number, value] of fieldsOf(bytes)) {
    const field = MESSAGES[message]?.[number];
    if (field === undefined) continue;
    const [member, read, many] = field;
    if (typeof read === 'string' && !(value instanceof Uint8Array))
      throw new NotProtobuf(`field ${number} of ${message} is no message`);
    const inner = typeof read === 'string' ? decode(value as Uint8Array, read, depth + 1) : read(value);
    if (many === undefined) told[member] = inner;
    else if (Array.isArray(told[member])) told[member].push(inner);
    else told[member] = [inner];
  }
  return told;
}

function spansOf(request: unknown): readonly Span[] {
  if (!isTold(request)) throw new NotOtlp('expected an object with resourceSpans');
  return listIn(request, 'resourceSpans').flatMap((resourceSpans) => {
    const { resource } = resourceSpans;
    const service = isTold(resource) ? attributesOf(resource)['service.name'] : undefined;
    return listIn(resourceSpans, 'scopeSpans').flatMap((scope) =>
      listIn(scope, 'spans').map((span) => spanOf(span, typeof service === 'string' ? service : undefined)),
    );
  });
}

function spanOf(told: Told, service: string | undefined): Span {
  const parentSpanId = idOf(told['parentSpanId']);
  const status = isTold(told['status']) ? told['status'] : {};
  const message = textOf(status['message']);
  const traceId = idOf(told['traceId']);
  const spanId = idOf(told['spanId']);
  if (traceId?.length !== 32 || spanId?.length !== 16)
    throw new NotOtlp('expected each span to have a traceId of 32 and a spanId of 16 hexadecimal digits');
  return {
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name: textOf(told['name']),
    kind: KINDS[Number(told['kind'] ?? 0)] ?? 'unspecified',
    ...(service === undefined ? {} : { service }),
    status: STATUSES[Number(status['code'] ?? 0)] ?? 'unset',
    ...(message === '' ? {} : { message }),
    startedAt: millisOf(told['startTimeUnixNano']),
    endedAt: millisOf(told['endTimeUnixNano']),
    attributes: attributesOf(told),
    events: listIn(told, 'events')
      .slice(0, MAX_EVENTS)
      .map((event) => ({
        name: textOf(event['name']),
        at: millisOf(event['timeUnixNano']),
        attributes: attributesOf(event),
      })),
  };
}

function attributesOf(told: Told): SpanAttributes {
  return Object.fromEntries(
    listIn(told, 'attributes')
      .slice(0, MAX_ATTRIBUTES)
      .map((pair) => {
        const key = textOf(pair['key']);
        return [key, withoutSecrets(key, valueOf(pair['value'], 0))];
      }),
  );
}

/** Header fields are told by `http.request.header.<name>`, `rpc.request.metadata.<name>` and the like, addresses by `url.full` and others. */
function withoutSecrets(key: string, value: unknown): unknown {
  const header = /\.(?:header|metadata)\.(.+)$/.exec(key)?.[1];
  if (header !== undefined && isSecretHeader(header.replaceAll('_', '-'))) return REDACTED;
  if (typeof value !== 'string') return value;
  if (key === 'url.query') return redactUrl(`?${value}`).slice(1);
  return /^(?:[a-z][a-z0-9+.-]*:)?\/\S*$/i.test(value) ? redactUrl(value) : value;
}

function valueOf(value: unknown, depth: number): unknown {
  if (!isTold(value)) return null;
  if (depth > MAX_DEPTH) return '[deeper]';
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } = value;
  if (stringValue !== undefined) return textOf(stringValue);
  if (boolValue !== undefined) return boolValue === true;
  if (intValue !== undefined) {
    const number = Number(intValue);
    // JSON has no larger ones that all readers take alike.
    return Number.isSafeInteger(number) ? number : textOf(intValue);
  }
  if (doubleValue !== undefined)
    return typeof doubleValue === 'number' && Number.isFinite(doubleValue) ? doubleValue : `[${show(doubleValue)}]`;
  if (isTold(arrayValue))
    return listIn(arrayValue, 'values')
      .slice(0, MAX_ATTRIBUTES)
      .map((one) => valueOf(one, depth + 1));
  if (isTold(kvlistValue)) {
    const pairs = listIn(kvlistValue, 'values').slice(0, MAX_ATTRIBUTES);
    return Object.fromEntries(pairs.map((pair) => [textOf(pair['key']), valueOf(pair['value'], depth + 1)]));
  }
  return bytesValue === undefined ? null : textOf(bytesValue);
}

function listIn(told: Told, member: string): readonly Told[] {
  const list = told[member];
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list) || !list.every(isTold)) throw new NotOtlp(`expected ${member} to be a list of objects`);
  return list;
}

/** An id in lower case; undefined where there is none: all zeros stand for none too. */
function idOf(value: unknown): string | undefined {
  const id = typeof value === 'string' ? value.toLowerCase() : '';
  return /^[0-9a-f]+$/.test(id) && !/^0+$/.test(id) ? id : undefined;
}

function millisOf(nanos: unknown): EpochMillis {
  if (typeof nanos === 'number') return Math.round(nanos / 1000) / 1000;
  return typeof nanos === 'string' && /^\d{1,20}$/.test(nanos) ? Number(BigInt(nanos) / 1000n) / 1000 : 0;
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') return '';
  return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
}

function isTold(value: unknown): value is Told {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
