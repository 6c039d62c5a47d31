import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import {
  blackHole,
  clockSkew,
  corrupt,
  dnsFailure,
  dropDelivery,
  duplicateRequest,
  forgeDelivery,
  hangUp,
  kill,
  latency,
  lostResponse,
  pause,
  plan,
  refused,
  reorderRequests,
  reset,
  staleRead,
  status,
  stuckMonitor,
  tlsFailure,
  tooManyRequests,
  truncate,
  type Entry,
} from '../../../src/faults/index.ts';
import { faultyFetch, type FaultyFetch } from '../../../src/inject/index.ts';
import { systemClock, virtualClock, type VirtualClock } from '../../../src/time/index.ts';

interface Shop {
  readonly clock: VirtualClock;
  readonly bad: FaultyFetch;
  /** What the server saw, and when. */
  readonly seen: string[];
  get(path?: string, init?: RequestInit): Promise<unknown>;
}

function shop(entries: readonly Entry[], until?: number): Shop {
  const clock = virtualClock();
  const seen: string[] = [];
  const counts = new Map<string, number>();
  const server = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const body = await request.text();
    const { pathname } = new URL(request.url);
    seen.push(`${Math.round(clock.now())} ${request.method} ${pathname}${body === '' ? '' : ` ${body}`}`);
    const n = (counts.get(pathname) ?? 0) + 1;
    counts.set(pathname, n);
    return Response.json({ n }, { headers: { date: 'Thu, 01 Jan 2026 00:00:00 GMT' } });
  };
  const bad = faultyFetch({ clock, fetch: server, plan: plan({ seed: 1, until }, ...entries) });
  const get: Shop['get'] = async (path = '/', init) => {
    try {
      const response = await bad.fetch(`http://shop.test${path}`, init);
      const text = await response.text();
      return response.ok ? (JSON.parse(text) as { n: number }).n : response.status;
    } catch (error) {
      const { cause, name } = error as { cause?: { code?: string }; name: string };
      return cause?.code ?? name;
    }
  };
  return { clock, bad, seen, get };
}

const calls = async (world: Shop, ...paths: readonly string[]): Promise<unknown[]> =>
  world.clock.run(async () => {
    const told: unknown[] = [];
    for (const path of paths) told.push(await world.get(path), Math.round(world.clock.now()));
    return told;
  });

describe('a client whose fetch is harmed', () => {
  test.each<[string, Entry, readonly unknown[], number]>([
    ['nothing', status({ where: 'GET /other' }), [1, 0, 2, 0], 2],
    ['latency', latency({ ms: 300, nth: 0 }), [1, 300, 2, 300], 2],
    ['a lost answer: the work was done', lostResponse({ nth: 0 }), ['ECONNRESET', 0, 2, 0], 2],
    ['a reset before the server', reset({ nth: 0, after: 20 }), ['ECONNRESET', 20, 1, 20], 1],
    ['a refused connection', refused({ nth: 0 }), ['ECONNREFUSED', 0, 1, 0], 1],
    ['a name that is not resolved', dnsFailure({ nth: 0 }), ['ENOTFOUND', 0, 1, 0], 1],
    ['a handshake that fails', tlsFailure({ nth: 0 }), ['EPROTO', 0, 1, 0], 1],
    ['a status', status({ nth: 0, status: 503 }), [503, 0, 1, 0], 1],
    ['too many requests', tooManyRequests({ nth: 0 }), [429, 0, 1, 0], 1],
    ['a client that hangs up', hangUp({ nth: 0, after: 0 }), ['TimeoutError', 0, 2, 0], 2],
    ['a duplicate', duplicateRequest({ nth: 0 }), [1, 0, 3, 0], 3],
    ['a stale read', staleRead({ nth: 1 }), [1, 0, 1, 0], 1],
    ['a body that breaks off', truncate({ nth: 0, bytes: 3 }), ['ECONNRESET', 0, 2, 0], 2],
    ['a black hole that closes', blackHole({ nth: 0, closeAfter: '2s' }), ['ECONNRESET', 2000, 1, 2000], 1],
  ])('%s', async (_, entry, told, seen) => {
    const world = shop([entry]);
    expect(await calls(world, '/', '/')).toEqual(told);
    expect(world.seen).toHaveLength(seen);
    const kinds = world.bad.trace.observations.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'fault')).toHaveLength(kinds.filter((kind) => kind === 'healed').length);
    await world.bad.close();
  });

  test('a monitor that is stuck tells its first answer until it is healed', async () => {
    const world = shop([stuckMonitor({ until: '3s' })]);
    const told = await world.clock.run(async () => {
      const all: unknown[] = [];
      for (let i = 0; i < 5; i++) {
        all.push(await world.get('/op'));
        await world.clock.sleep(1000);
      }
      return all;
    });
    expect(told).toEqual([1, 1, 1, 2, 3]);
  });

  test('a black hole is silent until its signal aborts, or all is healed', async () => {
    const world = shop([blackHole()], 5000);
    const told = await world.clock.run(async () => {
      const leaving = new AbortController();
      const [first, second] = [world.get('/', { signal: leaving.signal }), world.get('/')];
      await world.clock.sleep(100);
      leaving.abort();
      return [await first, Math.round(world.clock.now()), await second, Math.round(world.clock.now())];
    });
    expect(told).toEqual(['AbortError', 100, 'ECONNRESET', 5000]);
    expect(world.seen).toEqual([]);
  });

  test('one is overtaken by the next, and goes on when none comes', async () => {
    const world = shop([
      reorderRequests({ where: 'PUT /**', nth: 0, atMost: '2s' }),
      reorderRequests({ where: '/alone', atMost: 700 }),
    ]);
    const put = (body: string): Promise<unknown> => world.get('/a', { method: 'PUT', body });
    await world.clock.run(async () => {
      const first = put('1');
      await world.clock.sleep(10);
      await put('2');
      await first;
      await world.get('/alone');
    });
    expect(world.seen).toEqual(['10 PUT /a 2', '10 PUT /a 1', '710 GET /alone']);
  });

  test('the duplicates carry the body, and come so long after each other', async () => {
    const world = shop([duplicateRequest({ copies: 2, gap: 50 })]);
    // The client has its answer at once, whenever the others come.
    await world.clock.run(() => world.get('/pay', { method: 'POST', body: 'x' }));
    expect(world.seen).toEqual(['0 POST /pay x']);
    await world.clock.advance(200);
    expect(world.seen).toEqual(['0 POST /pay x', '50 POST /pay x', '100 POST /pay x']);
  });

  test('the clock of whoever answers is wrong', async () => {
    const world = shop([clockSkew({ by: '-5m' })]);
    const response = await world.clock.run(() => world.bad.fetch('http://shop.test/'));
    expect(response.headers.get('date')).toBe('Wed, 31 Dec 2025 23:55:00 GMT');
  });

  test('bytes are turned over, the same for the same seed', async () => {
    const read = async (): Promise<string> => {
      const world = shop([corrupt({ oneIn: 1 })]);
      return world.clock.run(async () => (await world.bad.fetch('http://shop.test/')).text());
    };
    expect(await read()).not.toContain('{"n":1}');
    expect(await read()).toBe(await read());
  });

  test('what it cannot do is refused before anything is harmed', () => {
    const bad = (): unknown => shop([kill({ target: 'worker', id: 'the kill' }), pause({ target: 'db' }), latency({ ms: 1 })]);
    expect(bad).toThrow(
      /fetch cannot do all of this plan:\n {2}'the kill' needs 'kill', 'start'\n {2}'pause \*\*' needs 'pause', 'resume'/,
    );
  });

  test('deliveries are known by their type, and what is forged is told where it cannot be', async () => {
    const world = shop([
      dropDelivery({ where: 'order.paid' }),
      forgeDelivery({ what: 'body', where: 'order.sent' }),
      forgeDelivery({ what: 'timestamp', where: 'order.seen' }),
    ]);
    const send = (type: string): Promise<unknown> => world.get('/', { method: 'POST', body: JSON.stringify({ type, n: 12 }) });
    const told = await world.clock.run(async () => {
      const all: unknown[] = [];
      for (const type of ['order.new', 'order.paid', 'order.sent', 'order.seen']) all.push(await send(type));
      return all;
    });
    // What is lost is taken for delivered: an answer without a body is no JSON.
    expect(told).toEqual([1, 'SyntaxError', 2, 3]);
    expect(world.seen).toEqual([
      '0 POST / {"type":"order.new","n":12}',
      '0 POST / {"type":"order.sent","n":13}',
      '0 POST / {"type":"order.seen","n":12}',
    ]);
    expect(world.bad.trace.observations.filter(({ kind }) => kind === 'note')).toMatchObject([
      { text: 'fetch: a delivery has no timestamp to be forged; it goes on as it came' },
    ]);
  });

  test('a client whose patience was to end has its own again once all is healed, and none is left of one that was answered', async () => {
    const clock = virtualClock();
    const slow = async (): Promise<Response> => (await clock.sleep(2_000), new Response('late'));
    const bad = faultyFetch({ clock, fetch: slow, plan: plan({ seed: 1, until: '500ms' }, hangUp({ after: '1s' })) });
    const told = await clock.run(async () => (await bad.fetch('http://shop.test/')).text());
    expect([told, clock.now()]).toEqual(['late', 2_000]);
    const quick = shop([hangUp({ after: '1h' })]);
    const [first] = await calls(quick, '/');
    expect([first, quick.clock.pending.count]).toEqual([1, 0]);
  });

  test('a stream is not waited for to its end, and what is large is not remembered', async () => {
    const clock = virtualClock();
    const LARGE = 'x'.repeat(2_000_000);
    let asked = 0;
    const server = async (input: string | URL | Request): Promise<Response> => {
      asked++;
      if (new Request(input).url.endsWith('/large')) return new Response(LARGE + asked);
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new TextEncoder().encode('data: 1\n\n')),
      });
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    };
    const bad = faultyFetch({ clock, fetch: server, plan: plan({ seed: 1 }, staleRead({ where: '/**', every: 2 })) });
    await clock.run(async () => {
      for (let n = 0; n < 2; n++) {
        const reader = (await bad.fetch('http://shop.test/events')).body!.getReader();
        expect(new TextDecoder().decode((await reader.read()).value as Uint8Array)).toBe('data: 1\n\n');
        await reader.cancel();
      }
      const large = async (): Promise<string> => (await (await bad.fetch('http://shop.test/large')).text()).slice(LARGE.length);
      expect([await large(), await large()]).toEqual(['3', '4']);
    });
    await bad.close();
  });

  test('a client that leaves is heard, however much was collected meanwhile', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    // It is told by its signal alone, as a fetch over a network is.
    const silent = (_: unknown, init?: RequestInit): Promise<Response> =>
      new Promise((_resolve, reject) => {
        const { signal } = init!;
        signal!.addEventListener('abort', () => reject(signal!.reason as Error));
      });
    const bad = faultyFetch({ fetch: silent, plan: plan({ seed: 1 }, latency({ ms: 1 })) });
    const leaving = new AbortController();
    let told = 'nothing';
    void bad.fetch('http://shop.test/', { signal: leaving.signal }).catch((error: Error) => (told = error.name));
    for (let n = 0; n < 5; n++) {
      await systemClock.sleep(10);
      collect();
    }
    leaving.abort();
    await expect.poll(() => told).toBe('AbortError');
    await bad.close();
  });

  test('what was given beside the standard goes on, and a path alone is one', async () => {
    const given: unknown[] = [];
    const server = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
      given.push(new Request(input).url, (init as { dispatcher?: unknown }).dispatcher);
      return new Response();
    };
    const bad = faultyFetch({ fetch: server, plan: plan({ seed: 1 }, duplicateRequest()) });
    await bad.fetch('/orders', { method: 'POST', body: 'x', dispatcher: 'own' } as unknown as RequestInit);
    await bad.close();
    expect(given).toEqual(['http://localhost/orders', 'own', 'http://localhost/orders', 'own']);
  });
});
