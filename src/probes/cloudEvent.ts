import { show } from '../errors.ts';
import { decode } from './exchange.ts';
import type { Sealed } from './signatures.ts';

/** An event as CloudEvents 1.0 writes it in structured mode, whatever mode it came in. */
export type CloudEvent = Readonly<Record<string, unknown>> & {
  readonly id: string;
  readonly source: string;
  readonly type: string;
};

/** What every event must have, each of them not empty (CloudEvents 1.0 §3.1). */
const REQUIRED = ['specversion', 'id', 'source', 'type'] as const;
/** Names of attributes (CloudEvents 1.0 §3, naming conventions). */
const ATTRIBUTE = /^[a-z0-9]+$/;
/** RFC 3339 §5.6. */
const TIME =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/;
const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+\s*(;.*)?$/;
/** What an optional attribute must be where it is there (CloudEvents 1.0 §3.1.2, §3.1.3). */
const OPTIONAL: Readonly<Record<string, readonly [test: (value: string) => boolean, expected: string]>> = {
  time: [(value) => TIME.test(value), 'a moment of RFC 3339'],
  subject: [(value) => value !== '', 'a text that is not empty'],
  dataschema: [(value) => URL.canParse(value), 'an absolute URI'],
  datacontenttype: [(value) => MEDIA_TYPE.test(value), 'a media type of RFC 2046'],
};
/** Members of structured mode that hold the data, and are no attributes (JSON format §3.1). */
const DATA: readonly string[] = ['data', 'data_base64'];

/**
 * Reads an event that came by HTTP (CloudEvents 1.0, HTTP binding §3), in binary mode (`ce-` fields) or structured mode.
 *
 * @param names of the header fields, in small letters, each as often as it came
 * @returns undefined where it is none; what is wrong with one that is broken
 */
export function cloudEventIn(
  { header, body }: Sealed,
  names: readonly string[],
): CloudEvent | { readonly wrong: string } | undefined {
  const type = mediaType(header('content-type'));
  if (type.startsWith('application/cloudevents-batch')) return { wrong: 'a batch of CloudEvents, which nobody asked for (§3.3)' };
  if (type.startsWith('application/cloudevents')) {
    const json = jsonOf(body);
    return typeof json === 'object' && json !== null && !Array.isArray(json)
      ? checked(json as Record<string, unknown>)
      : { wrong: 'a CloudEvent in structured mode whose body is no JSON object (§3.2)' };
  }
  const fields = names.filter((name) => name.startsWith('ce-'));
  // Any of them says that it is one; which are missing is told below.
  if (fields.length === 0) return undefined;
  const attributes: Record<string, unknown> = {};
  for (const name of fields) {
    const attribute = name.slice('ce-'.length);
    if (!ATTRIBUTE.test(attribute) || attribute === 'data')
      return { wrong: `a CloudEvent with ${name}, which names no attribute (§3)` };
    if (Object.hasOwn(attributes, attribute)) return { wrong: `a CloudEvent with ${name} more than once (§3)` };
    attributes[attribute] = unescaped(header(name) ?? '');
  }
  if ('datacontenttype' in attributes) return { wrong: 'ce-datacontenttype, which binary mode tells as Content-Type (§3.1.1)' };
  if (header('content-type') !== undefined) attributes['datacontenttype'] = header('content-type');
  return checked({ ...attributes, ...(body.byteLength === 0 ? {} : payload(body, type)) });
}

function checked(event: Record<string, unknown>): CloudEvent | { readonly wrong: string } {
  const missing = REQUIRED.filter((name) => typeof event[name] !== 'string' || event[name] === '');
  if (missing.length > 0) return { wrong: `a CloudEvent without ${missing.join(', ')} (§3.1)` };
  if (event['specversion'] !== '1.0') return { wrong: `a CloudEvent of another version: ${String(event['specversion'])}` };
  const odd = Object.keys(event).find((name) => !ATTRIBUTE.test(name) && !DATA.includes(name));
  if (odd !== undefined) return { wrong: `a CloudEvent with ${show(odd, 40)}, which names no attribute (§3)` };
  if (DATA.every((name) => event[name] !== undefined && event[name] !== null))
    return { wrong: 'a CloudEvent with both data and data_base64 (JSON format §3.1)' };
  for (const [name, [test, expected]] of Object.entries(OPTIONAL)) {
    const value = event[name];
    // JSON may tell by null that there is none (JSON format §2.2).
    if (value === undefined || value === null || (typeof value === 'string' && test(value))) continue;
    return { wrong: `a CloudEvent whose ${name} is ${show(value, 80)}: expected ${expected} (§3.1)` };
  }
  return event as CloudEvent;
}

function payload(body: Uint8Array, type: string): Record<string, unknown> {
  const json = type === '' || /[/+]json$/.test(type) ? jsonOf(body) : undefined;
  if (json !== undefined) return { data: json };
  const text = decode(body);
  return text === undefined ? { data_base64: Buffer.from(body).toString('base64') } : { data: text };
}

/** A media type without its parameters, in small letters. */
export function mediaType(value: string | undefined): string {
  return (value ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

/** A body as JSON; undefined where it is none. */
export function jsonOf(body: Uint8Array): unknown {
  const text = decode(body);
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

/** Header values are percent-encoded (§3.1.3.2). */
function unescaped(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
