import { HarnessError, show } from '../errors.ts';
import { systemClock, type EpochMillis, type Millis } from '../time/index.ts';
import { SAMPLED, type SpanRecord, type Telemetry, type TraceContext } from './tracing.ts';

/** How long one batch may take to be sent, tries again included, in milliseconds. */
const EXPORT_TIMEOUT_MS: Millis = 2_000;
/** How long `close` waits for the last ones, in milliseconds. */
const FLUSH_TIMEOUT_MS: Millis = 3_000;
/** How long spans are gathered before they are sent, in milliseconds. */
const GATHER_MS: Millis = 500;
/** The most spans that wait to be sent; more are lost. */
const MAX_WAITING_SPANS = 4_096;
/** Where a collector listens for traces, unless the address says otherwise (OTLP/HTTP 1.x). */
const TRACES_PATH = '/v1/traces';

/** Where spans are sent, and who is told when they are lost. */
export interface OpenTelemetryOptions {
  /** Where the collector listens for OTLP/HTTP, such as `http://127.0.0.1:4318`; `/v1/traces` is added where no path is given. */
  readonly url: string;
  /** Told once, when spans are lost because the collector does not take them. */
  readonly onLost?: (error: Error) => void;
}

/**
 * Sends spans to a collector by OTLP/HTTP, as JSON. Nothing global is registered, and a collector that is slow or not there costs
 * the spans and nothing else.
 *
 * @throws HarnessError `invalid-option`, `not-installed`
 */
export async function openTelemetry({ url: given, onLost }: OpenTelemetryOptions): Promise<Telemetry> {
  const url = collectorAt(given);
  const { api, sdk, exporting } = await load();
  const exporter = new exporting.OTLPTraceExporter({
    url,
    timeoutMillis: EXPORT_TIMEOUT_MS,
    // A connection that is kept would outlive the demo.
    httpAgentOptions: { keepAlive: false },
  });
  let isToldLost = false;
  const batches = new sdk.BatchSpanProcessor({
    scheduledDelayMillis: GATHER_MS,
    exportTimeoutMillis: EXPORT_TIMEOUT_MS + 500,
    maxQueueSize: MAX_WAITING_SPANS,
    exporter: {
      export: (spans, told) =>
        exporter.export(spans, (result) => {
          if (result.error !== undefined && !isToldLost) {
            isToldLost = true;
            onLost?.(result.error);
          }
          told(result);
        }),
      shutdown: () => exporter.shutdown(),
    },
  });
  // Spans have their ids before they come here.
  const ids = { traceId: '', spanId: '' };
  const idGenerator = { generateTraceId: () => ids.traceId, generateSpanId: () => ids.spanId };
  const tracers = new Map<string, ReturnType<InstanceType<typeof sdk.TracerProvider>['getTracer']>>();
  const tracerOf = (service: string): NonNullable<ReturnType<typeof tracers.get>> => {
    let tracer = tracers.get(service);
    if (tracer === undefined) {
      const attributes = { 'service.name': service, 'service.namespace': 'holdfast' };
      const resource = resourceOf(attributes);
      const provider = new sdk.TracerProvider({ resource, idGenerator, spanProcessors: [batches] });
      tracers.set(service, (tracer = provider.getTracer('holdfast/demo')));
    }
    return tracer;
  };
  const spanContext = ({ traceId, spanId, flags, state }: TraceContext, isRemote: boolean) => ({
    traceId,
    spanId,
    traceFlags: flags & SAMPLED,
    isRemote,
    ...(state === '' ? {} : { traceState: api.createTraceState(state) }),
  });
  const KINDS = {
    server: api.SpanKind.SERVER,
    client: api.SpanKind.CLIENT,
    producer: api.SpanKind.PRODUCER,
    consumer: api.SpanKind.CONSUMER,
  };

  return {
    record({ service, name, kind, attributes, context, parent, startedAt, endedAt, error }: SpanRecord) {
      ids.traceId = context.traceId;
      ids.spanId = context.spanId;
      const isRemote = kind === 'server' || kind === 'consumer';
      const within =
        parent === undefined ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, spanContext(parent, isRemote));
      const start = { kind: KINDS[kind], attributes: { ...attributes }, startTime: precise(startedAt) };
      const span = tracerOf(service).startSpan(name, start, within);
      if (error !== undefined) span.setAttribute('error.type', error).setStatus({ code: api.SpanStatusCode.ERROR });
      span.end(precise(endedAt));
    },
    async close() {
      const enough = new AbortController();
      await Promise.race([batches.shutdown().catch(() => undefined), systemClock.sleep(FLUSH_TIMEOUT_MS, enough.signal)]);
      enough.abort();
    },
  };
}

/** Seconds and nanoseconds: a number would be taken for a time of this process when it is small, as in virtual time. */
function precise(moment: EpochMillis): [number, number] {
  const seconds = Math.floor(moment / 1000);
  return [seconds, Math.round((moment - seconds * 1000) * 1e6)];
}

/** Who makes the spans; the package that makes such objects is no peer of ours. */
function resourceOf(attributes: Record<string, string>): Resource {
  return {
    attributes,
    merge: (other) => resourceOf({ ...attributes, ...(other?.attributes as Record<string, string> | undefined) }),
    getRawAttributes: () => Object.entries(attributes),
  };
}

interface Resource {
  readonly attributes: Record<string, string>;
  merge(other: { readonly attributes: object } | null): Resource;
  getRawAttributes(): [string, string][];
}

function collectorAt(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new HarnessError(
      'invalid-option',
      `telemetry: expected the address of a collector, received ${show(given.replace(/\/\/[^/@]*@/, '//…@'))}`,
      'give one such as http://127.0.0.1:4318',
    );
  }
  if (url.pathname === '/') url.pathname = TRACES_PATH;
  return url.href;
}

async function load() {
  try {
    const [api, sdk, exporting] = await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-http'),
    ]);
    return { api, sdk, exporting };
  } catch (cause) {
    throw new HarnessError(
      'not-installed',
      'telemetry needs packages that are not installed',
      'npm install @opentelemetry/api @opentelemetry/sdk-trace @opentelemetry/exporter-trace-otlp-http',
      { cause },
    );
  }
}
