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

/** Whether a request asks for a media type by its name; one that takes anything does not. */
export function asksFor(request: Request, type: string): boolean {
  const ranges = request.headers.get('accept')?.split(',') ?? [];
  return ranges.some((range) => {
    const [name = '', ...parameters] = range.toLowerCase().split(';');
    return name.trim() === type && !parameters.some((parameter) => /^\s*q=0(\.0*)?\s*$/.test(parameter));
  });
}
