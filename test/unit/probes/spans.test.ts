import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { operation } from '../../../src/dialects/operation.ts';
import { spansOfProtobuf } from '../../../src/probes/otlp.ts';
import { fieldsOf, NotProtobuf } from '../../../src/probes/protobuf.ts';
import { spans, type Spans } from '../../../src/probes/index.ts';
import { closeSubject, openSources, subject } from '../../../src/watch/index.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

/** As exporters write it; `intValue` as text or number, ids in either case. */
const request = (span: object = {}): object => ({
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
      scopeSpans: [
        {
          scope: { name: 'x' },
          spans: [
            {
              traceId: TRACE.toUpperCase(),
              spanId: SPAN,
              name: 'POST /orders',
              kind: 2,
              startTimeUnixNano: '1764064800123456789',
              endTimeUnixNano: 1764064800200000000,
              unknown: { more: 1 },
              ...span,
            },
          ],
        },
      ],
    },
  ],
});

let receiver: Spans;
beforeEach(async () => {
  receiver = await spans();
});
afterEach(() => receiver.close());

const send = (
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
  path = '/v1/traces',
  method = 'POST',
): Promise<Response> =>
  fetch(`${receiver.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(method === 'GET' ? {} : { body }),
  });
const dataOf = (): readonly unknown[] => receiver.trace.observations.flatMap((o) => (o.kind === 'message' ? [o.data] : []));

describe('an export in JSON', () => {
  test('is told span by span, tied by its trace', async () => {
    const answer = await send(
      JSON.stringify(
        request({
          parentSpanId: 'aaaaaaaaaaaaaaaa',
          status: { code: 2, message: 'no' },
          attributes: [
            { key: 'n', value: { intValue: '7' } },
            { key: 'big', value: { intValue: '9223372036854775807' } },
            { key: 'list', value: { arrayValue: { values: [{ boolValue: true }, { doubleValue: 0.5 }] } } },
            { key: 'map', value: { kvlistValue: { values: [{ key: 'a', value: { stringValue: 'b' } }] } } },
            { key: 'none', value: {} },
          ],
          events: [
            {
              name: 'exception',
              timeUnixNano: '1764064800150000000',
              attributes: [{ key: 'exception.message', value: { stringValue: 'no' } }],
            },
          ],
        }),
      ),
    );
    expect([answer.status, await answer.text()]).toEqual([200, '{}']);
    const [seen] = receiver.trace.observations;
    expect(seen).toMatchObject({ source: 'spans', kind: 'message', type: 'span', id: SPAN, keys: [TRACE] });
    expect(dataOf()).toEqual([
      {
        traceId: TRACE,
        spanId: SPAN,
        parentSpanId: 'aaaaaaaaaaaaaaaa',
        name: 'POST /orders',
        kind: 'server',
        service: 'shop',
        status: 'error',
        message: 'no',
        startedAt: 1764064800123.456,
        endedAt: 1764064800200,
        attributes: { n: 7, big: '9223372036854775807', list: [true, 0.5], map: { a: 'b' }, none: null },
        events: [{ name: 'exception', at: 1764064800150, attributes: { 'exception.message': 'no' } }],
      },
    ]);
  });

  test('that comes again, as after a lost answer, is told once', async () => {
    for (let i = 0; i < 2; i++) await send(JSON.stringify(request()));
    await send(JSON.stringify(request({ spanId: 'bbbbbbbbbbbbbbbb' })));
    expect(dataOf()).toHaveLength(2);
  });

  test('may be packed', async () => {
    const packed = new Uint8Array(gzipSync(JSON.stringify(request())));
    expect((await send(packed, { 'content-encoding': 'gzip' })).status).toBe(200);
    expect(dataOf()).toHaveLength(1);
  });

  test('tells no secrets', async () => {
    const attribute = (key: string, stringValue: string): object => ({ key, value: { stringValue } });
    await send(
      JSON.stringify(
        request({
          attributes: [
            attribute('http.request.header.authorization', 's3cret'),
            attribute('rpc.request.metadata.authorization', 's3cret'),
            attribute('url.full', 'http://ann:s3cret@a.test/?token=s3cret'),
            attribute('url.query', 'a=1&token=s3cret'),
            attribute('note', 'fine'),
          ],
        }),
      ),
    );
    expect(receiver.trace.toJSONL()).not.toContain('s3cret');
    expect(dataOf()).toMatchObject([{ attributes: { 'url.query': 'a=1&token=[redacted]', note: 'fine' } }]);
  });

  test.each<[string, () => Promise<Response>, number]>([
    ['no JSON', () => send('{'), 400],
    ['no object', () => send('[]'), 400],
    ['no list', () => send('{"resourceSpans":{}}'), 400],
    ['no id', () => send(JSON.stringify(request({ spanId: '00' }))), 400],
    ['no gzip', () => send('{}', { 'content-encoding': 'gzip' }), 400],
    ['another packing', () => send('{}', { 'content-encoding': 'br' }), 415],
    ['another type', () => send('{}', { 'content-type': 'text/plain' }), 415],
    ['another method', () => send('', {}, '/v1/traces', 'GET'), 405],
    ['another place', () => send('{}', {}, '/traces'), 404],
    ['too much', () => send(new Uint8Array(gzipSync(Buffer.alloc(20 * 1024 * 1024, 32))), { 'content-encoding': 'gzip' }), 413],
    ['metrics, which are taken and not told', () => send('{"resourceMetrics":[]}', {}, '/v1/metrics'), 200],
    ['nothing', () => send('{}'), 200],
  ])('%s', async (_name, act, status) => {
    expect((await act()).status).toBe(status);
    expect(dataOf()).toEqual([]);
  });
});

/** Protobuf written by hand, as its encoding says. */
const varint = (n: bigint): number[] => (n < 0x80n ? [Number(n)] : [Number(n & 0x7fn) | 0x80, ...varint(n >> 7n)]);
const field = (number: number, type: number, ...bytes: number[]): number[] => [...varint(BigInt((number << 3) | type)), ...bytes];
const bytesField = (number: number, bytes: readonly number[]): number[] =>
  field(number, 2, ...varint(BigInt(bytes.length)), ...bytes);
const textField = (number: number, text: string): number[] => bytesField(number, [...new TextEncoder().encode(text)]);
const fixed64 = (number: number, n: bigint): number[] => field(number, 1, ...new Uint8Array(new BigUint64Array([n]).buffer));
const attribute = (key: string, ...value: number[]): number[] => [...textField(1, key), ...bytesField(2, value)];

describe('an export in protobuf', () => {
  const double = [...new Uint8Array(new Float64Array([0.5]).buffer)];
  const span = [
    ...bytesField(1, [...Buffer.from(TRACE, 'hex')]),
    ...bytesField(2, [...Buffer.from(SPAN, 'hex')]),
    ...textField(3, 'congo=1'),
    ...textField(5, 'POST /orders'),
    ...field(6, 0, 2),
    ...fixed64(7, 1764064800123456789n),
    ...fixed64(8, 1764064800200000000n),
    ...bytesField(9, attribute('text', ...textField(1, 'ü'))),
    ...bytesField(9, attribute('yes', ...field(2, 0, 1))),
    ...bytesField(9, attribute('minus', ...field(3, 0, ...varint(2n ** 64n - 7n)))),
    ...bytesField(9, attribute('half', ...field(4, 1, ...double))),
    ...bytesField(9, attribute('list', ...bytesField(5, bytesField(1, field(3, 0, 5))))),
    ...bytesField(9, attribute('bytes', ...bytesField(7, [255]))),
    ...bytesField(11, [...fixed64(1, 1764064800150000000n), ...textField(2, 'retry')]),
    ...bytesField(15, field(3, 0, 1)),
    // flags, and a field that nobody knows yet.
    ...field(16, 5, 1, 1, 0, 0),
    ...field(99, 0, 1),
  ];
  const wrapped = (inner: readonly number[]): number[] =>
    bytesField(1, [
      ...bytesField(1, bytesField(1, attribute('service.name', ...textField(1, 'shop')))),
      ...bytesField(2, bytesField(2, inner)),
    ]);

  test('is read as one in JSON', async () => {
    const answer = await send(new Uint8Array(wrapped(span)), { 'content-type': 'application/x-protobuf' });
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([200, 'application/x-protobuf', '']);
    expect(dataOf()).toEqual([
      {
        traceId: TRACE,
        spanId: SPAN,
        name: 'POST /orders',
        kind: 'server',
        service: 'shop',
        status: 'ok',
        startedAt: 1764064800123.456,
        endedAt: 1764064800200,
        attributes: { text: 'ü', yes: true, minus: -7, half: 0.5, list: [5], bytes: '/w==' },
        events: [{ name: 'retry', at: 1764064800150, attributes: {} }],
      },
    ]);
  });

  test('cut off anywhere it is refused or read in part, and nothing else', () => {
    const whole = new Uint8Array(wrapped(span));
    const cut = Array.from({ length: whole.length - 1 }, (_, i) => whole.subarray(0, i + 1));
    for (const part of cut) expect(() => spansOfProtobuf(part)).toThrow(/expected protobuf/);
  });

  test.each<[string, number[], RegExp]>([
    ['a length past the end', [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], /4294967295 bytes are told, and 0 are left/],
    ['a number without end', Array.from({ length: 12 }, () => 0xff), /more than 10 bytes/],
    ['field 0', [0x00, 0x00], /no field 0/],
    ['a group, which is long gone', [0x0b], /no wire type 3/],
  ])('%s is refused', (_name, bytes, message) => {
    expect(() => [...fieldsOf(new Uint8Array(bytes))]).toThrow(NotProtobuf);
    expect(() => spansOfProtobuf(new Uint8Array(bytes))).toThrow(message);
  });

  test('a number where a message should be, and values within values without end, are refused', () => {
    expect(() => spansOfProtobuf(new Uint8Array([0x08, 1]))).toThrow(/field 1 of ExportTraceServiceRequest is no message/);
    let value = textField(1, 'x');
    for (let depth = 0; depth < 100; depth++) value = bytesField(5, bytesField(1, value));
    const deep = wrapped([...span, ...bytesField(9, attribute('deep', ...value))]);
    expect(() => spansOfProtobuf(new Uint8Array(deep))).toThrow(/nested too deep/);
  });
});

describe('a receiver', () => {
  test('is refused where it cannot listen', async () => {
    const port = Number(new URL(receiver.url).port);
    await expect(spans({ port })).rejects.toMatchObject({ code: 'port-in-use' });
    await expect(spans({ host: '192.0.2.1' })).rejects.toMatchObject({ code: 'cannot-listen' });
    await expect(spans({ port: -1 })).rejects.toMatchObject({ code: 'invalid-port' });
  });

  test('takes keys of your own, and tells where they fail', async () => {
    const own = await spans({ name: 'collector', keys: ({ data }) => (data as { name: string }).name });
    const broken = await spans({ keys: () => 7 as never });
    for (const { url } of [own, broken])
      await fetch(`${url}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(request()),
      });
    expect(own.trace.observations).toMatchObject([{ source: 'collector', keys: ['POST /orders'] }]);
    expect(broken.trace.observations).toMatchObject([{ kind: 'error', message: expect.stringContaining('received 7') }]);
    await own.close();
    await broken.close();
    await broken.close();
    expect(broken.trace.observations.at(-1)).toMatchObject({ kind: 'end' });
  });
});

describe('traceparent', () => {
  const sent = async (options: object, start: object = {}): Promise<readonly (string | null)[]> => {
    const found: (string | null)[] = [];
    const op = operation(
      { url: 'http://a.test/orders', method: 'POST', ...start },
      {
        fetch: async (_url, init) => {
          found.push(new Headers(init.headers).get('traceparent'));
          return found.length === 1
            ? new Response(null, { status: 202, headers: { location: '/op/1' } })
            : Response.json({ status: 'succeeded' });
        },
        ...options,
      },
    );
    await op.result();
    return found;
  };
  const OWN = `00-${TRACE}-${SPAN}-01`;

  test('is sent with every request, and drawn from the seed', async () => {
    const [first, second, ...more] = await sent({ seed: '7' });
    expect(first).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect([second, more]).toEqual([first, []]);
    expect(await sent({ seed: '7' })).toEqual([first, first]);
    expect((await sent({ seed: '8' }))[0]).not.toBe(first);
    expect((await sent({ seed: '7' }, { url: 'http://a.test/others' }))[0]).not.toBe(first);
    expect((await sent({}))[0]).not.toBe((await sent({}))[0]);
  });

  test('of yours is used instead, and none is sent where you say so', async () => {
    expect(await sent({ headers: { traceparent: OWN } })).toEqual([OWN, OWN]);
    expect(await sent({}, { headers: { traceparent: OWN } })).toEqual([OWN, OWN]);
    expect(await sent({ traceparent: false })).toEqual([null, null]);
  });

  test('is put into what a function sends by the fetch it is given, but for one of its own', async () => {
    const found: (string | null)[] = [];
    const fetch = async (_url: string, init: RequestInit): Promise<Response> => {
      found.push(new Headers(init.headers).get('traceparent'));
      return Response.json({});
    };
    await operation((tools) => tools.fetch('http://a.test/', { method: 'POST' }), { fetch, seed: '1' }).accepted;
    await operation((tools) => tools.fetch('http://a.test/', { headers: { traceparent: OWN } }), { fetch, seed: '1' }).accepted;
    expect(found).toEqual([expect.stringMatching(/^00-/), OWN]);
    const fields: Headers[] = [];
    const request = new Request('http://a.test/', { headers: { 'x-own': '1' } });
    await operation((tools) => tools.fetch(request as never, {}), {
      fetch: async (_url, init) => {
        fields.push(new Headers(init.headers));
        return Response.json({});
      },
    }).accepted;
    expect([fields[0]?.get('x-own'), fields[0]?.has('traceparent')]).toEqual(['1', true]);
  });
});

test('more spans than are known by their ids are told, and that they are', async () => {
  const many = 100_000;
  const post = async (from: number, count: number): Promise<void> => {
    const own = Array.from({ length: count }, (_, n) => ({
      traceId: TRACE,
      spanId: (from + n + 1).toString(16).padStart(16, '0'),
      name: 'w',
    }));
    const { status } = await send(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: own }] }] }));
    expect(status).toBe(200);
  };
  for (let from = 0; from < many; from += 50_000) await post(from, 50_000);
  // Its own trace is full by now, and says so.
  expect(receiver.trace.header.bounds).toMatchObject([{ bound: 'observations', limit: many }]);
  const on = subject([receiver]);
  await openSources(on);
  await post(many - 1, 1);
  expect(on.trace.observations).toEqual([]);
  await post(many, 1);
  await closeSubject(on);
  expect(on.trace.observations.map((o) => (o.kind === 'note' ? o.text : o.kind))).toEqual([
    '100000 spans were known by their ids, and are forgotten: one that is exported again is told again',
    'message',
  ]);
});

test('an export that is too large, or breaks off, is told', async () => {
  await send(new Uint8Array(gzipSync(Buffer.alloc(20 * 1024 * 1024, 32))), { 'content-encoding': 'gzip' });
  const socket = connect(Number(new URL(receiver.url).port), '127.0.0.1');
  socket.write('POST /v1/traces HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{');
  const notes = (): readonly string[] => receiver.trace.observations.flatMap((o) => (o.kind === 'note' ? [o.text] : []));
  const told = new Promise<void>((resolve) => void receiver.trace.follow(() => resolve()));
  socket.end();
  await told;
  socket.destroy();
  expect(notes()).toEqual([
    'an export was refused: at most 16777216 bytes are taken',
    'an export was cut off within its body: its spans were not told',
  ]);
});
