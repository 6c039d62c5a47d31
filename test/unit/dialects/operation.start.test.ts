import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { operation, type OperationOptions } from '../../../src/dialects/operation.ts';
import { match, succeed } from '../../../src/logic/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { watch } from '../../../src/watch/index.ts';

const hanging = (): { readonly fetch: typeof globalThis.fetch; readonly signals: AbortSignal[] } => {
  const signals: AbortSignal[] = [];
  const fetch: typeof globalThis.fetch = (_url, init = {}) => {
    const { signal } = init;
    if (signal === undefined || signal === null) throw new Error('no signal');
    signals.push(signal);
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  };
  return { fetch, signals };
};

describe('a start without an answer', () => {
  test('is given up with the last who waits, and sent no more', async () => {
    const clock = virtualClock();
    const { fetch, signals } = hanging();
    const op = operation({ url: 'http://api.test/jobs', method: 'POST' }, { clock, fetch });
    const [short, long] = await clock.run(() =>
      Promise.all([
        watch(op, succeed(), { within: 100 }).then((judgement) => ({ judgement, aborted: signals[0]?.aborted })),
        watch(op, succeed(), { within: 300 }),
      ]),
    );
    expect([short.judgement.decidedBy, short.aborted, long.decidedBy]).toEqual(['hung', false, 'hung']);
    await clock.advance(0);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    const again = await clock.run(() => watch(op, succeed(), { within: 100 }));
    expect([again.decidedBy, signals.length]).toEqual(['broken', 1]);
    expect(clock.pending.count).toBe(0);
  });

  test('that is a function of the caller is told by its signal', async () => {
    const clock = virtualClock();
    let given: AbortSignal | undefined;
    const op = operation(
      ({ signal }) => {
        given = signal;
        return new Promise<Response>(() => undefined);
      },
      { clock },
    );
    await clock.run(() => watch(op, succeed(), { within: 100 }));
    expect(given?.aborted).toBe(true);
  });

  test('goes on while somebody asks for the acceptance by itself', async () => {
    const clock = virtualClock();
    const { fetch, signals } = hanging();
    const op = operation({ url: 'http://api.test/jobs', method: 'POST' }, { clock, fetch });
    void op.accepted.catch(() => undefined);
    await clock.run(() => watch(op, succeed(), { within: 100 }));
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  });
});

test('a result that is elsewhere may take as long as it is given', async () => {
  const clock = virtualClock();
  const fetch = (async (url: string) => {
    if (url.endsWith('/jobs')) return new Response(null, { status: 202, headers: { location: '/jobs/1' } });
    if (url.endsWith('/jobs/1')) return new Response(null, { status: 303, headers: { location: '/result' } });
    await clock.sleep(6000);
    return Response.json({ rows: 12 });
  }) as typeof globalThis.fetch;
  const start = { url: 'http://api.test/jobs', method: 'POST' };
  await expect(clock.run(() => operation(start, { clock, fetch }).result())).rejects.toThrow(/it took more than 4s/);
  await expect(clock.run(() => operation(start, { clock, fetch }).result({ within: '10s' }))).resolves.toEqual({ rows: 12 });
});

describe('a start that is redirected by its own fetch', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve).closeAllConnections());
  });

  async function served(take: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<string> {
    const server = createServer((request, response) => void take(request, response));
    servers.push(server);
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** An API that sends on to another one, which answers with a monitor: its own, or that of the first. */
  async function redirecting(
    isAtHome: boolean,
  ): Promise<{ readonly api: string; readonly seen: Map<string, string | undefined> }> {
    const seen = new Map<string, string | undefined>();
    let api = '';
    const look = (who: string, request: IncomingMessage, response: ServerResponse): void => {
      seen.set(who, request.headers.authorization);
      response.writeHead(200, { 'content-type': 'application/json', 'retry-after': '0' }).end('{"status":"succeeded"}');
    };
    const foreign = await served((request, response) =>
      request.url === '/start'
        ? response.writeHead(202, { location: `${isAtHome ? api : ''}/op` }).end()
        : look('foreign', request, response),
    );
    api = await served((request, response) =>
      request.url === '/start'
        ? response.writeHead(307, { location: `${foreign}/start` }).end()
        : look('home', request, response),
    );
    return { api, seen };
  }

  const headers = { authorization: 'Bearer s3cret' };

  test.each<[string, (api: string) => OperationOptions]>([
    ['nobody knows from where', () => ({})],
    ['its address is known', (api) => ({ base: api })],
    ['the monitor is named, relative to it', () => ({ monitor: '/op' })],
  ])('takes no credentials to where it was sent: %s', async (_, more) => {
    const { api, seen } = await redirecting(false);
    const op = operation(() => fetch(`${api}/start`, { method: 'POST' }), { headers, ...more(api) });
    expect((await watch(op, succeed())).verdict).toBe('holds');
    expect([...seen]).toEqual([['foreign', undefined]]);
    expect(op.trace.toJSONL()).toContain('as it was given for another origin: authorization');
  });

  test.each<[string, string | undefined, (api: string) => OperationOptions]>([
    ['where its address is told', 'Bearer s3cret', (api) => ({ base: api })],
    ['and nowhere where it is not, which is noted', undefined, () => ({})],
  ])('takes them home %s', async (_, sent, more) => {
    const { api, seen } = await redirecting(true);
    const op = operation(() => fetch(`${api}/start`, { method: 'POST' }), { headers, ...more(api) });
    await watch(op, succeed());
    expect([...seen]).toEqual([['home', sent]]);
    expect(op.trace.toJSONL().includes('say where it went with { base }')).toBe(sent === undefined);
  });

  test('takes them home where it was sent by the fetch that it was given', async () => {
    const { api, seen } = await redirecting(true);
    const op = operation(({ fetch: send }) => send(`${api}/start`, { method: 'POST' }), { headers });
    await watch(op, succeed());
    expect([...seen]).toEqual([['home', 'Bearer s3cret']]);
  });
});

describe('what is given up leaves nothing open', () => {
  /** A body that has begun and does not come to its end, and whether it was given up. */
  function stalling(): { readonly body: ReadableStream<Uint8Array>; readonly isCancelled: () => boolean } {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"status":')),
      cancel: () => void (cancelled = true),
    });
    return { body, isCancelled: () => cancelled };
  }

  test('the body of a start that stalls', async () => {
    const clock = virtualClock();
    const { body, isCancelled } = stalling();
    const op = operation(() => new Response(body, { status: 202, headers: { location: 'http://api.test/op' } }), { clock });
    expect((await clock.run(() => watch(op, succeed(), { within: 100 }))).verdict).not.toBe('holds');
    await clock.advance(0);
    expect(isCancelled()).toBe(true);
    expect(clock.pending.count).toBe(0);
  });

  test('a result elsewhere that does not come', async () => {
    const clock = virtualClock();
    let given: AbortSignal | undefined;
    const op = operation(
      { monitor: 'http://api.test/op' },
      {
        clock,
        fetch: async (url, { signal }) => {
          await clock.sleep(1);
          if (url.endsWith('/op')) return new Response(null, { status: 303, headers: { location: '/result' } });
          given = signal ?? undefined;
          return new Promise<Response>(() => undefined);
        },
      },
    );
    await clock.run(() => watch(op, match({ like: { rows: 3 } }), { within: 200 }));
    await clock.advance(0);
    expect(given?.aborted).toBe(true);
    expect(clock.pending.count).toBe(0);
  });
});
