import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { demoApp, openTelemetry, serve, type Bug, type Telemetry } from 'holdfast/demo';
import { systemClock } from 'holdfast/time';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number };
}

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code: number };
}

interface Batch {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

/** A collector that takes OTLP/HTTP as JSON, and keeps what it is sent. */
let collector: Server;
let url = '';
let batches: Batch[] = [];
let paths: string[] = [];

beforeAll(async () => {
  collector = createServer((request, response) => {
    // A collector that hangs: the client is let go when it gives up.
    if (request.url === '/hang') return;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      paths.push(`${request.method} ${request.url} ${request.headers['content-type']}`);
      batches.push(JSON.parse(Buffer.concat(chunks).toString()) as Batch);
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => void collector.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
});
afterAll(() => new Promise<void>((resolve) => void collector.close(() => resolve())));
afterEach(() => {
  [batches, paths] = [[], []];
});

const valueOf = (attributes: readonly Attribute[], name: string): unknown => {
  const value = attributes.find(({ key }) => key === name)?.value;
  return value?.stringValue ?? value?.intValue;
};

/** Every span of the trace as `service name`, with its own id and its parent's. */
function received(): readonly (Span & { readonly service: unknown })[] {
  return batches
    .flatMap(({ resourceSpans }) => resourceSpans)
    .flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) =>
        spans.map((span) => ({ ...span, service: valueOf(resource.attributes, 'service.name') })),
      ),
    )
    .filter(({ traceId }) => traceId === TRACE);
}

/** The worker of this one tells a service of each report that it has made, as work of another kind might. */
const reporting: Bug = {
  name: 'reporting',
  family: 'tracing',
  story: '',
  plant: ({ store, fetch }) => ({
    store: {
      ...store,
      async finish(id, ...rest) {
        await fetch(`http://ticket.demo.test/tickets/${id}`, { method: 'DELETE' });
        return store.finish(id, ...rest);
      },
    },
  }),
};

async function order(address: string): Promise<void> {
  const headers = { traceparent: TRACEPARENT, tracestate: 'congo=t61rcWkgMzE' };
  const accepted = await fetch(`${address}/reports`, { method: 'POST', headers });
  const monitor = `${address}${accepted.headers.get('location')}`;
  for (let status = 'queued'; status !== 'succeeded'; await systemClock.sleep(10))
    ({ status } = (await (await fetch(monitor)).json()) as { status: string });
}

test('an order is one trace from its caller to the worker and the service that the worker calls', async () => {
  const app = demoApp({ work: '50ms', bugs: [reporting], telemetry: await openTelemetry({ url }) });
  const server = await serve(app);
  await order(server.url);
  await server.close();

  const spans = received();
  const find = (name: string): (typeof spans)[number] => spans.find((span) => span.name === name)!;
  const chain = ['POST /reports', 'send operations', 'process operations', 'DELETE', 'DELETE /tickets/{key}'].map(find);
  expect(spans).toHaveLength(chain.length);
  expect(chain.map(({ service, kind }) => [service, kind])).toEqual([
    // Kinds as OTLP counts them: server 2, client 3, producer 4, consumer 5.
    ['holdfast-demo', 2],
    ['holdfast-demo', 4],
    ['holdfast-demo', 5],
    ['holdfast-demo', 3],
    ['ticket', 2],
  ]);
  expect(chain.map(({ parentSpanId }) => parentSpanId)).toEqual([
    '00f067aa0ba902b7',
    ...chain.slice(0, -1).map(({ spanId }) => spanId),
  ]);
  for (const { traceState, startTimeUnixNano, endTimeUnixNano } of chain) {
    expect(traceState).toBe('congo=t61rcWkgMzE');
    expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
  }
  expect(valueOf(chain[0]!.attributes, 'http.response.status_code')).toBe(202);
  expect(valueOf(chain[2]!.attributes, 'holdfast.operation.status')).toBe('succeeded');
  expect(new Set(paths)).toEqual(new Set(['POST /v1/traces application/json']));
});

/** An address where nobody listens. */
async function nowhere(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  return `http://127.0.0.1:${port}`;
}

test.each([
  ['is not there', nowhere],
  ['never answers', async () => `${url}/hang`],
])('a collector that %s costs the spans and nothing else', async (_, address) => {
  const lost: Error[] = [];
  const telemetry: Telemetry = await openTelemetry({ url: await address(), onLost: (error) => void lost.push(error) });
  const server = await serve(demoApp({ work: '50ms', telemetry }));
  await order(server.url);
  expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
  const from = systemClock.now();
  await server.close();
  expect(systemClock.now() - from).toBeLessThan(5_000);
  expect(lost).toHaveLength(1);
});

const cli = join(import.meta.dirname, '../../../dist/cli/main.js');

test('holdfast demo --otlp --log json: spans are sent at its end, and what it did is told in lines', async () => {
  const child = spawn(
    process.execPath,
    [cli, 'demo', '--port', '0', '--json', '--work', '50ms', '--otlp', url, '--log', 'json'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
  const first = await new Promise<string>((resolve) => void createInterface({ input: child.stdout }).once('line', resolve));
  const { url: address } = JSON.parse(first) as { url: string };
  await order(address);
  const ended = new Promise((resolve) => void child.once('close', resolve));
  child.kill('SIGTERM');
  expect(await ended).toBe(0);

  expect(received().map(({ name }) => name)).toEqual(expect.arrayContaining(['POST /reports', 'process operations']));
  const told = lines.map((line) => JSON.parse(line) as { event: string; route?: string; traceId: string });
  expect(told.filter(({ traceId }) => traceId === TRACE).map(({ event, route }) => route ?? event)).toEqual([
    '/reports',
    'operation started',
    'operation ended',
  ]);
});

test('without --otlp nothing is sent, and no line is told', async () => {
  const child = spawn(process.execPath, [cli, 'demo', '--port', '0', '--json', '--work', '1ms'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const first = await new Promise<string>((resolve) => void createInterface({ input: child.stdout }).once('line', resolve));
  await order((JSON.parse(first) as { url: string }).url);
  const ended = new Promise((resolve) => void child.once('close', resolve));
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect([err, batches]).toEqual(['', []]);
});
