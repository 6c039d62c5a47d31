import { describe, expect, test } from 'vitest';
import {
  delayDelivery,
  dropDelivery,
  duplicateDelivery,
  forgeDelivery,
  kill,
  lostResponse,
  partition,
  pause,
  pinned,
  plan,
  reorderDeliveries,
  restart,
  type Entry,
} from '../../../src/faults/index.ts';
import { containers, faultyFetch, httpProxy, nock, processes, tcpProxy } from '../../../src/inject/index.ts';
import { schemeOf } from '../../../src/probes/signatures.ts';
import { simulate, type Simulated, type Site } from '../../../src/simulate/index.ts';

const SECRET = 'whsec_aG9sZGZhc3QtaG9sZGZhc3QtaG9sZGZhc3Q=';
const standard = schemeOf('standard');

/** Takes an order, and tells its receiver in two signed messages; asks another service meanwhile, by JSON that has no type. */
const shop =
  ({ clock, fetch }: Site) =>
  async (request: Request): Promise<Response> => {
    const order = await request.text();
    await fetch('http://stock.test/reserve', { method: 'POST', body: JSON.stringify({ order }) });
    for (const type of ['order.created', 'order.paid']) {
      const body = new TextEncoder().encode(JSON.stringify({ type, data: { amount: 129 } }));
      const id = `${order}/${type}`;
      const signed = standard.sign({ id, type, timestamp: Math.floor(clock.wall() / 1000), body }, [SECRET]);
      const headers = { 'content-type': 'application/json', ...signed };
      void fetch('http://hook.test/in', { method: 'POST', headers, body });
      await clock.sleep(100);
    }
    return new Response(order, { status: 202 });
  };

interface Told {
  /** What the receiver got: when, of what type, and whether it could be believed. */
  readonly got: readonly string[];
  readonly reserved: number;
  readonly answered: number;
  readonly run: Simulated<unknown>;
}

async function order(...entries: readonly Entry[]): Promise<Told> {
  const got: string[] = [];
  let reserved = 0;
  const run = await simulate(
    {
      seed: 1,
      plan: plan({ seed: 1 }, ...entries),
      server: shop,
      others: {
        stock: () => () => (reserved++, new Response()),
        hook:
          ({ clock }) =>
          async (request) => {
            const body = new Uint8Array(await request.arrayBuffer());
            const { type } = JSON.parse(new TextDecoder().decode(body)) as { type: string };
            const sealed = { header: (name: string) => request.headers.get(name) ?? undefined, body };
            const { genuine } = standard.check(sealed, [SECRET], clock.wall(), 300_000);
            got.push(`${clock.now()} ${type}${genuine ? '' : ' refused'}`);
            return new Response(null, { status: genuine ? 204 : 401 });
          },
      },
    },
    async ({ fetch, clock }) => {
      const { status } = await fetch('/orders', { method: 'POST', body: 'A1' });
      await clock.sleep(5_000);
      return status;
    },
  );
  return { got, reserved, answered: run.value, run };
}

describe('deliveries in a world', () => {
  const BOTH = ['0 order.created', '100 order.paid'];
  test.each<[string, Entry[], readonly string[]]>([
    ['nothing of another type', [dropDelivery({ where: 'cart.*' })], BOTH],
    ['one of its type is lost', [dropDelivery({ where: 'order.paid' })], ['0 order.created']],
    ['one of its type comes twice', [duplicateDelivery({ where: { type: 'order.paid' } })], [...BOTH, '100 order.paid']],
    ['one of its type is late', [delayDelivery({ where: 'order.created', ms: '2s' })], ['100 order.paid', '2000 order.created']],
    ['one is overtaken by the next', [reorderDeliveries({ where: 'order.*', nth: 0 })], ['100 order.paid', '100 order.created']],
    ['one whose signature is forged', [forgeDelivery({ nth: 0 })], ['0 order.created refused', '100 order.paid']],
    [
      'those whose body is forged',
      [forgeDelivery({ what: 'body', where: 'order.*' })],
      ['0 order.created refused', '100 order.paid refused'],
    ],
    [
      'one whose timestamp is forged',
      [forgeDelivery({ what: 'timestamp', nth: 1 })],
      ['0 order.created', '100 order.paid refused'],
    ],
    ['all, and nothing but deliveries', [dropDelivery()], []],
  ])('%s', async (_, entries, expected) => {
    const { got, reserved, answered } = await order(...entries);
    expect(got).toEqual(expected);
    // The order itself, and what the shop asks of another, are no deliveries.
    expect([reserved, answered]).toEqual([1, 202]);
  });

  test('by a route it is about all that goes there', async () => {
    const { reserved, got } = await order(dropDelivery({ where: 'POST http://stock.test/**' }));
    expect([reserved, got]).toEqual([0, BOTH]);
  });

  test('what was struck strikes again when it is pinned', async () => {
    const first = await order(duplicateDelivery({ probability: 0.5 }), dropDelivery({ where: 'order.paid', probability: 0.5 }));
    const again = await order(...pinned({ plan: plan({ seed: 1 }), strikes: first.run.strikes }).entries);
    expect(first.run.strikes.length).toBeGreaterThan(0);
    expect(again.got).toEqual(first.got);
  });
});

/** Asks once a second, ten times: what came of each. */
async function asked(...entries: readonly Entry[]): Promise<{ readonly told: string; readonly run: Simulated<unknown> }> {
  const run = await simulate(
    { seed: 1, plan: plan({ seed: 1 }, ...entries), server: () => () => new Response() },
    async ({ fetch, clock }) => {
      let told = '';
      for (let n = 0; n < 10; n++) {
        const from = clock.now();
        const answer = await fetch(`/${n}`).catch(() => undefined);
        told += answer === undefined ? 'x' : clock.now() - from > 0 ? 'l' : '.';
        await clock.sleep(Math.max(0, 1_000 - (clock.now() - from)));
      }
      return told;
    },
  );
  return { told: run.value, run };
}

const server = 'server';

describe('a process is harmed as a request is sent', () => {
  test.each<[string, Entry[], string]>([
    ['by its number', [kill({ target: server, nth: 3 })], '...xxxxxxx'],
    ['until a moment', [kill({ target: server, nth: 3, until: '6s' })], '...xxx....'],
    ['of one route', [kill({ target: server, where: 'GET /4', until: '6s' })], '....xx....'],
    ['from a moment on', [kill({ target: server, where: '/*', from: '7s' })], '.......xxx'],
    ['once', [pause({ target: server, every: 2, times: 1, until: '2500ms' })], '.l........'],
    ['without where all is by time', [kill({ target: server, from: '2s', until: '4s' })], '..xx......'],
    // Cut off at 0 by one and at 1 by another, it is not back before both are over.
    [
      'by two, until the second is over',
      [kill({ target: server, nth: 0, until: '5s' }), kill({ target: server, nth: 1, until: '3s' })],
      'xxxxx.....',
    ],
    [
      'by moments that overlap, until the last is over',
      [kill({ target: server, from: '1500ms', until: '5s' }), kill({ target: server, from: '1600ms', until: '3s' })],
      '..xxx.....',
    ],
  ])('%s', async (_, entries, expected) => {
    expect((await asked(...entries)).told).toBe(expected);
  });

  test('by chance, from the seed, and the same when what struck is pinned', async () => {
    const fault = kill({ target: server, probability: 0.3, until: '8s' });
    const { told, run } = await asked(fault);
    expect(told).toMatch(/^\.+x+\.+$/);
    expect((await asked(fault)).told).toBe(told);
    expect(run.strikes.length).toBeGreaterThan(0);
    const pins = pinned({ plan: run.strikes.length > 0 ? plan({ seed: 1 }, fault) : plan({}), strikes: run.strikes });
    expect(pins.entries.map(({ when }) => when)).toEqual(run.strikes.map(({ nth }) => ({ nth: [nth], until: 8_000 })));
    expect((await asked(...pins.entries)).told).toBe(told);
  });

  test('what undoes itself is over at once, and the world ends healed', async () => {
    const { told, run } = await asked(
      restart({ target: server, nth: 2 }),
      partition({ target: server, nth: 8, until: '8500ms' }),
    );
    expect(told).toBe('........l.');
    const network = run.trace.observations.filter(({ source }) => source === 'network');
    expect(network.map((one) => `${one.at} ${one.kind} ${'fault' in one ? one.fault : ''}`)).toEqual([
      '2000 fault restart',
      '2000 healed restart',
      '8000 fault partition',
      '8500 healed partition',
    ]);
  });

  test('the sender that is killed in the middle of its work sends what it was sending', async () => {
    const calls: string[] = [];
    const { value } = await simulate(
      {
        seed: 1,
        plan: plan({ seed: 1 }, kill({ target: server, where: 'POST http://pay.test/**', nth: 0, until: '1s' })),
        server:
          ({ fetch }) =>
          async () => {
            await fetch('http://pay.test/charges', { method: 'POST' });
            await fetch('http://pay.test/receipts', { method: 'POST' });
            return new Response();
          },
        others: {
          pay:
            () =>
            ({ url }) => (calls.push(new URL(url).pathname), new Response()),
        },
      },
      async ({ fetch, clock }) => {
        const first = await fetch('/').then(
          () => 'answered',
          (error: { cause: { code: string } }) => error.cause.code,
        );
        await clock.sleep(2_000);
        return [first, (await fetch('/')).status];
      },
    );
    expect(value).toEqual(['ECONNRESET', 200]);
    expect(calls).toEqual(['/charges', '/charges', '/receipts']);
  });

  test('what is harmed is undone in the reverse order, and all of it where one cannot be', async () => {
    const ups: string[] = [];
    const start = (name: string) => () => {
      ups.push(name);
      if (name === 'b' && ups.filter((one) => one === 'b').length === 2) throw new Error('b does not start again');
      return () => new Response();
    };
    const plans = plan({ seed: 1 }, ...['a', 'b', 'c'].map((target) => kill({ target, from: '1s' })));
    const failing = simulate(
      { seed: 1, plan: plans, server: start('server'), others: { a: start('a'), b: start('b'), c: start('c') } },
      ({ clock }) => clock.sleep(2_000),
    );
    await expect(failing).rejects.toThrow('b does not start again');
    expect(ups.slice(-3)).toEqual(['c', 'b', 'a']);
  });
});

describe('who does not see what a fault waits for refuses it', () => {
  const struck = plan({ seed: 1 }, kill({ target: 'it', where: 'POST /orders', nth: 2 }));
  const typed = plan({ seed: 1 }, lostResponse({ where: { type: 'order.paid' } }));
  test.each<[string, () => unknown, string]>([
    [
      'processes',
      () => processes({ targets: {}, plan: struck }),
      "process sees no request or message.*\n {2}'kill POST /orders'",
    ],
    ['containers', () => containers({ targets: {}, plan: struck }), 'container sees no request or message'],
    ['a proxy for HTTP', () => httpProxy({ to: 'http://127.0.0.1:9', plan: typed }), 'http-proxy does not read of what type'],
    ['a proxy for TCP', () => tcpProxy({ to: '127.0.0.1:9', plan: typed }), 'tcp-proxy does not read of what type'],
    ['nock', () => nock({ hosts: ['a.example'], plan: typed }), 'nock does not read of what type'],
    ['fetch, of a process', () => faultyFetch({ plan: struck }), 'fetch cannot do all of this plan'],
  ])('%s', async (_, make, message) => {
    await expect((async () => make())()).rejects.toMatchObject({
      code: 'cannot-inject',
      message: expect.stringMatching(message) as string,
    });
  });
});
