import type { Event } from '../../src/trace/index.ts';

/** A span as the receiver tells it, by its number and that of the one within which it was made. */
export function span(n: number, name: string, parent?: number): Event {
  const id = (of: number): string => of.toString(16).padStart(16, '0');
  const more = parent === undefined ? {} : { parentSpanId: id(parent) };
  const data = {
    traceId: 't'.repeat(32),
    spanId: id(n),
    ...more,
    name,
    kind: 'internal',
    startedAt: n,
    endedAt: n + 1,
    attributes: {},
  };
  return { kind: 'message', id: id(n), type: 'span', data };
}
