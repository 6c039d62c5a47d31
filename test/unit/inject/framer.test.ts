import { connect, createServer as createTcpServer } from 'node:net';
import { createServer, get, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Framer, Malformed, MAX_CHUNK_LINE_BYTES, MAX_FIELDS, MAX_HEAD_BYTES } from '../../../src/inject/framer.ts';

interface Message {
  readonly start: string;
  readonly framing: string;
  readonly body: string;
  readonly trailer: readonly (readonly [string, string])[];
  isWhole: boolean;
}

/** What it makes of bytes that come in these pieces: the messages, and how it was refused. */
function read(
  role: 'request' | 'response',
  pieces: readonly Buffer[],
  method = 'GET',
): { messages: Message[]; refused: number | undefined } {
  const framer = new Framer(role);
  framer.method = method;
  const messages: Message[] = [];
  try {
    for (const piece of pieces) {
      framer.position = 0;
      for (let step = framer.step(piece); step !== 'more'; step = framer.step(piece)) {
        const last = messages.at(-1);
        if (step === 'head') {
          const { head } = framer;
          messages.push({
            start: head.raw.toString('latin1').split('\r\n', 1)[0]!,
            framing: head.framing,
            body: '',
            trailer: [],
            isWhole: false,
          });
        } else if (step === 'body')
          messages[messages.length - 1] = { ...last!, body: last!.body + (framer.payload?.toString('latin1') ?? '') };
        else messages[messages.length - 1] = { ...last!, trailer: framer.trailer, isWhole: true };
      }
    }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { messages, refused: error.status };
  }
  return { messages, refused: undefined };
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((n) => n % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [...places, bytes.length].map((end, i) => bytes.subarray(places[i - 1] ?? 0, end)).filter((piece) => piece.length > 0);
}

const token = fc.stringMatching(/^[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,12}$/);
const value = fc.stringMatching(/^[\x21-\x7e]([\x20-\x7e]{0,20}[\x21-\x7e])?$/);
const field = fc
  .tuple(token, value)
  .filter(
    ([name]) =>
      !/^(content-length|transfer-encoding|host|connection|upgrade|expect|proxy-connection|keep-alive|te|trailer)$/i.test(name),
  )
  .map(([name, text]) => `${name}: ${text}\r\n`);
const fields = fc.array(field, { maxLength: 4 }).map((all) => all.join(''));
const body = fc.string({ maxLength: 60, unit: 'binary-ascii' });
const chunked = fc
  .array(
    body.filter((text) => text !== ''),
    { maxLength: 4 },
  )
  .chain((chunks) =>
    fc.record({
      chunks: fc.constant(chunks),
      text: fc
        .tuple(fc.constantFrom('', ';a=b'), fields)
        .map(
          ([extension, trailer]) =>
            `${chunks.map((chunk) => `${chunk.length.toString(16)}${extension}\r\n${chunk}\r\n`).join('')}0\r\n${trailer}\r\n`,
        ),
    }),
  );
const framed = fc.oneof(
  fc.constant({ head: '', text: '', body: '' }),
  body.map((text) => ({ head: `Content-Length: ${text.length}\r\n`, text, body: text })),
  chunked.map(({ chunks, text }) => ({ head: 'Transfer-Encoding: chunked\r\n', text, body: chunks.join('') })),
);
const request = fc
  .record({ method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'), path: fc.webPath(), fields, framed })
  .map((one) => ({
    text: `${one.method} ${one.path === '' ? '/' : one.path} HTTP/1.1\r\nHost: a\r\n${one.fields}${one.framed.head}\r\n${one.framed.text}`,
    start: `${one.method} ${one.path === '' ? '/' : one.path} HTTP/1.1`,
    body: one.framed.body,
  }));

describe('messages are the same', () => {
  test('wherever the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(), { maxLength: 12 }), (requests, at) => {
        const bytes = Buffer.from(requests.map(({ text }) => text).join(''), 'latin1');
        const whole = read('request', [bytes]);
        expect(whole.refused).toBeUndefined();
        expect(whole.messages.map(({ start, body: text, isWhole }) => ({ start, text, isWhole }))).toEqual(
          requests.map(({ start, body: text }) => ({ start, text, isWhole: true })),
        );
        expect(read('request', cut(bytes, at))).toEqual(whole);
      }),
    );
  });

  test('byte by byte', () => {
    fc.assert(
      fc.property(request, ({ text }) => {
        const bytes = Buffer.from(text, 'latin1');
        expect(
          read(
            'request',
            [...bytes].map((byte) => Buffer.of(byte)),
          ),
        ).toEqual(read('request', [bytes]));
      }),
      { numRuns: 50 },
    );
  });

  test('and nothing is forwarded that was not looked at: position and head say where each byte belongs', () => {
    fc.assert(
      fc.property(request, fc.array(fc.nat(), { maxLength: 6 }), ({ text }, at) => {
        const bytes = Buffer.from(text, 'latin1');
        const framer = new Framer('request');
        const seen: Buffer[] = [];
        for (const piece of cut(bytes, at)) {
          framer.position = 0;
          let from = 0;
          for (let step = framer.step(piece); step !== 'more'; step = framer.step(piece)) {
            if (step !== 'head') continue;
            if (framer.headAt < 0) seen.push(framer.head.raw);
            from = framer.headAt < 0 ? framer.position : framer.headAt;
          }
          if ((framer.head as unknown) !== undefined) seen.push(piece.subarray(from, framer.position));
        }
        expect(Buffer.concat(seen)).toEqual(bytes);
      }),
    );
  });
});

const HEAD = 'POST / HTTP/1.1\r\nHost: a\r\n';

/** Each could be read in two ways, or is no HTTP/1.1; `node` tells where Node's own parser takes it, which is its matter. */
const SMUGGLING: readonly (readonly [name: string, text: string, status: number])[] = [
  ['a length and a coding', `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a coding and a length', `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`, 400],
  ['two lengths', `${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`, 400],
  ['the same length twice', `${HEAD}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`, 400],
  ['a list of lengths', `${HEAD}Content-Length: 5, 5\r\n\r\nhello`, 400],
  ['a length with a sign', `${HEAD}Content-Length: +5\r\n\r\nhello`, 400],
  ['a length below zero', `${HEAD}Content-Length: -5\r\n\r\nhello`, 400],
  ['a length in hexadecimal', `${HEAD}Content-Length: 0x5\r\n\r\nhello`, 400],
  ['a length past what can be counted', `${HEAD}Content-Length: 99999999999999999999\r\n\r\n`, 400],
  ['an empty length', `${HEAD}Content-Length: \r\n\r\n`, 400],
  ['a coding that is not chunked', `${HEAD}Transfer-Encoding: gzip\r\n\r\n`, 400],
  ['chunked, and then another', `${HEAD}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`, 400],
  ['another, and then chunked', `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
  ['chunked in two fields', `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['chunked with a tail', `${HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 400],
  ['a blank before the colon', `${HEAD}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a field that is folded', `${HEAD}X: a\r\n b\r\n\r\n`, 400],
  ['a first field that is folded', `POST / HTTP/1.1\r\n Host: a\r\n\r\n`, 400],
  ['a bare line feed after the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n', 400],
  ['a bare line feed after a field', `${HEAD}X: a\nContent-Length: 5\r\n\r\nhello`, 400],
  ['a bare carriage return in a field', `${HEAD}X: a\rContent-Length: 5\r\n\r\n`, 400],
  ['a null in a field', `${HEAD}X: a\0b\r\n\r\n`, 400],
  ['a name with a control character', `${HEAD}X\x01: a\r\n\r\n`, 400],
  ['a field without a name', `${HEAD}: a\r\n\r\n`, 400],
  ['a line that is no field', `${HEAD}X\r\n\r\n`, 400],
  ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
  ['a coding in HTTP/1.0', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  ['a version that is none', 'GET / HTTP/1.x\r\nHost: a\r\n\r\n', 400],
  ['HTTP/2 by prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
  ['HTTP/0.9', 'GET /\r\n\r\n', 400],
  ['two blanks in the request line', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a blank in the target', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', 501],
  ['a chunk without a size', `${HEAD}Transfer-Encoding: chunked\r\n\r\n\r\n`, 400],
  ['a size with 0x', `${HEAD}Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n`, 400],
  ['a size with a sign', `${HEAD}Transfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n`, 400],
  ['a size with a blank', `${HEAD}Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n`, 400],
  ['a size past what can be counted', `${HEAD}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na\r\n`, 400],
  ['a chunk that is longer than it said', `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n`, 400],
  ['a chunk size and a bare line feed', `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n`, 400],
  ['a chunk that ends by a bare line feed', `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n`, 400],
  ['an extension with a bare carriage return', `${HEAD}Transfer-Encoding: chunked\r\n\r\n1;a\rb\r\na\r\n0\r\n\r\n`, 400],
  ['a length in the trailer', `${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n`, 400],
  ['TLS', '\x16\x03\x01\x02\x00\x01', 400],
  ['a head without an end', `${HEAD}X: ${'a'.repeat(MAX_HEAD_BYTES)}`, 431],
  ['fields without an end', `${HEAD}${'X: a\r\n'.repeat(MAX_FIELDS + 1)}\r\n`, 431],
  ['an extension without an end', `${HEAD}Transfer-Encoding: chunked\r\n\r\n1;${'a'.repeat(MAX_CHUNK_LINE_BYTES)}`, 400],
  ['empty lines without an end', '\r\n'.repeat(10), 400],
];

describe('a request that could be read in two ways is refused', () => {
  test.each(SMUGGLING)('%s', (_, text, status) => {
    const bytes = Buffer.from(text, 'latin1');
    expect(read('request', [bytes]).refused).toBe(status);
    // Also when it comes in pieces; those in which nothing of the kind is found yet are none.
    const pieces = text.length > 1000 ? cut(bytes, [7, 500, 1500]) : [...bytes].map((byte) => Buffer.of(byte));
    expect(read('request', pieces).refused).toBe(status);
  });
});

describe('an answer', () => {
  test.each([
    ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 'length', 'ok'],
    ['no reason', 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok', 'length', 'ok'],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', 'chunked', 'ok'],
    ['neither', 'HTTP/1.1 200 OK\r\n\r\nok', 'close', 'ok'],
    ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok', 'close', 'ok'],
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n', 'none', ''],
    ['304 with a length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n', 'none', ''],
  ])('with %s', (_, text, framing, told) => {
    const { messages, refused } = read('response', [Buffer.from(text)]);
    expect(refused).toBeUndefined();
    expect(messages).toMatchObject([{ framing, body: told }]);
  });

  test('to HEAD has no body, and one to go on is followed by another', () => {
    expect(read('response', [Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n')], 'HEAD').messages).toMatchObject([
      { framing: 'none', isWhole: true },
    ]);
    const both = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na';
    expect(read('response', [Buffer.from(both)]).messages).toMatchObject([{ isWhole: true }, { body: 'a', isWhole: true }]);
  });

  test.each([
    ['a length and a coding', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['no status', 'HTTP/1.1 OK\r\n\r\n'],
    ['no HTTP', 'hello\r\n\r\n'],
    ['a folded field', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n'],
  ])('with %s is refused', (_, text) => {
    expect(read('response', [Buffer.from(text)]).refused).toBe(400);
  });
});

describe("beside Node's own parser", () => {
  /** How many requests the server has read to their end on a connection, with their bodies. */
  let port = 0;
  let asked: { readonly start: string; readonly body: string }[] = [];
  const server = createServer((incoming: IncomingMessage, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', () => undefined);
    incoming.on('end', () => {
      asked.push({
        start: `${incoming.method} ${incoming.url} HTTP/${incoming.httpVersion}`,
        body: Buffer.concat(chunks).toString('latin1'),
      });
      outgoing.end();
    });
  });
  server.on('clientError', (_, socket) => socket.destroy());
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
  });

  async function node(bytes: Buffer): Promise<typeof asked> {
    asked = [];
    const socket = connect({ port, host: '127.0.0.1' }).resume();
    socket.on('error', () => undefined);
    socket.end(bytes);
    if (!socket.closed) await once(socket, 'close');
    return asked;
  }

  test('what both take they frame alike', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 3 }), async (requests) => {
        const bytes = Buffer.from(requests.map(({ text }) => text).join(''), 'latin1');
        const ours = read('request', [bytes]).messages.filter(({ isWhole }) => isWhole);
        const theirs = await node(bytes);
        expect(ours.slice(0, theirs.length).map(({ start, body: text }) => ({ start, body: text }))).toEqual(theirs);
        expect(theirs.length).toBe(requests.length);
      }),
      { numRuns: 40 },
    );
  });

  test('of bytes that are damaged, Node reads no request that we read otherwise', async () => {
    const damage = fc.record({
      at: fc.nat(),
      by: fc.constantFrom('\r', '\n', ' ', '\t', ':', ',', '0', 'x', ';', '\0', '\x0b', '-'),
    });
    await fc.assert(
      fc.asyncProperty(request, damage, async ({ text }, { at, by }) => {
        const place = at % text.length;
        const bytes = Buffer.from(`${text.slice(0, place)}${by}${text.slice(place)}`, 'latin1');
        const { messages, refused } = read('request', [bytes]);
        const theirs = await node(bytes);
        // We may refuse what Node takes; what we let pass must be the same to both.
        const ours = messages.filter(({ isWhole }) => isWhole).map(({ start, body: told }) => ({ start, body: told }));
        const both = Math.min(ours.length, theirs.length);
        expect(ours.slice(0, both)).toEqual(theirs.slice(0, both));
        expect(refused === undefined && theirs.length > ours.length).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  test('a server of Node takes what we let pass of an answer, and the other way round', async () => {
    const texts = [
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nA: b\r\n\r\n',
      'HTTP/1.0 200 OK\r\n\r\nok',
    ];
    for (const text of texts) {
      const answering = createTcpServer((socket) => {
        socket.on('error', () => undefined).once('data', () => socket.end(text));
      });
      answering.listen(0, '127.0.0.1');
      await once(answering, 'listening');
      const asking = get({ port: (answering.address() as AddressInfo).port, host: '127.0.0.1', agent: false });
      const [incoming] = (await once(asking, 'response')) as [IncomingMessage];
      let told = '';
      for await (const chunk of incoming) told += String(chunk);
      expect(read('response', [Buffer.from(text)]).messages).toMatchObject([{ body: told }]);
      await new Promise((resolve) => void answering.close(resolve));
    }
  });
});
