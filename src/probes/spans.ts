import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { show } from '../errors.ts';
import { systemClock, type Clock } from '../time/clock.ts';
import { tell, type Channel, type ChannelOptions } from './channel.ts';
import { authority, listen, LOOPBACK } from './listen.ts';
import { NotOtlp, spansOfJson, spansOfProtobuf, type Span } from './otlp.ts';
import { Recording } from './recording.ts';

/** How many bytes of one export are read, unpacked. */
const MAX_EXPORT_BYTES: number = 16 * 1024 * 1024;
/** How many spans are known by their id, so that one that is exported again is told once. */
const MAX_KNOWN_SPANS = 100_000;
/** Where exporters send traces (OTLP/HTTP 1.x). */
const TRACES_PATH = '/v1/traces';
/** What they may send beside it: it is taken, as a collector would, and not told. */
const OTHER_PATHS: readonly string[] = ['/v1/metrics', '/v1/logs', '/v1development/profiles'];

export interface SpansOptions extends Omit<ChannelOptions, 'state'> {
  /** A free one by default. */
  readonly port?: number | undefined;
  /** Loopback by default: whoever reaches it may tell spans. */
  readonly host?: string | undefined;
  readonly clock?: Clock | undefined;
}

/** A receiver of spans that listens. */
export interface Spans extends Channel {
  readonly name: string;
  /** What exporters are told, as in `OTEL_EXPORTER_OTLP_ENDPOINT`; `/v1/traces` is where they send. */
  readonly url: string;
}

/**
 * Sees what happened inside a flow of services: a receiver of OTLP/HTTP on loopback, to which their OpenTelemetry exporters send.
 *
 * Each span becomes a `message` of type `span`, with the span as its data and its trace id as its key: `operation(start, { also:
 * [spans] })` sends `traceparent` with all its requests and takes the spans of its own trace alone. Both encodings are read, JSON and
 * protobuf, packed by gzip or not. A span that is exported again, as after a lost answer, is told once.
 *
 * A span is told when its service exports it, which may be seconds after it has ended: by the batch, most of them.
 *
 * @throws HarnessError `port-in-use`, `cannot-listen`, `invalid-port`
 *
 * @example
 * ```ts
 * import { watch } from 'holdfast';
 * import { haveSpan } from 'holdfast/logic';
 * import { spans } from 'holdfast/probes';
 * const collector = await spans();
 * const span = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', name: 'POST /orders', kind: 2 };
 * await fetch(`${collector.url}/v1/traces`, {
 *   method: 'POST',
 *   headers: { 'content-type': 'application/json' },
 *   body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }),
 * });
 * (await watch(collector, haveSpan({ name: 'POST /orders' }))).verdict; // => 'holds'
 * await collector.close();
 * ```
 */
export async function spans(options: SpansOptions = {}): Promise<Spans> {
  const { port = 0, host = LOOPBACK } = options;
  const { createServer } = await import('node:http');
  const server = createServer();
  const taken = await listen(server, port, host, 'spans');
  return new Receiver(server, `http://${authority(host, taken)}`, options);
}

class Receiver extends Recording implements Spans {
  readonly url: string;
  readonly #server: Server;
  readonly #options: SpansOptions;
  readonly #known = new Set<string>();

  constructor(server: Server, url: string, options: SpansOptions) {
    super(options.name ?? 'spans', options.clock ?? systemClock);
    this.#server = server;
    this.#options = options;
    this.url = url;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#take(request, response).catch(() => {
        this.record({ kind: 'note', text: 'an export was cut off within its body: its spans were not told' });
        response.destroy();
      });
    });
  }

  override async close(): Promise<void> {
    await super.close();
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    // Exporters keep their connections.
    this.#server.closeAllConnections();
    await closed;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0]!;
    const type = (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
    const isProtobuf = type === 'application/x-protobuf';
    /** An answer is in the form of its request; the body of protobuf that says "all was taken" is empty. */
    const answer = (status: number, said: string): void => {
      const body = status === 200 ? (isProtobuf ? '' : '{}') : said;
      const told = status === 200 ? (isProtobuf ? type : 'application/json') : 'text/plain';
      response.writeHead(status, { 'content-type': told }).end(body);
    };
    if (path !== TRACES_PATH && !OTHER_PATHS.includes(path)) {
      request.resume();
      return answer(404, `traces are taken at ${TRACES_PATH}`);
    }
    if (request.method !== 'POST') return answer(405, 'spans are sent by POST');
    if (!isProtobuf && type !== 'application/json')
      return answer(415, 'expected application/json or application/x-protobuf (OTLP/HTTP)');
    const read = await bodyOf(request);
    if (typeof read === 'number') {
      const why = read === 413 ? `at most ${MAX_EXPORT_BYTES} bytes are taken` : 'the body cannot be unpacked';
      this.record({ kind: 'note', text: `an export was refused: ${why}` });
      return answer(read, why);
    }
    if (path === TRACES_PATH) {
      let all: readonly Span[];
      try {
        all = isProtobuf ? spansOfProtobuf(read) : spansOfJson(new TextDecoder().decode(read));
      } catch (error) {
        if (!(error instanceof NotOtlp)) throw error;
        this.record({ kind: 'note', text: `an export was refused: ${error.message}` });
        return answer(400, error.message);
      }
      for (const span of all) this.#tell(span);
    }
    answer(200, '');
  }

  #tell(span: Span): void {
    const id = `${span.traceId} ${span.spanId}`;
    if (this.#known.has(id)) return;
    if (this.#known.size >= MAX_KNOWN_SPANS) {
      this.#known.clear();
      const text = `${MAX_KNOWN_SPANS} spans were known by their ids, and are forgotten: one that is exported again is told again`;
      this.record({ kind: 'note', text });
    }
    this.#known.add(id);
    const keys = this.#options.keys ?? (() => span.traceId);
    try {
      tell(this.record, { kind: 'message', id: span.spanId, type: 'span', data: span }, { keys, state: false });
    } catch (error) {
      // What the caller's own function throws is no fault of the exporter's.
      this.record({ kind: 'error', message: `keys: ${error instanceof Error ? error.message : show(error)}` });
    }
  }
}

/** The body, unpacked; or the status that refuses it. */
async function bodyOf(request: IncomingMessage): Promise<Uint8Array | number> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_EXPORT_BYTES) return 413;
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return bytes;
  if (encoding !== 'gzip') return 415;
  const { gunzip } = await import('node:zlib');
  return new Promise((resolve) => {
    gunzip(bytes, { maxOutputLength: MAX_EXPORT_BYTES }, (error, unpacked) => {
      resolve(error === null ? unpacked : error instanceof RangeError ? 413 : 400);
    });
  });
}
