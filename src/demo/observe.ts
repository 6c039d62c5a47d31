import type { Clock } from '../time/index.ts';
import { redacted, type Logger } from './log.ts';
import { knownMethod } from './metrics.ts';
import type { Parts } from './parts.ts';
import type { Operation } from './store.ts';
import { readContext, readTrace, type Attributes, type SpanStart, type TraceContext, type Tracing } from './tracing.ts';

/** The field by which a request can be found in the log. */
const REQUEST_ID = 'x-request-id';
/** The route that is told of what has none. */
const NO_ROUTE = '(none)';
/** The status that is told of a request whose client has gone. */
const HUNG_UP = 499;

/** A request that is being answered, and what is known of it so far. */
export interface SeenRequest {
  readonly url: URL;
  readonly context: TraceContext;
  /** The template of its route, once it has one. */
  route: string;
  /** Who asks, once it is known. */
  caller: string | undefined;
  /** Told with the answer; undefined when the client has gone. The answer then carries the id of the request. */
  end(response: Response | undefined): void;
  /** Told of a fault of the server in answering it. */
  fault(error: unknown): void;
}

/** Makes spans, counts and lines of the log from what the server does. */
export interface Observer {
  readonly request: (request: Request) => SeenRequest;
  /** What a worker does of an operation in one go. */
  readonly attempt: (operation: Operation, work: () => Promise<void>) => Promise<void>;
}

/** What goes to those who work for the demo, by the semantic conventions for messaging. */
export function messaging(does: 'send' | 'process', kind: string): SpanStart {
  return {
    name: `${does} operations`,
    kind: does === 'send' ? 'producer' : 'consumer',
    attributes: {
      'messaging.system': 'holdfast',
      'messaging.destination.name': 'operations',
      'messaging.operation.name': does,
      'messaging.operation.type': does,
      'holdfast.operation.kind': kind,
    },
  };
}

export function observerOf(
  clock: Clock,
  tracing: Tracing,
  parts: () => Parts,
  watched: { readonly log: Logger | undefined; readonly isRecorded: boolean },
): Observer {
  const { log } = watched;
  let requests = 0;

  /** The id that a client sent, when nothing in it can be a secret or do harm; a new one otherwise. */
  const requestId = (given: string | null): string =>
    given !== null && /^[\w.:-]{1,64}$/.test(given) && redacted(given) === given
      ? given
      : parts().random.fork(`request/${++requests}`).hex(8);

  return {
    request(request) {
      const { headers } = request;
      const method = knownMethod(request.method);
      const url = new URL(request.url);
      const from = clock.now();
      const attributes = { 'http.request.method': method, 'url.path': url.pathname, 'url.scheme': url.protocol.slice(0, -1) };
      const start: SpanStart = { name: method, kind: 'server', attributes };
      const span = tracing.begin(start, readContext(headers.get('traceparent'), headers.get('tracestate')));
      const id = log === undefined ? undefined : requestId(headers.get(REQUEST_ID));
      const seen: SeenRequest = {
        url,
        context: span.context,
        route: NO_ROUTE,
        caller: undefined,
        fault: (error) => log?.fault(error, { route: seen.route, requestId: id, traceId: span.context.traceId }),
        end(response) {
          const { route, caller } = seen;
          const status = response?.status ?? HUNG_UP;
          const ms = clock.now() - from;
          parts().meter.served({ route, method, status, seconds: ms / 1000 });
          const more: Attributes = {
            'http.response.status_code': status,
            ...(route === NO_ROUTE ? {} : { 'http.route': route }),
            ...(status < 500 ? {} : { 'error.type': String(status) }),
          };
          const name = `${method === '_OTHER' ? 'HTTP' : method}${route === NO_ROUTE ? '' : ` ${route}`}`;
          span.end({ name, attributes: more, error: status < 500 ? undefined : String(status) });
          if (id === undefined) return;
          response?.headers.set(REQUEST_ID, id);
          const told = {
            method,
            route,
            status,
            ms: Math.round(ms * 10) / 10,
            requestId: id,
            traceId: span.context.traceId,
            caller,
          };
          log?.log(status < 500 ? 'info' : 'error', 'request', told);
        },
      };
      return seen;
    },
    async attempt(operation, work) {
      const { id, kind, attempt } = operation;
      const start = messaging('process', kind);
      const attributes = { ...start.attributes, 'messaging.message.id': id, 'holdfast.operation.attempt': attempt };
      const span = tracing.begin({ ...start, attributes }, readTrace(parts().traceFor(operation)));
      const told = { operation: id, kind, attempt, traceId: span.context.traceId };
      const from = clock.now();
      log?.log('info', 'operation started', told);
      try {
        await tracing.run(span.context, work);
      } catch (error) {
        span.end({ error: error instanceof Error ? error.name : 'unknown' });
        log?.log('error', 'operation interrupted', { ...told, ms: clock.now() - from });
        throw error;
      }
      if (log === undefined && !watched.isRecorded) return;
      // A worker that was stopped or overtaken leaves it as it is.
      const status =
        (
          await parts()
            .store.get(id)
            .catch(() => undefined)
        )?.status ?? 'unknown';
      const failed = status === 'failed';
      span.end({ attributes: { 'holdfast.operation.status': status }, error: failed ? status : undefined });
      log?.log(failed ? 'warn' : 'info', 'operation ended', { ...told, status, ms: clock.now() - from });
    },
  };
}
