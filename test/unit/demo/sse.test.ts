import { expect, test } from 'vitest';
import { asksFor, EVENT_STREAM } from '../../../src/demo/sse.ts';

test.each([
  [undefined, false],
  ['*/*', false],
  ['text/*', false],
  ['text/event-stream', true],
  ['Text/Event-Stream; charset=utf-8', true],
  ['text/event-stream, */*', true],
  ['text/event-stream;q=0', false],
  ['text/event-stream;q=0.000', false],
  ['text/event-stream;q=soon', false],
  ['application/json', false],
  ['application/json, text/event-stream', false],
  ['text/event-stream, application/json', false],
  ['application/json;q=0.5, text/event-stream', true],
  ['application/json, text/event-stream;q=0.9', false],
])('Accept: %s asks for a stream: %s', (accept, wanted) => {
  const request = new Request('http://demo.test/', accept === undefined ? {} : { headers: { accept } });
  expect(asksFor(request, EVENT_STREAM)).toBe(wanted);
});
