/** The media type of Server-Sent Events. */
export const EVENT_STREAM = 'text/event-stream';

/** One message of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export interface Message {
  /** By this a client that comes back says what it has. */
  readonly id: string;
  readonly event: string;
  readonly data: object;
}

/** How a message is written; JSON has no line breaks, so its data is one line. */
export function frame({ id, event, data }: Message): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** A comment: what lies between sees that the connection is alive, and clients skip it. */
export const HEARTBEAT = ': still here\n\n';

/**
 * Whether a request asks for a media type by its name (RFC 9110 §12.5.1); one that takes anything does not, nor does one that takes
 * JSON, which this server answers with, as gladly.
 */
export function asksFor(request: Request, type: string): boolean {
  const ranges = new Map<string, number>();
  for (const range of request.headers.get('accept')?.toLowerCase().split(',') ?? []) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim());
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
    ranges.set(name, /^[01](\.\d{0,3})?$/.test(quality) ? Number(quality) : 0);
  }
  const wish = ranges.get(type) ?? 0;
  return wish > (ranges.get('application/json') ?? 0);
}
