import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventStream, type StreamedEvent } from '../../../src/probes/eventStream.ts';
import { SEED } from '../../setup/law.ts';

function read(
  chunks: readonly (string | Uint8Array)[],
  limit = 1_000,
): { events: StreamedEvent[]; stream: EventStream; fits: boolean } {
  const events: StreamedEvent[] = [];
  const stream = new EventStream((event) => void events.push(event), limit);
  const fits = chunks.every((chunk) => stream.push(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk));
  return { events, stream, fits };
}

const message = (data: string, more: Partial<StreamedEvent> = {}): StreamedEvent => ({
  type: 'message',
  data,
  id: undefined,
  ...more,
});

test.each(['event', 'id'])('an %s counts towards the size of its event', (field) => {
  expect(read([`${field}: ${'x'.repeat(200)}\n\ndata: 1\n\n`], 100).fits).toBe(false);
  expect(read([`${field}: ${'x'.repeat(60)}\n\n${field}: ${'x'.repeat(60)}\n\n`], 100).fits).toBe(true);
});

describe('an event stream (WHATWG HTML §9.2.6)', () => {
  test.each<[name: string, text: string, events: readonly StreamedEvent[]]>([
    ['data', 'data: a\n\n', [message('a')]],
    ['several lines of data', 'data: a\ndata\ndata:  b\n\n', [message('a\n\n b')]],
    ['a type, which holds for one event', 'event: x\ndata: 1\n\ndata: 2\n\n', [message('1', { type: 'x' }), message('2')]],
    ['an empty type', 'event:\ndata: 1\n\n', [message('1')]],
    ['an id', 'id: 7\ndata: 1\n\ndata: 2\n\n', [message('1', { id: '7' }), message('2')]],
    ['an id with NULL', 'id: 7\ndata: 1\nid: 8\0\n\n', [message('1', { id: '7' })]],
    ['CR, LF and CRLF', 'data: a\r\rdata: b\n\ndata: c\r\n\r\n', [message('a'), message('b'), message('c')]],
    ['comments and unknown fields', ': hello\nfoo: bar\n:\ndata: a\n\n', [message('a')]],
    ['a byte order mark', '\uFEFFdata: a\n\n', [message('a')]],
    ['a second one, which belongs to the field', '\uFEFFdata: a\n\n\uFEFFdata: b\n\n', [message('a')]],
    ['no data', 'event: x\nid: 3\n\n', []],
    ['empty data', 'data:\n\n', [message('')]],
    ['an event without its end', 'data: a\n\ndata: b\n', [message('a')]],
    ['a field without a colon', 'data\n\n', [message('')]],
    ['a field that only begins alike', 'data2: a\nDATA: b\n\n', []],
  ])('%s', (_name, text, events) => {
    expect(read([text]).events).toEqual(events);
  });

  test.each([
    ['retry: 250\n', 250],
    ['retry: 25x\n', undefined],
    ['retry: -1\n', undefined],
    ['retry:\n', undefined],
    ['retry: ٣\n', undefined],
  ])('%j asks to wait %s', (text, retry) => {
    expect(read([text]).stream.retry).toBe(retry);
  });

  test('what it had last is what came with an event that was whole', () => {
    expect(read(['id: 1\ndata: a\n\nid: 2\ndata: b\n']).stream.lastId).toBe('1');
    expect(read(['id: 1\n\n']).stream.lastId).toBe('1');
    expect(read(['id: 1\n\nid\n\n']).stream.lastId).toBe('');
  });

  test('however it is cut, it tells the same', () => {
    const text = '\uFEFFid: é1\r\ndata: ü\rdata: €\n\r\n: c\r\n\nevent: x\ndata: 𝄞\r\n\r\ndata\n\n';
    const bytes = new TextEncoder().encode(text);
    const whole = read([bytes]).events;
    expect(whole).toEqual([message('ü\n€', { id: 'é1' }), message('𝄞', { type: 'x' }), message('')]);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        expect(read(places.slice(1).map((end, i) => bytes.subarray(places[i], end))).events).toEqual(whole);
      }),
      { numRuns: 300, seed: SEED },
    );
  });

  test('what is too large is not read on, in one line or in many', () => {
    expect(read([`data: ${'x'.repeat(200)}`], 100).fits).toBe(false);
    expect(
      read(
        Array.from({ length: 60 }, () => 'data: x\n'),
        100,
      ).fits,
    ).toBe(false);
    expect(
      read(
        Array.from({ length: 60 }, () => 'data: x\n\n'),
        100,
      ).fits,
    ).toBe(true);
  });
});
