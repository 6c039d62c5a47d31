import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { operation } from '../../../src/dialects/operation.ts';
import { check, honourRetryAfter, stopPollingAfterTheEnd } from '../../../src/logic/index.ts';
import { exchanges, type ExchangesOptions } from '../../../src/probes/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { MAX_BODY_BYTES, type Event, type Observation } from '../../../src/trace/index.ts';
import { subject, watch } from '../../../src/watch/index.ts';

const URL = 'http://api.test/operations/1';

/** What was seen, without moments and header fields. */
const told = (all: readonly Observation[]): readonly unknown[] =>
  all.map((o) => {
    const { at: _at, seq: _seq, source: _source, ...rest } = o as Observation & { headers?: unknown };
    const { headers: _headers, ...event } = rest;
    return event;
  });

describe('a recording fetch', () => {
  test('records what its client sends and is answered, and changes neither', async () => {
    const sent: unknown[] = [];
    const seen = exchanges({
      fetch: (input, init) => {
        sent.push([input, init]);
        return Promise.resolve(Response.json({ id: 7 }, { status: 201 }));
      },
    });
    const init = { method: 'POST', body: '{"rows":1}', headers: { authorization: 'Bearer s3cret', 'X-One': '1' } };
    const response = await seen.fetch(`${URL}?token=abc`, init);
    expect(await response.json()).toEqual({ id: 7 });
    expect(sent).toEqual([[`${URL}?token=abc`, init]]);
    expect(seen.trace.observations).toMatchObject([
      {
        source: 'exchanges',
        kind: 'request',
        exchange: 'exchanges/0',
        method: 'POST',
        url: `${URL}?token=[redacted]`,
        headers: [
          ['authorization', '[redacted]'],
          ['x-one', '1'],
        ],
        body: '{"rows":1}',
      },
      { kind: 'response', exchange: 'exchanges/0', status: 201, body: '{"id":7}' },
    ]);
    await seen.close();
    expect(seen.trace.toJSONL()).not.toMatch(/s3cret|abc/);
  });

  test.each<[string, Parameters<ReturnType<typeof exchanges>['fetch']>, object]>([
    ['a URL', [new globalThis.URL(URL)], { method: 'GET', url: URL }],
    ['a Request', [new Request(URL, { method: 'PUT', body: 'x' })], { method: 'PUT', body: 'x' }],
    ['a Request with another method', [new Request(URL), { method: 'delete' }], { method: 'DELETE' }],
    ['parameters', [URL, { method: 'POST', body: new URLSearchParams({ a: '1' }) }], { body: 'a=1' }],
    ['bytes', [URL, { method: 'POST', body: new Uint8Array([0xff]) }], { body: { base64: '/w==' } }],
    ['a form, whose body is only told to be there', [URL, { method: 'POST', body: new FormData() }], { truncated: true }],
  ])('takes %s', async (_name, args, request) => {
    const seen = exchanges({ fetch: () => Promise.resolve(new Response(null, { status: 204 })) });
    await seen.fetch(...args);
    expect(seen.trace.observations).toMatchObject([
      { kind: 'request', ...request },
      { kind: 'response', status: 204 },
    ]);
    expect(seen.trace.observations[1]).not.toHaveProperty('body');
  });

  test.each([
    ['AbortError', {}, 'aborted'],
    ['TimeoutError', {}, 'timeout'],
    ['TypeError', { cause: Object.assign(new Error('no'), { code: 'ECONNREFUSED' }) }, 'refused'],
  ])('records a %s as no response, and passes it on', async (name, options, reason) => {
    const failure = Object.assign(new Error('it failed', options), { name });
    const seen = exchanges({ fetch: () => Promise.reject(failure) });
    await expect(seen.fetch(URL)).rejects.toBe(failure);
    expect(seen.trace.observations).toMatchObject([{ kind: 'request' }, { kind: 'no-response', reason }]);
  });

  test('leaves what cannot be sent to the client’s own fetch', async () => {
    const seen = exchanges();
    await expect(seen.fetch('http://')).rejects.toThrow(TypeError);
    expect(seen.trace.observations).toEqual([]);
  });

  test('keeps no more of a body than is kept of any, and its client gets all of it', async () => {
    const long = 'x'.repeat(3 * MAX_BODY_BYTES);
    const seen = exchanges({ fetch: () => Promise.resolve(new Response(long)) });
    const text = await (await seen.fetch(URL)).text();
    expect(text.length).toBe(long.length);
    expect(seen.trace.observations.at(-1)).toMatchObject({ kind: 'response', truncated: true, body: 'x'.repeat(MAX_BODY_BYTES) });
  });

  test('tells a stream when it begins, and another answer at the latest when its client asks again', async () => {
    const endless = (type: string): Response =>
      new Response(new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('{"status":')) }), {
        headers: { 'content-type': type },
      });
    const answers = [endless('text/event-stream'), endless('application/json')];
    const seen = exchanges({ fetch: () => Promise.resolve(answers.shift() ?? new Response(null)) });
    await seen.fetch(`${URL}/events`);
    expect(told(seen.trace.observations).at(-1)).toEqual({
      kind: 'response',
      exchange: 'exchanges/0',
      status: 200,
      truncated: true,
    });
    const { body } = await seen.fetch(URL);
    const reader = body!.getReader();
    await reader.read();
    expect(seen.trace.observations.map(({ kind }) => kind)).toEqual(['request', 'response', 'request']);
    await seen.fetch(URL);
    expect(told(seen.trace.observations).slice(3)).toMatchObject([
      { kind: 'response', exchange: 'exchanges/1', body: '{"status":', truncated: true },
      { kind: 'request', exchange: 'exchanges/2' },
      { kind: 'response', exchange: 'exchanges/2' },
    ]);
    await reader.cancel();
  });

  test('passes an answer on as it came', async () => {
    const original = await fetch('data:text/plain,hello');
    const { status, headers, url, type, redirected } = original;
    const seen = exchanges({ fetch: () => Promise.resolve(original) });
    const passed = await seen.fetch(URL);
    expect(passed).toBeInstanceOf(Response);
    expect([passed.status, passed.url, passed.type, passed.redirected]).toEqual([status, url, type, redirected]);
    expect([...passed.headers]).toEqual([...headers]);
    const reader = passed.body!.getReader({ mode: 'byob' });
    const { value } = await reader.read(new Uint8Array(3));
    expect(new TextDecoder().decode(value)).toBe('hel');
    await reader.cancel();
  });

  test('a client that gives a body up gives up the whole', async () => {
    const cancelled: unknown[] = [];
    const body = new ReadableStream({ cancel: (reason) => void cancelled.push(reason) });
    const seen = exchanges({ fetch: () => Promise.resolve(new Response(body)) });
    const response = await seen.fetch(URL);
    await response.body!.cancel('enough');
    expect(cancelled).toEqual(['enough']);
    expect(told(seen.trace.observations).at(-1)).toMatchObject({ kind: 'response', truncated: true });
  });

  test('reads no more ahead than it keeps', async () => {
    let read = 0;
    const body = new ReadableStream({
      pull: (controller) => {
        read += 16_384;
        controller.enqueue(new Uint8Array(16_384));
      },
    });
    const seen = exchanges({ fetch: () => Promise.resolve(new Response(body)) });
    const response = await seen.fetch(URL);
    for (let turn = 0; turn < 1000; turn++) await Promise.resolve();
    expect(read).toBeGreaterThanOrEqual(MAX_BODY_BYTES);
    expect(read).toBeLessThanOrEqual(MAX_BODY_BYTES + 2 * 16_384);
    await response.body!.cancel();
  });

  test('an answer that breaks off is none', async () => {
    let fail: (error: Error) => void = () => undefined;
    const body = new ReadableStream({ start: (controller) => void (fail = (error) => controller.error(error)) });
    const seen = exchanges({ fetch: () => Promise.resolve(new Response(body)) });
    const response = await seen.fetch(URL);
    fail(Object.assign(new Error('terminated'), { code: 'UND_ERR_SOCKET' }));
    await expect(response.text()).rejects.toThrow('terminated');
    expect(seen.trace.observations).toMatchObject([{ kind: 'request' }, { kind: 'no-response', reason: 'reset' }]);
  });
});

describe('whose exchange it is', () => {
  const answering = (): Promise<Response> => Promise.resolve(new Response(null));

  test('is told by the tap', async () => {
    const seen = exchanges({ fetch: answering });
    await seen.as('a', 'b').fetch(URL);
    expect(seen.trace.observations.map(({ keys }) => keys)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  test('is told by the request, but never by a secret', async () => {
    const seen = exchanges({
      fetch: answering,
      keys: ({ headers }) => [headers.get('x-client') ?? '', headers.get('authorization')?.split(' ')[1] ?? ''],
    });
    for (const token of ['s1', 's2', 's1'])
      await seen.fetch(URL, { headers: { 'x-client': 'ann', authorization: `Bearer ${token}` } });
    expect(seen.trace.observations.filter(({ kind }) => kind === 'request').map(({ keys }) => keys)).toEqual([
      ['ann', 'authorization 1'],
      ['ann', 'authorization 2'],
      ['ann', 'authorization 1'],
    ]);
    expect(seen.trace.toJSONL()).not.toMatch(/s1|s2/);
  });

  test('one client’s wait is not another’s', async () => {
    const clock = virtualClock();
    const seen = exchanges({ clock, fetch: () => Promise.resolve(new Response(null, { headers: { 'retry-after': '2' } })) });
    await clock.run(async () => {
      await seen.as('a').fetch(URL);
      await seen.as('b').fetch(URL);
      await clock.sleep(2000);
      await seen.as('a').fetch(URL);
    });
    await seen.close();
    expect(check(seen.trace, honourRetryAfter())).toMatchObject({ verdict: 'holds', reason: { times: 1 } });
  });

  test.each<[ExchangesOptions, RegExp]>([
    [{ fetch: 'x' as never }, /exchanges: expected fetch to be a function, received "x"/],
    [{ keys: 7 as never }, /exchanges: expected keys to be a function, received 7/],
  ])('refuses %j', (options, message) => {
    expect(() => exchanges(options)).toThrow(message);
  });

  test('refuses keys that are none', async () => {
    const seen = exchanges({ fetch: answering, keys: () => 7 as never });
    await expect(seen.fetch(URL)).rejects.toThrow(/keys: expected a text, a list of texts or nothing for a request, received 7/);
  });
});

describe('a tap on a handler', () => {
  test('records what it is asked and what it answers', async () => {
    const seen = exchanges();
    const handler = seen.handler(async (request) => new Response(`got ${await request.text()}`, { status: 202 }));
    const response = await handler(new Request(URL, { method: 'POST', body: 'rows' }));
    expect(await response.text()).toBe('got rows');
    expect(told(seen.trace.observations)).toEqual([
      { kind: 'request', exchange: 'exchanges/0', method: 'POST', url: URL, body: 'rows' },
      { kind: 'response', exchange: 'exchanges/0', status: 202, body: 'got rows' },
    ]);
  });

  test('records that its client hung up, once', async () => {
    const seen = exchanges();
    const controller = new AbortController();
    const handler = seen.handler(() => {
      controller.abort();
      return new Response('late');
    });
    const answer = await handler(new Request(URL, { signal: controller.signal }));
    expect(await answer.text()).toBe('late');
    expect(told(seen.trace.observations)).toMatchObject([{ kind: 'request' }, { kind: 'no-response', reason: 'aborted' }]);
  });

  test('records that it threw, and throws it', async () => {
    const seen = exchanges();
    const handler = seen.handler(() => {
      throw new RangeError('broken');
    });
    await expect(handler(new Request(URL))).rejects.toThrow('broken');
    expect(seen.trace.observations.at(-1)).toMatchObject({ kind: 'no-response', message: 'broken' });
  });
});

describe('a tap on a listener', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    }
  });
  const listening = async (listener: Parameters<typeof createServer>[1]): Promise<string> => {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  test('records requests and answers, with the fields that Node adds', async () => {
    const seen = exchanges();
    const url = await listening(
      seen.listener((request, response) => {
        request.resume().on('end', () => {
          response.writeHead(202, { 'retry-after': '2', 'set-cookie': 'id=s3cret' });
          response.write('{"status":');
          response.end('"running"}');
        });
      }),
    );
    const answer = await fetch(`${url}/operations?token=t0ken`, {
      method: 'POST',
      body: 'rows',
      headers: { 'x-api-key': 'k3y' },
    });
    expect(await answer.text()).toBe('{"status":"running"}');
    expect(seen.trace.observations).toMatchObject([
      { kind: 'request', method: 'POST', url: `${url}/operations?token=[redacted]`, truncated: true },
      { kind: 'response', status: 202, body: '{"status":"running"}' },
    ]);
    const [request, response] = seen.trace.observations as (Observation & { headers: [string, string][] })[];
    expect(request!.headers).toContainEqual(['x-api-key', '[redacted]']);
    expect(response!.headers).toContainEqual(['retry-after', '2']);
    expect(response!.headers).toContainEqual(['set-cookie', '[redacted]']);
    expect(response!.headers.find(([name]) => name === 'date')?.[1]).toBe(answer.headers.get('date'));
    expect(seen.trace.toJSONL()).not.toMatch(/s3cret|t0ken|k3y/);
  });

  test('records a client that hangs up', async () => {
    const seen = exchanges();
    const recorded = new Promise<Event>(
      (resolve) => void seen.trace.follow((o) => void (o.kind === 'no-response' && resolve(o))),
    );
    const url = await listening(seen.listener(() => request.destroy()));
    const request = httpRequest(url).on('error', () => undefined);
    request.end();
    expect(await recorded).toMatchObject({ kind: 'no-response', exchange: 'exchanges/0', reason: 'aborted' });
  });

  test('records a stream when it begins', async () => {
    const seen = exchanges();
    const url = await listening(
      seen.listener((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: 1\n\n');
      }),
    );
    const controller = new AbortController();
    await fetch(url, { signal: controller.signal });
    expect(told(seen.trace.observations)).toMatchObject([
      { kind: 'request' },
      { kind: 'response', status: 200, truncated: true },
    ]);
    controller.abort();
  });
});

describe('as a subject and as a source', () => {
  test('is watched by itself, and ends when it is closed', async () => {
    const clock = virtualClock();
    const states = ['running', 'succeeded'];
    const seen = exchanges({ clock, fetch: () => Promise.resolve(Response.json({ status: states.shift() ?? 'succeeded' })) });
    const judgement = await clock.run(async () => {
      const waiting = watch(seen, stopPollingAfterTheEnd(), { within: '1m' });
      for (let i = 0; i < 2; i++) {
        await seen.fetch(URL);
        await clock.sleep(100);
      }
      await seen.close();
      return waiting;
    });
    expect(judgement).toMatchObject({ verdict: 'holds', decidedBy: 'observation', at: 200 });
    expect(seen.trace.observations.at(-1)).toMatchObject({ kind: 'end', reason: 'closed' });
    expect(seen.trace.observations.filter(({ kind }) => kind === 'end')).toHaveLength(1);
  });

  test('records nothing more once it is closed, and still sends', async () => {
    const seen = exchanges({ fetch: () => Promise.resolve(new Response('x')) });
    await using closing = seen;
    await closing.close();
    await closing.close();
    expect(await (await seen.fetch(URL)).text()).toBe('x');
    expect(seen.trace.observations).toMatchObject([{ kind: 'end' }]);
  });

  test('tells an operation what its own client did', async () => {
    const clock = virtualClock();
    const seen = exchanges({ clock, name: 'client', fetch: () => Promise.resolve(Response.json({ status: 'succeeded' })) });
    const op = operation(
      { url: 'http://api.test/reports', method: 'POST' },
      {
        clock,
        also: [seen],
        fetch: () => Promise.resolve(new Response(null, { status: 202, headers: { location: '/operations/1' } })),
      },
    );
    await op.accepted;
    await (await seen.as('/operations/1').fetch(URL)).text();
    expect(op.trace.of(URL).filter(({ source }) => source === 'client')).toHaveLength(2);
    const other = subject([seen], { clock });
    expect(other.sources).toEqual([seen]);
    await seen.close();
  });
});
