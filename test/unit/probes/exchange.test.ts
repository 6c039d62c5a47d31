import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  addressIn,
  ask,
  bodyOf,
  MAX_READ_BYTES,
  nameOf,
  prepare,
  problemOf,
  readAnswer,
  resolved,
  sendable,
  statusLine,
  withoutSecrets,
  type Answer,
} from '../../../src/probes/exchange.ts';
import { MAX_BODY_BYTES, REDACTED, type Event } from '../../../src/trace/index.ts';
import { lost, responseOf, type Reply } from './world.ts';

async function read(reply: Reply): Promise<{ answer: Answer; events: Event[] }> {
  const events: Event[] = [];
  const answer = await readAnswer(responseOf(reply), 'GET', 'http://api.test/op', 'x', (event) => events.push(event));
  return { answer, events };
}

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(new TextEncoder().encode(text));

/** A body without an end, which counts what was taken of it, and whether it was given up. */
function endless(chunk = 1024 * 1024): { body: ReadableStream<Uint8Array>; chunks: () => number; cancelled: () => boolean } {
  let chunks = 0;
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      chunks++;
      controller.enqueue(new Uint8Array(chunk).fill(97));
    },
    cancel() {
      cancelled = true;
    },
  });
  return { body, chunks: () => chunks, cancelled: () => cancelled };
}

describe('a body', () => {
  test.each<[string, Reply, unknown, string | undefined]>([
    ['none', { status: 204 }, undefined, undefined],
    ['an empty one', { body: '' }, undefined, undefined],
    ['JSON', { json: { a: 1 } }, { a: 1 }, '{"a":1}'],
    ['JSON of a list', { json: [1] }, [1], '[1]'],
    ['JSON null', { body: 'null', headers: { 'content-type': 'application/json' } }, null, 'null'],
    [
      'a problem',
      { body: '{"title":"x"}', headers: { 'content-type': 'application/problem+json' } },
      { title: 'x' },
      '{"title":"x"}',
    ],
    ['JSON with a parameter', { body: '1', headers: { 'content-type': 'Application/JSON; charset=utf-8' } }, 1, '1'],
    ['JSON under no type', { body: utf8('{"a":1}') }, { a: 1 }, '{"a":1}'],
    ['an object under a wrong type', { body: ' {"a":1}', headers: { 'content-type': 'text/html' } }, { a: 1 }, ' {"a":1}'],
    ['a text that looks like a number', { body: '12', headers: { 'content-type': 'text/plain' } }, undefined, '12'],
    ['broken JSON', { body: '{"a":', headers: { 'content-type': 'application/json' } }, undefined, '{"a":'],
    ['a page', { body: '<p>{</p>', headers: { 'content-type': 'text/html' } }, undefined, '<p>{</p>'],
    ['a byte order mark', { body: utf8('\uFEFF{"a":1}'), headers: { 'content-type': 'application/json' } }, { a: 1 }, '{"a":1}'],
    [
      'invalid UTF-8',
      { body: new Uint8Array([0x7b, 0xff, 0x7d]), headers: { 'content-type': 'application/json' } },
      undefined,
      undefined,
    ],
  ])('%s', async (_, reply, json, text) => {
    const { answer } = await read(reply);
    expect({ json: answer.json, text: answer.text }).toEqual({ json, text });
  });

  test('a member named __proto__ stays a member', async () => {
    const { answer } = await read({ body: '{"__proto__":{"status":"succeeded"}}' });
    expect((answer.json as Record<string, unknown>)['status']).toBeUndefined();
    expect(({} as Record<string, unknown>)['status']).toBeUndefined();
  });

  test('as JSON where it is JSON, null included', () => {
    expect(bodyOf({ json: null, text: 'null' })).toBeNull();
    expect(bodyOf({ json: undefined, text: 'ready' })).toBe('ready');
    expect(bodyOf({ json: undefined, text: undefined })).toBeUndefined();
  });

  test('a long one is kept in part, cut between two characters, and read whole', async () => {
    const long = `${'a'.repeat(MAX_BODY_BYTES - 1)}ü!`;
    const { answer, events } = await read({ body: long });
    expect(answer.text).toBe(long);
    expect(events).toMatchObject([{ kind: 'response', truncated: true, body: 'a'.repeat(MAX_BODY_BYTES - 1) }]);
  });

  test('bytes that are no text are kept as base64', async () => {
    const { events } = await read({ body: new Uint8Array([0xff, 0x00]) });
    expect(events).toMatchObject([{ body: { base64: '/wA=' } }]);
  });

  test.each([
    ['that tells no length', {}],
    ['that tells a wrong length', { 'content-length': '12' }],
  ])('without an end %s is read up to a bound, given up, and told as an answer', async (_, headers) => {
    const { body, chunks, cancelled } = endless();
    const events: Event[] = [];
    const reading = readAnswer(new Response(body, { headers }), 'GET', 'http://api.test/op', 'x', (event) => events.push(event));
    await expect(reading).rejects.toThrow(/GET http:\/\/api\.test\/op answered 200 with a body of more than 8388608 bytes/);
    expect(chunks()).toBeLessThanOrEqual(MAX_READ_BYTES / (1024 * 1024) + 2);
    expect(cancelled()).toBe(true);
    expect(events).toMatchObject([{ kind: 'response', status: 200, truncated: true }]);
  });

  test('without an end that somebody else reads too is given up without waiting for them', async () => {
    const theirs = new Response(endless().body);
    await expect(readAnswer(theirs.clone(), 'GET', '', 'x', () => undefined)).rejects.toThrow('a body of more than');
    expect(theirs.bodyUsed).toBe(false);
    await theirs.body?.cancel();
  });

  test('of just the bound is read', async () => {
    const { answer } = await read({ body: new Uint8Array(MAX_READ_BYTES).fill(97) });
    expect(answer.text).toHaveLength(MAX_READ_BYTES);
  });
});

describe('a request', () => {
  const told = async (fetch: () => Promise<Response>, headers = {}): Promise<{ events: Event[]; error: unknown }> => {
    const events: Event[] = [];
    const request = prepare('POST', 'http://api.test/op?sig=s3cret', new Headers(headers), '{"a":1}');
    const error: unknown = await ask(fetch, request, 'x', (event) => events.push(event)).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return { events, error };
  };

  test('is recorded with its answer, without secrets', async () => {
    const { events } = await told(async () => responseOf({ headers: { 'set-cookie': 'a=s3cret' } }), { Authorization: 's3cret' });
    expect(events).toEqual([
      {
        kind: 'request',
        exchange: 'x',
        method: 'POST',
        url: `http://api.test/op?sig=${REDACTED}`,
        headers: [['authorization', REDACTED]],
        body: '{"a":1}',
      },
      { kind: 'response', exchange: 'x', status: 200, headers: [['set-cookie', REDACTED]] },
    ]);
  });

  test.each<[string, unknown, string]>([
    ['refused', lost('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1'), 'refused'],
    ['reset', lost('ECONNRESET', 'read ECONNRESET'), 'reset'],
    ['closed', lost('UND_ERR_SOCKET', 'other side closed'), 'reset'],
    ['too slow', lost('UND_ERR_HEADERS_TIMEOUT', 'Headers Timeout Error'), 'timeout'],
    ['timed out', new DOMException('late', 'TimeoutError'), 'timeout'],
    ['aborted', new DOMException('gone', 'AbortError'), 'aborted'],
    ['to a name that is none', lost('ENOTFOUND', 'getaddrinfo ENOTFOUND x'), 'ENOTFOUND'],
    ['that fails otherwise', new Error('odd'), 'failed'],
    ['that throws no error', undefined, 'failed'],
  ])('%s has no answer, and throws on', async (_, thrown, reason) => {
    const { events, error } = await told(async () => {
      throw thrown as Error;
    });
    expect(events.at(-1)).toMatchObject({ kind: 'no-response', exchange: 'x', reason });
    expect(error).toBe(thrown);
  });

  test('a connection that is lost within the body has no answer', async () => {
    const { events, error } = await told(async () => {
      const cut = lost('UND_ERR_SOCKET', 'other side closed');
      return new Response(new ReadableStream({ start: (controller) => controller.error(cut) }));
    });
    expect(events.map(({ kind }) => kind)).toEqual(['request', 'no-response']);
    expect(error).toMatchObject({ message: 'fetch failed' });
  });

  test('an error that names an address loses its secrets, and keeps its name', async () => {
    const inner = new Error('no way to http://ann:s3cret@api.test/op');
    const outer = new TypeError('GET https://api.test/op?sig=s3cret failed', { cause: inner });
    inner.cause = outer;
    const { events, error } = await told(() => Promise.reject(outer));
    expect(JSON.stringify(events)).not.toContain('s3cret');
    expect(error).toMatchObject({
      name: 'TypeError',
      message: `GET https://api.test/op?sig=${REDACTED} failed`,
      cause: { message: 'no way to http://api.test/op' },
    });
  });

  test('does not follow redirects, and its fields are the request’s own', async () => {
    const inits: RequestInit[] = [];
    const request = prepare('GET', 'http://api.test/op', new Headers({ a: '1' }));
    const fetch = async (_url: string, init: RequestInit): Promise<Response> => {
      inits.push({ ...init, headers: { ...(init.headers as object) } });
      (init.headers as Record<string, string>)['b'] = '2';
      return responseOf({ status: 302, headers: { location: '/there' } });
    };
    for (const id of ['1', '2']) expect((await ask(fetch, request, id, () => undefined)).status).toBe(302);
    expect(inits).toEqual([{ method: 'GET', headers: { a: '1' }, redirect: 'manual' }, inits[0]]);
  });
});

describe('in words', () => {
  const answer = (reply: Partial<Answer>): Answer => ({
    method: 'GET',
    url: 'http://api.test/op?sig=s3cret',
    status: 503,
    statusText: '',
    headers: new Headers(),
    text: undefined,
    json: undefined,
    ...reply,
  });

  test('an exchange is named by method and address', () => {
    expect(nameOf(answer({}))).toBe('GET http://api.test/op?sig=[redacted]');
    expect(nameOf(answer({ method: '', url: '' }))).toBe('the start');
  });

  test.each<[Partial<Answer>, string]>([
    [{}, '503 Service Unavailable'],
    [{ statusText: 'Down' }, '503 Down'],
    [{ status: 599 }, '599'],
    [{ json: { title: 'Locked' } }, '503 Service Unavailable (Locked)'],
    [{ json: { title: 'Service Unavailable' } }, '503 Service Unavailable'],
    [{ statusText: 'x'.repeat(5000) }, `503 ${'x'.repeat(500)}…`],
  ])('%j is told as %s', (reply, told) => {
    expect(statusLine(answer(reply))).toBe(told);
  });

  test.each<[unknown, string | undefined, string | undefined]>([
    [{ title: 'Locked', detail: 'by a job' }, undefined, 'Locked: by a job'],
    [{ detail: 'by a job' }, undefined, 'by a job'],
    [{ message: 'no' }, undefined, 'no'],
    [{ error: 'no' }, undefined, 'no'],
    [{ error: { message: 'no' } }, undefined, 'no'],
    [{ error: { code: 1 } }, '{}', undefined],
    [{ title: 1, message: null }, '{}', undefined],
    [[], '[]', undefined],
    [null, 'null', 'null'],
    [undefined, ' down\nfor now', 'down'],
    [undefined, '<html>', undefined],
    [undefined, '', undefined],
    [undefined, undefined, undefined],
    [{ title: 'x'.repeat(9_000_000) }, undefined, `${'x'.repeat(500)}…`],
    [undefined, 'x'.repeat(9_000_000), 'x'.repeat(200)],
  ])('the problem of an error body', (json, text, told) => {
    expect(problemOf({ json, text })).toBe(told);
  });

  test('addresses within a text lose their secrets', () => {
    expect(withoutSecrets('"https://a:b@x.test/p?sig=1", then <http://y.test/?token=2> and plain text')).toBe(
      '"https://x.test/p?sig=[redacted]", then <http://y.test/?token=[redacted]> and plain text',
    );
  });

  test('an empty address is none', () => {
    expect(addressIn(answer({ headers: new Headers({ location: '' }) }), 'location')).toBeUndefined();
    expect(addressIn(answer({ headers: new Headers({ location: '/op' }) }), 'location')).toBe('/op');
    expect(addressIn(answer({}), 'location')).toBeUndefined();
  });
});

test.each([
  ['/op/1', 'http://api.test/reports', 'http://api.test/op/1'],
  ['op/1?a=b#c', 'http://api.test/v1/reports', 'http://api.test/v1/op/1?a=b'],
  ['//other.test/op', 'https://api.test/', 'https://other.test/op'],
  ['https://ann:pw@other.test/op', 'http://api.test/', 'https://other.test/op'],
  ['../op', 'http://api.test/v1/reports/', 'http://api.test/v1/op'],
  ['/op', '', undefined],
  ['http://api.test/op', '', 'http://api.test/op'],
  ['javascript:alert(1)', 'http://api.test/', undefined],
  ['ftp://api.test/', 'http://api.test/', undefined],
  ['http://[', 'http://api.test/', undefined],
])('%j against %j is %j', (reference, base, url) => {
  expect(resolved(reference, base)).toBe(url);
});

test('to another origin goes only what is harmless', () => {
  const fields = new Headers({ authorization: 'a', cookie: 'b', 'x-tenant': 'c', 'x-auth-token': 'd', accept: 'e', prefer: 'f' });
  const home = 'https://api.test';
  expect(sendable(fields, 'https://api.test/op', [home]).withheld).toEqual([]);
  expect([...sendable(fields, 'https://api.test/op', [home]).headers]).toEqual([...fields]);
  for (const url of ['http://api.test/op', 'https://api.test:8443/op', 'https://evil.test/', 'https://api.test.evil.test/']) {
    const { headers, withheld } = sendable(fields, url, [home]);
    expect(Object.fromEntries(headers)).toEqual({ accept: 'e', prefer: 'f' });
    expect(withheld).toEqual(['authorization', 'cookie', 'x-auth-token', 'x-tenant']);
  }
});

test('a compressed body is bounded by what it unpacks to', async () => {
  const packed = gzipSync(new Uint8Array(MAX_READ_BYTES + 1));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const headers = { 'content-encoding': 'gzip', 'content-length': String(packed.length) };
  const response = new Response(unpacked, { headers });
  await expect(readAnswer(response, 'GET', 'http://api.test/', 'x', () => undefined)).rejects.toThrow('a body of more than');
});
