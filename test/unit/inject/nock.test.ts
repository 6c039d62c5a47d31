import { createServer, get, request as httpRequest, type Server } from 'node:http';
import { Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  bandwidth,
  blackHole,
  clockSkew,
  corrupt,
  dnsFailure,
  duplicateRequest,
  hangUp,
  latency,
  lostResponse,
  plan,
  refused,
  reset,
  staleRead,
  status,
  tlsFailure,
  truncate,
  type Entry,
} from '../../../src/faults/index.ts';
import { nock } from '../../../src/inject/index.ts';
import { systemClock } from '../../../src/time/index.ts';

let server: Server;
let host: string;
const seen: string[] = [];

beforeAll(async () => {
  server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      seen.push(`${incoming.method} ${incoming.url} ${Buffer.concat(chunks).toString()}`.trim());
      outgoing.setHeader('date', 'Thu, 01 Jan 2026 00:00:00 GMT');
      outgoing.end(`answer ${seen.length}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  host = `127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(async () => {
  // nock 15 leaves a handle without a connection open of each request by fetch that it answers; nothing but this closes it.
  const active = Reflect.get(process, '_getActiveHandles') as () => readonly unknown[];
  for (const one of Reflect.apply(active, process, []))
    if (one instanceof Socket && one.destroyed) (Reflect.get(one, '_handle') as { close(): void } | null)?.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => void seen.splice(0));

/** By fetch: what the client saw. */
async function byFetch(path: string, init?: RequestInit): Promise<string> {
  try {
    const response = await fetch(`http://${host}${path}`, init);
    return `${response.status} ${await response.text()}`;
  } catch (error) {
    const { cause, name } = error as { name: string; cause?: { code?: string } };
    return cause?.code ?? name;
  }
}

/** By node:http. */
function byHttp(path: string): Promise<string> {
  return new Promise((resolve) => {
    const asking = get({ host: '127.0.0.1', port: host.split(':')[1], path, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
      answer.on('end', () => resolve(`${answer.statusCode} ${text}`));
    });
    asking.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'error'));
  });
}

const make = (...entries: readonly Entry[]): ReturnType<typeof nock> =>
  nock({ hosts: [host], plan: plan({ seed: 1 }, ...entries) });

describe('what any code of this process sends', () => {
  test.each<[string, Entry, string, number]>([
    ['nothing', status({ where: '/other' }), '200 answer 1', 2],
    ['a status', status({ nth: 0, status: 503, body: 'no' }), '503 no', 1],
    ['a lost answer: the work was done', lostResponse({ nth: 0 }), 'ECONNRESET', 2],
    ['a reset before the server', reset({ nth: 0 }), 'ECONNRESET', 1],
    ['a refused connection', refused({ nth: 0 }), 'ECONNREFUSED', 1],
    ['a name that is not resolved', dnsFailure({ nth: 0 }), 'ENOTFOUND', 1],
    ['a handshake that fails', tlsFailure({ nth: 0 }), 'EPROTO', 1],
    ['a client that leaves', hangUp({ nth: 0 }), 'ECONNRESET', 2],
  ])('%s, by fetch and by node:http', async (_, fault, first, came) => {
    const bad = await make(fault);
    expect(await byFetch('/a')).toBe(first);
    await byFetch('/a');
    await bad.close();
    expect(seen).toHaveLength(came);
    seen.splice(0);
    const again = await make(fault);
    expect(await byHttp('/a')).toBe(first);
    await byHttp('/a');
    await again.close();
    expect(seen).toHaveLength(came);
  });

  test('the whole answer is late, its header too', async () => {
    const bad = await make(latency({ ms: 80 }));
    const start = systemClock.now();
    const response = await fetch(`http://${host}/late`);
    expect(systemClock.now() - start).toBeGreaterThanOrEqual(79);
    expect(await response.text()).toBe('answer 1');
    await bad.close();
  });

  test('the server gets it twice, with its body', async () => {
    const bad = await make(duplicateRequest({ where: 'POST /orders' }));
    expect(await byFetch('/orders', { method: 'POST', body: 'one' })).toMatch(/^200 answer/);
    await bad.close();
    expect(seen).toEqual(['POST /orders one', 'POST /orders one']);
  });

  test('it is answered by what was true before, by a wrong clock, with bits turned over', async () => {
    const bad = await make(
      staleRead({ where: '/stale', nth: 1 }),
      clockSkew({ where: '/clock', by: '1h' }),
      corrupt({ where: '/bits', oneIn: 1 }),
    );
    expect([await byFetch('/stale'), await byFetch('/stale'), await byFetch('/stale')]).toEqual([
      '200 answer 1',
      '200 answer 1',
      '200 answer 2',
    ]);
    expect((await fetch(`http://${host}/clock`)).headers.get('date')).toBe('Thu, 01 Jan 2026 01:00:00 GMT');
    const bits = await byFetch('/bits');
    expect(bits).toMatch(/^200 /);
    expect(bits).not.toContain('answer');
    await bad.close();
  });

  test('a client that aborts while nothing comes is told so, and the process goes on', async () => {
    const bad = await make(blackHole());
    const controller = new AbortController();
    const asking = byFetch('/silent', { signal: controller.signal });
    await expect.poll(() => bad.run.strikes.length).toBe(1);
    controller.abort();
    expect(await asking).toBe('AbortError');
    const hangs = byHttp('/silent');
    await expect.poll(() => bad.run.strikes.length).toBe(2);
    await bad.close();
    expect(await hangs).toBe('ECONNRESET');
    expect(seen).toEqual([]);
  });

  test('other hosts pass, and a request with Expect: 100-continue', async () => {
    const bad = await nock({ hosts: ['pay.example'], plan: plan({ seed: 1 }, status()) });
    expect([await byFetch('/a'), await byHttp('/b')]).toEqual(['200 answer 1', '200 answer 2']);
    await bad.close();
  });

  test('at close all is as it was, also for a request that is made by a function kept from before', async () => {
    // oxlint-disable-next-line typescript/unbound-method -- to be compared alone
    const before = { fetch: globalThis.fetch, connect: Socket.prototype.connect };
    const [one, two] = [await make(status()), await nock({ hosts: ['pay.example'] })];
    expect(Socket.prototype.connect === before.connect).toBe(false);
    await one.close();
    expect(await byFetch('/a')).toBe('200 answer 1');
    await two.close();
    await two.close();
    expect([globalThis.fetch === before.fetch, Socket.prototype.connect === before.connect]).toEqual([true, true]);
    const { default: library } = await import('nock');
    expect([library.isActive(), library.activeMocks(), library.pendingMocks()]).toEqual([false, [], []]);
    await new Promise<void>((resolve) => httpRequest(`http://${host}/b`, (answer) => answer.resume().on('end', resolve)).end());
    expect(seen).toEqual(['GET /a', 'GET /b']);
  });

  test('two at work on one host each do their own', async () => {
    const [one, two] = [await make(status({ where: '/a', status: 503 })), await make(status({ where: '/b', status: 500 }))];
    expect([await byFetch('/a'), await byFetch('/b'), await byHttp('/c')]).toEqual(['503 ', '500 ', '200 answer 1']);
    await one.close();
    expect([await byFetch('/a'), await byFetch('/b')]).toEqual(['200 answer 2', '500 ']);
    await two.close();
  });

  test('one that was at work before stays so', async () => {
    const { default: library } = await import('nock');
    if (!library.isActive()) library.activate();
    await (await make(status())).close();
    expect(library.isActive()).toBe(true);
    library.restore();
  });

  test.each<[string, Parameters<typeof nock>[0], string]>([
    ['what would hang', { hosts: ['a.example'], plan: plan({ seed: 1 }, truncate()) }, 'cannot-inject'],
    [
      'what would end the process',
      { hosts: ['a.example'], plan: plan({ seed: 1 }, bandwidth({ bytesPerSecond: 9 })) },
      'cannot-inject',
    ],
    ['a plan without hosts', { plan: plan({ seed: 1 }, status({ where: '/a' })) }, 'no-hosts'],
  ])('%s is refused', async (_, options, code) => {
    await expect(nock(options)).rejects.toMatchObject({ code });
  });
});
