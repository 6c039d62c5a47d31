import { createRequire } from 'node:module';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { operation, watch, type Operation } from 'holdfast';
import { demoApp, openTelemetry, serve, type Bug, type DemoApp, type Served } from 'holdfast/demo';
import { haveSpan, noErrorSpans, spansInOrder, type Judgement } from 'holdfast/logic';
import { spans, type Spans } from 'holdfast/probes';
import { expect as expectThat } from 'holdfast/vitest';

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

let collector: Spans;
const servers: Served[] = [];
beforeEach(async () => {
  collector = await spans();
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  await collector.close();
});

/** The demo with the real SDK and its exporter, pointed at our receiver. */
async function demo(bugs: NonNullable<Parameters<typeof demoApp>[0]>['bugs'] = [], more: object = {}): Promise<string> {
  const app: DemoApp = demoApp({ work: '50ms', bugs, telemetry: await openTelemetry({ url: collector.url }), ...more });
  const server = await serve(app);
  servers.push(server);
  return server.url;
}

const order = (url: string, options: object = {}): Operation =>
  operation({ url: `${url}/reports`, method: 'POST' }, { also: [collector], ...options });

test('a test sees what an operation did in the queue, the worker and the service that it calls', async () => {
  const op = order(await demo([reporting]));
  await expectThat(op).toEventuallyHaveSpan({
    name: 'process operations',
    kind: 'consumer',
    service: 'holdfast-demo',
    attributes: { 'holdfast.operation.status': 'succeeded' },
  });
  await expectThat(op).toEventuallyHaveSpan({ name: 'DELETE /tickets/*', service: 'ticket', kind: 'server' });
  await expectThat(op).toHaveSpansInOrder([
    'POST /reports',
    'send operations',
    'process operations',
    'DELETE',
    'DELETE /tickets/*',
  ]);
  const nested = await watch(
    op,
    spansInOrder({ spans: ['POST /reports', 'process operations', 'DELETE /tickets/*'], nested: true }),
  );
  expect(nested.verdict).toBe('holds');
  const span = op.trace.observations.find((o) => o.kind === 'message' && o.type === 'span');
  expect(span).toMatchObject({ source: 'spans', data: { service: 'holdfast-demo' } });
});

test('what the SDK writes in protobuf is read like what it writes in JSON', async () => {
  const { TracerProvider } = await import('@opentelemetry/sdk-trace');
  const ended: unknown[] = [];
  const provider = new TracerProvider({
    spanProcessors: [
      {
        onStart: () => undefined,
        onEnd: (span) => void ended.push(span),
        shutdown: async () => undefined,
        forceFlush: async () => undefined,
      },
    ],
  });
  const tracer = provider.getTracer('holdfast');
  const span = tracer.startSpan('charge', { kind: 2, attributes: { amount: -7, rate: 0.5, tags: ['a', 'b'], paid: true } });
  span.addEvent('retry', { attempt: 2 });
  span.setStatus({ code: 2, message: 'refused' }).end();
  // The exporter brings its serialisers along.
  const transformer = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/exporter-trace-otlp-http'))(
    '@opentelemetry/otlp-transformer',
  ) as Record<'JsonTraceSerializer' | 'ProtobufTraceSerializer', { serializeRequest(spans: unknown): Uint8Array<ArrayBuffer> }>;
  const told: unknown[] = [];
  for (const [type, serializer] of [
    ['application/json', transformer.JsonTraceSerializer],
    ['application/x-protobuf', transformer.ProtobufTraceSerializer],
  ] as const) {
    await using receiver = await spans();
    const body = serializer.serializeRequest(ended);
    const answer = await fetch(`${receiver.url}/v1/traces`, { method: 'POST', headers: { 'content-type': type }, body });
    expect(answer.status).toBe(200);
    const [o] = receiver.trace.observations;
    told.push(o?.kind === 'message' ? o.data : o);
  }
  expect(told[1]).toEqual(told[0]);
  expect(told[1]).toMatchObject({
    name: 'charge',
    kind: 'client',
    status: 'error',
    message: 'refused',
    traceId: span.spanContext().traceId,
    attributes: { amount: -7, rate: 0.5, tags: ['a', 'b'], paid: true },
    events: [{ name: 'retry', attributes: { attempt: 2 } }],
  });
});

test('broken-trace: what the queue leads to is in another trace', async () => {
  const op = order(await demo(['broken-trace']));
  await expectThat(op).toEventuallyHaveSpan({ name: 'POST /reports' });
  // It is exported, but not in the trace of the operation.
  await expectThat(collector).toEventuallyHaveSpan({ name: 'process operations' });
  const judgement = await watch(op, haveSpan({ name: 'process operations' }), { within: '1s' });
  expect(judgement).toMatchObject({ verdict: 'violated', decidedBy: 'deadline', reason: { code: 'no-span' } });
  expect(judgement.reason['others']).toMatchObject({ count: expect.any(Number) });
  await expect(expectThat(op).toEventuallyHaveSpan({ name: 'process operations' }, { within: 200 })).rejects.toThrow(
    /expected POST \S+ to eventually have a span 'process operations' within 200ms, but none was: seen were [^]*'POST \/reports' of holdfast-demo/,
  );
});

interface Booking {
  readonly flight: string;
  readonly card: string;
}

async function ann(url: string): Promise<(booking: Booking) => Operation> {
  const login = await fetch(`${url}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"user":"ann","password":"ann-demo"}',
  });
  const { token } = (await login.json()) as { token: string };
  const headers = { authorization: `Bearer ${token}` };
  return (booking) =>
    operation(
      { url: `${url}/bookings`, method: 'POST', headers, body: { ...booking, passenger: 'Ada Lovelace' } },
      { also: [collector], dialect: 'sync' },
    );
}

test('leaked-trace: of two bookings at a time one calls its services in the trace of the other', async () => {
  const seats = async (bugs: readonly string[]): Promise<readonly Judgement[]> => {
    const book = await ann(await demo([...bugs]));
    const both = ['HF123', 'HF124'].map((flight) => book({ flight, card: '4242424242424242' }));
    return Promise.all(both.map((op) => watch(op, haveSpan({ service: 'seat', kind: 'server', count: 1 }), { within: '3s' })));
  };
  expect((await seats([])).map(({ verdict }) => verdict)).toEqual(['holds', 'holds']);
  expect((await seats(['leaked-trace'])).map(({ verdict }) => verdict)).toContain('violated');
});

test('an error inside is seen', async () => {
  const book = await ann(await demo());
  const fine = book({ flight: 'HF123', card: '4242424242424242' });
  const refused = book({ flight: 'HF123', card: '4000000000000002' });
  const told = await Promise.all([fine, refused].map((op) => watch(op, noErrorSpans(), { within: '3s' })));
  expect(told).toMatchObject([
    { verdict: 'holds', reason: { code: 'no-errors' } },
    {
      verdict: 'violated',
      decidedBy: 'observation',
      reason: { code: 'error-span', span: expect.stringContaining('holdfast-demo') },
    },
  ]);
});

test('without our traceparent nothing is tied to the operation', async () => {
  const op = order(await demo(), { traceparent: false });
  await op.accepted;
  await expectThat(collector).toEventuallyHaveSpan({ name: 'process operations' });
  expect(await watch(op, haveSpan({}), { within: '300ms' })).toMatchObject({ verdict: 'violated' });
});
