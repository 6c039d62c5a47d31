import { createServer } from 'node:http';
import { describe, expect, test } from 'vitest';
import { demoApp, sqliteStore } from '../../../src/demo/index.ts';
import { count } from '../../../src/effects/index.ts';
import {
  hangUp,
  kill,
  latency,
  lostResponse,
  partition,
  pause,
  plan,
  restart,
  status,
  type Plan,
} from '../../../src/faults/index.ts';
import { HarnessError } from '../../../src/errors.ts';
import { simulate, type Site, type SimulateOptions, type World } from '../../../src/simulate/index.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A job of an hour, as the demo does it. */
const demo = ({ clock, random, fetch }: Site) => {
  const app = demoApp({ clock, random, send: fetch, work: '1h', retryAfter: 2 }).start();
  return { handle: app.handle, close: () => app.close() };
};

/** Looks every two seconds until it has ended; what was lost is looked at again, two seconds later. */
async function poll({ fetch, clock }: World): Promise<{ looks: number; status: string }> {
  const order = (): Promise<Response> =>
    fetch('/reports', {
      method: 'POST',
      headers: { 'idempotency-key': '"one"', 'content-type': 'application/json' },
      body: '{}',
    });
  let accepted = await order().catch(() => undefined);
  while (accepted?.status !== 202) {
    await clock.sleep(2_000);
    accepted = await order().catch(() => undefined);
  }
  const monitor = accepted.headers.get('location')!;
  for (let looks = 1; ; looks++) {
    await clock.sleep(2_000);
    const answer = await fetch(monitor).catch(() => undefined);
    if (answer?.status !== 200) continue;
    const { status: now } = (await answer.json()) as { status: string };
    if (now !== 'queued' && now !== 'running') return { looks, status: now };
  }
}

const bad = (seed: number): Plan =>
  plan(
    { seed },
    lostResponse({ where: 'POST /reports', nth: 0 }),
    status({ status: 503, where: 'GET /operations/*', probability: 0.1 }),
    lostResponse({ where: 'GET /operations/*', probability: 0.1 }),
  );

const world = (options: Partial<SimulateOptions> = {}): SimulateOptions => ({ seed: 1, server: demo, ...options });
const hello = () => () => new Response('hello');
const echo = () => async (request: Request) => new Response(await request.text(), { status: 201 });

describe('simulate', () => {
  test('an hour that is polled every two seconds takes exactly the looks that it should', async () => {
    const { value, took } = await simulate(world(), poll);
    expect(value).toEqual({ looks: 1_800, status: 'succeeded' });
    expect(took).toBe(HOUR_MS);
  });

  test('with faults it takes the same looks, later by what was lost', async () => {
    const { value, trace, strikes, took } = await simulate(world({ plan: bad(1) }), poll);
    // The order was taken at once, its answer lost and asked for again two seconds later: one look fewer is left.
    expect(value.status).toBe('succeeded');
    expect(took % 2_000).toBe(0);
    const looks = trace.observations.filter((o) => o.kind === 'request' && o.source === 'client' && o.method === 'GET');
    expect(looks).toHaveLength(value.looks);
    expect(value.looks).toBe((took - 2_000) / 2_000);
    expect(strikes.length).toBeGreaterThan(200);
  });

  test('the same seed gives the same trace, byte for byte, and another another', async () => {
    const bytes = async (seed: number): Promise<string> =>
      (await simulate(world({ seed, plan: bad(seed) }), poll)).trace.toJSONL();
    const first = await bytes(7);
    expect(await bytes(7)).toBe(first);
    expect(await bytes(8)).not.toBe(first);
  }, 60_000);

  test('a thousand at once', async () => {
    const { value } = await simulate(
      world({
        server: ({ clock }) => {
          const app = demoApp({ clock, work: '1m', workers: 1_000, retryAfter: 2 }).start();
          return { handle: app.handle, close: () => app.close() };
        },
      }),
      ({ fetch, clock }) =>
        Promise.all(
          Array.from({ length: 1_000 }, async () => {
            const accepted = await fetch('/reports', { method: 'POST' });
            for (let looks = 1; ; looks++) {
              await clock.sleep(2_000);
              const answer = (await (await fetch(accepted.headers.get('location')!)).json()) as { status: string };
              if (answer.status === 'succeeded') return looks;
            }
          }),
        ),
    );
    expect(new Set(value)).toEqual(new Set([30]));
  }, 60_000);

  test('who is not there cannot be found, and who is down refuses', async () => {
    const { value } = await simulate(world({ server: hello }), async ({ fetch, kill: end, start }) => {
      const code = (url: string): Promise<unknown> =>
        fetch(url).then(
          (r) => r.status,
          (e: Error) => (e.cause as { code: string }).code,
        );
      const before = [await code('http://nobody.test/'), await code('/')];
      await end('server');
      const down = await code('/');
      await start('server');
      return [...before, down, await code('/')];
    });
    expect(value).toEqual(['ENOTFOUND', 200, 'ECONNREFUSED', 200]);
  });

  test('processes call each other by name, and what they send is recorded as theirs', async () => {
    const { value, trace } = await simulate(
      world({
        server:
          ({ fetch }) =>
          async () =>
            new Response(await (await fetch('http://clerk.test/', { method: 'POST', body: 'a' })).text()),
        others: { clerk: echo },
      }),
      async ({ fetch }) => (await fetch('/')).text(),
    );
    expect(value).toBe('a');
    expect(trace.observations.map(({ source, kind }) => `${source} ${kind}`)).toEqual([
      'client request',
      'server request',
      'server response',
      'client response',
    ]);
  });

  test('one that is killed stops where it waits, and what it was asked breaks off', async () => {
    const done: string[] = [];
    const { value } = await simulate(
      world({
        server:
          ({ clock, lives }) =>
          async () => {
            done.push(`begun ${lives}`);
            await clock.sleep(1_000);
            done.push(`done ${lives}`);
            return new Response(String(lives));
          },
        plan: plan({ seed: 1 }, kill({ target: 'server', from: '500ms', until: '2s' })),
      }),
      async ({ fetch, clock }) => {
        const code = await fetch('/').then(
          () => 'answered',
          (e: Error) => (e.cause as { code: string }).code,
        );
        const at = clock.now();
        await clock.sleep(5_000);
        return [code, at, await (await fetch('/')).text()];
      },
    );
    expect(value).toEqual(['ECONNRESET', 500, '1']);
    expect(done).toEqual(['begun 0', 'begun 1', 'done 1']);
  });

  test('what a killed one was waiting to hear never comes', async () => {
    const heard: string[] = [];
    await simulate(
      world({
        server:
          ({ fetch }) =>
          async () => {
            await fetch('http://slow.test/').then(
              () => heard.push('answered'),
              () => heard.push('failed'),
            );
            return new Response();
          },
        others: {
          slow:
            ({ clock }) =>
            async () => (await clock.sleep(1_000), new Response()),
        },
      }),
      async ({ fetch, clock, crash }) => {
        const asked = fetch('/').catch(() => undefined);
        await clock.sleep(500);
        await crash('server');
        await asked;
        await clock.sleep(5_000);
      },
    );
    expect(heard).toEqual([]);
  });

  test('one that is paused goes on later, and one that is restarted ends in order', async () => {
    const ends: string[] = [];
    const at: number[] = [];
    await simulate(
      world({
        server: ({ clock, lives }) => ({
          handle: async () => {
            await clock.sleep(100);
            at.push(clock.now());
            return new Response();
          },
          close: () => void ends.push(`closed ${lives}`),
        }),
        plan: plan(
          { seed: 1 },
          pause({ target: 'server', from: '50ms', until: '5s' }),
          restart({ target: 'server', from: '10s' }),
        ),
      }),
      async ({ fetch, clock }) => {
        await fetch('/');
        await clock.sleep(20_000);
      },
    );
    expect(at).toEqual([5_000]);
    expect(ends).toEqual(['closed 0', 'closed 1']);
  });

  test.each([
    ['both', 5_000, 5_000],
    ['in', 5_000, 1_000],
    ['out', 5_000, 5_000],
  ] as const)('one that is cut off (%s) is heard of once it is healed', async (way, asked, called) => {
    const heard: [string, number][] = [];
    await simulate(
      world({
        server: ({ fetch, clock }) => {
          void clock.sleep(1_000).then(() => fetch('http://other.test/'));
          return () => new Response();
        },
        others: {
          other:
            ({ clock }) =>
            () => (heard.push(['called', clock.now()]), new Response()),
        },
        plan: plan({ seed: 1 }, partition({ target: 'server', way, from: '100ms', until: '5s' })),
      }),
      async ({ fetch, clock }) => {
        await clock.sleep(200);
        await fetch('/');
        heard.push(['asked', clock.now()]);
      },
    );
    expect(Object.fromEntries(heard)).toEqual({ called, asked });
  });

  test('a plan ends healed: nothing is down or held back afterwards', async () => {
    const { trace } = await simulate(
      world({
        server: hello,
        plan: plan({ seed: 1, until: '3s' }, kill({ target: 'server', from: '1s' }), latency({ ms: '10s', from: '2s' })),
      }),
      async ({ fetch, clock }) => {
        await clock.sleep(2_500);
        await expect(fetch('/')).rejects.toThrow('fetch failed');
        await clock.sleep(1_000);
        expect((await fetch('/')).status).toBe(200);
        expect(clock.now()).toBe(3_500);
      },
    );
    const told = trace.observations
      .filter(({ source }) => source === 'network')
      .map((o) => `${o.kind} ${'fault' in o ? o.fault : ''}`);
    expect(told.toSorted()).toEqual(['fault kill', 'fault latency', 'healed kill', 'healed latency']);
  });

  test('a client that hangs up leaves, and its server hears of it only where it really left', async () => {
    const seen: boolean[] = [];
    const server =
      ({ clock }: Site) =>
      async (request: Request) => {
        await clock.sleep(1_000);
        seen.push(request.signal.aborted);
        return new Response();
      };
    await simulate(world({ server, plan: plan({ seed: 1 }, hangUp({ after: '100ms', nth: 0 })) }), async ({ fetch, clock }) => {
      await expect(fetch('/')).rejects.toThrow('the client has left');
      const leaving = new AbortController();
      clock.after(500, () => leaving.abort());
      await expect(fetch('/', { signal: leaving.signal })).rejects.toThrow('aborted');
      await clock.sleep(5_000);
    });
    expect(seen).toEqual([false, true]);
  });

  test('an unmodified server of Node, in memory: its bytes, its streams, and the clock of the world', async () => {
    const server = ({ clock }: Site) =>
      createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          void clock.sleep(1_500).then(() => {
            response.writeHead(201, { 'content-type': 'text/plain' });
            response.write(`${request.method} ${request.url} ${Buffer.concat(chunks).toString()} `);
            response.end('x'.repeat(100_000));
          });
        });
      });
    const { value } = await simulate(world({ server }), async ({ fetch, clock }) => {
      const answer = await fetch('/a?b=c', { method: 'PUT', body: 'hello' });
      const text = await answer.text();
      return [answer.status, answer.headers.get('date'), text.slice(0, 16), text.length, clock.now()];
    });
    expect(value).toEqual([201, 'Mon, 01 Jan 2024 00:00:01 GMT', 'PUT /a?b=c hello', 100_017, 1_500]);
  });

  test('effects are read and recorded', async () => {
    let rows = 0;
    const { value, trace } = await simulate(
      world({ server: () => () => (rows++, new Response()) }),
      async ({ fetch, settled }) => {
        await fetch('/');
        return settled([count('rows', () => rows)]);
      },
    );
    expect(value).toMatchObject({ isSettled: true, readings: { rows: { count: 1 } } });
    expect(trace.observations.at(-1)).toMatchObject({ source: 'rows', kind: 'value', value: { count: 1 } });
  });

  test('crashes of the demo on one store: what was accepted is done', async () => {
    const store = sqliteStore(':memory:');
    const server = ({ clock, random }: Site) => {
      const app = demoApp({ clock, random, store, work: '1m' }).start();
      return { handle: app.handle, close: () => app.close() };
    };
    const { value } = await simulate(world({ server }), async ({ fetch, clock, crash }) => {
      const accepted = await fetch('/reports', { method: 'POST' });
      await clock.sleep(30_000);
      await crash('server');
      await clock.sleep(2 * MINUTE_MS);
      return (await (await fetch(accepted.headers.get('location')!)).json()) as { status: string };
    });
    expect(value.status).toBe('succeeded');
    await store.close();
  });
});

const refusal = async (work: Promise<unknown>): Promise<HarnessError> => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof HarnessError) return error;
  throw new Error('no HarnessError was thrown', { cause: error });
};

describe('what waits on something real', () => {
  test('is named, where nobody answers', async () => {
    const error = await refusal(
      simulate(world({ server: () => () => new Promise<Response>(() => undefined) }), async ({ fetch }) =>
        fetch('/stuck?secret=1'),
      ),
    );
    expect(error.code).toBe('virtual-deadlock');
    expect(error.message).toContain('without an answer is GET http://server.test/stuck (for 0ms)');
    expect(error.hint).toContain('time-out of their own');
  });

  test('for ever, while others go on, ends with the world', async () => {
    const server = ({ clock }: Site) => {
      const beat = (): void => void clock.after(MINUTE_MS, beat);
      beat();
      return () => new Promise<Response>(() => undefined);
    };
    const error = await refusal(simulate(world({ server, within: '1h' }), async ({ fetch }) => fetch('/stuck')));
    expect(error.code).toBe('world-too-long');
    expect(error.message).toContain('GET http://server.test/stuck (for 1h 1m)');
  });

  test('a timer of the machine in code that takes no clock is told, with its line', async () => {
    const server = () => async () => {
      await new Promise((resolve) => void setTimeout(resolve, 20));
      return new Response();
    };
    const body = async ({ fetch, clock }: World): Promise<unknown> =>
      Promise.race([fetch('/'), clock.sleep(5_000).then(() => Promise.reject(new Error('spurious time-out')))]);
    const error = await refusal(simulate(world({ server }), body));
    expect(error.code).toBe('real-timer');
    expect(error.message).toMatch(
      /setTimeout\(20 ms\) was set on the machine's clock at .*simulate\.test\.ts:\d+.*spurious time-out/,
    );
    const { took } = await simulate(world({ server, globals: 'virtual' }), body);
    expect(took).toBe(20);
  });

  test('globals by the clock and the seed, for code that takes neither', async () => {
    const promises = await import('node:timers/promises');
    const timers = await import('node:timers');
    const before = [
      globalThis.setTimeout,
      globalThis.Date,
      Math.random,
      Object.getOwnPropertyDescriptor(AbortSignal, 'timeout')?.value,
    ];
    const take = async (seed: number): Promise<unknown> =>
      (
        await simulate(world({ seed, server: hello, globals: 'virtual' }), async () => {
          const told: unknown[] = [];
          await promises.setTimeout(1_000);
          told.push(Date.now(), new Date().toISOString(), performance.now());
          const beats = await new Promise<number>((resolve) => {
            let n = 0;
            const timer = setInterval(() => {
              if (++n < 3) return;
              clearInterval(timer);
              resolve(n);
            }, 500);
          });
          const never = timers.setTimeout(() => told.push('never'), 10);
          timers.clearTimeout(never);
          const signal = AbortSignal.timeout(250);
          await new Promise((resolve) => {
            signal.addEventListener('abort', resolve);
          });
          return [...told, beats, (signal.reason as Error).name, performance.now(), new Date(0).getTime(), Math.random()];
        })
      ).value;
    const first = await take(1);
    expect(first).toEqual([
      Date.UTC(2024, 0, 1, 0, 0, 1),
      '2024-01-01T00:00:01.000Z',
      1_000,
      3,
      'TimeoutError',
      2_750,
      0,
      expect.any(Number),
    ]);
    expect(await take(1)).toEqual(first);
    expect(await take(2)).not.toEqual(first);
    expect([
      globalThis.setTimeout,
      globalThis.Date,
      Math.random,
      Object.getOwnPropertyDescriptor(AbortSignal, 'timeout')?.value,
    ]).toEqual(before);
  });

  test('real files are waited for, and cost no virtual time', async () => {
    const { readFile } = await import('node:fs/promises');
    const server = () => async () => new Response(await readFile(new URL(import.meta.url)));
    const { value } = await simulate(world({ server }), async ({ fetch, clock }) => {
      const timer = clock.sleep(1_000);
      const text = await (await fetch('/')).text();
      const at = clock.now();
      await timer;
      return [text.length > 1_000, at];
    });
    expect(value).toEqual([true, 0]);
  });
});

describe('what is refused', () => {
  test.each<[string, Partial<SimulateOptions>, string]>([
    ['a process that is none', { server: hello, others: { other: 1 as never } }, 'invalid-process'],
    ['a start that starts nothing', { server: () => 5 as never }, 'invalid-process'],
    ['a name that is no host', { others: { 'Mail Box': hello } }, 'invalid-process'],
    ['an unknown target', { plan: plan({ seed: 1 }, kill({ target: 'sever', from: '1s' })) }, 'unknown-target'],
  ])('%s', async (_name, options, code) => {
    const error = await refusal(simulate(world(options), () => 1).then(() => 1));
    expect(error.code).toBe(code);
  });
});
