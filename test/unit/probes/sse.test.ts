import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGzip } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { subject, watch } from '../../../src/index.ts';
import { eventually, formula, is, reach, succeed, type Claim, type Pattern } from '../../../src/logic/index.ts';
import { sse, type SseOptions } from '../../../src/probes/index.ts';
import { virtualClock, type VirtualClock } from '../../../src/time/index.ts';
import { closeSubject, type Subject } from '../../../src/watch/index.ts';

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
});

/** A server that does to each connection what the list says, the last for all that follow. */
async function serving(
  ...answers: ((request: IncomingMessage, response: ServerResponse) => unknown)[]
): Promise<{ url: string; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)];
    requests.push(request);
    answer?.(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push({
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`, requests };
}

function listening(url: string, options: SseOptions = {}): Subject {
  const watched = subject([sse(url, options)]);
  opened.push({ close: () => closeSubject(watched) });
  return watched;
}

const stream =
  (text: string, { end = true, headers = {} }: { end?: boolean; headers?: Record<string, string> } = {}) =>
  (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
    response.write(text);
    if (end) response.end();
  };
const seen = (pattern: Pattern): Claim => formula({ formula: eventually(is(pattern)) });
const told = ({ trace }: Subject): readonly string[] =>
  trace.observations.flatMap((o) =>
    o.kind === 'message'
      ? [`${o.id ?? '-'} ${JSON.stringify(o.data)}`]
      : o.kind === 'note'
        ? [`note: ${o.text}`]
        : o.kind === 'error'
          ? [`error: ${o.message.replace(/:\d+\//, '/')}`]
          : [],
  );

describe('a stream', () => {
  test('is asked for with what it takes, and told as messages and states', async () => {
    const { url, requests } = await serving(
      stream('event: operation\nid: 1\ndata: {"id":"op_1","status":"succeeded"}\n\n', { end: false }),
    );
    const watched = listening(url, { headers: { authorization: 'Bearer x' }, lastEventId: 'ü0' });
    expect(await watch(watched, succeed())).toMatchObject({ verdict: 'holds' });
    expect(watched.trace.observations).toMatchObject([
      { kind: 'message', source: 'sse', id: '1', type: 'operation', keys: ['op_1'] },
      { kind: 'state', state: 'succeeded', keys: ['op_1'] },
    ]);
    expect(requests[0]?.headers).toMatchObject({
      accept: 'text/event-stream',
      'accept-encoding': 'identity',
      authorization: 'Bearer x',
      'last-event-id': Buffer.from('ü0').toString('latin1'),
    });
  });

  test('that breaks is resumed from what was told last, after the time that it asked for', async () => {
    const { url, requests } = await serving(
      stream('retry: 5\nid: 1\ndata: 1\n\nid: 2\ndata: 2\n\nid: 3\ndata: cut off\n'),
      (_request, response) => response.destroy(),
      stream('id: 3\ndata: 3\n\ndata: [DONE]\n\n', { end: false }),
    );
    const watched = listening(url);
    expect((await watch(watched, seen({ data: '[DONE]' }))).verdict).toBe('holds');
    expect(requests.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '2', '2']);
    expect(told(watched)).toEqual([
      '1 1',
      '2 2',
      'note: sse ended in order after 2 events; it is opened again in 10ms, though it asks for 5 ms',
      expect.stringContaining('error: sse broke off: fetch failed'),
      'note: sse listens again',
      '3 3',
      '- "[DONE]"',
    ]);
  });

  test('is told of gaps and repetitions after it was resumed', async () => {
    const { url } = await serving(
      stream('retry: 1\nid: e7\ndata: 7\n\nid: e8\ndata: 8\n\n'),
      stream('id: e8\ndata: 8\n\nid: e9\ndata: 9\n\n'),
      stream('id: e12\ndata: 12\n\n', { end: false }),
    );
    const watched = listening(url);
    await watch(watched, seen({ id: 'e12' }));
    expect(told(watched)).toEqual([
      'e7 7',
      'e8 8',
      'note: sse ended in order after 2 events; it is opened again in 10ms, though it asks for 1 ms',
      'e8 8',
      'note: the event "e8" was told again after it was resumed from "e8"',
      'e9 9',
      'e12 12',
      'note: between 9 and 12 2 events are missing, lost while the stream was broken',
    ]);
  });

  test('with places of its own is held to them', async () => {
    const { url } = await serving(stream('data: {"n":1}\n\ndata: {"n":4}\n\ndata: {"n":3}\n\ndata: last\n\n', { end: false }));
    const watched = listening(url, { sequence: ({ data }) => (data as { n?: number }).n });
    await watch(watched, seen({ data: 'last' }));
    expect(told(watched).filter((text) => text.startsWith('error'))).toEqual([
      'error: between 1 and 4 2 events are missing',
      'error: the event at 3 was told after the one at 4',
    ]);
  });

  test('that is filtered has no gaps', async () => {
    const { url } = await serving(
      stream('retry: 1\nid: 3\ndata: 1\n\nid: 7\ndata: 1\n\n'),
      stream('id: 20\ndata: 2\n\n', { end: false }),
    );
    const watched = listening(url);
    await watch(watched, seen({ id: '20' }));
    expect(told(watched).filter((text) => !text.startsWith('note: sse ended'))).toEqual(['3 1', '7 1', '20 2']);
  });

  test('that is told again tells no state again: a stale one after the end turns nothing back', async () => {
    const { url } = await serving(
      stream('retry: 1\nid: 1\ndata: {"status":"running"}\n\nid: 2\ndata: {"status":"succeeded"}\n\n'),
      stream('id: 1\ndata: {"status":"running"}\n\nid: 3\ndata: last\n\n', { end: false }),
    );
    const watched = listening(url);
    await watch(watched, seen({ data: 'last' }));
    expect(watched.trace.observations.flatMap((o) => (o.kind === 'state' ? [o.state] : []))).toEqual(['running', 'succeeded']);
  });

  test('under an id that came with other data is news, which is noted once', async () => {
    const lines = ['running', 'succeeded', 'running'].map((status) => `id: 1\ndata: {"status":"${status}"}\n\n`);
    const { url } = await serving(stream(`${lines.join('')}data: last\n\n`, { end: false }));
    const watched = listening(url);
    await watch(watched, seen({ data: 'last' }));
    expect(watched.trace.observations.flatMap((o) => (o.kind === 'state' ? [o.state] : []))).toEqual(['running', 'succeeded']);
    expect(told(watched).filter((text) => text.startsWith('note'))).toEqual([
      'note: the id "1" came again with other data, which is taken for news',
      'note: the event "1" was told again',
    ]);
  });

  test('ends by 204, and by its end where it is not to come back', async () => {
    const { url, requests } = await serving(stream('retry: 1\ndata: 1\n\n'), (_request, response) =>
      response.writeHead(204).end(),
    );
    const watched = listening(url);
    expect(await watch(watched, reach({ state: 'x' }), { within: '10s' })).toMatchObject({ verdict: 'violated' });
    expect(watched.trace.observations.at(-1)).toMatchObject({ kind: 'end', reason: 'closed' });
    expect(requests).toHaveLength(2);
    const once = listening((await serving(stream('data: 1\n\n'))).url, { reconnect: false });
    await watch(once, reach({ state: 'x' }), { within: '10s' });
    expect(once.trace.observations.map(({ kind }) => kind)).toEqual(['message', 'end']);
  });

  test.each<[string, (request: IncomingMessage, response: ServerResponse) => unknown, string]>([
    [
      'of another type',
      (_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
      'the type "application/json"',
    ],
    ['that is not there', (_request, response) => response.writeHead(404).end('{}'), 'the status 404'],
  ])('%s is one that is not one, and the end', async (_name, answer, why) => {
    const watched = listening((await serving(answer)).url);
    const judgement = await watch(watched, succeed(), { within: '10s' });
    expect(judgement).toMatchObject({ verdict: 'undecided', decidedBy: 'broken' });
    expect(told(watched)).toEqual([
      `error: GET http://127.0.0.1/events is a stream that is not one: expected 200 with the type "text/event-stream", received ${why}`,
    ]);
  });

  test('that is busy is asked again when it wants to be', async () => {
    const { url, requests } = await serving(
      (_request, response) => response.writeHead(503, { 'retry-after': '0' }).end(),
      stream('data: 1\n\n', { end: false }),
    );
    const watched = listening(url);
    await watch(watched, seen({ data: 1 }));
    expect(requests).toHaveLength(2);
    expect(told(watched)[0]).toBe('error: GET http://127.0.0.1/events answered 503');
  });

  test('is followed to another origin without what was given for this one', async () => {
    const { url, requests } = await serving(stream('data: 1\n\n', { end: false }));
    const first = await serving((_request, response) => response.writeHead(307, { location: url }).end());
    const watched = listening(first.url, { headers: { 'x-api-key': 'secret', 'accept-language': 'en' } });
    await watch(watched, seen({ data: 1 }));
    expect(first.requests[0]?.headers['x-api-key']).toBe('secret');
    expect(requests[0]?.headers['x-api-key']).toBeUndefined();
    expect(requests[0]?.headers['accept-language']).toBe('en');
  });

  test('with an event that is too large ends', async () => {
    const watched = listening((await serving(stream(`data: ${'x'.repeat(200)}`, { end: false }))).url, {
      maxEventCharacters: 100,
    });
    expect((await watch(watched, succeed(), { within: '10s' })).decidedBy).toBe('broken');
    expect(told(watched)).toEqual(['error: sse told an event of more than 100 characters']);
  });

  test('that does not answer at first does not keep an operation from being started', async () => {
    const answer: { give?: () => void } = {};
    const { url } = await serving(
      (_request, response) => (answer.give = () => stream('data: 1\n\n', { end: false })(_request, response)),
    );
    const watched = listening(url);
    const judged = watch(watched, seen({ data: 1 }), { within: '10s' });
    await watch(watched, seen({ kind: 'note' }), { within: '10s' });
    answer.give?.();
    expect((await judged).verdict).toBe('holds');
    expect(told(watched)).toEqual(['note: sse has not answered in 1s; it is waited for', '1 1'.replace('1 ', '- ')]);
  });

  test('with states that cannot be read says so', async () => {
    const watched = listening((await serving(stream('data: 1\n\n', { end: false }))).url, { state: () => 7 as never });
    await watch(watched, seen({ kind: 'error' }));
    expect(told(watched).at(-1)).toContain('what it was told could not be read: state: expected');
  });
});

describe('a stream that falls silent (in virtual time)', () => {
  /** One connection after the other, each as the list says; a body that never ends is one that is silent. */
  function scripted(clock: VirtualClock, ...bodies: readonly (readonly [after: number, text: string][])[]) {
    const aborted: number[] = [];
    let connections = 0;
    const fetch = async (_url: string, init: RequestInit): Promise<Response> => {
      const steps = bodies[connections++] ?? [];
      const body = new ReadableStream<Uint8Array>({
        async start(controller) {
          init.signal?.addEventListener('abort', () => {
            aborted.push(clock.now());
            controller.error(new Error('aborted'));
          });
          for (const [after, text] of steps) {
            await clock.sleep(after);
            if (init.signal?.aborted !== true) controller.enqueue(new TextEncoder().encode(text));
          }
        },
      });
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    };
    return { fetch, aborted, connections: () => connections };
  }

  test('is told, and opened anew; comments are no silence', async () => {
    const clock = virtualClock();
    const { fetch, aborted, connections } = scripted(
      clock,
      [
        [0, 'data: 1\n\n'],
        [25_000, ': still here\n\n'],
        [25_000, ': still here\n\n'],
      ],
      [[10, 'data: 2\n\n']],
    );
    const watched = subject([sse('http://a.test/', { fetch, silence: '30s' })], { clock });
    const judgement = await clock.run(() => watch(watched, seen({ data: 2 }), { within: '2m' }));
    expect(judgement).toMatchObject({ verdict: 'holds', at: 81_010 });
    expect(told(watched)).toEqual(['- 1', 'error: sse has been silent for 30s', 'note: sse listens again', '- 2']);
    expect([aborted, connections()]).toEqual([[80_000], 2]);
    await clock.run(() => closeSubject(watched));
    expect(clock.pending.count).toBe(0);
  });

  test('does not wait longer and longer, and is told each time', async () => {
    const clock = virtualClock();
    const { fetch } = scripted(clock);
    const watched = subject([sse('http://a.test/', { fetch, silence: '10s' })], { clock });
    await clock.run(() => watch(watched, succeed(), { within: '35s' }));
    const each = ['error: sse has been silent for 10s', 'note: sse listens again'];
    expect(told(watched)).toEqual([...each, ...each, ...each]);
    await clock.run(() => closeSubject(watched));
    expect(clock.pending.count).toBe(0);
  });
});

describe('a stream that ends again and again (in virtual time)', () => {
  const streamed = (body: string | ReadableStream<Uint8Array>): Response =>
    new Response(body, { headers: { 'content-type': 'text/event-stream' } });

  test('with nothing told is asked less and less, whatever it asks for', async () => {
    const clock = virtualClock();
    let asked = 0;
    const fetch = async (): Promise<Response> => {
      asked++;
      await clock.sleep(1);
      return streamed('retry: 0\n\n');
    };
    const watched = subject([sse('http://a.test/', { fetch })], { clock });
    await clock.run(() => watch(watched, seen({ data: 2 }), { within: '900ms' }));
    expect(asked).toBeLessThan(10);
    expect(told(watched)).toEqual([
      'note: sse ended in order after 0 events; it is opened again in 10ms, though it asks for 0 ms',
    ]);
    await clock.run(() => closeSubject(watched));
    expect(clock.pending.count).toBe(0);
  });

  test('with something told is asked soon, but not without end, and its ends are counted', async () => {
    const clock = virtualClock();
    let asked = 0;
    const fetch = async (): Promise<Response> => {
      await clock.sleep(1);
      return streamed(`retry: 0\nid: ${++asked}\ndata: 1\n\n`);
    };
    const watched = subject([sse('http://a.test/', { fetch })], { clock });
    await clock.run(() => watch(watched, seen({ data: 2 }), { within: '900ms' }));
    expect(asked).toBeLessThanOrEqual(90);
    expect(asked).toBeGreaterThan(70);
    expect(told(watched).filter((text) => text.startsWith('note'))).toEqual([
      'note: sse ended in order after 1 event; it is opened again in 10ms, though it asks for 0 ms',
      'note: sse ended in order after 1 event, for the 10th time; it is opened again in 10ms, though it asks for 0 ms',
    ]);
    await clock.run(() => closeSubject(watched));
  });

  test.each<[string, () => Promise<Response>]>([
    ['never answers', () => new Promise(() => undefined)],
    ['never tells', async () => streamed(new ReadableStream())],
  ])('is closed though its fetch does not mind its signal, and it %s', async (_, fetch) => {
    const clock = virtualClock();
    const watched = subject([sse('http://a.test/', { fetch })], { clock });
    await clock.run(() => watch(watched, seen({ data: 2 }), { within: '2s' }));
    await clock.run(() => closeSubject(watched));
    expect(watched.trace.observations.filter(({ kind }) => kind === 'error')).toEqual([]);
    expect(clock.pending.count).toBe(0);
  });
});

describe('an id that HTTP cannot carry', () => {
  test('is not sent, so that the stream is resumed all the same, and this is noted', async () => {
    const { url, requests } = await serving(
      stream('retry: 10\nid: a\u0001b\ndata: 1\n\n'),
      stream('data: 2\n\n'),
      stream('data: 3\n\n', { end: false }),
    );
    const watched = listening(url);
    expect((await watch(watched, seen({ data: 3 }))).verdict).toBe('holds');
    expect(requests.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, undefined, undefined]);
    expect(told(watched).filter((text) => text.includes('Last-Event-ID'))).toEqual([
      'note: the id "a\\u0001b" cannot be sent as Last-Event-ID (RFC 9110 §5.5): it is resumed without one',
    ]);
  });

  test.each(['a\nb', 'a\0b', 7 as never])('is refused at once where the caller gives it: %j', (lastEventId) => {
    expect(() => sse('http://a.test/', { lastEventId })).toThrow(/^lastEventId: expected a text that a header field can carry/);
  });
});

test('a stream that gzip holds back is told as such', async () => {
  const { url } = await serving((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
    response.flushHeaders();
    const gzip = createGzip();
    gzip.pipe(response);
    // What is written is held back until there is more of it.
    gzip.write('data: 1\n\n');
  });
  const watched = listening(url, { silence: '100ms' });
  await watch(watched, seen({ kind: 'error' }), { within: '10s' });
  expect(told(watched)).toEqual([
    'note: sse is compressed (gzip) though it was asked not to be: events may be held back',
    'error: sse has been silent for 100ms; it is compressed (gzip), which may hold events back',
  ]);
});

test.each<[string, SseOptions, string]>([
  ['no address', {}, 'invalid-url'],
  ['http://a.test', { silence: 'x' as never }, 'invalid-duration'],
  ['http://a.test', { maxEventCharacters: 0 }, 'invalid-option'],
  ['http://a.test', { sequence: 7 as never }, 'not-a-function'],
  ['http://a.test', { headers: { 'a b': 'c' } }, 'invalid-headers'],
])('%s with %j is refused', (url, options, code) => {
  expect(() => sse(url, options)).toThrow(expect.objectContaining({ code }) as Error);
});
