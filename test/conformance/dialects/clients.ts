import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHttpPoller, type OperationResponse, type OperationState } from '@azure/core-lro';
import { createBackoffSettings } from 'google-gax';
import * as gax from 'google-gax/fallback';
import { operation, type OperationOptions } from '../../../src/dialects/operation.ts';
import { HarnessError } from '../../../src/errors.ts';
import { fail, settle } from '../../../src/logic/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { watch, type Operation } from '../../../src/watch/index.ts';
import { googleClient } from '../../setup/google.ts';
import { inWorld } from '../../unit/demo/world.ts';

/** One exchange, as it was recorded or as the story has it. */
export interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What becomes of an operation, as whoever follows it says. */
export type Verdict = 'succeeded' | 'failed' | 'cancelled' | 'not yet' | 'not told' | 'gives up' | 'refuses to guess';

/** Answers by method and path, in the order in which they came; the last one again and again. */
export function replay(exchanges: readonly Exchange[]): (method: string, url: string) => Exchange | undefined {
  const left = new Map<string, Exchange[]>();
  const keyOf = (method: string, url: string): string => `${method} ${new URL(url, 'http://api.test').pathname}`;
  for (const one of exchanges) {
    const key = keyOf(one.method, one.url);
    left.set(key, [...(left.get(key) ?? []), one]);
  }
  return (method, url) => {
    const queue = left.get(keyOf(method, url));
    return queue !== undefined && queue.length > 1 ? queue.shift() : queue?.[0];
  };
}

/** Follows a report of the demo by our own dialect, and keeps every exchange; `cancel` gives it up on the way. */
export function recorded(demo: string, dialect: string, what: 'success' | 'failure' | 'cancel'): Promise<readonly Exchange[]> {
  return inWorld({ dialect: demo, retryAfter: false, work: what === 'cancel' ? '1m' : '1s' }, async ({ app, clock }) => {
    const exchanges: Exchange[] = [];
    const fetch = async (url: string, init: RequestInit): Promise<Response> => {
      const response = await app.fetch(url, init);
      const body = await response.clone().text();
      // Clients that ask without conditions are never told that nothing has changed.
      const { etag: _unasked, ...headers } = Object.fromEntries(response.headers);
      exchanges.push({ method: init.method ?? 'GET', url, status: response.status, headers, body });
      return new Response(body === '' ? null : body, { status: response.status, headers });
    };
    const order = what === 'failure' ? { template: 'none' } : {};
    const op = operation(
      { url: 'http://demo.test/reports', method: 'POST', body: order, headers: { prefer: 'respond-async' } },
      { clock, fetch, dialect: dialect as OperationOptions['dialect'] },
    );
    await watch(op, settle(), { within: what === 'cancel' ? '1s' : '1m' });
    if (what === 'cancel') {
      await op.cancel();
      await watch(op, settle(), { within: '10s' });
    }
    if (what === 'success') await op.result();
    return exchanges;
  });
}

/** What Holdfast says of it, by the same exchanges. */
export async function ours(exchanges: readonly Exchange[], options: OperationOptions = {}): Promise<Verdict> {
  const clock = virtualClock();
  const next = replay(exchanges);
  const [start] = exchanges;
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    await clock.sleep(5);
    const found = next(init.method ?? 'GET', url);
    if (found === undefined) throw new Error(`nothing recorded for ${init.method} ${url}`);
    return new Response(found.body === '' ? null : found.body, { status: found.status, headers: { ...found.headers } });
  };
  const op: Operation = operation({ url: start!.url, method: start!.method, body: {} }, { clock, fetch, ...options });
  return clock.run(async () => {
    try {
      await watch(op, settle(), { within: '30s' });
    } catch (error) {
      if (error instanceof HarnessError) return 'refuses to guess';
      throw error;
    }
    const ending = op.trace.observations.findLast((o) => o.kind === 'state')?.ending;
    // A judge that says so without looking twice agrees with what it would say to a claim.
    const failed = (await watch(op, fail(), { within: 10 })).verdict === 'holds';
    if (failed !== (ending === 'failure')) throw new Error('fail() and the last state disagree');
    // The last look may have told nothing: it brings no news, and it is counted with the error before it.
    const last = op.trace.observations.findLast(({ kind }) => kind === 'state' || kind === 'error');
    if (ending === undefined) return last?.kind === 'error' ? 'not told' : 'not yet';
    return ({ success: 'succeeded', failure: 'failed', cancelled: 'cancelled' } as const)[ending];
  });
}

type Body = Readonly<Record<string, unknown>>;

/** How often a client is asked to look before "not yet" is believed. */
const MOST_LOOKS = 30;

/** What Azure's poller says of it. */
export async function azure(exchanges: readonly Exchange[]): Promise<Verdict> {
  const next = replay(exchanges);
  const answer = async (method: string, url: string): Promise<OperationResponse<Body>> => {
    const found = next(method, url);
    if (found === undefined) throw new Error(`nothing recorded for ${method} ${url}`);
    // Their pipeline turns such answers into errors before the poller sees them, unless the specification of the service lists them.
    if (found.status >= 400 && method === 'POST') throw new Error(String(found.status));
    const body = (found.body === '' ? {} : JSON.parse(found.body)) as Body;
    return {
      flatResponse: body,
      rawResponse: { statusCode: found.status, headers: { ...found.headers }, body, request: { method, url } },
    };
  };
  const [start] = exchanges;
  const poller = createHttpPoller<Body, OperationState<Body>>(
    {
      sendInitialRequest: () => answer(start!.method, start!.url),
      sendPollRequest: (path) => answer('GET', path),
    },
    { intervalInMs: 1, resolveOnUnsuccessful: true },
  );
  try {
    await poller.submitted();
    for (let look = 0; look < MOST_LOOKS && !poller.isDone; look++) await poller.poll();
  } catch {
    const status = poller.operationState?.status;
    return status === 'failed' ? 'failed' : status === 'canceled' ? 'cancelled' : 'gives up';
  }
  const { status } = poller.operationState!;
  return ({ succeeded: 'succeeded', failed: 'failed', canceled: 'cancelled' } as const)[status as 'succeeded'] ?? 'not yet';
}

/** How long Google's client is given to say more than "not yet", in milliseconds. */
const GOOGLE_WITHIN_MS = 2_000;

/** What Google's client says of it. */
export async function google(exchanges: readonly Exchange[]): Promise<Verdict> {
  const next = replay(exchanges);
  const server = createServer((request, response) => {
    const found = next(request.method ?? 'GET', request.url ?? '/');
    if (found === undefined)
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{"code":404,"status":"NOT_FOUND"}}');
    else response.writeHead(found.status, { 'content-type': 'application/json', connection: 'close' }).end(found.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { descriptor } = googleClient({ port: (server.address() as AddressInfo).port });
    const { name } = JSON.parse(exchanges[0]!.body) as { name: string };
    const { GetOperationRequest } = gax.operationsProtos.google.longrunning;
    const [told] = await descriptor.operationsClient.getOperation(GetOperationRequest.fromObject({ name }));
    const backoff = createBackoffSettings(5, 1.1, 20, null, null, null, GOOGLE_WITHIN_MS);
    await gax.operation(told, descriptor, backoff).promise();
    return 'succeeded';
  } catch (error) {
    const { code, message } = error as { code?: number; message: string };
    if (/Total timeout/i.test(message)) return 'not yet';
    return code === 1 ? 'cancelled' : code === undefined || code === 5 || code === 14 ? 'gives up' : 'failed';
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
