import { createServer, get, request as httpRequest, type Server } from 'node:http';
import { createServer as createSecure, get as getSecure, type Server as SecureServer } from 'node:https';
import { Socket } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
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
  stuckMonitor,
  tlsFailure,
  truncate,
  type Entry,
} from '../../../src/faults/index.ts';
import { nock } from '../../../src/inject/index.ts';
import { systemClock } from '../../../src/time/index.ts';
import { certificate } from '../../setup/certificate.ts';
import { closeHandlesOfNock } from '../../setup/nock.ts';

let server: Server;
let host: string;
const seen: string[] = [];

beforeAll(async () => {
  server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      seen.push(`${incoming.method} ${incoming.url} ${Buffer.concat(chunks).toString()}`.trim());
      if (incoming.url === '/never') return;
      outgoing.setHeader('date', 'Thu, 01 Jan 2026 00:00:00 GMT');
      if (incoming.url === '/endless') return void outgoing.write('begins');
      outgoing.end(`answer ${seen.length}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  host = `127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(async () => {
  closeHandlesOfNock();
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

  test('other hosts pass', async () => {
    const bad = await nock({ hosts: ['pay.example'], plan: plan({ seed: 1 }, status()) });
    expect([await byFetch('/a'), await byHttp('/b')]).toEqual(['200 answer 1', '200 answer 2']);
    await bad.close();
  });

  test('a request with Expect: 100-continue passes unharmed, and is told to go on', async () => {
    const bad = await make(status({ status: 503 }));
    const told = await new Promise<string>((resolve) => {
      let isTold = false;
      const asking = httpRequest(`http://${host}/expects`, { method: 'PUT', headers: { expect: '100-continue' }, agent: false });
      asking.on('continue', () => {
        isTold = true;
        asking.end('body');
      });
      asking.on('response', (answer) => {
        answer.resume().on('end', () => resolve(`${answer.statusCode} ${isTold}`));
      });
      asking.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'error'));
      asking.flushHeaders();
    });
    await bad.close();
    expect([told, seen]).toEqual(['200 true', ['PUT /expects body']]);
  });

  test('what is recalled is remembered of its own route alone: of another all is streamed', async () => {
    const passed: (string | undefined)[] = [];
    const bad = await nock({
      hosts: [host],
      plan: plan({ seed: 1 }, stuckMonitor({ where: '/op' })),
      onPassing: ({ path }) => passed.push(path),
    });
    expect([await byFetch('/op'), await byFetch('/op')]).toEqual(['200 answer 1', '200 answer 1']);
    const reader = (await fetch(`http://${host}/endless`)).body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('begins');
    await reader.cancel();
    await bad.close();
    expect(passed).toEqual(['/op', '/op', '/endless']);
  });

  test('a server that never answers does not keep it from closing', { timeout: 20_000 }, async () => {
    const bad = await make(hangUp({ where: '/never' }));
    expect(await byFetch('/never')).toBe('ECONNRESET');
    await expect.poll(() => seen).toEqual(['GET /never']);
    await bad.close();
  });

  test('a client whose patience was to end has its own again once all is healed', async () => {
    const bad = await make(hangUp({ after: '1h' }), latency({ ms: '2h' }));
    const asking = byFetch('/a');
    await expect.poll(() => bad.run.strikes.length).toBe(2);
    bad.heal();
    expect(await asking).toBe('200 answer 1');
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

  test('one after another, of other hosts too, each does its own; mocks of others do theirs afterwards', async () => {
    const all = [[host], [host, 'pay.example'], ['*.example', host], [host]];
    for (const hosts of all) {
      const bad = await nock({ hosts, plan: plan({ seed: 1 }, status({ where: '/a', status: 503 })) });
      const other = await nock({ hosts: ['pay.example', host], plan: plan({ seed: 1 }, status({ where: '/b', status: 500 })) });
      expect([await byFetch('/a'), await byFetch('/b'), await byHttp('/b')]).toEqual(['503 ', '500 ', '500 ']);
      await bad.close();
      await other.close();
    }
    expect(seen).toEqual([]);
    const { default: library } = await import('nock');
    if (!library.isActive()) library.activate();
    library(`http://${host}`).get('/a').reply(418);
    await expect(make(status())).rejects.toMatchObject({ code: 'already-mocked' });
    expect(await byFetch('/a')).toBe('418 ');
    library.cleanAll();
    library.restore();
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

describe('what goes by https', () => {
  const { key, cert } = certificate();
  let secure: SecureServer;
  let port: number;
  const trusted = getCACertificates();
  /** By node:https, trusting the certificate as a client does that was told to. */
  const ask = (path: string, name = '127.0.0.1'): Promise<string> =>
    new Promise((resolve) => {
      const asking = getSecure({ host: name, port, path, ca: cert, agent: false }, (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
        answer.on('end', () => resolve(`${answer.statusCode} ${text}`));
      });
      asking.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'error'));
    });

  beforeAll(async () => {
    secure = createSecure({ key, cert }, (incoming, outgoing) => {
      seen.push(`${incoming.method} ${incoming.url}`);
      outgoing.end(`answer ${seen.length}`);
    });
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', () => resolve()));
    ({ port } = secure.address() as { port: number });
  });
  afterAll(async () => {
    secure.closeAllConnections();
    await new Promise((resolve) => secure.close(resolve));
  });
  afterEach(() => setDefaultCACertificates(trusted));

  const secured = (...entries: readonly Entry[]): ReturnType<typeof nock> =>
    nock({ hosts: [`127.0.0.1:${port}`, `localhost:${port}`], ca: cert, plan: plan({ seed: 1 }, ...entries) });

  test('a certificate can be made', () => {
    expect(cert).toContain('BEGIN CERTIFICATE');
  });

  test.each<[string, Entry, string, number]>([
    ['nothing', status({ where: '/other' }), '200 answer 1', 2],
    ['a status', status({ nth: 0, status: 503, body: 'no' }), '503 no', 1],
    ['a lost answer: the work was done', lostResponse({ nth: 0 }), 'ECONNRESET', 2],
    ['a late answer', latency({ nth: 0, ms: 20 }), '200 answer 1', 2],
    ['a handshake that fails', tlsFailure({ nth: 0 }), 'EPROTO', 1],
  ])('%s, by node:https, at an address and by a name', async (_, fault, first, came) => {
    for (const name of ['127.0.0.1', 'localhost']) {
      const bad = await secured(fault);
      expect(await ask('/a', name)).toBe(first);
      await ask('/a', name);
      await bad.close();
      expect(seen.splice(0)).toHaveLength(came);
    }
  });

  test('by fetch, trusting whom Node trusts', async () => {
    setDefaultCACertificates([...trusted, cert]);
    const bad = await secured(lostResponse({ nth: 0 }), duplicateRequest({ nth: 1 }));
    const asked = async (): Promise<string> => {
      try {
        return await (await fetch(`https://localhost:${port}/b`)).text();
      } catch (error) {
        return (error as { cause: { code: string } }).cause.code;
      }
    };
    expect(await asked()).toBe('ECONNRESET');
    expect(await asked()).toMatch(/^answer [23]$/);
    await bad.close();
    expect(seen).toHaveLength(3);
  });

  test('a server that is not trusted is refused, and not harmed', async () => {
    const bad = await nock({ hosts: [`127.0.0.1:${port}`], plan: plan({ seed: 1 }, latency({ ms: 1 })) });
    expect(await ask('/c')).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
    await bad.close();
    expect(seen).toEqual([]);
  });
});
