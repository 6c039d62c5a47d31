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
/** Names of attributes (CloudEvents 1.0 §3.2). */
const ATTRIBUTE = /^[a-z0-9]+$/;

/**
 * Reads an event that came by HTTP (CloudEvents 1.0, HTTP binding §3), in binary mode (`ce-` fields) or structured mode.
 *
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
  if (header('ce-specversion') === undefined) return undefined;
  const attributes: Record<string, unknown> = {};
  for (const name of names) {
    if (!name.startsWith('ce-')) continue;
    const attribute = name.slice('ce-'.length);
    if (!ATTRIBUTE.test(attribute)) continue;
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
